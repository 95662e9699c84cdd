//! Every check that a change has to pass, the quick ones first, and the table of what each took.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::table::aligned;
use crate::workspace::{Metadata, cargo};
use crate::{advisor, book, day, graph, links, names, setup, sidecar};

/// One check.
struct Step {
    name: &'static str,
    why: &'static str,
    work: Vec<Work>,
}

/// What a check does.
enum Work {
    Setup,
    Graph,
    Names,
    Links,
    Book,
    Sidecar,
    Advisor,
    Day,
    Cargo { arguments: Vec<String>, rustdoc_flags: Option<&'static str> },
}

/// Runs the steps named, or all; stops at the first that fails.
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let mut steps = steps(&Metadata::read()?);
    if arguments == ["--list"] {
        let rows: Vec<_> = steps.iter().map(|step| format!("{:<14} {}", step.name, step.why)).collect();
        println!("{}", rows.join("\n"));
        return Ok(());
    }
    if let Some(unknown) = arguments.iter().find(|name| !steps.iter().any(|step| step.name == **name)) {
        let known: Vec<_> = steps.iter().map(|step| step.name).collect();
        bail!("no step `{unknown}`; known are {}", known.join(", "));
    }
    steps.retain(|step| arguments.is_empty() || arguments.contains(&step.name));

    let mut rows = vec![["step".to_owned(), "seconds".to_owned(), "result".to_owned()]];
    let began = Instant::now();
    for step in &steps {
        println!("\n== {}: {}", step.name, step.why);
        let step_began = Instant::now();
        let failed = step.work.iter().find_map(|work| work.run().err().map(|error| (work, error)));
        rows.push([step.name.to_owned(), seconds(step_began.elapsed()), outcome(failed.is_none())]);
        if let Some((work, error)) = failed {
            println!("\n{}", aligned(&rows));
            bail!("step `{}`: {error:#}\n  to run it again: {work}", step.name);
        }
    }
    rows.push(["total".to_owned(), seconds(began.elapsed()), outcome(true)]);
    println!("\n{}", aligned(&rows));
    Ok(())
}

fn seconds(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64())
}

fn outcome(passed: bool) -> String {
    if passed { "ok" } else { "FAILED" }.to_owned()
}

/// All steps. The tests come last: what they say at the end should stand at the end.
fn steps(metadata: &Metadata) -> Vec<Step> {
    let benches = metadata.packages.iter().any(|package| package.targets_of("bench").next().is_some());
    let bench_work = if benches {
        // Each bench runs once, unoptimised: that shows that it works. Its speed is `cargo xtask bench`'s business,
        // and an optimised build of everything would double the time of this run.
        vec![Work::cargo(&["test", "--locked", "--workspace", "--all-features", "--bench", "*"])]
    } else {
        Vec::new()
    };
    vec![
        Step { name: "setup", why: "the tools are there", work: vec![Work::Setup] },
        Step { name: "fmt", why: "formatted", work: vec![Work::cargo(&["fmt", "--all", "--check"])] },
        Step { name: "graph", why: "packages use each other as xtask/graph.toml says", work: vec![Work::Graph] },
        Step { name: "names", why: "what the glossary names is there", work: vec![Work::Names] },
        Step { name: "links", why: "the pages' links lead where they say", work: vec![Work::Links] },
        Step { name: "book", why: "the book builds without warnings", work: vec![Work::Book] },
        Step {
            name: "deny",
            why: "licences, banned crates, sources; advisories need a network",
            work: vec![Work::cargo(&[
                "deny",
                "--locked",
                "--all-features",
                "check",
                "--hide-inclusion-graph",
                "licenses",
                "bans",
                "sources",
            ])],
        },
        Step {
            name: "clippy",
            why: "no warnings in any target",
            work: vec![Work::cargo(&[
                "clippy",
                "--locked",
                "--workspace",
                "--all-targets",
                "--all-features",
                "--",
                "--deny",
                "warnings",
            ])],
        },
        Step { name: "alone", why: "each domain crate compiles alone", work: alone(metadata) },
        Step {
            name: "doc",
            why: "the documentation builds without warnings",
            work: vec![Work::Cargo {
                arguments: words(&["doc", "--locked", "--workspace", "--no-deps", "--all-features"]),
                rustdoc_flags: Some("--deny warnings"),
            }],
        },
        Step { name: "benches", why: "each bench runs, once", work: bench_work },
        Step {
            name: "doctests",
            why: "the documentation's examples hold",
            work: vec![Work::cargo(&["test", "--locked", "--workspace", "--all-features", "--doc"])],
        },
        Step { name: "examples", why: "the app's examples run", work: examples(metadata) },
        Step { name: "bridge-python", why: "the sidecar's tests pass", work: vec![Work::Sidecar] },
        Step { name: "bridge-mql5", why: "the Expert Advisor's source passes its tests", work: vec![Work::Advisor] },
        Step {
            name: "live",
            why: "days over real sockets agree with the exchange, killed or not",
            work: vec![Work::Day],
        },
        Step {
            name: "tests",
            why: "the tests pass",
            work: vec![Work::cargo(&[
                "nextest",
                "run",
                "--locked",
                "--workspace",
                "--all-features",
                "--profile",
                "ci",
            ])],
        },
    ]
}

