//! The latched causes, the day's figures, and the state that follows from them.

use alavanca_kernel::{Money, RiskState, Timestamp, TradingDay};
use serde::{Deserialize, Serialize};

use crate::{RiskCause, RiskChange, RiskConfig};

/// Keeps the account's risk state.
///
/// What changes a cause answers with a [`RiskChange`], also where a stricter cause keeps the state as it is: the
/// change is to be stored, and it may say to flatten.
#[derive(Clone, Debug)]
pub struct Risk {
    config: RiskConfig,
    now: RiskSnapshot,
    state: RiskState,
}

/// All there is to store: the day's figures and every cause by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct RiskSnapshot {
    /// The trading day that the figures are of; `None` before the first.
    pub day: Option<TradingDay>,
    /// Realised net result of the day: the daily profit.
    pub realized: Money,
    /// The day's best result, open results included; at least zero.
    pub peak: Money,
    /// Trades of the day.
    pub trades: u32,
    /// Losing trades in a row, over the ends of days; a pause starts them anew.
    pub losses_in_a_row: u32,
    /// When the pause ends, where there is one.
    pub paused_until: Option<Timestamp>,
    /// The day's loss limit was reached. Ends with the day.
    pub daily_loss: bool,
    /// The day's drawdown limit was reached. Ends with the day.
    pub drawdown: bool,
    /// The day's trades are used up. Ends with the day.
    pub trades_used_up: bool,
    /// The store failed. Ends with a reconciliation.
    pub store_failed: bool,
    /// Books and broker differ. Ends with a reconciliation.
    pub unreconciled: bool,
    /// The operator halted. Ends when the operator resumes.
    pub halted: bool,
    /// Trades closed on the day.
    #[serde(default)]
    pub closed: u32,
    /// Those of them with a net result above zero.
    #[serde(default)]
    pub won: u32,
    /// The day's first trades went badly. Ends with the day.
    #[serde(default)]
    pub bad_day: bool,
    /// The operator allows exits only. Ends when the operator resumes.
    #[serde(default)]
    pub reduce_only: bool,
}

impl RiskSnapshot {
    /// The strictest of the causes.
    pub const fn state(&self) -> RiskState {
        if self.halted {
            RiskState::Halted
        } else if self.daily_loss
            || self.drawdown
            || self.trades_used_up
            || self.bad_day
            || self.store_failed
            || self.unreconciled
            || self.reduce_only
        {
            RiskState::ReduceOnly
        } else if self.paused_until.is_some() {
            RiskState::Paused
        } else {
            RiskState::Active
        }
    }
}

impl Risk {
    /// Active, on no day yet.
    pub fn new(config: RiskConfig) -> Self {
        Self { config, now: RiskSnapshot::default(), state: RiskState::Active }
    }

    /// What it was set up with.
    pub const fn config(&self) -> &RiskConfig {
        &self.config
    }

    /// Whether entries are allowed. Exits always are.
    #[inline]
    pub const fn state(&self) -> RiskState {
        self.state
    }

    /// Realised net result of the trading day (semantics 35).
    #[inline]
    pub const fn daily_profit(&self) -> Money {
        self.now.realized
    }

    /// The trading day that the figures are of.
    #[inline]
    pub const fn day(&self) -> Option<TradingDay> {
        self.now.day
    }

    /// Tells the time: begins a new trading day, ends a pause. Nearly free where neither is due. A day or an instant
    /// that lies before what was seen changes nothing.
    #[inline]
    pub fn on_time(&mut self, at: Timestamp, day: TradingDay) -> Option<RiskChange> {
        if self.now.day >= Some(day) && self.now.paused_until.is_none_or(|until| at < until) {
            return None;
        }
        self.time_is_due(at, day)
    }

    #[cold]
    fn time_is_due(&mut self, at: Timestamp, day: TradingDay) -> Option<RiskChange> {
        let pause_over = self.now.paused_until.is_some_and(|until| at >= until);
        if pause_over {
            self.now.paused_until = None;
        }
        let limits_over = self.now.day < Some(day) && self.begin_day(day);
        let cause = match (limits_over, pause_over) {
            (true, _) => RiskCause::NewDay,
            (false, true) => RiskCause::PauseOver,
            (false, false) => return None,
        };
        Some(self.changed(at, cause, false))
    }

