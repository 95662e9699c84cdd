//! `[instrument.NAME]`: instruments without a preset, and presets with other values.

use std::collections::BTreeMap;
use std::fmt;

use alavanca_kernel::{
    Costs, Instrument, Money, PRESETS, Price, PriceSource, ScalpDistances, SettingError, TradingDay,
};

use alavanca_scalp::ScalpSettings;

use super::Settings;
use super::costs::{COST_FIELDS, CostSettings, schedule};
use super::text::{Text, micros, show_micros};

/// What a section says of an instrument; what it leaves out is the preset's.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct InstrumentSettings {
    /// `point`: size of a point, as a price distance.
    pub point: Option<Price>,
    /// `tick`: smallest price step.
    pub tick: Option<Price>,
    /// `point_value`: value of a point for one contract, in 10⁻⁶ of the account's currency.
    pub point_value_micros: Option<i64>,
    /// `lots_per_contract`, in 10⁻⁸ lots.
    pub lots_per_contract: Option<Price>,
    /// `digits`: decimals of its prices.
    pub digits: Option<u8>,
    /// `currency` of the point value.
    pub currency: Option<String>,
    /// `source`: what bars are made of.
    pub source: Option<PriceSource>,
    /// `broker_margin`: the broker's margin for one contract.
    pub broker_margin: Option<Money>,
    /// `exchange_fee`, `brokerage`, `spread`, `slippage` on all days.
    pub costs: CostSettings,
    /// `[instrument.NAME.costs.DAY]`: the same from a trading day on.
    pub dated_costs: BTreeMap<TradingDay, CostSettings>,
    /// `scalp_tp_points`: its own take-profit distance of the extra.
    pub scalp_tp_points: Option<u32>,
    /// `scalp_sl_points`: its own stop-loss distance of the extra.
    pub scalp_sl_points: Option<u32>,
    /// `session` it trades by.
    pub session: Option<String>,
}

/// One line of a section.
#[derive(Clone, Copy)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it is where a symbol has no preset: its default, or none where it must be said.
    pub default: Option<&'static str>,
    /// What it is, in a line.
    pub about: &'static str,
    pub(crate) read: fn(&mut InstrumentSettings, &str) -> Result<(), String>,
    pub(super) show: fn(&InstrumentSettings) -> Option<String>,
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

macro_rules! field {
    ($name:literal, $default:expr, $place:ident, $read:expr, $show:expr, $about:literal) => {
        Field {
            name: $name,
            default: $default,
            about: $about,
            read: |settings, text| {
                settings.$place = Some($read(text)?);
                Ok(())
            },
            show: |settings| settings.$place.as_ref().map($show),
        }
    };
}

/// A line that is a cost: the same as in a dated entry.
const fn cost_field(place: usize, default: Option<&'static str>) -> Field {
    let (read, show): (ReadField, ShowField) = match place {
        0 => (|s, text| (COST_FIELDS[0].read)(&mut s.costs, text), |s| (COST_FIELDS[0].show)(&s.costs)),
        1 => (|s, text| (COST_FIELDS[1].read)(&mut s.costs, text), |s| (COST_FIELDS[1].show)(&s.costs)),
        2 => (|s, text| (COST_FIELDS[2].read)(&mut s.costs, text), |s| (COST_FIELDS[2].show)(&s.costs)),
        _ => (|s, text| (COST_FIELDS[3].read)(&mut s.costs, text), |s| (COST_FIELDS[3].show)(&s.costs)),
    };
    Field { name: COST_FIELDS[place].name, default, about: COST_FIELDS[place].about, read, show }
}

type ReadField = fn(&mut InstrumentSettings, &str) -> Result<(), String>;
type ShowField = fn(&InstrumentSettings) -> Option<String>;

