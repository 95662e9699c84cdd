//! What a doctor found, and how a trial went.

use std::fmt::Write as _;

use super::wrapped;
use crate::live::doctor::{Diagnosis, Verdict};
use crate::live::trial::Trial;

/// Line by line, with what to do below.
pub fn diagnosis(diagnosis: &Diagnosis, colour: bool) -> String {
    let mut text = format!("{} by {}\n\n", diagnosis.symbol, diagnosis.bridge);
    for finding in &diagnosis.findings {
        let (word, paint) = match finding.verdict {
            Verdict::Ok => ("ok  ", "32"),
            Verdict::Warn => ("warn", "33"),
            Verdict::Fail => ("FAIL", "1;31"),
        };
        line(&mut text, (word, paint), finding.what, &finding.found, colour);
        if let Some(advice) = &finding.advice {
            text.push_str(&wrapped("                       ", advice));
        }
    }
    text.push('\n');
    text.push_str(&wrapped(
        "",
        match diagnosis.verdict() {
            Verdict::Ok => "Ready: `alavanca live` on it, a dry run first.",
            Verdict::Warn => "Live starts like this; know what the warnings say.",
            Verdict::Fail => "Not ready: mend what failed, then ask again.",
        },
    ));
    text
}

/// Step by step.
pub fn trial(trial: &Trial, colour: bool) -> String {
    let mut text = format!("Trial of {}\n\n", trial.symbol);
    for step in &trial.steps {
        let (word, paint) = if step.passed { ("ok  ", "32") } else { ("FAIL", "1;31") };
        line(&mut text, (word, paint), "", step.what, colour);
        text.push_str(&wrapped("        ", &step.found));
    }
    text.push('\n');
    let end = match (trial.passed(), trial.flat) {
        (true, _) => "Everything held, and the account is flat again.",
        (false, true) => "Not everything held. The account is flat again.",
        (false, false) => "NOT FLAT: something of the trial is open. Close it in the terminal.",
    };
    text.push_str(&wrapped("", end));
    text
}

fn line(text: &mut String, (word, paint): (&str, &str), what: &str, found: &str, colour: bool) {
    let lead = if what.is_empty() { format!("  {word}  ") } else { format!("  {word}  {what:<13}  ") };
    let told = wrapped(&lead, found);
    if colour {
        let _ = write!(text, "{}", told.replacen(word, &format!("\u{1b}[{paint}m{word}\u{1b}[0m"), 1));
    } else {
        text.push_str(&told);
    }
}
