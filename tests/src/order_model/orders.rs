use super::{Kind, Letter, Model, OnTimeout, Proof, Protocol, Reply, Rule, Step};

/// The most orders that the machine has room for.
pub const ORDERS: usize = 4;
/// The most letters that may be on their way in one direction.
const LETTERS: usize = 3;

/// Engine, wire, bridge and exchange with one symbol, on which at most one contract may be open.
///
/// The engine decides orders one after the other: one that opens while its books are flat, one that closes while they are
/// not. Both programs may stop at any point and start again, with what they had written down and nothing else. Letters
/// are lost, late, overtaken and (where nobody looks at their numbers) doubled. The exchange executes what was sent to it
/// at some time, or never, whatever the bridge waits for; and the position's stop fires when it likes.
///
/// Taken for granted: a journal keeps what was written; an order that the terminal has not executed by the end of its
/// time (the outcome asked for until it is stable) it never executes; and the stop does not fire within the moment between
/// the bridge's look at the position and the execution of a close. The last is not in anybody's hands on a netting
/// account, and is found by the next reconciliation.
#[derive(Debug, Clone, Copy)]
pub struct Orders {
    /// Who does what.
    pub protocol: Protocol,
    /// How many orders the engine decides.
    pub intents: usize,
    /// How many letters may be on their way in one direction.
    pub letters: usize,
    /// The position's own stop fires, too.
    pub server_stop: bool,
    /// Which rules are watched.
    pub watched: Watched,
}

/// Which rules a search watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watched {
    /// All of them.
    All,
    /// What was executed alone, not what the engine believes: the damage that can be seen on the account.
    Damage,
}

/// What the engine's books say of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Booked {
    /// Not decided yet.
    Nothing,
    /// Decided, no end known.
    Pending(Kind),
    /// Filled.
    Filled(Kind),
    /// It never was executed and never will be.
    Dead,
    /// It was decided, and a crash took it.
    Forgotten,
}

/// How far the engine came with the order that has no end yet. Volatile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Way {
    /// To be sent.
    Unsent,
    /// Sent; `stored` is false where it still has to be written down.
    Sent { stored: bool },
    /// Nobody knows.
    Unknown,
}

/// How far an order came in the bridge's journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Journal {
    Absent,
    Written,
    NotSent,
    Sent,
    Filled,
    Refused,
}

/// What the bridge's worker does. Volatile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Doing {
    Idle,
    /// It has taken the order in.
    Has(u8, Kind),
    /// `Sent` is in the journal, the call is next.
    Marked(u8, Kind),
    /// It waits for the terminal's answer.
    Calls(u8, Kind),
}

/// A letter on its way, and what makes its receiver pass it over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Sent {
    letter: Letter,
    /// Of a session that is over.
    old: bool,
    /// A letter that was sent later, or a copy of this one, has been taken in.
    overtaken: bool,
}

/// Letters on their way in one direction, the first sent first.
type Lane = [Option<Sent>; LETTERS];

/// All that is true at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct State {
    // Written down by the engine.
    books: [Booked; ORDERS],
    stops_known: u8,
    // In the engine's memory.
    engine_up: bool,
    way: Way,
    /// Books and account agree, in this session.
    held: bool,
    /// The bridge was asked in this session.
    asked: bool,
    // The wire.
    session: bool,
    to_bridge: Lane,
    to_engine: Lane,
    // Written down by the bridge.
    journal: [Journal; ORDERS],
    // In the bridge's memory.
    bridge_up: bool,
    doing: Doing,
    // The exchange.
    waiting: [Option<Kind>; ORDERS],
    executed: [u8; ORDERS],
    position: i8,
    stops: u8,
}

impl Model for Orders {
    type State = State;
    type Step = Step;

