//! What users and groups are made of here, as one table: discovery publishes it, and filters, patches
//! and selections go by it (RFC 7643, section 7).

use serde_json::{Value, json};

/// What an attribute holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A string.
    Text,
    /// True or false.
    Truth,
    /// RFC 3339.
    Time,
    /// An address of another resource.
    Reference,
    /// Other attributes.
    Parts,
}

/// Who may set an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mutability {
    /// Clients, at any time.
    ReadWrite,
    /// Clients, together with the value it stands in.
    Immutable,
    /// Nobody.
    ReadOnly,
}

/// One attribute.
#[derive(Debug)]
pub(super) struct Attribute {
    /// Its name, of which the case does not count.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) mutability: Mutability,
    /// A list of values.
    pub(super) multi: bool,
    /// Cannot be missing.
    pub(super) required: bool,
    /// The case of its text counts.
    pub(super) exact: bool,
    /// No two resources have the same.
    unique: bool,
    /// The only value of its text, if there is only one.
    only: Option<&'static str>,
    /// What is in it, when it is of parts.
    pub(super) parts: &'static [Self],
    text: &'static str,
}

const PLAIN: Attribute = Attribute {
    name: "",
    kind: Kind::Text,
    mutability: Mutability::ReadWrite,
    multi: false,
    required: false,
    exact: false,
    unique: false,
    only: None,
    parts: &[],
    text: "",
};
const GIVEN: Attribute = Attribute { mutability: Mutability::ReadOnly, ..PLAIN };

/// A kind of resource.
#[derive(Debug)]
pub(super) struct Resource {
    /// Its name.
    pub(super) name: &'static str,
    /// Where it is, below the address of the protocol.
    pub(super) endpoint: &'static str,
    /// The name of its schema.
    pub(super) urn: &'static str,
    attributes: &'static [Attribute],
    text: &'static str,
}

/// What every resource has; schemas do not repeat it.
const COMMON: [Attribute; 3] = [
    Attribute { name: "id", exact: true, ..GIVEN },
    Attribute { name: "externalId", exact: true, ..PLAIN },
    Attribute {
        name: "meta",
        kind: Kind::Parts,
        parts: &[
            Attribute { name: "resourceType", exact: true, ..GIVEN },
            Attribute { name: "created", kind: Kind::Time, ..GIVEN },
            Attribute { name: "lastModified", kind: Kind::Time, ..GIVEN },
            Attribute { name: "location", kind: Kind::Reference, exact: true, ..GIVEN },
            Attribute { name: "version", exact: true, ..GIVEN },
        ],
        ..GIVEN
    },
];

/// People with an account.
pub(super) const USER: Resource = Resource {
    name: "User",
    endpoint: "/Users",
    urn: "urn:ietf:params:scim:schemas:core:2.0:User",
    text: "Somebody with an account",
    attributes: &[
        Attribute {
            name: "userName",
            required: true,
            unique: true,
            text: "The client's name for the person; people sign in with their address",
            ..PLAIN
        },
        Attribute {
            name: "name",
            kind: Kind::Parts,
            text: "The parts of the name",
            parts: &[
                Attribute { name: "familyName", text: "Family name", ..PLAIN },
                Attribute { name: "givenName", text: "Given name", ..PLAIN },
            ],
            ..PLAIN
        },
        Attribute {
            name: "displayName",
            required: true,
            text: "Name as shown; made of the others where it is not given",
            ..PLAIN
        },
        Attribute {
            name: "active",
            kind: Kind::Truth,
            required: true,
            text: "May the person sign in? True where it is not given; false ends every session",
            ..PLAIN
        },
        Attribute {
            name: "emails",
            kind: Kind::Parts,
            multi: true,
            required: true,
            text: "The address to sign in with: one, the primary or the first of those that are \
                   given. It may be missing where userName is an address",
            parts: &[
                Attribute { name: "value", required: true, text: "The address", ..PLAIN },
                Attribute { name: "type", text: "Its use, such as work", ..PLAIN },
                Attribute {
                    name: "primary",
                    kind: Kind::Truth,
                    text: "Is it the one that counts? Only one is kept",
                    ..PLAIN
                },
            ],
            ..PLAIN
        },
        Attribute {
            name: "groups",
            kind: Kind::Parts,
            multi: true,
            text: "The groups of which the person is a member; change the group to change them",
            parts: &[
                Attribute { name: "value", exact: true, text: "The id of the group", ..GIVEN },
                Attribute {
                    name: "$ref",
                    kind: Kind::Reference,
                    exact: true,
                    only: Some("Group"),
                    text: "Where the group is",
                    ..GIVEN
                },
                Attribute { name: "display", text: "The name of the group", ..GIVEN },
                Attribute { name: "type", only: Some("direct"), text: "How", ..GIVEN },
            ],
            ..GIVEN
        },
    ],
};

