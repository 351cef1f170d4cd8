//! The operations of the notifications service.

mod deliveries;
pub(crate) mod list;
mod preferences;
mod providers;
mod rules;
mod sendings;
mod stream;
mod targets;
mod templates;

use hanse_http::{Access, Draft, Method, Role, op};

use crate::App;

const STREAM: &str = "Server-sent events, or a WebSocket when the request asks for one. Each event is a \
    notification as it is now, with the number of its change as id; one that is `dismissed` or `revoked` \
    is to be taken off the screen. A client that comes back says the last id in `Last-Event-ID` (or \
    `after`) and gets everything that changed meanwhile; without it, the stream begins now. A page that \
    opens a WebSocket gives its access token as a subprotocol `bearer.<token>`, beside `hanse`.";

const SEND: &str = "To people, or to everybody; now, later, or again and again. At most 20 people are told \
    before the answer comes; more are told in pieces, and `GET /notifications/sendings/{id}` shows how far \
    that has come. (D-096, M-056…M-060)";

pub(crate) fn operations() -> Vec<Draft<App>> {
    let mut all = of_people();
    all.extend(of_operators());
    all.extend(of_rules());
    all
}

/// What everybody does with their own list, and what administrators send.
fn of_people() -> Vec<Draft<App>> {
    let user = Access::User;
    let admin = Access::Role(Role::Admin);
    vec![
        op(Method::GET, "/notifications", user, list::list_notifications)
            .summary("List your notifications, newest first")
            .description("(D-095, A-132)"),
        op(Method::POST, "/notifications", admin, sendings::send_notification)
            .summary("Tell people something")
            .description(SEND),
        op(Method::GET, "/notifications/unread", user, list::count_unread)
            .summary("Count your unread notifications"),
        op(Method::POST, "/notifications/read-all", user, list::read_all_notifications)
            .summary("Mark all your notifications as read"),
        op(Method::GET, "/notifications/stream", user, stream::stream_notifications)
            .summary("Follow your notifications live")
            .description(STREAM),
        op(Method::GET, "/notifications/preferences", user, preferences::get_notification_preferences)
            .summary("What you want to hear of, how and when")
            .description("(D-098, M-062, A-135)"),
        op(Method::PUT, "/notifications/preferences", user, preferences::replace_notification_preferences)
            .summary("Say what you want to hear of, how and when")
            .description("What is not sent goes back to its default. (D-099, M-061, A-136)"),
        op(Method::GET, "/notifications/targets", user, targets::list_targets)
            .summary("List your devices and systems that are told")
            .description("With the key that a browser needs to subscribe (`applicationServerKey`)."),
        op(Method::POST, "/notifications/targets", user, targets::create_target)
            .summary("Have a browser, a telephone or a system told")
            .description(
                "A system (webhook) is told as Standard Webhooks has it; its secret is shown in this \
                 answer only. Registering the same address again gives a new secret, and for the time \
                 being messages are signed by both.",
            ),
        op(Method::DELETE, "/notifications/targets/{id}", user, targets::delete_target)
            .summary("Have a device or a system told no more"),
        op(Method::GET, "/notifications/sendings/{id}", admin, sendings::get_sending)
            .summary("How far a sending has come"),
        op(Method::DELETE, "/notifications/sendings/{id}", admin, sendings::cancel_sending)
            .summary("Stop a sending and take back what can be")
            .description("It disappears from every list; letters that were sent are not."),
        op(Method::GET, "/notifications/{id}", user, list::get_notification)
            .summary("Read a notification, why you got it, and which ways it went"),
        op(Method::DELETE, "/notifications/{id}", user, list::dismiss_notification)
            .summary("Take a notification off your list")
            .description("On all your devices. (A-134)"),
        op(Method::PUT, "/notifications/{id}/read", user, list::read_notification)
            .summary("Mark a notification as read")
            .description("On all your devices. (D-097)"),
        op(Method::PATCH, "/notifications/{id}/read", user, list::update_notification)
            .summary("Say how far a notification has come")
            .description("`read` when nothing is said. (A-133)"),
    ]
}

/// Templates, and what comes from outside.
fn of_operators() -> Vec<Draft<App>> {
    let admin = Access::Role(Role::Admin);
    vec![
        op(Method::GET, "/notifications/templates", admin, templates::get_template)
            .summary("Read the template of a type and a language"),
        op(Method::PUT, "/notifications/templates", admin, templates::replace_template)
            .summary("Write a new version of a template")
            .description("(D-094, E-047, A-131)"),
        op(Method::POST, "/notifications/templates/preview", admin, templates::preview_template)
            .summary("See what a template makes of some values"),
        op(
            Method::POST,
            "/notifications/unsubscribe/{token}",
            Access::Public,
            providers::unsubscribe,
        )
        .summary("End letters of a type by the link in one of them")
        .description("One request is enough (RFC 8058). The link is the proof; it reveals nothing."),
        op(Method::GET, "/notifications/unsubscribe/{token}", Access::Public, providers::ask_unsubscribe)
            .summary("A page that asks whether to end letters of a type"),
        op(Method::POST, "/notifications/reports", Access::Public, providers::take_report)
            .summary("What became of a letter, by its provider")
            .description(
                "Signed as Standard Webhooks has it, with `notifications.feedback_secret`. An address \
                 that bounced for good, or complained, gets no letters any more.",
            ),
    ]
}

const RULE: &str = "Whenever something of this type happens and the condition is met, the recipients are \
    told. A rule sees events from when it was made. It may show what is personal in an event to its owner \
    only: one that tells anybody else sees ids, times, numbers and truth values of it. (A-139)";

/// Rules that make messages of events.
fn of_rules() -> Vec<Draft<App>> {
    let admin = Access::Role(Role::Admin);
    vec![
        op(Method::GET, "/notifications/rules", admin, rules::list_rules)
            .summary("List the rules that make messages of events"),
        op(Method::POST, "/notifications/rules", admin, rules::create_rule)
            .summary("Make a rule")
            .description(RULE),
        op(Method::POST, "/notifications/rules/test", admin, rules::test_rule)
            .summary("Try a rule with an event")
            .description("Nothing is stored, and nobody is told."),
        op(Method::GET, "/notifications/rules/{id}", admin, rules::get_rule)
            .summary("Read a rule, how often it fired, and what became of its messages"),
        op(Method::PUT, "/notifications/rules/{id}", admin, rules::replace_rule)
            .summary("Change a rule, or switch it off"),
        op(Method::DELETE, "/notifications/rules/{id}", admin, rules::delete_rule)
            .summary("Remove a rule"),
        op(Method::GET, "/notifications/deliveries", admin, deliveries::list_deliveries)
            .summary("List the deliveries of a sending or a rule, with every try")
            .description("Nothing of what they say. (E-048)"),
    ]
}
