//! The specification's tables and functions: columns, and a day's figures against figures counted here.
#![allow(clippy::unwrap_used, reason = "tests and their helpers")]

use std::collections::BTreeMap;

use alavanca_adapters_sqlite::entity::rl_report_log;
use alavanca_adapters_sqlite::repo::{self, CapitalState, RlEvent, ScalpRow};
use alavanca_engine::{PolicyEventKind, Record, TradeRecord};
use alavanca_kernel::{Action, Hour, Level, Regime, StateKey, SymbolId, Timestamp, TradingDay};
use alavanca_ports::Store;
use alavanca_rl::{Arm, PolicyScope};
use sea_orm::EntityTrait;

use life::{SYMBOLS, commit_all, open, steps};

mod life;

/// `CREATE TABLE` bodies by name, without comments and spaces.
fn tables(text: &str) -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::new();
    for part in text.split("CREATE TABLE ").skip(1) {
        let (name, rest) = part.split_once('(').unwrap();
        let body = rest.split_once("\n);").map_or(rest, |(body, _)| body);
        let line = |line: &str| line.split("--").next().unwrap().trim().trim_end_matches(',').to_owned();
        let lines = body.lines().map(line).filter(|line| !line.is_empty()).collect();
        found.insert(name.trim().to_owned(), lines);
    }
    found
}

