use std::fmt;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::str::FromStr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::verdict::{Verdict, judge};

/// What went wrong with a program, in words.
#[derive(Debug)]
pub struct Failure(pub String);

/// Where the programs are.
#[derive(Debug, Clone)]
pub struct Workshop {
    /// `alavanca`.
    pub engine: PathBuf,
    /// `simterm`.
    pub simterm: PathBuf,
    /// `alavanca-ea`.
    pub advisor: PathBuf,
    /// Python, with the sidecar and the official package over the stand-in for its compiled half.
    pub python: PathBuf,
    /// Settings that all days have.
    pub settings: PathBuf,
}

/// Which bridge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BridgeKind {
    /// The Python sidecar.
    Sidecar,
    /// The Expert Advisor.
    Advisor,
}

/// How the account keeps positions, by `ACCOUNT_MARGIN_MODE`'s names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountKind {
    /// One position a symbol, retail.
    Netting,
    /// One position a symbol, at an exchange.
    Exchange,
    /// Each entry a position of its own.
    Hedging,
}

/// One day.
#[derive(Debug, Clone)]
pub struct Day {
    /// Which bridge.
    pub bridge: BridgeKind,
    /// On which account.
    pub account: AccountKind,
    /// Another seed is another market.
    pub seed: u64,
    /// From and to, server time.
    pub hours: (String, String),
    /// When the engine closes everything and ends: minutes of the server's day.
    pub until: u32,
    /// Levels that need little of the past: an engine that is started often starts quickly.
    pub short_memory: bool,
    /// Faults of terminal and exchange.
    pub faults: Option<PathBuf>,
    /// Where everything is put; has to be there.
    pub folder: PathBuf,
    /// At most so long, by the real clock.
    pub patience: Duration,
}

/// The demo account's number at the simulated broker.
const LOGIN: &str = "1000001";
/// See [`Day::short_memory`].
const SHORT_MEMORY: &str = "REGIME_DETECTOR = \"ADX_ATR\"\nREGIME_ATR_SLOW = 30\nLIQUIDITY_MAP = \"RELATIVE_VOLUME\"\n";

/// The programs of a day.
#[derive(Debug)]
pub struct Parts {
    workshop: Workshop,
    day: Day,
    simterm: Running,
    terminal: String,
    driver: Driver,
    port: u16,
    /// Between bridge and engine, with its port.
    relay: Option<(Running, u16)>,
    engine: Option<Running>,
    bridge: Option<Running>,
    /// How the engine came to its own end.
    ended: Option<ExitStatus>,
    began: Instant,
}

/// A program that is killed when it is dropped.
#[derive(Debug)]
struct Running(Child);

/// The test's own connection to the terminal.
#[derive(Debug)]
struct Driver {
    reader: BufReader<TcpStream>,
    number: u64,
}

impl Day {
    /// The dated contract, or the pair.
    pub fn symbol(&self) -> &'static str {
        match self.account {
            AccountKind::Netting | AccountKind::Exchange => "WINJ26",
            AccountKind::Hedging => "EURUSD",
        }
    }

    /// The same in the trading zone, which B3's servers keep and those of forex brokers are six hours ahead of.
    fn until_in_trading_zone(&self) -> String {
        let behind = if self.account == AccountKind::Hedging { 6 * 60 } else { 0 };
        let minutes = self.until.saturating_sub(behind);
        format!("{:02}:{:02}", minutes / 60, minutes % 60)
    }

    /// The database.
    pub fn db(&self) -> PathBuf {
        self.folder.join("run.sqlite")
    }
}

