//! The day's loss, its drawdown and the losing streak, from the account's equity and from the fills, each by itself.

use alavanca_kernel::Money;
use serde::{Deserialize, Serialize};

use crate::PretradeSettings;
use crate::refusal::Refusal;

/// Two readings of one day: what the account says and what the fills come to. The worse one counts, and what reached
/// its limit stays so until the day ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Losses {
    /// Equity as it was first read on the day.
    first_equity: Option<Money>,
    best_equity: Option<Money>,
    /// Net result of the day's fills.
    realized: Money,
    /// The best of that with what was open.
    best_result: Money,
    /// Losing trades in a row.
    streak: u32,
    loss: Option<Money>,
    fall: Option<Money>,
}

impl Losses {
    pub(crate) fn begin_day(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn on_equity(&mut self, equity: Money, limits: &PretradeSettings) {
        let first = *self.first_equity.get_or_insert(equity);
        let best = self.best_equity.map_or(equity, |best| best.max(equity));
        self.best_equity = Some(best);
        self.hold(first - equity, best - equity, limits);
    }

    pub(crate) fn book(&mut self, net: Money) {
        self.realized += net;
    }

    /// What is open comes to this net result now.
    pub(crate) fn on_open_result(&mut self, open: Money, limits: &PretradeSettings) {
        let result = self.realized + open;
        self.best_result = self.best_result.max(result);
        // A profit that is still open does not soften a loss.
        let loss = -(self.realized + open.min(Money::ZERO));
        self.hold(loss, self.best_result - result, limits);
    }

    pub(crate) fn on_trade_ended(&mut self, net: Money) {
        if net.is_positive() {
            self.streak = 0;
        } else if net != Money::ZERO {
            self.streak = self.streak.saturating_add(1);
        }
    }

    fn hold(&mut self, loss: Money, fall: Money, limits: &PretradeSettings) {
        if limits.daily_loss_limit.is_some_and(|limit| loss >= limit) {
            self.loss = Some(self.loss.map_or(loss, |before| before.max(loss)));
        }
        if limits.drawdown_limit.is_some_and(|limit| fall >= limit) {
            self.fall = Some(self.fall.map_or(fall, |before| before.max(fall)));
        }
    }

    pub(crate) fn check(&self, limits: &PretradeSettings) -> Result<(), Refusal> {
        if let Some((loss, limit)) = self.loss.zip(limits.daily_loss_limit) {
            return Err(Refusal::DailyLoss { loss, limit });
        }
        if let Some((fall, limit)) = self.fall.zip(limits.drawdown_limit) {
            return Err(Refusal::Drawdown { fall, limit });
        }
        let (losses, max) = (self.streak, limits.max_losing_streak);
        if max > 0 && losses >= max { Err(Refusal::LosingStreak { losses, max }) } else { Ok(()) }
    }
}
