//! What a section says of costs, and from which day on.
//!
//! `[instrument.WIN]` holds on all days; `[instrument.WIN.costs.2024-01-02]` from that trading day on, for what it says.
//! On a day, each figure is that of the newest entry up to it that says it; else the section's; else the preset's of
//! that day.

use std::collections::{BTreeMap, BTreeSet};

use alavanca_kernel::{CostSchedule, Costs, DatedCosts, Money, Price, TradingDay};

use super::instrument::{from_zero, money_from_zero};
use super::text::Text;

/// The name of the dated entries within an instrument's section.
pub(super) const COSTS: &str = "costs";

/// What is said of costs; what is left out is said elsewhere.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CostSettings {
    /// `exchange_fee` per contract and side.
    pub exchange_fee: Option<Money>,
    /// `brokerage` per contract and side.
    pub brokerage: Option<Money>,
    /// `spread`: the usual one, as a price distance.
    pub spread: Option<Price>,
    /// `slippage` of a market fill, as a price distance.
    pub slippage: Option<Price>,
}

/// A line of a dated entry.
pub(crate) struct CostField {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) read: fn(&mut CostSettings, &str) -> Result<(), String>,
    pub(super) show: fn(&CostSettings) -> Option<String>,
}

/// All lines of a dated entry; a section has lines of the same names.
pub(crate) const COST_FIELDS: &[CostField] = &[
    CostField {
        name: "exchange_fee",
        about: "The exchange's fees per contract and side.",
        read: |costs, text| money_from_zero(text).map(|fee| costs.exchange_fee = Some(fee)),
        show: |costs| costs.exchange_fee.as_ref().map(Text::show),
    },
    CostField {
        name: "brokerage",
        about: "The broker's fee per contract and side.",
        read: |costs, text| money_from_zero(text).map(|fee| costs.brokerage = Some(fee)),
        show: |costs| costs.brokerage.as_ref().map(Text::show),
    },
    CostField {
        name: "spread",
        about: "The usual spread, as a price distance.",
        read: |costs, text| from_zero(text).map(|spread| costs.spread = Some(spread)),
        show: |costs| costs.spread.as_ref().map(Text::show),
    },
    CostField {
        name: "slippage",
        about: "Slippage of a market fill, as a price distance.",
        read: |costs, text| from_zero(text).map(|slippage| costs.slippage = Some(slippage)),
        show: |costs| costs.slippage.as_ref().map(Text::show),
    },
];

impl CostSettings {
    /// This on top of something else.
    pub(super) fn over(self, other: Self) -> Self {
        Self {
            exchange_fee: self.exchange_fee.or(other.exchange_fee),
            brokerage: self.brokerage.or(other.brokerage),
            spread: self.spread.or(other.spread),
            slippage: self.slippage.or(other.slippage),
        }
    }

    fn on_top_of(self, costs: Costs) -> Costs {
        Costs {
            exchange_fee: self.exchange_fee.unwrap_or(costs.exchange_fee),
            brokerage: self.brokerage.unwrap_or(costs.brokerage),
            spread: self.spread.unwrap_or(costs.spread),
            slippage: self.slippage.unwrap_or(costs.slippage),
        }
    }
}

/// A schedule with what the section says on all days, and what its dated entries say from theirs on.
pub(super) fn schedule(
    base: &CostSchedule,
    always: CostSettings,
    dated: &BTreeMap<TradingDay, CostSettings>,
) -> CostSchedule {
    let days: BTreeSet<TradingDay> =
        base.changes().iter().map(|change| change.from).chain(dated.keys().copied()).collect();
    let on = |day: TradingDay| {
        let entries = dated.range(..=day).fold(always, |so_far, (_, entry)| entry.over(so_far));
        DatedCosts { from: day, costs: entries.on_top_of(base.on(day)) }
    };
    CostSchedule::new(always.on_top_of(base.first()), days.into_iter().map(on).collect())
}

/// `costs.2024-01-02.spread` as the day and the field; what is wrong with it otherwise.
pub(crate) fn dated_field(dotted: &str) -> Option<Result<(TradingDay, &'static CostField), String>> {
    let (day, field) = dotted.strip_prefix(COSTS)?.strip_prefix('.')?.split_once('.')?;
    let known = COST_FIELDS.iter().find(|known| known.name == field);
    Some(match (crate::stored_run::parse_day(day), known) {
        (Ok(day), Some(field)) => Ok((day, field)),
        (Err(why), _) => Err(why),
        (_, None) => Err(COST_FIELDS.iter().map(|field| field.name).collect::<Vec<_>>().join(", ")),
    })
}
