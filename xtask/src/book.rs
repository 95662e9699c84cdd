//! The book of docs/book, built into target/book; and the references that are generated into it.

use std::process::Stdio;

use anyhow::{Context, Result, bail};

use crate::workspace::{Metadata, cargo, cargo_output, installed, root};

/// Builds the book. A warning is a failure: mdBook only warns where a page or an included file is missing.
pub(crate) fn run() -> Result<()> {
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

/// Writes what the book has of the settings and the store's tables. That it is up to date is a test's to check.
pub(crate) fn write_references() -> Result<()> {
    let settings = ["run", "--locked", "--quiet", "--package", "alavanca", "--bin", "alavanca", "--"];
    let settings = cargo_output(&[&settings[..], &["config", "defaults", "--markdown"]].concat())?;
    std::fs::write(root().join("docs/book/src/reference/settings.md"), settings)
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
