//! Very many devices that listen to their owners' lists, half of them by server-sent events and half by
//! WebSocket, and that come back when they lose their streams, with the last id that they have seen.
//!
//! They are impatient: they come back at once, and only a `Retry-After` makes them wait. Everybody has an
//! address of their own (127.1.0.0/16), as everybody has outside.

mod wire;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::waiting::until;
use wire::{Ended, Said, Stream};

/// How long a device waits when nobody listens at the address.
const AWAY: Duration = Duration::from_millis(50);
/// Sign-ins under way together: passwords are slow on purpose.
const SIGN_INS: usize = 4;

/// Many devices.
pub struct Herd {
    runtime: Runtime,
    shared: Arc<Shared>,
}

/// What the devices know together.
struct Shared {
    address: SocketAddr,
    people: Vec<Person>,
    devices: Vec<Mutex<Device>>,
    /// While false nobody tries to come back.
    open: watch::Sender<bool>,
    connected: AtomicUsize,
    shed: AtomicU64,
    wrong: Mutex<Vec<String>>,
}

/// Somebody with an account and some devices.
struct Person {
    id: String,
    tokens: Mutex<Tokens>,
}

#[derive(Clone)]
struct Tokens {
    access: String,
    refresh: String,
}

/// What a device was told: the numbers of the changes, and the titles.
#[derive(Clone, Debug, Default)]
struct Device {
    told: Vec<(i64, String)>,
}

impl Herd {
    /// Signs `people` in, whose addresses and password these are, and gives each so many devices, which
    /// begin to listen.
    ///
    /// # Panics
    /// When somebody cannot sign in.
    #[must_use]
    pub fn gather(address: SocketAddr, emails: &[String], password: &str, devices: usize) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let people = runtime.block_on(sign_in(address, emails, password));
        let count = people.len() * devices;
        let shared = Arc::new(Shared {
            address,
            people,
            devices: (0..count).map(|_| Mutex::default()).collect(),
            open: watch::Sender::new(true),
            connected: AtomicUsize::new(0),
            shed: AtomicU64::new(0),
            wrong: Mutex::default(),
        });
        for number in 0..count {
            runtime.spawn(live(Arc::clone(&shared), number));
        }
        Self { runtime, shared }
    }

    /// The accounts of the people.
    #[must_use]
    pub fn people(&self) -> Vec<&str> {
        self.shared.people.iter().map(|person| person.id.as_str()).collect()
    }

    /// Who loses their stream from now on waits until [`Herd::release`].
    pub fn hold(&self) {
        self.shared.open.send_replace(false);
    }

    /// Lets all who wait come back at this moment.
    pub fn release(&self) {
        self.shared.open.send_replace(true);
    }

    /// Waits until every device listens.
    ///
    /// # Panics
    /// When something went wrong with one, or it takes too long.
    pub fn listens(&self) {
        let all = self.shared.devices.len();
        until("every device listens", || {
            self.fine();
            self.shared.connected.load(Ordering::Acquire) == all
        });
    }

    /// Waits until no device listens.
    pub fn scattered(&self) {
        until("every stream has ended", || self.shared.connected.load(Ordering::Acquire) == 0);
    }

    /// Waits until every device was told these titles, each exactly once and nothing else, and in the
    /// order of their numbers.
    ///
    /// # Panics
    /// When one was told anything else, or it takes too long.
    pub fn told(&self, titles: &[String]) {
        let mut waits = 0;
        until("every device was told", || {
            self.fine();
            // From the first that was not, so that a look is short.
            while let Some(device) = self.shared.devices.get(waits) {
                if device.lock().expect("a device").told.len() < titles.len() {
                    return false;
                }
                waits += 1;
            }
            true
        });
        let mut wanted = titles.to_vec();
        wanted.sort();
        for (number, device) in self.shared.devices.iter().enumerate() {
            let told = device.lock().expect("a device").told.clone();
            assert!(told.is_sorted_by(|one, next| one.0 < next.0), "device {number}: {told:?}");
            let mut titles: Vec<String> = told.into_iter().map(|(_, title)| title).collect();
            titles.sort();
            assert_eq!(titles, wanted, "device {number}");
        }
    }

    /// Has everybody's access token renewed at one moment, by two devices of each that share a refresh
    /// token. Both must get the same successor.
    ///
    /// # Panics
    /// When a refresh is answered by anything but new tokens, or a request to come later.
    pub fn refresh(&self) {
        self.runtime.block_on(async {
            let mut tasks = JoinSet::new();
            for number in 0..self.shared.people.len() {
                let shared = Arc::clone(&self.shared);
                tasks.spawn(async move {
                    let before = shared.people[number].tokens.lock().expect("tokens").clone();
                    let (one, two) = tokio::join!(
                        renew(&shared, number, &before.refresh),
                        renew(&shared, number, &before.refresh)
                    );
                    assert_eq!(one.refresh, two.refresh, "one successor");
                    assert_ne!(one.refresh, before.refresh);
                    *shared.people[number].tokens.lock().expect("tokens") = one;
                });
            }
            while let Some(done) = tasks.join_next().await {
                done.expect("tokens are renewed");
            }
        });
    }

    /// How often somebody was asked to come later.
    #[must_use]
    pub fn shed(&self) -> u64 {
        self.shared.shed.load(Ordering::Relaxed)
    }

    fn fine(&self) {
        let wrong = self.shared.wrong.lock().expect("what went wrong");
        assert!(wrong.is_empty(), "{} devices were turned away: {}", wrong.len(), wrong[0]);
    }
}

