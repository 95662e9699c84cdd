//! Which days are trained on, and which are traded.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use serde::Serialize;

/// So many trading days. Written as `60d`, or in weeks of five trading days as `12w`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
pub struct TradingDays(pub usize);

impl FromStr for TradingDays {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (digits, days) = match text.trim() {
            text if text.ends_with('w') => (&text[..text.len() - 1], 5),
            text => (text.strip_suffix('d').unwrap_or(text), 1),
        };
        let number = digits.parse::<usize>().ok().filter(|&number| number <= 100_000);
        number
            .map(|number| Self(number * days))
            .ok_or_else(|| "expected trading days such as 60d, or weeks of five of them such as 12w".to_owned())
    }
}

impl fmt::Display for TradingDays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}d", self.0)
    }
}

/// How the days are divided. Days are trading days that have data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// Days of a train window.
    pub train: TradingDays,
    /// Days of a test window.
    pub test: TradingDays,
    /// Days from one test window's begin to the next one's; at least those of a test window, so that no day is counted
    /// twice.
    pub step: TradingDays,
    /// Whether every train window begins with the first day, and grows.
    pub anchored: bool,
    /// The train window's last days, on which nothing is traded or learned any more.
    pub purge: TradingDays,
    /// Days left out between the train window and the test window.
    pub embargo: TradingDays,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            train: TradingDays(60),
            test: TradingDays(20),
            step: TradingDays(20),
            anchored: false,
            purge: TradingDays(0),
            embargo: TradingDays(1),
        }
    }
}

/// Why a plan cannot be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A window that cannot be.
    #[error("{0}")]
    Windows(String),
    /// The data are too short.
    #[error("the data have {days} trading days, and {plan} needs {needed}: {advice}")]
    TooFewDays {
        /// What there is.
        days: usize,
        /// The windows asked for.
        plan: String,
        /// What one window needs.
        needed: usize,
        /// What would fit.
        advice: String,
    },
}

/// The days of one fold, by their places among all trading days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Windows {
    /// Traded and learned from.
    pub(super) train: Range<usize>,
    /// Shown to the levels alone: purge and embargo.
    pub(super) shown: Range<usize>,
    /// Traded and counted.
    pub(super) test: Range<usize>,
}

impl Plan {
    /// The folds over so many days, in order of time.
    pub(super) fn folds(&self, days: usize) -> Result<Vec<Windows>, PlanError> {
        let [train, test, step, purge, embargo] =
            [self.train, self.test, self.step, self.purge, self.embargo].map(|days| days.0);
        let wrong = |why: String| Err(PlanError::Windows(why));
        if train == 0 || test == 0 {
            return wrong("--train and --test are at least 1d".to_owned());
        }
        if step < test {
            return wrong(format!(
                "--step {} is shorter than --test {}: days would be counted twice; make it at least {}",
                self.step, self.test, self.test
            ));
        }
        if purge >= train {
            return wrong(format!("--purge {} leaves nothing of --train {}", self.purge, self.train));
        }
        let needed = train + embargo + test;
        if days < needed {
            let plan = format!("--train {} --embargo {} --test {}", self.train, self.embargo, self.test);
            return Err(PlanError::TooFewDays { days, plan, needed, advice: advice(days, embargo) });
        }
        let fold = |number: usize| {
            let begin = number * step;
            let train_end = begin + train;
            let test_begin = train_end + embargo;
            (test_begin + test <= days).then(|| Windows {
                train: if self.anchored { 0 } else { begin }..train_end - purge,
                shown: train_end - purge..test_begin,
                test: test_begin..test_begin + test,
            })
        };
        Ok((0..).map_while(fold).collect())
    }
}

/// Windows of three to one, three of them, that so many days allow.
fn advice(days: usize, embargo: usize) -> String {
    let test = days.saturating_sub(embargo) / 6;
    if test == 0 {
        return "no windows worth a look fit; take more data".to_owned();
    }
    format!("--train {}d --test {test}d would fit, or take more data", 3 * test)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(train: usize, test: usize) -> Plan {
        Plan { train: TradingDays(train), test: TradingDays(test), step: TradingDays(test), ..Plan::default() }
    }

    #[test]
    fn days_and_weeks_are_read() {
        for (text, days) in
            [("60d", Some(60)), ("12w", Some(60)), ("7", Some(7)), ("d", None), ("-1d", None), ("3m", None)]
        {
            assert_eq!(text.parse::<TradingDays>().ok(), days.map(TradingDays), "{text}");
        }
    }

    #[test]
    fn windows_follow_each_other_and_never_meet() {
        let folds = plan(6, 2).folds(13).unwrap();
        let windows: Vec<_> = folds.iter().map(|f| (f.train.clone(), f.shown.clone(), f.test.clone())).collect();
        assert_eq!(windows, [(0..6, 6..7, 7..9), (2..8, 8..9, 9..11), (4..10, 10..11, 11..13)]);
        let anchored = Plan { anchored: true, purge: TradingDays(2), ..plan(6, 2) }.folds(11).unwrap();
        let windows: Vec<_> = anchored.iter().map(|f| (f.train.clone(), f.shown.clone(), f.test.clone())).collect();
        assert_eq!(windows, [(0..4, 4..7, 7..9), (0..6, 6..9, 9..11)]);
    }

    #[test]
    fn windows_that_cannot_be_say_why() {
        let told = |plan: Plan, days| plan.folds(days).unwrap_err().to_string();
        assert_eq!(
            told(plan(60, 20), 40),
            "the data have 40 trading days, and --train 60d --embargo 1d --test 20d needs 81: --train 18d --test 6d \
             would fit, or take more data"
        );
        assert_eq!(
            told(Plan { step: TradingDays(5), ..plan(60, 20) }, 400),
            "--step 5d is shorter than --test 20d: days would be counted twice; make it at least 20d"
        );
        assert!(told(plan(60, 20), 5).ends_with("take more data"));
        assert!(told(Plan { purge: TradingDays(60), ..plan(60, 20) }, 400).starts_with("--purge 60d leaves nothing"));
        assert!(told(plan(0, 20), 400).contains("at least 1d"));
    }
}
