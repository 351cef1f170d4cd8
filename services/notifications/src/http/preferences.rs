//! What a person wants to hear of.

use hanse_http::{Answered, Body, Cx, Tagged};
use hanse_store::Tx;

use crate::App;
use crate::error::NotificationError;
use crate::preferences::{self, Preferences};

pub(crate) async fn get_notification_preferences(
    cx: Cx<App>,
) -> Result<Tagged<Preferences>, NotificationError> {
    let owner = cx.user_id();
    cx.read(async |tx: &mut Tx| {
        let (value, version) = preferences::find(tx, owner).await?;
        Ok(Tagged { version, value })
    })
    .await
}

pub(crate) async fn replace_notification_preferences(
    cx: Cx<App>,
    Body(new): Body<Preferences>,
) -> Result<Answered<Tagged<Preferences>>, NotificationError> {
    let (owner, if_match) = (cx.user_id(), cx.if_match());
    new.check()?;
    cx.write(async move |tx: &mut Tx| {
        let (_, version) = preferences::find(tx, owner).await?;
        if_match.check(version)?;
        preferences::save(tx, owner, &new, version + 1).await?;
        Ok(Tagged { version: version + 1, value: new })
    })
    .await
}
