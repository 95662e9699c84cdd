use std::fmt::Debug;

use alavanca_kernel::{Bar, ExitAt, Side, Tick, Unit};

/// Level 1: looks at a market and has an opinion.
///
/// The rules for every brain: the same bars give the same opinions; an opinion about bar n uses bars up to n alone; a
/// bar costs constant time and no allocation. Bars come in order, closed and sound.
pub trait Brain: Debug + Send {
    /// Its name: unique among the brains of a boss, and stable, since its track record is kept under it. Names the
    /// settings that make it another brain (`sma_cross_10_30`).
    fn name(&self) -> &str;

    /// How many bars of history it must see before its opinions count.
    fn warmup_bars(&self) -> usize;

    /// How many whole trading days of history it must have seen, besides those bars, to say after a restart what it
    /// would have said without one: 1 for a brain that goes by the day's opening. Until it has seen a day begin it has
    /// no opinion, so nobody else need wait.
    fn warmup_days(&self) -> usize {
        0
    }

    /// Takes the next closed bar.
    fn on_bar(&mut self, bar: &Bar) -> Opinion;

    /// Takes a tick; `None` where the opinion of the last bar stands. Brains that look at bars alone leave it out.
    fn on_tick(&mut self, _tick: &Tick) -> Option<Opinion> {
        None
    }

    /// Whether ticks should be shown to it at all.
    fn wants_ticks(&self) -> bool {
        false
    }

    /// Forgets everything, as new.
    fn reset(&mut self);
}

/// What a brain thinks: which way it leans as long as nothing changes, and whether it wants to trade right now.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Opinion {
    /// Where it leans, also between triggers; `None` where it has no view. Counts for agreement and disagreement.
    pub bias: Option<Side>,
    /// A wish to enter now.
    pub trigger: Option<Trigger>,
}

impl Opinion {
    /// No view.
    pub const NONE: Self = Self { bias: None, trigger: None };

    /// Leans to a side without wanting to trade now.
    #[inline]
    pub const fn leaning(bias: Option<Side>) -> Self {
        Self { bias, trigger: None }
    }
}

/// A wish to enter, with where it is wrong and where it is done.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Trigger {
    /// Which way.
    pub side: Side,
    /// How strongly, 0 to 1; each brain defines its own.
    pub strength: Unit,
    /// Where it is wrong. A distance is above zero.
    pub stop: ExitAt,
    /// Where it is done; `None` leaves it to the stop and the session.
    pub target: Option<ExitAt>,
}
