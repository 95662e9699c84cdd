//! The program over real sockets.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

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
