use std::fmt;
use std::str::FromStr;

use alavanca_kernel::Price;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A number with at most eight decimals, exact: a price, a volume in lots, an amount of money. On the wire a string such
/// as `"127350"`, `"5.25"` or `"-0.1"`: no exponent, no plus sign, no spaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Decimal(i64);

/// What is no [`Decimal`] or [`Id`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{got}` is not {expected}")]
pub struct DecimalError {
    got: String,
    expected: &'static str,
}

const DECIMALS: usize = 8;
const SCALE: i64 = 100_000_000;
const EXPECTED: &str = "a decimal with at most eight places, such as 5.25";

impl Decimal {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// From 10⁻⁸.
    pub const fn from_raw(raw: i64) -> Self {
        Self(raw)
    }

    /// In 10⁻⁸.
    pub const fn raw(self) -> i64 {
        self.0
    }

    /// As a price: prices count in 10⁻⁸, too.
    pub const fn price(self) -> Price {
        Price::from_raw(self.0)
    }
}

impl From<Price> for Decimal {
    fn from(price: Price) -> Self {
        Self(price.raw())
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, part) = (self.0.unsigned_abs() / SCALE as u64, self.0.unsigned_abs() % SCALE as u64);
        if part == 0 {
            return write!(f, "{sign}{whole}");
        }
        let part = format!("{part:08}");
        write!(f, "{sign}{whole}.{}", part.trim_end_matches('0'))
    }
}

impl FromStr for Decimal {
    type Err = DecimalError;
    fn from_str(text: &str) -> Result<Self, DecimalError> {
        let wrong = || DecimalError { got: text.chars().take(40).collect(), expected: EXPECTED };
        let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
        let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !are_digits(whole) || !are_digits(part) || part.len() > DECIMALS {
            return Err(wrong());
        }
        let whole: i64 = whole.parse().map_err(|_| wrong())?;
        let part: i64 = format!("{part:0<8}").parse().map_err(|_| wrong())?;
        let raw = whole.checked_mul(SCALE).and_then(|whole| whole.checked_add(part)).ok_or_else(wrong)?;
        Ok(Self(if negative { -raw } else { raw }))
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

/// A ticket, a magic number or another 64-bit number. On the wire a string of digits; `"0"` is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Id(pub u64);

impl Id {
    /// No ticket, no magic.
    pub const NONE: Self = Self(0);
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        let digits = text.len() <= 20 && !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = if digits { text.parse().ok() } else { None };
        let wrong = || DecimalError { got: text.chars().take(40).collect(), expected: "a string of at most 20 digits" };
        number.map(Self).ok_or_else(|| D::Error::custom(wrong()))
    }
}

/// What the schema says of both.
#[cfg(any(test, feature = "schema"))]
mod schema {
    use std::borrow::Cow;

    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

    impl JsonSchema for super::Decimal {
        fn schema_name() -> Cow<'static, str> {
            "Decimal".into()
        }

        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!({
                "description": "An exact number with at most eight decimals, within 64 bits of 10^-8.",
                "type": "string",
                "pattern": "^-?[0-9]{1,20}([.][0-9]{1,8})?$",
                "format": "decimal",
            })
        }
    }

    impl JsonSchema for super::Id {
        fn schema_name() -> Cow<'static, str> {
            "Id".into()
        }

        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!({
                "description": "A ticket, a magic number or another 64-bit number; \"0\" is none.",
                "type": "string",
                "pattern": "^[0-9]{1,20}$",
                "format": "id",
            })
        }
    }
}
