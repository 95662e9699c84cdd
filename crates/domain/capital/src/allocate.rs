//! From capital and context to contracts.

use std::collections::VecDeque;

use alavanca_kernel::{Allocation, Contracts, LayerMask, MarketContext, Money, Refusal, SymbolId, Timestamp, Unit};
use serde::{Deserialize, Serialize};

use crate::{CapitalConfig, CapitalShortfall};

/// Sizes positions, and remembers the latest of its answers.
#[derive(Clone, Debug)]
pub struct Capital {
    config: CapitalConfig,
    /// The capital from which on the cap alone decides: most decisions divide nothing.
    full_from: Money,
    history: VecDeque<AllocationEntry>,
    totals: Totals,
}

/// One answer, as remembered.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct AllocationEntry {
    /// When.
    pub at: Timestamp,
    /// For which instrument.
    pub symbol: SymbolId,
    /// The answer.
    pub allocation: Allocation,
}

/// Figures over all answers since the start.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct CapitalStats {
    /// How many answers.
    pub total_decisions: u64,
    /// Answers without any contract.
    pub refused_decisions: u64,
    /// Base contracts of an answer on average; 0 before the first.
    pub avg_base_contracts: f64,
    /// The most contracts, base and extra, of one answer.
    pub max_final_contracts: u32,
    /// The share of answers with an extra, 0 to 1.
    pub releverage_frequency: f64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    decisions: u64,
    refused: u64,
    releveraged: u64,
    base: u64,
    max_final: u32,
}

impl Capital {
    /// How many answers [`Capital::history`] remembers.
    pub const HISTORY: usize = 1024;

    /// Sizes by these settings.
    pub fn new(config: CapitalConfig) -> Self {
        let s = config.settings();
        let full_from = s.margin_per_contract.times(i64::from(s.max_contracts_cap));
        Self { config, full_from, history: VecDeque::with_capacity(Self::HISTORY), totals: Totals::default() }
    }

    /// What it was set up with.
    pub const fn config(&self) -> &CapitalConfig {
        &self.config
    }

    /// The specification's formula to the letter, from the configured capital (semantics 5; `calc_base_contracts`).
    ///
    /// It asks no account: 500 BRL at a margin of 1,000 give the minimum. [`Capital::allocate`] asks.
    pub fn base_contracts(&self) -> Contracts {
        let s = self.config.settings();
        Contracts::new(self.affordable(s.operator_capital).max(s.min_contracts))
    }

    /// How many contracts a signal may have now, and why not more (semantics 6 to 9; `calc_contracts`).
    ///
    /// - Unknown equity or free margin: none.
    /// - The prudential margin does not cover `MIN_CONTRACTS`: none, unless `CAPITAL_SHORTFALL=FORCE_MIN`.
    /// - `broker_margin_per_contract` bounds base and extra by the free margin; zero bounds nothing. A base that it
    ///   pushes below `MIN_CONTRACTS` is none.
    /// - `capital` is zero where the equity is unknown.
    ///
    /// The answer is remembered. Nothing is allocated.
    #[inline]
    pub fn allocate(&mut self, ctx: &MarketContext, broker_margin_per_contract: Money) -> Allocation {
        let allocation = self.decide(ctx, broker_margin_per_contract);
        self.remember(ctx, allocation)
    }

    /// The same near an announcement of medium impact: that part of the base, rounded down, at least one contract, and
    /// no extra. Its reason goes before a layer's; a base that is zero anyway keeps its own.
    pub fn allocate_near_news(
        &mut self,
        ctx: &MarketContext,
        broker_margin_per_contract: Money,
        (size, announced_at): (Unit, Timestamp),
    ) -> Allocation {
        let usual = self.decide(ctx, broker_margin_per_contract);
        if usual.base.is_zero() {
            return self.remember(ctx, usual);
        }
        let base = (f64::from(usual.base.count()) * size.get()).floor() as u32;
        let allocation = Allocation {
            base: Contracts::new(base.max(1)),
            extra: Contracts::new(0),
            refusal: Some(Refusal::News { at: announced_at, usual: usual.base }),
            ..usual
        };
        self.remember(ctx, allocation)
    }

