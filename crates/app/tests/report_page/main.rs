//! The report's page as a browser shows it. Needs Debian's chromium (`cargo xtask setup`).

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test that cannot go on stops")]

mod browser;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use browser::{Browser, Look};
use serde_json::{Value, json};

const DESKTOP: Look = Look { width: 1280, height: 900, dark: false, language: "en-US" };
const PHONE: Look = Look { width: 360, height: 780, dark: false, language: "en-US" };

/// A page of a run in which extra contracts are taken.
fn page(folder: &Path, days: u32) -> PathBuf {
    let days = format!("SYNTHETIC_DAYS={days}");
    let settings = [
        "REALAVANCAGEM_ALLOWED_REGIMES=TREND_UP,TREND_DOWN,RANGE,HIGH_VOL",
        "REALAVANCAGEM_MIN_GLOBAL_CONF=0.30",
        "REALAVANCAGEM_REQUIRE_PROFIT_TODAY=false",
        "REALAVANCAGEM_MIN_LIQUIDITY=0",
        "REALAVANCAGEM_FORBIDDEN_MODES=CHAOTIC",
        &days,
    ];
    let output = Command::new(env!("CARGO_BIN_EXE_alavanca"))
        .args(["backtest", "--report", "r.html"])
        .args(settings.iter().flat_map(|setting| ["--set", setting]))
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    folder.join("r.html")
}

fn text(browser: &mut Browser, place: &str) -> String {
    browser.eval(&format!("document.querySelector('{place}').textContent")).as_str().unwrap().to_owned()
}

/// Pixels of the chart that have the colour of this name, nearly.
fn pixels(browser: &mut Browser, chart: &str, colour: &str) -> u64 {
    let count = format!(
        "(() => {{
            const hex = getComputedStyle(document.documentElement).getPropertyValue('--{colour}').trim();
            const wanted = [1, 3, 5].map(at => parseInt(hex.slice(at, at + 2), 16));
            let count = 0;
            for (const canvas of document.querySelectorAll('.chart.{chart} canvas')) {{
                if (!canvas.width || !canvas.height) continue;
                const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', {{ willReadFrequently: true }});
                copy.drawImage(canvas, 0, 0);
                const all = copy.getImageData(0, 0, canvas.width, canvas.height).data;
                for (let i = 0; i < all.length; i += 4)
                    if (all[i + 3] > 200 && wanted.every((each, part) => Math.abs(all[i + part] - each) < 6)) count++;
            }}
            return count;
        }})()"
    );
    browser.eval(&count).as_u64().unwrap()
}

/// Waits until the charts, which are drawn frame by frame, show something of this colour.
fn drawn(browser: &mut Browser, chart: &str, colour: &str) -> u64 {
    let until = Instant::now() + Duration::from_secs(5);
    loop {
        let count = pixels(browser, chart, colour);
        if count > 0 || Instant::now() > until {
            return count;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn overflow(browser: &mut Browser) -> i64 {
    browser.eval("document.documentElement.scrollWidth - document.documentElement.clientWidth").as_i64().unwrap()
}

#[test]
fn the_page_is_drawn_without_complaint_and_without_the_network() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = page(folder.path(), 15);
    browser.open(&file, DESKTOP);

    for colour in ["up", "down"] {
        let count = drawn(&mut browser, "candles", colour);
        assert!(count > 100, "candles have {count} pixels of {colour}");
    }
    let curve = drawn(&mut browser, "equity", "accent");
    assert!(curve > 100, "the curve has {curve} pixels");
    browser.eval("document.querySelector('#market .tools button').click()");
    let marked = "+document.querySelector('.chart.candles').dataset.trades > 20 \
                  && +document.querySelector('.chart.candles').dataset.scalps > 3";
    let seen = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 100))))";
    browser.eval(seen);
    assert_eq!(browser.eval(marked), json!(true), "trades and scalps are marked on the candles");
    assert!(drawn(&mut browser, "candles", "scalp") > 0, "scalps' ends are drawn");

    let empty = "[...document.querySelectorAll('.svg')].filter(box => \
                 !box.querySelector('svg') || box.querySelectorAll('rect, circle, polyline').length === 0).length";
    assert_eq!(browser.eval(empty), json!(0), "every small chart has something in it");
    assert!(browser.eval("document.querySelectorAll('.svg svg').length").as_u64() >= Some(8));
    let sections = browser.eval("[...document.querySelectorAll('main > section')].map(each => each.id)");
    let all = json!([
        "equity",
        "market",
        "trades",
        "days",
        "decisions",
        "regimes",
        "confidence",
        "posteriors",
        "refusals",
        "scalps",
        "costs",
        "level4",
        "risk",
        "learning",
        "settings",
        "data"
    ]);
    assert_eq!(sections, all);
    assert_eq!(browser.eval("document.querySelectorAll('#trades tbody tr').length"), json!(20));

    let notice = text(&mut browser, "#attribution");
    assert!(notice.contains("TradingView Lightweight Charts") && notice.contains("TradingView, Inc."), "{notice}");
    let link = "document.querySelector('#attribution a').href";
    assert_eq!(browser.eval(link), json!("https://www.tradingview.com/"));
    assert!(
        browser.eval("document.querySelectorAll('.chart a[href*=\"tradingview.com\"]').length").as_u64() >= Some(1)
    );

    assert_eq!(browser.complaints(), Vec::<String>::new());
    let address = format!("file://{}", file.canonicalize().unwrap().display());
    let others: Vec<String> = browser.requests().into_iter().filter(|asked| *asked != address).collect();
    assert_eq!(others, Vec::<String>::new(), "nothing but the file itself is asked for");
}

