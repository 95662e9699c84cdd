//! Instruments and their presets (semantics 2 and 3).

use serde::{Deserialize, Serialize};

use crate::{Contracts, CostSchedule, Costs, DatedCosts, Money, Price, Side, TradingDay};

/// Which price a file's bars are made of.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PriceSource {
    /// The bid (forex).
    Bid,
    /// The last trade (exchanges).
    Last,
}

/// A scalp's distances where the instrument has its own, in points.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ScalpDistances {
    /// Take-profit distance, in points.
    pub take_profit_points: u32,
    /// Stop-loss distance, in points.
    pub stop_loss_points: u32,
}

/// What one must know of an instrument to size, price and book a trade in it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Instrument {
    /// The name, as the broker or the file spells it.
    pub name: String,
    /// Size of a point, as a price distance.
    pub point: Price,
    /// Smallest price step.
    pub tick: Price,
    /// Value of one point for one contract, in 10⁻⁶ of the account's currency.
    pub point_value_micros: i64,
    /// Lots in one contract, in 10⁻⁸ lots.
    pub lots_per_contract: Price,
    /// Decimals of its prices.
    pub digits: u8,
    /// Currency of the point value.
    pub currency: String,
    /// What bars are made of.
    pub source: PriceSource,
    /// The broker's margin for one contract (the day-trade guarantee), which the exchange enforces.
    pub broker_margin: Money,
    /// What trading it costs, by the day.
    pub costs: CostSchedule,
    /// Own scalp distances, where the defaults do not fit.
    pub scalp: Option<ScalpDistances>,
    /// Name of the session calendar it trades by (`B3`, `B3_DOLLAR`, `FOREX`).
    pub session: String,
}

struct Preset {
    name: &'static str,
    point: i64,
    tick: i64,
    point_value_micros: i64,
    lots_per_contract: i64,
    digits: u8,
    currency: &'static str,
    source: PriceSource,
    broker_margin_cents: i64,
    /// The exchange's fee before its first change, in centavos.
    fee_cents: i64,
    /// From which year's first day on it is another.
    fee_changes: &'static [(i32, i64)],
    brokerage_cents: i64,
    spread: i64,
    slippage: i64,
    session: &'static str,
    /// Target and stop of a scalp, in points, where the usual ones are out of reach.
    scalp: Option<(u32, u32)>,
}

const UNIT: i64 = Price::SCALE;

// What B3 takes of a day trade per contract and side, its first volume tier, emoluments and registration together, from
// its tariff page; the tiers of who trades hundreds of contracts a day are cheaper.
//
// - WIN: BRL 1.97 x 0.2 less 35 % is 0.256; bills show 0.25 or 0.26. Older tariffs differed by a centavo or two and are
//   not told apart.
// - WDO: USD 0.97 x 0.25 less 16 % is USD 0.2037. DOL: USD 0.97 less 16 % is USD 0.8148. B3 charges reais at the day's
//   rate; here by the year, at about the mean rate of the year (2014 2.35, 2015 3.34, 2016 3.48, 2017 3.19, 2018 3.65,
//   2019 3.95, 2020 5.16, 2021 5.40, 2022 5.16, 2023 4.99, 2024 5.39, 2025 5.59). The dollar tariff is that of the
//   2020s, carried back: what was charged before is approximate.
//
// Most brokers take nothing for these contracts by electronic order. EURUSD: USD 3.50 per lot and side, as accounts with
// raw spreads have it; the mini lot is a tenth.

/// WDO by year, in centavos.
const WDO_FEES: [(i32, i64); 11] = [
    (2015, 68),
    (2016, 71),
    (2017, 65),
    (2018, 74),
    (2019, 80),
    (2020, 105),
    (2021, 110),
    (2022, 105),
    (2023, 102),
    (2024, 110),
    (2025, 114),
];

/// DOL by year, in centavos.
const DOL_FEES: [(i32, i64); 11] = [
    (2015, 272),
    (2016, 284),
    (2017, 260),
    (2018, 297),
    (2019, 322),
    (2020, 420),
    (2021, 440),
    (2022, 420),
    (2023, 407),
    (2024, 439),
    (2025, 455),
];

