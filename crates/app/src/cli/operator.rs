use std::path::PathBuf;

use alavanca::live::mailbox::Wish;
use alavanca::live::operate::{Asked, ask, status};
use alavanca::show;
use clap::Args;

use super::{FAILED, colour, print, print_json};

pub(super) const HALT_EXAMPLES: &str = "\
Examples:
  alavanca halt --db live.sqlite
  alavanca halt --db live.sqlite --reason \"news in five minutes\"

It holds over restarts, also where no engine is running now. A file HALT in the folder live.sqlite.live and the signal
SIGUSR1 do the same.";

pub(super) const REDUCE_ONLY_EXAMPLES: &str = "\
Examples:
  alavanca reduce-only --db live.sqlite --reason \"no more today\"";

/// The database of the engine that is meant.
#[derive(Debug, Args)]
struct Of {
    /// The engine's database.
    #[arg(long, value_name = "FILE")]
    db: PathBuf,
}

/// `alavanca status`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  alavanca status --db live.sqlite
  alavanca status --db live.sqlite --json")]
pub(super) struct Status {
    #[command(flatten)]
    of: Of,
}

/// `alavanca halt` and `alavanca reduce-only`.
#[derive(Debug, Args)]
pub(super) struct Word {
    #[command(flatten)]
    of: Of,
    /// Why, for the log.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    reason: String,
}

/// `alavanca flatten`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  alavanca flatten --db live.sqlite --reason \"the broker announces maintenance\"
  alavanca flatten --db live.sqlite --everything   also what you opened by hand

Nothing is entered afterwards until `resume`. Exit code 0 where the broker says that all is closed, 1 where not.")]
pub(super) struct Flatten {
    #[command(flatten)]
    of: Of,
    /// Close what the engine does not know, too: whatever is open in its symbol on the account.
    #[arg(long)]
    everything: bool,
    /// Why, for the log.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    reason: String,
}

/// `alavanca resume`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  alavanca resume --db live.sqlite --reason \"looked at the account: all is as the books say\"")]
pub(super) struct Resume {
    #[command(flatten)]
    of: Of,
    /// Why it may go on, for the log.
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

impl Status {
    pub(super) fn run(self, json: bool) -> anyhow::Result<u8> {
        let found = status(&self.of.db)?;
        if json {
            print_json(&found)?;
        } else {
            print(&show::live::status(&found, colour()))?;
        }
        Ok(0)
    }
}

impl Word {
    pub(super) fn run(self, wish: Wish, json: bool) -> anyhow::Result<u8> {
        said(&ask(&self.of.db, wish, &self.reason)?, json)
    }
}

impl Flatten {
    pub(super) fn run(self, json: bool) -> anyhow::Result<u8> {
        said(&ask(&self.of.db, Wish::Flatten { everything: self.everything }, &self.reason)?, json)
    }
}

impl Resume {
    pub(super) fn run(self, json: bool) -> anyhow::Result<u8> {
        said(&ask(&self.of.db, Wish::Resume, &self.reason)?, json)
    }
}

fn said(asked: &Asked, json: bool) -> anyhow::Result<u8> {
    if json {
        print_json(asked)?;
    } else {
        print(&format!("{}\n", asked.text))?;
    }
    Ok(if asked.done { 0 } else { FAILED })
}