/// All lines of a section, in the order in which they are documented.
pub const FIELDS: &[Field] = &[
    field!("point", None, point, above_zero, Text::show, "Size of a point, as a price distance."),
    field!("tick", None, tick, above_zero, Text::show, "Smallest price step."),
    field!(
        "point_value",
        Some("CONTRACT_POINT_VALUE"),
        point_value_micros,
        read_point_value,
        |&micros| show_micros(micros),
        "Value of a point for one contract, in the account's currency."
    ),
    field!("lots_per_contract", Some("1"), lots_per_contract, above_zero, Text::show, "Lots in one contract."),
    field!("digits", Some("the tick's"), digits, read_digits, Text::show, "Decimals of its prices."),
    field!("currency", Some("BRL"), currency, read_currency, Text::show, "Currency of the point value."),
    field!("source", Some("LAST"), source, PriceSource::read, Text::show, "What its bars are made of: BID or LAST."),
    field!("broker_margin", None, broker_margin, money_above_zero, Text::show, "The broker's margin for one contract."),
    cost_field(0, None),
    cost_field(1, Some("BROKERAGE_PER_CONTRACT_BRL")),
    cost_field(2, None),
    cost_field(3, Some("0")),
    field!(
        "scalp_tp_points",
        Some("SCALP_TP_POINTS"),
        scalp_tp_points,
        points,
        Text::show,
        "Take-profit distance of the extra, in points."
    ),
    field!(
        "scalp_sl_points",
        Some("SCALP_SL_POINTS"),
        scalp_sl_points,
        points,
        Text::show,
        "Stop-loss distance of the extra, in points."
    ),
    field!(
        "session",
        None,
        session,
        read_session,
        Text::show,
        "When it trades: B3, B3_DOLLAR, FOREX, ALWAYS, or one of SESSION_CALENDAR."
    ),
];

impl Settings {
    /// The instrument of that name: a preset with what `[instrument.PRESET]` and `[instrument.NAME]` say otherwise, or
    /// what `[instrument.NAME]` says alone (semantics 2).
    pub fn instrument(&self, name: &str) -> Result<Instrument, SettingError> {
        let upper = name.to_ascii_uppercase();
        let preset = Instrument::preset(name);
        let mut said = InstrumentSettings::default();
        let general = preset.as_ref().and_then(|_| PRESETS.iter().find(|preset| upper.starts_with(**preset)));
        for section in general.into_iter().copied().chain([upper.as_str()]) {
            if let Some(section) = self.instruments.get(section) {
                said = section.over(said);
            }
        }
        let Some(base) = preset.or_else(|| self.without_preset(name, &said)) else {
            return Err(SettingError::new("SYMBOL", name, missing(&upper, &said)));
        };
        let scalp = if said.scalp_tp_points.is_some() || said.scalp_sl_points.is_some() {
            Some(ScalpDistances {
                take_profit_points: said.scalp_tp_points.unwrap_or(self.scalp.take_profit_points),
                stop_loss_points: said.scalp_sl_points.unwrap_or(self.scalp.stop_loss_points),
            })
        } else {
            // What is said of all symbols goes before what suits a preset.
            let usual = ScalpSettings::default();
            let said_of_all = self.scalp.take_profit_points != usual.take_profit_points
                || self.scalp.stop_loss_points != usual.stop_loss_points;
            base.scalp.or_else(|| Instrument::preset_scalp(name).filter(|_| !said_of_all))
        };
        let currency = said.currency.unwrap_or(base.currency);
        // What a broker asks in reais says nothing of an account abroad.
        let brokerage = (currency == "BRL").then_some(self.brokerage);
        let costs = said.costs.over(CostSettings { brokerage, ..CostSettings::default() });
        Ok(Instrument {
            name: base.name,
            point: said.point.unwrap_or(base.point),
            tick: said.tick.unwrap_or(base.tick),
            point_value_micros: said.point_value_micros.unwrap_or(base.point_value_micros),
            lots_per_contract: said.lots_per_contract.unwrap_or(base.lots_per_contract),
            digits: said.digits.unwrap_or(base.digits),
            currency,
            source: said.source.unwrap_or(base.source),
            broker_margin: said.broker_margin.unwrap_or(base.broker_margin),
            costs: schedule(&base.costs, costs, &said.dated_costs),
            scalp,
            session: said.session.unwrap_or(base.session),
        })
    }

