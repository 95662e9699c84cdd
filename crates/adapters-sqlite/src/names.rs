//! Stored names and what they mean, both ways.

use alavanca_engine::{Chooser, LearnSkip};
use alavanca_execution::CloseCause;
use alavanca_kernel::{Action, ActionSet, ExitKind, LegRole, OrderIntent, RejectReason, RiskState};
use alavanca_scalp::ScalpEventKind;

/// Names of our own: to the text and back. A variant that is missing does not compile.
macro_rules! named {
    ($($to:ident, $from:ident: $type:ident { $($variant:ident = $text:literal),+ })+) => { $(
        pub(crate) fn $to(value: $type) -> &'static str {
            match value { $($type::$variant => $text),+ }
        }

        pub(crate) fn $from(text: &str) -> Option<$type> {
            [$($type::$variant),+].into_iter().find(|value| $to(*value) == text)
        }
    )+ };
}

/// Names that their type knows: back from the text. A variant that is missing does not compile.
macro_rules! known {
    ($($from:ident: $type:ident { $($variant:ident),+ })+) => { $(
        pub(crate) fn $from(text: &str) -> Option<$type> {
            const fn all(value: $type) -> $type {
                match value { $($type::$variant => $type::$variant),+ }
            }
            [$($type::$variant),+].into_iter().map(all).find(|value| value.as_str() == text)
        }
    )+ };
}

named! {
    role, find_role: LegRole { Base = "BASE", Extra = "EXTRA" }
    intent, find_intent: OrderIntent { Open = "OPEN", Close = "CLOSE" }
    chooser, find_chooser: Chooser {
        Policy = "policy", FreezeFallback = "freeze_fallback", PolicyOff = "policy_off"
    }
    skip, find_skip: LearnSkip { Frozen = "frozen", Transition = "transition" }
}

known! {
    find_exit: ExitKind { TakeProfit, StopLoss, Timeout, Forced }
    find_risk_state: RiskState { Active, Paused, ReduceOnly, Halted }
    find_reject: RejectReason {
        NoMoney, MarketClosed, InvalidVolume, InvalidStops, NothingToClose, DuplicateId, UnknownSymbol, Other
    }
    find_scalp: ScalpEventKind { Opened, TpHit, SlHit, Timeout, Forced, HandedOver, Protected }
    find_close: CloseCause {
        TakeProfit, StopLoss, Timeout, Session, Risk, Operator, OppositeSignal, Protected, BaseEnded, EndOfMarket,
        NeverFilled
    }
}

/// The actions whose bit is set; `None` where a bit is no action's.
pub(crate) fn actions(bits: i64) -> Option<ActionSet> {
    let actions: Vec<Action> = Action::ALL.into_iter().filter(|action| bits >> action.index() & 1 == 1).collect();
    Some(ActionSet::of(&actions)).filter(|set| i64::from(set.bits()) == bits)
}
