//! What the trade server's return codes mean for an order.

use alavanca_kernel::RejectReason;

use crate::wire::NOT_SENT;

/// The consequence of a return code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// The bridge did not call the terminal: nothing happened, and nothing will.
    NotSent,
    /// It was carried out.
    Done,
    /// A part was carried out.
    Partial,
    /// It is accepted and rests: nothing is filled yet.
    Placed,
    /// Nothing had to be changed.
    NoChange,
    /// The price went away: not executed, and whoever still wants it asks again at the next price.
    NewPrice,
    /// Not executed; patience is asked for.
    BackOff,
    /// It is not known whether it was executed. Never sent again.
    Unknown,
    /// Not executed, since things stand otherwise than was thought: look again.
    LookAgain,
    /// Not executed, and it would not be another time.
    Final(RejectReason),
    /// Not executed, and no entry would be.
    Halt(RejectReason),
}

/// The meaning of a code. One that is not known proves nothing.
pub const fn meaning(code: u32) -> Meaning {
    match code {
        NOT_SENT => Meaning::NotSent,
        10_009 => Meaning::Done,
        10_010 => Meaning::Partial,
        10_008 => Meaning::Placed,
        10_025 => Meaning::NoChange,
        10_004 | 10_020 | 10_021 => Meaning::NewPrice,
        10_024 | 10_028 | 10_029 => Meaning::BackOff,
        10_036 => Meaning::LookAgain,
        10_023 | 10_039 | 10_041 => Meaning::LookAgain,
        10_014 | 10_038 => Meaning::Final(RejectReason::InvalidVolume),
        10_016 => Meaning::Final(RejectReason::InvalidStops),
        10_006 | 10_007 | 10_013 | 10_015 | 10_022 | 10_030 | 10_035 => Meaning::Final(RejectReason::Other),
        10_018 => Meaning::Halt(RejectReason::MarketClosed),
        10_019 => Meaning::Halt(RejectReason::NoMoney),
        10_017 | 10_026 | 10_027 | 10_032 | 10_033 | 10_034 | 10_040 | 10_042..=10_046 => {
            Meaning::Halt(RejectReason::Other)
        }
        _ => Meaning::Unknown,
    }
}

/// The name of a code, for people.
pub const fn name(code: u32) -> &'static str {
    match code {
        NOT_SENT => "not sent",
        10_004 => "requote",
        10_006 => "rejected",
        10_007 => "canceled",
        10_008 => "placed",
        10_009 => "done",
        10_010 => "done in part",
        10_011 => "error",
        10_012 => "timed out",
        10_013 => "invalid request",
        10_014 => "invalid volume",
        10_015 => "invalid price",
        10_016 => "invalid stops",
        10_017 => "trading is disabled",
        10_018 => "market is closed",
        10_019 => "not enough money",
        10_020 => "price changed",
        10_021 => "no quotes",
        10_022 => "invalid expiration",
        10_023 => "order changed",
        10_024 => "too many requests",
        10_025 => "no changes",
        10_026 => "automated trading is disabled by the server",
        10_027 => "automated trading is disabled in the terminal",
        10_028 => "locked",
        10_029 => "frozen",
        10_030 => "invalid filling",
        10_031 => "no connection",
        10_032 => "real accounts only",
        10_033 => "too many orders",
        10_034 => "too much volume",
        10_035 => "invalid order",
        10_036 => "position is closed",
        10_038 => "more than the position",
        10_039 => "a close is there already",
        10_040 => "too many positions",
        10_041 => "the order was rejected and canceled",
        10_042 => "long only",
        10_043 => "short only",
        10_044 => "close only",
        10_045 => "first in first out only",
        10_046 => "no hedging",
        _ => "a code that is not known",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_the_table_has_its_meaning() {
        let check = |codes: &[u32], expected: fn(Meaning) -> bool| {
            for &code in codes {
                assert!(expected(meaning(code)), "{code}: {:?}", meaning(code));
                assert_ne!(name(code), name(99), "{code} has a name");
            }
        };
        check(&[0], |m| m == Meaning::NotSent);
        check(&[10_009], |m| m == Meaning::Done);
        check(&[10_010], |m| m == Meaning::Partial);
        check(&[10_008], |m| m == Meaning::Placed);
        check(&[10_025], |m| m == Meaning::NoChange);
        check(&[10_004, 10_020, 10_021], |m| m == Meaning::NewPrice);
        check(&[10_024, 10_028, 10_029], |m| m == Meaning::BackOff);
        check(&[10_011, 10_012, 10_031], |m| m == Meaning::Unknown);
        check(&[10_023, 10_036, 10_039, 10_041], |m| m == Meaning::LookAgain);
        check(&[10_006, 10_007, 10_013, 10_014, 10_015, 10_016, 10_022, 10_030, 10_035, 10_038], |m| {
            matches!(m, Meaning::Final(_))
        });
        check(
            &[
                10_017, 10_018, 10_019, 10_026, 10_027, 10_032, 10_033, 10_034, 10_040, 10_042, 10_043, 10_044, 10_045,
                10_046,
            ],
            |m| matches!(m, Meaning::Halt(_)),
        );
    }

    #[test]
    fn a_code_that_is_not_known_proves_nothing() {
        for code in [1, 10_000, 10_005, 10_037, 10_047, u32::MAX] {
            assert_eq!(meaning(code), Meaning::Unknown, "{code}");
        }
    }
}
