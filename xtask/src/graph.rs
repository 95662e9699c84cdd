//! The packages' edges against `graph.toml`, exactly, and the diagram drawn from it.
//!
//! Three questions to cargo: what each manifest declares (`cargo metadata`), what a domain crate reaches when it is
//! built alone (`cargo tree`, since metadata unifies features over the whole workspace), and what the manifests say
//! word for word (versions belong to the root).

mod diagram;
mod layer;
mod rules;

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::workspace::{Metadata, cargo_output, root};
use layer::Layer;
use rules::{Reached, Violation};

/// `graph.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Declared {
    /// By folder name.
    packages: BTreeMap<String, DeclaredPackage>,
    domain: DomainRules,
}

/// What `graph.toml` says about one package.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DeclaredPackage {
    layer: Layer,
    /// Normal and build dependencies on packages of the workspace.
    uses: Vec<String>,
    /// Dependencies of its tests and benches on packages of the workspace.
    #[serde(default)]
    dev: Vec<String>,
    /// A domain crate's dependencies from outside, beyond what every domain crate may use.
    #[serde(default)]
    external: Vec<String>,
}

/// What holds for every domain crate.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct DomainRules {
    external: Vec<String>,
    forbidden: Vec<String>,
    forbidden_features: BTreeMap<String, Vec<String>>,
}

/// Checks the graph; with `write`, redraws ARCHITECTURE.md first.
pub(crate) fn run(write: bool) -> Result<()> {
    let text = fs::read_to_string(root().join("xtask/graph.toml")).context("reading xtask/graph.toml")?;
    let declared: Declared = toml::from_str(&text).context("reading xtask/graph.toml")?;
    let architecture = root().join("ARCHITECTURE.md");
    let page = fs::read_to_string(&architecture).context("reading ARCHITECTURE.md")?;
    let drawn = diagram::redraw(&page, &diagram::draw(&declared))?;
    if write && drawn != page {
        fs::write(&architecture, &drawn).context("writing ARCHITECTURE.md")?;
        println!("ARCHITECTURE.md redrawn");
    }

    let metadata = Metadata::read()?;
    let mut violations = rules::edges(&declared, &metadata);
    for package in &metadata.packages {
        let manifest = fs::read_to_string(&package.manifest_path)
            .with_context(|| format!("reading {}", package.manifest_path.display()))?;
        violations.extend(rules::manifest(&package.name, &manifest)?);
    }
    for package in metadata.domain() {
        let tree = cargo_output(&[
            "tree",
            "--package",
            &package.name,
            "--all-features",
            "--edges",
            "normal,build",
            "--target",
            "all",
            "--prefix",
            "depth",
            "--no-dedupe",
            "--format",
            "|{p}|{f}",
        ])?;
        violations.extend(rules::reach(&declared, &Reached::parse(&tree)?));
    }
    if !write && drawn != page {
        violations.push(Violation::new(
            "ARCHITECTURE.md",
            "its diagram is not graph.toml's: run `cargo xtask graph --write`",
        ));
    }

    if violations.is_empty() {
        let edges: usize = declared.packages.values().map(|package| package.uses.len() + package.dev.len()).sum();
        println!("graph: {} packages and their {edges} edges are as xtask/graph.toml says", metadata.packages.len());
        return Ok(());
    }
    for violation in &violations {
        println!("{violation}");
    }
    bail!("the graph is not as declared: {} violations", violations.len())
}
