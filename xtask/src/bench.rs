//! Runs the benches and tells what an element costs, from the files that criterion leaves.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::peers;
use crate::table::aligned;
use crate::workspace::{Metadata, cargo};

/// What one bench measured.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Measurement {
    /// Criterion's full name: group, function, parameter.
    pub(crate) name: String,
    /// Time of one iteration in nanoseconds: the slope where criterion fitted one, else the mean.
    pub(crate) iteration_ns: f64,
    /// The bounds of its 95 % interval, in nanoseconds.
    pub(crate) interval_ns: [f64; 2],
    /// What one iteration handles; `None` where the bench does not say.
    pub(crate) elements: Option<u64>,
}

impl Measurement {
    /// Time of one element in nanoseconds; of the iteration where the bench does not say what it handles.
    pub(crate) fn element_ns(&self) -> f64 {
        self.iteration_ns / self.elements.unwrap_or(1) as f64
    }
}

/// Runs the benches (all, or those of the packages named, whose name holds the filter), and prints the table.
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let (mut packages, mut filter, mut measure) = (Vec::new(), None, true);
    let mut rest = arguments.iter();
    while let Some(&argument) = rest.next() {
        match argument {
            "--peers" => return peers::run(Path::new(rest.next().context("--peers needs their folder")?), "5"),
            "--no-run" => measure = false,
            "-p" | "--package" => packages.push(*rest.next().context("-p needs a package")?),
            flag if flag.starts_with('-') => bail!("unknown option `{flag}`"),
            word if filter.is_none() => filter = Some(word),
            word => bail!("one filter at most, not `{word}` as well"),
        }
    }

    let metadata = Metadata::read()?;
    // What an earlier run left of a bench that has since been renamed or removed is no figure of today's code.
    let since = measure.then(SystemTime::now);
    if measure {
        // Named one by one, so that no empty harness of a library is built beside them.
        for package in &metadata.packages {
            let wanted = packages.is_empty() || packages.contains(&package.name.as_str());
            for bench in package.targets_of("bench").filter(|_| wanted) {
                let mut command = cargo();
                command.args(["bench", "--locked", "--package", &package.name, "--bench", bench, "--"]).args(filter);
                if !command.status().context("starting cargo")?.success() {
                    bail!("bench `{bench}` of {} failed", package.name);
                }
            }
        }
    }
    let mut measurements = read(&metadata.target_directory.join("criterion"), since)?;
    measurements.retain(|measurement| filter.is_none_or(|filter| measurement.name.contains(filter)));
    if measurements.is_empty() {
        bail!("criterion left no figures; run `cargo xtask bench` without --no-run");
    }
    print!("\n{}", table(&measurements));
    Ok(())
}

/// What criterion measured last, in the order of its names; with `since`, only what it measured after that.
pub(crate) fn read(folder: &Path, since: Option<SystemTime>) -> Result<Vec<Measurement>> {
    let mut measurements = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        let new = folder.join("new");
        if let Ok(written) = fs::metadata(new.join("estimates.json")).and_then(|file| file.modified())
            && since.is_none_or(|since| written >= since)
        {
            measurements.push(read_one(&new)?);
        }
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path: PathBuf = entry.with_context(|| format!("reading {}", folder.display()))?.path();
            if path.is_dir() {
                open.push(path);
            }
        }
    }
    measurements.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(measurements)
}

fn read_one(folder: &Path) -> Result<Measurement> {
    #[derive(Deserialize)]
    struct Benchmark {
        full_id: String,
        throughput: Option<Throughput>,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Throughput {
        Elements {
            #[serde(rename = "Elements")]
            elements: u64,
        },
        Other(serde::de::IgnoredAny),
    }
    #[derive(Deserialize)]
    struct Estimates {
        mean: Estimate,
        slope: Option<Estimate>,
    }
    #[derive(Deserialize)]
    struct Estimate {
        point_estimate: f64,
        confidence_interval: Interval,
    }
    #[derive(Deserialize)]
    struct Interval {
        lower_bound: f64,
        upper_bound: f64,
    }

    fn parse<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
        let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("reading {}", path.display()))
    }
    let benchmark: Benchmark = parse(&folder.join("benchmark.json"))?;
    let estimates: Estimates = parse(&folder.join("estimates.json"))?;
    let time = estimates.slope.unwrap_or(estimates.mean);
    let elements = match benchmark.throughput {
        Some(Throughput::Elements { elements }) if elements > 0 => Some(elements),
        _ => None,
    };
    Ok(Measurement {
        name: benchmark.full_id,
        iteration_ns: time.point_estimate,
        interval_ns: [time.confidence_interval.lower_bound, time.confidence_interval.upper_bound],
        elements,
    })
}

