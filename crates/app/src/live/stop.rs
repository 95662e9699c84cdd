//! Signals: an end in order, an end at once, a halt.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// What signals asked for.
#[derive(Debug, Default)]
pub struct Stop {
    ends: AtomicU32,
    halt: AtomicBool,
}

impl Stop {
    /// Asks for an end in order.
    pub fn ask(&self) {
        self.ends.fetch_add(1, Ordering::SeqCst);
    }

    /// Asks for a halt.
    pub fn ask_halt(&self) {
        self.halt.store(true, Ordering::SeqCst);
    }

    /// Whether an end was asked for.
    pub fn is_asked(&self) -> bool {
        self.ends.load(Ordering::SeqCst) > 0
    }

    /// Whether a halt was asked for since this was last asked.
    pub fn take_halt(&self) -> bool {
        self.halt.swap(false, Ordering::SeqCst)
    }

    /// Listens to the process's signals: SIGINT and SIGTERM end it in order, the second one at once; SIGUSR1 halts.
    ///
    /// # Errors
    /// Where the system does not let us.
    pub fn on_signals(self: &Arc<Self>) -> std::io::Result<()> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
                let mut signals = signal(kind)?;
                let stop = Arc::clone(self);
                tokio::spawn(async move {
                    while signals.recv().await.is_some() {
                        stop.end_or_leave();
                    }
                });
            }
            let mut halts = signal(SignalKind::user_defined1())?;
            let stop = Arc::clone(self);
            tokio::spawn(async move {
                while halts.recv().await.is_some() {
                    stop.ask_halt();
                }
            });
        }
        #[cfg(not(unix))]
        {
            let stop = Arc::clone(self);
            tokio::spawn(async move {
                while tokio::signal::ctrl_c().await.is_ok() {
                    stop.end_or_leave();
                }
            });
        }
        Ok(())
    }

    fn end_or_leave(&self) {
        if self.ends.fetch_add(1, Ordering::SeqCst) > 0 {
            // Stops rest at the server, intents are on the disk: the next start reconciles.
            std::process::exit(130);
        }
    }
}
