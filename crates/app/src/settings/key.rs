//! The table of all settings. Everything that knows about keys reads it here: loading, the check for unknown keys,
//! `config show`, the commented files and the fingerprint.

use alavanca_calendar::{NewsCalendar, SessionCalendars};
use alavanca_capital::{ForbiddenModes, ReleverageMode};
use alavanca_signals::MAX_BRAINS;

use super::text::{Text, list, micros, show_micros};
use super::{BRAINS, LiquidityKind, MarketFile, RegimeKind, ServerZone, Settings};
use crate::extensions::Kind;

/// One setting.
#[derive(Clone, Copy)]
pub struct Key {
    /// Its name, as in the environment.
    pub name: &'static str,
    /// What it belongs to.
    pub section: &'static str,
    /// Its default, as one would write it.
    pub default: &'static str,
    /// What it is, in a line.
    pub about: &'static str,
    pub(crate) read: fn(&mut Settings, &str) -> Result<(), String>,
    pub(crate) show: fn(&Settings) -> String,
}

impl Key {
    /// The key of that name.
    pub fn named(name: &str) -> Option<&'static Self> {
        KEYS.iter().find(|key| key.name == name)
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

macro_rules! keys {
    ($($section:literal: { $($name:ident = $default:literal, $place:tt, $about:literal;)+ })+) => {
        &[$($(Key {
            name: stringify!($name),
            section: $section,
            default: $default,
            about: $about,
            read: keys!(@read $place),
            show: keys!(@show $place),
        },)+)+]
    };
    (@read [$($field:ident).+]) => {
        |settings, text| {
            settings.$($field).+ = Text::read(text)?;
            Ok(())
        }
    };
    (@show [$($field:ident).+]) => { |settings| settings.$($field).+.show() };
    (@read ($read:expr, $show:expr)) => { $read };
    (@show ($read:expr, $show:expr)) => { $show };
}

/// All settings, in the order in which they are documented.
pub const KEYS: &[Key] = keys! {
    "Capital": {
        OPERATOR_CAPITAL_BRL = "10000.0", [capital.operator_capital],
            "What the operator puts at stake.";
        MARGIN_PER_CONTRACT_BRL = "1000.0", [capital.margin_per_contract],
            "The operator's own margin for one contract, for sizing alone; the broker's is the instrument's.";
        MAX_CONTRACTS_CAP = "10", [capital.max_contracts_cap],
            "The most base contracts. It does not bound the extra ones.";
        MIN_CONTRACTS = "1", [capital.min_contracts],
            "The fewest contracts worth a trade.";
        CAPITAL_SHORTFALL = "REFUSE", [capital.capital_shortfall],
            "Where the money does not cover the minimum: REFUSE to trade, or FORCE_MIN.";
    }
    "Re-leverage": {
        REALAVANCAGEM_ENABLED = "true", [capital.releverage_enabled],
            "Whether extra contracts may be opened at all (layer 1).";
        REALAVANCAGEM_MAX_EXTRA_CONTRACTS = "1", [capital.max_extra_contracts],
            "The most contracts on top of the base.";
        REALAVANCAGEM_MODE = "SCALP_ONLY", (read_releverage_mode, |s| s.capital.releverage_mode.show()),
            "At its time limit the extra closes (SCALP_ONLY), or in profit joins the base's exits (HYBRID).";
        REALAVANCAGEM_REQUIRE_PROFIT_TODAY = "true", [capital.require_profit_today],
            "Whether the day must be in profit before an extra (layer 6).";
        REALAVANCAGEM_MIN_PROFIT_TODAY_BRL = "50.0", [capital.min_profit_today],
            "How much profit that is (layer 6).";
        REALAVANCAGEM_MIN_GLOBAL_CONF = "0.70", [capital.min_confidence],
            "The least confidence for an extra, 0 to 1 (layer 5).";
        REALAVANCAGEM_ALLOWED_REGIMES = "TREND_UP,TREND_DOWN", [capital.allowed_regimes],
            "Regimes that allow an extra, separated by commas (layer 3).";
        REALAVANCAGEM_FORBIDDEN_MODES = "TRANSITION,CHAOTIC", (read_forbidden_modes, show_forbidden_modes),
            "Regimes that forbid it (layer 2), and TRANSITION for a regime just entered (layer 4).";
        REALAVANCAGEM_MIN_LIQUIDITY = "0.50", [capital.min_liquidity],
            "The least strength of liquidity for an extra, 0 to 1 (layer 7).";
        REALAVANCAGEM_MAX_DISAGREEMENT = "0.40", [capital.max_disagreement],
            "The most disagreement among the brains for an extra, 0 to 1 (layer 8).";
    }
    "Scalp": {
        SCALP_TP_POINTS = "80", [scalp.take_profit_points],
            "Take-profit distance of the extra, in points (not pips), where the instrument has none of its own.";
        SCALP_SL_POINTS = "40", [scalp.stop_loss_points],
            "Stop-loss distance of the extra, in points, where the instrument has none of its own.";
        SCALP_MAX_HOLD_SECONDS = "180", [scalp.hold_seconds_max],
            "Time limit of the extra, from its first fill.";
        PROTECT_PROFIT_AFTER_SCALP = "true", [scalp.protect_profit],
            "Whether a won scalp also protects what remains of the base.";
        PROTECT_PROFIT_MODE = "CLOSE", [scalp.protect_mode],
            "How: CLOSE the base, move its stop to BREAKEVEN, or only rest (COOLDOWN).";
        PROTECT_PROFIT_COOLDOWN_SECONDS = "300", [scalp.cooldown_seconds],
            "How long the symbol rests after a won scalp; 0 for not at all.";
        CONTRACT_POINT_VALUE = "1.0", (read_point_value, |s| show_micros(s.scalp.contract_point_value_micros)),
            "Value of a point for one contract of symbols that are neither preset nor say their own.";
    }
    "Gate": {
        RL_POLICY_ENABLED = "true", [gate.policy_enabled],
            "Whether the policy chooses how a signal is taken. Without it, and without re-leverage, this is Level 4.";
        RL_CONSERVATIVE_FRACTION = "0.75", [gate.conservative_fraction],
            "The part of the base that ENTER_CONSERVATIVE takes, rounded down, at least one contract.";
        RL_CONFIDENCE_MEDIUM = "0.55", [gate.confidence_medium],
            "From here on confidence is MEDIUM.";
        RL_CONFIDENCE_HIGH = "0.70", [gate.confidence_high],
            "From here on confidence is HIGH.";
        RL_DISAGREEMENT_MEDIUM = "0.15", [gate.disagreement_medium],
            "From here on disagreement is MEDIUM.";
        RL_DISAGREEMENT_HIGH = "0.35", [gate.disagreement_high],
            "From here on disagreement is HIGH.";
    }
    "Learning": {
        RL_POLICY_MODE = "THOMPSON_SAMPLING", [rl.mode],
            "How the policy chooses.";
        RL_LEARNING = "CLASSIC", [rl.learning],
            "What is learned from: CLASSIC is the action that was taken.";
        RL_PRIOR_ALPHA = "1.0", [rl.prior_alpha],
            "Alpha of an action that nothing is known of.";
        RL_PRIOR_BETA = "1.0", [rl.prior_beta],
            "Beta of an action that nothing is known of.";
        RL_REWARD = "SIGN", [rl.reward],
            "How a result becomes a reward: SIGN is 0.8 for a profit, else 0.2.";
        RL_UPDATE = "BINARY", [rl.update],
            "How a reward moves the policy: BINARY counts wins and losses, FRACTIONAL adds the reward itself.";
        RL_SEED = "0", [rl.seed],
            "The same seed makes the same choices.";
        RL_POLICY_SCOPE = "SHARED", [rl.scope],
            "One policy for all symbols (SHARED), or one for each (SYMBOL).";
        RL_UPDATE_BATCH_SIZE = "10", [updater.batch_size],
            "Trades in a batch.";
        RL_SNAPSHOT_INTERVAL = "20", [updater.snapshot_interval],
            "A regime's trades from one milestone snapshot to the next.";
        RL_KEEP_SNAPSHOTS = "5", [updater.keep_snapshots],
            "A regime's snapshots that are kept, milestones not counted.";
        RL_ROLLBACK_REWARD = "0.4", [updater.rollback_reward],
            "A batch whose average reward is below this is rolled back.";
        RL_FREEZE_THRESHOLD = "0.15", [updater.freeze_threshold],
            "A regime that falls below its baseline by more than this part of it stops learning.";
        RL_FREEZE_WINDOW = "20", [updater.freeze_window],
            "Trades whose average is held against the baseline.";
        RL_BASELINE_TRADES = "30", [updater.baseline_trades],
            "A regime's first trades after start or thaw, whose average is the baseline.";
        RL_FREEZE_DAYS = "none", [updater.freeze_days],
            "Days after which a frozen regime learns again; none leaves it to the operator.";
        RL_FREEZE_FALLBACK = "KEEP", [rl.freeze_fallback],
            "What a frozen regime chooses: KEEP as before, LEVEL4 always enters, HOLD never does.";
    }
    "Risk": {
        RISK_DAILY_LOSS_LIMIT_BRL = "200.0", [risk.daily_loss_limit],
            "The day's loss, open losses included, that ends the day's entries; none for no limit.";
        RISK_DAILY_DRAWDOWN_LIMIT_BRL = "none", [risk.drawdown_limit],
            "The fall from the day's best result, open results included, that does; none for no limit.";
        RISK_FLATTEN_ON_LOSS = "true", [risk.flatten_on_loss],
            "Whether these two also close what is open.";
        RISK_MAX_TRADES_PER_DAY = "none", [risk.trades_per_day_max],
            "Trades a day; none for no limit.";
        RISK_BAD_DAY_TRADES = "none", [risk.bad_day_trades],
            "After so many closed trades a bad day ends the day's entries; none for never.";
        RISK_BAD_DAY_WIN_RATE = "none", (
            |s, text| {
                let none = text.eq_ignore_ascii_case("none");
                s.risk.bad_day_win_rate_micros = if none { None } else { Some(read_rate(text)?) };
                Ok(())
            },
            |s| s.risk.bad_day_win_rate_micros.map_or_else(|| "none".to_owned(), |rate| show_micros(i64::from(rate)))
        ), "A day is bad where a smaller part of them was won, 0 to 1; none to leave it aside.";
        RISK_BAD_DAY_LOSS_BRL = "none", [risk.bad_day_loss],
            "A day is bad where the realised loss is at least this; none to leave it aside.";
        RISK_MAX_CONSECUTIVE_LOSSES = "3", [risk.consecutive_losses_max],
            "Losing trades in a row that start a pause; 0 for none.";
        RISK_PAUSE_MINUTES = "30", (read_pause, |s| (s.risk.pause_seconds / 60).to_string()),
            "How long that pause lasts.";
        RISK_MAX_SPREAD_POINTS = "none", [risk.spread_max_points],
            "The widest spread at which to enter, in points; none for no limit.";
        RISK_STALE_QUOTE_SECONDS = "10", [risk.stale_quote_seconds],
            "The oldest quote on which to enter (ticks and live); 0 for no limit.";
    }
    "Pre-trade controls": {
        PRETRADE_SYMBOLS = "default", (
            |s, text| { s.pretrade.symbols = own(text).map(|text| list(&text).map(str::to_owned).collect()); Ok(()) },
            |s| s.pretrade.symbols.as_ref().map_or_else(|| "default".to_owned(), |names| names.join(","))
        ), "Paper and live: symbols that may be entered, separated by commas; default for those of the run.";
        PRETRADE_MAX_ORDER_CONTRACTS = "20", [pretrade.max_order_contracts],
            "The most contracts of one order.";
        PRETRADE_MAX_POSITION_CONTRACTS = "20", [pretrade.max_position_contracts],
            "The most contracts of a symbol, open and on their way, both sides added.";
        PRETRADE_MAX_NOTIONAL = "1500000.0", [pretrade.max_notional],
            "The most that all of them are worth, in the account's currency.";
        PRETRADE_MAX_OPEN_ORDERS = "4", [pretrade.max_open_orders],
            "The most opening orders whose end is not known.";
        PRETRADE_MAX_ORDERS_PER_SECOND = "4", [pretrade.orders_per_second],
            "The most opening orders within any second.";
        PRETRADE_MAX_ORDERS_PER_MINUTE = "20", [pretrade.orders_per_minute],
            "The most opening orders within any minute.";
        PRETRADE_MAX_ORDERS_PER_DAY = "200", [pretrade.orders_per_day],
            "The most opening orders of a trading day.";
        PRETRADE_MAX_CLOSES_PER_SECOND = "10", [pretrade.closes_per_second],
            "The most closing orders within any second; more are a loop, which also stops entries.";
        PRETRADE_MAX_CLOSES_PER_MINUTE = "60", [pretrade.closes_per_minute],
            "The most closing orders within any minute.";
        PRETRADE_MAX_CLOSES_PER_DAY = "1000", [pretrade.closes_per_day],
            "The most closing orders of a trading day.";
        PRETRADE_MAX_CHANGES_PER_SECOND = "20", [pretrade.changes_per_second],
            "The most moved exits and cancellations within any second; more are a loop, which also stops entries.";
        PRETRADE_MAX_CHANGES_PER_MINUTE = "200", [pretrade.changes_per_minute],
            "The most moved exits and cancellations within any minute.";
        PRETRADE_COLLAR_PERCENT = "0.5", (
            |s, text| percent(text).map(|percent| s.pretrade.collar_percent_micros = percent),
            |s| shown_percent(s.pretrade.collar_percent_micros)
        ), "How far, in percent, the price may be from the last trade and from the quote before; none leaves it to the points.";
        PRETRADE_COLLAR_POINTS = "none", [pretrade.collar_points],
            "The same in points; of both the narrower holds.";
        PRETRADE_MAX_SPREAD_PERCENT = "0.05", (
            |s, text| percent(text).map(|percent| s.pretrade.max_spread_percent_micros = percent),
            |s| shown_percent(s.pretrade.max_spread_percent_micros)
        ), "The widest spread, in percent of the bid; none leaves it to the points.";
        PRETRADE_MAX_SPREAD_POINTS = "none", [pretrade.max_spread_points],
            "The same in points; of both the narrower holds.";
        PRETRADE_MAX_QUOTE_AGE_MS = "10000", [pretrade.max_quote_age_ms],
            "The oldest quote to enter on, in milliseconds of market time.";
        PRETRADE_DUPLICATE_WINDOW_MS = "1000", [pretrade.duplicate_window_ms],
            "So long the same symbol, leg, intent and side are not sent again, in milliseconds.";
        PRETRADE_DAILY_LOSS_LIMIT = "400.0", [pretrade.daily_loss_limit],
            "The day's loss by the account's equity or by the fills that ends the day's entries; none for no limit here.";
        PRETRADE_DRAWDOWN_LIMIT = "600.0", [pretrade.drawdown_limit],
            "The fall from the day's best that does; none for no limit here.";
        PRETRADE_MAX_LOSING_STREAK = "6", [pretrade.max_losing_streak],
            "Losing trades in a row that do; 0 for no limit here.";
        PRETRADE_MAX_ACCOUNT_AGE_SECONDS = "60", [pretrade.max_account_age_seconds],
            "The oldest reading of equity and free margin to enter on.";
        PRETRADE_REQUIRE_STOP = "true", [pretrade.require_stop],
            "Whether a base is only opened with its stop.";
    }
    "Days and sessions": {
        TRADING_TIMEZONE = "America/Sao_Paulo", [zone.timezone],
            "The zone whose days and hours everything goes by, an IANA name.";
        TRADING_DAY_CUT = "00:00", [zone.day_cut],
            "The local time at which a trading day begins; 17:00 in New York for forex.";
        SESSION_ENTRIES = "default", (
            |s, text| { s.session.entries = own(text); Ok(()) },
            |s| s.session.entries.clone().unwrap_or_else(|| "default".to_owned())
        ), "When trades may begin, as 09:00-17:30 in the trading zone; off for any time, default for the session's own.";
        SESSION_FLAT_AT = "default", (
            |s, text| { s.session.flat_at = own(text); Ok(()) },
            |s| s.session.flat_at.clone().unwrap_or_else(|| "default".to_owned())
        ), "When all must be closed, as 17:50 or close-10; off to stay overnight, default for the session's own.";
        SESSION_FIRST_ENTRY_MINUTES = "0", [session.first_entry_minutes],
            "So long after the market opened no trade begins.";
        SESSION_LAST_ENTRY_MINUTES = "default", (
            |s, text| {
                s.session.last_entry_minutes =
                    if text.eq_ignore_ascii_case("default") { None } else { Some(within(text, 0, 1_440)?) };
                Ok(())
            },
            |s| s.session.last_entry_minutes.map_or_else(|| "default".to_owned(), |minutes| minutes.to_string())
        ), "So long before the day's close no trade begins; default for the session's own (25 at B3).";
        SESSION_CALENDAR = "none", (
            |s, text| {
                s.session_calendar = MarketFile::read(text, |text| SessionCalendars::built_in().with(text))?;
                Ok(())
            },
            |s| MarketFile::show(s.session_calendar.as_ref())
        ), "A file of dated hours, holidays and half days that adds to those that come along; none for those alone.";
        ROLL_DAYS_BEFORE_EXPIRY = "default", (
            |s, text| {
                s.roll_days_before_expiry =
                    if text.eq_ignore_ascii_case("default") { None } else { Some(within(text, 0, 20)?) };
                Ok(())
            },
            |s| s.roll_days_before_expiry.map_or_else(|| "default".to_owned(), |days| days.to_string())
        ), "Business days before expiry on which the next contract is current; default is 0 for WIN and IND, 1 for WDO and DOL.";
        EXPIRY_DAY_ENTRIES = "true", [expiry_day_entries],
            "Whether trades begin on a dated contract's last trading day.";
        TRADE_WINDOWS = "none", (
            |s, text| { s.session.trade_windows = unless(text, "none"); Ok(()) },
            |s| shown_unless(&s.session.trade_windows, "none")
        ), "Trades begin within these hours alone, as 09:05-11:30,14:00-17:00 in the trading zone; none for no bounds.";
        BLOCK_WINDOWS = "none", (
            |s, text| { s.session.block_windows = unless(text, "none"); Ok(()) },
            |s| shown_unless(&s.session.block_windows, "none")
        ), "No trade begins within these hours, as 09:55-10:05; none for no such hours.";
        TRADE_WEEKDAYS = "all", (
            |s, text| { s.session.weekdays = unless(text, "all"); Ok(()) },
            |s| shown_unless(&s.session.weekdays, "all")
        ), "Trades begin on these days alone, as mon-thu or tue,thu; all for every day.";
        NEWS_CALENDAR = "none", (
            |s, text| { s.news_calendar = MarketFile::read(text, NewsCalendar::parse)?; Ok(()) },
            |s| MarketFile::show(s.news_calendar.as_ref())
        ), "A CSV file of announcements (time,currency,impact,title); none for none.";
        NEWS_CURRENCIES = "default", (
            |s, text| { s.news.currencies = unless(text, "default"); Ok(()) },
            |s| shown_unless(&s.news.currencies, "default")
        ), "Whose announcements concern the instrument, as BRL,USD; default for what it trades.";
        NEWS_BLOCK_BEFORE_MINUTES = "15", [news.before_minutes],
            "So long before an announcement of high impact no trade begins, and before one of medium impact trades are smaller.";
        NEWS_BLOCK_AFTER_MINUTES = "15", [news.after_minutes],
            "And so long after it.";
        NEWS_MEDIUM_SIZE = "0.5", (
            |s, text| {
                let unit = f64::read(text).ok().and_then(alavanca_kernel::Unit::new);
                unit.map(|unit| s.news.medium_size = unit).ok_or_else(|| "a number above 0, at most 1".to_owned())
            },
            |s| s.news.medium_size.get().show()
        ),
            "The part of the base around one of medium impact, at least one contract, without an extra; 1 for the usual size.";
    }
    "Signals": {
        BRAINS = "EMA_TREND,MOMENTUM,MEAN_REVERSION,BREAKOUT,OPENING_RANGE,VWAP_PULLBACK,SQUEEZE", (read_brains, |s| s.brains.join(",")),
            "The brains that vote, in this order, separated by commas; all eight are EMA_TREND, MOMENTUM, MEAN_REVERSION, BREAKOUT, OPENING_RANGE, VWAP_PULLBACK, SQUEEZE, SMA_CROSS.";
        BOSS_MIN_SCORE = "0", [boss.min_score],
            "A signal of a smaller score is none, 0 to 1; 0 lets all pass.";
        BOSS_MIN_AGREEMENT = "-1", [boss.min_agreement],
            "A signal of less agreement is none: -1 lets all pass, 0 asks that it is not outvoted, 1 that nobody is against it.";
        ON_OPPOSITE_SIGNAL = "IGNORE", [on_opposite],
            "What a signal for the other side does to an open trade: IGNORE, CLOSE or REVERSE.";
        SIGNAL_BAR_SECONDS = "60", (
            |s, text| within(text, 1, 86_400).map(|seconds| s.signal_bar_seconds = seconds),
            |s| s.signal_bar_seconds.show()
        ), "Length of the bars that ticks are gathered into.";
        EMA_TREND_FAST = "9", [ema_trend.fast], "Bars of the fast average.";
        EMA_TREND_SLOW = "21", [ema_trend.slow], "Bars of the slow average.";
        EMA_TREND_ADX_PERIOD = "14", [ema_trend.adx_period], "Bars of the ADX.";
        EMA_TREND_ADX_MIN = "25", [ema_trend.adx_min], "From which ADX on there is a trend.";
        EMA_TREND_ATR_PERIOD = "14", [ema_trend.atr_period], "Bars of the ATR.";
        EMA_TREND_STOP_ATR = "2", [ema_trend.stop_atr], "Distance of the stop, in ATRs.";
        EMA_TREND_TARGET_ATR = "3", [ema_trend.target_atr], "Distance of the target, in ATRs.";
        MEAN_REVERSION_PERIOD = "20", [mean_reversion.period], "Bars of the band.";
        MEAN_REVERSION_WIDTH = "2", [mean_reversion.width], "Half the band's width, in standard deviations.";
        MEAN_REVERSION_RSI_PERIOD = "14", [mean_reversion.rsi_period], "Bars of the RSI.";
        MEAN_REVERSION_RSI_EDGE = "30", [mean_reversion.rsi_edge],
            "Oversold is below it, overbought above 100 less it.";
        MEAN_REVERSION_ATR_PERIOD = "14", [mean_reversion.atr_period], "Bars of the ATR.";
        MEAN_REVERSION_STOP_ATR = "1.5", [mean_reversion.stop_atr], "Distance of the stop, in ATRs.";
        SMA_CROSS_FAST = "10", [sma_cross.fast], "Bars of the fast average.";
        SMA_CROSS_SLOW = "30", [sma_cross.slow], "Bars of the slow average.";
        SMA_CROSS_STOP_LOSS = "0.0040", [sma_cross.stop_loss], "Distance of the stop, in price units.";
        SMA_CROSS_TAKE_PROFIT = "0.0080", [sma_cross.take_profit],
            "Distance of the target, in price units; none for no target.";
        MOMENTUM_FAST = "12", [momentum.fast], "Bars of MACD's fast average.";
        MOMENTUM_SLOW = "26", [momentum.slow], "Bars of MACD's slow average.";
        MOMENTUM_SIGNAL = "9", [momentum.signal], "Bars of MACD's signal.";
        MOMENTUM_ROC_PERIOD = "10", [momentum.roc_period], "Bars of the rate of change.";
        MOMENTUM_ROC_MIN_ATR = "4", [momentum.roc_min_atr],
            "From which move over those bars on, in ATRs, the rate of change confirms.";
        MOMENTUM_ATR_PERIOD = "14", [momentum.atr_period], "Bars of the ATR.";
        MOMENTUM_STOP_ATR = "2", [momentum.stop_atr], "Distance of the stop, in ATRs.";
        MOMENTUM_TARGET_ATR = "3", [momentum.target_atr], "Distance of the target, in ATRs.";
        BREAKOUT_PERIOD = "20", [breakout.period], "Bars of the Donchian channel.";
        BREAKOUT_VOLUME_MIN = "1.5", [breakout.volume_min],
            "So many times the channel's mean volume confirm a breakout; 0 asks for none.";
        BREAKOUT_ATR_PERIOD = "14", [breakout.atr_period], "Bars of the ATR.";
        BREAKOUT_STOP_ATR = "2", [breakout.stop_atr], "Distance of the stop, in ATRs.";
        BREAKOUT_TARGET_ATR = "4", [breakout.target_atr], "Distance of the target, in ATRs.";
        OPENING_RANGE_MINUTES = "15", [opening_range.minutes], "How long after the opening the range is taken.";
        OPENING_RANGE_ENTRY_MINUTES = "180", [opening_range.entry_minutes],
            "How long after the opening a breakout of the range still counts.";
        OPENING_RANGE_AT = "default", (
            |s, text| { s.opening_range.at = own(text); Ok(()) },
            |s| s.opening_range.at.clone().unwrap_or_else(|| "default".to_owned())
        ), "The opening, as 08:00 Europe/London; default for the session's own, which in forex is just that.";
        OPENING_RANGE_STOP = "1", [opening_range.stop],
            "How far behind the broken edge the stop lies, in heights of the range; 1 is its other edge.";
        OPENING_RANGE_TARGET = "2", [opening_range.target], "Distance of the target, in heights of the range.";
        VWAP_PULLBACK_FAST = "20", [vwap_pullback.fast], "Bars of the trend's fast average.";
        VWAP_PULLBACK_SLOW = "50", [vwap_pullback.slow], "Bars of the trend's slow average.";
        VWAP_PULLBACK_AWAY_ATR = "1.5", [vwap_pullback.away_atr],
            "How far from the day's VWAP, in ATRs, a close must have been before a return counts.";
        VWAP_PULLBACK_TOUCH_ATR = "0.25", [vwap_pullback.touch_atr],
            "How near to the VWAP, in ATRs, is a touch, and how far past it the trend is lost.";
        VWAP_PULLBACK_MINUTES = "30", [vwap_pullback.minutes],
            "Nothing so soon after the opening, nor on a day of which more than that was missed.";
        VWAP_PULLBACK_ATR_PERIOD = "14", [vwap_pullback.atr_period], "Bars of the ATR.";
        VWAP_PULLBACK_STOP_ATR = "1.5", [vwap_pullback.stop_atr], "Distance of the stop, in ATRs.";
        VWAP_PULLBACK_TARGET_ATR = "3", [vwap_pullback.target_atr], "Distance of the target, in ATRs.";
        SQUEEZE_PERIOD = "20", [squeeze.period], "Bars of the band, the channel and the momentum.";
        SQUEEZE_BAND_WIDTH = "2", [squeeze.band_width], "Half the Bollinger band's width, in standard deviations.";
        SQUEEZE_KELTNER_WIDTH = "1.5", [squeeze.keltner_width], "Half the Keltner channel's width, in ATRs.";
        SQUEEZE_MIN_BARS = "6", [squeeze.min_bars], "So many bars in a row with the band inside the channel make a squeeze.";
        SQUEEZE_STOP_ATR = "2", [squeeze.stop_atr], "Distance of the stop, in ATRs.";
        SQUEEZE_TARGET_ATR = "3", [squeeze.target_atr], "Distance of the target, in ATRs.";
        META_PRIOR_TRADES = "20", [meta.prior_trades],
            "So many trades at the wider record's win rate stand behind every narrower one.";
        META_MEMORY_TRADES = "500", [meta.memory_trades],
            "After so many trades a result counts about a third.";
        META_AGREEMENT = "1", [meta.agreement],
            "What full agreement among the brains adds to the log-odds of winning.";
        META_STRENGTH = "0.2", [meta.strength],
            "What a signal of full strength adds to the log-odds of winning.";
        META_WEIGHTS = "PROFIT_FACTOR", [meta.weights],
            "What a brain's weight is made of: its WIN_RATE, or its PROFIT_FACTOR in units of planned risk.";
        META_CALIBRATION = "PLATT", [meta.calibration],
            "How confidence is held against what came: PLATT, ISOTONIC, BINS, or NONE.";
        META_CALIBRATION_TRADES = "50", [meta.calibration_trades],
            "So many trades that came as claimed stand behind what was observed.";
    }
    "Regime": {
        REGIME_DETECTOR = "MULTI_SCALE", (read_regime, |s| own_or(s.own.regime.as_ref(), s.regime_kind.as_str())),
            "What tells regimes apart: ADX_ATR, on one scale, or MULTI_SCALE (the keys REGIME_SCALES...).";
        REGIME_ADX_PERIOD = "14", [regime.adx_period], "Bars of the ADX.";
        REGIME_ADX_ENTER = "25", [regime.adx_enter], "From this ADX on the market has a direction.";
        REGIME_ADX_EXIT = "20", [regime.adx_exit], "Below this ADX it has lost it.";
        REGIME_ATR_FAST = "14", [regime.atr_fast], "Bars of the current volatility.";
        REGIME_ATR_SLOW = "100", [regime.atr_slow], "Bars of the usual volatility.";
        REGIME_HIGH_VOL_ENTER = "1.5", [regime.high_vol_enter],
            "From this ratio of current to usual volatility on it is high.";
        REGIME_HIGH_VOL_EXIT = "1.25", [regime.high_vol_exit], "Below this ratio it is no longer high.";
        REGIME_CHAOTIC_ENTER = "2.5", [regime.chaotic_enter], "From this ratio on it is extreme.";
        REGIME_CHAOTIC_EXIT = "2", [regime.chaotic_exit], "Below this ratio it is no longer extreme.";
        REGIME_EXHAUSTION_PEAK = "40", [regime.exhaustion_peak],
            "Only a trend whose ADX reached this can exhaust itself.";
        REGIME_EXHAUSTION_DROP = "0.1", [regime.exhaustion_drop],
            "The part of its peak that the ADX must lose for that.";
        REGIME_MIN_DWELL_BARS = "3", [regime.min_dwell_bars],
            "Bars that a regime lasts at least; CHAOTIC interrupts it.";
        REGIME_TRANSITION_BARS = "5", [regime.transition_bars],
            "Bars for which a new regime counts as in transition.";
        REGIME_SCALES = "2,6,18", (read_scales, show_scales),
            "MULTI_SCALE: over how many bars moves are looked at, rising, separated by commas.";
        REGIME_SCALES_PERIOD = "8", [regime_scales.period], "About how many moves of each scale count.";
        REGIME_SCALES_TREND_ENTER = "0.55", [regime_scales.trend_enter],
            "From this one-sidedness of the moves on (0 to 1) the market has a direction.";
        REGIME_SCALES_TREND_EXIT = "0.15", [regime_scales.trend_exit], "Below this it has lost it.";
        REGIME_SCALES_VOL_FAST = "12", [regime_scales.vol_fast], "Bars of the current volatility.";
        REGIME_SCALES_VOL_SLOW = "1000", [regime_scales.vol_slow], "Bars of the usual volatility.";
        REGIME_SCALES_DAY_SHAPE_DAYS = "10", [regime_scales.day_shape_days],
            "Days over which it is learned how volatile each half hour of the day usually is; 0 for a flat day.";
        REGIME_SCALES_HIGH_ENTER = "1.6", [regime_scales.high_enter],
            "From this multiple of the usual at this time of the day on, volatility is high.";
        REGIME_SCALES_HIGH_EXIT = "1.2", [regime_scales.high_exit], "Below this multiple it is no longer high.";
        REGIME_SCALES_CHAOTIC_ENTER = "3.25", [regime_scales.chaotic_enter], "From this multiple on it is extreme.";
        REGIME_SCALES_CHAOTIC_EXIT = "2.75", [regime_scales.chaotic_exit],
            "Below this multiple it is no longer extreme.";
        REGIME_SCALES_SPENT_PEAK = "0.8", [regime_scales.spent_peak],
            "Only a trend whose middle scale was so one-sided can exhaust itself.";
        REGIME_SCALES_SPENT_DROP = "0.5", [regime_scales.spent_drop],
            "The part of that peak that it must lose.";
        REGIME_SCALES_PERSIST_BARS = "2", [regime_scales.persist_bars],
            "Bars on end that another regime has to be seen before it is accepted; CHAOTIC is at once.";
        REGIME_SCALES_MIN_DWELL_BARS = "5", [regime_scales.min_dwell_bars],
            "Bars that a regime lasts at least; CHAOTIC interrupts it.";
        REGIME_SCALES_COOL_OFF_BARS = "5", [regime_scales.cool_off_bars],
            "Bars that have to show a new regime before it is out of transition.";
    }
    "Liquidity": {
        LIQUIDITY_MAP = "ZONES", (read_liquidity, |s| own_or(s.own.liquidity.as_ref(), s.liquidity_kind.as_str())),
            "Where liquidity is seen: SWING_VOLUME, ZONES, RELATIVE_VOLUME, or NONE (layer 7 then fails).";
        LIQUIDITY_SWING_BARS = "5", [liquidity.swing_bars], "Bars to each side that a swing point must exceed.";
        LIQUIDITY_VOLUME_BARS = "100", [liquidity.volume_bars], "Bars of the mean volume.";
        LIQUIDITY_VOLUME_FACTOR = "2", [liquidity.volume_factor],
            "From so many times the mean volume on, a bar makes a zone.";
        LIQUIDITY_ATR_PERIOD = "14", [liquidity.atr_period], "Bars of the ATR.";
        LIQUIDITY_MERGE_ATR = "0.5", [liquidity.merge_atr], "Zones nearer than so many ATRs are one.";
        LIQUIDITY_REACH_ATR = "1", [liquidity.reach_atr], "How many ATRs away a zone is still felt.";
        LIQUIDITY_HALF_LIFE_BARS = "500", [liquidity.half_life_bars], "After so many bars a zone is half as strong.";
        LIQUIDITY_SPENT_TOUCHES = "3", [liquidity.spent_touches],
            "So many touches strengthen a zone; each further one halves it.";
        LIQUIDITY_FAST_MINUTES = "5", [zones.fast_minutes],
            "ZONES: the smaller time frame of swings, in minutes; the ATR is its, too.";
        LIQUIDITY_SLOW_MINUTES = "15", [zones.slow_minutes], "ZONES: the larger time frame of swings, in minutes.";
        LIQUIDITY_HALF_LIFE_MINUTES = "540", [zones.half_life_minutes],
            "ZONES: after so many minutes of trading a swing is half as strong.";
        LIQUIDITY_PROFILE_DAYS = "1", [zones.profile_days],
            "ZONES: how many days the volume profile is of, today included.";
        LIQUIDITY_VALUE_AREA = "0.7", [zones.value_area], "ZONES: the share of all volume that the value area holds.";
        LIQUIDITY_OPENING_MINUTES = "15", [zones.opening_minutes], "ZONES: how long the opening range takes, in minutes.";
        LIQUIDITY_ROUND_STEP = "0", [zones.round_step],
            "ZONES: the distance of round numbers as a price; 0 goes by the price itself.";
        EXITS_BY_ZONES = "OFF", [zone_exits.mode],
            "Which exits of the brains strong zones may move: OFF, STOP, TARGET, BOTH.";
        EXITS_MIN_STRENGTH = "0.5", [zone_exits.min_strength], "The least strength of such a zone, 0 to 1.";
        EXITS_MARGIN = "0.1", [zone_exits.margin],
            "How far behind a zone the stop, and before it the target, is: a share of the own stop's distance.";
        EXITS_NEAREST = "0.5", [zone_exits.nearest], "No moved exit is nearer than so many times its own distance.";
        EXITS_FURTHEST = "1.5", [zone_exits.furthest], "No moved exit is further than so many times its own distance.";
        EXITS_MIN_REWARD_RISK = "1", [zone_exits.min_reward_risk],
            "The least distance of the target as a multiple of the stop's, for exits that are moved.";
    }
    "Account": {
        ACCOUNT_MODE = "default", (
            |s, text| read_account_mode(text).map(|mode| s.account_mode = mode),
            |s| s.account_mode.map_or_else(|| "default".to_owned(), |mode| mode.show())
        ), "How the account keeps positions: NETTING (B3) or HEDGING (forex); default goes by the instrument.";
        EQUITY_MAX_AGE_SECONDS = "60", (
            |s, text| within(text, 1, u32::MAX).map(|seconds| s.equity_max_age_seconds = seconds),
            |s| s.equity_max_age_seconds.show()
        ), "An account's equity that is older makes no entries.";
        RECORD_EVERY_BAR = "false", [record_every_bar],
            "Whether the allocation is recorded at every bar, not only at signals.";
    }
    "Simulation": {
        FILL = "NEXT_OPEN", [fill],
            "What a decision at a bar's close fills at: NEXT_OPEN, or that CLOSE, which nobody can have.";
        SIM_LATENCY_MS = "100", [latency_ms],
            "On ticks: how long an order is on its way, in milliseconds.";
        SIM_COSTS = "true", [costs],
            "Whether trading costs what the instrument says; false for comparisons only.";
        BROKERAGE_PER_CONTRACT_BRL = "0", (
            |s, text| super::instrument::money_from_zero(text).map(|fee| s.brokerage = fee),
            |s| s.brokerage.show()
        ), "The broker's fee per contract and side, for instruments in BRL whose section does not say its own.";
        SIM_PARTIAL_FILL_MAX = "none", (
            read_partial_fill,
            |s| s.partial_fill_max.show()
        ), "The most contracts that one order fills at a time; none for all of it.";
        SIM_REJECT_PROBABILITY = "0", (
            |s, text| {
                let unit = f64::read(text).ok().and_then(alavanca_kernel::Unit::new);
                unit.map(|unit| s.reject_probability = unit).ok_or_else(|| "a number from 0 to 1".to_owned())
            },
            |s| s.reject_probability.get().show()
        ), "The part of the orders that the simulated exchange refuses for no reason of theirs.";
        SIM_SEED = "1", [sim_seed],
            "Decides which orders these are.";
        BAR_TIMEFRAME = "none", [timeframe],
            "Bars that a backtest joins its rows to, such as M15 or H4 (--timeframe); none leaves them as they are.";
        SYNTHETIC_DAYS = "120", (
            |s, text| within(text, 1, 10_000).map(|days| s.synthetic_days = days),
            |s| s.synthetic_days.show()
        ), "Trading days of the synthetic market.";
    }
    "Live": {
        MT5_LISTEN = "127.0.0.1:5757", [live.listen],
            "Where the engine waits for the bridge; another address than this machine's own needs MT5_TLS_CERT and MT5_TLS_KEY.";
        MT5_SECRET_FILE = "default", (
            |s, text| { s.live.secret_file = own(text).map(Into::into); Ok(()) },
            |s| s.live.secret_file.as_ref().map_or_else(|| "default".to_owned(), |path| path.display().to_string())
        ), "The file of the secret that engine and bridge share; default is the file secret in the database's .live folder, made at the first start.";
        MT5_TLS_CERT = "none", (
            |s, text| { s.live.tls_cert = path_or_none(text); Ok(()) },
            |s| show_path(s.live.tls_cert.as_ref())
        ), "The engine's certificate chain (PEM), for a bridge on another machine; none for this machine's bridges alone.";
        MT5_TLS_KEY = "none", (
            |s, text| { s.live.tls_key = path_or_none(text); Ok(()) },
            |s| show_path(s.live.tls_key.as_ref())
        ), "Its private key (PEM), in an owner-only file.";
        MT5_SERVER_ZONE = "default", (
            |s, text| { s.live.server_zone = own(text).map(|text| ServerZone::read(&text)).transpose()?; Ok(()) },
            |s| s.live.server_zone.as_ref().map_or_else(|| "default".to_owned(), ServerZone::to_string)
        ), "The trade server's clock: an IANA zone, BROKER for the usual forex server's, or an offset such as +02:00; default is America/Sao_Paulo for B3, else BROKER.";
        MT5_DEVIATION_POINTS = "20", [live.deviation_points],
            "How much worse than decided an order may be filled where the broker lets one say so, in SYMBOL_POINTs.";
        MT5_HEARTBEAT_MS = "1000", (
            |s, text| within(text, 50, 60_000).map(|ms| s.live.heartbeat_ms = ms),
            |s| s.live.heartbeat_ms.show()
        ), "Engine and bridge say that they are there at least this often, in milliseconds.";
        MT5_LOST_AFTER_MS = "5000", (
            |s, text| within(text, 200, 600_000).map(|ms| s.live.lost_after_ms = ms),
            |s| s.live.lost_after_ms.show()
        ), "After so long without a word the other side is taken for lost; at least twice MT5_HEARTBEAT_MS.";
        MT5_WINDOW = "64", (
            |s, text| within(text, 1, 4_096).map(|frames| s.live.window = frames),
            |s| s.live.window.show()
        ), "So many tick messages may be on their way; 1 keeps bridge and engine in step, for simulated markets.";
        MT5_DEADMAN = "ENFORCE", [live.deadman],
            "What the bridge does about extras while the engine is lost: ENFORCE their exits and time limits, or FLATTEN them at once.";
        MT5_ORDERS_PER_MINUTE = "20", (
            |s, text| within(text, 1, 600).map(|orders| s.live.orders_per_minute = orders),
            |s| s.live.orders_per_minute.show()
        ), "The bridge's own cap of orders that open, in any 60 seconds.";
        LIVE_CLOCK = "SYSTEM", [live.clock],
            "Market time must agree with this machine's clock (SYSTEM), or is the bridge's alone (BRIDGE: simulated days).";
        LIVE_CLOCK_TOLERANCE_SECONDS = "30", (
            |s, text| within(text, 1, 3_600).map(|seconds| s.live.clock_tolerance_seconds = seconds),
            |s| s.live.clock_tolerance_seconds.show()
        ), "SYSTEM: by so much the two may differ; with more no trade begins.";
        LIVE_ACCOUNT_SECONDS = "5", (
            |s, text| within(text, 1, 600).map(|seconds| s.live.account_seconds = seconds),
            |s| s.live.account_seconds.show()
        ), "The account is read this often.";
        LIVE_RECONCILE_SECONDS = "60", (
            |s, text| within(text, 5, 3_600).map(|seconds| s.live.reconcile_seconds = seconds),
            |s| s.live.reconcile_seconds.show()
        ), "Books and broker are held against each other this often, beside every new session.";
        LIVE_SHUTDOWN_SECONDS = "10", (
            |s, text| within(text, 0, 600).map(|seconds| s.live.shutdown_seconds = seconds),
            |s| s.live.shutdown_seconds.show()
        ), "On exit, outcomes that are under way are waited for this long.";
    }
};

/// The mode is two bricks' business.
fn read_releverage_mode(settings: &mut Settings, text: &str) -> Result<(), String> {
    let mode = ReleverageMode::read(text)?;
    settings.capital.releverage_mode = mode;
    settings.scalp.hybrid = mode == ReleverageMode::Hybrid;
    Ok(())
}

fn read_forbidden_modes(settings: &mut Settings, text: &str) -> Result<(), String> {
    let modes = ForbiddenModes::read(text)?;
    settings.capital.forbidden_regimes = modes.regimes;
    settings.capital.forbid_transition = modes.transition;
    Ok(())
}

fn show_forbidden_modes(settings: &Settings) -> String {
    let (regimes, transition) = (settings.capital.forbidden_regimes, settings.capital.forbid_transition);
    ForbiddenModes { regimes, transition }.show()
}

fn read_point_value(settings: &mut Settings, text: &str) -> Result<(), String> {
    settings.scalp.contract_point_value_micros = micros(text)?;
    Ok(())
}

fn read_pause(settings: &mut Settings, text: &str) -> Result<(), String> {
    settings.risk.pause_seconds = within(text, 0, 7 * 24 * 60)? * 60;
    Ok(())
}

/// `default` leaves it to the session.
fn own(text: &str) -> Option<String> {
    (!text.eq_ignore_ascii_case("default")).then(|| text.to_owned())
}

/// `none` is no file.
fn path_or_none(text: &str) -> Option<std::path::PathBuf> {
    (!text.trim().eq_ignore_ascii_case("none")).then(|| text.trim().into())
}

fn show_path(path: Option<&std::path::PathBuf>) -> String {
    path.map_or_else(|| "none".to_owned(), |path| path.display().to_string())
}

/// A part of one, in 10⁻⁶.
fn read_rate(text: &str) -> Result<u32, String> {
    let rate = micros(text)?;
    u32::try_from(rate).ok().filter(|rate| *rate <= 1_000_000).ok_or_else(|| "a number from 0 to 1, or none".to_owned())
}

/// A part in percent, in 10⁻⁶ of a percent.
fn percent(text: &str) -> Result<Option<u32>, String> {
    if text.eq_ignore_ascii_case("none") || text.eq_ignore_ascii_case("off") {
        return Ok(None);
    }
    let percent = micros(text).ok().and_then(|micros| u32::try_from(micros).ok());
    percent.map(Some).ok_or_else(|| "a percentage such as 0.5, at most six decimals; or none".to_owned())
}

fn shown_percent(micros: Option<u32>) -> String {
    micros.map_or_else(|| "none".to_owned(), |micros| show_micros(i64::from(micros)))
}

/// The text, empty where it is the word for nothing.
fn unless(text: &str, word: &str) -> String {
    if text.trim().eq_ignore_ascii_case(word) { String::new() } else { text.trim().to_owned() }
}

fn shown_unless(text: &str, word: &str) -> String {
    if text.is_empty() { word.to_owned() } else { text.to_owned() }
}

fn read_account_mode(text: &str) -> Result<Option<alavanca_kernel::AccountMode>, String> {
    if text.eq_ignore_ascii_case("default") {
        return Ok(None);
    }
    Text::read(text).map(Some).map_err(|known: String| format!("{known}, default"))
}

fn read_scales(settings: &mut Settings, text: &str) -> Result<(), String> {
    let scales: Option<Vec<usize>> = list(text).map(|scale| scale.parse().ok()).collect();
    let wrong = || "whole numbers of bars, rising, separated by commas, such as 2,6,18".to_owned();
    settings.regime_scales.scales = scales.filter(|scales| !scales.is_empty()).ok_or_else(wrong)?;
    Ok(())
}

fn show_scales(settings: &Settings) -> String {
    let scales: Vec<_> = settings.regime_scales.scales.iter().map(usize::to_string).collect();
    scales.join(",")
}

fn read_brains(settings: &mut Settings, text: &str) -> Result<(), String> {
    let names: Vec<String> = list(text).map(str::to_owned).collect();
    let own = settings.own.extensions().names(Kind::Brain);
    let known = BRAINS.into_iter().chain(own).collect::<Vec<_>>().join(", ");
    let is_known = |name: &str| BRAINS.contains(&name) || settings.own.knows(Kind::Brain, name);
    if let Some(unknown) = names.iter().find(|name| !is_known(name)) {
        return Err(format!("brains separated by commas; {unknown} is none, known are {known}"));
    }
    let repeated = names.iter().enumerate().any(|(index, name)| names[..index].contains(name));
    if names.is_empty() || names.len() > MAX_BRAINS || repeated {
        return Err(format!("at least one brain, each once, of {known}"));
    }
    settings.brains = names;
    Ok(())
}

/// One of one's own stands in the place of the built-in.
fn read_liquidity(settings: &mut Settings, text: &str) -> Result<(), String> {
    let built_in = LiquidityKind::read(text);
    settings.own.liquidity = (built_in.is_err() && settings.own.knows(Kind::Liquidity, text)).then(|| text.to_owned());
    if settings.own.liquidity.is_none() {
        settings.liquidity_kind = built_in.map_err(|known| with_own(known, settings, Kind::Liquidity))?;
    }
    Ok(())
}

fn read_regime(settings: &mut Settings, text: &str) -> Result<(), String> {
    let built_in = RegimeKind::read(text);
    settings.own.regime = (built_in.is_err() && settings.own.knows(Kind::Regime, text)).then(|| text.to_owned());
    if settings.own.regime.is_none() {
        settings.regime_kind = built_in.map_err(|known| with_own(known, settings, Kind::Regime))?;
    }
    Ok(())
}

/// What is allowed, with what the binary brings along.
fn with_own(allowed: String, settings: &Settings, kind: Kind) -> String {
    settings.own.extensions().names(kind).fold(allowed, |allowed, name| format!("{allowed}, {name}"))
}

fn own_or(own: Option<&String>, built_in: &str) -> String {
    own.map_or(built_in, String::as_str).to_owned()
}

fn read_partial_fill(settings: &mut Settings, text: &str) -> Result<(), String> {
    settings.partial_fill_max = Option::read(text)?;
    if settings.partial_fill_max == Some(0) { Err("at least 1 contract, or none".to_owned()) } else { Ok(()) }
}

fn within(text: &str, least: u32, most: u32) -> Result<u32, String> {
    let value = text.parse().ok().filter(|value| (least..=most).contains(value));
    value.ok_or_else(|| format!("a whole number from {least} to {most}"))
}

/// Pairs of which one bounds the other, so that an error can say where the bound came from.
pub(super) const BOUNDED_BY: &[(&str, &str)] = &[
    ("MIN_CONTRACTS", "MAX_CONTRACTS_CAP"),
    ("MAX_CONTRACTS_CAP", "MARGIN_PER_CONTRACT_BRL"),
    ("RL_CONFIDENCE_HIGH", "RL_CONFIDENCE_MEDIUM"),
    ("RL_DISAGREEMENT_HIGH", "RL_DISAGREEMENT_MEDIUM"),
    ("RISK_PAUSE_MINUTES", "RISK_MAX_CONSECUTIVE_LOSSES"),
    ("MT5_LOST_AFTER_MS", "MT5_HEARTBEAT_MS"),
    ("MT5_TLS_KEY", "MT5_TLS_CERT"),
    ("MT5_LISTEN", "MT5_TLS_CERT"),
    ("PRETRADE_MAX_POSITION_CONTRACTS", "PRETRADE_MAX_ORDER_CONTRACTS"),
    ("PRETRADE_MAX_ORDERS_PER_MINUTE", "PRETRADE_MAX_ORDERS_PER_SECOND"),
    ("PRETRADE_MAX_ORDERS_PER_DAY", "PRETRADE_MAX_ORDERS_PER_MINUTE"),
    ("PRETRADE_MAX_CLOSES_PER_SECOND", "PRETRADE_MAX_ORDERS_PER_SECOND"),
    ("PRETRADE_MAX_CLOSES_PER_MINUTE", "PRETRADE_MAX_ORDERS_PER_MINUTE"),
    ("PRETRADE_MAX_CLOSES_PER_DAY", "PRETRADE_MAX_ORDERS_PER_DAY"),
    ("PRETRADE_MAX_CHANGES_PER_MINUTE", "PRETRADE_MAX_CHANGES_PER_SECOND"),
    ("SESSION_FLAT_AT", "SESSION_ENTRIES"),
    ("EMA_TREND_FAST", "EMA_TREND_SLOW"),
    ("SMA_CROSS_FAST", "SMA_CROSS_SLOW"),
    ("MOMENTUM_FAST", "MOMENTUM_SLOW"),
    ("OPENING_RANGE_MINUTES", "OPENING_RANGE_ENTRY_MINUTES"),
    ("VWAP_PULLBACK_FAST", "VWAP_PULLBACK_SLOW"),
    ("VWAP_PULLBACK_TOUCH_ATR", "VWAP_PULLBACK_AWAY_ATR"),
    ("REGIME_ADX_EXIT", "REGIME_ADX_ENTER"),
    ("REGIME_ATR_FAST", "REGIME_ATR_SLOW"),
    ("REGIME_HIGH_VOL_ENTER", "REGIME_CHAOTIC_ENTER"),
    ("REGIME_HIGH_VOL_EXIT", "REGIME_HIGH_VOL_ENTER"),
    ("REGIME_CHAOTIC_EXIT", "REGIME_CHAOTIC_ENTER"),
    ("REGIME_EXHAUSTION_PEAK", "REGIME_ADX_ENTER"),
    ("REGIME_SCALES_TREND_EXIT", "REGIME_SCALES_TREND_ENTER"),
    ("REGIME_SCALES_VOL_FAST", "REGIME_SCALES_VOL_SLOW"),
    ("REGIME_SCALES_HIGH_ENTER", "REGIME_SCALES_CHAOTIC_ENTER"),
    ("REGIME_SCALES_HIGH_EXIT", "REGIME_SCALES_HIGH_ENTER"),
    ("REGIME_SCALES_CHAOTIC_EXIT", "REGIME_SCALES_CHAOTIC_ENTER"),
];

/// The beginnings of our names in the environment. A name with one of these that is not ours is a misspelling;
/// beginnings that others use, such as `SESSION_`, are not here.
pub(super) const PREFIXES: &[&str] = &[
    "OPERATOR_",
    "REALAVANCAGEM_",
    "SCALP_",
    "PROTECT_PROFIT_",
    "RL_",
    "RISK_",
    "PRETRADE_",
    "EMA_TREND_",
    "MEAN_REVERSION_",
    "SMA_CROSS_",
    "MOMENTUM_",
    "BREAKOUT_",
    "OPENING_RANGE_",
    "VWAP_PULLBACK_",
    "SQUEEZE_",
    "BOSS_",
    "REGIME_",
    "LIQUIDITY_",
    "EXITS_",
];
