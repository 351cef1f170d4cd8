//! What a message says: templates, and how they are rendered (INJ-07).
//!
//! A template has a subject, a short form for lists and telephones, a text, and perhaps one action with
//! a link. Values are only values: a template is never made from what a person wrote. A template can
//! neither include anything nor call anything, has little fuel, and fails where a value is missing.
//! HTML is made from the same text, with every value escaped.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use garde::Validate;
use minijinja::value::Value as Jinja;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::channel::Channel;

/// Steps of one rendering.
const FUEL: u64 = 20_000;
/// Largest rendering of one part, in bytes.
const LARGEST: usize = 128 * 1024;

/// A template of one type and locale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NotificationTemplate", example = example())]
pub struct Template {
    /// The channels that it is for, when nobody says otherwise.
    #[garde(length(min = 1, max = 5))]
    pub channels: Vec<Channel>,
    /// The subject, in one line. `{{ name }}` stands for the value `name`.
    #[garde(length(bytes, min = 1, max = 500))]
    pub subject: String,
    /// The short form, for lists, telephones and browsers.
    #[garde(length(bytes, min = 1, max = 1_000))]
    pub short: String,
    /// The text. An empty line parts paragraphs.
    #[garde(length(bytes, min = 1, max = 32_768))]
    pub text: String,
    /// What to do about it.
    #[garde(dive)]
    pub action: Option<Action>,
}

/// What to do about a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// Where, as a template.
    #[garde(length(bytes, min = 1, max = 1_000))]
    pub link: String,
    /// What the button says.
    #[garde(length(bytes, min = 1, max = 200))]
    pub label: String,
}

/// Values of a template.
pub(crate) type Values = BTreeMap<String, String>;

/// The form of a message for lists and telephones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Note {
    /// The subject.
    pub title: String,
    /// The short form.
    pub body: String,
    /// Where the action leads.
    pub link: Option<String>,
}

/// The form of a message for letters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Page {
    /// The subject.
    pub subject: String,
    /// The text.
    pub text: String,
    /// The same as HTML.
    pub html: String,
}

/// A template cannot be rendered.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct RenderError(String);

impl Template {
    /// The note that these values make.
    ///
    /// # Errors
    /// [`RenderError`] when a value is missing or the template is wrong.
    pub(crate) fn note(&self, values: &Values) -> Result<Note, RenderError> {
        Ok(Note {
            title: one_line(&render("subject", &self.subject, values)?),
            body: render("short", &self.short, values)?,
            link: self.link(values),
        })
    }

    /// The letter that these values make.
    ///
    /// # Errors
    /// As [`Template::note`].
    pub(crate) fn page(
        &self,
        values: &Values,
        footer: &[(String, String)],
    ) -> Result<Page, RenderError> {
        let subject = one_line(&render("subject", &self.subject, values)?);
        let mut text = render("text", &self.text, values)?;
        let paragraphs = render("text.html", &self.text, values)?;
        let mut html =
            String::from("<!doctype html><html><head><meta charset=\"utf-8\"></head><body>");
        for paragraph in paragraphs.split("\n\n").map(str::trim).filter(|text| !text.is_empty()) {
            html.push_str(&format!("<p>{}</p>", paragraph.replace('\n', "<br>")));
        }
        if let (Some(action), Some(link)) = (&self.action, self.link(values)) {
            text.push_str(&format!("\n\n{}: {link}", action.label));
            let (link, label) = (escaped(&link), escaped(&action.label));
            html.push_str(&format!("<p><a href=\"{link}\">{label}</a></p>"));
        }
        for (label, link) in footer {
            text.push_str(&format!("\n\n-- \n{label}: {link}"));
            let (link, label) = (escaped(link), escaped(label));
            html.push_str(&format!("<hr><p><small><a href=\"{link}\">{label}</a></small></p>"));
        }
        text.push('\n');
        html.push_str("</body></html>");
        Ok(Page { subject, text, html })
    }

    /// Where the action leads, if all it needs is there and it is an address of the web.
    fn link(&self, values: &Values) -> Option<String> {
        let link = render("link", &self.action.as_ref()?.link, values).ok()?;
        let web = link.starts_with("https://") || link.starts_with("http://");
        (web && link.len() <= 2048 && link.bytes().all(|byte| byte.is_ascii_graphic()))
            .then_some(link)
    }

    /// Can what it says in lists depend on a value of this name?
    pub(crate) fn mentions(&self, name: &str) -> bool {
        let link = self.action.as_ref().map_or("", |action| &action.link);
        [&self.subject, &self.short, link].iter().any(|part| part.contains(name))
    }

    /// Refuses a template that no values can make work.
    ///
    /// # Errors
    /// [`RenderError`].
    pub(crate) fn check(&self) -> Result<(), RenderError> {
        let action = self.action.as_ref().map(|action| ("link", &action.link));
        let parts = [("subject", &self.subject), ("short", &self.short), ("text", &self.text)];
        for (name, source) in parts.into_iter().chain(action) {
            ENVIRONMENT.template_from_named_str(name, source).map_err(|error| plain(&error))?;
        }
        Ok(())
    }

