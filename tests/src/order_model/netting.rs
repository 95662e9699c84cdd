use std::fmt;

use super::Model;

/// So many ticks of time (seconds) a position may stand without its stop while everything runs.
const NAKED_MAX: u8 = 2;

/// A base and an extra in one netting position, and the stop that both share.
///
/// An addition replaces the position's stop by its own, and the broker may drop a stop on the way, or take it away later,
/// or refuse to set it again. The position's own stop fires when it likes. The engine may be killed at any point, and a
/// session may break at any point; what was on its way then is gone. That no order is executed twice is [`super::Orders`]'
/// matter: the bridge's journal is taken for granted here.
///
/// Time passes in ticks of a second. Within a standing session a letter takes less than that, and nothing that was
/// decided waits: TCP does not lose letters without breaking. A position's time without a stop is counted while engine
/// and session stand, and anew after each break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stops {
    /// What it is called.
    pub name: &'static str,
    /// Which precautions are left out.
    pub without: &'static [Precaution],
    /// How often a broker may take a stop away that it had.
    pub resets: u8,
}

/// What guards the stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precaution {
    /// An addition carries the base's stop.
    Carried,
    /// The position is read back after each order.
    ReadAfterOrders,
    /// The position is read back each second.
    ReadEachSecond,
    /// The position is read back in the first answer of a session.
    ReadAtStart,
    /// A stop that is still missing after a second makes the position flat.
    Flattened,
    /// A close is held against the live position.
    Clipped,
}

impl Stops {
    /// What is built.
    pub const OURS: Self = Self { name: "ours", without: &[], resets: 2 };

    /// Each without a precaution, and without the second line behind it where there is one.
    pub const BROKEN: [Self; 6] = [
        Self { name: "an addition carries no stop", without: &[Precaution::Carried], ..Self::OURS },
        Self {
            name: "nobody reads the stop back",
            without: &[Precaution::ReadAfterOrders, Precaution::ReadEachSecond],
            resets: 0,
        },
        Self { name: "the stop is read back after orders alone", without: &[Precaution::ReadEachSecond], ..Self::OURS },
        Self {
            name: "after a break nobody looks",
            without: &[Precaution::ReadAtStart, Precaution::ReadEachSecond],
            resets: 0,
        },
        Self { name: "a refused stop is asked for again and again", without: &[Precaution::Flattened], ..Self::OURS },
        Self { name: "a close is not held against the live position", without: &[Precaution::Clipped], ..Self::OURS },
    ];

    fn has(&self, precaution: Precaution) -> bool {
        !self.without.contains(&precaution)
    }
}

/// What the engine's books say of the extra. Written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Extra {
    None,
    Ordered,
    Open,
    Ended,
}

/// What the exchange knows of it, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Truth {
    Not,
    In,
    Out,
}

/// What the engine wants done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wish {
    /// The extra: an order that adds, with or without a stop.
    Add,
    /// The position's stop set again.
    SetStop,
    /// The extra closed.
    CloseExtra,
    /// Everything closed: so many.
    Flatten(i8),
}

/// What the bridge says: the position, read at that moment, and what became of the extra by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Report {
    because: Because,
    contracts: i8,
    stop: bool,
    extra: Truth,
}

/// Why the position was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Because {
    Order,
    Second,
    Start,
}

/// All that is true at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct State {
    // Written down by the engine.
    extra: Extra,
    base: bool,
    // In its memory.
    up: bool,
    held: bool,
    /// The live position as last read.
    live: i8,
    /// Without a stop for so many ticks, as the engine sees it.
    missing: Option<u8>,
    wish: Option<Wish>,
    /// The wish is on its way, or being done.
    waits: bool,
    // The wire.
    session: bool,
    to_bridge: Option<Wish>,
    to_engine: Option<Report>,
    // The exchange.
    contracts: i8,
    stop: bool,
    truth: Truth,
    resets_left: u8,
    /// Ticks without a stop while everything ran.
    naked: u8,
    /// An order of ours has taken the stop away.
    taken_by_us: bool,
}

/// What may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NettingStep {
    /// The engine decides and stores the extra.
    DecidesExtra,
    /// The extra's own exit has come.
    DecidesToClose,
    /// The engine sends what it wants.
    Sends(Wish),
    /// The bridge does it.
    Does(Wish),
    /// The broker does it and drops the stop.
    DoesAndDropsStop(Wish),
    /// The broker refuses.
    Refuses(Wish),
    /// The bridge finds that the position is smaller than what is to be closed.
    NothingToClose(Wish),
    /// The engine hears how the position stands.
    Hears,
    /// A second passes; the bridge reports.
    Second,
    /// The session breaks.
    Breaks,
    /// A session begins with a report.
    Connects,
    /// The engine is killed.
    Killed,
    /// It starts again.
    Starts,
    /// The position's stop fires.
    StopFires,
    /// The broker takes the stop away.
    StopVanishes,
}

