//! Whether a database is what was written: its pages, its chains, what must hold between its tables, and what follows
//! from them.

use std::path::Path;

use alavanca_kernel::Money;
use alavanca_ports::StoreError;
use alavanca_rl::Policy;
use sea_orm::sqlx::sqlite::SqliteRow;
use sea_orm::sqlx::{Row, ValueRef};
use sea_orm::{ConnectionTrait, QueryResult};
use serde::Serialize;

use crate::care::vacuum_into;
use crate::chain::{self, Head, HeadPart, Over};
use crate::open::{Durability, open_read_only};
use crate::reader::RunReader;
use crate::store::{CapitalFacts, SqliteStore, StoreConfig, all, column, one};

/// What a check came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Checked {
    /// The database's head as it is noted in it.
    pub head: Head,
    /// How many events the engine had consumed.
    pub events: u64,
    /// What was checked, in order.
    pub parts: Vec<CheckedPart>,
}

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckedPart {
    /// What.
    pub name: &'static str,
    /// How many rows (of the chains and projections), pages or rules were looked at and found right.
    pub right: u64,
    /// What is wrong, with the first place where it is.
    pub fault: Option<String>,
}

impl Checked {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.parts.iter().all(|part| part.fault.is_none())
    }
}

/// What a check is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// SQLite's own check.
    Pages,
    /// Making the copy.
    Copying,
    /// Following the hash chains.
    Chains,
    /// Holding tables against each other.
    Rules,
    /// Folding the policy's log.
    Policy,
    /// Making the projections anew and comparing them.
    Projections,
}

impl Step {
    /// How many there are.
    pub const COUNT: u64 = 6;

    /// In a word, for who waits.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pages => "checking pages",
            Self::Copying => "copying",
            Self::Chains => "following the chains",
            Self::Rules => "holding tables against each other",
            Self::Policy => "folding the policy's log",
            Self::Projections => "making projections anew",
        }
    }
}

/// Checks a database, also while an engine writes it: what is checked is a copy of one moment, made where temporary
/// files go. Nothing of the database is changed.
///
/// - SQLite's own check of pages, indexes and constraints;
/// - the hash chains over decisions and the policy's log: a changed value, a row that was taken out, a lost end. Someone
///   who computes all links and the noted ends anew, or puts the whole file back to an earlier state, is only found by
///   `asked`, a head that was kept elsewhere: it has to be in the chains, at their end or before;
/// - what must hold between the tables;
/// - the policy's log, folded into one that knows nothing, has to give `rl_policy`; `policies` makes them by what the
///   database notes, several where it leaves open which it was: one has to fit;
/// - the specification's six tables have to be what the others make of them. Reports of days that have not ended are
///   left out.
///
/// # Errors
/// Where there is no database that could be checked. What is wrong with one is no error: it is in the answer.
pub async fn check(
    path: &Path,
    asked: Option<&Head>,
    policies: impl FnOnce(&RunReader) -> Vec<Box<dyn Policy>>,
    progress: &mut dyn FnMut(Step),
) -> Result<Checked, StoreError> {
    progress(Step::Pages);
    let db = open_read_only(path).await?;
    let mut checked = Checked { head: chain::head(&db).await?, events: 0, parts: vec![pages(&db).await?] };
    progress(Step::Copying);
    let folder = tempfile::tempdir().map_err(|e| StoreError::Io(format!("no folder for a copy to check: {e}")))?;
    let copy = folder.path().join("copy.db");
    let rest = async {
        vacuum_into(&db, &copy).await?;
        rest(&copy, asked, policies, &mut checked, progress).await
    };
    match rest.await {
        // What cannot be read is what is wrong with it.
        Err(StoreError::Inconsistent(fault) | StoreError::Open(fault)) if !checked.is_sound() => {
            checked.parts.push(CheckedPart {
                name: "the rest",
                right: 0,
                fault: Some(format!("not checked: {fault}")),
            });
        }
        Err(StoreError::Inconsistent(fault)) => {
            checked.parts.push(CheckedPart { name: "rows", right: 0, fault: Some(fault) });
        }
        other => other?,
    }
    Ok(checked)
}