    /// An instrument from its section alone; none where the section leaves out what has no default. Margin and costs
    /// have none: nothing is free because nobody wrote down its price.
    fn without_preset(&self, name: &str, said: &InstrumentSettings) -> Option<Instrument> {
        let tick = said.tick?;
        Some(Instrument {
            name: name.to_owned(),
            point: said.point?,
            tick,
            point_value_micros: self.scalp.contract_point_value_micros,
            lots_per_contract: Price::from_raw(Price::SCALE),
            digits: tick.to_string().split_once('.').map_or(0, |(_, decimals)| decimals.len() as u8),
            currency: "BRL".to_owned(),
            source: PriceSource::Last,
            broker_margin: said.broker_margin?,
            costs: Costs {
                exchange_fee: said.costs.exchange_fee?,
                brokerage: Money::ZERO,
                spread: said.costs.spread?,
                slippage: Price::ZERO,
            }
            .into(),
            scalp: None,
            session: said.session.clone()?,
        })
    }
}

impl InstrumentSettings {
    /// This section on top of another.
    fn over(&self, other: Self) -> Self {
        let this = self.clone();
        let mut dated_costs = other.dated_costs;
        for (day, costs) in this.dated_costs {
            let below = dated_costs.get(&day).copied().unwrap_or_default();
            dated_costs.insert(day, costs.over(below));
        }
        Self {
            point: this.point.or(other.point),
            tick: this.tick.or(other.tick),
            point_value_micros: this.point_value_micros.or(other.point_value_micros),
            lots_per_contract: this.lots_per_contract.or(other.lots_per_contract),
            digits: this.digits.or(other.digits),
            currency: this.currency.or(other.currency),
            source: this.source.or(other.source),
            broker_margin: this.broker_margin.or(other.broker_margin),
            costs: this.costs.over(other.costs),
            dated_costs,
            scalp_tp_points: this.scalp_tp_points.or(other.scalp_tp_points),
            scalp_sl_points: this.scalp_sl_points.or(other.scalp_sl_points),
            session: this.session.or(other.session),
        }
    }
}

/// What a symbol without a preset still lacks.
fn missing(name: &str, said: &InstrumentSettings) -> String {
    let lacking: Vec<_> =
        FIELDS.iter().filter(|f| f.default.is_none() && (f.show)(said).is_none()).map(|f| f.name).collect();
    format!(
        "presets are {} (also dated and continuous codes such as WINZ26 or WIN$N); any other symbol needs {} in \
         [instrument.{name}] of alavanca.toml",
        PRESETS.join(", "),
        lacking.join(", "),
    )
}

fn above_zero(text: &str) -> Result<Price, String> {
    let price = Price::read(text).ok().filter(|price| price.is_positive());
    price.ok_or_else(|| "a plain decimal above zero, at most eight decimals".to_owned())
}

pub(super) fn from_zero(text: &str) -> Result<Price, String> {
    let price = Price::read(text).ok().filter(|price| *price >= Price::ZERO);
    price.ok_or_else(|| "a plain decimal of zero or more, at most eight decimals".to_owned())
}

fn money_above_zero(text: &str) -> Result<Money, String> {
    Money::read(text).and_then(|money| if money.is_positive() { Ok(money) } else { Err("an amount above zero".into()) })
}

pub(super) fn money_from_zero(text: &str) -> Result<Money, String> {
    let negative = || Err("an amount of zero or more".to_owned());
    Money::read(text).and_then(|money| if money >= Money::ZERO { Ok(money) } else { negative() })
}

fn read_point_value(text: &str) -> Result<i64, String> {
    let value = micros(text)?;
    if value > 0 { Ok(value) } else { Err("a plain decimal above zero, at most six decimals".to_owned()) }
}

fn read_digits(text: &str) -> Result<u8, String> {
    u8::read(text).ok().filter(|&digits| digits <= 8).ok_or_else(|| "a whole number from 0 to 8".to_owned())
}

fn read_currency(text: &str) -> Result<String, String> {
    let is_code = text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase());
    if is_code { Ok(text.to_owned()) } else { Err("a currency's three letters, such as BRL".to_owned()) }
}

fn read_session(text: &str) -> Result<String, String> {
    // Which ones there are is known once SESSION_CALENDAR was read.
    let is_name = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if is_name { Ok(text.to_ascii_uppercase()) } else { Err("a session's name, such as B3 or FOREX".to_owned()) }
}

fn points(text: &str) -> Result<u32, String> {
    let most = 1_000_000;
    let value = text.parse().ok().filter(|points| (1..=most).contains(points));
    value.ok_or_else(|| format!("a whole number from 1 to {most}"))
}