impl Model for Stops {
    type State = State;
    type Step = NettingStep;

    fn initial(&self) -> State {
        State {
            extra: Extra::None,
            base: true,
            up: true,
            held: false,
            live: 0,
            missing: None,
            wish: None,
            waits: false,
            session: false,
            to_bridge: None,
            to_engine: None,
            contracts: 1,
            stop: true,
            truth: Truth::Not,
            resets_left: self.resets,
            naked: 0,
            taken_by_us: false,
        }
    }

    fn steps(&self, state: &State, next: &mut Vec<(NettingStep, State)>) {
        if state.up {
            next.push((NettingStep::Killed, State { up: false, ..broken_off(*state) }));
            self.engine_steps(state, next);
        } else {
            next.push((NettingStep::Starts, State { up: true, ..*state }));
        }
        if state.session {
            next.push((NettingStep::Breaks, broken_off(*state)));
        }
        if let Some(wish) = state.to_bridge {
            self.bridge_steps(&State { to_bridge: None, ..*state }, wish, next);
        }
        if state.contracts > 0 && state.stop {
            let truth = if state.truth == Truth::In { Truth::Out } else { state.truth };
            next.push((NettingStep::StopFires, State { contracts: 0, stop: false, truth, naked: 0, ..*state }));
            if state.resets_left > 0 {
                let resets_left = state.resets_left - 1;
                next.push((NettingStep::StopVanishes, State { stop: false, resets_left, ..*state }));
            }
        }
        // Letters are faster than a second, and nothing that was decided waits.
        let nothing_moves =
            state.to_bridge.is_none() && state.to_engine.is_none() && (state.wish.is_none() || state.waits);
        if !state.session || nothing_moves {
            next.push((NettingStep::Second, second(*state)));
        }
    }

    fn broken(&self, state: &State) -> Option<&'static str> {
        if state.contracts < 0 {
            Some("an exit has crossed flat")
        } else if state.taken_by_us {
            Some("the broker did as it was told, and the base has lost its stop")
        } else if state.naked > NAKED_MAX {
            Some("a position stood without its stop for more than two seconds while everything ran")
        } else {
            None
        }
    }

    fn at_rest(&self, state: &State) -> bool {
        let books = i8::from(state.base) + i8::from(state.extra == Extra::Open);
        state.up
            && state.held
            && state.wish.is_none()
            && state.to_engine.is_none()
            && state.extra != Extra::Ordered
            && books == state.contracts
            && (state.stop || state.contracts == 0)
    }
}

impl Stops {
    fn engine_steps(&self, state: &State, next: &mut Vec<(NettingStep, State)>) {
        if !state.session {
            return next.push((NettingStep::Connects, reported(State { session: true, ..*state }, Because::Start)));
        }
        if let Some(report) = state.to_engine {
            next.push((NettingStep::Hears, self.hears(State { to_engine: None, ..*state }, report)));
        }
        match state.wish {
            None if state.held && state.missing.is_none() => {
                if state.extra == Extra::None && state.base {
                    let to = State { extra: Extra::Ordered, wish: Some(Wish::Add), ..*state };
                    next.push((NettingStep::DecidesExtra, to));
                }
                if state.extra == Extra::Open {
                    next.push((NettingStep::DecidesToClose, State { wish: Some(Wish::CloseExtra), ..*state }));
                }
            }
            Some(wish) if !state.waits => {
                let to = State { to_bridge: Some(wish), waits: true, ..*state };
                next.push((NettingStep::Sends(wish), to));
            }
            _ => {}
        }
    }

    fn hears(&self, mut to: State, report: Report) -> State {
        to.live = report.contracts;
        (to.wish, to.waits) = (None, false);
        to.extra = match (to.extra, report.extra) {
            (Extra::None, _) => Extra::None,
            (_, Truth::In) => Extra::Open,
            (_, Truth::Not | Truth::Out) => Extra::Ended,
        };
        to.base = to.base && report.contracts > 0;
        let looks = self.has(match report.because {
            Because::Order => Precaution::ReadAfterOrders,
            Because::Second => Precaution::ReadEachSecond,
            Because::Start => Precaution::ReadAtStart,
        });
        to.held = true;
        if report.stop || report.contracts == 0 {
            to.missing = None;
        } else if looks || to.missing.is_some() {
            // At once, and then once a second: a refusal is not answered by the same question.
            let at_once = to.missing.is_none();
            let ticks = *to.missing.get_or_insert(0);
            let out_of_time = ticks > 0 && self.has(Precaution::Flattened);
            if at_once || report.because == Because::Second {
                to.wish = Some(if out_of_time { Wish::Flatten(to.live) } else { Wish::SetStop });
            }
        }
        to
    }

