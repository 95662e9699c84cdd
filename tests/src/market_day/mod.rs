//! A whole trading day with everything real but the exchange: the program `alavanca live --arm` with its SQLite file, a
//! bridge (sidecar or Expert Advisor) with its journal, the sockets between them, and the simulated terminal whose own
//! books say afterwards what really happened.
//!
//! [`run`] lets a day pass; [`torture`] kills the programs in it and starts them again. Both end with a [`Verdict`].

mod parts;
mod schedules;
mod torture;
mod verdict;

pub use parts::{AccountKind, BridgeKind, Day, Failure, Parts, Workshop};
pub use schedules::{SCHEDULES, Schedule, keep_to};
pub use torture::{Progress, Tally, TortureSettings, torture};
pub use verdict::{Line, Verdict};

/// Lets the day pass and says whether the database has what the exchange's books have.
///
/// # Errors
/// A program that cannot be started, or does not come to the day's end.
pub fn run(workshop: &Workshop, day: &Day) -> Result<Verdict, Failure> {
    let mut parts = Parts::begin(workshop, day)?;
    parts.start_bridge(None)?;
    parts.start_engine(None)?;
    parts.wait_for_the_end()?;
    parts.verdict(&[])
}
