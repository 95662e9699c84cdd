use std::io::{self, BufRead, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;

use alavanca::live::run::{Beginning, LiveError, LiveRequest, Real, run};
use alavanca::live::statement::Statement;
use alavanca::live::status::Mode;
use alavanca::live::stop::Stop;
use alavanca::settings::Loaded;
use alavanca::show;
use clap::Args;

use super::{FAILED, SettingsArgs, Usage, colour, print, print_json};

pub(super) const EXAMPLES: &str = "\
Examples:
  alavanca live --db demo.sqlite --symbol WINZ26                         a dry run: shows what it would send
  alavanca live --db demo.sqlite --symbol WINZ26 --account 12345 --arm   sends orders; asks for the number again
  alavanca live --db demo.sqlite --symbol WINZ26 --account 12345 --arm --confirm-account 12345 --until 17:50
  alavanca live --db real.sqlite --symbol WINZ26 --account 777 --arm --real --after-demo demo.sqlite
  alavanca status --db demo.sqlite                                       from another terminal

It waits for the bridge on MT5_LISTEN. The bridge needs the file of the secret that the first start makes.
Ctrl-C ends it in order; what is open keeps its stop at the server. A second Ctrl-C ends it at once.
Exit codes: 0 ended in order and reconciled, 1 not, 2 usage, settings, or another account than was named.";

pub(super) const PAPER_EXAMPLES: &str = "\
Examples:
  alavanca paper --db paper.sqlite --symbol WINZ26
  alavanca paper --db paper.sqlite --symbol WINZ26 --until 17:50
  alavanca status --db paper.sqlite                 from another terminal

It waits for the bridge on MT5_LISTEN, as live does. The bridge is told that nothing is armed, and refuses every order.
Ctrl-C ends it in order. Exit codes: 0 ended in order, 1 not, 2 usage or settings.";

/// `alavanca live`.
#[derive(Debug, Args)]
pub(super) struct Live {
    #[command(flatten)]
    of: RunArgs,
    /// The account's number. The bridge's terminal has to be logged in to it.
    #[arg(long, value_name = "NUMBER")]
    account: Option<String>,
    /// Send orders. Without it orders are shown and recorded as refused.
    #[arg(long, requires = "account")]
    arm: bool,
    /// The account's number typed again, for scripts; without it the terminal asks.
    #[arg(long, value_name = "NUMBER", requires = "arm")]
    confirm_account: Option<String>,
    /// The account may be one of real money.
    #[arg(long, requires = "arm")]
    real: bool,
    /// The database of an armed run on a demo account, which a real one asks for.
    #[arg(long, value_name = "FILE", requires = "real", conflicts_with = "without_demo")]
    after_demo: Option<PathBuf>,
    /// Real money without a demo run before.
    #[arg(long, requires = "real")]
    without_demo: bool,
    /// Close everything at the end. Without it what is open keeps its stop at the server.
    #[arg(long, requires = "arm")]
    flatten_on_exit: bool,
}

/// `alavanca paper`.
#[derive(Debug, Args)]
pub(super) struct Paper {
    #[command(flatten)]
    of: RunArgs,
    /// The account whose market is watched; any where none is named.
    #[arg(long, value_name = "NUMBER")]
    account: Option<String>,
}

/// What live and paper have in common.
#[derive(Debug, Args)]
struct RunArgs {
    /// The SQLite file that keeps the run. It is of one account and one kind of trading.
    #[arg(long, value_name = "FILE")]
    db: PathBuf,
    /// What is traded, as the broker spells it: the dated contract, such as WINZ26, or EURUSD.
    #[arg(long, value_name = "S")]
    symbol: String,
    /// Where to wait for the bridge (MT5_LISTEN).
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// End at this time of the trading zone, as 17:50.
    #[arg(long, value_name = "HH:MM", value_parser = time_of_day)]
    until: Option<u32>,
    /// End when the bridge says that its market has ended.
    #[arg(long)]
    until_end: bool,
    #[command(flatten)]
    settings: SettingsArgs,
}

impl Live {
    pub(super) fn run(self, json: bool) -> anyhow::Result<u8> {
        let Self { of, account, arm, confirm_account, real, after_demo, without_demo, flatten_on_exit } = self;
        let mode = if arm { Mode::Armed } else { Mode::DryRun };
        let real = match (real, after_demo, without_demo) {
            (false, ..) => Real::No,
            (true, Some(path), _) => Real::AfterDemo(path),
            (true, None, true) => Real::WithoutDemo,
            (true, None, false) => {
                let text = "--real trades real money: name the database of a demo run with --after-demo DEMO.sqlite, or \
                            say --without-demo";
                return Err(Usage(text.to_owned()).into());
            }
        };
        let loaded = of.load()?;
        if arm {
            confirm(account.as_deref().unwrap_or_default(), confirm_account.as_deref(), &real, &of)?;
        }
        let request = of.request(mode, account, real, flatten_on_exit);
        go(&request, &loaded, json)
    }
}

impl Paper {
    pub(super) fn run(self, json: bool) -> anyhow::Result<u8> {
        let Self { of, account } = self;
        let loaded = of.load()?;
        let request = of.request(Mode::Paper, account, Real::No, false);
        go(&request, &loaded, json)
    }
}

impl RunArgs {
    fn load(&self) -> anyhow::Result<Loaded> {
        self.settings.load(self.listen.iter().map(|listen| ("MT5_LISTEN".to_owned(), listen.clone())))
    }

    fn request(self, mode: Mode, account: Option<String>, real: Real, flatten_on_exit: bool) -> LiveRequest {
        let Self { db, symbol, until, until_end, .. } = self;
        let console = true;
        LiveRequest { db, symbol, mode, account, real, until, until_end, flatten_on_exit, console }
    }
}

/// The account's number has to be typed a second time: by hand where somebody is there.
fn confirm(account: &str, again: Option<&str>, real: &Real, of: &RunArgs) -> anyhow::Result<()> {
    let typed = match again {
        Some(again) => again.to_owned(),
        None if io::stdin().is_terminal() => {
            let (on, off) = if colour() { ("\u{1b}[1;31m", "\u{1b}[0m") } else { ("", "") };
            let what = match real {
                Real::No => "Orders will be sent.".to_owned(),
                _ => format!("{on}Orders will be sent, and it may be REAL MONEY.{off}"),
            };
            let mut err = io::stderr().lock();
            write!(err, "{what} {} on account {account}. Type the account's number to arm: ", of.symbol)?;
            err.flush()?;
            let mut line = String::new();
            io::stdin().lock().read_line(&mut line)?;
            line.trim().to_owned()
        }
        None => {
            let text = "nobody is there to type the account's number: add --confirm-account NUMBER";
            return Err(Usage(text.to_owned()).into());
        }
    };
    if typed == account {
        return Ok(());
    }
    Err(Usage(format!("`{typed}` is not the account {account} that --account names: nothing was started")).into())
}

fn go(request: &LiveRequest, loaded: &Loaded, json: bool) -> anyhow::Result<u8> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let begun = |beginning: &Beginning| {
        let said = if json {
            serde_json::to_string(beginning).map(|line| format!("{line}\n")).unwrap_or_default()
        } else {
            show::live::beginning(beginning)
        };
        // Nobody reads it: the operator's log has it, too.
        let _ = print(&said);
    };
    let done: Result<Statement, LiveError> = runtime.block_on(async {
        let stop = Arc::new(Stop::default());
        if let Err(error) = stop.on_signals() {
            return Err(LiveError::Usage(format!("signals cannot be listened to: {error}")));
        }
        Box::pin(run(request, loaded, stop, begun)).await
    });
    runtime.shutdown_background();
    let statement = done?;
    if json {
        print_json(&statement)?;
    } else {
        print(&show::live::statement(&statement))?;
    }
    let sound = statement.reconciled || statement.mode != Mode::Armed && statement.differences.is_empty();
    Ok(if sound { 0 } else { FAILED })
}

fn time_of_day(text: &str) -> Result<u32, String> {
    let wrong = || "a time of the day, such as 17:50".to_owned();
    let (hour, minute) = text.split_once(':').ok_or_else(wrong)?;
    let part = |text: &str, most: u32| {
        text.parse().ok().filter(|number: &u32| *number < most && text.len() == 2).ok_or_else(wrong)
    };
    Ok((part(hour, 24)? * 60 + part(minute, 60)?) * 60)
}
