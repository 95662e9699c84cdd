use std::io::{Read, Write};

use alavanca_calendar::{TradingZone, ZoneSettings};
use alavanca_engine::{AccountView, Command, Event, ScalpCustody};
use alavanca_kernel::*;
use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::*;

fn made() -> Made {
    Made::of(&Settings::default(), &[Instrument::preset("WINJ26").unwrap()], ScalpCustody::Engine)
}

fn zone() -> TradingZone {
    TradingZone::new(&ZoneSettings::default()).unwrap()
}

/// 2026-03-10 14:00 in São Paulo.
fn start() -> Timestamp {
    Timestamp::from_secs(1_773_162_000)
}

fn recorder(folder: &Path) -> Recorder {
    let mut recorder = Recorder::new(folder, made(), zone()).unwrap();
    recorder.begin(None, 0, 0, start()).unwrap();
    recorder
}

fn today(folder: &Path) -> PathBuf {
    folder.join("2026-03-10.day.gz")
}

fn events_of(path: &Path) -> (Vec<Event>, Reading) {
    let mut events = Vec::new();
    let reading = read_day(path, &mut |line| {
        events.extend(line.event());
        Ok(())
    });
    (events, reading.unwrap())
}

fn tick(n: i64) -> Event {
    let price = Price::from_raw(13_000_000_000_000 + n * 500_000_000);
    let time = start().plus_micros(n * 10_000);
    Event::Tick(SymbolId::new(0), Tick { time, bid: price, ask: price, last: price, volume: n as u64 })
}

fn event() -> impl Strategy<Value = Event> {
    let (symbol, at, price) = (0..3_u16, 0..3_600_000_000_i64, 0..i64::MAX);
    let at = at.prop_map(|micros| start().plus_micros(micros));
    let price = price.prop_map(Price::from_raw);
    let tick = (symbol.clone(), at.clone(), price.clone(), price.clone(), price.clone(), any::<u64>()).prop_map(
        |(symbol, time, bid, ask, last, volume)| {
            Event::Tick(SymbolId::new(symbol), Tick { time, bid, ask, last, volume })
        },
    );
    let bar = (symbol.clone(), at.clone(), price.clone(), price.clone(), any::<u64>(), any::<u32>(), 1..3_600_u32)
        .prop_map(|(symbol, time, high, low, volume, tick_volume, seconds)| {
            let (open, close, spread) = (low, high, low);
            Event::Bar(
                SymbolId::new(symbol),
                Bar { time, open, high, low, close, volume, spread, tick_volume, seconds },
            )
        });
    let account = (any::<i64>(), any::<i64>(), at.clone()).prop_map(|(equity, free, at)| {
        Event::Account(AccountView { equity: Money::from_cents(equity), free_margin: Money::from_cents(free), at })
    });
    let order = (any::<u64>(), symbol, price, at.clone(), any::<u64>()).prop_map(|(id, symbol, price, at, deal)| {
        let order = OrderRequest {
            id: OrderId::new(id),
            symbol: SymbolId::new(symbol),
            leg: LegId { trade: TradeId::new(id), role: LegRole::Extra },
            intent: OrderIntent::Close,
            side: Side::Sell,
            quantity: Contracts::new(3),
            protection: Protection::default(),
            at,
        };
        Event::Order(match id % 2 {
            0 => OrderReport::Filled(FillReport { deal, ..order.filled(price, at) }),
            _ => order.rejected(RejectReason::NoMoney, at),
        })
    });
    prop_oneof![
        4 => tick,
        2 => bar,
        1 => account,
        2 => order,
        1 => at.clone().prop_map(|at| Event::Command(Command::Freeze(Regime::Chaotic), at)),
        1 => at.clone().prop_map(Event::Time),
        1 => at.prop_map(Event::End),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn what_is_recorded_is_read(events in prop::collection::vec(event(), 0..80), flushes in any::<u64>()) {
        let folder = tempfile::tempdir().unwrap();
        let mut recorder = recorder(folder.path());
        for (index, event) in events.iter().enumerate() {
            recorder.record(event);
            if flushes >> (index % 64) & 1 == 1 {
                recorder.flush().unwrap();
            }
        }
        recorder.flush().unwrap();
        let (read, reading) = events_of(&today(folder.path()));
        prop_assert_eq!(read, events);
        prop_assert_eq!(reading.torn_bytes, 0);
    }

    /// Cut anywhere: the whole members are read, the rest is cut off at the next start, and nothing after is lost.
    #[test]
    fn a_torn_file_loses_only_what_was_not_whole(part in 0.0..1.0_f64, more in 1..20_i64) {
        let folder = tempfile::tempdir().unwrap();
        let path = today(folder.path());
        let mut first = recorder(folder.path());
        let mut ends = vec![(std::fs::metadata(&path).unwrap().len(), 0)];
        for n in 0..40 {
            first.record(&tick(n));
            if n % 7 == 0 {
                first.flush().unwrap();
                ends.push((std::fs::metadata(&path).unwrap().len(), n + 1));
            }
        }
        drop(first);
        let whole = std::fs::read(&path).unwrap();
        let cut = (whole.len() as f64 * part) as usize;
        std::fs::write(&path, &whole[..cut]).unwrap();
        let kept = ends.iter().rev().find(|(end, _)| *end as usize <= cut).map_or(0, |(_, events)| *events);
        let (events, reading) = events_of(&path);
        prop_assert_eq!(events.len() as i64, kept);
        prop_assert_eq!(reading.whole_bytes + reading.torn_bytes, cut as u64);

        let mut again = recorder(folder.path());
        for n in 100..100 + more {
            again.record(&tick(n));
        }
        again.flush().unwrap();
        let (events, reading) = events_of(&path);
        let expected: Vec<Event> = (0..kept).chain(100..100 + more).map(tick).collect();
        prop_assert_eq!(events, expected);
        prop_assert_eq!(reading.torn_bytes, 0);
    }

    #[test]
    fn a_changed_byte_is_found(place in 0.0..1.0_f64, bit in 0..8_u32) {
        let folder = tempfile::tempdir().unwrap();
        let path = today(folder.path());
        let mut recorder = recorder(folder.path());
        for n in 0..40 {
            recorder.record(&tick(n));
            if n % 7 == 0 {
                recorder.flush().unwrap();
            }
        }
        recorder.flush().unwrap();
        let (before, _) = events_of(&path);
        let mut bytes = std::fs::read(&path).unwrap();
        let place = (bytes.len() as f64 * place) as usize;
        bytes[place] ^= 1 << bit;
        std::fs::write(&path, bytes).unwrap();
        let mut events = Vec::new();
        let read = read_day(&path, &mut |line| {
            events.extend(line.event());
            Ok(())
        });
        // A few bytes of a gzip header mean nothing: then everything is as it was.
        match read {
            Ok(reading) if reading.torn_bytes == 0 => prop_assert_eq!(events, before),
            Ok(_) | Err(RecordingError::Broken { .. }) => {}
            Err(other) => prop_assert!(false, "{other}"),
        }
    }
}

#[test]
fn a_changed_line_is_found_even_where_it_was_packed_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = today(folder.path());
    let mut recorder = recorder(folder.path());
    for n in 0..10 {
        recorder.record(&tick(n));
    }
    recorder.flush().unwrap();
    let mut text = String::new();
    MultiGzDecoder::new(&*std::fs::read(&path).unwrap()).read_to_string(&mut text).unwrap();
    let repack = |text: &str| {
        let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
        packer.write_all(text.as_bytes()).unwrap();
        std::fs::write(&path, packer.finish().unwrap()).unwrap();
        read_day(&path, &mut |_| Ok(()))
    };
    assert!(repack(&text).is_ok());
    let line = text.lines().find(|line| line.contains("13002000000000")).unwrap();
    for changed in [
        text.replacen("13002000000000", "13002500000000", 1),
        text.replacen(&format!("{line}\n"), "", 1),
        text.replacen(line, &format!("{line}\n{line}"), 1),
    ] {
        assert_ne!(changed, text);
        let refused = repack(&changed).unwrap_err().to_string();
        assert!(refused.contains("do not come to their sum"), "{refused}");
    }
    let refused = repack(&text.replacen(line, "{\"q\":1}", 1)).unwrap_err().to_string();
    assert!(refused.contains("is none of a recorded day"), "{refused}");
}

