//! Semantics 17: with the gate and the re-leverage switched off, the engine trades as Level 4 did. Beside it runs a loop
//! without a gate, with fills, exits and money of its own; the orders of both are the same.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use alavanca_adapters_files::{MarketFile, ReadSettings, Rows};
use alavanca_adapters_sim::{SyntheticMarket, SyntheticSettings};
use alavanca_calendar::{
    MarketClock, Moment, Session, SessionRule, SessionSettings, TradingClock, TradingZone, ZoneSettings,
};
use alavanca_kernel::{
    AccountMode, Bar, CostSchedule, ExitAt, Instrument, Money, OrderIntent, Price, Side, Signal, Timestamp,
};
use alavanca_regime::{AdxAtrConfig, AdxAtrDetector, AdxAtrSettings, RegimeDetector};
use alavanca_signals::{
    BossBrain, Brain, EmaTrend, EmaTrendConfig, EmaTrendSettings, Lesson, MeanReversion, MeanReversionConfig,
    MeanReversionSettings, MetaBrain, MetaConfig, Realised, SmaCross, SmaCrossConfig, SmaCrossSettings,
};
use alavanca_tests::Rig;

/// An order without its id.
#[derive(Debug, PartialEq, Clone, Copy)]
struct Sent {
    at: Timestamp,
    intent: OrderIntent,
    side: Side,
    quantity: i64,
    stop: Option<ExitAt>,
    target: Option<ExitAt>,
}

fn brains(instrument: &Instrument) -> Vec<Box<dyn Brain>> {
    let tick = instrument.tick;
    let sma = SmaCrossSettings { fast: 8, slow: 21, stop_loss: tick.times(40), take_profit: Some(tick.times(70)) };
    vec![
        Box::new(EmaTrend::new(EmaTrendConfig::new(EmaTrendSettings::default(), tick).unwrap())),
        Box::new(MeanReversion::new(MeanReversionConfig::new(MeanReversionSettings::default(), tick).unwrap())),
        Box::new(SmaCross::new(SmaCrossConfig::new(sma, tick).unwrap())),
    ]
}

fn session() -> SessionRule {
    SessionRule::new(Session::by_name("B3").unwrap(), &SessionSettings::default()).unwrap()
}

/// In centavos.
const CAPITAL: i64 = 5_000_000;
const MARGIN: i64 = 500_000;
const CAP: i64 = 10;

/// A trade of the loop without a gate.
struct Trade {
    side: i64,
    quantity: i64,
    entry: i64,
    stop: i64,
    target: Option<i64>,
    opened: Moment,
    lesson: Lesson,
    leaving: bool,
}

/// Level 4: levels, signal, session, base size, order. Its own fills at the next open, its own exits, its own money.
struct Level4<'a> {
    instrument: &'a Instrument,
    balance: i64,
    trade: Option<Trade>,
    entering: Option<(Signal, i64, Lesson)>,
    meta: MetaBrain,
    sent: Vec<Sent>,
}

