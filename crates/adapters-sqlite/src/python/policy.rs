//! The policy's rows, checked as an import is (semantics 30), and by the rule that the Python version learns by.

use std::collections::{BTreeMap, BTreeSet};

use alavanca_kernel::{Regime, StateKey};
use alavanca_rl::{PolicyRow, PolicyScope, PolicyTable};

use super::state_hash::{self, Resolved};
use super::value::Value;

/// A row whose cells are what they have to be.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub rowid: i64,
    pub regime: Regime,
    pub state_hash: String,
    pub action: alavanca_kernel::Action,
    pub alpha: f64,
    pub beta: f64,
    pub count: u32,
    pub total_reward: f64,
    pub mean_value: Option<f64>,
}

/// What became of the rows.
#[derive(Debug, Default)]
pub(super) struct Judged {
    pub tables: Vec<PolicyTable>,
    /// By rowid.
    pub faults: BTreeMap<i64, String>,
    pub resolved: Resolved,
}

/// How far a sum of Python's floats may be from what it stands for, for each reward in it.
const NOISE: f64 = 1e-6;
/// A mean that was rounded to two places for people is no contradiction.
const MEAN_NOISE: f64 = 0.005_000_1;

impl Row {
    /// From cells that were judged.
    pub(super) fn of(rowid: i64, cells: &[Value]) -> Option<Self> {
        Some(Self {
            rowid,
            regime: cells[0].text()?.parse().ok()?,
            state_hash: cells[1].text()?.to_owned(),
            action: cells[2].text()?.parse().ok()?,
            alpha: cells[3].number()?,
            beta: cells[4].number()?,
            count: cells[5].integer()?.try_into().ok()?,
            total_reward: cells[6].number()?,
            mean_value: cells[7].number(),
        })
    }

    /// Whether alpha, beta, count and reward can have come from the same rewards under CLASSIC: a reward above 0.5 adds
    /// one to alpha, one below adds one to beta, 0.5 itself only counts.
    fn check(&self, prior: (f64, f64)) -> Result<(), String> {
        let whole = |what: &str, value: f64, prior: f64, key: &str| {
            let added = value - prior;
            if added < -NOISE {
                return Err(format!("{what} {value} is below the prior {prior}: was it another? Then set {key}"));
            }
            if (added - added.round()).abs() > NOISE {
                return Err(format!(
                    "{what} {value} is {added:.6} above the prior {prior}, which is no number of rewards: was the prior \
                     another? Then set {key}"
                ));
            }
            Ok(added.round())
        };
        let wins = whole("alpha", self.alpha, prior.0, "RL_PRIOR_ALPHA")?;
        let losses = whole("beta", self.beta, prior.1, "RL_PRIOR_BETA")?;
        let count = f64::from(self.count);
        let even = count - wins - losses;
        if even < 0.0 {
            return Err(format!("count is {count}, and alpha and beta hold {wins} wins and {losses} losses"));
        }
        let (least, most) = (0.5 * (wins + even), wins + 0.5 * (even + losses));
        let noise = NOISE * (count + 1.0);
        if !(least - noise..=most + noise).contains(&self.total_reward) {
            return Err(format!(
                "total_reward is {}, and {wins} wins, {losses} losses and {even} of 0.5 give from {least} to {most}",
                self.total_reward
            ));
        }
        let mean = self.alpha / (self.alpha + self.beta);
        if self.mean_value.is_some_and(|said| (said - mean).abs() > MEAN_NOISE) {
            let said = self.mean_value.unwrap_or_default();
            return Err(format!("mean_value is {said}, and alpha / (alpha + beta) is {mean:.6}"));
        }
        Ok(())
    }
}

