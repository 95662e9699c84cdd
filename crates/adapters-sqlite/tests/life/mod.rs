//! A made-up life of an engine: records as they come, from a policy and an updater that are the real ones.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a part of tests")]

use std::path::Path;

use alavanca_adapters_sqlite::{CapitalFacts, Durability, PolicyFacts, SqliteStore, StoreConfig};
use alavanca_engine::{
    AllocationRecord, BlockCause, BlockedRecord, ChangedBy, Checkpoint, Chooser, DayRecord, DecisionRecord,
    DeskCheckpoint, LearnSkip, LearnedRecord, LegRecord, OrderEnd, PolicyEvent, PolicyEventKind, Record, RegimeRecord,
    RegimeStretch, Restored, TradeRecord,
};
use alavanca_execution::CloseCause;
use alavanca_kernel::{
    Action, ActionSet, Allocation, Contracts, DecisionId, ExitAt, FillReport, Hour, Layer, LayerMask, LayerOutcome,
    LayerValue, LegId, LegRole, Level, MarketContext, Money, OrderId, OrderIntent, OrderRequest, Price, Protection,
    Refusal, Regime, RegimeSet, RejectReason, Reward, RiskState, Side, Signal, StateKey, SymbolId, Timestamp, TradeId,
    TradeOutcome, TradingDay, Unit,
};
use alavanca_liquidity::{Zone, ZoneKind};
use alavanca_ports::Store;
use alavanca_risk::{RiskCause, RiskChange, RiskSnapshot};
use alavanca_rl::{Policy, PolicyScope, RlConfig, RlSettings, ThompsonSampling};
use alavanca_scalp::{ScalpEvent, ScalpEventKind};
use alavanca_signals::{Opinion, Trigger, Votes, Weights};
use alavanca_updater::{PolicySnapshot, Updater, UpdaterConfig, UpdaterSettings};

pub const SYMBOLS: [&str; 2] = ["WINZ26", "EURUSD"];

pub fn config(durability: Durability) -> StoreConfig {
    StoreConfig {
        durability,
        symbols: SYMBOLS.map(str::to_owned).to_vec(),
        capital: CapitalFacts {
            operator_capital: Money::from_units(10_000),
            margin_per_contract: Money::from_units(1_000),
            max_contracts_cap: 10,
        },
        policy: PolicyFacts { scope: PolicyScope::Shared, prior_alpha: 1.0, prior_beta: 1.0 },
    }
}

pub async fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, config(Durability::Backtest)).await.unwrap()
}

pub fn policy(scope: PolicyScope) -> ThompsonSampling {
    ThompsonSampling::new(RlConfig::new(RlSettings { scope, ..RlSettings::default() }).unwrap())
}

/// One step: what is committed, and what is restored from then on.
pub type Step = (Vec<Record>, Restored);

pub struct Life {
    random: u64,
    now: Timestamp,
    policy: ThompsonSampling,
    updater: Updater,
    kept: Vec<PolicySnapshot>,
    decisions: u64,
    trades: u64,
    orders: u64,
    open: Option<Open>,
    out: Vec<Record>,
    last_day: TradingDay,
    cooldown: Option<Timestamp>,
    stretch: RegimeStretch,
}

#[derive(Clone, Copy)]
struct Open {
    decision: DecisionRecord,
    since: Timestamp,
}

/// So many steps of one life, always the same.
pub fn steps(count: usize, scope: PolicyScope) -> Vec<Step> {
    let mut life = Life::new(scope);
    (0..count).map(|_| life.step()).collect()
}

/// The same as a release recorded it that knew nothing of votes and zones.
pub fn without_levels(mut steps: Vec<Step>) -> Vec<Step> {
    let records = steps.iter_mut().flat_map(|(records, _)| records);
    for record in records {
        if let Record::Decision(decision) = record {
            **decision =
                DecisionRecord { votes: Votes::default(), weights: Weights::none(), zones: [None; 2], ..**decision };
        }
    }
    steps
}

