//! Trouble on the way between bridge and engine: lines that come late, twice, in another order, in halves, not at all;
//! connections that break or stand still.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use alavanca_kernel::SettingError;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::random::SplitMix;

/// Decides line by line; pure, so that a script's effect can be told without a socket.
#[derive(Clone, Debug)]
pub struct Relay {
    faults: Vec<Armed>,
    draws: SplitMix,
    /// A line of each direction that waits for the next one to go first.
    held: [Option<Vec<u8>>; 2],
    /// Lines of each direction whose connection broke with them: they come in the next one.
    carried: [Vec<u8>; 2],
    /// How often each fault came.
    done: BTreeMap<String, u64>,
    lines: [u64; 2],
}

/// Who says a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    /// Who connected.
    Bridge,
    /// Who was connected to.
    Engine,
}

/// What is to be done with what was said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Act {
    /// Pass these bytes on, after so many milliseconds; others may pass meanwhile.
    Pass {
        /// Milliseconds.
        after_ms: u64,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// Pass nothing on for so many milliseconds.
    Stall(u64),
    /// End the connection, both ways.
    Close,
}

#[derive(Clone, Debug)]
struct Armed {
    fault: LineFault,
    seen: u64,
    fired: u64,
}

/// One fault of a relay's script.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LineFault {
    from: Option<Speaker>,
    /// Only messages of this type.
    #[serde(rename = "type")]
    kind: Option<String>,
    /// Only lines that have this in them.
    with: Option<String>,
    nth: Option<u64>,
    every: Option<u64>,
    rate: Option<f64>,
    times: Option<u64>,
    #[serde(rename = "do")]
    what: Trouble,
    #[serde(default)]
    ms: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Trouble {
    /// `ms` later than it would have.
    Late,
    /// Twice, the second `ms` later.
    Duplicate,
    /// After the line that follows.
    Reorder,
    /// Its first half, then the connection breaks.
    Cut,
    /// Its first half, and the second `ms` later: nothing else passes meanwhile.
    Half,
    /// Not at all.
    Drop,
    /// With bytes in it that are no JSON.
    Garble,
    /// The connection breaks before it.
    Disconnect,
    /// Nothing passes for `ms`.
    Stall,
    /// The connection breaks before it, and it comes in the next one: the engine's after its first `reconcile_req` there, the
    /// bridge's once that is a session.
    Carry,
}

/// What a seed draws from. Lines that vanish or lie are left to scripts: TCP does neither.
const DRAWN: [(Trouble, u64); 6] = [
    (Trouble::Late, 300),
    (Trouble::Duplicate, 100),
    (Trouble::Reorder, 0),
    (Trouble::Half, 100),
    (Trouble::Cut, 0),
    (Trouble::Stall, 500),
];

/// What is said before a session stands.
const HANDSHAKE: [&str; 4] = ["challenge", "hello", "auth", "welcome"];

impl Relay {
    /// A relay that passes everything on.
    pub fn new(seed: u64) -> Self {
        Self {
            faults: Vec::new(),
            draws: SplitMix::stream(seed, 0x2e1a),
            held: [None, None],
            carried: [Vec::new(), Vec::new()],
            done: BTreeMap::new(),
            lines: [0; 2],
        }
    }

