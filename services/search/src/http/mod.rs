//! The operations. Whatever they find, count or complete is the caller's own.

mod history;
mod index;
mod preferences;
mod search;

use hanse_http::{Access, Draft, Method, Role, op};

use crate::app::App;

const USER: Access = Access::User;
const OPERATOR: Access = Access::Role(Role::Operator);
const ADMIN: Access = Access::Role(Role::Admin);

pub(crate) fn operations() -> Vec<Draft<App>> {
    vec![
        op(Method::GET, "/search", USER, search::search_documents)
            .summary("Search everything of mine")
            .description(search::LANGUAGE),
        op(Method::GET, "/search/suggestions", USER, search::list_search_suggestions)
            .summary("Complete what I am typing, from my own words and searches"),
        op(Method::GET, "/search/recent", USER, history::list_recent_searches)
            .summary("List my recent searches, newest first"),
        op(Method::DELETE, "/search/history", USER, history::delete_search_history)
            .summary("Forget my searches, or one of them"),
        op(Method::GET, "/search/analytics", USER, history::get_search_analytics)
            .summary("Count my searches: how many, which most, which in vain"),
        op(Method::GET, "/search/preferences", USER, preferences::get_search_preferences)
            .summary("Read how I want to search"),
        op(Method::PUT, "/search/preferences", USER, preferences::put_search_preferences)
            .summary("Choose how I want to search"),
        op(Method::GET, "/search/index", OPERATOR, index::get_search_index)
            .summary("Read the state of this process's search index"),
        op(Method::POST, "/search/rebuild", ADMIN, index::rebuild_search_index)
            .summary("Build the search index anew from the event logs")
            .description("Answers at once; searches answer SRC-001 until it is done."),
    ]
}