const TABLE: [Preset; 4] = [
    Preset {
        name: "WIN",
        point: UNIT,
        tick: 5 * UNIT,
        point_value_micros: 200_000,
        lots_per_contract: UNIT,
        digits: 0,
        currency: "BRL",
        source: PriceSource::Last,
        broker_margin_cents: 10_000,
        fee_cents: 25,
        fee_changes: &[],
        brokerage_cents: 0,
        spread: 5 * UNIT,
        slippage: 0,
        session: "B3",
        scalp: None,
    },
    Preset {
        name: "WDO",
        point: UNIT,
        tick: UNIT / 2,
        point_value_micros: 10_000_000,
        lots_per_contract: UNIT,
        digits: 1,
        currency: "BRL",
        source: PriceSource::Last,
        broker_margin_cents: 15_000,
        fee_cents: 48,
        fee_changes: &WDO_FEES,
        brokerage_cents: 0,
        spread: UNIT / 2,
        slippage: 0,
        session: "B3_DOLLAR",
        scalp: Some((2, 1)),
    },
    Preset {
        name: "DOL",
        point: UNIT,
        tick: UNIT / 2,
        point_value_micros: 50_000_000,
        lots_per_contract: 5 * UNIT,
        digits: 1,
        currency: "BRL",
        source: PriceSource::Last,
        broker_margin_cents: 75_000,
        fee_cents: 191,
        fee_changes: &DOL_FEES,
        brokerage_cents: 0,
        spread: UNIT / 2,
        slippage: 0,
        session: "B3_DOLLAR",
        scalp: Some((2, 1)),
    },
    Preset {
        name: "EURUSD",
        point: UNIT / 10_000,
        tick: UNIT / 100_000,
        point_value_micros: 1_000_000,
        lots_per_contract: UNIT / 10,
        digits: 5,
        currency: "USD",
        source: PriceSource::Bid,
        broker_margin_cents: 15_000,
        fee_cents: 0,
        fee_changes: &[],
        brokerage_cents: 35,
        spread: UNIT / 100_000,
        slippage: UNIT / 500_000,
        session: "FOREX",
        scalp: Some((2, 1)),
    },
];

impl Preset {
    fn costs(&self) -> CostSchedule {
        let with_fee = |cents| Costs {
            exchange_fee: Money::from_cents(cents),
            brokerage: Money::from_cents(self.brokerage_cents),
            spread: Price::from_raw(self.spread),
            slippage: Price::from_raw(self.slippage),
        };
        let change = |&(year, cents)| DatedCosts { from: new_year(year), costs: with_fee(cents) };
        CostSchedule::new(with_fee(self.fee_cents), self.fee_changes.iter().map(change).collect())
    }
}

/// A year's first day.
const fn new_year(year: i32) -> TradingDay {
    let before = year - 1;
    TradingDay::from_days(before * 365 + before / 4 - before / 100 + before / 400 - 719_162)
}

/// The names of all presets.
pub const PRESETS: [&str; 4] = [TABLE[0].name, TABLE[1].name, TABLE[2].name, TABLE[3].name];

/// Month letters of B3's dated codes.
const MONTHS: &[u8] = b"FGHJKMNQUVXZ";

impl Instrument {
    /// The scalp distances that suit a preset, where `SCALP_TP_POINTS` and `SCALP_SL_POINTS` as they are by default
    /// (80 and 40 points, made for WIN) are out of reach within their time. They are WIN's in proportion to how far the
    /// market ranges in three minutes, in whole points with the target at twice the stop:
    ///
    /// | recorded M1 bars | mean range of 3 minutes | a target of 0.38 of it | taken |
    /// |---|---|---|---|
    /// | WIN 2021-03 | 211 points | 80 | 80 / 40 |
    /// | WDO 2020-04; 2021-11 to 2022-01 | 5.3; 5.3 points | 2.0 | 2 / 1 |
    /// | EURUSD 2018; 2018-06; 2021-03 | 3.2; 3.5; 2.6 points | 1.2 | 2 / 1, as 1.2 / 0.6 is no whole point |
    pub fn preset_scalp(name: &str) -> Option<ScalpDistances> {
        let preset = TABLE.iter().find(|preset| Some(preset.name) == preset_name(name))?;
        let (take_profit_points, stop_loss_points) = preset.scalp?;
        Some(ScalpDistances { take_profit_points, stop_loss_points })
    }

    /// Whether it trades at B3: its session is one of the exchange's.
    pub fn is_b3(&self) -> bool {
        self.session.starts_with("B3")
    }

