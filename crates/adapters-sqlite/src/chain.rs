//! The hash chains over what was decided and what was learned.
//!
//! There are two: over `decisions` by id, and over the policy's one log (`evidence` and `policy_events`) by seq. A row's
//! `link` is SHA-256 of the link before it (32 zero bytes before the first) and of the row: the table's name, the number
//! of its other columns, and each of them in the table's order as a tag and its bytes. Integers and reals are their
//! eight bytes, least first; texts, blobs and the name stand behind their length in eight bytes. `engine_state` holds
//! each chain's count and last link, written in the transaction that wrote the rows.
//!
//! Columns that a later release added stand behind `link`. They belong to a row where one of them is not null, and are
//! counted then; so the links of older rows, and heads that were kept of them, stay what they are.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use alavanca_ports::StoreError;
use sea_orm::sqlx::sqlite::SqliteRow;
use sea_orm::sqlx::{self, Decode, Row, Sqlite, TypeInfo, ValueRef};
use sea_orm::{ConnectionTrait, QueryResult};
use sha2::{Digest, Sha256};

use crate::cells::Cell;
use crate::store::{all, column, one, statement};

/// A link: what a row and all before it come to.
pub(crate) type Link = [u8; 32];

/// Where a chain stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Chain {
    /// How many rows it has.
    pub(crate) count: i64,
    /// The last row's link.
    pub(crate) head: Link,
}

impl Chain {
    /// Takes in a row's cells, and gives its link.
    pub(crate) fn add(&mut self, table: &str, cells: &[Cell]) -> Link {
        let mut row = RowDigest::new(&self.head, table, cells.len());
        for cell in cells {
            match cell {
                Cell::Null => row.null(),
                Cell::Int(value) => row.int(*value),
                Cell::Real(value) => row.real(*value),
                Cell::Text(value) => row.bytes(TEXT, value.as_bytes()),
                Cell::Blob(value) => row.bytes(BLOB, value),
            }
        }
        self.count += 1;
        self.head = row.link();
        self.head
    }

    /// The link that a stored row must have behind this one.
    fn next(&self, linked: &Linked, row: &SqliteRow) -> Result<Link, StoreError> {
        let Linked { table, columns, .. } = *linked;
        // Before the columns stands the row's place, behind them its link.
        let later = columns + 2..row.len();
        let has_later = later.clone().any(|place| row.try_get_raw(place).is_ok_and(|value| !value.is_null()));
        let later = if has_later { later } else { 0..0 };
        let mut digest = RowDigest::new(&self.head, table, columns + later.len());
        for place in (1..=columns).chain(later) {
            digest.stored(row, place).map_err(|e| StoreError::Inconsistent(format!("{table}: {e}")))?;
        }
        Ok(digest.link())
    }
}

const NULL: u8 = 0;
const INT: u8 = 1;
const REAL: u8 = 2;
const TEXT: u8 = 3;
const BLOB: u8 = 4;

/// A row on its way to its link.
struct RowDigest(Sha256);

impl RowDigest {
    fn new(before: &Link, table: &str, columns: usize) -> Self {
        let mut digest = Self(Sha256::new());
        digest.0.update(before);
        digest.bytes(TEXT, table.as_bytes());
        digest.0.update((columns as u64).to_le_bytes());
        digest
    }

    fn null(&mut self) {
        self.0.update([NULL]);
    }

    fn int(&mut self, value: i64) {
        self.0.update([INT]);
        self.0.update(value.to_le_bytes());
    }

    fn real(&mut self, value: f64) {
        self.0.update([REAL]);
        self.0.update(value.to_bits().to_le_bytes());
    }

