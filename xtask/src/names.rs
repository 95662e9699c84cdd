//! The glossary's names against the code: a word that leads nowhere is worse than none. And each library against its own
//! introduction: what it is, and an example that runs.
//!
//! Two kinds of code spans in docs/glossary.md are checked: paths to our items (`capital::Capital::releverage`, with
//! the crate by its folder), and keys (`RL_UPDATE_BATCH_SIZE`), which some source or configuration file has to name.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::workspace::{Metadata, root};

/// All words and semicolons of one crate's sources, in order.
type Words = Vec<String>;

/// Checks docs/glossary.md and the libraries' introductions.
pub(crate) fn run() -> Result<()> {
    let metadata = Metadata::read()?;
    let mut silent = Vec::new();
    for package in metadata.packages.iter().filter(|package| package.targets_of("lib").next().is_some()) {
        let path = package.folder(&metadata.workspace_root).join("src/lib.rs");
        let text = fs::read_to_string(metadata.workspace_root.join(&path))?;
        silent.extend(unintroduced(&text).map(|what| format!("{}: {what}", path.display())));
    }
    if !silent.is_empty() {
        bail!("a library opens with what it is, what it is not, and an example that runs:\n  {}", silent.join("\n  "));
    }
    let mut crates = BTreeMap::new();
    for package in &metadata.packages {
        let folder = package.folder(&metadata.workspace_root);
        let name = folder.file_name().map(|name| name.to_string_lossy().replace('-', "_")).unwrap_or_default();
        let mut words = Words::new();
        read_words(&metadata.workspace_root.join(&folder).join("src"), &mut words)?;
        crates.insert(name, words);
    }
    let mut everywhere: BTreeSet<String> = crates.values().flatten().cloned().collect();
    let mut settings = Words::new();
    read_words(&root().join("config"), &mut settings)?;
    everywhere.extend(settings);

    let glossary = fs::read_to_string(root().join("docs/glossary.md")).context("reading docs/glossary.md")?;
    let lost = lost(&glossary, &crates, &everywhere);
    if lost.is_empty() {
        println!("names: what docs/glossary.md names is there");
        return Ok(());
    }
    bail!("docs/glossary.md names what is not there:\n  {}", lost.join("\n  "))
}

/// What a library's introduction lacks.
fn unintroduced(source: &str) -> Option<&'static str> {
    let introduction: Vec<_> = source.lines().map_while(|line| line.strip_prefix("//!")).collect();
    let first = introduction.first().map_or("", |line| line.trim());
    let mut fences = introduction.iter().map(|line| line.trim()).filter(|line| line.starts_with("```"));
    if first.is_empty() || first.starts_with("```") {
        Some("does not begin with a line that says what it is")
    } else if fences.by_ref().step_by(2).any(|fence| fence == "```" || fence == "```rust") {
        None
    } else {
        Some("has no example that runs")
    }
}

/// Every name of the glossary that leads nowhere.
fn lost(glossary: &str, crates: &BTreeMap<String, Words>, everywhere: &BTreeSet<String>) -> Vec<String> {
    // Between two backticks: every second part.
    let spans = glossary.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
    let leads_nowhere = |span: &&str| {
        let mut path = span.trim_end_matches("()").split("::");
        let (first, item, member) = (path.next().unwrap_or_default(), path.next(), path.next());
        match (item, crates.get(first)) {
            (Some(item), Some(words)) => !has_item(words, item) || member.is_some_and(|name| !has_member(words, name)),
            (Some(_), None) => true,
            (None, _) => is_key(span) && !everywhere.contains(*span),
        }
    };
    spans.filter(leads_nowhere).map(str::to_owned).collect()
}

