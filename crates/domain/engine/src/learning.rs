//! From a closed trade to the policy: rewards, batches, snapshots, freeze, rollback (semantics 24 to 29).

use alavanca_execution::OpenTrade;
use alavanca_kernel::{Regime, Reward, TradeOutcome};
use alavanca_rl::reward;
use alavanca_updater::Batch;

use crate::engine::Engine;
use crate::event::Effect;
use crate::record::{LearnSkip, LearnedRecord, PolicyEvent, PolicyEventKind, Record, TradeRecord};

impl Engine {
    /// A trade has ended with all its legs: its outcome goes to risk, to the brains, and to the updater.
    pub(crate) fn trade_closed(&mut self, trade: &OpenTrade, effects: &mut Vec<Effect>) {
        let net = trade.net();
        let closed_at = trade.legs().filter_map(|leg| leg.ended().map(|(at, _)| at)).max().unwrap_or(self.now);
        let outcome = TradeOutcome {
            trade: trade.id,
            symbol: trade.symbol,
            state: trade.state,
            action: trade.action,
            net,
            reward: reward(self.config.rl.settings().reward, net),
            opened_at: trade.opened_at().unwrap_or(closed_at),
            closed_at,
            in_transition: trade.in_transition,
        };
        let extra = trade.extra.as_ref();
        let record = TradeRecord {
            outcome,
            decision: trade.decision,
            side: trade.side,
            base: trade.base.entered(),
            extra: extra.map_or_else(Default::default, alavanca_execution::Leg::entered),
            entry: trade.base.entry(),
            exit: trade.base.exit(),
            cause: trade.base.ended().map_or(alavanca_execution::CloseCause::NeverFilled, |(_, cause)| cause),
            gross: trade.gross(),
            costs: trade.gross() - net,
            extra_net: extra.map_or_else(Default::default, alavanca_execution::Leg::net),
            day: self.moment.map_or_else(Default::default, |moment| moment.day),
        };
        self.record(Record::Trade(Box::new(record)), effects);
        if let Some(change) = self.risk.on_trade_closed(net, closed_at) {
            self.apply_risk(change, effects);
        }
        let desk = &mut self.desks[trade.symbol.index()];
        if let Some(lesson) = desk.lesson.take() {
            desk.levels.meta.learn(&lesson, net.is_positive());
        }
        if self.gate.policy_enabled() {
            let new = self.updater.add_trade(outcome);
            assert!(new.is_ok(), "trade {} reached the updater twice: it would be learned twice", trade.id);
            self.learn(effects);
        }
    }

    /// Applies the pending batch, if it is full: snapshots first, then the rewards, then the judgement.
    fn learn(&mut self, effects: &mut Vec<Effect>) {
        while let Some(batch) = self.updater.batch() {
            self.learn_batch(&batch, effects);
        }
    }

    fn learn_batch(&mut self, batch: &Batch, effects: &mut Vec<Effect>) {
        let at = self.now;
        for regime in batch.regimes.iter() {
            let bytes = self.policy.snapshot(regime);
            let note = format!("before batch {}", batch.number);
            let (snapshot, pruned) = self.updater.snapshot(regime, at, bytes, note);
            self.record(Record::Snapshot(Box::new(snapshot)), effects);
            for id in pruned {
                self.record(Record::SnapshotPruned(id), effects);
            }
        }
        for outcome in &batch.trades {
            let (symbol, state, action) = (outcome.symbol, outcome.state, outcome.action);
            let skipped = if outcome.in_transition {
                Some(LearnSkip::Transition)
            } else if self.policy.is_frozen(state.regime) {
                Some(LearnSkip::Frozen)
            } else {
                None
            };
            if skipped.is_none() {
                self.policy.learn(symbol, state, action, outcome.reward);
            }
            let learned = LearnedRecord {
                batch: batch.number,
                outcome: *outcome,
                applied: skipped.is_none(),
                skipped,
                arm: self.policy.arm(symbol, state, action),
                policy_version: self.policy.version(),
                at,
            };
            self.record(Record::Learned(Box::new(learned)), effects);
        }
        let day = self.moment.map_or_else(Default::default, |moment| moment.day);
        let judgement = self.updater.finish_batch(at, day);
        let average = u32::try_from(judgement.average_reward_micros).ok().and_then(Reward::from_micros);
        for (regime, id) in judgement.rollback.into_iter().flatten() {
            self.roll_back(regime, id, average.unwrap_or_default(), effects);
        }
        for freeze in judgement.freeze {
            let reward = |micros: i64| u32::try_from(micros).ok().and_then(Reward::from_micros);
            let kind = PolicyEventKind::Frozen {
                window: reward(freeze.window_average_micros),
                baseline: reward(freeze.baseline_average_micros),
            };
            self.freeze(freeze.regime, kind, effects);
        }
    }

    fn roll_back(&mut self, regime: Regime, snapshot: String, average: Reward, effects: &mut Vec<Effect>) {
        let kept = self.updater.rollback_to(&snapshot).map(|kept| self.policy.restore(regime, &kept.policy));
        assert!(matches!(kept, Some(Ok(()))), "snapshot {snapshot} must be there and readable while it may be needed");
        let kind = PolicyEventKind::RolledBack { snapshot, average };
        let event = PolicyEvent { regime, kind, policy_version: self.policy.version(), at: self.now };
        self.record(Record::Policy(event), effects);
        let table = self.policy.export_table(regime);
        self.record(Record::PolicyTable(Box::new(table)), effects);
    }

    pub(crate) fn freeze(&mut self, regime: Regime, kind: PolicyEventKind, effects: &mut Vec<Effect>) {
        self.policy.freeze(regime);
        let day = self.moment.map_or_else(Default::default, |moment| moment.day);
        self.updater.note_frozen(regime, day);
        let event = PolicyEvent { regime, kind, policy_version: self.policy.version(), at: self.now };
        self.record(Record::Policy(event), effects);
    }
}