    #[inline]
    fn remember(&mut self, ctx: &MarketContext, allocation: Allocation) -> Allocation {
        let (base, total) = (allocation.base.count(), allocation.total().count());
        let totals = &mut self.totals;
        totals.decisions += 1;
        totals.refused += u64::from(total == 0);
        totals.releveraged += u64::from(total > base);
        totals.base += u64::from(base);
        totals.max_final = totals.max_final.max(total);
        if self.history.len() == Self::HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(AllocationEntry { at: ctx.at, symbol: ctx.symbol, allocation });
        allocation
    }

    /// The latest answer (`get_last_state`).
    pub fn last(&self) -> Option<&AllocationEntry> {
        self.history.back()
    }

    /// The latest answers, at most `limit` and [`Capital::HISTORY`], the newest last (`get_history`).
    pub fn history(&self, limit: usize) -> impl Iterator<Item = &AllocationEntry> {
        self.history.iter().skip(self.history.len().saturating_sub(limit))
    }

    /// Figures over all answers since the start (`export_stats`).
    pub fn stats(&self) -> CapitalStats {
        let totals = &self.totals;
        let per_decision = |sum: u64| if totals.decisions == 0 { 0.0 } else { sum as f64 / totals.decisions as f64 };
        CapitalStats {
            total_decisions: totals.decisions,
            refused_decisions: totals.refused,
            avg_base_contracts: per_decision(totals.base),
            max_final_contracts: totals.max_final,
            releverage_frequency: per_decision(totals.releveraged),
        }
    }

    #[inline]
    fn decide(&self, ctx: &MarketContext, broker_margin: Money) -> Allocation {
        let s = self.config.settings();
        let layers = self.layers(ctx);
        let answer = |base, extra, capital, refusal| Allocation {
            base: Contracts::new(base),
            extra: Contracts::new(extra),
            capital,
            layers,
            refusal,
        };
        let (Some(equity), Some(free)) = (ctx.equity, ctx.free_margin) else {
            return answer(0, 0, Money::ZERO, Some(Refusal::EquityUnknown));
        };
        let capital = less(s.operator_capital.min(equity), ctx.margin_elsewhere);
        let affordable = self.affordable(capital);
        if affordable < s.min_contracts && s.capital_shortfall == CapitalShortfall::Refuse {
            let needed = s.margin_per_contract.times(i64::from(s.min_contracts));
            return answer(0, 0, capital, Some(Refusal::CapitalShortfall { capital, needed }));
        }
        let base = affordable.max(s.min_contracts);
        let wanted = if layers == LayerMask::ALL { s.max_extra_contracts } else { 0 };
        let covered = covered(free, broker_margin, base + wanted);
        if covered < base {
            let needed = saturating_times(broker_margin, base);
            let base = if covered < s.min_contracts { 0 } else { covered };
            return answer(base, 0, capital, Some(Refusal::BrokerMargin { free, needed }));
        }
        let extra = covered - base;
        let refusal = if extra > 0 {
            None
        } else if wanted > 0 {
            Some(Refusal::BrokerMargin { free, needed: saturating_times(broker_margin, base + 1) })
        } else {
            self.refusal(ctx, layers).or(Some(Refusal::NoExtraConfigured))
        };
        answer(base, extra, capital, refusal)
    }

    /// How many contracts an amount carries at the prudential margin, at most the cap.
    #[inline]
    fn affordable(&self, capital: Money) -> u32 {
        let s = self.config.settings();
        if capital >= self.full_from {
            s.max_contracts_cap
        } else {
            // Below the cap's capital the quotient is below the cap, so it fits.
            capital.fits(s.margin_per_contract) as u32
        }
    }
}

/// What is left of an amount after what others hold; never below zero, and never more than the amount.
#[inline]
fn less(amount: Money, elsewhere: Money) -> Money {
    Money::from_cents(amount.cents().saturating_sub(elsewhere.cents().max(0)).max(0))
}

/// How many of `wanted` contracts the free margin covers. A margin of zero bounds nothing; one below zero is no
/// margin that a broker could mean, and covers nothing.
#[inline]
fn covered(free: Money, broker_margin: Money, wanted: u32) -> u32 {
    let all_fit = broker_margin.cents().checked_mul(i64::from(wanted)).is_some_and(|all| all <= free.cents());
    if broker_margin == Money::ZERO || broker_margin.is_positive() && all_fit {
        wanted
    } else {
        // Not all fit, so the quotient is below `wanted`.
        free.fits(broker_margin) as u32
    }
}

#[inline]
fn saturating_times(amount: Money, n: u32) -> Money {
    Money::from_cents(amount.cents().saturating_mul(i64::from(n)))
}