    fn bytes(&mut self, tag: u8, bytes: &[u8]) {
        self.0.update([tag]);
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    /// A stored value, by the type that it is stored as.
    fn stored(&mut self, row: &SqliteRow, place: usize) -> Result<(), sqlx::error::BoxDynError> {
        let value = row.try_get_raw(place)?;
        if value.is_null() {
            self.null();
            return Ok(());
        }
        let kind = value.type_info().into_owned();
        match kind.name() {
            "INTEGER" => self.int(<i64 as Decode<'_, Sqlite>>::decode(value)?),
            "REAL" => self.real(<f64 as Decode<'_, Sqlite>>::decode(value)?),
            // Bytes that are no text any more are still bytes.
            "TEXT" => self.bytes(TEXT, <&[u8] as Decode<'_, Sqlite>>::decode(value)?),
            _ => self.bytes(BLOB, <&[u8] as Decode<'_, Sqlite>>::decode(value)?),
        }
        Ok(())
    }

    fn link(self) -> Link {
        self.0.finalize().into()
    }
}

/// A table whose rows are links of a chain.
#[derive(Debug)]
struct Linked {
    table: &'static str,
    /// What its rows are ordered by: counts from 1 over all tables of the chain.
    place: &'static str,
    /// Its columns before the link; behind it stand those that were added later.
    columns: usize,
    /// What a row of it is called.
    called: &'static str,
}

/// Which chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Over {
    Decisions,
    Log,
}

impl Over {
    fn tables(self) -> &'static [Linked] {
        match self {
            Self::Decisions => &[Linked { table: "decisions", place: "id", columns: 23, called: "decision" }],
            Self::Log => &[
                Linked { table: "evidence", place: "seq", columns: 17, called: "evidence" },
                Linked { table: "policy_events", place: "seq", columns: 6, called: "policy event" },
            ],
        }
    }
}

/// How many columns of a linked table stand before its link.
pub(crate) fn columns_before_link(table: &str) -> Option<usize> {
    let mut linked = [Over::Decisions, Over::Log].into_iter().flat_map(Over::tables);
    linked.find(|linked| linked.table == table).map(|linked| linked.columns)
}

/// How many rows are in memory at a time.
const PAGE: i64 = 512;

/// The rows of a chain in their order, from after a place on.
async fn page(
    db: &impl ConnectionTrait,
    over: Over,
    after: i64,
) -> Result<Vec<(i64, &'static Linked, QueryResult)>, StoreError> {
    let mut rows = Vec::new();
    for linked in over.tables() {
        let Linked { table, place, .. } = linked;
        let sql = format!("SELECT {place}, * FROM {table} WHERE {place} > ? ORDER BY {place} LIMIT {PAGE}");
        for row in all(db, &sql, [after.into()]).await? {
            rows.push((column(&row, 0)?, linked, row));
        }
    }
    // Of two tables, what lies beyond the page of either is left to the next.
    rows.sort_by_key(|(place, ..)| *place);
    rows.truncate(PAGE as usize);
    Ok(rows)
}

fn stored(row: &QueryResult) -> Result<&SqliteRow, StoreError> {
    row.try_as_sqlite_row().ok_or_else(|| StoreError::Io("the row is not SQLite's".to_owned()))
}

/// Where a chain stands by `engine_state`.
pub(crate) async fn noted(db: &impl ConnectionTrait, over: Over) -> Result<Chain, StoreError> {
    let sql = match over {
        Over::Decisions => "SELECT decisions_count, decisions_head FROM engine_state",
        Over::Log => "SELECT log_count, log_head FROM engine_state",
    };
    let Some(row) = one(db, sql, []).await? else { return Ok(Chain::default()) };
    let head: Vec<u8> = column(&row, 1)?;
    let head = match head.as_slice() {
        // As the migration made it: nothing is linked yet.
        [] => Link::default(),
        bytes => bytes
            .try_into()
            .map_err(|_| StoreError::Inconsistent("engine_state holds a chain's end that is no hash".to_owned()))?,
    };
    Ok(Chain { count: column(&row, 0)?, head })
}

/// What the verification of a chain came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verified {
    /// Rows that fit.
    pub(crate) rows: i64,
    /// The first row that does not, and how.
    pub(crate) fault: Option<String>,
    /// Whether the head that was asked for is in it; true where none was.
    pub(crate) holds_asked: bool,
}

/// Follows a chain from its first row. `asked` is a head of an earlier moment, which has to be in it.
pub(crate) async fn verify(
    db: &impl ConnectionTrait,
    over: Over,
    asked: Option<&HeadPart>,
) -> Result<Verified, StoreError> {
    let (mut chain, mut after) = (Chain::default(), i64::MIN);
    let mut verified = Verified { rows: 0, fault: None, holds_asked: asked.is_none_or(|asked| asked.is_of(&chain)) };
    loop {
        let rows = page(db, over, after).await?;
        if rows.is_empty() {
            break;
        }
        for (place, linked, row) in rows {
            let Linked { table, columns, called, .. } = *linked;
            let row = stored(&row)?;
            let link = chain.next(linked, row)?;
            let kept =
                row.try_get_raw(columns + 1).ok().and_then(|raw| <&[u8] as Decode<'_, Sqlite>>::decode(raw).ok());
            if kept != Some(&link[..]) {
                verified.rows = chain.count;
                let expected = if chain.count == 0 { 1 } else { after + 1 };
                verified.fault = Some(if place == expected + 1 {
                    format!("row {expected} is missing before {called} {place} ({table})")
                } else if place > expected {
                    format!("rows {expected} to {} are missing before {called} {place} ({table})", place - 1)
                } else {
                    format!("{called} {place} ({table}) does not fit its link: the row was changed")
                });
                return Ok(verified);
            }
            chain = Chain { count: chain.count + 1, head: link };
            verified.holds_asked |= asked.is_some_and(|asked| asked.is_of(&chain));
            after = place;
        }
    }
    verified.rows = chain.count;
    let noted = noted(db, over).await?;
    if noted != chain {
        verified.fault = Some(match noted.count.cmp(&chain.count) {
            Ordering::Greater => {
                format!("the last {} rows are missing: {} were written", noted.count - chain.count, noted.count)
            }
            Ordering::Less => {
                format!("{} rows stand after the last that was written, {}", chain.count - noted.count, noted.count)
            }
            Ordering::Equal => "the last row's link is not the one that was noted when it was written".to_owned(),
        });
    }
    Ok(verified)
}

/// Computes every row's link and notes where the chains stand: for rows that were written without.
pub(crate) async fn link_all(db: &impl ConnectionTrait) -> Result<i64, StoreError> {
    let mut chains = [Chain::default(); 2];
    for (over, chain) in [Over::Decisions, Over::Log].into_iter().zip(&mut chains) {
        let mut after = i64::MIN;
        loop {
            let rows = page(db, over, after).await?;
            if rows.is_empty() {
                break;
            }
            for (place, linked, row) in rows {
                let head = chain.next(linked, stored(&row)?)?;
                *chain = Chain { count: chain.count + 1, head };
                let sql = format!("UPDATE {} SET link = ? WHERE {} = ?", linked.table, linked.place);
                let values = [head.to_vec().into(), place.into()];
                db.execute_raw(statement(&sql, values)).await.map_err(crate::store::io)?;
                after = place;
            }
        }
    }
    let [decisions, log] = chains;
    let sql = "UPDATE engine_state SET decisions_count = ?, decisions_head = ?, log_count = ?, log_head = ?";
    let values = [decisions.count.into(), decisions.head.to_vec().into(), log.count.into(), log.head.to_vec().into()];
    db.execute_raw(statement(sql, values)).await.map_err(crate::store::io)?;
    Ok(decisions.count + log.count)
}

/// What a database came to at one moment: kept elsewhere, it tells that the whole file was put back to an earlier state,
/// which nothing within the file can.
///
/// Written as how many decisions there were, the first half of the last one's link, and the same of the policy's log:
/// `412-9f3a...-97-c0de...`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    pub(crate) decisions: HeadPart,
    pub(crate) log: HeadPart,
}

/// One chain's part of a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HeadPart {
    count: i64,
    link: [u8; 16],
}

impl HeadPart {
    pub(crate) fn of(chain: &Chain) -> Self {
        let mut link = [0; 16];
        link.copy_from_slice(&chain.head[..16]);
        Self { count: chain.count, link }
    }

