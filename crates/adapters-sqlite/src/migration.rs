//! The schema, as the steps by which a database of any earlier release becomes one of this release.

use sea_orm_migration::prelude::*;

use crate::chain;

/// All migrations, oldest first.
#[derive(Debug)]
pub(crate) struct Migrations;

impl MigratorTrait for Migrations {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(Begin), Box::new(Linked), Box::new(Levels), Box::new(Deals), Box::new(Live)]
    }
}

/// The names of all migrations of this release.
pub(crate) fn known() -> Vec<String> {
    Migrations::migrations().iter().map(|migration| migration.name().to_owned()).collect()
}

struct Begin;

impl MigrationName for Begin {
    fn name(&self) -> &'static str {
        "m0001_begin"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Begin {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for statement in SPECIFICATION.split(";\n").chain(OWN.split(";\n")) {
            if !statement.trim().is_empty() {
                manager.get_connection().execute_unprepared(statement).await?;
            }
        }
        Ok(())
    }
}

/// The hash chains over decisions and the policy's log.
struct Linked;

impl MigrationName for Linked {
    fn name(&self) -> &'static str {
        "m0002_chain"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Linked {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        for statement in LINKS.split(";\n").filter(|statement| !statement.trim().is_empty()) {
            db.execute_unprepared(statement).await?;
        }
        chain::link_all(db).await.map(|_| ()).map_err(|e| DbErr::Migration(e.to_string()))
    }
}

/// What levels 1 to 4 said.
struct Levels;

