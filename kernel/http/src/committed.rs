//! Refusals after which what was written stays.

use std::marker::PhantomData;

use crate::dispatch::Context;
use crate::error::{ApiError, Problem};
use crate::reply::{Answer, OperationDoc, Reply};

/// The answer of an operation that writes, or a refusal that does not undo it: a code that was shown is
/// used up, although what it was shown for cannot be had. An error of the operation, in contrast, rolls
/// its transaction back.
#[derive(Debug)]
pub struct Committed<R, E> {
    outcome: Result<R, Answer>,
    refusal: PhantomData<fn() -> E>,
}

impl<R: Reply, E: ApiError> Committed<R, E> {
    /// What was asked for.
    pub fn done(reply: R) -> Self {
        Self { outcome: Ok(reply), refusal: PhantomData }
    }

    /// A refusal of this request.
    pub fn refused(error: &E, context: &Context) -> Self {
        let answer = Problem::of(error).answer(context.request_id);
        Self { outcome: Err(answer), refusal: PhantomData }
    }
}

impl<R: Reply, E: ApiError> Reply for Committed<R, E> {
    fn describe(doc: &mut OperationDoc) {
        R::describe(doc);
        doc.problems.extend(E::codes());
    }

    fn answer(self) -> Answer {
        self.outcome.map_or_else(|answer| answer, Reply::answer)
    }
}
