//! Tags: `work/ideas` is the tag `ideas` under the tag `work`.

use crate::thought::ThoughtError;

/// Levels a tag may have.
const LEVELS: usize = 5;
/// Longest tag, in characters.
const LONGEST: usize = 100;

/// A tag in its one written form: lower case, levels parted by `/`, no spaces around levels.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tag(String);

impl Tag {
    /// Brings a tag into its written form. A leading `#` is dropped.
    ///
    /// # Errors
    /// [`ThoughtError::InvalidTag`].
    pub fn parse(text: &str) -> Result<Self, ThoughtError> {
        let invalid = || ThoughtError::InvalidTag;
        let text = text.trim().trim_start_matches('#').to_lowercase();
        let levels: Vec<&str> = text.split('/').map(str::trim).collect();
        let level_ok = |level: &&str| {
            !level.is_empty()
                && !level.chars().any(|c| c.is_control() || c == ',' || c == '#' || c == '"')
        };
        if levels.len() > LEVELS || !levels.iter().all(level_ok) {
            return Err(invalid());
        }
        let tag = levels.join("/");
        if tag.chars().count() > LONGEST { Err(invalid()) } else { Ok(Self(tag)) }
    }

    /// Brings tags into their written form, each once, in order.
    ///
    /// # Errors
    /// [`ThoughtError::InvalidTag`].
    pub fn parse_all(texts: &[String]) -> Result<Vec<Self>, ThoughtError> {
        let mut tags = texts.iter().map(|text| Self::parse(text)).collect::<Result<Vec<_>, _>>()?;
        tags.sort();
        tags.dedup();
        Ok(tags)
    }

    /// The written form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The tags above this one, from the outermost: `a/b/c` is under `a` and `a/b`.
    pub fn above(&self) -> impl Iterator<Item = &str> {
        self.0.match_indices('/').filter_map(|(at, _)| self.0.get(..at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_have_one_written_form() {
        let tag = Tag::parse("  #Work / Ideas/2026 ").unwrap();
        assert_eq!(tag.as_str(), "work/ideas/2026");
        assert_eq!(tag.above().collect::<Vec<_>>(), ["work", "work/ideas"]);
        for bad in ["", "/", "a//b", "a/b/c/d/e/f", "a,b", "\u{7}", &"x".repeat(101)] {
            assert!(Tag::parse(bad).is_err(), "{bad:?}");
        }
    }
}
