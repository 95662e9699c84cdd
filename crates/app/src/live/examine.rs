//! What is right and wrong about what a doctor saw. Pure.

use alavanca_adapters_mt5::desk::filling;
use alavanca_adapters_mt5::desk::retcode::{self, Meaning};
use alavanca_adapters_mt5::wire::{Decimal, Filling, TradeMode};
use alavanca_calendar::{Contract, TradingClock, TradingZone, local_to_utc};
use alavanca_kernel::{AccountMode, Instrument, Money, Timestamp, TradingDay};
use chrono::{DateTime, Datelike, NaiveTime, TimeDelta, Timelike};

use super::admission::mode_of;
use super::doctor::{Finding, Observed, Verdict};
use super::preflight::{contradictions, tradable};
use super::terms::zone;
use crate::settings::{LiveClock, ServerZone, Settings};

/// Every line.
pub(super) fn examine(settings: &Settings, instrument: &Instrument, observed: &Observed) -> Vec<Finding> {
    let case = Case { settings, instrument, observed };
    let mut findings = vec![case.account(), case.currency(), case.terminal(), case.clock(), case.contract()];
    findings.extend(case.specification());
    findings.push(case.filling());
    findings.extend(case.distances());
    findings.extend(case.margin());
    findings.push(case.sessions());
    findings.push(case.standing());
    findings.push(case.check());
    findings.push(case.round_trip());
    findings
}

struct Case<'a> {
    settings: &'a Settings,
    instrument: &'a Instrument,
    observed: &'a Observed,
}

fn ok(what: &'static str, found: impl Into<String>) -> Finding {
    Finding { what, verdict: Verdict::Ok, found: found.into(), advice: None }
}

