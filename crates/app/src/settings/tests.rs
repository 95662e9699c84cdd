use std::collections::BTreeSet;
use std::path::Path;

use insta::assert_snapshot;

use super::*;

fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn flags(list: &[(&str, &str)]) -> Result<Loaded, SettingsError> {
    load(&LoadRequest { flags: pairs(list), ..LoadRequest::default() })
}

/// Loads files of these contents; errors name them without their folder.
fn files(toml: &str, dotenv: &str, profile: Option<&str>) -> Result<Loaded, String> {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        Some(path)
    };
    let request = LoadRequest {
        config_file: write("alavanca.toml", toml),
        env_file: write(".env", dotenv),
        profile: profile.map(str::to_owned),
        ..LoadRequest::default()
    };
    let prefix = format!("{}/", folder.path().display());
    load(&request).map_err(|error| error.to_string().replace(&prefix, ""))
}

fn origin_of<'a>(loaded: &'a Loaded, key: &str) -> (&'a str, &'a str) {
    let row = loaded.origins.iter().find(|row| row.key == key).unwrap();
    let origin = row.origin.rsplit_once('/').map_or(row.origin.as_str(), |(_, tail)| tail);
    (&row.value, origin)
}

#[test]
fn the_tables_defaults_are_the_bricks_own() {
    let mut read = Settings { brains: vec![], signal_bar_seconds: 7, ..Settings::default() };
    for key in KEYS {
        (key.read)(&mut read, key.default).unwrap_or_else(|allowed| panic!("{}: {allowed}", key.name));
    }
    for key in KEYS {
        assert_eq!((key.show)(&read), (key.show)(&Settings::default()), "{} (the table, the brick)", key.name);
    }
    assert_eq!(read, Settings::default());
    let loaded = load(&LoadRequest::default()).unwrap();
    assert_eq!(loaded.settings, Settings::default());
    assert!(loaded.origins.iter().all(|row| row.origin == "default"));
    assert_eq!(loaded.origins.len(), KEYS.len());
}

/// The names and defaults of the specification's configuration chapter, to the letter.
#[test]
fn the_specifications_keys_are_there() {
    const SPECIFIED: &[(&str, &str)] = &[
        ("OPERATOR_CAPITAL_BRL", "10000.0"),
        ("MARGIN_PER_CONTRACT_BRL", "1000.0"),
        ("MAX_CONTRACTS_CAP", "10"),
        ("MIN_CONTRACTS", "1"),
        ("REALAVANCAGEM_ENABLED", "true"),
        ("REALAVANCAGEM_MAX_EXTRA_CONTRACTS", "1"),
        ("REALAVANCAGEM_MODE", "SCALP_ONLY"),
        ("REALAVANCAGEM_REQUIRE_PROFIT_TODAY", "true"),
        ("REALAVANCAGEM_MIN_PROFIT_TODAY_BRL", "50.0"),
        ("REALAVANCAGEM_MIN_GLOBAL_CONF", "0.70"),
        ("REALAVANCAGEM_ALLOWED_REGIMES", "TREND_UP,TREND_DOWN"),
        ("REALAVANCAGEM_FORBIDDEN_MODES", "TRANSITION,CHAOTIC"),
        ("SCALP_TP_POINTS", "80"),
        ("SCALP_SL_POINTS", "40"),
        ("SCALP_MAX_HOLD_SECONDS", "180"),
        ("PROTECT_PROFIT_AFTER_SCALP", "true"),
        ("PROTECT_PROFIT_COOLDOWN_SECONDS", "300"),
        ("CONTRACT_POINT_VALUE", "1.0"),
        ("RL_POLICY_ENABLED", "true"),
        ("RL_POLICY_MODE", "THOMPSON_SAMPLING"),
        ("RL_UPDATE_BATCH_SIZE", "10"),
        ("RL_FREEZE_THRESHOLD", "0.15"),
    ];
    for (name, default) in SPECIFIED {
        let key = Key::named(name).unwrap_or_else(|| panic!("{name} is missing"));
        assert_eq!(key.default, *default, "{name}");
    }
}

