use alavanca_kernel::{Bar, ExitAt, Price, SettingError, Side, Signal, Tick, Unit};
use serde::{Deserialize, Serialize};

use crate::setting::number;
use crate::{Brain, Opinion, Trigger};

/// The most brains that one boss hears.
pub const MAX_BRAINS: usize = 16;

/// Settings of the [`BossBrain`].
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BossSettings {
    /// `BOSS_MIN_SCORE`: a signal of a smaller score is none; 0 to 1.
    pub min_score: f64,
    /// `BOSS_MIN_AGREEMENT`: a signal of less agreement is none; −1 (any) to 1 (nobody may stand against it), 0 asks
    /// that it is not outvoted.
    pub min_agreement: f64,
}

impl Default for BossSettings {
    fn default() -> Self {
        Self { min_score: 0.0, min_agreement: -1.0 }
    }
}

/// Checked settings of the [`BossBrain`].
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct BossConfig {
    settings: BossSettings,
}

impl BossConfig {
    /// Checks the settings.
    pub fn new(settings: BossSettings) -> Result<Self, SettingError> {
        number("BOSS_MIN_SCORE", settings.min_score, 0.0, 1.0)?;
        number("BOSS_MIN_AGREEMENT", settings.min_agreement, -1.0, 1.0)?;
        Ok(Self { settings })
    }
}

/// Level 1: hears every brain and makes one signal of their triggers.
///
/// With wᵢ the weight of a brain and sᵢ the strength of its trigger:
///
/// - Each side's call is Σ wᵢsᵢ over the brains that trigger for it; the larger call is the signal's side, and equal
///   calls cancel each other.
/// - The score is Σ wᵢsᵢ / Σ wᵢ over the brains that trigger for that side. Below `BOSS_MIN_SCORE` there is no signal.
/// - The agreement is (W₊ − W₋) / (W₊ + W₋), W₊ the weight of all that trigger for the side or lean to it, W₋ of all
///   that trigger for the other or lean there: 1 where nobody is against, 0 where the sides are even. Below
///   `BOSS_MIN_AGREEMENT` there is no signal. So at 0 one brain that wants to buy, with three that lean to a sale, stays
///   alone (−½ under equal weights), however strongly it wants to.
/// - Stop and target are those of the brain with the largest wᵢsᵢ there (the lead; of equals the first): a mean of
///   several stops would be nobody's stop.
///
/// A brain is not heard before its warm-up is over.
#[derive(Debug)]
pub struct BossBrain {
    settings: BossSettings,
    brains: Vec<Box<dyn Brain>>,
    warmup: [usize; MAX_BRAINS],
    wants_ticks: bool,
    bars: usize,
    standing: Votes,
    // Told by the brains whose bit is set in the standing votes; what else is here is old.
    triggers: [Trigger; MAX_BRAINS],
}

/// What the boss made of a bar or a tick.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct BossDecision {
    /// The signal, where there is one.
    pub signal: Option<Signal>,
    /// Where every brain stands.
    pub votes: Votes,
}

impl BossBrain {
    /// A boss of these brains: 1 to [`MAX_BRAINS`], each with a name of its own.
    pub fn new(brains: Vec<Box<dyn Brain>>) -> Result<Self, SettingError> {
        let names: Vec<_> = brains.iter().map(|brain| brain.name().to_owned()).collect();
        let refuse = |allowed: String| Err(SettingError::new("BRAINS", names.join(","), allowed));
        if !(1..=MAX_BRAINS).contains(&brains.len()) {
            return refuse(format!("1 to {MAX_BRAINS} brains"));
        }
        if (1..names.len()).any(|i| names[..i].contains(&names[i])) {
            return refuse("each brain once; track records are kept by name".to_owned());
        }
        let mut warmup = [0; MAX_BRAINS];
        for (slot, brain) in warmup.iter_mut().zip(&brains) {
            *slot = brain.warmup_bars();
        }
        let wants_ticks = brains.iter().any(|brain| brain.wants_ticks());
        let standing = Votes { len: brains.len() as u8, ..Votes::default() };
        let BossConfig { settings } = BossConfig::default();
        Ok(Self { settings, brains, warmup, wants_ticks, bars: 0, standing, triggers: [NO_TRIGGER; MAX_BRAINS] })
    }

