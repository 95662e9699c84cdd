use std::collections::BTreeMap;

use alavanca_kernel::{Layer, Money};
use alavanca_report::{
    CostParts, ExtrasSummary, LearningSummary, OrdersSummary, RegimesSummary, ScalpSummary, Summary,
};
use insta::assert_snapshot;

use super::backtest::LAYERS;
use super::*;
use crate::backtest_types::{BacktestReport, RunCounts, SourceFacts};
use crate::settings::{LoadRequest, load};

fn parts(exchange_fees: i64, brokerage: i64, spread: i64, slippage: i64) -> CostParts {
    let [exchange_fees, brokerage, spread, slippage] =
        [exchange_fees, brokerage, spread, slippage].map(Money::from_cents);
    CostParts { exchange_fees, brokerage, spread, slippage }
}

fn level4() -> Summary {
    Summary {
        net: Money::from_cents(-98_765),
        gross: Money::from_cents(24_680),
        costs: Money::from_cents(123_445),
        cost_parts: Some(parts(45_000, 0, 78_445, 0)),
        trades: 1_410,
        wins: 640,
        win_rate: Some(640.0 / 1_410.0),
        profit_factor: Some(0.9712),
        max_drawdown: Money::from_cents(210_000),
        sharpe_per_day: Some(-0.0421),
        days: 120,
        decisions: 1_410,
        decisions_by_action: BTreeMap::from([("ENTER", 1_410)]),
        decisions_by_regime: BTreeMap::from([("TREND_UP", BTreeMap::from([("ENTER", 1_410)]))]),
        blocked: BTreeMap::from([("session_closed", 88)]),
        exits: BTreeMap::from([("STOP_LOSS", 770), ("TAKE_PROFIT", 640)]),
        extras: ExtrasSummary::default(),
        scalps: ScalpSummary::default(),
        learning: LearningSummary::default(),
        risk: BTreeMap::from([("daily_loss", 9)]),
        orders: OrdersSummary { sent: 2_820, fills: 2_820, rejected: 0, canceled: 0 },
        regimes: RegimesSummary::default(),
    }
}

fn gate() -> Summary {
    Summary {
        net: Money::from_cents(1_234_567),
        gross: Money::from_cents(1_350_000),
        costs: Money::from_cents(115_433),
        cost_parts: Some(parts(40_000, 0, 75_000, 433)),
        trades: 1_012,
        wins: 520,
        win_rate: Some(520.0 / 1_012.0),
        profit_factor: None,
        max_drawdown: Money::from_cents(98_050),
        sharpe_per_day: Some(0.1234),
        days: 120,
        decisions: 1_398,
        decisions_by_action: BTreeMap::from([
            ("HOLD", 386),
            ("ENTER", 512),
            ("ENTER_CONSERVATIVE", 300),
            ("ENTER_WITH_REALAVANCAGEM", 200),
        ]),
        decisions_by_regime: BTreeMap::from([
            ("RANGE", BTreeMap::from([("HOLD", 386), ("ENTER_CONSERVATIVE", 300)])),
            ("TREND_UP", BTreeMap::from([("ENTER", 512), ("ENTER_WITH_REALAVANCAGEM", 200)])),
        ]),
        blocked: BTreeMap::from([("cooldown", 12), ("session_closed", 77)]),
        exits: BTreeMap::from([("STOP_LOSS", 492), ("TAKE_PROFIT", 520)]),
        extras: ExtrasSummary {
            granted: 230,
            taken: 200,
            refused: 1_168,
            refused_by_reason: BTreeMap::from([
                ("regime_not_allowed", 686),
                ("confidence_below_minimum", 382),
                ("daily_profit_below_minimum", 97),
                ("broker_margin", 3),
            ]),
            failed_by_layer: BTreeMap::from([("regime_allowed", 686), ("confidence", 801), ("daily_profit", 650)]),
        },
        scalps: ScalpSummary {
            opened: 199,
            ends: BTreeMap::from([("TP_HIT", 80), ("SL_HIT", 99), ("TIMEOUT", 20), ("PROTECTED", 80)]),
            wins: 91,
            win_rate: Some(91.0 / 199.0),
            net: Money::from_cents(-4_321),
            mean_hold_seconds: Some(101.26),
            unresolved: 14,
        },
        learning: LearningSummary {
            learned: 980,
            skipped_frozen: 12,
            skipped_transition: 20,
            batches: 101,
            snapshots: 130,
            freezes: 2,
            thaws: 1,
            rollbacks: 7,
            mean_reward: Some(0.5081),
        },
        risk: BTreeMap::from([("daily_loss", 6), ("consecutive_losses", 31)]),
        orders: OrdersSummary { sent: 2_400, fills: 2_420, rejected: 3, canceled: 1 },
        regimes: RegimesSummary::default(),
    }
}

