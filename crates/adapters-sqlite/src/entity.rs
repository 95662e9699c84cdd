//! The tables as sea-orm sees them: the six of the specification, and those of our own that questions are asked of.
//!
//! Columns are named as stored.

/// What capital allowed, each time it was asked.
pub mod capital_state {
    use sea_orm::entity::prelude::*;

    /// One allocation.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "capital_state")]
    pub struct Model {
        /// Counts from 1.
        #[sea_orm(primary_key)]
        pub id: i64,
        /// When, in UTC.
        pub time: Option<String>,
        /// The instrument.
        pub symbol: Option<String>,
        /// Configured capital.
        pub operator_capital_brl: Option<f64>,
        /// Prudential margin for one contract.
        pub margin_per_contract_brl: Option<f64>,
        /// Bound of the base.
        pub max_contracts_cap: Option<i64>,
        /// Base.
        pub base_contracts: Option<i64>,
        /// Extra.
        pub extra_contracts: Option<i64>,
        /// Base and extra together, always.
        pub final_contracts: Option<i64>,
        /// Why.
        pub reason: Option<String>,
        /// What else is known, as JSON.
        pub detail_json: Option<String>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// What happened to the extra contracts (semantics 23).
pub mod scalp_events {
    use sea_orm::entity::prelude::*;

    /// One event.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "scalp_events")]
    pub struct Model {
        /// Counts from 1.
        #[sea_orm(primary_key)]
        pub id: i64,
        /// When, in UTC.
        pub time: Option<String>,
        /// The instrument.
        pub symbol: Option<String>,
        /// OPENED, TP_HIT, SL_HIT, TIMEOUT, FORCED, HANDED_OVER or PROTECTED.
        pub event_type: Option<String>,
        /// BUY or SELL.
        pub side: Option<String>,
        /// Price it was filled at.
        pub entry_price: Option<f64>,
        /// Price it ended at; none for OPENED.
        pub exit_price: Option<f64>,
        /// Extra.
        pub extra_contracts: Option<i64>,
        /// Net result.
        pub pnl: Option<f64>,
        /// Whole seconds since the first fill.
        pub hold_time_seconds: Option<i64>,
        /// Why.
        pub reason: Option<String>,
        /// What else is known, as JSON.
        pub detail_json: Option<String>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// The served policy, one row per arm that was touched.
pub mod rl_policy {
    use sea_orm::entity::prelude::*;

    /// One arm.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "rl_policy")]
    pub struct Model {
        /// Counts from 1.
        #[sea_orm(primary_key)]
        pub id: i64,
        /// The regime.
        pub regime: Option<String>,
        /// The state's 16 digits; with `@symbol` where symbols do not share the policy.
        pub state_hash: Option<String>,
        /// The action.
        pub action: Option<String>,
        /// Prior plus evidence for.
        pub alpha: Option<f64>,
        /// Prior plus evidence against.
        pub beta: Option<f64>,
        /// Rewards learned.
        pub count: Option<i64>,
        /// Their sum.
        pub total_reward: Option<f64>,
        /// alpha / (alpha + beta).
        pub mean_value: Option<f64>,
        /// When it last changed.
        pub updated_at: Option<String>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Every choice of the gate, and every reward that was learned or only logged.
pub mod rl_events {
    use sea_orm::entity::prelude::*;

    /// One choice or one reward.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "rl_events")]
    pub struct Model {
        /// Counts from 1.
        #[sea_orm(primary_key)]
        pub id: i64,
        /// When, in UTC.
        pub time: Option<String>,
        /// The instrument.
        pub symbol: Option<String>,
        /// The regime.
        pub regime: Option<String>,
        /// The state's 16 digits; with `@symbol` where symbols do not share the policy.
        pub state_hash: Option<String>,
        /// The action.
        pub action: Option<String>,
        /// None for a choice.
        pub reward: Option<f64>,
        /// Why.
        pub reason: Option<String>,
        /// Whether the regime was frozen.
        pub frozen: Option<i64>,
        /// What else is known, as JSON.
        pub detail_json: Option<String>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// The snapshots that are kept (semantics 28).
pub mod policy_snapshots {
    use sea_orm::entity::prelude::*;

    /// One snapshot.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "policy_snapshots")]
    pub struct Model {
        /// Counts from 1.
        #[sea_orm(primary_key)]
        pub id: i64,
        /// Its name.
        pub snapshot_id: Option<String>,
        /// The regime.
        pub regime: Option<String>,
        /// When, in UTC.
        pub time: Option<String>,
        /// The policy, as JSON.
        pub policy_data: Option<String>,
        /// What was known then, as JSON.
        pub metrics_json: Option<String>,
        /// Why it was taken.
        pub note: Option<String>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Figures per trading day and symbol (semantics 33).
pub mod rl_report_log {
    use sea_orm::entity::prelude::*;

