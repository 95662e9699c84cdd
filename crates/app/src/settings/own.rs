//! `[brain.NAME]`, `[regime.NAME]`, `[liquidity.NAME]`: the settings of what is of one's own.

use alavanca_calendar::TradingZone;
use alavanca_kernel::Instrument;
use config::{Map, Value, ValueKind};

use super::{Origin, Problem, Settings, impossible, origin_row, said};
use crate::extensions::{Grounds, Kind, NotMade, Own};

/// Takes the sections in.
pub(super) fn take(merged: &Map<String, Value>, own: &mut Own, origins: &mut Vec<Origin>, problems: &mut Vec<Problem>) {
    for kind in Kind::ALL {
        let Some(ValueKind::Table(sections)) = merged.get(kind.table()).map(|value| &value.kind) else { continue };
        let mut sections: Vec<_> = sections.iter().collect();
        sections.sort_by_key(|(name, _)| *name);
        for (name, lines) in sections {
            let ValueKind::Table(lines) = &lines.kind else { continue };
            let mut lines: Vec<_> = lines.iter().collect();
            lines.sort_by_key(|(line, _)| *line);
            for (line, value) in lines {
                let Some((text, origin)) = said(value) else { continue };
                let key = format!("{}.{name}.{line}", kind.table());
                if own.knows(kind, name) {
                    own.put(&key, text);
                    origins.push(origin_row(
                        key,
                        text,
                        origin,
                        "Of one's own",
                        "A setting of what this binary brings along.",
                    ));
                } else {
                    problems.push(unknown(own, kind, name, &key, origin));
                }
            }
        }
    }
}

fn unknown(own: &Own, kind: Kind, name: &str, key: &str, origin: &str) -> Problem {
    let known: Vec<&str> = own.extensions().names(kind).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    Problem::File {
        origin: origin.to_owned(),
        why: format!(
            "{key} is of {kind} {name}, which this binary does not have; those of one's own that it has: {known}"
        ),
    }
}

/// What of one's own cannot be made with its section, tried on WIN.
pub(super) fn refused(settings: &Settings, origins: &[Origin]) -> Vec<Problem> {
    let grounds = Instrument::preset("WIN").and_then(|win| {
        let session = settings.session_rule(&win).ok()?;
        Some((win, TradingZone::new(&settings.zone).ok()?, session))
    });
    let Some((instrument, zone, session)) = grounds else { return Vec::new() };
    let refused = settings.own.check(&Grounds { instrument: &instrument, zone, session });
    refused.into_iter().map(|error| problem(origins, error)).collect()
}

fn problem(origins: &[Origin], error: NotMade) -> Problem {
    let NotMade { kind, name, line, got, allowed } = error;
    let key = line.map_or_else(|| format!("{}.{name}", kind.table()), |line| format!("{}.{name}.{line}", kind.table()));
    let origin = origins.iter().find(|row| row.key == key);
    let origin = origin.map_or("its defaults", |row| row.origin.as_str());
    impossible(&key, &got, origin, allowed)
}
