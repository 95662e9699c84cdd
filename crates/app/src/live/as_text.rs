//! Times, money and prices as people and scripts read them, in the files of the operator's folder.

/// A time as `2026-11-23T12:00:00Z`.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
pub(super) mod time {
    use alavanca_kernel::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(crate) fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(at)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(deserializer)?;
        super::time_of(&text)
            .ok_or_else(|| de::Error::custom(format!("{text} is no time such as 2026-11-23T12:00:00Z")))
    }
}

/// A time that may not be.
#[allow(clippy::ref_option, reason = "serde hands it over so")]
pub(super) mod time_option {
    use alavanca_kernel::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(crate) fn serialize<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => serializer.collect_str(at),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        let read = |text: String| super::time_of(&text).ok_or_else(|| de::Error::custom(format!("{text} is no time")));
        text.map(read).transpose()
    }
}

/// Whatever is shown and read as text.
pub(super) mod plain {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(crate) fn serialize<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(crate) fn deserialize<'de, T: FromStr, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|_| de::Error::custom(format!("{text} is not what is expected here")))
    }
}

/// Whatever is shown and read as text and may not be.
#[allow(clippy::ref_option, reason = "serde hands it over so")]
pub(super) mod plain_option {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(crate) fn serialize<T: Display, S: Serializer>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => serializer.collect_str(value),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, T: FromStr, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        let read =
            |text: String| text.parse().map_err(|_| de::Error::custom(format!("{text} is not what is expected")));
        text.map(read).transpose()
    }
}

fn time_of(text: &str) -> Option<alavanca_kernel::Timestamp> {
    let at = chrono::DateTime::parse_from_rfc3339(text).ok()?;
    Some(alavanca_kernel::Timestamp::from_micros(at.timestamp_micros()))
}