    fn initial(&self) -> State {
        State {
            books: [Booked::Nothing; ORDERS],
            stops_known: 0,
            engine_up: true,
            way: Way::Unknown,
            held: false,
            asked: false,
            session: false,
            to_bridge: [None; LETTERS],
            to_engine: [None; LETTERS],
            journal: [Journal::Absent; ORDERS],
            bridge_up: true,
            doing: Doing::Idle,
            waiting: [None; ORDERS],
            executed: [0; ORDERS],
            position: 0,
            stops: 0,
        }
    }

    fn steps(&self, state: &State, next: &mut Vec<(Step, State)>) {
        self.engine_steps(state, next);
        self.bridge_steps(state, next);
        self.wire_steps(state, next);
        self.exchange_steps(state, next);
    }

    fn broken(&self, state: &State) -> Option<&'static str> {
        if state.position > 1 {
            return Some(Rule::OVER_CAP);
        }
        if state.position < 0 {
            return Some(Rule::ACROSS_FLAT);
        }
        for (booked, &executed) in state.books.iter().zip(&state.executed) {
            let beliefs = self.watched == Watched::All;
            match (booked, executed) {
                (_, 2..) => return Some(Rule::TWICE),
                (Booked::Dead, 1) if beliefs => return Some(Rule::FALSE_PROOF),
                (Booked::Filled(_), 0) if beliefs => return Some(Rule::NEVER_FILLED),
                (Booked::Nothing | Booked::Forgotten, 1) if beliefs => return Some(Rule::UNSEEN),
                _ => {}
            }
        }
        None
    }

    fn at_rest(&self, state: &State) -> bool {
        state.engine_up
            && state.bridge_up
            && state.session
            && state.held
            && state.pending().is_none()
            && state.doing == Doing::Idle
            && state.waiting == [None; ORDERS]
            && state.to_bridge.iter().chain(&state.to_engine).all(Option::is_none)
            && state.believed() == state.position
    }
}

impl State {
    /// What is open at the exchange.
    pub fn position(&self) -> i8 {
        self.position
    }

    /// Whether a session stands.
    pub fn has_session(&self) -> bool {
        self.session
    }

    /// Orders that the exchange has and has not executed yet.
    pub fn waiting(&self) -> impl Iterator<Item = u8> + '_ {
        (0..).zip(&self.waiting).filter(|(_, waits)| waits.is_some()).map(|(order, _)| order)
    }

    /// How often an order was executed.
    pub fn executed(&self, order: u8) -> u8 {
        self.executed[order as usize]
    }

    /// The order that has no end yet.
    fn pending(&self) -> Option<(u8, Kind)> {
        self.books.iter().zip(0..).find_map(|(booked, order)| match booked {
            Booked::Pending(kind) => Some((order, *kind)),
            _ => None,
        })
    }

    /// The position by the engine's books.
    fn believed(&self) -> i8 {
        let of = |booked: &Booked| match booked {
            Booked::Filled(Kind::Open) => 1,
            Booked::Filled(Kind::Close) => -1,
            _ => 0,
        };
        self.books.iter().map(of).sum::<i8>() - self.stops_known as i8
    }

    /// What the bridge finds about it.
    fn reply(&self, order: u8) -> Reply {
        match self.journal[order as usize] {
            Journal::Absent => Reply::Absent,
            Journal::Written | Journal::NotSent | Journal::Refused => Reply::Dead,
            Journal::Filled => Reply::Filled,
            Journal::Sent if self.executed[order as usize] > 0 => Reply::Filled,
            Journal::Sent => Reply::Nothing { stable: self.waiting[order as usize].is_none() },
        }
    }

    fn undecided(&self, intents: usize) -> Option<u8> {
        self.books[..intents].iter().position(|booked| *booked == Booked::Nothing).map(|order| order as u8)
    }
}

impl Orders {
    /// Three orders, two letters a direction, stops, all rules.
    pub const fn of(protocol: Protocol) -> Self {
        Self { protocol, intents: 3, letters: 2, server_stop: true, watched: Watched::All }
    }

