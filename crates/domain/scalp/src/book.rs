//! The open scalps of all symbols.

use alavanca_kernel::{
    Bar, Contracts, ExitAt, ExitLevels, Instrument, Money, Price, Protection, Side, SymbolId, Tick, Timestamp, Touch,
    TradeId, touch_bar, touch_tick,
};
use serde::{Deserialize, Serialize};

use crate::cooldown::Cooldown;
use crate::event::Log;
use crate::{ProtectMode, ScalpConfig, ScalpEvent, ScalpEventKind, ScalpStats, break_even_stop};

/// Keeps every symbol's open scalp and its rest, and what happened to the latest ones.
#[derive(Clone, Debug)]
pub struct ScalpBook {
    config: ScalpConfig,
    symbols: Vec<Slot>,
    log: Log,
}

#[derive(Clone, Copy, Default, Debug)]
struct Slot {
    active: Option<ScalpSetup>,
    cooldown: Cooldown,
    warned_out_of_reach: bool,
}

/// An open scalp.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ScalpSetup {
    /// The trade that the extra belongs to.
    pub trade: TradeId,
    /// The instrument.
    pub symbol: SymbolId,
    /// Long or short.
    pub side: Side,
    /// The price it was filled at; the average where it was filled in parts.
    pub entry: Price,
    /// Its target, stop and deadline (`calc_tp_price`, `calc_sl_price`).
    pub levels: ExitLevels,
    /// How many contracts.
    pub contracts: Contracts,
    /// When it was first filled.
    pub opened_at: Timestamp,
    /// What its entry cost: commission, positive.
    pub cost_in: Money,
}

/// What to do at the time limit (semantics 10).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitChoice {
    /// Close it.
    Close,
    /// Hand it over to the base's exits, with this stop.
    HandOver {
        /// Break-even after costs, on the tick away from the loss.
        stop: Price,
    },
}

impl ScalpBook {
    /// How many events [`ScalpBook::events`] remembers.
    pub const EVENTS: usize = Log::KEPT;

    /// A book of so many symbols, their ids counted from 0. Any other id stops the program.
    pub fn new(config: ScalpConfig, symbols: usize) -> Self {
        Self { config, symbols: vec![Slot::default(); symbols], log: Log::new() }
    }

    /// What it was set up with.
    pub const fn config(&self) -> &ScalpConfig {
        &self.config
    }

    /// The exits that travel with the extra's opening order: the instrument's own distances or the defaults
    /// (semantics 19), and the time limit.
    pub fn protection(&self, instrument: &Instrument) -> Protection {
        let distances = self.config.distances(instrument);
        Protection {
            stop: Some(ExitAt::Distance(instrument.points(distances.stop_loss_points))),
            target: Some(ExitAt::Distance(instrument.points(distances.take_profit_points))),
            hold_seconds: Some(self.config.settings().hold_seconds_max),
            keep_at_limit: self.config.settings().hybrid,
        }
    }

    /// The broker filled the extra: a scalp of the filled quantity at the filled price. `commission` is positive.
    ///
    /// Further fills of the same order go to [`ScalpBook::grow`]. A second scalp in a symbol stops the program: the
    /// first would be left unwatched.
    #[expect(clippy::too_many_arguments, reason = "a fill has these facts, and each is of its own type")]
    pub fn open(
        &mut self,
        instrument: &Instrument,
        symbol: SymbolId,
        trade: TradeId,
        side: Side,
        entry: Price,
        contracts: Contracts,
        opened_at: Timestamp,
        commission: Money,
    ) -> ScalpEvent {
        let levels = self.protection(instrument).resolve(side, entry, instrument.tick, opened_at);
        let slot = &mut self.symbols[symbol.index()];
        assert!(slot.active.is_none(), "a scalp is already open in symbol {symbol}: it would be left unwatched");
        let setup = ScalpSetup { trade, symbol, side, entry, levels, contracts, opened_at, cost_in: commission };
        slot.active = Some(setup);
        self.log.push(event(&setup, ScalpEventKind::Opened, entry, opened_at))
    }

