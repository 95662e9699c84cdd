//! What live and paper keep beside the engine's records: whose orders they are, every session's epoch, and every word
//! of the operator.

use std::path::Path;

use alavanca_kernel::{Contracts, LegId, Money, OrderId, OrderRequest, Price, SymbolId, Timestamp, TradeId};
use alavanca_ports::StoreError;
use sea_orm::{ConnectionTrait, DatabaseConnection, TransactionTrait};
use serde::Serialize;

use crate::store::{all, column, io, one, parse, statement};
use crate::{names, open};

/// Instances lie from 1 up to here: an instance and an order number of 32 bits make a magic below 2⁵².
const INSTANCE_MAX: u64 = 1 << 20;

/// The live part of a database, over a connection of its own: what it writes is on the disk when a call returns.
///
/// Whoever writes holds the database's lock (a [`SqliteStore`](crate::SqliteStore) that is open); reading needs none.
#[derive(Debug)]
pub struct LiveBook {
    db: DatabaseConnection,
}

/// A session that was begun, or was about to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Epoch {
    /// Greater than any before.
    pub epoch: u64,
    /// When it was drawn, by the machine's clock.
    pub at: Timestamp,
    /// Whose orders.
    pub instance: u32,
    /// On which account, as it was told.
    pub account: String,
    /// Whether orders might be sent.
    pub armed: bool,
}

/// One word of the operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OperatorEntry {
    /// Its name: a command that comes again is not carried out again.
    pub id: String,
    /// What was wanted.
    pub command: String,
    /// Why.
    pub reason: String,
    /// When it was said, by the machine's clock.
    pub given_at: Timestamp,
    /// When the engine took it.
    pub taken_at: Timestamp,
    /// Whether it was done.
    pub accepted: bool,
    /// What the engine answered.
    pub answer: String,
}

/// What the books come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Booked {
    /// What all legs have made and cost so far: what the account's balance has moved.
    pub net: Money,
    /// The part of it that base legs have.
    pub base: Money,
    /// Fills.
    pub fills: u64,
    /// Their commission, positive.
    pub commission: Money,
    /// Trades that ended.
    pub trades: u64,
}

/// A leg in the books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookedLeg {
    /// Its trade.
    pub trade: u64,
    /// `BASE` or `EXTRA`.
    pub role: String,
    /// `BUY` or `SELL`.
    pub side: String,
    /// How many contracts are open.
    pub open: u32,
    /// How many were entered.
    pub entered: u32,
    /// Average entry.
    pub entry: Price,
    /// Its result after costs, so far.
    pub net: Money,
    /// When it was first filled.
    pub opened_at: Timestamp,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// How it ended.
    pub cause: Option<String>,
}