    /// Arms the faults of a script: `{"faults": [{...}, ...]}`.
    pub fn script(&mut self, text: &str) -> Result<(), SettingError> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Script {
            faults: Vec<LineFault>,
        }
        let script: Script = serde_json::from_str(text).map_err(|error| {
            SettingError::new("relay --faults", error, "a script as the book's page on simterm has it")
        })?;
        self.faults.extend(script.faults.into_iter().map(|fault| Armed { fault, seen: 0, fired: 0 }));
        Ok(())
    }

    /// Draws faults: that share of all lines meets one.
    pub fn draw(&mut self, rate: f64) {
        let of_each = rate / DRAWN.len() as f64;
        self.faults.extend(DRAWN.into_iter().map(|(what, ms)| Armed {
            fault: LineFault {
                from: None,
                kind: None,
                with: None,
                nth: None,
                every: None,
                rate: Some(of_each),
                times: None,
                what,
                ms,
            },
            seen: 0,
            fired: 0,
        }));
    }

    /// A line, its newline included: what becomes of it. The first fault that it sets off counts.
    pub fn line(&mut self, from: Speaker, line: &[u8]) -> Vec<Act> {
        let side = from as usize;
        self.lines[side] += 1;
        let kind = serde_json::from_slice::<Value>(line).ok().and_then(|v| v["type"].as_str().map(str::to_owned));
        let text = String::from_utf8_lossy(line);
        let mut trouble = None;
        for armed in &mut self.faults {
            let fault = &armed.fault;
            let matches = fault.from.is_none_or(|speaker| speaker == from)
                && fault.kind.as_ref().is_none_or(|wanted| kind.as_ref() == Some(wanted))
                && fault.with.as_ref().is_none_or(|part| text.contains(part));
            if !matches {
                continue;
            }
            armed.seen += 1;
            let comes = match (fault.nth, fault.every, fault.rate) {
                (Some(nth), ..) => armed.seen == nth,
                (None, Some(every), _) => every > 0 && armed.seen.is_multiple_of(every),
                (None, None, Some(rate)) => ((self.draws.next() >> 11) as f64) < rate * (1_u64 << 53) as f64,
                (None, None, None) => true,
            };
            if comes && armed.fired < fault.times.unwrap_or(u64::MAX) && trouble.is_none() {
                armed.fired += 1;
                trouble = Some((fault.what, fault.ms));
            }
        }
        let whole = |after_ms| Act::Pass { after_ms, bytes: line.to_vec() };
        let (first, second) = line.split_at(line.len() / 2);
        let mut acts = match trouble {
            None => vec![whole(0)],
            Some((what, ms)) => {
                *self.done.entry(format!("{what:?}").to_lowercase()).or_default() += 1;
                match what {
                    Trouble::Late => vec![whole(ms)],
                    Trouble::Duplicate => vec![whole(0), whole(ms)],
                    Trouble::Reorder if self.held[side].is_none() => {
                        self.held[side] = Some(line.to_vec());
                        return Vec::new();
                    }
                    Trouble::Reorder => vec![whole(0)],
                    Trouble::Cut => vec![Act::Pass { after_ms: 0, bytes: first.to_vec() }, Act::Close],
                    Trouble::Half => vec![
                        Act::Pass { after_ms: 0, bytes: first.to_vec() },
                        Act::Stall(ms),
                        Act::Pass { after_ms: 0, bytes: second.to_vec() },
                    ],
                    Trouble::Drop => Vec::new(),
                    Trouble::Garble => vec![Act::Pass { after_ms: 0, bytes: [b"\xff{]", line].concat() }],
                    Trouble::Disconnect => vec![Act::Close],
                    Trouble::Stall => vec![Act::Stall(ms), whole(0)],
                    Trouble::Carry => {
                        self.carried[side].extend_from_slice(line);
                        return vec![Act::Close];
                    }
                }
            }
        };
        if let Some(bytes) = self.held[side].take() {
            acts.push(Act::Pass { after_ms: 0, bytes });
        }
        let comes_now = |kind: &str| match from {
            Speaker::Engine => kind == "reconcile_req",
            Speaker::Bridge => !HANDSHAKE.contains(&kind),
        };
        if !self.carried[side].is_empty() && kind.as_deref().is_some_and(comes_now) {
            acts.push(Act::Pass { after_ms: 0, bytes: std::mem::take(&mut self.carried[side]) });
        }
        acts
    }

    /// A connection ended: what was held is lost with it.
    pub fn ended(&mut self) {
        self.held = [None, None];
    }

    /// Lines seen, and how often each fault came.
    pub fn done(&self) -> Value {
        json!({ "lines": { "bridge": self.lines[0], "engine": self.lines[1] }, "faults": self.done })
    }
}

/// A relay at work.
#[derive(Clone, Debug)]
pub struct Relaying {
    relay: Arc<Mutex<Relay>>,
    address: SocketAddr,
}

impl Relaying {
    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lines seen, and how often each fault came.
    pub fn done(&self) -> Value {
        lock(&self.relay).done()
    }
}

fn lock(relay: &Mutex<Relay>) -> std::sync::MutexGuard<'_, Relay> {
    relay.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Relays every connection to `to`, until the program ends.
pub fn relay(relay: Relay, listener: TcpListener, to: String) -> std::io::Result<Relaying> {
    let relaying = Relaying { relay: Arc::new(Mutex::new(relay)), address: listener.local_addr()? };
    let shared = Arc::clone(&relaying.relay);
    thread::spawn(move || {
        for bridge in listener.incoming().flatten() {
            // Where the engine is away the bridge finds its connection closed.
            let Ok(engine) = TcpStream::connect(&to) else { continue };
            for (from, source, sink) in [(Speaker::Bridge, &bridge, &engine), (Speaker::Engine, &engine, &bridge)] {
                let _ = (source.set_nodelay(true), sink.set_nodelay(true));
                let (Ok(source), Ok(sink)) = (source.try_clone(), sink.try_clone()) else { continue };
                let (says, hears) = channel();
                thread::spawn(move || pass(&hears, sink));
                let shared = Arc::clone(&shared);
                thread::spawn(move || listen(from, source, &shared, &says));
            }
        }
    });
    Ok(relaying)
}

/// Reads one direction.
fn listen(from: Speaker, source: TcpStream, relay: &Mutex<Relay>, says: &Sender<Act>) {
    let mut reader = BufReader::new(source);
    loop {
        let mut line = Vec::new();
        let ended = !matches!(reader.read_until(b'\n', &mut line), Ok(read) if read > 0);
        let acts = if ended { vec![Act::Close] } else { lock(relay).line(from, &line) };
        let closes = acts.contains(&Act::Close);
        // The other thread is gone where its socket was.
        let gone = acts.into_iter().any(|act| says.send(act).is_err());
        if ended || gone {
            lock(relay).ended();
            return;
        }
        if closes {
            let _ = reader.get_ref().shutdown(Shutdown::Both);
        }
    }
}

