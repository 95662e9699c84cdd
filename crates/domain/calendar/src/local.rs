use alavanca_kernel::Timestamp;
use chrono::{MappedLocalTime, NaiveDateTime, Offset, TimeZone};

use crate::Zone;
use crate::zone::{DAY, naive};

/// How a local time maps to an instant.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum LocalKind {
    /// It happened once.
    Exact,
    /// The clock went back and showed it twice; taken is the earlier.
    Ambiguous,
    /// The clock went forward and never showed it; taken is the instant as if it had not, which the wall clock then
    /// shows so much later.
    Nonexistent,
}

/// A local time as an instant.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Resolved {
    /// The instant.
    pub at: Timestamp,
    /// Whether there was a choice to make.
    pub kind: LocalKind,
}

/// The instant at which a zone's wall clock shows `local`. Gives one for every local time and says how it came by it.
pub fn local_to_utc(zone: Zone, local: NaiveDateTime) -> Resolved {
    resolve(zone, local.and_utc().timestamp()).0
}

/// What a zone's wall clock shows at an instant, to the second. The ends of time are held within what can be shown.
pub fn utc_to_local(zone: Zone, at: Timestamp) -> NaiveDateTime {
    naive(at.secs().saturating_add(zone.offset_at(at.secs())))
}

/// Turns many wall-clock times of one zone into instants, fast where they lie near each other. Counts those that were
/// ambiguous or never shown, to be reported.
#[derive(Clone, Debug)]
pub struct LocalConverter {
    zone: Zone,
    // The remembered stretch of local seconds, all of them exact and of this offset.
    from: i64,
    until: i64,
    offset: i64,
    ambiguous: u64,
    nonexistent: u64,
}

impl LocalConverter {
    /// For wall-clock times of that zone.
    pub const fn new(zone: Zone) -> Self {
        Self { zone, from: 0, until: 0, offset: 0, ambiguous: 0, nonexistent: 0 }
    }

    /// The instant of a local time, given in seconds since 1970-01-01 00:00 on the same wall clock.
    #[inline]
    pub fn to_utc(&mut self, local_secs: i64) -> Timestamp {
        if local_secs < self.from || local_secs >= self.until {
            return self.look_up(local_secs);
        }
        Timestamp::from_secs(local_secs - self.offset)
    }

    /// How many local times the clock had shown twice; each became its earlier instant.
    pub const fn ambiguous(&self) -> u64 {
        self.ambiguous
    }

    /// How many local times the clock had never shown; each was moved forward by what the clock skipped.
    pub const fn nonexistent(&self) -> u64 {
        self.nonexistent
    }

    #[cold]
    fn look_up(&mut self, local_secs: i64) -> Timestamp {
        let (resolved, offset) = resolve(self.zone, local_secs);
        match resolved.kind {
            LocalKind::Ambiguous => self.ambiguous += 1,
            LocalKind::Nonexistent => self.nonexistent += 1,
            LocalKind::Exact => {
                // A local time is exact where no span but one shows it: the offsets on both sides of a change decide.
                let span = self.zone.span_at(local_secs - offset);
                let before = self.zone.offset_at(span.from - 1);
                let after = self.zone.offset_at(span.until);
                self.from = span.from + offset.max(before);
                self.until = span.until + offset.min(after);
                self.offset = offset;
            }
        }
        resolved.at
    }
}