impl Level4<'_> {
    fn cents(&self, moved: i64, quantity: i64) -> i64 {
        let numerator = i128::from(moved) * i128::from(quantity) * i128::from(self.instrument.point_value_micros);
        let denominator = i128::from(self.instrument.point.raw()) * 10_000;
        assert_eq!(numerator % denominator, 0, "these instruments have results in whole centavos");
        (numerator / denominator) as i64
    }

    fn adverse(&self) -> i64 {
        self.instrument.costs.latest().spread.raw() / 2 + self.instrument.costs.latest().slippage.raw()
    }

    fn end_trade(&mut self, exit: i64) {
        let trade = self.trade.take().unwrap();
        let commission = self.instrument.costs.latest().commission().cents() * trade.quantity;
        let net = self.cents((exit - trade.entry) * trade.side, trade.quantity) - 2 * commission;
        // The commission of the way in was paid then.
        self.balance += net + commission;
        let planned = trade.lesson.stop().map(|stop| self.cents(stop.raw(), trade.quantity));
        let multiple = planned.filter(|&risk| risk > 0).map(|risk| net as f64 / 100.0 / (risk as f64 / 100.0));
        self.meta.learn(&trade.lesson, Realised { won: net > 0, multiple });
    }

    fn fills_and_exits(&mut self, bar: &Bar, opened: Moment) {
        let (adverse, open) = (self.adverse(), bar.open.raw());
        if self.trade.as_ref().is_some_and(|trade| trade.leaving) {
            let side = self.trade.as_ref().unwrap().side;
            self.end_trade(open - side * adverse);
        }
        if let Some((signal, quantity, lesson)) = self.entering.take() {
            let side = signal.side.sign();
            let entry = Price::from_raw(open + side * adverse);
            let tick = self.instrument.tick;
            let stop = signal.stop.stop_price(signal.side, entry).to_tick(tick).raw();
            let target = signal.target.map(|target| target.target_price(signal.side, entry).to_tick(tick).raw());
            let sound = (open - stop) * side > 0 && target.is_none_or(|target| (target - entry.raw()) * side > 0);
            if sound {
                self.balance -= self.instrument.costs.latest().commission().cents() * quantity;
                let entry = entry.raw();
                self.trade = Some(Trade { side, quantity, entry, stop, target, opened, lesson, leaving: false });
            }
        }
        let Some(trade) = &self.trade else { return };
        let side = trade.side;
        let (best, worst) = if side > 0 { (bar.high.raw(), bar.low.raw()) } else { (bar.low.raw(), bar.high.raw()) };
        let reached = |price: i64| trade.target.is_some_and(|target| (price - target) * side >= 0);
        let lost = |price: i64| (price - trade.stop) * side <= 0;
        let exit = if lost(open) {
            open - side * adverse
        } else if reached(open) {
            open
        } else if lost(worst) {
            trade.stop - side * adverse
        } else if reached(best) {
            trade.target.unwrap()
        } else {
            return;
        };
        self.end_trade(exit);
    }
}

fn without_a_gate(bars: &[Bar], instrument: &Instrument) -> Vec<Sent> {
    let mut boss = BossBrain::new(brains(instrument)).unwrap();
    let meta = MetaBrain::new(MetaConfig::default(), boss.names());
    let mut regime = AdxAtrDetector::new(AdxAtrConfig::new(AdxAtrSettings::default()).unwrap());
    let zone = TradingZone::new(&ZoneSettings::default()).unwrap();
    let mut clock = TradingClock::new(zone);
    let (mut market, warmup) = (MarketClock::new(zone, session()), boss.warmup_bars().max(regime.warmup_bars()));
    let mut level4 = Level4 { instrument, balance: CAPITAL, trade: None, entering: None, meta, sent: Vec::new() };
    for (n, bar) in bars.iter().enumerate() {
        let filled_at = clock.locate(bar.time);
        level4.fills_and_exits(bar, filled_at);
        let now = clock.locate(bar.end());
        let view = regime.on_bar(bar);
        if let Some(trade) = level4.trade.as_mut()
            && !trade.leaving
            && market.must_close(&trade.opened, bar.end())
        {
            trade.leaving = true;
            let side = if trade.side > 0 { Side::Sell } else { Side::Buy };
            let quantity = trade.quantity;
            level4.sent.push(Sent {
                at: bar.end(),
                intent: OrderIntent::Close,
                side,
                quantity,
                stop: None,
                target: None,
            });
        }
        let meta = &level4.meta;
        let Some(signal) = boss.on_bar(bar, || meta.weights(view.regime, now.hour)).signal else { continue };
        if level4.trade.is_some() || n + 1 < warmup || market.entry(bar.end()).is_err() {
            continue;
        }
        let close = bar.close;
        let planned = (signal.stop.stop_price(signal.side, close) - close).raw().abs();
        let lesson = meta.evaluate(&signal, &boss.votes(), view.regime, now.hour).lesson;
        let lesson = lesson.with_stop(Price::from_raw(planned));
        let quantity = (level4.balance.min(CAPITAL) / MARGIN).min(CAP);
        if quantity < 1 {
            continue;
        }
        level4.entering = Some((signal, quantity, lesson));
        level4.sent.push(Sent {
            at: bar.end(),
            intent: OrderIntent::Open,
            side: signal.side,
            quantity,
            stop: Some(signal.stop),
            target: signal.target,
        });
    }
    level4.sent
}