/// Groups that are open to provisioning.
pub(super) const GROUP: Resource = Resource {
    name: "Group",
    endpoint: "/Groups",
    urn: "urn:ietf:params:scim:schemas:core:2.0:Group",
    text: "People who have roles together; which roles, administrators decide",
    attributes: &[
        Attribute {
            name: "displayName",
            required: true,
            unique: true,
            text: "Name as shown",
            ..PLAIN
        },
        Attribute {
            name: "members",
            kind: Kind::Parts,
            multi: true,
            text: "The members",
            parts: &[
                Attribute {
                    name: "value",
                    exact: true,
                    mutability: Mutability::Immutable,
                    text: "The id of the person",
                    ..PLAIN
                },
                Attribute {
                    name: "$ref",
                    kind: Kind::Reference,
                    exact: true,
                    only: Some("User"),
                    mutability: Mutability::Immutable,
                    text: "Where the person is",
                    ..PLAIN
                },
                Attribute {
                    name: "type",
                    only: Some("User"),
                    mutability: Mutability::Immutable,
                    text: "What the member is",
                    ..PLAIN
                },
            ],
            ..PLAIN
        },
    ],
};

/// All of them.
pub(super) const RESOURCES: [&Resource; 2] = [&USER, &GROUP];

/// The attribute of this name among these, whatever its case.
pub(super) fn named(attributes: &'static [Attribute], name: &str) -> Option<&'static Attribute> {
    attributes.iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name))
}

impl Resource {
    /// The attribute of this name, whatever its case.
    pub(super) fn attribute(&self, name: &str) -> Option<&'static Attribute> {
        named(self.attributes, name).or_else(|| named(&COMMON, name))
    }

    /// The schema, as `/Schemas` answers it.
    pub(super) fn schema(&self, base: &str) -> Value {
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
            "id": self.urn,
            "name": self.name,
            "description": self.text,
            "attributes": self.attributes.iter().map(Attribute::describe).collect::<Vec<_>>(),
            "meta": { "resourceType": "Schema", "location": format!("{base}/Schemas/{}", self.urn) },
        })
    }

    /// The resource type, as `/ResourceTypes` answers it.
    pub(super) fn resource_type(&self, base: &str) -> Value {
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
            "id": self.name,
            "name": self.name,
            "description": self.text,
            "endpoint": self.endpoint,
            "schema": self.urn,
            "meta": {
                "resourceType": "ResourceType",
                "location": format!("{base}/ResourceTypes/{}", self.name),
            },
        })
    }
}

impl Attribute {
    /// Is it nobody's to set?
    pub(super) fn is_read_only(&self) -> bool {
        self.mutability == Mutability::ReadOnly
    }

    /// The part of this name, whatever its case.
    pub(super) fn part(&self, name: &str) -> Option<&'static Self> {
        named(self.parts, name)
    }

    fn describe(&self) -> Value {
        let mut said = json!({
            "name": self.name,
            "type": match self.kind {
                Kind::Text => "string",
                Kind::Truth => "boolean",
                Kind::Time => "dateTime",
                Kind::Reference => "reference",
                Kind::Parts => "complex",
            },
            "multiValued": self.multi,
            "description": self.text,
            "required": self.required,
            "mutability": match self.mutability {
                Mutability::ReadWrite => "readWrite",
                Mutability::Immutable => "immutable",
                Mutability::ReadOnly => "readOnly",
            },
            "returned": "default",
        });
        let Some(members) = said.as_object_mut() else { return said };
        if matches!(self.kind, Kind::Text | Kind::Reference) {
            members.insert("caseExact".into(), json!(self.exact));
            let unique = if self.unique { "server" } else { "none" };
            members.insert("uniqueness".into(), json!(unique));
        }
        match (self.kind, self.only) {
            (Kind::Reference, Some(name)) => {
                members.insert("referenceTypes".into(), json!([name]));
            }
            (_, Some(value)) => {
                members.insert("canonicalValues".into(), json!([value]));
            }
            (_, None) => {}
        }
        if !self.parts.is_empty() {
            let parts: Vec<_> = self.parts.iter().map(Self::describe).collect();
            members.insert("subAttributes".into(), Value::Array(parts));
        }
        said
    }
}
