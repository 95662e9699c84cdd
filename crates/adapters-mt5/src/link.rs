//! What joins the session with a bridge to whoever trades over it.

use tokio::sync::mpsc;

use crate::wire::{Envelope, FromBridge, FromEngine, Hello, Welcome};

/// One end of the way to a bridge, over all its sessions: they end and begin again behind it.
#[derive(Debug)]
pub struct Link {
    /// What the engine says. What is said while no session stands is dropped: a new session begins with a
    /// reconciliation, and what still matters is said again then.
    pub out: mpsc::Sender<Say>,
    /// What happens, in order.
    pub happens: mpsc::Receiver<LinkEvent>,
}

/// One message for the bridge.
#[derive(Debug, Clone, PartialEq)]
pub struct Say {
    /// Joins it to its answers.
    pub cid: Option<String>,
    /// The message.
    pub message: FromEngine,
}

/// What happens on the way to the bridge.
#[derive(Debug, Clone, PartialEq)]
pub enum LinkEvent {
    /// A session began: nothing is traded before a reconciliation.
    Up(Box<Established>),
    /// The bridge said something.
    Message(Box<Envelope<FromBridge>>),
    /// Frames are missing: ask how everything stands.
    Gap,
    /// The session ended. Whatever was in flight has an unknown outcome.
    Down(String),
}

/// A session that stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Established {
    /// Its name.
    pub session: String,
    /// Its epoch.
    pub epoch: u64,
    /// Whether orders may be sent.
    pub armed: bool,
    /// Who is there, on whose account.
    pub hello: Hello,
    /// What the bridge answered.
    pub welcome: Welcome,
}
