//! The repository functions of the specification, on its six tables.
//!
//! For programs that keep those tables by themselves. [`SqliteStore`](crate::SqliteStore) writes them as projections
//! of its own and counts their ids: beside it, use the functions that read.

use alavanca_kernel::{Action, Regime, StateHash, Timestamp, TradingDay};
use alavanca_rl::Arm;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveValue, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, EntityTrait, QueryFilter,
    QueryOrder, Set, Statement, TransactionTrait,
};

use crate::entity::{capital_state, policy_snapshots, rl_events, rl_policy, rl_report_log, scalp_events};
use crate::report;

/// What capital allowed, as the specification's table keeps it. `final_contracts` is not asked for: it is the sum.
#[derive(Debug, Clone, PartialEq)]
pub struct CapitalState {
    /// Configured capital.
    pub operator_capital_brl: f64,
    /// Prudential margin for one contract.
    pub margin_per_contract_brl: f64,
    /// Bound of the base.
    pub max_contracts_cap: u32,
    /// Base.
    pub base_contracts: u32,
    /// Extra.
    pub extra_contracts: u32,
    /// Why not more.
    pub reason: String,
    /// What else is known, as JSON.
    pub detail_json: String,
}

/// One event of a scalp, as the specification's table keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct ScalpRow {
    /// OPENED, TP_HIT, SL_HIT, TIMEOUT, FORCED, HANDED_OVER or PROTECTED.
    pub event_type: String,
    /// BUY or SELL.
    pub side: String,
    /// Price it was filled at.
    pub entry_price: f64,
    /// Price it ended at.
    pub exit_price: Option<f64>,
    /// How many contracts.
    pub extra_contracts: u32,
    /// Net result.
    pub pnl: f64,
    /// Whole seconds since the first fill.
    pub hold_time_seconds: u32,
    /// Why.
    pub reason: String,
    /// What else is known, as JSON.
    pub detail_json: String,
}

/// A choice or a reward, as the specification's table keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct RlEvent {
    /// The regime.
    pub regime: Regime,
    /// The state.
    pub state: StateHash,
    /// The action.
    pub action: Action,
    /// None for a choice.
    pub reward: Option<f64>,
    /// Why.
    pub reason: String,
    /// Whether the regime was frozen.
    pub frozen: bool,
    /// What else is known, as JSON.
    pub detail_json: String,
}

/// Inserts what capital allowed; answers with the row's id.
pub async fn insert_capital_state<C: ConnectionTrait>(
    db: &C,
    time: Timestamp,
    symbol: &str,
    state: CapitalState,
) -> Result<i64, DbErr> {
    let row = capital_state::ActiveModel {
        id: ActiveValue::NotSet,
        time: Set(Some(time.to_string())),
        symbol: Set(Some(symbol.to_owned())),
        operator_capital_brl: Set(Some(state.operator_capital_brl)),
        margin_per_contract_brl: Set(Some(state.margin_per_contract_brl)),
        max_contracts_cap: Set(Some(state.max_contracts_cap.into())),
        base_contracts: Set(Some(state.base_contracts.into())),
        extra_contracts: Set(Some(state.extra_contracts.into())),
        final_contracts: Set(Some(i64::from(state.base_contracts) + i64::from(state.extra_contracts))),
        reason: Set(Some(state.reason)),
        detail_json: Set(Some(state.detail_json)),
    };
    Ok(capital_state::Entity::insert(row).exec(db).await?.last_insert_id)
}

/// Inserts what happened to a scalp; answers with the row's id.
pub async fn insert_scalp_event<C: ConnectionTrait>(
    db: &C,
    time: Timestamp,
    symbol: &str,
    event: ScalpRow,
) -> Result<i64, DbErr> {
    let row = scalp_events::ActiveModel {
        id: ActiveValue::NotSet,
        time: Set(Some(time.to_string())),
        symbol: Set(Some(symbol.to_owned())),
        event_type: Set(Some(event.event_type)),
        side: Set(Some(event.side)),
        entry_price: Set(Some(event.entry_price)),
        exit_price: Set(event.exit_price),
        extra_contracts: Set(Some(event.extra_contracts.into())),
        pnl: Set(Some(event.pnl)),
        hold_time_seconds: Set(Some(event.hold_time_seconds.into())),
        reason: Set(Some(event.reason)),
        detail_json: Set(Some(event.detail_json)),
    };
    Ok(scalp_events::Entity::insert(row).exec(db).await?.last_insert_id)
}