    /// The same boss with these settings.
    #[must_use]
    pub fn with(self, config: BossConfig) -> Self {
        Self { settings: config.settings, ..self }
    }

    /// The brains' names, in the order of their places.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.brains.iter().map(|brain| brain.name())
    }

    /// How many bars of history until every brain is heard.
    pub fn warmup_bars(&self) -> usize {
        self.warmup.into_iter().max().unwrap_or(0)
    }

    /// How many whole trading days of history a restart must show, besides the bars of the warm-up.
    pub fn warmup_days(&self) -> usize {
        self.brains.iter().map(|brain| brain.warmup_days()).max().unwrap_or(0)
    }

    /// Whether ticks change anything.
    pub const fn wants_ticks(&self) -> bool {
        self.wants_ticks
    }

    /// Takes the next closed bar. `weights` is asked only where several brains have to be weighed.
    #[inline]
    pub fn on_bar(&mut self, bar: &Bar, weights: impl FnOnce() -> Weights) -> BossDecision {
        self.bars += 1;
        let bars = self.bars;
        if let [only] = self.brains.as_mut_slice() {
            let opinion = only.on_bar(bar);
            return if bars >= self.warmup[0] { self.sole(&opinion) } else { silence(self.standing) };
        }
        let mut votes = Votes { len: self.standing.len, ..Votes::default() };
        for (i, brain) in self.brains.iter_mut().enumerate() {
            let opinion = brain.on_bar(bar);
            if bars >= self.warmup[i] {
                votes.take(i, &opinion);
                if let Some(trigger) = opinion.trigger {
                    self.triggers[i] = trigger;
                }
            }
        }
        self.decide(votes, weights)
    }

    /// Takes a tick; `None` where no brain had anything to say to it.
    pub fn on_tick(&mut self, tick: &Tick, weights: impl FnOnce() -> Weights) -> Option<BossDecision> {
        if !self.wants_ticks {
            return None;
        }
        // Leanings stand until they change; triggers are for the moment.
        let mut votes = Votes { buy_now: 0, sell_now: 0, lead: 0, ..self.standing };
        let mut spoke = false;
        for (i, brain) in self.brains.iter_mut().enumerate() {
            if let Some(opinion) = brain.on_tick(tick).filter(|_| self.bars >= self.warmup[i]) {
                spoke = true;
                votes.take(i, &opinion);
                if let Some(trigger) = opinion.trigger {
                    self.triggers[i] = trigger;
                }
            }
        }
        if !spoke {
            return None;
        }
        Some(self.decide(votes, weights))
    }

    /// Where every brain stands, as of the last bar or tick.
    pub const fn votes(&self) -> Votes {
        self.standing
    }

    /// Forgets everything, as new.
    pub fn reset(&mut self) {
        for brain in &mut self.brains {
            brain.reset();
        }
        self.bars = 0;
        self.standing = Votes { len: self.standing.len, ..Votes::default() };
    }

    #[inline]
    fn decide(&mut self, mut votes: Votes, weights: impl FnOnce() -> Weights) -> BossDecision {
        self.standing = votes;
        if votes.buy_now | votes.sell_now == 0 {
            return silence(votes);
        }
        let weights = weights();
        let call = |side| {
            let mut call = Call { sum: 0.0, weight: 0.0, loudest: 0.0, lead: None };
            for i in votes.triggered(side).places() {
                call.add(i, weights.0[i], self.triggers[i].strength.get());
            }
            call
        };
        let (buy, sell) = (call(Side::Buy), call(Side::Sell));
        let winner = if buy.sum > sell.sum {
            Some((Side::Buy, buy))
        } else if sell.sum > buy.sum {
            Some((Side::Sell, sell))
        } else {
            None
        };
        let signal = winner.and_then(|(side, call)| {
            let lead = call.lead?;
            let trigger = self.triggers[lead];
            votes.lead = lead as u8;
            let score = Unit::saturating(call.sum / call.weight);
            let heard = score.get() >= self.settings.min_score
                && weights.agreement(votes.voters(side)) >= self.settings.min_agreement;
            heard.then_some(Signal { side, score, stop: trigger.stop, target: trigger.target })
        });
        self.standing = votes;
        BossDecision { signal, votes }
    }

    /// The only brain is the boss.
    #[inline]
    fn sole(&mut self, opinion: &Opinion) -> BossDecision {
        let mut votes = Votes { len: 1, ..Votes::default() };
        votes.take(0, opinion);
        self.standing = votes;
        let heard = opinion.trigger.filter(|trigger| trigger.strength.get() >= self.settings.min_score);
        let Some(Trigger { side, strength, stop, target }) = heard else { return silence(votes) };
        BossDecision { signal: Some(Signal { side, score: strength, stop, target }), votes }
    }
}

