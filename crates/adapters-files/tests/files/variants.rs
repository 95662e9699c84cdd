//! Every spelling of the same bars gives the same bars.

use alavanca_adapters_files::{
    Compression, DataZone, Encoding, FileError, FileFeed, FileFormat, MarketClass, MarketFile, Note, Progress,
    ReadSettings, RowKind, Rows, ZoneSource,
};
use alavanca_kernel::{Bar, Price, SymbolId, Timestamp};
use alavanca_ports::{Feed, MarketEvent};

use crate::samples::{
    AHEAD, MT5_HEADER, bars, brazilian, gzip, local, mt5, mt5_row, parted, sha256, table, utf16, zip,
};
use crate::{Folder, inspect, open, read};

/// What a spelling leaves out.
#[derive(Clone, Copy)]
enum Without {
    Nothing,
    Spread,
    SpreadAndTickVolume,
    Volumes,
}

fn strip(bar: &Bar, without: Without) -> Bar {
    let mut bar = *bar;
    match without {
        Without::Nothing => return bar,
        Without::Spread => {}
        Without::SpreadAndTickVolume => bar.tick_volume = 0,
        Without::Volumes => (bar.volume, bar.tick_volume) = (0, 0),
    }
    bar.spread = Price::ZERO;
    bar
}

fn check(name: &str, format: FileFormat, without: Without, bytes: &[u8]) {
    check_with(name, format, without, bytes, &ReadSettings::default());
}

fn check_with(name: &str, format: FileFormat, without: Without, bytes: &[u8], settings: &ReadSettings) {
    let folder = Folder::new();
    // The file's name says the symbol, and with it the clock.
    let (got, _, report) = read(&folder.write(&format!("wdo {name}.csv"), bytes), settings);
    assert_eq!(report.format, format, "{name}");
    assert_eq!(report.faults, [], "{name}");
    assert_eq!(report.kind, RowKind::Bars { seconds: 60 }, "{name}");
    let expected: Vec<Bar> = bars(COUNT).iter().map(|bar| strip(bar, without)).collect();
    assert_eq!(got.len(), expected.len(), "{name}");
    for (at, (got, expected)) in got.iter().zip(&expected).enumerate() {
        assert_eq!(got, expected, "{name}, bar {at}");
    }
}

const COUNT: usize = 500;

#[test]
fn metatraders_export_in_every_encoding() {
    use Without::Nothing;
    let text = mt5(&bars(COUNT));
    let check = |name: &str, bytes: &[u8]| check(name, FileFormat::Mt5Bars, Nothing, bytes);
    check("plain", text.as_bytes());
    check("bom", format!("\u{FEFF}{text}").as_bytes());
    check("utf16le", &utf16(&text, true, u16::to_le_bytes));
    check("utf16be", &utf16(&text, true, u16::to_be_bytes));
    check("utf16le no mark", &utf16(&text, false, u16::to_le_bytes));
    check("utf16be no mark", &utf16(&text, false, u16::to_be_bytes));
    for end in ["\n", "\r\r\n", "\r", "\r\n\r\n"] {
        check(&format!("ends {end:?}"), text.replace("\r\n", end).as_bytes());
    }
    check("no final newline", text.trim_end().as_bytes());
    check("blank lines and the old end mark", format!("{text}\r\n\r\n\u{1A}").as_bytes());
}

