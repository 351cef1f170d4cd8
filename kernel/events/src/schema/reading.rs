//! Can everything that one schema allows be read by another?
//!
//! Both sides are taken apart into alternatives (`anyOf`, `oneOf`, `enum`, lists of types; references
//! are followed), and each alternative of the writer must be readable by one of the reader's. What
//! is not understood is compared as it stands: rather a finding too many than one too few.

use serde_json::{Map, Value};

/// Schemas nest no deeper than this; beyond, nothing more is compared.
const DEEPEST: usize = 64;
/// Limits of numbers and lengths: (keyword, true when a smaller value is stricter).
const LIMITS: [(&str, bool); 6] = [
    ("minimum", false),
    ("maximum", true),
    ("minLength", false),
    ("maxLength", true),
    ("minItems", false),
    ("maxItems", true),
];

pub(super) struct Reading<'a> {
    reader: &'a Value,
    writer: &'a Value,
    /// Pairs of references that are being compared: recursive types end here.
    open: Vec<(String, String)>,
    depth: usize,
}

impl<'a> Reading<'a> {
    /// What of `writer` a `reader` cannot read.
    pub(super) fn of(reader: &'a Value, writer: &'a Value) -> Vec<String> {
        let mut reading = Self { reader, writer, open: Vec::new(), depth: 0 };
        reading.any(reader, writer, "")
    }

    fn any(&mut self, reader: &Value, writer: &Value, path: &str) -> Vec<String> {
        let pair = match (reference(reader), reference(writer)) {
            (Some(ours), Some(theirs)) => Some((ours.to_owned(), theirs.to_owned())),
            _ => None,
        };
        let known = pair.as_ref().is_some_and(|pair| self.open.contains(pair));
        if known || self.depth >= DEEPEST {
            return Vec::new();
        }
        self.depth += 1;
        let opened = pair.map(|pair| self.open.push(pair)).is_some();
        let ours = alternatives(self.reader, reader, 0);
        let theirs = alternatives(self.writer, writer, 0);
        let found = theirs.iter().flat_map(|their| self.best(&ours, their, path)).collect();
        if opened {
            self.open.pop();
        }
        self.depth -= 1;
        found
    }

    /// The findings of the alternative of the reader that fits best; none when one fits.
    fn best(&mut self, ours: &[Value], their: &Value, path: &str) -> Vec<String> {
        let mut best: Option<Vec<String>> = None;
        for our in ours {
            let found = self.one(our, their, path);
            if best.as_ref().is_none_or(|best| found.len() < best.len()) {
                best = Some(found);
            }
            if best.as_ref().is_some_and(Vec::is_empty) {
                return Vec::new();
            }
        }
        match best {
            Some(found) if ours.len() == 1 => found,
            _ => vec![format!("{path}: {} is unknown to the other side", shown(their))],
        }
    }

    fn one(&mut self, our: &Value, their: &Value, path: &str) -> Vec<String> {
        if our.get("const").is_some() || their.get("const").is_some() {
            return constant(our, their, path);
        }
        let mut found = Vec::new();
        match (type_of(our), type_of(their)) {
            (None, _) => {}
            (Some(ours), Some(theirs))
                if ours == theirs || (ours, theirs) == ("number", "integer") => {}
            (Some(ours), theirs) => {
                let theirs = theirs.unwrap_or("anything");
                found.push(format!("{path}: {theirs} cannot be read as {ours}"));
                return found;
            }
        }
        for key in ["format", "pattern"] {
            if our.get(key).is_some() && our.get(key) != their.get(key) {
                found.push(format!("{path}: the {key} changed"));
            }
        }
        limits(our, their, path, &mut found);
        self.object(our, their, path, &mut found);
        for key in ["items", "additionalProperties"] {
            if let (Some(ours), Some(theirs)) = (our.get(key), their.get(key))
                && ours.is_object()
                && theirs.is_object()
            {
                found.extend(self.any(ours, theirs, &format!("{path}[]")));
            }
        }
        if our.get("prefixItems") != their.get("prefixItems") {
            found.push(format!("{path}: the places of the list changed"));
        }
        found
    }

    fn object(&mut self, our: &Value, their: &Value, path: &str, found: &mut Vec<String>) {
        let empty = Map::new();
        let properties =
            |schema: &Value| schema.get("properties").and_then(Value::as_object).cloned();
        let ours = properties(our).unwrap_or_default();
        let theirs = properties(their);
        let theirs = theirs.as_ref().unwrap_or(&empty);
        for name in required(our).filter(|name| !required(their).any(|other| other == *name)) {
            found.push(format!(
                "{path}/{name}: required by one side, optional or missing on the other"
            ));
        }
        let closed = our.get("additionalProperties") == Some(&Value::Bool(false));
        for (name, schema) in theirs {
            match ours.get(name) {
                Some(ours) => found.extend(self.any(ours, schema, &format!("{path}/{name}"))),
                None if closed => found.push(format!("{path}/{name}: refused by the other side")),
                None => {}
            }
        }
    }
}

fn reference(schema: &Value) -> Option<&str> {
    schema.get("$ref").and_then(Value::as_str)
}

/// The simple schemas that this one stands for.
fn alternatives(root: &Value, schema: &Value, depth: usize) -> Vec<Value> {
    if depth >= DEEPEST {
        return vec![schema.clone()];
    }
    if let Some(target) = reference(schema).and_then(|path| root.pointer(path.strip_prefix('#')?)) {
        return alternatives(root, target, depth + 1);
    }
    for key in ["anyOf", "oneOf"] {
        if let Some(branches) = schema.get(key).and_then(Value::as_array) {
            return branches
                .iter()
                .flat_map(|branch| alternatives(root, branch, depth + 1))
                .collect();
        }
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return values.iter().map(|value| with(&Value::Null, "const", value)).collect();
    }
    match schema.get("type").and_then(Value::as_array) {
        Some(types) => types.iter().map(|one| with(schema, "type", one)).collect(),
        None => vec![schema.clone()],
    }
}

fn with(schema: &Value, key: &str, value: &Value) -> Value {
    let mut schema = schema.as_object().cloned().unwrap_or_default();
    schema.insert(key.to_owned(), value.clone());
    Value::Object(schema)
}

fn type_of(schema: &Value) -> Option<&str> {
    schema.get("type").and_then(Value::as_str)
}

fn required(schema: &Value) -> impl Iterator<Item = &str> {
    schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

fn constant(our: &Value, their: &Value, path: &str) -> Vec<String> {
    let readable = match (our.get("const"), their.get("const")) {
        (Some(ours), Some(theirs)) => ours == theirs,
        (None, Some(theirs)) => type_of(our).is_none_or(|name| name == kind_of(theirs)),
        _ => false,
    };
    if readable {
        return Vec::new();
    }
    vec![format!("{path}: {} is unknown to the other side", shown(their))]
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn limits(our: &Value, their: &Value, path: &str, found: &mut Vec<String>) {
    for (key, smaller_is_stricter) in LIMITS {
        let Some(ours) = our.get(key).and_then(Value::as_f64) else { continue };
        let within = their.get(key).and_then(Value::as_f64).is_some_and(|theirs| {
            if smaller_is_stricter { theirs <= ours } else { theirs >= ours }
        });
        if !within {
            found.push(format!("{path}: {key} is stricter on one side"));
        }
    }
}

fn shown(schema: &Value) -> String {
    match (schema.get("const"), type_of(schema)) {
        (Some(value), _) => value.to_string(),
        (None, Some(name)) => name.to_owned(),
        (None, None) => "anything".to_owned(),
    }
}
