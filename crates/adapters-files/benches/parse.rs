//! Rows a second: the first reading (checks, counts, hash) and the second (rows handed over), apart.

use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use alavanca_adapters_files::{DataZone, MarketFile, ReadSettings, Rows};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use flate2::Compression;
use flate2::write::GzEncoder;

const PLAIN_ROWS: usize = 500_000;
const PACKED_ROWS: usize = 100_000;

/// An M1 export as MetaTrader writes it: prices walk, weekends are left out.
fn export(rows: usize) -> String {
    let mut text = String::from("<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\r\n");
    let (mut state, mut close, mut minute) = (0x9E37_79B9_7F4A_7C15_u64, 119_802_i64, 0_i64);
    for _ in 0..rows {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (up, down, walk) = ((state >> 20) % 12, (state >> 30) % 12, (state >> 40) % 21);
        let open = close;
        close = (open + walk as i64 - 10).clamp(100_000, 140_000);
        let (high, low) = (open.max(close) + up as i64, open.min(close) - down as i64);
        // 2018-01-01 was a Monday; every month has 28 days here, and none of them rests.
        let (day, of_day) = (minute / 1440, minute % 1440);
        let (year, month, day) = (2018 + day / 336, day / 28 % 12 + 1, day % 28 + 1);
        let price = |raw: i64| format!("{}.{:05}", raw / 100_000, raw % 100_000);
        let _ = write!(
            text,
            "{year}.{month:02}.{day:02}\t{:02}:{:02}:00\t{}\t{}\t{}\t{}\t{}\t0\t{}\r\n",
            of_day / 60,
            of_day % 60,
            price(open),
            price(high),
            price(low),
            price(close),
            state % 200 + 1,
            state % 9,
        );
        minute += 1;
    }
    text
}

fn packed(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

fn utf16(text: &str) -> Vec<u8> {
    [0xFF, 0xFE].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect()
}

fn hand_over(mut file: MarketFile, rows: &mut Rows) -> usize {
    let mut count = 0;
    while file.next_batch(rows).expect("a sound file") {
        count += rows.len();
        black_box(&rows);
    }
    count
}

fn bench(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, bytes: &[u8]| -> PathBuf {
        let path = folder.path().join(name);
        fs::write(&path, bytes).expect("a temporary file");
        path
    };
    let (long, short) = (export(PLAIN_ROWS), export(PACKED_ROWS));
    let files = [
        ("plain", PLAIN_ROWS, write("plain.csv", long.as_bytes())),
        ("utf16", PACKED_ROWS, write("utf16.csv", &utf16(&short))),
        ("gzip", PACKED_ROWS, write("packed.csv.gz", &packed(&short))),
    ];
    // These minutes run through every night, so no clock may skip or repeat an hour.
    let settings = ReadSettings { zone: Some(DataZone::UTC), ..ReadSettings::default() };
    let open = |path: &Path| MarketFile::open(path, &settings, &mut |_| {}).expect("a sound file");

    let mut group = criterion.benchmark_group("parse");
    group.sample_size(20);
    let mut rows = Rows::new();
    for (name, count, path) in &files {
        assert_eq!(hand_over(open(path), &mut rows), *count);
        group.throughput(Throughput::Elements(*count as u64));
        group.bench_function(BenchmarkId::new("first_reading", name), |bencher| {
            bencher.iter(|| MarketFile::inspect(path, &settings, &mut |_| {}).expect("a sound file"));
        });
        group.bench_function(BenchmarkId::new("hand_over", name), |bencher| {
            bencher.iter_batched(|| open(path), |file| hand_over(file, &mut rows), BatchSize::PerIteration);
        });
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