impl Parts {
    /// Starts the simulated terminal. Neither bridge nor engine run yet.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn begin(workshop: &Workshop, day: &Day) -> Result<Self, Failure> {
        let folder = &day.folder;
        let mut command = Command::new(&workshop.simterm);
        command.args(["--account", &day.account.to_string(), "--day", "2026-03-10", "--pulled", "true"]);
        command.args(["--seed", &day.seed.to_string(), "--from", &day.hours.0, "--to", &day.hours.1]);
        // While a position has no stop, or the terminal hangs, the market goes no faster than the clock, by which the
        // engine is held to two seconds.
        command.args(["--balance", "20000.00", "--clocked-in-need", "true"]);
        command.args(["--history-days", if day.short_memory { "2" } else { "20" }]);
        command.arg("--statement").arg(folder.join("statement.json"));
        if let Some(faults) = &day.faults {
            command.arg("--faults").arg(faults);
        }
        let mut simterm = Running::start(command.stdout(Stdio::piped()), &folder.join("simterm.log"))?;
        let said = simterm.first_line()?;
        let port = said["port"].as_u64().ok_or_else(|| Failure(format!("simterm said {said}")))?;
        let terminal = format!("127.0.0.1:{port}");
        let driver = Driver::dial(&terminal)?;
        // The bridge dials one address over all starts of the engine.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let settings = fs::read_to_string(&workshop.settings)?;
        let memory = if day.short_memory { SHORT_MEMORY } else { "" };
        let own = format!("{settings}\n{memory}MT5_LISTEN = \"127.0.0.1:{port}\"\n");
        fs::write(folder.join("settings.toml"), own)?;
        write_secret(&folder.join("secret"))?;
        let began = Instant::now();
        Ok(Self {
            workshop: workshop.clone(),
            day: day.clone(),
            simterm,
            terminal,
            driver,
            port,
            relay: None,
            engine: None,
            bridge: None,
            ended: None,
            began,
        })
    }

    /// Puts a relay with faults of the wire between bridge and engine, before either starts.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start_relay(&mut self, script: &Path) -> Result<(), Failure> {
        let folder = &self.day.folder;
        let mut command = Command::new(&self.workshop.simterm);
        command.args(["relay", "--to", &format!("127.0.0.1:{}", self.port)]).arg("--faults").arg(script);
        command.arg("--statement").arg(folder.join("relay.json"));
        let mut relay = Running::start(command.stdout(Stdio::piped()), &folder.join("relay.log"))?;
        let said = relay.first_line()?;
        let port = said["port"].as_u64().and_then(|port| u16::try_from(port).ok());
        self.relay = Some((relay, port.ok_or_else(|| Failure(format!("the relay said {said}")))?));
        Ok(())
    }

    /// How many faults the relay has made.
    pub fn wire_faults(&self) -> u64 {
        let done = fs::read_to_string(self.day.folder.join("relay.json")).unwrap_or_default();
        let done: Value = serde_json::from_str(&done).unwrap_or_default();
        done["faults"].as_object().into_iter().flatten().filter_map(|(_, times)| times.as_u64()).sum()
    }

    /// How many faults the terminal has made.
    ///
    /// # Errors
    /// It does not answer.
    pub fn faults(&mut self) -> Result<usize, Failure> {
        Ok(self.driver.call("books", json!({}))?["faults"].as_array().map_or(0, Vec::len))
    }

    /// A call of the driver's.
    ///
    /// # Errors
    /// The terminal refuses it, or does not answer.
    pub fn tell(&mut self, call: &str, arguments: Value) -> Result<(), Failure> {
        self.driver.call(call, arguments).map(drop)
    }

    /// The dated contract, or the pair.
    pub fn symbol(&self) -> &'static str {
        self.day.symbol()
    }

    /// Starts the bridge, to die at a point where one is named.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start_bridge(&mut self, dies_at: Option<&str>) -> Result<(), Failure> {
        let folder = &self.day.folder;
        let engine = format!("127.0.0.1:{}", self.relay.as_ref().map_or(self.port, |(_, port)| *port));
        let secret = folder.join("secret");
        let mut command = match self.day.bridge {
            BridgeKind::Sidecar => {
                let mut command = Command::new(&self.workshop.python);
                command.args(["-m", "alavanca_bridge", "--engine", &engine, "--poll-ms", "1"]);
                command.arg("--secret").arg(secret).arg("--journal").arg(folder.join("journal.sqlite"));
                command.args(["--symbols", self.day.symbol()]).env("ALAVANCA_SIMTERM", &self.terminal);
                command
            }
            BridgeKind::Advisor => {
                let files = folder.join("files");
                fs::create_dir_all(&files)?;
                let mut command = Command::new(&self.workshop.advisor);
                // That is while it is alone: the market is not to run away from an engine that starts.
                command.args(["--simterm", &self.terminal, "--engine", &engine, "--poll-ms", "20"]);
                command.arg("--secret").arg(secret).arg("--files").arg(files);
                command
            }
        };
        if let Some(point) = dies_at {
            command.env("ALAVANCA_BRIDGE_CRASH_AT", point);
        }
        self.bridge = Some(Running::start(command.stdout(Stdio::null()), &folder.join("bridge.log"))?);
        Ok(())
    }

    /// Starts the engine, to die at a call where one is named.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start_engine(&mut self, dies_at: Option<&str>) -> Result<(), Failure> {
        let folder = &self.day.folder;
        let mut command = Command::new(&self.workshop.engine);
        command.args(["live", "--json", "--arm", "--account", LOGIN, "--confirm-account", LOGIN]);
        command.args([
            "--until",
            &self.day.until_in_trading_zone(),
            "--flatten-on-exit",
            "--symbol",
            self.day.symbol(),
        ]);
        command.arg("--db").arg(self.day.db()).arg("--config").arg(folder.join("settings.toml"));
        command.env("MT5_SECRET_FILE", folder.join("secret")).stdin(Stdio::null());
        command.env("ALAVANCA_DOUBT_MS", "2000");
        if let Some(point) = dies_at {
            command.env("ALAVANCA_CRASH_AT", point);
        }
        let out = fs::File::create(folder.join("statement.live.json"))?;
        self.engine = Some(Running::start(command.stdout(out), &folder.join("engine.log"))?);
        Ok(())
    }

    /// `kill -9` for the engine, where it runs.
    pub fn kill_engine(&mut self) -> bool {
        self.engine.take().is_some()
    }

    /// `kill -9` for the bridge, where it runs. Its worker ends with it, or goes on alone as one would.
    pub fn kill_bridge(&mut self) -> bool {
        self.bridge.take().is_some()
    }

    /// `kill -9` for the processes that the bridge started, and not for itself. False where there are none.
    pub fn kill_workers(&mut self) -> bool {
        let Some(bridge) = &self.bridge else { return false };
        let workers = children_of(bridge.0.id());
        workers.iter().filter(|pid| kill_9(**pid)).count() > 0
    }

    /// How the engine ended, where it did.
    ///
    /// # Errors
    /// It cannot be asked.
    pub fn engine_ended(&mut self) -> Result<Option<ExitStatus>, Failure> {
        let Some(engine) = self.engine.as_mut() else { return Ok(None) };
        let ended = engine.0.try_wait()?;
        if let Some(status) = ended {
            self.engine = None;
            // A crash point ends it by a signal; a bridge that dies while it starts ends it with a word, to be started
            // again. Only a day that has come to its end has a statement.
            let stated = self.statement().is_some();
            self.ended = self.ended.or(status.code().filter(|code| stated || *code > 1).map(|_| status));
        }
        Ok(ended)
    }

    /// How it came to its own end, where it did.
    pub fn end(&self) -> Option<ExitStatus> {
        self.ended
    }

    /// Whether the day has not much left: from then on nobody is killed, so that all doubts can come to their ends.
    ///
    /// # Errors
    /// The terminal does not answer.
    pub fn is_late(&mut self) -> Result<bool, Failure> {
        let (server, ended) = self.market()?;
        let minute = server.rem_euclid(86_400_000) / 60_000;
        Ok(ended || minute + 60 >= i64::from(self.day.until))
    }

    /// Whether an engine runs.
    ///
    /// # Errors
    /// It cannot be asked.
    pub fn runs_engine(&mut self) -> Result<bool, Failure> {
        self.engine_ended()?;
        Ok(self.engine.is_some())
    }

    /// Whether the bridge has ended.
    ///
    /// # Errors
    /// It cannot be asked.
    pub fn bridge_ended(&mut self) -> Result<bool, Failure> {
        let Some(bridge) = self.bridge.as_mut() else { return Ok(true) };
        let ended = bridge.0.try_wait()?.is_some();
        if ended {
            self.bridge = None;
        }
        Ok(ended)
    }

    /// What the engine last said of itself.
    pub fn phase(&self) -> Option<String> {
        let folder = self.day.folder.join("run.sqlite.live");
        let status: Value = serde_json::from_str(&fs::read_to_string(folder.join("status.json")).ok()?).ok()?;
        (status["pid"].as_u64() == self.engine.as_ref().map(|engine| u64::from(engine.0.id())))
            .then(|| status["phase"].as_str().map(str::to_lowercase))
            .flatten()
    }

    /// Market time, server milliseconds, and whether the market has ended.
    ///
    /// # Errors
    /// The terminal does not answer.
    pub fn market(&mut self) -> Result<(i64, bool), Failure> {
        let clock = self.driver.call("clock", json!({}))?;
        Ok((clock["server_msc"].as_i64().unwrap_or(0), clock["ended"].as_bool().unwrap_or(false)))
    }

    /// Waits until the engine has ended with the day. The bridge is started again where it ended.
    ///
    /// # Errors
    /// It takes longer than it may, or ends otherwise.
    pub fn wait_for_the_end(&mut self) -> Result<(), Failure> {
        while !self.has_come_to_its_end()? {
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Whether the engine has ended with the day. Who ended otherwise is started again.
    ///
    /// # Errors
    /// It takes longer than it may, or ends otherwise.
    pub fn has_come_to_its_end(&mut self) -> Result<bool, Failure> {
        let ended = self.engine_ended()?;
        if let Some(status) = self.ended.or(ended) {
            // 1 is an end in order with differences: the verdict names them.
            return match status.code() {
                Some(0 | 1) => Ok(true),
                _ => Err(self.failure(&format!("the engine ended with {status}"))),
            };
        }
        if !self.runs_engine()? {
            self.start_engine(None)?;
        }
        if self.bridge_ended()? {
            self.start_bridge(None)?;
        }
        if self.began.elapsed() > self.day.patience {
            return Err(self.failure("the day does not end"));
        }
        Ok(false)
    }

    /// Holds the database against the exchange's books. `away` are stretches of market time in which something was not
    /// running.
    ///
    /// # Errors
    /// Either cannot be read.
    pub fn verdict(mut self, away: &[(i64, i64)]) -> Result<Verdict, Failure> {
        drop(self.bridge.take());
        let books = self.driver.call("books", json!({}))?;
        fs::write(self.day.folder.join("books.json"), serde_json::to_string_pretty(&books).unwrap_or_default())?;
        let statement = self.statement().unwrap_or(Value::Null);
        drop(self.simterm);
        judge(&books, &statement, &self.day.db(), away).map_err(|error| Failure(error.to_string()))
    }

    /// What the engine said that the day came to. Its first document says where it listened.
    fn statement(&self) -> Option<Value> {
        let said = fs::read_to_string(self.day.folder.join("statement.live.json")).ok()?;
        let documents = serde_json::Deserializer::from_str(&said).into_iter::<Value>();
        documents.filter_map(Result::ok).find(|document| document.get("reconciled").is_some())
    }

    /// With the last words of everybody.
    pub fn failure(&self, what: &str) -> Failure {
        let last = |name: &str| {
            let text = fs::read_to_string(self.day.folder.join(name)).unwrap_or_default();
            let lines: Vec<&str> = text.lines().rev().take(12).collect();
            format!("\n-- {name}\n{}", lines.into_iter().rev().collect::<Vec<_>>().join("\n"))
        };
        let logs: String = ["engine.log", "bridge.log", "simterm.log"].iter().map(|name| last(name)).collect();
        Failure(format!("{what}; everything is in {}{logs}", self.day.folder.display()))
    }
}

impl Running {
    fn start(command: &mut Command, log: &Path) -> Result<Self, Failure> {
        let log = fs::OpenOptions::new().create(true).append(true).open(log)?;
        let program = command.get_program().to_owned();
        let child = command.stderr(log).spawn();
        Ok(Self(child.map_err(|error| Failure(format!("{}: {error}", program.display())))?))
    }

    fn first_line(&mut self) -> Result<Value, Failure> {
        let out = self.0.stdout.as_mut().ok_or_else(|| Failure("no output".to_owned()))?;
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line)?;
        serde_json::from_str(&line).map_err(|error| Failure(format!("{error} in `{}`", line.trim())))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let workers = children_of(self.0.id());
        let _ = self.0.kill();
        let _ = self.0.wait();
        for pid in workers {
            kill_9(pid);
        }
    }
}