/// Another possible value for each key, as it is shown.
const OTHERS: &[(&str, &str)] = &[
    ("OPERATOR_CAPITAL_BRL", "12345.67"),
    ("MARGIN_PER_CONTRACT_BRL", "500.00"),
    ("MAX_CONTRACTS_CAP", "20"),
    ("MIN_CONTRACTS", "2"),
    ("CAPITAL_SHORTFALL", "FORCE_MIN"),
    ("REALAVANCAGEM_ENABLED", "false"),
    ("REALAVANCAGEM_MAX_EXTRA_CONTRACTS", "3"),
    ("REALAVANCAGEM_MODE", "HYBRID"),
    ("REALAVANCAGEM_REQUIRE_PROFIT_TODAY", "false"),
    ("REALAVANCAGEM_MIN_PROFIT_TODAY_BRL", "0.05"),
    ("REALAVANCAGEM_MIN_GLOBAL_CONF", "0.61"),
    ("REALAVANCAGEM_ALLOWED_REGIMES", "TREND_UP,RANGE"),
    ("REALAVANCAGEM_FORBIDDEN_MODES", "HIGH_VOL,EXHAUSTION"),
    ("REALAVANCAGEM_MIN_LIQUIDITY", "0.51"),
    ("REALAVANCAGEM_MAX_DISAGREEMENT", "0.41"),
    ("SCALP_TP_POINTS", "81"),
    ("SCALP_SL_POINTS", "41"),
    ("SCALP_MAX_HOLD_SECONDS", "181"),
    ("PROTECT_PROFIT_AFTER_SCALP", "false"),
    ("PROTECT_PROFIT_MODE", "BREAKEVEN"),
    ("PROTECT_PROFIT_COOLDOWN_SECONDS", "301"),
    ("CONTRACT_POINT_VALUE", "0.200001"),
    ("RL_POLICY_ENABLED", "false"),
    ("RL_CONSERVATIVE_FRACTION", "0.5"),
    ("RL_CONFIDENCE_MEDIUM", "0.56"),
    ("RL_CONFIDENCE_HIGH", "0.71"),
    ("RL_DISAGREEMENT_MEDIUM", "0.16"),
    ("RL_DISAGREEMENT_HIGH", "0.36"),
    ("RL_POLICY_MODE", ""),
    ("RL_LEARNING", ""),
    ("RL_PRIOR_ALPHA", "2"),
    ("RL_PRIOR_BETA", "3"),
    ("RL_REWARD", ""),
    ("RL_UPDATE", "FRACTIONAL"),
    ("RL_SEED", "18446744073709551615"),
    ("RL_POLICY_SCOPE", "SYMBOL"),
    ("RL_UPDATE_BATCH_SIZE", "11"),
    ("RL_SNAPSHOT_INTERVAL", "21"),
    ("RL_KEEP_SNAPSHOTS", "6"),
    ("RL_ROLLBACK_REWARD", "0.45"),
    ("RL_FREEZE_THRESHOLD", "0.16"),
    ("RL_FREEZE_WINDOW", "22"),
    ("RL_BASELINE_TRADES", "31"),
    ("RL_FREEZE_DAYS", "7"),
    ("RL_FREEZE_FALLBACK", "HOLD"),
    ("RISK_DAILY_LOSS_LIMIT_BRL", "none"),
    ("RISK_DAILY_DRAWDOWN_LIMIT_BRL", "300.00"),
    ("RISK_FLATTEN_ON_LOSS", "false"),
    ("RISK_MAX_TRADES_PER_DAY", "12"),
    ("RISK_BAD_DAY_TRADES", ""),
    ("RISK_BAD_DAY_WIN_RATE", ""),
    ("RISK_BAD_DAY_LOSS_BRL", ""),
    ("RISK_MAX_CONSECUTIVE_LOSSES", "4"),
    ("RISK_PAUSE_MINUTES", "31"),
    ("RISK_MAX_SPREAD_POINTS", "15"),
    ("RISK_STALE_QUOTE_SECONDS", "11"),
    ("PRETRADE_SYMBOLS", "WINZ26,WDOZ26"),
    ("PRETRADE_MAX_ORDER_CONTRACTS", "19"),
    ("PRETRADE_MAX_POSITION_CONTRACTS", "21"),
    ("PRETRADE_MAX_NOTIONAL", "1000000.00"),
    ("PRETRADE_MAX_OPEN_ORDERS", "5"),
    ("PRETRADE_MAX_ORDERS_PER_SECOND", "5"),
    ("PRETRADE_MAX_ORDERS_PER_MINUTE", "21"),
    ("PRETRADE_MAX_ORDERS_PER_DAY", "201"),
    ("PRETRADE_MAX_CLOSES_PER_SECOND", "11"),
    ("PRETRADE_MAX_CLOSES_PER_MINUTE", "61"),
    ("PRETRADE_MAX_CLOSES_PER_DAY", "1001"),
    ("PRETRADE_MAX_CHANGES_PER_SECOND", "21"),
    ("PRETRADE_MAX_CHANGES_PER_MINUTE", "201"),
    ("PRETRADE_COLLAR_PERCENT", "0.25"),
    ("PRETRADE_COLLAR_POINTS", "300"),
    ("PRETRADE_MAX_SPREAD_PERCENT", "0.1"),
    ("PRETRADE_MAX_SPREAD_POINTS", "15"),
    ("PRETRADE_MAX_QUOTE_AGE_MS", "5000"),
    ("PRETRADE_DUPLICATE_WINDOW_MS", "2000"),
    ("PRETRADE_DAILY_LOSS_LIMIT", "none"),
    ("PRETRADE_DRAWDOWN_LIMIT", "700.00"),
    ("PRETRADE_MAX_LOSING_STREAK", "7"),
    ("PRETRADE_MAX_ACCOUNT_AGE_SECONDS", "30"),
    ("PRETRADE_REQUIRE_STOP", "false"),
    ("TRADING_TIMEZONE", "America/New_York"),
    ("TRADING_DAY_CUT", "17:00"),
    ("SESSION_ENTRIES", "10:00-16:00"),
    ("SESSION_FLAT_AT", "17:45"),
    ("SESSION_FIRST_ENTRY_MINUTES", "5"),
    ("SESSION_LAST_ENTRY_MINUTES", "45"),
    ("SESSION_CALENDAR", ""),
    ("ROLL_DAYS_BEFORE_EXPIRY", "2"),
    ("EXPIRY_DAY_ENTRIES", "false"),
    ("TRADE_WINDOWS", "09:05-11:30,14:00-17:00"),
    ("BLOCK_WINDOWS", "09:55-10:05"),
    ("TRADE_WEEKDAYS", "mon-thu"),
    ("NEWS_CALENDAR", ""),
    ("NEWS_CURRENCIES", "BRL"),
    ("NEWS_BLOCK_BEFORE_MINUTES", "20"),
    ("NEWS_BLOCK_AFTER_MINUTES", "30"),
    ("NEWS_MEDIUM_SIZE", "0.25"),
    ("BRAINS", "SMA_CROSS,EMA_TREND"),
    ("BOSS_MIN_SCORE", "0.2"),
    ("BOSS_MIN_AGREEMENT", "-0.5"),
    ("ON_OPPOSITE_SIGNAL", "REVERSE"),
    ("SIGNAL_BAR_SECONDS", "300"),
    ("EMA_TREND_FAST", "8"),
    ("EMA_TREND_SLOW", "22"),
    ("EMA_TREND_ADX_PERIOD", "15"),
    ("EMA_TREND_ADX_MIN", "26"),
    ("EMA_TREND_ATR_PERIOD", "16"),
    ("EMA_TREND_STOP_ATR", "2.5"),
    ("EMA_TREND_TARGET_ATR", "3.5"),
    ("MEAN_REVERSION_PERIOD", "21"),
    ("MEAN_REVERSION_WIDTH", "2.5"),
    ("MEAN_REVERSION_RSI_PERIOD", "15"),
    ("MEAN_REVERSION_RSI_EDGE", "31"),
    ("MEAN_REVERSION_ATR_PERIOD", "16"),
    ("MEAN_REVERSION_STOP_ATR", "1.6"),
    ("SMA_CROSS_FAST", "11"),
    ("SMA_CROSS_SLOW", "31"),
    ("SMA_CROSS_STOP_LOSS", "0.005"),
    ("SMA_CROSS_TAKE_PROFIT", "none"),
    ("MOMENTUM_FAST", "11"),
    ("MOMENTUM_SLOW", "27"),
    ("MOMENTUM_SIGNAL", "8"),
    ("MOMENTUM_ROC_PERIOD", "12"),
    ("MOMENTUM_ROC_MIN_ATR", "2.5"),
    ("MOMENTUM_ATR_PERIOD", "15"),
    ("MOMENTUM_STOP_ATR", "2.5"),
    ("MOMENTUM_TARGET_ATR", "3.5"),
    ("BREAKOUT_PERIOD", "55"),
    ("BREAKOUT_VOLUME_MIN", "0"),
    ("BREAKOUT_ATR_PERIOD", "20"),
    ("BREAKOUT_STOP_ATR", "2.5"),
    ("BREAKOUT_TARGET_ATR", "4.5"),
    ("OPENING_RANGE_MINUTES", "30"),
    ("OPENING_RANGE_ENTRY_MINUTES", "120"),
    ("OPENING_RANGE_AT", "09:30 America/New_York"),
    ("OPENING_RANGE_STOP", "0.5"),
    ("OPENING_RANGE_TARGET", "1.5"),
    ("VWAP_PULLBACK_FAST", "10"),
    ("VWAP_PULLBACK_SLOW", "40"),
    ("VWAP_PULLBACK_AWAY_ATR", "2"),
    ("VWAP_PULLBACK_TOUCH_ATR", "0.5"),
    ("VWAP_PULLBACK_MINUTES", "45"),
    ("VWAP_PULLBACK_ATR_PERIOD", "15"),
    ("VWAP_PULLBACK_STOP_ATR", "1.6"),
    ("VWAP_PULLBACK_TARGET_ATR", "3.5"),
    ("SQUEEZE_PERIOD", "21"),
    ("SQUEEZE_BAND_WIDTH", "2.1"),
    ("SQUEEZE_KELTNER_WIDTH", "1.6"),
    ("SQUEEZE_MIN_BARS", "5"),
    ("SQUEEZE_STOP_ATR", "2.5"),
    ("SQUEEZE_TARGET_ATR", "3.5"),
    ("META_PRIOR_TRADES", "21"),
    ("META_MEMORY_TRADES", "501"),
    ("META_AGREEMENT", "1.1"),
    ("META_STRENGTH", "0.3"),
    ("META_WEIGHTS", "WIN_RATE"),
    ("META_CALIBRATION", "ISOTONIC"),
    ("META_CALIBRATION_TRADES", "51"),
    ("REGIME_DETECTOR", "ADX_ATR"),
    ("REGIME_ADX_PERIOD", "15"),
    ("REGIME_ADX_ENTER", "26"),
    ("REGIME_ADX_EXIT", "21"),
    ("REGIME_ATR_FAST", "15"),
    ("REGIME_ATR_SLOW", "101"),
    ("REGIME_HIGH_VOL_ENTER", "1.6"),
    ("REGIME_HIGH_VOL_EXIT", "1.3"),
    ("REGIME_CHAOTIC_ENTER", "2.6"),
    ("REGIME_CHAOTIC_EXIT", "2.1"),
    ("REGIME_EXHAUSTION_PEAK", "41"),
    ("REGIME_EXHAUSTION_DROP", "0.3"),
    ("REGIME_MIN_DWELL_BARS", "4"),
    ("REGIME_TRANSITION_BARS", "6"),
    ("REGIME_SCALES", "1,5,15"),
    ("REGIME_SCALES_PERIOD", "9"),
    ("REGIME_SCALES_TREND_ENTER", "0.5"),
    ("REGIME_SCALES_TREND_EXIT", "0.2"),
    ("REGIME_SCALES_VOL_FAST", "10"),
    ("REGIME_SCALES_VOL_SLOW", "500"),
    ("REGIME_SCALES_DAY_SHAPE_DAYS", "20"),
    ("REGIME_SCALES_HIGH_ENTER", "1.7"),
    ("REGIME_SCALES_HIGH_EXIT", "1.3"),
    ("REGIME_SCALES_CHAOTIC_ENTER", "3"),
    ("REGIME_SCALES_CHAOTIC_EXIT", "2.5"),
    ("REGIME_SCALES_SPENT_PEAK", "0.7"),
    ("REGIME_SCALES_SPENT_DROP", "0.6"),
    ("REGIME_SCALES_PERSIST_BARS", "3"),
    ("REGIME_SCALES_MIN_DWELL_BARS", "10"),
    ("REGIME_SCALES_COOL_OFF_BARS", "0"),
    ("LIQUIDITY_MAP", "NONE"),
    ("LIQUIDITY_SWING_BARS", "6"),
    ("LIQUIDITY_VOLUME_BARS", "101"),
    ("LIQUIDITY_VOLUME_FACTOR", "2.5"),
    ("LIQUIDITY_ATR_PERIOD", "15"),
    ("LIQUIDITY_MERGE_ATR", "0.6"),
    ("LIQUIDITY_REACH_ATR", "1.5"),
    ("LIQUIDITY_HALF_LIFE_BARS", "501"),
    ("LIQUIDITY_SPENT_TOUCHES", "4"),
    ("LIQUIDITY_FAST_MINUTES", "3"),
    ("LIQUIDITY_SLOW_MINUTES", "30"),
    ("LIQUIDITY_HALF_LIFE_MINUTES", "270"),
    ("LIQUIDITY_PROFILE_DAYS", "5"),
    ("LIQUIDITY_VALUE_AREA", "0.68"),
    ("LIQUIDITY_OPENING_MINUTES", "30"),
    ("LIQUIDITY_ROUND_STEP", "250"),
    ("EXITS_BY_ZONES", "BOTH"),
    ("EXITS_MIN_STRENGTH", "0.6"),
    ("EXITS_MARGIN", "0.2"),
    ("EXITS_NEAREST", "0.6"),
    ("EXITS_FURTHEST", "2"),
    ("EXITS_MIN_REWARD_RISK", "1.2"),
    ("ACCOUNT_MODE", "HEDGING"),
    ("EQUITY_MAX_AGE_SECONDS", "61"),
    ("RECORD_EVERY_BAR", "true"),
    ("FILL", "CLOSE"),
    ("SIM_LATENCY_MS", "101"),
    ("SIM_COSTS", "false"),
    ("BROKERAGE_PER_CONTRACT_BRL", "0.15"),
    ("SIM_PARTIAL_FILL_MAX", "5"),
    ("SIM_REJECT_PROBABILITY", "0.01"),
    ("SIM_SEED", "2"),
    ("BAR_TIMEFRAME", "M15"),
    ("SYNTHETIC_DAYS", "10"),
    ("MT5_LISTEN", "127.0.0.1:0"),
    ("MT5_SECRET_FILE", "bridge.secret"),
    // The two come together: see `live.rs`.
    ("MT5_TLS_CERT", ""),
    ("MT5_TLS_KEY", ""),
    ("MT5_SERVER_ZONE", "+02:00"),
    ("MT5_DEVIATION_POINTS", "5"),
    ("MT5_HEARTBEAT_MS", "500"),
    ("MT5_LOST_AFTER_MS", "8000"),
    ("MT5_WINDOW", "1"),
    ("MT5_DEADMAN", "FLATTEN"),
    ("MT5_ORDERS_PER_MINUTE", "10"),
    ("LIVE_CLOCK", "BRIDGE"),
    ("LIVE_CLOCK_TOLERANCE_SECONDS", "10"),
    ("LIVE_ACCOUNT_SECONDS", "2"),
    ("LIVE_RECONCILE_SECONDS", "30"),
    ("LIVE_SHUTDOWN_SECONDS", "3"),
];

