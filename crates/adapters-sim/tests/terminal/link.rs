//! The program over real sockets.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

struct Simterm {
    child: Child,
    port: u16,
}

impl Simterm {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_simterm"))
            .args(["--history-days", "2"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = serde_json::from_str::<Value>(&line).unwrap()["port"].as_u64().unwrap() as u16;
        Self { child, port }
    }

    fn connect(&self, role: &str) -> Talk {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut talk = Talk { reader: BufReader::new(stream), id: 0 };
        talk.get(json!({ "call": "attach", "as": role, "name": "test" }));
        talk
    }
}

impl Drop for Simterm {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Talk {
    reader: BufReader<TcpStream>,
    id: u64,
}

impl Talk {
    fn say(&mut self, mut call: Value) {
        call["id"] = 0.into();
        self.reader.get_mut().write_all(format!("{call}\n").as_bytes()).unwrap();
    }

    /// The answer; `None` where the connection broke instead.
    fn ask(&mut self, mut call: Value) -> Option<Value> {
        self.id += 1;
        call["id"] = self.id.into();
        self.reader.get_mut().write_all(format!("{call}\n").as_bytes()).ok()?;
        let mut line = String::new();
        if self.reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let answer: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(answer["id"], call["id"], "{line}");
        Some(answer)
    }

