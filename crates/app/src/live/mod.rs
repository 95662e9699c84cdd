//! Paper and live: the runner between a broker and a store, and the operator's way to it.
//!
//! What a running engine says of itself and what an operator tells it go through files in a folder beside the database
//! ([`mailbox`]), so that no port has to be opened and a command outlives the engine it was meant for.

mod as_text;
pub mod latency;
pub mod mailbox;
pub mod notices;
pub mod status;
