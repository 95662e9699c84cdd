//! Orders on the terminal's side: what it stops itself, what it passes to the server, what it tells of it.

use alavanca_kernel::Price;
use serde_json::{Map, Value, json};

use super::account::{Bend, sign_of};
use super::calls::{Said, fail, price_of, volume_of};
use super::fault::Plan;
#[allow(clippy::wildcard_imports, reason = "a table of constants")]
use super::number::*;
use super::request::{Request, TradeAnswer, lots};
use super::shape::level;
use super::{Role, Terminal};

impl Terminal {
    pub(super) fn order_check(&mut self, call: &Value) -> Said {
        let request = Request::parse(&call["request"]).ok_or(fail(ERROR_PARAMS))?;
        let retcode = match self.account.check(&request, &self.clock) {
            _ if !self.state.connected => CONNECTION,
            said => said.err().unwrap_or(0),
        };
        let account = &self.account;
        let more = account.find(&request.symbol).filter(|_| matches!(request.action, ACTION_DEAL)).map(|number| {
            let sign = sign_of(request.kind);
            (number, sign * request.volume, account.touch(number, sign).unwrap_or(request.price))
        });
        let (equity, margin) = (account.equity(), account.margin(more));
        Ok(json!({
            "retcode": retcode, "balance": account.balance.to_f64(), "equity": equity.to_f64(),
            "profit": (equity - account.balance).to_f64(), "margin": margin.to_f64(),
            "margin_free": (equity - margin).to_f64(), "margin_level": level(equity.to_f64(), margin.to_f64()),
            "comment": comment_of(retcode), "request": request.shown(),
        }))
    }

    pub(super) fn order_send(&mut self, client: u64, call: &Value, plan: &Plan) -> Said {
        let request = Request::parse(&call["request"]).ok_or(fail(ERROR_PARAMS))?;
        let python = self.clients.get(&client).is_some_and(|client| client.role == Role::Python);
        if python && self.state.tradeapi_disabled {
            return Err(fail(ERROR_AUTO_TRADING));
        }
        self.last_request += 1;
        if is_order(&request) {
            let sends = self.account.sends.entry(request.magic).or_default();
            sends.called += 1;
            sends.symbol.clone_from(&request.symbol);
        }
        let answer = if !self.state.trade_allowed {
            TradeAnswer::refused(CLIENT_DISABLES_AT)
        } else if !self.state.connected {
            TradeAnswer::refused(CONNECTION)
        } else if plan.skips {
            TradeAnswer::refused(plan.retcode.unwrap_or(REJECT))
        } else {
            self.at_server(&request, plan)
        };
        let retcode = plan.retcode.unwrap_or(answer.retcode);
        let number = self.account.find(&request.symbol);
        let quote = number.and_then(|number| self.account.quote(number));
        let (bid, ask) = quote.map_or((0.0, 0.0), |quote| (quote.bid.to_f64(), quote.ask.to_f64()));
        let shows = !plan.bare && (plan.retcode.is_none() || plan.retcode == Some(answer.retcode));
        let (deal, price, volume) = if shows { (answer.deal, answer.price, answer.volume) } else { Default::default() };
        let order = if plan.retcode.is_none() { answer.order } else { 0 };
        let result = json!({
            "retcode": retcode, "deal": deal, "order": order, "volume": lots(volume), "price": price.to_f64(),
            "bid": bid, "ask": ask, "comment": comment_of(retcode), "request_id": self.last_request,
            "retcode_external": 0, "request": request.shown(),
        });
        if plan.skips && plan.retcode.is_none() {
            return Ok(result);
        }
        self.account.tell(json!({ "type": TRANSACTION_REQUEST, "request": request.shown(), "result": result }));
        self.hand_out(plan.repeats);
        Ok(result)
    }

