//! What an explanation says.

use std::fmt;

use alavanca_engine::Chooser;
use alavanca_kernel::{Action, Regime, RiskState, Side, Timestamp};
use alavanca_liquidity::ZoneKind;
use serde::Serialize;

use crate::stored_run::RunNotes;

/// A signal explained.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The time that was asked for, where one was.
    pub asked: Option<Moment>,
    /// The instrument.
    pub symbol: String,
    /// Currency of all amounts.
    pub currency: String,
    /// The trading zone.
    pub zone: String,
    /// When it was decided.
    pub at: Moment,
    /// Everything the gate read.
    pub inputs: Inputs,
    /// What the boss wanted.
    pub wanted: Wanted,
    /// Who wanted it, and the zones around it; absent where the signal was stopped, and where the run's release did not
    /// record it.
    pub levels: Option<Levels>,
    /// Why it never reached the gate; absent where it did.
    pub blocked: Option<Blocked>,
    /// How many contracts; absent where the signal was stopped before.
    pub sizing: Option<Sizing>,
    /// The eight layers.
    pub layers: Vec<Layer>,
    /// What the gate chose, among what, with what chances.
    pub choice: Option<Choice>,
    /// Orders, fills and scalp events, in the order of time.
    pub steps: Vec<Step>,
    /// The legs as they are now.
    pub legs: Vec<Leg>,
    /// What the trade became; absent for HOLD.
    pub trade: Option<Trade>,
    /// What the policy learned of it; absent where it has not heard of it.
    pub lesson: Option<Lesson>,
}

/// An instant, in UTC and on the trading zone's wall clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// In UTC.
    pub utc: String,
    /// On the wall clock of the trading zone.
    pub local: String,
    /// The trading zone.
    #[serde(skip)]
    pub zone: &'static str,
}

impl Moment {
    /// Of an instant.
    pub fn of(notes: &RunNotes, at: Timestamp) -> Self {
        Self { utc: at.to_string(), local: notes.local_text(at), zone: notes.zone_name() }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({})", self.local, self.zone, self.utc)
    }
}

/// Everything the gate read. Absent is unknown, and fails whatever needs it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Inputs {
    /// The trading day.
    pub day: String,
    /// The hour in the trading zone.
    pub hour: String,
    /// Level 3.
    pub regime: Regime,
    /// Level 3.
    pub transition: Option<bool>,
    /// Since when the regime had been what it was; absent where no change of it was recorded before.
    pub regime_since: Option<Moment>,
    /// Levels 1 and 2, from 0 to 1.
    pub confidence: Option<f64>,
    /// Levels 1 and 2, from 0 to 1.
    pub disagreement: Option<f64>,
    /// Level 4, from 0 to 1.
    pub liquidity: Option<f64>,
    /// Realised net result of the trading day.
    pub daily_profit: Option<f64>,
    /// The account's fresh equity.
    pub equity: Option<f64>,
    /// What the broker leaves free.
    pub free_margin: Option<f64>,
    /// Prudential margin in use by other symbols.
    pub margin_elsewhere: f64,
    /// Until when the symbol rests.
    pub cooldown_until: Option<Moment>,
    /// Whether it rests now.
    pub resting: bool,
    /// The account's risk state.
    pub risk: RiskState,
}

/// What the boss wanted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Wanted {
    /// Which way.
    pub side: Side,
    /// How strongly the brains that agree want it, from 0 to 1.
    pub score: f64,
    /// The price at which it was decided.
    pub price: Option<String>,
    /// Where it is wrong.
    pub stop: String,
    /// Where it is done.
    pub target: Option<String>,
}

/// What levels 1, 2 and 4 had to say.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Levels {
    /// Every brain, by its place in `BRAINS`.
    pub votes: Vec<Vote>,
    /// The nearest zone at or below the price.
    pub zone_below: Option<NearZone>,
    /// The nearest zone above the price.
    pub zone_above: Option<NearZone>,
}

/// Where a brain stood.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Vote {
    /// Its name.
    pub brain: String,
    /// Where it leant.
    pub leans: Option<Side>,
    /// Which way it wanted to trade at that moment.
    pub wants: Option<Side>,
    /// How much it counted.
    pub weight: f64,
    /// Whether the signal's stop and target are its own.
    pub lead: bool,
    /// With the signal, against it, or neither. A wish to trade outweighs a leaning.
    pub stands: Stand,
}

/// How a brain stands to a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stand {
    /// It wants the same side.
    With,
    /// It wants the other side.
    Against,
    /// It has no view.
    Aside,
}

/// A zone near the price.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NearZone {
    /// What made it.
    pub kind: ZoneKind,
    /// Its middle, to the nearest tick.
    pub price: String,
    /// From the price to there, never below zero.
    pub distance: String,
    /// From 0 to 1.
    pub strength: f64,
    /// How often the market came back to it.
    pub touches: u32,
}

