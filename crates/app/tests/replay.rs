//! A day that was traded by the wheel is recorded, and run again it decides what it decided.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on stops")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command as Process;

use alavanca::builder::{Builder, store_config};
use alavanca::extensions::Extensions;
use alavanca::guarded::Guarded;
use alavanca::recording::{Line, Made, Recorder, folder_of, read_day};
use alavanca::replay::{Kind, ReplayError, ReplayRequest, Replayed, day_file, replay};
use alavanca::settings::{LoadRequest, Settings, load};
use alavanca::wheel::Wheel;
use alavanca_adapters_sim::{SimBroker, SyntheticMarket, SyntheticSettings};
use alavanca_adapters_sqlite::{Durability, SqliteStore};
use alavanca_calendar::{TradingClock, TradingZone};
use alavanca_engine::{Event, ScalpCustody};
use alavanca_kernel::*;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

const WIN: SymbolId = SymbolId::new(0);

fn settings() -> Settings {
    let flags = [
        ("RISK_DAILY_LOSS_LIMIT_BRL", "none"),
        ("RISK_MAX_CONSECUTIVE_LOSSES", "0"),
        ("PRETRADE_DAILY_LOSS_LIMIT", "none"),
        ("PRETRADE_DRAWDOWN_LIMIT", "none"),
        ("PRETRADE_MAX_LOSING_STREAK", "0"),
        ("RL_UPDATE_BATCH_SIZE", "2"),
        // What is warm after a morning.
        ("BRAINS", "EMA_TREND,MEAN_REVERSION,SMA_CROSS"),
        ("REGIME_DETECTOR", "ADX_ATR"),
        ("LIQUIDITY_MAP", "SWING_VOLUME"),
    ];
    let flags = flags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    load(&LoadRequest { flags, ..LoadRequest::default() }).unwrap().settings
}

fn win() -> Instrument {
    Instrument::preset("WIN").unwrap()
}

/// A market and an account that outlive the engine that trades them.
struct World {
    settings: Settings,
    db: PathBuf,
    sim: SimBroker,
    bars: Vec<Bar>,
    next: usize,
    _folder: tempfile::TempDir,
}

impl World {
    fn new(days: u32) -> Self {
        let (settings, folder) = (settings(), tempfile::tempdir().unwrap());
        let built = Builder::new(&settings, &win()).build().unwrap();
        let market = SyntheticSettings { days, ..SyntheticSettings::default() };
        let mut bars: Vec<Bar> = SyntheticMarket::new(market, &win()).unwrap().collect();
        let all: Vec<TradingDay> = bars.iter().map(|bar| day_of(bar.time)).collect();
        let mut last = all.clone();
        last.dedup();
        let end = last[days as usize - 1];
        bars.retain(|bar| day_of(bar.time) <= end);
        Self {
            settings,
            db: folder.path().join("run.sqlite"),
            sim: SimBroker::new(built.exchange),
            bars,
            next: 0,
            _folder: folder,
        }
    }

    /// The first bar of the n-th day.
    fn day(&self, n: usize) -> usize {
        let mut days: Vec<TradingDay> = self.bars.iter().map(|bar| day_of(bar.time)).collect();
        days.dedup();
        days.get(n).map_or(self.bars.len(), |day| self.bars.iter().position(|bar| day_of(bar.time) == *day).unwrap())
    }