/// Features unified over the workspace hide that a crate lacks one: so each is checked as if it were the only one.
fn alone(metadata: &Metadata) -> Vec<Work> {
    let ports = metadata.packages.iter().filter(|package| package.name == "alavanca-ports");
    metadata
        .domain()
        .chain(ports)
        .flat_map(|package| {
            let bare = ["check", "--locked", "--package", &package.name, "--no-default-features"];
            let usual = ["check", "--locked", "--package", &package.name];
            let with_features = !package.features.is_empty();
            std::iter::once(Work::cargo(&usual)).chain(with_features.then(|| Work::cargo(&bare)))
        })
        .collect()
}

/// The examples are what people copy: each has to run as it is. Those that are a command line of their own are told to
/// do the main job; the others hear nothing of it.
fn examples(metadata: &Metadata) -> Vec<Work> {
    let app = metadata.packages.iter().filter(|package| package.name == "alavanca");
    app.flat_map(|package| package.targets_of("example"))
        .map(|example| {
            let run = ["run", "--locked", "--package", "alavanca", "--all-features", "--example", example];
            Work::cargo(&[&run[..], &["--", "backtest"]].concat())
        })
        .collect()
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

impl Work {
    fn cargo(arguments: &[&str]) -> Self {
        Self::Cargo { arguments: words(arguments), rustdoc_flags: None }
    }

    fn run(&self) -> Result<()> {
        match self {
            Self::Setup => setup::run(),
            Self::Graph => graph::run(false),
            Self::Names => names::run(),
            Self::Links => links::run(),
            Self::Book => book::run(),
            Self::Sidecar => sidecar::run(),
            Self::Advisor => advisor::run(),
            Self::Day => day::quick(),
            Self::Cargo { arguments, rustdoc_flags } => {
                println!("$ {self}");
                let mut command = cargo();
                command.args(arguments).envs(rustdoc_flags.map(|flags| ("RUSTDOCFLAGS", flags)));
                if std::env::var_os("CI").is_some() {
                    // Nothing is built twice there.
                    command.env("CARGO_INCREMENTAL", "0");
                }
                let status = command.status().context("starting cargo")?;
                if !status.success() {
                    bail!("cargo ended with {status}");
                }
                Ok(())
            }
        }
    }
}

/// The command, ready to be pasted into a shell.
impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setup => f.write_str("cargo xtask setup"),
            Self::Graph => f.write_str("cargo xtask graph"),
            Self::Names => f.write_str("cargo xtask names"),
            Self::Links => f.write_str("cargo xtask links"),
            Self::Book => f.write_str("cargo xtask book"),
            Self::Sidecar => f.write_str("cargo xtask ci bridge-python"),
            Self::Advisor => f.write_str("cargo xtask ci bridge-mql5"),
            Self::Day => f.write_str("cargo xtask ci live"),
            Self::Cargo { arguments, rustdoc_flags } => {
                if let Some(flags) = rustdoc_flags {
                    write!(f, "RUSTDOCFLAGS='{flags}' ")?;
                }
                f.write_str("cargo")?;
                for argument in arguments {
                    let quote = if argument.contains('*') { "'" } else { "" };
                    write!(f, " {quote}{argument}{quote}")?;
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commands(metadata: serde_json::Value, step: &str) -> Vec<String> {
        let steps = steps(&serde_json::from_value(metadata).unwrap());
        let step = steps.into_iter().find(|found| found.name == step).unwrap();
        step.work.iter().map(Work::to_string).collect()
    }

    #[test]
    fn commands_follow_what_the_workspace_has() {
        let package = |name: &str, folder: &str, features: &[&str], targets: serde_json::Value| {
            let features: serde_json::Map<_, _> =
                features.iter().map(|f| ((*f).to_owned(), serde_json::json!([]))).collect();
            serde_json::json!({
                "name": name, "manifest_path": format!("/w/{folder}/Cargo.toml"), "dependencies": [],
                "features": features, "targets": targets,
            })
        };
        let bare = serde_json::json!([]);
        let metadata = serde_json::json!({
            "workspace_root": "/w", "target_directory": "/w/target",
            "packages": [
                package("alavanca-kernel", "crates/domain/kernel", &[], serde_json::json!([{ "name": "k", "kind": ["bench"] }])),
                package("alavanca-ports", "crates/ports", &["async"], bare.clone()),
                package("alavanca", "crates/app", &["x"], serde_json::json!([{ "name": "custom", "kind": ["example"] }])),
            ],
        });
        assert_eq!(
            commands(metadata.clone(), "alone"),
            [
                "cargo check --locked --package alavanca-kernel",
                "cargo check --locked --package alavanca-ports",
                "cargo check --locked --package alavanca-ports --no-default-features",
            ]
        );
        assert_eq!(
            commands(metadata.clone(), "examples"),
            ["cargo run --locked --package alavanca --all-features --example custom -- backtest"]
        );
        assert_eq!(
            commands(metadata.clone(), "benches"),
            ["cargo test --locked --workspace --all-features --bench '*'"]
        );
        assert_eq!(
            commands(metadata, "doc"),
            ["RUSTDOCFLAGS='--deny warnings' cargo doc --locked --workspace --no-deps --all-features"]
        );

        let empty = serde_json::json!({ "workspace_root": "/w", "target_directory": "/w/target", "packages": [] });
        assert_eq!(commands(empty, "benches"), Vec::<String>::new(), "cargo refuses a glob that nothing matches");
    }
}
