//! AUTN-18: what an authenticator or a browser must not say.

use hanse_testkit::{Answer, Stage, Value, json, stage_test};
use jiff::SignedDuration;

use super::authenticator::{BACKED_UP, ELIGIBLE, EXTENSIONS, PRESENT, Said, VERIFIED};
use super::{Authenticator, begin, challenge, enter, keep, make, pending};
use crate::support::{Person, services};

type Bend = (&'static str, fn(&mut Said));

/// What is wrong in both ceremonies.
const WRONG: &[Bend] = &[
    ("another challenge", |said| said.client_data["challenge"] = json!("QUJD")),
    ("no challenge", |said| drop(said.client_data["challenge"].take())),
    ("another origin", |said| said.client_data["origin"] = json!("https://evil.example")),
    ("an origin below", |said| said.client_data["origin"] = json!("https://a.stage.test")),
    ("a longer origin", |said| said.client_data["origin"] = json!("https://stage.test.evil")),
    ("another scheme", |said| said.client_data["origin"] = json!("http://stage.test")),
    ("another port", |said| said.client_data["origin"] = json!("https://stage.test:8443")),
    ("a slash", |said| said.client_data["origin"] = json!("https://stage.test/")),
    ("a frame", |said| said.client_data["crossOrigin"] = json!(true)),
    ("a framing site", |said| said.client_data["topOrigin"] = json!("https://evil.example")),
    ("another kind", |said| said.client_data["type"] = json!("payment.get")),
    ("another site", |said| said.domain = "evil.example".into()),
    ("a site above", |said| said.domain = "test".into()),
    ("nobody present", |said| said.flags &= !PRESENT),
    ("copied, but cannot be", |said| said.flags = (said.flags | BACKED_UP) & !ELIGIBLE),
    ("cut short", |said| said.cut = 1),
    ("cut to a byte", |said| said.cut = 36),
    ("something behind", |said| said.behind = vec![0]),
    ("extensions that are not there", |said| said.flags |= EXTENSIONS),
    ("endless extensions", |said| {
        said.flags |= EXTENSIONS;
        said.behind = vec![0xbf; 64];
    }),
];

/// What is wrong in a registration.
const WRONG_KEY: &[Bend] = &[
    ("the other ceremony", |said| said.client_data["type"] = json!("webauthn.get")),
    ("another name", |said| said.id = vec![9; 20]),
    ("no name", |said| said.id = Vec::new()),
    ("a name that is too long", |said| said.id = vec![9; 1024]),
    ("no credential", |said| said.flags = PRESENT | VERIFIED),
    ("no key", |said| said.cose = vec![0xa0]),
    ("no point of the curve", |said| *said.cose.last_mut().unwrap() ^= 1),
    ("another algorithm", |said| said.cose[4] = 0x38),
    ("another curve", |said| said.cose[6] = 2),
    ("a label twice", |said| {
        said.cose[0] = 0xa6;
        said.cose.extend([3, 0x26]);
    }),
];

/// What is wrong in a use.
const WRONG_USE: &[Bend] = &[
    ("the other ceremony", |said| said.client_data["type"] = json!("webauthn.create")),
    ("nobody verified", |said| said.flags &= !VERIFIED),
    ("not to be copied any more", |said| said.flags &= !(ELIGIBLE | BACKED_UP)),
    ("another signature", |said| said.flip = true),
    ("somebody else", |said| said.user = vec![1; 16]),
    ("nobody", |said| said.user.clear()),
    ("half of somebody", |said| said.user.truncate(8)),
];

/// AUTN-18: nothing is kept of a registration in which anything is wrong, and its challenge is gone.
#[stage_test]
async fn a_registration_with_a_bad_field_is_refused(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    let key = Authenticator::new(1);
    for (what, bend) in WRONG.iter().chain(WRONG_KEY) {
        let options = begin(&anna.actor).await;
        let answer = keep(&anna.actor, key.create(&options, bend)).await;
        assert_eq!(answer.summary(), "401 IDN-050", "{what}");
        if !what.contains("challenge") {
            let right = keep(&anna.actor, key.create(&options, |_| {})).await;
            assert_eq!(right.summary(), "401 IDN-050", "{what}, and then what is right");
        }
    }
    let mut unreadable = key.create(&begin(&anna.actor).await, |_| {});
    for (field, text) in
        [("clientDataJSON", "e30"), ("attestationObject", "oA"), ("clientDataJSON", "!")]
    {
        unreadable["response"][field] = json!(text);
        assert_eq!(keep(&anna.actor, unreadable.clone()).await.summary(), "401 IDN-050");
    }
    let list = anna.actor.get("/api/v1/auth/passkeys").await.json();
    assert_eq!(list["items"], json!([]));
    make(&anna.actor, &key).await;
}

/// AUTN-18: nobody signs in with anything wrong, and the challenge is gone.
#[stage_test]
async fn a_use_with_a_bad_field_is_refused(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    let key = Authenticator::new(1);
    make(&anna.actor, &key).await;
    for (what, bend) in WRONG.iter().chain(WRONG_USE) {
        let options = challenge(&t.guest(), None).await;
        let answer = enter(&t, &key.get(&options, bend), None).await;
        assert_eq!(answer.summary(), "401 IDN-050", "{what}");
        if !what.contains("challenge") {
            let right = enter(&t, &key.get(&options, |_| {}), None).await;
            assert_eq!(right.summary(), "401 IDN-050", "{what}, and then what is right");
        }
    }
    let options = challenge(&t.guest(), None).await;
    let unknown = Authenticator::new(7).get(&options, |_| {});
    let unknown = enter(&t, &unknown, None).await;
    let options = challenge(&t.guest(), None).await;
    let wrong = enter(&t, &key.get(&options, |said| said.flip = true), None).await;
    let visible = |answer: &Answer| {
        let mut body = answer.json();
        body["instance"].take();
        body["request_id"].take();
        (answer.status, body)
    };
    assert_eq!(visible(&unknown), visible(&wrong), "whose passkeys there are shows nowhere");
    let options = challenge(&t.guest(), None).await;
    assert_eq!(enter(&t, &key.get(&options, |_| {}), None).await.summary(), "200");
}

/// AUTN-18, AUTN-06: a challenge is good once, for five minutes, and for what it was made for.
#[stage_test]
async fn a_challenge_is_good_for_one_answer(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    let key = Authenticator::new(1);
    let old = begin(&anna.actor).await;
    t.advance(SignedDuration::from_mins(5));
    assert_eq!(keep(&anna.actor, key.create(&old, |_| {})).await.summary(), "401 IDN-050");
    make(&anna.actor, &key).await;

    let options = challenge(&t.guest(), None).await;
    let credential = key.get(&options, |_| {});
    let tries = futures_util::future::join_all((0..20).map(|_| enter(&t, &credential, None)));
    let answers: Vec<_> = tries.await.iter().map(Answer::summary).collect();
    assert_eq!(answers.iter().filter(|answer| *answer == "200").count(), 1, "{answers:?}");
    let old = challenge(&t.guest(), None).await;
    t.advance(SignedDuration::from_mins(5));
    assert_eq!(enter(&t, &key.get(&old, |_| {}), None).await.summary(), "401 IDN-050");

    // Made for one sign-in, a session or anybody, and shown to another.
    let (mine, other) = (pending(&t, &anna).await, pending(&t, &anna).await);
    let of_mine = async || challenge(&t.guest(), Some(&mine)).await;
    let wrong = key.get(&of_mine().await, |_| {});
    assert_eq!(enter(&t, &wrong, Some(&other)).await.summary(), "401 IDN-050");
    let wrong = key.get(&of_mine().await, |_| {});
    assert_eq!(enter(&t, &wrong, None).await.summary(), "401 IDN-050");
    let wrong = key.get(&challenge(&t.guest(), None).await, |_| {});
    assert_eq!(enter(&t, &wrong, Some(&mine)).await.summary(), "401 IDN-050");
    let wrong = key.get(&challenge(&anna.actor, None).await, |_| {});
    assert_eq!(enter(&t, &wrong, None).await.summary(), "401 IDN-050");
    let right = key.get(&of_mine().await, |_| {});
    assert_eq!(enter(&t, &right, Some(&mine)).await.summary(), "200");
    // A newer one of the same sign-in replaces the older.
    let (older, newer) = (of_mine().await, of_mine().await);
    assert_eq!(enter(&t, &key.get(&older, |_| {}), Some(&mine)).await.summary(), "401 IDN-050");
    assert_eq!(enter(&t, &key.get(&newer, |_| {}), Some(&mine)).await.summary(), "200");
}

/// AUTN-18: nobody's passkey is anybody else's.
#[stage_test]
async fn a_passkey_of_another_account_is_refused(t: Stage) {
    let (anna, ben) = (Person::register(&t, "anna").await, Person::register(&t, "ben").await);
    let (annas, bens) = (Authenticator::new(1), Authenticator::new(2));
    make(&anna.actor, &annas).await;
    make(&ben.actor, &bens).await;
    let first = pending(&t, &anna).await;
    let options = challenge(&t.guest(), Some(&first)).await;
    assert_eq!(enter(&t, &bens.get(&options, |_| {}), Some(&first)).await.summary(), "401 IDN-050");
    // His key under her name, alone.
    let id = anna.answer["user"]["id"].as_str().unwrap().parse::<uuid::Uuid>().unwrap();
    let options = challenge(&t.guest(), None).await;
    let forged = bens.get(&options, |said| said.user = id.as_bytes().to_vec());
    assert_eq!(enter(&t, &forged, None).await.summary(), "401 IDN-050");
    // A key of the same name cannot be put in the place of hers.
    let options = begin(&ben.actor).await;
    let taken = keep(&ben.actor, annas.create(&options, |_| {})).await;
    assert_eq!(taken.summary(), "401 IDN-050");
    // A challenge that was given to her is none that he answers.
    let options = begin(&anna.actor).await;
    let other = keep(&ben.actor, Authenticator::new(3).create(&options, |_| {})).await;
    assert_eq!(other.summary(), "401 IDN-050");
    let ours: Value = challenge(&t.guest(), None).await;
    let bad = t.guest().post("/api/v1/auth/passkeys", json!({ "name": "x", "credential": annas.create(&json!({
        "challenge": ours["challenge"], "rp": { "id": "stage.test" }, "user": { "id": "AZVdOnwAcACAAAAAAAAAAQ" },
    }), |_| {}) })).await;
    assert_eq!(bad.summary(), "401 HTT-010", "a guest has no passkeys");
}

/// AUTN-18: a counter that does not go on shows a copy; of two uses with one count one is let in.
#[stage_test]
async fn a_counter_that_goes_back_is_refused(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    let mut key = Authenticator::touched(1);
    key.flags |= VERIFIED;
    make(&anna.actor, &key).await;
    key.counter.set(5);
    let mut uses = Vec::new();
    for (count, answer) in
        [(5, "200"), (5, "401 IDN-050"), (4, "401 IDN-050"), (0, "401 IDN-050"), (6, "200")]
    {
        let options = challenge(&t.guest(), None).await;
        let entered = enter(&t, &key.get(&options, |said| said.counter = count), None).await;
        uses.push((count, entered.summary(), answer.to_owned()));
    }
    assert!(uses.iter().all(|(_, was, wanted)| was == wanted), "{uses:?}");
    // Its owner is told, and not each time.
    let told = crate::support::letters(&t, "identity.passkey_refused").await;
    assert_eq!((told.len(), &told[0]["values"]["passkey"]), (1, &json!("My telephone")));
    assert_eq!(crate::support::letters(&t, "identity.passkey_added").await.len(), 1);
    t.advance(SignedDuration::from_hours(1));
    let options = challenge(&t.guest(), None).await;
    let copy = key.get(&options, |said| said.counter = 2);
    assert_eq!(enter(&t, &copy, None).await.summary(), "401 IDN-050");
    assert_eq!(crate::support::letters(&t, "identity.passkey_refused").await.len(), 2);
    let mut twins = Vec::new();
    for _ in 0..5 {
        let options = challenge(&t.guest(), None).await;
        twins.push(key.get(&options, |said| said.counter = 9));
    }
    let tries = futures_util::future::join_all(twins.iter().map(|twin| enter(&t, twin, None)));
    let answers: Vec<_> = tries.await.iter().map(Answer::summary).collect();
    assert_eq!(answers.iter().filter(|answer| *answer == "200").count(), 1, "{answers:?}");
}