#[test]
fn metatraders_export_in_every_layout() {
    use FileFormat::{Mt5Bars, Mt5Chart};
    use Without::{Nothing, Spread};
    let bars = bars(COUNT);
    for (name, delimiter) in [("tab", "\t"), ("comma", ","), ("semicolon", ";")] {
        let rows = |time: &'static str| move |bar: &Bar| mt5_row(bar, delimiter, time);
        let header = MT5_HEADER.replace('\t', delimiter);
        check(name, Mt5Bars, Nothing, table(&bars, &header, "\n", rows("%H:%M:%S")).as_bytes());
        let bare = header.replace(['<', '>'], "").to_lowercase();
        check(
            &format!("{name} bare header"),
            Mt5Bars,
            Nothing,
            table(&bars, &bare, "\r\n", rows("%H:%M:%S")).as_bytes(),
        );
        check(&format!("{name} minutes"), Mt5Bars, Nothing, table(&bars, &header, "\r\n", rows("%H:%M")).as_bytes());
        check(&format!("{name} no header"), Mt5Chart, Nothing, table(&bars, "", "\r\n", rows("%H:%M:%S")).as_bytes());
        let quoted = |bar: &Bar| format!("\"{}\"", mt5_row(bar, delimiter, "%H:%M:%S"));
        check(
            &format!("{name} quoted lines"),
            Mt5Bars,
            Nothing,
            table(&bars, &format!("\"{header}\""), "\r\n", quoted).as_bytes(),
        );
        let cells = |bar: &Bar| format!("\"{}\"", mt5_row(bar, &format!("\"{delimiter}\""), "%H:%M:%S"));
        check(&format!("{name} quoted cells"), Mt5Bars, Nothing, table(&bars, &header, "\r\n", cells).as_bytes());
    }
    let mut newest_first = bars.clone();
    newest_first.reverse();
    check("newest first", Mt5Bars, Nothing, mt5(&newest_first).as_bytes());
    let named =
        table(&bars, "Date,Time,Open,High,Low,Close,Ticks,Volume,Spread", "\n", |b| mt5_row(b, ",", "%H:%M:%S"));
    check("names of our own", Mt5Bars, Nothing, named.as_bytes());
    let chart = |bar: &Bar| mt5_row(bar, ",", "%H:%M").replacen(',', " ", 1).trim_end_matches(",5").to_owned();
    check("chart", Mt5Chart, Spread, table(&bars, "", "\r\n", chart).as_bytes());
    check("chart utf16", Mt5Chart, Spread, &utf16(&table(&bars, "", "\r\n", chart), true, u16::to_le_bytes));
}

#[test]
fn profits_export_in_every_spelling() {
    use FileFormat::Profit;
    use Without::{SpreadAndTickVolume, Volumes};
    let mut bars = bars(COUNT);
    bars.reverse();
    let row = |bar: &Bar, number: &dyn Fn(Price) -> String| {
        let prices = [bar.open, bar.high, bar.low, bar.close].map(number).join(";");
        format!("WDOFUT;{};{prices}", local(bar.time).format("%d/%m/%Y;%H:%M:%S"))
    };
    let with_commas = |bar: &Bar| format!("{};64.209.120,00;{}", row(bar, &brazilian), parted(&bar.volume.to_string()));
    let with_dots =
        |bar: &Bar| format!("{};64209120.25;{}", row(bar, &|p: Price| format!("{:.1}", p.to_f64())), bar.volume);
    let header = "Ativo;Data;time;open;high;low;close;Volume;Quantidade";
    let portuguese = "Ativo;Data;Hora;Abertura;Máximo;Mínimo;Fechamento;Volume;Quantidade";
    let check = |name: &str, without, bytes: &[u8]| check(name, Profit, without, bytes);
    check("commas", SpreadAndTickVolume, table(&bars, header, "\n", with_commas).as_bytes());
    check("dots", SpreadAndTickVolume, table(&bars, header, "\r\n", with_dots).as_bytes());
    let utf8 = table(&bars, portuguese, "\r\n", with_commas);
    check("portuguese", SpreadAndTickVolume, utf8.as_bytes());
    // Latin 1: a character above ASCII is one byte.
    let latin1: Vec<u8> = utf8.chars().map(|c| u8::try_from(u32::from(c)).expect("Latin 1")).collect();
    check("latin1", SpreadAndTickVolume, &latin1);
    check("no header", SpreadAndTickVolume, table(&bars, "", "\r\n", with_commas).as_bytes());
    check(
        "told to spreadsheets",
        SpreadAndTickVolume,
        table(&bars, &format!("sep=;\r\n{header}"), "\r\n", with_commas).as_bytes(),
    );
    let candles = |bar: &Bar| {
        let prices = [bar.open, bar.high, bar.low, bar.close].map(|p| p.to_string()).join(";");
        format!("{};{prices};107", local(bar.time).format("%d/%m/%Y %H:%M"))
    };
    check("candles", Volumes, table(&bars, "\u{FEFF}Data;Open;High;Low;Close;Candle", "\r\n", candles).as_bytes());
}

