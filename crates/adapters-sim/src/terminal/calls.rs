//! The calls of the link: those of the package, those of an Expert Advisor, and the driver's.

use alavanca_kernel::{Price, TradingDay};
use serde_json::{Value, json};

use super::account::{Account, sign_of};
use super::fault::Plan;
#[allow(clippy::wildcard_imports, reason = "a table of constants")]
use super::number::*;
use super::tape::{Print, Timeframe};
use super::{Role, Step, Terminal};

/// What a call comes to: the value, and the `last_error` beside it where it failed.
pub(super) type Said = Result<Value, Failure>;

/// `null`, with a `last_error`.
pub(crate) struct Failure {
    code: i64,
    text: &'static str,
}

pub(super) const fn fail(code: i64) -> Failure {
    let text = match code {
        ERROR_PARAMS => "Invalid arguments",
        ERROR_NOT_FOUND => "Not found",
        ERROR_UNSUPPORTED => "Unsupported",
        ERROR_AUTO_TRADING => "Auto trading disabled",
        -5 => "Internal version",
        -6 => "Authorization failed",
        -10000 => "Internal fail",
        -10001 => "IPC send failed",
        -10002 => "IPC recv failed",
        -10003 => "IPC initialize failed",
        -10004 => "No IPC connection",
        -10005 => "IPC timeout",
        _ => "Call failed",
    };
    Failure { code, text }
}

impl Terminal {
    /// A line of the link.
    pub fn receive(&mut self, client: u64, line: &str) -> Step {
        match serde_json::from_str::<Value>(line) {
            Ok(call) if call.is_object() => self.call(client, call),
            _ => {
                let line = json!({ "id": null, "error": { "code": ERROR_PARAMS, "text": "not a JSON object" } });
                Step::Answer { after_ms: 0, line }
            }
        }
    }

    /// One call.
    pub fn call(&mut self, client: u64, call: Value) -> Step {
        let plan = self.plan(client, &call);
        if plan.hang_before_ms > 0 {
            let (ms, whole) = (plan.hang_before_ms, plan.whole);
            self.held.push((call.clone(), Plan { hang_before_ms: 0, ..plan }));
            self.watch_need();
            return Step::Wait { ms, call, whole };
        }
        self.finish(client, &call, &plan)
    }

    /// What a call that had to wait comes to.
    pub fn resume(&mut self, client: u64, call: &Value) -> Step {
        let place = self.held.iter().position(|(held, _)| held == call);
        let plan = place.map(|place| self.held.remove(place).1).unwrap_or_default();
        self.finish(client, call, &plan)
    }

    fn finish(&mut self, client: u64, call: &Value, plan: &Plan) -> Step {
        let name = call["call"].as_str().unwrap_or_default();
        let id = call["id"].clone();
        let mut idle = 0;
        let said = match name {
            "next_event" => {
                let wait = call["wait_ms"].as_u64().unwrap_or(0);
                let event = self.next_event(client);
                if event.is_null() && (!self.account.settings.pulled || self.has_ended()) {
                    idle = wait;
                }
                Ok(event)
            }
            "order_send" => self.order_send(client, call, plan),
            _ if plan.skips => Ok(Value::Null),
            "copy_ticks_from" => {
                self.poll(client);
                self.copy_ticks(call, false)
            }
            _ => self.ask(client, name, call),
        };
        self.after_call(plan);
        self.watch_need();
        let said = match (plan.none, said) {
            (Some(code), _) => Err(fail(code)),
            (None, Ok(Value::Array(_))) if plan.empty => Ok(json!([])),
            (None, said) => said,
        };
        let line = match said {
            Ok(value) => json!({ "id": id, "ok": value }),
            Err(Failure { code, text }) => {
                json!({ "id": id, "ok": null, "error": { "code": code, "text": text } })
            }
        };
        if plan.breaks {
            Step::Break
        } else if plan.mute {
            Step::Mute
        } else if idle > 0 {
            Step::Idle { ms: idle, line }
        } else {
            Step::Answer { after_ms: plan.hang_after_ms, line }
        }
    }

    /// A bridge looks for news: in a pulled market that is what moves it.
    fn poll(&mut self, client: u64) {
        let role = self.clients.get(&client).map(|client| client.role);
        if self.account.settings.pulled && role != Some(Role::Driver) {
            self.pull();
        }
    }

