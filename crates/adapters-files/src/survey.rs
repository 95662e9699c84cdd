//! What the first reading finds out.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use alavanca_kernel::{Bar, Price, Timestamp};

use crate::report::{FaultCount, FaultLine, Gap, Gaps, Note, ZoneSource, percent};
use crate::row::{Carry, RawBar, RawTick};
use crate::screen::{FaultKind, Sink};
use crate::zone::{DAY_SECS, MICROS, weekday};

/// How many lines of each fault are listed.
const LINES_LISTED: usize = 20;
const GAPS_LISTED: usize = 10;
/// Distances between bars that are told apart; more are noise.
const STEPS_KNOWN: usize = 4096;

/// When a market rests at the weekend.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Weekend {
    /// Saturday and Sunday on the file's clock.
    Local,
    /// From New York's Friday evening to its Sunday evening, whatever the file's clock.
    Forex,
}

/// Counts what passes and what does not. Its memory does not grow with the file.
pub(crate) struct Survey {
    weekend: Weekend,
    /// Distances beyond this within a day are holes.
    long_gap: i64,
    grid: Option<Divisor>,
    pub(crate) rows: u64,
    pub(crate) accepted: u64,
    pub(crate) first: Option<i64>,
    pub(crate) last: i64,
    last_day: i32,
    last_secs: i32,
    faults: [(u64, Vec<FaultLine>); FaultKind::COUNT],
    // The commonest distance has a place of its own.
    step: i64,
    step_count: u64,
    steps: BTreeMap<i64, u64>,
    gaps: Gaps,
    weekend_rows: u64,
    weekend_line: u64,
    off_grid: u64,
    off_spread: u64,
    zero_volume: u64,
    /// Where bars begin, in seconds of the hour.
    grid_secs: i64,
    off_bar_grid: u64,
    fridays_early: u64,
    carry: Carry,
    repeats: Repeats,
}

impl Survey {
    pub(crate) fn new(weekend: Weekend, step: Option<i64>, tick: Option<Price>) -> Self {
        let step = step.unwrap_or(0);
        Self {
            weekend,
            long_gap: (1800 * MICROS).max(10 * step * MICROS),
            grid: tick.and_then(Divisor::new),
            rows: 0,
            accepted: 0,
            first: None,
            last: 0,
            last_day: 0,
            last_secs: 0,
            faults: Default::default(),
            step: step * MICROS,
            step_count: 0,
            steps: BTreeMap::new(),
            gaps: Gaps::default(),
            weekend_rows: 0,
            weekend_line: 0,
            off_grid: 0,
            off_spread: 0,
            zero_volume: 0,
            // Longer bars begin where the file's own day says.
            grid_secs: if step > 0 && 3600 % step == 0 { step } else { 60 },
            off_bar_grid: 0,
            fridays_early: 0,
            carry: Carry::default(),
            repeats: Repeats::default(),
        }
    }

    /// The commonest distance between bars, in whole seconds.
    pub(crate) fn commonest_step(&self) -> Option<u32> {
        let known = self.steps.iter().map(|(&step, &count)| (step, count));
        // Of equally common ones the shortest.
        let (step, _) = known
            .chain([(self.step, self.step_count)])
            .filter(|&(step, count)| count > 0 && step >= MICROS)
            .max_by_key(|&(step, count)| (count, -step))?;
        u32::try_from(step / MICROS).ok()
    }

    pub(crate) fn faulty(&self) -> u64 {
        FaultKind::ALL.iter().filter(|kind| kind.rejects()).map(|&kind| self.faults[kind as usize].0).sum()
    }

    pub(crate) fn faults(&mut self) -> Vec<FaultCount> {
        let rows = self.rows;
        FaultKind::ALL
            .into_iter()
            .zip(std::mem::take(&mut self.faults))
            .filter(|(_, (count, _))| *count > 0)
            .map(|(kind, (count, lines))| FaultCount { kind, count, percent: percent(count, rows), lines })
            .collect()
    }

