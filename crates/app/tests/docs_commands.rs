//! The commands that the documentation shows, run as it shows them: a page that tells a reader to type what no longer
//! works fails here.
//!
//! Every Markdown page of the repository is read. Lines of its `sh` fences that begin with `alavanca`, or with
//! `cargo run` and run the binary, are run in order by `sh` in one folder for each page; other lines are not. The
//! folder holds `WINZ26_M1.csv` and `EURUSD_M1.csv`, two weeks of a synthetic market as MetaTrader exports them, and
//! `config`, and whatever lies in `docs/samples/NAME` for the page `NAME.md`.
//!
//! - A line that ends in `\` goes on in the next.
//! - A line that is to fail says so: `alavanca config check --set RL_SEED=x   # exits with 2`.
//! - A fence marked `sh,no_run` is shown and not run.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on stops")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use alavanca_adapters_sim::{SyntheticMarket, SyntheticSettings};
use alavanca_kernel::{Instrument, Timestamp};

/// One command of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Shown {
    /// Its line, counted from 1.
    line: usize,
    /// What `sh` is given.
    command: String,
    /// What it has to exit with.
    code: i32,
}

#[test]
fn what_the_pages_tell_to_type_works() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
    let mut pages = Vec::new();
    find_pages(&root, &mut pages);
    pages.sort();
    let read = |page: PathBuf| (commands(&fs::read_to_string(&page).unwrap()), page);
    let pages: Vec<_> = pages.into_iter().map(read).filter(|(commands, _)| !commands.is_empty()).collect();
    assert!(pages.iter().any(|(_, page)| *page == root.join("README.md")), "the README shows no command");

    let (next, failed) = (Mutex::new(pages.iter()), Mutex::new(Vec::new()));
    let dollars = SyntheticSettings {
        price: "1.0850".parse().unwrap(),
        volatility: "0.0001".parse().unwrap(),
        ..SyntheticSettings::default()
    };
    let market = [
        ("WINZ26_M1.csv", export("WIN", -3, SyntheticSettings::default())),
        ("EURUSD_M1.csv", export("EURUSD", 2, dollars)),
    ];
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some((commands, page)) = next.lock().unwrap().next() else { break };
                    if let Err(said) = run(&root, page, commands, &market) {
                        failed.lock().unwrap().push(said);
                    }
                }
            });
        }
    });
    let mut failed = failed.into_inner().unwrap();
    failed.sort();
    assert!(failed.is_empty(), "\n{}", failed.join("\n"));
}

/// Runs a page's commands up to the first that does something else than the page says.
fn run(root: &Path, page: &Path, commands: &[Shown], market: &[(&str, String)]) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in market {
        fs::write(folder.path().join(name), text).unwrap();
    }
    fs::create_dir(folder.path().join("config")).unwrap();
    for file in fs::read_dir(root.join("config")).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), folder.path().join("config").join(file.file_name())).unwrap();
    }
    let samples = root.join("docs/samples").join(page.file_stem().unwrap());
    for sample in fs::read_dir(samples).into_iter().flatten() {
        let sample = sample.unwrap();
        fs::copy(sample.path(), folder.path().join(sample.file_name())).unwrap();
    }
    let binary = Path::new(env!("CARGO_BIN_EXE_alavanca"));
    let usual = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{usual}", binary.parent().unwrap().display());
    for shown in commands {
        let output = Command::new("sh")
            .args(["-e", "-c", &shown.command])
            .current_dir(folder.path())
            .env_clear()
            .env("PATH", &path)
            .env("HOME", folder.path())
            .output()
            .unwrap();
        let code = output.status.code();
        if code != Some(shown.code) {
            let page = page.strip_prefix(root).unwrap().display();
            let code = code.map_or_else(|| "a signal".to_owned(), |code| code.to_string());
            return Err(format!(
                "{page}:{}: `{}` ended with {code}, not {}\n{}",
                shown.line,
                shown.command,
                shown.code,
                String::from_utf8_lossy(&output.stderr)
            ));
        }
    }
    Ok(())
}

fn find_pages(folder: &Path, pages: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !name.starts_with('.') && name != "target" {
            find_pages(&path, pages);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            pages.push(path);
        }
    }
}

