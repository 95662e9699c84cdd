//! What the specification's monitoring section prints, from the database alone, with what else answers its four
//! troubleshooting questions: sizing wrong ([`capital`])? scalps too early ([`scalp`])? always HOLD ([`policy`])? not
//! learning ([`updater`])? And whether confidence keeps what it promises ([`confidence`]).
//!
//! Each figure's definition stands at its field.

pub mod capital;
pub mod confidence;
pub mod policy;
pub mod regime;
pub mod scalp;
pub mod updater;

/// Part of a whole; `None` of nothing.
fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
