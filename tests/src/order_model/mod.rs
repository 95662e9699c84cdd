//! The order protocol between engine and bridge as a small machine, and a search through all of its states.
//!
//! What is sent to a broker may be late, lost, or done without a word; either side may stop at any point. Whether an
//! order can be executed twice under all that is not for a test with a few schedules to say. So the protocol is
//! written down once more, without sockets and files ([`Orders`], [`Stops`]), and [`search`] looks at every state that
//! it can come to. [`Protocol::OURS`] is what is built; each of [`Protocol::BROKEN`] leaves one precaution out, and has
//! to be found out by the shortest way to the damage.
//!
//! The search is our own: fifty lines. Whether a machine can always come to rest again needs the whole graph, backwards,
//! which `stateright` does not keep.

mod netting;
mod orders;
mod protocol;
mod search;
mod step;

pub use netting::{NettingStep, Precaution, Stops};
pub use orders::{ORDERS, Orders, State, Watched};
pub use protocol::{OnTimeout, Proof, Protocol};
pub use search::{Model, Searched, Verdict, search};
pub use step::{Actor, Kind, Letter, Reply, Rule, Step};
