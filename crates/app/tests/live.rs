//! Live as it is: the binary, a bridge over a real socket, the database's own file. The bridge's terminal and its market
//! are in this process, so that a test can look at them and make trouble.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use alavanca_adapters_mt5::link::{LinkEvent, Say};
use alavanca_adapters_mt5::session::Secret;
use alavanca_adapters_mt5::testing::exchange::Exchange;
use alavanca_adapters_mt5::testing::{BridgeClient, demo_hello};
use alavanca_adapters_mt5::wire::{Bars, BridgeHeartbeat, Bye, FromBridge, FromEngine, OrderSide, WireBar};
use alavanca_kernel::{AccountMode, Price};
use serde_json::Value;

/// What is waited for comes within this, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_mins(1);
const SYMBOL: &str = "WINZ26";
/// 2026-11-23 10:00 by the server's clock, in milliseconds.
const MORNING: i64 = 1_795_428_000_000;
/// Milliseconds.
const DAY: i64 = 86_400_000;
const ACCOUNT: &str = "5012345";

/// A brain that trades often, exits that the market below reaches from wherever it enters, and nothing that keeps it
/// from trading.
const SETTINGS: [&str; 12] = [
    "BRAINS=SMA_CROSS",
    "SMA_CROSS_FAST=2",
    "SMA_CROSS_SLOW=4",
    "SMA_CROSS_STOP_LOSS=100",
    "SMA_CROSS_TAKE_PROFIT=100",
    "LIVE_CLOCK=BRIDGE",
    "RL_POLICY_ENABLED=false",
    "LIQUIDITY_MAP=NONE",
    "REGIME_DETECTOR=ADX_ATR",
    "MT5_SERVER_ZONE=America/Sao_Paulo",
    "RISK_DAILY_LOSS_LIMIT_BRL=none",
    "RISK_MAX_CONSECUTIVE_LOSSES=0",
];

fn alavanca(folder: &Path, command: &str) -> Command {
    let mut alavanca = Command::new(env!("CARGO_BIN_EXE_alavanca"));
    alavanca.current_dir(folder).env_clear().arg(command);
    alavanca
}

fn live(folder: &Path, command: &str, more: &[&str]) -> Command {
    let mut live = alavanca(folder, command);
    live.args(["--db", "run.sqlite", "--symbol", SYMBOL, "--listen", "127.0.0.1:0", "--json"]);
    for setting in SETTINGS {
        live.args(["--set", setting]);
    }
    live.args(more);
    live
}

const ARMED: [&str; 5] = ["--account", ACCOUNT, "--arm", "--confirm-account", ACCOUNT];

/// An engine that runs, and what it said when it began.
struct Engine {
    child: Child,
    listening: String,
    secret: PathBuf,
    out: BufReader<std::process::ChildStdout>,
    /// What it wrote to standard error so far.
    told: Arc<Mutex<String>>,
}

impl Engine {
    fn start(folder: &Path, command: &str, more: &[&str]) -> Self {
        let mut child = live(folder, command, more).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        if line.is_empty() {
            let mut text = String::new();
            child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
            panic!("it did not begin: {text}");
        }
        let begun: Value = serde_json::from_str(&line).unwrap();
        let text = |key: &str| begun[key].as_str().unwrap().to_owned();
        // The pipe must not fill.
        let told = Arc::new(Mutex::new(String::new()));
        let (lines, kept) = (BufReader::new(child.stderr.take().unwrap()).lines(), Arc::clone(&told));
        std::thread::spawn(move || {
            lines.map_while(Result::ok).for_each(|line| {
                kept.lock().unwrap().extend([line, "\n".to_owned()]);
            });
        });
        Self { child, listening: text("listening"), secret: folder.join(text("secret")), out, told }
    }