fn warn(what: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Finding {
    Finding { what, verdict: Verdict::Warn, found: found.into(), advice: Some(advice.into()) }
}

fn fail(what: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Finding {
    Finding { what, verdict: Verdict::Fail, found: found.into(), advice: Some(advice.into()) }
}

impl Case<'_> {
    fn account(&self) -> Finding {
        let account = &self.observed.hello.account;
        let usual = if self.instrument.is_b3() { AccountMode::Netting } else { AccountMode::Hedging };
        let wanted = self.settings.account_mode.unwrap_or(usual);
        let is = mode_of(account.margin_mode);
        let kind = match account.trade_mode {
            TradeMode::Demo => "demo",
            TradeMode::Contest => "contest",
            TradeMode::Real => "REAL MONEY",
        };
        let mode = is.map_or_else(|| format!("margin mode {}", account.margin_mode), |mode| mode.to_string());
        let found = format!("{} on {}, {kind}, {mode}, {}", account.login, account.server, account.currency);
        match (is, account.trade_mode) {
            (Some(is), _) if is != wanted => fail(
                "account",
                found,
                format!("the settings are for {wanted}: set ACCOUNT_MODE={is}, or log in elsewhere"),
            ),
            (None, _) => fail("account", found, "this kind of account is not known: use a netting or hedging account"),
            (_, TradeMode::Real) => warn("account", found, "run it on a demo account first"),
            _ => ok("account", found),
        }
    }

    fn currency(&self) -> Finding {
        let (account, value) = (&self.observed.hello.account.currency, &self.instrument.currency);
        if account == value {
            return ok("currency", format!("account and {} both count in {value}", self.instrument.name));
        }
        fail(
            "currency",
            format!("the account counts in {account}, {} in {value}", self.instrument.name),
            format!("set currency = \"{account}\" and its point_value under [instrument.{}]", self.instrument.name),
        )
    }

    fn terminal(&self) -> Finding {
        let Some(beat) = self.observed.heartbeat else {
            return fail("terminal", "the bridge gave no sign of life", "look at the bridge's own log");
        };
        let ping = beat.ping_us.map_or_else(String::new, |us| format!(", {} ms to its server", us / 1_000));
        if !beat.terminal_connected {
            fail("terminal", "not connected to its server", "log in, and look at the terminal's Journal tab")
        } else if beat.tradeapi_disabled {
            fail(
                "terminal",
                "trading by programs is off",
                "Tools, Options, Expert Advisors: allow trading by the Python API",
            )
        } else if !beat.trade_allowed {
            let advice = "press Algo Trading in the terminal; with an investor's password nothing can be traded";
            fail("terminal", "trading is not allowed", advice)
        } else if beat.killed {
            fail("terminal", "the kill button is pressed", "release it on the bridge's panel when you know why")
        } else {
            ok("terminal", format!("connected, trading allowed{ping}"))
        }
    }

    fn zone(&self) -> ServerZone {
        self.settings.live.server_zone.unwrap_or_else(|| ServerZone::usual(self.instrument.is_b3()))
    }

    /// The market's time, as far as it is known.
    fn market_now(&self) -> Timestamp {
        let server = self.observed.clock.map(|(server, _)| zone(self.zone()).utc(server));
        server.unwrap_or(self.observed.now)
    }

    fn clock(&self) -> Finding {
        let Some((server, at)) = self.observed.clock else {
            let advice = "ask again while the market is open: the sidecar knows the server's clock from ticks alone";
            return warn("clock", "the trade server's clock is not known", advice);
        };
        let zone_name = self.zone();
        let off = (zone(zone_name).utc(server).micros() - at.micros()) as f64 / 1e6;
        if self.settings.live.clock == LiveClock::Bridge {
            return warn(
                "clock",
                format!("LIVE_CLOCK=BRIDGE: {off:+.1} s from this machine's"),
                "for simulated days alone",
            );
        }
        let tolerance = f64::from(self.settings.live.clock_tolerance_seconds);
        if off.abs() <= tolerance {
            return ok("clock", format!("the server's, read as {zone_name}, is {off:+.1} s from this machine's"));
        }
        let half_hours = (off / 1_800.0).round();
        let found = format!("the server's, read as {zone_name}, is {off:+.0} s from this machine's");
        if half_hours == 0.0 || (off - half_hours * 1_800.0).abs() > tolerance {
            let advice =
                "set this machine's clock by the network; with the market closed the bridge may show its last tick";
            return fail("clock", found, advice);
        }
        let ahead = (server as f64 / 1e3 - at.micros() as f64 / 1e6) / 1_800.0;
        let fits = ServerZone::Fixed((ahead.round() * 1_800.0) as i32);
        fail("clock", found, format!("MT5_SERVER_ZONE={fits} fits today; a zone's name knows of summer time, too"))
    }

    fn contract(&self) -> Finding {
        let (name, spec) = (&self.instrument.name, &self.observed.spec);
        let now = self.market_now();
        if let Err(refused) = tradable(self.settings, name, now) {
            return fail("contract", refused.to_string(), "name the dated contract with --symbol");
        }
        let Some(expires) = spec.expires_server.map(|server| zone(self.zone()).utc(server)) else {
            return match name.parse::<Contract>() {
                Ok(_) => warn("contract", "the broker tells no expiry", "see that it is the dated contract"),
                Err(_) => ok("contract", format!("{name} does not expire")),
            };
        };
        let days = (expires.micros() - now.micros()).div_euclid(86_400_000_000);
        let found = format!("{name} expires in {days} days");
        match days {
            ..0 => fail("contract", format!("{name} has expired"), "name the next contract with --symbol"),
            0..3 => warn("contract", found, "the next contract has the volume: `alavanca calendar` names it"),
            _ => ok("contract", found),
        }
    }

    fn specification(&self) -> Vec<Finding> {
        let (instrument, spec) = (self.instrument, &self.observed.spec);
        let contradictions = contradictions(instrument, spec);
        if !contradictions.is_empty() {
            let advice = "live does not start like this: correct the settings, or ask the broker";
            return contradictions.into_iter().map(|found| fail("symbol", found, advice)).collect();
        }
        let value = Decimal::from_raw(instrument.point_value_micros * 100);
        let found = format!(
            "tick {}, a point of one contract is {value} {}, {} lots a contract, as in the settings",
            spec.tick_size, instrument.currency, instrument.lots_per_contract
        );
        let asked = match &self.observed.point {
            Ok(made) if (made.raw() - value.raw()).abs() * 50 > value.raw().abs().max(50) => warn(
                "point value",
                format!("the terminal makes {made} of one point, the settings {value}"),
                format!("set point_value = {made} under [instrument.{}] if the terminal is right", instrument.name),
            ),
            Ok(made) => ok("point value", format!("the terminal makes {made} of one point, too")),
            Err(why) => {
                warn("point value", format!("the terminal could not say: {why}"), "ask again with the market open")
            }
        };
        vec![ok("symbol", found), asked]
    }

    fn filling(&self) -> Finding {
        let spec = &self.observed.spec;
        let offered: Vec<&str> = [(1, "FOK"), (2, "IOC"), (4, "BOC")]
            .into_iter()
            .filter_map(|(bit, name)| (spec.filling_mode & bit != 0).then_some(name))
            .collect();
        let execution =
            ["by request", "instant", "market", "exchange"].get(spec.execution as usize).unwrap_or(&"unknown");
        let can = |filling: Filling| match filling {
            Filling::Fok => ("FOK", spec.filling_mode & 1 != 0),
            Filling::Ioc => ("IOC", spec.filling_mode & 2 != 0),
            Filling::Return => ("RETURN", true),
        };
        let ((opening, opens), (closing, closes)) = (can(filling(spec, true)), can(filling(spec, false)));
        let possible = opens && closes;
        let found =
            format!("{execution} execution, {} offered; {opening} opens, {closing} closes", offered.join(" and "));
        if possible {
            ok("filling", found)
        } else {
            fail("filling", found, "the symbol takes no market order that the engine can send: ask the broker")
        }
    }

    fn distances(&self) -> Vec<Finding> {
        let (instrument, spec) = (self.instrument, &self.observed.spec);
        let scalp = &self.settings.scalp;
        let (target, stop) = match &instrument.scalp {
            Some(own) => (own.take_profit_points, own.stop_loss_points),
            None => (scalp.take_profit_points, scalp.stop_loss_points),
        };
        let nearest = i64::from(target.min(stop)) * instrument.point.raw();
        let level = |points: u32| i64::from(points) * spec.point.raw();
        let shown = |raw: i64| Decimal::from_raw(raw);
        let mut found = Vec::new();
        let hedging = mode_of(self.observed.hello.account.margin_mode) == Some(AccountMode::Hedging);
        let stops =
            format!("stops at least {} away, an extra's nearest is {}", shown(level(spec.stops_level)), shown(nearest));
        found.push(if level(spec.stops_level) <= nearest {
            ok("stops", stops)
        } else if hedging {
            fail("stops", stops, "set SCALP_TP_POINTS and SCALP_SL_POINTS wider, or MAX_EXTRA_CONTRACTS=0")
        } else {
            warn(
                "stops",
                stops,
                "on a netting account the engine keeps an extra's exits itself; the base's stop is farther",
            )
        });
        if spec.freeze_level > 0 {
            let frozen = format!("nothing can be changed within {} of the market", shown(level(spec.freeze_level)));
            found.push(warn("freeze", frozen, "a stop that the market has nearly reached stays where it is"));
        }
        found
    }

    fn margin(&self) -> Vec<Finding> {
        let cents = |amount: Decimal| Money::from_cents(amount.raw().div_euclid(1_000_000) + 1);
        let asked: Vec<Decimal> =
            self.observed.margins.iter().filter_map(|margin| margin.as_ref().ok().copied()).collect();
        let Some(most) = asked.iter().copied().max() else {
            let why = self.observed.margins[0].as_ref().err().cloned().unwrap_or_default();
            let advice = "ask again with the market open; until then no entry has its margin proven";
            return vec![warn("margin", format!("the terminal could not say: {why}"), advice)];
        };
        let (preset, prudent) = (self.instrument.broker_margin, self.settings.capital.margin_per_contract);
        let found = format!("{most} for one contract at the broker, {preset} by the settings, {prudent} for sizing");
        let mut findings = vec![if cents(most) > prudent + Money::from_cents(1) {
            let advice =
                format!("set MARGIN_PER_CONTRACT_BRL to {most} or more: sizing would ask for more than there is");
            fail("margin", found, advice)
        } else if cents(most) > preset + Money::from_cents(1) {
            let advice =
                format!("live takes the larger; set broker_margin under [instrument.{}]", self.instrument.name);
            warn("margin", found, advice)
        } else {
            ok("margin", found)
        }];
        if let Ok(standing) = &self.observed.standing {
            let account = &standing.snapshot.account;
            let found = format!("balance {}, equity {}, free {}", account.balance, account.equity, account.margin_free);
            findings.push(if account.margin_free < most {
                fail("money", found, "the account has no margin for one contract")
            } else {
                ok("money", found)
            });
        }
        findings
    }

    fn sessions(&self) -> Finding {
        let Some(calendar) = self.observed.calendar.as_ref().filter(|calendar| calendar.known) else {
            return ok("sessions", "the bridge cannot know them; the dated calendar holds");
        };
        let different = match self.differing_sessions(calendar) {
            Ok(different) => different,
            Err(error) => return fail("sessions", error.to_string(), "mend the setting"),
        };
        if different.is_empty() {
            return ok("sessions", "the terminal's agree with the calendar for the week ahead");
        }
        warn(
            "sessions",
            different.join("; "),
            "the stricter of both holds; a SESSION_CALENDAR file of your own can say what is right",
        )
    }

    /// Days of the week ahead whose hours the calendar has wider than the terminal.
    fn differing_sessions(
        &self,
        calendar: &alavanca_adapters_mt5::wire::SessionCalendar,
    ) -> Result<Vec<String>, alavanca_kernel::SettingError> {
        let rule = self.settings.session_rule(self.instrument)?;
        let session = rule.session();
        let own = session.calendar();
        let server = zone(self.zone());
        let trading = TradingZone::new(&self.settings.zone)?;
        let today = TradingClock::new(trading).locate(self.market_now()).day;
        let mut different = Vec::new();
        for ahead in 0..7 {
            let Some(date) = today.to_date().map(|date| date + TimeDelta::days(ahead)) else { continue };
            let day = TradingDay::from_days(date.to_epoch_days());
            let Some(hours) = session.hours_on(day).filter(|_| own.special(day).is_none()) else { continue };
            let midnight = date.and_time(NaiveTime::MIN);
            let at_server = |second: i32| {
                let at = local_to_utc(own.zone(), midnight + TimeDelta::seconds(second.into())).at;
                DateTime::from_timestamp_millis(server.server(at)).unwrap_or_default().naive_utc()
            };
            let (opens, closes) = (at_server(hours.opens), at_server(hours.closes));
            // A week of MetaTrader has sessions within days; ours may begin the evening before.
            let weekday = opens.weekday().num_days_from_sunday() as u8;
            let covered = calendar.sessions.iter().any(|there| {
                let second = opens.num_seconds_from_midnight();
                there.weekday == weekday && there.from <= second && second < there.to
            });
            let until = closes - TimeDelta::seconds(1);
            let weekday = until.weekday().num_days_from_sunday() as u8;
            let ends = calendar.sessions.iter().any(|there| {
                let second = until.num_seconds_from_midnight();
                there.weekday == weekday && there.from <= second && second < there.to
            });
            if !covered || !ends {
                different.push(format!(
                    "{} {}-{} by the calendar",
                    date.format("%a"),
                    opens.format("%H:%M"),
                    closes.format("%H:%M")
                ));
            }
        }
        Ok(different)
    }

    fn standing(&self) -> Finding {
        let standing = match &self.observed.standing {
            Ok(standing) => standing,
            Err(why) => {
                return fail("open", format!("the terminal did not say: {why}"), "nothing is traded before it does");
            }
        };
        let name = &self.instrument.name;
        let positions: Vec<String> = standing
            .snapshot
            .positions
            .iter()
            .map(|position| format!("{} {:?} of {}", position.volume, position.side, position.symbol).to_lowercase())
            .collect();
        let orders = standing.snapshot.orders.len();
        if positions.is_empty() && orders == 0 {
            return ok("open", "nothing is open on the account");
        }
        let found = format!("open: {}; {orders} resting orders", positions.join(", "));
        warn(
            "open",
            found,
            format!(
                "what no run of this database opened in {name} stops its entries: close it, or use another account"
            ),
        )
    }

    fn check(&self) -> Finding {
        match &self.observed.check {
            Ok(result) if result.retcode == 0 && (result.comment.is_empty() || result.margin.is_some()) => {
                ok("order", "the terminal would take an order of one contract")
            }
            Ok(result) => {
                let found = format!("{} {}: {}", result.retcode, retcode::name(result.retcode), result.comment);
                match retcode::meaning(result.retcode) {
                    Meaning::Done | Meaning::Placed => ok("order", "the terminal would take an order of one contract"),
                    Meaning::Halt(alavanca_kernel::RejectReason::MarketClosed) => {
                        warn("order", "the market is closed now", "ask again while it is open")
                    }
                    Meaning::Halt(_) => fail("order", found, "no entry would be taken: see the broker's conditions"),
                    _ => warn("order", found, "ask again while the market is open"),
                }
            }
            Err(why) => warn("order", format!("the terminal could not say: {why}"), "ask again with the market open"),
        }
    }

    fn round_trip(&self) -> Finding {
        let trip = self.observed.round_trip;
        let found = format!(
            "{} questions: median {}, worst {}",
            trip.asked,
            milliseconds(trip.median_us),
            milliseconds(trip.worst_us)
        );
        let lost_us = u64::from(self.settings.live.lost_after_ms) * 1_000;
        if trip.worst_us > lost_us {
            fail("round trip", found, "slower than MT5_LOST_AFTER_MS: the terminal or this machine is overloaded")
        } else if trip.worst_us > 500_000 {
            warn("round trip", found, "a scalp's exit waits so long: close charts and programs on that machine")
        } else {
            ok("round trip", found)
        }
    }
}

fn milliseconds(us: u64) -> String {
    format!("{}.{:02} ms", us / 1_000, us % 1_000 / 10)
}

#[cfg(test)]
mod tests;
