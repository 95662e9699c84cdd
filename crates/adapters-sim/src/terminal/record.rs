//! What an account consists of: orders, deals, positions, and what is noted beside them.

use alavanca_kernel::{Money, Price};

/// An order, active or past.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) ticket: u64,
    pub(crate) symbol: usize,
    pub(crate) kind: i64,
    pub(crate) filling: i64,
    pub(crate) time_type: i64,
    /// Server seconds.
    pub(crate) expiration: i64,
    pub(crate) setup_ms: i64,
    pub(crate) done_ms: i64,
    pub(crate) state: i64,
    pub(crate) magic: u64,
    /// The position that it is to close, on hedging accounts; once filled, the position that it changed.
    pub(crate) position: u64,
    pub(crate) position_by: u64,
    pub(crate) reason: i64,
    pub(crate) initial: i64,
    pub(crate) current: i64,
    pub(crate) price: Price,
    pub(crate) stoplimit: Price,
    pub(crate) sl: Price,
    pub(crate) tp: Price,
    pub(crate) comment: String,
    /// It rests until its price comes.
    pub(crate) rests: bool,
    /// Nothing is filled before this time.
    pub(crate) due_ms: i64,
    /// At that time it is taken back instead.
    pub(crate) dies: bool,
    /// What may be filled at once; the rest waits for `due_ms`.
    pub(crate) bend: Bend,
}

impl Order {
    pub(crate) const fn sign(&self) -> i64 {
        sign_of(self.kind)
    }
}

/// +1 for what buys, −1 for what sells.
pub(crate) const fn sign_of(kind: i64) -> i64 {
    if kind % 2 == 0 { 1 } else { -1 }
}

/// What a fault does to one order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bend {
    /// Answered with PLACED; filled (or taken back) so many market milliseconds later.
    pub(crate) placed_ms: Option<i64>,
    pub(crate) placed_dies: bool,
    /// No more than so much is filled at once.
    pub(crate) partial: Option<i64>,
    /// The rest follows after so many milliseconds; taken back where none is said.
    pub(crate) rest_ms: Option<i64>,
    /// The comment that the broker writes.
    pub(crate) comment: Option<String>,
    /// Stop and target are not taken over.
    pub(crate) drops_stops: bool,
    /// So many looks into the history do not see the deals.
    pub(crate) hidden_looks: u32,
    /// So many points worse.
    pub(crate) slip_points: i64,
    /// Commission as a deal of its own, so much later.
    pub(crate) commission_later_ms: Option<i64>,
}

/// A deal.
#[derive(Clone, Debug)]
pub(crate) struct Deal {
    pub(crate) ticket: u64,
    pub(crate) order: u64,
    pub(crate) time_ms: i64,
    pub(crate) kind: i64,
    pub(crate) entry: i64,
    pub(crate) magic: u64,
    pub(crate) position: u64,
    pub(crate) reason: i64,
    pub(crate) volume: i64,
    pub(crate) price: Price,
    pub(crate) commission: Money,
    pub(crate) swap: Money,
    pub(crate) profit: Money,
    pub(crate) fee: Money,
    pub(crate) symbol: Option<usize>,
    pub(crate) comment: String,
    pub(crate) hidden_looks: u32,
}

impl Deal {
    pub(crate) fn net(&self) -> Money {
        self.profit + self.commission + self.swap + self.fee
    }
}

/// A position.
#[derive(Clone, Debug)]
pub(crate) struct Position {
    pub(crate) ticket: u64,
    pub(crate) identifier: u64,
    pub(crate) symbol: usize,
    /// +1 long, −1 short.
    pub(crate) sign: i64,
    pub(crate) volume: i64,
    /// Price × volume of what is open, in 10⁻¹⁶.
    pub(crate) cost: i128,
    /// What rounding to hundredths left over so far: it comes with the next deal, so that none is lost.
    pub(crate) left_over: i128,
    pub(crate) sl: Price,
    pub(crate) tp: Price,
    pub(crate) magic: u64,
    pub(crate) reason: i64,
    pub(crate) comment: String,
    pub(crate) time_ms: i64,
    pub(crate) update_ms: i64,
    pub(crate) swap: Money,
}

impl Position {
    /// Average price, as close as prices go.
    pub(crate) fn average(&self) -> Price {
        Price::from_raw((self.cost / i128::from(self.volume.max(1))) as i64)
    }
}

/// How often an order of that name was sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sends {
    /// Calls of the terminal.
    pub(crate) called: u32,
    /// Of these, so many reached it.
    pub(crate) reached: u32,
    /// Of these, so many were taken.
    pub(crate) executed: u32,
    pub(crate) retcodes: Vec<u32>,
    pub(crate) symbol: String,
}

/// A stretch of market time without a stop.
#[derive(Clone, Debug)]
pub(crate) struct Naked {
    pub(crate) symbol: usize,
    pub(crate) position: u64,
    pub(crate) from_ms: i64,
    /// Open where there is none yet.
    pub(crate) to_ms: Option<i64>,
}