/// The commands of a page's `sh` fences.
fn commands(page: &str) -> Vec<Shown> {
    let (mut found, mut lines) = (Vec::new(), page.lines().enumerate());
    // Within a fence: its marks, and whether it is run.
    let mut fence: Option<(String, bool)> = None;
    while let Some((number, line)) = lines.next() {
        let text = line.trim();
        let marks: String = text.chars().take_while(|mark| ['`', '~'].contains(mark)).collect();
        match &fence {
            None if marks.len() >= 3 => {
                let info: Vec<_> = text[marks.len()..].split([',', ' ']).collect();
                let runs = ["sh", "bash", "console"].contains(&info[0]) && !info.contains(&"no_run");
                fence = Some((marks, runs));
            }
            Some((open, _)) if marks.len() >= open.len() && marks == text => fence = None,
            Some((_, true)) => {
                let mut whole = text.to_owned();
                while let Some(begun) = whole.strip_suffix('\\') {
                    let more = lines.next().map_or("", |(_, more)| more.trim());
                    whole = format!("{} {more}", begun.trim_end());
                }
                found.extend(command(&whole).map(|(command, code)| Shown { line: number + 1, command, code }));
            }
            None | Some(_) => {}
        }
    }
    found
}

/// What a line runs, if it runs our binary, and what that has to exit with.
fn command(line: &str) -> Option<(String, i32)> {
    let line = line.strip_prefix("$ ").unwrap_or(line);
    let own = match line.strip_prefix("cargo run ") {
        Some(rest) => {
            let (flags, arguments) = rest.split_once("-- ").or_else(|| Some((rest.strip_suffix("--")?, "")))?;
            let plain = ["--release", "-r", "--quiet", "-q", "--locked"];
            if !flags.split_whitespace().all(|flag| plain.contains(&flag)) {
                return None;
            }
            format!("alavanca {arguments}")
        }
        None => line.to_owned(),
    };
    if own != "alavanca" && !own.starts_with("alavanca ") {
        return None;
    }
    let code = own.rsplit_once("# exits with ").map_or(0, |(_, code)| code.trim().parse().expect("an exit code"));
    Some((own.trim().to_owned(), code))
}

/// Two weeks of a synthetic market as MetaTrader exports them, stamped so many hours from UTC.
fn export(symbol: &str, hours: i64, settings: SyntheticSettings) -> String {
    let instrument = Instrument::preset(symbol).unwrap();
    let settings = SyntheticSettings { days: 10, ..settings };
    let mut text = String::from("<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\n");
    for bar in SyntheticMarket::new(settings, &instrument).unwrap() {
        let (date, time) = stamp(bar.time.plus_secs(hours * 3_600));
        let [open, high, low, close] = [bar.open, bar.high, bar.low, bar.close];
        let volume = bar.volume;
        writeln!(text, "{date}\t{time}\t{open}\t{high}\t{low}\t{close}\t{volume}\t{volume}\t1").unwrap();
    }
    text
}

fn stamp(at: Timestamp) -> (String, String) {
    let text = at.to_string();
    (text[..10].replace('-', "."), text[11..19].to_owned())
}

#[test]
fn commands_are_found_in_their_fences_alone() {
    let page = "\
alavanca outside --of a fence

```sh
alavanca backtest --json > run.json
cargo run --release -- config show \\
    --changed        # only what is no default
cargo run --example custom_brain
cargo run -p other -- backtest
cargo xtask ci
$ alavanca config check --set RL_SEED=x   # exits with 2
```

1. In a list:
   ```sh
   alavanca --version
   ```

```sh,no_run
alavanca backtest --data YOURS.csv
```
```text
alavanca is printed here
```
````md
```sh
alavanca within another fence
```
````
";
    let shown = |line, command: &str, code| Shown { line, command: command.to_owned(), code };
    assert_eq!(
        commands(page),
        [
            shown(4, "alavanca backtest --json > run.json", 0),
            shown(5, "alavanca config show --changed        # only what is no default", 0),
            shown(10, "alavanca config check --set RL_SEED=x   # exits with 2", 2),
            shown(15, "alavanca --version", 0),
        ]
    );
}
