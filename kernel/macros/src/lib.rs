//! The two macros of the house: `#[derive(ApiError)]`, which gives a domain error its place in
//! the HTTP contract, and `#[stage_test]`, which runs one scene on both engines and in each topology.
//!
//! What they never do: read files, look at the environment, or decide anything at run time. All
//! they emit is a table that a person could have written by hand, so that `cargo expand` is dull.
//!
//! To extend the derive, add an argument in `api_error::attribute` and an arm in
//! `api_error::expand`; to extend the test attribute, add a field to `stage_test::Arguments`. Both
//! parse into plain structs first, so a new rule is a new error with a span, tested without a compiler.

mod api_error;
mod stage_test;
mod title;

use proc_macro::TokenStream;

/// Implements `hanse_http::ApiError` for a `thiserror` enum, from one attribute per variant.
///
/// - `#[api(404, "PRJ-001")]`: the status and the stable code a caller sees. The title is the
///   variant's name in words. The status is 400 to 599, the code two to four capitals, a dash and
///   three digits, and a code stands only once in an enum.
/// - `#[api(429, "GTW-002", retry_after = seconds)]`: names the field (or tuple index) whose `u32`
///   becomes `Retry-After`; `details = problems` likewise names a `serde_json::Value` field.
/// - `#[api(internal)]`: a 500 without a public code; the cause is logged, never sent.
/// - `#[api(transparent)]`: a variant with one unnamed field, itself an `ApiError`, that answers
///   for it and whose codes are appended.
#[proc_macro_derive(ApiError, attributes(api))]
pub fn derive_api_error(input: TokenStream) -> TokenStream {
    let input = syn::parse_macro_input!(input as syn::DeriveInput);
    api_error::expand(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}

/// Turns `async fn name(t: Stage)` into a module `name` with one `#[test]` per engine and topology:
/// `sqlite_local`, `sqlite_loopback` and `postgres_local`.
///
/// The services under test come from `services()` beside the test, or from
/// `#[stage_test(services = path)]`. `#[stage_test(local)]` leaves the loopback topology out, for
/// scenes that reach into the process; `#[stage_test(split)]` adds `postgres_split`, for scenes in which
/// services hear of each other. `#[ignore]` and `#[should_panic]` move to every test.
#[proc_macro_attribute]
pub fn stage_test(arguments: TokenStream, item: TokenStream) -> TokenStream {
    stage_test::expand(arguments.into(), item.into())
        .unwrap_or_else(|error| error.to_compile_error())
        .into()
}
