//! Who serves, and the rule by which an instance is known.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One running copy of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// The service, such as `thoughts`.
    pub service: String,
    /// Where it is reached: `host:port` or a URL, as the one who connects wants it.
    pub address: String,
    /// This run of it, at most 64 bytes; never used again, so another one after a restart.
    pub id: String,
    /// Its share of the work, beside the weights of the others; 0 for none.
    pub weight: u32,
    /// Its release.
    pub version: String,
    /// When it started.
    pub started_at: Timestamp,
}

/// What the registry says of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Its heart beats.
    Alive(Instance),
    /// It has not been heard of for too long.
    Lapsed(String),
    /// It has said goodbye.
    Left(String),
}

/// The instances of one service as far as they are known here.
///
/// Silence is no evidence: Redis may have been emptied, replaced by an older copy or asleep. So an
/// instance is dropped when it has said goodbye; when its heartbeats ended although Redis has been
/// there all the time; or when it is not mentioned for that long.
#[derive(Debug, Default)]
pub(crate) struct Known {
    instances: BTreeMap<String, (Instance, Option<Instant>)>,
}

impl Known {
    /// Takes in what Redis says at `now`, having answered since `answering`; `patience` is the time
    /// without a heartbeat after which an instance counts as gone.
    pub(crate) fn learn(
        &mut self,
        seen: Vec<Seen>,
        now: Instant,
        answering: Instant,
        patience: Duration,
    ) -> Vec<Instance> {
        let steady = now.saturating_duration_since(answering) >= patience;
        let mut silent: Vec<String> = self.instances.keys().cloned().collect();
        let mut lapsed = Vec::new();
        for seen in seen {
            match seen {
                Seen::Alive(instance) => {
                    silent.retain(|id| *id != instance.id);
                    self.instances.insert(instance.id.clone(), (instance, None));
                }
                Seen::Left(id) => drop(self.instances.remove(&id)),
                Seen::Lapsed(id) if steady => lapsed.push(id),
                Seen::Lapsed(_) => {}
            }
        }
        for id in lapsed {
            self.instances.remove(&id);
        }
        for id in silent {
            let Some((_, silent_since)) = self.instances.get_mut(&id) else { continue };
            let since = (*silent_since.get_or_insert(now)).max(answering);
            if now.saturating_duration_since(since) >= patience {
                self.instances.remove(&id);
            }
        }
        self.list()
    }

    /// One instance an address: a restarted one takes the place of its former run at once.
    fn list(&self) -> Vec<Instance> {
        let mut by_address: BTreeMap<&str, &Instance> = BTreeMap::new();
        for (instance, _) in self.instances.values() {
            let newest = by_address.entry(&instance.address).or_insert(instance);
            if instance.started_at > newest.started_at {
                *newest = instance;
            }
        }
        by_address.into_values().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn instance(id: &str, address: &str, started: i64) -> Instance {
        Instance {
            service: "thoughts".into(),
            address: address.into(),
            id: id.into(),
            weight: 1,
            version: "1.0.0".into(),
            started_at: Timestamp::from_second(started).unwrap(),
        }
    }

    struct Scene {
        known: Known,
        start: Instant,
        answering: u64,
    }

    impl Scene {
        fn at<const N: usize>(&mut self, second: u64, seen: [&Seen; N]) -> Vec<String> {
            let at = |second| self.start + Duration::from_secs(second);
            let (now, answering) = (at(second), at(self.answering));
            let list = self.known.learn(seen.map(Seen::clone).into(), now, answering, PATIENCE);
            list.into_iter().map(|instance| instance.id).collect()
        }
    }

    fn scene() -> (Scene, Seen, Seen) {
        let scene = Scene { known: Known::default(), start: Instant::now(), answering: 0 };
        let alive = |id, address| Seen::Alive(instance(id, address, 0));
        (scene, alive("a", "h:1"), alive("b", "h:2"))
    }

    fn left(id: &str) -> Seen {
        Seen::Left(id.into())
    }

    fn lapsed(id: &str) -> Seen {
        Seen::Lapsed(id.into())
    }

    #[test]
    fn goodbye_counts_at_once_and_a_missed_heartbeat_when_redis_was_there() {
        let (mut scene, a, b) = scene();
        assert_eq!(scene.at(0, [&a, &b]), ["a", "b"]);
        assert_eq!(scene.at(1, [&a, &left("b")]), ["a"]);
        assert_eq!(scene.at(9, [&lapsed("a"), &b]), ["a", "b"], "too early");
        assert_eq!(scene.at(10, [&lapsed("a"), &b]), ["b"]);
    }

    #[test]
    fn an_emptied_or_outdated_redis_takes_nobody_away() {
        let (mut scene, a, b) = scene();
        assert_eq!(scene.at(100, [&a, &b]), ["a", "b"]);
        assert_eq!(scene.at(101, []), ["a", "b"], "emptied");
        assert_eq!(scene.at(103, [&a]), ["a", "b"], "one has announced itself again");
        assert_eq!(scene.at(110, [&a]), ["a", "b"]);
        assert_eq!(scene.at(111, [&a]), ["a"], "the other had its time");
        scene.answering = 200;
        assert_eq!(scene.at(200, [&lapsed("a")]), ["a"], "redis was away itself");
        assert_eq!(scene.at(201, []), ["a"]);
        assert_eq!(scene.at(202, [&a, &b]), ["a", "b"]);
    }

    #[test]
    fn who_is_not_mentioned_while_redis_comes_and_goes_is_kept() {
        let (mut scene, a, _) = scene();
        assert_eq!(scene.at(20, [&a]), ["a"]);
        assert_eq!(scene.at(21, []), ["a"]);
        scene.answering = 30;
        assert_eq!(scene.at(35, []), ["a"], "not fourteen seconds of silence, but five");
        assert!(scene.at(40, []).is_empty());
    }

    #[test]
    fn a_new_run_takes_the_place_of_the_old_one() {
        let (mut scene, a, _) = scene();
        let again = Seen::Alive(instance("c", "h:1", 60));
        assert_eq!(scene.at(20, [&a]), ["a"]);
        assert_eq!(scene.at(21, [&a, &again]), ["c"]);
    }
}