impl LiveBook {
    /// Opens the live part of a database of this release.
    ///
    /// # Errors
    /// [`StoreError::Open`], saying what to do, where there is no such database.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { db: open::open_beside(path).await? })
    }

    /// The database's name in orders. It is drawn at the first call, by `draw`, and stays.
    pub async fn instance(&self, draw: impl FnOnce() -> u64 + Send) -> Result<u32, StoreError> {
        let drawn = 1 + draw() % (INSTANCE_MAX - 1);
        let sql = "INSERT INTO live_identity (id, instance) VALUES (1, ?) ON CONFLICT DO NOTHING";
        self.db.execute_raw(statement(sql, [(drawn as i64).into()])).await.map_err(io)?;
        let row = one(&self.db, "SELECT instance FROM live_identity", []).await?;
        let stored: i64 = column(&row.ok_or_else(no_identity)?, 0)?;
        u32::try_from(stored).map_err(|_| no_identity())
    }

    /// The account that the database is of, as it was pinned; `None` before the first session.
    pub async fn account(&self) -> Result<Option<String>, StoreError> {
        match one(&self.db, "SELECT account FROM live_identity", []).await? {
            Some(row) => column(&row, 0),
            None => Ok(None),
        }
    }

    /// Pins the account at the first session. Afterwards it has to be the same.
    ///
    /// # Errors
    /// [`StoreError::Open`] where the database is of another account, or has no instance yet.
    pub async fn pin_account(&self, account: &str) -> Result<(), StoreError> {
        let sql = "UPDATE live_identity SET account = ? WHERE account IS NULL";
        self.db.execute_raw(statement(sql, [account.into()])).await.map_err(io)?;
        match self.account().await? {
            Some(pinned) if pinned == account => Ok(()),
            Some(pinned) => Err(StoreError::Open(format!(
                "the database is of the account {pinned}, and the bridge is on {account}: log the terminal in to the \
                 former, or name another database"
            ))),
            None => Err(no_identity()),
        }
    }

    /// The epoch of a new session, greater than any before and than `seen` (what the bridge has in its journal). It is
    /// on the disk when this returns: only then is the session begun.
    pub async fn next_epoch(&self, seen: u64, account: &str, armed: bool, at: Timestamp) -> Result<u64, StoreError> {
        let step = self.db.begin().await.map_err(io)?;
        let sql = "INSERT INTO live_epochs SELECT max(coalesce((SELECT max(epoch) FROM live_epochs), 0), ?1) + 1, ?2, \
                   instance, ?3, ?4 FROM live_identity RETURNING epoch";
        let values = [(seen as i64).into(), at.micros().into(), account.into(), i64::from(armed).into()];
        let row = one(&step, sql, values).await?.ok_or_else(no_identity)?;
        let epoch: i64 = column(&row, 0)?;
        step.commit().await.map_err(io)?;
        Ok(epoch as u64)
    }

    /// All sessions, the first first.
    pub async fn epochs(&self) -> Result<Vec<Epoch>, StoreError> {
        let rows =
            all(&self.db, "SELECT epoch, at, instance, account, armed FROM live_epochs ORDER BY epoch", []).await?;
        let read = |row: &sea_orm::QueryResult| {
            Ok(Epoch {
                epoch: column::<i64>(row, 0)? as u64,
                at: Timestamp::from_micros(column(row, 1)?),
                instance: column::<i64>(row, 2)? as u32,
                account: column(row, 3)?,
                armed: column::<i64>(row, 4)? != 0,
            })
        };
        rows.iter().map(read).collect()
    }

    /// Notes a word of the operator and what became of it. False where one of that name was noted before: nothing has
    /// changed then.
    pub async fn note(&self, entry: &OperatorEntry) -> Result<bool, StoreError> {
        let sql = "INSERT INTO operator_log (command_id, command, reason, given_at, taken_at, accepted, answer) \
                   VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
        let values = [
            entry.id.as_str().into(),
            entry.command.as_str().into(),
            entry.reason.as_str().into(),
            entry.given_at.micros().into(),
            entry.taken_at.micros().into(),
            i64::from(entry.accepted).into(),
            entry.answer.as_str().into(),
        ];
        let done = self.db.execute_raw(statement(sql, values)).await.map_err(io)?;
        Ok(done.rows_affected() > 0)
    }

    /// What became of the word of that name; `None` where it was never taken.
    pub async fn answer_to(&self, id: &str) -> Result<Option<OperatorEntry>, StoreError> {
        let sql = format!("{ENTRIES} WHERE command_id = ?");
        let row = one(&self.db, &sql, [id.into()]).await?;
        row.as_ref().map(entry).transpose()
    }

    /// The operator's last words, the newest first.
    pub async fn operator_log(&self, most: u32) -> Result<Vec<OperatorEntry>, StoreError> {
        let sql = format!("{ENTRIES} ORDER BY id DESC LIMIT ?");
        all(&self.db, &sql, [i64::from(most).into()]).await?.iter().map(entry).collect()
    }

    /// An order as it was asked for, and how many contracts of it are in the books; `None` for one that is not stored.
    pub async fn order(&self, id: OrderId) -> Result<Option<(OrderRequest, Contracts)>, StoreError> {
        let sql = "SELECT symbol, trade, role, intent, side, quantity, protection, at, \
                   (SELECT coalesce(sum(quantity), 0) FROM fills WHERE order_id = ?1) FROM orders WHERE id = ?1";
        let Some(row) = one(&self.db, sql, [(id.get() as i64).into()]).await? else { return Ok(None) };
        let unknown = |what: &str| StoreError::Inconsistent(format!("order {id}: its {what} cannot be read"));
        let role: String = column(&row, 2)?;
        let intent: String = column(&row, 3)?;
        let side: String = column(&row, 4)?;
        let trade = TradeId::new(column::<i64>(&row, 1)? as u64);
        let order = OrderRequest {
            id,
            symbol: SymbolId::new(column::<i64>(&row, 0)? as u16),
            leg: LegId { trade, role: names::find_role(&role).ok_or_else(|| unknown("role"))? },
            intent: names::find_intent(&intent).ok_or_else(|| unknown("intent"))?,
            side: side.parse().map_err(|_| unknown("side"))?,
            quantity: Contracts::new(column::<i64>(&row, 5)? as u32),
            protection: parse(&column::<String>(&row, 6)?, "the protection of order", id.get() as i64)?,
            at: Timestamp::from_micros(column(&row, 7)?),
        };
        Ok(Some((order, Contracts::new(column::<i64>(&row, 8)? as u32))))
    }

    /// Deals that the books have, with how many contracts of each.
    pub async fn deals(&self) -> Result<Vec<(u64, Contracts)>, StoreError> {
        let rows = all(&self.db, "SELECT deal, sum(quantity) FROM fills WHERE deal > 0 GROUP BY deal", []).await?;
        let of = |row| Ok((column::<i64>(row, 0)? as u64, Contracts::new(column::<i64>(row, 1)? as u32)));
        rows.iter().map(of).collect()
    }

    /// What the books come to, from the database's beginning.
    pub async fn booked(&self) -> Result<Booked, StoreError> {
        let sql = "SELECT (SELECT coalesce(sum(gross - costs), 0) FROM positions), \
                   (SELECT count(*) FROM fills), (SELECT coalesce(sum(commission), 0) FROM fills), \
                   (SELECT count(*) FROM trades), \
                   (SELECT coalesce(sum(gross - costs), 0) FROM positions WHERE role = 'BASE')";
        let row = one(&self.db, sql, []).await?.ok_or_else(no_identity)?;
        Ok(Booked {
            net: Money::from_cents(column(&row, 0)?),
            base: Money::from_cents(column(&row, 4)?),
            fills: column::<i64>(&row, 1)? as u64,
            commission: Money::from_cents(column(&row, 2)?),
            trades: column::<i64>(&row, 3)? as u64,
        })
    }

    /// Legs that were opened or closed then or later, or are open, oldest first.
    pub async fn legs_since(&self, from: Timestamp) -> Result<Vec<BookedLeg>, StoreError> {
        let sql = "SELECT trade, role, side, open, entered, entry, gross, costs, opened_at, closed_at, cause \
                   FROM positions WHERE opened_at >= ?1 OR closed_at >= ?1 OR closed_at IS NULL ORDER BY opened_at, trade, role";
        let read = |row: &sea_orm::QueryResult| {
            Ok(BookedLeg {
                trade: column::<i64>(row, 0)? as u64,
                role: column(row, 1)?,
                side: column(row, 2)?,
                open: column::<i64>(row, 3)? as u32,
                entered: column::<i64>(row, 4)? as u32,
                entry: Price::from_raw(column(row, 5)?),
                net: Money::from_cents(column::<i64>(row, 6)? - column::<i64>(row, 7)?),
                opened_at: Timestamp::from_micros(column(row, 8)?),
                closed_at: column::<Option<i64>>(row, 9)?.map(Timestamp::from_micros),
                cause: column(row, 10)?,
            })
        };
        all(&self.db, sql, [from.micros().into()]).await?.iter().map(read).collect()
    }

    /// Closes the connection.
    pub async fn close(self) -> Result<(), StoreError> {
        self.db.close().await.map_err(io)
    }
}

const ENTRIES: &str = "SELECT command_id, command, reason, given_at, taken_at, accepted, answer FROM operator_log";

fn entry(row: &sea_orm::QueryResult) -> Result<OperatorEntry, StoreError> {
    Ok(OperatorEntry {
        id: column(row, 0)?,
        command: column(row, 1)?,
        reason: column(row, 2)?,
        given_at: Timestamp::from_micros(column(row, 3)?),
        taken_at: Timestamp::from_micros(column(row, 4)?),
        accepted: column::<i64>(row, 5)? != 0,
        answer: column(row, 6)?,
    })
}

fn no_identity() -> StoreError {
    StoreError::Inconsistent(
        "live_identity is empty or holds no instance: no live engine ever had this database".to_owned(),
    )
}
