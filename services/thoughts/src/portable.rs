//! The two file formats in which thoughts leave and come back, byte for byte.
//!
//! JSON Lines: one object per line. Markdown: each thought is a comment line with its particulars,
//! its text, and an empty line. A text line that looks like such a comment gets a backslash in front.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::thought::{Thought, ThoughtError};

/// What begins the particulars of a thought in Markdown.
const HEAD: &str = "<!-- thought ";

/// A thought in a file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Portable {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<Uuid>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) text: String,
    #[serde(default)]
    pub(crate) tags: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) created_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) updated_at: Option<Timestamp>,
}

impl From<&Thought> for Portable {
    fn from(thought: &Thought) -> Self {
        Self {
            id: Some(thought.id),
            text: thought.text.clone(),
            tags: thought.tag_names(),
            created_at: Some(thought.created_at),
            updated_at: Some(thought.updated_at),
        }
    }
}

/// The file formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    JsonLines,
    Markdown,
}

/// Adds a thought to a file.
pub(crate) fn write(out: &mut String, format: Format, thought: &Thought) {
    let mut portable = Portable::from(thought);
    match format {
        Format::JsonLines => out.push_str(&json(&portable)),
        Format::Markdown => {
            let text = std::mem::take(&mut portable.text);
            out.push_str(HEAD);
            // "--" would end the comment early; in JSON a dash may be escaped.
            out.push_str(&json(&portable).replace("--", "-\\u002d"));
            out.push_str(" -->\n");
            for (index, line) in text.split('\n').enumerate() {
                if index > 0 {
                    out.push('\n');
                }
                if line.trim_start_matches('\\').starts_with(HEAD) {
                    out.push('\\');
                }
                out.push_str(line);
            }
            out.push('\n');
        }
    }
    out.push('\n');
}

fn json(portable: &Portable) -> String {
    serde_json::to_string(portable).unwrap_or_default()
}

/// Reads a file of at most `most` thoughts: thoughts with the line each begins on, counted from 1.
///
/// # Errors
/// [`ThoughtError::InvalidImport`], naming the first line that cannot be read.
pub(crate) fn read(
    format: Format,
    file: &str,
    most: usize,
) -> Result<Vec<(usize, Portable)>, ThoughtError> {
    // Counted before anything is taken apart: a small file can hold very many empty things.
    let begins = |line: &str| match format {
        Format::JsonLines => !line.trim().is_empty(),
        Format::Markdown => line.starts_with(HEAD),
    };
    let mut heads = file.split('\n').enumerate().filter(|(_, line)| begins(line));
    if let Some((index, _)) = heads.nth(most) {
        let what = format!("more than {most} thoughts; send the rest in another request");
        return Err(ThoughtError::InvalidImport { line: index + 1, what });
    }
    match format {
        Format::JsonLines => file
            .split('\n')
            .enumerate()
            .filter(|(_, line)| !line.trim().is_empty())
            .map(|(index, line)| Ok((index + 1, parse(index + 1, line)?)))
            .collect(),
        Format::Markdown => read_markdown(file),
    }
}

fn parse(line: usize, json: &str) -> Result<Portable, ThoughtError> {
    let refuse = |what: &str| {
        let what = what.chars().filter(|c| !c.is_control()).take(120).collect();
        ThoughtError::InvalidImport { line, what }
    };
    if !json.trim_start().starts_with('{') {
        return Err(refuse("it is not a JSON object"));
    }
    serde_json::from_str(json).map_err(|error| refuse(&error.to_string()))
}

fn read_markdown(file: &str) -> Result<Vec<(usize, Portable)>, ThoughtError> {
    let mut thoughts: Vec<(usize, Portable, Vec<&str>)> = Vec::new();
    for (index, line) in file.strip_suffix('\n').unwrap_or(file).split('\n').enumerate() {
        if let Some(rest) = line.strip_prefix(HEAD) {
            let json = rest.trim_end().strip_suffix("-->").unwrap_or(rest);
            thoughts.push((index + 1, parse(index + 1, json)?, Vec::new()));
        } else if let Some((_, _, lines)) = thoughts.last_mut() {
            let escaped = line.starts_with('\\') && line.trim_start_matches('\\').starts_with(HEAD);
            lines.push(if escaped { line.get(1..).unwrap_or_default() } else { line });
        } else if !line.trim().is_empty() {
            let what = format!("a thought begins with a line that starts with {HEAD}");
            return Err(ThoughtError::InvalidImport { line: index + 1, what });
        }
    }
    Ok(thoughts
        .into_iter()
        .map(|(line, mut portable, mut lines)| {
            // The empty line after each thought is not part of it.
            if lines.len() > 1 && lines.last().is_some_and(|line| line.is_empty()) {
                lines.pop();
            }
            portable.text = lines.join("\n");
            (line, portable)
        })
        .collect())
}