/// A key that read into another's field, or did not read at all, would move the wrong line or none.
#[test]
fn each_key_moves_itself_alone_and_the_fingerprint() {
    assert!(KEYS.iter().map(|key| key.name).eq(OTHERS.iter().map(|(name, _)| *name)), "another value for each key");
    let default = Settings::default();
    let mut fingerprints = BTreeSet::from([default.fingerprint()]);
    for (name, other) in OTHERS.iter().filter(|(_, other)| !other.is_empty()) {
        let settings = flags(&[(name, other)]).unwrap_or_else(|error| panic!("{error}")).settings;
        for key in KEYS {
            let expected = if key.name == *name { (*other).to_owned() } else { (key.show)(&default) };
            assert_eq!((key.show)(&settings), expected, "{} after {name}", key.name);
        }
        assert!(fingerprints.insert(settings.fingerprint()), "{name} does not move the fingerprint");
        assert_ne!(settings, default, "{name}");
    }
    assert!(flags(&[("REALAVANCAGEM_MODE", "HYBRID")]).unwrap().settings.scalp.hybrid, "the scalp must know, too");
}

#[test]
fn the_fingerprint_goes_by_meaning() {
    let fingerprint = |list: &[(&str, &str)]| flags(list).unwrap().settings.fingerprint();
    let default = fingerprint(&[]);
    for same in [
        ("OPERATOR_CAPITAL_BRL", "10000"),
        ("REALAVANCAGEM_MIN_GLOBAL_CONF", "0.7"),
        ("REALAVANCAGEM_ALLOWED_REGIMES", " TREND_DOWN , TREND_UP "),
        ("REALAVANCAGEM_FORBIDDEN_MODES", "CHAOTIC,TRANSITION"),
        ("RISK_MAX_TRADES_PER_DAY", "off"),
        ("META_AGREEMENT", "1.00"),
    ] {
        assert_eq!(fingerprint(&[same]), default, "{same:?}");
    }
    let fine = [("instrument.WIN.exchange_fee", "0.30")];
    assert_ne!(fingerprint(&fine), default);
    assert_ne!(fingerprint(&fine), fingerprint(&[("instrument.WDO.exchange_fee", "0.30")]));
}