    fn get(&mut self, call: Value) -> Value {
        self.ask(call).unwrap()["ok"].clone()
    }
}

#[test]
fn a_pulled_day_runs_to_its_end_and_writes_its_statement() {
    let folder = tempfile::tempdir().unwrap();
    let statement = folder.path().join("statement.json");
    let mut simterm = Simterm::start(&["--statement", statement.to_str().unwrap(), "--seed", "7"]);
    let mut python = simterm.connect("python");
    let symbol = python.get(json!({ "call": "symbols_get" }))[0]["name"].as_str().unwrap().to_owned();
    assert_eq!(symbol, "WINJ26");
    let (mut ticks, mut from) = (0, 0);
    loop {
        let rows = python
            .get(json!({ "call": "copy_ticks_from", "symbol": symbol, "date_from": from, "count": 100, "flags": -1 }));
        let Some(last) = rows.as_array().unwrap().last().cloned() else {
            if python.get(json!({ "call": "clock" }))["ended"] == true {
                break;
            }
            continue;
        };
        ticks += rows.as_array().unwrap().len();
        from = last[5].as_i64().unwrap() + 1;
        if ticks == 100 || ticks == 200 {
            let request = json!({
                "action": 1, "symbol": symbol, "volume": 1.0, "type": i64::from(ticks == 200), "type_filling": 2, "magic": ticks,
            });
            assert_eq!(python.get(json!({ "call": "order_send", "request": request }))["retcode"], 10009);
        }
    }
    // From 09:00 to 17:55, 24 ticks a minute.
    assert_eq!(ticks, 535 * 24);
    python.get(json!({ "call": "quit" }));
    assert!(simterm.child.wait().unwrap().success());
    let books: Value = serde_json::from_str(&std::fs::read_to_string(statement).unwrap()).unwrap();
    assert_eq!(books["ended"], true);
    assert_eq!(books["sends"]["100"]["executed"], 1);
    assert_eq!(books["positions"], json!([]));
}

/// An order of one contract.
fn buy(magic: u64) -> Value {
    let request = json!({
        "action": 1, "symbol": "WINJ26", "volume": 1.0, "type": 0, "type_filling": 1, "magic": magic,
    });
    json!({ "call": "order_send", "request": request })
}

/// Until the statement in a file says so, thirty seconds at most.
fn until(path: &std::path::Path, holds: impl Fn(&Value) -> bool) -> Value {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let books = serde_json::from_str(&text).unwrap_or(Value::Null);
        if holds(&books) {
            return books;
        }
        assert!(Instant::now() < end, "{text}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn an_order_that_hangs_is_done_though_its_caller_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    let statement = folder.path().join("statement.json");
    let simterm = Simterm::start(&["--statement", statement.to_str().unwrap()]);
    let mut driver = simterm.connect("driver");
    let mut python = simterm.connect("python");
    python.get(json!({ "call": "copy_ticks_from", "symbol": "WINJ26", "date_from": 0, "count": 1 }));
    driver.get(json!({ "call": "fault", "do": "hang", "ms": 700 }));
    python.say(buy(5));
    drop(python);
    // Others are served meanwhile, and nothing is done yet.
    let books = driver.get(json!({ "call": "books" }));
    assert_eq!(books["sends"], json!({}), "{books}");
    let books = until(&statement, |books| books["sends"]["5"]["executed"] == 1);
    assert_eq!(books["positions"].as_array().unwrap().len(), 1, "kept up to date without a word to the program");
}

#[test]
fn a_terminal_that_hangs_as_a_whole_answers_nobody() {
    let simterm = Simterm::start(&[]);
    let mut driver = simterm.connect("driver");
    let mut python = simterm.connect("python");
    python.get(json!({ "call": "copy_ticks_from", "symbol": "WINJ26", "date_from": 0, "count": 1 }));
    driver.get(json!({ "call": "fault", "do": "hang", "ms": 500, "whole": true }));
    let begin = Instant::now();
    python.say(buy(5));
    // Whoever comes after it waits with it.
    while driver.get(json!({ "call": "positions_total" })) == 0 {
        assert!(begin.elapsed() < Duration::from_secs(30));
    }
    assert!(begin.elapsed() >= Duration::from_millis(500));
    let books = driver.get(json!({ "call": "books" }));
    assert_eq!(books["sends"]["5"]["executed"], 1);
}

#[test]
fn connections_break_where_the_fault_says() {
    let simterm = Simterm::start(&[]);
    let mut driver = simterm.connect("driver");
    for (magic, fault, executed) in [
        (1, json!({ "call": "fault", "do": "crash", "when": "before" }), 0),
        (2, json!({ "call": "fault", "do": "crash", "when": "after" }), 1),
    ] {
        let mut python = simterm.connect("python");
        python.get(json!({ "call": "copy_ticks_from", "symbol": "WINJ26", "date_from": 0, "count": 1 }));
        driver.get(fault);
        assert_eq!(python.ask(buy(magic)), None);
        let sends = driver.get(json!({ "call": "books" }))["sends"][magic.to_string()].clone();
        assert_eq!((&sends["calls"], &sends["executed"]), (&json!(1), &json!(executed)));
    }
}

#[test]
fn market_time_runs_with_the_clock_and_wakes_who_waits() {
    let simterm = Simterm::start(&["--speed", "600"]);
    let mut adviser = simterm.connect("ea");
    let mut driver = simterm.connect("driver");
    let before = driver.get(json!({ "call": "clock" }));
    let event = loop {
        let event = adviser.get(json!({ "call": "next_event", "wait_ms": 30000 }));
        if event["event"] == "tick" {
            break event;
        }
    };
    assert_eq!(event["symbol"], "WINJ26");
    // The tick may have come before the first look.
    let begin = Instant::now();
    let after = loop {
        let after = driver.get(json!({ "call": "clock" }));
        if after["server_msc"].as_i64() > before["server_msc"].as_i64() {
            break after;
        }
        assert!(begin.elapsed() < Duration::from_secs(30), "{before} {after}");
    };
    // Brasília is three hours behind.
    assert_eq!(after["utc_msc"].as_i64().unwrap() - after["server_msc"].as_i64().unwrap(), 10_800_000);
    driver.get(json!({ "call": "advance", "ms": 36_000_000 }));
    assert_eq!(driver.get(json!({ "call": "clock" }))["ended"], true);
}

#[test]
fn a_script_from_a_file_and_a_market_of_ones_own() {
    let folder = tempfile::tempdir().unwrap();
    let (faults, ticks) = (folder.path().join("faults.json"), folder.path().join("ticks.csv"));
    std::fs::write(&faults, r#"{"faults":[{"do":"retcode","code":10012,"executed":true}]}"#).unwrap();
    std::fs::write(
        &ticks,
        "<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>\r\n2026.03.10\t10:00:00.250\t99\t104\t99\t1\r\n",
    )
    .unwrap();
    let simterm =
        Simterm::start(&["--faults", faults.to_str().unwrap(), "--ticks", ticks.to_str().unwrap(), "--max-bars", "50"]);
    let mut python = simterm.connect("python");
    let rows = python.get(json!({ "call": "copy_ticks_from", "symbol": "WINJ26", "date_from": 0, "count": 9 }));
    assert_eq!(rows, json!([[1_773_136_800, 99.0, 104.0, 99.0, 1, 1_773_136_800_250_i64, 1_080, 1.0]]));
    assert_eq!(python.get(buy(5))["retcode"], 10012);
    assert_eq!(python.get(json!({ "call": "positions_total" })), 1);
    let bars = json!({ "call": "copy_rates_from_pos", "symbol": "WIN$", "timeframe": 5, "start_pos": 0, "count": 50 });
    let rows = python.get(bars.clone());
    assert_eq!(rows.as_array().unwrap().len(), 50);
    assert_eq!(rows[49][4], 99.0, "the bar that grows is the last");
    // Beyond "max bars in chart", whether there are so many (five minutes) or not (months).
    for timeframe in [5, 49_153] {
        let too_many = python.ask(json!({
            "call": "copy_rates_from_pos", "symbol": "WIN$", "timeframe": timeframe, "start_pos": 0, "count": 51,
        }));
        assert_eq!(too_many.unwrap()["error"]["code"], -2, "{timeframe}");
    }
}

#[test]
fn the_program_refuses_what_it_does_not_know() {
    for (arguments, says) in [
        (vec!["--colour", "red"], "--colour: there is no such option"),
        (vec!["--day", "2026-04-21"], "a day on which the market trades"),
        (vec!["--day"], "--day needs a value"),
        (vec!["--symbols", "PETR4"], "PETR4"),
        (vec!["--account", "both"], "netting, exchange or hedging"),
        (vec!["--faults", "/nowhere"], "/nowhere"),
        (vec!["relay"], "--to HOST:PORT is missing"),
        (vec!["relay", "--to", "x", "--seed", "y"], "a whole number"),
    ] {
        let run = Command::new(env!("CARGO_BIN_EXE_simterm")).args(&arguments).output().unwrap();
        assert_eq!(run.status.code(), Some(2), "{arguments:?}");
        let error = String::from_utf8_lossy(&run.stderr).into_owned();
        assert!(error.contains(says), "{arguments:?}: {error}");
    }
    let help = Command::new(env!("CARGO_BIN_EXE_simterm")).arg("--help").output().unwrap();
    assert!(help.status.success());
    assert!(String::from_utf8_lossy(&help.stdout).lines().all(|line| line.chars().count() <= 100));
}

/// The relay between a bridge and an engine that says its lines back.
struct Way {
    child: Child,
    listener: TcpListener,
    port: u16,
    statement: std::path::PathBuf,
    _folder: tempfile::TempDir,
}

impl Way {
    fn start(script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (file, statement) = (folder.path().join("script.json"), folder.path().join("done.json"));
        std::fs::write(&file, script).unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let to = listener.local_addr().unwrap().to_string();
        let mut child = Command::new(env!("CARGO_BIN_EXE_simterm"))
            .args(["relay", "--to", &to, "--faults", file.to_str().unwrap()])
            .args(["--statement", statement.to_str().unwrap()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = serde_json::from_str::<Value>(&line).unwrap()["port"].as_u64().unwrap() as u16;
        Self { child, listener, port, statement, _folder: folder }
    }

    /// What the engine hears of lines that a bridge says on a connection of its own, to the connection's end.
    fn hears(&self, lines: &[&str]) -> String {
        let mut bridge = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let (mut engine, _) = self.listener.accept().unwrap();
        engine.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        for line in lines {
            // The relay may have ended the connection before.
            let _ = bridge.write_all(line.as_bytes());
        }
        let _ = bridge.shutdown(std::net::Shutdown::Write);
        let mut heard = String::new();
        let _ = engine.read_to_string(&mut heard);
        heard
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_relay_cuts_reorders_and_repeats_over_sockets() {
    let way = Way::start(
        r#"{"faults":[
            {"nth":2,"do":"duplicate"}, {"nth":4,"do":"reorder"}, {"nth":7,"do":"cut"}, {"nth":9,"do":"half","ms":20}
        ]}"#,
    );
    assert_eq!(way.hears(&["one\n", "two\n", "three\n"]), "one\ntwo\ntwo\nthree\n");
    assert_eq!(way.hears(&["four\n", "five\n", "six\n"]), "five\nfour\nsix\n");
    assert_eq!(way.hears(&["seven!\n"]), "sev");
    assert_eq!(way.hears(&["eight\n", "nine\n"]), "eight\nnine\n");
    let done = until(&way.statement, |done| done["lines"]["bridge"] == 9);
    assert_eq!(done["faults"], json!({ "cut": 1, "duplicate": 1, "half": 1, "reorder": 1 }));
}
