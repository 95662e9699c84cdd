//! What is open, leg by leg, and what the account shows of it.

use alavanca_kernel::{Contracts, ExitLevels, Instrument, LegId, LegRole, OrderId, Price, Protection, Side, Timestamp};

use super::shield::Shield;
use crate::wire::{Decimal, Guard, Id, Order as RestingOrder, Position, SessionCalendar, SymbolSpec};

/// One symbol: its legs, and the account as last read.
#[derive(Debug, Clone)]
pub(super) struct Market {
    pub(super) name: String,
    pub(super) instrument: Instrument,
    pub(super) deviation: u32,
    pub(super) guard: Option<Guard>,
    pub(super) spec: Option<SymbolSpec>,
    pub(super) calendar: Option<SessionCalendar>,
    pub(super) quote: Option<Quote>,
    pub(super) legs: Vec<Leg>,
    pub(super) positions: Vec<Position>,
    pub(super) resting: Vec<RestingOrder>,
    /// On netting accounts: the one position's stop and target.
    pub(super) shield: Shield,
    pub(super) flatten: Option<super::flatten::Flatten>,
    /// Readings in a row in which legs and account differed.
    pub(super) differences: u32,
    /// The last difference that was told, in lots.
    pub(super) told_difference: Option<(i64, i64)>,
    /// The desk's stamp at the last change of what is open, and at the last whole reading.
    pub(super) changed: u64,
    pub(super) read: u64,
    /// And at the last word on its positions of any kind.
    pub(super) shown: u64,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Quote {
    pub(super) bid: Price,
    pub(super) ask: Price,
    pub(super) at: Timestamp,
}

/// One virtual leg. On hedging accounts it is a position of its own.
#[derive(Debug, Clone)]
pub(super) struct Leg {
    pub(super) id: LegId,
    pub(super) side: Side,
    /// The order that opened it, where it is known.
    pub(super) opening: Option<OrderId>,
    pub(super) protection: Protection,
    /// Open, in 10⁻⁸ lots.
    pub(super) open: i64,
    /// Open, as the engine was told.
    pub(super) told: u32,
    pub(super) entered: i64,
    /// Price times lots over all entries.
    pub(super) entry_value: i128,
    pub(super) levels: Option<ExitLevels>,
    pub(super) opened_at: Timestamp,
    /// `POSITION_IDENTIFIER`; only on hedging accounts is it the leg's own.
    pub(super) position: Id,
    /// The first deal that opened it; `u64::MAX` before.
    pub(super) first_deal: u64,
    /// What was charged and not yet told with a fill, in 10⁻⁸ of the currency.
    pub(super) charged: i64,
    /// On hedging accounts: its position's stop and target.
    pub(super) shield: Shield,
    /// A close was refused: not another one before.
    pub(super) patient_until: u64,
    /// When the desk last tried to close it by itself.
    pub(super) exit_tried: Option<u64>,
    /// Restored from the engine's books, and none of its deals seen yet.
    pub(super) lost: bool,
}

impl Leg {
    pub(super) fn new(id: LegId, side: Side, opening: Option<OrderId>, protection: Protection) -> Self {
        Self {
            id,
            side,
            opening,
            protection,
            open: 0,
            told: 0,
            entered: 0,
            entry_value: 0,
            levels: None,
            opened_at: Timestamp::MAX,
            position: Id::NONE,
            first_deal: u64::MAX,
            charged: 0,
            shield: Shield::default(),
            patient_until: 0,
            exit_tried: None,
            lost: false,
        }
    }

    /// Signed lots.
    pub(super) fn signed(&self) -> i64 {
        self.side.sign() * self.open
    }

    /// So many seconds after it was opened.
    pub(super) fn since(&self, seconds: u32) -> Timestamp {
        self.opened_at.plus_secs(i64::from(seconds))
    }

    pub(super) fn entry(&self) -> Price {
        if self.entered == 0 {
            return Price::ZERO;
        }
        let lots = i128::from(self.entered);
        Price::from_raw(i64::try_from((self.entry_value + lots / 2) / lots).unwrap_or(i64::MAX))
    }

    /// Contracts that are open, a part of one counted as one.
    pub(super) fn contracts(&self, lots_per_contract: i64) -> u32 {
        u32::try_from(self.open.div_euclid(lots_per_contract)).unwrap_or(u32::MAX)
            + u32::from(self.open % lots_per_contract != 0)
    }
}

impl Market {
    pub(super) fn lots_per_contract(&self) -> i64 {
        self.instrument.lots_per_contract.raw().max(1)
    }

    pub(super) fn leg(&self, id: LegId) -> Option<&Leg> {
        self.legs.iter().find(|leg| leg.id == id)
    }

    pub(super) fn leg_mut(&mut self, id: LegId) -> Option<&mut Leg> {
        self.legs.iter_mut().find(|leg| leg.id == id)
    }

    /// Lots of all legs, sold ones negative.
    pub(super) fn legs_signed(&self) -> i64 {
        self.legs.iter().map(Leg::signed).sum()
    }

    /// Lots of all positions, sold ones negative.
    pub(super) fn position_signed(&self) -> i64 {
        self.positions.iter().map(signed).sum()
    }

    /// The position of a leg on a hedging account, as last read.
    pub(super) fn position_of(&self, leg: &Leg) -> Option<&Position> {
        if leg.position == Id::NONE {
            return None;
        }
        self.positions.iter().find(|position| position.identifier == leg.position)
    }

    /// Places of the legs in the order in which a close of the whole position is booked: the extra first.
    pub(super) fn extra_first(&self) -> Vec<usize> {
        let mut places: Vec<usize> = (0..self.legs.len()).collect();
        places.sort_by_key(|&place| self.legs[place].id.role == LegRole::Base);
        places
    }

    pub(super) fn contracts(&self, lots: i64) -> Contracts {
        Contracts::new(u32::try_from(lots / self.lots_per_contract()).unwrap_or(0))
    }

    /// Whether two prices are the same on the symbol's grid.
    pub(super) fn same_price(&self, one: Decimal, other: Decimal) -> bool {
        let step = self.instrument.tick.raw().max(1);
        one == other
            || (one != Decimal::ZERO
                && other != Decimal::ZERO
                && (one.raw() - other.raw()).abs().saturating_mul(2) < step)
    }
}

/// Lots of a position, a sold one negative.
pub(super) fn signed(position: &Position) -> i64 {
    super::lots::kernel_side(position.side).sign() * position.volume.raw()
}
