//! The page around the document.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::document::Document;

const TEMPLATE: &str = include_str!("../../assets/report/page.html");
const STYLE: &str = include_str!("../../assets/report/page.css");
/// In the order in which they are read; they share one scope.
const SCRIPTS: [&str; 5] = [
    include_str!("../../assets/report/tools.js"),
    include_str!("../../assets/report/svg.js"),
    include_str!("../../assets/report/charts.js"),
    include_str!("../../assets/report/sections.js"),
    include_str!("../../assets/report/main.js"),
];
const WORDS_EN: &str = include_str!("../../assets/report/words.en.json");
const WORDS_PT: &str = include_str!("../../assets/report/words.pt-BR.json");
const CHARTS: &str = include_str!("../../assets/vendor/lightweight-charts/lightweight-charts.standalone.production.js");
const CHARTS_NOTICE: &str = include_str!("../../assets/vendor/lightweight-charts/NOTICE");
const CHARTS_LICENCE: &str = include_str!("../../assets/vendor/lightweight-charts/LICENSE");

/// What every page begins with, and nothing else.
const MARK: &str = "<!doctype html>\n<!-- Alavanca report -->\n";

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// There is something else at its place.
    #[error("{path} exists and is no report: name another file, or remove that one first")]
    Occupied {
        /// The place.
        path: String,
    },
    /// It cannot be written.
    #[error("cannot write the report {path}: {error}; name a file in a folder that exists and may be written to")]
    Write {
        /// The place.
        path: String,
        /// Why not.
        error: std::io::Error,
    },
    /// Its figures are no JSON.
    #[error("the report's figures cannot be written: {0}")]
    Figures(#[from] serde_json::Error),
}

/// What a page has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PageFacts {
    /// Where it is.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: usize,
    /// Candles it draws; none where the market is not at hand.
    pub candles: Option<usize>,
    /// Seconds of one candle.
    pub candle_seconds: Option<u32>,
    /// Trades it lists.
    pub trades: usize,
}

/// Whether a page may be put there: nothing is there, or an older page. Asked before a long run.
///
/// # Errors
/// Where something else is there, or the folder is not.
pub fn check_target(path: &Path) -> Result<(), PageError> {
    let shown = || path.display().to_string();
    let mut begin = String::new();
    match fs::File::open(path) {
        Ok(file) => {
            let read = file.take(MARK.len() as u64).read_to_string(&mut begin);
            if read.is_ok() && (begin == MARK || begin.is_empty()) {
                return Ok(());
            }
            Err(PageError::Occupied { path: shown() })
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            match fs::metadata(folder) {
                Ok(facts) if facts.is_dir() => Ok(()),
                Ok(_) => Err(PageError::Write { path: shown(), error: std::io::ErrorKind::NotADirectory.into() }),
                Err(error) => Err(PageError::Write { path: shown(), error }),
            }
        }
        Err(error) => Err(PageError::Write { path: shown(), error }),
    }
}

/// Writes the page, whole or not at all.
///
/// # Errors
/// [`PageError`].
pub fn write(path: &Path, document: &Document) -> Result<PageFacts, PageError> {
    check_target(path)?;
    let page = html(document)?;
    let failed = |error| PageError::Write { path: path.display().to_string(), error };
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    let beside = PathBuf::from(beside);
    fs::write(&beside, &page).map_err(failed)?;
    if let Err(error) = fs::rename(&beside, path) {
        // The half that is left is of no use; if it cannot be removed either, the error says enough.
        let _ = fs::remove_file(&beside);
        return Err(failed(error));
    }
    let candles = document.candles();
    Ok(PageFacts {
        path: path.to_path_buf(),
        bytes: page.len(),
        candles: candles.map(|(count, _)| count),
        candle_seconds: candles.map(|(_, seconds)| seconds),
        trades: document.trades(),
    })
}

/// The page as text.
///
/// # Errors
/// Where the figures are no JSON, which they always are.
pub fn html(document: &Document) -> Result<String, serde_json::Error> {
    let figures = in_script(&serde_json::to_string(document)?);
    let notices = in_script(&serde_json::to_string(&[CHARTS_NOTICE, CHARTS_LICENCE])?);
    let words = format!(
        "{{\"en\":{},\"pt-BR\":{}}}",
        in_script(&serde_json::to_string(&serde_json::from_str::<serde_json::Value>(WORDS_EN)?)?),
        in_script(&serde_json::to_string(&serde_json::from_str::<serde_json::Value>(WORDS_PT)?)?)
    );
    let script = format!("(() => {{\n'use strict';\n{}}})();", SCRIPTS.concat());
    let parts = [
        ("/*style*/", STYLE),
        ("/*charts*/", CHARTS),
        ("/*notices*/", &notices),
        ("/*words*/", &words),
        ("/*figures*/", &figures),
        ("/*script*/", &script),
    ];
    // What is put in is not searched for places again.
    let mut page = String::from(MARK);
    let mut rest = TEMPLATE;
    for (place, part) in parts {
        let Some((before, after)) = rest.split_once(place) else { continue };
        page.push_str(before);
        page.push_str(part);
        rest = after;
    }
    page.push_str(rest);
    Ok(page)
}