#[tokio::test]
async fn the_six_tables_have_exactly_the_specifications_columns() {
    let spec = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/spec/level5.md");
    let Ok(spec) = std::fs::read_to_string(spec) else {
        eprintln!("SKIPPED: the specification is not at {spec}");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    open(&path).await.close().await.unwrap();
    let db = rusqlite::Connection::open(&path).unwrap();
    let expected = tables(&spec);
    assert_eq!(expected.len(), 6);
    for (name, lines) in expected {
        let sql: String =
            db.query_row("SELECT sql || ';' FROM sqlite_schema WHERE name = ?", [&name], |row| row.get(0)).unwrap();
        assert_eq!(tables(&sql)[&name], lines, "{name}");
    }
}

fn mean(rewards: &[f64]) -> Option<f64> {
    (!rewards.is_empty()).then(|| rewards.iter().sum::<f64>() / rewards.len() as f64)
}

fn near(got: Option<f64>, expected: Option<f64>, what: &str) {
    match (got, expected) {
        (Some(got), Some(expected)) => assert!((got - expected).abs() < 1e-12, "{what}: {got}, expected {expected}"),
        _ => assert_eq!(got, expected, "{what}"),
    }
}

#[tokio::test]
async fn a_days_figures_are_those_of_its_records() {
    let folder = tempfile::tempdir().unwrap();
    let steps = steps(900, PolicyScope::Shared);
    let mut store = open(&folder.path().join("a.db")).await;
    commit_all(&mut store, &steps, 20).await;
    let reports = rl_report_log::Entity::find().all(store.db()).await.unwrap();
    let records: Vec<&Record> = steps.iter().flat_map(|(records, _)| records).collect();
    let ends: Vec<(usize, TradingDay)> = records
        .iter()
        .enumerate()
        .filter_map(|(place, record)| if let Record::Day(day) = record { Some((place, day.day)) } else { None })
        .collect();
    assert_eq!(reports.len(), ends.len() * SYMBOLS.len());
    let (mut trends, mut winners, mut frozen_days) = (0, 0, 0);
    for report in reports {
        let of = format!("{:?} {:?}", report.report_date, report.symbol);
        let (end, day) = ends.iter().find(|(_, day)| Some(day.to_string()) == report.report_date).unwrap();
        let begin = ends.iter().rev().find(|(other, _)| other < end).map_or(0, |(place, _)| *place);
        let symbol = SYMBOLS.iter().position(|&name| Some(name) == report.symbol.as_deref()).unwrap();
        let symbol = SymbolId::new(symbol as u16);
        let today = &records[begin..*end];
        let chosen = |action: Option<Action>| {
            let is = |record: &&&Record| matches!(record, Record::Decision(d) if d.context.symbol == symbol && action.is_none_or(|a| d.action == a));
            Some(today.iter().filter(is).count() as i64)
        };
        assert_eq!(report.actions_hold_count, chosen(Some(Action::Hold)), "{of}");
        assert_eq!(report.blocked_by_rl_count, chosen(Some(Action::Hold)), "{of}");
        assert_eq!(report.actions_enter_count, chosen(Some(Action::Enter)), "{of}");
        assert_eq!(report.actions_conservative_count, chosen(Some(Action::EnterConservative)), "{of}");
        assert_eq!(report.actions_realavancagem_count, chosen(Some(Action::EnterWithReleverage)), "{of}");
        let learned = today.iter().filter(|r| matches!(r, Record::Learned(l) if l.outcome.symbol == symbol)).count();
        assert_eq!(report.total_rl_events, chosen(None).map(|choices| choices + learned as i64), "{of}");

        let all: Vec<&TradeRecord> = records[..*end]
            .iter()
            .filter_map(|record| if let Record::Trade(trade) = record { Some(&**trade) } else { None })
            .filter(|trade| trade.outcome.symbol == symbol)
            .collect();
        let rewards =
            |trades: &[&TradeRecord]| -> Vec<f64> { trades.iter().map(|t| t.outcome.reward.to_f64()).collect() };
        let closed: Vec<&TradeRecord> = all.iter().copied().filter(|trade| trade.day == *day).collect();
        near(report.avg_reward, mean(&rewards(&closed)), &format!("{of} avg_reward"));
        let with_extra: Vec<_> = closed.iter().filter(|trade| !trade.extra.is_zero()).collect();
        assert_eq!(report.total_realavancagem_triggered, Some(with_extra.len() as i64), "{of}");
        let won: Vec<f64> = with_extra.iter().map(|t| f64::from(u8::from(t.extra_net.is_positive()))).collect();
        near(report.realavancagem_success_rate, mean(&won), &format!("{of} success"));
        // In this life every extra ends with its trade, at its target or stop.
        assert_eq!(report.total_scalps, Some(with_extra.len() as i64), "{of}");
        near(report.scalp_winrate, mean(&won), &format!("{of} winrate"));
        let total: f64 = with_extra.iter().map(|t| t.extra_net.cents() as f64 / 100.0).sum();
        assert!((report.scalp_total_pnl.unwrap() - total).abs() < 1e-9, "{of}");
        let trend = (all.len() >= 40).then(|| {
            let latest = rewards(&all[all.len() - 40..]);
            mean(&latest[20..]).unwrap() - mean(&latest[..20]).unwrap()
        });
        near(report.performance_trend, trend, &format!("{of} trend"));
        let mut frozen = BTreeMap::new();
        for record in &records[..*end] {
            if let Record::Policy(event) = record {
                match event.kind {
                    PolicyEventKind::Frozen { .. } => frozen.insert(event.regime, 1),
                    PolicyEventKind::Thawed => frozen.insert(event.regime, 0),
                    PolicyEventKind::RolledBack { .. } | PolicyEventKind::Imported { .. } => None,
                };
            }
        }
        assert_eq!(report.regimes_frozen_count, Some(frozen.values().sum()), "{of}");
        trends += usize::from(trend.is_some());
        winners += won.iter().filter(|&&won| won > 0.5).count();
        frozen_days += usize::from(frozen.values().any(|&f| f == 1));
    }
    assert!(trends > 0 && winners > 0 && frozen_days > 0, "the life shows nothing of {trends} {winners} {frozen_days}");

    // Asked for by hand it is the same, in the same place.
    let (_, day) = ends[1];
    let before = rl_report_log::Entity::find().all(store.db()).await.unwrap();
    let again = repo::insert_rl_report(store.db(), day, SYMBOLS[1]).await.unwrap().unwrap();
    assert!(before.contains(&again), "{again:?}");
    assert_eq!(rl_report_log::Entity::find().all(store.db()).await.unwrap(), before);
    assert_eq!(repo::insert_rl_report(store.db(), day, "PETR4").await.unwrap(), None);
}

#[tokio::test]
async fn the_specifications_functions_keep_what_they_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&folder.path().join("a.db")).await;
    let (db, at) = (store.db().clone(), Timestamp::from_secs(1_615_494_900));
    let state = CapitalState {
        operator_capital_brl: 10_000.0,
        margin_per_contract_brl: 1_000.0,
        max_contracts_cap: 10,
        base_contracts: 10,
        extra_contracts: 1,
        reason: "approved".to_owned(),
        detail_json: "{}".to_owned(),
    };
    assert_eq!(repo::insert_capital_state(&db, at, "EURUSD", state.clone()).await.unwrap(), 1);
    assert_eq!(repo::insert_capital_state(&db, at, "EURUSD", state).await.unwrap(), 2);
    let row = alavanca_adapters_sqlite::entity::capital_state::Entity::find_by_id(2).one(&db).await.unwrap().unwrap();
    assert_eq!((row.base_contracts, row.extra_contracts, row.final_contracts), (Some(10), Some(1), Some(11)));
    assert_eq!(row.time.as_deref(), Some("2021-03-11T20:35:00Z"));

    let opened = ScalpRow {
        event_type: "OPENED".to_owned(),
        side: "BUY".to_owned(),
        entry_price: 1.085,
        exit_price: None,
        extra_contracts: 1,
        pnl: 0.0,
        hold_time_seconds: 0,
        reason: "filled".to_owned(),
        detail_json: "{}".to_owned(),
    };
    assert_eq!(repo::insert_scalp_event(&db, at, "EURUSD", opened).await.unwrap(), 1);

    let key = StateKey {
        regime: Regime::TrendUp,
        hour: Hour::new(14).unwrap(),
        confidence: Level::High,
        disagreement: Level::Low,
    };
    let state = key.to_hash();
    for (alpha, count) in [(2.0, 1), (3.0, 2)] {
        let arm = Arm { alpha, beta: 1.0, count, reward_micros: 800_000 * i64::from(count) };
        repo::upsert_rl_policy(&db, Regime::TrendUp, state, Action::Enter, &arm, at).await.unwrap();
    }
    let arm = Arm { alpha: 1.0, beta: 2.0, count: 1, reward_micros: 200_000 };
    repo::upsert_rl_policy(&db, Regime::TrendUp, state, Action::Hold, &arm, at).await.unwrap();
    let table = repo::fetch_rl_policy_table(&db, Regime::TrendUp).await.unwrap();
    let arms: Vec<_> = table.iter().map(|row| (row.action.as_deref(), row.alpha, row.count, row.mean_value)).collect();
    assert_eq!(
        arms,
        [(Some("ENTER"), Some(3.0), Some(2), Some(0.75)), (Some("HOLD"), Some(1.0), Some(1), Some(1.0 / 3.0))]
    );
    assert_eq!(table[0].total_reward, Some(1.6));
    assert!(repo::fetch_rl_policy_table(&db, Regime::Range).await.unwrap().is_empty());

    let event = RlEvent {
        regime: Regime::TrendUp,
        state,
        action: Action::Enter,
        reward: Some(0.8),
        reason: "learned".to_owned(),
        frozen: false,
        detail_json: "{}".to_owned(),
    };
    assert_eq!(repo::insert_rl_event(&db, at, "EURUSD", event).await.unwrap(), 1);
    let snapshot = || repo::create_policy_snapshot(&db, "TREND_UP-000001", Regime::TrendUp, at, "{}", "{}", None);
    assert_eq!(snapshot().await.unwrap(), 1);
    snapshot().await.expect_err("a name is used once");
    assert_eq!(store.cursor().await.unwrap(), 0);
}
