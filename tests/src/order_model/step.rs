use std::fmt;

/// What may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The engine decides an order (and stores it, if it does so first).
    Decides(u8, Kind, bool),
    /// It sends it.
    Sends(u8),
    /// It stores it, afterwards.
    Stores(u8),
    /// Its time is out.
    TimesOut(u8),
    /// Its time is out, and it is sent again with a new number.
    SendsAgain(u8, u8),
    /// The same order is sent again after a new session began.
    Repeats(u8),
    /// The engine asks how everything stands.
    Asks(Option<u8>),
    /// A letter arrives.
    Arrives(Letter),
    /// A letter arrives, and will once more.
    ArrivesTwice(Letter),
    /// A letter is lost.
    Loses(Letter),
    /// A session begins.
    Connects,
    /// It breaks.
    Breaks,
    /// The engine stops in the middle of it.
    EngineStops,
    /// It starts again.
    EngineStarts,
    /// The bridge stops in the middle of it.
    BridgeStops,
    /// It starts again.
    BridgeStarts,
    /// The bridge notes that it is about to call.
    Marks(u8),
    /// It finds nothing to close.
    NothingToClose(u8),
    /// It calls the terminal.
    Calls(u8),
    /// The terminal answers.
    Hears(u8, bool),
    /// The terminal's answer does not come.
    CallTimesOut(u8),
    /// The exchange executes.
    Executes(u8),
    /// The exchange drops or refuses it.
    Drops(u8),
    /// The position's stop fires.
    StopFires,
}

/// From the engine to the bridge, or back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Letter {
    /// `order_submit`.
    Submit(u8, Kind),
    /// `reconcile_req`, with the order that has no end.
    Ask(Option<u8>),
    /// `result`.
    Result {
        /// The order.
        order: u8,
        /// Filled, or surely nothing.
        filled: bool,
    },
    /// `unknown`.
    Unknown(u8),
    /// `reconcile`.
    Answer {
        /// What became of the order asked for.
        about: Option<(u8, Reply)>,
        /// The live position.
        position: i8,
        /// How often its stop has fired so far.
        stops: u8,
    },
    /// `reconcile` with an error: the terminal did not answer.
    Failed(Option<u8>),
}

/// What a bridge knows of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reply {
    /// Never heard of.
    Absent,
    /// Surely not executed, now or later.
    Dead,
    /// Executed.
    Filled,
    /// Sent; the history has nothing of it. `stable` where its time is over.
    Nothing {
        /// Asked until it is stable.
        stable: bool,
    },
}

/// Opens or closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// One more contract.
    Open,
    /// One less.
    Close,
}

/// Who takes a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// The engine.
    Engine,
    /// What lies between.
    Wire,
    /// The bridge.
    Bridge,
    /// Terminal, broker and exchange.
    Exchange,
}

/// A rule, as it is named where it is broken.
#[derive(Debug)]
pub struct Rule;

impl Rule {
    /// One order, two executions.
    pub const TWICE: &str = "an order is executed twice";
    /// More than one contract.
    pub const OVER_CAP: &str = "two contracts are open where one may be";
    /// The position turned round.
    pub const ACROSS_FLAT: &str = "an exit has crossed flat";
    /// A belief that is wrong.
    pub const FALSE_PROOF: &str = "an order is taken for dead that was executed";
    /// A belief that is wrong.
    pub const NEVER_FILLED: &str = "an order is taken for filled that was not";
    /// Nobody waits for it.
    pub const UNSEEN: &str = "an order was executed that the engine neither knows nor waits for";
}

impl Kind {
    pub(super) fn verb(self) -> &'static str {
        match self {
            Self::Open => "opens",
            Self::Close => "closes",
        }
    }
}