#[test]
fn frames_and_tables() {
    use FileFormat::{HistDataBars, PythonFrame, Table};
    use Without::{Nothing, SpreadAndTickVolume};
    let bars = bars(COUNT);
    let prices = |bar: &Bar, end: &str| [bar.open, bar.high, bar.low, bar.close].map(|p| format!("{p}{end}")).join(",");
    let brasilia = ReadSettings { zone: Some("America/Sao_Paulo".parse().unwrap()), ..ReadSettings::default() };

    let histdata = |bar: &Bar| {
        format!("{};{};{}", local(bar.time).format("%Y%m%d %H%M%S"), prices(bar, "").replace(',', ";"), bar.volume)
    };
    let text = table(&bars, "", "\r\n", histdata);
    check_with("histdata", HistDataBars, SpreadAndTickVolume, text.as_bytes(), &brasilia);

    // The package writes the server's wall clock as seconds since 1970.

    // Noise needs a point to stand behind.
    let noisy = |bar: &Bar| {
        let noise = |p: Price| {
            if p.to_string().contains('.') { format!("{p}00000000000001") } else { format!("{p}.00000000000001") }
        };
        let prices = [bar.open, bar.high, bar.low, bar.close].map(noise).join(",");
        format!("0,{},{prices},{},5,{},,nan", bar.time.secs() + AHEAD, bar.tick_volume, bar.volume)
    };
    let header = ",time,open,high,low,close,tick_volume,spread,real_volume,M9,ADX";
    check("frame", PythonFrame, Nothing, table(&bars, header, "\n", noisy).as_bytes());
    let floats = |bar: &Bar| {
        noisy(bar).replacen(&format!("{}", bar.time.secs() + AHEAD), &format!("{}.0", bar.time.secs() + AHEAD), 1)
    };
    check("frame of floats", PythonFrame, Nothing, table(&bars, header, "\n", floats).as_bytes());

    let utc = |bar: &Bar| bar.time.to_utc().unwrap();
    let iso = |bar: &Bar| format!("{},{},{}", utc(bar).format("%Y-%m-%d %H:%M:%S+00:00"), prices(bar, ""), bar.volume);
    check(
        "offset",
        Table,
        SpreadAndTickVolume,
        table(&bars, "timestamp,open,high,low,close,volume", "\n", iso).as_bytes(),
    );
    let brt =
        |bar: &Bar| format!("{},{},{}", local(bar.time).format("%Y-%m-%dT%H:%M:%S-03:00"), prices(bar, ""), bar.volume);
    check(
        "offset of Brasília",
        Table,
        SpreadAndTickVolume,
        table(&bars, "datetime,open,high,low,close,volume", "\n", brt).as_bytes(),
    );
    let millis = |bar: &Bar| format!("{},{},{}", (bar.time.secs() + AHEAD) * 1000, prices(bar, ""), bar.volume);
    check(
        "milliseconds",
        Table,
        SpreadAndTickVolume,
        table(&bars, "open_time,open,high,low,close,volume", "\n", millis).as_bytes(),
    );
    let exponents = |bar: &Bar| {
        let prices = [bar.open, bar.high, bar.low, bar.close].map(|p| format!("{:e}", p.to_f64())).join(",");
        format!("{},{prices},{}", local(bar.time).format("%Y-%m-%d %H:%M"), bar.volume)
    };
    check(
        "exponents",
        Table,
        SpreadAndTickVolume,
        table(&bars, "date,open,high,low,close,volume", "\n", exponents).as_bytes(),
    );
    let quoted_commas = |bar: &Bar| {
        let prices = [bar.open, bar.high, bar.low, bar.close].map(|p| format!("\"{}\"", brazilian(p))).join(",");
        format!("{},{prices},{}", local(bar.time).format("%d/%m/%Y %H:%M"), bar.volume)
    };
    check(
        "quoted commas",
        Table,
        SpreadAndTickVolume,
        table(&bars, "date,open,high,low,close,volume", "\n", quoted_commas).as_bytes(),
    );
}

