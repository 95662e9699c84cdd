//! The engine's side against the conformance suite's scripts, over real sockets: this test plays the bridge.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::Duration;

use alavanca_adapters_mt5::codec::{Lines, decode, encode};
use alavanca_adapters_mt5::link::LinkEvent;
use alavanca_adapters_mt5::session::{
    Admission, Admitted, ListenSettings, Listening, Pins, Secret, Terms, bridge_proof, engine_proves, nonce, serve,
};
use alavanca_adapters_mt5::wire::{Caps, Deadman, Decimal, Envelope, FromBridge, FromEngine, Hello, Refuse, VERSION};
use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);

struct Fixed {
    pins: Pins,
    epoch: u64,
}

#[async_trait]
impl Admission for Fixed {
    async fn admit(&mut self, hello: &Hello) -> Result<Admitted, Refuse> {
        self.pins.check(&hello.account)?;
        Ok(Admitted { epoch: self.epoch, armed: true })
    }
}

/// The runner: plays the bridge of one script.
struct Bridge {
    listening: Listening,
    secret: Secret,
    pinned: Value,
    stream: Option<TcpStream>,
    lines: Lines,
    seq: u64,
    heard: u64,
    engine_nonce: String,
    own: Hello,
    session: String,
}

#[tokio::test]
async fn every_script_passes() {
    let path = format!("{}/conformance/engine-scripts.json", env!("CARGO_MANIFEST_DIR"));
    let suite: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert_eq!(suite["v"], VERSION);
    let scripts = suite["scripts"].as_array().unwrap();
    assert!(scripts.len() > 20);
    for script in scripts {
        let mut bridge = Bridge::new(&suite, script).await;
        for (at, step) in script["steps"].as_array().unwrap().iter().enumerate() {
            let name = format!("`{}`, step {at}: {step}", script["name"].as_str().unwrap());
            timeout(PATIENCE, bridge.step(step, &name)).await.unwrap_or_else(|_| panic!("{name}: nothing came"));
        }
    }
}

impl Bridge {
    async fn new(suite: &Value, script: &Value) -> Self {
        let secret = Secret::from_hex(suite["secret"].as_str().unwrap()).unwrap();
        let pins = Pins(Some(serde_json::from_value(suite["pinned"].clone()).unwrap()));
        let lots = Decimal::from_raw(100_000_000);
        let caps = Caps { symbols: vec![], order_lots: lots, position_lots: lots, orders_per_minute: 1 };
        let terms = Terms {
            heartbeat: Duration::from_millis(50),
            lost_after: PATIENCE,
            window: 8,
            deadman: Deadman::Enforce,
            caps,
        };
        let settings = ListenSettings {
            address: "127.0.0.1:0".parse().unwrap(),
            tls: None,
            secret: secret.clone(),
            terms,
            handshake_within: PATIENCE,
            lockstep: false,
        };
        let admission = Fixed { pins, epoch: script["epoch"].as_u64().unwrap() };
        let listening = serve(settings, Box::new(admission)).await.unwrap();
        let own = json!({"nonce": "", "version": 1, "bridge": "sidecar", "release": "", "instance": "", "epoch_seen": 0,
            "account": suite["pinned"], "proof": ""});
        Self {
            listening,
            secret,
            pinned: suite["pinned"].clone(),
            stream: None,
            lines: Lines::default(),
            seq: 0,
            heard: 0,
            engine_nonce: String::new(),
            own: serde_json::from_value(own).unwrap(),
            session: String::new(),
        }
    }

