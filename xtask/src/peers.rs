//! Our whole runs beside those of other engines on the same work, in one round, so that ratios hold on a noisy machine.
//!
//! The peers live in a folder of their own (their README says how they are built). Whatever of them is built there runs
//! and prints JSON lines; what is not built is named and left out.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::table::aligned;
use crate::workspace::cargo;

/// One figure of one engine.
#[derive(Clone, PartialEq, Debug)]
struct Figure {
    peer: String,
    per_second: f64,
    ours: bool,
}

/// The lines that we and the peers print; each names its rate differently.
#[derive(Deserialize)]
struct Line {
    work: String,
    peer: String,
    point: Option<f64>,
    fill: Option<String>,
    #[serde(
        alias = "bars_per_s",
        alias = "decisions_per_s",
        alias = "rows_per_s_wall",
        alias = "bars_per_s_cpu",
        alias = "per_sec"
    )]
    per_s: Option<f64>,
}

/// Runs one round and prints it: by work, the fastest first, with the ratio to our slowest figure of that work.
pub(crate) fn run(folder: &Path, runs: &str) -> Result<()> {
    let folder = folder.canonicalize().with_context(|| format!("{} is not there", folder.display()))?;
    let bars = folder.join("bars_500k.csv");
    if !bars.is_file() {
        bail!("{} is not there: run the peers' setup.sh first", bars.display());
    }
    let bars = bars.to_string_lossy().into_owned();
    let mut figures: BTreeMap<String, Vec<Figure>> = BTreeMap::new();

    let mut ours = cargo();
    ours.args(["bench", "--locked", "--quiet", "--package", "alavanca", "--bench", "peers", "--"]);
    ours.args(["--bars", &bars, "--runs", runs]);
    take(&mut ours, true, &mut figures)?;

    let rust = |name: &str| folder.join("rust").join(name).join("target/release").join(name);
    let python = |venv: &str| folder.join("venvs").join(venv).join("bin/python");
    let script = |name: &str| folder.join("scripts").join(name).to_string_lossy().into_owned();
    let out = folder.join("out").to_string_lossy().into_owned();
    let mut rounds: Vec<(std::path::PathBuf, Vec<String>)> = vec![
        (rust("limits"), vec!["loop".into(), bars.clone()]),
        (rust("limits"), vec!["beta".into(), bars.clone()]),
        (rust("limits"), vec!["seedloop".into(), bars.clone()]),
        (rust("limits"), vec!["sqlite".into(), bars.clone()]),
        (rust("peer_seaorm"), vec![out, "20000".into()]),
        ("python3".into(), vec![script("b_python.py")]),
        (python("river"), vec![script("b_river.py")]),
        (
            "python3".into(),
            [&script("e_seed_loop.py"), "--bars", &bars, "--repo", "none", "--point", "0.00001", "--limit", "100000"]
                .map(str::to_owned)
                .to_vec(),
        ),
    ];
    for point in ["0.0001", "0.00001"] {
        rounds.push((rust("peer_rustrade"), vec![bars.clone(), point.into(), "3".into()]));
        let vectorbt = [&script("a_vectorbt.py"), "--bars", &bars, "--engine", "rust", "--point", point];
        rounds.push((python("vectorbt"), vectorbt.map(str::to_owned).to_vec()));
    }
    for (program, arguments) in rounds {
        if program.is_absolute() && !program.exists() {
            eprintln!("left out: {} is not built", program.display());
            continue;
        }
        let mut command = Command::new(&program);
        command.args(&arguments).current_dir(folder.join("scripts")).env("OUTDIR", folder.join("out"));
        if let Err(error) = take(&mut command, false, &mut figures) {
            eprintln!("left out: {error:#}");
        }
    }
    for (work, figures) in &figures {
        println!("\nwork {work}\n{}", table(figures));
    }
    Ok(())
}

fn take(command: &mut Command, ours: bool, figures: &mut BTreeMap<String, Vec<Figure>>) -> Result<()> {
    let shown = command.get_program().to_string_lossy().into_owned();
    let output =
        command.stderr(std::process::Stdio::inherit()).output().with_context(|| format!("starting {shown}"))?;
    if !output.status.success() {
        bail!("{shown} ended with {}", output.status);
    }
    for line in String::from_utf8_lossy(&output.stdout).lines().filter(|line| line.starts_with('{')) {
        let Some((work, figure)) = figure(line, ours) else { continue };
        figures.entry(work).or_default().push(figure);
    }
    Ok(())
}

/// A line's figure, with the work it belongs to; `None` where it says no rate.
fn figure(line: &str, ours: bool) -> Option<(String, Figure)> {
    let line: Line = serde_json::from_str(line).ok()?;
    let per_second = line.per_s.filter(|rate| *rate > 0.0)?;
    let mut peer = line.peer;
    if let Some(point) = line.point {
        peer = format!("{peer} point={point}");
    }
    if let Some(fill) = line.fill {
        peer = format!("{peer} fill={fill}");
    }
    Some((line.work, Figure { peer, per_second, ours }))
}

/// The fastest first. The ratio is to our slowest figure: above 1 the other is faster.
fn table(figures: &[Figure]) -> String {
    let reference = figures.iter().filter(|f| f.ours).map(|f| f.per_second).fold(f64::INFINITY, f64::min);
    let mut sorted: Vec<&Figure> = figures.iter().collect();
    sorted.sort_by(|a, b| b.per_second.total_cmp(&a.per_second));
    let rows = sorted.into_iter().map(|figure| {
        let ratio =
            if reference.is_finite() { format!("{:.3}", figure.per_second / reference) } else { "-".to_owned() };
        let mark = if figure.ours { "*" } else { "" };
        [format!("{}{mark}", figure.peer), format!("{:.0}", figure.per_second), ratio]
    });
    let head = ["who (* ours)", "per second", "to our slowest"].map(str::to_owned);
    aligned(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_says_its_rate_in_its_own_way() {
        for (line, work, peer, rate) in [
            (
                r#"{"work":"A","peer":"x","bars_per_s":5,"point":0.0001,"fill":"next"}"#,
                "A",
                "x point=0.0001 fill=next",
                5.0,
            ),
            (r#"{"work":"B","peer":"y","decisions_per_s":7.5}"#, "B", "y", 7.5),
            (r#"{"work":"C","peer":"z","rows_per_s_wall":9}"#, "C", "z", 9.0),
        ] {
            let (got_work, got) = figure(line, false).unwrap();
            assert_eq!((got_work.as_str(), got.peer.as_str(), got.per_second), (work, peer, rate));
        }
        assert!(figure(r#"{"work":"A","peer":"x"}"#, false).is_none(), "no rate, no figure");
        assert!(figure("{broken", false).is_none());
    }

    #[test]
    fn the_fastest_comes_first_and_ratios_are_to_ours() {
        let figure = |peer: &str, per_second, ours| Figure { peer: peer.to_owned(), per_second, ours };
        let shown = table(&[figure("us", 10.0, true), figure("them", 5.0, false), figure("limit", 40.0, false)]);
        let lines: Vec<&str> = shown.lines().collect();
        assert!(lines[1].starts_with("limit") && lines[1].ends_with("4.000"), "{shown}");
        assert!(lines[2].starts_with("us*") && lines[3].ends_with("0.500"), "{shown}");
    }
}