/// Every setting that a brick's documentation names can be set.
#[test]
fn no_bricks_key_is_forgotten() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut named = BTreeSet::new();
    let mut folders = vec![crates.join("domain"), crates.join("adapters-sim")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let is_key = |word: &&str| {
                    !word.is_empty() && word.bytes().all(|b| b.is_ascii_uppercase() || b == b'_' || b.is_ascii_digit())
                };
                // The first word of a field's documentation, or the last.
                let documented = || text.lines().filter_map(|line| line.trim().strip_prefix("/// "));
                let first =
                    documented().filter_map(|line| line.strip_prefix('`')?.split_once("`:")).map(|(key, _)| key);
                let last =
                    documented().filter_map(|line| line.strip_suffix("`.")?.rsplit_once(". `")).map(|(_, key)| key);
                named.extend(first.chain(last).filter(is_key).map(str::to_owned));
            }
        }
    }
    // Words of the documentation that are no settings.
    for word in ["B3", "FOREX", "ALWAYS"] {
        named.remove(word);
    }
    // The synthetic market is one: its length alone is a setting, its seed is the run's.
    named.retain(|name| name == "SYNTHETIC_DAYS" || !name.starts_with("SYNTHETIC_"));
    let unknown: Vec<_> = named.iter().filter(|name| Key::named(name).is_none()).collect();
    assert!(named.len() > 80, "{} found", named.len());
    assert!(unknown.is_empty(), "{unknown:?} cannot be set");
}

