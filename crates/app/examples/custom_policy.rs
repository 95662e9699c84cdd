//! A policy of one's own behind the gate: it takes what promises most, with a bonus for what was seldom tried (an upper
//! confidence bound), and holds where nothing promises more than a coin. It draws no chance. Evidence, snapshots and
//! the store's rows are left to the policy that it wraps. `cargo run --release --example custom_policy`

use alavanca::builder::Builder;
use alavanca::settings::{LoadRequest, load};
use alavanca::simulation::{Simulation, Sink};
use alavanca_adapters_sim::{SyntheticMarket, SyntheticSettings};
use alavanca_engine::{Notice, Record};
#[allow(clippy::wildcard_imports, reason = "a policy speaks most of it")]
use alavanca_kernel::*;
#[allow(clippy::wildcard_imports, reason = "a policy speaks most of it")]
use alavanca_rl::*;

#[derive(Debug)]
struct Bound(ThompsonSampling);

impl Policy for Bound {
    fn choose(&mut self, symbol: SymbolId, state: StateKey, available: ActionSet, _: Timestamp) -> Action {
        let tried: u32 = available.iter().map(|action| self.arm(symbol, state, action).count).sum();
        let bound = |action| {
            let arm = self.arm(symbol, state, action);
            arm.mean_value() + (f64::from(tried.max(1)).ln() / f64::from(arm.count + 1)).sqrt() / 4.0
        };
        let takes = available.iter().filter(|action| *action != Action::Hold).map(|action| (bound(action), action));
        let best = takes.max_by(|(a, _), (b, _)| a.total_cmp(b));
        best.filter(|(bound, _)| *bound >= 0.5).map_or(Action::Hold, |(_, action)| action)
    }

    fn learn(&mut self, symbol: SymbolId, state: StateKey, action: Action, reward: Reward) -> ArmUpdate {
        self.0.learn(symbol, state, action, reward)
    }
    fn arm(&self, symbol: SymbolId, state: StateKey, action: Action) -> Arm {
        self.0.arm(symbol, state, action)
    }
    fn is_frozen(&self, regime: Regime) -> bool {
        self.0.is_frozen(regime)
    }
    fn freeze(&mut self, regime: Regime) {
        self.0.freeze(regime);
    }
    fn unfreeze(&mut self, regime: Regime) {
        self.0.unfreeze(regime);
    }
    fn version(&self) -> u64 {
        self.0.version()
    }
    fn export_table(&self, regime: Regime) -> PolicyTable {
        self.0.export_table(regime)
    }
    fn import_table(&mut self, table: &PolicyTable) -> Result<(), ImportError> {
        self.0.import_table(table)
    }
    fn snapshot(&self, regime: Regime) -> Vec<u8> {
        self.0.snapshot(regime)
    }
    fn restore(&mut self, regime: Regime, bytes: &[u8]) -> Result<(), ImportError> {
        self.0.restore(regime, bytes)
    }
    fn stats(&self, regime: Regime) -> RegimeStats {
        self.0.stats(regime)
    }
    fn rows(&self) -> Vec<PolicyRow> {
        self.0.rows()
    }
    fn checkpoint(&self) -> PolicyCheckpoint {
        self.0.checkpoint()
    }
    fn resume(&mut self, checkpoint: &PolicyCheckpoint) -> Result<(), ImportError> {
        self.0.resume(checkpoint)
    }
}

#[derive(Default)]
struct Chosen([u32; Action::COUNT]);

impl Sink for Chosen {
    fn record(&mut self, record: Record) {
        if let Record::Decision(decision) = record {
            self.0[decision.action.index()] += 1;
        }
    }
    fn notice(&mut self, _: Notice) {}
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Losing batches are not taken back, and nothing freezes: this policy is to learn from its losses.
    let keeps = [("RL_ROLLBACK_REWARD", "0"), ("RL_FREEZE_THRESHOLD", "1")];
    let flags = keeps.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let settings = load(&LoadRequest { flags, ..LoadRequest::default() })?.settings;
    let win = Instrument::preset("WIN").ok_or("WIN is a preset")?;
    let policy = Bound(ThompsonSampling::new(RlConfig::new(settings.rl)?));
    let built = Builder::new(&settings, &win).policy(Box::new(policy)).build()?;
    let (mut simulation, mut chosen) = (Simulation::new(built.engine, built.exchange, built.fill), Chosen::default());
    for bar in SyntheticMarket::new(SyntheticSettings::default(), &win)? {
        simulation.on_bar(SymbolId::new(0), &bar, &mut chosen);
    }
    Action::ALL.iter().zip(chosen.0).for_each(|(action, times)| println!("{times:>5} {action}"));
    let [held, entered, ..] = chosen.0;
    assert!(held > 20 && entered > 20, "it stays out where its trades lost, and had to try to know");
    Ok(())
}
