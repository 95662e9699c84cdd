//! A simulated MetaTrader 5 terminal with the trade server behind it: netting, exchange and hedging accounts, symbols,
//! sessions, a server clock of its own, and whatever can go wrong.
//!
//! [`Terminal`] is the whole of it, without a socket or a clock: a call goes in, a [`Step`] comes out. [`serve`] is the
//! thin shell around it that the program `simterm` runs. The book's page on `simterm` says what the calls and the
//! faults are.

mod account;
mod calls;
mod check;
mod clock;
mod fault;
mod number;
mod orders;
mod record;
pub mod relay;
mod request;
mod server;
mod settings;
mod shape;
mod statement;
mod symbol;
mod tape;
mod trade;
mod trigger;

use std::collections::{BTreeMap, VecDeque};

use alavanca_kernel::SettingError;
use serde_json::Value;

use account::Account;
use clock::ServerClock;
use fault::{Faults, Plan};
pub use server::{Serving, serve};
pub use settings::{MarginMode, TerminalSettings, Venue};
use tape::Tape;

use crate::random::SplitMix;

/// Polls let so much time pass after the last tick and no more: a bridge that nobody ends must not reach the next day.
const AFTER_END_MS: i64 = 600_000;

/// A terminal, its account and its market. Everything that happens in it happens in a call.
#[derive(Debug)]
pub struct Terminal {
    pub(crate) account: Account,
    tape: Tape,
    clock: ServerClock,
    clients: BTreeMap<u64, Client>,
    /// What the terminal saw last, while there is no connection.
    frozen: Option<Box<Account>>,
    /// Up to when ticks reach the terminal: it stands still while there is no connection.
    shown_ms: i64,
    end_ms: i64,
    state: Switches,
    last_request: u32,
    draws: SplitMix,
    /// Calls that wait, with what becomes of them.
    held: Vec<(Value, Plan)>,
    faults: Faults,
    /// The real clock, where somebody tells it.
    real_ms: u64,
    /// Since when a position has no stop, or a call waits: by the real clock, and by the market's.
    need_since: Option<(u64, i64)>,
    quit: bool,
}

/// What a call comes to.
#[derive(Clone, PartialEq, Debug)]
pub enum Step {
    /// Answer with this line, after so many real milliseconds.
    Answer {
        /// Milliseconds to wait first.
        after_ms: u64,
        /// The answer.
        line: Value,
    },
    /// Wait so many real milliseconds, then call [`Terminal::resume`] with this. The client may be gone by then.
    Wait {
        /// Milliseconds to wait.
        ms: u64,
        /// What was called.
        call: Value,
        /// The whole terminal hangs: nobody is answered meanwhile.
        whole: bool,
    },
    /// Nothing to say before something happens: ask again until so many milliseconds have passed.
    Idle {
        /// Milliseconds that the client is ready to wait.
        ms: u64,
        /// What to answer then.
        line: Value,
    },
    /// Close the connection.
    Break,
    /// Say nothing, and leave the connection open.
    Mute,
}

/// Who is connected.
#[derive(Clone, Debug, Default)]
struct Client {
    role: Role,
    events: VecDeque<Value>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Role {
    Python,
    Ea,
    #[default]
    Driver,
}

/// The terminal's buttons.
#[derive(Clone, Debug)]
struct Switches {
    connected: bool,
    trade_allowed: bool,
    trade_expert: bool,
    tradeapi_disabled: bool,
    login: u64,
}

impl Terminal {
    /// A terminal before its first tick.
    pub fn new(settings: TerminalSettings) -> Result<Self, SettingError> {
        let mut clock = ServerClock::new(settings.server_zone()?, settings.clock_skew_ms);
        let (symbols, feeds) = symbol::symbols(&settings, &mut clock)?;
        let mut ticking = vec![settings.symbols.is_empty(); feeds.len()];
        if settings.symbols.is_empty() {
            ticking.iter_mut().skip(1).for_each(|ticks| *ticks = false);
        }
        for name in &settings.symbols {
            let known = symbols.iter().find(|symbol| symbol.name == *name).map(|symbol| symbol.feed);
            let root = feeds.iter().position(|feed| feed.instrument.name == *name);
            let Some(feed) = known.or(root) else {
                return Err(SettingError::new("--symbols", name, "symbols of the market"));
            };
            ticking[feed] = true;
        }
        let tape = Tape::new(&settings, &feeds, &ticking, &mut clock)?;
        let day_ms = i64::from(settings.day.days()) * 86_400_000 + settings.clock_skew_ms;
        let begin_ms = day_ms + i64::from(settings.from) * 1_000;
        let begin_ms = tape.next_ms().map_or(begin_ms, |first| begin_ms.min(first));
        let last_ms = tape.last_ms().unwrap_or(begin_ms);
        let end_of_day = last_ms.div_euclid(86_400_000) * 86_400_000 + i64::from(settings.to) * 1_000;
        let state = Switches {
            connected: true,
            trade_allowed: true,
            trade_expert: true,
            tradeapi_disabled: false,
            login: settings.login,
        };
        let seed = settings.seed;
        Ok(Self {
            account: Account::new(settings, symbols, feeds.len(), begin_ms),
            tape,
            clock,
            clients: BTreeMap::new(),
            frozen: None,
            shown_ms: i64::MAX,
            end_ms: end_of_day.max(last_ms + 1),
            state,
            last_request: 0,
            draws: SplitMix::stream(seed, 0x7e12),
            held: Vec::new(),
            faults: Faults::default(),
            real_ms: 0,
            need_since: None,
            quit: false,
        })
    }