    /// Begins a day; whether that ended a limit of the day before.
    fn begin_day(&mut self, day: TradingDay) -> bool {
        let before = self.now;
        self.now.day = Some(day);
        if before.day.is_none() {
            // Results told before the first day was named belong to it.
            return false;
        }
        self.now = RiskSnapshot {
            realized: Money::ZERO,
            peak: Money::ZERO,
            trades: 0,
            daily_loss: false,
            drawdown: false,
            trades_used_up: false,
            closed: 0,
            won: 0,
            bad_day: false,
            ..self.now
        };
        before.daily_loss || before.drawdown || before.trades_used_up || before.bad_day
    }

    /// A leg closed, whole or in part, with this net result: it counts to the day's profit.
    ///
    /// Tell what is still open right after it ([`Risk::on_open_result`]): only that knows the day's best result.
    #[inline]
    pub fn add_realized(&mut self, net: Money, at: Timestamp) -> Option<RiskChange> {
        self.now.realized += net;
        self.check_daily_loss(self.now.realized, at)
    }

    /// All open legs marked to market come to this net result; zero where nothing is open.
    ///
    /// An open loss counts to the daily loss, an open profit does not soften it. The drawdown counts both.
    #[inline]
    pub fn on_open_result(&mut self, open_net: Money, at: Timestamp) -> Option<RiskChange> {
        let net = self.now.realized + open_net;
        self.now.peak = self.now.peak.max(net);
        let loss = self.check_daily_loss(self.now.realized + open_net.min(Money::ZERO), at);
        let drawdown = self.check_drawdown(net, at);
        // Both flatten alike; of two in one step the first is told, with the state that follows from both.
        match (loss, drawdown) {
            (Some(first), Some(second)) => Some(RiskChange { to: second.to, ..first }),
            (first, second) => first.or(second),
        }
    }

    /// A trade closed with all its legs, with this net result: it counts to the losses in a row and to the day's closed
    /// trades. A trade that ends at zero neither counts to the losses in a row nor interrupts them; of the closed trades
    /// it is one that was not won. Tell the result of its legs first ([`Risk::add_realized`]).
    pub fn on_trade_closed(&mut self, net: Money, at: Timestamp) -> Option<RiskChange> {
        self.now.closed = self.now.closed.saturating_add(1);
        self.now.won += u32::from(net.is_positive());
        let losses = self.check_losses_in_a_row(net, at);
        let bad_day = self.check_bad_day(at);
        // Of two in one step the stricter is told, with the state that was before both.
        match (losses, bad_day) {
            (Some(first), Some(second)) => Some(RiskChange { from: first.from, ..second }),
            (first, second) => second.or(first),
        }
    }

    /// From the day's n-th closed trade on, by the part that was won or by the day's realised result.
    fn check_bad_day(&mut self, at: Timestamp) -> Option<RiskChange> {
        let s = self.config.settings();
        let RiskSnapshot { closed: trades, won, realized: net, bad_day, .. } = self.now;
        if bad_day || s.bad_day_trades.is_none_or(|least| trades < least) {
            return None;
        }
        let too_few = |rate: u32| u64::from(won) * 1_000_000 < u64::from(rate) * u64::from(trades);
        if !s.bad_day_win_rate_micros.is_some_and(too_few) && s.bad_day_loss.is_none_or(|loss| net > -loss) {
            return None;
        }
        self.now.bad_day = true;
        Some(self.changed(at, RiskCause::BadDay { trades, won, net }, false))
    }

    fn check_losses_in_a_row(&mut self, net: Money, at: Timestamp) -> Option<RiskChange> {
        let s = self.config.settings();
        if net.is_positive() {
            self.now.losses_in_a_row = 0;
        } else if net < Money::ZERO {
            self.now.losses_in_a_row = self.now.losses_in_a_row.saturating_add(1);
        }
        let n = self.now.losses_in_a_row;
        if s.consecutive_losses_max == 0 || n < s.consecutive_losses_max || net >= Money::ZERO {
            return None;
        }
        let until = at.plus_secs(i64::from(s.pause_seconds));
        let until = self.now.paused_until.map_or(until, |already| already.max(until));
        self.now.losses_in_a_row = 0;
        self.now.paused_until = Some(until);
        Some(self.changed(at, RiskCause::ConsecutiveLosses { n, until }, false))
    }

