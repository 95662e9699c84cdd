use std::path::PathBuf;

use alavanca::database::{backup, check, migrate, vacuum};
use alavanca::show;
use alavanca_adapters_sqlite::{Head, Step};
use clap::Subcommand;

use super::import_python::ImportPython;
use super::progress::Bar;
use super::{FAILED, colour, print, print_json};

/// `alavanca db`.
#[derive(Debug, Subcommand)]
pub(super) enum Db {
    /// Find out whether a database is what was written. Changes nothing.
    #[command(after_help = "\
Examples:
  alavanca db check run.sqlite
  alavanca db check run.sqlite --json
  alavanca db check run.sqlite --head \"$(cat run.head)\"      a head that was kept elsewhere

Each row of decisions and of the policy's log carries a hash of itself and of the row before it.
A value that was changed, a row that was taken out and an end that was lost are found, and the
first such row is named. Who computes all hashes anew, or puts the whole file back to an earlier
state, is only found with --head: keep the head that `backtest` and `db check` print somewhere
else. A database that has gone on since still holds it.

An engine may go on writing meanwhile: a copy of one moment is checked, in the folder for
temporary files (TMPDIR names another). Exit code 1 where anything is wrong.")]
    Check {
        /// The database.
        file: PathBuf,
        /// A head that was printed before; it has to be in the database still.
        #[arg(long, value_name = "HEAD")]
        head: Option<Head>,
    },
    /// Bring a database of an older release up to date. As it was, it is kept as FILE.before-SCHEMA.
    #[command(after_help = "\
Examples:
  alavanca db migrate run.sqlite

It is done in one transaction, after the copy is on the disk, and checked afterwards. To go back,
put the copy in the database's place. A database that is up to date is left alone.")]
    Migrate {
        /// The database; no engine may have it open.
        file: PathBuf,
    },
    /// Copy a database while an engine writes it, and check the copy.
    #[command(after_help = "\
Examples:
  alavanca db backup run.sqlite backups/run-2026-03-11.sqlite

The copy is of one moment and one file; it overwrites nothing, and gets its name when it is whole,
sound and on the disk. (Copying the file by other means loses what still stands in its -wal file.)")]
    Backup {
        /// The database.
        file: PathBuf,
        /// The copy, which must not be there yet.
        to: PathBuf,
    },
    /// Make a database smaller: write it anew without the room that nothing stands in.
    #[command(after_help = "\
Examples:
  alavanca db vacuum run.sqlite

It needs as much room beside the database as the database itself takes, for as long as it lasts.")]
    Vacuum {
        /// The database; no engine may have it open.
        file: PathBuf,
    },
    /// Take over the six tables of an existing trading.db of the Python version.
    ImportPython(ImportPython),
}

impl Db {
    pub(super) fn run(self, json: bool) -> anyhow::Result<u8> {
        let mut bar = Bar::default();
        let mut progress = |step: Step| bar.show(step.as_str(), step as u64, Step::COUNT);
        let sound = match self {
            Self::ImportPython(import) => return import.run(json),
            Self::Check { file, head } => {
                let report = check(&file, head.as_ref(), &mut progress);
                bar.close();
                let report = report?;
                if json {
                    print_json(&report)?;
                } else {
                    print(&show::db_checked(&report, colour()))?;
                }
                report.sound
            }
            Self::Migrate { file } => {
                let report = migrate(&file, &mut progress);
                bar.close();
                let report = report?;
                if json {
                    print_json(&report)?;
                } else {
                    print(&show::db_migrated(&report, colour()))?;
                }
                report.check.is_none_or(|check| check.sound)
            }
            Self::Backup { file, to } => {
                let report = backup(&file, &to, &mut progress);
                bar.close();
                let report = report?;
                if json {
                    print_json(&report)?;
                } else {
                    print(&show::db_backed_up(&report))?;
                }
                true
            }
            Self::Vacuum { file } => {
                let report = vacuum(&file)?;
                if json {
                    print_json(&report)?;
                } else {
                    print(&show::db_vacuumed(&report))?;
                }
                true
            }
        };
        Ok(if sound { 0 } else { FAILED })
    }
}