    fn told(&self, what: &str) -> bool {
        self.told.lock().unwrap().contains(what)
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    /// Its end: exit code and statement.
    fn end(mut self) -> (i32, Value) {
        let begun = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            if begun.elapsed() > PATIENCE {
                self.child.kill().unwrap();
                panic!("it did not end: {}", self.told.lock().unwrap());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).unwrap();
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        (code, serde_json::from_str(&rest).unwrap_or(Value::Null))
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = self.child.kill();
        // Until it is gone it has the database's lock.
        let _ = self.child.wait();
    }
}

/// A bridge with a market that goes up and down.
struct Bridge {
    exchange: Arc<Mutex<Exchange>>,
    /// The kinds of messages that the engine sent.
    words: Words,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Option<String>>>,
}

type Words = Arc<Mutex<BTreeSet<String>>>;

/// What is wrong with a bridge.
#[derive(Debug, Clone, Copy, Default)]
struct Trouble {
    /// Where the engine first says this, the connection breaks.
    dies_at: Option<&'static str>,
    /// So many questions for bars are refused.
    refuses_bars: u32,
}

fn exchange() -> Arc<Mutex<Exchange>> {
    let mut exchange = Exchange::new(AccountMode::Netting, 10_000, &[(SYMBOL, 20)]);
    exchange.now = MORNING;
    Arc::new(Mutex::new(exchange))
}

impl Bridge {
    fn join(engine: &Engine, exchange: &Arc<Mutex<Exchange>>) -> Self {
        Self::with(engine, exchange, Trouble::default())
    }

    fn with(engine: &Engine, exchange: &Arc<Mutex<Exchange>>, trouble: Trouble) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (at, secret) = (engine.listening.parse().unwrap(), Secret::read(&engine.secret).unwrap());
        let words = Words::default();
        let thread = {
            let (exchange, words, stop) = (Arc::clone(exchange), Arc::clone(&words), Arc::clone(&stop));
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(speak(at, &secret, &exchange, (&words, trouble), &stop))
            })
        };
        Self { exchange: Arc::clone(exchange), words, stop, thread: Some(thread) }
    }

    /// Says farewell; what the engine refused it with, where it did.
    fn end(mut self) -> Option<String> {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.take().unwrap().join().unwrap()
    }

    /// Waits until the connection is gone.
    fn gone(mut self) {
        let thread = self.thread.take().unwrap();
        until("the bridge is gone", || thread.is_finished());
    }

    fn positions(&self) -> usize {
        self.exchange.lock().unwrap().positions().len()
    }

    fn sends(&self) -> usize {
        self.exchange.lock().unwrap().sends.len()
    }

    /// Nothing was ever sent twice.
    fn holds(&self) {
        let exchange = self.exchange.lock().unwrap();
        assert!(exchange.sends.values().all(|times| *times == 1), "{:?}", exchange.sends);
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
    }
}

