//! Waiting for a store from code that does not wait.

use std::io;

use tokio::runtime::{Builder, Runtime};

/// One thread that waits: the caller's own.
pub(crate) fn on_this_thread() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}