fn with_the_gate_off(bars: &[Bar], instrument: &Instrument) -> Vec<Sent> {
    let own = instrument.clone();
    let mut rig = Rig {
        brains: Some(Arc::new(move || brains(&own))),
        instruments: vec![instrument.clone()],
        real_levels: true,
        session: "B3",
        ..Rig::default()
    };
    rig.gate.policy_enabled = false;
    rig.capital.releverage_enabled = false;
    rig.capital.operator_capital = Money::from_cents(CAPITAL);
    rig.capital.margin_per_contract = Money::from_cents(MARGIN);
    rig.capital.max_contracts_cap = CAP as u32;
    rig.sim.balance = Money::from_cents(CAPITAL);
    rig.sim.mode = AccountMode::Netting;
    let mut bench = rig.bench();
    bench.bars(bars);
    assert_eq!((bench.asked(), bench.counts().unexpected_reports), (0, 0));
    let sent = |order: alavanca_kernel::OrderRequest| Sent {
        at: order.at,
        intent: order.intent,
        side: order.side,
        quantity: i64::from(order.quantity.count()),
        stop: order.protection.stop,
        target: order.protection.target,
    };
    bench.recorder.orders().into_iter().map(sent).collect()
}

#[track_caller]
fn check(what: &str, bars: &[Bar], instrument: &Instrument, at_least: usize) {
    let (wanted, got) = (without_a_gate(bars, instrument), with_the_gate_off(bars, instrument));
    let differs = wanted.iter().zip(&got).position(|(wanted, got)| wanted != got);
    if let Some(n) = differs {
        panic!("{what}: order {n} should be {:#?}\nand is {:#?}", wanted[n], got[n]);
    }
    assert_eq!(wanted.len(), got.len(), "{what}");
    assert!(wanted.len() >= at_least, "{what}: only {} orders", wanted.len());
    let closes = wanted.iter().filter(|sent| sent.intent == OrderIntent::Close).count();
    assert!(closes > 0, "{what}: no session ended with a trade open");
}

#[test]
fn on_the_synthetic_market() {
    for (symbol, price, volatility) in [("WIN", 125_000, 45), ("WDO", 5_500, 2)] {
        for seed in [1, 2] {
            let instrument = Instrument::preset(symbol).unwrap();
            let settings = SyntheticSettings {
                seed,
                days: 15,
                price: Price::from_raw(price * Price::SCALE),
                volatility: Price::from_raw(volatility * Price::SCALE),
                ..SyntheticSettings::default()
            };
            let bars: Vec<Bar> = SyntheticMarket::new(settings, &instrument).unwrap().collect();
            check(&format!("{symbol}, seed {seed}"), &bars, &instrument, 100);
        }
    }
}

/// Real prices, where they are at hand: beside the workspace, never in it.
#[test]
fn on_real_prices() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    for (file, symbol) in [
        ("mt5/wdo_m5_2018_2019.csv.gz", "WDO"),
        ("mt5/wdok20_m1_2020-04.csv.gz", "WDO"),
        ("mt5/winn_m1_2021-03_commas.csv.gz", "WIN"),
        ("profit/win_m5_2021-08_2022-01.csv.gz", "WIN"),
    ] {
        let path = folder.join(file);
        if !path.exists() {
            eprintln!("SKIPPED: {} is not there", path.display());
            continue;
        }
        // The loop knows one tariff: the latest, on all days.
        let preset = Instrument::preset(symbol).unwrap();
        let instrument = Instrument { costs: preset.costs.latest().into(), ..preset };
        check(file, &read(path), &instrument, 40);
    }
}

fn read(path: PathBuf) -> Vec<Bar> {
    let mut file = MarketFile::open(path, &ReadSettings::default(), &mut |_| {}).unwrap();
    let (mut batch, mut bars) = (Rows::new(), Vec::new());
    while file.next_batch(&mut batch).unwrap() {
        let Rows::Bars(rows) = &batch else { panic!("these files hold bars") };
        bars.extend_from_slice(rows);
    }
    bars
}

/// The comparison tells the two apart where they differ in anything.
#[test]
fn a_gate_that_acts_is_seen() {
    let instrument = Instrument { costs: CostSchedule::NONE, ..Instrument::preset("WIN").unwrap() };
    let settings = SyntheticSettings { days: 10, ..SyntheticSettings::default() };
    let bars: Vec<Bar> = SyntheticMarket::new(settings, &instrument).unwrap().collect();
    let paid = Instrument::preset("WIN").unwrap();
    assert_ne!(
        without_a_gate(&bars, &instrument),
        with_the_gate_off(&bars, &paid),
        "costs change the equity, so sizes"
    );
}