async fn rest(
    copy: &Path,
    asked: Option<&Head>,
    policies: impl FnOnce(&RunReader) -> Vec<Box<dyn Policy>>,
    checked: &mut Checked,
    progress: &mut dyn FnMut(Step),
) -> Result<(), StoreError> {
    let reader = RunReader::open(copy).await?;
    checked.head = chain::head(reader.db()).await?;
    let events = one(reader.db(), "SELECT cursor FROM engine_state", []).await?;
    checked.events = events.map_or(Ok(0), |row| column::<i64>(&row, 0))? as u64;
    progress(Step::Chains);
    checked.parts.extend(reader.check_chains(asked).await?);
    progress(Step::Rules);
    for rule in RULES {
        checked.parts.push(rule.check(reader.db()).await?);
    }
    let policies = policies(&reader);
    let config = StoreConfig {
        durability: Durability::Backtest,
        symbols: reader.symbols().to_vec(),
        capital: last_capital_facts(reader.db()).await?,
        policy: reader.policy_facts()?,
    };
    reader.close().await?;

    let mut store = SqliteStore::open(copy, config).await?;
    progress(Step::Policy);
    checked.parts.push(fold(&store, policies).await?);
    progress(Step::Projections);
    let kept = copy.with_file_name("kept.db");
    vacuum_into(store.db(), &kept).await?;
    store.rebuild_projections().await?;
    let before = open_read_only(&kept).await?;
    for projection in PROJECTIONS {
        checked.parts.push(projection.check(&before, store.db()).await?);
    }
    Ok(())
}

async fn pages(db: &impl ConnectionTrait) -> Result<CheckedPart, StoreError> {
    let right = one(db, "PRAGMA page_count", []).await?.map_or(Ok(0), |row| column::<i64>(&row, 0))? as u64;
    let mut faults = Vec::new();
    match all(db, "PRAGMA integrity_check(5)", []).await {
        Ok(rows) => {
            for row in rows {
                faults.push(column::<String>(&row, 0)?);
            }
        }
        Err(error) => faults.push(error.to_string()),
    }
    let fault = (faults != ["ok"]).then(|| faults.join("; "));
    Ok(CheckedPart { name: "pages", right: if fault.is_none() { right } else { 0 }, fault })
}

impl RunReader {
    /// Where the hash chains stand, as it is noted.
    ///
    /// # Errors
    /// [`StoreError`] where it cannot be read.
    pub async fn head(&self) -> Result<Head, StoreError> {
        chain::head(self.db()).await
    }

    /// Follows the hash chains from their first row. See [`check`].
    ///
    /// # Errors
    /// [`StoreError`] where they cannot be read. What does not fit is no error: it is in the answer.
    pub async fn check_chains(&self, asked: Option<&Head>) -> Result<Vec<CheckedPart>, StoreError> {
        let mut parts = Vec::new();
        let mut missed = Vec::new();
        for (over, name, asked) in [
            (Over::Decisions, "chain of decisions", asked.map(|head| &head.decisions)),
            (Over::Log, "chain of the policy's log", asked.map(|head| &head.log)),
        ] {
            let chain::Verified { rows, fault, holds_asked } = chain::verify(self.db(), over, asked).await?;
            if !holds_asked && let Some(asked) = asked {
                missed.push(match fault {
                    // Rows behind the fault were not followed.
                    Some(_) if asked.count() > rows => format!("the {name} is broken before the head's place in it"),
                    _ => missing(asked, rows, name),
                });
            }
            parts.push(CheckedPart { name, right: rows as u64, fault });
        }
        if asked.is_some() {
            let fault = (!missed.is_empty()).then(|| missed.join("; "));
            parts.push(CheckedPart { name: "head", right: u64::from(fault.is_none()), fault });
        }
        Ok(parts)
    }
}

fn missing(asked: &HeadPart, rows: i64, name: &str) -> String {
    let had = asked.count();
    if had > rows {
        format!(
            "the {name} had {had} rows when the head was taken and has {rows}: the file was put back to an earlier state"
        )
    } else {
        format!("row {had} of the {name} is not the one that the head was taken of")
    }
}

/// Something that must hold.
struct Rule {
    name: &'static str,
    /// Each gives how the first row that breaks it is called; nothing where it holds.
    broken: &'static [&'static str],
}