    fn next_event(&mut self, client: u64) -> Value {
        if let Some(event) = self.take_event(client) {
            return event;
        }
        self.poll(client);
        self.take_event(client).unwrap_or_default()
    }

    /// The next event that waits for a client.
    pub(crate) fn take_event(&mut self, client: u64) -> Option<Value> {
        self.clients.get_mut(&client)?.events.pop_front()
    }

    fn ask(&mut self, client: u64, name: &str, call: &Value) -> Said {
        let symbol = || call["symbol"].as_str();
        match name {
            "attach" => {
                let role = match call["as"].as_str() {
                    Some("python") => Role::Python,
                    Some("ea") => Role::Ea,
                    Some("driver") => Role::Driver,
                    _ => return Err(fail(ERROR_PARAMS)),
                };
                self.clients.entry(client).or_default().role = role;
                Ok(json!({ "client": client }))
            }
            "version" => Ok(json!([500, 5000, "1 Mar 2026"])),
            "terminal_info" => Ok(self.terminal_info()),
            "account_info" => Ok(self.shown().account_info(self.state.login, self.state.trade_expert)),
            "symbols_total" => Ok(json!(self.account.symbols.len())),
            "symbols_get" => {
                let group = call["group"].as_str();
                let wanted = |name: &str| group.is_none_or(|group| matches_group(group, name));
                let numbers = 0..self.account.symbols.len();
                Ok(numbers.filter(|n| wanted(&self.account.symbols[*n].name)).map(|n| self.symbol_info(n)).collect())
            }
            "symbol_info" => {
                let number = self.find(symbol())?;
                Ok(self.symbol_info(number))
            }
            "symbol_info_tick" => {
                let number = self.find(symbol())?;
                let quote = self.shown_quote(number).ok_or(fail(ERROR_NOT_FOUND))?;
                Ok(self.account.tick_info(number, &quote))
            }
            "symbol_select" => {
                let Ok(number) = self.find(symbol()) else { return Ok(json!(false)) };
                self.account.symbols[number].selected = call["enable"].as_bool().unwrap_or(true);
                Ok(json!(true))
            }
            "copy_rates_from" | "copy_rates_from_pos" | "copy_rates_range" => self.copy_rates(name, call),
            "copy_ticks_range" => self.copy_ticks(call, true),
            "order_calc_margin" => {
                let number = self.find(symbol())?;
                let (volume, price) = (volume_of(&call["volume"])?, price_of(&call["price"])?);
                if !matches!(call["action"].as_i64(), Some(ORDER_BUY | ORDER_SELL)) {
                    return Err(fail(ERROR_PARAMS));
                }
                Ok(json!(self.account.symbols[number].margin_of(volume, price).to_f64()))
            }
            "order_calc_profit" => {
                let number = self.find(symbol())?;
                let volume = volume_of(&call["volume"])?;
                let (open, close) = (price_of(&call["price_open"])?, price_of(&call["price_close"])?);
                let action = call["action"].as_i64().filter(|action| matches!(action, 0 | 1));
                let sign = sign_of(action.ok_or(fail(ERROR_PARAMS))?);
                Ok(json!(self.account.symbols[number].profit(sign, volume, open, close).to_f64()))
            }
            "order_check" => self.order_check(call),
            "positions_total" => Ok(json!(self.shown().positions.len())),
            "orders_total" => Ok(json!(self.shown().orders.len())),
            "positions_get" => {
                let account = self.shown();
                let wanted =
                    |position: &&super::account::Position| self.is_wanted(call, position.symbol, position.ticket);
                Ok(account.positions.values().filter(wanted).map(|p| account.position_info(p)).collect())
            }
            "orders_get" => {
                let account = self.shown();
                let wanted = |order: &&super::account::Order| self.is_wanted(call, order.symbol, order.ticket);
                Ok(account.orders.values().filter(wanted).map(|order| account.order_info(order)).collect())
            }
            "history_orders_get" | "history_deals_get" | "history_orders_total" | "history_deals_total" => {
                self.history(name, call)
            }
            "session_trade" => {
                let number = self.find(symbol())?;
                let (Some(weekday), Some(index)) = (call["weekday"].as_u64(), call["index"].as_u64()) else {
                    return Err(fail(ERROR_PARAMS));
                };
                let today = TradingDay::from_days(self.account.now_ms.div_euclid(86_400_000) as i32);
                let sessions = self.account.symbols[number].sessions.of_weekday(today, weekday as u32, &self.clock);
                Ok(sessions.get(index as usize).map_or(Value::Null, |(from, to)| json!({ "from": from, "to": to })))
            }
            "clock" => {
                let server_ms = self.account.now_ms;
                Ok(json!({
                    "server_msc": server_ms,
                    "utc_msc": self.clock.utc_ms(server_ms),
                    "ended": self.has_ended(),
                }))
            }
            "advance" => {
                let ms = call["ms"].as_i64().filter(|ms| *ms >= 0).ok_or(fail(ERROR_PARAMS))?;
                self.run_to(self.account.now_ms + ms);
                Ok(json!({ "server_msc": self.account.now_ms, "ended": self.has_ended() }))
            }
            "run_to" => {
                let until = call["server_msc"].as_i64().ok_or(fail(ERROR_PARAMS))?;
                self.run_to(until);
                Ok(json!({ "server_msc": self.account.now_ms, "ended": self.has_ended() }))
            }
            "books" => Ok(self.books()),
            "fault" => self.arm(call).map_err(|_| fail(ERROR_PARAMS)),
            "manual" => self.manual(call).ok_or(fail(ERROR_PARAMS)),
            "set" => self.set(call).ok_or(fail(ERROR_PARAMS)),
            "quit" => {
                self.quit = true;
                Ok(json!(true))
            }
            _ => Err(fail(ERROR_UNSUPPORTED)),
        }
    }