    /// A process trades up to a bar, and ends in order or is killed.
    async fn process(&mut self, until: usize, killed: bool) {
        let engine = Builder::new(&self.settings, &win()).custody(ScalpCustody::Broker).engine().unwrap();
        let config = store_config(&self.settings, &win(), Durability::Backtest);
        let store = SqliteStore::open(&self.db, config).await.unwrap();
        let gate = Guarded::of(self.sim.clone(), &self.settings, &[win()]).unwrap();
        let mut standing = Wheel::restore(engine, gate, store).await.unwrap();
        let made = Made::of(&self.settings, &[win()], ScalpCustody::Broker);
        let zone = TradingZone::new(&self.settings.zone).unwrap();
        let recorder = Recorder::new(&folder_of(&self.db), made, zone).unwrap();
        let at = self.bars[self.next].time;
        standing.record_to(recorder, at).unwrap();
        for bar in &self.bars[self.next.saturating_sub(400)..self.next] {
            standing.warm(WIN, bar);
        }
        let (mut wheel, ..) = standing.reconcile(at).await.unwrap();
        for bar in &self.bars[self.next..until] {
            self.sim.on_bar(WIN, bar);
            let ask = bar.close + Price::from_raw(5 * Price::SCALE);
            let quote = Tick { time: bar.end(), bid: bar.close, ask, last: bar.close, volume: 1 };
            wheel.broker_mut().observe_tick(WIN, &quote);
            wheel.turn(Event::Time(bar.time)).await;
            wheel.reconcile(bar.time, &mut Vec::new()).await.unwrap();
            wheel.read_account().await;
            wheel.turn(Event::Bar(WIN, *bar)).await;
            self.sim.after_bar(WIN, bar);
        }
        self.next = until;
        if !killed {
            wheel.finish().await;
        }
    }

    fn file(&self, bar: usize) -> PathBuf {
        day_file(&day_of(self.bars[bar].time).to_string(), &self.db)
    }

    fn replay(&self, file: PathBuf) -> Result<Replayed, ReplayError> {
        replay(&ReplayRequest { file, db: self.db.clone(), extensions: Extensions::default() })
    }
}

fn day_of(at: Timestamp) -> TradingDay {
    TradingClock::new(TradingZone::new(&settings().zone).unwrap()).locate(at).day
}

fn on_a_runtime(work: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work);
}

fn of(replayed: &Replayed, kind: Kind) -> usize {
    replayed.parity.iter().find(|row| row.kind == kind).unwrap().same
}

/// Three days on end by one process: each is run again from the file of the first.
#[test]
fn a_traded_day_decides_the_same_again() {
    let mut world = World::new(3);
    let end = world.bars.len();
    on_a_runtime(Box::pin(world.process(end, false)));
    let (mut decided, mut traded) = (0, 0);
    for day in [0, 2] {
        let replayed = world.replay(world.file(world.day(day))).unwrap();
        assert!(replayed.identical, "{:#?}", replayed.first_difference);
        assert_eq!((replayed.goes_on_from.len(), replayed.starts), (day, u32::from(day == 0)));
        assert_eq!((replayed.not_stored, replayed.torn_bytes, replayed.came_to_nothing), (0, 0, 0));
        decided += of(&replayed, Kind::Decisions);
        traded += of(&replayed, Kind::Trades);
        // Paper is filled by the same exchange: nothing came otherwise.
        for row in &replayed.shadow.rows {
            assert_eq!((row.came, row.shadow), (row.both, row.both), "{row:?}");
            assert!(row.cost == Money::ZERO && row.worst_points.is_none_or(|worst| worst.abs() < 1e-9), "{row:?}");
        }
    }
    assert!(decided > 5 && traded > 0, "{decided} decisions, {traded} trades");
}

/// Killed four times within its days and once between two, and ended in order.
#[test]
fn a_day_with_kills_decides_the_same_again() {
    let mut world = World::new(4);
    let end = world.bars.len();
    on_a_runtime(Box::pin(async {
        for (until, killed) in [
            (world.day(1), false),
            (world.day(2) - 300, true),
            (world.day(2) - 120, true),
            (world.day(2) + 100, true),
            (world.day(3) - 200, false),
            (end, true),
        ] {
            Box::pin(world.process(until, killed)).await;
        }
    }));
    let (mut starts, mut trades) = (0, 0);
    for day in 0..4 {
        let file = world.file(world.day(day));
        let replayed = world.replay(file).unwrap();
        assert!(replayed.identical, "day {day}: {:#?}", replayed.first_difference);
        starts += replayed.starts;
        trades += of(&replayed, Kind::Fills);
    }
    assert_eq!(starts, 6, "each start of these days is in a file");
    assert!(trades > 0);
}

