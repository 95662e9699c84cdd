//! Snapshots of a regime's policy.

use alavanca_kernel::{Money, Regime, Timestamp};
use serde::{Deserialize, Serialize};

/// One regime's policy at one moment. What is in `policy` only the policy knows.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PolicySnapshot {
    /// Regime and number, e.g. `TREND_UP-000042`. Numbers grow and are never used twice.
    pub id: String,
    /// The number by itself.
    pub number: u64,
    /// The regime.
    pub regime: Regime,
    /// When it was taken.
    pub at: Timestamp,
    /// The policy's bytes, as they were given.
    #[serde(with = "text_or_bytes")]
    pub policy: Vec<u8>,
    /// What was known when it was taken.
    pub metrics: SnapshotMetrics,
    /// Why it was taken.
    pub note: String,
    /// Kept outside the count of snapshots (semantics 28).
    pub milestone: bool,
}

/// What was known of the regime when a snapshot was taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SnapshotMetrics {
    /// Batches finished before it.
    pub batches: u64,
    /// The regime's trades that wait to be learned.
    pub trade_count: u32,
    /// Their net result.
    pub batch_pnl: Money,
    /// Their average reward in millionths, downwards; `None` of no trades.
    pub average_reward_micros: Option<i64>,
}

/// Bytes that are text are written as text, so that the store's JSON stays readable; others as numbers.
mod text_or_bytes {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum TextOrBytes {
        Text(String),
        Bytes(Vec<u8>),
    }

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(bytes) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => bytes.serialize(serializer),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        Ok(match TextOrBytes::deserialize(deserializer)? {
            TextOrBytes::Text(text) => text.into_bytes(),
            TextOrBytes::Bytes(bytes) => bytes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_survive_the_store() {
        for (policy, stored) in
            [(b"{\"a\":1}".to_vec(), r#""policy":"{\"a\":1}""#), (vec![0xFF, 0], r#""policy":[255,0]"#)]
        {
            let snapshot = PolicySnapshot {
                id: "RANGE-000001".to_owned(),
                number: 1,
                regime: Regime::Range,
                at: Timestamp::from_secs(1),
                policy,
                metrics: SnapshotMetrics {
                    batches: 0,
                    trade_count: 0,
                    batch_pnl: Money::ZERO,
                    average_reward_micros: None,
                },
                note: String::new(),
                milestone: false,
            };
            let text = serde_json::to_string(&snapshot).unwrap();
            assert!(text.contains(stored), "{text}");
            assert_eq!(serde_json::from_str::<PolicySnapshot>(&text).unwrap(), snapshot);
        }
    }
}