    fn find(&self, name: Option<&str>) -> Result<usize, Failure> {
        let name = name.ok_or(fail(ERROR_PARAMS))?;
        self.account.find(name).ok_or(fail(ERROR_NOT_FOUND))
    }

    fn is_wanted(&self, call: &Value, symbol: usize, ticket: u64) -> bool {
        let name = &self.account.symbols[symbol].name;
        call["symbol"].as_str().is_none_or(|wanted| wanted == name)
            && call["group"].as_str().is_none_or(|group| matches_group(group, name))
            && call["ticket"].as_u64().is_none_or(|wanted| wanted == ticket)
    }

    /// The account as the terminal shows it: without connection as it was.
    fn shown(&self) -> &Account {
        self.frozen.as_deref().unwrap_or(&self.account)
    }

    /// The last tick that reached the terminal.
    fn shown_quote(&self, number: usize) -> Option<Print> {
        let symbol = &self.account.symbols[number];
        self.tape.last(symbol.feed, self.shown_ms, symbol.tick_size)
    }

    fn symbol_info(&self, number: usize) -> Value {
        self.account.symbol_info(number, self.shown_quote(number))
    }

    fn terminal_info(&self) -> Value {
        json!({
            "community_account": false, "community_connection": false, "connected": self.state.connected,
            "dlls_allowed": true, "trade_allowed": self.state.trade_allowed,
            "tradeapi_disabled": self.state.tradeapi_disabled, "email_enabled": false, "ftp_enabled": false,
            "notifications_enabled": false, "mqid": false, "build": 5000, "maxbars": self.account.settings.max_bars,
            "codepage": 1252, "ping_last": 12_000, "community_balance": 0.0, "retransmission": 0.0,
            "company": "Simterm", "name": "Simterm", "language": "English", "path": "", "data_path": "",
            "commondata_path": "",
        })
    }

    fn copy_rates(&self, name: &str, call: &Value) -> Said {
        let number = self.find(call["symbol"].as_str())?;
        let bad = || fail(ERROR_PARAMS);
        let frame = call["timeframe"].as_i64().and_then(Timeframe::from_number).ok_or_else(bad)?;
        let feed = self.account.symbols[number].feed;
        let bars = self.tape.bars(feed, frame, self.shown_ms.min(self.account.now_ms));
        let most = self.account.settings.max_bars as usize;
        let whole = |key: &str| call[key].as_i64().filter(|n| *n >= 0).ok_or_else(bad);
        let place = |time: i64| bars.partition_point(|bar| bar.time <= time);
        let (from, to) = if name == "copy_rates_range" {
            let (from, to) = (whole("date_from")?, whole("date_to")?);
            (bars.partition_point(|bar| bar.time < from), place(to))
        } else {
            let count = whole("count")? as usize;
            if count > most {
                return Err(bad());
            }
            let to = if name == "copy_rates_from" {
                place(whole("date_from")?)
            } else {
                let start = whole("start_pos")? as usize;
                if start > most {
                    return Err(bad());
                }
                bars.len().saturating_sub(start)
            };
            (to.saturating_sub(count), to)
        };
        if to.saturating_sub(from) > most {
            return Err(bad());
        }
        let rows = bars.get(from..to.max(from)).unwrap_or_default();
        Ok(rows.iter().map(|row| self.account.rate_row(number, row)).collect())
    }