    fn is_of(&self, chain: &Chain) -> bool {
        *self == Self::of(chain)
    }

    /// How many rows it counts.
    pub(crate) fn count(&self) -> i64 {
        self.count
    }
}

/// The head of a database as it is noted in it.
pub(crate) async fn head(db: &impl ConnectionTrait) -> Result<Head, StoreError> {
    let (decisions, log) = (noted(db, Over::Decisions).await?, noted(db, Over::Log).await?);
    Ok(Head { decisions: HeadPart::of(&decisions), log: HeadPart::of(&log) })
}

impl fmt::Display for HeadPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-", self.count)?;
        self.link.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.decisions, self.log)
    }
}

impl serde::Serialize for Head {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A text that is no head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoHead;

impl fmt::Display for NoHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected a head as `db check` and `backtest` print it: COUNT-32 hex digits-COUNT-32 hex digits")
    }
}

impl std::error::Error for NoHead {}

impl FromStr for Head {
    type Err = NoHead;

    fn from_str(text: &str) -> Result<Self, NoHead> {
        let parts: Vec<&str> = text.trim().split('-').collect();
        let [decisions, decisions_link, log, log_link] = parts.as_slice() else { return Err(NoHead) };
        let part = |count: &str, link: &str| {
            let mut bytes = [0; 16];
            if link.len() != 32 || !link.is_ascii() {
                return None;
            }
            for (byte, at) in bytes.iter_mut().zip((0..32).step_by(2)) {
                *byte = u8::from_str_radix(&link[at..at + 2], 16).ok()?;
            }
            let count = count.parse().ok().filter(|count| *count >= 0)?;
            Some(HeadPart { count, link: bytes })
        };
        let (decisions, log) = part(decisions, decisions_link).zip(part(log, log_link)).ok_or(NoHead)?;
        Ok(Self { decisions, log })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written down by hand from the words above, so that another program can be written from them.
    #[test]
    fn a_link_is_what_it_is_said_to_be() {
        let mut bytes = vec![7_u8; 32];
        bytes.extend([3, 2, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend(b"ab");
        bytes.extend([5, 0, 0, 0, 0, 0, 0, 0]);
        bytes.push(0);
        bytes.extend([1, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]);
        bytes.extend([2, 0, 0, 0, 0, 0, 0, 0xF8, 0x3F]);
        bytes.extend([3, 1, 0, 0, 0, 0, 0, 0, 0, b'x']);
        bytes.extend([4, 1, 0, 0, 0, 0, 0, 0, 0, b'x']);
        let mut chain = Chain { count: 4, head: [7; 32] };
        let cells = [Cell::Null, Cell::Int(-2), Cell::Real(1.5), Cell::Text("x".into()), Cell::Blob(b"x".to_vec())];
        let link = chain.add("ab", &cells);
        assert_eq!(link, <Link>::from(Sha256::digest(&bytes)));
        assert_eq!(chain, Chain { count: 5, head: link });
    }

    #[test]
    fn no_two_rows_have_the_same_bytes() {
        let text = |text: &str| Cell::Text(text.into());
        let link = |table: &str, cells: &[Cell]| Chain::default().add(table, cells);
        let links = [
            link("t", &[text("ab"), text("c")]),
            link("t", &[text("a"), text("bc")]),
            link("t", &[text("abc"), text("")]),
            link("t", &[text("abc"), Cell::Null]),
            link("t", &[text("abc")]),
            link("t", &[Cell::Blob(b"abc".to_vec())]),
            link("u", &[text("abc")]),
            link("t", &[Cell::Int(0)]),
            link("t", &[Cell::Real(0.0)]),
            link("t", &[Cell::Real(-0.0)]),
        ];
        let different: std::collections::BTreeSet<_> = links.iter().collect();
        assert_eq!(different.len(), links.len());
    }

    #[test]
    fn a_head_is_read_as_it_is_written() {
        let mut chain = Chain::default();
        chain.add("t", &[Cell::Int(1)]);
        let head = Head { decisions: HeadPart::of(&chain), log: HeadPart::of(&Chain::default()) };
        assert_eq!(head.to_string().parse(), Ok(head));
        assert!(head.to_string().ends_with("-0-00000000000000000000000000000000"));
        for wrong in ["", "1-2-3-4", "x", &head.to_string()[1..], &format!("{head}0"), &format!("-{head}")] {
            assert_eq!(wrong.parse::<Head>(), Err(NoHead), "{wrong}");
        }
    }
}
