//! Stopped anywhere and started again from its store, an engine goes on as if nothing had happened: every later record
//! is the same.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use alavanca_adapters_sim::{SyntheticMarket, SyntheticSettings};
use alavanca_adapters_sqlite::{CapitalFacts, Durability, PolicyFacts, SqliteStore, StoreConfig};
use alavanca_engine::{Checkpoint, OnOpposite, Record, Restored, ScalpCustody};
use alavanca_execution::CloseCause;
use alavanca_kernel::{AccountMode, Action, Bar, Contracts, Instrument, Money, Side, SymbolId, Tick, Unit};
use alavanca_ports::Store;
use alavanca_scalp::{ProtectMode, ScalpEventKind};
use alavanca_tests::script::mix;
use alavanca_tests::{Bench, Chart, Coin, Rig, Signals, at_minute, points, trigger};

#[derive(Clone, Copy)]
enum Seen {
    Bar(SymbolId, Bar),
    Tick(SymbolId, Tick),
}

fn show(bench: &mut Bench, seen: Seen) {
    match seen {
        Seen::Bar(symbol, bar) => bench.simulation.on_bar(symbol, &bar, &mut bench.recorder),
        Seen::Tick(symbol, tick) => bench.simulation.on_tick(symbol, &tick, &mut bench.recorder),
    }
}

/// The whole run: after each event, how many records there are and the checkpoint.
struct Whole {
    records: Vec<Record>,
    after: Vec<(usize, Checkpoint)>,
}

fn whole(rig: &Rig, market: &[Seen]) -> Whole {
    let mut bench = rig.bench();
    let after = market
        .iter()
        .map(|&seen| {
            show(&mut bench, seen);
            (bench.recorder.records.len(), bench.engine().checkpoint())
        })
        .collect();
    Whole { records: bench.recorder.records, after }
}

/// Runs to the cut, keeps what a runner stores, starts anew from that alone, and compares what follows.
#[track_caller]
fn check_cut(
    what: &str,
    rig: &Rig,
    market: &[Seen],
    whole: &Whole,
    cut: usize,
    keep: impl FnOnce(Vec<Record>, Restored) -> Restored,
) {
    let mut bench = rig.bench();
    let mut stored = None;
    for &seen in &market[..cut] {
        show(&mut bench, seen);
        // As a runner does: a checkpoint goes with each commit, and only with a commit.
        stored = bench.simulation.engine_mut().take_checkpoint().or(stored);
    }
    let Some(checkpoint) = stored else { return };
    let snapshots = bench.recorder.records.iter().filter_map(|record| match record {
        Record::Snapshot(snapshot) => Some((**snapshot).clone()),
        _ => None,
    });
    let restored = Restored {
        checkpoint: checkpoint.clone(),
        policy: bench.engine().policy().checkpoint().tables,
        snapshots: snapshots.collect(),
    };
    let mut records = bench.recorder.records.clone();
    records.push(Record::Checkpoint(Box::new(checkpoint)));
    let restored = keep(records, restored);

    let (mut engine, _) = rig.engine();
    engine.restore(restored).unwrap();
    for &seen in &market[..cut] {
        match seen {
            Seen::Bar(symbol, bar) => engine.warm(symbol, &bar),
            Seen::Tick(symbol, tick) => engine.warm_tick(symbol, &tick),
        }
    }
    bench.simulation.replace_engine(engine);
    for (n, &seen) in market.iter().enumerate().skip(cut) {
        show(&mut bench, seen);
        let (got, wanted) = (&bench.recorder.records, &whole.records);
        let (from, to) = (whole.after[n.max(1) - 1].0, whole.after[n].0);
        for (place, wanted) in wanted.iter().enumerate().take(to).skip(from) {
            let told = format!("{what}, cut after {cut} events, record {place} at event {n}");
            assert_eq!(got.get(place), Some(wanted), "{told}");
        }
        assert_eq!(got.len(), to, "{what}, cut after {cut} events: more records at event {n}: {:?}", &got[to..]);
    }
    assert_eq!(bench.engine().checkpoint(), whole.after.last().unwrap().1, "{what}, cut after {cut} events");
    assert_eq!(bench.counts().unexpected_reports, 0);
}

