//! A terminal without sockets, spoken to in calls.

use alavanca_adapters_sim::terminal::{Step, Terminal, TerminalSettings};
use serde_json::{Value, json};

pub(crate) struct World {
    pub(crate) terminal: Terminal,
    pub(crate) python: u64,
    pub(crate) ea: u64,
    driver: u64,
    pub(crate) symbol: String,
}

impl World {
    /// With options as on the command line.
    pub(crate) fn new(options: &[(&str, &str)]) -> Self {
        let mut settings = TerminalSettings { history_days: 2, ..TerminalSettings::default() };
        for (name, value) in options {
            if *name == "ticks" {
                settings.ticks = Some((*value).to_owned());
            } else {
                assert!(settings.set(name, value).unwrap(), "--{name}");
            }
        }
        if !options.iter().any(|(name, _)| *name == "market") {
            settings.suit_venue();
        }
        let mut terminal = Terminal::new(settings).unwrap();
        let (python, ea, driver) = (terminal.join(), terminal.join(), terminal.join());
        let mut world = Self { terminal, python, ea, driver, symbol: String::new() };
        world.ask(python, json!({ "call": "attach", "as": "python", "name": "test" }));
        world.ask(ea, json!({ "call": "attach", "as": "ea", "name": "test" }));
        let symbols = world.get(json!({ "call": "symbols_get" }));
        let symbol = symbols[0]["name"].as_str().unwrap().to_owned();
        Self { symbol, ..world }
    }

    /// A market that goes as told: rows of `bid ask last`, a second apart from 10:00:00 on. The first has passed.
    pub(crate) fn on(options: &[(&str, &str)], prices: &[(&str, &str, &str)]) -> Self {
        let rows: Vec<String> = prices
            .iter()
            .enumerate()
            .map(|(n, (bid, ask, last))| {
                format!("2026.03.10\t10:{:02}:{:02}.000\t{bid}\t{ask}\t{last}\t5", n / 60, n % 60)
            })
            .collect();
        let rows = rows.join("\n");
        let mut world = Self::new(&[&[("ticks", rows.as_str())], options].concat());
        world.tick();
        world
    }

    pub(crate) fn step(&mut self, client: u64, call: Value) -> Step {
        self.terminal.call(client, call)
    }

    /// A call's whole answer.
    pub(crate) fn ask(&mut self, client: u64, call: Value) -> Value {
        match self.step(client, call.clone()) {
            Step::Answer { line, .. } | Step::Idle { line, .. } => line,
            other => panic!("{call} came to {other:?}"),
        }
    }

    /// A call's value, by the driver.
    pub(crate) fn get(&mut self, call: Value) -> Value {
        let line = self.ask(self.driver, call.clone());
        assert!(line.get("error").is_none(), "{call}: {line}");
        line["ok"].clone()
    }

    /// One tick passes.
    pub(crate) fn tick(&mut self) -> Value {
        self.ask(self.python, json!({ "call": "copy_ticks_from", "symbol": self.symbol, "date_from": 0, "count": 1 }))
    }

    /// A request by the sidecar: what the terminal answers.
    pub(crate) fn send(&mut self, request: Value) -> Value {
        let line = self.ask(self.python, json!({ "call": "order_send", "request": request }));
        assert!(line.get("error").is_none(), "{request}: {line}");
        line["ok"].clone()
    }

    /// A market order of the first symbol with parts of one's own.
    pub(crate) fn deal(&mut self, kind: i64, volume: f64, own: Value) -> Value {
        let filling = if self.symbol == "EURUSD" { 1 } else { 2 };
        let mut request =
            json!({ "action": 1, "symbol": self.symbol, "volume": volume, "type": kind, "type_filling": filling });
        request.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
        self.send(request)
    }

    pub(crate) fn positions(&mut self) -> Vec<Value> {
        self.get(json!({ "call": "positions_get" })).as_array().unwrap().clone()
    }

    pub(crate) fn orders(&mut self) -> Vec<Value> {
        self.get(json!({ "call": "orders_get" })).as_array().unwrap().clone()
    }

    pub(crate) fn deals(&mut self) -> Vec<Value> {
        let all = json!({ "call": "history_deals_get", "date_from": 0, "date_to": 4_000_000_000_u64 });
        self.get(all).as_array().unwrap().clone()
    }

    /// What the Expert Advisor was told of trades; the market goes on where nothing waits.
    pub(crate) fn transactions(&mut self) -> Vec<Value> {
        let mut told = Vec::new();
        loop {
            let event = self.ask(self.ea, json!({ "call": "next_event", "wait_ms": 0 }))["ok"].clone();
            if event.is_null() {
                return told;
            }
            if event["event"] == "trade_transaction" {
                told.push(event["transaction"].clone());
            }
        }
    }

    pub(crate) fn fault(&mut self, mut fault: Value) {
        fault["call"] = "fault".into();
        self.get(fault);
    }

    /// Whether the exchange's books come out: what the deals sum to is what the balance changed by, and what they bought
    /// and sold is what is held.
    pub(crate) fn reconcile(&mut self) {
        let cents = |value: &Value| (value.as_f64().unwrap() * 100.0).round() as i64;
        let books = self.books();
        let of = |name: &str| (books[name].as_str().unwrap().parse::<f64>().unwrap() * 100.0).round() as i64;
        let deals = books["deals"].as_array().unwrap();
        let net: i64 = deals
            .iter()
            .map(|deal| ["profit", "commission", "swap", "fee"].iter().map(|part| cents(&deal[part])).sum::<i64>())
            .sum();
        assert_eq!(net, of("balance"), "the deals with the first one, which is the deposit");
        assert_eq!(of("balance_begin") + of("net"), of("balance"));
        assert_eq!(of("gross") + of("commission") + of("swap"), of("net"));
        let lots = |value: &Value| (value["volume"].as_f64().unwrap() * 1e8).round() as i64;
        let signed = |value: &Value| if value["type"] == 0 { lots(value) } else { -lots(value) };
        let traded: i64 = deals.iter().filter(|deal| deal["type"].as_i64().unwrap() < 2).map(signed).sum();
        let held: i64 = books["positions"].as_array().unwrap().iter().map(signed).sum();
        assert_eq!(traded, held);
    }

    pub(crate) fn books(&mut self) -> Value {
        self.get(json!({ "call": "books" }))
    }
}