    pub(crate) fn gaps(&mut self) -> Gaps {
        std::mem::take(&mut self.gaps)
    }

    /// What is odd about the rows that were let in.
    pub(crate) fn notes(&self, point: Price, zone_from: ZoneSource) -> Vec<Note> {
        let count = |count: u64, note: Note| (count > 0).then_some(note);
        let tick = self.grid.map_or(Price::ZERO, |grid| Price::from_raw(grid.tick));
        [
            count(self.weekend_rows, Note::WeekendRows { count: self.weekend_rows, first_line: self.weekend_line }),
            count(self.off_grid, Note::OffGrid { count: self.off_grid, tick }),
            count(self.off_bar_grid, Note::OffBarGrid { count: self.off_bar_grid }),
            // Where no bar has a volume, the source has none.
            count(self.zero_volume, Note::ZeroVolume { count: self.zero_volume })
                .filter(|_| self.zero_volume < self.accepted),
            count(self.repeats.count, Note::RepeatedTicks { count: self.repeats.count }),
            count(self.off_spread, Note::SpreadUnreliable { count: self.off_spread, point }),
            count(self.fridays_early, Note::FridayEndsEarly { count: self.fridays_early })
                .filter(|_| zone_from == ZoneSource::BrokerAssumed),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    #[inline]
    fn passed(&mut self, micros: i64, (day, secs): (i32, i32), line: u64) {
        self.accepted += 1;
        if self.first.is_some() {
            let step = micros - self.last;
            if step == self.step {
                self.step_count += 1;
            } else if step > 0 {
                self.other_step(step, micros, day);
            }
        } else {
            self.first = Some(micros);
        }
        let rests = match self.weekend {
            Weekend::Local => weekday(i64::from(day)) >= 5,
            Weekend::Forex => rests_forex(micros),
        };
        if rests {
            self.weekend_line = if self.weekend_rows == 0 { line } else { self.weekend_line.min(line) };
            self.weekend_rows += 1;
        }
        (self.last, self.last_day, self.last_secs) = (micros, day, secs);
    }

    fn other_step(&mut self, step: i64, micros: i64, day: i32) {
        if self.steps.len() < STEPS_KNOWN || self.steps.contains_key(&step) {
            *self.steps.entry(step).or_default() += 1;
        }
        let (from, to) = (i64::from(self.last_day), i64::from(day));
        let last_hour = (22 * 3600 + 2700..23 * 3600).contains(&self.last_secs);
        if last_hour && weekday(from) == 4 && to >= from + 2 {
            self.fridays_early += 1;
        }
        let weekdays = (from + 1..to.min(from + 30)).filter(|&day| weekday(day) < 5).count();
        if from == to && step > self.long_gap || weekdays > 2 {
            self.gaps.count += 1;
            let gap = Gap {
                from: Timestamp::from_micros(self.last),
                to: Timestamp::from_micros(micros),
                seconds: step / MICROS,
            };
            let at = self.gaps.largest.partition_point(|listed| listed.seconds >= gap.seconds);
            self.gaps.largest.insert(at, gap);
            self.gaps.largest.truncate(GAPS_LISTED);
        }
    }

    #[cold]
    fn fault(&mut self, line: u64, kind: FaultKind, what: fmt::Arguments<'_>) {
        let (count, lines) = &mut self.faults[kind as usize];
        *count += 1;
        // Rows of a file that is turned round come last line first.
        if lines.len() < LINES_LISTED || lines.last().is_some_and(|last| line < last.line) {
            let at = lines.partition_point(|listed| listed.line < line);
            lines.insert(at, FaultLine { line, what: what.to_string() });
            lines.truncate(LINES_LISTED);
        }
    }
}

impl Sink<RawBar> for Survey {
    #[inline]
    fn accept(&mut self, row: &RawBar, line: u64) {
        let Bar { time, open, high, low, close, volume, spread, tick_volume, .. } = row.bar;
        self.passed(time.micros(), (row.day, row.secs), line);
        if let Some(grid) = &self.grid {
            let on = grid.divides(open) & grid.divides(high) & grid.divides(low) & grid.divides(close);
            self.off_grid += u64::from(!on);
            self.off_spread += u64::from(!grid.divides(spread));
        }
        self.zero_volume += u64::from(volume == 0 && tick_volume == 0);
        if time.micros() % (self.grid_secs * MICROS) != 0 {
            self.off_bar_grid += 1;
        }
    }

    fn reject(&mut self, line: u64, kind: FaultKind, what: fmt::Arguments<'_>) {
        self.fault(line, kind, what);
    }
}

impl Sink<RawTick> for Survey {
    fn accept(&mut self, row: &RawTick, line: u64) {
        self.repeats.add(row, self.last == row.time && self.first.is_some());
        self.passed(row.time, (row.day, row.secs), line);
        let tick = self.carry.fill(row);
        if tick.bid.is_positive() && tick.ask.is_positive() && tick.ask < tick.bid {
            self.fault(line, FaultKind::CrossedBook, format_args!("bid {} above ask {}", tick.bid, tick.ask));
        }
    }

    fn reject(&mut self, line: u64, kind: FaultKind, what: fmt::Arguments<'_>) {
        self.fault(line, kind, what);
    }
}

/// The ticks of one instant.
#[derive(Default)]
struct Repeats {
    first: Option<RawTick>,
    seen: HashSet<RawTick>,
    count: u64,
}

impl Repeats {
    fn add(&mut self, row: &RawTick, same_time: bool) {
        if !same_time {
            self.first = Some(*row);
            self.seen.clear();
            return;
        }
        self.seen.extend(self.first.take());
        self.count += u64::from(!self.seen.insert(*row));
    }
}

/// New York's Friday 17:00 to Sunday 17:00, less an hour at either end for its daylight time.
fn rests_forex(micros: i64) -> bool {
    const WEEK: i64 = 7 * DAY_SECS * MICROS;
    // 1970-01-02 was a Friday.
    const FRIDAY_22: i64 = (DAY_SECS + 22 * 3600) * MICROS;
    (micros - FRIDAY_22).rem_euclid(WEEK) < 47 * 3600 * MICROS
}

/// Tells multiples without dividing: x is a multiple of 2ᵏ·d with d odd where x·d⁻¹ (mod 2⁶⁴), turned right by k bits,
/// is not larger than the largest such quotient.
#[derive(Clone, Copy, Debug)]
struct Divisor {
    tick: i64,
    inverse: u64,
    twos: u32,
    largest: u64,
}

impl Divisor {
    fn new(tick: Price) -> Option<Self> {
        let divisor = u64::try_from(tick.raw()).ok().filter(|&raw| raw > 0)?;
        let twos = divisor.trailing_zeros();
        let odd = divisor >> twos;
        // Newton's step doubles the bits that are right; an odd number is its own inverse in three.
        let mut inverse = odd;
        for _ in 0..5 {
            inverse = inverse.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(inverse)));
        }
        Some(Self { tick: tick.raw(), inverse, twos, largest: u64::MAX / divisor })
    }

    #[inline]
    fn divides(self, price: Price) -> bool {
        (price.raw() as u64).wrapping_mul(self.inverse).rotate_right(self.twos) <= self.largest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn divides_as_the_remainder_says(tick in 1_i64..10_000_000_000, factor in 0_i64..100_000_000, off in 0_i64..3) {
            let divisor = Divisor::new(Price::from_raw(tick)).unwrap();
            let price = tick * factor + off;
            prop_assert_eq!(divisor.divides(Price::from_raw(price)), price % tick == 0);
        }
    }

    #[test]
    fn forex_rests_at_the_weekend() {
        for (utc, rests) in [
            (1_615_586_399, false), // Friday 2021-03-12 21:59:59
            (1_615_586_400, true),
            (1_615_755_599, true), // Sunday 2021-03-14 20:59:59
            (1_615_755_600, false),
        ] {
            assert_eq!(rests_forex(utc * MICROS), rests, "{utc}");
        }
    }
}
