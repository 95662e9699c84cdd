//! The command line: commands, their exit codes, and how errors are told. It parses, calls the library, prints; what it
//! means is the library's business.

mod about;
mod backtest;
mod calendar;
mod check_lookahead;
mod compare;
mod config;
mod conformance;
mod data;
mod db;
mod decisions;
mod doctor;
mod explain;
mod export;
mod import_python;
mod live;
mod operator;
mod policy;
mod progress;
mod replay;
mod report;
mod stats;
mod walkforward;

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::OnceLock;

use alavanca::backtest::AppError;
use alavanca::extensions::Extensions;
use alavanca::policy::PolicyError;
use alavanca::settings::{LoadRequest, Loaded, SettingsError, load};
use alavanca::stored_run::AskError;
use alavanca::walkforward::WalkError;
use alavanca_adapters_files::FileError;
use clap::{Args, Parser, Subcommand};

/// Sizes, gates and manages trades on MetaTrader 5.
#[derive(Debug, Parser)]
#[command(name = "alavanca", version = env!("ALAVANCA_VERSION"), after_help = EXAMPLES, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Write JSON instead of tables.
    #[arg(long, global = true)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  alavanca backtest                                     the embedded synthetic market
  alavanca backtest --data WINZ26_M1.csv --profile balanced --seed 7
  alavanca backtest --report run.html                   one page of charts, for a browser
  alavanca backtest --profile conservative --profile balanced    the same data, compared
  alavanca backtest --data ticks.csv.gz --symbol DOL --set SCALP_TP_POINTS=20
  alavanca backtest --data EURUSD.csv --db run.sqlite --json > run.json
  alavanca walkforward --data WIN_M5.csv --train 60d --test 20d --null 20    is there an edge?
  alavanca export trades --db run.sqlite --out trades.csv
  alavanca policy show --db run.sqlite                  what was learned, and how sure it is
  alavanca decisions --db run.sqlite                    what the gate answered, the last 20
  alavanca explain --last --db run.sqlite               one decision, from its inputs to what was learned
  alavanca replay 2026-03-10 --db run.sqlite            a recorded day again: the same decisions?
  alavanca db check run.sqlite                          whether a stored run is what was written
  alavanca check-lookahead                              whether a brain sees what is to come
  alavanca data inspect EURUSD.csv                      what a file is and what is wrong with it
  alavanca calendar --symbol WIN --day 2026-02-18       a market's hours, holidays, contracts
  alavanca doctor --symbol WINZ26                       bridge, account and symbol, before live
  alavanca config show --profile aggressive             each setting, its value, where it came from
  alavanca config check --config alavanca.toml          whether the settings can be

Exit codes: 0 done, 1 the run failed, 2 usage or settings, 3 market data refused,
130 interrupted (what was done so far is stored and shown).";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the engine on a market data file, or on the embedded synthetic market.
    Backtest(backtest::Backtest),
    /// Is there an edge? Learn on a window of days, trade the days after it, and count those alone.
    #[command(after_help = walkforward::EXAMPLES)]
    Walkforward(walkforward::Walkforward),
    /// Trade on the market behind a MetaTrader 5 bridge: a dry run, unless it is armed.
    #[command(after_help = live::EXAMPLES)]
    Live(live::Live),
    /// Trade on the live market with simulated fills: nothing is sent.
    #[command(after_help = live::PAPER_EXAMPLES)]
    Paper(live::Paper),
    /// How a live or paper engine stands, also where none is running.
    Status(operator::Status),
    /// Nothing is entered until `resume`; what is open keeps its exits.
    #[command(after_help = operator::HALT_EXAMPLES)]
    Halt(operator::Word),
    /// Only exits until `resume`.
    #[command(after_help = operator::REDUCE_ONLY_EXAMPLES)]
    ReduceOnly(operator::Word),
    /// Close everything, and see at the broker that it is closed.
    Flatten(operator::Flatten),
    /// Allow entries again after a halt, a reduce-only or a flatten.
    Resume(operator::Resume),
    /// Tell one decision from its inputs to what was learned of it.
    Explain(explain::Explain),
    /// List decisions, or the signals that never became one.
    Decisions(decisions::DecisionsOf),
    /// Figures of sizing, scalps, policy, learning and regimes, with the answers to their questions.
    #[command(subcommand)]
    Stats(stats::Stats),
    /// Whether brains, regime detector and liquidity map look ahead, repaint, or keep what they should not.
    CheckLookahead(check_lookahead::CheckLookahead),
    /// Hold stored runs against each other: settings, figures, and how sure their difference is.
    Compare(compare::Compare),
    /// Run a recorded day of paper or live again, and hold what is decided against what is stored.
    Replay(replay::Replay),
    /// Write the page of a stored run, and its days' figures into rl_report_log.
    Report(report::Report),
    /// Market data files.
    #[command(subcommand)]
    Data(data::Data),
    /// A market's days: hours, auctions, entries, holidays ahead, the current contract and its roll.
    Calendar(calendar::Calendar),
    /// Look at bridge, account and symbol before anything is traded. Sends no order.
    Doctor(doctor::Doctor),
    /// Try a bridge and a broker out with real orders of the smallest volume, on a demo account.
    Conformance(conformance::Conformance),
    /// The policy at hand: look at it, take it elsewhere, go back, freeze.
    #[command(subcommand, after_help = policy::EXAMPLES)]
    Policy(policy::Policy),
    /// A run's database: check it, copy it, bring it up to date, take one over from the Python version.
    #[command(subcommand)]
    Db(db::Db),
    /// Settings: where they come from and whether they can be.
    #[command(subcommand)]
    Config(config::Config),
    /// Tables of a stored run for spreadsheets and notebooks, as CSV or Parquet.
    Export(export::Export),
    /// Print the completions of a shell, to be sourced or put where it looks for them.
    Completions(about::Completions),
    /// Print the manual page, or write those of all commands into a folder.
    Man(about::Man),
}

