use super::*;
use schemars::JsonSchema;
use serde_json::json;

fn changes(old: &Value, new: &Value) -> (bool, bool) {
    let safe = |promise| incompatibilities(old, new, promise).is_empty();
    assert_eq!(
        safe(Compatibility::Full),
        safe(Compatibility::Backward) && safe(Compatibility::Forward)
    );
    (safe(Compatibility::Backward), safe(Compatibility::Forward))
}

fn of<T: JsonSchema>() -> Value {
    schemars::schema_for!(T).to_value()
}

const BOTH: (bool, bool) = (true, true);
const BACKWARD: (bool, bool) = (true, false);
const FORWARD: (bool, bool) = (false, true);
const NEITHER: (bool, bool) = (false, false);

#[test]
fn changes_are_judged_by_the_promise() {
    let old =
        json!({"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]});
    let optional = json!({"type": "object", "properties": {"id": {"type": "string"},
        "note": {"type": ["string", "null"]}}, "required": ["id"]});
    let required = json!({"type": "object", "properties": {"id": {"type": "string"},
        "note": {"type": "string"}}, "required": ["id", "note"]});
    let retyped =
        json!({"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]});
    let removed = json!({"type": "object", "properties": {}});
    let closed = json!({"type": "object", "properties": {}, "additionalProperties": false});
    assert_eq!(changes(&old, &old), BOTH);
    assert_eq!(changes(&old, &optional), BOTH);
    assert_eq!(changes(&old, &required), FORWARD);
    assert_eq!(changes(&old, &removed), BACKWARD);
    assert_eq!(changes(&old, &retyped), NEITHER);
    assert_eq!(changes(&old, &closed), NEITHER);
}

/// What schemars makes of real types: references, nested options, documented enums.
#[test]
fn nested_types_are_followed_through_references() {
    mod old {
        #[derive(schemars::JsonSchema)]
        pub struct Place {
            pub _city: String,
        }
        #[derive(schemars::JsonSchema)]
        pub struct Event {
            pub _at: Option<Place>,
            pub _more: Vec<Place>,
        }
    }
    mod renamed {
        #[derive(schemars::JsonSchema)]
        pub struct Location {
            pub _city: String,
        }
        #[derive(schemars::JsonSchema)]
        pub struct Event {
            pub _at: Option<Location>,
            pub _more: Vec<Location>,
        }
    }
    mod retyped {
        #[derive(schemars::JsonSchema)]
        pub struct Place {
            pub _city: u32,
        }
        #[derive(schemars::JsonSchema)]
        pub struct Event {
            pub _at: Option<Place>,
            pub _more: Vec<Place>,
        }
    }
    mod certain {
        #[derive(schemars::JsonSchema)]
        pub struct Event {
            pub _at: super::old_place::Place,
            pub _more: Vec<super::old_place::Place>,
        }
    }
    let old = of::<old::Event>();
    assert_eq!(changes(&old, &of::<renamed::Event>()), BOTH, "a name is not part of the promise");
    assert_eq!(changes(&old, &of::<retyped::Event>()), NEITHER);
    assert_eq!(changes(&old, &of::<certain::Event>()), FORWARD, "null was allowed");
}

mod old_place {
    #[derive(schemars::JsonSchema)]
    pub struct Place {
        pub _city: String,
    }
}

#[test]
fn a_new_value_of_an_enum_is_unknown_to_old_readers() {
    let two = json!({"type": "string", "enum": ["a", "b"]});
    let three = json!({"oneOf": [{"const": "a"}, {"const": "b"}, {"const": "c"}]});
    let free = json!({"type": "string"});
    assert_eq!(changes(&two, &three), BACKWARD);
    assert_eq!(changes(&three, &two), FORWARD);
    assert_eq!(changes(&two, &free), BACKWARD);
    assert_eq!(changes(&free, &two), FORWARD);
}

#[test]
fn numbers_and_formats_may_only_widen_for_readers() {
    let number = json!({"type": "number"});
    let integer = json!({"type": "integer"});
    let unsigned = json!({"type": "integer", "minimum": 0});
    let id = json!({"type": "string", "format": "uuid"});
    let text = json!({"type": "string"});
    assert_eq!(changes(&integer, &number), BACKWARD);
    assert_eq!(changes(&unsigned, &integer), BACKWARD);
    assert_eq!(changes(&id, &text), BACKWARD);
    let map = |of: &Value| json!({"type": "object", "additionalProperties": of});
    assert_eq!(changes(&map(&integer), &map(&text)), NEITHER);
}

#[test]
fn recursive_types_come_to_an_end() {
    #[derive(JsonSchema)]
    struct Tree {
        _children: Vec<Tree>,
    }
    assert_eq!(changes(&of::<Tree>(), &of::<Tree>()), BOTH);
}
