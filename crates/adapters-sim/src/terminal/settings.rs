use std::fmt;

use alavanca_calendar::Zone;
use alavanca_kernel::{Money, Price, SettingError, TradingDay};

use super::clock::{parse_day, parse_second};

/// What a simulated terminal is connected to. [`set`](Self::set) takes the options of the command line.
#[derive(Clone, Debug)]
pub struct TerminalSettings {
    /// The account's margin mode.
    pub account: MarginMode,
    /// Which market's symbols there are.
    pub venue: Venue,
    /// The symbols that tick: roots (`WIN`) or names. Empty: the venue's first.
    pub symbols: Vec<String>,
    /// The simulated day.
    pub day: TradingDay,
    /// How many trading days, from that one on.
    pub days: u32,
    /// From which second of a server day on there are ticks.
    pub from: u32,
    /// Until which.
    pub to: u32,
    /// Another seed is another market.
    pub seed: u64,
    /// Trading days of bars before the first.
    pub history_days: u32,
    /// Ticks of the first symbol instead of synthetic ones: rows of a MetaTrader export.
    pub ticks: Option<String>,
    /// What the account begins with.
    pub balance: Money,
    /// `ACCOUNT_LOGIN`.
    pub login: u64,
    /// `ACCOUNT_SERVER`.
    pub server: String,
    /// A real account, no demo.
    pub real: bool,
    /// `ACCOUNT_LEVERAGE`, for margins in forex.
    pub leverage: u32,
    /// The server's zone; the venue's usual one where none is said.
    pub zone: Option<Zone>,
    /// By how much the server's clock goes wrong.
    pub clock_skew_ms: i64,
    /// Lots that one tick gives; unlimited where none is said.
    pub depth: Option<i64>,
    /// Market orders are answered with PLACED and fill so much later.
    pub fill_delay_ms: Option<i64>,
    /// `SYMBOL_TRADE_EXEMODE` instead of the symbol's usual one.
    pub execution: Option<i64>,
    /// `SYMBOL_TRADE_STOPS_LEVEL`.
    pub stops_level: u32,
    /// `SYMBOL_TRADE_FREEZE_LEVEL`.
    pub freeze_level: u32,
    /// `ACCOUNT_LIMIT_ORDERS`; 0 for no limit.
    pub limit_orders: u32,
    /// The most positions; 0 for no limit.
    pub limit_positions: u32,
    /// `SYMBOL_VOLUME_LIMIT` in lots; 0 for no limit.
    pub volume_limit: i64,
    /// Positions close by the first-in-first-out rule.
    pub fifo: bool,
    /// Opposite positions of a symbol are refused.
    pub hedge_prohibited: bool,
    /// The broker writes its own comments.
    pub rewrites_comments: bool,
    /// Commission is booked as deals of its own, so much later.
    pub commission_later_ms: Option<i64>,
    /// Trade transactions come in another order.
    pub shuffles: bool,
    /// Deals of stops and targets carry no magic.
    pub stops_lose_magic: bool,
    /// "Max bars in chart".
    pub max_bars: u32,
    /// Market time moves by one tick for each poll of a bridge.
    pub pulled: bool,
    /// A pulled market goes no faster than the clock while a position has no stop, or a call waits for its answer.
    pub clocked_in_need: bool,
    /// Market time runs so many times as fast as the clock, where it is not pulled.
    pub speed: f64,
}

impl Default for TerminalSettings {
    /// A netting account at B3 on 2026-03-10, pulled.
    fn default() -> Self {
        Self {
            account: MarginMode::Netting,
            venue: Venue::B3,
            symbols: Vec::new(),
            day: TradingDay::from_days(20_522),
            days: 1,
            from: 9 * 3_600,
            to: 18 * 3_600,
            seed: 1,
            history_days: 20,
            ticks: None,
            balance: Money::from_units(10_000),
            login: 1_000_001,
            server: "Simterm-Demo".to_owned(),
            real: false,
            leverage: 100,
            zone: None,
            clock_skew_ms: 0,
            depth: None,
            fill_delay_ms: None,
            execution: None,
            stops_level: 0,
            freeze_level: 0,
            limit_orders: 0,
            limit_positions: 0,
            volume_limit: 0,
            fifo: false,
            hedge_prohibited: false,
            rewrites_comments: false,
            commission_later_ms: None,
            shuffles: false,
            stops_lose_magic: false,
            max_bars: 100_000,
            pulled: true,
            clocked_in_need: false,
            speed: 1.0,
        }
    }
}