async fn speak(
    at: std::net::SocketAddr,
    secret: &Secret,
    exchange: &Mutex<Exchange>,
    (words, mut trouble): (&Mutex<BTreeSet<String>>, Trouble),
    stop: &AtomicBool,
) -> Option<String> {
    let mut client = match BridgeClient::join(at, secret, demo_hello()).await {
        Ok(client) => client,
        Err(refuse) => return Some(refuse.text),
    };
    exchange.lock().unwrap().connect();
    let mut beats = 0_u32;
    let mut turn = 0_i64;
    while !stop.load(Ordering::SeqCst) {
        // Everything that the engine says, then a tick.
        while let Ok(heard) = tokio::time::timeout(Duration::from_millis(4), client.hear_word()).await {
            let Ok(frame) = heard else { return None };
            let word = serde_json::to_value(&frame.message).unwrap();
            let word = word["type"].as_str().unwrap();
            words.lock().unwrap().insert(word.to_owned());
            if trouble.dies_at == Some(word) {
                exchange.lock().unwrap().disconnect();
                return None;
            }
            if let FromEngine::BarsReq(asked) = &frame.message {
                let mut bars = past(asked.from_server.unwrap(), asked.to_server.unwrap());
                if trouble.refuses_bars > 0 {
                    trouble.refuses_bars -= 1;
                    (bars.bars, bars.error) = (Vec::new(), Some("-4: the history is being loaded".to_owned()));
                }
                let bars = FromBridge::Bars(bars);
                if client.answer(bars, frame.cid.clone()).await.is_err() {
                    return None;
                }
            } else {
                exchange.lock().unwrap().hear(Say { cid: frame.cid.clone(), message: frame.message });
            }
            if !say_all(&mut client, exchange).await {
                return None;
            }
        }
        {
            let mut exchange = exchange.lock().unwrap();
            turn += 1;
            exchange.now += 9_000;
            let price = price(turn);
            exchange.quote(SYMBOL, price, price + Price::from_raw(5 * Price::SCALE));
        }
        if !say_all(&mut client, exchange).await {
            return None;
        }
        beats += 1;
        if beats.is_multiple_of(20) {
            let beat = BridgeHeartbeat {
                worker_busy_ms: 0,
                terminal_connected: true,
                trade_allowed: true,
                tradeapi_disabled: false,
                killed: false,
                ping_us: None,
                echo_utc: None,
            };
            if client.say(FromBridge::Heartbeat(beat)).await.is_err() {
                return None;
            }
        }
    }
    let _ = client.say(FromBridge::Bye(Bye { text: "the market has ended".to_owned() })).await;
    // What the engine says is read until it closes: a socket closed before would take the goodbye along.
    let _ = tokio::time::timeout(PATIENCE, async { while client.hear().await.is_ok() {} }).await;
    None
}

async fn say_all(client: &mut BridgeClient, exchange: &Mutex<Exchange>) -> bool {
    loop {
        let event = exchange.lock().unwrap().take();
        match event {
            Some(LinkEvent::Message(frame)) => {
                if client.answer(frame.message.clone(), frame.cid.clone()).await.is_err() {
                    return false;
                }
            }
            Some(_) => {}
            None => return true,
        }
    }
}

/// From 130000 up to 130400 and down again, in steps of 10.
fn price(turn: i64) -> Price {
    let place = turn.rem_euclid(80);
    let steps = if place < 40 { place } else { 80 - place };
    Price::from_raw((130_000 + steps * 10) * Price::SCALE)
}

/// Bars of a minute between two server times.
fn past(from: i64, to: i64) -> Bars {
    let first = (to - 200 * 60_000).max(from) / 60_000 * 60_000;
    let bar = |begin: i64| {
        let (low, high) = (price(begin / 60_000), price(begin / 60_000 + 3));
        let (low, high) = (low.min(high), low.max(high));
        WireBar {
            server: begin,
            open: low.into(),
            high: high.into(),
            low: low.into(),
            close: high.into(),
            tick_volume: 10,
            real_volume: 100,
            spread: 5,
        }
    };
    let bars = (0..).map(|bar| first + bar * 60_000).take_while(|begin| begin + 60_000 <= to.min(MORNING)).map(bar);
    Bars { symbol: SYMBOL.to_owned(), seconds: 60, more: false, error: None, bars: bars.collect() }
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "not within {} s: {what}", PATIENCE.as_secs());
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn status(folder: &Path) -> Value {
    let out = alavanca(folder, "status").args(["--db", "run.sqlite", "--json"]).output().unwrap();
    serde_json::from_slice(&out.stdout).unwrap_or(Value::Null)
}

fn risk(folder: &Path) -> String {
    status(folder)["status"]["risk"].as_str().unwrap_or_default().to_owned()
}

fn word(folder: &Path, command: &str, more: &[&str]) -> (bool, String) {
    let Output { status, stdout, stderr } =
        alavanca(folder, command).args(["--db", "run.sqlite"]).args(more).output().unwrap();
    (status.success(), String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap())
}

fn running(folder: &Path) {
    until("the engine runs", || status(folder)["status"]["phase"] == "running");
}

