use std::path::{Path, PathBuf};

use alavanca::recording::folder_of;
use alavanca::replay::{ReplayRequest, day_file, replay};
use alavanca::show;
use clap::Args;

use super::{EXTENSIONS, FAILED, Usage, colour, print, print_json};

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
        if !file.exists() {
            return Err(Usage(self.no_file(&file)).into());
        }
        let extensions = EXTENSIONS.get().cloned().unwrap_or_default();
        let replayed = replay(&ReplayRequest { file, db: self.db, extensions })?;
        if json {
            print_json(&replayed)?;
        } else {
            print(&show::replayed(&replayed, colour()))?;
        }
        Ok(if replayed.identical { 0 } else { FAILED })
    }

    fn no_file(&self, file: &Path) -> String {
        let folder = folder_of(&self.db);
        if file.parent() != Some(&folder) {
            return format!("{} is neither a day, such as 2026-03-10, nor a file", self.day);
        }
        let names = std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
        let days = names.filter_map(|name| Some(name.to_str()?.strip_suffix(".day.gz")?.to_owned()));
        let mut days: Vec<String> = days.collect();
        days.sort_unstable();
        let known = match &days[..] {
            [] => "there are none: `alavanca live` and `alavanca paper` record them".to_owned(),
            [one] => format!("there is {one}"),
            [first, .., last] => format!("there are {}, from {first} to {last}", days.len()),
        };
        format!("no day {} is recorded beside {}: {known}", self.day, self.db.display())
    }
}
