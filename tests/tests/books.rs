//! Whatever brains, bars and brokers do: the engine's books are the exchange's, and every scalp, order and trade has
//! its one end.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeMap, BTreeSet};

use alavanca::builder::tally;
use alavanca::settings::Settings;
use alavanca_adapters_sim::FillAt;
use alavanca_engine::{Command, OnOpposite, ScalpCustody};
use alavanca_kernel::{
    AccountMode, Action, Bar, Contracts, Costs, Instrument, LegId, LegRole, Money, OrderIntent, Price, Regime,
    SymbolId, Tick, Unit,
};
use alavanca_scalp::{ProtectMode, ScalpEventKind};
use alavanca_tests::script::mix;
use alavanca_tests::{Bench, Coin, Rig, at_minute};
use proptest::prelude::*;

/// Everything that is drawn for one run.
#[derive(Debug, Clone, Copy)]
struct Case {
    seed: u64,
    netting: bool,
    fill_at_close: bool,
    partial: Option<u32>,
    rejects: u32,
    hybrid: bool,
    protect: Option<ProtectMode>,
    on_opposite: OnOpposite,
    preset: usize,
    symbols: usize,
    ticks: bool,
    custody: ScalpCustody,
    limits: bool,
    one_in: u64,
    policy: bool,
    flattens: u64,
}

fn cases() -> impl Strategy<Value = Case> {
    let modes = prop_oneof![
        Just(None),
        Just(Some(ProtectMode::Close)),
        Just(Some(ProtectMode::BreakEven)),
        Just(Some(ProtectMode::Cooldown))
    ];
    let opposite = prop_oneof![Just(OnOpposite::Ignore), Just(OnOpposite::Close), Just(OnOpposite::Reverse)];
    let exchange = (any::<bool>(), any::<bool>(), prop::option::of(1_u32..8), prop_oneof![Just(0_u32), 1_u32..60]);
    let engine = (any::<bool>(), modes, opposite, any::<bool>(), any::<bool>(), any::<bool>());
    (any::<u64>(), exchange, engine, 0_usize..5, 1_usize..3, any::<bool>(), 1_u64..6, 0_u64..3).prop_map(
        |(seed, (netting, fill_at_close, partial, rejects), engine, preset, symbols, ticks, one_in, flattens)| {
            let (hybrid, protect, on_opposite, engine_keeps, limits, policy) = engine;
            // On bars the exits rest at the broker.
            let custody = if ticks && engine_keeps { ScalpCustody::Engine } else { ScalpCustody::Broker };
            Case {
                seed,
                netting,
                fill_at_close: fill_at_close && !ticks,
                partial,
                rejects,
                hybrid,
                protect,
                on_opposite,
                preset,
                symbols,
                ticks,
                custody,
                limits,
                one_in,
                policy,
                flattens,
            }
        },
    )
}

/// Four presets, and one whose results do not come in whole centavos.
fn instrument(preset: usize, index: usize) -> Instrument {
    let names = [["WIN", "WINZ26"], ["WDO", "WDOZ26"], ["DOL", "DOLZ26"], ["EURUSD", "eurusd"], ["WIN", "WINZ26"]];
    let mut instrument = Instrument::preset(names[preset][index]).unwrap();
    if preset == 4 {
        instrument.point_value_micros = 12_347;
    }
    instrument.broker_margin = Money::from_units(1);
    let usual = instrument.costs.latest();
    instrument.costs = Costs { brokerage: Money::from_cents(7), slippage: instrument.tick, ..usual }.into();
    instrument
}

