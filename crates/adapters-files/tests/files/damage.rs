//! Files that are cut off, changed, or no market data at all give an error, never a panic.

use std::io::Write as _;

use alavanca_adapters_files::{FileError, MarketFile, ReadSettings, Rows};
use proptest::prelude::*;

use crate::samples::{bars, gzip, mt5, utf16, zip};
use crate::{Folder, inspect, open};

const ANY: ReadSettings = ReadSettings { zone: None, accept_faults_percent: 100.0, bar_seconds: Some(1), class: None };

#[test]
fn packed_files_that_are_cut_off_are_damaged() {
    let folder = Folder::new();
    let text = mt5(&bars(5000));
    let packed = gzip(text.as_bytes());
    for cut in [12, 30, packed.len() / 2, packed.len() - 9, packed.len() - 4, packed.len() - 1] {
        let path = folder.write("wdo.csv.gz", &packed[..cut]);
        assert!(matches!(inspect(&path, &ANY), Err(FileError::Damaged { .. })), "{cut}: {:?}", inspect(&path, &ANY));
    }
    for method in [zip::CompressionMethod::Deflated, zip::CompressionMethod::Stored] {
        let archive = zip(&[("wdo.csv", text.as_bytes())], method);
        for cut in [10, archive.len() / 2, archive.len() - 1] {
            let path = folder.write("wdo.zip", &archive[..cut]);
            assert!(
                matches!(inspect(&path, &ANY), Err(FileError::Damaged { .. })),
                "{cut}: {:?}",
                inspect(&path, &ANY)
            );
        }
    }
}

#[test]
fn a_changed_byte_fails_the_checksum() {
    let folder = Folder::new();
    let text = mt5(&bars(5000));
    // A stored member: the change is a digit of a price, which only the checksum tells.
    let mut archive = zip(&[("wdo.csv", text.as_bytes())], zip::CompressionMethod::Stored);
    let at = archive.windows(6).rposition(|bytes| bytes == b"\t5\r\n20").expect("a spread") + 1;
    archive[at] = b'6';
    let path = folder.write("wdo.zip", &archive);
    let error = inspect(&path, &ANY).unwrap_err();
    assert!(matches!(&error, FileError::Damaged { what, .. } if what.contains("checksum")), "{error}");

    let mut packed = gzip(text.as_bytes());
    let crc = packed.len() - 8;
    packed[crc] ^= 1;
    assert!(matches!(inspect(&folder.write("wdo.csv.gz", &packed), &ANY), Err(FileError::Damaged { .. })));
}

#[test]
fn archives_without_one_clear_file_are_refused() {
    let folder = Folder::new();
    let stored = zip::CompressionMethod::Stored;
    for members in [&[][..], &[("a.csv", &b"x"[..]), ("b.csv", b"y")], &[("a.txt", b"x"), ("b.dat", b"y")]] {
        let path = folder.write("a.zip", &zip(members, stored));
        assert!(matches!(inspect(&path, &ANY), Err(FileError::Archive { .. })), "{members:?}");
    }
}

#[test]
fn what_is_no_market_data_is_told_with_its_line() {
    let folder = Folder::new();
    for (text, why) in [
        ("", "it is empty"),
        ("\n\n", "it is empty"),
        ("hello", "no three cells"),
        ("# a,b,c\n", "no row below it has a date"),
        ("date,open,high\n2021.03.11,1,2\n", "neither open, high, low and close"),
        ("id,open,high,low,close\n7,1,2,1,2\n", "no row below it has a date"),
        ("2021.03.11 10:00,1,2,3,4,5,6,7,8,9\n", "fit no known layout"),
        ("name,born,open,high,low,close\nx,2021-03-11,1,2,1,2\n", "holds a date"),
    ] {
        let error = inspect(&folder.write("a.csv", text.as_bytes()), &ANY).unwrap_err();
        assert!(matches!(error, FileError::Unknown { .. }) && error.to_string().contains(why), "{text:?}: {error}");
    }
    let endless = vec![b'a'; 200_000];
    let error = inspect(&folder.write("a.csv", &endless), &ANY).unwrap_err();
    assert!(error.to_string().contains("a line of more than 65536 bytes"), "{error}");
    assert!(matches!(inspect(&folder.0.path().join("none.csv"), &ANY), Err(FileError::Io { .. })));
    assert!(matches!(inspect(folder.0.path(), &ANY), Err(FileError::Io { .. })));
    let header_only = folder.write("a.csv", b"<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\n");
    assert!(matches!(inspect(&header_only, &ANY), Err(FileError::Unknown { .. })));
}

#[test]
fn a_file_without_a_sound_row_is_unusable() {
    let folder = Folder::new();
    let path = folder.write("a.csv", b"date,open,high,low,close\n2021.03.11,1,1,2,1\n2021.03.12,0,0,0,0\n");
    assert!(matches!(open(&path, &ANY), Err(FileError::Unusable { .. })));
}

