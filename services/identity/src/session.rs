//! A session, and the rule by which its refresh tokens rotate.

use hanse_contracts::identity::{SessionRevoked, SessionStarted};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::config::IdentityConfig;
use crate::mint::Factor;

/// How long the token before the current one is answered with the current one again: for clients that
/// refresh twice at once, and for answers that were lost on the way.
pub const GRACE: SignedDuration = SignedDuration::from_secs(10);

/// One signed-in device.
#[derive(Clone, Debug)]
pub struct Session {
    /// Identity; `sid` in access tokens.
    pub id: Uuid,
    /// Whose.
    pub user_id: Uuid,
    /// Makes its tokens differ from those of any other session that has, had or will have its id.
    pub nonce: [u8; 16],
    /// Counts refreshes from 0.
    pub generation: u32,
    /// When the current generation began.
    pub rotated_at: Timestamp,
    /// When it ends if it is not refreshed.
    pub expires_at: Timestamp,
    /// When it was ended early.
    pub revoked_at: Option<Timestamp>,
    /// What the device calls itself.
    pub user_agent: String,
    /// Where it signed in.
    pub address: String,
    /// When it signed in.
    pub created_at: Timestamp,
    /// When it was last refreshed.
    pub last_used_at: Timestamp,
    /// By what its owner was proven.
    pub factors: Vec<Factor>,
    /// When that was.
    pub authenticated_at: Timestamp,
    /// The program it was begun for, when that is not one of our own.
    pub client_id: Option<String>,
    /// What its tokens are limited to; `None` is not at all.
    pub scope: Option<String>,
    /// Who acts in it for its owner.
    pub actor: Option<String>,
}

/// What a refresh token of this session is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The current one: the session moves on.
    Current,
    /// The one before, moments after the session moved on: the same successor is answered again.
    Repeated,
    /// An older one, or one that cannot exist: somebody has a copy. The session ends.
    Reused,
    /// The session has ended.
    Ended,
}

impl Session {
    /// Judges a refresh token whose origin is proven.
    #[must_use]
    pub fn judge(&self, generation: u32, now: Timestamp) -> Verdict {
        if self.revoked_at.is_some() || self.expires_at <= now {
            Verdict::Ended
        } else if generation == self.generation {
            Verdict::Current
        } else if generation.checked_add(1) == Some(self.generation)
            && now.duration_since(self.rotated_at) <= GRACE
        {
            Verdict::Repeated
        } else {
            Verdict::Reused
        }
    }

    /// Moves on to the next generation.
    pub fn rotate(&mut self, config: &IdentityConfig, now: Timestamp) {
        self.generation = self.generation.saturating_add(1);
        self.rotated_at = now;
        self.last_used_at = now;
        self.expires_at = expiry(config, self.created_at, now);
    }

    /// What others are told of its start.
    #[must_use]
    pub fn started(&self) -> SessionStarted {
        SessionStarted { user_id: self.user_id, session_id: self.id }
    }

    /// What others are told when it ends early.
    #[must_use]
    pub fn revoked(&self) -> SessionRevoked {
        SessionRevoked { user_id: self.user_id, session_id: self.id }
    }
}

/// A session that is used lives on, but not for ever.
#[must_use]
pub fn expiry(config: &IdentityConfig, created_at: Timestamp, now: Timestamp) -> Timestamp {
    let days = |count: u32| SignedDuration::from_hours(i64::from(count) * 24);
    let idle = after(now, days(config.refresh_days));
    idle.min(after(created_at, days(config.session_days)))
}

/// A time later.
#[must_use]
pub fn after(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.saturating_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn session() -> Session {
        let start = Timestamp::UNIX_EPOCH;
        let config = IdentityConfig::default();
        Session {
            id: Uuid::from_u128(5),
            user_id: Uuid::from_u128(1),
            nonce: [3; 16],
            generation: 3,
            rotated_at: start,
            expires_at: expiry(&config, start, start),
            revoked_at: None,
            user_agent: String::new(),
            address: String::new(),
            created_at: start,
            last_used_at: start,
            factors: vec![Factor::Password],
            authenticated_at: start,
            client_id: None,
            scope: None,
            actor: None,
        }
    }

    /// AUTN-12: the whole table of the rule.
    #[test]
    fn only_the_current_token_and_for_ten_seconds_the_one_before_count() {
        let mut session = session();
        let soon = after(session.rotated_at, SignedDuration::from_secs(10));
        let late = after(session.rotated_at, SignedDuration::from_millis(10_001));
        let table = |session: &Session, now| {
            (0..6).map(|generation| session.judge(generation, now)).collect::<Vec<_>>()
        };
        use Verdict::{Current, Ended, Repeated, Reused};
        assert_eq!(table(&session, soon), [Reused, Reused, Repeated, Current, Reused, Reused]);
        assert_eq!(table(&session, late), [Reused, Reused, Reused, Current, Reused, Reused]);
        assert_eq!(table(&session, session.expires_at), [Ended; 6]);
        session.revoked_at = Some(soon);
        assert_eq!(table(&session, soon), [Ended; 6]);
    }

    #[test]
    fn a_session_that_is_used_lives_on_but_not_for_ever() {
        let config = IdentityConfig::default();
        let mut session = session();
        let day = SignedDuration::from_hours(24);
        let mut days = 0;
        while session.judge(session.generation, after(Timestamp::UNIX_EPOCH, day * days))
            == Verdict::Current
        {
            session.rotate(&config, after(Timestamp::UNIX_EPOCH, day * days));
            days += 1;
        }
        assert_eq!(days, 90);
    }
}
