//! What the symbols are.

use alavanca_calendar::{Contract, Root, SessionCalendars};
use alavanca_kernel::{CostSchedule, Instrument, Money, Price, PriceSource, SettingError};

use super::clock::{ServerClock, Sessions};
use super::number::{EXECUTION_EXCHANGE, EXECUTION_MARKET, TRADE_DISABLED, TRADE_FULL};
use super::settings::{TerminalSettings, Venue};

/// One lot, in the units in which volumes are kept (10⁻⁸ lots).
pub(crate) const LOT: i64 = Price::SCALE;

/// A symbol as the broker has it, and its market of the moment.
#[derive(Clone, Debug)]
pub(crate) struct Symbol {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) path: String,
    pub(crate) digits: u32,
    pub(crate) point: Price,
    pub(crate) tick_size: Price,
    /// What a price moving by one is worth to one lot.
    pub(crate) contract_size: i64,
    pub(crate) worth: Worth,
    pub(crate) margin: Margin,
    pub(crate) volume_min: i64,
    pub(crate) volume_max: i64,
    pub(crate) volume_step: i64,
    pub(crate) filling_mode: i64,
    pub(crate) execution: i64,
    pub(crate) trade_mode: i64,
    /// Server seconds; 0 for never.
    pub(crate) expires: i64,
    pub(crate) currency_base: &'static str,
    pub(crate) currency: &'static str,
    pub(crate) source: PriceSource,
    pub(crate) costs: CostSchedule,
    pub(crate) lots_per_contract: i64,
    /// Points that a lot held over night brings, bought and sold.
    pub(crate) swap: (i64, i64),
    pub(crate) sessions: Sessions,
    /// Whose ticks these are: a place in the tape.
    pub(crate) feed: usize,
    pub(crate) selected: bool,
}

/// What an amount of price × volume (10⁻¹⁶) is worth.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Worth {
    /// So much is a hundredth of the currency.
    cent: i128,
}

impl Worth {
    pub(crate) fn of(instrument: &Instrument) -> Result<Self, SettingError> {
        // 10⁻⁶ of the currency per point and contract.
        let cent = i128::from(instrument.point.raw()) * i128::from(instrument.lots_per_contract.raw()) * 10_000;
        let value = i128::from(instrument.point_value_micros);
        if value > 0 && cent % value == 0 {
            return Ok(Self { cent: cent / value });
        }
        Err(SettingError::new("CONTRACT_POINT_VALUE", value, "a value that comes out even in hundredths"))
    }

    /// Rounded once, halves away from zero, with what the rounding leaves over.
    pub(crate) fn money(self, amount: i128) -> (Money, i128) {
        let half = if amount >= 0 { self.cent / 2 } else { -(self.cent / 2) };
        let cents = (amount + half) / self.cent;
        (Money::from_cents(cents as i64), amount - cents * self.cent)
    }
}

/// How much an open lot binds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Margin {
    /// The broker's guarantee for a lot, whatever the price.
    PerLot(Money),
    /// The value by the account's leverage.
    Leverage(u32),
}

impl Symbol {
    pub(crate) fn margin_of(&self, volume: i64, price: Price) -> Money {
        match self.margin {
            Margin::PerLot(money) => {
                let cents = i128::from(money.cents()) * i128::from(volume);
                Money::from_cents(((cents + i128::from(LOT / 2)) / i128::from(LOT)) as i64)
            }
            Margin::Leverage(leverage) => {
                let amount = i128::from(price.raw()) * i128::from(volume) / i128::from(leverage);
                self.worth.money(amount).0
            }
        }
    }

    /// What so many lots make between two prices.
    pub(crate) fn profit(&self, sign: i64, volume: i64, open: Price, close: Price) -> Money {
        self.worth.money(i128::from((close - open).raw() * sign) * i128::from(volume)).0
    }

    /// Value of one tick for a lot.
    pub(crate) fn tick_value(&self) -> Money {
        self.profit(1, LOT, Price::ZERO, self.tick_size)
    }

    pub(crate) fn is_on_tick(&self, price: Price) -> bool {
        price.raw() % self.tick_size.raw() == 0
    }

    /// The side whose price pays for a position's end sees stops; at an exchange the last trade does.
    pub(crate) const fn stops_by_last(&self) -> bool {
        matches!(self.source, PriceSource::Last)
    }
}

/// How the market of a feed moves.
#[derive(Clone, Debug)]
pub(crate) struct Feed {
    pub(crate) instrument: Instrument,
    pub(crate) price: Price,
    pub(crate) volatility: Price,
    pub(crate) session: &'static str,
}