#[test]
fn an_armed_day_trades_and_ends_reconciled_to_the_centavo() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::start(folder.path(), "live", &[&ARMED[..], &["--until-end", "--flatten-on-exit"]].concat());
    let bridge = Bridge::join(&engine, &exchange());
    until("orders are sent", || bridge.sends() >= 6);
    // Ends in order: everything is closed at the broker first.
    engine.signal("-TERM");
    let (code, statement) = engine.end();
    assert_eq!((code, &statement["reconciled"]), (0, &Value::Bool(true)), "{statement:#}");
    assert_eq!(bridge.positions(), 0);
    assert!(statement["trades"].as_u64().unwrap() >= 2, "{statement:#}");
    assert!(statement["latency"]["count"].as_u64().unwrap() >= 2, "{statement:#}");
    assert!(bridge.words.lock().unwrap().contains("order_submit"));
    // By the exchange's own money.
    let balance = Price::from_raw(bridge.exchange.lock().unwrap().balance()).to_string();
    let after: f64 = statement["balance_after"].as_str().unwrap().parse().unwrap();
    assert!((balance.parse::<f64>().unwrap() - after).abs() < 1e-9, "{balance} {after}");
    bridge.holds();
    answers_as_a_backtest_does(folder.path());
}

#[test]
fn a_dry_run_sends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::start(folder.path(), "live", &["--until-end"]);
    let bridge = Bridge::join(&engine, &exchange());
    let log = folder.path().join("run.sqlite.live/log.txt");
    until("it shows an order", || fs::read_to_string(&log).is_ok_and(|text| text.contains("dry run: would open")));
    assert_eq!(bridge.sends(), 0);
    bridge.end();
    let (code, statement) = engine.end();
    assert_eq!((code, &statement["mode"], &statement["fills"]), (0, &Value::from("dry_run"), &Value::from(0)));
}

#[test]
fn a_bridge_that_dies_while_the_engine_starts_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let market = exchange();
    let engine = Engine::start(folder.path(), "live", &ARMED);
    // After the handshake; before the first snapshot; while the past is asked for.
    for (times, dies_at) in [(1, "subscribe"), (2, "reconcile_req"), (3, "bars_req")] {
        Bridge::with(&engine, &market, Trouble { dies_at: Some(dies_at), ..Trouble::default() }).gone();
        until("it says so", || engine.told.lock().unwrap().matches("the session ended").count() == times);
    }
    until("it says what it waits for", || engine.told("while the past was asked for: waiting for it to come back"));
    assert_eq!(status(folder.path())["running"], true);

    // One whose terminal loads its history first.
    let bridge = Bridge::with(&engine, &market, Trouble { refuses_bars: 2, ..Trouble::default() });
    until("it trades", || bridge.sends() >= 2);
    assert!(engine.told("the history is being loaded; asking again"));
    engine.signal("-TERM");
    let (code, statement) = engine.end();
    assert_eq!((code, &statement["reconciled"]), (0, &Value::Bool(true)), "{statement:#}");
    bridge.holds();
}

#[test]
fn a_market_that_ends_while_the_engine_starts_ends_it_where_it_was_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::start(folder.path(), "live", &["--until-end"]);
    // The past is refused for so long that the farewell comes first.
    let bridge = Bridge::with(&engine, &exchange(), Trouble { refuses_bars: 1_000, ..Trouble::default() });
    until("the past is refused", || engine.told("the history is being loaded; asking again"));
    let told = Arc::clone(&engine.told);
    bridge.end();
    let (code, _) = engine.end();
    let told = told.lock().unwrap();
    assert!(code == 1 && told.contains("ended before anything was traded: the bridge ended: the market"), "{told}");
}

