//! Level 4 as traders draw it: swings, pivots, volume profile, VWAP, round numbers, yesterday, the opening range.

mod days;
mod levels;
mod profile;
mod rounds;
mod settings;

use std::ops::Range;

use alavanca_calendar::{MarketClock, Place};
use alavanca_indicators::{Atr, BarAggregator, Pivot, Pivots, RollingMean, Swing, Vwap};
use alavanca_kernel::{Bar, Price, Unit};

use crate::{LiquidityMap, Zone, ZoneKind};
use days::{DayRange, Days, Turn};
use levels::{LEVELS, LevelTable};
use rounds::RoundSteps;

pub use profile::{BINS, Cluster, ValueArea, VolumeProfile};
pub use settings::{ZoneMapConfig, ZoneMapSettings};

/// Zones of every kind that traders draw, each in a fixed place of one table.
///
/// **Where they lie.** Swing highs and lows of two time frames (`swing_bars` to both sides); of the previous day its
/// high H, low L and close C, and its floor pivots P = (H + L + C) / 3, R1 = 2P − L, S1 = 2P − H, R2 = P + H − L,
/// S2 = P − H + L, R3 = H + 2 (P − L), S3 = L − 2 (H − P); the high and low of the session's first minutes, once they are
/// over; the VWAP of the day and of the week, with one and two standard deviations to both sides; the
/// [profile's](VolumeProfile) point of control, value area and three largest clusters; the round numbers around the
/// price. A day is the trading day, and nothing is said of a day, a week or an opening whose beginning was not seen.
///
/// **How strong they are.** A new level has the [weight of its kind](ZoneKind::weight). A bar that comes within
/// `merge_atr` ATRs of it, after one that did not, is a touch: the first `spent_touches` strengthen it,
/// s ← 1 − 0.9 · (1 − s), each later one halves it. Swings fade by half in `half_life_minutes` of trading; what belongs
/// to a day ends with it. A swing within `merge_atr` ATRs of another one strengthens that instead,
/// s ← 1 − (1 − s)(1 − w).
///
/// **Strength at a price** p: 1 − Π (1 − s · max(0, 1 − |p − level| / reach)) over all levels, with
/// reach = `reach_atr` ATRs. Levels that stand together are stronger than each. The ATR is that of the fast time frame;
/// of bars that are longer it is theirs times √(fast / bar), so that a zone is as wide whatever bars it is seen on.
///
/// **The nearest zones** are the nearest levels, each joined with those within `merge_atr` ATRs behind it:
/// strength 1 − Π (1 − s); price, kind and touches are the strongest one's. Levels below 0.05 are left out.
///
/// **Cost.** A bar passes over the table once and over the bins that it spans (at most [`BINS`]); value area and
/// clusters are looked for when a bar of the fast time frame ends, over the used bins. Nothing is allocated.
#[derive(Clone, Debug)]
pub struct ZoneMap {
    config: ZoneMapConfig,
    clock: MarketClock,
    tick: Price,
    fast: Frame,
    slow: Frame,
    atr: Atr,
    mean_volume: RollingMean,
    // Of the fast time frame; 0 where it is not known.
    mean: f64,
    days: Days,
    day_vwap: Vwap,
    week_vwap: Vwap,
    profile: VolumeProfile,
    opening: Option<(i64, i64)>,
    rounds: Option<RoundSteps>,
    // The close lies between these, so that the round numbers around it are known.
    round_between: Range<i64>,
    next_round: usize,
    table: LevelTable,
    // Of bars of this length, what is left of a swing after one.
    fade: (u32, f64),
    reach: Option<Reach>,
}

/// Distances by the ATR.
#[derive(Clone, Copy, Debug)]
struct Reach {
    per_reach: f64,
    near: f64,
}

/// One time frame of swings.
#[derive(Clone, Debug)]
struct Frame {
    bars: BarAggregator,
    pivots: Pivots,
}

impl Frame {
    fn new(minutes: u32, swing_bars: usize) -> Self {
        Self { bars: BarAggregator::new(minutes * 60), pivots: Pivots::new(swing_bars) }
    }
}

