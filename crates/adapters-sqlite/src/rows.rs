//! How a record becomes rows: the integers first, then the projections of them.

use std::sync::Arc;

use alavanca_engine::{
    AllocationRecord, BlockCause, BlockedRecord, Checkpoint, DayRecord, DecisionRecord, LearnSkip, LearnedRecord,
    LegRecord, OrderEnd, PolicyEvent, PolicyEventKind, Record, RegimeRecord, TradeRecord,
};
use alavanca_kernel::{
    Action, Allocation, Contracts, FillReport, MarketContext, Money, OrderId, OrderRequest, Price, Regime, Reward,
    Side, StateKey, SymbolId, Timestamp, TradingDay,
};
use alavanca_ports::StoreError;
use alavanca_rl::{PolicyScope, PolicyTable};
use alavanca_scalp::{ScalpEvent, ScalpEventKind};
use alavanca_updater::PolicySnapshot;

use crate::cells::{Cell, Script, Table};
use crate::chain::Chain;
use crate::fold::EventDetail;
use crate::ids::IdSet;
use crate::names;
use crate::packed;
use crate::pending::{ArmRow, Pending, RegimeRows};
use crate::report;
use crate::store::{CapitalFacts, PolicyFacts};
use crate::text::{Object, States, TimeText, Words, json};

/// Where every count stands. All of it is read back from the tables when a database is opened, so that a run that was
/// killed goes on with the same ids.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) cursor: u64,
    pub(crate) capital: i64,
    pub(crate) blocked: i64,
    pub(crate) order_ends: i64,
    pub(crate) fills: i64,
    pub(crate) scalps: i64,
    pub(crate) rl_events: i64,
    pub(crate) risk_changes: i64,
    pub(crate) regimes: i64,
    pub(crate) seq: i64,
    pub(crate) chunk: i64,
    /// The chunk of allocations that is being filled.
    pub(crate) tail: Vec<u8>,
    pub(crate) tail_rows: usize,
    /// When the policy's log was last written.
    pub(crate) policy_at: Option<Timestamp>,
    pub(crate) closed: IdSet,
    pub(crate) learned: IdSet,
    /// Where the hash chains stand.
    pub(crate) decisions: Chain,
    pub(crate) log: Chain,
}

