//! Two days of a synthetic market, as people read them. Whoever changes a figure here has to want it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::fmt::Write as _;
use std::sync::Arc;

use alavanca_adapters_sim::{SyntheticMarket, SyntheticSettings};
use alavanca_engine::Record;
use alavanca_kernel::{AccountMode, Instrument, Money, Price, Regime, RegimeSet};
use alavanca_signals::{
    Brain, EmaTrend, EmaTrendConfig, EmaTrendSettings, MeanReversion, MeanReversionConfig, MeanReversionSettings,
    SmaCross, SmaCrossConfig, SmaCrossSettings,
};
use alavanca_tests::{Rig, points};

fn brains(tick: Price) -> Vec<Box<dyn Brain>> {
    let sma = SmaCrossSettings { fast: 5, slow: 15, stop_loss: points(150), take_profit: Some(points(300)) };
    vec![
        Box::new(EmaTrend::new(EmaTrendConfig::new(EmaTrendSettings::default(), tick).unwrap())),
        Box::new(MeanReversion::new(MeanReversionConfig::new(MeanReversionSettings::default(), tick).unwrap())),
        Box::new(SmaCross::new(SmaCrossConfig::new(sma, tick).unwrap())),
    ]
}

fn table(market_seed: u64, policy_seed: u64) -> String {
    let win = Instrument::preset("WIN").unwrap();
    let tick = win.tick;
    let mut rig = Rig {
        instruments: vec![win.clone()],
        brains: Some(Arc::new(move || brains(tick))),
        real_levels: true,
        session: "B3",
        actions: Vec::new(),
        ..Rig::default()
    };
    // Loose layers, so that the two days show extras, too.
    rig.capital.min_liquidity = 0.1;
    rig.capital.max_disagreement = 0.9;
    rig.capital.allowed_regimes = RegimeSet::of(&[Regime::TrendUp, Regime::TrendDown, Regime::Range]);
    rig.sim.mode = AccountMode::Netting;
    rig.rl.seed = policy_seed;
    rig.risk.daily_loss_limit = Some(Money::from_units(1_500));
    rig.risk.consecutive_losses_max = 3;
    rig.updater.batch_size = 5;
    let settings = SyntheticSettings { seed: market_seed, days: 2, ..SyntheticSettings::default() };
    let bars: Vec<_> = SyntheticMarket::new(settings, &win).unwrap().collect();
    let mut bench = rig.bench();
    bench.bars(&bars);
    bench.end(bars.last().unwrap().end());

    let mut text = String::new();
    for record in &bench.recorder.records {
        match record {
            Record::Decision(d) => writeln!(
                text,
                "{} decision {:>2} {:<4} {:<10} conf {:.4} dis {:.4} liq {:.4} → {:<24} {:>2} + {} ({})",
                d.context.at,
                d.id,
                d.signal.side,
                d.state.regime,
                d.context.confidence.map_or(f64::NAN, alavanca_kernel::Unit::get),
                d.context.disagreement.map_or(f64::NAN, alavanca_kernel::Unit::get),
                d.context.liquidity.map_or(f64::NAN, alavanca_kernel::Unit::get),
                d.action,
                d.base.count(),
                d.extra.count(),
                d.allocation.reason(),
            ),
            Record::Blocked(b) => {
                writeln!(text, "{} blocked     {:<4} {}", b.context.at, b.signal.side, b.cause.as_str())
            }
            Record::Scalp(e) => writeln!(
                text,
                "{}   scalp     {:<4} {:<11} {} → {} net {}",
                e.at, e.side, e.kind, e.entry, e.exit, e.net
            ),
            Record::Trade(t) => writeln!(
                text,
                "{}   trade {:>5} {:<4} {} → {} {:<15} gross {} costs {} net {}",
                t.outcome.closed_at, t.outcome.trade, t.side, t.entry, t.exit, t.cause, t.gross, t.costs, t.outcome.net
            ),
            Record::Learned(l) => writeln!(
                text,
                "{}   learned   batch {} trade {} {} alpha {} beta {}{}",
                l.at,
                l.batch,
                l.outcome.trade,
                l.outcome.action,
                l.arm.alpha,
                l.arm.beta,
                l.skipped.map_or(String::new(), |skip| format!(" skipped: {skip:?}")),
            ),
            Record::Policy(p) => writeln!(text, "{}   policy    {} {:?}", p.at, p.regime, p.kind),
            Record::Risk(r) => writeln!(text, "{} risk        {} → {}: {}", r.at, r.from, r.to, r.cause.as_str()),
            Record::Day(d) => writeln!(text, "{} net {}, equity {}", d.day, d.net, d.equity.unwrap_or_default()),
            _ => Ok(()),
        }
        .unwrap();
    }
    text
}

#[test]
fn two_days_are_what_they_were() {
    insta::assert_snapshot!(table(11, 1));
}

#[test]
fn the_same_seeds_give_the_same_days_and_others_do_not() {
    let once = table(11, 1);
    assert_eq!(once, table(11, 1));
    assert_ne!(once, table(11, 2), "another policy");
    assert_ne!(once, table(12, 1), "another market");
}
