//! How values are written in settings: read strictly, shown in one canonical way.

use alavanca_adapters_sim::FillAt;
use alavanca_capital::{CapitalShortfall, ForbiddenModes, ReleverageMode};
use alavanca_engine::OnOpposite;
use alavanca_kernel::{AccountMode, Contracts, Money, Price, PriceSource, Regime, RegimeSet};
use alavanca_liquidity::ZoneExitMode;
use alavanca_rl::{FreezeFallback, Learning, PolicyMode, PolicyScope, RewardRule, UpdateRule};
use alavanca_scalp::ProtectMode;
use alavanca_signals::{CalibrationMethod, WeightBy};

use super::{LiquidityKind, LiveClock, RegimeKind};
use crate::timeframe::Timeframe;

/// A value that is read from and shown as text. What is refused says what is allowed.
pub(super) trait Text: Sized {
    fn read(text: &str) -> Result<Self, String>;
    fn show(&self) -> String;
}

impl Text for Money {
    /// Never through a float. More than two decimals are refused even where they are zero: `10.000` is ten thousand to
    /// a Brazilian and ten to a parser.
    fn read(text: &str) -> Result<Self, String> {
        let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        text.parse().ok().filter(|_| decimals <= 2).ok_or_else(|| {
            "an amount such as 10000.00: a decimal point, at most two decimals, no thousands separators".to_owned()
        })
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Text for Price {
    fn read(text: &str) -> Result<Self, String> {
        let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        let price = text.parse().ok().filter(|_| decimals <= 8);
        price.ok_or_else(|| "a plain decimal such as 0.0001, at most eight decimals".to_owned())
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Text for bool {
    fn read(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err("true or false".to_owned()),
        }
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Text for f64 {
    /// NaN and infinity pass here; whoever knows the bounds refuses them with the bounds.
    fn read(text: &str) -> Result<Self, String> {
        // Minus zero becomes zero.
        text.parse::<Self>().map(|value| value + 0.0).map_err(|_| "a number with a decimal point, such as 0.70".into())
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

macro_rules! whole {
    ($($number:ty),+) => {$(
        impl Text for $number {
            fn read(text: &str) -> Result<Self, String> {
                let is_large = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
                text.parse().map_err(|_| match is_large {
                    true => format!("a whole number, at most {}", <$number>::MAX),
                    false => "a whole number of zero or more, in plain digits".to_owned(),
                })
            }

            fn show(&self) -> String {
                self.to_string()
            }
        }
    )+};
}

whole!(u8, u32, u64, usize);

impl Text for Contracts {
    fn read(text: &str) -> Result<Self, String> {
        u32::read(text).map(Self::new)
    }

    fn show(&self) -> String {
        self.count().to_string()
    }
}

impl Text for String {
    fn read(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }

    fn show(&self) -> String {
        self.clone()
    }
}

/// `none` and `off` are the same: no such limit.
impl<T: Text> Text for Option<T> {
    fn read(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "none" | "off" => Ok(None),
            _ => T::read(text).map(Some).map_err(|allowed| format!("{allowed}; or none")),
        }
    }

    fn show(&self) -> String {
        self.as_ref().map_or_else(|| "none".to_owned(), Text::show)
    }
}

macro_rules! named {
    ($($name:ty),+ $(,)?) => {$(
        impl Text for $name {
            fn read(text: &str) -> Result<Self, String> {
                text.parse().map_err(|unknown: alavanca_kernel::UnknownName| format!("known are {}", unknown.known))
            }

            fn show(&self) -> String {
                self.as_str().to_owned()
            }
        }
    )+};
}

named!(
    CapitalShortfall,
    ReleverageMode,
    ProtectMode,
    PolicyMode,
    Learning,
    RewardRule,
    UpdateRule,
    FreezeFallback,
    PolicyScope,
    AccountMode,
    FillAt,
    WeightBy,
    CalibrationMethod,
    LiquidityKind,
    ZoneExitMode,
    RegimeKind,
    Timeframe,
    LiveClock,
);

impl Text for OnOpposite {
    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(|unknown: alavanca_kernel::UnknownName| format!("known are {}", unknown.known))
    }

    fn show(&self) -> String {
        match self {
            Self::Ignore => "IGNORE",
            Self::Close => "CLOSE",
            Self::Reverse => "REVERSE",
        }
        .to_owned()
    }
}

impl Text for PriceSource {
    fn read(text: &str) -> Result<Self, String> {
        match text {
            "BID" => Ok(Self::Bid),
            "LAST" => Ok(Self::Last),
            _ => Err("known are BID, LAST".to_owned()),
        }
    }

    fn show(&self) -> String {
        match self {
            Self::Bid => "BID",
            Self::Last => "LAST",
        }
        .to_owned()
    }
}

impl Text for RegimeSet {
    fn read(text: &str) -> Result<Self, String> {
        list(text).try_fold(Self::EMPTY, |set, name| match name.parse::<Regime>() {
            Ok(regime) => Ok(set.with(regime)),
            Err(unknown) => Err(format!("regimes separated by commas; {name} is none, known are {}", unknown.known)),
        })
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Text for ForbiddenModes {
    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(|unknown: alavanca_kernel::UnknownName| {
            format!("regimes and TRANSITION separated by commas; {} is none, known are {}", unknown.got, unknown.known)
        })
    }

    fn show(&self) -> String {
        let transition = self.transition.then_some("TRANSITION");
        let names: Vec<_> = transition.into_iter().chain(self.regimes.iter().map(Regime::as_str)).collect();
        names.join(",")
    }
}

/// The names of a list, without the blanks around them.
pub(super) fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty())
}

/// A value in millionths, from plain decimals.
pub(super) fn micros(text: &str) -> Result<i64, String> {
    const PER_MICRO: i64 = Price::SCALE / 1_000_000;
    let exact = Price::read(text).ok().map(Price::raw).filter(|raw| raw % PER_MICRO == 0);
    exact.map(|raw| raw / PER_MICRO).ok_or_else(|| "a plain decimal such as 0.20, at most six decimals".to_owned())
}

/// Millionths as plain decimals.
pub(super) fn show_micros(micros: i64) -> String {
    Price::from_raw(micros.saturating_mul(Price::SCALE / 1_000_000)).to_string()
}