#[test]
fn language_and_dress_change_what_is_shown() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = page(folder.path(), 5);
    browser.open(&file, Look { language: "pt-BR", ..DESKTOP });
    assert_eq!(browser.eval("document.documentElement.lang"), json!("pt-BR"), "as the browser asks");
    assert_eq!(text(&mut browser, "#trades h2"), "Operações");
    let portuguese = text(&mut browser, "#net");
    assert!(portuguese.contains("R$") && portuguese.contains(','), "{portuguese}");

    browser.open(&file, DESKTOP);
    assert_eq!(text(&mut browser, "#trades h2"), "Trades");
    let english = text(&mut browser, "#net");
    assert!(english.contains("R$") && english.contains('.') && english != portuguese, "{english} | {portuguese}");
    let words = |browser: &mut Browser| browser.eval("document.body.innerText").as_str().unwrap().to_owned();
    let before = words(&mut browser);
    browser.eval("document.getElementById('language-pt-BR').click()");
    assert_eq!((text(&mut browser, "#trades h2").as_str(), text(&mut browser, "#net")), ("Operações", portuguese));
    let after = words(&mut browser);
    for word in ["Win rate", "Refusals", "Ended by", "Show more"] {
        assert!(before.contains(word) && !after.contains(word), "{word} is still there in Portuguese");
    }

    let ground = "getComputedStyle(document.body).backgroundColor";
    let light = browser.eval(ground);
    browser.eval("document.getElementById('theme').click()");
    let dark = browser.eval(ground);
    assert_ne!(light, dark);
    assert!(drawn(&mut browser, "candles", "up") > 50, "the candles wear the dark dress's colours");
    browser.look(Look { dark: true, ..DESKTOP });
    browser.open(&file, Look { dark: true, ..DESKTOP });
    assert_eq!(browser.eval(ground), dark, "as the system asks");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn it_fits_a_phone_and_the_keyboard_and_does_not_jump() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = page(folder.path(), 15);
    for language in ["en-US", "pt-BR"] {
        browser.open(&file, Look { language, ..PHONE });
        assert_eq!(overflow(&mut browser), 0, "{language}: wider than 360 pixels");
        browser.eval("document.querySelectorAll('details').forEach(each => each.open = true)");
        assert_eq!(overflow(&mut browser), 0, "{language}: wider than 360 pixels, unfolded");
    }
    let shifted = "new Promise(done => { let sum = 0; \
                   new PerformanceObserver(list => list.getEntries().forEach(each => sum += each.value)) \
                   .observe({ type: 'layout-shift', buffered: true }); setTimeout(() => done(sum), 400); })";
    browser.open(&file, DESKTOP);
    let shift = browser.eval(shifted).as_f64().unwrap();
    assert!(shift < 0.02, "the layout shifted by {shift}");
    browser.press("Tab");
    assert_eq!(browser.eval("document.activeElement.className"), json!("skip"), "the first stop skips to the report");
    browser.press("Tab");
    assert_eq!(browser.eval("document.activeElement.id"), json!("language-en"));
    let focusable = "[...document.querySelectorAll('.scroll, .chart')].every(each => each.tabIndex === 0 && \
                     each.getAttribute('aria-label'))";
    assert_eq!(browser.eval(focusable), json!(true), "what scrolls can be reached and has a name");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn half_a_million_bars_open_soon_in_a_small_file() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = page(folder.path(), 900);
    let bytes = std::fs::metadata(&file).unwrap().len();
    assert!(bytes < 1_500_000, "{bytes} bytes");
    let took = browser.open(&file, DESKTOP);
    assert!(took < Duration::from_secs(20), "{took:?}");
    let rows: Value = browser.eval("JSON.parse(document.getElementById('figures').textContent).market.rows");
    assert!(rows.as_u64() > Some(500_000), "{rows} bars");
    assert!(drawn(&mut browser, "candles", "up") > 100);
    assert_eq!(browser.complaints(), Vec::<String>::new());
    eprintln!("half a million bars: {bytes} bytes, open after {took:?}");
}

#[test]
fn a_dead_browser_is_an_error_and_no_wait() {
    let Some(mut browser) = Browser::start() else { return };
    browser.kill();
    let begun = Instant::now();
    let answer = browser.try_call("Runtime.evaluate", json!({"expression": "1"}));
    assert!(answer.is_err_and(|why| why.contains("ended")) && begun.elapsed() < Duration::from_secs(2));
}