/// What this binary brings along.
static EXTENSIONS: OnceLock<Extensions> = OnceLock::new();

/// The run failed.
const FAILED: u8 = 1;
/// Usage or settings; clap's own code for usage is the same.
const USAGE: u8 = 2;
/// Market data refused.
const REFUSED: u8 = 3;
/// Ended by Ctrl-C; what shells say of it, too.
const INTERRUPTED: u8 = 130;

/// Every command, with what a binary brings along.
///
/// It reads the process's arguments and environment, and is to be called once.
pub fn main_with(extensions: Extensions) -> ExitCode {
    // Settings are loaded in many places, and all of them know the same.
    let _ = EXTENSIONS.set(extensions);
    let Cli { command, json } = Cli::parse();
    let done = match command {
        Command::Backtest(backtest) => backtest.run(json),
        Command::Walkforward(walkforward) => walkforward.run(json),
        Command::Live(live) => live.run(json),
        Command::Paper(paper) => paper.run(json),
        Command::Status(status) => status.run(json),
        Command::Halt(word) => word.run(alavanca::live::mailbox::Wish::Halt, json),
        Command::ReduceOnly(word) => word.run(alavanca::live::mailbox::Wish::ReduceOnly, json),
        Command::Flatten(flatten) => flatten.run(json),
        Command::Resume(resume) => resume.run(json),
        Command::Explain(explain) => explain.run(json),
        Command::Decisions(decisions) => decisions.run(json),
        Command::Stats(stats) => stats.run(json),
        Command::CheckLookahead(check) => check.run(json),
        Command::Compare(compare) => compare.run(json),
        Command::Replay(replay) => replay.run(json),
        Command::Report(report) => report.run(json),
        Command::Data(data) => data.run(json),
        Command::Calendar(calendar) => calendar.run(json),
        Command::Doctor(doctor) => doctor.run(json),
        Command::Conformance(conformance) => conformance.run(json),
        Command::Policy(policy) => policy.run(json),
        Command::Db(db) => db.run(json),
        Command::Config(config) => config.run(json),
        Command::Export(export) => export.run(json),
        Command::Completions(completions) => completions.run(),
        Command::Man(man) => man.run(),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to be done if the terminal is gone, too.
            let _ = write!(io::stderr(), "{}", told(&error));
            ExitCode::from(code(&error))
        }
    }
}

/// The error with its causes, each once.
fn told(error: &anyhow::Error) -> String {
    let mut text = String::new();
    let mut last = String::new();
    for (depth, cause) in error.chain().enumerate() {
        let cause = cause.to_string();
        // A transparent error says what its cause says.
        if cause != last && !last.ends_with(&cause) {
            let lead = if depth == 0 { "error: " } else { "  because: " };
            text.push_str(lead);
            text.push_str(&cause.replace('\n', "\n       "));
            text.push('\n');
        }
        last = cause;
    }
    if error.is::<SettingsError>() {
        text.push_str("`alavanca config show` lists all settings, `alavanca config defaults` explains them\n");
    }
    text
}

