//! One list of bars, written in every spelling.

use std::fmt::Write as _;
use std::io::Write as _;

use alavanca_kernel::{Bar, Price, Timestamp};
use chrono::{DateTime, NaiveDateTime};

/// Brasília, as most of these files have it.
pub(crate) const AHEAD: i64 = -3 * 3600;

pub(crate) fn price(text: &str) -> Price {
    text.parse().expect("a price")
}

/// Bars of WDO from 2021-03-11 10:00 on, a minute each, on its grid of 0.5.
pub(crate) fn bars(count: usize) -> Vec<Bar> {
    let (mut state, mut close) = (7_u64, 11_107_i64);
    let half = |halves: i64| Price::from_raw(halves * Price::SCALE / 2);
    (0..count)
        .map(|i| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let open = close;
            close += (state >> 40) as i64 % 9 - 4;
            Bar {
                time: Timestamp::from_secs(1_615_467_600 + 60 * i as i64),
                open: half(open),
                high: half(open.max(close) + (state >> 50) as i64 % 4),
                low: half(open.min(close) - (state >> 54) as i64 % 4),
                close: half(close),
                volume: 1000 + (state >> 30) % 9000,
                tick_volume: 10 + (state >> 33) as u32 % 900,
                spread: half(1),
                seconds: 60,
            }
        })
        .collect()
}

pub(crate) fn local(time: Timestamp) -> NaiveDateTime {
    DateTime::from_timestamp(time.secs() + AHEAD, 0).expect("in range").naive_utc()
}

/// A table of these bars: a header (if not empty), then a line of each bar by `row`.
pub(crate) fn table(bars: &[Bar], header: &str, end: &str, row: impl Fn(&Bar) -> String) -> String {
    let mut text = String::new();
    if !header.is_empty() {
        let _ = write!(text, "{header}{end}");
    }
    for bar in bars {
        let _ = write!(text, "{}{end}", row(bar));
    }
    text
}

/// MetaTrader's own export with one decimal.
pub(crate) fn mt5_row(bar: &Bar, delimiter: &str, time: &str) -> String {
    let fixed = |price: Price| format!("{:.1}", price.to_f64());
    [
        local(bar.time).format("%Y.%m.%d").to_string(),
        local(bar.time).format(time).to_string(),
        fixed(bar.open),
        fixed(bar.high),
        fixed(bar.low),
        fixed(bar.close),
        bar.tick_volume.to_string(),
        bar.volume.to_string(),
        "5".to_owned(),
    ]
    .join(delimiter)
}

pub(crate) const MT5_HEADER: &str = "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>";

pub(crate) fn mt5(bars: &[Bar]) -> String {
    table(bars, MT5_HEADER, "\r\n", |bar| mt5_row(bar, "\t", "%H:%M:%S"))
}

/// `5.553,500`, as Profit writes it.
pub(crate) fn brazilian(price: Price) -> String {
    let text = format!("{:.3}", price.to_f64());
    let (whole, decimals) = text.split_once('.').expect("three decimals");
    format!("{},{decimals}", parted(whole))
}

/// `64.209.120`.
pub(crate) fn parted(whole: &str) -> String {
    let mut text = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            text.push('.');
        }
        text.push(digit);
    }
    text
}

pub(crate) fn utf16(text: &str, mark: bool, bytes_of: fn(u16) -> [u8; 2]) -> Vec<u8> {
    let mark = mark.then_some(0xFEFF);
    mark.into_iter().chain(text.encode_utf16()).flat_map(bytes_of).collect()
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

pub(crate) fn zip(members: &[(&str, &[u8])], method: zip::CompressionMethod) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        let options = zip::write::SimpleFileOptions::default().compression_method(method);
        writer.start_file(*name, options).expect("memory takes it");
        writer.write_all(bytes).expect("memory takes it");
    }
    writer.finish().expect("memory takes it").into_inner()
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}