#[test]
fn a_file_that_changes_while_it_is_read_is_noticed() {
    let folder = Folder::new();
    for (rows, change) in [(20_000, 1), (20_000, -1)] {
        let text = mt5(&bars(rows));
        let path = folder.write("wdo.csv", text.as_bytes());
        let mut file = open(&path, &ReadSettings::default()).unwrap();
        if change > 0 {
            let line = text.lines().last().unwrap().replace("2021.03", "2021.04");
            let mut appended = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
            writeln!(appended, "{line}").unwrap();
        } else {
            let shorter = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
            shorter.set_len(text.len() as u64 - 100).unwrap();
        }
        let mut batch = Rows::new();
        let end = loop {
            match file.next_batch(&mut batch) {
                Ok(true) => {}
                end => break end,
            }
        };
        assert!(matches!(end, Err(FileError::Changed { .. })), "{change}: {end:?}");
    }
}

/// Reads all there is; what comes out must be sound and in order whatever went in.
fn exhaust(bytes: &[u8], name: &str) {
    let folder = Folder::new();
    let path = folder.write(name, bytes);
    let _ = inspect(&path, &ReadSettings::default());
    let Ok(mut file) = MarketFile::open(&path, &ANY, &mut |_| {}) else { return };
    let (mut batch, mut last) = (Rows::new(), alavanca_kernel::Timestamp::MIN);
    while file.next_batch(&mut batch).expect("nobody else writes to it") {
        match &batch {
            Rows::Bars(bars) => {
                for bar in bars {
                    assert!(bar.is_sound() && bar.time > last, "{bar:?} after {last}");
                    last = bar.time;
                }
            }
            Rows::Ticks(ticks) => {
                for tick in ticks {
                    assert!(tick.time >= last, "{tick:?} after {last}");
                    assert!([tick.bid, tick.ask, tick.last].iter().all(|price| price.raw() >= 0), "{tick:?}");
                    last = tick.time;
                }
            }
        }
    }
}

const TICKS: &str = "<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>\n\
    2020.04.02\t09:00:02.322\t5250.0\t5251.0\t\t\n2020.04.02\t09:00:02.322\t\t\t5250.5\t5\n\
    2020.04.02\t09:00:03.322\t5250.5\t\t\t\n2020.04.02\t09:00:04.322\t\t5250.5\t\t\n";
const PROFIT: &str = "Ativo;Data;time;open;high;low;close;Volume;Quantidade\n\
    WDOFUT;14/01/2022;18:29:00;5.553,500;5.555,500;5.553,000;5.553,500;64.209.120,00;1.156\n\
    WDOFUT;14/01/2022;18:28:00;5.554,000;5.554,500;5.553,000;5.553,500;26.548.710,00;478\n";
const FRAME: &str = ",time,open,high,low,close,tick_volume,spread,real_volume,data,M9\n\
    0,1636940340,1.14439,1.14439,1.14432,1.14434,20,8,0,2021-11-15 01:39:00,\n\
    1,1636940400,1.14435,1.1444400000000001,1.14435,1.14444,26,5,0,2021-11-15 01:40:00,\n";
const HISTDATA: &str = "20180101 170000;1.2;1.2;1.2;1.2;0\n20180101 170100;1.2;1.2;1.2;1.2;0\n";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        exhaust(&bytes, "a.csv");
    }

    #[test]
    fn what_looks_like_cells_never_panics(
        text in "(sep=;\n)?((\"?[<A-Za-z>_]{0,6}|[0-9]{0,10}|20(18|21)[./-][0-9]{1,2}[./-][0-9]{1,2}( [0-9]{1,2}:[0-9]{2})?|[0-9.,eE+-]{0,12})[\t,;|\"\r\n]{1,2}){0,80}"
    ) {
        exhaust(text.as_bytes(), "a.csv");
    }

    #[test]
    fn mutated_files_never_panic(
        which in 0_usize..8,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..4), 0..12),
        cut in any::<prop::sample::Index>(),
        cuts in any::<bool>(),
    ) {
        let bars = mt5(&bars(60));
        let mut bytes = match which {
            0 => bars.into_bytes(),
            1 => utf16(&bars, true, u16::to_le_bytes),
            2 => gzip(bars.as_bytes()),
            3 => zip(&[("wdo.csv", bars.as_bytes())], zip::CompressionMethod::Deflated),
            4 => TICKS.into(),
            5 => PROFIT.into(),
            6 => FRAME.into(),
            _ => HISTDATA.into(),
        };
        for (at, byte, how) in changes {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => { bytes.remove(at); }
                _ => bytes[at] = b"0123456789.\t,;\n-"[usize::from(byte % 16)],
            }
        }
        if cuts && !bytes.is_empty() {
            bytes.truncate(cut.index(bytes.len()));
        }
        exhaust(&bytes, "wdo.csv");
    }
}