    /// The instrument of that name, spelled as asked: a preset's own name, a dated B3 code (`WINZ26`), or one of
    /// MetaTrader's and Profit's continuous names (`WIN$`, `WIN$N`, `WIN@`, `WINFUT`). Case does not matter.
    pub fn preset(name: &str) -> Option<Self> {
        let preset = TABLE.iter().find(|preset| Some(preset.name) == preset_name(name))?;
        Some(Self {
            name: name.to_owned(),
            point: Price::from_raw(preset.point),
            tick: Price::from_raw(preset.tick),
            point_value_micros: preset.point_value_micros,
            lots_per_contract: Price::from_raw(preset.lots_per_contract),
            digits: preset.digits,
            currency: preset.currency.to_owned(),
            source: preset.source,
            broker_margin: Money::from_cents(preset.broker_margin_cents),
            costs: preset.costs(),
            scalp: None,
            session: preset.session.to_owned(),
        })
    }

    /// The preset that a file's name speaks of (`dolk20_ticks_2020-04-02.csv.gz` → `DOLK20`), if any.
    pub fn from_file_name(file_name: &str) -> Option<Self> {
        file_name
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '$' && c != '@')
            .find(|word| preset_name(word).is_some())
            .and_then(|word| Self::preset(&word.to_ascii_uppercase()))
    }

    /// The result of a round trip before costs, rounded once, halves away from zero.
    ///
    /// side × (exit − entry) / point × value of a point × contracts (semantics 3).
    #[inline]
    pub fn gross(&self, side: Side, entry: Price, exit: Price, contracts: Contracts) -> Money {
        let moved = (exit - entry).raw() * side.sign();
        // 10⁻⁶ of the currency per point; 10⁴ of those make a centavo.
        let fast = moved
            .checked_mul(self.point_value_micros)
            .and_then(|value| value.checked_mul(i64::from(contracts.count())))
            .zip(self.point.raw().checked_mul(10_000))
            .filter(|(numerator, _)| numerator.unsigned_abs() < i64::MAX as u64 / 2);
        match fast {
            Some((numerator, denominator)) => {
                let half = if numerator >= 0 { denominator / 2 } else { -(denominator / 2) };
                Money::from_cents((numerator + half) / denominator)
            }
            None => self.gross_of_large(moved, contracts),
        }
    }

    /// The same where the product does not fit into 64 bits.
    #[cold]
    fn gross_of_large(&self, moved: i64, contracts: Contracts) -> Money {
        let numerator = i128::from(moved) * i128::from(self.point_value_micros) * i128::from(contracts.count());
        let denominator = i128::from(self.point.raw()) * 10_000;
        let half = if numerator >= 0 { denominator / 2 } else { -(denominator / 2) };
        let cents = (numerator + half) / denominator;
        Money::from_cents(i64::try_from(cents).unwrap_or(if cents > 0 { i64::MAX } else { i64::MIN }))
    }

    /// So many points as a price distance.
    #[inline]
    pub const fn points(&self, points: u32) -> Price {
        self.point.times(points as i64)
    }
}