/// Writes one direction, everything at its time.
fn pass(hears: &Receiver<Act>, mut sink: TcpStream) {
    let mut waiting: BTreeMap<(Instant, u64), Vec<u8>> = BTreeMap::new();
    let mut number = 0;
    loop {
        let now = Instant::now();
        while let Some(entry) = waiting.first_entry().filter(|entry| entry.key().0 <= now) {
            if sink.write_all(&entry.remove()).is_err() {
                return;
            }
        }
        let wait = waiting.keys().next().map_or(Duration::from_hours(1), |(due, _)| *due - now);
        match hears.recv_timeout(wait) {
            Ok(Act::Pass { after_ms: 0, bytes }) => {
                if sink.write_all(&bytes).is_err() {
                    return;
                }
            }
            Ok(Act::Pass { after_ms, bytes }) => {
                number += 1;
                waiting.insert((Instant::now() + Duration::from_millis(after_ms), number), bytes);
            }
            Ok(Act::Stall(ms)) => thread::sleep(Duration::from_millis(ms)),
            Ok(Act::Close) | Err(RecvTimeoutError::Disconnected) => {
                let _ = sink.shutdown(Shutdown::Both);
                return;
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO: &str = "{\"type\":\"hello\"}\n";
    const TICK: &str = "{\"type\":\"tick\"}\n";
    const BYE: &str = "{\"type\":\"bye\"}\n";

    /// What the bridge's three lines come to.
    fn told(fault: &str) -> Vec<Act> {
        let mut relay = Relay::new(1);
        relay.script(&format!(r#"{{"faults":[{fault}]}}"#)).unwrap();
        [HELLO, TICK, BYE].iter().flat_map(|line| relay.line(Speaker::Bridge, line.as_bytes())).collect()
    }

    #[test]
    fn lines_meet_their_faults() {
        let late = |after_ms, text: &str| Act::Pass { after_ms, bytes: text.as_bytes().to_vec() };
        let pass = |text: &str| late(0, text);
        let (hello, tick, bye) = (pass(HELLO), pass(TICK), pass(BYE));
        let (first, second) = BYE.split_at(BYE.len() / 2);
        let garbled = Act::Pass { after_ms: 0, bytes: [b"\xff{]", BYE.as_bytes()].concat() };
        for (fault, expected) in [
            (r#"{"from":"engine","do":"drop"}"#, vec![&hello, &tick, &bye]),
            (r#"{"nth":2,"do":"drop"}"#, vec![&hello, &bye]),
            (r#"{"type":"tick","do":"late","ms":5}"#, vec![&hello, &late(5, TICK), &bye]),
            (r#"{"nth":1,"do":"duplicate","ms":3}"#, vec![&hello, &late(3, HELLO), &tick, &bye]),
            (r#"{"nth":1,"do":"reorder"}"#, vec![&tick, &hello, &bye]),
            (r#"{"nth":3,"do":"cut"}"#, vec![&hello, &tick, &pass(first), &Act::Close]),
            (r#"{"every":2,"do":"stall","ms":9}"#, vec![&hello, &Act::Stall(9), &tick, &bye]),
            (r#"{"nth":3,"do":"half","ms":4}"#, vec![&hello, &tick, &pass(first), &Act::Stall(4), &pass(second)]),
            (r#"{"nth":2,"do":"disconnect"}"#, vec![&hello, &Act::Close, &bye]),
            (r#"{"do":"drop","times":2}"#, vec![&bye]),
            (r#"{"with":"\"tick\"","do":"drop"}"#, vec![&hello, &bye]),
            (r#"{"nth":2,"do":"carry"}"#, vec![&hello, &Act::Close, &bye, &tick]),
            (r#"{"nth":1,"do":"carry"}"#, vec![&Act::Close, &tick, &hello, &bye]),
            (r#"{"nth":3,"do":"garble"}"#, vec![&hello, &tick, &garbled]),
        ] {
            assert_eq!(told(fault).iter().collect::<Vec<_>>(), expected, "{fault}");
        }
    }

    #[test]
    fn a_seed_draws_the_same_again() {
        let drawn = |seed| {
            let mut relay = Relay::new(seed);
            relay.draw(0.3);
            for _ in 0..200 {
                relay.line(Speaker::Bridge, b"{}\n");
            }
            relay.done().to_string()
        };
        assert_eq!(drawn(7), drawn(7));
        assert_ne!(drawn(7), drawn(8));
    }

    #[test]
    fn refuses_a_script_that_it_does_not_understand() {
        for script in [r#"{"faults":[{"do":"explode"}]}"#, r#"{"faults":[{"do":"drop","nht":1}]}"#, "[]"] {
            assert!(Relay::new(1).script(script).is_err(), "{script}");
        }
    }
}