    /// A further fill of the same extra: the entry becomes the average by contracts (rounded to 10⁻⁸, halves away
    /// from zero), target and stop move with it, the deadline stays that of the first fill. No further OPENED.
    ///
    /// `None` where no scalp is open.
    pub fn grow(
        &mut self,
        instrument: &Instrument,
        symbol: SymbolId,
        price: Price,
        contracts: Contracts,
        commission: Money,
    ) -> Option<&ScalpSetup> {
        let protection = self.protection(instrument);
        let setup = self.symbols[symbol.index()].active.as_mut()?;
        setup.entry = average(setup.entry, setup.contracts, price, contracts);
        setup.contracts = setup.contracts + contracts;
        setup.cost_in += commission;
        let levels = protection.resolve(setup.side, setup.entry, instrument.tick, setup.opened_at);
        let (target, stop) = (levels.take_profit(), levels.stop_loss());
        setup.levels = ExitLevels::new(setup.side, target, stop, setup.levels.deadline());
        Some(setup)
    }

    /// Which exit of the open scalp this bar touches (`update_scalp`). A bar that ended before the first fill says
    /// nothing about it.
    #[inline]
    pub fn watch_bar(&self, symbol: SymbolId, bar: &Bar) -> Option<Touch> {
        let setup = self.active(symbol)?;
        if bar.end() <= setup.opened_at { None } else { touch_bar(&setup.levels, bar) }
    }

    /// Which exit of the open scalp this tick touches (`update_scalp`). A tick from before the first fill says
    /// nothing about it.
    #[inline]
    pub fn watch_tick(&self, symbol: SymbolId, tick: &Tick) -> Option<Touch> {
        let setup = self.active(symbol)?;
        if tick.time < setup.opened_at { None } else { touch_tick(&setup.levels, tick) }
    }

    /// What to do with the open scalp at its time limit (semantics 10), with the market at `price` and `exit_cost`
    /// to be paid for closing.
    ///
    /// Handed over only in `HYBRID`, in profit after the costs of both sides, and where a stop at break-even can
    /// rest: on the losing side of the market.
    pub fn time_limit(&self, instrument: &Instrument, symbol: SymbolId, price: Price, exit_cost: Money) -> LimitChoice {
        let Some(setup) = self.active(symbol).filter(|_| self.config.settings().hybrid) else {
            return LimitChoice::Close;
        };
        let (side, costs) = (setup.side, setup.cost_in + exit_cost);
        let net = instrument.gross(side, setup.entry, price, setup.contracts) - costs;
        match break_even_stop(instrument, side, setup.entry, setup.contracts, costs) {
            Some(stop) if net.is_positive() && side.ahead(Price::ZERO, price - stop).is_positive() => {
                LimitChoice::HandOver { stop }
            }
            _ => LimitChoice::Close,
        }
    }

    /// The open scalp ended: closed at `exit` with these figures, or handed over marked to market. `costs` are those
    /// of the exit, positive; those of the entry are added here.
    ///
    /// Closed with a net result above zero, it starts the symbol's rest; a hand-over has realised nothing yet and
    /// starts none. `None` where no scalp is open, so an end that is told twice counts once.
    #[expect(clippy::too_many_arguments, reason = "an end has these facts, and each is of its own type")]
    pub fn close(
        &mut self,
        symbol: SymbolId,
        kind: ScalpEventKind,
        exit: Price,
        gross: Money,
        costs: Money,
        at: Timestamp,
        unresolved: bool,
    ) -> Option<ScalpEvent> {
        assert!(kind.is_end(), "{kind} ends no scalp: it would stay without an end");
        let slot = &mut self.symbols[symbol.index()];
        let setup = slot.active.take()?;
        let net = gross - setup.cost_in - costs;
        if kind.is_close() && net.is_positive() {
            slot.cooldown.start(at, self.config.settings().cooldown_seconds);
        }
        Some(self.log.push(ScalpEvent { gross, net, unresolved, ..event(&setup, kind, exit, at) }))
    }

    /// What the end of a scalp means for the rest of its base (semantics 22); `None` where it means nothing.
    pub fn protects(&self, end: &ScalpEvent) -> Option<ProtectMode> {
        let s = self.config.settings();
        (s.protect_profit && end.kind.is_close() && end.net.is_positive()).then_some(s.protect_mode)
    }

