//! Administration from the command line, directly on the store.
