//! Any change of an exported file is refused whole, or changes nothing of its content.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::path::Path;

use alavanca::policy::{Change, FileFacts, PolicyDb, PolicyFile, Prior, change, read_policy};
use alavanca_kernel::{Action, Regime, Reward, StateIndex, SymbolId};
use alavanca_rl::{Policy, PolicyScope, RlConfig, RlSettings, ThompsonSampling, UpdateRule};
use proptest::prelude::*;
use proptest::sample::Index;

/// A policy that was told these rewards.
fn learned(scope: PolicyScope, update: UpdateRule, prior: (f64, f64), rewards: &[(usize, usize, u32)]) -> PolicyFile {
    let settings = RlSettings { scope, update, prior_alpha: prior.0, prior_beta: prior.1, ..RlSettings::default() };
    let mut policy = ThompsonSampling::new(RlConfig::new(settings).unwrap());
    for &(state, action, micros) in rewards {
        let regime = Regime::ALL[state % Regime::COUNT];
        let key = StateIndex::of_regime(regime).nth(state / Regime::COUNT % StateIndex::PER_REGIME).unwrap().key();
        let symbol = SymbolId::new((state % 2) as u16);
        policy.learn(symbol, key, Action::ALL[action % Action::COUNT], Reward::from_micros(micros).unwrap());
    }
    let prior = Prior { alpha: prior.0, beta: prior.1 };
    let facts = FileFacts {
        scope,
        prior,
        version: policy.version(),
        run_id: Some("84eafe123488d13f".to_owned()),
        settings: None,
    };
    PolicyFile::of(facts, &policy.checkpoint().tables, None, &symbols())
}

fn symbols() -> Vec<String> {
    ["WINZ26", "EURUSD"].map(str::to_owned).to_vec()
}

fn any_policy() -> impl Strategy<Value = PolicyFile> {
    let scope = prop_oneof![Just(PolicyScope::Shared), Just(PolicyScope::Symbol)];
    let update = prop_oneof![Just(UpdateRule::Binary), Just(UpdateRule::Fractional)];
    let prior = prop_oneof![Just((1.0, 1.0)), Just((0.5, 2.25)), Just((0.1, 1.1)), (1e-6..50.0_f64, 1e-6..50.0_f64)];
    let rewards = prop::collection::vec((0..1_512_usize, 0..4_usize, 0..=1_000_000_u32), 1..60);
    (scope, update, prior, rewards).prop_map(|(scope, update, prior, rewards)| learned(scope, update, prior, &rewards))
}

/// A change of a text's bytes.
#[derive(Debug, Clone)]
enum Damage {
    Replace(Index, u8),
    Insert(Index, u8),
    Remove(Index),
    Cut(Index),
    Swap(Index, Index),
    Double(Index),
}

fn any_damage() -> impl Strategy<Value = Damage> {
    let place = || any::<Index>();
    prop_oneof![
        4 => (place(), b' '..=b'~').prop_map(|(at, byte)| Damage::Replace(at, byte)),
        4 => (place(), b'0'..=b'9').prop_map(|(at, byte)| Damage::Replace(at, byte)),
        2 => (place(), any::<u8>()).prop_map(|(at, byte)| Damage::Insert(at, byte)),
        2 => place().prop_map(Damage::Remove),
        1 => place().prop_map(Damage::Cut),
        1 => (place(), place()).prop_map(|(a, b)| Damage::Swap(a, b)),
        1 => place().prop_map(Damage::Double),
    ]
}