/// The instant and the offset that was used.
fn resolve(zone: Zone, local_secs: i64) -> (Resolved, i64) {
    let offset_of = |local: i64| {
        let seconds = |offset: &chrono_tz::TzOffset| i64::from(offset.fix().local_minus_utc());
        match zone.tz().offset_from_local_datetime(&naive(local)) {
            MappedLocalTime::Single(offset) => Some((seconds(&offset), LocalKind::Exact)),
            // The larger offset gives the earlier instant.
            MappedLocalTime::Ambiguous(a, b) => Some((seconds(&a).max(seconds(&b)), LocalKind::Ambiguous)),
            MappedLocalTime::None => None,
        }
    };
    let (offset, kind) = offset_of(local_secs).unwrap_or_else(|| {
        // Zones have skipped up to a day; before the gap the old offset is found.
        let before = (1..=48).find_map(|half_hours| offset_of(local_secs - half_hours * 1_800));
        (before.map_or_else(|| zone.offset_at(local_secs - DAY), |(offset, _)| offset), LocalKind::Nonexistent)
    });
    (Resolved { at: Timestamp::from_secs(local_secs - offset), kind }, offset)
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;
    use proptest::prelude::*;

    use super::*;

    fn zone(name: &str) -> Zone {
        Zone::by_name("--data-tz", name).unwrap()
    }

    fn local(text: &str) -> NaiveDateTime {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").unwrap()
    }

    #[test]
    fn every_local_time_becomes_an_instant() {
        use LocalKind::{Ambiguous, Exact, Nonexistent};
        for (name, shown, utc, kind) in [
            ("America/Sao_Paulo", "2021-03-11 17:35:00", "2021-03-11T20:35:00Z", Exact),
            ("America/Sao_Paulo", "2018-11-03 23:59:59", "2018-11-04T02:59:59Z", Exact),
            ("America/Sao_Paulo", "2018-11-04 00:00:00", "2018-11-04T03:00:00Z", Nonexistent),
            ("America/Sao_Paulo", "2018-11-04 00:30:00", "2018-11-04T03:30:00Z", Nonexistent),
            ("America/Sao_Paulo", "2018-11-04 01:00:00", "2018-11-04T03:00:00Z", Exact),
            ("America/Sao_Paulo", "2019-02-16 22:59:59", "2019-02-17T00:59:59Z", Exact),
            ("America/Sao_Paulo", "2019-02-16 23:00:00", "2019-02-17T01:00:00Z", Ambiguous),
            ("America/Sao_Paulo", "2019-02-16 23:30:00", "2019-02-17T01:30:00Z", Ambiguous),
            ("America/Sao_Paulo", "2019-02-16 23:59:59", "2019-02-17T01:59:59Z", Ambiguous),
            ("America/Sao_Paulo", "2019-02-17 00:00:00", "2019-02-17T03:00:00Z", Exact),
            ("America/New_York", "2018-03-11 02:30:00", "2018-03-11T07:30:00Z", Nonexistent),
            ("America/New_York", "2018-11-04 01:30:00", "2018-11-04T05:30:00Z", Ambiguous),
            // A whole day was left out.
            ("Pacific/Apia", "2011-12-30 12:00:00", "2011-12-30T22:00:00Z", Nonexistent),
            ("UTC", "1969-12-31 23:59:59", "1969-12-31T23:59:59Z", Exact),
        ] {
            let got = local_to_utc(zone(name), local(shown));
            assert_eq!((got.at.to_string().as_str(), got.kind), (utc, kind), "{name} {shown}");
            let mut converter = LocalConverter::new(zone(name));
            assert_eq!(converter.to_utc(local(shown).and_utc().timestamp()), got.at, "{name} {shown}");
            let counted = (converter.ambiguous(), converter.nonexistent());
            assert_eq!(counted, (u64::from(kind == Ambiguous), u64::from(kind == Nonexistent)), "{name} {shown}");
            if kind != Nonexistent {
                assert_eq!(utc_to_local(zone(name), got.at), local(shown), "{name} {utc}");
            }
        }
    }

    #[test]
    fn remembering_changes_nothing_across_a_change() {
        // Every minute of four days around both changes, forwards: the remembered stretch must end in time.
        for (name, day) in [
            ("America/Sao_Paulo", (2018, 11, 2)),
            ("America/Sao_Paulo", (2019, 2, 14)),
            ("America/New_York", (2018, 3, 9)),
            ("America/New_York", (2018, 11, 2)),
            ("Australia/Lord_Howe", (2021, 4, 2)),
        ] {
            let start = NaiveDate::from_ymd_opt(day.0, day.1, day.2).unwrap().and_hms_opt(0, 0, 0).unwrap();
            let start = start.and_utc().timestamp();
            let mut converter = LocalConverter::new(zone(name));
            for minute in 0..4 * 1_440 {
                let secs = start + minute * 60;
                assert_eq!(converter.to_utc(secs), resolve(zone(name), secs).0.at, "{name} {}", naive(secs));
            }
            assert!(converter.ambiguous() + converter.nonexistent() >= 30);
        }
    }

    proptest! {
        #[test]
        fn remembering_changes_nothing(
            start in 800_000_000_i64..1_900_000_000,
            steps in prop::collection::vec(-100_000_i64..200_000, 1..100),
            name in prop::sample::select(vec!["America/Sao_Paulo", "America/New_York", "Europe/Athens", "Africa/Casablanca"]),
        ) {
            let mut converter = LocalConverter::new(zone(name));
            let mut secs = start;
            for step in steps {
                secs += step;
                prop_assert_eq!(converter.to_utc(secs), resolve(zone(name), secs).0.at);
            }
        }
    }
}