impl MigrationName for Levels {
    fn name(&self) -> &'static str {
        "m0003_levels"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Levels {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for statement in LEVELS.split(";\n").filter(|statement| !statement.trim().is_empty()) {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }
}

/// The broker's numbers of deals.
struct Deals;

impl MigrationName for Deals {
    fn name(&self) -> &'static str {
        "m0004_deals"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Deals {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = "ALTER TABLE fills ADD COLUMN deal INTEGER NOT NULL DEFAULT 0";
        manager.get_connection().execute_unprepared(sql).await.map(|_| ())
    }
}

/// What live and paper keep beside the engine's records.
struct Live;

impl MigrationName for Live {
    fn name(&self) -> &'static str {
        "m0005_live"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Live {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for statement in LIVE.split(";\n").filter(|statement| !statement.trim().is_empty()) {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }
}

/// Whose orders they are and on whose account; each session with a bridge; each word of the operator. Instants are the
/// wall clock's: no market time is known where these are written.
const LIVE: &str = "
CREATE TABLE live_identity (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    instance INTEGER NOT NULL,
    account TEXT
) STRICT;
CREATE TABLE live_epochs (
    epoch INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    instance INTEGER NOT NULL,
    account TEXT NOT NULL,
    armed INTEGER NOT NULL
) STRICT;
CREATE TABLE operator_log (
    id INTEGER PRIMARY KEY,
    command_id TEXT NOT NULL UNIQUE,
    command TEXT NOT NULL,
    reason TEXT NOT NULL,
    given_at INTEGER NOT NULL,
    taken_at INTEGER NOT NULL,
    accepted INTEGER NOT NULL,
    answer TEXT NOT NULL
) STRICT;
";

/// Of decisions, null in the rows of earlier releases: not recorded. Of regimes, each change: what was since the row
/// before of the same instrument, and what is from then on.
const LEVELS: &str = "
ALTER TABLE decisions ADD COLUMN votes TEXT;
ALTER TABLE decisions ADD COLUMN weights TEXT;
ALTER TABLE decisions ADD COLUMN zones TEXT;
CREATE TABLE regimes (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    day INTEGER NOT NULL,
    symbol INTEGER NOT NULL,
    before TEXT NOT NULL,
    before_transition INTEGER NOT NULL,
    after TEXT NOT NULL,
    after_transition INTEGER NOT NULL,
    bars INTEGER NOT NULL,
    seconds INTEGER NOT NULL
) STRICT;
CREATE INDEX regimes_by_time ON regimes (symbol, at);
";

/// What each row and all before it come to, and where that stands. Empty until it is computed.
const LINKS: &str = "
ALTER TABLE decisions ADD COLUMN link BLOB NOT NULL DEFAULT x'';
ALTER TABLE evidence ADD COLUMN link BLOB NOT NULL DEFAULT x'';
ALTER TABLE policy_events ADD COLUMN link BLOB NOT NULL DEFAULT x'';
ALTER TABLE engine_state ADD COLUMN decisions_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE engine_state ADD COLUMN decisions_head BLOB NOT NULL DEFAULT x'';
ALTER TABLE engine_state ADD COLUMN log_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE engine_state ADD COLUMN log_head BLOB NOT NULL DEFAULT x'';
";

/// The six tables of the specification, column by column as it has them. Projections of the tables below.
pub(crate) const SPECIFICATION: &str = "
CREATE TABLE capital_state (
    id INTEGER PRIMARY KEY,
    time TEXT,
    symbol TEXT,
    operator_capital_brl REAL,
    margin_per_contract_brl REAL,
    max_contracts_cap INTEGER,
    base_contracts INTEGER,
    extra_contracts INTEGER,
    final_contracts INTEGER,
    reason TEXT,
    detail_json TEXT
);
CREATE TABLE scalp_events (
    id INTEGER PRIMARY KEY,
    time TEXT,
    symbol TEXT,
    event_type TEXT,
    side TEXT,
    entry_price REAL,
    exit_price REAL,
    extra_contracts INTEGER,
    pnl REAL,
    hold_time_seconds INTEGER,
    reason TEXT,
    detail_json TEXT
);
CREATE TABLE rl_policy (
    id INTEGER PRIMARY KEY,
    regime TEXT,
    state_hash TEXT,
    action TEXT,
    alpha REAL,
    beta REAL,
    count INTEGER,
    total_reward REAL,
    mean_value REAL,
    updated_at TEXT,
    UNIQUE(regime, state_hash, action)
);
CREATE TABLE rl_events (
    id INTEGER PRIMARY KEY,
    time TEXT,
    symbol TEXT,
    regime TEXT,
    state_hash TEXT,
    action TEXT,
    reward REAL,
    reason TEXT,
    frozen INTEGER,
    detail_json TEXT
);
CREATE TABLE policy_snapshots (
    id INTEGER PRIMARY KEY,
    snapshot_id TEXT UNIQUE,
    regime TEXT,
    time TEXT,
    policy_data TEXT,
    metrics_json TEXT,
    note TEXT
);
CREATE TABLE rl_report_log (
    id INTEGER PRIMARY KEY,
    report_date TEXT,
    symbol TEXT,
    total_rl_events INTEGER,
    actions_enter_count INTEGER,
    actions_hold_count INTEGER,
    actions_conservative_count INTEGER,
    actions_realavancagem_count INTEGER,
    blocked_by_rl_count INTEGER,
    avg_reward REAL,
    regimes_frozen_count INTEGER,
    total_realavancagem_triggered INTEGER,
    realavancagem_success_rate REAL,
    total_scalps INTEGER,
    scalp_winrate REAL,
    scalp_total_pnl REAL,
    performance_trend REAL,
    detail_json TEXT
);
";

/// The tables that are the truth. Instants are microseconds since 1970 in UTC, days are days since 1970, money is
/// centavos, prices are 10⁻⁸, rewards are millionths. `state` is the state's 16 digits. `seq` counts one ordered
/// log over evidence and policy events (semantics 29).
const OWN: &str = "
CREATE TABLE run_meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE symbols (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE capital_facts (
    from_id INTEGER PRIMARY KEY,
    operator_capital INTEGER NOT NULL,
    margin_per_contract INTEGER NOT NULL,
    max_contracts_cap INTEGER NOT NULL
) STRICT;
CREATE TABLE engine_state (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    cursor INTEGER NOT NULL,
    checkpoint TEXT
) STRICT;
CREATE TABLE allocations (
    chunk INTEGER PRIMARY KEY,
    rows INTEGER NOT NULL,
    packed BLOB NOT NULL
) STRICT;
CREATE TABLE blocked (
    id INTEGER PRIMARY KEY,
    capital_id INTEGER UNIQUE,
    at INTEGER NOT NULL,
    day INTEGER NOT NULL,
    symbol INTEGER NOT NULL,
    cause TEXT NOT NULL,
    side TEXT NOT NULL,
    detail TEXT NOT NULL,
    context TEXT NOT NULL,
    signal TEXT NOT NULL,
    allocation TEXT
) STRICT;
CREATE TABLE decisions (
    id INTEGER PRIMARY KEY,
    capital_id INTEGER NOT NULL UNIQUE,
    rl_event_id INTEGER NOT NULL UNIQUE,
    at INTEGER NOT NULL,
    day INTEGER NOT NULL,
    symbol INTEGER NOT NULL,
    regime TEXT NOT NULL,
    state TEXT NOT NULL,
    price INTEGER NOT NULL,
    side TEXT NOT NULL,
    action TEXT NOT NULL,
    chooser TEXT NOT NULL,
    frozen INTEGER NOT NULL,
    base INTEGER NOT NULL,
    extra INTEGER NOT NULL,
    trade INTEGER UNIQUE,
    policy_version INTEGER NOT NULL,
    available INTEGER NOT NULL,
    context TEXT NOT NULL,
    signal TEXT NOT NULL,
    allocation TEXT NOT NULL,
    layers TEXT NOT NULL,
    arms TEXT NOT NULL
) STRICT;
CREATE INDEX decisions_by_day ON decisions (symbol, day);
CREATE TABLE orders (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    symbol INTEGER NOT NULL,
    trade INTEGER NOT NULL,
    role TEXT NOT NULL,
    intent TEXT NOT NULL,
    side TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    protection TEXT NOT NULL
) STRICT;
CREATE TABLE order_ends (
    id INTEGER PRIMARY KEY,
    order_id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    symbol INTEGER NOT NULL,
    trade INTEGER NOT NULL,
    role TEXT NOT NULL,
    intent TEXT NOT NULL,
    rejected TEXT,
    unfilled INTEGER
) STRICT;
CREATE TABLE fills (
    id INTEGER PRIMARY KEY,
    order_id INTEGER,
    at INTEGER NOT NULL,
    symbol INTEGER NOT NULL,
    trade INTEGER NOT NULL,
    role TEXT NOT NULL,
    intent TEXT NOT NULL,
    side TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    remaining INTEGER NOT NULL,
    price INTEGER NOT NULL,
    reference INTEGER NOT NULL,
    commission INTEGER NOT NULL,
    exit TEXT,
    unresolved INTEGER NOT NULL
) STRICT;
CREATE TABLE positions (
    trade INTEGER NOT NULL,
    role TEXT NOT NULL,
    symbol INTEGER NOT NULL,
    side TEXT NOT NULL,
    open INTEGER NOT NULL,
    entered INTEGER NOT NULL,
    entry INTEGER NOT NULL,
    stop_loss INTEGER,
    take_profit INTEGER,
    opened_at INTEGER NOT NULL,
    closed_at INTEGER,
    cause TEXT,
    gross INTEGER NOT NULL,
    costs INTEGER NOT NULL,
    PRIMARY KEY (trade, role)
) STRICT, WITHOUT ROWID;
CREATE TABLE scalps (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    symbol INTEGER NOT NULL,
    trade INTEGER NOT NULL,
    kind TEXT NOT NULL,
    side TEXT NOT NULL,
    entry INTEGER NOT NULL,
    exit INTEGER NOT NULL,
    contracts INTEGER NOT NULL,
    gross INTEGER NOT NULL,
    net INTEGER NOT NULL,
    hold_seconds INTEGER NOT NULL,
    unresolved INTEGER NOT NULL
) STRICT;
CREATE INDEX scalps_by_trade ON scalps (trade);
CREATE UNIQUE INDEX scalps_opened_once ON scalps (trade) WHERE kind = 'OPENED';
CREATE UNIQUE INDEX scalps_end_once ON scalps (trade) WHERE kind NOT IN ('OPENED', 'PROTECTED');
CREATE TABLE trades (
    id INTEGER PRIMARY KEY,
    decision INTEGER NOT NULL UNIQUE,
    symbol INTEGER NOT NULL,
    day INTEGER NOT NULL,
    side TEXT NOT NULL,
    state TEXT NOT NULL,
    action TEXT NOT NULL,
    base INTEGER NOT NULL,
    extra INTEGER NOT NULL,
    entry INTEGER NOT NULL,
    exit INTEGER NOT NULL,
    cause TEXT NOT NULL,
    gross INTEGER NOT NULL,
    costs INTEGER NOT NULL,
    net INTEGER NOT NULL,
    extra_net INTEGER NOT NULL,
    reward INTEGER NOT NULL,
    opened_at INTEGER NOT NULL,
    closed_at INTEGER NOT NULL,
    in_transition INTEGER NOT NULL
) STRICT;
CREATE INDEX trades_in_order ON trades (symbol, day, closed_at);
CREATE TABLE evidence (
    seq INTEGER PRIMARY KEY,
    rl_event_id INTEGER NOT NULL UNIQUE,
    trade INTEGER NOT NULL UNIQUE,
    batch INTEGER NOT NULL,
    at INTEGER NOT NULL,
    symbol INTEGER NOT NULL,
    state TEXT NOT NULL,
    action TEXT NOT NULL,
    reward INTEGER NOT NULL,
    net INTEGER NOT NULL,
    applied INTEGER NOT NULL,
    skipped TEXT,
    alpha REAL NOT NULL,
    beta REAL NOT NULL,
    count INTEGER NOT NULL,
    total_reward INTEGER NOT NULL,
    policy_version INTEGER NOT NULL
) STRICT;
CREATE TABLE policy_events (
    seq INTEGER PRIMARY KEY,
    at INTEGER,
    regime TEXT,
    kind TEXT NOT NULL,
    policy_version INTEGER,
    detail TEXT NOT NULL
) STRICT;
CREATE TABLE snapshots (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    content TEXT NOT NULL
) STRICT;
CREATE TABLE risk_changes (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    cause TEXT NOT NULL,
    flatten INTEGER NOT NULL,
    detail TEXT NOT NULL
) STRICT;
CREATE TABLE risk_state (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    at INTEGER NOT NULL,
    state TEXT NOT NULL,
    cause TEXT NOT NULL
) STRICT;
CREATE TABLE days (
    day INTEGER PRIMARY KEY,
    net INTEGER NOT NULL,
    equity INTEGER,
    last_seq INTEGER NOT NULL,
    symbols INTEGER NOT NULL
) STRICT;
";

#[cfg(test)]
mod tests {
    use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement};
    use sea_orm_migration::MigratorTrait;

    use super::Migrations;

    async fn schema(db: &DatabaseConnection) -> Vec<(String, String)> {
        let sql = "SELECT name, coalesce(sql, '') FROM sqlite_schema ORDER BY name";
        let rows = db.query_all_raw(Statement::from_string(DbBackend::Sqlite, sql)).await.unwrap();
        rows.iter().map(|row| (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap())).collect()
    }

    /// What the tests of migrations begin from is the first schema, as its own migration makes it.
    #[tokio::test]
    async fn the_first_schema_of_the_tests_is_the_first_schema() {
        let first = Database::connect("sqlite::memory:").await.unwrap();
        Migrations::up(&first, Some(1)).await.unwrap();
        let taken_back = Database::connect("sqlite::memory:").await.unwrap();
        Migrations::up(&taken_back, None).await.unwrap();
        assert_ne!(schema(&taken_back).await, schema(&first).await);
        taken_back.execute_unprepared(include_str!("../tests/life/to_first_schema.sql")).await.unwrap();
        assert_eq!(schema(&taken_back).await, schema(&first).await);
        // And forward again, from the one and the other.
        Migrations::up(&first, None).await.unwrap();
        Migrations::up(&taken_back, None).await.unwrap();
        assert_eq!(schema(&taken_back).await, schema(&first).await);
    }
}
