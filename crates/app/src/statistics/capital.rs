//! Sizing: what capital answered, and whether the formula gives the same.

use std::collections::BTreeMap;

use alavanca_adapters_sqlite::Selection;
use alavanca_engine::Record;
use alavanca_kernel::{Allocation, DecisionId, MarketContext, Money, SymbolId};
use serde::Serialize;

use super::share;
use crate::explain::{Moment, Sizing, sizing};
use crate::stored_run::{AskError, RunNotes, StoredRun};

/// Figures of sizing. An answer is one to a signal: of a decision, or of a signal that was stopped for want of money.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CapitalStats {
    /// Currency of all amounts.
    pub currency: String,
    /// Answers to signals.
    pub total_decisions: u64,
    /// Answers without any contract.
    pub refused_decisions: u64,
    /// Base contracts of an answer on average; absent without answers.
    pub avg_base_contracts: Option<f64>,
    /// The most contracts, base and extra, that one answer granted.
    pub max_final_contracts: u32,
    /// The share of answers that granted an extra contract, from 0 to 1.
    pub realavancagem_frequency: Option<f64>,
    /// Answers at bars without a signal (`RECORD_EVERY_BAR`); in no figure above.
    pub bar_allocations: u64,
    /// What stood in the way of more, by reason; `approved` where nothing did.
    pub reasons: BTreeMap<String, u64>,
    /// The specification's formula from the configured capital, written out; absent where the settings are unknown.
    pub formula: Option<String>,
    /// Whether the answers are what the formula gives for the capital of their moment.
    pub check: Option<Check>,
    /// Answers by base contracts, the most first.
    pub sizes: Vec<Size>,
    /// The last answer, with its formula.
    pub last: Option<Last>,
}

/// Answers held against the formula.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// The base is what the formula gives.
    pub agree: u64,
    /// It is another, and the stored reason says why: no money, no equity, or the broker's margin.
    pub bounded: u64,
    /// It is another and nothing says why: a fault, or a database of other settings.
    pub differ: u64,
    /// The first decision of these.
    pub first_that_differs: Option<u64>,
}

/// Answers with this base.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Size {
    /// Base contracts.
    pub base: u32,
    /// How many answers.
    pub answers: u64,
    /// The least capital that gave it.
    pub capital_from: f64,
    /// The most.
    pub capital_to: f64,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Last {
    /// Of this decision; absent for a signal that was stopped.
    pub decision: Option<u64>,
    /// When.
    pub at: Moment,
    /// How it came about.
    pub sizing: Sizing,
}

/// Reads the figures.
///
/// # Errors
/// [`AskError`].
pub fn capital(run: &StoredRun, symbol: Option<&str>) -> Result<CapitalStats, AskError> {
    let symbol = run.symbol(symbol)?;
    let mut tally = Answers::default();
    let selection = Selection { symbol, ..Selection::default() };
    run.each_record(&selection, &mut |record| tally.observe(run.notes(), record))?;
    Ok(tally.stats(run.notes()))
}

/// Answers as they come.
#[derive(Debug, Default)]
struct Answers {
    total: u64,
    refused: u64,
    releveraged: u64,
    base: u64,
    max_final: u32,
    bars: u64,
    reasons: BTreeMap<String, u64>,
    check: Option<Check>,
    sizes: BTreeMap<u32, (u64, Money, Money)>,
    last: Option<(Option<DecisionId>, MarketContext, Allocation)>,
}

impl Answers {
    fn observe(&mut self, notes: &RunNotes, record: &Record) {
        match record {
            Record::Decision(decision) => {
                self.answer(notes, Some(decision.id), &decision.context, &decision.allocation);
            }
            Record::Blocked(blocked) => {
                if let Some(allocation) = &blocked.allocation {
                    self.answer(notes, None, &blocked.context, allocation);
                }
            }
            Record::Allocation(_) => self.bars += 1,
            _ => {}
        }
    }

    fn answer(
        &mut self,
        notes: &RunNotes,
        decision: Option<DecisionId>,
        context: &MarketContext,
        allocation: &Allocation,
    ) {
        let (base, total) = (allocation.base.count(), allocation.total().count());
        self.total += 1;
        self.refused += u64::from(total == 0);
        self.releveraged += u64::from(total > base);
        self.base += u64::from(base);
        self.max_final = self.max_final.max(total);
        *self.reasons.entry(allocation.reason().to_owned()).or_default() += 1;
        let (answers, from, to) = self.sizes.entry(base).or_insert((0, allocation.capital, allocation.capital));
        (*answers, *from, *to) = (*answers + 1, (*from).min(allocation.capital), (*to).max(allocation.capital));
        self.last = Some((decision, *context, *allocation));
        let of = sizing(notes, context, allocation);
        if let Some(expected) = of.by_formula {
            let check = self.check.get_or_insert(Check { agree: 0, bounded: 0, differ: 0, first_that_differs: None });
            if expected == base {
                check.agree += 1;
            } else if of.base_is_bounded {
                check.bounded += 1;
            } else {
                check.differ += 1;
                check.first_that_differs = check.first_that_differs.or(decision.map(DecisionId::get));
            }
        }
    }

    fn stats(self, notes: &RunNotes) -> CapitalStats {
        let formula = notes.settings.as_ref().map(|settings| {
            let s = settings.capital;
            let fits = s.operator_capital.fits(s.margin_per_contract);
            let base = fits.max(i64::from(s.min_contracts)).min(i64::from(s.max_contracts_cap));
            format!(
                "min(cap {}, max(minimum {}, floor({} / {} = {fits}))) = {base}",
                s.max_contracts_cap, s.min_contracts, s.operator_capital, s.margin_per_contract
            )
        });
        let size = |(base, (answers, from, to)): (&u32, &(u64, Money, Money))| Size {
            base: *base,
            answers: *answers,
            capital_from: from.to_f64(),
            capital_to: to.to_f64(),
        };
        let symbol = self.last.as_ref().map_or(SymbolId::new(0), |(_, context, _)| context.symbol);
        CapitalStats {
            currency: notes.instrument(symbol).map_or_else(|| notes.currency(), |instrument| instrument.currency),
            total_decisions: self.total,
            refused_decisions: self.refused,
            avg_base_contracts: share(self.base, self.total),
            max_final_contracts: self.max_final,
            realavancagem_frequency: share(self.releveraged, self.total),
            bar_allocations: self.bars,
            reasons: self.reasons,
            formula,
            check: self.check,
            sizes: self.sizes.iter().rev().map(size).collect(),
            last: self.last.map(|(decision, context, allocation)| Last {
                decision: decision.map(DecisionId::get),
                at: Moment::of(notes, context.at),
                sizing: sizing(notes, &context, &allocation),
            }),
        }
    }
}
