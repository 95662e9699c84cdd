//! `alavanca doctor` and `alavanca conformance` as a person runs them: the real binary, the Expert Advisor's own source
//! as a program, the simulated terminal, real sockets.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use alavanca_adapters_sim::terminal::{Serving, Terminal, TerminalSettings, serve};
use serde_json::Value;

/// The program is killed with the test, however it ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The Expert Advisor as a program; none where it cannot be compiled here.
fn advisor() -> Option<PathBuf> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bridge/mql5/build.py");
    let built = Command::new("python3").arg(script).output();
    match built {
        Ok(output) if output.status.success() => {
            let path = String::from_utf8(output.stdout).unwrap();
            Some(PathBuf::from(path.trim()))
        }
        other => {
            println!("SKIPPED: the Expert Advisor cannot be compiled here (python3 and a C++ compiler): {other:?}");
            None
        }
    }
}

struct Outcome {
    code: Option<i32>,
    out: String,
    err: String,
    terminal: Serving,
    _folder: tempfile::TempDir,
    folder: PathBuf,
}

/// One command against a terminal with these settings, with the advisor between them.
fn run(advisor: &Path, terminal: &[(&str, &str)], symbol: &str, arguments: &[&str]) -> Outcome {
    let mut settings = TerminalSettings::default();
    for (name, value) in terminal {
        assert!(settings.set(name, value).unwrap(), "{name}");
    }
    settings.suit_venue();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let terminal = serve(Terminal::new(settings).unwrap(), listener, None).unwrap();

    let kept = tempfile::tempdir().unwrap();
    let folder = kept.path().to_path_buf();
    let mut alavanca = Command::new(env!("CARGO_BIN_EXE_alavanca"));
    let wait = if arguments.contains(&"--json") { "60" } else { "5" };
    alavanca.args(arguments).args(["--symbol", symbol, "--secret", "secret", "--wait", wait]);
    alavanca.args(["--set", "MT5_LISTEN=127.0.0.1:0"]).current_dir(&folder).env_clear();
    let mut alavanca = Running(alavanca.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    let mut errors = BufReader::new(alavanca.0.stderr.take().unwrap());
    let mut err = String::new();
    let engine = loop {
        let mut line = String::new();
        if errors.read_line(&mut line).unwrap() == 0 {
            break None;
        }
        err += &line;
        if let Some(address) = line.trim().strip_prefix("waiting for a bridge on ") {
            break Some(address.to_owned());
        }
    };
    let _bridge = engine.map(|engine| {
        let files = folder.join("files");
        fs::create_dir(&files).unwrap();
        let mut bridge = Command::new(advisor);
        bridge.args(["--simterm", &at.to_string(), "--engine", &engine, "--secret"]).arg(folder.join("secret"));
        bridge.arg("--files").arg(files).args(["--input", &format!("Symbols={symbol}")]);
        Running(bridge.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    });
    errors.read_to_string(&mut err).unwrap();
    let mut out = String::new();
    alavanca.0.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    let code = alavanca.0.wait().unwrap().code();
    Outcome { code, out, err, terminal, _folder: kept, folder }
}

fn finding<'a>(diagnosis: &'a Value, what: &str) -> &'a Value {
    let findings = diagnosis["findings"].as_array().unwrap();
    findings.iter().find(|finding| finding["what"] == what).unwrap_or_else(|| panic!("{what} in {diagnosis}"))
}

const SIMULATED: [&str; 2] = ["--set", "LIVE_CLOCK=BRIDGE"];

