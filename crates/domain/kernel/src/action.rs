//! The four things the gate can do with a signal.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::UnknownName;

/// What the gate does with a signal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Action {
    /// Do not enter.
    #[serde(rename = "HOLD")]
    Hold,
    /// Enter with the base contracts.
    #[serde(rename = "ENTER")]
    Enter,
    /// Enter with a part of the base contracts (semantics 15).
    #[serde(rename = "ENTER_CONSERVATIVE")]
    EnterConservative,
    /// Enter with the base contracts and the leveraged extra.
    #[serde(rename = "ENTER_WITH_REALAVANCAGEM")]
    EnterWithReleverage,
}

impl Action {
    /// How many there are.
    pub const COUNT: usize = 4;
    /// All, in the order of their index.
    pub const ALL: [Self; Self::COUNT] = [Self::Hold, Self::Enter, Self::EnterConservative, Self::EnterWithReleverage];

    /// The specification's spelling, as stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hold => "HOLD",
            Self::Enter => "ENTER",
            Self::EnterConservative => "ENTER_CONSERVATIVE",
            Self::EnterWithReleverage => "ENTER_WITH_REALAVANCAGEM",
        }
    }

    /// Its place in [`Action::ALL`].
    #[inline]
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Action {
    type Err = UnknownName;
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL.into_iter().find(|action| action.as_str() == text).ok_or_else(|| UnknownName {
            what: "action",
            got: text.to_owned(),
            known: Self::ALL.map(Self::as_str).join(", "),
        })
    }
}

/// The actions that can be taken for a signal; those outside are masked before sampling (semantics 14).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ActionSet(u8);

impl ActionSet {
    /// All four.
    pub const ALL: Self = Self(0b1111);

    /// These actions.
    pub const fn of(actions: &[Action]) -> Self {
        let (mut bits, mut i) = (0, 0);
        while i < actions.len() {
            bits |= 1 << actions[i] as u8;
            i += 1;
        }
        Self(bits)
    }

    /// The set without one action.
    #[inline]
    pub const fn without(self, action: Action) -> Self {
        Self(self.0 & !(1 << action as u8))
    }

    /// Whether the action is in the set.
    #[inline]
    pub const fn contains(self, action: Action) -> bool {
        self.0 >> action as u8 & 1 == 1
    }

    /// Bit i is set where action i of [`Action::ALL`] is in the set.
    #[inline]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// The actions in the set, in the order of their index.
    pub fn iter(self) -> impl Iterator<Item = Action> {
        Action::ALL.into_iter().filter(move |&action| self.contains(action))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for (index, action) in Action::ALL.into_iter().enumerate() {
            assert_eq!((action.index(), action.as_str().parse()), (index, Ok(action)));
        }
    }

    #[test]
    fn masking_removes_one() {
        let left = ActionSet::ALL.without(Action::EnterWithReleverage);
        assert_eq!(left, ActionSet::of(&[Action::Hold, Action::Enter, Action::EnterConservative]));
        assert_eq!(left.iter().count(), 3);
    }
}