/// Why a signal never reached the gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Blocked {
    /// The stored cause.
    pub cause: String,
    /// In a sentence, with the numbers.
    pub why: String,
}

/// How many contracts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sizing {
    /// The capital that sized it.
    pub capital: f64,
    /// Where that comes from, with the numbers.
    pub capital_from: Option<String>,
    /// The formula of the base, with the numbers.
    pub formula: Option<String>,
    /// What the formula gives.
    pub by_formula: Option<u32>,
    /// Base contracts.
    pub base: u32,
    /// Extra contracts.
    pub extra: u32,
    /// Both.
    pub total: u32,
    /// `approved`, or what stood in the way of more.
    pub reason: String,
    /// The same in a sentence, with the numbers.
    pub refusal: Option<String>,
    /// Whether it stood in the way of the base, too.
    pub base_is_bounded: bool,
}

/// One of the eight layers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Layer {
    /// Which.
    pub layer: alavanca_kernel::Layer,
    /// What came in.
    pub value: String,
    /// What was demanded.
    pub threshold: String,
    /// Whether it passed.
    pub passed: bool,
}

/// What the gate chose.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Choice {
    /// The decision's id.
    pub decision: u64,
    /// The policy's state.
    pub state: String,
    /// Its stored name.
    pub state_hash: String,
    /// The served policy's version.
    pub policy_version: u64,
    /// Whether the regime was frozen.
    pub frozen: bool,
    /// Who chose.
    pub chooser: Chooser,
    /// The four arms.
    pub arms: Vec<ArmView>,
    /// What was chosen, and executed.
    pub action: Action,
    /// Base contracts.
    pub base: u32,
    /// Extra contracts.
    pub extra: u32,
    /// The trade it began.
    pub trade: Option<u64>,
}

/// One arm at the moment of the choice.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ArmView {
    /// Which.
    pub action: Action,
    /// Prior plus evidence for.
    pub alpha: f64,
    /// Prior plus evidence against.
    pub beta: f64,
    /// alpha / (alpha + beta).
    pub mean: f64,
    /// Rewards learned.
    pub count: u32,
    /// Whether it could be taken.
    pub available: bool,
    /// How likely it was to be chosen, exactly; absent where it could not be taken.
    pub probability: Option<f64>,
    /// Whether it was.
    pub chosen: bool,
}

/// One thing that happened to the trade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// When.
    pub at: Moment,
    /// `base` or `extra`.
    pub leg: &'static str,
    /// What.
    pub what: String,
}

/// A leg as it is now.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Leg {
    /// `base` or `extra`.
    pub leg: &'static str,
    /// Which way.
    pub side: Side,
    /// Contracts entered.
    pub entered: u32,
    /// Contracts still open.
    pub open: u32,
    /// Average entry price.
    pub entry: String,
    /// Its stop.
    pub stop: Option<String>,
    /// Its target.
    pub target: Option<String>,
    /// How it ended.
    pub cause: Option<String>,
    /// Seconds from its first fill to its end.
    pub held_seconds: Option<i64>,
    /// Result before costs.
    pub gross: f64,
    /// Costs.
    pub costs: f64,
    /// Result.
    pub net: f64,
}

/// What the trade became.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trade {
    /// Its id.
    pub trade: u64,
    /// Whether it has ended, and how.
    #[serde(flatten)]
    pub state: TradeState,
}

/// Whether a trade has ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum TradeState {
    /// With all its legs.
    Ended {
        /// Base contracts entered.
        base: u32,
        /// Extra contracts entered.
        extra: u32,
        /// Average entry of the base.
        entry: String,
        /// Average exit of the base.
        exit: String,
        /// How the base ended.
        cause: String,
        /// Result before costs.
        gross: f64,
        /// Costs.
        costs: f64,
        /// Result.
        net: f64,
        /// Result of the extra alone.
        extra_net: f64,
        /// Seconds from its first fill to its last close.
        held_seconds: i64,
        /// The trading day it closed on.
        day: String,
    },
    /// Something of it is open or on its way.
    Open,
    /// No order of it was ever filled: there is no outcome (semantics 12).
    NeverFilled,
}

/// What the policy learned.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Lesson {
    /// The batch it came in.
    pub batch: u64,
    /// When the batch was applied.
    pub at: Moment,
    /// The arm.
    pub action: Action,
    /// What it was told, from 0 to 1.
    pub reward: f64,
    /// Whether the arm moved.
    pub applied: bool,
    /// Why not.
    pub skipped: Option<String>,
    /// The arm before: alpha and beta.
    pub before: [f64; 2],
    /// The arm afterwards.
    pub after: [f64; 2],
    /// The served policy's version afterwards.
    pub policy_version: u64,
    /// The rollback or import that took it back; absent where it still counts.
    pub undone: Option<Undone>,
}

/// What took a lesson back.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Undone {
    /// When.
    pub at: Moment,
    /// What, in a sentence.
    pub how: String,
}
