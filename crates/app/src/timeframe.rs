//! Lengths of bars by the names that platforms give them.

use std::fmt;
use std::str::FromStr;

use alavanca_kernel::UnknownName;

/// A bar's length, such as `M15` or `H4`.
///
/// ```
/// use alavanca::timeframe::Timeframe;
/// let quarter = "m15".parse::<Timeframe>()?;
/// assert_eq!((quarter.as_str(), quarter.seconds()), ("M15", 900));
/// assert!("M7".parse::<Timeframe>().unwrap_err().to_string().contains("M5, M6"));
/// # Ok::<(), alavanca_kernel::UnknownName>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeframe {
    name: &'static str,
    seconds: u32,
}

const MINUTE: u32 = 60;
const HOUR: u32 = 60 * MINUTE;
const DAY: u32 = 24 * HOUR;

impl Timeframe {
    /// All of them, the shortest first.
    pub const ALL: [Self; 20] = [
        Self { name: "M1", seconds: MINUTE },
        Self { name: "M2", seconds: 2 * MINUTE },
        Self { name: "M3", seconds: 3 * MINUTE },
        Self { name: "M4", seconds: 4 * MINUTE },
        Self { name: "M5", seconds: 5 * MINUTE },
        Self { name: "M6", seconds: 6 * MINUTE },
        Self { name: "M10", seconds: 10 * MINUTE },
        Self { name: "M12", seconds: 12 * MINUTE },
        Self { name: "M15", seconds: 15 * MINUTE },
        Self { name: "M20", seconds: 20 * MINUTE },
        Self { name: "M30", seconds: 30 * MINUTE },
        Self { name: "H1", seconds: HOUR },
        Self { name: "H2", seconds: 2 * HOUR },
        Self { name: "H3", seconds: 3 * HOUR },
        Self { name: "H4", seconds: 4 * HOUR },
        Self { name: "H6", seconds: 6 * HOUR },
        Self { name: "H8", seconds: 8 * HOUR },
        Self { name: "H12", seconds: 12 * HOUR },
        Self { name: "D1", seconds: DAY },
        Self { name: "W1", seconds: 7 * DAY },
    ];

    /// Its name in capitals.
    pub const fn as_str(self) -> &'static str {
        self.name
    }

    /// Its length.
    pub const fn seconds(self) -> u32 {
        self.seconds
    }

    /// Whether bars of so many seconds make up whole ones of it.
    pub const fn is_made_of(self, seconds: u32) -> bool {
        seconds > 0 && self.seconds.is_multiple_of(seconds)
    }
}

impl fmt::Display for Timeframe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name)
    }
}

impl FromStr for Timeframe {
    type Err = UnknownName;
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let found = Self::ALL.into_iter().find(|known| known.name.eq_ignore_ascii_case(text.trim()));
        found.ok_or_else(|| UnknownName {
            what: "time frame",
            got: text.to_owned(),
            known: Self::ALL.map(Self::as_str).join(", "),
        })
    }
}