#[test]
fn paper_fills_on_the_live_ticks_and_sends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    // Fills take their time, and in between books and broker are held against each other: an order on its way is no
    // difference.
    let slow = ["--set", "SIM_LATENCY_MS=600000", "--set", "LIVE_RECONCILE_SECONDS=10"];
    let engine = Engine::start(folder.path(), "paper", &[&["--until-end"][..], &slow].concat());
    let market = exchange();
    let bridge = Bridge::join(&engine, &market);
    until("it trades", || status(folder.path())["status"]["trades"].as_u64() >= Some(2));
    let words = Arc::clone(&bridge.words);
    assert_eq!((bridge.sends(), bridge.positions()), (0, 0));
    bridge.end();
    let (code, statement) = engine.end();
    let log = fs::read_to_string(folder.path().join("run.sqlite.live/log.txt")).unwrap();
    assert_eq!((code, &statement["reconciled"]), (0, &Value::Bool(true)), "{statement:#}{log}");
    assert!(!log.contains("books and broker differ"), "{log}");
    // It looked, and asked for nothing that moves an order or a position.
    let words = words.lock().unwrap();
    let looks = ["bars_req", "bye", "calc_margin", "reconcile_req", "subscribe"];
    assert!(words.contains("reconcile_req") && words.iter().all(|word| looks.contains(&word.as_str())), "{words:?}");
    assert_eq!(market.lock().unwrap().balance(), 10_000 * Price::SCALE);

    // The file has the trades, with fills that the market's prices make and no deal of a broker.
    let file = rusqlite::Connection::open(folder.path().join("run.sqlite")).unwrap();
    let number = |sql: &str| file.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    let closed = number("SELECT count(*) FROM trades");
    assert!(closed >= 2 && statement["trades"].as_i64() == Some(closed), "{closed} {statement:#}");
    assert!(number("SELECT count(*) FROM fills WHERE intent = 'OPEN'") >= closed);
    assert!(number("SELECT count(*) FROM fills WHERE intent = 'CLOSE'") >= closed);
    assert_eq!(number("SELECT count(*) FROM fills WHERE deal <> 0"), 0);
    let (low, high) = (129_900 * Price::SCALE, 130_500 * Price::SCALE);
    assert_eq!(number(&format!("SELECT count(*) FROM fills WHERE price NOT BETWEEN {low} AND {high}")), 0);
    // 0.20 a point; from fills alone, without the books' own sums.
    let gross = "SELECT sum(CASE side WHEN 'SELL' THEN quantity * price ELSE -quantity * price END) FROM fills \
                 WHERE trade IN (SELECT id FROM trades)";
    let commission = "SELECT sum(commission) FROM fills WHERE trade IN (SELECT id FROM trades)";
    let net = number(gross) / Price::SCALE * 20 - number(commission);
    assert_eq!(number("SELECT sum(gross - costs) FROM positions WHERE trade IN (SELECT id FROM trades)"), net);
    answers_as_a_backtest_does(folder.path());
}

