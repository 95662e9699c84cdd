//! The operator's mailbox: a folder beside the database, in which commands are dropped and answered as files.
//!
//! Every file is written under another name and renamed, so that nobody reads half of one. A command has a name of its
//! own and is carried out once, however often it is seen. What cannot be read is moved aside and answered with why; it
//! never stops an engine.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use alavanca_kernel::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::as_text;
use super::status::Status;

/// No command is longer, in bytes.
const COMMAND_MAX: u64 = 16 * 1024;
/// A command that needs the engine there and then is not carried out when it is older.
const STALE_SECONDS: i64 = 600;
/// Answers are kept for so long.
const ANSWERS_KEPT: Duration = Duration::from_hours(168);
const ID_MAX: usize = 64;

/// The folder of one database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    folder: PathBuf,
}

/// What an operator can want of a running engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "command")]
pub enum Wish {
    /// No entries until `resume`.
    Halt,
    /// Only exits until `resume`.
    ReduceOnly,
    /// Close everything, and see that it is closed.
    Flatten {
        /// What the engine does not know, too.
        #[serde(default)]
        everything: bool,
    },
    /// Entries again.
    Resume,
}

/// A command as it lies in the mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// Its name: letters, digits and `-`.
    pub id: String,
    /// What is wanted.
    #[serde(flatten)]
    pub wish: Wish,
    /// Why.
    pub reason: String,
    /// When it was said, by the machine's clock.
    #[serde(with = "as_text::time")]
    pub given_at: Timestamp,
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The command's name.
    pub id: String,
    /// Whether it was done.
    pub accepted: bool,
    /// What was done, or why not and what to do.
    pub text: String,
    /// When, by the machine's clock.
    #[serde(with = "as_text::time")]
    pub at: Timestamp,
}

/// What lay in the mailbox.
#[derive(Debug, PartialEq, Eq)]
pub enum Letter {
    /// A command, to be carried out and [answered](Mailbox::answer).
    Command(Command),
    /// Something else. It was moved aside, and answered where its name allowed.
    Refused {
        /// The file's name.
        file: String,
        /// What was wrong with it.
        why: String,
    },
}

/// Why the mailbox cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the operator's folder: {what} ({path}): {error}")]
pub struct MailboxError {
    what: &'static str,
    path: PathBuf,
    error: io::Error,
}

impl Wish {
    /// How it is written on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Halt => "halt",
            Self::ReduceOnly => "reduce-only",
            Self::Flatten { everything: false } => "flatten",
            Self::Flatten { everything: true } => "flatten --everything",
            Self::Resume => "resume",
        }
    }

    /// Whether it holds for an engine that starts later: what stops entries does.
    pub const fn is_latched(self) -> bool {
        matches!(self, Self::Halt | Self::ReduceOnly)
    }
}

impl Command {
    /// A command that was said now.
    pub fn new(wish: Wish, reason: &str, given_at: Timestamp) -> Self {
        let id = format!("{}-{}-{}", wish.as_str().replace(" --", "-"), given_at.micros(), std::process::id());
        Self { id, wish, reason: reason.to_owned(), given_at }
    }
}

impl Mailbox {
    /// The folder of that database: its name and `.live`. Nothing is made.
    pub fn of(database: &Path) -> Self {
        let mut name = database.as_os_str().to_owned();
        name.push(".live");
        Self { folder: PathBuf::from(name) }
    }

