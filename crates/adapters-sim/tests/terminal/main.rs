//! The simulated terminal, by its link: rule by rule without sockets, then the program over real ones.

#![allow(clippy::unwrap_used, reason = "a test's own tools fail with it")]

mod day;
mod exchange;
mod faults;
mod world;

mod link;
mod property;