fn report() -> BacktestReport {
    BacktestReport {
        days: crate::compare::DayBook::default(),
        source: SourceFacts {
            name: "WINZ26_M1.csv.gz".into(),
            synthetic: false,
            kind: "MT5 bars, bars of 60 s".into(),
            first: Some("2026-01-02T12:00:00Z".into()),
            last: Some("2026-06-30T21:24:00Z".into()),
            clock: Some("America/Sao_Paulo (B3 stamps are Brasília wall time)".into()),
            rows: 67_800,
            faulty: 12,
            faults: vec![("unreadable".into(), 12)],
            gaps: 3,
            sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".into(),
        },
        symbol: "WINZ26".into(),
        currency: "BRL".into(),
        seed: 7,
        run_id: "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752".into(),
        settings: "fd61a03af4f77d870fc21e05e7e80678095c92d808cfb3b5c279ee04c74aca13".into(),
        gate: gate(),
        level4: Some(level4()),
        counts: RunCounts { bars: 67_788, ticks: 0, resumed_after: 0, rejected: 0, interrupted: false },
        head: None,
        notes: vec![
            "bars of 60 s resolve a scalp of 180 s in three steps: 14 scalps could not be told apart and count as \
             stops"
                .into(),
        ],
        report: None,
    }
}

/// Lines longer than the terminal wrap and cannot be read as a table any more.
#[track_caller]
fn fits(text: &str) {
    for line in text.lines() {
        assert!(line.chars().count() <= usize::from(WIDTH), "{} columns: {line}", line.chars().count());
        assert_eq!(line, line.trim_end(), "blanks at the end");
    }
}

#[test]
fn a_run_is_told_with_both_engines_beside_each_other() {
    let text = super::backtest(&report(), false);
    fits(&text);
    assert_snapshot!(text);
}

#[test]
fn a_run_without_trades_claims_nothing() {
    let quiet = Summary {
        net: Money::ZERO,
        gross: Money::ZERO,
        costs: Money::ZERO,
        cost_parts: None,
        trades: 0,
        wins: 0,
        win_rate: None,
        profit_factor: None,
        max_drawdown: Money::ZERO,
        sharpe_per_day: None,
        days: 1,
        decisions: 0,
        decisions_by_action: BTreeMap::new(),
        decisions_by_regime: BTreeMap::new(),
        blocked: BTreeMap::new(),
        exits: BTreeMap::new(),
        extras: ExtrasSummary::default(),
        scalps: ScalpSummary::default(),
        learning: LearningSummary::default(),
        risk: BTreeMap::new(),
        orders: OrdersSummary::default(),
        regimes: RegimesSummary::default(),
    };
    let source = SourceFacts { synthetic: true, name: "synthetic WIN".into(), clock: None, ..report().source };
    let text = super::backtest(&BacktestReport { gate: quiet, level4: None, notes: vec![], source, ..report() }, false);
    fits(&text);
    assert!(!text.contains("Level 4") && !text.contains("NaN"), "{text}");
    assert!(text.contains("(synthetic: no real market)"), "{text}");
    for line in ["Win rate", "Profit factor", "Sharpe per day", "Mean reward"] {
        let line = text.lines().find(|l| l.trim_start().starts_with(line)).unwrap();
        assert!(line.ends_with(" -"), "{line}");
    }
}

#[test]
fn colour_marks_results_and_nothing_is_marked_without() {
    let (plain, coloured) = (super::backtest(&report(), false), super::backtest(&report(), true));
    assert!(!plain.contains('\u{1b}'));
    let marked = |colour: &str, figure: &str| {
        let at = coloured.find(figure).unwrap();
        coloured[..at].trim_end().ends_with(colour)
    };
    assert!(marked("\u{1b}[38;5;10m", "12,345.67"), "{coloured:?}");
    assert!(marked("\u{1b}[38;5;9m", "-987.65"), "{coloured:?}");
}

