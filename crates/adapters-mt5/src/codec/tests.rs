use super::*;
use crate::wire::{FromBridge, FromEngine};

const HEARTBEAT: &str =
    r#"{"v":1,"session":"","seq":3,"ack":2,"ts_utc":5,"type":"heartbeat","body":{"state":"ACTIVE"}}"#;

#[test]
fn lines_come_whole_however_they_were_cut() {
    let stream = b"one\n\ntwo and more\nhalf";
    for cut in 1..stream.len() {
        let (mut lines, mut got) = (Lines::default(), Vec::new());
        for piece in stream.chunks(cut) {
            lines.push(piece);
            while let Some(line) = lines.next_line().unwrap() {
                got.push(String::from_utf8(line.to_vec()).unwrap());
            }
        }
        assert_eq!(got, ["one", "", "two and more"], "cut every {cut} bytes");
    }
}

#[test]
fn a_line_may_be_as_long_as_a_frame_and_no_longer() {
    let check = |length: usize, newline: bool, expected: Result<bool, FrameError>| {
        let mut lines = Lines::default();
        lines.push(&vec![b' '; length]);
        if newline {
            lines.push(b"\n");
        }
        assert_eq!(lines.next_line().map(|line| line.is_some()), expected, "{length} bytes, newline: {newline}");
        if expected.is_err() {
            lines.push(b"\nshort\n");
            assert_eq!(lines.next_line(), Err(FrameError::TooLong), "no way back to a frame's begin");
        }
    };
    check(FRAME_MAX - 1, true, Ok(true));
    check(FRAME_MAX - 1, false, Ok(false));
    check(FRAME_MAX, true, Err(FrameError::TooLong));
    check(FRAME_MAX, false, Err(FrameError::TooLong));
}

#[test]
fn what_is_wrong_is_named() {
    let check = |line: &[u8], expected: &str| {
        let error = decode::<FromEngine>(line).expect_err(&String::from_utf8_lossy(line));
        assert!(
            error.to_string().contains(expected),
            "{}\n  gave: {error}\n  expected: {expected}",
            line.escape_ascii()
        );
    };
    let with = |from: &str, to: &str| HEARTBEAT.replace(from, to).into_bytes();
    assert!(decode::<FromEngine>(HEARTBEAT.as_bytes()).is_ok());
    check(b"", "byte 0: expected an object");
    check(&with("{\"state\":\"ACTIVE\"}", "[\"ACTIVE\"]"), "`body` (by byte 73): expected an object");
    check(b"{\"v\":1,\"session\":\"\xff\"}", "byte 18 is not UTF-8");
    check(&with("\"v\":1", "\"v\":2"), "`v` is 2; expected 1");
    check(br#"{"v":7,"something":"else"}"#, "`v` is 7; expected 1");
    check(&with("heartbeat", "heart"), "`type` is `heart`; expected one of challenge, auth,");
    check(&with("\"seq\":3,", ""), "missing field `seq`");
    check(&with("\"seq\":3", "\"seq\":-3"), "`seq` (by byte");
    check(&with("\"seq\":3", "\"seq\":3.5"), "`seq`");
    check(&with("\"seq\":3", "\"seq\":18446744073709551616"), "`seq`");
    check(&with("\"session\":\"\"", "\"session\":\"ABC\""), "`session`");
    check(&with("{\"state\":\"ACTIVE\"}", "{}"), "`body` (by byte");
    check(&with("\"ACTIVE\"", "7"), "`body.state`");
    check(&with("\"ACTIVE\"}}", "\"ACTIVE\"}"), "EOF");
    check(&with("\"ACTIVE\"}}", "\"ACTIVE\"}} x"), "trailing");
    check(&with("\"ACTIVE\"}}", "\"ACTIVE\",\"state\":\"HALTED\"}}"), "duplicate field `state`");
    check(&with("\"ACTIVE\"", &format!("{}{}", "[".repeat(20), "]".repeat(20))), "nested more than 16 deep");
    check(&with("\"ACTIVE\"", &format!("[{}0]", "0,".repeat(5000))), "more than 4096 items");
    check(&vec![b' '; FRAME_MAX], "more than 65536 bytes");
    let tick = r#"{"v":1,"seq":3,"ack":2,"ts_utc":5,"type":"tick","body":{"symbol":"WINZ26","ticks":[[1,"5","5","5","1e3",0]]}}"#;
    let error = decode::<FromBridge>(tick.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("`body.ticks[0]") && error.contains("`1e3` is not a decimal"), "{error}");
}

#[test]
fn braces_in_strings_are_not_counted() {
    let line = HEARTBEAT.replace("ACTIVE", &"[{\\\"".repeat(100));
    assert!(decode::<FromEngine>(line.as_bytes()).is_ok());
}