pub async fn commit_all(store: &mut SqliteStore, steps: &[Step], group: usize) {
    let mut cursor = store.cursor().await.unwrap();
    for group in steps[cursor as usize..].chunks(group) {
        let records: Vec<Record> = group.iter().flat_map(|(records, _)| records.clone()).collect();
        cursor += group.len() as u64;
        store.commit(&records, cursor).await.unwrap();
    }
}

impl Life {
    pub fn new(scope: PolicyScope) -> Self {
        // Small figures, so that batches, rollbacks and pruning come early.
        let settings = UpdaterSettings { batch_size: 4, keep_snapshots: 2, ..UpdaterSettings::default() };
        Self {
            random: 7,
            now: Timestamp::from_secs(1_615_494_900),
            policy: policy(scope),
            updater: Updater::new(UpdaterConfig::new(settings).unwrap()),
            kept: Vec::new(),
            decisions: 0,
            trades: 0,
            orders: 0,
            open: None,
            out: Vec::new(),
            last_day: TradingDay::from_days(18_697),
            cooldown: None,
            stretch: RegimeStretch::default(),
        }
    }

    /// SplitMix64.
    fn draw(&mut self, below: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ z >> 31) % below
    }

    pub fn step(&mut self) -> Step {
        self.now = self.now.plus_secs(600);
        let day = self.day();
        if day != self.last_day {
            let net = Money::from_cents(self.draw(10_000) as i64 - 5_000);
            self.out.push(Record::Day(DayRecord { day: self.last_day, net, equity: Some(Money::from_units(10_000)) }));
            self.last_day = day;
        }
        let stopped = self.draw(4) == 0;
        match self.open {
            Some(open) if self.now.secs_since(open.since) >= 1_200 => self.close(&open.decision),
            Some(_) => self.allocation(),
            None if stopped => self.blocked(),
            None => self.decide(),
        }
        if self.draw(40) == 0 {
            self.operator();
        }
        self.regime();
        let checkpoint = self.checkpoint();
        self.out.push(Record::Checkpoint(Box::new(checkpoint.clone())));
        let restored = Restored { checkpoint, policy: self.policy.checkpoint().tables, snapshots: self.kept.clone() };
        (std::mem::take(&mut self.out), restored)
    }

    fn day(&self) -> TradingDay {
        TradingDay::from_days((self.now.secs() / 86_400) as i32)
    }

    /// Every seventh step another regime, and two steps later the end of its transition. Draws nothing.
    fn regime(&mut self) {
        let (step, was) = (self.now.secs() / 600 % 7, self.stretch);
        let next = Regime::ALL[(self.now.secs() / 4_200 % 6) as usize];
        let (to, transition) = match step {
            0 => (next, true),
            2 => (was.regime, false),
            _ => {
                let (bars, seconds) = (was.bars + 1, was.seconds + 600);
                self.stretch = RegimeStretch { bars, seconds, until: self.now, ..was };
                return;
            }
        };
        let RegimeStretch { regime: from, transition: was_transition, bars, seconds, .. } = was;
        let (symbol, at, day) = (SymbolId::new(1), self.now, self.day());
        let record = RegimeRecord { symbol, at, day, from, was_transition, to, transition, bars, seconds };
        self.out.push(Record::Regime(record));
        self.stretch = RegimeStretch { regime: to, transition, bars: 1, seconds: 600, until: at };
    }

    fn context(&mut self) -> MarketContext {
        let symbol = SymbolId::new(self.draw(2) as u16);
        let unit = Unit::new(self.draw(1_000) as f64 / 999.0);
        MarketContext {
            symbol,
            at: self.now,
            day: self.day(),
            hour: Hour::new((self.now.secs() / 3600 % 24) as u8).unwrap(),
            regime: [Regime::TrendUp, Regime::Range][self.draw(2) as usize],
            transition: [None, Some(true), Some(false), Some(false)][self.draw(4) as usize],
            confidence: unit,
            disagreement: Unit::new(0.1 + 0.2),
            liquidity: None,
            daily_profit: Some(Money::from_cents(self.draw(9_999) as i64 - 5_000)),
            equity: Some(Money::from_units(10_000)),
            margin_elsewhere: Money::ZERO,
            free_margin: None,
            cooldown_until: self.cooldown,
            risk: RiskState::Active,
        }
    }

    fn allocate(context: &MarketContext) -> Allocation {
        let min = Unit::new(0.7).unwrap();
        let refusal = match context.confidence {
            Some(got) if got >= min => None,
            got => Some(Refusal::ConfidenceBelow { got, min }),
        };
        Allocation {
            base: Contracts::new(10),
            extra: Contracts::new(u32::from(refusal.is_none())),
            capital: Money::from_units(10_000),
            layers: if refusal.is_none() { LayerMask::ALL } else { LayerMask::from_bits(0b1110_1111) },
            refusal,
        }
    }

    fn allocation(&mut self) {
        let context = self.context();
        let allocation = Self::allocate(&context);
        self.out.push(Record::Allocation(AllocationRecord { context, allocation }));
    }

    fn signal(&mut self) -> Signal {
        Signal {
            side: [Side::Buy, Side::Sell][self.draw(2) as usize],
            score: Unit::new(1.0 / 3.0).unwrap(),
            stop: ExitAt::Distance("0.0040".parse().unwrap()),
            target: Some(ExitAt::Price("1.0930".parse().unwrap())),
        }
    }

    fn blocked(&mut self) {
        let context = self.context();
        let (cause, allocation) = match self.draw(3) {
            0 => (BlockCause::Session, None),
            1 => (BlockCause::Cooldown { until: self.now.plus_secs(5) }, None),
            _ => (BlockCause::Capital, Some(Self::allocate(&context))),
        };
        let signal = self.signal();
        self.out.push(Record::Blocked(Box::new(BlockedRecord { context, signal, cause, allocation })));
    }

    fn decide(&mut self) {
        let context = self.context();
        let allocation = Self::allocate(&context);
        let state =
            StateKey { regime: context.regime, hour: context.hour, confidence: Level::High, disagreement: Level::Low };
        let available = if allocation.extra.is_zero() {
            ActionSet::ALL.without(Action::EnterWithReleverage)
        } else {
            ActionSet::ALL
        };
        let action = self.policy.choose(context.symbol, state, available, self.now);
        self.decisions += 1;
        let trade = (action != Action::Hold).then(|| {
            self.trades += 1;
            TradeId::new(self.trades)
        });
        let extra = u32::from(action == Action::EnterWithReleverage);
        let layer = |layer| LayerOutcome {
            layer,
            input: LayerValue::Unit(Unit::new(0.1).unwrap()),
            threshold: LayerValue::Regimes(RegimeSet::of(&[Regime::Range])),
            passed: allocation.layers.passed(layer),
        };
        let decision = DecisionRecord {
            id: DecisionId::new(self.decisions),
            context,
            price: "1.0850".parse().unwrap(),
            signal: self.signal(),
            allocation,
            layers: Layer::ALL.map(layer),
            state,
            available,
            arms: Action::ALL.map(|action| self.policy.arm(context.symbol, state, action)),
            policy_version: self.policy.version(),
            action,
            chooser: if self.policy.is_frozen(context.regime) { Chooser::FreezeFallback } else { Chooser::Policy },
            frozen: self.policy.is_frozen(context.regime),
            base: Contracts::new(if action == Action::Hold { 0 } else { 10 }),
            extra: Contracts::new(extra),
            trade,
            votes: self.votes(),
            weights: vec![1.1, 0.1 + 0.2, 0.9].into(),
            zones: [Some(self.zone()), None],
        };
        self.out.push(Record::Decision(Box::new(decision)));
        let Some(trade) = trade else { return };
        self.order(&decision, trade, LegRole::Base, OrderIntent::Open, 10);
        if extra > 0 {
            self.order(&decision, trade, LegRole::Extra, OrderIntent::Open, extra);
            self.out.push(Record::Scalp(self.scalp(&decision, trade, ScalpEventKind::Opened, Money::ZERO)));
        }
        self.leg(&decision, trade, None);
        self.open = Some(Open { decision, since: self.now });
    }

    fn votes(&mut self) -> Votes {
        let side = [Side::Buy, Side::Sell][self.draw(2) as usize];
        let trigger = Trigger { side, strength: Unit::ONE, stop: ExitAt::Distance(Price::from_raw(1)), target: None };
        let opinions = [
            Opinion { bias: Some(side), trigger: Some(trigger) },
            Opinion::NONE,
            Opinion::leaning(Some(side.opposite())),
        ];
        Votes::new(&opinions, 0)
    }

    fn zone(&mut self) -> Zone {
        let touches = self.draw(9) as u32;
        let strength = Unit::new(1.0 / 3.0).unwrap();
        Zone { price: "1.0840".parse().unwrap(), strength, touches, kind: ZoneKind::SwingLow }
    }

    fn order(&mut self, decision: &DecisionRecord, trade: TradeId, role: LegRole, intent: OrderIntent, quantity: u32) {
        self.orders += 1;
        let (id, leg) = (OrderId::new(self.orders), LegId { trade, role });
        let (symbol, quantity) = (decision.context.symbol, Contracts::new(quantity));
        let protection = Protection { hold_seconds: Some(180), ..Protection::default() };
        let side = decision.signal.side;
        self.out.push(Record::Order(OrderRequest {
            id,
            symbol,
            leg,
            intent,
            side,
            quantity,
            protection,
            at: self.now,
        }));
        if self.draw(5) == 0 {
            let rejected = Some(RejectReason::NoMoney);
            self.out.push(Record::OrderEnded(OrderEnd {
                order: id,
                symbol,
                leg,
                intent,
                rejected,
                unfilled: None,
                at: self.now,
            }));
            return;
        }
        self.out.push(Record::Fill(FillReport {
            order: Some(id),
            symbol,
            leg,
            intent,
            side,
            quantity,
            remaining: Contracts::ZERO,
            price: "1.08505".parse().unwrap(),
            reference: "1.0850".parse().unwrap(),
            commission: Money::from_cents(35),
            exit: None,
            unresolved: false,
            deal: self.out.len() as u64,
            at: self.now,
        }));
    }

    fn scalp(&self, decision: &DecisionRecord, trade: TradeId, kind: ScalpEventKind, net: Money) -> ScalpEvent {
        ScalpEvent {
            at: self.now,
            symbol: decision.context.symbol,
            trade,
            kind,
            side: decision.signal.side,
            entry: "1.08505".parse().unwrap(),
            exit: "1.0930".parse().unwrap(),
            contracts: decision.extra,
            gross: net + Money::from_cents(70),
            net,
            hold_seconds: 61,
            unresolved: kind == ScalpEventKind::SlHit,
        }
    }

    fn leg(&mut self, decision: &DecisionRecord, trade: TradeId, closed: Option<(CloseCause, Money)>) {
        self.out.push(Record::Leg(LegRecord {
            leg: LegId { trade, role: LegRole::Base },
            symbol: decision.context.symbol,
            side: decision.signal.side,
            open: Contracts::new(if closed.is_some() { 0 } else { 10 }),
            entered: Contracts::new(10),
            entry: "1.08505".parse().unwrap(),
            stop_loss: Some("1.0810".parse().unwrap()),
            take_profit: None,
            opened_at: decision.context.at,
            closed_at: closed.map(|_| self.now),
            cause: closed.map(|(cause, _)| cause),
            gross: closed.map_or(Money::ZERO, |(_, gross)| gross),
            costs: Money::from_cents(70),
        }));
    }

    fn close(&mut self, d: &DecisionRecord) {
        self.open = None;
        let trade = d.trade.unwrap();
        let gross = Money::from_cents(self.draw(20_000) as i64 - 11_000);
        let (net, extra_net) = (gross - Money::from_cents(70), Money::from_cents(self.draw(2_000) as i64 - 900));
        if !d.extra.is_zero() {
            let kind = if extra_net.is_positive() { ScalpEventKind::TpHit } else { ScalpEventKind::SlHit };
            self.out.push(Record::Scalp(self.scalp(d, trade, kind, extra_net)));
            if extra_net.is_positive() {
                self.cooldown = Some(self.now.plus_secs(300));
                self.out.push(Record::Scalp(self.scalp(d, trade, ScalpEventKind::Protected, Money::ZERO)));
            }
        }
        self.leg(d, trade, Some((CloseCause::StopLoss, gross)));
        let outcome = TradeOutcome {
            trade,
            symbol: d.context.symbol,
            state: d.state,
            action: d.action,
            net,
            reward: Reward::from_f64(if net.is_positive() { 0.8 } else { 0.2 }).unwrap(),
            opened_at: d.context.at,
            closed_at: self.now,
            in_transition: d.context.transition == Some(true),
        };
        self.out.push(Record::Trade(Box::new(TradeRecord {
            outcome,
            decision: d.id,
            side: d.signal.side,
            base: d.base,
            extra: d.extra,
            entry: "1.08505".parse().unwrap(),
            exit: "1.0810".parse().unwrap(),
            cause: CloseCause::StopLoss,
            gross,
            costs: Money::from_cents(70),
            extra_net: if d.extra.is_zero() { Money::ZERO } else { extra_net },
            day: self.day(),
        })));
        self.updater.add_trade(outcome).unwrap();
        while let Some(batch) = self.updater.batch() {
            for regime in batch.regimes.iter() {
                let bytes = self.policy.snapshot(regime);
                let note = format!("before batch {}", batch.number);
                let (snapshot, pruned) = self.updater.snapshot(regime, self.now, bytes, note);
                self.kept.push(snapshot.clone());
                self.kept.retain(|kept| !pruned.contains(&kept.id));
                self.out.push(Record::Snapshot(Box::new(snapshot)));
                self.out.extend(pruned.into_iter().map(Record::SnapshotPruned));
            }
            for outcome in &batch.trades {
                let (symbol, state, action) = (outcome.symbol, outcome.state, outcome.action);
                let skipped = if outcome.in_transition {
                    Some(LearnSkip::Transition)
                } else {
                    self.policy.is_frozen(state.regime).then_some(LearnSkip::Frozen)
                };
                if skipped.is_none() {
                    self.policy.learn(symbol, state, action, outcome.reward);
                }
                self.out.push(Record::Learned(Box::new(LearnedRecord {
                    batch: batch.number,
                    outcome: *outcome,
                    applied: skipped.is_none(),
                    skipped,
                    arm: self.policy.arm(symbol, state, action),
                    policy_version: self.policy.version(),
                    at: self.now,
                })));
            }
            let judged = self.updater.finish_batch(self.now, self.day());
            for (regime, snapshot) in judged.rollback.into_iter().flatten() {
                self.policy.restore(regime, &self.updater.rollback_to(&snapshot).unwrap().policy).unwrap();
                let average = Reward::from_micros(judged.average_reward_micros as u32).unwrap();
                self.policy_event(regime, PolicyEventKind::RolledBack { snapshot, average: Some(average) });
                let table = self.policy.export_table(regime);
                self.out.push(Record::PolicyTable(Box::new(table)));
            }
            for freeze in judged.freeze {
                self.freeze(freeze.regime);
            }
        }
    }

    fn freeze(&mut self, regime: Regime) {
        self.policy.freeze(regime);
        self.updater.note_frozen(regime, self.day());
        self.policy_event(regime, PolicyEventKind::Frozen { window: None, baseline: Some(Reward::HALF) });
    }

    fn policy_event(&mut self, regime: Regime, kind: PolicyEventKind) {
        self.policy_event_by(regime, kind, ChangedBy::Engine);
    }

    fn policy_event_by(&mut self, regime: Regime, kind: PolicyEventKind, by: ChangedBy) {
        let event = PolicyEvent { regime, kind, by, policy_version: self.policy.version(), at: self.now };
        self.out.push(Record::Policy(event));
    }

    fn operator(&mut self) {
        let regime = Regime::Range;
        if self.policy.is_frozen(regime) {
            self.policy.unfreeze(regime);
            self.updater.thawed(regime);
            self.policy_event(regime, PolicyEventKind::Thawed);
            let by = ChangedBy::Operator { reason: "it is \"calm\" again".to_owned() };
            let kind = PolicyEventKind::Imported { digest: "0a1b".to_owned(), run_id: None };
            self.policy_event_by(regime, kind, by);
            let table = self.policy.export_table(regime);
            self.out.push(Record::PolicyTable(Box::new(table)));
        } else {
            self.freeze(regime);
        }
        self.out.push(Record::Risk(RiskChange {
            at: self.now,
            from: RiskState::Active,
            to: RiskState::Paused,
            cause: RiskCause::ConsecutiveLosses { n: 3, until: self.now.plus_secs(1_800) },
            flatten: false,
        }));
    }

    fn checkpoint(&self) -> Checkpoint {
        let frozen = Regime::ALL.into_iter().filter(|&regime| self.policy.is_frozen(regime));
        let desk = |symbol: &str| DeskCheckpoint {
            symbol: symbol.to_owned(),
            trade: None,
            lesson: None,
            scalp: None,
            cooldown_until: self.cooldown,
            reversal: Some(Signal {
                side: Side::Sell,
                score: Unit::new(0.1 + 0.2).unwrap(),
                stop: ExitAt::Price(Price::from_raw(123_456_789)),
                target: None,
            }),
            meta: serde_json::from_str(r#"{"version":1,"brains":[],"bins":[]}"#).unwrap(),
            day_net: Money::from_cents(-17),
            regime: self.stretch,
        };
        Checkpoint {
            decisions: self.decisions,
            trades: self.trades,
            orders: self.orders,
            now: self.now,
            risk: RiskSnapshot {
                losses_in_a_row: 2,
                paused_until: Some(self.now.plus_secs(9)),
                ..RiskSnapshot::default()
            },
            frozen: frozen.fold(RegimeSet::EMPTY, RegimeSet::with),
            policy_version: self.policy.version(),
            updater: self.updater.checkpoint(),
            desks: SYMBOLS.map(desk).to_vec(),
        }
    }
}