fn code(error: &anyhow::Error) -> u8 {
    let of_file = |error: &FileError| if matches!(error, FileError::Setting(_)) { USAGE } else { REFUSED };
    error
        .chain()
        .find_map(|cause| {
            if cause.is::<SettingsError>() || cause.is::<Usage>() {
                return Some(USAGE);
            }
            if let Some(ask) = cause.downcast_ref::<AskError>() {
                return Some(if ask.is_usage() { USAGE } else { FAILED });
            }
            if let Some(walk) = cause.downcast_ref::<WalkError>()
                && walk.is_usage()
            {
                return Some(USAGE);
            }
            if let Some(live) = cause.downcast_ref::<alavanca::live::run::LiveError>() {
                return Some(if live.is_usage() { USAGE } else { FAILED });
            }
            if cause.is::<alavanca::live::operate::OperateError>() {
                return Some(USAGE);
            }
            match cause.downcast_ref::<AppError>() {
                Some(AppError::Setting(_) | AppError::NoSymbol { .. } | AppError::NothingToResume) => Some(USAGE),
                Some(AppError::File(error)) => Some(of_file(error)),
                Some(AppError::Policy(error)) if error.is_usage() => Some(USAGE),
                Some(_) => Some(FAILED),
                None if cause.downcast_ref().is_some_and(PolicyError::is_usage) => Some(USAGE),
                None => cause.downcast_ref::<FileError>().map(of_file),
            }
        })
        .unwrap_or(FAILED)
}

/// What was asked for cannot be asked for.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Usage(String);

/// `alavanca config show | head` ends the pipe early; that is no failure.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let is_one = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    error.chain().any(|cause| cause.downcast_ref().is_some_and(is_one))
}

/// Writes to standard output, unlike `print!` without stopping the program where nobody reads on.
fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}

fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    print(&format!("{}\n", serde_json::to_string_pretty(value)?))
}

/// Whether tables may be coloured: on a terminal, unless `NO_COLOR` is set to anything.
fn colour() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    io::stdout().is_terminal() && !is_set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Where settings come from.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Settings")]
struct SettingsArgs {
    /// Settings file; without it alavanca.toml is read where there is one.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// conservative, balanced or aggressive.
    #[arg(long, value_name = "NAME")]
    profile: Vec<String>,
    /// Sets one setting, above all other places; can be repeated.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    set: Vec<(String, String)>,
}

impl SettingsArgs {
    fn load(&self, more: impl IntoIterator<Item = (String, String)>) -> anyhow::Result<Loaded> {
        let mut flags = BTreeMap::new();
        for (key, value) in self.set.iter().cloned().chain(more) {
            if let Some(first) = flags.insert(key.clone(), value.clone()) {
                return Err(Usage(format!("{key} is set twice, to {first} and to {value}: keep one")).into());
            }
        }
        if let [first, second, ..] = self.profile.as_slice() {
            return Err(Usage(format!(
                "--profile is named twice, {first} and {second}: keep one (`alavanca backtest` alone runs several, and \
                 compares them)"
            ))
            .into());
        }
        let existing = |name: &str| Some(PathBuf::from(name)).filter(|path| Path::exists(path));
        let text = |text: std::ffi::OsString| text.into_string().ok();
        let request = LoadRequest {
            config_file: self.config.clone().or_else(|| existing("alavanca.toml")),
            profile: self.profile.first().cloned(),
            env_file: existing(".env"),
            environment: std::env::vars_os().filter_map(|(name, value)| Some((text(name)?, text(value)?))).collect(),
            flags,
            extensions: EXTENSIONS.get().cloned().unwrap_or_default(),
        };
        Ok(load(&request)?)
    }
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE, such as SCALP_TP_POINTS=20")?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}

/// How a market data file is to be read.
#[derive(Debug, Args)]
struct FileArgs {
    /// Clock of the file's stamps: an IANA zone, or BROKER for the usual forex server's.
    #[arg(long, value_name = "ZONE", value_parser = zone)]
    data_tz: Option<String>,
    /// Percent of the rows that may be faulty and are left out.
    #[arg(long, value_name = "PERCENT", default_value = "1", value_parser = percent)]
    accept_faults: f64,
}

fn zone(text: &str) -> Result<String, String> {
    let zone = text.parse::<alavanca_adapters_files::DataZone>();
    zone.map(|_| text.to_owned()).map_err(|error| error.allowed)
}

fn percent(text: &str) -> Result<f64, String> {
    // NaN is in no range.
    let value = text.parse().ok().filter(|value| (0.0..=100.0).contains(value));
    value.ok_or_else(|| "expected a number from 0 to 100".to_owned())
}
