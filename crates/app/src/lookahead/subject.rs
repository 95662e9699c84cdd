//! A brain, a detector and a map as one thing: shown a market, it says something at every bar and tick.

use alavanca_kernel::{Bar, ExitAt, Price, Side, Tick, Unit};
use alavanca_liquidity::{LiquidityMap, Zone};
use alavanca_regime::{RegimeDetector, RegimeView};
use alavanca_signals::{Brain, Opinion, Trigger};

/// What is checked.
pub(super) trait Subject {
    type Said: Clone + PartialEq;

    fn warmup_bars(&self) -> usize;
    /// Whole days that it must see besides.
    fn warmup_days(&self) -> usize {
        0
    }
    fn on_bar(&mut self, bar: &Bar) -> Self::Said;
    fn on_tick(&mut self, _tick: &Tick) -> Option<Self::Said> {
        None
    }
    fn reset(&mut self);

    /// Whether it says anything.
    fn speaks(said: &Self::Said) -> bool;
    fn shown(said: &Self::Said) -> String;
    /// Whether two that began at different times may be called the same.
    fn agree(one: &Self::Said, other: &Self::Said) -> bool;
    /// Why it cannot be, said at a bar.
    fn unsound(said: &Self::Said, price: Price) -> Option<String>;
}

/// Of two that began at different times, averages differ a little, and less with every bar.
const NEAR: f64 = 0.05;

fn near(one: f64, other: f64) -> bool {
    (one - other).abs() <= NEAR * one.abs().max(other.abs()).max(1e-9)
}

pub(super) struct OfBrain {
    brain: Box<dyn Brain>,
    wants_ticks: bool,
}

impl OfBrain {
    pub(super) fn new(brain: Box<dyn Brain>) -> Self {
        let wants_ticks = brain.wants_ticks();
        Self { brain, wants_ticks }
    }
}

impl Subject for OfBrain {
    type Said = Opinion;

    fn warmup_bars(&self) -> usize {
        self.brain.warmup_bars()
    }

    fn warmup_days(&self) -> usize {
        self.brain.warmup_days()
    }

    fn on_bar(&mut self, bar: &Bar) -> Opinion {
        self.brain.on_bar(bar)
    }

    fn on_tick(&mut self, tick: &Tick) -> Option<Opinion> {
        if self.wants_ticks { self.brain.on_tick(tick) } else { None }
    }

    fn reset(&mut self) {
        self.brain.reset();
    }

    fn speaks(said: &Opinion) -> bool {
        *said != Opinion::NONE
    }

    fn shown(said: &Opinion) -> String {
        let leans = said.bias.map_or_else(|| "no view".to_owned(), |side| format!("leans {side}"));
        let Some(Trigger { side, strength, stop, target }) = said.trigger else { return leans };
        let target = target.map_or_else(|| "none".to_owned(), exit);
        format!("{leans}, wants {side} at {:.4}, stop {}, target {target}", strength.get(), exit(stop))
    }

    fn agree(one: &Opinion, other: &Opinion) -> bool {
        let triggers = match (one.trigger, other.trigger) {
            (None, None) => true,
            (Some(one), Some(other)) => {
                one.side == other.side
                    && (one.strength.get() - other.strength.get()).abs() <= NEAR
                    && agree_exit(Some(one.stop), Some(other.stop))
                    && agree_exit(one.target, other.target)
            }
            _ => false,
        };
        one.bias == other.bias && triggers
    }

    fn unsound(said: &Opinion, price: Price) -> Option<String> {
        let Trigger { side, strength, stop, target } = said.trigger?;
        if strength.get() <= 0.0 {
            return Some("a wish to trade has a strength above 0".to_owned());
        }
        let beyond = |exit: ExitAt, gains: bool| match exit {
            ExitAt::Distance(distance) => distance.is_positive(),
            ExitAt::Price(at) => (at > price) == ((side == Side::Buy) == gains) && at != price && at.is_positive(),
        };
        if !beyond(stop, false) {
            return Some(format!("a stop lies behind the price ({price}), or at a distance above 0"));
        }
        if target.is_some_and(|target| !beyond(target, true)) {
            return Some(format!("a target lies before the price ({price}), or at a distance above 0"));
        }
        None
    }
}

