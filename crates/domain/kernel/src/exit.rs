//! The one rule of which exit a bar or a tick touches (semantics 21). The scalp, the simulated exchange and the
//! shadow all ask here.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Bar, Price, Side, Tick, Timestamp};

/// How a leg ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ExitKind {
    /// At its target.
    TakeProfit,
    /// At its stop.
    StopLoss,
    /// At its time limit.
    Timeout,
    /// By the operator, risk, the session, or the end of the base.
    Forced,
}

impl ExitKind {
    /// The stored spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TakeProfit => "TP_HIT",
            Self::StopLoss => "SL_HIT",
            Self::Timeout => "TIMEOUT",
            Self::Forced => "FORCED",
        }
    }
}

impl fmt::Display for ExitKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Where a leg's exits are. A level that is not there lies where no price can reach it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ExitLevels {
    side: Side,
    take_profit: Price,
    stop_loss: Price,
    deadline: Timestamp,
}

impl ExitLevels {
    /// Levels of a leg of `side`.
    pub fn new(side: Side, take_profit: Option<Price>, stop_loss: Option<Price>, deadline: Option<Timestamp>) -> Self {
        let (no_target, no_stop) = match side {
            Side::Buy => (Price::NEVER_ABOVE, Price::NEVER_BELOW),
            Side::Sell => (Price::NEVER_BELOW, Price::NEVER_ABOVE),
        };
        Self {
            side,
            take_profit: take_profit.unwrap_or(no_target),
            stop_loss: stop_loss.unwrap_or(no_stop),
            deadline: deadline.unwrap_or(Timestamp::MAX),
        }
    }

    /// The leg's side.
    pub const fn side(&self) -> Side {
        self.side
    }

    /// The target, where there is one.
    pub fn take_profit(&self) -> Option<Price> {
        present(self.take_profit)
    }

    /// The stop, where there is one.
    pub fn stop_loss(&self) -> Option<Price> {
        present(self.stop_loss)
    }

    /// When the time limit ends, where there is one.
    pub fn deadline(&self) -> Option<Timestamp> {
        (self.deadline != Timestamp::MAX).then_some(self.deadline)
    }

    /// Whether this price lies between stop and target, so that neither is touched.
    pub fn surround(&self, price: Price) -> bool {
        match self.side {
            Side::Buy => self.stop_loss < price && price < self.take_profit,
            Side::Sell => self.take_profit < price && price < self.stop_loss,
        }
    }

    /// The same levels with another stop.
    pub fn with_stop(self, stop_loss: Price) -> Self {
        Self { stop_loss, ..self }
    }
}

fn present(level: Price) -> Option<Price> {
    (level != Price::NEVER_ABOVE && level != Price::NEVER_BELOW).then_some(level)
}

/// An exit that was touched.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Touch {
    /// Which.
    pub kind: ExitKind,
    /// The price there, before spread and slippage.
    pub price: Price,
    /// When: a bar's begin for what its open did, else its end.
    pub at: Timestamp,
    /// The bar could not say what happened first, or whether it happened in time.
    pub unresolved: bool,
}

/// Which exit a bar touches, if any.
///
/// - A deadline that passed before the bar ends the leg at the open.
/// - A gap through a level fills at the open.
/// - A bar that spans both levels is a stop; a stop counts in any bar that began before the deadline.
/// - A target counts only if the bar ends within the limit; a bar that ends at or after the deadline closes the
///   leg at its close, the nearest price that is known.
#[inline]
pub fn touch_bar(levels: &ExitLevels, bar: &Bar) -> Option<Touch> {
    let (stopped_at_open, done_at_open, stopped, done) = match levels.side {
        Side::Buy => (
            bar.open <= levels.stop_loss,
            bar.open >= levels.take_profit,
            bar.low <= levels.stop_loss,
            bar.high >= levels.take_profit,
        ),
        Side::Sell => (
            bar.open >= levels.stop_loss,
            bar.open <= levels.take_profit,
            bar.high >= levels.stop_loss,
            bar.low <= levels.take_profit,
        ),
    };
    let end = bar.end();
    if !stopped && !done && end < levels.deadline {
        return None;
    }
    let at_open = |kind| Some(Touch { kind, price: bar.open, at: bar.time, unresolved: false });
    if bar.time >= levels.deadline {
        return at_open(ExitKind::Timeout);
    }
    if stopped_at_open {
        return at_open(ExitKind::StopLoss);
    }
    if done_at_open {
        return at_open(ExitKind::TakeProfit);
    }
    let late = end > levels.deadline;
    let (kind, price) = if stopped {
        (ExitKind::StopLoss, levels.stop_loss)
    } else if done && !late {
        (ExitKind::TakeProfit, levels.take_profit)
    } else {
        (ExitKind::Timeout, bar.close)
    };
    Some(Touch { kind, price, at: end, unresolved: late || (stopped && done) })
}

