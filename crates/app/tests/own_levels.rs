//! Levels of one's own by name: chosen by the settings, told by their section, gone on with after a stop.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::path::Path;

use alavanca::backtest::{AppError, run_backtest};
use alavanca::backtest_types::{BacktestReport, BacktestRequest};
use alavanca::extensions::Extensions;
use alavanca::settings::{LoadRequest, Loaded, SettingsError, load};
use alavanca_adapters_sqlite::Selection;
use alavanca_engine::Record;
use alavanca_kernel::{Bar, ExitAt, Price, Regime, SettingError, Side, Unit};
use alavanca_liquidity::LiquidityMap;
use alavanca_regime::FixedRegime;
use alavanca_signals::{Brain, Opinion, Trigger};

/// Buys every so many bars.
#[derive(Debug)]
struct Metronome {
    every: usize,
    bars: usize,
    stop: Price,
}

impl Brain for Metronome {
    fn name(&self) -> &'static str {
        "metronome"
    }
    fn warmup_bars(&self) -> usize {
        1
    }
    fn on_bar(&mut self, _bar: &Bar) -> Opinion {
        self.bars += 1;
        let due = self.bars.is_multiple_of(self.every);
        let trigger = Trigger { side: Side::Buy, strength: Unit::ONE, stop: ExitAt::Distance(self.stop), target: None };
        Opinion { bias: Some(Side::Buy), trigger: due.then_some(trigger) }
    }
    fn reset(&mut self) {
        self.bars = 0;
    }
}

/// Liquidity everywhere.
#[derive(Debug)]
struct Deep;

impl LiquidityMap for Deep {
    fn on_bar(&mut self, _bar: &Bar) {}
    fn strength_at(&self, _price: Price) -> Option<Unit> {
        Some(Unit::ONE)
    }
    fn warmup_bars(&self) -> usize {
        0
    }
    fn reset(&mut self) {}
}

fn own() -> Extensions {
    Extensions::new()
        .brain("METRONOME", |ctx| {
            let every = ctx.setting("every", 50)?;
            if every == 0 {
                return Err(SettingError::new("every", every, "1 or more"));
            }
            let stop = ctx.instrument.points(ctx.setting("stop_points", 100)?);
            Ok(Box::new(Metronome { every, bars: 0, stop }))
        })
        .regime("CALM", |_| Ok(Box::new(FixedRegime::new(Regime::Range))))
        .liquidity("DEEP", |_| Ok(Box::new(Deep)))
}

fn loaded(extensions: Extensions, toml: &str, flags: &[(&str, &str)]) -> Result<Loaded, SettingsError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("alavanca.toml");
    std::fs::write(&file, toml).unwrap();
    let flags = flags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    let mut flags: BTreeMap<String, String> = flags.collect();
    flags.entry("SYNTHETIC_DAYS".to_owned()).or_insert("8".to_owned());
    load(&LoadRequest { config_file: Some(file), flags, extensions, ..LoadRequest::default() })
}

fn request(db: Option<&Path>, resume: bool) -> BacktestRequest {
    BacktestRequest {
        db: db.map(Path::to_path_buf),
        resume,
        threads: 1,
        without_level4: true,
        ..BacktestRequest::default()
    }
}

fn run(loaded: &Loaded, db: Option<&Path>) -> BacktestReport {
    run_backtest(&request(db, false), loaded, &mut |_| {}).unwrap()
}

const CHOSEN: &str =
    "BRAINS = \"METRONOME\"\nREGIME_DETECTOR = \"CALM\"\nLIQUIDITY_MAP = \"DEEP\"\n[brain.METRONOME]\nevery = 40\n";