    /// The server's clock, in milliseconds.
    pub fn server_ms(&self) -> i64 {
        self.account.now_ms
    }

    /// Whether the last tick has passed, and the day with it.
    pub fn has_ended(&self) -> bool {
        self.tape.next_ms().is_none() && self.account.now_ms >= self.end_ms
    }

    /// Whether somebody said `quit`.
    pub fn has_quit(&self) -> bool {
        self.quit
    }

    /// A number that grows whenever the statement changes.
    pub fn changes(&self) -> u64 {
        let account = &self.account;
        let sends: u64 = account.sends.values().map(|sends| u64::from(sends.reached)).sum();
        let levels = account.naked.len() + account.naked.iter().filter(|naked| naked.to_ms.is_some()).count();
        let done = account.deals.len() + account.past.len() + account.orders.len() + levels + self.fired().len();
        1 + sends + done as u64 + u64::from(self.has_ended())
    }

    /// The exchange's own statement.
    pub fn books(&self) -> Value {
        let mut books = self.account.books();
        books["ended"] = self.has_ended().into();
        books["faults"] = self.fired().into();
        books
    }

    /// Somebody connects.
    pub fn join(&mut self) -> u64 {
        let client = self.clients.keys().last().map_or(1, |last| last + 1);
        self.clients.insert(client, Client::default());
        client
    }

    /// Somebody is gone.
    pub fn leave(&mut self, client: u64) {
        self.clients.remove(&client);
    }

    /// Lets market time pass up to a server time.
    pub fn run_to(&mut self, server_ms: i64) {
        while self.tape.next_ms().is_some_and(|next| next <= server_ms) {
            self.next_tick();
        }
        self.move_clock(server_ms);
        self.faults_of_time();
    }

    /// Says how many milliseconds of the real clock have passed, before a call.
    pub fn real_time(&mut self, ms: u64) {
        self.real_ms = self.real_ms.max(ms);
    }

    /// Somebody polls: one tick. Where the market is to keep to the clock in need, no further than that has gone since.
    fn pull(&mut self) {
        let most = self.need_since.map(|(real, market)| market + self.real_ms.saturating_sub(real) as i64);
        match most.filter(|_| self.account.settings.clocked_in_need) {
            Some(most) if self.tape.next_ms().is_none_or(|next| next > most) => {
                self.move_clock(most);
                self.faults_of_time();
            }
            _ => self.next_tick(),
        }
        self.watch_need();
    }

    /// After each call: whether a position has no stop, or another call waits, and since when.
    fn watch_need(&mut self) {
        let now = (self.real_ms, self.account.now_ms);
        let bare = self.account.naked.iter().any(|naked| naked.to_ms.is_none());
        self.need_since = (bare || !self.held.is_empty()).then(|| self.need_since.unwrap_or(now));
    }

    /// One tick; where there is none left, a second, for a while.
    fn next_tick(&mut self) {
        let Some(next) = self.tape.next_ms() else {
            let now = self.account.now_ms;
            self.move_clock(if now < self.end_ms {
                self.end_ms
            } else {
                (now + 1_000).min(self.end_ms + AFTER_END_MS)
            });
            self.faults_of_time();
            return;
        };
        self.move_clock(next);
        let Some((feed, print)) = self.tape.pull() else { return };
        self.account.quotes[feed] = Some(print);
        self.account.on_tick(feed);
        self.faults_of_time();
        self.hand_out(0);
        if self.state.connected {
            for name in self.account.symbols.iter().filter(|symbol| symbol.feed == feed && symbol.selected) {
                for client in self.clients.values_mut().filter(|client| client.role == Role::Ea) {
                    let event = serde_json::json!({ "event": "tick", "symbol": name.name });
                    // A tick that is waiting stands for those after it, as in a terminal.
                    if !client.events.contains(&event) {
                        client.events.push_back(event);
                    }
                }
            }
        }
    }

    fn move_clock(&mut self, server_ms: i64) {
        let day = |ms: i64| ms.div_euclid(86_400_000);
        let before = self.account.now_ms;
        if server_ms <= before {
            return;
        }
        for night in day(before)..day(server_ms) {
            // 1970-01-01 was a Thursday; Saturdays and Sundays have no night of their own.
            let weekday = (night + 4).rem_euclid(7);
            if (1..=5).contains(&weekday) {
                self.account.now_ms = (night + 1) * 86_400_000;
                self.account.night(weekday);
            }
        }
        self.account.now_ms = server_ms;
        if before < self.end_ms && server_ms >= self.end_ms {
            self.account.settle(true);
        }
    }

    /// Gives what happened to every Expert Advisor, each event `1 + repeats` times.
    fn hand_out(&mut self, repeats: u32) {
        if !self.state.connected {
            return;
        }
        let mut events = std::mem::take(&mut self.account.transactions);
        if events.is_empty() {
            return;
        }
        events = events.into_iter().flat_map(|event| vec![event; 1 + repeats as usize]).collect();
        if self.account.settings.shuffles {
            for place in (1..events.len()).rev() {
                events.swap(place, (self.draws.next() % (place as u64 + 1)) as usize);
            }
        }
        for client in self.clients.values_mut().filter(|client| client.role == Role::Ea) {
            for transaction in &events {
                let mut event = serde_json::json!({ "event": "trade_transaction", "transaction": transaction });
                for part in ["request", "result"] {
                    event[part] = transaction.get(part).cloned().unwrap_or(Value::Null);
                }
                if let Some(inner) = event["transaction"].as_object_mut() {
                    inner.remove("request");
                    inner.remove("result");
                }
                client.events.push_back(event);
            }
        }
    }
}
