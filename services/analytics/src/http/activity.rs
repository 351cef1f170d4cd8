//! `GET /analytics/activity`.

use hanse_http::{Cx, Json, Page, PageQuery, Query};
use hanse_store::{StoreError, Tx};
use uuid::Uuid;

use crate::activity::{self, Activity};
use crate::retention::horizon;
use crate::{AnalyticsError, App};

pub(crate) async fn list_activity(
    cx: Cx<App>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Activity>>, AnalyticsError> {
    let owner = cx.user_id();
    let before: Option<Uuid> = cx.open_cursor(query.cursor.as_deref())?;
    let since = horizon(cx.now(), cx.app.config.log_days);
    let mut items = cx
        .read::<_, StoreError, _>(async |tx: &mut Tx| {
            activity::page(tx, owner, before, since, query.limit + 1).await
        })
        .await?;
    let more = items.len() > query.limit as usize;
    items.truncate(query.limit as usize);
    let next = items.last().filter(|_| more).map(|last| cx.seal_cursor(&last.id));
    Ok(Json(Page { items, next }))
}