    /// Makes the folder where there is none, for its owner alone.
    ///
    /// # Errors
    /// Where it cannot be made or kept to its owner.
    pub fn make(&self) -> Result<(), MailboxError> {
        for folder in [self.folder.clone(), self.commands(), self.answers(), self.refused(), self.statements_folder()] {
            let failed = |error| MailboxError { what: "it cannot be made", path: folder.clone(), error };
            let mut builder = DirBuilder::new();
            builder.recursive(true);
            #[cfg(unix)]
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
            builder.create(&folder).map_err(failed)?;
            #[cfg(unix)]
            {
                let owner_only = std::os::unix::fs::PermissionsExt::from_mode(0o700);
                fs::set_permissions(&folder, owner_only).map_err(failed)?;
            }
        }
        Ok(())
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The kill file: while it is there, the engine is halted.
    pub fn kill_file(&self) -> PathBuf {
        self.folder.join("HALT")
    }

    /// Where the secret is kept that engine and bridge share, where no setting names another place.
    pub fn secret_file(&self) -> PathBuf {
        self.folder.join("secret")
    }

    /// Where everything is kept that the operator was told.
    pub fn log_file(&self) -> PathBuf {
        self.folder.join("log.txt")
    }

    /// Where each trading day's statement is kept.
    pub fn statements_folder(&self) -> PathBuf {
        self.folder.join("statements")
    }

    /// The statements that are kept, oldest day first.
    pub fn statements(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.statements_folder()).into_iter().flatten().flatten();
        let is_whole = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "json");
        let mut paths: Vec<_> = entries.map(|entry| entry.path()).filter(is_whole).collect();
        paths.sort();
        paths
    }

    /// Drops a command.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn drop_command(&self, command: &Command) -> Result<(), MailboxError> {
        self.make()?;
        // In the order in which they were said.
        let name = format!("{:020}-{}.json", command.given_at.micros(), command.id);
        write_whole(&self.commands().join(name), command)
    }

    /// Takes what lies there, in the order in which it was said. A command is seen again until it is answered.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    pub fn take(&self, now: Timestamp) -> Result<Vec<Letter>, MailboxError> {
        let folder = self.commands();
        let failed = |error| MailboxError { what: "commands cannot be read", path: folder.clone(), error };
        let mut names = Vec::new();
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            // Being written.
            if !name.to_string_lossy().ends_with(PART) {
                names.push(name);
            }
        }
        names.sort();
        Ok(names.iter().filter_map(|name| self.letter(&folder.join(name), now)).collect())
    }

    fn letter(&self, path: &Path, now: Timestamp) -> Option<Letter> {
        let command = match read_command(path) {
            Ok(command) => command,
            // Taken away meanwhile.
            Err(_) if !path.exists() => return None,
            Err(why) => return Some(self.refuse(path, why)),
        };
        if let Some(answer) = self.answer_to(&command.id) {
            // Answered by an engine that ended before it could take it out.
            let _ = fs::remove_file(path);
            return Some(Letter::Refused {
                file: shown(path),
                why: format!("it was answered before: {}", answer.text),
            });
        }
        let age = now.secs() - command.given_at.secs();
        if age > STALE_SECONDS && !command.wish.is_latched() {
            let why = format!("`{}` was said {} minutes ago: say it again", command.wish.as_str(), age / 60);
            let answer = Answer { id: command.id, accepted: false, text: why.clone(), at: now };
            let _ = write_whole(&self.answers().join(format!("{}.json", answer.id)), &answer);
            return Some(self.refuse(path, why));
        }
        Some(Letter::Command(command))
    }

    /// Moves a file aside that is no command.
    fn refuse(&self, path: &Path, why: String) -> Letter {
        let file = shown(path);
        let aside = self.refused().join(&file);
        if fs::rename(path, &aside).is_err() {
            // Whatever it is, it must not be met again.
            let _ = fs::remove_file(path).or_else(|_| fs::remove_dir_all(path));
        }
        let note = aside.with_extension("why.txt");
        let _ = fs::write(note, format!("{why}\n"));
        Letter::Refused { file, why }
    }

    /// Answers a command and takes it out.
    ///
    /// # Errors
    /// Where the answer cannot be written; the command is seen again then.
    pub fn answer(&self, answer: &Answer) -> Result<(), MailboxError> {
        write_whole(&self.answers().join(format!("{}.json", answer.id)), answer)?;
        let folder = self.commands();
        let failed = |error| MailboxError { what: "a command cannot be taken out", path: folder.clone(), error };
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if read_command(&path).is_ok_and(|command| command.id == answer.id) {
                fs::remove_file(path).map_err(failed)?;
            }
        }
        Ok(())
    }

    /// The answer to a command, where there is one.
    pub fn answer_to(&self, id: &str) -> Option<Answer> {
        read_whole(&self.answers().join(format!("{id}.json"))).ok()
    }

    /// Waits for an answer; `None` where none came in time.
    pub fn wait_for_answer(&self, id: &str, at_most: Duration) -> Option<Answer> {
        let begun = Instant::now();
        loop {
            let answer = self.answer_to(id);
            if answer.is_some() || begun.elapsed() >= at_most {
                return answer;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Says how the engine stands.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write_status(&self, status: &Status) -> Result<(), MailboxError> {
        write_whole(&self.folder.join("status.json"), status)
    }

    /// How the engine stood when it last said so; `None` where none ever did, or it cannot be read.
    pub fn status(&self) -> Option<Status> {
        read_whole(&self.folder.join("status.json")).ok()
    }

    /// Whether the kill file is there. A folder that cannot be looked at counts as one with it.
    pub fn is_killed(&self) -> bool {
        self.kill_file().try_exists().unwrap_or(true)
    }

    /// What lies there, in the order in which it was said.
    pub fn waiting(&self) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(self.commands()).into_iter().flatten().flatten().map(|of| of.path()).collect();
        names.sort();
        let told = |path: &PathBuf| read_command(path).ok().map(|of| format!("{} ({})", of.wish.as_str(), of.given_at));
        names.iter().filter_map(told).collect()
    }

    /// Removes answers that nobody waits for any more.
    pub fn sweep(&self) {
        let old = |path: &Path| {
            let written = fs::metadata(path).and_then(|facts| facts.modified()).ok();
            written.and_then(|at| at.elapsed().ok()).is_some_and(|age| age > ANSWERS_KEPT)
        };
        for entry in fs::read_dir(self.answers()).into_iter().flatten().flatten() {
            if old(&entry.path()) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    fn commands(&self) -> PathBuf {
        self.folder.join("commands")
    }

    fn answers(&self) -> PathBuf {
        self.folder.join("answers")
    }

    fn refused(&self) -> PathBuf {
        self.folder.join("refused")
    }
}

/// Ends the name of a file that is being written.
const PART: &str = ".part";

pub(super) fn write_whole(path: &Path, value: &impl Serialize) -> Result<(), MailboxError> {
    let failed = |error| MailboxError { what: "it cannot be written", path: path.to_owned(), error };
    let mut part = path.as_os_str().to_owned();
    part.push(PART);
    let part = PathBuf::from(part);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&part).map_err(failed)?;
    let text = serde_json::to_string_pretty(value).map_err(|error| failed(error.into()))?;
    file.write_all(text.as_bytes()).and_then(|()| file.write_all(b"\n")).map_err(failed)?;
    fs::rename(&part, path).map_err(failed)
}

fn read_whole<T: DeserializeOwned>(path: &Path) -> io::Result<T> {
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}

fn read_command(path: &Path) -> Result<Command, String> {
    let facts = fs::symlink_metadata(path).map_err(|error| error.to_string())?;
    if !facts.is_file() {
        return Err("it is no file".to_owned());
    }
    if path.extension().is_none_or(|extension| extension != "json") {
        return Err("its name does not end in .json".to_owned());
    }
    if facts.len() > COMMAND_MAX {
        return Err(format!("it is longer than {COMMAND_MAX} bytes"));
    }
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(COMMAND_MAX).read_to_string(&mut text));
    read.map_err(|error| format!("it cannot be read: {error}"))?;
    let command: Command = serde_json::from_str(&text).map_err(|error| format!("it is no command: {error}"))?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if command.id.is_empty() || command.id.len() > ID_MAX || !command.id.bytes().all(is_plain) {
        return Err(format!("its id is not 1 to {ID_MAX} letters, digits and -"));
    }
    Ok(command)
}

fn shown(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Answer, Command, Letter, Mailbox, Wish, fs};
    use alavanca_kernel::Timestamp;

    const NOON: Timestamp = Timestamp::from_secs(1_790_000_000);

    fn mailbox() -> (tempfile::TempDir, Mailbox) {
        let folder = tempfile::tempdir().unwrap();
        let mailbox = Mailbox::of(&folder.path().join("run.sqlite"));
        mailbox.make().unwrap();
        (folder, mailbox)
    }

    fn done(id: &str) -> Answer {
        Answer { id: id.to_owned(), accepted: true, text: "halted".to_owned(), at: NOON }
    }

    #[test]
    fn a_command_is_seen_until_it_is_answered_and_then_never_again() {
        let (_folder, mailbox) = mailbox();
        let first = Command::new(Wish::Halt, "news", NOON);
        let second = Command::new(Wish::Flatten { everything: true }, "", NOON.plus_secs(1));
        // Said later, dropped earlier.
        mailbox.drop_command(&second).unwrap();
        mailbox.drop_command(&first).unwrap();
        let both = [Letter::Command(first.clone()), Letter::Command(second.clone())];
        assert_eq!(mailbox.take(NOON).unwrap(), both);
        assert_eq!(mailbox.take(NOON).unwrap(), both, "not answered, so not forgotten");
        mailbox.answer(&done(&first.id)).unwrap();
        assert_eq!(mailbox.take(NOON).unwrap(), [Letter::Command(second)]);
        assert_eq!(mailbox.answer_to(&first.id), Some(done(&first.id)));
        // The same again: it was answered.
        mailbox.drop_command(&first).unwrap();
        let again = mailbox.take(NOON).unwrap();
        assert!(matches!(&again[0], Letter::Refused { why, .. } if why.contains("answered before")), "{again:?}");
        assert_eq!(mailbox.take(NOON).unwrap().len(), 1);
    }

    #[test]
    fn what_was_said_long_ago_counts_only_where_it_stops_entries() {
        let (_folder, mailbox) = mailbox();
        let later = NOON.plus_secs(3_600);
        let halt = Command::new(Wish::Halt, "", NOON);
        let resume = Command::new(Wish::Resume, "", NOON);
        mailbox.drop_command(&halt).unwrap();
        mailbox.drop_command(&resume).unwrap();
        let letters = mailbox.take(later).unwrap();
        assert!(letters.contains(&Letter::Command(halt)), "{letters:?}");
        assert!(letters.iter().any(|of| matches!(of, Letter::Refused { why, .. } if why.contains("60 minutes ago"))));
        assert!(!mailbox.answer_to(&resume.id).unwrap().accepted, "whoever waits is told");
    }

    #[cfg(unix)]
    #[test]
    fn the_folder_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let (_folder, mailbox) = mailbox();
        fs::set_permissions(mailbox.folder(), fs::Permissions::from_mode(0o755)).unwrap();
        mailbox.make().unwrap();
        mailbox.drop_command(&Command::new(Wish::Halt, "", NOON)).unwrap();
        let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(mailbox.folder()), 0o700);
        let file = fs::read_dir(mailbox.commands()).unwrap().next().unwrap().unwrap().path();
        assert_eq!(mode(&file), 0o600);
    }

    #[test]
    fn the_kill_file_is_seen() {
        let (_folder, mailbox) = mailbox();
        assert!(!mailbox.is_killed());
        fs::write(mailbox.kill_file(), "").unwrap();
        assert!(mailbox.is_killed());
    }

    proptest! {
        /// Whatever lies in the folder: it is moved aside, said once, and a command among it is still found.
        #[test]
        fn garbage_is_moved_aside_and_hides_no_command(
            files in proptest::collection::vec(("[a-z0-9.]{1,12}", proptest::collection::vec(any::<u8>(), 0..200)), 0..6),
        ) {
            let (_folder, mailbox) = mailbox();
            for (name, bytes) in &files {
                // `.` and `..` are no files.
                let _ = fs::write(mailbox.commands().join(name), bytes);
            }
            let _ = fs::create_dir(mailbox.commands().join("folder.json"));
            let halt = Command::new(Wish::Halt, "", NOON);
            mailbox.drop_command(&halt).unwrap();
            let letters = mailbox.take(NOON).unwrap();
            prop_assert!(letters.contains(&Letter::Command(halt.clone())));
            prop_assert_eq!(mailbox.take(NOON).unwrap(), vec![Letter::Command(halt)]);
        }

        /// A command of which a part is missing or another letter stands in it is never another command.
        #[test]
        fn a_garbled_command_is_refused_or_the_same(cut in 0_usize..160, letter in any::<u8>()) {
            let (_folder, mailbox) = mailbox();
            let command = Command::new(Wish::Resume, "all is well", NOON);
            let whole = serde_json::to_vec(&command).unwrap();
            let mut bytes = whole.clone();
            bytes.truncate(cut);
            let file = mailbox.commands().join("1.json");
            fs::write(&file, &bytes).unwrap();
            let read = mailbox.take(NOON).unwrap();
            prop_assert!(bytes == whole || matches!(&read[..], [Letter::Refused { .. }]), "{:?}", read);
            let mut bytes = whole.clone();
            let place = cut.min(bytes.len() - 1);
            bytes[place] = letter;
            fs::write(&file, &bytes).unwrap();
            for letter in mailbox.take(NOON).unwrap() {
                if let Letter::Command(other) = letter {
                    prop_assert_eq!(other.wish, Wish::Resume);
                }
            }
        }
    }
}