/// Where somebody is.
fn home(person: usize) -> IpAddr {
    let [high, low] =
        [person / 250, person % 250 + 1].map(|part| u8::try_from(part).expect("room"));
    IpAddr::V4(Ipv4Addr::new(127, 1, high, low))
}

async fn sign_in(address: SocketAddr, emails: &[String], password: &str) -> Vec<Person> {
    let mut people = Vec::with_capacity(emails.len());
    for (round, some) in emails.chunks(SIGN_INS).enumerate() {
        let answers = some.iter().enumerate().map(|(offset, email)| {
            let body = json!({ "email": email, "password": password });
            wire::post(address, home(round * SIGN_INS + offset), "/api/v1/auth/login", body)
        });
        for said in futures_util::future::join_all(answers).await {
            let said = said.expect("an answer");
            assert_eq!(said.status, 200, "{}", said.body);
            let id = said.body["user"]["id"].as_str().expect("an account").to_owned();
            people.push(Person { id, tokens: Mutex::new(Tokens::of(&said.body)) });
        }
    }
    people
}

impl Tokens {
    fn of(body: &Value) -> Self {
        let text = |name: &str| body[name].as_str().expect("a token").to_owned();
        Self { access: text("access_token"), refresh: text("refresh_token") }
    }
}

async fn renew(shared: &Shared, person: usize, token: &str) -> Tokens {
    loop {
        let body = json!({ "refresh_token": token });
        let said = wire::post(shared.address, home(person), "/api/v1/auth/refresh", body).await;
        match said.expect("an answer") {
            Said { status: 200, body, .. } => return Tokens::of(&body),
            Said { status: 429 | 503, later: Some(later), .. } => {
                shared.shed.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(later).await;
            }
            said => panic!("a refresh was answered {}: {}", said.status, said.body),
        }
    }
}

/// The life of a device.
async fn live(shared: Arc<Shared>, number: usize) {
    let mut open = shared.open.subscribe();
    let person = number * shared.people.len() / shared.devices.len();
    while open.wait_for(|open| *open).await.is_ok() {
        let token = shared.people[person].tokens.lock().expect("tokens").access.clone();
        let last = shared.devices[number].lock().expect("a device").told.last().map(|told| told.0);
        let way = if number.is_multiple_of(2) { wire::Way::Events } else { wire::Way::Socket };
        match Stream::open(shared.address, home(person), way, &token, last).await {
            Ok(mut stream) => {
                shared.connected.fetch_add(1, Ordering::AcqRel);
                while let Some(told) = stream.next().await {
                    shared.devices[number].lock().expect("a device").told.push(told);
                }
                shared.connected.fetch_sub(1, Ordering::AcqRel);
            }
            Err(Ended::Later(later)) => {
                shared.shed.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(later).await;
            }
            Err(Ended::Away) => tokio::time::sleep(AWAY).await,
            Err(Ended::Refused(why)) => {
                shared.wrong.lock().expect("what went wrong").push(why);
                return;
            }
        }
    }
}
