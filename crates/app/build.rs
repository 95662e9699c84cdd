//! Tells the binary which commit it is of, for `--version`.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // From a source archive there is no repository to ask, and none must be made up.
    // A repository that only happens to lie around the sources does not know this file.
    let known = git(&["ls-files", "--error-unmatch", "build.rs"]);
    let commit = known.and_then(|_| git(&["rev-parse", "--short=10", "HEAD"]));
    if let Some(head) = git(&["rev-parse", "--git-path", "logs/HEAD"])
        && Path::new(&head).exists()
    {
        println!("cargo::rerun-if-changed={head}");
    }
    let version = env!("CARGO_PKG_VERSION");
    let text = commit.map_or_else(|| version.to_owned(), |commit| format!("{version} ({commit})"));
    println!("cargo::rustc-env=ALAVANCA_VERSION={text}");
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.trim().is_empty()).then(|| text.trim().to_owned())
}
