//! Pages: what a person sees when a protocol needs them, such as signing in for another application.
//!
//! A page is an [`Html`] made on the server. It runs no script and loads nothing; its style is part of
//! it and named in the Content-Security-Policy by its hash. The one exception is a page that has to
//! speak with an authenticator: its [`Script`] is a file. What a page asks for comes back as a
//! [`Form`], and [`Visit`] tells whether it came from a page of ours: every handler that changes
//! something asks [`Visit::is_ours`] and checks the token that it gave to this browser.
//!
//! Cookies have the prefix `__Host-`: no other host and no plain connection can set or see them.

mod form;
mod html;
mod visit;

pub use form::Form;
pub use html::{Html, Script, Style};
pub use visit::{SetCookie, Visit};
