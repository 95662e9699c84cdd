//! Thompson sampling: draw each arm's value from its posterior, take the highest.

use std::collections::BTreeMap;

use alavanca_kernel::{Action, ActionSet, Regime, RegimeSet, Reward, StateIndex, StateKey, SymbolId, Timestamp};

use crate::beta::{BetaSampler, Stream, join, log_odds};
use crate::philox;
use crate::policy::{Arm, ArmUpdate, Policy, PolicyCheckpoint, RegimeStats};
use crate::settings::{FreezeFallback, PolicyScope, RlConfig, UpdateRule};
use crate::table::{Evidence, ImportError, Place, PolicyRow, PolicyTable};

/// A Beta for each (state, action), for all symbols or for each (semantics 25, 31 and 32).
///
/// What is learned is kept in integers; the floating-point posterior is derived from it.
#[derive(Debug)]
pub struct ThompsonSampling {
    config: RlConfig,
    key: [u32; 2],
    /// One where symbols share; else by symbol, as many as were used.
    tables: Vec<Table>,
    frozen: [bool; Regime::COUNT],
    version: u64,
}

#[derive(Debug, Clone)]
struct Table {
    /// What a choice reads: by state, then action.
    samplers: Vec<[BetaSampler; Action::COUNT]>,
    /// What is true; the samplers are derived from it.
    evidence: Vec<[Evidence; Action::COUNT]>,
}

/// Sets this policy's random stream apart from others of the same seed: "THOMPSON" in ASCII.
const STREAM_NAME: u64 = 0x5448_4F4D_5053_4F4E;

impl ThompsonSampling {
    /// A policy that has learned nothing yet.
    pub fn new(config: RlConfig) -> Self {
        let key = spread(config.settings().seed ^ STREAM_NAME);
        let tables = vec![Table::new(prior(&config))];
        Self { config, key: [key as u32, (key >> 32) as u32], tables, frozen: [false; Regime::COUNT], version: 0 }
    }

    /// Its settings.
    pub const fn config(&self) -> &RlConfig {
        &self.config
    }

    fn place(&self, symbol: SymbolId) -> usize {
        match self.config.settings().scope {
            PolicyScope::Shared => 0,
            PolicyScope::Symbol => symbol.index(),
        }
    }

    /// The table at this place, made where there is none yet.
    #[inline]
    fn table_mut(&mut self, place: usize) -> &mut Table {
        if place >= self.tables.len() {
            self.tables.resize(place + 1, Table::new(prior(&self.config)));
        }
        &mut self.tables[place]
    }

    /// Draws as logarithms, for posteriors with shapes below one.
    #[cold]
    fn choose_by_logarithm(&self, place: usize, state: StateIndex, available: ActionSet, words: [u32; 3]) -> Action {
        let prior = prior(&self.config);
        let mut best = (f64::NEG_INFINITY, Action::Hold);
        for action in available.iter() {
            let Arm { alpha, beta, .. } = self.tables[place].evidence[state.get()][action.index()].arm(prior);
            let mut stream = Stream::new(self.key, for_arm(words, action));
            let value = log_odds(alpha, beta, &mut stream);
            if value > best.0 {
                best = (value, action);
            }
        }
        best.1
    }

    fn rows_of(&self, regime: Regime) -> Vec<PolicyRow> {
        let scope = self.config.settings().scope;
        let mut rows = Vec::new();
        for (place, table) in self.tables.iter().enumerate() {
            for index in StateIndex::of_regime(regime) {
                for action in Action::ALL {
                    let evidence = table.evidence[index.get()][action.index()];
                    if evidence == Evidence::default() {
                        continue;
                    }
                    let Arm { alpha, beta, count, reward_micros } = evidence.arm(prior(&self.config));
                    let state = index.key();
                    rows.push(PolicyRow {
                        symbol: (scope == PolicyScope::Symbol).then(|| SymbolId::new(place as u16)),
                        regime,
                        state_hash: state.to_hash(),
                        state: state.to_string(),
                        action,
                        alpha,
                        beta,
                        count,
                        total_reward_micros: reward_micros,
                    });
                }
            }
        }
        rows
    }