fn rig(case: Case) -> Rig {
    let instruments: Vec<_> = (0..case.symbols).map(|index| instrument(case.preset, index)).collect();
    let stop = instruments[0].tick.times(if case.seed.is_multiple_of(3) { 400 } else { 30 });
    let mut rig = Rig {
        instruments,
        actions: vec![
            Action::EnterWithReleverage,
            Action::EnterWithReleverage,
            Action::Enter,
            Action::EnterConservative,
        ],
        on_opposite: case.on_opposite,
        custody: case.custody,
        ..Rig::with_brain(Coin::new(case.seed, case.one_in, stop))
    };
    if case.policy {
        rig.actions.clear();
    }
    if case.seed.is_multiple_of(5) {
        rig.regimes = vec![(0, Regime::TrendUp, false), (40, Regime::Range, true), (80, Regime::TrendDown, false)];
    }
    rig.capital.operator_capital = Money::from_units(100_000);
    rig.capital.max_contracts_cap = 1 + (case.seed % 12) as u32;
    rig.capital.max_extra_contracts = 1 + (case.seed % 7) as u32;
    rig.scalp.hybrid = case.hybrid;
    rig.scalp.protect_profit = case.protect.is_some();
    rig.scalp.protect_mode = case.protect.unwrap_or_default();
    rig.scalp.take_profit_points = 25 + (case.seed % 40) as u32;
    rig.scalp.stop_loss_points = 15 + (case.seed % 30) as u32;
    rig.scalp.hold_seconds_max = 30 + (case.seed % 400) as u32;
    rig.scalp.cooldown_seconds = (case.seed % 200) as u32;
    rig.updater.batch_size = 1 + (case.seed % 6) as u32;
    rig.rl.seed = case.seed;
    if case.limits {
        rig.risk.daily_loss_limit = Some(Money::from_units(60 + (case.seed % 3_000) as i64));
        rig.risk.drawdown_limit = Some(Money::from_units(90 + (case.seed % 4_000) as i64));
        rig.risk.consecutive_losses_max = 4;
        rig.risk.pause_seconds = 300;
        rig.session = "B3";
    }
    rig.sim.mode = if case.netting { AccountMode::Netting } else { AccountMode::Hedging };
    rig.sim.balance = Money::from_units(100_000);
    rig.sim.fill = if case.fill_at_close { FillAt::Close } else { FillAt::NextOpen };
    rig.sim.partial_fill_max = case.partial.map(Contracts::new);
    rig.sim.reject_probability = Unit::new(f64::from(case.rejects) / 100.0).unwrap();
    rig.sim.seed = case.seed;
    rig
}

/// The price after so many steps of a walk on the tick grid.
struct Walk {
    price: i64,
    step: u64,
    seed: u64,
    tick: i64,
}

impl Walk {
    fn new(seed: u64, instrument: &Instrument) -> Self {
        let tick = instrument.tick.raw();
        let price = if instrument.digits == 5 { 108_500_000 } else { 5_500 * Price::SCALE };
        Self { price, step: 0, seed, tick }
    }

    fn draw(&mut self, below: u64) -> i64 {
        self.step += 1;
        (mix(self.seed, self.step) % below) as i64
    }

    fn bar(&mut self, minute: i64) -> Bar {
        let jump = if self.draw(20) == 0 { self.draw(80) - 40 } else { 0 };
        let open = self.price + jump * self.tick;
        let close = open + (self.draw(61) - 30) * self.tick;
        let high = open.max(close) + self.draw(20) * self.tick;
        let low = open.min(close) - self.draw(20) * self.tick;
        self.price = close;
        let price = Price::from_raw;
        Bar {
            time: at_minute(minute),
            open: price(open),
            high: price(high),
            low: price(low),
            close: price(close),
            volume: 10,
            tick_volume: 10,
            spread: Price::ZERO,
            seconds: 60,
        }
    }

    fn tick(&mut self, millis: i64) -> Tick {
        self.price += (self.draw(9) - 4) * self.tick;
        let crossed = self.draw(30) == 0;
        let bid = Price::from_raw(self.price);
        let ask = Price::from_raw(self.price + if crossed { -self.tick } else { self.tick });
        let last = if self.draw(3) == 0 { ask } else { Price::ZERO };
        Tick { time: at_minute(0).plus_micros(millis * 1_000), bid, ask, last, volume: 1 }
    }
}

fn run(case: Case) -> Bench {
    let rig = rig(case);
    let mut bench = rig.bench();
    let mut walks: Vec<_> =
        rig.instruments.iter().enumerate().map(|(n, i)| Walk::new(mix(case.seed, n as u64), i)).collect();
    let rows = if case.ticks { 2_000 } else { 300 };
    for row in 0..rows {
        // The afternoon, so that the session ends within the run; then the next morning.
        let minute = if case.limits { if row < 150 { 400 + row } else { 1_300 + row } } else { row };
        for (n, walk) in walks.iter_mut().enumerate() {
            let symbol = SymbolId::new(n as u16);
            if case.ticks {
                let tick = walk.tick(400 * 60_000 * i64::from(case.limits) + row * 3_000);
                bench.simulation.on_tick(symbol, &tick, &mut bench.recorder);
            } else {
                bench.bar(symbol, &walk.bar(minute));
            }
        }
        if case.flattens > 0 && mix(case.seed, row as u64).is_multiple_of(200 / case.flattens) {
            bench.command(Command::Flatten, bench.recorder.fills().last().map_or(at_minute(0), |fill| fill.at));
        }
    }
    // A broker that refuses may have to be asked more than once.
    for _ in 0..60 {
        let at = bench.engine().checkpoint().now;
        bench.end(at);
        if bench.engine().open_trades().count() == 0 {
            break;
        }
    }
    bench
}