fn exit(at: ExitAt) -> String {
    match at {
        ExitAt::Price(price) => format!("at {price}"),
        ExitAt::Distance(distance) => distance.to_string(),
    }
}

fn agree_exit(one: Option<ExitAt>, other: Option<ExitAt>) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(ExitAt::Distance(one)), Some(ExitAt::Distance(other))) => near(one.to_f64(), other.to_f64()),
        (Some(ExitAt::Price(one)), Some(ExitAt::Price(other))) => near(one.to_f64(), other.to_f64()),
        _ => false,
    }
}

pub(super) struct OfRegime(pub(super) Box<dyn RegimeDetector>);

impl Subject for OfRegime {
    /// What it answered, and what it says when asked again.
    type Said = (RegimeView, RegimeView);

    fn warmup_bars(&self) -> usize {
        self.0.warmup_bars()
    }

    fn warmup_days(&self) -> usize {
        self.0.warmup_days()
    }

    fn on_bar(&mut self, bar: &Bar) -> Self::Said {
        (self.0.on_bar(bar), self.0.view())
    }

    fn reset(&mut self) {
        self.0.reset();
    }

    fn speaks((said, _): &Self::Said) -> bool {
        said.regime != RegimeView::UNKNOWN.regime
    }

    fn shown((said, _): &Self::Said) -> String {
        let transition = if said.transition { ", in transition" } else { "" };
        format!("{} for {} bars{transition}", said.regime, said.bars_in_regime)
    }

    fn agree((one, _): &Self::Said, (other, _): &Self::Said) -> bool {
        one.regime == other.regime && one.transition == other.transition
    }

    fn unsound((said, asked): &Self::Said, _: Price) -> Option<String> {
        (said != asked).then(|| format!("view() is what on_bar said, not {}", Self::shown(&(*asked, *asked))))
    }
}

pub(super) struct OfMap(pub(super) Box<dyn LiquidityMap>);

impl Subject for OfMap {
    type Said = (Option<Unit>, [Option<Zone>; 2]);

    fn warmup_bars(&self) -> usize {
        self.0.warmup_bars()
    }

    fn on_bar(&mut self, bar: &Bar) -> Self::Said {
        self.0.on_bar(bar);
        (self.0.strength_at(bar.close), self.0.nearest(bar.close).into())
    }

    fn reset(&mut self) {
        self.0.reset();
    }

    fn speaks((strength, zones): &Self::Said) -> bool {
        strength.is_some() || zones.iter().any(Option::is_some)
    }

    fn shown((strength, zones): &Self::Said) -> String {
        let zone = |zone: &Option<Zone>| {
            zone.map_or_else(
                || "none".to_owned(),
                |zone| format!("{} {} ({:.4})", zone.kind, zone.price, zone.strength.get()),
            )
        };
        let strength = strength.map_or_else(|| "unknown".to_owned(), |strength| format!("{:.4}", strength.get()));
        format!("strength {strength}, below {}, above {}", zone(&zones[0]), zone(&zones[1]))
    }

    /// Old zones are remembered by the older of two: what counts for the layers is the strength.
    fn agree((one, _): &Self::Said, (other, _): &Self::Said) -> bool {
        match (one, other) {
            (None, None) => true,
            (Some(one), Some(other)) => (one.get() - other.get()).abs() <= 2.0 * NEAR,
            _ => false,
        }
    }

    fn unsound((_, [below, above]): &Self::Said, price: Price) -> Option<String> {
        if below.is_some_and(|zone| zone.price > price) {
            return Some(format!("the zone below lies at or below the price ({price})"));
        }
        above.is_some_and(|zone| zone.price <= price).then(|| format!("the zone above lies above the price ({price})"))
    }
}
