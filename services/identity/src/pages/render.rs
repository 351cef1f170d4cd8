//! Templates and how they become pages.

use hanse_http::{Html, Style};
use hanse_runtime::BoxError;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, context};

const STYLE: Style = Style(include_str!("templates/style.css"));

/// Steps that a template may take: pages are short.
const FUEL: u64 = 50_000;

const TEMPLATES: [(&str, &str); 14] = [
    ("layout.html", include_str!("templates/layout.html")),
    ("sign_in.html", include_str!("templates/sign_in.html")),
    ("consent.html", include_str!("templates/consent.html")),
    ("device.html", include_str!("templates/device.html")),
    ("sign_out.html", include_str!("templates/sign_out.html")),
    ("link.html", include_str!("templates/link.html")),
    ("message.html", include_str!("templates/message.html")),
    ("second_factor.html", include_str!("templates/second_factor.html")),
    ("enrolment.html", include_str!("templates/enrolment.html")),
    ("new_password.html", include_str!("templates/new_password.html")),
    ("passkey.html", include_str!("templates/passkey.html")),
    ("forgotten.html", include_str!("templates/forgotten.html")),
    ("reset.html", include_str!("templates/reset.html")),
    ("verify.html", include_str!("templates/verify.html")),
];

/// The pages of this service.
pub(crate) struct Pages {
    templates: Environment<'static>,
}

impl Pages {
    /// Reads the templates.
    pub(crate) fn new() -> Result<Self, BoxError> {
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        templates.set_auto_escape_callback(|_| AutoEscape::Html);
        templates.set_fuel(Some(FUEL));
        for (name, text) in TEMPLATES {
            templates.add_template(name, text)?;
        }
        Ok(Self { templates })
    }

    /// A page. `leads_to` is where what is submitted may go in the end ([`Html::page`]).
    pub(crate) fn page(
        &self,
        status: u16,
        template: &str,
        values: Value,
        leads_to: Option<&str>,
    ) -> Html {
        let values = context! { style => STYLE.0, ..values };
        let made = self.templates.get_template(template).and_then(|t| t.render(values));
        match made {
            Ok(body) => Html::page(status, body, STYLE, leads_to),
            Err(error) => {
                // Templates and values are ours: the first test of the page shows it.
                tracing::error!(template, %error, "a page could not be made");
                Html::page(500, "<!doctype html><title>Hanse</title>".into(), STYLE, None)
            }
        }
    }
}

/// A page that only says something.
pub(crate) fn message(pages: &Pages, status: u16, title: &str, text: &str) -> Html {
    pages.page(status, "message.html", context! { title, text }, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hanse_http::serde_json;

    /// INJ-14: what people and programs call themselves is text on every page.
    #[test]
    fn everything_is_escaped() {
        let pages = Pages::new().unwrap();
        let evil = "\"><script>alert(1)</script>'{{ 7*7 }}";
        for (template, _) in TEMPLATES {
            let scopes = vec![evil];
            let issuers: Vec<Value> = vec![context! { address => evil, name => evil }];
            let button = context! {
                link => "", action => evil, name => evil, value => evil, text => evil,
            };
            let ways = vec![button, context! { link => evil, text => evil }];
            let values = context! {
                title => evil, problem => evil, client => evil, email => evil, csrf => evil,
                next => evil, pending => evil, scopes, user_code => evil, client_id => evil,
                redirect => evil, state => evil, text => evil, issuers, name => evil,
                factor => evil, label => evil, options => evil, way => evil, back => evil, ways,
                secret => evil, uri => evil, codes => vec![evil],
            };
            let values = context! { style => "", ..values };
            let made = pages.templates.get_template(template).unwrap().render(values).unwrap();
            // The one script is a file of ours.
            let made = made.replace("<script src=\"/oauth/passkey.js\" defer></script>", "");
            assert!(!made.contains("<script"), "{template}: {made}");
            assert!(!made.contains("\"><"), "{template}: {made}");
            assert!(!made.contains("49"), "{template}: {made}");
        }
        drop(serde_json::Value::Null);
    }
}
