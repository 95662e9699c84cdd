//! One entry decision with all its legs.

use alavanca_kernel::{
    Action, DecisionId, Instrument, LegId, LegRole, Money, Price, Side, StateKey, SymbolId, Timestamp, TradeId,
};
use serde::{Deserialize, Serialize};

use crate::Leg;

/// A trade that is open or on its way. Its outcome is known when the last leg has ended (semantics 24).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OpenTrade {
    /// Its id.
    pub id: TradeId,
    /// The decision it began with.
    pub decision: DecisionId,
    /// The instrument.
    pub symbol: SymbolId,
    /// Its side.
    pub side: Side,
    /// The policy's state at entry.
    pub state: StateKey,
    /// What the gate chose.
    pub action: Action,
    /// Whether a transition was active at entry.
    pub in_transition: bool,
    /// The base contracts.
    pub base: Leg,
    /// The leveraged extra.
    pub extra: Option<Leg>,
    /// The base's stop is to move to break-even as soon as it can rest there.
    #[serde(default)]
    pub break_even_due: bool,
}

impl OpenTrade {
    /// The leg of that id, if it is one of this trade's.
    pub fn leg_mut(&mut self, id: LegId) -> Option<&mut Leg> {
        match id.role {
            _ if id.trade != self.id => None,
            LegRole::Base => Some(&mut self.base),
            LegRole::Extra => self.extra.as_mut(),
        }
    }

    /// Base and extra, where there is one.
    pub fn legs(&self) -> impl Iterator<Item = &Leg> {
        std::iter::once(&self.base).chain(&self.extra)
    }

    /// Whether every leg has ended.
    pub fn has_ended(&self) -> bool {
        self.legs().all(Leg::has_ended)
    }

    /// Whether any contract was ever entered. A trade without leaves no outcome (semantics 12).
    pub fn was_filled(&self) -> bool {
        self.legs().any(|leg| !leg.entered().is_zero())
    }

    /// Net result of all legs so far.
    pub fn net(&self) -> Money {
        self.legs().map(Leg::net).sum()
    }

    /// Result of all legs so far at reference prices.
    pub fn gross(&self) -> Money {
        self.legs().map(Leg::gross).sum()
    }

    /// What is open, valued at `mark`.
    #[inline]
    pub fn open_result(&self, instrument: &Instrument, mark: Price) -> Money {
        let extra = self.extra.as_ref().map_or(Money::ZERO, |extra| extra.open_result(instrument, mark));
        self.base.open_result(instrument, mark) + extra
    }

    /// When the first leg was filled; `None` before.
    pub fn opened_at(&self) -> Option<Timestamp> {
        self.legs().filter(|leg| !leg.entered().is_zero()).map(Leg::opened_at).min()
    }
}