#[test]
fn later_layers_win() {
    let folder = tempfile::tempdir().unwrap();
    let toml = folder.path().join("alavanca.toml");
    let dotenv = folder.path().join(".env");
    const KEY: &str = "MAX_CONTRACTS_CAP";
    std::fs::write(&toml, format!("# a comment\n{KEY} = 3\n")).unwrap();
    std::fs::write(&dotenv, format!("\n\n{KEY}=7 # seven\n")).unwrap();
    let mut request = LoadRequest::default();
    let check = |request: &LoadRequest, expected: u32, origin: &str| {
        let loaded = load(request).unwrap();
        assert_eq!((loaded.settings.capital.max_contracts_cap, origin_of(&loaded, KEY).1), (expected, origin));
    };
    check(&request, 10, "default");
    request.config_file = Some(toml);
    check(&request, 3, "alavanca.toml line 2");
    request.profile = Some("conservative".to_owned());
    check(&request, 5, "profile conservative");
    request.env_file = Some(dotenv);
    check(&request, 7, ".env line 3");
    request.environment = pairs(&[(KEY, "8"), ("PATH", "/bin"), ("SESSION_MANAGER", "local")]);
    check(&request, 8, "environment");
    request.flags = pairs(&[(KEY, "9")]);
    check(&request, 9, "--set");
}

#[test]
fn profiles_are_the_specifications() {
    #[track_caller]
    fn check(profile: &str, expected: &[(&str, &str)]) {
        let loaded = files("", "", Some(profile)).unwrap();
        let set: Vec<_> = loaded.origins.iter().filter(|row| row.origin == format!("profile {profile}")).collect();
        let set: Vec<_> = set.iter().map(|row| (row.key.as_str(), row.value.as_str())).collect();
        assert_eq!(set, expected, "{profile}");
    }
    check(
        "conservative",
        &[
            ("OPERATOR_CAPITAL_BRL", "5000"),
            ("MARGIN_PER_CONTRACT_BRL", "1000"),
            ("MAX_CONTRACTS_CAP", "5"),
            ("REALAVANCAGEM_ENABLED", "false"),
            ("REALAVANCAGEM_REQUIRE_PROFIT_TODAY", "true"),
            ("REALAVANCAGEM_MIN_PROFIT_TODAY_BRL", "100"),
            ("REALAVANCAGEM_MIN_GLOBAL_CONF", "0.80"),
        ],
    );
    check(
        "balanced",
        &[
            ("OPERATOR_CAPITAL_BRL", "10000"),
            ("MARGIN_PER_CONTRACT_BRL", "1000"),
            ("MAX_CONTRACTS_CAP", "10"),
            ("REALAVANCAGEM_ENABLED", "true"),
            ("REALAVANCAGEM_MAX_EXTRA_CONTRACTS", "1"),
            ("REALAVANCAGEM_REQUIRE_PROFIT_TODAY", "true"),
            ("REALAVANCAGEM_MIN_PROFIT_TODAY_BRL", "50"),
            ("REALAVANCAGEM_MIN_GLOBAL_CONF", "0.70"),
            ("REALAVANCAGEM_ALLOWED_REGIMES", "TREND_UP,TREND_DOWN"),
            ("SCALP_TP_POINTS", "80"),
            ("SCALP_SL_POINTS", "40"),
            ("SCALP_MAX_HOLD_SECONDS", "180"),
        ],
    );
    check(
        "aggressive",
        &[
            ("OPERATOR_CAPITAL_BRL", "50000"),
            ("MARGIN_PER_CONTRACT_BRL", "500"),
            ("MAX_CONTRACTS_CAP", "20"),
            ("REALAVANCAGEM_ENABLED", "true"),
            ("REALAVANCAGEM_REQUIRE_PROFIT_TODAY", "false"),
            ("REALAVANCAGEM_MIN_GLOBAL_CONF", "0.60"),
            ("REALAVANCAGEM_ALLOWED_REGIMES", "TREND_UP,TREND_DOWN,RANGE"),
        ],
    );
    assert_eq!(
        files("", "", Some("moderate")).unwrap_err(),
        "--profile moderate is not known: known are conservative, balanced, aggressive"
    );
}

