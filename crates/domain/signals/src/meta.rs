mod calibration;
mod checkpoint;
mod record;

use std::str::FromStr;

use alavanca_kernel::{Hour, Price, Regime, SettingError, Signal, Unit, UnknownName};
use serde::{Deserialize, Serialize};

pub use self::calibration::{Calibration, CalibrationMethod, Claims};
pub use self::checkpoint::{MetaCheckpoint, MetaCheckpointError};
pub use self::record::Record;
use self::record::Share;
use crate::boss::{MAX_BRAINS, Voters, Votes, Weights};
use crate::setting::number;

/// Settings of the [`MetaBrain`].
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetaSettings {
    /// `META_PRIOR_TRADES` (κ): so many trades at the wider record's rate stand behind every narrower one.
    pub prior_trades: f64,
    /// `META_MEMORY_TRADES` (M): after so many more trades of its brain a result counts 1/e.
    pub memory_trades: u64,
    /// `META_AGREEMENT` (A): what full confirmation by other brains adds to the log-odds.
    pub agreement: f64,
    /// `META_STRENGTH` (S): what a score of 1 adds to the log-odds.
    pub strength: f64,
    /// `META_WEIGHTS`: what a brain's weight is made of.
    pub weights: WeightBy,
    /// `META_CALIBRATION`: how what is claimed is held against what came.
    pub calibration: CalibrationMethod,
    /// `META_CALIBRATION_TRADES` (C): so many trades that came as claimed stand behind what was observed.
    pub calibration_trades: f64,
}

impl Default for MetaSettings {
    fn default() -> Self {
        Self {
            prior_trades: 20.0,
            memory_trades: 500,
            agreement: 1.0,
            strength: 0.2,
            weights: WeightBy::default(),
            calibration: CalibrationMethod::default(),
            calibration_trades: 50.0,
        }
    }
}

/// `META_WEIGHTS`: what a brain's weight is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum WeightBy {
    /// How often it wins: the odds of its win rate.
    WinRate,
    /// How much it wins for what it loses: its profit factor, in units of the planned risk.
    #[default]
    ProfitFactor,
}

impl WeightBy {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::WinRate, Self::ProfitFactor];

    /// The spelling in settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WinRate => "WIN_RATE",
            Self::ProfitFactor => "PROFIT_FACTOR",
        }
    }
}

impl FromStr for WeightBy {
    type Err = UnknownName;
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL.into_iter().find(|by| by.as_str() == text).ok_or_else(|| UnknownName {
            what: "weight",
            got: text.to_owned(),
            known: Self::ALL.map(Self::as_str).join(", "),
        })
    }
}

/// Checked settings of the [`MetaBrain`].
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct MetaConfig {
    settings: MetaSettings,
}

impl MetaConfig {
    /// Checks the settings.
    pub fn new(settings: MetaSettings) -> Result<Self, SettingError> {
        number("META_PRIOR_TRADES", settings.prior_trades, 1.0, 10_000.0)?;
        if !(MEMORY_LEAST..=MEMORY_MOST).contains(&settings.memory_trades) {
            let allowed = format!("a whole number of trades from {MEMORY_LEAST} to {MEMORY_MOST}");
            return Err(SettingError::new("META_MEMORY_TRADES", settings.memory_trades, allowed));
        }
        number("META_AGREEMENT", settings.agreement, 0.0, 5.0)?;
        number("META_STRENGTH", settings.strength, 0.0, 5.0)?;
        number("META_CALIBRATION_TRADES", settings.calibration_trades, 1.0, 10_000.0)?;
        Ok(Self { settings })
    }
}

const MEMORY_LEAST: u64 = 10;
const MEMORY_MOST: u64 = 1_000_000;

/// Level 2: how well each brain did, per regime and hour, and what that says about a signal.
///
/// **Record.** For each brain three records: of all its trades, of those in the regime, of those in the regime and
/// hour. A closed trade counts in the records of the brains that stood with it: as won where its net is above zero, and
/// with its result in R, the base's net over what its stop put at risk, at most 5 either way. Before it counts, what is
/// in that brain's records fades by 1/M. Each rate is shrunk to that of the wider record without the narrower one's
/// trades, so that no trade speaks twice: p₀ = ½, pᵢ = (wonᵢ + κ · pᵢ₋₁) / (tradesᵢ + κ) for i = outside the regime, in
/// the regime outside the hour, in regime and hour; p is the last. In the same way g, of R won and R moved either way:
/// g₀ = ½, gᵢ = (R wonᵢ + κ · gᵢ₋₁) / (R movedᵢ + κ).
///
/// **Weight.** By `META_WEIGHTS`: the odds of winning, w = p / (1 − p), or the profit factor, w = g / (1 − g). Where every
/// trade wins or loses one R, they are the same.
///
/// **Disagreement.** Σ w of the brains against / Σ w of all brains. With one brain it is 0.
///
/// **Confidence**, the probability that the trade wins:
/// r = the w-weighted mean p of the brains with the signal;
/// a = (Σ w of those with it other than the lead − Σ w of those against) / Σ w of all;
/// x = ln(r / (1 − r)) + A · a + S · score, raw = σ(x), σ(x) = 1 / (1 + e⁻ˣ).
/// What was claimed is held against what came: see [`Calibration`].
///
/// So a fresh MetaBrain gives one brain's full-score signal 0.55; five brains of one mind 0.73; and a brain that wins
/// 70 of 100 trades comes above 0.70 by its record alone. Where agreement promises more than it keeps, the calibration
/// takes the promise back.
#[derive(Clone, Debug)]
pub struct MetaBrain {
    settings: MetaSettings,
    names: Vec<String>,
    records: Box<[Record]>,
    calibration: Calibration,
}

