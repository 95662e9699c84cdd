//! From a closed bar to an entry: levels, blocks, allocation, gate, orders.

use alavanca_execution::{CloseCause, Leg, OpenTrade};
use alavanca_kernel::{
    Action, Allocation, Bar, DecisionId, Hour, LegId, LegRole, MarketContext, Money, OrderId, OrderIntent,
    OrderRequest, Price, Protection, Regime, Signal, SymbolId, Tick, TradeId, TradingDay,
};
use alavanca_regime::RegimeView;
use alavanca_risk::QuoteFreshness;
use alavanca_rl::FreezeFallback;
use alavanca_signals::{Lesson, MetaView, Votes};

use crate::config::{Levels, OnOpposite, ScalpCustody};
use crate::desk::{Desk, Quote};
use crate::engine::Engine;
use crate::event::{Effect, Notice};
use crate::record::{AllocationRecord, BlockCause, BlockedRecord, Chooser, DecisionRecord, Record};

impl Engine {
    /// Shows a closed bar to levels 1 to 4 and takes up the signal they give.
    #[inline]
    pub(crate) fn look(&mut self, symbol: SymbolId, bar: &Bar, effects: &mut Vec<Effect>) {
        let hour = self.hour();
        let desk = &mut self.desks[symbol.index()];
        desk.bars += 1;
        self.counts.bars += 1;
        desk.range.push(bar);
        desk.levels.liquidity.on_bar(bar);
        let view = desk.levels.regime.on_bar(bar);
        let meta = &desk.levels.meta;
        let decision = desk.levels.boss.on_bar(bar, || meta.weights(view.regime, hour));
        let reversal = if desk.trade.is_none() { desk.reversal.take() } else { None };
        self.note_regime(symbol, bar, view, effects);
        if let Some(signal) = decision.signal.or(reversal) {
            self.counts.signals += 1;
            self.consider(symbol, &signal, view, effects);
        } else if self.config.record_every_bar {
            self.record_allocation(symbol, view, effects);
        }
    }

    /// Shows a tick to the brains that want ticks, and takes up the signal they give. Levels 2 to 4 stand as the last
    /// closed bar left them.
    pub(crate) fn look_at_tick(&mut self, symbol: SymbolId, tick: &Tick, effects: &mut Vec<Effect>) {
        let hour = self.hour();
        let Levels { boss, meta, regime, .. } = &mut self.desks[symbol.index()].levels;
        let view = regime.view();
        let decision = boss.on_tick(tick, || meta.weights(view.regime, hour));
        if let Some(signal) = decision.and_then(|decision| decision.signal) {
            self.counts.signals += 1;
            self.consider(symbol, &signal, view, effects);
        }
    }

    /// Shows a bar of the past to levels 1 to 4: they warm up, nothing is decided.
    pub fn warm(&mut self, symbol: SymbolId, bar: &Bar) {
        let Some(desk) = self.desks.get_mut(symbol.index()).filter(|desk| bar.time > desk.last_bar) else { return };
        if bar.is_sound() {
            desk.last_bar = bar.time;
            desk.quote = Quote::of_bar(bar);
            self.warm_levels(symbol, bar);
        }
    }

    /// Shows a tick of the past, so that also the bar that is being gathered is what it would be.
    pub fn warm_tick(&mut self, symbol: SymbolId, tick: &Tick) {
        let Some(desk) = self.desks.get_mut(symbol.index()) else { return };
        if desk.fault_of(tick).is_some() {
            return;
        }
        if let Some(bar) = desk.take_tick(tick) {
            self.warm_levels(symbol, &bar);
        }
        let hour = self.clock.locate(tick.time).hour;
        let Levels { boss, meta, regime, .. } = &mut self.desks[symbol.index()].levels;
        boss.on_tick(tick, || meta.weights(regime.view().regime, hour));
    }

    fn warm_levels(&mut self, symbol: SymbolId, bar: &Bar) {
        let hour = self.clock.locate(bar.end()).hour;
        let desk = &mut self.desks[symbol.index()];
        desk.bars += 1;
        desk.range.push(bar);
        desk.levels.liquidity.on_bar(bar);
        let view = desk.levels.regime.on_bar(bar);
        desk.stretch.warm(bar);
        let meta = &desk.levels.meta;
        desk.levels.boss.on_bar(bar, || meta.weights(view.regime, hour));
    }

    fn hour(&self) -> Hour {
        self.moment.map_or_else(Hour::default, |moment| moment.hour)
    }