    /// Replaces a regime's evidence. What can be wrong was found before.
    fn replace(&mut self, regime: Regime, evidence: &BTreeMap<Place, Evidence>) {
        let prior = prior(&self.config);
        for table in &mut self.tables {
            for index in StateIndex::of_regime(regime) {
                for action in Action::ALL {
                    table.set(prior, index, action, Evidence::default());
                }
            }
        }
        for (&(place, index, action), &evidence) in evidence {
            self.table_mut(place).set(prior, index, action, evidence);
        }
        self.version += 1;
    }

    fn set_frozen(&mut self, regime: Regime, frozen: bool) {
        if std::mem::replace(&mut self.frozen[regime.index()], frozen) != frozen {
            self.version += 1;
        }
    }
}

impl Policy for ThompsonSampling {
    #[inline]
    fn choose(&mut self, symbol: SymbolId, state: StateKey, available: ActionSet, signal_time: Timestamp) -> Action {
        if self.frozen[state.regime.index()] {
            match self.config.settings().freeze_fallback {
                FreezeFallback::Keep => {}
                FreezeFallback::Level4 if available.contains(Action::Enter) => return Action::Enter,
                FreezeFallback::Level4 | FreezeFallback::Hold => return Action::Hold,
            }
        }
        let place = self.place(symbol);
        let time = signal_time.micros() as u64;
        let words = [time as u32, (time >> 32) as u32, u32::from(symbol.get())];
        let plain = has_plain_shapes(&self.config);
        let key = self.key;
        let table = self.table_mut(place);
        if !plain {
            return self.choose_by_logarithm(place, state.index(), available, words);
        }
        // The first blocks of all arms' streams, masked or not: together they cost little more than one.
        let arms = Action::ALL.map(|action| for_arm(words, action));
        let first_blocks =
            |m: usize, n: usize| philox::blocks(key, [[words[0]; 2], [words[1]; 2], [arms[m][2], arms[n][2]], [0; 2]]);
        let blocks = [first_blocks(0, 1), first_blocks(2, 3)];
        let samplers = &table.samplers[state.index().get()];
        let mut best = (f64::NEG_INFINITY, Action::Hold);
        for action in Action::ALL {
            if available.contains(action) {
                let n = action.index();
                let [a, b, c, d] = blocks[n / 2].map(|word| word[n % 2]);
                let value = samplers[n].odds([join(a, b), join(c, d)], &mut Stream::after_first(key, arms[n]));
                if value > best.0 {
                    best = (value, action);
                }
            }
        }
        best.1
    }

    #[inline]
    fn learn(&mut self, symbol: SymbolId, state: StateKey, action: Action, reward: Reward) -> ArmUpdate {
        if self.frozen[state.regime.index()] {
            return ArmUpdate { applied: false, arm: self.arm(symbol, state, action), version: self.version };
        }
        let (prior, rule) = (prior(&self.config), self.config.settings().update);
        let place = self.place(symbol);
        let table = self.table_mut(place);
        let mut evidence = table.evidence[state.index().get()][action.index()];
        let (one, micros) = (u64::from(Reward::ONE_MICROS), u64::from(reward.micros()));
        let (for_it, against_it) = match rule {
            UpdateRule::Binary if reward > Reward::HALF => (one, 0),
            UpdateRule::Binary if reward < Reward::HALF => (0, one),
            UpdateRule::Binary => (0, 0),
            UpdateRule::Fractional => (micros, one - micros),
        };
        evidence.alpha_micros += for_it;
        evidence.beta_micros += against_it;
        evidence.reward_micros += micros;
        evidence.count += 1;
        let arm = table.set(prior, state.index(), action, evidence);
        self.version += 1;
        ArmUpdate { applied: true, arm, version: self.version }
    }

    #[inline]
    fn arm(&self, symbol: SymbolId, state: StateKey, action: Action) -> Arm {
        let evidence = self
            .tables
            .get(self.place(symbol))
            .map_or_else(Evidence::default, |table| table.evidence[state.index().get()][action.index()]);
        evidence.arm(prior(&self.config))
    }

    fn is_frozen(&self, regime: Regime) -> bool {
        self.frozen[regime.index()]
    }

    fn freeze(&mut self, regime: Regime) {
        self.set_frozen(regime, true);
    }

