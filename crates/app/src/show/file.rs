//! What a market data file is and what is wrong with it.

use std::fmt::Write as _;

use alavanca_adapters_files::{Compression, Encoding, FileReport, RowKind};

use super::{count, figures, table, titled};
use crate::resample::Resampled;

/// Lines that are shown of each kind of fault.
const LINES: usize = 5;

/// What a resampling wrote.
pub fn resampled(written: &Resampled) -> String {
    let from = match written.from_seconds {
        0 => format!("{} ticks", count(written.rows)),
        seconds => format!("{} bars of {seconds} s", count(written.rows)),
    };
    let time = |at: Option<alavanca_kernel::Timestamp>| at.map_or_else(|| "none".to_owned(), |at| at.to_string());
    let mut text = format!(
        "{}: {} bars of {} from {from}\n  span      {} to {}\n  clock     {}\n",
        written.out.display(),
        count(written.bars),
        written.to,
        time(written.first),
        time(written.last),
        written.clock,
    );
    if written.faulty > 0 {
        let _ = writeln!(text, "  left out  {} faulty rows: `alavanca data inspect` names them", count(written.faulty));
    }
    if !written.clock_is_told {
        let _ = writeln!(text, "  to read   add --data-tz {}: neither its name nor its rows say so", written.clock);
    }
    text
}

/// The report as people read it.
pub fn inspection(report: &FileReport, colour: bool) -> String {
    let mut text = format!("{}\n", report.path.display());
    let mut fact = |name: &str, value: String| {
        let _ = writeln!(text, "  {name:<10}{value}");
    };
    let packed = match report.compression {
        Compression::None => "",
        Compression::Gzip => ", gzip",
        Compression::Zip => ", zip",
    };
    let encoding = match report.encoding {
        Encoding::Utf8 => "UTF-8",
        Encoding::Utf8Bom => "UTF-8 with mark",
        Encoding::Utf16Le => "UTF-16 LE",
        Encoding::Utf16Be => "UTF-16 BE",
    };
    let delimiter = match report.delimiter {
        '\t' => "tab".to_owned(),
        other => format!("`{other}`"),
    };
    let header = if report.header { "with header" } else { "no header" };
    fact("is", format!("{}, {}", report.format.as_str(), rows(report.kind)));
    fact("written", format!("{encoding}{packed}, {delimiter} between cells, {header}, {} bytes", count(report.bytes)));
    let symbol = report.symbol.as_ref().map(|symbol| format!("{} (from the {})", symbol.name, symbol.from));
    fact("symbol", symbol.unwrap_or_else(|| "not said".to_owned()));
    let time = |at: Option<alavanca_kernel::Timestamp>| at.map_or_else(|| "none".to_owned(), |at| at.to_string());
    fact("span", format!("{} to {}", time(report.first), time(report.last)));
    fact("clock", format!("{} ({})", report.zone, report.zone_from));
    fact("rows", format!("{}, of which {} can be used", count(report.rows), count(report.accepted)));
    fact("digits", report.digits.to_string());
    fact("sha256", report.sha256.clone());

    if !report.faults.is_empty() {
        let mut faults = figures(&["Faults", "rows", "%"]);
        for fault in &report.faults {
            faults.add_row([fault.kind.to_string(), count(fault.count), format!("{:.2}", fault.percent)]);
        }
        let _ = write!(text, "\n{}", titled("", &mut faults, colour));
        for fault in &report.faults {
            let _ = writeln!(text, "\n {}", fault.kind);
            for line in fault.lines.iter().take(LINES) {
                let _ = writeln!(text, "   line {}: {}", line.line, harmless(&line.what));
            }
            let more = fault.count.saturating_sub(fault.lines.len().min(LINES) as u64);
            if more > 0 {
                let _ = writeln!(text, "   and {} more", count(more));
            }
        }
    }
    if report.gaps.count > 0 {
        let title = format!("Gaps: {}, the longest", count(report.gaps.count));
        let mut gaps = table(&["after", "until", "for"]);
        for gap in &report.gaps.largest {
            gaps.add_row([gap.from.to_string(), gap.to.to_string(), duration(gap.seconds)]);
        }
        text.push_str(&titled(&title, &mut gaps, colour));
    }
    if !report.notes.is_empty() {
        text.push_str("\nNotes\n");
        for note in &report.notes {
            let _ = writeln!(text, "  - {note}");
        }
    }
    let verdict = if report.is_over_limit() {
        format!("Refused: {}", report.refusal())
    } else {
        let faulty =
            if report.faulty == 0 { "no row is".to_owned() } else { format!("{} rows are", count(report.faulty)) };
        format!("Fit to be used: {faulty} faulty (limit {} %)", report.accept_faults_percent)
    };
    let _ = writeln!(text, "\n{verdict}");
    text
}

fn rows(kind: RowKind) -> String {
    match kind {
        RowKind::Bars { seconds: 0 } => "one bar".to_owned(),
        RowKind::Bars { seconds } => format!("bars of {}", duration(i64::from(seconds))),
        RowKind::Ticks => "ticks".to_owned(),
    }
}

/// A file's own text without what would move or colour the terminal.
fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// `3 d 4 h`, `30 min`, `45 s`: the two largest units.
fn duration(seconds: i64) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let mut rest = seconds;
    let mut parts = Vec::new();
    for (length, unit) in units {
        if rest >= length {
            parts.push(format!("{} {unit}", rest / length));
            rest %= length;
        }
    }
    parts.truncate(2);
    if parts.is_empty() { "0 s".to_owned() } else { parts.join(" ") }
}