    /// All that may happen without the engine: for a real one that takes its place.
    pub fn world_steps(&self, state: &State, next: &mut Vec<(Step, State)>) {
        self.bridge_steps(state, next);
        self.wire_steps(state, next);
        self.exchange_steps(state, next);
    }

    /// A session begins, where the bridge is there.
    pub fn connect(&self, state: State) -> Option<State> {
        (state.bridge_up && !state.session).then_some(State { session: true, ..state })
    }

    /// The engine is gone, and with it the session.
    pub fn lose_engine(&self, state: State) -> State {
        self.without_session(state)
    }

    /// The engine says something. Lost where the wire is full.
    pub fn post(&self, state: &mut State, letter: Letter) {
        if let Some(lane) = self.with(state.to_bridge, letter).filter(|_| state.session) {
            state.to_bridge = lane;
        }
    }

    fn engine_steps(&self, state: &State, next: &mut Vec<(Step, State)>) {
        if !state.engine_up {
            let way = Way::Unknown;
            return next.push((Step::EngineStarts, State { engine_up: true, way, ..*state }));
        }
        next.push((Step::EngineStops, self.without_engine(*state)));
        if !state.session {
            if state.bridge_up {
                let to = State { session: true, held: false, asked: false, way: Way::Unknown, ..*state };
                next.push((Step::Connects, to));
            }
            return;
        }
        if let Some((order, kind)) = state.pending() {
            self.about_the_pending(state, order, kind, next);
        } else if state.held
            && let Some(order) = state.undecided(self.intents)
        {
            let kind = if state.believed() > 0 { Kind::Close } else { Kind::Open };
            let mut to = State { way: Way::Unsent, ..*state };
            to.books[order as usize] = Booked::Pending(kind);
            next.push((Step::Decides(order, kind, self.protocol.intent_first), to));
        }
        let asking = |lane: &Lane| lane.iter().flatten().any(|sent| sent.is_of_a_question());
        let may_ask = state.pending().is_none() || state.way == Way::Unknown;
        if may_ask && !asking(&state.to_bridge) && !asking(&state.to_engine) {
            let about = state.pending().map(|(order, _)| order);
            if let Some(to_bridge) = self.with(state.to_bridge, Letter::Ask(about)) {
                next.push((Step::Asks(about), State { asked: true, to_bridge, ..*state }));
            }
        }
    }

    fn about_the_pending(&self, state: &State, order: u8, kind: Kind, next: &mut Vec<(Step, State)>) {
        let submit = self.with(state.to_bridge, Letter::Submit(order, kind));
        match state.way {
            Way::Unsent => {
                if let Some(to_bridge) = submit {
                    let way = Way::Sent { stored: self.protocol.intent_first };
                    next.push((Step::Sends(order), State { way, to_bridge, ..*state }));
                }
            }
            Way::Sent { stored: false } => {
                next.push((Step::Stores(order), State { way: Way::Sent { stored: true }, ..*state }));
            }
            Way::Sent { stored: true } => {
                let again = match self.protocol.on_timeout {
                    OnTimeout::SentAgain => true,
                    OnTimeout::CloseSentAgain => kind == Kind::Close,
                    OnTimeout::Refused => {
                        let mut to = *state;
                        settle(&mut to, order, false);
                        return next.push((Step::TimesOut(order), to));
                    }
                    OnTimeout::Unknown => false,
                };
                if !again {
                    next.push((Step::TimesOut(order), State { way: Way::Unknown, ..*state }));
                } else if let Some(anew) = state.undecided(self.intents)
                    && let Some(to_bridge) = self.with(state.to_bridge, Letter::Submit(anew, kind))
                {
                    let mut to = State { to_bridge, ..*state };
                    to.books[order as usize] = Booked::Forgotten;
                    to.books[anew as usize] = Booked::Pending(kind);
                    next.push((Step::SendsAgain(order, anew), to));
                }
            }
            // The same number, in a new session, before anything was asked in it: the journal knows it.
            Way::Unknown if !state.asked => {
                if let Some(to_bridge) = submit {
                    let way = Way::Sent { stored: true };
                    next.push((Step::Repeats(order), State { way, to_bridge, ..*state }));
                }
            }
            Way::Unknown => {}
        }
    }

