use serde::Serialize;

use super::FrameError;
use super::error::with_path;
use crate::wire::{FromBridge, FromEngine};

/// What one side may say: [`FromBridge`] or [`FromEngine`].
pub trait Message: Serialize + Sized {
    /// The `type`s of its frames.
    const KINDS: &'static [&'static str];

    /// The message of this `type` and body; the body begins at this byte of its line.
    ///
    /// # Errors
    /// [`FrameError::UnknownType`], or what is wrong with the body.
    fn read(kind: &str, body: &str, offset: usize) -> Result<Self, FrameError>;
}

macro_rules! message {
    ($side:ident { $($kind:literal => $variant:ident,)* }) => {
        impl Message for $side {
            const KINDS: &'static [&'static str] = &[$($kind),*];

            fn read(kind: &str, body: &str, offset: usize) -> Result<Self, FrameError> {
                match kind {
                    $($kind => with_path(body, "body", offset).map(Self::$variant),)*
                    _ => Err(FrameError::UnknownType { got: kind.chars().take(40).collect(), expected: Self::KINDS }),
                }
            }
        }
    };
}

message!(FromBridge {
    "hello" => Hello,
    "welcome" => Welcome,
    "refuse" => Refuse,
    "heartbeat" => Heartbeat,
    "bye" => Bye,
    "symbol_spec" => SymbolSpec,
    "session_calendar" => SessionCalendar,
    "tick" => Tick,
    "bars" => Bars,
    "accepted" => Accepted,
    "result" => Result,
    "unknown" => Unknown,
    "calculated" => Calculated,
    "snapshot" => Snapshot,
    "reconcile" => Reconcile,
    "deal" => Deal,
    "order_update" => OrderUpdate,
    "position_update" => PositionUpdate,
    "acted" => Acted,
});

message!(FromEngine {
    "challenge" => Challenge,
    "auth" => Auth,
    "refuse" => Refuse,
    "heartbeat" => Heartbeat,
    "bye" => Bye,
    "subscribe" => Subscribe,
    "bars_req" => BarsReq,
    "order_submit" => OrderSubmit,
    "order_modify" => OrderModify,
    "order_cancel" => OrderCancel,
    "position_sltp" => PositionSltp,
    "close_by" => CloseBy,
    "order_check" => OrderCheck,
    "calc_margin" => CalcMargin,
    "calc_profit" => CalcProfit,
    "reconcile_req" => ReconcileReq,
});