    /// A signal came: it meets an open trade, is blocked, or is put to the gate.
    fn consider(&mut self, symbol: SymbolId, signal: &Signal, view: RegimeView, effects: &mut Vec<Effect>) {
        if let Some(trade) = &self.desks[symbol.index()].trade {
            let opposite = trade.side != signal.side;
            self.counts.signals_while_open += 1;
            if opposite && self.config.on_opposite != OnOpposite::Ignore {
                if self.config.on_opposite == OnOpposite::Reverse {
                    self.desks[symbol.index()].reversal = Some(*signal);
                }
                self.close_trade(symbol, CloseCause::OppositeSignal, effects);
            }
            return;
        }
        let desk = &self.desks[symbol.index()];
        // What is recorded from here on is what is executed.
        let map = &*desk.levels.liquidity;
        let signal = &self.config.zone_exits.place(map, signal, desk.quote.mark, desk.instrument.tick);
        let votes = desk.levels.boss.votes();
        let meta = desk.levels.meta.evaluate(signal, &votes, view.regime, self.hour());
        let context = self.context(symbol, view, Some(&meta));
        if let Some(cause) = self.block(symbol) {
            let blocked = BlockedRecord { context, signal: *signal, cause, allocation: None };
            return self.record(Record::Blocked(Box::new(blocked)), effects);
        }
        let broker_margin = self.desks[symbol.index()].instrument.broker_margin;
        let allocation = match self.desks[symbol.index()].market.news_size(self.now) {
            Some(news) => self.capital.allocate_near_news(&context, broker_margin, (news.size, news.at)),
            None => self.capital.allocate(&context, broker_margin),
        };
        if allocation.base.is_zero() {
            let blocked =
                BlockedRecord { context, signal: *signal, cause: BlockCause::Capital, allocation: Some(allocation) };
            return self.record(Record::Blocked(Box::new(blocked)), effects);
        }
        self.decide(symbol, signal, context, allocation, (votes, meta.lesson), effects);
    }

    /// What stops a signal before the gate (semantics 12). Nothing is sampled then.
    fn block(&mut self, symbol: SymbolId) -> Option<BlockCause> {
        let now = self.now;
        let desk = &mut self.desks[symbol.index()];
        if !desk.is_warm() {
            return Some(BlockCause::WarmingUp);
        }
        if let Err(filter) = desk.market.entry(now) {
            return Some(BlockCause::of_calendar(filter));
        }
        let quote = desk.quote;
        let freshness = quote.book.then(|| QuoteFreshness {
            spread: quote.ask - quote.bid,
            point: desk.instrument.point,
            age_seconds: now.secs_since(quote.at),
        });
        if !quote.tradable {
            return Some(BlockCause::NotTradable);
        }
        if let Err(refusal) = self.risk.check_entry(now, freshness) {
            return Some(BlockCause::Risk { refusal });
        }
        if self.scalps.in_cooldown(symbol, self.now) {
            let until = self.scalps.cooldown_until(symbol).unwrap_or(self.now);
            return Some(BlockCause::Cooldown { until });
        }
        None
    }

    /// Everything the gate reads, in one place (semantics 18).
    fn context(&self, symbol: SymbolId, view: RegimeView, meta: Option<&MetaView>) -> MarketContext {
        let desk = &self.desks[symbol.index()];
        let fresh = self
            .account
            .filter(|account| self.now.secs_since(account.at) <= i64::from(self.config.equity_max_age_seconds));
        MarketContext {
            symbol,
            at: self.now,
            day: self.moment.map_or_else(TradingDay::default, |moment| moment.day),
            hour: self.hour(),
            regime: view.regime,
            transition: (view.regime != Regime::Unknown).then_some(view.transition),
            confidence: meta.and_then(|meta| meta.confidence),
            disagreement: meta.and_then(|meta| meta.disagreement),
            liquidity: desk.levels.liquidity.strength_at(desk.quote.mark),
            daily_profit: Some(self.risk.daily_profit()),
            equity: fresh.map(|account| account.equity),
            margin_elsewhere: if self.open_trades > 0 { self.margin_elsewhere(symbol) } else { Money::ZERO },
            free_margin: fresh.map(|account| account.free_margin),
            cooldown_until: self.scalps.cooldown_until(symbol),
            risk: self.risk.state(),
        }
    }

    /// Prudential margin in use by the other symbols (semantics 7): of what is open and of what is on its way.
    fn margin_elsewhere(&self, symbol: SymbolId) -> Money {
        let margin = self.config.capital.settings().margin_per_contract;
        let contracts: u32 = self
            .desks
            .iter()
            .enumerate()
            .filter(|(index, _)| *index != symbol.index())
            .filter_map(|(_, desk)| desk.trade.as_ref())
            .flat_map(OpenTrade::legs)
            .map(|leg| if leg.opening_order().is_some() { leg.wanted() } else { leg.open() })
            .map(alavanca_kernel::Contracts::count)
            .sum();
        margin.times(i64::from(contracts))
    }

    #[inline]
    fn record_allocation(&mut self, symbol: SymbolId, view: RegimeView, effects: &mut Vec<Effect>) {
        let context = self.context(symbol, view, None);
        let allocation = self.capital.allocate(&context, self.desks[symbol.index()].instrument.broker_margin);
        effects.push(Effect::Record(Record::Allocation(AllocationRecord { context, allocation })));
    }

