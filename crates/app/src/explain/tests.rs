use alavanca_calendar::{TradingZone, ZoneSettings};
use alavanca_engine::{ChangedBy, LearnedRecord, OrderEnd, PolicyEvent, PolicyEventKind};
use alavanca_kernel::{
    Action, Allocation, Contracts, Hour, LayerMask, LegId, LegRole, Level, MarketContext, Money, OrderId, OrderIntent,
    OrderRequest, Protection, Refusal, Regime, RejectReason, Reward, RiskState, Side, StateKey, SymbolId, Timestamp,
    TradeId, TradeOutcome, TradingDay, Unit,
};
use alavanca_rl::{Arm, UpdateRule};
use alavanca_updater::{PolicySnapshot, SnapshotMetrics};

use super::view::TradeState;
use super::*;
use crate::settings::Settings;

fn notes(zone: &str) -> RunNotes {
    let settings = ZoneSettings { timezone: zone.to_owned(), day_cut: "00:00".to_owned() };
    RunNotes {
        path: "run.db".into(),
        run_id: None,
        symbols: vec!["WIN".into()],
        settings: Some(Settings::default()),
        zone: TradingZone::new(&settings).unwrap(),
        brains: crate::brain_names::BrainNames::default(),
    }
}

fn context(elsewhere: Money) -> MarketContext {
    MarketContext {
        symbol: SymbolId::new(0),
        at: Timestamp::from_secs(1_772_472_720),
        day: TradingDay::from_days(20_514),
        hour: Hour::new(14).unwrap(),
        regime: Regime::TrendUp,
        transition: Some(false),
        confidence: Unit::new(0.5),
        disagreement: None,
        liquidity: None,
        daily_profit: Some(Money::ZERO),
        equity: Some(Money::from_units(8_000)),
        margin_elsewhere: elsewhere,
        free_margin: Some(Money::from_units(400)),
        cooldown_until: None,
        risk: RiskState::Active,
    }
}

#[test]
fn sizing_is_written_out_with_its_numbers() {
    #[track_caller]
    fn check(
        base: u32,
        capital: i64,
        elsewhere: i64,
        refusal: Option<Refusal>,
        from: &str,
        formula: &str,
        bounded: bool,
    ) {
        let allocation = Allocation {
            base: Contracts::new(base),
            extra: Contracts::ZERO,
            capital: Money::from_units(capital),
            layers: LayerMask::default(),
            refusal,
        };
        let told = sizing(&notes("America/Sao_Paulo"), &context(Money::from_units(elsewhere)), &allocation);
        assert_eq!(told.capital_from.as_deref(), Some(from));
        assert_eq!(told.formula.as_deref(), Some(formula));
        assert_eq!(told.base_is_bounded, bounded, "{told:?}");
    }
    let equity = "min(10000.00 configured, 8000.00 equity)";
    check(
        8,
        8_000,
        0,
        Some(Refusal::Disabled),
        &format!("{equity} = 8000.00"),
        "min(cap 10, max(minimum 1, floor(8000.00 / 1000.00 = 8))) = 8",
        false,
    );
    check(
        5,
        5_000,
        3_000,
        None,
        &format!("{equity} - 3000.00 held elsewhere = 5000.00"),
        "min(cap 10, max(minimum 1, floor(5000.00 / 1000.00 = 5))) = 5",
        false,
    );
    let margin = Refusal::BrokerMargin { free: Money::from_units(400), needed: Money::from_units(800) };
    check(
        4,
        8_000,
        0,
        Some(margin),
        &format!("{equity} = 8000.00"),
        "min(cap 10, max(minimum 1, floor(8000.00 / 1000.00 = 8))) = 8",
        true,
    );
    // The broker's margin refused the extra, not the base.
    check(
        8,
        8_000,
        0,
        Some(margin),
        &format!("{equity} = 8000.00"),
        "min(cap 10, max(minimum 1, floor(8000.00 / 1000.00 = 8))) = 8",
        false,
    );
    let short = Refusal::CapitalShortfall { capital: Money::from_units(500), needed: Money::from_units(1_000) };
    check(
        0,
        500,
        0,
        Some(short),
        &format!("{equity} = 500.00"),
        "min(cap 10, max(minimum 1, floor(500.00 / 1000.00 = 0))) = 1",
        true,
    );
}