impl Driver {
    fn dial(address: &str) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        let mut driver = Self { reader: BufReader::new(stream), number: 0 };
        driver.call("attach", json!({ "as": "driver", "name": "day" }))?;
        Ok(driver)
    }

    fn call(&mut self, call: &str, mut arguments: Value) -> Result<Value, Failure> {
        self.number += 1;
        arguments["id"] = json!(self.number);
        arguments["call"] = json!(call);
        self.reader.get_mut().write_all(format!("{arguments}\n").as_bytes())?;
        let mut line = String::new();
        self.reader.read_line(&mut line)?;
        let mut answer: Value =
            serde_json::from_str(&line).map_err(|error| Failure(format!("{call}: {error} in `{}`", line.trim())))?;
        if answer.get("ok").is_none() {
            return Err(Failure(format!("{call}: {answer}")));
        }
        Ok(answer["ok"].take())
    }
}

fn write_secret(path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    Ok(writeln!(file, "{}", "5ec2e7".repeat(11).get(..64).unwrap_or_default())?)
}

/// Processes that this one started.
fn children_of(parent: u32) -> Vec<u32> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let is_child = |pid: &u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let after_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
        after_name.split(' ').nth(1).and_then(|ppid| ppid.parse().ok()) == Some(parent)
    };
    processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(is_child).collect()
}

fn kill_9(pid: u32) -> bool {
    Command::new("kill")
        .args(["-9", &pid.to_string()])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for BridgeKind {
    type Err = Failure;
    fn from_str(text: &str) -> Result<Self, Failure> {
        match text {
            "sidecar" => Ok(Self::Sidecar),
            "ea" => Ok(Self::Advisor),
            _ => Err(Failure(format!("--bridge {text}: sidecar or ea"))),
        }
    }
}

impl fmt::Display for BridgeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(if *self == Self::Sidecar { "sidecar" } else { "ea" })
    }
}

impl FromStr for AccountKind {
    type Err = Failure;
    fn from_str(text: &str) -> Result<Self, Failure> {
        match text {
            "netting" => Ok(Self::Netting),
            "exchange" => Ok(Self::Exchange),
            "hedging" => Ok(Self::Hedging),
            _ => Err(Failure(format!("--account {text}: netting, exchange or hedging"))),
        }
    }
}

impl fmt::Display for AccountKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Netting => "netting",
            Self::Exchange => "exchange",
            Self::Hedging => "hedging",
        })
    }
}