/// One line per bench: time per element with the half-width of its interval, elements per second.
pub(crate) fn table(measurements: &[Measurement]) -> String {
    let mut rows = vec![["bench", "per element", "±", "elements/s", "elements"].map(str::to_owned)];
    for measurement in measurements {
        let [lower, upper] = measurement.interval_ns;
        rows.push([
            measurement.name.clone(),
            duration(measurement.element_ns()),
            format!("{:.1} %", (upper - lower) / 2.0 / measurement.iteration_ns * 100.0),
            rate(1e9 / measurement.element_ns()),
            measurement.elements.map_or_else(|| "-".to_owned(), |elements| elements.to_string()),
        ]);
    }
    aligned(&rows)
}

fn duration(ns: f64) -> String {
    match ns {
        ns if ns < 1e3 => format!("{ns:.1} ns"),
        ns if ns < 1e6 => format!("{:.2} µs", ns / 1e3),
        ns if ns < 1e9 => format!("{:.2} ms", ns / 1e6),
        ns => format!("{:.2} s", ns / 1e9),
    }
}

fn rate(per_second: f64) -> String {
    match per_second {
        rate if rate >= 1e6 => format!("{:.2} M", rate / 1e6),
        rate if rate >= 1e3 => format!("{:.1} k", rate / 1e3),
        rate => format!("{rate:.1}"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn leave(folder: &Path, benchmark: &str, estimates: &str) {
        let new = folder.join("new");
        fs::create_dir_all(&new).unwrap();
        fs::write(new.join("benchmark.json"), benchmark).unwrap();
        fs::write(new.join("estimates.json"), estimates).unwrap();
    }

    fn estimate(ns: f64) -> String {
        let bounds = format!(r#"{{"confidence_level":0.95,"lower_bound":{},"upper_bound":{}}}"#, ns * 0.9, ns * 1.1);
        format!(r#"{{"confidence_interval":{bounds},"point_estimate":{ns},"standard_error":1.0}}"#)
    }

    #[test]
    fn figures_are_read_per_element_and_the_slope_comes_before_the_mean() {
        let folder = tempfile::tempdir().unwrap();
        leave(
            &folder.path().join("engine/bar/500"),
            r#"{"group_id":"engine","full_id":"engine/bar/500","throughput":{"Elements":500}}"#,
            &format!(r#"{{"mean":{},"slope":{}}}"#, estimate(70_000.0), estimate(50_000.0)),
        );
        leave(
            &folder.path().join("codec"),
            r#"{"group_id":"codec","full_id":"codec","throughput":{"Bytes":64}}"#,
            &format!(r#"{{"mean":{},"slope":null}}"#, estimate(2_500_000.0)),
        );
        fs::create_dir_all(folder.path().join("report")).unwrap();

        let measurements = read(folder.path(), None).unwrap();
        assert_eq!(
            table(&measurements),
            "bench           per element       ±  elements/s  elements\n\
             codec               2.50 ms  10.0 %       400.0         -\n\
             engine/bar/500     100.0 ns  10.0 %     10.00 M       500\n"
        );
        let later = SystemTime::now() + Duration::from_mins(1);
        assert_eq!(read(folder.path(), Some(later)).unwrap(), [], "figures of an earlier run");
    }

    #[test]
    fn a_file_that_is_no_estimate_is_an_error_and_not_a_gap() {
        let folder = tempfile::tempdir().unwrap();
        leave(&folder.path().join("broken"), "{}", "{}");
        let error = format!("{:#}", read(folder.path(), None).unwrap_err());
        assert!(error.contains("benchmark.json"), "{error}");
    }
}
