//! How long it takes from a tick to the order that it brings about.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Counts durations in buckets that are a 64th of their size apart, from a microsecond to a minute: what it says is at
/// most 2 % off, and it never grows.
#[derive(Debug, Clone)]
pub struct Latency {
    buckets: Vec<u64>,
    count: u64,
    worst: Duration,
}

/// What was measured, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LatencyFigures {
    /// How many.
    pub count: u64,
    /// Half of them were faster.
    pub median_us: u64,
    /// 99 of 100 were faster.
    pub p99_us: u64,
    /// The slowest.
    pub worst_us: u64,
}

/// Buckets for each doubling.
const FINE: u64 = 64;
/// Up to 2²⁶ µs: a minute.
const BUCKETS: usize = 27 * FINE as usize;

impl Default for Latency {
    fn default() -> Self {
        Self { buckets: vec![0; BUCKETS], count: 0, worst: Duration::ZERO }
    }
}

impl Latency {
    /// Counts one.
    pub fn push(&mut self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
        self.buckets[bucket_of(micros)] += 1;
        self.count += 1;
        self.worst = self.worst.max(took);
    }

    /// What was measured.
    pub fn figures(&self) -> LatencyFigures {
        LatencyFigures {
            count: self.count,
            median_us: self.quantile(50),
            p99_us: self.quantile(99),
            worst_us: u64::try_from(self.worst.as_micros()).unwrap_or(u64::MAX),
        }
    }

    /// The upper end of the bucket in which so many of a hundred are reached.
    fn quantile(&self, percent: u64) -> u64 {
        let wanted = (self.count * percent).div_ceil(100).max(1);
        let mut seen = 0;
        for (bucket, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return end_of(bucket as u64);
            }
        }
        0
    }
}

fn bucket_of(micros: u64) -> usize {
    let doubling = u64::from(micros.ilog2());
    let within = if doubling >= 6 { (micros >> (doubling - 6)) - FINE } else { (micros << (6 - doubling)) - FINE };
    ((doubling * FINE + within) as usize).min(BUCKETS - 1)
}

fn end_of(bucket: u64) -> u64 {
    let (doubling, within) = (bucket / FINE, bucket % FINE + FINE);
    if doubling >= 6 { within << (doubling - 6) } else { within >> (6 - doubling) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Latency, LatencyFigures};

    #[test]
    fn quantiles_are_at_most_two_percent_off() {
        let mut latency = Latency::default();
        assert_eq!(latency.figures(), LatencyFigures::default());
        for micros in 1..=10_000 {
            latency.push(Duration::from_micros(micros));
        }
        let LatencyFigures { count, median_us, p99_us, worst_us } = latency.figures();
        assert_eq!((count, worst_us), (10_000, 10_000));
        assert!((4_900..=5_000).contains(&median_us), "{median_us}");
        assert!((9_702..=9_900).contains(&p99_us), "{p99_us}");
        latency.push(Duration::from_hours(1));
        assert_eq!(latency.figures().worst_us, 3_600_000_000);
    }
}