#[test]
fn what_is_of_ones_own_is_chosen_by_name_and_told_by_its_section() {
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("run.db");
    let here = loaded(own(), CHOSEN, &[]).unwrap();
    let report = run(&here, Some(&db));
    assert!(report.gate.decisions > 10);
    let stored = alavanca::stored_run::StoredRun::open(&db).unwrap();
    let mut seen = 0;
    let each = &mut |record: &Record| {
        if let Record::Decision(decision) = record {
            assert_eq!((decision.context.liquidity, decision.context.regime), (Some(Unit::ONE), Regime::Range));
            seen += 1;
        }
    };
    stored.each_record(&Selection::default(), each).unwrap();
    assert_eq!(seen, report.gate.decisions);
    // What was noted is read without the extension, and is the same settings.
    let noted = stored.notes().settings.as_ref().unwrap();
    assert_eq!((noted.fingerprint(), noted), (report.settings.clone(), &here.settings));

    // Another section is another run.
    let other = run(&loaded(own(), CHOSEN, &[("brain.METRONOME.every", "41")]).unwrap(), None);
    assert_ne!(other.run_id, report.run_id);
    assert_ne!(other.gate.decisions, report.gate.decisions);
    assert_eq!(run(&here, None).run_id, report.run_id);
}

#[test]
fn a_stopped_run_of_ones_own_brain_goes_on_as_if_it_had_not_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, stopped) = (folder.path().join("whole.db"), folder.path().join("stopped.db"));
    // Long enough for a run that is asked to stop to stop within it.
    let here = loaded(own(), CHOSEN, &[("SYNTHETIC_DAYS", "160")]).unwrap();
    let expected = run(&here, Some(&whole));
    let stop = request(Some(&stopped), false);
    let asked = stop.stop.clone();
    let first = run_backtest(&stop, &here, &mut |_| asked.ask()).unwrap();
    assert!(first.counts.interrupted && first.gate.decisions > 10);
    let again = run_backtest(&request(Some(&stopped), true), &here, &mut |_| {}).unwrap();
    assert_eq!((again.gate, again.head), (expected.gate, expected.head));
    assert!(again.counts.resumed_after > 0);
}

#[test]
fn another_binary_says_what_it_does_not_have() {
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("run.db");
    run(&loaded(own(), CHOSEN, &[]).unwrap(), Some(&db));
    let plain = loaded(Extensions::new(), "", &[]).unwrap();
    let error = run_backtest(&request(Some(&db), true), &plain, &mut |_| {}).unwrap_err();
    assert!(matches!(error, AppError::UnknownHere { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("the regime detector CALM"), "{text}");
    assert!(text.contains("the brain METRONOME") && text.contains("the liquidity map DEEP"), "{text}");
}

#[test]
fn what_cannot_be_is_told_with_its_place() {
    #[track_caller]
    fn check(extensions: Extensions, toml: &str, flags: &[(&str, &str)], said: &str) {
        let text = loaded(extensions, toml, flags).unwrap_err().to_string();
        assert!(text.contains(said), "{text}");
    }
    let section = |line: &str| format!("BRAINS = \"METRONOME\"\n[brain.METRONOME]\n{line}\n");
    check(own(), &section("every = 0"), &[], "line 3) is not possible: 1 or more");
    check(own(), &section("every = \"often\""), &[], "brain.METRONOME.every = often (");
    check(own(), &section("evry = 40"), &[], "left out: the brain does not ask for it, but for every, stop_points");
    check(own(), "", &[("brain.METRONOME.every", "-1")], "(--set) is not possible: a whole number of zero or more");
    check(
        own(),
        "[brain.METRONOM]\nevery = 4\n",
        &[],
        "brain.METRONOM.every is of the brain METRONOM, which this binary does not have; those of one's own that it has: METRONOME",
    );
    check(Extensions::new(), CHOSEN, &[], "METRONOME is none, known are EMA_TREND");
    check(own(), "", &[("BRAINS", "METRONOM")], "SMA_CROSS, METRONOME");
    check(own(), "", &[("LIQUIDITY_MAP", "DEP")], "DEEP");
    check(own(), "", &[("REGIME_DETECTOR", "CALMER")], "CALM");
    let taken = Extensions::new().brain("EMA_TREND", |_| Err(SettingError::new("x", 0, "")));
    check(taken, "", &[], "the brain EMA_TREND is registered, and there is a built-in of that name");
    let lower = Extensions::new().liquidity("deep", |_| Ok(Box::new(Deep)));
    check(lower, "", &[], "the liquidity map `deep` is registered: a name is of capitals");
    let twice = own().liquidity("DEEP", |_| Ok(Box::new(Deep)));
    check(twice, "", &[], "the liquidity map DEEP is registered twice");
}