/// Its database has what questions and the page want: settings, brains by name, the market out of the recorded day.
fn answers_as_a_backtest_does(folder: &Path) {
    let asked = |command: &str, more: &[&str]| {
        let output = alavanca(folder, command).args(["--db", "run.sqlite"]).args(more).output().unwrap();
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let told = asked("explain", &["--last"]);
    assert!(told.contains("sma_cross") && !told.contains("brain 1"), "{told}");
    assert!(!told.contains("not noted"), "{told}");
    let reported: Value = serde_json::from_str(&asked("report", &["--out", "page.html", "--json"])).unwrap();
    assert_eq!(reported["no_candles"], Value::Null, "{reported:#}");
    let page = fs::read_to_string(folder.join("page.html")).unwrap();
    let (_, data) = page.split_once("recorded as it came, ticks").expect("the page names its market");
    assert!(data.contains(".day.gz") || page.contains(".day.gz\""), "the page names its market's file");
    let other = alavanca(folder, "report").args(["--db", "run.sqlite", "--data", "x.csv"]).output().unwrap();
    let refused = String::from_utf8(other.stderr).unwrap();
    assert!(other.status.code() == Some(2) && refused.contains("recorded beside the database"), "{refused}");
}

/// Each trading day has its statement, also with something open over night: together they are what the books and the
/// exchange have.
#[test]
fn a_day_that_ends_leaves_its_statement_and_the_next_goes_on_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let over_night = [&ARMED[..], &["--flatten-on-exit", "--set", "SESSION_FLAT_AT=off"]].concat();
    let market = exchange();
    let engine = Engine::start(path, "live", &over_night);
    let bridge = Bridge::join(&engine, &market);
    until("orders are sent", || bridge.sends() >= 3);
    until("it is the next morning, with something open", || {
        let mut exchange = market.lock().unwrap();
        // Far from its exits, so that it is still open when the books are closed.
        let now = exchange.now;
        let open = exchange.positions().iter().any(|one| (10_000..40_000).contains(&(now - one.opened_server)));
        exchange.now += if open { DAY } else { 0 };
        open
    });
    let first = path.join("run.sqlite.live/statements/2026-11-23.json");
    until("the first day's statement is kept", || first.exists());
    let sent = bridge.sends();
    until("it trades on", || bridge.sends() >= sent + 3);
    engine.signal("-TERM");
    let (code, last) = engine.end();
    assert_eq!((code, &last["day"]), (0, &Value::from("2026-11-24")), "{last:#}");
    drop(bridge);

    // Once more on the same day: its statement counts from the day's beginning.
    let engine = Engine::start(path, "live", &over_night);
    let bridge = Bridge::join(&engine, &market);
    let sent = bridge.sends();
    until("it trades", || bridge.sends() >= sent + 2);
    engine.signal("-TERM");
    let (code, second) = engine.end();
    assert_eq!((code, &second["day"], &second["from"]), (0, &last["day"], &last["from"]), "{second:#}");
    assert!(second["ticks"].as_u64() > last["ticks"].as_u64(), "{second:#} {last:#}");

    let kept = |day: &Value| {
        let day = day.as_str().unwrap();
        serde_json::from_slice::<Value>(&fs::read(day).unwrap()).unwrap()
    };
    let files = status(path)["statements"].as_array().unwrap().clone();
    let files: Vec<Value> =
        files.iter().map(|file| path.join(file.as_str().unwrap()).to_str().unwrap().into()).collect();
    assert_eq!(files.len(), 2, "{files:?}");
    let first = kept(&files[0]);
    assert_eq!(kept(&files[1]), second);
    assert_eq!((&first["reconciled"], &second["reconciled"]), (&Value::Bool(true), &Value::Bool(true)), "{first:#}");
    assert!(first["trades"].as_u64() >= Some(1) && first["flat"] == false, "{first:#}");
    assert_eq!(first["balance_after"], second["balance_before"]);
    assert_eq!(first["to"], second["from"]);
    let number =
        |of: &Value, key: &str| of[key].as_str().map_or_else(|| of[key].as_f64(), |of| of.parse().ok()).unwrap();
    for day in [&first, &second] {
        assert!((number(day, "base_net") + number(day, "extra_net") - number(day, "net")).abs() < 1e-9, "{day:#}");
    }
    let file = rusqlite::Connection::open(path.join("run.sqlite")).unwrap();
    for (key, sql) in [
        ("fills", "SELECT count(*) FROM fills"),
        ("trades", "SELECT count(*) FROM trades"),
        ("net", "SELECT sum(gross - costs) / 100.0 FROM positions"),
        ("commission", "SELECT sum(commission) / 100.0 FROM fills"),
    ] {
        let whole: f64 = file
            .query_row(sql, [], |row| row.get(0))
            .unwrap_or_else(|_| file.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap() as f64);
        assert!(
            (number(&first, key) + number(&second, key) - whole).abs() < 1e-9,
            "{key} {whole} {first:#} {second:#}"
        );
    }
    let balance = Price::from_raw(market.lock().unwrap().balance()).to_string();
    assert!((number(&second, "balance_after") - balance.parse::<f64>().unwrap()).abs() < 1e-9, "{balance} {second:#}");
    let (_, text) = word(path, "status", &[]);
    assert!(text.contains("statements  of 2 days, the last run.sqlite.live/statements/2026-11-24.json"), "{text}");
}