    async fn step(&mut self, step: &Value, name: &str) {
        let (kind, what) =
            step.as_object().unwrap().iter().find(|(key, _)| is_step(key)).unwrap_or_else(|| panic!("{name}"));
        match kind.as_str() {
            "connect" => {
                self.stream = Some(TcpStream::connect(self.listening.address).await.unwrap());
                (self.lines, self.seq, self.heard, self.session) = (Lines::default(), 0, 0, String::new());
                (self.own.nonce, self.own.instance) = (nonce::<32>().unwrap(), nonce::<16>().unwrap());
            }
            "send" => self.send(step, what).await,
            "send_raw" => {
                let mut bytes = what.as_str().unwrap().replace("$session", &self.session).into_bytes();
                match step["padded_to"].as_u64() {
                    Some(length) => bytes.resize(length as usize, b' '),
                    None => bytes.push(b'\n'),
                }
                self.write(&bytes).await;
            }
            "expect" => {
                let kind = what["type"].as_str().unwrap();
                let frame = loop {
                    let frame = self.hear().await.unwrap_or_else(|| panic!("{name}: the engine closed"));
                    let beat = matches!(frame.message, FromEngine::Heartbeat(_));
                    if !beat || kind == "heartbeat" {
                        break frame;
                    }
                };
                let value = serde_json::to_value(&frame).unwrap();
                assert_eq!(value["type"], kind, "{name}: got {value}");
                assert!(contains(&value["body"], &what["body"]), "{name}: got {value}");
                match &frame.message {
                    FromEngine::Challenge(challenge) => self.engine_nonce.clone_from(&challenge.nonce),
                    FromEngine::Auth(auth) => {
                        assert!(engine_proves(&self.secret, &self.own.nonce, &self.engine_nonce, auth), "{name}");
                        self.session.clone_from(&frame.session);
                        assert_eq!(auth.session, self.session, "{name}");
                    }
                    _ => {}
                }
            }
            "expect_ack" => {
                while self.hear().await.unwrap_or_else(|| panic!("{name}: closed")).ack < what.as_u64().unwrap() {}
            }
            "happens" => {
                let event = self.listening.link.happens.recv().await.unwrap();
                let told = match &event {
                    LinkEvent::Up(_) => "up",
                    LinkEvent::Message(_) => "message",
                    LinkEvent::Gap => "gap",
                    LinkEvent::Down(_) => "down",
                };
                assert_eq!(told, what.as_str().unwrap(), "{name}: got {event:?}");
                if let (Some(kind), LinkEvent::Message(frame)) = (step["type"].as_str(), &event) {
                    assert_eq!(serde_json::to_value(frame).unwrap()["type"], kind, "{name}");
                }
            }
            "closed" => while self.hear().await.is_some() {},
            other => panic!("{name}: no step `{other}`"),
        }
    }

    async fn send(&mut self, step: &Value, message: &Value) {
        let mut body = message["body"].clone();
        if message["type"] == "hello" {
            // Its proof is of what it says, unless the script wants another.
            body["nonce"] = json!(self.own.nonce);
            body["instance"] = json!(self.own.instance);
            let mut hello: Hello = serde_json::from_value(body.clone()).unwrap();
            if body["proof"] == "$bridge_proof_of_the_pinned" {
                hello.account = serde_json::from_value(self.pinned.clone()).unwrap();
            }
            if body["proof"].as_str().unwrap().starts_with('$') {
                body["proof"] = json!(bridge_proof(&self.secret, &self.engine_nonce, &hello));
            }
        }
        self.seq = step["seq"].as_u64().unwrap_or(self.seq + 1);
        let session = step["session"].as_str().unwrap_or(&self.session);
        let frame = json!({"v": 1, "session": session, "seq": self.seq, "ack": self.heard, "ts_utc": 1,
            "type": message["type"], "body": body});
        let frame: Envelope<FromBridge> = decode(frame.to_string().as_bytes()).unwrap();
        self.write(&encode(&frame).unwrap()).await;
    }

    /// The connection may be closed at the other end already: what is heard then decides.
    async fn write(&mut self, bytes: &[u8]) {
        let _ = self.stream.as_mut().unwrap().write_all(bytes).await;
    }

    async fn hear(&mut self) -> Option<Envelope<FromEngine>> {
        let mut chunk = [0; 4096];
        loop {
            if let Some(line) = self.lines.next_line().unwrap() {
                let frame: Envelope<FromEngine> = decode(line).unwrap();
                assert_eq!(frame.seq, self.heard + 1, "the engine counts its frames");
                self.heard = frame.seq;
                return Some(frame);
            }
            // A reset is an end, too: what was still on its way to the engine was not read.
            match self.stream.as_mut().unwrap().read(&mut chunk).await {
                Ok(0) | Err(_) => return None,
                Ok(read) => self.lines.push(&chunk[..read]),
            }
        }
    }
}

fn is_step(key: &str) -> bool {
    matches!(key, "connect" | "send" | "send_raw" | "expect" | "expect_ack" | "happens" | "closed")
}

/// Whether everything expected is there.
fn contains(got: &Value, expected: &Value) -> bool {
    match (got, expected) {
        (Value::Object(got), Value::Object(expected)) => {
            expected.iter().all(|(key, expected)| got.get(key).is_some_and(|got| contains(got, expected)))
        }
        (got, expected) => got == expected,
    }
}