const RULES: &[Rule] = &[
    Rule {
        name: "scalps end once",
        broken: &[
            "SELECT 'the scalp of trade ' || trade || ' has ' || sum(kind = 'OPENED') || ' openings and ' || \
             sum(kind NOT IN ('OPENED', 'PROTECTED')) || ' ends' FROM scalps GROUP BY trade \
             HAVING sum(kind = 'OPENED') <> 1 OR sum(kind NOT IN ('OPENED', 'PROTECTED')) > 1 ORDER BY trade LIMIT 1",
            "SELECT 'trade ' || t.id || ' ended and its scalp did not' FROM trades t JOIN scalps o \
             ON o.trade = t.id AND o.kind = 'OPENED' LEFT JOIN scalps e ON e.trade = t.id \
             AND e.kind NOT IN ('OPENED', 'PROTECTED') WHERE e.id IS NULL ORDER BY t.id LIMIT 1",
        ],
    },
    Rule {
        name: "final is base and extra",
        broken: &["SELECT 'row ' || id || ' of capital_state: ' || base_contracts || ' and ' || extra_contracts || \
                   ' are not ' || final_contracts FROM capital_state \
                   WHERE final_contracts IS NOT base_contracts + extra_contracts ORDER BY id LIMIT 1"],
    },
    Rule {
        name: "decisions and trades",
        broken: &[
            "SELECT 'decision ' || id || ' is ' || action || ' and begins ' || coalesce('trade ' || trade, 'no trade') \
             FROM decisions WHERE (action = 'HOLD') <> (trade IS NULL) ORDER BY id LIMIT 1",
            "SELECT 'trade ' || t.id || ' ended and decision ' || t.decision || ' did not begin it' FROM trades t \
             LEFT JOIN decisions d ON d.id = t.decision AND d.trade = t.id WHERE d.id IS NULL ORDER BY t.id LIMIT 1",
            "SELECT 'trade ' || id || ': net ' || net || ' is not gross ' || gross || ' less costs ' || costs || \
             ' (centavos)' FROM trades WHERE net <> gross - costs ORDER BY id LIMIT 1",
            "SELECT 'trade ' || t.id || ': gross ' || t.gross || ' and costs ' || t.costs || ' are not those of its legs, ' \
             || sum(p.gross) || ' and ' || sum(p.costs) || ' (centavos)' FROM trades t JOIN positions p ON p.trade = t.id \
             GROUP BY t.id HAVING sum(p.gross) <> t.gross OR sum(p.costs) <> t.costs ORDER BY t.id LIMIT 1",
        ],
    },
    Rule {
        name: "orders and fills",
        broken: &[
            "SELECT 'order ' || o.id || ' is of trade ' || o.trade || ', which no decision began' FROM orders o \
             LEFT JOIN decisions d ON d.trade = o.trade WHERE d.id IS NULL ORDER BY o.id LIMIT 1",
            "SELECT 'fill ' || f.id || ' is of order ' || f.order_id || ', which was not sent for its leg' FROM fills f \
             LEFT JOIN orders o ON o.id = f.order_id AND o.trade = f.trade AND o.role = f.role \
             WHERE f.order_id IS NOT NULL AND o.id IS NULL ORDER BY f.id LIMIT 1",
            "SELECT 'order ' || e.order_id || ' ended and was not sent' FROM order_ends e \
             LEFT JOIN orders o ON o.id = e.order_id WHERE o.id IS NULL ORDER BY e.id LIMIT 1",
            "SELECT 'trade ' || p.trade || ' has a leg, and no decision began it' FROM positions p \
             LEFT JOIN decisions d ON d.trade = p.trade WHERE d.id IS NULL ORDER BY p.trade LIMIT 1",
        ],
    },
    Rule {
        name: "regimes follow each other",
        broken: &[
            "SELECT 'row ' || id || ' of regimes begins in ' || before || iif(before_transition, ' in transition', '') \
             || ' and the one before ended in ' || was || iif(was_transition, ' in transition', '') FROM (SELECT id, \
             before, before_transition, lag(after) OVER own AS was, lag(after_transition) OVER own AS was_transition \
             FROM regimes WINDOW own AS (PARTITION BY symbol ORDER BY id)) WHERE was IS NOT NULL \
             AND (before <> was OR before_transition <> was_transition) ORDER BY id LIMIT 1",
            "SELECT 'row ' || id || ' of regimes is of ' || bars || ' bars and ' || seconds || ' seconds' FROM regimes \
             WHERE bars < 0 OR seconds < 0 OR (bars = 0 AND seconds > 0) ORDER BY id LIMIT 1",
        ],
    },
    Rule {
        name: "evidence is of trades",
        broken: &[
            "SELECT 'evidence ' || e.seq || ' is of trade ' || e.trade || ', which has not ended so' FROM evidence e \
             LEFT JOIN trades t ON t.id = e.trade AND t.state = e.state AND t.action = e.action AND t.net = e.net \
             AND t.reward = e.reward WHERE t.id IS NULL ORDER BY e.seq LIMIT 1",
            "SELECT 'evidence ' || seq || ' was both learned and skipped, or neither' FROM evidence \
             WHERE applied <> (skipped IS NULL) ORDER BY seq LIMIT 1",
        ],
    },
    Rule {
        name: "snapshots",
        broken: &[
            "SELECT 'snapshot ' || s.id || ' is kept, and the log does not say that it was taken' FROM snapshots s \
             LEFT JOIN policy_events p ON p.seq = s.seq AND p.kind = 'SNAPSHOT' WHERE p.seq IS NULL ORDER BY s.seq LIMIT 1",
            "SELECT 'snapshot ' || (p.detail ->> 'snapshot') || ' was taken and not pruned, and is not kept' \
             FROM policy_events p LEFT JOIN snapshots s ON s.seq = p.seq WHERE p.kind = 'SNAPSHOT' AND s.seq IS NULL \
             AND p.detail ->> 'snapshot' NOT IN (SELECT detail ->> 'snapshot' FROM policy_events WHERE kind = 'PRUNED') \
             ORDER BY p.seq LIMIT 1",
        ],
    },
];