#[test]
fn money_never_passes_through_a_float() {
    for (written, cents) in [
        ("OPERATOR_CAPITAL_BRL = 9999999999.99", 999_999_999_999),
        ("OPERATOR_CAPITAL_BRL = 0.30", 30),
        ("OPERATOR_CAPITAL_BRL = 10_000", 1_000_000),
        ("OPERATOR_CAPITAL_BRL = \"10000.5\"", 1_000_050),
    ] {
        let loaded = files(written, "", None).unwrap();
        assert_eq!(loaded.settings.capital.operator_capital.cents(), cents, "{written}");
    }
    // Each would be a fine number once it had been a float.
    for number in ["10.000", "1e4", "0.300000000000000000001"] {
        let refused = files(&format!("OPERATOR_CAPITAL_BRL = {number}"), "", None).unwrap_err();
        assert!(refused.starts_with(&format!("OPERATOR_CAPITAL_BRL = {number} (")), "{refused}");
    }
}

/// Each impossible value: the whole text that the operator reads.
#[test]
fn impossible_values_are_named_with_origin_and_range() {
    let error = |list: &[(&str, &str)]| flags(list).map(|_| ()).unwrap_err().to_string();
    let one = |key: &str, value: &str| error(&[(key, value)]);
    let cases = [
        one("MARGIN_PER_CONTRACT_BRL", "-1000"),
        one("MARGIN_PER_CONTRACT_BRL", "0"),
        one("OPERATOR_CAPITAL_BRL", "NaN"),
        one("OPERATOR_CAPITAL_BRL", "inf"),
        one("OPERATOR_CAPITAL_BRL", "10,000.00"),
        one("OPERATOR_CAPITAL_BRL", "10.000,00"),
        one("OPERATOR_CAPITAL_BRL", "10.000"),
        one("OPERATOR_CAPITAL_BRL", "1e4"),
        one("OPERATOR_CAPITAL_BRL", "99999999999999999999"),
        one("MIN_CONTRACTS", "11"),
        one("MIN_CONTRACTS", "-1"),
        one("MAX_CONTRACTS_CAP", "2.5"),
        one("REALAVANCAGEM_MIN_GLOBAL_CONF", "NaN"),
        one("REALAVANCAGEM_MIN_GLOBAL_CONF", "inf"),
        one("REALAVANCAGEM_MIN_GLOBAL_CONF", "1.01"),
        one("REALAVANCAGEM_MIN_GLOBAL_CONF", "0,70"),
        one("REALAVANCAGEM_ALLOWED_REGIMES", "TREND_UP,SIDEWAYS"),
        one("REALAVANCAGEM_FORBIDDEN_MODES", "TRANSITION,CAOTIC"),
        one("REALAVANCAGEM_MODE", "SCALP"),
        one("REALAVANCAGEM_ENABLED", "yes"),
        one("SCALP_TP_POINTS", "0"),
        one("CONTRACT_POINT_VALUE", "0"),
        one("RL_POLICY_MODE", "SARSA"),
        one("RL_POLICY_MODE", "QLEARNING"),
        one("RL_PRIOR_ALPHA", "NaN"),
        one("RL_CONFIDENCE_HIGH", "0.5"),
        one("RL_FREEZE_DAYS", "0"),
        one("RISK_DAILY_LOSS_LIMIT_BRL", "-200"),
        one("RISK_MAX_TRADES_PER_DAY", "many"),
        one("RISK_PAUSE_MINUTES", "0"),
        one("TRADING_TIMEZONE", "Brasilia"),
        one("TRADING_DAY_CUT", "25:00"),
        one("SESSION_ENTRIES", "nine to five"),
        error(&[("SESSION_ENTRIES", "09:00-17:30"), ("SESSION_FLAT_AT", "16:00")]),
        one("BRAINS", "EMA_TREND,ORACLE"),
        one("BRAINS", ""),
        one("BRAINS", "EMA_TREND,EMA_TREND"),
        one("EMA_TREND_FAST", "21"),
        one("LIQUIDITY_MAP", "ORDER_BOOK"),
        one("REGIME_DETECTOR", "HMM"),
        one("REGIME_SCALES", "2,x"),
        one("REGIME_SCALES", "6,2"),
        one("REGIME_SCALES_TREND_EXIT", "0.6"),
        one("ACCOUNT_MODE", "NET"),
        one("SIM_REJECT_PROBABILITY", "NaN"),
        one("SIM_PARTIAL_FILL_MAX", "0"),
        one("SYNTHETIC_DAYS", "0"),
        one("instrument.WIN.tick", "0"),
        one("instrument.WIN.session", "NYSE"),
        one("instrument.WIN.broker_margin", "-1"),
        one("instrument.PETR4.tick", "0.01"),
        one("instrument.WIN.scalp_tp_points", "1"),
    ];
    assert_snapshot!(cases.join("\n"));
}

#[test]
fn unknown_names_are_errors_that_suggest_the_known_one() {
    let environment = |name: &str| {
        load(&LoadRequest { environment: pairs(&[(name, "1")]), ..LoadRequest::default() })
            .map_or_else(|error| error.to_string(), |_| format!("{name} (environment) is none of our business"))
    };
    let flag = |name: &str| flags(&[(name, "1")]).unwrap_err().to_string();
    let cases = [
        flag("MARGIN_PER_CONTRAT_BRL"),
        flag("max_contracts_cap"),
        flag("COLOUR_OF_THE_SCREEN"),
        flag("instrument.WIN.exchange_fe"),
        flag("instrument.WIN"),
        files("OPERATOR_CAPITAL = 5\n", "", None).unwrap_err(),
        files("[capital]\nOPERATOR_CAPITAL_BRL = 5\n", "", None).unwrap_err(),
        files("[instrument.WIN]\npoints = 5\n", "", None).unwrap_err(),
        files("", "# ours\nREALAVANCAGEM_MIN_GLOBAL_CONFIDENCE=0.7\n", None).unwrap_err(),
        environment("REALAVANCAGEM_ENABLE"),
        environment("RL_SEEDS"),
        environment("SCALP_FOO"),
        environment("MAX_CONTRACT_CAP"),
        environment("margin_per_contract_brl"),
        environment("SESSION_MANAGER"),
        environment("FILLS"),
        environment("LANG"),
    ];
    assert_snapshot!(cases.join("\n"));
}

