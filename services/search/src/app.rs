//! What the operations share.

use hanse_http::{Home, Service};

use crate::config::SearchConfig;
use crate::history::History;
use crate::shelf::Shelf;

/// The state of the service.
pub(crate) struct App {
    pub(crate) home: Home,
    pub(crate) config: SearchConfig,
    pub(crate) shelf: Shelf,
    pub(crate) history: History,
}

impl App {
    pub(crate) fn new(home: Home, config: SearchConfig) -> Self {
        Self { home, config, shelf: Shelf::default(), history: History::default() }
    }
}

impl Service for App {
    fn home(&self) -> &Home {
        &self.home
    }
}