/// Sets an arm of the policy, whether it was there or not.
pub async fn upsert_rl_policy<C: ConnectionTrait>(
    db: &C,
    regime: Regime,
    state: StateHash,
    action: Action,
    arm: &Arm,
    updated_at: Timestamp,
) -> Result<(), DbErr> {
    use rl_policy::Column;
    let row = rl_policy::ActiveModel {
        id: ActiveValue::NotSet,
        regime: Set(Some(regime.as_str().to_owned())),
        state_hash: Set(Some(state.to_string())),
        action: Set(Some(action.as_str().to_owned())),
        alpha: Set(Some(arm.alpha)),
        beta: Set(Some(arm.beta)),
        count: Set(Some(arm.count.into())),
        total_reward: Set(Some(arm.reward_micros as f64 / 1e6)),
        mean_value: Set(Some(arm.mean_value())),
        updated_at: Set(Some(updated_at.to_string())),
    };
    let replace = OnConflict::columns([Column::Regime, Column::StateHash, Column::Action])
        .update_columns([
            Column::Alpha,
            Column::Beta,
            Column::Count,
            Column::TotalReward,
            Column::MeanValue,
            Column::UpdatedAt,
        ])
        .to_owned();
    rl_policy::Entity::insert(row).on_conflict(replace).exec_without_returning(db).await?;
    Ok(())
}

/// Inserts a choice or a reward; answers with the row's id.
pub async fn insert_rl_event<C: ConnectionTrait>(
    db: &C,
    time: Timestamp,
    symbol: &str,
    event: RlEvent,
) -> Result<i64, DbErr> {
    let row = rl_events::ActiveModel {
        id: ActiveValue::NotSet,
        time: Set(Some(time.to_string())),
        symbol: Set(Some(symbol.to_owned())),
        regime: Set(Some(event.regime.as_str().to_owned())),
        state_hash: Set(Some(event.state.to_string())),
        action: Set(Some(event.action.as_str().to_owned())),
        reward: Set(event.reward),
        reason: Set(Some(event.reason)),
        frozen: Set(Some(event.frozen.into())),
        detail_json: Set(Some(event.detail_json)),
    };
    Ok(rl_events::Entity::insert(row).exec(db).await?.last_insert_id)
}

/// Inserts a snapshot; one of the same name is refused.
pub async fn create_policy_snapshot<C: ConnectionTrait>(
    db: &C,
    snapshot_id: &str,
    regime: Regime,
    time: Timestamp,
    policy_data: &str,
    metrics_json: &str,
    note: Option<&str>,
) -> Result<i64, DbErr> {
    let row = policy_snapshots::ActiveModel {
        id: ActiveValue::NotSet,
        snapshot_id: Set(Some(snapshot_id.to_owned())),
        regime: Set(Some(regime.as_str().to_owned())),
        time: Set(Some(time.to_string())),
        policy_data: Set(Some(policy_data.to_owned())),
        metrics_json: Set(Some(metrics_json.to_owned())),
        note: Set(note.map(str::to_owned)),
    };
    Ok(policy_snapshots::Entity::insert(row).exec(db).await?.last_insert_id)
}

/// A regime's arms, in order of state and action's first learning.
pub async fn fetch_rl_policy_table<C: ConnectionTrait>(db: &C, regime: Regime) -> Result<Vec<rl_policy::Model>, DbErr> {
    rl_policy::Entity::find()
        .filter(rl_policy::Column::Regime.eq(regime.as_str()))
        .order_by_asc(rl_policy::Column::Id)
        .all(db)
        .await
}

/// [`insert_rl_report`] of several days and symbols, all of them or none.
pub async fn insert_rl_reports<C: TransactionTrait<Transaction = DatabaseTransaction>>(
    db: &C,
    days: &[TradingDay],
    symbols: &[String],
) -> Result<(), DbErr> {
    let step = db.begin().await?;
    for day in days {
        for symbol in symbols {
            insert_rl_report(&step, *day, symbol).await?;
        }
    }
    step.commit().await
}

/// Computes a trading day's figures of one symbol (semantics 33) from the tables and keeps them in `rl_report_log`,
/// in the place of those of the same day and symbol. `None` where the symbol is not one of the database's.
pub async fn insert_rl_report<C: ConnectionTrait>(
    db: &C,
    report_date: TradingDay,
    symbol: &str,
) -> Result<Option<rl_report_log::Model>, DbErr> {
    let known =
        Statement::from_sql_and_values(DbBackend::Sqlite, "SELECT id FROM symbols WHERE name = ?", [symbol.into()]);
    let Some(row) = db.query_one_raw(known).await? else { return Ok(None) };
    let place: i64 = row.try_get_by_index(0)?;
    let values = [report_date.days().into(), report_date.to_string().into(), place.into(), symbol.into()];
    db.execute_raw(Statement::from_sql_and_values(DbBackend::Sqlite, report::INSERT, values)).await?;
    rl_report_log::Entity::find()
        .filter(rl_report_log::Column::ReportDate.eq(report_date.to_string()))
        .filter(rl_report_log::Column::Symbol.eq(symbol))
        .one(db)
        .await
}