/// Every row of every table, as text.
pub fn dump(path: &Path) -> Vec<(String, Vec<String>)> {
    let db = rusqlite::Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let mut names = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").unwrap();
    let names: Vec<String> = names.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    names.into_iter().map(|name| (name.clone(), rows(&db, &format!("SELECT * FROM {name}")))).collect()
}

/// The rows of a question, as text.
pub fn rows(db: &rusqlite::Connection, sql: &str) -> Vec<String> {
    let mut statement = db.prepare(sql).unwrap();
    let columns = statement.column_count();
    let read = |row: &rusqlite::Row<'_>| {
        let cells = (0..columns).map(|i| format!("{:?}", row.get_ref(i).unwrap()));
        Ok(cells.collect::<Vec<_>>().join("|"))
    };
    statement.query_map([], read).unwrap().map(Result::unwrap).collect()
}

/// The first difference of two dumps, readable.
pub fn assert_same(got: &[(String, Vec<String>)], expected: &[(String, Vec<String>)]) {
    for ((name, got), (expected_name, expected)) in got.iter().zip(expected) {
        assert_eq!(name, expected_name);
        for (row, (got, expected)) in got.iter().zip(expected).enumerate() {
            assert_eq!(got, expected, "{name}, row {row}");
        }
        assert_eq!(got.len(), expected.len(), "rows of {name}");
    }
    assert_eq!(got.len(), expected.len());
}
