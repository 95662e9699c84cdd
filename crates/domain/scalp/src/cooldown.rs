//! How long a symbol rests after a won scalp (semantics 22).

use alavanca_kernel::Timestamp;

/// The end of a symbol's latest rest. An instant, so that it survives a restart; while the clock has not reached it
/// the symbol rests, so that a clock set back never ends it early.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Cooldown {
    until: Option<Timestamp>,
}

impl Cooldown {
    pub(crate) const fn restored(until: Option<Timestamp>) -> Self {
        Self { until }
    }

    /// Never shortens a rest that is running.
    pub(crate) fn start(&mut self, at: Timestamp, seconds: u32) {
        if seconds > 0 {
            self.until = self.until.max(Some(at.plus_secs(i64::from(seconds))));
        }
    }

    pub(crate) const fn until(self) -> Option<Timestamp> {
        self.until
    }

    pub(crate) fn is_on(self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    /// Seconds that are left, a begun one counted whole; after a clock was set back not more than a rest can last.
    pub(crate) fn remaining_seconds(self, now: Timestamp, at_most: u32) -> i64 {
        let Some(until) = self.until.filter(|&until| now < until) else { return 0 };
        let micros = until.micros().saturating_sub(now.micros());
        let seconds = micros / 1_000_000 + i64::from(micros % 1_000_000 > 0);
        // At least one: it is still on, whatever the settings say since a restart.
        seconds.min(i64::from(at_most.max(1)))
    }
}