/// What can be going on when an engine stops; each has to have been cut into.
fn moments(whole: &Whole) -> Vec<(&'static str, usize)> {
    let mut found: Vec<(&'static str, usize)> = Vec::new();
    let mut before = 0;
    let mut last_risk = String::new();
    for (n, (records, checkpoint)) in whole.after.iter().enumerate() {
        let new = &whole.records[before..*records];
        before = *records;
        let desk = &checkpoint.desks[0];
        let state = serde_like(checkpoint);
        let here: [(&'static str, bool); 11] = [
            (
                "an extra has just opened",
                new.iter().any(|r| matches!(r, Record::Scalp(e) if e.kind == ScalpEventKind::Opened)),
            ),
            (
                "an extra was handed over",
                new.iter().any(|r| matches!(r, Record::Scalp(e) if e.kind == ScalpEventKind::HandedOver)),
            ),
            ("orders are on their way", desk.trade.as_ref().is_some_and(|trade| !trade.was_filled())),
            (
                "an entry is filled in part",
                desk.trade.as_ref().is_some_and(|t| t.was_filled() && t.base.opening_order().is_some()),
            ),
            ("a close works", desk.trade.as_ref().is_some_and(|trade| trade.base.closing_order().is_some())),
            ("cooldown", desk.cooldown_until.is_some_and(|until| until > checkpoint.now)),
            ("a half-full batch", state.pending == 2),
            ("a frozen regime", !checkpoint.frozen.is_empty()),
            ("a reversal waits", desk.reversal.is_some()),
            ("a stop waits for break-even", desk.trade.as_ref().is_some_and(|trade| trade.break_even_due)),
            ("a new risk state", state.risk != last_risk),
        ];
        last_risk = state.risk;
        for (what, is) in here {
            if is && !found.iter().any(|(known, _)| *known == what) {
                found.push((what, n + 1));
            }
        }
    }
    found
}

struct State {
    pending: usize,
    risk: String,
}

fn serde_like(checkpoint: &Checkpoint) -> State {
    let updater = format!("{:?}", checkpoint.updater);
    let pending = updater.split("seen:").next().unwrap_or_default().matches("TradeOutcome").count();
    State { pending, risk: format!("{:?}", checkpoint.risk.state()) }
}

fn base_rig() -> Rig {
    let mut rig = Rig {
        actions: Vec::new(),
        real_levels: true,
        session: "B3",
        on_opposite: OnOpposite::Reverse,
        ..Rig::with_brain(Coin::new(5, 7, points(120)))
    }
    .costs(25, 5, 0);
    rig.capital.allowed_regimes = alavanca_kernel::RegimeSet::of(&alavanca_kernel::Regime::ALL);
    rig.capital.forbidden_regimes = alavanca_kernel::RegimeSet::EMPTY;
    rig.capital.forbid_transition = false;
    rig.capital.min_liquidity = 0.0;
    rig.capital.max_extra_contracts = 3;
    rig.capital.operator_capital = Money::from_units(50_000);
    rig.sim.balance = Money::from_units(50_000);
    rig.scalp.take_profit_points = 60;
    rig.scalp.protect_mode = ProtectMode::BreakEven;
    rig.updater.batch_size = 4;
    rig.updater.baseline_trades = 5;
    rig.updater.freeze_window = 5;
    rig.updater.freeze_days = Some(2);
    rig.updater.keep_snapshots = 2;
    rig.risk.daily_loss_limit = Some(Money::from_units(900));
    rig.risk.drawdown_limit = Some(Money::from_units(1_500));
    rig.risk.consecutive_losses_max = 4;
    rig.risk.pause_seconds = 900;
    rig.sim.partial_fill_max = Some(Contracts::new(6));
    rig
}

fn synthetic(instrument: &Instrument, seed: u64, days: u32) -> Vec<Bar> {
    let settings = SyntheticSettings { seed, days, ..SyntheticSettings::default() };
    SyntheticMarket::new(settings, instrument).unwrap().collect()
}

fn bars(rig: &Rig, seed: u64, days: u32) -> Vec<Seen> {
    synthetic(&rig.instruments[0], seed, days).into_iter().map(|bar| Seen::Bar(Bench::SYMBOL, bar)).collect()
}

/// Cuts at the special moments, and at others all over.
fn check_cuts(what: &str, rig: &Rig, market: &[Seen], wanted: &[&str], others: u64) {
    let whole = whole(rig, market);
    let found = moments(&whole);
    for wanted in wanted {
        assert!(found.iter().any(|(moment, _)| moment == wanted), "{what}: never was there: {wanted}; only {found:?}");
    }
    for (moment, cut) in found {
        check_cut(&format!("{what}, {moment}"), rig, market, &whole, cut, |_, restored| restored);
    }
    for n in 0..others {
        let cut = (mix(17, n) % market.len() as u64) as usize;
        check_cut(what, rig, market, &whole, cut, |_, restored| restored);
    }
}

#[test]
fn on_bars() {
    let rig = base_rig();
    let wanted = [
        "an extra has just opened",
        "orders are on their way",
        "an entry is filled in part",
        "a close works",
        "cooldown",
        "a half-full batch",
        "a frozen regime",
        "a reversal waits",
        "a stop waits for break-even",
        "a new risk state",
    ];
    check_cuts("bars", &rig, &bars(&rig, 3, 8), &wanted, 20);
}

#[test]
fn on_bars_in_hybrid_with_refusals() {
    let mut rig = base_rig();
    rig.scalp.hybrid = true;
    rig.scalp.take_profit_points = 300;
    rig.scalp.stop_loss_points = 150;
    rig.scalp.protect_mode = ProtectMode::Close;
    rig.sim.reject_probability = Unit::new(0.2).unwrap();
    rig.sim.mode = AccountMode::Netting;
    let wanted = ["an extra was handed over", "a close works", "a frozen regime"];
    check_cuts("hybrid", &rig, &bars(&rig, 4, 8), &wanted, 10);
}

#[test]
fn of_two_symbols() {
    let mut rig = base_rig();
    let other = Instrument { name: "WINZ26".to_owned(), ..rig.instruments[0].clone() };
    rig.instruments.push(other);
    rig.capital.max_contracts_cap = 4;
    let (first, second) = (synthetic(&rig.instruments[0], 5, 6), synthetic(&rig.instruments[1], 6, 6));
    let market: Vec<Seen> = first
        .into_iter()
        .zip(second)
        .flat_map(|(a, b)| [Seen::Bar(SymbolId::new(0), a), Seen::Bar(SymbolId::new(1), b)])
        .collect();
    check_cuts("two symbols", &rig, &market, &["an extra has just opened", "a new risk state"], 20);
}

#[test]
fn on_ticks() {
    let mut rig = base_rig();
    rig.session = "ALWAYS";
    rig.custody = ScalpCustody::Engine;
    rig.sim.mode = AccountMode::Netting;
    rig.scalp.take_profit_points = 30;
    rig.scalp.stop_loss_points = 30;
    let mut price = 130_000;
    let market: Vec<Seen> = (0..6_000_i64)
        .map(|n| {
            price += (mix(23, n as u64) % 7) as i64 * 5 - 15;
            let (bid, ask) = (points(price), points(price + 5));
            let time = at_minute(0).plus_micros(n * 5_000_000 + 1);
            Seen::Tick(Bench::SYMBOL, Tick { time, bid, ask, last: bid, volume: 1 + n as u64 % 7 })
        })
        .collect();
    check_cuts("ticks", &rig, &market, &["an extra has just opened", "a close works", "cooldown"], 20);
}

/// Two trades that only together reach the day's loss, and a third that the session's end closes: cut after every event.
#[test]
fn after_every_event_of_a_small_market() {
    let one = Rig::default().instruments[0].clone();
    let other = Instrument { name: "WINZ26".to_owned(), ..one.clone() };
    let buys = |bars: &[usize]| bars.iter().map(|&bar| (bar, trigger(Side::Buy, 300, 900))).collect::<Signals>();
    let mut rig = Rig {
        instruments: vec![one, other],
        signals: vec![buys(&[2, 14]), buys(&[2])],
        actions: vec![Action::Enter],
        session: "B3",
        ..Rig::default()
    };
    rig.capital.max_contracts_cap = 5;
    rig.risk.daily_loss_limit = Some(Money::from_units(150));
    // On the second day at 17:25, so that the third trade is open at 17:50.
    let day = |chart: Chart| chart.until_minute(1_440 + 505).flat(35);
    let first = day(Chart::default().flat(6).to(129_900).flat(5));
    let second = day(Chart::default().flat(5).to(129_940).flat(6));
    let market: Vec<Seen> = first
        .bars
        .into_iter()
        .zip(second.bars)
        .flat_map(|(a, b)| [Seen::Bar(SymbolId::new(0), a), Seen::Bar(SymbolId::new(1), b)])
        .collect();
    let whole = whole(&rig, &market);
    let causes: Vec<_> = whole
        .records
        .iter()
        .filter_map(|record| if let Record::Trade(trade) = record { Some(trade.cause) } else { None })
        .collect();
    assert_eq!(causes, [CloseCause::Risk, CloseCause::Risk, CloseCause::Session]);
    for cut in 0..market.len() {
        check_cut("small", &rig, &market, &whole, cut, |_, restored| restored);
    }
}

/// The day's best result, open profit included, is what a drawdown is measured from: it must not be lost with a cut,
/// though no record is made where it grows.
#[test]
fn a_drawdown_is_measured_from_the_best_result_before_the_cut() {
    let mut rig = Rig { actions: vec![Action::Enter], ..Rig::with_signals(&[(2, Side::Buy)]) };
    rig.risk.drawdown_limit = Some(Money::from_units(200));
    let chart = Chart::default().flat(5).to(130_050).to(130_100).to(130_050).to(130_000).flat(3);
    let market: Vec<Seen> = chart.bars.into_iter().map(|bar| Seen::Bar(Bench::SYMBOL, bar)).collect();
    let whole = whole(&rig, &market);
    let closed =
        whole.records.iter().any(|record| matches!(record, Record::Trade(trade) if trade.cause == CloseCause::Risk));
    assert!(closed);
    for cut in 0..market.len() {
        check_cut("drawdown", &rig, &market, &whole, cut, |_, restored| restored);
    }
}

/// Started again without any history: a symbol whose price is not yet known is not at zero.
#[test]
fn a_trade_without_a_price_is_not_a_loss() {
    let one = Rig::default().instruments[0].clone();
    let other = Instrument { name: "WINZ26".to_owned(), ..one.clone() };
    let buy = vec![(2, trigger(Side::Buy, 300, 900))];
    let mut rig = Rig {
        instruments: vec![one, other],
        signals: vec![buy.clone(), buy],
        actions: vec![Action::Enter],
        ..Rig::default()
    };
    rig.capital.max_contracts_cap = 5;
    rig.risk.daily_loss_limit = Some(Money::from_units(150));
    let bars = Chart::default().flat(8).bars;
    let mut bench = rig.bench();
    for bar in &bars[..6] {
        bench.bar(SymbolId::new(0), bar);
        bench.bar(SymbolId::new(1), bar);
    }
    let (mut engine, _) = rig.engine();
    let restored = Restored { checkpoint: bench.engine().checkpoint(), policy: Vec::new(), snapshots: Vec::new() };
    engine.restore(restored).unwrap();
    bench.simulation.replace_engine(engine);
    bench.bar(SymbolId::new(0), &bars[6]);
    assert_eq!((bench.engine().open_trades().count(), bench.recorder.risk().len()), (2, 0));
    assert_eq!(bench.recorder.orders().len(), 2, "nothing was flattened");
}

/// The same, with the real store between the two engines.
#[test]
fn through_the_store() {
    let rig = base_rig();
    let market = bars(&rig, 3, 8);
    let whole = whole(&rig, &market);
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut cuts = moments(&whole);
    cuts.extend((0..4).map(|n| ("somewhere", 1_500 + (mix(29, n) % (market.len() as u64 - 1_500)) as usize)));
    for (n, (moment, cut)) in cuts.into_iter().enumerate() {
        let path = folder.path().join(format!("{n}.db"));
        let keep = |records: Vec<Record>, _: Restored| {
            runtime.block_on(async {
                let mut store = SqliteStore::open(&path, store_config(&rig)).await.unwrap();
                store.commit(&records, cut as u64).await.unwrap();
                store.close().await.unwrap();
                let mut again = SqliteStore::open(&path, store_config(&rig)).await.unwrap();
                assert_eq!(again.cursor().await.unwrap(), cut as u64);
                let restored: Option<Restored> = again.restore().await.unwrap();
                again.close().await.unwrap();
                restored.unwrap()
            })
        };
        check_cut(&format!("store, {moment}"), &rig, &market, &whole, cut, keep);
    }
}

fn store_config(rig: &Rig) -> StoreConfig {
    StoreConfig {
        durability: Durability::Backtest,
        symbols: rig.instruments.iter().map(|instrument| instrument.name.clone()).collect(),
        capital: CapitalFacts {
            operator_capital: rig.capital.operator_capital,
            margin_per_contract: rig.capital.margin_per_contract,
            max_contracts_cap: rig.capital.max_contracts_cap,
        },
        policy: PolicyFacts { scope: rig.rl.scope, prior_alpha: rig.rl.prior_alpha, prior_beta: rig.rl.prior_beta },
    }
}

#[test]
fn an_engine_of_other_instruments_refuses_the_store() {
    let rig = base_rig();
    let (engine, _) = rig.engine();
    let restored = Restored { checkpoint: engine.checkpoint(), policy: Vec::new(), snapshots: Vec::new() };
    let mut other = rig;
    other.instruments[0].name = "WDO".to_owned();
    let error = other.engine().0.restore(restored).unwrap_err();
    assert_eq!(error.to_string(), "the database is of the instruments WIN; this engine has WDO");
}
