//! Reading, writing and trying templates.

use garde::Validate;
use hanse_http::{Answered, Body, Cx, Json, Query, Tagged};
use hanse_store::Tx;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::NotificationError;
use crate::template::{Note, Page, RenderError, Template, Values};
use crate::templates;
use crate::{App, checks};

/// Which template.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhichTemplate {
    /// The type.
    #[serde(rename = "type")]
    #[garde(length(min = 3, max = 100), custom(checks::type_name))]
    kind: String,
    /// The language.
    #[serde(default = "english")]
    #[garde(length(min = 2, max = 35), custom(checks::locale))]
    locale: String,
}

fn english() -> String {
    templates::ENGLISH.into()
}

/// A template to be stored.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(example = example())]
pub(crate) struct NewTemplate {
    /// The type.
    #[serde(rename = "type")]
    #[garde(length(min = 3, max = 100), custom(checks::type_name))]
    kind: String,
    /// The language.
    #[serde(default = "english")]
    #[garde(length(min = 2, max = 35), custom(checks::locale))]
    locale: String,
    /// The template.
    #[garde(dive)]
    template: Template,
}

pub(crate) async fn get_template(
    cx: Cx<App>,
    Query(which): Query<WhichTemplate>,
) -> Result<Tagged<Template>, NotificationError> {
    cx.read(async |tx: &mut Tx| {
        let WhichTemplate { kind, locale } = &which;
        if let Some((value, version)) = templates::own(tx, kind, locale).await? {
            return Ok(Tagged { version, value });
        }
        let unknown = || NotificationError::UnknownTemplate(kind.clone());
        let value = templates::built_in(kind, locale).ok_or_else(unknown)?;
        Ok(Tagged { version: 0, value })
    })
    .await
}

pub(crate) async fn replace_template(
    cx: Cx<App>,
    Body(new): Body<NewTemplate>,
) -> Result<Answered<Tagged<Template>>, NotificationError> {
    new.template.check().map_err(refused)?;
    let if_match = cx.if_match();
    cx.write(async move |tx: &mut Tx| {
        let before = templates::own(tx, &new.kind, &new.locale).await?;
        let version = before.map_or(0, |(_, version)| version);
        if_match.check(version)?;
        templates::save(tx, &new.kind, &new.locale, version + 1, &new.template).await?;
        Ok(Tagged { version: version + 1, value: new.template })
    })
    .await
}

/// A template to be tried.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(example = preview_example())]
pub(crate) struct TryTemplate {
    /// The template.
    #[garde(dive)]
    template: Template,
    /// Its values.
    #[serde(default)]
    #[garde(length(max = 50), custom(checks::values))]
    values: Values,
}

/// What a template makes of some values.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Preview {
    /// For lists, telephones and browsers.
    note: Note,
    /// For letters.
    letter: Page,
}

pub(crate) async fn preview_template(
    _cx: Cx<App>,
    Body(tried): Body<TryTemplate>,
) -> Result<Json<Preview>, NotificationError> {
    let note = tried.template.note(&tried.values).map_err(refused)?;
    let letter = tried.template.page(&tried.values, &[]).map_err(refused)?;
    Ok(Json(Preview { note, letter }))
}

fn refused(error: RenderError) -> NotificationError {
    NotificationError::Template(error.to_string())
}

fn example() -> Value {
    json!({
        "type": "notifications.announcement", "locale": "en",
        "template": {
            "channels": ["in_app"], "subject": "{{ title }}", "short": "{{ text }}",
            "text": "Hello {{ name }},\n\n{{ text }}",
        },
    })
}

fn preview_example() -> Value {
    json!({
        "template": {
            "channels": ["in_app"], "subject": "{{ title }}", "short": "{{ title }}", "text": "{{ title }}",
        },
        "values": { "title": "The harbour is closed" },
    })
}
