//! How many were sent within a second, a minute, the day: exact, by sliding windows.

use std::collections::VecDeque;

use alavanca_kernel::Timestamp;
use serde::{Deserialize, Serialize};

use crate::refusal::Span;

/// The most within any second, any minute, and on the day.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ceiling {
    pub(crate) second: u32,
    pub(crate) minute: u32,
    pub(crate) day: u32,
}

/// What was sent of one kind.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Rate {
    /// When, within the last minute, oldest first.
    sent: VecDeque<Timestamp>,
    day: u32,
}

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;

impl Rate {
    /// The first ceiling that one more would break: the span and how many there were.
    pub(crate) fn full(&self, now: Timestamp, ceiling: Ceiling) -> Option<(Span, u32, u32)> {
        let since = |micros: i64| {
            let from = now.plus_micros(-micros);
            self.sent.iter().rev().take_while(|at| **at > from).count() as u32
        };
        [
            (Span::Second, since(SECOND), ceiling.second),
            (Span::Minute, since(MINUTE), ceiling.minute),
            (Span::Day, self.day, ceiling.day),
        ]
        .into_iter()
        .find(|(_, sent, max)| sent >= max)
    }

    pub(crate) fn count(&mut self, now: Timestamp) {
        while self.sent.front().is_some_and(|at| *at <= now.plus_micros(-MINUTE)) {
            self.sent.pop_front();
        }
        self.sent.push_back(now);
        self.day = self.day.saturating_add(1);
    }

    pub(crate) fn begin_day(&mut self) {
        self.day = 0;
    }

    pub(crate) fn today(&self) -> u32 {
        self.day
    }
}
