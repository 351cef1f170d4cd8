//! Finds what answers at a method and a canonical path.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::Method;

use crate::error::KernelError;
use crate::operation::{Operation, Routes};
use crate::outline::Shape;

/// Two operations want the same method and path, or a path is malformed.
#[derive(Debug, thiserror::Error)]
#[error("operation {id} cannot be mounted at {path}: {reason}")]
pub struct MountError {
    id: &'static str,
    path: String,
    reason: String,
}

/// Something with a place in a [`Table`].
pub trait Placed {
    /// Method, path and name.
    fn shape(&self) -> &Shape;
}

impl Placed for Arc<Operation> {
    fn shape(&self) -> &Shape {
        self.as_ref()
    }
}

/// Finds the operation for a method and a canonical path. Fixed segments win over parameters.
pub struct Table<T = Arc<Operation>> {
    paths: matchit::Router<usize>,
    entries: Vec<Vec<T>>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { paths: matchit::Router::new(), entries: Vec::new() }
    }
}

/// What was found: the entry and the path's parameters.
pub struct Found<'t, 'p, T> {
    /// The entry.
    pub entry: &'t T,
    params: matchit::Params<'t, 'p>,
}

impl<T> Found<'_, '_, T> {
    /// Values of the path's parameters, in order.
    #[must_use]
    pub fn params(&self) -> Vec<String> {
        self.params.iter().map(|(_, value)| value.to_owned()).collect()
    }
}

impl Table {
    /// A table of all operations of these services.
    ///
    /// # Errors
    /// [`MountError`] when two of them collide.
    pub fn new<'a>(services: impl IntoIterator<Item = &'a Routes>) -> Result<Self, MountError> {
        Self::of(services.into_iter().flat_map(Routes::operations).cloned())
    }

    /// The operation and the values of its path parameters. `HEAD` finds what `GET` would.
    ///
    /// # Errors
    /// [`KernelError::UnknownAddress`] or [`KernelError::MethodNotAllowed`].
    pub fn find(
        &self,
        method: &Method,
        path: &str,
    ) -> Result<(Arc<Operation>, Vec<String>), KernelError> {
        self.look_up(method, path).map(|found| (Arc::clone(found.entry), found.params()))
    }
}

impl<T: Placed> Table<T> {
    /// A table of these entries.
    ///
    /// # Errors
    /// [`MountError`] when two of them collide.
    pub fn of(entries: impl IntoIterator<Item = T>) -> Result<Self, MountError> {
        let mut by_path: BTreeMap<String, Vec<T>> = BTreeMap::new();
        for new in entries {
            let shape = new.shape();
            let (id, path) = (shape.id, shape.path.clone());
            let entry = by_path.entry(path.clone()).or_default();
            if entry.iter().any(|other| other.shape().method == shape.method) {
                return Err(MountError { id, path, reason: "taken".into() });
            }
            entry.push(new);
        }
        let mut table = Self::default();
        for (path, entries) in by_path {
            let id = entries.first().map_or("", |entry| entry.shape().id);
            table.paths.insert(path.clone(), table.entries.len()).map_err(|error| MountError {
                id,
                path,
                reason: error.to_string(),
            })?;
            table.entries.push(entries);
        }
        Ok(table)
    }

    /// The entry for a method and a path. `HEAD` finds what `GET` would.
    ///
    /// # Errors
    /// [`KernelError::UnknownAddress`] or [`KernelError::MethodNotAllowed`].
    pub fn look_up<'t, 'p>(
        &'t self,
        method: &Method,
        path: &'p str,
    ) -> Result<Found<'t, 'p, T>, KernelError> {
        let found = self.paths.at(path).map_err(|_| KernelError::UnknownAddress)?;
        let entries = self.entries.get(*found.value).ok_or(KernelError::UnknownAddress)?;
        let wanted = if *method == Method::HEAD { &Method::GET } else { method };
        let entry = entries
            .iter()
            .find(|entry| entry.shape().method == *wanted)
            .ok_or(KernelError::MethodNotAllowed)?;
        Ok(Found { entry, params: found.params })
    }

    /// The methods that a path takes, for `Allow` and CORS.
    #[must_use]
    pub fn methods(&self, path: &str) -> Vec<Method> {
        let entries = self.paths.at(path).ok().and_then(|found| self.entries.get(*found.value));
        entries.into_iter().flatten().map(|entry| entry.shape().method.clone()).collect()
    }
}
