use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use super::parts::{Day, Failure, Parts, Workshop};
use super::verdict::Verdict;
use crate::script::mix;

/// A process that is told to end at a call has so long to come to it, from when all run; then it is killed where it is.
const COMES_WITHIN: Duration = Duration::from_millis(2_500);
/// Longer than a bridge takes to miss its engine (`MT5_LOST_AFTER_MS`).
const ABSENCE: Duration = Duration::from_millis(3_500);

/// How much is killed.
#[derive(Debug, Clone, Copy)]
pub struct TortureSettings {
    /// So many kills.
    pub kills: u32,
    /// So many of them in one day; then the day may end.
    pub kills_a_day: u32,
    /// Draws who dies, when and where.
    pub seed: u64,
}

/// What was killed, and at which calls.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Kills by what and where.
    pub kills: BTreeMap<String, u32>,
    /// Days that ended.
    pub days: u32,
    /// Trades in them.
    pub trades: u64,
    /// Trades with an extra.
    pub extras: u64,
    /// Deals.
    pub deals: u64,
}

impl Tally {
    /// All kills.
    pub fn total(&self) -> u32 {
        self.kills.values().sum()
    }
}

/// What dies next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    /// The engine, at a call of its store or broker.
    EngineAt { store: bool, call: u32, after: bool },
    /// The engine, at any time.
    Engine,
    /// The bridge, at a point of its own.
    BridgeAt(usize),
    /// The bridge with all its processes, at any time.
    Bridge,
    /// What the bridge started, and not the bridge.
    Workers,
    /// Both at once.
    Both,
}

/// Where both bridges can be told to die.
const BRIDGE_POINTS: [&str; 11] = [
    "order:before_sending",
    "order:after_sending",
    "order:after_journal",
    "order:before_journal",
    "order:after_accepted",
    "order:before_answered",
    "order:after_answered",
    "order:after_result",
    "session:before_epoch",
    "session:after_epoch",
    "deadman:after_journal",
];

/// How far it is.
#[derive(Debug)]
pub enum Progress<'a> {
    /// Ten more were killed.
    Kills(&'a Tally),
    /// A day has ended: its number, and what it came to.
    Day(u32, &'a Verdict, &'a Tally),
}

