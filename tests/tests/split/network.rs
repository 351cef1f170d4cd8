//! NET-01, NET-02, NET-05, EXO-08: a bad network between a service and everybody it speaks to; what is
//! produced to Kafka then is late, cut and repeated, and its effects are counted once.

use std::time::Duration;

use hanse_e2e::{
    Broker, Crew, Database, Door, Engines, Link, Network, Notes, Scale, Split, Trouble, engine,
    free_port,
};
use tempfile::TempDir;

use crate::CONFIG;

/// Everything around thoughts by ways that can be spoiled: the gateway's to it, and its own to its
/// database, to Kafka, and to identity.
struct Ground {
    split: Split,
    links: Vec<Link>,
    // In the order in which they may go.
    _network: Network,
    _broker: Broker,
    _folder: TempDir,
}

impl Ground {
    fn lay() -> Self {
        let network = Network::start();
        let folder = TempDir::with_prefix("hanse-broker-").expect("a folder");
        let door = Door {
            listens: free_port().expect("a free port"),
            advertised: free_port().expect("a free port"),
        };
        let jars = engine("HANSE_TEST_KAFKA_JARS");
        let broker =
            Broker::start_with(jars.as_ref(), folder.path(), Some(door)).expect("a broker");
        let engines = Engines { kafka: broker.address(), ..Engines::shared() };
        let mut split = Split::plan(&engines, CONFIG, &[]);
        let database = engines.postgres.split(['@', '/']).nth(3).expect("a host").to_owned();
        let links = vec![
            network.link("gateway-thoughts", split.address_of("thoughts")),
            network.link("thoughts-database", &database),
            network.link_at(
                "thoughts-kafka",
                door.advertised,
                &format!("127.0.0.1:{}", door.listens),
            ),
            network.link("thoughts-identity", split.address_of("identity")),
        ];
        let [thoughts, database, kafka, identity] = [0, 1, 2, 3].map(|i| links[i].address.clone());
        split.set("gateway", format!("peers.endpoints.thoughts=[\"{thoughts}\"]"));
        split.set("thoughts", format!("store.url=\"{}\"", Database::url_at(&database)));
        split.set("thoughts", format!("kafka.brokers=[\"{kafka}\"]"));
        split.set("thoughts", format!("peers.endpoints.identity=[\"{identity}\"]"));
        split.run_all();
        split.joined();
        Self { split, links, _network: network, _broker: broker, _folder: folder }
    }
}

#[test]
fn a_bad_network_loses_and_doubles_nothing() {
    let mut ground = Ground::lay();
    let mut crew = Crew::register(&ground.split, &["anna", "ben", "cora", "dora"]);
    let (notes, mut troubles) = (Notes::default(), 0);
    let pairs: Vec<(&Link, Trouble)> = Trouble::ALL
        .into_iter()
        .flat_map(|trouble| ground.links.iter().map(move |link| (link, trouble)))
        .collect();
    crew.work(&notes, || {
        let scale = Scale::of_this_run();
        for round in scale.rounds(pairs.len()) {
            let (link, trouble) = pairs[round % pairs.len()];
            notes.wait_for(10);
            link.spoil(trouble);
            if (link.name, trouble) == ("thoughts-database", Trouble::Silent) {
                // A database that says nothing is noticed, and that is said.
                notes.wait_for_refusal("503 HTT-017");
            } else {
                let time = scale.amount(1500, [2_000, 12_000, 5_000][round % 3]);
                std::thread::sleep(Duration::from_millis(time));
            }
            link.heal();
            troubles += 1;
        }
        notes.wait_for(30);
    });
    println!("found: {troubles} troubles");
    notes.assert_honest();
    crew.verdict(&ground.split);
    ground.split.stop_all();
}
