use alavanca_kernel::{Hour, Regime, SettingError, Signal, Unit};
use serde::{Deserialize, Serialize};

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
    /// `META_CALIBRATION_TRADES` (C): so many trades as claimed stand behind every realised frequency.
    pub calibration_trades: f64,
}

impl Default for MetaSettings {
    fn default() -> Self {
        Self { prior_trades: 20.0, memory_trades: 500, agreement: 1.0, strength: 0.2, calibration_trades: 50.0 }
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
/// hour. A closed trade counts in the records of the brains that stood with it, as won where its net is above zero.
/// Before it counts, what is in that brain's records fades by 1/M. Each rate is shrunk to that of the wider record
/// without the narrower one's trades, so that no trade speaks twice: p₀ = ½, pᵢ = (wonᵢ + κ · pᵢ₋₁) / (tradesᵢ + κ) for
/// i = outside the regime, in the regime outside the hour, in regime and hour; p is the last.
///
/// **Weight.** w = p / (1 − p), the odds.
///
/// **Disagreement.** Σ w of the brains against / Σ w of all brains. With one brain it is 0.
///
/// **Confidence**, the probability that the trade wins:
/// r = the w-weighted mean p of the brains with the signal;
/// a = (Σ w of those with it other than the lead − Σ w of those against) / Σ w of all;
/// raw = σ(ln(r / (1 − r)) + A · a + S · score), σ(x) = 1 / (1 + e⁻ˣ).
/// What was claimed is held against what came: signals are sorted by raw into twenty bins of equal width, and
/// confidence = (won in bin + C · raw) / (trades in bin + C). A bin fades by 1/M with each of its own trades.
///
/// So a fresh MetaBrain gives one brain's full-score signal 0.55; five brains of one mind 0.73; and a brain that wins
/// 70 of 100 trades comes above 0.70 by its record alone. Where agreement promises more than it keeps, the bins take
/// the promise back.
#[derive(Clone, Debug)]
pub struct MetaBrain {
    settings: MetaSettings,
    names: Vec<String>,
    records: Box<[Record]>,
    bins: [Record; BINS],
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
}

const BINS: usize = 20;
const HOURS: usize = 24;
/// Records of one brain: of all trades, per regime, per regime and hour.
const PER_BRAIN: usize = 1 + Regime::COUNT + Regime::COUNT * HOURS;

impl MetaBrain {
    /// Without any experience, of the brains of these names in the boss's order.
    pub fn new<'a>(config: MetaConfig, names: impl IntoIterator<Item = &'a str>) -> Self {
        let names: Vec<_> = names.into_iter().take(MAX_BRAINS).map(str::to_owned).collect();
        let records = vec![Record::default(); names.len() * PER_BRAIN].into();
        Self { settings: config.settings, names, records, bins: [Record::default(); BINS] }
    }

    /// How much each brain counts in a regime and hour.
    pub fn weights(&self, regime: Regime, hour: Hour) -> Weights {
        let mut weights = [0.0; MAX_BRAINS];
        for (brain, weight) in weights.iter_mut().enumerate().take(self.names.len()) {
            *weight = odds(self.win_rate(brain, regime, hour));
        }
        Weights::new(weights)
    }

    /// What the records say to a signal and the votes that made it.
    pub fn evaluate(&self, signal: &Signal, votes: &Votes, regime: Regime, hour: Hour) -> MetaView {
        let voters = votes.voters(signal.side);
        let (mut all, mut with, mut against, mut with_rate, mut lead_weight) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for brain in 0..self.names.len() {
            let rate = self.win_rate(brain, regime, hour);
            let weight = odds(rate);
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
            let lesson = Lesson { voters: Voters::default(), regime, hour, bin: 0 };
            return MetaView { confidence: None, disagreement: None, lesson };
        }
        let agreement = (with - lead_weight - against) / all;
        let Self { settings, .. } = self;
        let log_odds =
            odds(with_rate / with).ln() + settings.agreement * agreement + settings.strength * signal.score.get();
        let raw = 1.0 / (1.0 + (-log_odds).exp());
        let bin = ((raw * BINS as f64) as usize).min(BINS - 1);
        MetaView {
            confidence: Some(Unit::saturating(self.bins[bin].shrunk(settings.calibration_trades, raw))),
            disagreement: Some(Unit::saturating(against / all)),
            lesson: Lesson { voters, regime, hour, bin: bin as u8 },
        }
    }

    /// Takes a closed trade's result: won where its net over all legs is above zero. Once per trade.
    pub fn learn(&mut self, lesson: &Lesson, won: bool) {
        if lesson.voters.with.is_empty() {
            return;
        }
        let memory = self.settings.memory_trades;
        for brain in lesson.voters.with.places().take_while(|&brain| brain < self.names.len()) {
            for record in &mut self.records[brain * PER_BRAIN..][..PER_BRAIN] {
                record.fade(memory);
            }
            for place in places(brain, lesson.regime, lesson.hour) {
                self.records[place].add(won);
            }
        }
        if let Some(bin) = self.bins.get_mut(usize::from(lesson.bin)) {
            bin.fade(memory);
            bin.add(won);
        }
    }

    /// The shrunken share of won trades (p) of the brain at a place, in a regime and hour.
    pub fn win_rate(&self, brain: usize, regime: Regime, hour: Hour) -> f64 {
        let prior = self.settings.prior_trades;
        let [all, in_regime, in_hour] = places(brain, regime, hour).map(|place| self.records[place]);
        let elsewhere = all.without(in_regime).shrunk(prior, 0.5);
        let at_other_hours = in_regime.without(in_hour).shrunk(prior, elsewhere);
        in_hour.shrunk(prior, at_other_hours)
    }

    /// The record of the brain at a place over all its trades, for reports; `None` where there is no such brain.
    pub fn record(&self, brain: usize) -> Option<Record> {
        self.records.get(brain * PER_BRAIN).copied()
    }

    /// What was claimed and what came: for each bin its lower bound and its record, for reports.
    pub fn reliability(&self) -> impl Iterator<Item = (f64, Record)> {
        self.bins.iter().enumerate().map(|(bin, record)| (bin as f64 / BINS as f64, *record))
    }

    /// The brains' names, by place.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// All experience, to be stored.
    pub fn checkpoint(&self) -> MetaCheckpoint {
        let seen = |records: &[Record]| {
            let seen = records.iter().enumerate().filter(|(_, record)| record.trades > 0);
            seen.map(|(place, record)| (place as u16, *record)).collect()
        };
        let brains = self.names.iter().zip(self.records.chunks(PER_BRAIN));
        MetaCheckpoint {
            version: CHECKPOINT_VERSION,
            brains: brains.map(|(name, records)| (name.clone(), seen(records))).collect(),
            bins: seen(&self.bins),
        }
    }

    /// Puts stored experience in the place of its own. Brains are found by name: one that is new starts afresh, one
    /// that is gone is forgotten. On an error nothing has changed.
    pub fn restore(&mut self, checkpoint: &MetaCheckpoint) -> Result<(), MetaCheckpointError> {
        if checkpoint.version != CHECKPOINT_VERSION {
            return Err(MetaCheckpointError::Version { got: checkpoint.version });
        }
        let fill = |records: &mut [Record], stored: &[(u16, Record)]| {
            for &(place, record) in stored {
                let slot = records.get_mut(usize::from(place)).filter(|_| record.is_sound());
                *slot.ok_or(MetaCheckpointError::Record { place, record })? = record;
            }
            Ok(())
        };
        let mut restored = Self::new(MetaConfig { settings: self.settings }, self.names.iter().map(String::as_str));
        for (name, stored) in &checkpoint.brains {
            match self.names.iter().position(|known| known == name) {
                Some(brain) => fill(&mut restored.records[brain * PER_BRAIN..][..PER_BRAIN], stored)?,
                None => fill(&mut [Record::default(); PER_BRAIN], stored)?,
            }
        }
        fill(&mut restored.bins, &checkpoint.bins)?;
        *self = restored;
        Ok(())
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

/// Won and closed trades, fading. Integers: the same on every platform, and stored without loss.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Record {
    // In millionths of a trade.
    won: u64,
    trades: u64,
}

const ONE_TRADE: u64 = 1_000_000;

impl Record {
    /// Trades that still count.
    pub fn trades(self) -> f64 {
        self.trades as f64 / ONE_TRADE as f64
    }

    /// The share that won; `None` before the first.
    pub fn win_rate(self) -> Option<Unit> {
        (self.trades > 0).then(|| Unit::saturating(self.won as f64 / self.trades as f64))
    }

    fn shrunk(self, prior_trades: f64, prior_rate: f64) -> f64 {
        (self.won as f64 / ONE_TRADE as f64 + prior_trades * prior_rate) / (self.trades() + prior_trades)
    }

    /// The trades of a wider record that are not in this narrower one.
    fn without(self, narrower: Self) -> Self {
        // Both fade at the same time; rounding can leave millionths of a trade.
        let trades = self.trades.saturating_sub(narrower.trades);
        Self { won: self.won.saturating_sub(narrower.won).min(trades), trades }
    }

    fn fade(&mut self, memory: u64) {
        // Most of the narrow records are empty, and a division costs more than the look.
        if self.trades == 0 {
            return;
        }
        // Rounded alike and won ≤ trades, so it stays so.
        self.won -= self.won / memory;
        self.trades -= self.trades / memory;
    }

    fn add(&mut self, won: bool) {
        self.won += if won { ONE_TRADE } else { 0 };
        self.trades += ONE_TRADE;
    }

    fn is_sound(self) -> bool {
        self.won <= self.trades && self.trades <= (MEMORY_MOST + 1) * ONE_TRADE
    }
}

const CHECKPOINT_VERSION: u32 = 1;

/// A MetaBrain's experience as stored.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MetaCheckpoint {
    version: u32,
    brains: Vec<(String, Vec<(u16, Record)>)>,
    bins: Vec<(u16, Record)>,
}

/// Why stored experience cannot be taken over.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MetaCheckpointError {
    /// Written by another release.
    #[error("the MetaBrain's stored experience has version {got}, expected {CHECKPOINT_VERSION}")]
    Version {
        /// The version found.
        got: u32,
    },
    /// A record that cannot be.
    #[error("the MetaBrain's stored record {place} cannot be: {record:?}")]
    Record {
        /// Its place.
        place: u16,
        /// What was found.
        record: Record,
    },
}