#[test]
fn a_changed_file_is_put_aside_and_recording_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = today(folder.path());
    drop(recorder(folder.path()));
    std::fs::write(&path, "not at all a recorded day").unwrap();
    let mut again = recorder(folder.path());
    again.record(&tick(1));
    again.flush().unwrap();
    assert_eq!(events_of(&path).0, [tick(1)]);
    let aside = std::fs::read_to_string(folder.path().join("2026-03-10.day.gz.broken")).unwrap();
    assert_eq!(aside, "not at all a recorded day");
}

#[test]
fn a_new_day_is_a_new_file_that_says_where_it_goes_on_from() {
    let folder = tempfile::tempdir().unwrap();
    let mut recorder = recorder(folder.path());
    recorder.record(&tick(1));
    let tomorrow = Event::Time(start().plus_secs(86_400));
    recorder.record(&tomorrow);
    recorder.record(&tick(2));
    recorder.finish();
    recorder.flush().unwrap();
    assert_eq!(events_of(&today(folder.path())).0, [tick(1)]);
    let mut lines = Vec::new();
    let path = folder.path().join("2026-03-11.day.gz");
    read_day(&path, &mut |line| {
        lines.push(line);
        Ok(())
    })
    .unwrap();
    let before = TradingDay::from_days(20_522);
    assert_eq!(before.to_string(), "2026-03-10");
    assert_eq!(lines[0], Line::GoesOn { before, cursor: 1 });
    assert_eq!(lines[1..4], [Line::of(&tomorrow), Line::of(&tick(2)), Line::Finishes]);
    assert_eq!(recorder.path(), Some(path.as_path()));
}

#[test]
fn market_time_writes_what_waits() {
    let folder = tempfile::tempdir().unwrap();
    let mut recorder = recorder(folder.path());
    for n in 0..500 {
        recorder.record(&tick(n));
    }
    assert_eq!(events_of(&today(folder.path())).0, []);
    recorder.record(&tick(500));
    assert_eq!(events_of(&today(folder.path())).0.len(), 501, "five seconds went by");
}

#[test]
fn a_failure_is_told_once_and_writes_nothing_more() {
    let folder = tempfile::tempdir().unwrap();
    let mut recorder = recorder(folder.path());
    recorder.record(&tick(1));
    recorder.flush().unwrap();
    // The next day's file cannot be made.
    std::fs::create_dir(folder.path().join("2026-03-11.day.gz")).unwrap();
    recorder.record(&Event::Time(start().plus_secs(86_400)));
    assert!(recorder.flush().unwrap_err().to_string().contains("2026-03-11.day.gz"));
    assert!(recorder.has_failed());
    recorder.record(&tick(3));
    assert!(recorder.flush().is_ok(), "said once");
    assert_eq!(events_of(&today(folder.path())).0, [tick(1)]);
}