/// What costs are made of is told from the fills alone, to the centavo.
fn check_parts(bench: &Bench, instruments: &[Instrument]) -> Result<(), TestCaseError> {
    let [instrument] = instruments else { return Ok(()) };
    let mut tally = tally(&Settings::default(), instrument).unwrap();
    bench.recorder.records.iter().for_each(|record| tally.observe(record));
    let parts = tally.summary().cost_parts.unwrap();
    let books = bench.simulation.books();
    prop_assert_eq!(parts.exchange_fees + parts.brokerage, books.commission);
    prop_assert_eq!(parts.spread + parts.slippage, books.spread_and_slippage);
    let contracts: u32 = bench.recorder.fills().iter().map(|fill| fill.quantity.count()).sum();
    prop_assert_eq!(parts.brokerage, instrument.costs.first().brokerage.times(i64::from(contracts)));
    prop_assert!(parts.slippage >= Money::ZERO && parts.spread >= Money::ZERO);
    Ok(())
}

/// Everything that has to hold once everything is flat.
fn check_books(bench: &Bench) -> Result<(), TestCaseError> {
    let recorder = &bench.recorder;
    prop_assert_eq!(bench.engine().open_trades().count(), 0, "flat at the end");
    prop_assert_eq!(bench.simulation.exchange().legs().count(), 0, "flat at the exchange");
    prop_assert_eq!(bench.counts().unexpected_reports, 0);

    // To the centavo.
    let trades = recorder.trades();
    let books = bench.simulation.books();
    let sum = |amounts: &mut dyn Iterator<Item = Money>| amounts.sum::<Money>();
    prop_assert_eq!(sum(&mut trades.iter().map(|trade| trade.outcome.net)), books.net);
    prop_assert_eq!(sum(&mut trades.iter().map(|trade| trade.gross)), books.gross);
    prop_assert_eq!(sum(&mut trades.iter().map(|trade| trade.costs)), books.commission + books.spread_and_slippage);
    prop_assert_eq!(recorder.fills().len() as u64, books.fills);
    let equity = bench.simulation.exchange().equity();
    prop_assert_eq!(equity, Money::from_units(100_000) + books.net);

    // The days' results are the trades' results.
    let days = recorder.records.iter().filter_map(|record| match record {
        alavanca_engine::Record::Day(day) => Some((day.day, day.net)),
        _ => None,
    });
    // The same day is told again where the market had to end more than once; the last one counts.
    let days: BTreeMap<_, _> = days.collect();
    prop_assert_eq!(days.values().copied().sum::<Money>(), books.net);

    // Every scalp that opened has exactly one end; nothing else has one.
    let mut scalps: BTreeMap<u64, (u32, u32, u32)> = BTreeMap::new();
    for event in recorder.scalps() {
        let (opened, ended, protected) = scalps.entry(event.trade.get()).or_default();
        match event.kind {
            ScalpEventKind::Opened => *opened += 1,
            ScalpEventKind::Protected => *protected += 1,
            _ => {
                prop_assert_eq!(*opened, 1, "an end comes after its beginning");
                *ended += 1;
            }
        }
    }
    for (trade, (opened, ended, protected)) in &scalps {
        prop_assert_eq!((*opened, *ended), (1, 1), "trade {}", trade);
        prop_assert!(*protected <= 1);
    }
    let with_extra: BTreeSet<u64> =
        trades.iter().filter(|trade| !trade.extra.is_zero()).map(|trade| trade.outcome.trade.get()).collect();
    prop_assert_eq!(
        scalps.keys().copied().collect::<BTreeSet<_>>(),
        with_extra,
        "a scalp for each extra that was filled"
    );
    // What a closed scalp says of itself is what its leg says.
    for event in recorder.scalps().iter().filter(|event| event.kind.is_close()) {
        let trade = trades.iter().find(|trade| trade.outcome.trade == event.trade).unwrap();
        if event.contracts == trade.extra {
            prop_assert_eq!(event.net, trade.extra_net, "{:?}", event);
        }
    }

    // Orders: no id twice, and no close of more than is open.
    let orders = recorder.orders();
    let ids: BTreeSet<_> = orders.iter().map(|order| order.id).collect();
    prop_assert_eq!(ids.len(), orders.len());
    let mut open: BTreeMap<LegId, i64> = BTreeMap::new();
    for record in &recorder.records {
        match record {
            alavanca_engine::Record::Fill(fill) => {
                let sign = if fill.intent == OrderIntent::Open { 1 } else { -1 };
                let open = open.entry(fill.leg).or_default();
                *open += sign * i64::from(fill.quantity.count());
                prop_assert!(*open >= 0, "{:?} crossed flat", fill);
            }
            alavanca_engine::Record::Order(order) if order.intent == OrderIntent::Close => {
                let open = open.get(&order.leg).copied().unwrap_or_default();
                prop_assert_eq!(i64::from(order.quantity.count()), open, "{:?}", order);
            }
            _ => {}
        }
    }

    // Signals, decisions, trades.
    let (decisions, blocked, counts) = (recorder.decisions(), recorder.blocked(), bench.counts());
    prop_assert_eq!(counts.signals, decisions.len() as u64 + blocked.len() as u64 + counts.signals_while_open);
    let entered: Vec<_> = decisions.iter().filter(|decision| decision.trade.is_some()).collect();
    prop_assert!(decisions.iter().all(|d| d.trade.is_some() == (d.action != Action::Hold)));
    let opening = orders.iter().filter(|o| o.intent == OrderIntent::Open && o.leg.role == LegRole::Base).count();
    prop_assert_eq!(entered.len(), opening);
    prop_assert!(trades.len() <= entered.len());
    for trade in &trades {
        let decision = entered.iter().find(|d| d.trade == Some(trade.outcome.trade)).unwrap();
        prop_assert!(trade.base <= decision.base && trade.extra <= decision.extra);
        prop_assert_eq!((trade.decision, trade.outcome.action), (decision.id, decision.action));
        prop_assert_eq!(trade.outcome.state, decision.state);
    }
    let unique: BTreeSet<_> = trades.iter().map(|trade| trade.outcome.trade).collect();
    prop_assert_eq!(unique.len(), trades.len(), "a trade ends once");

    // Learned once each, those that wait for their batch aside.
    let learned = recorder.learned();
    let heard: BTreeSet<_> = learned.iter().map(|learned| learned.outcome.trade).collect();
    prop_assert_eq!(heard.len(), learned.len());
    let waiting = bench.engine().updater().pending(None, None).count();
    prop_assert_eq!(learned.len() + waiting, trades.len());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_engines_books_are_the_exchanges(case in cases()) {
        let bench = run(case);
        check_books(&bench)?;
        check_parts(&bench, &rig(case).instruments)?;
    }
}