    /// The gate: which actions can be taken, which one is, and what that means in contracts.
    fn decide(
        &mut self,
        symbol: SymbolId,
        signal: &Signal,
        context: MarketContext,
        allocation: Allocation,
        (votes, lesson): (Votes, Lesson),
        effects: &mut Vec<Effect>,
    ) {
        let state = self.gate.state(&context);
        let available = self.gate.available(&allocation);
        let frozen = self.policy.is_frozen(state.regime);
        let (action, chooser) = match self.config.rl.settings().freeze_fallback {
            _ if !self.gate.policy_enabled() => (self.gate.without_policy(&allocation), Chooser::PolicyOff),
            FreezeFallback::Hold if frozen => (Action::Hold, Chooser::FreezeFallback),
            FreezeFallback::Level4 if frozen => (Action::Enter, Chooser::FreezeFallback),
            _ => (self.policy.choose(symbol, state, available, context.at), Chooser::Policy),
        };
        let verdict = self.gate.verdict(signal, &allocation, action);
        self.decisions += 1;
        let id = DecisionId::new(self.decisions);
        let trade = verdict.enters().then(|| {
            self.trades += 1;
            TradeId::new(self.trades)
        });
        let Desk { levels, quote, .. } = &self.desks[symbol.index()];
        let decision = DecisionRecord {
            id,
            price: quote.mark,
            signal: *signal,
            layers: self.capital.explain(&context),
            arms: Action::ALL.map(|action| self.policy.arm(symbol, state, action)),
            policy_version: self.policy.version(),
            base: verdict.base,
            extra: verdict.extra,
            context,
            allocation,
            state,
            available,
            action,
            chooser,
            frozen,
            trade,
            votes,
            weights: levels.meta.weights(context.regime, context.hour),
            zones: levels.liquidity.nearest(quote.mark).into(),
        };
        self.record(Record::Decision(Box::new(decision)), effects);
        let Some(trade) = trade else { return };

        let base_protection = Protection { stop: Some(signal.stop), target: signal.target, ..Protection::default() };
        let base = self.opening(symbol, trade, LegRole::Base, signal, verdict.base, base_protection);
        let extra = (!verdict.extra.is_zero()).then(|| {
            self.warn_out_of_reach(symbol, effects);
            let mut protection = self.scalps.protection(&self.desks[symbol.index()].instrument);
            protection.keep_at_limit = self.config.scalp.settings().hybrid;
            match self.config.custody {
                ScalpCustody::Broker => {}
                ScalpCustody::BrokerLevels => protection.hold_seconds = None,
                ScalpCustody::Engine => protection = Protection::default(),
            }
            self.opening(symbol, trade, LegRole::Extra, signal, verdict.extra, protection)
        });
        let leg = |order: &OrderRequest| {
            Leg::opening(order.leg, symbol, order.side, order.id, order.quantity, order.protection)
        };
        let desk = &mut self.desks[symbol.index()];
        let entry = desk.quote.mark;
        let stop = signal.side.opposite().ahead(Price::ZERO, signal.stop.stop_price(signal.side, entry) - entry);
        desk.lesson = Some(lesson.with_stop(stop));
        desk.trade = Some(OpenTrade {
            id: trade,
            decision: id,
            symbol,
            side: signal.side,
            state,
            action,
            in_transition: context.transition == Some(true),
            base: leg(&base),
            extra: extra.as_ref().map(leg),
            break_even_due: false,
        });
        self.open_trades += 1;
        for order in std::iter::once(base).chain(extra) {
            self.record(Record::Order(order), effects);
            effects.push(Effect::Submit(order));
        }
    }

    fn opening(
        &mut self,
        symbol: SymbolId,
        trade: TradeId,
        role: LegRole,
        signal: &Signal,
        quantity: alavanca_kernel::Contracts,
        protection: Protection,
    ) -> OrderRequest {
        self.orders += 1;
        OrderRequest {
            id: OrderId::new(self.orders),
            symbol,
            leg: LegId { trade, role },
            intent: OrderIntent::Open,
            side: signal.side,
            quantity,
            protection,
            at: self.now,
        }
    }

    /// Warns once per symbol where a scalp's distances lie beyond what the market usually does in its time.
    fn warn_out_of_reach(&mut self, symbol: SymbolId, effects: &mut Vec<Effect>) {
        let desk = &self.desks[symbol.index()];
        let expected_move = desk.range.within(self.config.scalp.settings().hold_seconds_max);
        if self.scalps.out_of_reach(&desk.instrument, symbol, expected_move) {
            let distances = self.config.scalp.distances(&desk.instrument);
            let target = desk.instrument.points(distances.take_profit_points);
            effects.push(Effect::Notify(Notice::ScalpOutOfReach { symbol, target, expected_move }));
        }
    }
}
