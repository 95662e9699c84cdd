//! What the operator is told: one line for one thing, on the console and in a file that is only added to.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use alavanca_kernel::Timestamp;
use alavanca_ports::{Notice, Notifier, Severity};
use async_trait::async_trait;

/// Tells the operator, on standard error and in the log file. The file of an earlier day is kept under that day's name.
#[derive(Debug)]
pub struct OperatorLog {
    path: PathBuf,
    file: Option<File>,
    /// The day of what is in the file, `YYYY-MM-DD`.
    day: String,
    console: bool,
    colour: bool,
}

impl OperatorLog {
    /// Into that file, and on the console where it is wanted.
    pub fn new(path: PathBuf, console: bool) -> Self {
        let colour = console && io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let day = fs::read_to_string(&path).unwrap_or_default();
        let day = day.lines().next().and_then(|line| line.get(..10)).unwrap_or_default().to_owned();
        Self { path, file: None, day, console, colour }
    }

    /// Tells it. What cannot be written does not stop anything.
    pub fn tell(&mut self, severity: Severity, text: &str, at: Timestamp) {
        let stamp = at.to_string();
        // One line for one thing, also for those who look for lines.
        let text = text.replace('\n', " ");
        let line = format!("{stamp} {} {text}\n", name(severity));
        if self.console {
            let shown = if self.colour { format!("{}{line}{RESET}", tint(severity)) } else { line.clone() };
            let _ = io::stderr().lock().write_all(shown.as_bytes());
        }
        let day = stamp.get(..10).unwrap_or_default();
        if self.day != day {
            self.turn_over(day);
        }
        if self.file.is_none() {
            self.file = self.open();
        }
        if let Some(file) = &mut self.file
            && file.write_all(line.as_bytes()).is_err()
        {
            self.file = None;
        }
    }

    /// Writes it into the file alone: the console hears of it in another way.
    pub fn keep(&mut self, severity: Severity, text: &str, at: Timestamp) {
        let console = std::mem::replace(&mut self.console, false);
        self.tell(severity, text, at);
        self.console = console;
    }

    /// Puts an earlier day's lines under their day's name.
    fn turn_over(&mut self, day: &str) {
        self.file = None;
        if !self.day.is_empty() && self.path.exists() {
            let kept = self.path.with_file_name(format!("log.{}.txt", self.day));
            // A clock that was put back must not write over what was kept.
            if !kept.exists() {
                let _ = fs::rename(&self.path, kept);
            }
        }
        day.clone_into(&mut self.day);
    }

    fn open(&self) -> Option<File> {
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&self.path).ok()
    }
}

#[async_trait]
impl Notifier for OperatorLog {
    async fn notify(&mut self, notice: Notice) {
        self.tell(notice.severity, &notice.text, notice.at);
    }
}

const RESET: &str = "\u{1b}[0m";

fn name(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info    ",
        Severity::Warning => "warning ",
        Severity::Critical => "CRITICAL",
    }
}

fn tint(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "",
        Severity::Warning => "\u{1b}[33m",
        Severity::Critical => "\u{1b}[1;31m",
    }
}

#[cfg(test)]
mod tests {
    use super::{OperatorLog, Severity, Timestamp, fs};

    #[test]
    fn each_day_has_its_file_and_nothing_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.txt");
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        let day = |days: i64| Timestamp::from_secs(1_790_000_000 + days * 86_400);
        let mut log = OperatorLog::new(path.clone(), false);
        log.tell(Severity::Info, "one\ntwo", day(0));
        log.tell(Severity::Critical, "naked", day(0));
        assert_eq!(read("log.txt"), "2026-09-21T14:13:20Z info     one two\n2026-09-21T14:13:20Z CRITICAL naked\n");
        // Another run on the next day knows of the day before.
        let mut log = OperatorLog::new(path, false);
        log.tell(Severity::Warning, "next", day(1));
        assert!(read("log.2026-09-21.txt").contains("naked"));
        assert_eq!(read("log.txt"), "2026-09-22T14:13:20Z warning  next\n");
        // A clock that is put back.
        log.tell(Severity::Info, "back", day(0));
        log.tell(Severity::Info, "again", day(1));
        assert!(read("log.2026-09-21.txt").contains("naked"), "kept as it was");
    }
}
