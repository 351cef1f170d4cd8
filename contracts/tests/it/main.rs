//! The promises of the contracts: what was published stays readable.

#![expect(clippy::panic, clippy::unwrap_used, reason = "scenes fail by panicking")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use hanse_contracts::catalogue;
use hanse_contracts::documents::documents;
use hanse_events::schema::{EventType, incompatibilities};
use serde_json::{Value, json};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn names(folder: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(root().join(folder)).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn read(path: &str) -> Value {
    let text = std::fs::read_to_string(root().join(path))
        .unwrap_or_else(|error| panic!("{path}: {error}; see the crate's documentation"));
    serde_json::from_str(&text).unwrap()
}

fn file(event: &EventType) -> String {
    format!("{}.v{}.json", event.name, event.version)
}

/// Law 8: a committed schema changes only as its type promises, and is what the code says.
#[test]
fn committed_schemas_are_current_and_changes_keep_the_promise() {
    for event in catalogue() {
        let path = hanse_contracts::documents::schema_path(&event);
        let (committed, generated) = (read(&path), (event.schema)());
        let broken = incompatibilities(&committed, &generated, event.compatibility);
        assert!(
            broken.is_empty(),
            "{path}: the change breaks the promise {:?}; raise VERSION and keep the old type:\n{}",
            event.compatibility,
            broken.join("\n")
        );
        assert_eq!(
            committed, generated,
            "{path}: a compatible change; run the example write_schemas"
        );
    }
    for (path, text) in documents() {
        let committed = std::fs::read_to_string(root().join(&path)).unwrap_or_default();
        assert!(committed == text, "{path} is out of date: run the example write_schemas");
    }
}

/// A schema that was published is never removed: somebody's log holds such events.
#[test]
fn every_committed_schema_belongs_to_a_type() {
    let types: BTreeSet<_> = catalogue().iter().map(|event| event.name).collect();
    for name in names("contracts/schemas").union(&names("contracts/golden")) {
        let (kind, _) = name.rsplit_once(".v").unwrap();
        assert!(types.contains(kind), "{name} belongs to no event type of the catalogue");
    }
}

/// EXO-11: an example of every event, as it was published, is read and written again unchanged, and
/// read also with fields of a later release in it.
#[test]
fn the_golden_corpus_is_read_by_this_release() {
    let golden = names("contracts/golden");
    for event in catalogue() {
        assert!(golden.contains(&file(&event)), "contracts/golden/{} is missing", file(&event));
        for name in golden.iter().filter(|name| name.starts_with(&format!("{}.v", event.name))) {
            let data = read(&format!("contracts/golden/{name}"));
            let again = (event.reserialize)(data.clone());
            let again = again.unwrap_or_else(|error| panic!("{name}: {error}"));
            if *name == file(&event) {
                assert_eq!(again, data, "{name}");
            }
            let mut newer = data.clone();
            newer["a_field_of_a_later_release"] = json!({ "with": ["anything"] });
            assert_eq!((event.reserialize)(newer).unwrap(), again, "{name} with an unknown field");
        }
    }
}

/// What a service tells is addressed by its name, and every type is in the AsyncAPI document.
#[test]
fn the_asyncapi_document_lists_every_type() {
    let document = read("docs/asyncapi.json");
    for event in catalogue() {
        let source = event.name.split_once('.').unwrap().0;
        assert!(document["channels"][source]["messages"][event.name].is_object(), "{}", event.name);
        let data = &document["components"]["messages"][event.name]["payload"]["schema"]["properties"]
            ["data"];
        assert_eq!(data["$id"], file(&event));
    }
}
