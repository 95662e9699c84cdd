//! From a closed trade to the policy: rewards, batches, snapshots, freeze, rollback (semantics 24 to 29).

use alavanca_execution::{Leg, OpenTrade};
use alavanca_kernel::{Instrument, Price, Regime, Reward, Side, Timestamp, TradeOutcome};
use alavanca_rl::{ImportError, PolicyTable, reward};
use alavanca_signals::Realised;
use alavanca_updater::Batch;

use crate::engine::Engine;
use crate::event::Effect;
use crate::policy_change::PolicyChange;
use crate::record::{ChangedBy, LearnSkip, LearnedRecord, Record, TradeRecord};

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
            let multiple = lesson.stop().and_then(|stop| multiple_of_risk(&trade.base, stop, &desk.instrument));
            desk.levels.meta.learn(&lesson, Realised { won: net.is_positive(), multiple });
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
        let reward = |micros: i64| u32::try_from(micros).ok().and_then(Reward::from_micros);
        for freeze in judgement.freeze {
            let (window, baseline) = (reward(freeze.window_average_micros), reward(freeze.baseline_average_micros));
            self.freeze(freeze.regime, ChangedBy::Engine, (window, baseline), effects);
        }
    }

    fn roll_back(&mut self, regime: Regime, snapshot: String, average: Reward, effects: &mut Vec<Effect>) {
        let kept = self.updater.rollback_to(&snapshot).map(|kept| kept.policy.clone());
        let restored = kept.map(|bytes| {
            let id = snapshot.clone();
            self.change_policy(ChangedBy::Engine, effects, |change| change.roll_back(regime, id, &bytes, Some(average)))
        });
        let is_restored = matches!(restored, Some(Ok(())));
        assert!(is_restored, "snapshot {snapshot} must be there and readable while it may be needed");
    }

    pub(crate) fn freeze(
        &mut self,
        regime: Regime,
        by: ChangedBy,
        (window, baseline): (Option<Reward>, Option<Reward>),
        effects: &mut Vec<Effect>,
    ) {
        let day = self.moment.map_or_else(Default::default, |moment| moment.day);
        self.change_policy(by, effects, |change| change.freeze(regime, day, window, baseline));
    }

    pub(crate) fn thaw(&mut self, regime: Regime, by: ChangedBy, effects: &mut Vec<Effect>) {
        self.change_policy(by, effects, |change| change.thaw(regime));
    }

    /// Begins with an exported policy: each table replaces what its regime has learned, in one event of the policy's
    /// log (semantics 29 and 30). For an engine that has not seen anything yet; `at` is when its market begins.
    ///
    /// # Errors
    /// Where a table cannot be taken in. The engine is then not to be used.
    pub fn begin_with(
        &mut self,
        tables: &[PolicyTable],
        digest: &str,
        run_id: Option<&str>,
        at: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Result<(), ImportError> {
        let now = std::mem::replace(&mut self.now, at);
        let done = tables.iter().filter(|table| !table.rows.is_empty()).try_for_each(|table| {
            let (digest, run_id) = (digest.to_owned(), run_id.map(str::to_owned));
            self.change_policy(ChangedBy::Start, effects, |change| change.import(table, digest, run_id))
        });
        self.now = now;
        done
    }

    fn change_policy<T>(
        &mut self,
        by: ChangedBy,
        effects: &mut Vec<Effect>,
        make: impl FnOnce(PolicyChange<'_>) -> T,
    ) -> T {
        self.dirty = true;
        let Self { policy, updater, now, .. } = self;
        let records = &mut |record| effects.push(Effect::Record(record));
        make(PolicyChange { policy: &mut **policy, updater, by, at: *now, records })
    }
}

/// A leg's net result over what its stop put at risk (R). The extra's is left out: its exits are not the brains'.
fn multiple_of_risk(base: &Leg, stop: Price, instrument: &Instrument) -> Option<f64> {
    let risk = instrument.gross(Side::Buy, Price::ZERO, stop, base.entered());
    risk.is_positive().then(|| base.net().to_f64() / risk.to_f64())
}