#[test]
fn packed_files() {
    let text = mt5(&bars(COUNT));
    let bytes = text.as_bytes();
    let check = |name: &str, bytes: &[u8]| check(name, FileFormat::Mt5Bars, Without::Nothing, bytes);
    check("gzip", &gzip(bytes));
    let (head, tail) = bytes.split_at(bytes.len() / 3);
    check("gzip of two members", &[gzip(head), gzip(tail)].concat());
    check("gzip of utf16", &gzip(&utf16(&text, true, u16::to_le_bytes)));
    for method in [zip::CompressionMethod::Stored, zip::CompressionMethod::Deflated] {
        check("zip", &zip(&[("bars.csv", bytes)], method));
        check("zip with a report", &zip(&[("about.txt", b"status"), ("bars.CSV", bytes)], method));
        check("zip of a mac", &zip(&[("__MACOSX/._bars.csv", b"x"), ("in/bars.txt", bytes)], method));
    }
}

#[test]
fn day_first_and_month_first_are_told_apart() {
    let folder = Folder::new();
    let days: Vec<Bar> = bars(40)
        .iter()
        .enumerate()
        .map(|(i, bar)| Bar { time: Timestamp::from_secs(1_614_816_000 + 86_400 * i as i64), ..*bar })
        .collect();
    let text = |format: &'static str| {
        table(&days, "date,open,high,low,close,volume", "\n", move |bar| {
            let prices = [bar.open, bar.high, bar.low, bar.close].map(|p| p.to_string()).join(",");
            format!("{},{prices},1", bar.time.to_utc().unwrap().format(format))
        })
    };
    for format in ["%Y.%m.%d", "%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%Y%m%d", "%d.%m.%Y"] {
        let path = folder.write("daily.csv", text(format).as_bytes());
        let utc = ReadSettings { zone: Some(DataZone::UTC), ..ReadSettings::default() };
        let (got, _, report) = read(&path, &utc);
        assert_eq!(report.kind, RowKind::Bars { seconds: 86_400 }, "{format}");
        let times = |bars: &[Bar]| bars.iter().map(|bar| bar.time).collect::<Vec<_>>();
        assert_eq!(times(&got), times(&days), "{format}");
    }
}

#[test]
fn the_clock_is_the_formats_unless_it_is_given() {
    let folder = Folder::new();
    let text = mt5(&bars(50));
    let given = |name: &str| ReadSettings { zone: Some(name.parse().unwrap()), ..ReadSettings::default() };
    let class = |class| ReadSettings { class: Some(class), ..ReadSettings::default() };
    for (name, settings, zone, from, first) in [
        ("wdo.csv", ReadSettings::default(), "America/Sao_Paulo", ZoneSource::B3, "2021-03-11T13:00:00Z"),
        ("wdo.csv", given("UTC"), "UTC", ZoneSource::Given, "2021-03-11T10:00:00Z"),
        ("eurusd.csv", ReadSettings::default(), "NY+7", ZoneSource::BrokerAssumed, "2021-03-11T08:00:00Z"),
        ("gbpjpy.csv", ReadSettings::default(), "NY+7", ZoneSource::BrokerAssumed, "2021-03-11T08:00:00Z"),
        ("eurusd.csv", given("Europe/Athens"), "Europe/Athens", ZoneSource::Given, "2021-03-11T08:00:00Z"),
        ("petr4.csv", class(MarketClass::B3), "America/Sao_Paulo", ZoneSource::B3, "2021-03-11T13:00:00Z"),
    ] {
        let report = inspect(&folder.write(name, text.as_bytes()), &settings).unwrap();
        assert_eq!((report.zone.to_string().as_str(), report.zone_from), (zone, from), "{name}");
        assert_eq!(report.first.unwrap().to_string(), first, "{name}");
    }
    let histdata =
        "20180101 170000;1.2;1.2;1.2;1.2;0\n20180101 170100;1.2;1.2;1.2;1.2;0\n20180601 170200;1.2;1.2;1.2;1.2;0\n";
    let report = inspect(&folder.write("a.csv", histdata.as_bytes()), &ReadSettings::default()).unwrap();
    assert_eq!(report.zone_from, ZoneSource::HistData);
    assert_eq!(report.first.unwrap().to_string(), "2018-01-01T22:00:00Z");
    assert_eq!(report.last.unwrap().to_string(), "2018-06-01T21:02:00Z");
}

