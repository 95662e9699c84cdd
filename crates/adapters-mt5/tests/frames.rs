//! The engine's side against the conformance suite's frames, decimals, ids and proofs.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;

use alavanca_adapters_mt5::codec::{FrameError, Message, decode, encode};
use alavanca_adapters_mt5::session::{Secret, bridge_proof, bridge_proves, engine_proof, engine_proves};
use alavanca_adapters_mt5::wire::{
    AccountIdentity, Auth, BridgeKind, Caps, Deadman, Decimal, FromBridge, FromEngine, Hello, Id, TradeMode, VERSION,
};
use serde_json::{Value, json};

fn suite(name: &str) -> Value {
    let path = format!("{}/conformance/{name}", env!("CARGO_MANIFEST_DIR"));
    let suite: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert_eq!(suite["v"], VERSION);
    suite
}

fn cases<'a>(suite: &'a Value, name: &str) -> &'a Vec<Value> {
    suite[name].as_array().filter(|cases| !cases.is_empty()).unwrap()
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("`{field}` of {value}"))
}

#[test]
fn valid_frames_mean_what_is_said() {
    fn check<M: Message>(case: &Value) -> String {
        let means = &case["means"];
        let frame = decode::<M>(text(case, "line").as_bytes()).unwrap_or_else(|error| panic!("{case}: {error}"));
        let written = encode(&frame).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&written).unwrap(), *means, "{}", case["name"]);
        let again = encode(&decode::<M>(&written).unwrap()).unwrap();
        assert_eq!(written, again);
        text(means, "type").to_owned()
    }
    let suite = suite("frames.json");
    let (mut engine, mut bridge) = (BTreeSet::new(), BTreeSet::new());
    for case in cases(&suite, "valid") {
        match text(case, "from") {
            "engine" => engine.insert(check::<FromEngine>(case)),
            _ => bridge.insert(check::<FromBridge>(case)),
        };
    }
    let all = |kinds: &[&str]| kinds.iter().map(|kind| (*kind).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(engine, all(FromEngine::KINDS), "every type of the engine has a case");
    assert_eq!(bridge, all(FromBridge::KINDS), "every type of a bridge has a case");
}

#[test]
fn invalid_frames_are_refused_for_their_reason() {
    fn check<M: Message>(case: &Value, line: &[u8]) {
        let Err(error) = decode::<M>(line) else { panic!("taken: {case}") };
        let reason = match &error {
            FrameError::TooLong => "length",
            FrameError::NotUtf8 { .. } => "utf8",
            FrameError::TooDeep { .. } => "depth",
            FrameError::Syntax { .. } => "json",
            FrameError::Version { .. } => "version",
            FrameError::UnknownType { .. } => "type",
            FrameError::Field { .. } => "field",
            other => panic!("{case}: {other}"),
        };
        assert_eq!(reason, text(case, "reason"), "{}: {error}", case["name"]);
        if let Some(field) = case["field"].as_str() {
            let said = error.to_string();
            assert!(said.contains(&format!("`{field}")), "{}: expected `{field}` in: {said}", case["name"]);
        }
    }
    for case in cases(&suite("frames.json"), "invalid") {
        let mut line = match case["bytes"].as_str() {
            Some(hex) => {
                (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
            }
            None => text(case, "line").as_bytes().to_vec(),
        };
        if let Some(length) = case["padded_to"].as_u64() {
            line.resize(length as usize, b' ');
        }
        match text(case, "from") {
            "engine" => check::<FromEngine>(case, &line),
            _ => check::<FromBridge>(case, &line),
        }
    }
}

#[test]
fn decimals_and_ids() {
    let suite = suite("frames.json");
    let (decimals, ids) = (&suite["decimals"], &suite["ids"]);
    let read_decimal = |text: &Value| serde_json::from_value::<Decimal>(text.clone());
    for case in cases(decimals, "valid") {
        let decimal = read_decimal(&case["text"]).unwrap_or_else(|error| panic!("{case}: {error}"));
        assert_eq!(decimal.raw().to_string(), text(case, "raw"), "{case}");
        assert_eq!(decimal.to_string(), text(case, "canonical"), "{case}");
    }
    for case in cases(decimals, "invalid") {
        assert!(read_decimal(case).is_err(), "{case}");
    }
    let read_id = |text: &Value| serde_json::from_value::<Id>(text.clone());
    for case in cases(ids, "valid") {
        assert_eq!(json!(read_id(case).unwrap()), *case);
    }
    for case in cases(ids, "invalid") {
        assert!(read_id(case).is_err(), "{case}");
    }
}

#[test]
fn proofs_are_the_test_vectors() {
    for case in cases(&suite("proofs.json"), "proofs") {
        let field = |name: &str| text(case, name).to_owned();
        let secret = Secret::from_hex(text(case, "secret")).unwrap();
        let account = AccountIdentity {
            login: serde_json::from_value(case["login"].clone()).unwrap(),
            server: field("server"),
            company: "not part of it".to_owned(),
            trade_mode: serde_json::from_value::<TradeMode>(case["trade_mode"].clone()).unwrap(),
            margin_mode: serde_json::from_value(case["margin_mode"].clone()).unwrap(),
            currency: field("currency"),
            currency_digits: 2,
        };
        let (engine_nonce, bridge_nonce) = (text(case, "engine_nonce"), text(case, "bridge_nonce"));
        let hello = Hello {
            nonce: bridge_nonce.to_owned(),
            version: 1,
            bridge: BridgeKind::Sidecar,
            release: "not part of it".to_owned(),
            instance: field("instance"),
            epoch_seen: 3,
            account,
            proof: field("bridge_proof"),
        };
        let symbols = vec![];
        let caps = Caps { symbols, order_lots: Decimal::ZERO, position_lots: Decimal::ZERO, orders_per_minute: 0 };
        let auth = Auth {
            session: field("session"),
            epoch: case["epoch"].as_u64().unwrap(),
            armed: case["armed"].as_bool().unwrap(),
            heartbeat_ms: 1,
            lost_after_ms: 1,
            window: 1,
            deadman: Deadman::Flatten,
            caps,
            proof: field("engine_proof"),
        };
        assert_eq!(bridge_proof(&secret, engine_nonce, &hello), hello.proof, "{case}");
        assert_eq!(engine_proof(&secret, bridge_nonce, engine_nonce, &auth), auth.proof, "{case}");
        assert!(
            bridge_proves(&secret, engine_nonce, &hello) && engine_proves(&secret, bridge_nonce, engine_nonce, &auth)
        );
        for wrong in [auth.proof.to_uppercase(), "0".repeat(64), String::new(), auth.proof[..62].to_owned()] {
            let hello = Hello { proof: wrong.clone(), ..hello.clone() };
            let auth = Auth { proof: wrong.clone(), ..auth.clone() };
            assert!(!bridge_proves(&secret, engine_nonce, &hello), "{wrong}");
            assert!(!engine_proves(&secret, bridge_nonce, engine_nonce, &auth), "{wrong}");
        }
    }
}