#[test]
fn files_are_refused_with_line_and_reason() {
    let missing = |config: Option<&str>, env: Option<&str>| {
        let request = LoadRequest {
            config_file: config.map(PathBuf::from),
            env_file: env.map(PathBuf::from),
            ..LoadRequest::default()
        };
        load(&request).unwrap_err().to_string()
    };
    let cases = [
        missing(Some("nowhere/alavanca.toml"), None),
        missing(None, Some("nowhere/.env")),
        files("MIN_CONTRACTS = 1\nMAX_CONTRACTS_CAP = = 3\n", "", None).unwrap_err(),
        files("MIN_CONTRACTS = 1\nMIN_CONTRACTS = 2\n", "", None).unwrap_err(),
        files("\nSESSION_FLAT_AT = 17:50:00\n", "", None).unwrap_err(),
        files("MAX_CONTRACTS_CAP = 0x10\n", "", None).unwrap_err(),
        files("OPERATOR_CAPITAL_BRL = nan\nMIN_CONTRACTS = true\n", "", None).unwrap_err(),
        files("instrument = 3\n", "", None).unwrap_err(),
        files("[instrument]\nWIN = 3\n", "", None).unwrap_err(),
        files("", "MIN_CONTRACTS=1\nexport MIN_CONTRACTS=2\n", None).unwrap_err(),
        files("", "MIN_CONTRACTS=1\nwhat is this\n", None).unwrap_err(),
        files("\nMIN_CONTRACTS = 6\n", "", Some("conservative")).unwrap_err(),
        // All that is wrong is said at once.
        files("MARGIN = 1\nMIN_CONTRACTS = -1\n", "RL_SEED=x\n", Some("bold")).unwrap_err(),
    ];
    assert_snapshot!(cases.join("\n--\n"));
}

/// What is refused only because another value could not be read is no news.
#[test]
fn one_mistake_is_told_once() {
    let told = |list: &[(&str, &str)]| flags(list).unwrap_err().problems.len();
    assert_eq!(told(&[("MIN_CONTRACTS", "15"), ("MAX_CONTRACTS_CAP", "x")]), 1);
    assert_eq!(told(&[("MIN_CONTRACTS", "15"), ("RL_SEED", "x")]), 2);
    assert_eq!(told(&[("MIN_CONTRACTS", "15"), ("MAX_CONTRACTS_CAP", "5")]), 1);
}

#[test]
fn windows_files_are_read_too() {
    let loaded = files("\u{feff}MIN_CONTRACTS = 2\r\n", "\u{feff}MAX_CONTRACTS_CAP=8\r\nRL_SEED=5\r\n", None).unwrap();
    let capital = &loaded.settings.capital;
    assert_eq!((capital.min_contracts, capital.max_contracts_cap, loaded.settings.rl.seed), (2, 8, 5));
    assert_eq!(origin_of(&loaded, "RL_SEED"), ("5", ".env line 2"));
}

#[test]
fn lists_may_be_toml_arrays() {
    let toml = "BRAINS = [\"SMA_CROSS\", \"EMA_TREND\"]\nREALAVANCAGEM_FORBIDDEN_MODES = []\n";
    let settings = files(toml, "", None).unwrap().settings;
    assert_eq!(settings.brains, ["SMA_CROSS", "EMA_TREND"]);
    assert!(settings.capital.forbidden_regimes.is_empty() && !settings.capital.forbid_transition);
}

#[test]
fn instruments_come_from_preset_and_sections() {
    let toml = "
[instrument.WIN]
exchange_fee = 0.30
broker_margin = 120
[instrument.WINZ26]
exchange_fee = 0.40
scalp_tp_points = 100
[instrument.petr4]
point = 0.01
tick = 0.01
point_value = 0.01
broker_margin = 10
exchange_fee = 0.05
spread = 0.01
session = \"B3\"
";
    let loaded = files(toml, "", None).unwrap();
    let facts = |name: &str| {
        let i = loaded.settings.instrument(name).unwrap();
        let scalp = i.scalp.map(|s| (s.take_profit_points, s.stop_loss_points));
        (i.name, i.costs.latest().exchange_fee.to_string(), i.broker_margin.to_string(), i.point_value_micros, scalp)
    };
    let owned = |name: &str, commission: &str, margin: &str, value, scalp| {
        (name.to_owned(), commission.to_owned(), margin.to_owned(), value, scalp)
    };
    assert_eq!(facts("WIN$N"), owned("WIN$N", "0.30", "120.00", 200_000, None));
    assert_eq!(facts("winz26"), owned("winz26", "0.40", "120.00", 200_000, Some((100, 40))));
    assert_eq!(facts("WDO"), owned("WDO", "1.14", "150.00", 10_000_000, Some((2, 1))));
    assert_eq!(facts("PETR4"), owned("PETR4", "0.05", "10.00", 10_000, None));
    let petr4 = loaded.settings.instrument("PETR4").unwrap();
    assert_eq!((petr4.digits, petr4.session.as_str(), petr4.tick.to_string()), (2, "B3", "0.01".to_owned()));
    assert_eq!(origin_of(&loaded, "instrument.PETR4.tick"), ("0.01", "alavanca.toml line 10"));

    let refused = loaded.settings.instrument("VALE3").unwrap_err();
    assert_snapshot!(loaded.refusal(refused), @"SYMBOL = VALE3 (command line) is not possible: presets are WIN, WDO, DOL, EURUSD (also dated and continuous codes such as WINZ26 or WIN$N); any other symbol needs point, tick, broker_margin, exchange_fee, spread, session in [instrument.VALE3] of alavanca.toml");
}

