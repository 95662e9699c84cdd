use std::path::PathBuf;

use alavanca::replay::{ReplayRequest, day_file, replay};
use alavanca::show;
use clap::Args;

use super::{EXTENSIONS, FAILED, colour, print, print_json};

/// `alavanca replay`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  alavanca replay 2026-03-10 --db run.sqlite            the day recorded in run.sqlite.live/days
  alavanca replay copied/2026-03-10.day.gz --db run.sqlite
  alavanca replay 2026-03-10 --db run.sqlite --json
It ends with 1 where anything was decided otherwise than stored, and shows the first of it in full.")]
pub(super) struct Replay {
    /// A day, as 2026-03-10, or the file of one.
    #[arg(value_name = "DAY|FILE")]
    day: String,
    /// The database of the run.
    #[arg(long, value_name = "FILE")]
    db: PathBuf,
}

impl Replay {
    pub(super) fn run(self, json: bool) -> anyhow::Result<u8> {
        let file = day_file(&self.day, &self.db);
        let extensions = EXTENSIONS.get().cloned().unwrap_or_default();
        let replayed = replay(&ReplayRequest { file, db: self.db, extensions })?;
        if json {
            print_json(&replayed)?;
        } else {
            print(&show::replayed(&replayed, colour()))?;
        }
        Ok(if replayed.identical { 0 } else { FAILED })
    }
}
