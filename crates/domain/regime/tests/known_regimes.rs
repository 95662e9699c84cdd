//! How well the detectors find what is known: a confusion matrix, and how late they are. The figures stand in the book,
//! and are held against what is computed here. `ALAVANCA_WRITE=1 cargo nextest run -p alavanca-regime` writes them.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "holds the book's figures against the computed ones"
)]

mod known;

use std::path::Path;

use alavanca_calendar::{TradingZone, ZoneSettings};
use alavanca_kernel::Regime;
use alavanca_regime::{AdxAtrConfig, AdxAtrDetector, MultiScaleConfig, MultiScaleDetector, MultiScaleSettings};

use known::score::{CLASSES, Score};
use known::{BARS_OF_DAY, market, market_of};

const DAYS: usize = 60;
/// So many days are for learning what is usual, and are not counted.
const LEARNING: usize = 5 * BARS_OF_DAY;
/// The defaults were chosen on these markets ...
const TUNED_ON: [u64; 6] = [1, 2, 3, 4, 5, 6];
/// ... and are judged on these.
const JUDGED_ON: [u64; 6] = [101, 102, 103, 104, 105, 106];

fn multi_scale(settings: MultiScaleSettings) -> MultiScaleDetector {
    let zone = TradingZone::new(&ZoneSettings::default()).unwrap();
    MultiScaleDetector::new(MultiScaleConfig::new(settings).unwrap(), zone)
}

/// Of MULTI_SCALE and of ADX_ATR, each with its defaults.
fn scores(seeds: [u64; 6]) -> [Score; 2] {
    let mut scores = [Score::default(), Score::default()];
    for seed in seeds {
        let market = market(seed, DAYS);
        scores[0].add(&mut multi_scale(MultiScaleSettings::default()), &market, LEARNING);
        scores[1].add(&mut AdxAtrDetector::new(AdxAtrConfig::default()), &market, LEARNING);
    }
    scores
}

#[test]
fn the_book_says_how_good_it_is() {
    let [multi, adx] = scores(JUDGED_ON);
    let [tuned, _] = scores(TUNED_ON);
    let range: u64 = multi.bars[Regime::Range.index()].iter().sum();
    let always_range = 100.0 * range as f64 / multi.bars.iter().flatten().sum::<u64>() as f64;
    let mut weak = Score::default();
    for seed in JUDGED_ON {
        weak.add(&mut multi_scale(MultiScaleSettings::default()), &market_of(seed, DAYS, 0.5), LEARNING);
    }
    let text = format!(
        "`MULTI_SCALE`:\n\n{}\n\n{}\nOn the markets on which its defaults were chosen: {:.1} %. Who always said RANGE would be \
         right on {always_range:.1} %. Of trends half as strong it finds {:.1} % and {:.1} % of the bars, up and down.\n\n`ADX_ATR`:\n\n{}\n\n{}\n",
        multi.table(),
        multi.words(),
        100.0 * tuned.accuracy(),
        100.0 * weak.recall(Regime::TrendUp),
        100.0 * weak.recall(Regime::TrendDown),
        adx.table(),
        adx.words(),
    );

    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/book/src/concepts/regimes.md");
    let there = std::fs::read_to_string(&page).unwrap();
    let begin = there.find("<!-- figures: begin").unwrap();
    let begin = begin + there[begin..].find('\n').unwrap() + 1;
    let end = there.find("<!-- figures: end -->").unwrap();
    let now = format!("{}\n{text}\n{}", &there[..begin], &there[end..]);
    if std::env::var_os("ALAVANCA_WRITE").is_some() {
        std::fs::write(&page, &now).unwrap();
        return;
    }
    assert_eq!(there, now, "docs/book/src/concepts/regimes.md is stale: ALAVANCA_WRITE=1 writes its figures");
}

#[test]
fn known_regimes_are_found() {
    let [multi, adx] = scores(JUDGED_ON);
    for regime in CLASSES {
        assert!(multi.stretches[regime.index()] >= 40, "{regime}: {} stretches", multi.stretches[regime.index()]);
    }
    let check = |regime: Regime, recall: f64, precision: f64, late: u64| {
        let got = (multi.recall(regime), multi.precision(regime), multi.delay(regime, 0.9));
        assert!(got.0 >= recall && got.1 >= precision && got.2 <= late, "{regime}: {got:?}\n{}", multi.table());
    };
    check(Regime::TrendUp, 0.70, 0.78, 90);
    check(Regime::TrendDown, 0.70, 0.78, 90);
    check(Regime::Range, 0.85, 0.76, 90);
    check(Regime::HighVol, 0.85, 0.85, 15);
    check(Regime::Chaotic, 0.80, 0.80, 10);
    // A trend that fades looks like a trend first and like a range at last: little of it can be known in time.
    check(Regime::Exhaustion, 0.20, 0.20, 90);
    assert!(multi.accuracy() > adx.accuracy() + 0.15, "{} {}", multi.words(), adx.words());
    // No trend is taken for its opposite.
    let [up, down] = [Regime::TrendUp, Regime::TrendDown].map(Regime::index);
    assert!(multi.bars[up][down] + multi.bars[down][up] < 2_000, "{}", multi.table());
    assert!(multi.changes[0] < 4 * multi.changes[1], "{}", multi.words());
}

/// What the day's shape is for: without it, every open is volatile.
#[test]
fn the_hour_is_allowed_for() {
    let said = |days: u32| {
        let mut score = Score::default();
        for seed in JUDGED_ON {
            let settings = MultiScaleSettings { day_shape_days: days, ..MultiScaleSettings::default() };
            score.add(&mut multi_scale(settings), &market(seed, DAYS), LEARNING);
        }
        score.precision(Regime::HighVol)
    };
    let (with, without) = (said(10), said(0));
    assert!(with > 0.85 && without < 0.6, "{with} {without}");
}