    /// An entry was filled: it counts to the day's trades. Reaching the limit ends the day's entries, and closes
    /// nothing.
    pub fn on_entry(&mut self, at: Timestamp) -> Option<RiskChange> {
        self.now.trades = self.now.trades.saturating_add(1);
        let trades = self.now.trades;
        let limit = self.config.settings().trades_per_day_max.filter(|&limit| trades >= limit)?;
        if self.now.trades_used_up {
            return None;
        }
        self.now.trades_used_up = true;
        Some(self.changed(at, RiskCause::TradesPerDay { trades, limit }, false))
    }

    /// The operator halts.
    pub fn halt(&mut self, at: Timestamp) -> Option<RiskChange> {
        (!self.now.halted).then(|| {
            self.now.halted = true;
            self.changed(at, RiskCause::Operator, false)
        })
    }

    /// The operator allows exits only.
    pub fn reduce_only(&mut self, at: Timestamp) -> Option<RiskChange> {
        (!self.now.reduce_only).then(|| {
            self.now.reduce_only = true;
            self.changed(at, RiskCause::OperatorReduceOnly, false)
        })
    }

    /// The operator resumes: ends what the operator began, and nothing else.
    pub fn resume(&mut self, at: Timestamp) -> Option<RiskChange> {
        (self.now.halted || self.now.reduce_only).then(|| {
            (self.now.halted, self.now.reduce_only) = (false, false);
            self.changed(at, RiskCause::Resumed, false)
        })
    }

    /// The store failed: exits only until reconciled. A new day does not end it.
    pub fn store_failed(&mut self, at: Timestamp) -> Option<RiskChange> {
        (!self.now.store_failed).then(|| {
            self.now.store_failed = true;
            self.changed(at, RiskCause::Store, false)
        })
    }

    /// Books and broker differ: exits only until reconciled. A new day does not end it.
    pub fn reconciliation_failed(&mut self, at: Timestamp) -> Option<RiskChange> {
        (!self.now.unreconciled).then(|| {
            self.now.unreconciled = true;
            self.changed(at, RiskCause::Reconciliation, false)
        })
    }

    /// Books and broker agree: ends both.
    pub fn reconciled(&mut self, at: Timestamp) -> Option<RiskChange> {
        (self.now.store_failed || self.now.unreconciled).then(|| {
            (self.now.store_failed, self.now.unreconciled) = (false, false);
            self.changed(at, RiskCause::Reconciled, false)
        })
    }

    /// All there is to store.
    #[inline]
    pub const fn snapshot(&self) -> RiskSnapshot {
        self.now
    }

    /// Goes on from what was stored. The next [`Risk::on_time`] begins a new day or ends a pause where one is due.
    pub fn restore(&mut self, stored: RiskSnapshot) {
        self.now = stored;
        self.state = stored.state();
    }

    #[inline]
    fn check_daily_loss(&mut self, net: Money, at: Timestamp) -> Option<RiskChange> {
        let limit = self.config.settings().daily_loss_limit?;
        if self.now.daily_loss || net > -limit {
            return None;
        }
        self.now.daily_loss = true;
        Some(self.changed(at, RiskCause::DailyLoss { net, limit }, self.config.settings().flatten_on_loss))
    }

    #[inline]
    fn check_drawdown(&mut self, net: Money, at: Timestamp) -> Option<RiskChange> {
        let limit = self.config.settings().drawdown_limit?;
        let peak = self.now.peak;
        if self.now.drawdown || peak - net < limit {
            return None;
        }
        self.now.drawdown = true;
        Some(self.changed(at, RiskCause::Drawdown { peak, net, limit }, self.config.settings().flatten_on_loss))
    }

    /// The state that follows from the causes, told with the one that changed.
    fn changed(&mut self, at: Timestamp, cause: RiskCause, flatten: bool) -> RiskChange {
        let from = self.state;
        self.state = self.now.state();
        RiskChange { at, from, to: self.state, cause, flatten }
    }
}