/// The file as it was, with one line changed, summed up and packed anew: the sums agree, the day does not.
fn change(file: &Path, mut line_of: impl FnMut(&Line) -> Option<Line>) {
    let mut lines = Vec::new();
    read_day(file, &mut |line| {
        lines.push(line);
        Ok(())
    })
    .unwrap();
    let (mut text, mut count, mut changed) = (Vec::new(), 0, false);
    for mut line in lines {
        if let Some(other) = (!changed).then(|| line_of(&line)).flatten() {
            (line, changed) = (other, true);
        }
        if let Line::Sum(..) = line {
            line = Line::Sum(count, format!("{:x}", Sha256::digest(&text)));
        }
        serde_json::to_writer(&mut text, &line).unwrap();
        text.push(b'\n');
        count += 1;
    }
    assert!(changed);
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(&text).unwrap();
    std::fs::write(file, packer.finish().unwrap()).unwrap();
}

#[test]
fn a_difference_is_found_and_shown() {
    let mut world = World::new(2);
    let end = world.bars.len();
    on_a_runtime(Box::pin(async {
        Box::pin(world.process(world.day(1), false)).await;
        Box::pin(world.process(end, false)).await;
    }));
    let file = world.file(world.day(1));
    let day = day_of(world.bars[world.day(1)].time).to_string();
    let again = |more: &[&str]| {
        let mut process = Process::new(env!("CARGO_BIN_EXE_alavanca"));
        process.args(["replay", &day, "--db"]).arg(&world.db).args(more);
        let output = process.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        (output.status.code(), text)
    };
    let (code, text) = again(&[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("IDENTICAL: everything that is stored was decided again"), "{text}");
    let (code, text) = again(&["--json"]);
    let told: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, &told["identical"]), (Some(0), &serde_json::Value::Bool(true)));

    // A fill that came otherwise than it was booked.
    let whole = std::fs::read(&file).unwrap();
    let mut worse = Price::ZERO;
    change(&file, |line| match line {
        Line::Order(OrderReport::Filled(fill)) => {
            worse = fill.price + Price::from_raw(5 * Price::SCALE);
            Some(Line::Order(OrderReport::Filled(FillReport { price: worse, ..*fill })))
        }
        _ => None,
    });
    let (code, text) = again(&[]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("DIFFERENT: number 1 of the fills") && text.contains("price: again"), "{text}");

    // An event that is not there.
    std::fs::write(&file, &whole).unwrap();
    change(&file, |line| match line {
        Line::Order(OrderReport::Filled(fill)) => Some(Line::Time(fill.at)),
        _ => None,
    });
    assert!(!world.replay(file.clone()).unwrap().identical);

    // Other settings than those that were recorded.
    std::fs::write(&file, &whole).unwrap();
    change(&file, |line| match line {
        Line::Begins(beginning) => {
            let mut beginning = beginning.clone();
            beginning.settings.iter_mut().find(|(key, _)| key == "RL_SEED").unwrap().1 = "9".to_owned();
            Some(Line::Begins(beginning))
        }
        _ => None,
    });
    let (code, text) = again(&[]);
    assert!(code == Some(1) && text.contains("are read with the fingerprint"), "{text}");

    // A changed database: an order that was never wanted like this.
    std::fs::write(&file, &whole).unwrap();
    let base = rusqlite::Connection::open(&world.db).unwrap();
    let last: i64 = base.query_row("SELECT max(id) FROM orders", [], |row| row.get(0)).unwrap();
    base.execute("UPDATE orders SET quantity = quantity + 1 WHERE id = ?", [last]).unwrap();
    drop(base);
    let replayed = world.replay(file.clone()).unwrap();
    let first = replayed.first_difference.unwrap();
    assert_eq!((first.kind, first.fields.len(), first.fields[0].0.as_str()), (Kind::Orders, 1, "quantity"));
    let base = rusqlite::Connection::open(&world.db).unwrap();
    base.execute("DELETE FROM orders WHERE id = ?", [last]).unwrap();
    drop(base);
    let first = world.replay(file.clone()).unwrap().first_difference.unwrap();
    assert_eq!((first.kind, first.stored.is_none()), (Kind::Orders, true));

    // A day that goes on from one that is not there.
    let mut world = World::new(2);
    on_a_runtime(Box::pin(world.process(end, false)));
    std::fs::remove_file(world.file(0)).unwrap();
    let missing = world.replay(world.file(world.day(1))).unwrap_err().to_string();
    assert!(missing.contains("is not there: put it beside it"), "{missing}");
}