impl Rule {
    async fn check(&self, db: &impl ConnectionTrait) -> Result<CheckedPart, StoreError> {
        let mut right = 0;
        for sql in self.broken {
            if let Some(row) = one(db, sql, []).await? {
                // A row whose columns are null where they may not be is broken, too.
                let what = column::<Option<String>>(&row, 0)?.unwrap_or_else(|| "a row has no values".to_owned());
                return Ok(CheckedPart { name: self.name, right, fault: Some(what) });
            }
            right += 1;
        }
        Ok(CheckedPart { name: self.name, right, fault: None })
    }
}

/// The log has to give the served policy for one of these.
async fn fold(store: &SqliteStore, policies: Vec<Box<dyn Policy>>) -> Result<CheckedPart, StoreError> {
    let count = "SELECT (SELECT count(*) FROM evidence) + (SELECT count(*) FROM policy_events)";
    let entries = one(store.db(), count, []).await?.map_or(Ok(0), |row| column::<i64>(&row, 0))? as u64;
    let name = "the log gives rl_policy";
    let mut first = None;
    for mut policy in policies {
        match store.verify_policy(&mut *policy).await {
            Ok(()) => return Ok(CheckedPart { name, right: entries, fault: None }),
            Err(StoreError::Inconsistent(fault)) => first = first.or(Some(fault)),
            Err(other) => return Err(other),
        }
    }
    Ok(CheckedPart { name, right: 0, fault: first })
}

async fn last_capital_facts(db: &impl ConnectionTrait) -> Result<CapitalFacts, StoreError> {
    const LAST: &str = "SELECT operator_capital, margin_per_contract, max_contracts_cap FROM capital_facts \
                        ORDER BY from_id DESC LIMIT 1";
    let row = one(db, LAST, []).await?;
    let row = row.ok_or_else(|| StoreError::Inconsistent("capital_facts is empty".to_owned()))?;
    Ok(CapitalFacts {
        operator_capital: Money::from_cents(column(&row, 0)?),
        margin_per_contract: Money::from_cents(column(&row, 1)?),
        max_contracts_cap: column::<i64>(&row, 2)? as u32,
    })
}

/// A table that follows from others.
struct Projection {
    table: &'static str,
    /// Its rows, ordered by the first column.
    rows: &'static str,
}

/// How many rows are in memory at a time, of each of two.
const PAGE: usize = 1024;

const REPORTS: &str = "rl_report_log";