    fn without_engine(&self, state: State) -> State {
        let mut to = self.without_session(state);
        // What was not stored is gone; its number is left out afterwards, as the wheel does.
        if !self.protocol.intent_first
            && matches!(state.way, Way::Unsent | Way::Sent { stored: false })
            && let Some((order, _)) = state.pending()
        {
            to.books[order as usize] = Booked::Forgotten;
        }
        State { engine_up: false, way: Way::Unknown, ..to }
    }

    fn without_session(&self, state: State) -> State {
        let mut to = State { session: false, held: false, asked: false, way: Way::Unknown, ..state };
        // A new session will have an epoch of its own; without epochs nobody can tell.
        for sent in to.to_bridge.iter_mut().chain(&mut to.to_engine).flatten() {
            (sent.old, sent.overtaken) = (true, sent.overtaken && !self.protocol.fenced);
        }
        (to.to_bridge, to.to_engine) = (self.without_passed_over(to.to_bridge), self.without_passed_over(to.to_engine));
        to
    }

    fn bridge_steps(&self, state: &State, next: &mut Vec<(Step, State)>) {
        if !state.bridge_up {
            let mut to = State { bridge_up: true, ..*state };
            for journal in &mut to.journal {
                // The mark is missing, so the call was never made; and it never will be.
                if *journal == Journal::Written {
                    *journal = Journal::NotSent;
                }
            }
            return next.push((Step::BridgeStarts, to));
        }
        next.push((Step::BridgeStops, State { bridge_up: false, doing: Doing::Idle, ..self.without_session(*state) }));
        match state.doing {
            Doing::Idle => {}
            Doing::Has(order, kind) if self.protocol.journal_first => {
                let mut to = State { doing: Doing::Marked(order, kind), ..*state };
                to.journal[order as usize] = Journal::Sent;
                next.push((Step::Marks(order), to));
            }
            Doing::Has(order, kind) | Doing::Marked(order, kind) => {
                if kind == Kind::Close && self.protocol.clipped && state.position <= 0 {
                    let mut to = State { doing: Doing::Idle, ..*state };
                    to.journal[order as usize] = Journal::NotSent;
                    self.say(&mut to, Letter::Result { order, filled: false });
                    next.push((Step::NothingToClose(order), to));
                } else {
                    let mut to = State { doing: Doing::Calls(order, kind), ..*state };
                    to.waiting[order as usize] = Some(kind);
                    next.push((Step::Calls(order), to));
                }
            }
            Doing::Calls(order, _) => {
                let mut to = State { doing: Doing::Idle, ..*state };
                if state.waiting[order as usize].is_none() {
                    let filled = state.executed[order as usize] > 0;
                    to.journal[order as usize] = if filled { Journal::Filled } else { Journal::Refused };
                    self.say(&mut to, Letter::Result { order, filled });
                    next.push((Step::Hears(order, filled), to));
                }
                let mut to = State { doing: Doing::Idle, ..*state };
                to.journal[order as usize] = Journal::Sent;
                self.say(&mut to, Letter::Unknown(order));
                next.push((Step::CallTimesOut(order), to));
            }
        }
    }

    /// Says it, if there is a session; it is lost where the wire is full.
    fn say(&self, state: &mut State, letter: Letter) {
        if state.session
            && let Some(lane) = self.with(state.to_engine, letter)
        {
            state.to_engine = lane;
        }
    }

