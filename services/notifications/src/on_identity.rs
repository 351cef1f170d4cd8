//! What identity tells us of people, and what it asks us to tell them.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use hanse_contracts::identity::{
    MembershipsChanged, MessageRequested, UserDeleted, UserRegistered, UserUpdated,
};
use hanse_events::{Event, Handler, HandlerResult};
use hanse_store::Tx;

use crate::desk::{Desk, Post, addressee};
use crate::{list, people};

pub(crate) async fn user_registered(tx: &mut Tx, event: Event<UserRegistered>) -> HandlerResult {
    let UserRegistered { user_id, email, name } = event.data;
    Ok(people::learn(tx, user_id, &email, &name).await?)
}

pub(crate) async fn user_updated(tx: &mut Tx, event: Event<UserUpdated>) -> HandlerResult {
    let UserUpdated { user_id, email, name, .. } = event.data;
    Ok(people::learn(tx, user_id, &email, &name).await?)
}

pub(crate) async fn memberships_changed(
    tx: &mut Tx,
    event: Event<MembershipsChanged>,
) -> HandlerResult {
    let MembershipsChanged { user_id, roles, groups } = event.data;
    Ok(people::join(tx, user_id, &roles, &groups).await?)
}

pub(crate) async fn user_deleted(tx: &mut Tx, event: Event<UserDeleted>) -> HandlerResult {
    let owner = event.data.user_id;
    hanse_runtime::erase(tx, owner).await?;
    Ok(list::delete_all(tx, owner).await?)
}

/// Takes in the messages that identity asks for.
pub(crate) struct OnMessageRequested(pub(crate) Desk);

impl<'a> Handler<'a, Event<MessageRequested>> for OnMessageRequested {
    type Future = BoxFuture<'a, HandlerResult>;

    fn call(&self, tx: &'a mut Tx, event: Event<MessageRequested>) -> Self::Future {
        let desk = self.0.clone();
        async move {
            let MessageRequested { user_id, message } = event.data;
            let person = addressee(tx, user_id).await?;
            let cause = format!("identity.MessageRequested {}", event.id);
            let post =
                Post { person: &person, message: &message, cause: Some(&cause), sending: None };
            if desk.post(tx, &post).await? {
                list::tell(tx, user_id, user_id).await?;
            }
            Ok(())
        }
        .boxed()
    }
}