    /// The base was closed to protect a scalp's profit: records PROTECTED with the base's figures.
    pub fn protected(&mut self, base: ScalpEvent) -> ScalpEvent {
        self.log.push(ScalpEvent { kind: ScalpEventKind::Protected, ..base })
    }

    /// The open scalp.
    #[inline]
    pub fn active(&self, symbol: SymbolId) -> Option<&ScalpSetup> {
        self.symbols[symbol.index()].active.as_ref()
    }

    /// When the symbol's latest rest ends or ended.
    #[inline]
    pub fn cooldown_until(&self, symbol: SymbolId) -> Option<Timestamp> {
        self.symbols[symbol.index()].cooldown.until()
    }

    /// Whether the symbol rests after a won scalp.
    #[inline]
    pub fn in_cooldown(&self, symbol: SymbolId, now: Timestamp) -> bool {
        self.symbols[symbol.index()].cooldown.is_on(now)
    }

    /// How long the symbol still rests, in seconds; a begun second counts whole.
    pub fn cooldown_remaining_seconds(&self, symbol: SymbolId, now: Timestamp) -> i64 {
        self.symbols[symbol.index()].cooldown.remaining_seconds(now, self.config.settings().cooldown_seconds)
    }

    /// The latest events, at most `limit` and [`ScalpBook::EVENTS`], the newest last.
    pub fn events(
        &self,
        symbol: Option<SymbolId>,
        kind: Option<ScalpEventKind>,
        limit: usize,
    ) -> impl Iterator<Item = &ScalpEvent> {
        self.log.latest(symbol, kind, limit)
    }

    /// Figures over all scalps since the start (`export_stats`).
    pub fn stats(&self) -> ScalpStats {
        self.log.stats()
    }

    /// Whether to warn that a distance is out of reach (semantics 19): true once per symbol, where the target or the
    /// stop is farther away than `expected_move`, the market's usual move within the time limit. A move of zero or
    /// below is not known, and warns of nothing.
    pub fn out_of_reach(&mut self, instrument: &Instrument, symbol: SymbolId, expected_move: Price) -> bool {
        let distances = self.config.distances(instrument);
        let farthest = instrument.points(distances.take_profit_points.max(distances.stop_loss_points));
        let warned = &mut self.symbols[symbol.index()].warned_out_of_reach;
        let warn = !*warned && expected_move.is_positive() && farthest > expected_move;
        *warned |= warn;
        warn
    }

    /// Goes on from what was stored. Records nothing.
    pub fn restore(&mut self, symbol: SymbolId, active: Option<ScalpSetup>, cooldown_until: Option<Timestamp>) {
        let slot = &mut self.symbols[symbol.index()];
        slot.active = active;
        slot.cooldown = Cooldown::restored(cooldown_until);
    }
}

/// An event of this scalp, without a result.
fn event(setup: &ScalpSetup, kind: ScalpEventKind, exit: Price, at: Timestamp) -> ScalpEvent {
    ScalpEvent {
        at,
        symbol: setup.symbol,
        trade: setup.trade,
        kind,
        side: setup.side,
        entry: setup.entry,
        exit,
        contracts: setup.contracts,
        gross: Money::ZERO,
        net: Money::ZERO,
        hold_seconds: u32::try_from(at.secs_since(setup.opened_at)).unwrap_or(u32::MAX),
        unresolved: false,
    }
}

/// The average price by contracts, to 10⁻⁸, halves away from zero.
fn average(a: Price, a_contracts: Contracts, b: Price, b_contracts: Contracts) -> Price {
    let (a_count, b_count) = (i128::from(a_contracts.count()), i128::from(b_contracts.count()));
    let (sum, count) = (i128::from(a.raw()) * a_count + i128::from(b.raw()) * b_count, a_count + b_count);
    if count == 0 {
        return a;
    }
    let half = if sum >= 0 { count / 2 } else { -(count / 2) };
    // Between two prices, so it is one.
    Price::from_raw(((sum + half) / count) as i64)
}