/// What an allocation's row in `capital_state` says beside the allocation.
#[derive(Debug, Clone, Copy)]
pub(crate) enum AllocatedFor<'a> {
    /// A bar, where every bar is recorded.
    Bar,
    /// A signal that was stopped.
    Blocked(&'a str),
    /// A decision, with its eight layers as JSON.
    Decision(i64, &'a str),
}

/// A choice, as `rl_events` shows it.
#[derive(Debug)]
pub(crate) struct Choice {
    pub(crate) decision: i64,
    pub(crate) at: Timestamp,
    pub(crate) symbol: SymbolId,
    pub(crate) state: StateKey,
    pub(crate) action: Action,
    pub(crate) chooser: Arc<str>,
    pub(crate) frozen: bool,
    pub(crate) trade: Option<i64>,
    pub(crate) base: u32,
    pub(crate) extra: u32,
    pub(crate) available: i64,
    pub(crate) policy_version: i64,
    pub(crate) arms: Arc<str>,
}

/// A learned or logged reward, as `rl_events` and `rl_policy` show it.
#[derive(Debug)]
pub(crate) struct Lesson {
    pub(crate) trade: i64,
    pub(crate) batch: i64,
    pub(crate) at: Timestamp,
    pub(crate) symbol: SymbolId,
    pub(crate) state: StateKey,
    pub(crate) action: Action,
    pub(crate) reward: Reward,
    pub(crate) net: Money,
    pub(crate) skipped: Option<LearnSkip>,
    pub(crate) alpha: f64,
    pub(crate) beta: f64,
    pub(crate) count: i64,
    pub(crate) total_reward: i64,
    pub(crate) policy_version: i64,
}

/// Writes rows into a script.
#[derive(Debug)]
pub(crate) struct Rows {
    pub(crate) script: Script,
    pub(crate) symbols: Vec<Arc<str>>,
    pub(crate) states: States,
    pub(crate) facts: CapitalFacts,
    pub(crate) policy: PolicyFacts,
    words: Words,
    time: TimeText,
    object: Object,
    refusal: Vec<u8>,
    checkpoint: Option<Arc<str>>,
    pending: Pending,
}

impl Rows {
    pub(crate) fn new(symbols: &[String], facts: CapitalFacts, policy: PolicyFacts) -> Self {
        Self {
            script: Script::default(),
            symbols: symbols.iter().map(|name| name.as_str().into()).collect(),
            states: States::default(),
            facts,
            policy,
            words: Words::default(),
            time: TimeText::default(),
            object: Object::default(),
            refusal: Vec::new(),
            checkpoint: None,
            pending: Pending::default(),
        }
    }

    /// The rows of a part of a commit's records, in order.
    pub(crate) fn write(&mut self, records: &[Record], at: &mut Counters) -> Result<(), StoreError> {
        records.iter().try_for_each(|record| self.record(record, at))
    }

    /// The rows that a commit ends with.
    pub(crate) fn finish(&mut self, cursor: u64, at: &mut Counters) -> Result<(), StoreError> {
        self.settle()?;
        if at.tail_rows > 0 {
            self.chunk(at);
        }
        at.cursor = cursor;
        let Counters { decisions, log, .. } = at;
        self.script.row(
            Table::EngineState,
            [
                1_i64.into(),
                cursor.into(),
                self.checkpoint.take().into(),
                decisions.count.into(),
                Cell::Blob(decisions.head.to_vec()),
                log.count.into(),
                Cell::Blob(log.head.to_vec()),
            ],
        );
        Ok(())
    }

    /// The rows of what waits for the end of a commit, or of a part of a rebuilding.
    pub(crate) fn settle(&mut self) -> Result<(), StoreError> {
        let Pending { regimes, snapshots, pruned } = std::mem::take(&mut self.pending);
        for (regime, RegimeRows { replaces, rows }) in Regime::ALL.into_iter().zip(regimes) {
            if replaces {
                let regime = self.words.of(regime.as_str());
                self.script.statement(Table::RlPolicy, "DELETE FROM rl_policy WHERE regime = ?", vec![regime.into()]);
            }
            for (id, row) in rows {
                self.arm_row(id, row);
            }
        }
        for id in pruned {
            let id = || vec![id.as_str().into()];
            self.script.statement(Table::Snapshots, "DELETE FROM snapshots WHERE id = ?", id());
            let projected = "DELETE FROM policy_snapshots WHERE snapshot_id = ?";
            self.script.statement(Table::PolicySnapshots, projected, id());
        }
        for (seq, snapshot) in snapshots {
            let content = serde_json::to_string(&snapshot)
                .map_err(|e| StoreError::Io(format!("snapshot {} cannot be written: {e}", snapshot.id)))?;
            let id = snapshot.id.as_str().into();
            self.script.row(Table::Snapshots, [seq.into(), id, Cell::Text(content.into())]);
            self.snapshot_row(seq, &snapshot);
        }
        Ok(())
    }

    /// Forgets what was not sent.
    pub(crate) fn forget(&mut self) {
        self.script = Script::default();
        self.checkpoint = None;
        self.pending = Pending::default();
    }

    fn record(&mut self, record: &Record, at: &mut Counters) -> Result<(), StoreError> {
        match record {
            Record::Allocation(record) => self.allocation(record, at),
            Record::Blocked(record) => self.blocked(record, at),
            Record::Decision(record) => self.decision(record, at),
            Record::Order(order) => self.order(order),
            Record::OrderEnded(end) => self.order_end(end, at),
            Record::Fill(fill) => self.fill(fill, at),
            Record::Leg(leg) => self.leg(leg),
            Record::Scalp(event) => {
                at.scalps += 1;
                self.script.row(
                    Table::Scalps,
                    [
                        at.scalps.into(),
                        event.at.micros().into(),
                        symbol(event.symbol),
                        event.trade.get().into(),
                        self.words.of(event.kind.as_str()).into(),
                        self.words.of(event.side.as_str()).into(),
                        event.entry.raw().into(),
                        event.exit.raw().into(),
                        event.contracts.count().into(),
                        event.gross.cents().into(),
                        event.net.cents().into(),
                        event.hold_seconds.into(),
                        event.unresolved.into(),
                    ],
                );
                self.scalp_event(at.scalps, event);
            }
            Record::Trade(trade) => self.trade(trade, at),
            Record::Learned(learned) => self.learned(learned, at),
            Record::Snapshot(snapshot) => self.snapshot(snapshot, at),
            Record::SnapshotPruned(id) => self.pruned(id, at),
            Record::Policy(event) => self.policy_event(event, at),
            Record::PolicyTable(table) => {
                let detail = json(&**table);
                let written_at = at.policy_at;
                self.logged(at, written_at, Some(table.regime), "TABLE", Some(table.version), detail);
                self.policy_table(table, written_at);
            }
            Record::Risk(change) => {
                at.risk_changes += 1;
                let (after, cause) = (self.words.of(change.to.as_str()), self.words.of(change.cause.as_str()));
                self.script.row(
                    Table::RiskChanges,
                    [
                        at.risk_changes.into(),
                        change.at.micros().into(),
                        self.words.of(change.from.as_str()).into(),
                        after.clone().into(),
                        cause.clone().into(),
                        change.flatten.into(),
                        json(&change.cause).into(),
                    ],
                );
                let state = [1_i64.into(), change.at.micros().into(), after.into(), cause.into()];
                self.script.row(Table::RiskState, state);
            }
            Record::Regime(change) => self.regime(change, at),
            Record::Day(day) => self.day(day, at),
            Record::Checkpoint(checkpoint) => self.checkpoint = Some(checkpoint_text(checkpoint)?),
        }
        Ok(())
    }

    fn allocation(&mut self, AllocationRecord { context, allocation }: &AllocationRecord, at: &mut Counters) {
        at.capital += 1;
        self.refusal_json(allocation);
        if at.tail_rows == 0 {
            at.tail.clear();
            at.tail.push(packed::VERSION);
        }
        packed::pack(&mut at.tail, context, allocation);
        at.tail_rows += 1;
        self.capital_row(at.capital, context, allocation, AllocatedFor::Bar);
        if at.tail_rows == packed::CHUNK {
            self.chunk(at);
            at.tail_rows = 0;
            at.chunk += 1;
        }
    }

    fn regime(&mut self, change: &RegimeRecord, at: &mut Counters) {
        at.regimes += 1;
        self.script.row(
            Table::Regimes,
            [
                at.regimes.into(),
                change.at.micros().into(),
                day(change.day),
                symbol(change.symbol),
                self.words.of(change.from.as_str()).into(),
                change.was_transition.into(),
                self.words.of(change.to.as_str()).into(),
                change.transition.into(),
                change.bars.into(),
                change.seconds.into(),
            ],
        );
    }

    fn chunk(&mut self, at: &Counters) {
        let rows = at.tail_rows as i64;
        self.script.row(Table::Allocations, [at.chunk.into(), rows.into(), Cell::Blob(at.tail.clone())]);
    }

    fn refusal_json(&mut self, allocation: &Allocation) {
        self.refusal.clear();
        if let Some(refusal) = &allocation.refusal {
            // Never fails: numbers and names into a buffer that grows.
            let _ = serde_json::to_writer(&mut self.refusal, refusal);
        }
    }

    fn blocked(&mut self, record: &BlockedRecord, at: &mut Counters) {
        let BlockedRecord { context, signal, cause, allocation } = record;
        at.blocked += 1;
        let capital = allocation.as_ref().map(|allocation| {
            at.capital += 1;
            self.refusal_json(allocation);
            self.capital_row(at.capital, context, allocation, AllocatedFor::Blocked(cause.as_str()));
            at.capital
        });
        self.script.row(
            Table::Blocked,
            [
                at.blocked.into(),
                capital.into(),
                context.at.micros().into(),
                day(context.day),
                symbol(context.symbol),
                self.words.of(BlockCause::as_str(cause)).into(),
                self.words.of(signal.side.as_str()).into(),
                json(cause).into(),
                json(context).into(),
                json(signal).into(),
                allocation.as_ref().map(json).into(),
            ],
        );
    }

    fn decision(&mut self, d: &DecisionRecord, at: &mut Counters) {
        at.capital += 1;
        at.rl_events += 1;
        let id = d.id.get() as i64;
        let (layers, arms) = (json(&d.layers), json(&d.arms));
        self.refusal_json(&d.allocation);
        self.capital_row(at.capital, &d.context, &d.allocation, AllocatedFor::Decision(id, &layers));
        let chooser = self.words.of(names::chooser(d.chooser));
        let trade = d.trade.map(|trade| trade.get() as i64);
        // What was not recorded stays so, and the link is that of a row without.
        let levels = !d.votes.is_empty();
        self.script.linked_row(
            Table::Decisions,
            &mut at.decisions,
            [
                id.into(),
                at.capital.into(),
                at.rl_events.into(),
                d.context.at.micros().into(),
                day(d.context.day),
                symbol(d.context.symbol),
                self.words.of(d.state.regime.as_str()).into(),
                self.states.name(d.state).into(),
                d.price.raw().into(),
                self.words.of(d.signal.side.as_str()).into(),
                self.words.of(d.action.as_str()).into(),
                chooser.clone().into(),
                d.frozen.into(),
                d.base.count().into(),
                d.extra.count().into(),
                trade.into(),
                d.policy_version.into(),
                i64::from(d.available.bits()).into(),
                json(&d.context).into(),
                json(&d.signal).into(),
                json(&d.allocation).into(),
                layers.into(),
                arms.clone().into(),
                levels.then(|| json(&d.votes)).into(),
                levels.then(|| json(&d.weights)).into(),
                levels.then(|| json(&d.zones)).into(),
            ],
        );
        let choice = Choice {
            decision: id,
            at: d.context.at,
            symbol: d.context.symbol,
            state: d.state,
            action: d.action,
            chooser,
            frozen: d.frozen,
            trade,
            base: d.base.count(),
            extra: d.extra.count(),
            available: d.available.bits().into(),
            policy_version: d.policy_version as i64,
            arms,
        };
        self.choice_row(at.rl_events, choice);
    }

    fn order(&mut self, order: &OrderRequest) {
        self.script.row(
            Table::Orders,
            [
                order.id.get().into(),
                order.at.micros().into(),
                symbol(order.symbol),
                order.leg.trade.get().into(),
                self.words.of(names::role(order.leg.role)).into(),
                self.words.of(names::intent(order.intent)).into(),
                self.words.of(Side::as_str(order.side)).into(),
                order.quantity.count().into(),
                json(&order.protection).into(),
            ],
        );
    }

    fn order_end(&mut self, end: &OrderEnd, at: &mut Counters) {
        at.order_ends += 1;
        self.script.row(
            Table::OrderEnds,
            [
                at.order_ends.into(),
                end.order.get().into(),
                end.at.micros().into(),
                symbol(end.symbol),
                end.leg.trade.get().into(),
                self.words.of(names::role(end.leg.role)).into(),
                self.words.of(names::intent(end.intent)).into(),
                end.rejected.map(|reason| self.words.of(reason.as_str())).into(),
                end.unfilled.map(Contracts::count).into(),
            ],
        );
    }

    fn fill(&mut self, fill: &FillReport, at: &mut Counters) {
        at.fills += 1;
        self.script.row(
            Table::Fills,
            [
                at.fills.into(),
                fill.order.map(OrderId::get).into(),
                fill.at.micros().into(),
                symbol(fill.symbol),
                fill.leg.trade.get().into(),
                self.words.of(names::role(fill.leg.role)).into(),
                self.words.of(names::intent(fill.intent)).into(),
                self.words.of(fill.side.as_str()).into(),
                fill.quantity.count().into(),
                fill.remaining.count().into(),
                fill.price.raw().into(),
                fill.reference.raw().into(),
                fill.commission.cents().into(),
                fill.exit.map(|exit| self.words.of(exit.as_str())).into(),
                fill.unresolved.into(),
                fill.deal.into(),
            ],
        );
    }

    fn leg(&mut self, leg: &LegRecord) {
        self.script.row(
            Table::Positions,
            [
                leg.leg.trade.get().into(),
                self.words.of(names::role(leg.leg.role)).into(),
                symbol(leg.symbol),
                self.words.of(leg.side.as_str()).into(),
                leg.open.count().into(),
                leg.entered.count().into(),
                leg.entry.raw().into(),
                leg.stop_loss.map(Price::raw).into(),
                leg.take_profit.map(Price::raw).into(),
                leg.opened_at.micros().into(),
                leg.closed_at.map(Timestamp::micros).into(),
                leg.cause.map(|cause| self.words.of(cause.as_str())).into(),
                leg.gross.cents().into(),
                leg.costs.cents().into(),
            ],
        );
    }

    fn trade(&mut self, t: &TradeRecord, at: &mut Counters) {
        if !at.closed.insert(t.outcome.trade.get()) {
            return;
        }
        self.script.row(
            Table::Trades,
            [
                t.outcome.trade.get().into(),
                t.decision.get().into(),
                symbol(t.outcome.symbol),
                day(t.day),
                self.words.of(t.side.as_str()).into(),
                self.states.name(t.outcome.state).into(),
                self.words.of(t.outcome.action.as_str()).into(),
                t.base.count().into(),
                t.extra.count().into(),
                t.entry.raw().into(),
                t.exit.raw().into(),
                self.words.of(t.cause.as_str()).into(),
                t.gross.cents().into(),
                t.costs.cents().into(),
                t.outcome.net.cents().into(),
                t.extra_net.cents().into(),
                t.outcome.reward.micros().into(),
                t.outcome.opened_at.micros().into(),
                t.outcome.closed_at.micros().into(),
                t.outcome.in_transition.into(),
            ],
        );
    }

    fn learned(&mut self, record: &LearnedRecord, at: &mut Counters) {
        // Exactly once (semantics 24): what was learned before changes nothing.
        if !at.learned.insert(record.outcome.trade.get()) {
            return;
        }
        at.seq += 1;
        at.rl_events += 1;
        at.policy_at = Some(record.at);
        let lesson = Lesson {
            trade: record.outcome.trade.get() as i64,
            batch: record.batch as i64,
            at: record.at,
            symbol: record.outcome.symbol,
            state: record.outcome.state,
            action: record.outcome.action,
            reward: record.outcome.reward,
            net: record.outcome.net,
            skipped: record.skipped,
            alpha: record.arm.alpha,
            beta: record.arm.beta,
            count: record.arm.count.into(),
            total_reward: record.arm.reward_micros,
            policy_version: record.policy_version as i64,
        };
        self.script.linked_row(
            Table::Evidence,
            &mut at.log,
            [
                at.seq.into(),
                at.rl_events.into(),
                lesson.trade.into(),
                lesson.batch.into(),
                lesson.at.micros().into(),
                symbol(lesson.symbol),
                self.states.name(lesson.state).into(),
                self.words.of(lesson.action.as_str()).into(),
                lesson.reward.micros().into(),
                lesson.net.cents().into(),
                record.applied.into(),
                lesson.skipped.map(|skip| self.words.of(names::skip(skip))).into(),
                lesson.alpha.into(),
                lesson.beta.into(),
                lesson.count.into(),
                lesson.total_reward.into(),
                lesson.policy_version.into(),
            ],
        );
        if record.applied {
            self.policy_row(&lesson);
        }
        self.lesson_row(at.rl_events, &lesson);
    }

    fn snapshot(&mut self, snapshot: &PolicySnapshot, at: &mut Counters) {
        // All but the policy: what is known of a snapshot outlives it.
        let object = self.object.begin();
        object
            .field("snapshot", &snapshot.id)
            .field("number", &snapshot.number)
            .field("metrics", &snapshot.metrics)
            .field("note", &snapshot.note)
            .field("milestone", &snapshot.milestone);
        let detail = object.end();
        self.logged(at, Some(snapshot.at), Some(snapshot.regime), "SNAPSHOT", None, detail);
        self.pending.snapshots.push((at.seq, snapshot.clone()));
    }

    fn pruned(&mut self, id: &str, at: &mut Counters) {
        let detail = self.object.begin().field("snapshot", id).end();
        let written_at = at.policy_at;
        self.logged(at, written_at, None, "PRUNED", None, detail);
        self.pending.prune(id);
    }

    fn policy_event(&mut self, event: &PolicyEvent, at: &mut Counters) {
        let kind = match event.kind {
            PolicyEventKind::Frozen { .. } => "FROZEN",
            PolicyEventKind::Thawed => "THAWED",
            PolicyEventKind::RolledBack { .. } => "ROLLED_BACK",
            PolicyEventKind::Imported { .. } => "IMPORTED",
        };
        let detail = json(&EventDetail::of(event));
        self.logged(at, Some(event.at), Some(event.regime), kind, Some(event.policy_version), detail);
    }

    /// One event of the policy's ordered log.
    fn logged(
        &mut self,
        at: &mut Counters,
        when: Option<Timestamp>,
        regime: Option<Regime>,
        kind: &'static str,
        version: Option<u64>,
        detail: Arc<str>,
    ) {
        at.seq += 1;
        at.policy_at = when;
        self.script.linked_row(
            Table::PolicyEvents,
            &mut at.log,
            [
                at.seq.into(),
                when.map(Timestamp::micros).into(),
                regime.map(|regime| self.words.of(regime.as_str())).into(),
                self.words.of(kind).into(),
                version.into(),
                detail.into(),
            ],
        );
    }

    fn day(&mut self, record: &DayRecord, at: &Counters) {
        let symbols = self.symbols.len() as i64;
        self.script.row(
            Table::Days,
            [
                day(record.day),
                record.net.cents().into(),
                record.equity.map(Money::cents).into(),
                at.seq.into(),
                symbols.into(),
            ],
        );
        self.reports(record.day, symbols);
    }

    // From here on: projections, also used to rebuild them.

    /// The figures of a day, for so many symbols.
    pub(crate) fn reports(&mut self, of: TradingDay, symbols: i64) {
        for (place, name) in self.symbols.iter().take(symbols as usize).enumerate() {
            let date = of.to_string();
            let cells = vec![day(of), date.as_str().into(), (place as i64).into(), name.clone().into()];
            self.script.after_all(report::INSERT, cells);
        }
    }

    /// A row of `capital_state`. The refusal's JSON stands in its buffer.
    fn capital_row(&mut self, id: i64, context: &MarketContext, allocation: &Allocation, of: AllocatedFor<'_>) {
        let object = self.object.begin();
        object
            .word("regime", context.regime.as_str())
            .field("transition", &context.transition)
            .field("confidence", &context.confidence)
            .field("disagreement", &context.disagreement)
            .field("liquidity", &context.liquidity)
            .money("daily_profit", context.daily_profit)
            .money("capital", Some(allocation.capital));
        match of {
            AllocatedFor::Bar => object.field("layers", &allocation.layers.bits()),
            AllocatedFor::Blocked(cause) => object.field("layers", &allocation.layers.bits()).word("blocked", cause),
            AllocatedFor::Decision(decision, layers) => {
                object.field("decision", &decision).raw("layers", layers.as_bytes())
            }
        };
        if !self.refusal.is_empty() {
            object.raw("refusal", &self.refusal);
        }
        let detail = object.end();
        self.script.row(
            Table::CapitalState,
            [
                id.into(),
                self.time.of(context.at).into(),
                self.symbols[context.symbol.index()].clone().into(),
                self.facts.operator_capital.to_f64().into(),
                self.facts.margin_per_contract.to_f64().into(),
                self.facts.max_contracts_cap.into(),
                allocation.base.count().into(),
                allocation.extra.count().into(),
                allocation.total().count().into(),
                self.words.of(allocation.reason()).into(),
                detail.into(),
            ],
        );
    }

    /// A row of `capital_state` from what was read back.
    pub(crate) fn rebuilt_capital_row(
        &mut self,
        id: i64,
        context: &MarketContext,
        allocation: &Allocation,
        of: AllocatedFor<'_>,
    ) {
        self.refusal_json(allocation);
        self.capital_row(id, context, allocation, of);
    }

    pub(crate) fn choice_row(&mut self, id: i64, choice: Choice) {
        let object = self.object.begin();
        object
            .field("decision", &choice.decision)
            .field("trade", &choice.trade)
            .field("state", &choice.state.to_string())
            .field("base", &choice.base)
            .field("extra", &choice.extra)
            .field("available", &choice.available)
            .field("policy_version", &choice.policy_version)
            .raw("arms", choice.arms.as_bytes());
        let detail = object.end();
        self.script.row(
            Table::RlEvents,
            [
                id.into(),
                self.time.of(choice.at).into(),
                self.symbols[choice.symbol.index()].clone().into(),
                self.words.of(choice.state.regime.as_str()).into(),
                self.states.name(choice.state).into(),
                self.words.of(choice.action.as_str()).into(),
                Cell::Null,
                choice.chooser.into(),
                choice.frozen.into(),
                detail.into(),
            ],
        );
    }

    pub(crate) fn lesson_row(&mut self, id: i64, lesson: &Lesson) {
        let object = self.object.begin();
        object
            .field("trade", &lesson.trade)
            .field("batch", &lesson.batch)
            .money("net", Some(lesson.net))
            .field("policy_version", &lesson.policy_version);
        let detail = object.end();
        let frozen = lesson.skipped == Some(LearnSkip::Frozen);
        let reason = self.words.of(lesson.skipped.map_or("learned", names::skip));
        self.script.row(
            Table::RlEvents,
            [
                id.into(),
                self.time.of(lesson.at).into(),
                self.symbols[lesson.symbol.index()].clone().into(),
                self.words.of(lesson.state.regime.as_str()).into(),
                self.states.name(lesson.state).into(),
                self.words.of(lesson.action.as_str()).into(),
                lesson.reward.to_f64().into(),
                reason.into(),
                frozen.into(),
                detail.into(),
            ],
        );
    }

    pub(crate) fn policy_row(&mut self, lesson: &Lesson) {
        let symbol = match self.policy.scope {
            PolicyScope::Shared => None,
            PolicyScope::Symbol => Some(lesson.symbol),
        };
        let row = ArmRow {
            symbol,
            state: lesson.state,
            action: lesson.action,
            alpha: lesson.alpha,
            beta: lesson.beta,
            count: lesson.count,
            total_reward: lesson.total_reward,
            updated: Some(lesson.at),
        };
        self.pending.arm(arm_id(&row), row);
    }

    /// Replaces every row of the table's regime.
    pub(crate) fn policy_table(&mut self, table: &PolicyTable, written_at: Option<Timestamp>) {
        self.pending.replace(table.regime);
        for row in &table.rows {
            // A policy that the engine exported has only states that exist.
            if let Some(state) = self.states.find(row.state_hash.as_str()) {
                let row = ArmRow {
                    symbol: row.symbol,
                    state,
                    action: row.action,
                    alpha: row.alpha,
                    beta: row.beta,
                    count: row.count.into(),
                    total_reward: row.total_reward_micros,
                    updated: written_at,
                };
                self.pending.arm(arm_id(&row), row);
            }
        }
    }

    fn arm_row(&mut self, id: i64, row: ArmRow) {
        let ArmRow { symbol, state, action, alpha, beta, count, total_reward, updated } = row;
        let hash = self.states.name(state);
        let hash = match symbol {
            None => hash,
            Some(symbol) => format!("{hash}@{}", self.symbols[symbol.index()]).into(),
        };
        self.script.row(
            Table::RlPolicy,
            [
                id.into(),
                self.words.of(state.regime.as_str()).into(),
                hash.into(),
                self.words.of(action.as_str()).into(),
                alpha.into(),
                beta.into(),
                count.into(),
                (total_reward as f64 / MICROS).into(),
                (alpha / (alpha + beta)).into(),
                updated.map(|at| self.time.of(at)).into(),
            ],
        );
    }

    pub(crate) fn scalp_event(&mut self, id: i64, event: &ScalpEvent) {
        let reason = match event.kind {
            ScalpEventKind::Opened => "filled",
            ScalpEventKind::TpHit => "target",
            ScalpEventKind::SlHit => "stop",
            ScalpEventKind::Timeout => "time_limit",
            ScalpEventKind::Forced => "forced",
            ScalpEventKind::HandedOver => "handed_over",
            ScalpEventKind::Protected => "profit_protected",
        };
        let exit = (event.kind != ScalpEventKind::Opened).then(|| event.exit.to_f64());
        let object = self.object.begin();
        object.field("trade", &event.trade).money("gross", Some(event.gross)).field("unresolved", &event.unresolved);
        let detail = object.end();
        self.script.row(
            Table::ScalpEvents,
            [
                id.into(),
                self.time.of(event.at).into(),
                self.symbols[event.symbol.index()].clone().into(),
                self.words.of(event.kind.as_str()).into(),
                self.words.of(event.side.as_str()).into(),
                event.entry.to_f64().into(),
                exit.into(),
                event.contracts.count().into(),
                event.net.to_f64().into(),
                event.hold_seconds.into(),
                self.words.of(reason).into(),
                detail.into(),
            ],
        );
    }

    pub(crate) fn snapshot_row(&mut self, seq: i64, snapshot: &PolicySnapshot) {
        let metrics = &snapshot.metrics;
        let object = self.object.begin();
        object
            .field("batches", &metrics.batches)
            .field("trade_count", &metrics.trade_count)
            .money("batch_pnl", Some(metrics.batch_pnl))
            .field("average_reward", &metrics.average_reward_micros.map(|micros| micros as f64 / MICROS))
            .field("milestone", &snapshot.milestone);
        let metrics = object.end();
        self.script.row(
            Table::PolicySnapshots,
            [
                seq.into(),
                snapshot.id.as_str().into(),
                self.words.of(snapshot.regime.as_str()).into(),
                self.time.of(snapshot.at).into(),
                Cell::Text(String::from_utf8_lossy(&snapshot.policy).into()),
                metrics.into(),
                snapshot.note.as_str().into(),
            ],
        );
    }
}

const MICROS: f64 = 1e6;

/// The id follows from what the row is: it does not depend on what was learned first.
fn arm_id(row: &ArmRow) -> i64 {
    let place = row.symbol.map_or(0, SymbolId::index) * StateKey::COUNT + row.state.index().get();
    (place * Action::COUNT + row.action.index() + 1) as i64
}

fn symbol(symbol: SymbolId) -> Cell {
    Cell::Int(symbol.get().into())
}

fn day(day: TradingDay) -> Cell {
    Cell::Int(day.days().into())
}

fn checkpoint_text(checkpoint: &Checkpoint) -> Result<Arc<str>, StoreError> {
    serde_json::to_string(checkpoint)
        .map(Into::into)
        .map_err(|e| StoreError::Io(format!("the checkpoint cannot be written: {e}")))
}
