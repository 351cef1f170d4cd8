use crate::{Engine, Stage, Topology};
use hanse_macros::stage_test;

fn services() -> Vec<&'static str> {
    vec!["projects"]
}

fn both() -> Vec<&'static str> {
    vec!["projects", "tasks"]
}

/// The tests are named by the module, and each is told which one it is.
#[stage_test]
async fn a_scene_knows_where_it_plays(t: Stage) {
    let expected = match (t.engine, t.topology) {
        (Engine::Sqlite, Topology::Local) => "sqlite_local",
        (Engine::Sqlite, Topology::Loopback) => "sqlite_loopback",
        (Engine::Postgres, _) => "postgres_local",
    };
    assert_eq!(t.name, format!("it::stage_test::a_scene_knows_where_it_plays::{expected}"));
    assert_eq!(t.services, ["projects"]);
}

#[stage_test(services = self::both, local)]
async fn a_local_scene_names_its_services(t: Stage) {
    assert_eq!(t.topology, Topology::Local);
    assert_eq!(t.services, ["projects", "tasks"]);
}

#[stage_test]
#[should_panic(expected = "the curtain fell")]
async fn attributes_of_tests_reach_the_tests(t: Stage) {
    assert!(t.name.is_empty(), "the curtain fell");
}