#[test]
fn spreads_are_distances() {
    let folder = Folder::new();
    let row = |spread: &str| {
        format!(
            "2021.03.11\t10:00:00\t3306.000\t3306.000\t3294.000\t3296.500\t1\t1\t{spread}\n\
                                      2021.03.11\t10:01:00\t3306.000\t3306.000\t3294.000\t3296.500\t1\t1\t{spread}\n"
        )
    };
    for (spread, raw) in [("500", 50_000_000), ("0", 0), ("5", 500_000), ("0.5", 50_000_000), ("", 0)] {
        let text = format!("{MT5_HEADER}\n{}", row(spread));
        let (bars, ..) = read(&folder.write("wdo.csv", text.as_bytes()), &ReadSettings::default());
        assert_eq!(bars[0].spread, Price::from_raw(raw), "{spread}");
    }
}

#[test]
fn the_report_says_what_the_file_is() {
    let folder = Folder::new();
    let bytes = gzip(&utf16(&mt5(&bars(50)), true, u16::to_be_bytes));
    let path = folder.write("wdok20_m1.csv.gz", &bytes);
    let report = inspect(&path, &ReadSettings::default()).unwrap();
    assert_eq!((report.compression, report.encoding, report.delimiter), (Compression::Gzip, Encoding::Utf16Be, '\t'));
    assert_eq!((report.rows, report.accepted, report.digits, report.bytes), (50, 50, 1, bytes.len() as u64));
    assert_eq!(report.columns[8], "<SPREAD>");
    assert_eq!(report.symbol.as_ref().unwrap().name, "WDOK20");
    assert_eq!(report.sha256, sha256(&bytes));
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!((json["format"].as_str(), json["zone"].as_str()), (Some("MT5 bars"), Some("America/Sao_Paulo")));
    for (name, bytes) in [
        ("a.csv", mt5(&bars(50)).into_bytes()),
        ("a.zip", zip(&[("a.csv", mt5(&bars(50)).as_bytes())], zip::CompressionMethod::Deflated)),
    ] {
        let report = inspect(&folder.write(name, &bytes), &ReadSettings::default()).unwrap();
        assert_eq!(report.sha256, sha256(&bytes), "{name}");
    }
}

#[test]
fn oddities_are_noted() {
    let folder = Folder::new();
    let mut rows = bars(1000);
    // A Saturday, a price between ticks, a bar in which nothing happened, a bar off its minute, a spread between ticks.
    for (at, bar) in rows.iter_mut().enumerate().skip(990) {
        bar.time = Timestamp::from_secs(1_615_600_000 - 1_615_600_000 % 60 + 86_400 + 60 * at as i64);
    }
    let text = mt5(&rows);
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines[11] = "2021.03.11\t10:10:00\t5553.3\t5553.3\t5553.3\t5553.3\t0\t0\t5".to_owned();
    lines[12] = "2021.03.11\t10:11:07\t5553.5\t5553.5\t5553.5\t5553.5\t1\t1\t3".to_owned();
    let report = inspect(&folder.write("wdo.csv", lines.join("\r\n").as_bytes()), &ReadSettings::default()).unwrap();
    assert_eq!(report.faults, []);
    let tick = Price::from_raw(50_000_000);
    for note in [
        Note::WeekendRows { count: 10, first_line: 992 },
        Note::OffGrid { count: 1, tick },
        Note::OffBarGrid { count: 1 },
        Note::ZeroVolume { count: 1 },
        Note::SpreadUnreliable { count: 1, point: Price::from_raw(10_000_000) },
    ] {
        assert!(report.notes.contains(&note), "{note} is not in {:?}", report.notes);
    }
    assert_eq!(report.notes.len(), 5, "{:?}", report.notes);
}