#[test]
fn a_halt_is_latched_over_a_restart_until_it_is_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let market = exchange();
    let engine = Engine::start(path, "live", &ARMED);
    let bridge = Bridge::join(&engine, &market);
    running(path);
    let (done, text) = word(path, "halt", &["--reason", "news"]);
    assert!(done && text.contains("halted"), "{text}");
    assert_eq!(risk(path), "HALTED");
    engine.signal("-KILL");
    drop(engine);
    drop(bridge);

    let engine = Engine::start(path, "live", &ARMED);
    let bridge = Bridge::join(&engine, &market);
    running(path);
    assert_eq!(risk(path), "HALTED");
    let (done, text) = word(path, "resume", &["--reason", "the news are out"]);
    assert!(done && text.contains("resumed"), "{text}");
    until("it may enter again", || risk(path) == "ACTIVE");
    let before = bridge.sends();
    until("it trades again", || bridge.sends() > before);
    engine.signal("-TERM");
    assert!(engine.end().1.is_object());
    bridge.holds();
}

#[test]
fn every_word_of_the_operator_is_carried_out_and_answered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let engine = Engine::start(path, "live", &ARMED);
    let bridge = Bridge::join(&engine, &exchange());
    running(path);
    until("something is open", || bridge.positions() > 0);
    let (done, text) = word(path, "flatten", &["--reason", "lunch"]);
    assert!(done && text.contains("flat: nothing is open"), "{text}");
    assert_eq!((bridge.positions(), risk(path).as_str()), (0, "REDUCE_ONLY"));
    let sent = bridge.sends();

    let (done, text) = word(path, "resume", &["--reason", " "]);
    assert!(!done && text.contains("say why"), "{text}");
    let (done, text) = word(path, "reduce-only", &[]);
    assert!(done && text.contains("reduce-only"), "{text}");
    assert_eq!(bridge.sends(), sent, "nothing is entered meanwhile");

    // What a person opened by hand is nobody's leg: the books differ, and it does not go on.
    bridge.exchange.lock().unwrap().by_hand(SYMBOL, OrderSide::Buy, 2 * Price::SCALE);
    until("the difference is seen", || {
        let status = status(path);
        status["status"]["stopped_by"].to_string().contains("not reconciled")
            || status["status"]["reconciled"]["differences"].as_array().is_some_and(|found| !found.is_empty())
    });
    until("it is refused while unreconciled", || {
        let (done, text) = word(path, "resume", &["--reason", "try"]);
        !done && text.contains("do not agree")
    });
    let (done, text) = word(path, "flatten", &["--everything"]);
    assert!(done && text.contains("flat"), "{text}");
    assert_eq!(bridge.positions(), 0);

    // The kill file, and a signal.
    until("it may go on", || word(path, "resume", &["--reason", "clean again"]).0);
    fs::write(path.join("run.sqlite.live/HALT"), "").unwrap();
    until("the kill file halts", || risk(path) == "HALTED");
    let (done, text) = word(path, "resume", &["--reason", "go"]);
    assert!(!done && text.contains("kill file"), "{text}");
    fs::remove_file(path.join("run.sqlite.live/HALT")).unwrap();
    until("it may go on", || word(path, "resume", &["--reason", "clean again"]).0);
    engine.signal("-USR1");
    until("the signal halts", || risk(path) == "HALTED");
    // A file that is no command does no harm.
    fs::write(path.join("run.sqlite.live/commands/0.json"), "{\"command\":").unwrap();
    until("it is put aside", || path.join("run.sqlite.live/refused/0.json").exists());
    engine.signal("-TERM");
    let (_, statement) = engine.end();
    assert!(statement.is_object());
    bridge.holds();
}