    fn wire_steps(&self, state: &State, next: &mut Vec<(Step, State)>) {
        if state.session {
            next.push((Step::Breaks, self.without_session(*state)));
        }
        for at in 0..LETTERS {
            if let Some(sent) = state.to_bridge[at] {
                let lost = State { to_bridge: without(state.to_bridge, at), ..*state };
                next.push((Step::Loses(sent.letter), lost));
                if state.session {
                    let left = State { to_bridge: self.after_taking(state.to_bridge, at), ..*state };
                    self.bridge_takes(&left, sent.letter, Step::Arrives(sent.letter), next);
                    let copied = State { to_bridge: self.after_copying(state.to_bridge, at), ..*state };
                    self.bridge_takes(&copied, sent.letter, Step::ArrivesTwice(sent.letter), next);
                }
            }
            if let Some(sent) = state.to_engine[at] {
                let lost = State { to_engine: without(state.to_engine, at), ..*state };
                next.push((Step::Loses(sent.letter), lost));
                if state.session {
                    let left = State { to_engine: self.after_taking(state.to_engine, at), ..*state };
                    next.push((Step::Arrives(sent.letter), self.engine_takes(left, sent.letter)));
                    let copied = State { to_engine: self.after_copying(state.to_engine, at), ..*state };
                    next.push((Step::ArrivesTwice(sent.letter), self.engine_takes(copied, sent.letter)));
                }
            }
        }
    }

    /// The lane without what its receiver would pass over: nothing else can become of that, and there are ten times as
    /// many states with it.
    fn without_passed_over(&self, mut lane: Lane) -> Lane {
        for at in (0..LETTERS).rev() {
            if lane[at].is_some_and(|Sent { old, overtaken, .. }| {
                old && self.protocol.fenced || overtaken && self.protocol.in_order
            }) {
                lane = without(lane, at);
            }
        }
        lane
    }

    fn bridge_takes(&self, state: &State, letter: Letter, step: Step, next: &mut Vec<(Step, State)>) {
        let mut to = *state;
        match letter {
            Letter::Submit(order, kind) => {
                let known = matches!(state.doing, Doing::Has(at, _) | Doing::Marked(at, _) | Doing::Calls(at, _) if at == order);
                match state.journal[order as usize] {
                    // The worker is busy: the letter stays where it is.
                    Journal::Absent if state.doing != Doing::Idle && !known => return,
                    Journal::Absent if known => {}
                    Journal::Absent => {
                        to.doing = Doing::Has(order, kind);
                        if self.protocol.journal_first {
                            to.journal[order as usize] = Journal::Written;
                        }
                    }
                    Journal::Filled => self.say(&mut to, Letter::Result { order, filled: true }),
                    Journal::Refused | Journal::NotSent => self.say(&mut to, Letter::Result { order, filled: false }),
                    Journal::Sent if !known => self.say(&mut to, Letter::Unknown(order)),
                    Journal::Sent | Journal::Written => {}
                }
                next.push((step, to));
            }
            // Answered when the worker has time: nothing is sent between the answer's parts.
            Letter::Ask(about) if state.doing == Doing::Idle => {
                let mut failed = to;
                self.say(&mut failed, Letter::Failed(about));
                next.push((step, failed));
                let (position, stops) = (state.position, state.stops);
                let mut answer = |about| {
                    let mut to = to;
                    self.say(&mut to, Letter::Answer { about, position, stops });
                    next.push((step, to));
                };
                match about.map(|order| (order, state.reply(order))) {
                    Some((order, Reply::Nothing { stable: true })) => {
                        answer(Some((order, Reply::Nothing { stable: false })));
                        answer(Some((order, Reply::Nothing { stable: true })));
                    }
                    about => answer(about),
                }
            }
            _ => {}
        }
    }

