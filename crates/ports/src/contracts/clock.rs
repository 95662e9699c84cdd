//! What every [`Clock`] has to keep.

use alavanca_kernel::Timestamp;

use crate::Clock;

/// 2020-01-01 and 2100-01-01: a clock that says anything else counts in the wrong unit or from the wrong epoch.
const PLAUSIBLE: [Timestamp; 2] = [Timestamp::from_secs(1_577_836_800), Timestamp::from_secs(4_102_444_800)];
/// How far a clock may step back between two readings, in microseconds: the machine's clock may be corrected.
const BACKWARDS_MAX_MICROS: i64 = 1_000_000;

/// Reads the clock often: the time is one of our century, and does not run backwards beyond a small correction.
///
/// `wait` is called between readings; it lets a controlled clock advance, and does nothing for the machine's.
pub fn suite<C: Clock>(clock: &C, mut wait: impl FnMut()) {
    let mut last = clock.now();
    for reading in 0..1_000 {
        assert!(last > PLAUSIBLE[0] && last < PLAUSIBLE[1], "reading {reading} is not a time of this century: {last}");
        wait();
        let now = clock.now();
        let back = last.micros() - now.micros();
        assert!(back <= BACKWARDS_MAX_MICROS, "reading {reading} went back by {back} µs: {last} to {now}");
        last = now;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    /// Starts at the first number and moves by the second at every reading.
    struct Steps(AtomicI64, i64);

    impl Clock for Steps {
        fn now(&self) -> Timestamp {
            Timestamp::from_micros(self.0.fetch_add(self.1, Ordering::Relaxed))
        }
    }

    const IN_2026: i64 = 1_780_000_000_000_000;

    #[test]
    fn a_clock_that_advances_passes() {
        suite(&Steps(AtomicI64::new(IN_2026), 1), || ());
        suite(&Steps(AtomicI64::new(IN_2026), -BACKWARDS_MAX_MICROS), || ());
    }

    #[test]
    #[should_panic(expected = "went back")]
    fn a_clock_that_runs_backwards_fails() {
        suite(&Steps(AtomicI64::new(IN_2026), -BACKWARDS_MAX_MICROS - 1), || ());
    }

    #[test]
    #[should_panic(expected = "not a time of this century")]
    fn a_clock_that_counts_milliseconds_fails() {
        suite(&Steps(AtomicI64::new(IN_2026 / 1_000), 1), || ());
    }
}