    fn unfreeze(&mut self, regime: Regime) {
        self.set_frozen(regime, false);
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn export_table(&self, regime: Regime) -> PolicyTable {
        let settings = self.config.settings();
        PolicyTable {
            schema: PolicyTable::SCHEMA,
            regime,
            scope: settings.scope,
            version: self.version,
            prior_alpha: settings.prior_alpha,
            prior_beta: settings.prior_beta,
            rows: self.rows_of(regime),
        }
    }

    fn import_table(&mut self, table: &PolicyTable) -> Result<(), ImportError> {
        let evidence = table.evidence(self.config.settings().scope)?;
        self.replace(table.regime, &evidence);
        Ok(())
    }

    fn snapshot(&self, regime: Regime) -> Vec<u8> {
        let table = PolicyTable { version: 0, ..self.export_table(regime) };
        serde_json::to_vec(&table).expect("a table has finite numbers and text keys, so that it can be written")
    }

    fn restore(&mut self, regime: Regime, bytes: &[u8]) -> Result<(), ImportError> {
        let table: PolicyTable =
            serde_json::from_slice(bytes).map_err(|error| ImportError::Unreadable(error.to_string()))?;
        if table.regime != regime {
            return Err(ImportError::OtherRegime { got: table.regime, expected: regime });
        }
        self.import_table(&table)
    }

    fn stats(&self, regime: Regime) -> RegimeStats {
        let mut stats =
            RegimeStats { regime, total_updates: 0, reward_micros: 0, arms_touched: 0, frozen: self.is_frozen(regime) };
        for table in &self.tables {
            for evidence in StateIndex::of_regime(regime).flat_map(|index| &table.evidence[index.get()]) {
                stats.total_updates += u64::from(evidence.count);
                stats.reward_micros += evidence.reward_micros as i64;
                stats.arms_touched += u32::from(evidence.count > 0);
            }
        }
        stats
    }

    fn rows(&self) -> Vec<PolicyRow> {
        Regime::ALL.into_iter().flat_map(|regime| self.rows_of(regime)).collect()
    }

    fn checkpoint(&self) -> PolicyCheckpoint {
        let frozen = Regime::ALL.into_iter().filter(|&regime| self.is_frozen(regime));
        PolicyCheckpoint {
            version: self.version,
            frozen: frozen.fold(RegimeSet::EMPTY, RegimeSet::with),
            tables: Regime::ALL
                .into_iter()
                .map(|regime| self.export_table(regime))
                .filter(|table| !table.rows.is_empty())
                .collect(),
        }
    }

    fn resume(&mut self, checkpoint: &PolicyCheckpoint) -> Result<(), ImportError> {
        let mut by_regime = BTreeMap::new();
        for table in &checkpoint.tables {
            let evidence = table.evidence(self.config.settings().scope)?;
            if by_regime.insert(table.regime, evidence).is_some() {
                return Err(ImportError::RegimeTwice(table.regime));
            }
        }
        for regime in Regime::ALL {
            self.replace(regime, by_regime.get(&regime).unwrap_or(&BTreeMap::new()));
            self.frozen[regime.index()] = checkpoint.frozen.contains(regime);
        }
        self.version = checkpoint.version;
        Ok(())
    }
}

impl Table {
    fn new(prior: (f64, f64)) -> Self {
        let sampler = BetaSampler::new(prior.0, prior.1);
        Self {
            samplers: vec![[sampler; Action::COUNT]; StateKey::COUNT],
            evidence: vec![[Evidence::default(); Action::COUNT]; StateKey::COUNT],
        }
    }

    #[inline]
    fn set(&mut self, prior: (f64, f64), state: StateIndex, action: Action, evidence: Evidence) -> Arm {
        let arm = evidence.arm(prior);
        self.evidence[state.get()][action.index()] = evidence;
        self.samplers[state.get()][action.index()] = BetaSampler::new(arm.alpha, arm.beta);
        arm
    }
}

fn prior(config: &RlConfig) -> (f64, f64) {
    (config.settings().prior_alpha, config.settings().prior_beta)
}

/// Evidence only adds, so that no shape is below one where the prior's are not.
fn has_plain_shapes(config: &RlConfig) -> bool {
    config.settings().prior_alpha >= 1.0 && config.settings().prior_beta >= 1.0
}

/// An arm's words of the counter: the arm's stream does not depend on which other arms there are.
const fn for_arm([time_low, time_high, symbol]: [u32; 3], action: Action) -> [u32; 3] {
    [time_low, time_high, symbol | (action as u32) << 16]
}

/// SplitMix64's finaliser: seeds that differ in one bit give keys that differ in half.
const fn spread(seed: u64) -> u64 {
    let x = (seed ^ seed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ x >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ x >> 31
}