#[test]
fn times_are_of_the_trading_zone_unless_they_say_another() {
    #[track_caller]
    fn check(zone: &str, text: &str, utc: Option<&str>) {
        let got = notes(zone).parse_time(text).ok().map(|at| at.to_string());
        assert_eq!(got.as_deref(), utc, "{zone} {text}");
    }
    let sao = "America/Sao_Paulo";
    check(sao, "2026-03-02 14:32", Some("2026-03-02T17:32:00Z"));
    check(sao, " 2026-03-02T14:32:05 ", Some("2026-03-02T17:32:05Z"));
    check(sao, "2026-03-02 14:32Z", Some("2026-03-02T14:32:00Z"));
    check(sao, "2026-03-02 14:32 UTC", Some("2026-03-02T14:32:00Z"));
    check(sao, "2026-03-02 14:32:00-05:00", Some("2026-03-02T19:32:00Z"));
    check("America/New_York", "2026-03-02 14:32", Some("2026-03-02T19:32:00Z"));
    // What the clock showed twice is the earlier; what it never showed is as if it had not been put forward.
    check("America/New_York", "2018-11-04 01:30", Some("2018-11-04T05:30:00Z"));
    check("America/New_York", "2018-03-11 02:30", Some("2018-03-11T07:30:00Z"));
    for wrong in ["14:32", "2026-03-02", "2026-13-02 10:00", "yesterday", "", "2026-03-02 24:01"] {
        check(sao, wrong, None);
    }
    let said = notes(sao).parse_time("noon").unwrap_err().to_string();
    assert!(said.starts_with("`noon` is no time") && said.contains("America/Sao_Paulo"), "{said}");
}

const TRADE: TradeId = TradeId::new(7);

fn order(id: u64, role: LegRole) -> OrderRequest {
    OrderRequest {
        id: OrderId::new(id),
        symbol: SymbolId::new(0),
        leg: LegId { trade: TRADE, role },
        intent: OrderIntent::Open,
        side: Side::Buy,
        quantity: Contracts::new(1),
        protection: Protection::default(),
        at: Timestamp::from_secs(100),
    }
}

#[test]
fn a_trade_without_a_fill_has_no_outcome() {
    let rejected = |id: u64, role: LegRole| OrderEnd {
        order: OrderId::new(id),
        symbol: SymbolId::new(0),
        leg: LegId { trade: TRADE, role },
        intent: OrderIntent::Open,
        rejected: Some(RejectReason::NoMoney),
        unfilled: None,
        at: Timestamp::from_secs(101),
    };
    let orders = vec![order(1, LegRole::Base), order(2, LegRole::Extra)];
    let both = vec![rejected(1, LegRole::Base), rejected(2, LegRole::Extra)];
    let never = Records { orders: orders.clone(), ends: both.clone(), ..Records::default() };
    assert_eq!(never.trade(TRADE).state, TradeState::NeverFilled);
    let told = never.steps(&notes("UTC"));
    assert_eq!(told.last().unwrap().what, "order 2 rejected: no money");
    // One of them may still be filled.
    let on_its_way = Records { orders, ends: both[..1].to_vec(), ..Records::default() };
    assert_eq!(on_its_way.trade(TRADE).state, TradeState::Open);
}

fn learned(reward: u32, applied: bool) -> LearnedRecord {
    let state = StateKey {
        regime: Regime::TrendUp,
        hour: Hour::new(14).unwrap(),
        confidence: Level::Low,
        disagreement: Level::Low,
    };
    LearnedRecord {
        batch: 5,
        outcome: TradeOutcome {
            trade: TRADE,
            symbol: SymbolId::new(0),
            state,
            action: Action::Enter,
            net: Money::ZERO,
            reward: Reward::from_micros(reward).unwrap(),
            opened_at: Timestamp::from_secs(100),
            closed_at: Timestamp::from_secs(200),
            in_transition: false,
        },
        applied,
        skipped: None,
        arm: Arm { alpha: 3.0, beta: 4.0, count: 5, reward_micros: 2_000_000 },
        policy_version: 40,
        at: Timestamp::from_secs(300),
    }
}