/// Makes a table for each regime of what can be taken.
pub(super) fn judge(rows: &[Row], map: &BTreeMap<String, StateKey>, prior: (f64, f64)) -> Judged {
    let names: BTreeSet<String> = rows.iter().map(|row| row.state_hash.clone()).collect();
    let resolved = state_hash::resolve(&names, map);
    let mut faults = BTreeMap::new();
    let mut arms: BTreeMap<Regime, BTreeMap<_, (i64, PolicyRow)>> = BTreeMap::new();
    for row in rows {
        let Row { rowid, regime, action, alpha, beta, count, total_reward, .. } = *row;
        let mut fault = |why: String| _ = faults.insert(rowid, why);
        if let Err(why) = row.check(prior) {
            fault(why);
            continue;
        }
        let Some(&state) = resolved.states.get(&row.state_hash) else {
            fault(format!("no state is known by the name `{}`", row.state_hash.escape_debug()));
            continue;
        };
        if state.regime != regime {
            fault(format!("the row is of {regime}, and its state_hash of {state}"));
            continue;
        }
        let arm = PolicyRow {
            symbol: None,
            regime,
            state_hash: state.to_hash(),
            state: state.to_string(),
            action,
            alpha: prior.0 + (alpha - prior.0).round(),
            beta: prior.1 + (beta - prior.1).round(),
            count,
            total_reward_micros: (total_reward * 1e6).round() as i64,
        };
        let known = arms.entry(regime).or_default();
        match known.get(&(state, action)) {
            Some((first, _)) => fault(format!("the arm {state} {action} stands in row {first}, too")),
            None => _ = known.insert((state, action), (rowid, arm)),
        }
    }
    let table = |(regime, arms): (Regime, BTreeMap<_, (i64, PolicyRow)>)| PolicyTable {
        schema: PolicyTable::SCHEMA,
        regime,
        scope: PolicyScope::Shared,
        version: 0,
        prior_alpha: prior.0,
        prior_beta: prior.1,
        // An arm of which nothing was learned is at its prior, as one that is not listed.
        rows: arms.into_values().map(|(_, row)| row).filter(|row| row.count > 0).collect(),
    };
    let tables = arms.into_iter().map(table).filter(|table| !table.rows.is_empty()).collect();
    Judged { tables, faults, resolved }
}

#[cfg(test)]
mod tests {
    use alavanca_kernel::Action;

    use super::*;

    fn row(alpha: f64, beta: f64, count: u32, total_reward: f64, mean_value: Option<f64>) -> Row {
        let state = state_hash::all_states().next().unwrap();
        let state_hash = state.to_hash().to_string();
        let (rowid, regime, action) = (1, state.regime, Action::Enter);
        Row { rowid, regime, state_hash, action, alpha, beta, count, total_reward, mean_value }
    }

    #[test]
    fn a_row_is_what_the_classic_rule_makes() {
        for (row, said) in [
            (row(1.0, 1.0, 0, 0.0, Some(0.5)), ""),
            // Three wins from Beta(1, 1): semantics 25.
            (row(4.0, 1.0, 3, 2.4, Some(0.8)), ""),
            (row(4.0, 3.0, 5, 3.0 * 0.8 + 2.0 * 0.2 + 1e-7, Some(0.57)), ""),
            // Two rewards of 0.5 counted and moved nothing.
            (row(2.0, 1.0, 3, 1.8, None), ""),
            (row(2.0, 1.0, 3, 1.4, None), "give from 1.5 to 2"),
            (row(4.0, 1.0, 3, 3.1, None), "give from 1.5 to 3"),
            (row(4.0, 3.0, 4, 2.8, None), "3 wins and 2 losses"),
            (row(4.5, 1.0, 4, 2.8, None), "no number of rewards"),
            (row(0.5, 1.0, 4, 2.8, None), "RL_PRIOR_ALPHA"),
            (row(1.0, 0.5, 4, 2.8, None), "RL_PRIOR_BETA"),
            (row(4.0, 1.0, 3, 2.4, Some(0.9)), "mean_value is 0.9"),
            (row(4.0, 1.0, 3, f64::NAN, None), "total_reward is NaN"),
        ] {
            let checked = row.check((1.0, 1.0)).err().unwrap_or_default();
            assert!(if said.is_empty() { checked.is_empty() } else { checked.contains(said) }, "{row:?}: {checked}");
        }
    }

    #[test]
    fn arms_become_tables_and_each_stands_once() {
        let one = row(4.0, 1.0, 3, 2.4, None);
        let again = Row { rowid: 2, ..one.clone() };
        let other_regime = Row { rowid: 3, regime: Regime::Range, ..one.clone() };
        let untouched = Row { rowid: 4, action: Action::Hold, ..row(1.0, 1.0, 0, 0.0, None) };
        let judged = judge(&[one, again, other_regime, untouched], &BTreeMap::new(), (1.0, 1.0));
        assert_eq!(judged.faults.keys().copied().collect::<Vec<_>>(), [2, 3]);
        assert!(judged.faults[&2].contains("stands in row 1, too") && judged.faults[&3].contains("of RANGE"));
        assert_eq!(judged.tables.len(), 1);
        assert_eq!(judged.tables[0].rows.len(), 1, "what was never learned is not listed");
        assert_eq!(judged.tables[0].faults(PolicyScope::Shared), []);
    }
}
