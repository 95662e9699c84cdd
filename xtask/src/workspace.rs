//! What cargo says about the workspace.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// The workspace as `cargo metadata --no-deps` tells it.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    /// Every package of the workspace.
    pub(crate) packages: Vec<Package>,
    /// Where the root manifest lies.
    pub(crate) workspace_root: PathBuf,
    /// Where builds go.
    pub(crate) target_directory: PathBuf,
}

/// One package of the workspace.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) manifest_path: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
    #[serde(default)]
    pub(crate) features: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    pub(crate) targets: Vec<Target>,
}

/// One dependency as a manifest declares it.
#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) kind: Option<DependencyKind>,
    #[serde(default)]
    pub(crate) features: Vec<String>,
}

/// What a dependency is for; cargo says nothing for a normal one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DependencyKind {
    Dev,
    Build,
}

/// One thing a package builds.
#[derive(Debug, Deserialize)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) kind: Vec<String>,
}

impl Metadata {
    /// Asks cargo.
    pub(crate) fn read() -> Result<Self> {
        let text = cargo_output(&["metadata", "--format-version", "1", "--no-deps"])?;
        serde_json::from_str(&text).context("reading cargo's metadata")
    }

    /// The packages whose folder lies in `crates/domain`.
    pub(crate) fn domain(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| package.folder(&self.workspace_root).starts_with("crates/domain"))
    }
}

impl Package {
    /// Its folder, as a path from the workspace's root.
    pub(crate) fn folder(&self, root: &Path) -> PathBuf {
        let folder = self.manifest_path.parent().unwrap_or(Path::new(""));
        folder.strip_prefix(root).unwrap_or(folder).to_path_buf()
    }

    /// The names of its targets of a kind (`bench`, `example`, ...).
    pub(crate) fn targets_of(&self, kind: &str) -> impl Iterator<Item = &str> {
        self.targets.iter().filter(move |target| target.kind.iter().any(|k| k == kind)).map(|t| t.name.as_str())
    }
}

/// A `cargo` to run: the one that runs us.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.stdin(Stdio::null()).current_dir(root());
    command
}

/// A program that `cargo install` put where it puts programs, found there also where `PATH` does not lead to it.
pub(crate) fn installed(name: &str) -> Command {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")));
    let there = home.map(|home| home.join("bin").join(name)).filter(|path| path.exists());
    Command::new(there.unwrap_or_else(|| name.into()))
}

/// What a `cargo` command prints.
pub(crate) fn cargo_output(arguments: &[&str]) -> Result<String> {
    let output = cargo().args(arguments).stderr(Stdio::inherit()).output().context("starting cargo")?;
    if !output.status.success() {
        bail!("`cargo {}` failed", arguments.join(" "));
    }
    String::from_utf8(output.stdout).context("cargo's output is no UTF-8")
}

/// The workspace's root: this package's parent folder.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}
