//! The operations of the service, in the order of the documents.

mod dto;
mod export;
mod find;
mod import;
mod leaf;
mod tags;
mod thoughts;

use hanse_http::{Access, Draft, Method, op};

pub(crate) use dto::created;

use crate::Thoughts;

const IMPORT_LIMIT: usize = 8 * 1024 * 1024;

/// Every operation, relative to `/api/v1`.
pub(crate) fn operations() -> Vec<Draft<Thoughts>> {
    vec![
        op(Method::GET, "/thoughts", Access::User, thoughts::list_thoughts)
            .summary("List your thoughts, newest first")
            .description("With `tag`, only those under a tag: `work` finds `work/ideas` too. (A-032)"),
        op(Method::POST, "/thoughts", Access::User, thoughts::create_thought)
            .summary("Write a thought")
            .description("It can be found by search a few milliseconds later. (A-033)"),
        op(Method::GET, "/thoughts/{id}", Access::User, thoughts::get_thought)
            .summary("Read a thought")
            .description("(A-034)"),
        op(Method::PUT, "/thoughts/{id}", Access::User, thoughts::replace_thought)
            .summary("Replace a thought's text and tags")
            .description("Tags that are not sent are removed. (A-035)"),
        op(Method::PATCH, "/thoughts/{id}", Access::User, thoughts::update_thought)
            .summary("Change a thought's text or tags")
            .description("As a JSON Merge Patch: what is not sent, or null, stays."),
        op(Method::DELETE, "/thoughts/{id}", Access::User, thoughts::delete_thought)
            .summary("Delete a thought")
            .description("(A-036)"),
        op(Method::GET, "/thoughts/search", Access::User, find::search_thoughts)
            .summary("Find thoughts that contain all of some words")
            .description(
                "Looks for parts of words in text and tags, newest first, and is exact: what is \
                 stored is found at once. A page looks at up to 5,000 thoughts, so it may hold fewer \
                 items than asked for while there is a `next`. For ranked, typo-tolerant search over \
                 everything use `/search`. (A-037)",
            ),
        op(Method::GET, "/thoughts/tags", Access::User, tags::list_tags)
            .summary("List your tags with counts")
            .description("(A-038)"),
        op(Method::POST, "/thoughts/{id}/tags", Access::User, tags::add_thought_tags)
            .summary("Add tags to a thought")
            .description("(A-039)"),
        op(Method::GET, "/thoughts/export", Access::User, export::export_thoughts)
            .summary("Save all your thoughts as a file")
            .description(
                "JSON Lines or Markdown; importing the file again gives the identical state. (A-028)",
            ),
        op(Method::POST, "/thoughts/import", Access::User, import::import_thoughts)
            .summary("Add thoughts from a file")
            .description(
                "JSON Lines (`{\"text\": …, \"tags\": […], \"created_at\": …}` per line) or Markdown \
                 as exported; at most 1,000 thoughts and 8 MiB a request, all or none. A thought \
                 with an id of yours replaces that one; importing the same file twice changes nothing.",
            )
            .body_limit(IMPORT_LIMIT),
        op(Method::GET, "/thoughts/statistics", Access::User, tags::get_thought_statistics)
            .summary("Count your thoughts")
            .description("(A-029)"),
    ]
}