/// Which exit a tick touches, if any: judged and filled at the tradable side (the bid for a long).
///
/// The stop is looked at before the target, and both before the deadline. A tick that is not tradable touches nothing.
#[inline]
pub fn touch_tick(levels: &ExitLevels, tick: &Tick) -> Option<Touch> {
    if !tick.is_tradable() {
        return None;
    }
    let (price, stopped, done) = match levels.side {
        Side::Buy => (tick.bid, tick.bid <= levels.stop_loss, tick.bid >= levels.take_profit),
        Side::Sell => (tick.ask, tick.ask >= levels.stop_loss, tick.ask <= levels.take_profit),
    };
    let kind = if tick.time >= levels.deadline {
        ExitKind::Timeout
    } else if stopped {
        ExitKind::StopLoss
    } else if done {
        ExitKind::TakeProfit
    } else {
        return None;
    };
    Some(Touch { kind, price, at: tick.time, unresolved: false })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ExitKind::{StopLoss, TakeProfit, Timeout};

    const MINUTE: u32 = 60;

    fn p(points: i64) -> Price {
        Price::from_raw(points * Price::SCALE)
    }

    fn bar(time: i64, [open, high, low, close]: [i64; 4]) -> Bar {
        Bar {
            time: Timestamp::from_secs(time),
            open: p(open),
            high: p(high),
            low: p(low),
            close: p(close),
            seconds: MINUTE,
            ..Bar::default()
        }
    }

    /// A position from 100 with target 180, stop 60 (mirrored for a short) and a deadline at second 180.
    fn levels(side: Side) -> ExitLevels {
        let price = |distance| side.ahead(p(100), p(distance));
        ExitLevels::new(side, Some(price(80)), Some(price(-40)), Some(Timestamp::from_secs(180)))
    }

    fn mirrored([open, high, low, close]: [i64; 4]) -> [i64; 4] {
        [200 - open, 200 - low, 200 - high, 200 - close]
    }

    #[test]
    fn bars_touch_by_the_rule() {
        // begin, OHLC, expected: kind, price for the long, unresolved
        let cases: [(&str, i64, [i64; 4], Option<(ExitKind, i64, bool)>); 13] = [
            ("quiet", 0, [100, 120, 90, 110], None),
            ("target", 0, [100, 180, 90, 110], Some((TakeProfit, 180, false))),
            ("one short of the target", 0, [100, 179, 90, 110], None),
            ("stop", 0, [100, 120, 60, 110], Some((StopLoss, 60, false))),
            ("one short of the stop", 0, [100, 120, 61, 110], None),
            ("both: a stop", 0, [100, 190, 50, 110], Some((StopLoss, 60, true))),
            ("gap through the stop: the open", 0, [40, 120, 30, 110], Some((StopLoss, 40, false))),
            ("gap through the target: the open", 0, [200, 210, 190, 205], Some((TakeProfit, 200, false))),
            ("ends at the deadline with the target: counts", 120, [100, 185, 90, 110], Some((TakeProfit, 180, false))),
            ("ends at the deadline: out at the close", 120, [100, 120, 90, 110], Some((Timeout, 110, false))),
            ("deadline inside, target touched: does not count", 150, [100, 185, 90, 110], Some((Timeout, 110, true))),
            ("deadline inside, stop touched: counts", 150, [100, 120, 55, 110], Some((StopLoss, 60, true))),
            (
                "deadline passed before: the open, even beyond the stop",
                180,
                [50, 60, 40, 45],
                Some((Timeout, 50, false)),
            ),
        ];
        for (name, time, ohlc, expected) in cases {
            let got = touch_bar(&levels(Side::Buy), &bar(time, ohlc)).map(|t| (t.kind, t.price, t.unresolved));
            assert_eq!(got, expected.map(|(k, at, u)| (k, p(at), u)), "long, {name}");
            let got =
                touch_bar(&levels(Side::Sell), &bar(time, mirrored(ohlc))).map(|t| (t.kind, t.price, t.unresolved));
            assert_eq!(got, expected.map(|(k, at, u)| (k, p(200 - at), u)), "short, {name}");
        }
    }

    #[test]
    fn ticks_touch_at_the_tradable_side() {
        let tick =
            |time, bid, ask| Tick { time: Timestamp::from_secs(time), bid: p(bid), ask: p(ask), ..Tick::default() };
        for (name, side, tick, expected) in [
            ("long leaves at the bid", Side::Buy, tick(1, 180, 190), Some((TakeProfit, 180))),
            ("the ask alone does not count for a long", Side::Buy, tick(1, 179, 190), None),
            ("long stopped at the bid, below its stop", Side::Buy, tick(1, 55, 70), Some((StopLoss, 55))),
            ("short leaves at the ask", Side::Sell, tick(1, 15, 20), Some((TakeProfit, 20))),
            ("the bid alone does not count for a short", Side::Sell, tick(1, 15, 21), None),
            ("short stopped at the ask", Side::Sell, tick(1, 130, 140), Some((StopLoss, 140))),
            ("time limit to the second", Side::Buy, tick(180, 100, 101), Some((Timeout, 100))),
            ("a second before the limit", Side::Buy, tick(179, 100, 101), None),
            ("crossed book", Side::Buy, tick(200, 55, 50), None),
            ("one-sided book", Side::Buy, tick(200, 0, 50), None),
        ] {
            assert_eq!(
                touch_tick(&levels(side), &tick).map(|t| (t.kind, t.price)),
                expected.map(|(k, at)| (k, p(at))),
                "{name}"
            );
        }
    }

    #[test]
    fn levels_that_are_not_there_are_never_touched() {
        for side in [Side::Buy, Side::Sell] {
            let none = ExitLevels::new(side, None, None, None);
            assert_eq!(touch_bar(&none, &bar(0, [100, 1_000_000, 1, 100])), None);
            assert_eq!((none.take_profit(), none.stop_loss(), none.deadline()), (None, None, None));
        }
    }
}