/// Nothing is free because nobody wrote down its price.
#[test]
fn a_symbol_without_preset_needs_its_costs_and_margin() {
    let needed = [
        ("point", "1"),
        ("tick", "1"),
        ("broker_margin", "9"),
        ("exchange_fee", "0"),
        ("spread", "0"),
        ("session", "B3"),
    ];
    let keys = needed.map(|(field, value)| (format!("instrument.XYZ.{field}"), value));
    let all: Vec<_> = keys.iter().map(|(key, value)| (key.as_str(), *value)).collect();
    flags(&all).unwrap();
    for (index, (field, _)) in needed.iter().enumerate() {
        let mut without = all.clone();
        without.remove(index);
        let refused = flags(&without).unwrap_err().to_string();
        assert!(refused.starts_with("SYMBOL = XYZ (--set) is not possible: "), "{refused}");
        assert!(
            refused.ends_with(&format!("any other symbol needs {field} in [instrument.XYZ] of alavanca.toml")),
            "{refused}"
        );
    }
}

#[test]
fn a_later_refusal_says_where_the_value_came_from() {
    let loaded = files("SESSION_FLAT_AT = \"08:00\"\n", "", None).unwrap();
    let b3 = Session::by_name("B3").unwrap();
    let refused = SessionRule::new(b3, &loaded.settings.session).unwrap_err();
    let problem = loaded.refusal(refused).to_string();
    assert!(problem.contains("alavanca.toml line 1"), "{problem}");
}

/// The commented files are generated, and what they show commented out is what holds without them.
#[test]
fn the_commented_files_are_up_to_date() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    for (file, text, how) in [
        ("config/default.toml", as_toml(), "alavanca config defaults > config/default.toml"),
        (".env.example", as_dotenv(), "alavanca config defaults --dotenv > .env.example"),
        (
            "docs/book/src/reference/settings.md",
            as_markdown(),
            "alavanca config defaults --markdown > docs/book/src/reference/settings.md",
        ),
    ] {
        let stored = std::fs::read_to_string(root.join(file)).unwrap_or_default();
        assert!(stored == text, "{file} is out of date: {how}");
    }
    let uncommented = |text: &str| {
        text.lines()
            .map(|line| {
                let is_setting = line.strip_prefix('#').is_some_and(|rest| !rest.starts_with(' '));
                if is_setting { &line[1..] } else { line }
            })
            .collect::<Vec<_>>()
            .join("\n")
    };
    let mut from_toml = files(&uncommented(&as_toml()), "", None).unwrap().settings;
    assert_eq!(from_toml.instruments.remove("PETR4").unwrap().digits, Some(2));
    assert_eq!(from_toml, Settings::default());
    assert_eq!(files("", &uncommented(&as_dotenv()), None).unwrap().settings, Settings::default());
}

/// The newest entry up to a day that says a figure; else the section; else the preset.
#[test]
fn costs_are_dated() {
    let toml = "
BROKERAGE_PER_CONTRACT_BRL = 0.10
[instrument.WIN]
slippage = 5
[instrument.WIN.costs.2024-01-02]
exchange_fee = 0.30
[instrument.WIN.costs.2025-03-06]
spread = 10
slippage = 0
[instrument.WINZ26.costs.2024-01-02]
brokerage = 1
";
    let settings = files(toml, "", None).unwrap().settings;
    let on = |name: &str, day: &str| {
        let costs = settings.instrument(name).unwrap().costs.on(crate::stored_run::parse_day(day).unwrap());
        [
            costs.exchange_fee.to_string(),
            costs.brokerage.to_string(),
            costs.spread.to_string(),
            costs.slippage.to_string(),
        ]
        .join(" ")
    };
    for (name, day, expected) in [
        ("WIN", "2024-01-01", "0.25 0.10 5 5"),
        ("WIN", "2024-01-02", "0.30 0.10 5 5"),
        ("WIN$N", "2025-03-05", "0.30 0.10 5 5"),
        ("WIN$N", "2025-03-06", "0.30 0.10 10 0"),
        ("WINZ26", "2024-01-01", "0.25 0.10 5 5"),
        ("WINZ26", "2025-03-06", "0.30 1.00 10 0"),
        ("WDO", "2018-06-01", "0.74 0.10 0.5 0"),
        ("EURUSD", "2018-06-01", "0.00 0.35 0.00001 0.000002"),
    ] {
        assert_eq!(on(name, day), expected, "{name} on {day}");
    }
    let entries: Vec<_> = settings.entries().filter(|(key, _)| key.contains(".costs.")).collect();
    assert_eq!(entries[0], ("instrument.WIN.costs.2024-01-02.exchange_fee".to_owned(), "0.30".to_owned()));
    assert_eq!(entries.len(), 4);
}

#[test]
fn dated_costs_that_cannot_be_say_where() {
    let refused = |toml: &str| files(toml, "", None).unwrap_err();
    let cases = [
        refused("[instrument.WIN.costs.2024-13-02]\nspread = 5\n"),
        refused("[instrument.WIN.costs.2024-01-02]\nfee = 5\n"),
        refused("[instrument.WIN.costs.2024-01-02]\nspread = -5\n"),
        refused("[[instrument.WIN.costs]]\nfrom = \"2024-01-02\"\n"),
        refused("[instrument.WIN]\ncosts = 5\n"),
        flags(&[("instrument.WIN.costs.spread", "5")]).unwrap_err().to_string(),
    ];
    assert_snapshot!(cases.join("\n"));
}