/// The preset that a name resolves to.
fn preset_name(name: &str) -> Option<&'static str> {
    let upper = name.to_ascii_uppercase();
    TABLE.iter().map(|preset| preset.name).find(|&preset| {
        upper.strip_prefix(preset).is_some_and(|rest| {
            let is_b3 = preset.len() == 3;
            match rest.as_bytes() {
                [] => true,
                _ if !is_b3 => false,
                [month, y1, y2] if MONTHS.contains(month) && y1.is_ascii_digit() && y2.is_ascii_digit() => true,
                _ => matches!(rest, "$" | "$N" | "$D" | "@" | "@N" | "@D" | "FUT" | "N"),
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_resolve_to_presets() {
        for (name, value) in [
            ("WIN", Some(200_000)),
            ("WINZ26", Some(200_000)),
            ("win$n", Some(200_000)),
            ("WIN@", Some(200_000)),
            ("WDOFUT", Some(10_000_000)),
            ("DOLK20", Some(50_000_000)),
            ("EURUSD", Some(1_000_000)),
            ("WINDOW", None),
            ("WINA26", None),
            ("EURUSDZ26", None),
            ("PETR4", None),
        ] {
            assert_eq!(Instrument::preset(name).map(|i| i.point_value_micros), value, "{name}");
        }
    }

    #[test]
    fn presets_have_distances_within_reach() {
        for (name, expected) in [
            ("WIN", None),
            ("WINZ26", None),
            ("WDO", Some((2, 1))),
            ("dolk20", Some((2, 1))),
            ("EURUSD", Some((2, 1))),
            ("PETR4", None),
        ] {
            let got = Instrument::preset_scalp(name).map(|scalp| (scalp.take_profit_points, scalp.stop_loss_points));
            assert_eq!(got, expected, "{name}");
        }
    }

    #[test]
    fn file_names_name_their_instrument() {
        for (file, name) in [
            ("dolk20_ticks_2020-04-02.csv.gz", Some("DOLK20")),
            ("winn_m30_2015_2020_utf16le_chart_export.csv.gz", Some("WINN")),
            ("eurusd_m1_2018.zip", Some("EURUSD")),
            ("bars_500k.csv", None),
        ] {
            assert_eq!(Instrument::from_file_name(file).map(|i| i.name), name.map(str::to_owned), "{file}");
        }
    }

    #[test]
    fn costs_go_by_the_day() {
        let fee = |name: &str, days| {
            let costs = Instrument::preset(name).unwrap().costs.on(TradingDay::from_days(days));
            format!("{} + {}", costs.exchange_fee, costs.brokerage)
        };
        // 2017-12-31 and the day after; 2020-04-02; 2014; 2026.
        for (name, days, expected) in [
            ("WDO", 17_531, "0.65 + 0.00"),
            ("WDOQ19", 17_532, "0.74 + 0.00"),
            ("DOLK20", 18_354, "4.20 + 0.00"),
            ("WDO", 16_300, "0.48 + 0.00"),
            ("WIN", 20_500, "0.25 + 0.00"),
            ("EURUSD", 17_600, "0.00 + 0.35"),
        ] {
            assert_eq!(fee(name, days), expected, "{name} on {}", TradingDay::from_days(days));
        }
        for year in [1970, 2000, 2001, 2020, 2021, 2025] {
            assert_eq!(new_year(year).to_string(), format!("{year}-01-01"));
        }
    }

    #[test]
    fn results_are_exact() {
        let price = |text: &str| text.parse::<Price>().unwrap();
        for (symbol, side, entry, exit, contracts, result) in [
            ("EURUSD", Side::Buy, "1.0850", "1.0930", 1, "80.00"),
            ("EURUSD", Side::Sell, "1.0850", "1.08493", 3, "2.10"),
            ("WIN", Side::Buy, "130250", "130255", 1, "1.00"),
            ("WIN", Side::Sell, "130250", "130330", 10, "-160.00"),
            ("WDO", Side::Buy, "5553.5", "5554", 2, "10.00"),
            ("DOL", Side::Buy, "5553.5", "5553", 1, "-25.00"),
        ] {
            let instrument = Instrument::preset(symbol).unwrap();
            let gross = instrument.gross(side, price(entry), price(exit), Contracts::new(contracts));
            assert_eq!(gross.to_string(), result, "{symbol} {side} {entry} → {exit} × {contracts}");
        }
    }

    #[test]
    fn large_and_small_products_agree() {
        let win = Instrument::preset("WIN").unwrap();
        for (points, contracts) in [(1, 1), (-7, 3), (9_999, 1_000), (-123_456, 99)] {
            let distance = win.point.times(points);
            let contracts = Contracts::new(contracts);
            assert_eq!(
                win.gross(Side::Buy, Price::ZERO, distance, contracts),
                win.gross_of_large(distance.raw(), contracts)
            );
        }
        let huge = win.gross(Side::Buy, Price::ZERO, Price::LIMIT, Contracts::new(1_000_000));
        assert_eq!(huge.cents(), 10_000_000_000 * 1_000_000 * 20);
    }

    #[test]
    fn halves_round_away_from_zero() {
        // A point worth 0.0001 moves half a centavo over 50 points.
        let fine = Instrument { point_value_micros: 100, ..Instrument::preset("WIN").unwrap() };
        let gross = |side| fine.gross(side, Price::ZERO, fine.points(50), Contracts::new(1)).cents();
        assert_eq!((gross(Side::Buy), gross(Side::Sell)), (1, -1));
    }
}