#[test]
fn without_an_engine_a_halt_waits_and_a_flatten_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let (done, text) = word(path, "status", &[]);
    assert!(!done && text.contains("there is no database"), "{text}");
    let market = exchange();
    let engine = Engine::start(path, "live", &ARMED);
    let bridge = Bridge::join(&engine, &market);
    running(path);
    engine.signal("-TERM");
    engine.end();
    drop(bridge);

    let (done, text) = word(path, "status", &[]);
    assert!(done && text.contains("NO ENGINE IS RUNNING") && text.contains("ended in order"), "{text}");
    let (done, text) = word(path, "flatten", &[]);
    assert!(!done && text.contains("Close it by hand"), "{text}");
    let (done, text) = word(path, "resume", &["--reason", "x"]);
    assert!(!done && text.contains("start it"), "{text}");
    let (done, text) = word(path, "halt", &["--reason", "tomorrow is a holiday"]);
    assert!(done && text.contains("next start"), "{text}");
    let (_, text) = word(path, "status", &[]);
    assert!(text.contains("waiting     halt"), "{text}");

    let engine = Engine::start(path, "live", &ARMED);
    let bridge = Bridge::join(&engine, &market);
    until("it holds from the start on", || risk(path) == "HALTED");
    drop(engine);
    drop(bridge);
}

#[test]
fn another_account_or_a_mistyped_number_refuses() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let refused = |more: &[&str], says: &str| {
        let out = live(path, "live", more).output().unwrap();
        let text = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(out.status.code() == Some(2) && text.contains(says), "{more:?}: {:?} {text}", out.status);
    };
    refused(&["--account", ACCOUNT, "--arm", "--confirm-account", "5012346"], "is not the account 5012345");
    refused(&["--account", ACCOUNT, "--arm"], "--confirm-account");
    refused(&["--arm"], "--account");
    refused(&[&ARMED[..], &["--real"]].concat(), "--after-demo");
    refused(&["--set", "ACCOUNT_MODE=SIDEWAYS"], "ACCOUNT_MODE");
    assert!(!path.join("run.sqlite").exists(), "nothing was made");

    // The terminal is logged in to another one.
    let engine = Engine::start(path, "live", &["--account", "777", "--arm", "--confirm-account", "777"]);
    let bridge = Bridge::join(&engine, &exchange());
    let (code, _) = engine.end();
    assert_eq!(code, 2);
    let refused = bridge.end().unwrap();
    assert!(refused.contains("--account says 777"), "{refused}");
}

#[test]
fn a_continuous_name_refuses_with_the_contract_to_use() {
    let folder = tempfile::tempdir().unwrap();
    let out = alavanca(folder.path(), "live").args(["--db", "run.sqlite", "--symbol", "WIN$"]).output().unwrap();
    let text = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(out.status.code() == Some(2) && text.contains("a dated contract: orders go to WIN"), "{text}");
}

#[test]
fn a_second_engine_on_the_database_is_refused_with_the_firsts_process() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::start(folder.path(), "live", &[]);
    let out = live(folder.path(), "live", &[]).output().unwrap();
    let text = String::from_utf8_lossy(&out.stderr).into_owned();
    let process = format!("process {}", engine.child.id());
    assert!(out.status.code() == Some(1) && text.contains("in use") && text.contains(&process), "{text}");
}

#[test]
fn a_database_is_of_one_kind_of_trading() {
    let folder = tempfile::tempdir().unwrap();
    drop(Engine::start(folder.path(), "paper", &[]));
    until("the first has let go", || {
        let out = live(folder.path(), "live", &[]).stdout(Stdio::null()).output().unwrap();
        let text = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(1), "{text}");
        text.contains("mode was paper, now it is live")
    });
}

#[test]
fn a_broker_that_means_something_else_by_the_symbol_refuses() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::start(folder.path(), "live", &["--set", "instrument.WINZ26.point_value=0.10"]);
    let bridge = Bridge::join(&engine, &exchange());
    let (code, _) = engine.end();
    assert_eq!(code, 2);
    let log = fs::read_to_string(folder.path().join("run.sqlite.live/log.txt")).unwrap();
    assert!(log.contains("worth 0.2 at the broker, and 0.1 in the settings"), "{log}");
    assert_eq!(bridge.sends(), 0);
}