/// JSON that no HTML parser takes for the end of its script, whatever the names in it say.
fn in_script(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' => safe.push_str("\\u003c"),
            '>' => safe.push_str("\\u003e"),
            '&' => safe.push_str("\\u0026"),
            '\u{2028}' => safe.push_str("\\u2028"),
            '\u{2029}' => safe.push_str("\\u2029"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use alavanca_kernel::{Action, Layer, Regime, RiskState};

    use super::*;
    use crate::settings::KEYS;

    fn words(text: &str) -> BTreeMap<String, String> {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn both_languages_have_every_word_and_put_in_the_same_values() {
        let (english, portuguese) = (words(WORDS_EN), words(WORDS_PT));
        let keys = |words: &BTreeMap<String, String>| words.keys().cloned().collect::<BTreeSet<_>>();
        assert_eq!(keys(&english), keys(&portuguese));
        for (key, text) in &english {
            let other = &portuguese[key];
            assert!(!text.trim().is_empty() && !other.trim().is_empty(), "{key}");
            assert_eq!(places(text), places(other), "{key}: {text} | {other}");
        }
    }

    /// `{name}` in a word.
    fn places(text: &str) -> BTreeSet<&str> {
        text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name).collect()
    }

    #[test]
    fn every_word_that_the_scripts_ask_for_is_there() {
        let english = words(WORDS_EN);
        let script = SCRIPTS.concat();
        let begins = |at: &usize| !script[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '.');
        let asked = script.match_indices("t('").map(|(at, _)| at).filter(begins);
        let asked = asked.filter_map(|at| script[at + 3..].split_once('\'')).map(|(key, _)| key);
        let mut found = 0;
        for key in asked {
            // What ends in a dot is the beginning of a key that is put together.
            if !key.ends_with('.') {
                assert!(english.contains_key(key), "{key}");
                found += 1;
            }
        }
        assert!(found > 100, "only {found} found: has the way of asking changed?");
    }

    #[test]
    fn every_stored_word_is_said() {
        let english = words(WORDS_EN);
        let check =
            |family: &str, word: &str| assert!(english.contains_key(&format!("{family}.{word}")), "{family}.{word}");
        for action in Action::ALL {
            check("action", action.as_str());
            check("arm", action.as_str());
        }
        for regime in Regime::ALL {
            check("regime", regime.as_str());
        }
        for layer in Layer::ALL {
            check("layer", layer.as_str());
        }
        for key in KEYS {
            check("section", key.section);
        }
        for state in [RiskState::Active, RiskState::Paused, RiskState::ReduceOnly, RiskState::Halted] {
            check("state", state.as_str());
        }
        for state in ["unknown", "missing", "changed", "unreadable"] {
            check("market", state);
        }
    }

    #[test]
    fn names_cannot_end_the_script_they_are_in() {
        let hostile = "</script><script>alert(1)</script><!-- & \u{2028}";
        let json = serde_json::to_string(hostile).unwrap();
        let safe = in_script(&json);
        assert!(!safe.contains(['<', '>', '&', '\u{2028}']), "{safe}");
        assert_eq!(serde_json::from_str::<String>(&safe).unwrap(), hostile, "and stay what they are");
    }

    #[test]
    fn the_page_keeps_the_charts_notice_and_licence() {
        assert!(
            CHARTS.contains("@license") && CHARTS_NOTICE.contains("TradingView, Inc. https://www.tradingview.com/")
        );
        assert!(CHARTS_LICENCE.contains("TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION"));
        assert!(SCRIPTS.concat().contains("attributionLogo: true"));
        assert!(!CHARTS.contains("</script"), "it would end its own script");
        assert!(SCRIPTS.iter().all(|script| !script.contains("</script") && !script.contains("innerHTML")));
    }

    #[test]
    fn what_is_no_report_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("market.csv");
        fs::write(&path, "<DATE>\t<TIME>\n").unwrap();
        assert!(matches!(check_target(&path), Err(PageError::Occupied { .. })));
        fs::write(&path, format!("{MARK}<html>")).unwrap();
        assert!(check_target(&path).is_ok(), "an older report is");
        assert!(matches!(check_target(&folder.path().join("no/such/r.html")), Err(PageError::Write { .. })));
        assert!(check_target(&folder.path().join("new.html")).is_ok());
    }
}