#[inline]
const fn silence(votes: Votes) -> BossDecision {
    BossDecision { signal: None, votes }
}

const NO_TRIGGER: Trigger =
    Trigger { side: Side::Buy, strength: Unit::ZERO, stop: ExitAt::Distance(Price::ZERO), target: None };

/// One side's call.
struct Call {
    sum: f64,
    weight: f64,
    loudest: f64,
    lead: Option<usize>,
}

impl Call {
    fn add(&mut self, place: usize, weight: f64, strength: f64) {
        let loud = weight * strength;
        self.sum += loud;
        self.weight += weight;
        if loud > self.loudest {
            (self.loudest, self.lead) = (loud, Some(place));
        }
    }
}

/// How much each brain counts, by its place. Only their ratios matter.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(from = "Vec<f64>", into = "Vec<f64>")]
pub struct Weights([f64; MAX_BRAINS]);

impl Weights {
    /// All the same.
    pub const EQUAL: Self = Self([1.0; MAX_BRAINS]);

    /// None counts: what a record has where weights were not recorded.
    pub const fn none() -> Self {
        Self([0.0; MAX_BRAINS])
    }

    /// Weights by place. What is not finite or not above zero counts as zero.
    pub fn new(mut weights: [f64; MAX_BRAINS]) -> Self {
        for weight in &mut weights {
            if !(weight.is_finite() && *weight > 0.0) {
                *weight = 0.0;
            }
        }
        Self(weights)
    }

    /// The weight of the brain at a place; 0 where there is none.
    #[inline]
    pub fn get(&self, place: usize) -> f64 {
        self.0.get(place).copied().unwrap_or(0.0)
    }

    /// (weight with − weight against) / (both), −1 to 1; 0 where neither weighs anything.
    pub fn agreement(&self, voters: Voters) -> f64 {
        let of = |places: Places| places.places().map(|place| self.0[place]).sum::<f64>();
        let (with, against) = (of(voters.with), of(voters.against));
        if with + against > 0.0 { (with - against) / (with + against) } else { 0.0 }
    }
}

impl From<Vec<f64>> for Weights {
    fn from(stored: Vec<f64>) -> Self {
        let mut weights = [0.0; MAX_BRAINS];
        for (weight, stored) in weights.iter_mut().zip(stored) {
            *weight = stored;
        }
        Self::new(weights)
    }
}

impl From<Weights> for Vec<f64> {
    /// As stored: up to the last that counts.
    fn from(Weights(weights): Weights) -> Self {
        let len = weights.iter().rposition(|weight| *weight > 0.0).map_or(0, |last| last + 1);
        weights[..len].to_vec()
    }
}