fn snapshot(id: &str, batches: u64) -> PolicySnapshot {
    PolicySnapshot {
        id: id.to_owned(),
        number: 1,
        regime: Regime::TrendUp,
        at: Timestamp::from_secs(1),
        policy: Vec::new(),
        metrics: SnapshotMetrics { batches, trade_count: 0, batch_pnl: Money::ZERO, average_reward_micros: None },
        note: String::new(),
        milestone: false,
    }
}

fn rollback(to: &str, at: i64, by: ChangedBy) -> PolicyEvent {
    let kind = PolicyEventKind::RolledBack { snapshot: to.to_owned(), average: None };
    PolicyEvent { regime: Regime::TrendUp, kind, by, policy_version: 41, at: Timestamp::from_secs(at) }
}

#[test]
fn what_takes_a_lesson_back_is_told_apart_from_what_does_not() {
    let operator = || ChangedBy::Operator { reason: String::new() };
    #[track_caller]
    fn check(event: PolicyEvent, undone: Option<&str>) {
        let records = Records {
            learned: Some(learned(800_000, true)),
            events: vec![event],
            // Batch 5 is the lesson's: a snapshot with four batches before it is from before the lesson.
            snapshots: vec![snapshot("TREND_UP-000004", 4), snapshot("TREND_UP-000005", 5)],
            ..Records::default()
        };
        let lesson = records.lesson(&notes("UTC")).unwrap();
        assert_eq!(lesson.undone.map(|undone| undone.how).as_deref(), undone);
    }
    check(rollback("TREND_UP-000004", 900, ChangedBy::Engine), Some("rolled back to TREND_UP-000004"));
    check(rollback("TREND_UP-000004", 900, operator()), Some("rolled back by the operator to TREND_UP-000004"));
    // A later batch's snapshot holds the lesson.
    check(rollback("TREND_UP-000005", 900, ChangedBy::Engine), None);
    // Its snapshot is gone: at the instant of the batch it was the batch's own.
    check(rollback("TREND_UP-000001", 300, ChangedBy::Engine), Some("rolled back to TREND_UP-000001"));
    check(rollback("TREND_UP-000001", 900, ChangedBy::Engine), None);
    let imported = PolicyEventKind::Imported { digest: "ab".into(), run_id: None };
    check(
        PolicyEvent { kind: imported, ..rollback("", 900, operator()) },
        Some("replaced by the operator by an imported policy"),
    );
    check(PolicyEvent { kind: PolicyEventKind::Thawed, ..rollback("", 900, operator()) }, None);
}

#[test]
fn the_arm_before_follows_from_the_rule() {
    #[track_caller]
    fn check(rule: UpdateRule, reward: u32, applied: bool, before: [f64; 2]) {
        let mut notes = notes("UTC");
        notes.settings.as_mut().unwrap().rl.update = rule;
        let records = Records { learned: Some(learned(reward, applied)), ..Records::default() };
        let lesson = records.lesson(&notes).unwrap();
        assert!((lesson.before[0] - before[0]).abs() + (lesson.before[1] - before[1]).abs() < 1e-12, "{lesson:?}");
        assert_eq!(lesson.after.map(|shape| shape.round() as i64), [3, 4]);
    }
    check(UpdateRule::Binary, 800_000, true, [2.0, 4.0]);
    check(UpdateRule::Binary, 200_000, true, [3.0, 3.0]);
    check(UpdateRule::Binary, 500_000, true, [3.0, 4.0]);
    check(UpdateRule::Fractional, 800_000, true, [2.2, 3.8]);
    check(UpdateRule::Fractional, 800_000, false, [3.0, 4.0]);
}