    /// A request that reached the trade server.
    fn at_server(&mut self, request: &Request, plan: &Plan) -> TradeAnswer {
        let answer = if self.state.trade_expert {
            self.account.send(request, REASON_EXPERT, plan.bend.clone(), &self.clock)
        } else {
            TradeAnswer::refused(SERVER_DISABLES_AT)
        };
        if is_order(request) {
            let sends = self.account.sends.entry(request.magic).or_default();
            sends.reached += 1;
            sends.executed += u32::from(answer.is_taken());
            sends.retcodes.push(answer.retcode);
        }
        answer
    }

    /// The user trades by hand: `side` and `volume`, or `close`, or `sl` and `tp` alone.
    pub(crate) fn manual(&mut self, call: &Value) -> Option<Value> {
        let number = self.account.find(call["symbol"].as_str()?)?;
        let level = |key: &str| if call[key].is_null() { Some(Price::ZERO) } else { price_of(&call[key]).ok() };
        let (sl, tp) = (level("sl")?, level("tp")?);
        let position = call["position"].as_u64().unwrap_or(0);
        let mut orders = Vec::new();
        if call["close"].as_bool() == Some(true) {
            let held = self.account.positions.values().filter(|held| held.symbol == number);
            orders.extend(held.map(|held| (i64::from(held.sign > 0), held.volume, held.ticket)));
        } else if let Some(side) = call["side"].as_str() {
            let kind = match side {
                "buy" => ORDER_BUY,
                "sell" => ORDER_SELL,
                _ => return None,
            };
            orders.push((kind, volume_of(&call["volume"]).ok()?, position));
        } else {
            self.account.set_levels(number, sl, tp);
        }
        let mut answers = Vec::new();
        for (kind, volume, position) in orders {
            let request = Request {
                action: ACTION_DEAL,
                symbol: self.account.symbols[number].name.clone(),
                volume,
                kind,
                sl,
                tp,
                filling: FILLING_IOC,
                price: self.account.touch(number, sign_of(kind)).unwrap_or_default(),
                position: if self.account.mode.hedges() { position } else { 0 },
                ..Request::default()
            };
            let answer = self.account.send(&request, REASON_CLIENT, Bend::default(), &self.clock);
            answers.push(json!({ "retcode": answer.retcode, "deal": answer.deal, "order": answer.order }));
        }
        self.hand_out(0);
        Some(Value::Array(answers))
    }

    /// Switches: `connected`, `trade_allowed`, `trade_expert`, `tradeapi_disabled`, `login`, `trade_mode` of a symbol.
    pub(crate) fn set(&mut self, call: &Value) -> Option<Value> {
        let fields: &Map<String, Value> = call.as_object()?;
        for (name, value) in fields {
            match name.as_str() {
                "id" | "call" | "symbol" => {}
                "connected" => self.connect(value.as_bool()?),
                "trade_allowed" => self.state.trade_allowed = value.as_bool()?,
                "trade_expert" => self.state.trade_expert = value.as_bool()?,
                "tradeapi_disabled" => self.state.tradeapi_disabled = value.as_bool()?,
                "login" => self.state.login = value.as_u64()?,
                "shuffles" => self.account.settings.shuffles = value.as_bool()?,
                "depth" => self.account.depth = if value.is_null() { None } else { Some(volume_of(value).ok()?) },
                "trade_mode" => {
                    let number = self.account.find(call["symbol"].as_str()?)?;
                    self.account.symbols[number].trade_mode = value.as_i64()?;
                }
                _ => return None,
            }
        }
        Some(json!(true))
    }

    /// The terminal loses the trade server, or finds it again; ticks come no more meanwhile.
    pub(crate) fn connect(&mut self, connected: bool) {
        if self.state.connected != connected {
            self.shown_ms = if connected { i64::MAX } else { self.account.now_ms };
            self.frozen = (!connected).then(|| Box::new(self.account.clone()));
            self.state.connected = connected;
            self.hand_out(0);
        }
    }
}

/// Whether it names an order, and no change of one.
const fn is_order(request: &Request) -> bool {
    matches!(request.action, ACTION_DEAL | ACTION_PENDING | ACTION_CLOSE_BY)
}