/// Lets days pass in which programs are killed and started again, until there were so many kills. `said` hears how far it
/// is. Stops at the first day whose verdict is not one of agreement.
///
/// # Errors
/// A program that cannot be started, or a day that does not end.
pub fn torture(
    workshop: &Workshop,
    settings: TortureSettings,
    day_of: &mut dyn FnMut(u32) -> Result<Day, Failure>,
    said: &mut dyn FnMut(Progress<'_>),
) -> Result<(Tally, bool), Failure> {
    let mut tally = Tally::default();
    let mut number = 0;
    while tally.total() < settings.kills {
        let day = day_of(number)?;
        let kills = settings.kills_a_day.min(settings.kills - tally.total());
        let verdict = one_day(workshop, &day, settings.seed.wrapping_add(u64::from(number)), kills, &mut tally, said)?;
        tally.days += 1;
        let of = |what: &str| verdict.exchange(what).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        tally.trades += of("trades learned of");
        tally.extras += of("of them with an extra");
        tally.deals += of("deals");
        said(Progress::Day(number, &verdict, &tally));
        if !verdict.agrees() {
            return Ok((tally, false));
        }
        number += 1;
    }
    Ok((tally, true))
}

fn one_day(
    workshop: &Workshop,
    day: &Day,
    seed: u64,
    kills: u32,
    tally: &mut Tally,
    said: &mut dyn FnMut(Progress<'_>),
) -> Result<Verdict, Failure> {
    let mut draws = 0;
    let mut draw = |below: u64| {
        draws += 1;
        mix(seed, draws) % below
    };
    let parts = Parts::begin(workshop, day)?;
    let mut rack = Rack { parts, tally, left: kills, away: Vec::new(), seen: 0, down_since: None };
    rack.look()?;
    rack.parts.start_bridge(None)?;
    while rack.left > 0 && rack.parts.end().is_none() && !rack.parts.is_late()? {
        let victim = choose(&mut draw);
        // Now and then nobody comes for so long that the bridge has to stand in for the engine.
        if rack.down_since.is_some() && draw(8) == 0 {
            std::thread::sleep(ABSENCE);
        }
        rack.arm(victim)?;
        let run_for = match victim {
            Victim::EngineAt { .. } | Victim::BridgeAt(_) => COMES_WITHIN,
            _ => Duration::from_millis(50 + draw(1_000)),
        };
        let before = rack.tally.total() / 10;
        rack.kill(victim, run_for)?;
        if rack.tally.total() / 10 > before {
            said(Progress::Kills(rack.tally));
        }
    }
    rack.all_run(None)?;
    let Rack { mut parts, away, .. } = rack;
    parts.wait_for_the_end()?;
    parts.verdict(&away)
}

/// A day's programs while they are killed.
struct Rack<'a> {
    parts: Parts,
    tally: &'a mut Tally,
    left: u32,
    /// Stretches of market time in which something was not running.
    away: Vec<(i64, i64)>,
    /// Market time when it was last looked at.
    seen: i64,
    down_since: Option<i64>,
}

impl Rack<'_> {
    fn look(&mut self) -> Result<(), Failure> {
        self.seen = self.parts.market()?.0;
        Ok(())
    }

    fn died(&mut self, what: &str) {
        *self.tally.kills.entry(what.to_owned()).or_default() += 1;
        self.left = self.left.saturating_sub(1);
        self.down_since.get_or_insert(self.seen);
    }

    /// Starts who is to die at a call so that it will, and everybody else. Who runs in its place is killed for it, at a
    /// moment that is as good as any.
    fn arm(&mut self, victim: Victim) -> Result<(), Failure> {
        self.look()?;
        match victim {
            Victim::EngineAt { store, call, after } => {
                if self.parts.kill_engine() {
                    self.died("engine");
                }
                let (of, side) = call_of(store, after);
                self.parts.start_engine(Some(&format!("{of}:{call}:{side}")))?;
            }
            Victim::BridgeAt(point) => {
                if self.parts.kill_bridge() {
                    self.died("bridge");
                }
                self.parts.start_bridge(Some(BRIDGE_POINTS[point]))?;
            }
            Victim::Engine | Victim::Bridge | Victim::Workers | Victim::Both => {}
        }
        self.all_run(Some(victim))
    }

    /// Starts who does not run, until all do; or until the victim has died, which only stays so where it is told to.
    /// Nobody is held to stops from the kill on until then.
    fn all_run(&mut self, victim: Option<Victim>) -> Result<(), Failure> {
        let began = Instant::now();
        loop {
            self.look()?;
            if victim.is_some_and(|victim| self.has_died(victim).unwrap_or(true)) {
                return Ok(());
            }
            ensure_engine(&mut self.parts)?;
            if self.parts.bridge_ended()? {
                self.parts.start_bridge(None)?;
            }
            if self.parts.end().is_some() || self.parts.phase().is_some_and(|phase| phase == "running") {
                self.look()?;
                self.away.extend(self.down_since.take().map(|since| (since, self.seen)));
                return Ok(());
            }
            if began.elapsed() > Duration::from_mins(1) {
                return Err(self.parts.failure("the engine does not come to run again"));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Whether who is to die at a call has.
    fn has_died(&mut self, victim: Victim) -> Result<bool, Failure> {
        match victim {
            Victim::EngineAt { .. } => Ok(!self.parts.runs_engine()?),
            Victim::BridgeAt(_) => self.parts.bridge_ended(),
            Victim::Engine | Victim::Bridge | Victim::Workers | Victim::Both => Ok(false),
        }
    }

    /// Waits until it dies where it is told to, or for so long; then it is killed where it is.
    fn kill(&mut self, victim: Victim, run_for: Duration) -> Result<(), Failure> {
        let until = Instant::now() + run_for;
        let mut reached = self.has_died(victim)?;
        while !reached && Instant::now() < until && self.parts.end().is_none() {
            self.look()?;
            std::thread::sleep(Duration::from_millis(5));
            reached = self.has_died(victim)?;
            self.parts.engine_ended()?;
        }
        if self.parts.end().is_some() {
            return Ok(());
        }
        match victim {
            Victim::EngineAt { store, after, .. } if reached => {
                let (of, side) = call_of(store, after);
                self.died(&format!("engine {side} a call of its {of}"));
            }
            Victim::BridgeAt(point) if reached => self.died(&format!("bridge, {}", BRIDGE_POINTS[point])),
            Victim::EngineAt { .. } | Victim::Engine => {
                if self.parts.kill_engine() {
                    self.died("engine");
                }
            }
            Victim::BridgeAt(_) | Victim::Bridge => {
                if self.parts.kill_bridge() {
                    self.died("bridge");
                }
            }
            Victim::Workers => {
                // An Expert Advisor has none.
                if self.parts.kill_workers() {
                    self.died("bridge's worker");
                } else if self.parts.kill_bridge() {
                    self.died("bridge");
                }
            }
            Victim::Both => {
                if self.parts.kill_engine() & self.parts.kill_bridge() {
                    self.died("both");
                }
            }
        }
        Ok(())
    }
}

const fn call_of(store: bool, after: bool) -> (&'static str, &'static str) {
    (if store { "store" } else { "broker" }, if after { "after" } else { "before" })
}

fn choose(draw: &mut dyn FnMut(u64) -> u64) -> Victim {
    match draw(12) {
        0..3 => Victim::EngineAt { store: false, call: 1 + draw(3) as u32, after: draw(2) == 0 },
        3..6 => Victim::EngineAt { store: true, call: 1 + draw(20) as u32, after: draw(2) == 0 },
        6 => Victim::Engine,
        7..9 => Victim::BridgeAt(draw(BRIDGE_POINTS.len() as u64) as usize),
        9 => Victim::Bridge,
        10 => Victim::Workers,
        _ => Victim::Both,
    }
}

fn ensure_engine(parts: &mut Parts) -> Result<(), Failure> {
    if parts.runs_engine()? || parts.end().is_some() { Ok(()) } else { parts.start_engine(None) }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, kills) in &self.kills {
            writeln!(f, "{kills:>6}  {what}")?;
        }
        write!(
            f,
            "{:>6}  kills in {} days, with {} trades, {} of them with an extra, {} deals",
            self.total(),
            self.days,
            self.trades,
            self.extras,
            self.deals
        )
    }
}
