//! The simulated MetaTrader 5 terminal as a program. `simterm --help` lists its options; the book's page on it says what
//! the calls of the link and the faults are.

use std::io::Write;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use alavanca_adapters_sim::terminal::relay::{Relay, relay};
use alavanca_adapters_sim::terminal::{Serving, Terminal, TerminalSettings, serve};

const HELP: &str = "\
A simulated MetaTrader 5 terminal with the trade server behind it.

Usage: simterm [OPTIONS]
       simterm relay --to HOST:PORT [RELAY OPTIONS]

It prints one line of JSON with its port, then answers calls (a line of JSON each, on 127.0.0.1)
until somebody says `quit`, or SIGTERM.

Account
  --account netting|exchange|hedging   margin mode [netting]
  --market b3|forex                    symbols, sessions, server clock [b3; forex with hedging]
  --balance AMOUNT                     what it begins with [10000.00]
  --login NUMBER  --server NAME  --real true  --leverage N
Market
  --symbols WIN,WDO                    which tick: roots or names [the market's first]
  --day 2026-03-10  --days N           the simulated day, and how many [1]
  --from 09:00  --to 18:00             server times between which there are ticks
  --seed N                             another seed is another market [1]
  --history-days N                     trading days of bars before it [20]
  --ticks FILE                         rows DATE TIME BID ASK LAST VOLUME instead of synthetic ticks
  --pulled true                        a tick for each poll of a bridge [this]
  --clocked-in-need true           and no faster than the clock while a position has no stop,
                                       or a call hangs
  --speed X                            or market time X times as fast as the clock
  --server-zone ZONE  --clock-skew-ms N
Trading
  --execution instant|market|exchange  --depth LOTS  --fill-delay-ms N
  --stops-level POINTS  --freeze-level POINTS
  --limit-orders N  --limit-positions N  --volume-limit LOTS
  --fifo true  --hedge-prohibited true  --max-bars N
  --rewrites-comments true  --stops-lose-magic true  --commission-later-ms N  --shuffles true
Faults
  --faults FILE                        a script
  --fault-rate R  --fault-seed N       draws some for that share of all orders
Program
  --listen PORT                        on 127.0.0.1 [0: the system chooses]
  --statement FILE                     the exchange's own statement, kept up to date

Relay: passes lines between a bridge and the engine at HOST:PORT, with trouble.
  --listen PORT                        on 127.0.0.1 [0: the system chooses]
  --faults FILE                        a script
  --rate R  --seed N                   draws some for that share of all lines
  --statement FILE                     what was done, kept up to date
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    let outcome = match arguments.split_first() {
        Some((first, rest)) if first == "relay" => run_relay(rest),
        _ => run(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("simterm: {error}");
            ExitCode::from(2)
        }
    }
}

type Failure = Box<dyn std::error::Error>;

fn run(arguments: &[String]) -> Result<(), Failure> {
    let mut settings = TerminalSettings::default();
    let (mut port, mut statement, mut faults) = (0_u16, None, None);
    let (mut rate, mut fault_seed, mut market) = (None, 1, false);
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let name = word.strip_prefix("--").ok_or_else(|| format!("`{word}`: options begin with --; see --help"))?;
        let (name, value) = match name.split_once('=') {
            Some((name, value)) => (name, value.to_owned()),
            None => (name, words.next().ok_or_else(|| format!("--{name} needs a value"))?.clone()),
        };
        let bad = |what: &str| format!("--{name} {value}: {what}");
        match name {
            "listen" => port = value.parse().map_err(|_| bad("a port"))?,
            "statement" => statement = Some(PathBuf::from(&value)),
            "faults" => faults = Some(read(&value)?),
            "fault-rate" => rate = Some(value.parse::<f64>().map_err(|_| bad("a share such as 0.05"))?),
            "fault-seed" => fault_seed = value.parse().map_err(|_| bad("a whole number"))?,
            "ticks" => settings.ticks = Some(read(&value)?),
            _ => {
                market |= name == "market";
                if !settings.set(name, &value)? {
                    return Err(format!("--{name}: there is no such option; see --help").into());
                }
            }
        }
    }
    if !market {
        settings.suit_venue();
    }
    let speed = (!settings.pulled).then_some(settings.speed);
    let mut terminal = Terminal::new(settings)?;
    if let Some(script) = faults {
        terminal.script(&script)?;
    }
    if let Some(rate) = rate {
        terminal.draw(fault_seed, rate);
    }
    let serving = serve(terminal, TcpListener::bind(("127.0.0.1", port))?, speed)?;
    let stop = stopped()?;
    say(&serde_json::json!({ "simterm": serving.address().to_string(), "port": serving.address().port() }))?;
    let mut written = 0;
    loop {
        let over = serving.wait(Duration::from_millis(100)) || stop.load(Ordering::SeqCst);
        if let Some(path) = &statement {
            keep(&serving, path, over, &mut written)?;
        }
        if over {
            return Ok(());
        }
    }
}

