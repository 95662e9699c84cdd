use std::fmt;
use std::str::FromStr;

use alavanca_kernel::UnknownName;
use serde::{Deserialize, Serialize};

/// What makes a zone.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ZoneKind {
    /// A swing high.
    SwingHigh,
    /// A swing low.
    SwingLow,
    /// A bar of unusual volume.
    Volume,
    /// The floor pivot of the previous day, (high + low + close) / 3.
    Pivot,
    /// Its first resistance.
    R1,
    /// Its second resistance.
    R2,
    /// Its third resistance.
    R3,
    /// Its first support.
    S1,
    /// Its second support.
    S2,
    /// Its third support.
    S3,
    /// The previous day's high.
    PreviousHigh,
    /// The previous day's low.
    PreviousLow,
    /// The previous day's close.
    PreviousClose,
    /// The high of the session's first minutes.
    OpeningRangeHigh,
    /// The low of the session's first minutes.
    OpeningRangeLow,
    /// The day's volume-weighted average price.
    DayVwap,
    /// One or two standard deviations from it.
    DayVwapBand,
    /// The week's volume-weighted average price.
    WeekVwap,
    /// One or two standard deviations from it.
    WeekVwapBand,
    /// Where most volume traded.
    PointOfControl,
    /// The upper end of the value area.
    ValueAreaHigh,
    /// The lower end of the value area.
    ValueAreaLow,
    /// A price around which more volume traded than beside it.
    VolumeCluster,
    /// A number that people think in.
    RoundNumber,
}

impl ZoneKind {
    /// All of them.
    pub const ALL: [Self; 24] = [
        Self::SwingHigh,
        Self::SwingLow,
        Self::Volume,
        Self::Pivot,
        Self::R1,
        Self::R2,
        Self::R3,
        Self::S1,
        Self::S2,
        Self::S3,
        Self::PreviousHigh,
        Self::PreviousLow,
        Self::PreviousClose,
        Self::OpeningRangeHigh,
        Self::OpeningRangeLow,
        Self::DayVwap,
        Self::DayVwapBand,
        Self::WeekVwap,
        Self::WeekVwapBand,
        Self::PointOfControl,
        Self::ValueAreaHigh,
        Self::ValueAreaLow,
        Self::VolumeCluster,
        Self::RoundNumber,
    ];

    /// The stored spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SwingHigh => "SWING_HIGH",
            Self::SwingLow => "SWING_LOW",
            Self::Volume => "VOLUME",
            Self::Pivot => "PIVOT",
            Self::R1 => "R1",
            Self::R2 => "R2",
            Self::R3 => "R3",
            Self::S1 => "S1",
            Self::S2 => "S2",
            Self::S3 => "S3",
            Self::PreviousHigh => "PREVIOUS_HIGH",
            Self::PreviousLow => "PREVIOUS_LOW",
            Self::PreviousClose => "PREVIOUS_CLOSE",
            Self::OpeningRangeHigh => "OPENING_RANGE_HIGH",
            Self::OpeningRangeLow => "OPENING_RANGE_LOW",
            Self::DayVwap => "DAY_VWAP",
            Self::DayVwapBand => "DAY_VWAP_BAND",
            Self::WeekVwap => "WEEK_VWAP",
            Self::WeekVwapBand => "WEEK_VWAP_BAND",
            Self::PointOfControl => "POINT_OF_CONTROL",
            Self::ValueAreaHigh => "VALUE_AREA_HIGH",
            Self::ValueAreaLow => "VALUE_AREA_LOW",
            Self::VolumeCluster => "VOLUME_CLUSTER",
            Self::RoundNumber => "ROUND_NUMBER",
        }
    }

    /// How strong such a zone is when it is new, 0 to 1. A swing's is multiplied by 0.7 to 1.3, by its volume; a
    /// cluster's by its volume as a share of the point of control's; a round number's by a half where it is minor.
    pub const fn weight(self) -> f64 {
        match self {
            Self::PreviousHigh | Self::PreviousLow | Self::PointOfControl => 0.6,
            Self::DayVwap | Self::OpeningRangeHigh | Self::OpeningRangeLow | Self::RoundNumber => 0.5,
            Self::WeekVwap | Self::PreviousClose | Self::ValueAreaHigh | Self::ValueAreaLow => 0.45,
            Self::SwingHigh | Self::SwingLow | Self::Volume | Self::Pivot | Self::VolumeCluster => 0.4,
            Self::R1 | Self::S1 => 0.35,
            Self::R2 | Self::S2 | Self::DayVwapBand | Self::WeekVwapBand => 0.3,
            Self::R3 | Self::S3 => 0.25,
        }
    }
}

impl fmt::Display for ZoneKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for ZoneKind {
    type Err = UnknownName;
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| UnknownName {
            what: "kind of zone",
            got: text.to_owned(),
            known: Self::ALL.map(Self::as_str).join(", "),
        })
    }
}