#[test]
fn every_layer_has_its_line() {
    assert!(LAYERS.iter().map(|(layer, ..)| *layer).eq(Layer::ALL), "in the specification's order");
    let text = super::backtest(&report(), false);
    let line = |label: &str| text.lines().find(|line| line.trim_start().starts_with(label)).unwrap().to_owned();
    let figures = |label: &str| line(label).split_whitespace().rev().take(2).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(figures("3 regime allowed"), ["686", "686"]);
    assert_eq!(figures("5 confidence"), ["801", "382"]);
    assert_eq!(figures("- broker margin"), ["-", "3"]);
}

#[test]
fn amounts_are_grouped() {
    for (cents, text) in
        [(0, "0.00"), (-5, "-0.05"), (99_999, "999.99"), (100_000, "1,000.00"), (-123_456_789, "-1,234,567.89")]
    {
        assert_eq!(money(Money::from_cents(cents)), text);
    }
}

#[test]
fn settings_are_told_by_section() {
    let flags = BTreeMap::from([("SCALP_TP_POINTS".to_owned(), "20".to_owned())]);
    let loaded = load(&LoadRequest { flags, ..LoadRequest::default() }).unwrap();
    let text = origins(&loaded.origins, false);
    fits(&text);
    let scalp = text.split("\n\n").find(|section| section.contains("SCALP_TP_POINTS")).unwrap();
    assert_snapshot!(scalp);
}

#[test]
fn a_day_and_an_engine_are_told_by_the_trading_zones_clock() {
    let leg = |role: &str, entry: &str, net: &str, opened: &str, open: u32| {
        serde_json::json!({
            "trade": 12, "role": role, "side": "BUY", "entered": 2, "open": open, "entry": entry, "net": net,
            "opened_at": opened, "closed_at": null, "cause": if open == 0 { Some("TAKE_PROFIT") } else { None },
        })
    };
    let latency = serde_json::json!({ "count": 3, "median_us": 900, "p99_us": 2100, "worst_us": 2222 });
    let statement = serde_json::json!({
        "day": "2026-03-10", "symbol": "WINJ26", "mode": "armed", "account": "1000001",
        "zone": "America/Sao_Paulo", "from": "2026-03-10T12:01:27.5Z", "to": "2026-03-10T20:50:00Z",
        "ended": "the operator ended it", "trades": 12, "fills": 31, "ticks": 48211,
        "legs": [
            leg("BASE", "124535", "-1479.50", "2026-03-10T12:02:10Z", 2),
            leg("EXTRA", "124540", "23.00", "2026-03-10T12:02:11Z", 0),
        ],
        "base_net": "-1479.50", "extra_net": "23.00", "commission": "31.00", "net": "-1456.50",
        "balance_before": "10000.00", "balance_after": "8530.00", "unexplained": "-13.50", "reconciled": false,
        "differences": ["leg 12/base: the books have BUY 2, the broker BUY 1"], "in_doubt": [31], "flat": false,
        "refused": { "PRETRADE_MAX_SPREAD": 2 }, "latency": latency,
    });
    let statement = super::live::statement(&serde_json::from_value(statement).unwrap());
    let status = serde_json::json!({
        "pid": 4242, "mode": "armed", "symbol": "WINJ26", "phase": "running", "detail": "",
        "started_at": "2026-03-10T11:50:00Z", "at": "2026-03-10T12:30:00Z", "market_at": "2026-03-10T12:30:01.25Z",
        "listening": "127.0.0.1:5757", "session": null,
        "account": {
            "at": "2026-03-10T12:29:55Z", "balance": "10000.00", "equity": "10012.00", "free_margin": "9800.00",
        },
        "risk": "REDUCE_ONLY", "stopped_by": ["no bridge is connected"],
        "reconciled": { "at": "2026-03-10T12:29:00Z", "differences": [] }, "in_doubt": [],
        "legs": [{ "leg": "12/base", "side": "BUY", "open": 2, "entry": "124535", "stop": "124400", "target": null }],
        "day_net": "23.00", "zone": "America/Sao_Paulo", "trades": 3, "ticks": 900, "events": 1200, "latency": latency,
    });
    let found = crate::live::operate::Found {
        db: "live.sqlite".into(),
        running: true,
        silent_seconds: 0,
        status: Some(serde_json::from_value(status).unwrap()),
        waiting: Vec::new(),
        statements: vec!["live.sqlite.live/statements/2026-03-09.json".into()],
    };
    let status = super::live::status(&found, false);
    for text in [&statement, &status] {
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    }
    assert_snapshot!(format!("{status}{statement}"));
}