// The places of the table.
const SWINGS: Range<usize> = 0..16;
const YESTERDAY: Range<usize> = 16..26;
const OPENING: Range<usize> = 26..28;
const DAY_VWAP: Range<usize> = 28..33;
const WEEK_VWAP: Range<usize> = 33..38;
const PROFILE: Range<usize> = 38..41;
const CLUSTERS: Range<usize> = 41..44;
const ROUNDS: Range<usize> = 44..LEVELS;

impl ZoneMap {
    /// From checked settings, for a market with that clock and that tick.
    pub fn new(config: ZoneMapConfig, clock: MarketClock, tick: Price) -> Self {
        let (shared, own) = (&config.shared, &config.own);
        Self {
            clock,
            tick,
            fast: Frame::new(own.fast_minutes, shared.swing_bars),
            slow: Frame::new(own.slow_minutes, shared.swing_bars),
            atr: Atr::new(shared.atr_period),
            mean_volume: RollingMean::new(shared.volume_bars),
            mean: 0.0,
            days: Days::default(),
            day_vwap: Vwap::new(),
            week_vwap: Vwap::new(),
            profile: VolumeProfile::new(tick, own.profile_days),
            opening: None,
            rounds: None,
            round_between: 0..0,
            next_round: ROUNDS.start,
            table: LevelTable::new(shared.spent_touches),
            fade: (0, 1.0),
            reach: None,
            config,
        }
    }

    /// All levels, in no order, as they stand alone.
    pub fn levels(&self) -> impl Iterator<Item = Zone> {
        (0..LEVELS).filter(|&i| self.table.is_used(i)).map(|i| self.table.zone(i, self.tick))
    }

    /// The volume profile.
    pub const fn profile(&self) -> &VolumeProfile {
        &self.profile
    }

    /// Today and this week, before anything is asked of them.
    fn turn(&mut self, bar: &Bar, previous: Option<DayRange>, week: bool) {
        self.day_vwap.reset();
        self.table.clear(DAY_VWAP.start..DAY_VWAP.end);
        if week {
            self.week_vwap.reset();
            self.table.clear(WEEK_VWAP);
        }
        self.profile.begin_day(previous.map_or(Price::ZERO, |day| Price::from_raw(day.high - day.low)));
        self.table.clear(PROFILE.start..CLUSTERS.end);
        self.table.clear(OPENING);
        self.opening = None;
        self.rounds = Some(RoundSteps::at(bar.open, self.config.own.round_step, self.tick));
        self.round_between = 0..0;
        self.table.clear(YESTERDAY);
        let Some(DayRange { high, low, close }) = previous else { return };
        // Three prices at their limit still fit.
        let pivot = (high + low + close) / 3;
        let levels = [
            (high, ZoneKind::PreviousHigh),
            (low, ZoneKind::PreviousLow),
            (close, ZoneKind::PreviousClose),
            (pivot, ZoneKind::Pivot),
            (2 * pivot - low, ZoneKind::R1),
            (pivot + (high - low), ZoneKind::R2),
            (high + 2 * (pivot - low), ZoneKind::R3),
            (2 * pivot - high, ZoneKind::S1),
            (pivot - (high - low), ZoneKind::S2),
            (low - 2 * (high - pivot), ZoneKind::S3),
        ];
        for (place, (raw, kind)) in YESTERDAY.zip(levels) {
            let price = Price::from_raw(raw).to_tick(self.tick);
            if price.is_positive() {
                self.table.put(place, price.raw() as f64, kind, kind.weight());
            }
        }
    }

    #[inline]
    fn average(&mut self, bar: &Bar) {
        const BANDS: [f64; 4] = [-2.0, -1.0, 1.0, 2.0];
        let both = [
            (&mut self.day_vwap, self.days.day_known(), DAY_VWAP.start, [ZoneKind::DayVwap, ZoneKind::DayVwapBand]),
            (
                &mut self.week_vwap,
                self.days.week_known(),
                WEEK_VWAP.start,
                [ZoneKind::WeekVwap, ZoneKind::WeekVwapBand],
            ),
        ];
        for (vwap, known, place, [kind, band_kind]) in both {
            if !known {
                continue;
            }
            vwap.push(bar);
            let Some(band) = vwap.value() else { continue };
            self.table.slide(place, band.middle, kind);
            // Bands that lie on the average say nothing of their own.
            if band.deviation > 0.0 {
                for (place, by) in (place + 1..).zip(BANDS) {
                    self.table.slide(place, band.middle + by * band.deviation, band_kind);
                }
            }
        }
    }