#[test]
fn long_holes_are_listed_and_nights_are_not() {
    let folder = Folder::new();
    // Thursday 2021-03-11 10:00 to 17:59, Friday, Monday: nights and a weekend. Then 31 minutes within Tuesday, and
    // three weekdays without a bar.
    let mut times: Vec<i64> = Vec::new();
    let day = |at: i64| 1_615_467_600 + at * 86_400;
    for at in [0, 1, 4, 5, 9, 12] {
        times.extend((0..480).map(|minute| day(at) + minute * 60));
    }
    let hole = day(5) + 100 * 60;
    times.retain(|&time| time <= hole || time >= hole + 31 * 60);
    let rows: Vec<Bar> = times.iter().map(|&time| Bar { time: Timestamp::from_secs(time), ..bars(1)[0] }).collect();
    let report = inspect(&folder.write("wdo.csv", mt5(&rows).as_bytes()), &ReadSettings::default()).unwrap();
    let found: Vec<(i64, i64)> = report.gaps.largest.iter().map(|gap| (gap.from.secs(), gap.seconds)).collect();
    assert_eq!(report.gaps.count, 2);
    let last_of = |at| day(at) + 479 * 60;
    assert_eq!(found, [(last_of(5), day(9) - last_of(5)), (hole, 31 * 60)]);
}

#[test]
fn the_length_of_bars() {
    let folder = Folder::new();
    let rows = bars(100);
    // Illiquid: every third minute is missing; one minute apart is still the commonest.
    let sparse: Vec<Bar> = rows.iter().enumerate().filter(|(at, _)| at % 3 != 1).map(|(_, bar)| *bar).collect();
    let path = folder.write("wdo.csv", mt5(&rows).as_bytes());
    let seconds = |path: &std::path::Path, asked| {
        let settings = ReadSettings { bar_seconds: asked, ..ReadSettings::default() };
        open(path, &settings).map(|file| file.report().kind)
    };
    assert_eq!(seconds(&path, None).unwrap(), RowKind::Bars { seconds: 60 });
    assert_eq!(seconds(&path, Some(30)).unwrap(), RowKind::Bars { seconds: 30 });
    assert!(matches!(seconds(&path, Some(61)), Err(FileError::Unusable { .. })));
    assert!(matches!(seconds(&path, Some(0)), Err(FileError::Setting(_))));
    let sparse = folder.write("sparse.csv", mt5(&sparse).as_bytes());
    assert_eq!(seconds(&sparse, None).unwrap(), RowKind::Bars { seconds: 60 });
    let single = folder.write("single.csv", mt5(&rows[..1]).as_bytes());
    assert!(matches!(seconds(&single, None), Err(FileError::Unusable { .. })));
    assert_eq!(seconds(&single, Some(300)).unwrap(), RowKind::Bars { seconds: 300 });
}

#[test]
fn progress_ends_at_the_end() {
    let folder = Folder::new();
    let path = folder.write("wdo.csv", mt5(&bars(100_000)).as_bytes());
    let mut seen: Vec<Progress> = Vec::new();
    let mut file = MarketFile::open(&path, &ReadSettings::default(), &mut |progress| seen.push(progress)).unwrap();
    assert!(seen.len() > 1 && seen.is_sorted_by_key(|progress| (progress.bytes_done, progress.rows)));
    let end = Progress { bytes_done: file.report().bytes, bytes_total: file.report().bytes, rows: 100_000 };
    assert_eq!(seen.last(), Some(&end));
    let mut rows = Rows::new();
    assert!(file.next_batch(&mut rows).unwrap());
    assert!(file.progress().bytes_done < end.bytes_done / 2);
    while file.next_batch(&mut rows).unwrap() {}
    assert_eq!(file.progress(), end);
}

#[test]
fn a_file_is_a_feed() {
    let folder = Folder::new();
    let rows = bars(10_000);
    let mut newest_first = rows.clone();
    newest_first.reverse();
    for text in [mt5(&rows), mt5(&newest_first)] {
        let path = folder.write("wdo.csv", text.as_bytes());
        let feed = || FileFeed::new(open(&path, &ReadSettings::default()).unwrap(), SymbolId::new(3));
        assert_eq!(wait(alavanca_ports::contracts::feed::suite(&mut feed())), 10_000);
        let (mut feed, mut events) = (feed(), Vec::new());
        while wait(feed.next_batch(&mut events)).unwrap() {}
        assert!(events.iter().zip(&rows).all(|(event, bar)| *event == MarketEvent::Bar(SymbolId::new(3), *bar)));
    }
}

/// Runs what never really waits.
fn wait<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("a file does not wait"),
    }
}