fn is_key(span: &str) -> bool {
    span.contains('_') && span.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// Declared by a word of the language, or, where a macro declares it, named in a `pub use ...;`.
fn has_item(words: &Words, name: &str) -> bool {
    const DECLARING: [&str; 7] = ["struct", "enum", "trait", "type", "fn", "const", "mod"];
    words.windows(2).any(|pair| pair[1] == name && DECLARING.contains(&pair[0].as_str()))
        || words.split(|word| word == ";").any(|statement| {
            let exports = statement.windows(2).rposition(|pair| pair == ["pub", "use"]);
            exports.is_some_and(|begin| statement[begin..].iter().any(|word| word == name))
        })
}

fn has_member(words: &Words, name: &str) -> bool {
    let is_variant = name.starts_with(|c: char| c.is_ascii_uppercase());
    words.windows(2).any(|pair| pair[1] == name && (is_variant || ["fn", "pub", "const"].contains(&pair[0].as_str())))
}

fn read_words(folder: &Path, words: &mut Words) -> Result<()> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    let mut paths: Vec<_> = entries.map(|entry| entry.map(|e| e.path())).collect::<std::io::Result<_>>()?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            read_words(&path, words)?;
        } else {
            let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
            words.extend(split_words(&text));
        }
    }
    Ok(())
}

fn split_words(text: &str) -> impl Iterator<Item = String> {
    let statements = text.split_inclusive(';');
    statements.flat_map(|statement| {
        let words = statement.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
        words.chain(statement.ends_with(';').then_some(";")).map(str::to_owned)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(glossary: &str, expected: &[&str]) {
        let source = "/// RL_SEED\npub struct Capital { pub cap: u32 }\nimpl Capital { pub const fn base(&self) }\n\
                      pub enum Side { Buy }\npub fn touch_bar() {}\nuse std::fmt;\npub use settings::{Learning};\n\
                      let mode = Stray;";
        let words: Words = split_words(source).collect();
        let everywhere = words.iter().cloned().collect();
        let crates = BTreeMap::from([("capital".to_owned(), words)]);
        assert_eq!(lost(glossary, &crates, &everywhere), expected, "{glossary}");
    }

    #[test]
    fn a_library_opens_with_what_it_is_and_an_example() {
        let check = |source: &str, lacks: Option<&str>| assert_eq!(unintroduced(source), lacks, "{source}");
        let no_example = Some("has no example that runs");
        check("//! What it is.\n//!\n//! ```\n//! assert!(true);\n//! ```\nmod x;", None);
        check("//! What it is.\n//! ```text\n//! a picture\n//! ```\n//! ```\n//! assert!(true);\n//! ```", None);
        check("//! What it is.\n//! ```text\n//! a picture\n//! ```\n", no_example);
        check("//! What it is.\n//! ```ignore\n//! x()\n//! ```\n", no_example);
        check("//! What it is.\n\n/// ```\n/// of an item\n/// ```\nfn f() {}", no_example);
        check("mod x;", Some("does not begin with a line that says what it is"));
        check("//! ```\n//! assert!(true);\n//! ```", Some("does not begin with a line that says what it is"));
    }

    #[test]
    fn names_that_are_there_pass() {
        check("| `calc_base_contracts()` | `capital::Capital::base` | `RL_SEED` |", &[]);
        check("`capital::Capital::cap`, `capital::Side::Buy`, `capital::touch_bar`, `capital::Learning`", &[]);
        check("capital::Nothing outside of code, and `HOLD`, a stored word without underscores", &[]);
    }

    #[test]
    fn names_that_lead_nowhere_are_listed() {
        check("`capital::Kapital`", &["capital::Kapital"]);
        check("`capital::Stray` is used, `capital::fmt` imported", &["capital::Stray", "capital::fmt"]);
        check("`capital::Capital::sum`", &["capital::Capital::sum"]);
        check("`capital::Side::Hold`", &["capital::Side::Hold"]);
        check("`money::Capital`", &["money::Capital"]);
        check("`RL_SEED` and `RL_SEEDS`", &["RL_SEEDS"]);
    }
}