/// What the MetaBrain says to a signal.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct MetaView {
    /// How probable it is that the trade wins; `None` where no known brain stands with the signal.
    pub confidence: Option<Unit>,
    /// Which share of the brains' weight stands against the signal.
    pub disagreement: Option<Unit>,
    /// To be kept with the trade, and handed to [`MetaBrain::learn`] when it is closed.
    pub lesson: Lesson,
}

/// What must be known of an entry to learn from its result.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Lesson {
    /// Who stood with the trade and who against.
    pub voters: Voters,
    /// The regime at entry.
    pub regime: Regime,
    /// The hour at entry.
    pub hour: Hour,
    /// The bin of the confidence that was claimed.
    bin: u8,
    /// The log-odds that were claimed, in millionths; unknown of a lesson that an older release stored.
    #[serde(default)]
    log_odds: Option<i32>,
    /// How far from the entry the stop was planned.
    #[serde(default)]
    stop: Option<Price>,
}

impl Lesson {
    /// Of an entry whose stop lies so far away.
    #[must_use]
    pub const fn with_stop(self, distance: Price) -> Self {
        Self { stop: Some(distance), ..self }
    }

    /// How far from the entry the stop was planned; `None` where nobody said.
    pub const fn stop(&self) -> Option<Price> {
        self.stop
    }

    fn claimed(&self) -> f64 {
        self.log_odds.map_or_else(|| Calibration::middle(self.bin), |micros| f64::from(micros) / 1e6)
    }
}

/// How a brain stands, for reports.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Standing {
    /// Its trades that still count.
    pub record: Record,
    /// Its shrunken win rate (p).
    pub win_rate: f64,
    /// Its weight (w).
    pub weight: f64,
}

/// How a trade ended.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Realised {
    /// Whether its net over all legs is above zero.
    pub won: bool,
    /// The base's net over what its stop put at risk (R); `None` where the risk is not known.
    pub multiple: Option<f64>,
}

impl From<bool> for Realised {
    fn from(won: bool) -> Self {
        Self { won, multiple: None }
    }
}

const HOURS: usize = 24;
/// Records of one brain: of all trades, per regime, per regime and hour.
const PER_BRAIN: usize = 1 + Regime::COUNT + Regime::COUNT * HOURS;