    /// One day's figures of one symbol.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "rl_report_log")]
    pub struct Model {
        /// Counts from 1.
        #[sea_orm(primary_key)]
        pub id: i64,
        /// The trading day.
        pub report_date: Option<String>,
        /// The instrument.
        pub symbol: Option<String>,
        /// Choices, and rewards of the day's trades.
        pub total_rl_events: Option<i64>,
        /// ENTER choices.
        pub actions_enter_count: Option<i64>,
        /// HOLD choices.
        pub actions_hold_count: Option<i64>,
        /// ENTER_CONSERVATIVE choices.
        pub actions_conservative_count: Option<i64>,
        /// ENTER_WITH_REALAVANCAGEM choices.
        pub actions_realavancagem_count: Option<i64>,
        /// HOLD choices.
        pub blocked_by_rl_count: Option<i64>,
        /// Mean reward of the day's trades.
        pub avg_reward: Option<f64>,
        /// Regimes frozen at the day's end.
        pub regimes_frozen_count: Option<i64>,
        /// Trades with an extra.
        pub total_realavancagem_triggered: Option<i64>,
        /// Share of those whose scalp won.
        pub realavancagem_success_rate: Option<f64>,
        /// Scalps that closed.
        pub total_scalps: Option<i64>,
        /// Share of those that won.
        pub scalp_winrate: Option<f64>,
        /// Their net result.
        pub scalp_total_pnl: Option<f64>,
        /// Mean reward of the last 20 trades less that of the 20 before.
        pub performance_trend: Option<f64>,
        /// What else is known, as JSON.
        pub detail_json: Option<String>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// The gate's answers, with all that is needed to explain them.
pub mod decisions {
    use sea_orm::entity::prelude::*;

    /// One decision.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "decisions")]
    pub struct Model {
        /// Its id.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        /// Its row in `capital_state`.
        pub capital_id: i64,
        /// Its row in `rl_events`.
        pub rl_event_id: i64,
        /// When, in microseconds since 1970.
        pub at: i64,
        /// The trading day, in days since 1970.
        pub day: i64,
        /// The instrument's place.
        pub symbol: i64,
        /// The regime.
        pub regime: String,
        /// The state's 16 digits.
        pub state: String,
        /// In 10⁻⁸.
        pub price: i64,
        /// BUY or SELL.
        pub side: String,
        /// The action.
        pub action: String,
        /// policy, freeze_fallback or policy_off.
        pub chooser: String,
        /// Whether the regime was frozen.
        pub frozen: bool,
        /// Base contracts.
        pub base: i64,
        /// Extra contracts.
        pub extra: i64,
        /// The trade.
        pub trade: Option<i64>,
        /// The served policy's version.
        pub policy_version: i64,
        /// Bits of the actions that could be taken.
        pub available: i64,
        /// The market context, as JSON.
        pub context: String,
        /// The signal, as JSON.
        pub signal: String,
        /// The allocation, as JSON.
        pub allocation: String,
        /// The eight layers, as JSON.
        pub layers: String,
        /// Each arm's posterior, as JSON.
        pub arms: String,
        /// Where every brain stood, by place, as JSON; null where it was not recorded.
        pub votes: Option<String>,
        /// How much each brain counted, by place, as JSON.
        pub weights: Option<String>,
        /// The nearest zones, at or below the price and above it, as JSON.
        pub zones: Option<String>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Trades that ended with all their legs.
pub mod trades {
    use sea_orm::entity::prelude::*;

    /// One trade.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "trades")]
    pub struct Model {
        /// Its id.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        /// The decision it began with.
        pub decision: i64,
        /// The instrument's place.
        pub symbol: i64,
        /// The trading day, in days since 1970.
        pub day: i64,
        /// BUY or SELL.
        pub side: String,
        /// The state's 16 digits.
        pub state: String,
        /// The action.
        pub action: String,
        /// Base contracts.
        pub base: i64,
        /// Extra contracts.
        pub extra: i64,
        /// In 10⁻⁸.
        pub entry: i64,
        /// In 10⁻⁸.
        pub exit: i64,
        /// How the base ended.
        pub cause: String,
        /// Before costs, in centavos.
        pub gross: i64,
        /// In centavos.
        pub costs: i64,
        /// In centavos.
        pub net: i64,
        /// Net result of the extra alone, in centavos.
        pub extra_net: i64,
        /// In millionths.
        pub reward: i64,
        /// First fill, in microseconds since 1970.
        pub opened_at: i64,
        /// Last close, in microseconds since 1970.
        pub closed_at: i64,
        /// Entered during a transition.
        pub in_transition: bool,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// What happened to the extra contracts, in integers.
pub mod scalps {
    use sea_orm::entity::prelude::*;

    /// One event.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "scalps")]
    pub struct Model {
        /// Its id.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        /// When, in microseconds since 1970.
        pub at: i64,
        /// The instrument's place.
        pub symbol: i64,
        /// The trade.
        pub trade: i64,
        /// What happened.
        pub kind: String,
        /// BUY or SELL.
        pub side: String,
        /// In 10⁻⁸.
        pub entry: i64,
        /// In 10⁻⁸.
        pub exit: i64,
        /// How many.
        pub contracts: i64,
        /// Before costs, in centavos.
        pub gross: i64,
        /// In centavos.
        pub net: i64,
        /// Whole seconds since the first fill.
        pub hold_seconds: i64,
        /// A bar could not say what happened first.
        pub unresolved: bool,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
