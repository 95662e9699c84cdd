//! How a session begins, goes on and ends.
//!
//! ```text
//! engine                                bridge
//!   challenge {nonce}            ──►
//!                                ◄──    hello {nonce, account, proof}      proof of the secret over both nonces
//!   auth {session, epoch, proof} ──►                                       the engine's own proof
//!                                ◄──    welcome                            the epoch is in the journal
//!   subscribe, reconcile_req     ──►    nothing is traded before the answer
//! ```

use serde::{Deserialize, Serialize};

use super::Id;

/// Begins the text that a bridge's proof is made of.
pub const BRIDGE_PROOF: &str = "alavanca bridge 1";
/// Begins the text that the engine's proof is made of.
pub const ENGINE_PROOF: &str = "alavanca engine 1";

/// The engine's first word.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub struct Challenge {
    /// 64 hexadecimal digits of chance.
    pub nonce: String,
    /// Versions of the protocol that the engine speaks.
    pub versions: Vec<u32>,
    /// Who is asking: name and version of the program, for the log.
    pub engine: String,
}

/// Which bridge it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum BridgeKind {
    /// The Python sidecar over the official package.
    Sidecar,
    /// The Expert Advisor within the terminal.
    ExpertAdvisor,
}

/// Whose money it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum TradeMode {
    /// Play money (`ACCOUNT_TRADE_MODE` 0).
    Demo,
    /// A contest's (1).
    Contest,
    /// Real money (2).
    Real,
}

/// The account that the terminal is logged in to: what the engine pins. A difference refuses the session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub struct AccountIdentity {
    /// The login.
    pub login: Id,
    /// The trade server's name.
    pub server: String,
    /// The broker's company.
    pub company: String,
    /// Demo or real.
    pub trade_mode: TradeMode,
    /// `ACCOUNT_MARGIN_MODE`: 0 retail netting, 1 exchange, 2 retail hedging.
    pub margin_mode: u32,
    /// The account's currency.
    pub currency: String,
    /// Decimals of its money.
    pub currency_digits: u32,
}

/// The bridge says who it is, and proves that it has the secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub struct Hello {
    /// 64 hexadecimal digits of chance.
    pub nonce: String,
    /// The version it speaks of those that the engine named.
    pub version: u32,
    /// Which one.
    pub bridge: BridgeKind,
    /// Its own version, for the log.
    pub release: String,
    /// This run of the bridge: 32 hexadecimal digits. Another one means that it was restarted.
    pub instance: String,
    /// The highest epoch in its journal; 0 for none.
    pub epoch_seen: u64,
    /// Whose account.
    pub account: AccountIdentity,
    /// HMAC-SHA256, its key the 32 bytes that the secret's digits stand for; 64 lower-case hexadecimal digits, of these
    /// in UTF-8 joined by `\n`: [`BRIDGE_PROOF`], the engine's nonce, the bridge's nonce, `instance`, login, server,
    /// trade mode as on the wire, margin mode, currency.
    pub proof: String,
}

/// The engine proves itself, names session and epoch, and says what the bridge has to hold to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub struct Auth {
    /// The session's name: 32 hexadecimal digits. All envelopes carry it from here on.
    pub session: String,
    /// Greater than any before of this account; a bridge refuses an order of a smaller one, also after a restart.
    pub epoch: u64,
    /// Whether orders may be sent. Without it the bridge refuses every order and change (a dry run, paper, `doctor`).
    pub armed: bool,
    /// A heartbeat is sent at least this often, by both.
    pub heartbeat_ms: u32,
    /// The other side is taken for lost after so long without any frame.
    pub lost_after_ms: u32,
    /// So many `tick` frames may be unacknowledged (by `ack`); with more on the way the bridge gathers ticks and waits.
    /// The engine acknowledges as soon as it has taken a frame in. 1 keeps both in step, for simulated markets.
    pub window: u32,
    /// What the bridge does about extras while the engine is lost.
    pub deadman: Deadman,
    /// What the bridge never exceeds. Its own settings may be stricter, and then hold.
    pub caps: Caps,
    /// HMAC-SHA256 with the same key, of these joined by `\n`: [`ENGINE_PROOF`], the bridge's nonce, the engine's nonce,
    /// `session`, the epoch, `armed` as `true` or `false`.
    pub proof: String,
}

/// What a bridge does for extras while the engine is lost. The stops that rest at the server stay in every case, and
/// no entry is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Deadman {
    /// Watches each extra's stop, target and time limit, and closes it there.
    Enforce,
    /// Closes every extra at once.
    Flatten,
}

/// Caps of the bridge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub struct Caps {
    /// The symbols it may trade, as the broker spells them.
    pub symbols: Vec<String>,
    /// The largest order, in lots.
    pub order_lots: super::Decimal,
    /// The largest position of a symbol, in lots.
    pub position_lots: super::Decimal,
    /// The most orders that open, in any 60 seconds.
    pub orders_per_minute: u32,
}

/// The session has begun: the epoch is durable in the bridge's journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub struct Welcome {
    /// The epoch that it noted.
    pub epoch: u64,
    /// Orders in its journal that have no outcome yet.
    pub open_in_journal: u32,
}

/// Why there is no session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RefuseReason {
    /// No version in common.
    Version,
    /// The proof does not hold.
    Proof,
    /// Not the account that was pinned.
    Account,
    /// Another bridge has a session for this account.
    Busy,
    /// The epoch is not greater than one that was seen.
    Epoch,
    /// A frame that is none, too long, or out of order.
    Protocol,
    /// The terminal is not connected or not logged in.
    Terminal,
}

/// The end before the beginning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub struct Refuse {
    /// Why.
    pub reason: RefuseReason,
    /// In words, with what to do.
    pub text: String,
}

/// The bridge is there, and so stands its terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub struct BridgeHeartbeat {
    /// How long the terminal's worker is busy with one call; 0 for an idle one. An Expert Advisor says 0.
    pub worker_busy_ms: u32,
    /// The terminal has its server.
    pub terminal_connected: bool,
    /// The account and the terminal may trade.
    pub trade_allowed: bool,
    /// Trading by programs is switched off in the terminal.
    pub tradeapi_disabled: bool,
    /// The kill button was pressed: it opens nothing until a person releases it there.
    pub killed: bool,
    /// The terminal's last ping to its server, in microseconds, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ping_us: Option<u64>,
    /// When the engine's last heartbeat was sent, echoed; for the round trip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub echo_utc: Option<i64>,
}

/// The engine is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub struct EngineHeartbeat {
    /// Its risk state, for the bridge's panel: `ACTIVE`, `PAUSED`, `REDUCE_ONLY`, `HALTED`.
    pub state: String,
    /// When the bridge's last heartbeat was sent, echoed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub echo_utc: Option<i64>,
}

/// The session ends in order. A bridge that hears it does not wait for the dead-man's time: it goes by `positions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub struct Bye {
    /// Why.
    pub text: String,
}
