//! Where a request goes on: to an operation of this process, to a service elsewhere, or, by an
//! operator's rule, to any other system.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use hanse_http::{KernelError, MountError, Operation, Outline, Placed, Routes, Shape, Table};
use hanse_upstream::Upstream;
use http::Method;

use crate::rules::Rules;

/// What serves an operation.
pub(crate) enum Target {
    Here(Arc<Operation>),
    Elsewhere(Arc<Shape>, Upstream),
}

impl Placed for Target {
    fn shape(&self) -> &Shape {
        match self {
            Self::Here(operation) => operation.as_ref(),
            Self::Elsewhere(shape, _) => shape,
        }
    }
}

/// Finds the way of a request. Clones share the rules.
#[derive(Clone)]
pub struct Router {
    inner: Arc<Inner>,
}

struct Inner {
    table: Table<Target>,
    /// Services elsewhere by their first segment, for operations newer than this gateway.
    segments: BTreeMap<String, (&'static str, Upstream)>,
    rules: ArcSwap<Rules>,
}

impl Router {
    /// A router to the operations of this process and to services elsewhere.
    ///
    /// # Errors
    /// [`MountError`] when two operations collide.
    pub fn new<'a>(
        here: impl IntoIterator<Item = &'a Routes>,
        elsewhere: impl IntoIterator<Item = (Outline, Upstream)>,
    ) -> Result<Self, MountError> {
        let local = here.into_iter().flat_map(Routes::operations).cloned().map(Target::Here);
        let mut targets: Vec<Target> = local.collect();
        let mut segments = BTreeMap::new();
        for (outline, upstream) in elsewhere {
            for shape in outline.shapes() {
                if let Some(segment) = segment(&shape.path) {
                    let place = (outline.service(), upstream.clone());
                    segments.entry(segment.to_owned()).or_insert(place);
                }
                targets.push(Target::Elsewhere(Arc::clone(shape), upstream.clone()));
            }
        }
        for segment in targets.iter().filter_map(|target| match target {
            Target::Here(operation) => segment(&operation.path),
            Target::Elsewhere(..) => None,
        }) {
            segments.remove(segment);
        }
        let table = Table::of(targets)?;
        Ok(Self { inner: Arc::new(Inner { table, segments, rules: ArcSwap::default() }) })
    }

    /// Replaces the operator's rules. Requests under way keep the way they have found.
    pub fn replace_rules(&self, rules: Rules) {
        self.inner.rules.store(Arc::new(rules));
    }

    pub(crate) fn rules(&self) -> arc_swap::Guard<Arc<Rules>> {
        self.inner.rules.load()
    }

    pub(crate) fn find(&self, method: &Method, path: &str) -> Result<Way<'_>, KernelError> {
        match self.inner.table.look_up(method, path) {
            Ok(found) => Ok(match found.entry {
                Target::Here(operation) => Way::Here(Arc::clone(operation), found.params()),
                Target::Elsewhere(shape, upstream) => Way::Elsewhere(shape.id, upstream),
            }),
            // The service may be newer than we are: it says itself what it does not know.
            Err(KernelError::UnknownAddress) => segment(path)
                .and_then(|name| self.inner.segments.get(name))
                .map(|(service, upstream)| Way::Elsewhere(service, upstream))
                .ok_or(KernelError::UnknownAddress),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn methods(&self, path: &str) -> Vec<Method> {
        self.inner.table.methods(path)
    }
}

/// The way of a request.
pub(crate) enum Way<'a> {
    Here(Arc<Operation>, Vec<String>),
    Elsewhere(&'static str, &'a Upstream),
}

/// The segment that names a resource.
fn segment(path: &str) -> Option<&str> {
    path.strip_prefix("/api/v1/")?.split('/').next()
}
