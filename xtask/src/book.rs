//! The book of docs/book, built into target/book; and the references that are generated into it.

use std::fs;
use std::process::Stdio;

use anyhow::{Context, Result, bail};

use crate::workspace::{Metadata, cargo, cargo_output, installed, root};

/// Builds the book. A warning is a failure: mdBook only warns where a page or an included file is missing.
pub(crate) fn run() -> Result<()> {
    let summary = fs::read_to_string(root().join("docs/book/src/SUMMARY.md")).context("reading the book's summary")?;
    let left_out = left_out(&summary)?;
    if !left_out.is_empty() {
        bail!("pages of docs that the book's SUMMARY.md leaves out: {}", left_out.join(", "));
    }
    let target = Metadata::read()?.target_directory.join("book");
    let output = installed("mdbook")
        .args(["build", "docs/book", "--dest-dir"])
        .arg(&target)
        .current_dir(root())
        .stdin(Stdio::null())
        .output()
        .context("starting mdbook: `cargo xtask setup` installs it")?;
    let said = String::from_utf8_lossy(&output.stderr);
    let complaints: Vec<_> = said.lines().filter(|line| line.contains("WARN") || line.contains("ERROR")).collect();
    if !output.status.success() || !complaints.is_empty() {
        bail!(
            "mdbook: {}\n  {}",
            output.status,
            if complaints.is_empty() { said.trim().to_owned() } else { complaints.join("\n  ") }
        );
    }
    println!("book: built into {}", target.display());
    Ok(())
}

/// Pages of docs and docs/decisions that no chapter stands for.
fn left_out(summary: &str) -> Result<Vec<String>> {
    let mut missing = Vec::new();
    for (folder, prefix) in [("docs", ""), ("docs/decisions", "decisions/")] {
        for entry in fs::read_dir(root().join(folder)).with_context(|| format!("reading {folder}"))? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.extension().is_some_and(|extension| extension == "md")
                && !summary.contains(&format!("({prefix}{name})"))
            {
                missing.push(format!("{folder}/{name}"));
            }
        }
    }
    missing.sort();
    Ok(missing)
}

/// Writes what the book has of the settings and the store's tables. That it is up to date is a test's to check.
pub(crate) fn write_references() -> Result<()> {
    let settings = ["run", "--locked", "--quiet", "--package", "alavanca", "--bin", "alavanca", "--"];
    let settings = cargo_output(&[&settings[..], &["config", "defaults", "--markdown"]].concat())?;
    fs::write(root().join("docs/book/src/reference/settings.md"), settings)
        .context("writing the settings' reference")?;
    let status = cargo()
        .args(["test", "--locked", "--quiet", "--package", "alavanca", "--test", "references"])
        .env("ALAVANCA_WRITE", "1")
        .status()
        .context("starting cargo")?;
    if !status.success() {
        bail!("the storage reference was not written");
    }
    println!("references: docs/book/src/reference is written anew");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_no_chapter_stands_for_is_named() {
        let summary = fs::read_to_string(root().join("docs/book/src/SUMMARY.md")).unwrap();
        assert_eq!(left_out(&summary).unwrap(), Vec::<String>::new());
        let without = summary.replace("(glossary.md)", "()").replace("(decisions/0012-wheel.md)", "()");
        assert_eq!(left_out(&without).unwrap(), ["docs/decisions/0012-wheel.md", "docs/glossary.md"]);
    }
}
