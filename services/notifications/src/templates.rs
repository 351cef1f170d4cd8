//! Finding the template of a type: the operator's newest, or the one that is built in.

use hanse_store::{Json, Result, Tx, params};

use crate::template::Template;

/// The language of last resort.
pub(crate) const ENGLISH: &str = "en";

macro_rules! built_in {
    ($($kind:literal),* $(,)?) => {
        /// The types that are built in.
        #[cfg(test)]
        pub(crate) const BUILT_IN: &[&str] = &[$($kind),*];

        fn file(kind: &str, german: bool) -> Option<&'static str> {
            match (kind, german) {
                $(
                    ($kind, false) => Some(include_str!(concat!("../templates/", $kind, ".en.txt"))),
                    ($kind, true) => Some(include_str!(concat!("../templates/", $kind, ".de.txt"))),
                )*
                _ => None,
            }
        }
    };
}
built_in!(
    "identity.verify_email",
    "identity.reset_password",
    "identity.email_changed",
    "identity.password_changed",
    "identity.new_device",
    "identity.factor_added",
    "identity.passkey_added",
    "identity.passkey_refused",
    "identity.link_added",
    "identity.sign_in_code",
    "identity.account_exists",
    "notifications.announcement",
    "notifications.digest",
);

/// The built-in template of a type in a language.
pub(crate) fn built_in(kind: &str, locale: &str) -> Option<Template> {
    Template::read(file(kind, language(locale) == "de")?)
}

/// `de` of `de-AT`.
fn language(locale: &str) -> &str {
    locale.split('-').next().unwrap_or(locale)
}

const NEWEST: &str = "SELECT template, version FROM notification_templates
    WHERE type = $1 AND locale = $2 ORDER BY version DESC LIMIT 1";
const SAVE: &str =
    "INSERT INTO notification_templates (type, locale, version, template, created_at)
    VALUES ($1, $2, $3, $4, $5)";

/// The operator's newest template of just this type and locale, with its version.
pub(crate) async fn own(tx: &mut Tx, kind: &str, locale: &str) -> Result<Option<(Template, i64)>> {
    let Some(row) = tx.optional(NEWEST, params![kind, locale]).await? else { return Ok(None) };
    let template: Json<Template> = row.at(0)?;
    Ok(Some((template.0, row.at(1)?)))
}

/// The template of a type for somebody of this locale: the operator's for the locale, for its language,
/// for the platform's own locale, then the built-in one.
pub(crate) async fn find(
    tx: &mut Tx,
    kind: &str,
    locale: &str,
    fallback: &str,
) -> Result<Option<Template>> {
    let mut seen = Vec::new();
    for locale in [locale, language(locale), fallback, ENGLISH] {
        if seen.contains(&locale) {
            continue;
        }
        seen.push(locale);
        if let Some((template, _)) = own(tx, kind, locale).await? {
            return Ok(Some(template));
        }
        if ["en", "de"].contains(&locale)
            && let Some(template) = built_in(kind, locale)
        {
            return Ok(Some(template));
        }
    }
    Ok(None)
}

/// Stores a template as this version.
pub(crate) async fn save(
    tx: &mut Tx,
    kind: &str,
    locale: &str,
    version: i64,
    template: &Template,
) -> Result<()> {
    let params = params![kind, locale, version, Json(template), tx.now()];
    tx.execute(SAVE, params).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_template_can_be_read_in_both_languages() {
        for kind in BUILT_IN {
            let (english, german) =
                (built_in(kind, "en").unwrap(), built_in(kind, "de-AT").unwrap());
            english.check().unwrap();
            german.check().unwrap();
            assert_eq!(english.channels, german.channels, "{kind}");
        }
    }
}