const PROJECTIONS: &[Projection] = &[
    Projection { table: "capital_state", rows: "SELECT * FROM capital_state" },
    Projection { table: "scalp_events", rows: "SELECT * FROM scalp_events" },
    Projection { table: "rl_policy", rows: "SELECT * FROM rl_policy" },
    Projection { table: "rl_events", rows: "SELECT * FROM rl_events" },
    Projection { table: "policy_snapshots", rows: "SELECT * FROM policy_snapshots" },
    // A report may have been asked for before the day ended, or again after it: its id says nothing.
    Projection {
        table: REPORTS,
        rows: "SELECT d.day * 65536 + s.id AS id, r.report_date, r.symbol, r.total_rl_events, r.actions_enter_count, \
               r.actions_hold_count, r.actions_conservative_count, r.actions_realavancagem_count, r.blocked_by_rl_count, \
               r.avg_reward, r.regimes_frozen_count, r.total_realavancagem_triggered, r.realavancagem_success_rate, \
               r.total_scalps, r.scalp_winrate, r.scalp_total_pnl, r.performance_trend, r.detail_json \
               FROM days d JOIN symbols s LEFT JOIN rl_report_log r \
               ON r.report_date = date(d.day * 86400, 'unixepoch') AND r.symbol = s.name WHERE s.id < d.symbols",
    },
];

impl Projection {
    async fn check(&self, kept: &impl ConnectionTrait, made: &impl ConnectionTrait) -> Result<CheckedPart, StoreError> {
        let sql = format!("SELECT * FROM ({}) WHERE id > ? ORDER BY id LIMIT {PAGE}", self.rows);
        let (mut after, mut right) = (i64::MIN, 0);
        let name = self.table;
        loop {
            let (kept, made) = (all(kept, &sql, [after.into()]).await?, all(made, &sql, [after.into()]).await?);
            for (kept, made) in kept.iter().zip(&made) {
                if let Some(fault) = self.difference(kept, made)? {
                    return Ok(CheckedPart { name, right, fault: Some(fault) });
                }
                right += 1;
                after = column(kept, 0)?;
            }
            match (kept.get(made.len()), made.get(kept.len())) {
                (Some(row), _) => {
                    let fault = format!("{} follows from nothing", self.called(row)?);
                    return Ok(CheckedPart { name, right, fault: Some(fault) });
                }
                (_, Some(row)) => {
                    let fault = format!("{} is missing", self.called(row)?);
                    return Ok(CheckedPart { name, right, fault: Some(fault) });
                }
                (None, None) if kept.len() < PAGE => return Ok(CheckedPart { name, right, fault: None }),
                (None, None) => {}
            }
        }
    }

    /// What people call a row.
    fn called(&self, row: &QueryResult) -> Result<String, StoreError> {
        if self.table != REPORTS {
            return Ok(format!("row {} of {}", column::<i64>(row, 0)?, self.table));
        }
        let (date, symbol): (Option<String>, Option<String>) = (column(row, 1)?, column(row, 2)?);
        Ok(format!("the report of {} for {}", date.unwrap_or_default(), symbol.unwrap_or_default()))
    }

    /// How a row differs from what it must be.
    fn difference(&self, kept: &QueryResult, made: &QueryResult) -> Result<Option<String>, StoreError> {
        let (Some(kept_row), Some(made_row)) = (kept.try_as_sqlite_row(), made.try_as_sqlite_row()) else {
            return Err(StoreError::Io("the row is not SQLite's".to_owned()));
        };
        let ids: (i64, i64) = (column(kept, 0)?, column(made, 0)?);
        if ids.0 != ids.1 {
            return Ok(Some(if ids.0 < ids.1 {
                format!("{} follows from nothing", self.called(kept)?)
            } else {
                format!("{} is missing", self.called(made)?)
            }));
        }
        let called = self.called(made)?;
        for (place, column) in kept.column_names().iter().enumerate() {
            let (kept, made) = (value(kept_row, place), value(made_row, place));
            if kept != made {
                return Ok(Some(format!("{called}: {column} is {kept}, and has to be {made}")));
            }
        }
        Ok(None)
    }
}

/// A value as text, to the bit.
fn value(row: &SqliteRow, place: usize) -> String {
    let raw = match row.try_get_raw(place) {
        Ok(raw) if raw.is_null() => return "nothing".to_owned(),
        Ok(raw) => raw,
        Err(e) => return e.to_string(),
    };
    drop(raw);
    if let Ok(value) = row.try_get::<i64, _>(place) {
        return value.to_string();
    }
    if let Ok(value) = row.try_get::<f64, _>(place) {
        return format!("{value:?}");
    }
    row.try_get::<String, _>(place).map_or_else(|e| e.to_string(), |text| format!("`{text}`"))
}