/// The venue's symbols and the feeds behind them.
pub(crate) fn symbols(
    settings: &TerminalSettings,
    clock: &mut ServerClock,
) -> Result<(Vec<Symbol>, Vec<Feed>), SettingError> {
    let calendars = SessionCalendars::built_in();
    let sessions = |name: &'static str| {
        let (dated, weekly) = (calendars.get(name), calendars.without_specials(name));
        dated.zip(weekly).map(|(dated, weekly)| Sessions::new(dated, weekly)).ok_or_else(|| no_such("calendar", name))
    };
    let preset = |name: &str| Instrument::preset(name).ok_or_else(|| no_such("symbol", name));
    let mut all = Vec::new();
    let feeds = match settings.venue {
        Venue::B3 => {
            let roots = [
                (Root::Win, "WIN", "B3", 125_000 * Price::SCALE, 45 * Price::SCALE),
                (Root::Wdo, "WDO", "B3_DOLLAR", 5_500 * Price::SCALE, Price::SCALE * 9 / 5),
            ];
            let mut feeds = Vec::new();
            for (feed, (root, name, session, price, volatility)) in roots.into_iter().enumerate() {
                let instrument = preset(name)?;
                let sessions = sessions(session)?;
                let current = Contract::current(root, settings.day, sessions.calendar(), root.usual_roll_days());
                for (contract, feed_of) in [(current, feed), (current.next(), feed)] {
                    let last_day = contract.last_trading_day(sessions.calendar());
                    let symbol = b3(&instrument, contract.to_string(), settings, sessions.clone(), feed_of)?;
                    let expires = clock.instant(last_day, 18 * 3_600);
                    // The next contract is there, but nobody looks at it yet.
                    let selected = contract == current;
                    all.push(Symbol { expires: clock.server_ms(expires) / 1_000, selected, ..symbol });
                }
                for ending in ["$", "$N"] {
                    let symbol = b3(&instrument, format!("{name}{ending}"), settings, sessions.clone(), feed)?;
                    all.push(Symbol { trade_mode: TRADE_DISABLED, selected: false, ..symbol });
                }
                let (price, volatility) = (Price::from_raw(price), Price::from_raw(volatility));
                feeds.push(Feed { instrument, price, volatility, session });
            }
            feeds
        }
        Venue::Forex => {
            let instrument = preset("EURUSD")?;
            all.push(forex(&instrument, settings, sessions("FOREX")?)?);
            let (price, volatility) = (Price::from_raw(108_500_000), Price::from_raw(9_000));
            vec![Feed { instrument, price, volatility, session: "FOREX" }]
        }
    };
    Ok((all, feeds))
}

fn no_such(what: &'static str, name: &str) -> SettingError {
    SettingError::new("simterm", name, format!("a {what} that there is"))
}

fn b3(
    instrument: &Instrument,
    name: String,
    settings: &TerminalSettings,
    sessions: Sessions,
    feed: usize,
) -> Result<Symbol, SettingError> {
    // Brokers show the dollar with three decimals: a point there is a thousandth of the market's.
    let digits = if instrument.name == "WIN" { 0 } else { 3 };
    let point_value = instrument.point_value_micros * Price::SCALE / instrument.point.raw();
    Ok(Symbol {
        description: format!("{name}: simulated"),
        path: format!("BMF\\{name}"),
        name,
        digits,
        point: Price::from_raw(Price::SCALE / 10_i64.pow(digits)),
        tick_size: instrument.tick,
        contract_size: point_value * 100,
        worth: Worth::of(instrument)?,
        margin: Margin::PerLot(per_lot(instrument)),
        volume_min: LOT,
        volume_max: 1_000 * LOT,
        volume_step: LOT,
        filling_mode: 3,
        execution: settings.execution.unwrap_or(EXECUTION_EXCHANGE),
        trade_mode: TRADE_FULL,
        expires: 0,
        currency_base: "BRL",
        currency: "BRL",
        source: instrument.source,
        costs: instrument.costs.clone(),
        lots_per_contract: instrument.lots_per_contract.raw(),
        swap: (0, 0),
        sessions,
        feed,
        selected: true,
    })
}

fn forex(instrument: &Instrument, settings: &TerminalSettings, sessions: Sessions) -> Result<Symbol, SettingError> {
    Ok(Symbol {
        name: instrument.name.clone(),
        description: "Euro vs US Dollar: simulated".to_owned(),
        path: format!("Forex\\{}", instrument.name),
        digits: 5,
        point: Price::from_raw(1_000),
        tick_size: instrument.tick,
        contract_size: 100_000 * LOT,
        worth: Worth::of(instrument)?,
        margin: Margin::Leverage(settings.leverage),
        volume_min: LOT / 100,
        volume_max: 500 * LOT,
        volume_step: LOT / 100,
        filling_mode: 3,
        execution: settings.execution.unwrap_or(EXECUTION_MARKET),
        trade_mode: TRADE_FULL,
        expires: 0,
        currency_base: "EUR",
        currency: "USD",
        source: instrument.source,
        costs: instrument.costs.clone(),
        lots_per_contract: instrument.lots_per_contract.raw(),
        swap: (-7, 2),
        sessions,
        feed: 0,
        selected: true,
    })
}

fn per_lot(instrument: &Instrument) -> Money {
    let cents = i128::from(instrument.broker_margin.cents()) * i128::from(LOT);
    Money::from_cents((cents / i128::from(instrument.lots_per_contract.raw())) as i64)
}
