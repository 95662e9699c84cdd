use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use super::parts::{Day, Failure, Parts, Workshop};
use super::verdict::Verdict;
use crate::script::mix;

/// A process that is told to end at a call has so long to come to it; then it is killed where it is.
const COMES_WITHIN: Duration = Duration::from_millis(2_500);

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

/// Lets days pass in which programs are killed and started again, until there were so many kills. `said` hears of each
/// day. Stops at the first day whose verdict is not one of agreement.
///
/// # Errors
/// A program that cannot be started, or a day that does not end.
pub fn torture(
    workshop: &Workshop,
    settings: TortureSettings,
    day_of: &mut dyn FnMut(u32) -> Result<Day, Failure>,
    said: &mut dyn FnMut(u32, &Verdict, &Tally),
) -> Result<(Tally, bool), Failure> {
    let mut tally = Tally::default();
    let mut number = 0;
    while tally.total() < settings.kills {
        let day = day_of(number)?;
        let kills = settings.kills_a_day.min(settings.kills - tally.total());
        let verdict = one_day(workshop, &day, settings.seed.wrapping_add(u64::from(number)), kills, &mut tally)?;
        tally.days += 1;
        let of = |what: &str| verdict.exchange(what).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        tally.trades += of("trades learned of");
        tally.extras += of("of them with an extra");
        tally.deals += of("deals");
        said(number, &verdict, &tally);
        if !verdict.agrees() {
            return Ok((tally, false));
        }
        number += 1;
    }
    Ok((tally, true))
}

fn one_day(workshop: &Workshop, day: &Day, seed: u64, kills: u32, tally: &mut Tally) -> Result<Verdict, Failure> {
    let mut draws = 0;
    let mut draw = |below: u64| {
        draws += 1;
        mix(seed, draws) % below
    };
    let mut parts = Parts::begin(workshop, day)?;
    let mut away: Vec<(i64, i64)> = Vec::new();
    let mut left = kills;
    parts.start_bridge(None)?;
    while left > 0 && parts.end().is_none() && !parts.is_late()? {
        let victim = choose(&mut draw);
        let began = parts.market()?.0;
        let run_for = Duration::from_millis(50 + draw(1_500));
        let killed = match victim {
            Victim::EngineAt { store, call, after } => {
                let side = if after { "after" } else { "before" };
                let of = if store { "store" } else { "broker" };
                parts.kill_engine();
                parts.start_engine(Some(&format!("{of}:{call}:{side}")))?;
                let reached =
                    wait(&mut parts, COMES_WITHIN, |parts| parts.engine_ended().map(|ended| ended.is_some()))?;
                // What it ended with was the call, or nothing came to that call: it dies where it is.
                let alive = parts.kill_engine();
                let place =
                    if reached && !alive { format!("engine {side} a call of its {of}") } else { "engine".to_owned() };
                Some(place)
            }
            Victim::Engine => {
                ensure_engine(&mut parts)?;
                wait(&mut parts, run_for, |_| Ok(false))?;
                parts.kill_engine().then(|| "engine".to_owned())
            }
            Victim::BridgeAt(point) => {
                ensure_engine(&mut parts)?;
                parts.kill_bridge();
                parts.start_bridge(Some(BRIDGE_POINTS[point]))?;
                let reached = wait(&mut parts, COMES_WITHIN, Parts::bridge_ended)?;
                let alive = parts.kill_bridge();
                Some(if reached && !alive { format!("bridge, {}", BRIDGE_POINTS[point]) } else { "bridge".to_owned() })
            }
            Victim::Bridge => {
                ensure_engine(&mut parts)?;
                wait(&mut parts, run_for, |_| Ok(false))?;
                parts.kill_bridge().then(|| "bridge".to_owned())
            }
            Victim::Workers => {
                ensure_engine(&mut parts)?;
                wait(&mut parts, run_for, |_| Ok(false))?;
                parts.kill_workers().then(|| "bridge's worker".to_owned())
            }
            Victim::Both => {
                ensure_engine(&mut parts)?;
                wait(&mut parts, run_for, |_| Ok(false))?;
                (parts.kill_engine() & parts.kill_bridge()).then(|| "both".to_owned())
            }
        };
        if parts.bridge_ended()? {
            parts.start_bridge(None)?;
        }
        if let Some(killed) = killed {
            *tally.kills.entry(killed).or_default() += 1;
            left -= 1;
        }
        // Nobody is held to stops from the kill until the engine runs again.
        ensure_engine(&mut parts)?;
        let runs = |parts: &mut Parts| {
            ensure_engine(parts)?;
            Ok(parts.end().is_some() || parts.phase().is_some_and(|phase| phase == "running"))
        };
        if !wait(&mut parts, Duration::from_mins(1), runs)? {
            return Err(parts.failure("the engine does not come to run again"));
        }
        away.push((began, parts.market()?.0));
    }
    parts.wait_for_the_end()?;
    parts.verdict(&away)
}

fn choose(draw: &mut dyn FnMut(u64) -> u64) -> Victim {
    match draw(12) {
        0..3 => Victim::EngineAt { store: false, call: 1 + draw(3) as u32, after: draw(2) == 0 },
        3..6 => Victim::EngineAt { store: true, call: 1 + draw(40) as u32, after: draw(2) == 0 },
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

/// Waits until it is so, or for so long. Whether it is so.
fn wait(
    parts: &mut Parts,
    at_most: Duration,
    mut until: impl FnMut(&mut Parts) -> Result<bool, Failure>,
) -> Result<bool, Failure> {
    let began = Instant::now();
    while began.elapsed() < at_most {
        if until(parts)? {
            return Ok(true);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(false)
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