    /// A template as it stands in a file of ours: lines of `name: value`, `---`, the text.
    pub(crate) fn read(file: &str) -> Option<Self> {
        let (head, text) = file.split_once("---\n")?;
        let field =
            |name: &str| head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        let channels = field("channels")?.split(' ').map(Channel::parse).collect::<Option<_>>()?;
        let action = field("action").and_then(|line| line.split_once(" = "));
        Some(Self {
            channels,
            subject: field("subject")?.into(),
            short: field("short")?.into(),
            text: text.trim_end().into(),
            action: action.map(|(link, label)| Action { link: link.into(), label: label.into() }),
        })
    }
}

/// Made once: it holds no template and no value, only what the language knows.
static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(environment);

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(20);
    environment.set_auto_escape_callback(|name| {
        if name.ends_with(".html") { AutoEscape::Html } else { AutoEscape::None }
    });
    environment
}

fn render(name: &str, source: &str, values: &Values) -> Result<String, RenderError> {
    let values = values.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let template =
        ENVIRONMENT.template_from_named_str(name, source).map_err(|error| plain(&error))?;
    let mut out = Bounded(Vec::new());
    template
        .render_captured_to(Jinja::from_pairs(values), &mut out)
        .map_err(|error| plain(&error))?;
    String::from_utf8(out.0).map_err(|_| RenderError("it is not UTF-8".into()))
}

/// Output that ends where it gets too large.
struct Bounded(Vec<u8>);

impl std::io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.len() + bytes.len() > LARGEST {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What is wrong, without the values.
fn plain(error: &minijinja::Error) -> RenderError {
    let line = error.line().map_or(String::new(), |line| format!(" in line {line}"));
    RenderError(format!("{}{line}", error.kind()))
}

fn one_line(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(300).collect()
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#x27;")
}

fn example() -> Value {
    json!({
        "channels": ["in_app", "email"], "subject": "{{ title }}", "short": "{{ text }}",
        "text": "Hello {{ person }},\n\n{{ text }}",
        "action": { "link": "{{ link }}", "label": "Read more" },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(text: &str) -> Template {
        Template {
            channels: vec![Channel::Email],
            subject: "About {{ a }}".into(),
            short: "{{ a }}".into(),
            text: text.into(),
            action: Some(Action { link: "{{ link }}".into(), label: "Go".into() }),
        }
    }

    fn values(pairs: &[(&str, &str)]) -> Values {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    /// INJ-07: a value is never a template, and never markup.
    #[test]
    fn values_are_only_values() {
        for attack in [
            "{{7*7}}",
            "{% for i in range(9) %}x{% endfor %}",
            "{{ self }}",
            "<script>alert(1)</script>",
            "\"><img src=x onerror=alert(1)>",
            "</p></body>",
            "{# x #}",
            "{% include '/etc/passwd' %}",
        ] {
            let values = values(&[("a", attack), ("link", "javascript:alert(1)")]);
            let page = template("Hello {{ a }}").page(&values, &[]).unwrap();
            assert_eq!(page.text, format!("Hello {attack}\n"));
            assert!(!page.html.contains("<script") && !page.html.contains("<img"), "{}", page.html);
            assert!(!page.html.contains("javascript:"), "{}", page.html);
            assert_eq!(page.html.matches("</body>").count(), 1, "{}", page.html);
        }
        let values = values(&[("a", "b"), ("link", "https://x/?a=\"><script>")]);
        let page = template("x").page(&values, &[]).unwrap();
        assert!(page.html.contains("https://x/?a=&quot;&gt;&lt;script&gt;"), "{}", page.html);
    }

    /// INJ-07: a template has little fuel, and reaches nothing.
    #[test]
    fn a_template_cannot_run_away_or_reach_out() {
        for wrong in [
            "{% for i in range(100000) %}{% for j in range(100000) %}x{% endfor %}{% endfor %}",
            "{% for i in range(1000000000) %}x{% endfor %}",
            "{{ 'x' * 1000000000 }}",
            "{{ range(10000000000) }}",
            "{% include 'text' %}",
            "{% extends 'text' %}",
            "{% import 'text' as t %}",
            "{{ missing }}",
            "{{ a.b.c }}",
            "{{ a.__class__ }}",
            "{{ a() }}",
            "{{ nothing() }}",
            "{{ a|nothing }}",
            "{% set x = a %}{{ x.y }}",
            "{{",
            "{% if %}",
            "{{ 1/0 }}",
            "{% for i in range(100) %}{{ a * 2000 }}{% endfor %}",
        ] {
            let rendered = template(wrong).page(&values(&[("a", "0123456789")]), &[]);
            assert!(rendered.is_err(), "{wrong}: {} bytes", rendered.unwrap().text.len());
        }
    }

    #[test]
    fn a_letter_has_paragraphs_an_action_and_a_footer() {
        let values = values(&[("a", "A&B"), ("link", "https://hanse.example/x?a=1&b=2")]);
        let footer = [("End these letters".to_owned(), "https://hanse.example/u".to_owned())];
        let page = template("One {{ a }}\nline\n\nTwo").page(&values, &footer).unwrap();
        assert_eq!(
            page.text,
            "One A&B\nline\n\nTwo\n\nGo: https://hanse.example/x?a=1&b=2\n\n-- \nEnd these letters: https://hanse.example/u\n"
        );
        assert!(page.html.contains("<p>One A&amp;B<br>line</p><p>Two</p>"), "{}", page.html);
        assert_eq!(page.subject, "About A&B");
    }
}