impl TerminalSettings {
    /// Takes one option of the command line, without its dashes. `Ok(false)` where there is none of that name.
    pub fn set(&mut self, name: &str, value: &str) -> Result<bool, SettingError> {
        let refuse = |allowed: &str| SettingError::new("simterm", format!("--{name} {value}"), allowed);
        let number = || value.parse::<u64>().map_err(|_| refuse("a whole number of zero or more"));
        let small = || value.parse::<u32>().map_err(|_| refuse("a whole number of zero or more"));
        let millis = || value.parse::<i64>().map_err(|_| refuse("a whole number of milliseconds"));
        let lots = || value.parse::<Price>().map(Price::raw).map_err(|_| refuse("a number of lots"));
        let yes = || value.parse::<bool>().map_err(|_| refuse("true or false"));
        match name {
            "account" => {
                self.account = match value {
                    "netting" => MarginMode::Netting,
                    "exchange" => MarginMode::Exchange,
                    "hedging" => MarginMode::Hedging,
                    _ => return Err(refuse("netting, exchange or hedging")),
                };
            }
            "market" => {
                self.venue = match value {
                    "b3" => Venue::B3,
                    "forex" => Venue::Forex,
                    _ => return Err(refuse("b3 or forex")),
                };
            }
            "symbols" => self.symbols = value.split(',').map(|name| name.trim().to_owned()).collect(),
            "day" => self.day = parse_day(value).ok_or_else(|| refuse("a date such as 2026-03-10"))?,
            "days" => self.days = small()?,
            "from" => self.from = parse_second(value).ok_or_else(|| refuse("a server time such as 09:00"))?,
            "to" => self.to = parse_second(value).ok_or_else(|| refuse("a server time such as 18:00"))?,
            "seed" => self.seed = number()?,
            "history-days" => self.history_days = small()?,
            "balance" => self.balance = value.parse().map_err(|_| refuse("an amount such as 10000.00"))?,
            "login" => self.login = number()?,
            "server" => value.clone_into(&mut self.server),
            "real" => self.real = yes()?,
            "leverage" => self.leverage = small()?.max(1),
            "server-zone" => self.zone = Some(Zone::by_name("--server-zone", value)?),
            "clock-skew-ms" => self.clock_skew_ms = millis()?,
            "depth" => self.depth = Some(lots()?),
            "fill-delay-ms" => self.fill_delay_ms = Some(millis()?),
            "execution" => {
                self.execution = Some(match value {
                    "instant" => 1,
                    "market" => 2,
                    "exchange" => 3,
                    _ => return Err(refuse("instant, market or exchange")),
                });
            }
            "stops-level" => self.stops_level = small()?,
            "freeze-level" => self.freeze_level = small()?,
            "limit-orders" => self.limit_orders = small()?,
            "limit-positions" => self.limit_positions = small()?,
            "volume-limit" => self.volume_limit = lots()?,
            "fifo" => self.fifo = yes()?,
            "hedge-prohibited" => self.hedge_prohibited = yes()?,
            "rewrites-comments" => self.rewrites_comments = yes()?,
            "commission-later-ms" => self.commission_later_ms = Some(millis()?),
            "shuffles" => self.shuffles = yes()?,
            "stops-lose-magic" => self.stops_lose_magic = yes()?,
            "max-bars" => self.max_bars = small()?,
            "pulled" => self.pulled = yes()?,
            "clocked-in-need" => self.clocked_in_need = yes()?,
            "speed" => {
                let speed = value.parse::<f64>().ok().filter(|speed| *speed > 0.0 && speed.is_finite());
                self.speed = speed.ok_or_else(|| refuse("a number above zero"))?;
                self.pulled = false;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The venue that suits the account, where nobody named one: forex with hedging.
    pub fn suit_venue(&mut self) {
        self.venue = if self.account.hedges() { Venue::Forex } else { Venue::B3 };
    }

    /// The server's zone.
    pub(crate) fn server_zone(&self) -> Result<Zone, SettingError> {
        match (self.zone, self.venue) {
            (Some(zone), _) => Ok(zone),
            (None, Venue::B3) => Zone::by_name("server zone", "America/Sao_Paulo"),
            (None, Venue::Forex) => Zone::by_name("server zone", "EET"),
        }
    }
}

/// `ACCOUNT_MARGIN_MODE`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MarginMode {
    /// One position for each symbol.
    Netting = 0,
    /// The same at an exchange: stops and targets end with the day.
    Exchange = 1,
    /// A position for each order.
    Hedging = 2,
}

impl MarginMode {
    pub(crate) const fn hedges(self) -> bool {
        matches!(self, Self::Hedging)
    }
}

impl fmt::Display for MarginMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Netting => "netting",
            Self::Exchange => "exchange",
            Self::Hedging => "hedging",
        })
    }
}

/// Whose symbols, sessions and clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Venue {
    /// WIN and WDO in reais, Brasília's clock.
    B3,
    /// EURUSD in dollars, a clock of Eastern Europe.
    Forex,
}