    fn copy_ticks(&self, call: &Value, range: bool) -> Said {
        let number = self.find(call["symbol"].as_str())?;
        let bad = || fail(ERROR_PARAMS);
        let from = call["date_from"].as_i64().ok_or_else(bad)?;
        let until = self.shown_ms.min(self.account.now_ms);
        let ticks = self.tape.ticks(self.account.symbols[number].feed, until);
        let first = ticks.partition_point(|tick| tick.server_ms < from);
        let last = if range {
            let to = call["date_to"].as_i64().ok_or_else(bad)?;
            ticks.partition_point(|tick| tick.server_ms <= to).max(first)
        } else {
            let count = call["count"].as_u64().ok_or_else(bad)? as usize;
            first.saturating_add(count).min(ticks.len())
        };
        Ok(ticks[first..last].iter().map(|tick| self.account.tick_row(number, tick)).collect())
    }

    fn history(&mut self, name: &str, call: &Value) -> Said {
        let ticket = call["ticket"].as_u64();
        let position = call["position"].as_u64();
        let dates = call["date_from"].as_i64().zip(call["date_to"].as_i64());
        if ticket.is_none() && position.is_none() && dates.is_none() {
            return Err(fail(ERROR_PARAMS));
        }
        let within = |ms: i64| dates.is_none_or(|(from, to)| (from..=to).contains(&ms.div_euclid(1_000)));
        let group = |account: &super::account::Account, symbol: Option<usize>| {
            call["group"].as_str().is_none_or(|group| matches_group(group, account.name_of(symbol)))
        };
        let found: Vec<Value> = if name.starts_with("history_orders") {
            let account = self.shown();
            let of = |order: &&super::account::Order| {
                within(order.setup_ms)
                    && ticket.is_none_or(|ticket| order.ticket == ticket)
                    && position.is_none_or(|position| order.position == position)
                    && group(account, Some(order.symbol))
            };
            account.past.iter().filter(of).map(|order| account.order_info(order)).collect()
        } else {
            let account = self.shown();
            let of = |deal: &&super::account::Deal| {
                deal.hidden_looks == 0
                    && within(deal.time_ms)
                    && ticket.is_none_or(|ticket| deal.order == ticket)
                    && position.is_none_or(|position| deal.position == position)
                    && group(account, deal.symbol)
            };
            let found = account.deals.iter().filter(of).map(|deal| account.deal_info(deal)).collect();
            for deal in &mut self.account.deals {
                deal.hidden_looks = deal.hidden_looks.saturating_sub(1);
            }
            found
        };
        if name.ends_with("total") { Ok(json!(found.len())) } else { Ok(Value::Array(found)) }
    }
}

pub(super) fn price_of(value: &Value) -> Result<Price, Failure> {
    value.as_f64().and_then(Price::from_f64).ok_or(fail(ERROR_PARAMS))
}

pub(super) fn volume_of(value: &Value) -> Result<i64, Failure> {
    price_of(value).map(Price::raw).ok().filter(|volume| *volume > 0).ok_or(fail(ERROR_PARAMS))
}

/// `*WIN*,!WIN$`: parts by comma, `!` takes away, `*` stands for anything.
fn matches_group(group: &str, name: &str) -> bool {
    let mut wanted = false;
    for part in group.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        match part.strip_prefix('!') {
            Some(part) if matches_part(part, name) => wanted = false,
            Some(_) => {}
            None => wanted |= matches_part(part, name),
        }
    }
    wanted
}

fn matches_part(part: &str, name: &str) -> bool {
    let mut pieces = part.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let pieces: Vec<&str> = pieces.collect();
    let Some((last, middle)) = pieces.split_last() else { return rest.is_empty() };
    for piece in middle {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}