fn damaged(text: &str, damage: &Damage) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    let length = bytes.len();
    match damage {
        Damage::Replace(at, byte) => bytes[at.index(length)] = *byte,
        Damage::Insert(at, byte) => bytes.insert(at.index(length), *byte),
        Damage::Remove(at) => {
            bytes.remove(at.index(length));
        }
        Damage::Cut(at) => bytes.truncate(at.index(length)),
        Damage::Swap(a, b) => bytes.swap(a.index(length), b.index(length)),
        Damage::Double(at) => {
            let lines: Vec<&str> = text.lines().collect();
            let at = at.index(lines.len());
            let twice = lines.iter().enumerate().flat_map(|(n, line)| vec![*line; if n == at { 2 } else { 1 }]);
            bytes = twice.collect::<Vec<_>>().join("\n").into_bytes();
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn what_is_written_is_read_as_it_was(policy in any_policy()) {
        let text = policy.to_text();
        let read = read_policy(&text).map_err(|problems| TestCaseError::fail(format!("{problems:?}")))?;
        prop_assert_eq!(read.to_text(), text);
        // A policy of the same settings takes it in and serves the same.
        let settings = RlSettings {
            scope: policy.scope,
            prior_alpha: policy.prior.alpha,
            prior_beta: policy.prior.beta,
            ..RlSettings::default()
        };
        let mut served = ThompsonSampling::new(RlConfig::new(settings).unwrap());
        for table in read.tables(&symbols()) {
            served.import_table(&table).unwrap();
        }
        let facts = FileFacts {
            scope: policy.scope,
            prior: policy.prior,
            version: policy.version,
            run_id: policy.run_id.clone(),
            settings: None,
        };
        prop_assert_eq!(PolicyFile::of(facts, &served.checkpoint().tables, None, &symbols()), policy);
    }

    #[test]
    fn damage_is_refused_or_changes_no_content(policy in any_policy(), damage in prop::collection::vec(any_damage(), 1..4)) {
        let text = policy.to_text();
        let bytes = damage.iter().fold(text.clone().into_bytes(), |bytes, damage| {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if text.is_empty() { bytes } else { damaged(&text, damage) }
        });
        if let Ok(Ok(read)) = std::str::from_utf8(&bytes).map(read_policy) {
            prop_assert_eq!(read, policy);
        }
    }

    /// Without a digest a change of a number may be a policy, too: then one that a policy takes in as it stands.
    #[test]
    fn what_passes_without_a_digest_is_a_policy(policy in any_policy(), at in any::<Index>(), byte in b'0'..=b'9') {
        let text = policy.to_text();
        let begin = text.find("  \"regimes\"").unwrap();
        let end = text.find("  ],\n  \"digest\"").unwrap();
        let mut bytes = format!("{}  ]\n}}\n", &text[..end]).into_bytes();
        let place = begin + at.index(end - begin);
        bytes[place] = byte;
        let Ok(Ok(read)) = String::from_utf8(bytes).map(|text| read_policy(&text)) else { return Ok(()) };
        // A symbol that the database does not know is refused before a table is made.
        prop_assume!(read.strangers(&symbols()).is_empty());
        let settings = RlSettings {
            scope: read.scope,
            prior_alpha: read.prior.alpha,
            prior_beta: read.prior.beta,
            ..RlSettings::default()
        };
        let mut served = ThompsonSampling::new(RlConfig::new(settings).unwrap());
        for table in read.tables(&symbols()) {
            prop_assert!(served.import_table(&table).is_ok());
        }
        for of in &read.regimes {
            for arm in of.arms.iter().filter(|arm| arm.count > 0) {
                let symbol = SymbolId::new(u16::from(arm.symbol.as_deref() == Some("EURUSD")));
                let got = served.arm(symbol, arm.state_hash.find().unwrap(), arm.action);
                prop_assert!((got.alpha - arm.alpha).abs() < 1e-6 && (got.beta - arm.beta).abs() < 1e-6);
                prop_assert_eq!((got.count, got.reward_micros), (arm.count, arm.total_reward_micros));
            }
        }
    }
}

/// On a real database: what is refused leaves its bytes, what is accepted is the same content.
#[test]
fn a_damaged_file_leaves_a_database_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("run.db");
    let run = std::process::Command::new(env!("CARGO_BIN_EXE_alavanca"))
        .current_dir(folder.path())
        .env_clear()
        .args(["backtest", "--without-level4", "--db", "run.db", "--set", "SYNTHETIC_DAYS=20"])
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let served = PolicyDb::open(&db).unwrap().export(None);
    assert!(served.arms() > 2);
    let text = served.to_text();
    let bytes = |path: &Path| std::fs::read(path).unwrap();
    let (before, bad) = (bytes(&db), folder.path().join("bad.json"));
    let mut random = 1_u64;
    let (mut refused, mut same) = (0, 0);
    for _ in 0..150 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (place, byte) = ((random >> 33) as usize % text.len(), b" 0179.-,\"{}eA"[(random >> 20) as usize % 13]);
        let mut changed = text.clone().into_bytes();
        changed[place] = byte;
        std::fs::write(&bad, changed).unwrap();
        if let Ok(report) = change(&db, &Change::Import(bad.clone()), "", true) {
            assert!(report.is_so_already && !report.done, "{report:?}");
            same += 1;
        } else {
            refused += 1;
            assert!(bytes(&db) == before, "place {place}, byte {byte}");
        }
    }
    assert!(refused > 100 && same > 0, "{refused} refused, {same} the same: the changes show too little");
    assert_eq!(PolicyDb::open(&db).unwrap().export(None), served);
}