/// Where every brain stands: its leaning, and its trigger of the moment.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Votes {
    // One bit per brain's place.
    buy: u16,
    sell: u16,
    buy_now: u16,
    sell_now: u16,
    lead: u8,
    len: u8,
}

impl Votes {
    /// Of so many opinions, by place; of more than [`MAX_BRAINS`] the first.
    pub fn new(opinions: &[Opinion], lead: usize) -> Self {
        let opinions = &opinions[..opinions.len().min(MAX_BRAINS)];
        let mut votes = Self { len: opinions.len() as u8, lead: lead as u8, ..Self::default() };
        for (place, opinion) in opinions.iter().enumerate() {
            votes.take(place, opinion);
        }
        votes
    }

    /// How many brains there are.
    pub const fn len(self) -> usize {
        self.len as usize
    }

    /// Whether there is no brain.
    pub const fn is_empty(self) -> bool {
        self.len == 0
    }

    /// Where the brain at a place leans.
    pub const fn bias(self, place: usize) -> Option<Side> {
        Self::side(self.buy, self.sell, place)
    }

    /// The side that the brain at a place wants to trade now.
    pub const fn trigger(self, place: usize) -> Option<Side> {
        Self::side(self.buy_now, self.sell_now, place)
    }

    /// The place of the brain whose stop and target the signal has.
    pub const fn lead(self) -> usize {
        self.lead as usize
    }

    /// The brains that trigger for a side.
    pub const fn triggered(self, side: Side) -> Places {
        Places(match side {
            Side::Buy => self.buy_now,
            Side::Sell => self.sell_now,
        })
    }

    /// Who stands with a trade of `side` and who against. A trigger outweighs a leaning.
    pub const fn voters(self, side: Side) -> Voters {
        let (with, with_now, against, against_now) = match side {
            Side::Buy => (self.buy, self.buy_now, self.sell, self.sell_now),
            Side::Sell => (self.sell, self.sell_now, self.buy, self.buy_now),
        };
        Voters { with: Places(with & !against_now | with_now), against: Places(against & !with_now | against_now) }
    }

    const fn side(buy: u16, sell: u16, place: usize) -> Option<Side> {
        if place >= MAX_BRAINS {
            None
        } else if buy >> place & 1 == 1 {
            Some(Side::Buy)
        } else if sell >> place & 1 == 1 {
            Some(Side::Sell)
        } else {
            None
        }
    }

    #[inline]
    fn take(&mut self, place: usize, opinion: &Opinion) {
        let others = !(1_u16 << place);
        let now = opinion.trigger.as_ref().map(|trigger| trigger.side);
        let put = |mask: u16, set: bool| mask & others | u16::from(set) << place;
        self.buy = put(self.buy, opinion.bias == Some(Side::Buy));
        self.sell = put(self.sell, opinion.bias == Some(Side::Sell));
        self.buy_now = put(self.buy_now, now == Some(Side::Buy));
        self.sell_now = put(self.sell_now, now == Some(Side::Sell));
    }
}

/// Some of the brains, by their places.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Places(u16);

impl Places {
    /// Bit i is set for the brain at place i.
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Whether the brain at a place is one of them.
    pub const fn contains(self, place: usize) -> bool {
        place < MAX_BRAINS && self.0 >> place & 1 == 1
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Their places, in order.
    pub fn places(self) -> impl Iterator<Item = usize> {
        // The lowest bit that is set goes with each step.
        let rests = std::iter::successors(Some(self.0), |rest| Some(rest & (rest.wrapping_sub(1))));
        rests.take_while(|&rest| rest != 0).map(|rest| rest.trailing_zeros() as usize)
    }
}

/// Who stands with a trade and who against it; the others have no view.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Voters {
    /// Those that want it or lean its way.
    pub with: Places,
    /// Those that want or lean the other way.
    pub against: Places,
}
