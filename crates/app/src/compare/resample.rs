//! Intervals of differences, by drawing days anew.

use alavanca_stats::{Moments, StationaryBootstrap, percentile_interval};
use serde::Serialize;

use super::SameData;
use super::days::{DayBook, DayResult};
use super::figure::Figure;

/// How many times days are drawn.
const RESAMPLES: usize = 10_000;
/// The share of resampled differences that an interval holds.
const LEVEL: f64 = 0.95;
/// Of the draws: fixed, so that the same runs give the same intervals.
const SEED: u64 = 20_261_123;
/// Of fewer days no interval is given: they do not show how days differ.
const DAYS_MIN: usize = 10;
/// A figure that cannot be said in more of the resamples than this has no interval.
const UNDEFINED_MAX: f64 = 0.01;

/// Where a difference lies.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// From here ...
    pub low: f64,
    /// ... to here.
    pub high: f64,
}

/// Why a difference has no interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NoInterval {
    /// Too few trading days.
    TooFewDays,
    /// The figure is none of days that could be drawn anew: it depends on their order, or is no result.
    NotOfDays,
    /// The figure itself, or too many of its resamples, cannot be said.
    Undefined,
}

/// How intervals were made.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Method {
    /// `paired`: the same days were drawn of both. `unpaired`: of each its own.
    pub paired: bool,
    /// Trading days of the first run, and of the other.
    pub days: [usize; 2],
    /// Mean length of the blocks of neighbouring days, for each.
    pub mean_block: [f64; 2],
    /// How many times days were drawn.
    pub resamples: usize,
    /// The share of resampled differences that an interval holds.
    pub level: f64,
    /// Of the draws.
    pub seed: u64,
}

/// Differences over all resamples.
pub(super) struct Resampled {
    method: Option<Method>,
    /// By figure; those that cannot be said are left out.
    differences: [Vec<f64>; FIGURES.len()],
}

/// The figures that follow from days in any order.
const FIGURES: [Figure; 7] = [
    Figure::Net,
    Figure::Gross,
    Figure::Costs,
    Figure::Trades,
    Figure::WinRate,
    Figure::ProfitFactor,
    Figure::SharpePerDay,
];

pub(super) fn resample(first: &DayBook, second: &DayBook, data: SameData) -> Resampled {
    let mut resampled = Resampled { method: None, differences: Default::default() };
    let paired = data == SameData::Same;
    let days = if paired {
        both(first, second)
    } else {
        [first, second].map(|book| book.iter().map(|(_, day)| *day).collect())
    };
    if days.iter().any(|days| days.len() < DAYS_MIN) {
        return resampled;
    }
    let [Some(of_first), Some(of_second)] =
        days.each_ref().map(|days| StationaryBootstrap::with_usual_blocks(days.len()))
    else {
        return resampled;
    };
    resampled.method = Some(Method {
        paired,
        days: days.each_ref().map(Vec::len),
        mean_block: [of_first, of_second].map(|bootstrap| bootstrap.mean_block()),
        resamples: RESAMPLES,
        level: LEVEL,
        seed: SEED,
    });
    let mut random = split_mix(SEED);
    let mut places = [Vec::new(), Vec::new()];
    for _ in 0..RESAMPLES {
        of_first.draw(&mut places[0], &mut random);
        if !paired {
            of_second.draw(&mut places[1], &mut random);
        }
        let sums = [0, 1].map(|run| {
            let drawn = &places[if paired { 0 } else { run }];
            Sums::of(drawn.iter().map(|&place| &days[run][place]))
        });
        for (figure, kept) in FIGURES.into_iter().zip(&mut resampled.differences) {
            if let (Some(first), Some(second)) = (sums[0].figure(figure), sums[1].figure(figure)) {
                kept.push(second - first);
            }
        }
    }
    resampled
}

impl Resampled {
    pub(super) fn method(&self) -> Option<Method> {
        self.method.clone()
    }

    pub(super) fn interval(&self, figure: Figure) -> Result<Interval, NoInterval> {
        let place = FIGURES.iter().position(|known| *known == figure).ok_or(NoInterval::NotOfDays)?;
        if self.method.is_none() {
            return Err(NoInterval::TooFewDays);
        }
        let mut differences = self.differences[place].clone();
        if (differences.len() as f64) < (1.0 - UNDEFINED_MAX) * RESAMPLES as f64 {
            return Err(NoInterval::Undefined);
        }
        let (low, high) = percentile_interval(&mut differences, LEVEL).ok_or(NoInterval::Undefined)?;
        Ok(Interval { low, high })
    }
}

/// The days of both, each where one of them has it.
fn both(first: &DayBook, second: &DayBook) -> [Vec<DayResult>; 2] {
    let mut days: Vec<_> = first.iter().chain(second.iter()).map(|(day, _)| day).collect();
    days.sort_unstable();
    days.dedup();
    [first, second].map(|book| days.iter().map(|day| book.on(*day)).collect())
}

/// What drawn days come to.
#[derive(Default)]
struct Sums {
    total: DayResult,
    booked: Moments,
}

impl Sums {
    fn of<'a>(days: impl Iterator<Item = &'a DayResult>) -> Self {
        let mut sums = Self::default();
        for day in days {
            let total = &mut sums.total;
            total.net += day.net;
            total.gross += day.gross;
            total.costs += day.costs;
            total.trades += day.trades;
            total.wins += day.wins;
            total.won += day.won;
            total.lost += day.lost;
            sums.booked.push(day.booked.to_f64());
        }
        sums
    }

    fn figure(&self, figure: Figure) -> Option<f64> {
        let total = &self.total;
        match figure {
            Figure::Net => Some(total.net.to_f64()),
            Figure::Gross => Some(total.gross.to_f64()),
            Figure::Costs => Some(total.costs.to_f64()),
            Figure::Trades => Some(f64::from(total.trades)),
            Figure::WinRate => (total.trades > 0).then(|| f64::from(total.wins) / f64::from(total.trades)),
            Figure::ProfitFactor => total.lost.is_positive().then(|| total.won.to_f64() / total.lost.to_f64()),
            Figure::SharpePerDay => {
                let deviation = self.booked.std_dev().filter(|&deviation| deviation > 0.0)?;
                Some(self.booked.mean()? / deviation)
            }
            _ => None,
        }
    }
}

/// `SplitMix64`: integers only, so that every platform draws the same.
fn split_mix(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed;
    move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }
}