fn run_relay(arguments: &[String]) -> Result<(), Failure> {
    let (mut port, mut to, mut script, mut rate, mut seed, mut statement) = (0_u16, None, None, None, 1, None);
    for pair in arguments.chunks(2) {
        let [name, value] = pair else { return Err(format!("relay: {} needs a value", pair[0]).into()) };
        let bad = |what: &str| format!("relay: {name} {value}: {what}");
        match name.as_str() {
            "--listen" => port = value.parse().map_err(|_| bad("a port"))?,
            "--to" => to = Some(value.clone()),
            "--faults" => script = Some(read(value)?),
            "--rate" => rate = Some(value.parse::<f64>().map_err(|_| bad("a share such as 0.01"))?),
            "--seed" => seed = value.parse().map_err(|_| bad("a whole number"))?,
            "--statement" => statement = Some(PathBuf::from(value)),
            _ => return Err(format!("relay: {name}: there is no such option; see --help").into()),
        }
    }
    let to = to.ok_or("relay: --to HOST:PORT is missing")?;
    let mut plan = Relay::new(seed);
    if let Some(script) = script {
        plan.script(&script)?;
    }
    if let Some(rate) = rate {
        plan.draw(rate);
    }
    let relaying = relay(plan, TcpListener::bind(("127.0.0.1", port))?, to)?;
    let stop = stopped()?;
    say(&serde_json::json!({ "relay": relaying.address().to_string(), "port": relaying.address().port() }))?;
    let mut last = String::new();
    loop {
        std::thread::sleep(Duration::from_millis(50));
        let over = stop.load(Ordering::SeqCst);
        let done = relaying.done().to_string();
        if let Some(path) = statement.as_ref().filter(|_| done != last) {
            write_whole(path, &done)?;
            last = done;
        }
        if over {
            return Ok(());
        }
    }
}

/// One line on standard output.
fn say(line: &serde_json::Value) -> Result<(), Failure> {
    println!("{line}");
    Ok(std::io::stdout().flush()?)
}

/// Set by SIGTERM and Ctrl-C.
fn stopped() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let heard = Arc::clone(&stop);
    ctrlc::set_handler(move || heard.store(true, Ordering::SeqCst))?;
    Ok(stop)
}

fn write_whole(path: &std::path::Path, text: &str) -> Result<(), Failure> {
    let beside = path.with_extension("part");
    std::fs::write(&beside, text)?;
    Ok(std::fs::rename(&beside, path)?)
}

fn read(path: &str) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}").into())
}

/// Writes the statement where it changed, whole or not at all.
fn keep(serving: &Serving, path: &std::path::Path, over: bool, written: &mut u64) -> Result<(), Failure> {
    let changes = serving.changes();
    if changes == *written && !over {
        return Ok(());
    }
    write_whole(path, &serde_json::to_string_pretty(&serving.books())?)?;
    *written = changes;
    Ok(())
}