    /// The first minutes of the session; their ends are levels once they are over.
    #[inline]
    fn open(&mut self, bar: &Bar, place: &Place) {
        /// A market that trades for longer has no opening.
        const LONGEST_SESSION: u32 = 23 * 3_600;
        let (Some(opens), Some(closes)) = (place.opens, place.closes) else { return };
        if self.table.is_used(OPENING.start) || !self.days.opening_known() || closes - opens >= LONGEST_SESSION {
            return;
        }
        let second = place.moment.second_of_day;
        let until = opens + self.config.own.opening_minutes * 60;
        if second >= opens && second < until {
            let (low, high) = self.opening.unwrap_or((i64::MAX, i64::MIN));
            self.opening = Some((low.min(bar.low.raw()), high.max(bar.high.raw())));
        }
        if second + bar.seconds >= until
            && let Some((low, high)) = self.opening
        {
            for (place, (raw, kind)) in
                OPENING.zip([(high, ZoneKind::OpeningRangeHigh), (low, ZoneKind::OpeningRangeLow)])
            {
                self.table.put(place, raw as f64, kind, kind.weight());
            }
        }
    }

    /// The profile's levels, looked for anew.
    fn value(&mut self, near: f64) {
        let Some(area) = self.profile.value_area(self.config.own.value_area) else { return };
        let levels = [
            (area.point_of_control, ZoneKind::PointOfControl),
            (area.high, ZoneKind::ValueAreaHigh),
            (area.low, ZoneKind::ValueAreaLow),
        ];
        for (place, (price, kind)) in PROFILE.zip(levels) {
            self.table.move_to(place, price.raw() as f64, kind, kind.weight(), near);
        }
        let mut clusters = self.profile.clusters::<{ CLUSTERS.end - CLUSTERS.start }>();
        // A cluster that is near one of before is the same; the rest take what places are left.
        for place in CLUSTERS {
            let here = self.table.price(place);
            let same = |cluster: &&mut Option<Cluster>| {
                cluster.is_some_and(|cluster| (cluster.price.raw() as f64 - here).abs() <= near)
            };
            match clusters.iter_mut().find(same).and_then(Option::take) {
                Some(Cluster { price, share }) => {
                    let weight = ZoneKind::VolumeCluster.weight() * share;
                    self.table.move_to(place, price.raw() as f64, ZoneKind::VolumeCluster, weight, near);
                }
                None => self.table.clear(place..place + 1),
            }
        }
        for Cluster { price, share } in clusters.into_iter().flatten() {
            if let Some(place) = CLUSTERS.clone().find(|&place| !self.table.is_used(place)) {
                let weight = ZoneKind::VolumeCluster.weight() * share;
                self.table.put(place, price.raw() as f64, ZoneKind::VolumeCluster, weight);
            }
        }
    }

    /// The round numbers around the close, where they are not known yet. Those that were met last stay.
    #[cold]
    fn surround(&mut self, close: i64) {
        let Some(steps) = self.rounds else { return };
        let (below, above) = steps.around(close);
        self.round_between = below..above;
        for raw in [below, above] {
            if raw <= 0 || ROUNDS.clone().any(|place| self.table.is_at(place, raw)) {
                continue;
            }
            let strength = ZoneKind::RoundNumber.weight() * if steps.is_major(raw) { 1.0 } else { 0.5 };
            // In turn, but never the other side's.
            while [below, above].iter().any(|&beside| self.table.is_at(self.next_round, beside)) {
                self.next_round = Self::after(self.next_round);
            }
            self.table.put(self.next_round, raw as f64, ZoneKind::RoundNumber, strength);
            self.next_round = Self::after(self.next_round);
        }
    }

    const fn after(place: usize) -> usize {
        if place + 1 == ROUNDS.end { ROUNDS.start } else { place + 1 }
    }