    fn bridge_steps(&self, state: &State, wish: Wish, next: &mut Vec<(NettingStep, State)>) {
        let mut done = |step: NettingStep, to: State| next.push((step, reported(to, Because::Order)));
        let closes = match wish {
            Wish::Add if state.truth == Truth::Not && state.contracts > 0 => {
                let to = State { contracts: state.contracts + 1, truth: Truth::In, ..*state };
                let carried = self.has(Precaution::Carried);
                done(NettingStep::Does(wish), State { stop: state.stop && carried, taken_by_us: !carried, ..to });
                done(NettingStep::DoesAndDropsStop(wish), State { stop: false, ..to });
                0
            }
            Wish::SetStop if state.contracts > 0 => {
                done(NettingStep::Does(wish), State { stop: true, naked: 0, ..*state });
                done(NettingStep::Refuses(wish), *state);
                return;
            }
            Wish::Add | Wish::SetStop => 0,
            Wish::CloseExtra => 1,
            Wish::Flatten(contracts) => contracts,
        };
        if closes == 0 {
            return done(NettingStep::Refuses(wish), *state);
        }
        if self.has(Precaution::Clipped) && state.contracts < closes {
            return done(NettingStep::NothingToClose(wish), *state);
        }
        let contracts = state.contracts - closes;
        let stop = state.stop && contracts > 0;
        let truth = if state.truth == Truth::In { Truth::Out } else { state.truth };
        let naked = if contracts == 0 { 0 } else { state.naked };
        done(NettingStep::Does(wish), State { contracts, stop, truth, naked, ..*state });
        // What is closed in need is closed; a scalp's exit may be refused.
        if wish == Wish::CloseExtra {
            done(NettingStep::Refuses(wish), *state);
        }
    }
}

/// A second passes. The bridge reports.
fn second(mut to: State) -> State {
    let runs = to.up && to.session && to.held;
    to.naked = if runs && to.contracts > 0 && !to.stop { to.naked + 1 } else { 0 };
    if to.session {
        to.missing = to.missing.map(|ticks| (ticks + 1).min(NAKED_MAX));
        to = reported(to, Because::Second);
    }
    to
}

/// With a report of how the position stands on its way to the engine.
fn reported(mut state: State, because: Because) -> State {
    state.to_engine = Some(Report { because, contracts: state.contracts, stop: state.stop, extra: state.truth });
    state
}

/// Without a session, and without what was on its way. The engine begins anew when one begins.
fn broken_off(state: State) -> State {
    State {
        held: false,
        live: 0,
        missing: None,
        wish: None,
        waits: false,
        session: false,
        to_bridge: None,
        to_engine: None,
        naked: 0,
        ..state
    }
}

impl fmt::Display for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Add => f.write_str("the extra"),
            Self::SetStop => f.write_str("the stop, to be set again"),
            Self::CloseExtra => f.write_str("the extra's close"),
            Self::Flatten(contracts) => write!(f, "the close of all {contracts}"),
        }
    }
}

impl fmt::Display for NettingStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DecidesExtra => f.write_str("engine   decides an extra and stores it"),
            Self::DecidesToClose => f.write_str("engine   decides to close the extra"),
            Self::Sends(wish) => write!(f, "engine   sends {wish}"),
            Self::Does(wish) => write!(f, "exchange executes {wish}"),
            Self::DoesAndDropsStop(wish) => write!(f, "exchange executes {wish}, and its stop is dropped"),
            Self::Refuses(wish) => write!(f, "exchange refuses {wish}"),
            Self::NothingToClose(wish) => write!(f, "bridge   finds less than {wish} would close"),
            Self::Hears => f.write_str("engine   hears how the position stands"),
            Self::Second => f.write_str("time     a second passes"),
            Self::Breaks => f.write_str("wire     the session breaks"),
            Self::Connects => f.write_str("wire     a session begins, with a report"),
            Self::Killed => f.write_str("engine   is killed"),
            Self::Starts => f.write_str("engine   starts again"),
            Self::StopFires => f.write_str("exchange fires the position's stop"),
            Self::StopVanishes => f.write_str("exchange takes the position's stop away"),
        }
    }
}
