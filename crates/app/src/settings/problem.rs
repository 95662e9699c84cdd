//! What can be wrong with settings.

use std::fmt;

/// Everything that is wrong with the settings, at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct SettingsError {
    /// At least one.
    pub problems: Vec<Problem>,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}

impl From<Problem> for SettingsError {
    fn from(problem: Problem) -> Self {
        Self { problems: vec![problem] }
    }
}

/// One thing that is wrong: where it stands, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// There is no such setting.
    #[error("{key} ({origin}) is no setting: {}", alternatives(.near))]
    Unknown {
        /// What was written.
        key: String,
        /// Where.
        origin: String,
        /// The setting that looks most like it.
        near: Option<String>,
    },
    /// A value that cannot be.
    #[error("{key} = {} ({origin}) is not possible: {allowed}{}", shown(.got), beside(.bound))]
    Impossible {
        /// The setting.
        key: String,
        /// What was written.
        got: String,
        /// Where.
        origin: String,
        /// What would be accepted.
        allowed: String,
        /// The setting that bounds it, with its value and origin.
        bound: Option<String>,
    },
    /// The same setting twice in a place where the last would win unseen.
    #[error("{key} stands twice: {first} and {second}; keep one")]
    Twice {
        /// The setting.
        key: String,
        /// Where it stands first.
        first: String,
        /// Where it stands again.
        second: String,
    },
    /// There is no such profile.
    #[error("--profile {name} is not known: known are {known}")]
    Profile {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// A file that cannot be read, or not be understood.
    #[error("{origin}: {why}")]
    File {
        /// The file, with the line where that is known.
        origin: String,
        /// What is wrong with it.
        why: String,
    },
}

#[expect(clippy::ref_option, reason = "the shape that the error's format hands over")]
fn alternatives(near: &Option<String>) -> String {
    match near {
        Some(near) => format!("did you mean {near}?"),
        None => "`alavanca config show` lists all".to_owned(),
    }
}

impl Problem {
    /// The setting whose value cannot be.
    pub(super) fn key(&self) -> Option<&str> {
        match self {
            Self::Impossible { key, .. } => Some(key),
            _ => None,
        }
    }
}

fn shown(got: &str) -> &str {
    if got.is_empty() { "(nothing)" } else { got }
}

#[expect(clippy::ref_option, reason = "the shape that the error's format hands over")]
fn beside(bound: &Option<String>) -> String {
    bound.as_ref().map_or_else(String::new, |bound| format!(" ({bound})"))
}

/// The name that is most like the one that was written, if any is like it.
pub(super) fn nearest<'a>(written: &str, names: impl Iterator<Item = &'a str>) -> Option<(usize, &'a str)> {
    let written = written.to_ascii_uppercase();
    let scored = names.map(|name| (distance(&written, &name.to_ascii_uppercase()), name));
    // A third of it may be wrong.
    scored.min_by_key(|&(distance, _)| distance).filter(|&(distance, name)| distance * 3 <= name.len())
}

/// How many letters must be put in, left out or changed (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, &to) in b.iter().enumerate() {
            let changed = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