#[test]
fn a_doctor_reads_and_sends_nothing() {
    let Some(advisor) = advisor() else { return };
    let arguments = [&["doctor", "--json"], &SIMULATED[..]].concat();
    let netting = run(&advisor, &[("account", "netting")], "WINJ26", &arguments);
    let diagnosis: Value = serde_json::from_str(&netting.out).unwrap_or_else(|_| panic!("{}", netting.err));
    assert_eq!(netting.code, Some(0), "{diagnosis}");
    for what in [
        "account",
        "currency",
        "terminal",
        "contract",
        "symbol",
        "point value",
        "filling",
        "stops",
        "margin",
        "money",
        "sessions",
        "open",
        "order",
        "round trip",
    ] {
        assert_eq!(finding(&diagnosis, what)["verdict"], "ok", "{diagnosis}");
    }
    assert_eq!(finding(&diagnosis, "clock")["verdict"], "warn");
    assert!(diagnosis["round_trip"]["median_us"].as_u64().unwrap() > 0);
    let books = netting.terminal.books();
    assert_eq!(books["sends"], serde_json::json!({}), "{books}");

    // Another clock than this machine's, and a symbol that is data alone.
    let arguments = ["doctor", "--json", "--set", "ACCOUNT_MODE=HEDGING"];
    let sick = run(&advisor, &[("account", "netting"), ("stops-level", "60")], "WINJ26", &arguments);
    let diagnosis: Value = serde_json::from_str(&sick.out).unwrap_or_else(|_| panic!("{}", sick.err));
    assert_eq!(sick.code, Some(1));
    assert_eq!(finding(&diagnosis, "clock")["verdict"], "fail", "a day in March is not today");
    assert_eq!(finding(&diagnosis, "account")["verdict"], "fail");
    assert_eq!(finding(&diagnosis, "stops")["verdict"], "warn");
}

#[test]
fn a_trial_passes_on_every_kind_of_account_and_ends_flat() {
    let Some(advisor) = advisor() else { return };
    for (account, symbol) in [("netting", "WINJ26"), ("exchange", "WINJ26"), ("hedging", "EURUSD")] {
        let terminal = [("account", account), ("login", "7654321")];
        let arguments = [&["conformance", "--account", "7654321", "--arm", "--json"], &SIMULATED[..]].concat();
        let done = run(&advisor, &terminal, symbol, &arguments);
        let trial: Value = serde_json::from_str(&done.out).unwrap_or_else(|_| panic!("{account}: {}", done.err));
        assert_eq!((done.code, &trial["flat"]), (Some(0), &Value::Bool(true)), "{account}: {trial}");
        let steps = trial["steps"].as_array().unwrap();
        assert!(steps.len() == 11 && steps.iter().all(|step| step["passed"] == true), "{account}: {trial}");
        let books = done.terminal.books();
        assert_eq!(books["positions"].as_array().unwrap().len(), 0, "{account}: {books}");
        let transcript = fs::read_to_string(done.folder.join("conformance.ndjson")).unwrap();
        assert!(transcript.lines().count() > 40, "{transcript}");
        let secret = fs::read_to_string(done.folder.join("secret")).unwrap();
        for private in ["7654321", "\"proof\"", "\"nonce\"", secret.trim()] {
            assert!(!transcript.contains(private), "{account}: {private} is in the transcript");
        }
    }
}

#[test]
fn a_trial_is_refused_without_arming_on_another_account_and_on_real_money() {
    let Some(advisor) = advisor() else { return };
    let unarmed = run(&advisor, &[], "WINJ26", &["conformance", "--account", "1"]);
    assert_eq!(unarmed.code, Some(2), "{}", unarmed.err);
    assert!(unarmed.err.contains("--arm"), "{}", unarmed.err);

    for (terminal, says) in [
        (&[("login", "7654321")][..], "logged in to 7654321, not to 1234567"),
        (&[("login", "1234567"), ("real", "true")][..], "is no demo account"),
    ] {
        let arguments = ["conformance", "--account", "1234567", "--arm"];
        let refused = run(&advisor, terminal, "WINJ26", &arguments);
        assert_eq!(refused.code, Some(1), "{}", refused.err);
        assert!(refused.err.contains(says), "{}", refused.err);
        assert_eq!(refused.terminal.books()["sends"], serde_json::json!({}));
    }
}