    fn engine_takes(&self, mut to: State, letter: Letter) -> State {
        match letter {
            Letter::Result { order, filled } => settle(&mut to, order, filled),
            Letter::Unknown(order) => {
                if to.pending().is_some_and(|(pending, _)| pending == order) {
                    if self.protocol.on_timeout == OnTimeout::Refused {
                        settle(&mut to, order, false);
                    } else if self.protocol.on_timeout == OnTimeout::Unknown {
                        to.way = Way::Unknown;
                    }
                }
            }
            Letter::Answer { about, position, stops } => {
                to.stops_known = to.stops_known.max(stops);
                if let Some((order, reply)) = about
                    && let Some(filled) = self.proves(&to, order, reply, position)
                {
                    settle(&mut to, order, filled);
                }
                if to.pending().is_none() {
                    to.held = to.believed() == position;
                }
            }
            Letter::Failed(Some(order)) if self.protocol.proof == Proof::FailureIsEmpty => {
                settle(&mut to, order, false);
                to.held = true;
            }
            Letter::Failed(_) | Letter::Submit(..) | Letter::Ask(_) => {}
        }
        to
    }

    /// What the answer proves about the order, if anything.
    fn proves(&self, state: &State, order: u8, reply: Reply, position: i8) -> Option<bool> {
        let kind = state.pending().filter(|&(pending, _)| pending == order)?.1;
        match (self.protocol.proof, reply) {
            (Proof::ThePosition, _) => Some((position > 0) == (kind == Kind::Open)),
            (_, Reply::Filled) => Some(true),
            (_, Reply::Absent | Reply::Dead | Reply::Nothing { stable: true }) => Some(false),
            (Proof::OneEmptyLook, Reply::Nothing { stable: false }) => Some(false),
            (_, Reply::Nothing { stable: false }) => None,
        }
    }

    fn exchange_steps(&self, state: &State, next: &mut Vec<(Step, State)>) {
        for order in 0..self.intents {
            if let Some(kind) = state.waiting[order] {
                let mut to = *state;
                to.waiting[order] = None;
                next.push((Step::Drops(order as u8), to));
                to.executed[order] += 1;
                to.position += if kind == Kind::Open { 1 } else { -1 };
                next.push((Step::Executes(order as u8), to));
            }
        }
        if self.server_stop && state.position == 1 && !state.waiting.contains(&Some(Kind::Close)) {
            next.push((Step::StopFires, State { position: 0, stops: state.stops + 1, ..*state }));
        }
    }

    /// The lane with a letter more; `None` where it is full.
    fn with(&self, mut lane: Lane, letter: Letter) -> Option<Lane> {
        let free = lane[..self.letters].iter_mut().find(|at| at.is_none())?;
        *free = Some(Sent { letter, old: false, overtaken: false });
        Some(lane)
    }

    /// The lane after the letter at `at` was taken in.
    fn after_taking(&self, mut lane: Lane, at: usize) -> Lane {
        overtake(&mut lane, at);
        self.without_passed_over(without(lane, at))
    }

    /// The same, where a copy of it will arrive, too.
    fn after_copying(&self, mut lane: Lane, at: usize) -> Lane {
        overtake(&mut lane, at);
        self.without_passed_over(lane)
    }
}

/// The letter at `at` is taken in: it and those of its session before it will arrive too late. Of an old session nothing
/// is counted: where that is taken in at all, nobody knows its numbers.
fn overtake(lane: &mut Lane, at: usize) {
    let old = lane[at].is_some_and(|sent| sent.old);
    for sent in lane[..=at].iter_mut().flatten().filter(|sent| sent.old == old) {
        sent.overtaken = true;
    }
}

fn settle(state: &mut State, order: u8, filled: bool) {
    if let Booked::Pending(kind) = state.books[order as usize] {
        state.books[order as usize] = if filled { Booked::Filled(kind) } else { Booked::Dead };
        state.way = Way::Unknown;
        // A close that found nothing: the stop was faster, and the books do not have it yet.
        if !filled && kind == Kind::Close {
            state.held = false;
        }
    }
}

fn without(mut lane: Lane, at: usize) -> Lane {
    lane[at] = None;
    lane[at..].rotate_left(1);
    lane
}

impl Sent {
    /// Of a question of this session.
    fn is_of_a_question(self) -> bool {
        !self.old && matches!(self.letter, Letter::Ask(_) | Letter::Answer { .. } | Letter::Failed(_))
    }
}