impl Step {
    /// Who takes it.
    pub fn actor(&self) -> Actor {
        match self {
            Self::Decides(..)
            | Self::Sends(_)
            | Self::Stores(_)
            | Self::TimesOut(_)
            | Self::SendsAgain(..)
            | Self::Repeats(_)
            | Self::Asks(_)
            | Self::EngineStops
            | Self::EngineStarts => Actor::Engine,
            Self::Arrives(_) | Self::ArrivesTwice(_) | Self::Loses(_) | Self::Connects | Self::Breaks => Actor::Wire,
            Self::BridgeStops
            | Self::BridgeStarts
            | Self::Marks(_)
            | Self::NothingToClose(_)
            | Self::Calls(_)
            | Self::Hears(..)
            | Self::CallTimesOut(_) => Actor::Bridge,
            Self::Executes(_) | Self::Drops(_) | Self::StopFires => Actor::Exchange,
        }
    }
}

impl fmt::Display for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Submit(order, kind) => write!(f, "`submit {order}`, which {}", kind.verb()),
            Self::Ask(None) => f.write_str("the question how everything stands"),
            Self::Ask(Some(order)) => write!(f, "the question about {order}"),
            Self::Result { order, filled } => {
                write!(f, "`result {order}`: {}", if *filled { "filled" } else { "not executed" })
            }
            Self::Unknown(order) => write!(f, "`unknown {order}`"),
            Self::Answer { about, position, .. } => {
                f.write_str("the answer: ")?;
                if let Some((order, reply)) = about {
                    let reply = match reply {
                        Reply::Absent => "was never heard of",
                        Reply::Dead => "was not executed and never will be",
                        Reply::Filled => "is filled",
                        Reply::Nothing { stable: false } => "was sent, nothing is found of it",
                        Reply::Nothing { stable: true } => "was sent, its time is over, nothing is found of it",
                    };
                    write!(f, "{order} {reply}; ")?;
                }
                write!(f, "the position is {position}")
            }
            Self::Failed(_) => f.write_str("the answer: the terminal could not be asked"),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let actor = match self.actor() {
            Actor::Engine => "engine",
            Actor::Wire => "wire",
            Actor::Bridge => "bridge",
            Actor::Exchange => "exchange",
        };
        write!(f, "{actor:<9}")?;
        match self {
            Self::Decides(order, kind, true) => {
                write!(f, "decides order {order}, which {}, and stores it", kind.verb())
            }
            Self::Decides(order, kind, false) => write!(f, "decides order {order}, which {}", kind.verb()),
            Self::Sends(order) => write!(f, "sends {order}"),
            Self::Stores(order) => write!(f, "stores {order}"),
            Self::TimesOut(order) => write!(f, "has waited long enough for {order}"),
            Self::SendsAgain(order, anew) => {
                write!(f, "has waited long enough for {order}: sends the same again as {anew}")
            }
            Self::Repeats(order) => write!(f, "sends {order} again, in the new session"),
            Self::Asks(None) => f.write_str("asks how everything stands"),
            Self::Asks(Some(order)) => write!(f, "asks what became of {order}"),
            Self::Arrives(letter) => write!(f, "brings {letter}"),
            Self::ArrivesTwice(letter) => write!(f, "brings {letter}, and keeps a copy"),
            Self::Loses(letter) => write!(f, "loses {letter}"),
            Self::Connects => f.write_str("a session begins"),
            Self::Breaks => f.write_str("the session breaks"),
            Self::EngineStops | Self::BridgeStops => f.write_str("is killed"),
            Self::EngineStarts | Self::BridgeStarts => f.write_str("starts again"),
            Self::Marks(order) => write!(f, "notes in its journal that it is about to send {order}"),
            Self::NothingToClose(order) => write!(f, "finds nothing to close for {order}"),
            Self::Calls(order) => write!(f, "calls OrderSend for {order}"),
            Self::Hears(order, true) => write!(f, "hears that {order} is filled"),
            Self::Hears(order, false) => write!(f, "hears that {order} is refused"),
            Self::CallTimesOut(order) => write!(f, "has no answer to the call for {order}"),
            Self::Executes(order) => write!(f, "executes {order}"),
            Self::Drops(order) => write!(f, "drops {order}"),
            Self::StopFires => f.write_str("fires the position's stop"),
        }
    }
}
