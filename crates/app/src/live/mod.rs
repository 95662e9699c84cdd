//! Paper and live: the runner between a broker and a store, and the operator's way to it.
//!
//! What a running engine says of itself and what an operator tells it go through files in a folder beside the database
//! ([`mailbox`]), so that no port has to be opened and a command outlives the engine it was meant for.

pub mod admission;
mod adopt;
mod as_text;
pub mod crash;
mod day;
pub mod doctor;
mod examine;
mod ground;
pub mod latency;
pub mod mailbox;
pub mod notices;
pub mod operate;
mod operator;
pub mod preflight;
pub mod run;
pub mod statement;
pub mod status;
pub mod stop;
mod terms;
pub mod trial;
mod turning;
pub mod venue;
pub mod visit;
mod warmup;