impl MetaBrain {
    /// Without any experience, of the brains of these names in the boss's order.
    pub fn new<'a>(config: MetaConfig, names: impl IntoIterator<Item = &'a str>) -> Self {
        let names: Vec<_> = names.into_iter().take(MAX_BRAINS).map(str::to_owned).collect();
        let records = vec![Record::default(); names.len() * PER_BRAIN].into();
        let MetaSettings { calibration, calibration_trades, memory_trades, .. } = config.settings;
        let calibration = Calibration::new(calibration, calibration_trades, memory_trades);
        Self { settings: config.settings, names, records, calibration }
    }

    /// The experience that was stored, of the brains that are in it, for reports.
    ///
    /// # Errors
    /// As [`MetaBrain::restore`].
    pub fn stored(config: MetaConfig, checkpoint: &MetaCheckpoint) -> Result<Self, MetaCheckpointError> {
        let mut stored = Self::new(config, checkpoint.names());
        stored.restore(checkpoint)?;
        Ok(stored)
    }

    /// How much each brain counts in a regime and hour.
    pub fn weights(&self, regime: Regime, hour: Hour) -> Weights {
        let mut weights = [0.0; MAX_BRAINS];
        for (brain, weight) in weights.iter_mut().enumerate().take(self.names.len()) {
            *weight = self.weight(brain, regime, hour);
        }
        Weights::new(weights)
    }

    /// What the records say to a signal and the votes that made it.
    pub fn evaluate(&self, signal: &Signal, votes: &Votes, regime: Regime, hour: Hour) -> MetaView {
        let voters = votes.voters(signal.side);
        let (mut all, mut with, mut against, mut with_rate, mut lead_weight) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for brain in 0..self.names.len() {
            let rate = self.win_rate(brain, regime, hour);
            let weight = match self.settings.weights {
                WeightBy::WinRate => odds(rate),
                WeightBy::ProfitFactor => self.weight(brain, regime, hour),
            };
            all += weight;
            if voters.with.contains(brain) {
                with += weight;
                with_rate += weight * rate;
                if brain == votes.lead() {
                    lead_weight = weight;
                }
            } else if voters.against.contains(brain) {
                against += weight;
            }
        }
        if with <= 0.0 || votes.len() != self.names.len() {
            let lesson = Lesson { voters: Voters::default(), regime, hour, bin: 0, log_odds: None, stop: None };
            return MetaView { confidence: None, disagreement: None, lesson };
        }
        let agreement = (with - lead_weight - against) / all;
        let Self { settings, .. } = self;
        let log_odds =
            odds(with_rate / with).ln() + settings.agreement * agreement + settings.strength * signal.score.get();
        MetaView {
            confidence: Some(self.calibration.probability(log_odds)),
            disagreement: Some(Unit::saturating(against / all)),
            lesson: Lesson {
                voters,
                regime,
                hour,
                bin: Calibration::bin(log_odds),
                log_odds: Some((log_odds * 1e6).round() as i32),
                stop: None,
            },
        }
    }

    /// Takes a closed trade's result, or whether it won where no more is known. Once per trade.
    pub fn learn(&mut self, lesson: &Lesson, result: impl Into<Realised>) {
        if lesson.voters.with.is_empty() {
            return;
        }
        let Realised { won, multiple } = result.into();
        let memory = self.settings.memory_trades;
        for brain in lesson.voters.with.places().take_while(|&brain| brain < self.names.len()) {
            for record in &mut self.records[brain * PER_BRAIN..][..PER_BRAIN] {
                record.fade(memory);
            }
            for place in places(brain, lesson.regime, lesson.hour) {
                self.records[place].add(won, multiple);
            }
        }
        self.calibration.learn(lesson.claimed(), won);
    }

    /// The shrunken share of won trades (p) of the brain at a place, in a regime and hour.
    pub fn win_rate(&self, brain: usize, regime: Regime, hour: Hour) -> f64 {
        self.shrunk(brain, regime, hour, Record::wins)
    }

    /// The weight (w) of the brain at a place, in a regime and hour.
    pub fn weight(&self, brain: usize, regime: Regime, hour: Hour) -> f64 {
        odds(match self.settings.weights {
            WeightBy::WinRate => self.shrunk(brain, regime, hour, Record::wins),
            WeightBy::ProfitFactor => self.shrunk(brain, regime, hour, Record::gains),
        })
    }

    /// How the brain at a place stands in a regime at all hours, or over all regimes; `None` where there is none.
    pub fn standing(&self, brain: usize, regime: Option<Regime>) -> Option<Standing> {
        let records = self.records.chunks(PER_BRAIN).nth(brain)?;
        let record = regime.map_or(records[0], |regime| records[1 + regime.index()]);
        let rate = |share: fn(Record) -> Share| {
            let prior = self.settings.prior_trades;
            match regime {
                None => share(record).shrunk(prior, 0.5),
                Some(_) => share(record).shrunk(prior, share(records[0]).without(share(record)).shrunk(prior, 0.5)),
            }
        };
        let win_rate = rate(Record::wins);
        let weight = match self.settings.weights {
            WeightBy::WinRate => odds(win_rate),
            WeightBy::ProfitFactor => odds(rate(Record::gains)),
        };
        Some(Standing { record, win_rate, weight })
    }

    fn shrunk(&self, brain: usize, regime: Regime, hour: Hour, share: fn(Record) -> Share) -> f64 {
        let prior = self.settings.prior_trades;
        let [all, in_regime, in_hour] = places(brain, regime, hour).map(|place| share(self.records[place]));
        let elsewhere = all.without(in_regime).shrunk(prior, 0.5);
        let at_other_hours = in_regime.without(in_hour).shrunk(prior, elsewhere);
        in_hour.shrunk(prior, at_other_hours)
    }

    /// The record of the brain at a place over all its trades, for reports; `None` where there is no such brain.
    pub fn record(&self, brain: usize) -> Option<Record> {
        self.records.get(brain * PER_BRAIN).copied()
    }

    /// What was claimed and what came.
    pub const fn calibration(&self) -> &Calibration {
        &self.calibration
    }

    /// The brains' names, by place.
    pub fn names(&self) -> &[String] {
        &self.names
    }
}

/// From the widest to the narrowest.
fn places(brain: usize, regime: Regime, hour: Hour) -> [usize; 3] {
    let first = brain * PER_BRAIN;
    let regime = regime.index();
    [first, first + 1 + regime, first + 1 + Regime::COUNT + regime * HOURS + usize::from(hour.get())]
}

fn odds(rate: f64) -> f64 {
    rate / (1.0 - rate)
}
