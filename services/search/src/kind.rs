//! The sorts of things that can be found, and how a list of them is read.

use crate::error::SearchError;

/// Every type there is. Those without a source yet find nothing.
pub(crate) const KINDS: [&str; 3] = [THOUGHTS, "journals", "tasks"];
pub(crate) const THOUGHTS: &str = "thoughts";

/// Reads `thoughts,tasks`; nothing means every type.
pub(crate) fn parse(list: &str) -> Result<Vec<String>, SearchError> {
    let mut kinds: Vec<String> = Vec::new();
    for name in list.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let known = KINDS.iter().find(|kind| **kind == name);
        let kind =
            known.ok_or_else(|| SearchError::UnknownType(name.chars().take(40).collect()))?;
        if !kinds.iter().any(|other| other == kind) {
            kinds.push((*kind).to_owned());
        }
    }
    Ok(kinds)
}