/// The cases above must not be empty ones: over a fixed set of them everything that can happen does.
#[test]
fn the_cases_are_not_empty() {
    let mut kinds = BTreeSet::new();
    let mut causes = BTreeSet::new();
    let mut blocked = BTreeSet::new();
    let mut trades = 0;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for _ in 0..150 {
        let case = proptest::strategy::ValueTree::current(&cases().new_tree(&mut runner).unwrap());
        let bench = run(case);
        kinds.extend(bench.recorder.scalp_kinds().iter().map(|kind| kind.as_str()));
        causes.extend(bench.recorder.trades().iter().map(|trade| trade.cause.as_str()));
        blocked.extend(bench.recorder.block_causes());
        trades += bench.recorder.trades().len();
    }
    assert!(trades > 1_500, "{trades} trades");
    let wanted_kinds = ["FORCED", "HANDED_OVER", "OPENED", "PROTECTED", "SL_HIT", "TIMEOUT", "TP_HIT"];
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), wanted_kinds);
    for cause in ["TAKE_PROFIT", "STOP_LOSS", "SESSION", "RISK", "OPERATOR", "OPPOSITE_SIGNAL", "PROTECTED"] {
        assert!(causes.contains(cause), "{cause} is not in {causes:?}");
    }
    for cause in ["cooldown", "session", "risk_paused", "risk_reduce_only", "not_tradable"] {
        assert!(blocked.contains(cause), "{cause} is not in {blocked:?}");
    }
}
