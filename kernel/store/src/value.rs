//! Values that cross the border between Rust and SQL, the same on both engines.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::{Result, StoreError};

/// One SQL value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// NULL
    Null,
    /// BOOLEAN
    Bool(bool),
    /// BIGINT
    Int(i64),
    /// DOUBLE PRECISION
    Real(f64),
    /// TEXT
    Text(String),
    /// BYTEA
    Bytes(Vec<u8>),
    /// UUID
    Uuid(Uuid),
    /// TIMESTAMPTZ, microseconds
    Time(Timestamp),
    /// JSONB, as its text
    Json(String),
}

/// A value to store as JSON.
pub struct Json<T>(pub T);

impl<T: Serialize> From<Json<T>> for Value {
    fn from(Json(value): Json<T>) -> Self {
        // Serialising our own types to a string fails only on non-string map keys, a programming
        // error that the first test of the type shows.
        serde_json::to_string(&value).map_or(Self::Null, Self::Json)
    }
}

macro_rules! value_from {
    ($($from:ty => |$name:ident| $make:expr;)*) => {$(
        impl From<$from> for Value { fn from($name: $from) -> Self { $make } }
    )*};
}
value_from! {
    bool => |v| Self::Bool(v);
    i64 => |v| Self::Int(v);
    i32 => |v| Self::Int(v.into());
    u32 => |v| Self::Int(v.into());
    u16 => |v| Self::Int(v.into());
    usize => |v| Self::Int(i64::try_from(v).unwrap_or(i64::MAX));
    f64 => |v| Self::Real(v);
    String => |v| Self::Text(v);
    &str => |v| Self::Text(v.to_owned());
    &String => |v| Self::Text(v.clone());
    Vec<u8> => |v| Self::Bytes(v);
    &[u8] => |v| Self::Bytes(v.to_vec());
    Uuid => |v| Self::Uuid(v);
    &Uuid => |v| Self::Uuid(*v);
    Timestamp => |v| Self::Time(v);
}
impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
impl<const N: usize> From<[u8; N]> for Value {
    fn from(value: [u8; N]) -> Self {
        Self::Bytes(value.to_vec())
    }
}

/// Types that can be read from a column of either engine.
pub trait FromValue: Sized {
    /// Name for error messages.
    const WANTED: &'static str;
    /// `None` when the value has another type.
    fn from_value(value: Value) -> Option<Self>;
}

macro_rules! from_value {
    ($($to:ty, $name:literal: $($pattern:pat => $make:expr),+;)*) => {$(
        impl FromValue for $to {
            const WANTED: &'static str = $name;
            fn from_value(value: Value) -> Option<Self> {
                match value { $($pattern => $make,)+ _ => None }
            }
        }
    )*};
}
from_value! {
    bool, "a boolean": Value::Bool(v) => Some(v), Value::Int(v) => Some(v != 0);
    i64, "an integer": Value::Int(v) => Some(v);
    u32, "a small integer": Value::Int(v) => u32::try_from(v).ok();
    u16, "a small integer": Value::Int(v) => u16::try_from(v).ok();
    f64, "a number": Value::Real(v) => Some(v), Value::Int(v) => Some(v as f64);
    String, "text": Value::Text(v) | Value::Json(v) => Some(v);
    Vec<u8>, "bytes": Value::Bytes(v) => Some(v);
    Uuid, "a uuid": Value::Uuid(v) => Some(v), Value::Bytes(v) => Uuid::from_slice(&v).ok();
    Timestamp, "a time": Value::Time(v) => Some(v), Value::Int(v) => Timestamp::from_microsecond(v).ok();
}
impl<T: FromValue> FromValue for Option<T> {
    const WANTED: &'static str = T::WANTED;
    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => T::from_value(value).map(Some),
        }
    }
}
impl<T: DeserializeOwned> FromValue for Json<T> {
    const WANTED: &'static str = "JSON of the expected shape";
    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Json(text) | Value::Text(text) => serde_json::from_str(&text).ok().map(Json),
            _ => None,
        }
    }
}

/// One row of an answer.
#[derive(Clone, Debug)]
pub struct Row {
    pub(crate) columns: Arc<[Box<str>]>,
    pub(crate) values: Vec<Value>,
}

impl Row {
    /// The value of a column by name.
    ///
    /// # Errors
    /// [`StoreError::Decode`] when there is no such column or it has another type.
    pub fn get<T: FromValue>(&self, column: &str) -> Result<T> {
        self.columns
            .iter()
            .position(|name| **name == *column)
            .and_then(|index| self.values.get(index))
            .and_then(|value| T::from_value(value.clone()))
            .ok_or_else(|| StoreError::Decode { column: column.to_owned(), wanted: T::WANTED })
    }

    /// The value of a column by position, counted from 0.
    ///
    /// # Errors
    /// As [`Row::get`].
    pub fn at<T: FromValue>(&self, index: usize) -> Result<T> {
        self.values
            .get(index)
            .and_then(|value| T::from_value(value.clone()))
            .ok_or_else(|| StoreError::Decode { column: index.to_string(), wanted: T::WANTED })
    }
}
