//! `cargo xtask live-day` and `cargo xtask torture`: days with everything real but the exchange.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that says what it found")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use alavanca_tests::market_day::{self, Day, Failure, Progress, SCHEDULES, TortureSettings, Workshop};

const HELP: &str = "\
market-day live-day [OPTIONS]   a simulated terminal, a bridge and `alavanca live --arm` through a day
market-day torture  [OPTIONS]   the same, killed and started again
market-day schedules [OPTIONS]  the ways to the damage that the order protocol's model found, until 09:45

  --bridge sidecar|ea                 [sidecar]
  --account netting|exchange|hedging  [netting]
  --seed N                            another market, other kills [1]
  --from HH:MM --to HH:MM             the day's hours, server time [09:00 to 18:00]
  --until HH:MM                       when the engine closes all and ends, server time [17:30]
  --faults FILE                       faults of terminal and exchange; `none` for none
  --kills N                           torture: so many kills [100]
  --kills-a-day N                     torture: so many of them in one day [25]
  --part N/M                          schedules: these alone, as one shares them out [1/1]
  --keep DIR                          where databases, logs and books are left
  --workshop DIR                      the folder of the built programs [target/debug]
  --engine FILE                       the program `alavanca` [the workshop's]
Exit code 1 where database and exchange's books differ.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

struct Options {
    day: Day,
    settings: TortureSettings,
    part: (usize, usize),
    keep: Option<PathBuf>,
    workshop: Workshop,
}

fn run(arguments: &[String]) -> Result<bool, Failure> {
    let (task, rest) = match arguments.split_first() {
        Some((task, rest)) if ["live-day", "torture", "schedules"].contains(&task.as_str()) => (task.as_str(), rest),
        _ => {
            print!("{HELP}");
            return Ok(true);
        }
    };
    let Options { mut day, settings, part, keep, workshop } = options(rest)?;
    if task == "schedules" {
        (day.hours, day.until) = (("09:00".to_owned(), "12:00".to_owned()), 9 * 60 + 45);
    }
    let folder = match &keep {
        Some(folder) => folder.clone(),
        None => std::env::temp_dir().join(format!("alavanca-{task}-{}", std::process::id())),
    };
    let day = Day { short_memory: task == "torture", ..day };
    let began = Instant::now();
    let day_in = |name: String| -> Result<Day, Failure> {
        let folder = folder.join(name);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder)?;
        Ok(Day { folder, ..day.clone() })
    };
    // Several may say something at a time.
    let whose = format!("{task}, {} {}", day.bridge, day.account);
    println!("{whose}: seed {}", day.seed);
    let agrees = if task == "live-day" {
        let verdict = market_day::run(&workshop, &day_in("day".to_owned())?)?;
        print!("{verdict}");
        verdict.agrees()
    } else if task == "schedules" {
        let mut all = true;
        for (number, schedule) in SCHEDULES.iter().enumerate().filter(|(number, _)| number % part.1 == part.0 - 1) {
            let begun = Instant::now();
            let verdict = market_day::keep_to(schedule, &workshop, &day_in(format!("schedule{number}"))?)?;
            let (holds, seconds) = (verdict.agrees(), begun.elapsed().as_secs_f64());
            let holds_or_not = if holds { "holds" } else { "DIFFERS" };
            println!("{whose}: {holds_or_not}, {seconds:.0} s: {}", schedule.undoes);
            if !holds {
                print!("{verdict}");
            }
            all &= holds;
        }
        all
    } else {
        let mut next = |number: u32| {
            let made = day_in(format!("day{number}"))?;
            Ok(Day { seed: day.seed.wrapping_add(u64::from(number)), ..made })
        };
        let mut said = |progress: Progress<'_>| {
            let seconds = began.elapsed().as_secs_f64();
            match progress {
                Progress::Kills(tally) => println!("{whose}: {} kills, {seconds:.0} s", tally.total()),
                Progress::Day(number, verdict, tally) => {
                    let agrees = if verdict.agrees() { "agrees" } else { "DIFFERS" };
                    let seed = day.seed.wrapping_add(u64::from(number));
                    println!("{whose}: day {number}, seed {seed}, {agrees}; {} kills, {seconds:.0} s", tally.total());
                    if !verdict.agrees() {
                        print!("{verdict}");
                    }
                }
            }
        };
        let (tally, agrees) = market_day::torture(&workshop, settings, &mut next, &mut said)?;
        println!("{tally}");
        agrees
    };
    let end = if agrees { "agrees" } else { "DIFFERS" };
    println!("{whose}: {end} in {:.0} s", began.elapsed().as_secs_f64());
    if agrees && keep.is_none() {
        let _ = std::fs::remove_dir_all(&folder);
    } else {
        println!("everything is in {}", folder.display());
    }
    Ok(agrees)
}

fn options(words: &[String]) -> Result<Options, Failure> {
    let root = std::env::current_dir()?;
    let mut day = Day {
        bridge: "sidecar".parse()?,
        account: "netting".parse()?,
        seed: 1,
        hours: ("09:00".to_owned(), "18:00".to_owned()),
        until: 17 * 60 + 30,
        short_memory: false,
        faults: Some(root.join("config/live-day.faults.json")),
        folder: PathBuf::new(),
        patience: Duration::from_mins(30),
    };
    let mut settings = TortureSettings { kills: 100, kills_a_day: 25, seed: 1 };
    let (mut keep, mut built, mut engine, mut part) = (None, root.join("target/debug"), None, (1, 1));
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| Failure(format!("{word} needs a value\n\n{HELP}")))?;
        let number = || value.parse::<u64>().map_err(|_| Failure(format!("{word} {value}: a whole number")));
        match word.as_str() {
            "--bridge" => day.bridge = value.parse()?,
            "--account" => day.account = value.parse()?,
            "--seed" => (day.seed, settings.seed) = (number()?, number()?),
            "--from" => day.hours.0.clone_from(value),
            "--to" => day.hours.1.clone_from(value),
            "--until" => day.until = minutes(value).ok_or_else(|| Failure(format!("--until {value}: HH:MM")))?,
            "--faults" => day.faults = (value != "none").then(|| root.join(value)),
            "--kills" => settings.kills = number()? as u32,
            "--kills-a-day" => settings.kills_a_day = number()? as u32,
            "--part" => {
                let parsed = value.split_once('/').and_then(|(n, of)| Some((n.parse().ok()?, of.parse().ok()?)));
                let sound = parsed.filter(|&(n, of): &(usize, usize)| n >= 1 && n <= of);
                part = sound.ok_or_else(|| Failure(format!("--part {value}: such as 1/2")))?;
            }
            "--keep" => keep = Some(root.join(value)),
            "--workshop" => built = root.join(value),
            "--engine" => engine = Some(root.join(value)),
            _ => return Err(Failure(format!("there is no {word}\n\n{HELP}"))),
        }
    }
    let target = built.parent().map_or_else(|| root.join("target"), std::path::Path::to_path_buf);
    let workshop = Workshop {
        engine: engine.unwrap_or_else(|| built.join("alavanca")),
        simterm: built.join("simterm"),
        advisor: target.join("bridge-mql5/alavanca-ea"),
        python: target.join("bridge-python/venv/bin/python"),
        settings: root.join("config/live-day.toml"),
    };
    Ok(Options { day, settings, part, keep, workshop })
}

fn minutes(text: &str) -> Option<u32> {
    let (hour, minute) = text.split_once(':')?;
    Some(hour.parse::<u32>().ok()? * 60 + minute.parse::<u32>().ok()?)
}