    fn swing(&mut self, pivot: Pivot, mean_volume: f64, near: f64) {
        let kind = match pivot.swing {
            Swing::High => ZoneKind::SwingHigh,
            Swing::Low => ZoneKind::SwingLow,
        };
        let mut weight = kind.weight();
        if mean_volume > 0.0 {
            weight *= 0.7 + 0.6 * (pivot.weight as f64 / (2.0 * mean_volume)).min(1.0);
        }
        let price = pivot.price.raw() as f64;
        let away = |i: usize| (self.table.price(i) - price).abs();
        let closest = SWINGS.min_by(|&a, &b| away(a).total_cmp(&away(b))).filter(|&i| away(i) <= near);
        if let Some(i) = closest {
            return self.table.strengthen(i, weight);
        }
        let weakest = SWINGS.min_by(|&a, &b| self.table.strength(a).total_cmp(&self.table.strength(b)));
        let weakest = weakest.unwrap_or(SWINGS.start);
        if self.table.strength(weakest) < weight {
            self.table.put(weakest, price, kind, weight);
        }
    }
}

impl LiquidityMap for ZoneMap {
    fn on_bar(&mut self, bar: &Bar) {
        let place = self.clock.place(bar.time);
        let wall = self.clock.wall_seconds(bar.time);
        let turn = self.days.push(bar, &place);
        if let Turn::Day { previous, week } = turn {
            self.turn(bar, previous, week);
        }
        if turn != Turn::Closed {
            self.average(bar);
            self.open(bar, &place);
            if self.days.day_known() {
                self.profile.push(bar);
            }
        }

        let fast = self.fast.bars.push(bar, wall);
        // A time frame that is no larger than the bars would see the same twice.
        let slow = if bar.seconds < self.slow.bars.seconds() { self.slow.bars.push(bar, wall) } else { None };
        let mut pivots = [None; 4];
        if let Some(fast) = &fast {
            self.atr.push(fast);
            self.mean = self.mean_volume.push(fast.weight() as f64).unwrap_or(0.0);
            [pivots[0], pivots[1]] = self.fast.pivots.push(fast);
            let shared = &self.config.shared;
            // Of longer bars what bars of the fast time frame would range, by the square-root rule.
            let share = f64::from(self.fast.bars.seconds()) / f64::from(fast.seconds.max(1));
            let atr = self.atr.value().map(|atr| atr * share.min(1.0).sqrt()).filter(|&atr| atr >= 1.0);
            self.reach =
                atr.map(|atr| Reach { per_reach: 1.0 / (atr * shared.reach_atr), near: atr * shared.merge_atr });
        }
        if let Some(slow) = &slow {
            [pivots[2], pivots[3]] = self.slow.pivots.push(slow);
        }
        let Some(Reach { near, .. }) = self.reach else { return };

        if self.fade.0 != bar.seconds {
            let minutes = f64::from(bar.seconds) / 60.0;
            self.fade = (bar.seconds, (-minutes / self.config.own.half_life_minutes).exp2());
        }
        self.table.fade(SWINGS, self.fade.1);
        self.table.meet(bar.low.raw() as f64 - near, bar.high.raw() as f64 + near);

        let close = bar.close.raw();
        if !self.round_between.contains(&close) {
            self.surround(close);
        }
        if fast.is_some() {
            self.value(near);
        }
        // The slow frame's bars hold more volume: against a mean of as many.
        let ratio = f64::from(self.slow.bars.seconds()) / f64::from(self.fast.bars.seconds().max(bar.seconds).max(1));
        for (i, pivot) in pivots.into_iter().enumerate() {
            if let Some(pivot) = pivot {
                self.swing(pivot, if i < 2 { self.mean } else { self.mean * ratio }, near);
            }
        }
    }

    #[inline]
    fn strength_at(&self, price: Price) -> Option<Unit> {
        let reach = self.reach?;
        Some(Unit::saturating(self.table.felt(price.raw() as f64, reach.per_reach)))
    }

    fn nearest(&self, price: Price) -> (Option<Zone>, Option<Zone>) {
        let Some(reach) = self.reach else { return (None, None) };
        self.table.nearest(price, reach.near, self.tick)
    }

    /// A week and a day of minutes around the clock, so that the weekly VWAP and the previous day are known. With less
    /// history these are missing until a day or a week begins; nothing is made up for them.
    fn warmup_bars(&self) -> usize {
        const DAYS: usize = 8;
        DAYS * 24 * 60
    }

    fn reset(&mut self) {
        *self = Self::new(self.config, self.clock.clone(), self.tick);
    }
}
