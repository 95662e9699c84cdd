use alavanca_adapters_mt5::wire::{
    AccountIdentity, AccountState, BridgeHeartbeat, BridgeKind, Hello, Id, OrderSide, Position, Reconcile,
    SessionCalendar, Snapshot, SymbolSpec, TradeResult, WeekSession,
};
use alavanca_kernel::Timestamp;

use super::*;
use crate::live::doctor::RoundTrip;
use crate::settings::{LoadRequest, load};

/// 2026-11-24 14:00 UTC, a Tuesday.
const NOW: i64 = 1_795_528_800;

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn healthy() -> Observed {
    let account = AccountIdentity {
        login: Id(12_345),
        server: "Broker-Demo".to_owned(),
        company: String::new(),
        trade_mode: TradeMode::Demo,
        margin_mode: 1,
        currency: "BRL".to_owned(),
        currency_digits: 2,
    };
    let money = AccountState {
        balance: dec("10000"),
        equity: dec("10000"),
        margin: dec("0"),
        margin_free: dec("10000"),
        server: (NOW - 10_800) * 1_000,
    };
    let snapshot = Snapshot { account: money, positions: vec![], orders: vec![], deals: vec![] };
    Observed {
        hello: Hello {
            nonce: String::new(),
            version: 1,
            bridge: BridgeKind::ExpertAdvisor,
            release: "1.0".to_owned(),
            instance: String::new(),
            epoch_seen: 0,
            account,
            proof: String::new(),
        },
        heartbeat: Some(BridgeHeartbeat {
            worker_busy_ms: 0,
            terminal_connected: true,
            trade_allowed: true,
            tradeapi_disabled: false,
            killed: false,
            ping_us: Some(12_000),
            echo_utc: None,
        }),
        spec: SymbolSpec {
            symbol: "WINZ26".to_owned(),
            exists: true,
            description: String::new(),
            digits: 0,
            point: dec("1"),
            tick_size: dec("5"),
            tick_value: dec("1"),
            contract_size: dec("0.2"),
            volume_min: dec("1"),
            volume_max: dec("500"),
            volume_step: dec("1"),
            stops_level: 0,
            freeze_level: 0,
            filling_mode: 3,
            execution: 3,
            trade_mode: 4,
            expires_server: Some((NOW + 22 * 86_400) * 1_000),
            currency_profit: "BRL".to_owned(),
            currency_margin: "BRL".to_owned(),
        },
        calendar: Some(SessionCalendar {
            symbol: "WINZ26".to_owned(),
            known: true,
            sessions: (1..=5).map(|weekday| WeekSession { weekday, from: 32_400, to: 66_600 }).collect(),
        }),
        clock: Some(((NOW - 10_800) * 1_000, Timestamp::from_secs(NOW))),
        standing: Ok(Reconcile { error: None, more: false, snapshot, outcomes: vec![], guards: vec![] }),
        margins: [Ok(dec("100")), Ok(dec("100"))],
        point: Ok(dec("0.2")),
        check: Ok(TradeResult {
            magic: Id(0),
            retcode: 0,
            deal: Id(0),
            order: Id(0),
            volume: dec("0"),
            price: dec("0"),
            bid: dec("0"),
            ask: dec("0"),
            comment: String::new(),
            retcode_external: 0,
            margin: Some(dec("100")),
        }),
        round_trip: RoundTrip { asked: 40, median_us: 900, worst_us: 4_000 },
        now: Timestamp::from_secs(NOW),
    }
}

fn examined(observed: &Observed, changes: &[(&str, &str)]) -> Vec<Finding> {
    let flags = changes.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let settings = load(&LoadRequest { flags, ..LoadRequest::default() }).unwrap().settings;
    examine(&settings, &settings.instrument(&observed.spec.symbol).unwrap(), observed)
}

fn check(what: &str, expected: Verdict, says: &str, changes: &[(&str, &str)], sick: impl FnOnce(&mut Observed)) {
    let mut observed = healthy();
    sick(&mut observed);
    let findings = examined(&observed, changes);
    let others: Vec<_> =
        findings.iter().filter(|finding| finding.what != what && finding.verdict == Verdict::Fail).collect();
    let found: Vec<_> = findings.iter().filter(|finding| finding.what == what).collect();
    let told = |finding: &Finding| format!("{} {}", finding.found, finding.advice.clone().unwrap_or_default());
    assert!(
        found.iter().any(|finding| finding.verdict == expected && told(finding).contains(says)),
        "{what}: expected {expected:?} with `{says}`, found {found:?}"
    );
    assert!(others.is_empty(), "{what}: {others:?}");
}

#[test]
fn who_is_healthy_has_nothing() {
    let findings = examined(&healthy(), &[]);
    assert!(findings.iter().all(|finding| finding.verdict == Verdict::Ok), "{findings:?}");
    assert!(findings.len() >= 14);
}

#[test]
fn account_and_terminal() {
    use Verdict::{Fail, Warn};
    check("account", Fail, "ACCOUNT_MODE=HEDGING", &[], |o| o.hello.account.margin_mode = 2);
    check("account", Fail, "not known", &[], |o| o.hello.account.margin_mode = 9);
    check("account", Warn, "REAL MONEY", &[], |o| o.hello.account.trade_mode = TradeMode::Real);
    check("currency", Fail, "counts in USD", &[], |o| o.hello.account.currency = "USD".to_owned());
    let beat = |change: fn(&mut BridgeHeartbeat)| move |o: &mut Observed| change(o.heartbeat.as_mut().unwrap());
    check("terminal", Fail, "not connected", &[], beat(|beat| beat.terminal_connected = false));
    check("terminal", Fail, "Algo Trading", &[], beat(|beat| beat.trade_allowed = false));
    check("terminal", Fail, "Expert Advisors", &[], beat(|beat| beat.tradeapi_disabled = true));
    check("terminal", Fail, "kill button", &[], beat(|beat| beat.killed = true));
    check("terminal", Fail, "no sign of life", &[], |o| o.heartbeat = None);
    check("open", Fail, "did not say", &[], |o| o.standing = Err("-10004".to_owned()));
    check("open", Warn, "2 buy of winz26", &[], |o| {
        let zero = Decimal::ZERO;
        o.standing.as_mut().unwrap().snapshot.positions.push(Position {
            ticket: Id(1),
            identifier: Id(1),
            symbol: "WINZ26".to_owned(),
            side: OrderSide::Buy,
            volume: dec("2"),
            price_open: zero,
            sl: zero,
            tp: zero,
            magic: Id(0),
            profit: zero,
            swap: zero,
            comment: String::new(),
            opened_server: 0,
        });
    });
}

#[test]
fn clocks() {
    use Verdict::{Fail, Ok, Warn};
    let off = |seconds: i64| move |o: &mut Observed| o.clock.as_mut().unwrap().0 += seconds * 1_000;
    check("clock", Ok, "+29.0 s", &[], off(29));
    check("clock", Fail, "set this machine's clock", &[], off(31));
    check("clock", Fail, "set this machine's clock", &[], off(-95));
    // An hour and a little: the zone is wrong, not the clock.
    check("clock", Fail, "MT5_SERVER_ZONE=-02:00 fits", &[], off(3_602));
    check("clock", Fail, "MT5_SERVER_ZONE=+02:00 fits", &[], off(5 * 3_600));
    check("clock", Ok, "read as +02:00", &[("MT5_SERVER_ZONE", "+02:00")], off(5 * 3_600));
    check("clock", Warn, "LIVE_CLOCK=BRIDGE", &[("LIVE_CLOCK", "BRIDGE")], off(-9_000));
    check("clock", Warn, "is not known", &[], |o| o.clock = None);
}

#[test]
fn symbols() {
    use Verdict::{Fail, Ok, Warn};
    check("contract", Fail, "WINZ26", &[], |o| o.spec.symbol = "WIN$N".to_owned());
    check("contract", Fail, "has expired", &[], |o| o.spec.expires_server = Some((NOW - 86_400) * 1_000));
    check("contract", Warn, "expires in 2 days", &[], |o| o.spec.expires_server = Some((NOW + 2 * 86_400) * 1_000));
    check("contract", Warn, "tells no expiry", &[], |o| o.spec.expires_server = None);
    check("symbol", Fail, "tick is 1 at the broker", &[], |o| {
        o.spec.tick_size = dec("1");
        o.spec.tick_value = dec("0.2");
    });
    check("symbol", Fail, "worth 1 at the broker", &[], |o| o.spec.tick_value = dec("5"));
    check("symbol", Fail, "takes 5 and more", &[], |o| o.spec.volume_min = dec("5"));
    check("symbol", Fail, "no symbol WINZ26", &[], |o| o.spec.exists = false);
    check("point value", Warn, "makes 1 of one point", &[], |o| o.point = Result::Ok(dec("1")));
    check("filling", Fail, "takes no market order", &[], |o| {
        o.spec.execution = 2;
        o.spec.filling_mode = 0;
    });
    check("filling", Ok, "IOC opens, IOC closes", &[], |o| o.spec.execution = 2);
    check("stops", Warn, "the engine keeps", &[], |o| o.spec.stops_level = 41);
    check("stops", Ok, "at least 40 away", &[], |o| o.spec.stops_level = 40);
    check("stops", Fail, "SCALP_TP_POINTS", &[("ACCOUNT_MODE", "HEDGING")], |o| {
        o.hello.account.margin_mode = 2;
        o.spec.stops_level = 41;
    });
    check("freeze", Warn, "within 7", &[], |o| o.spec.freeze_level = 7);
}

#[test]
fn money_sessions_and_orders() {
    use Verdict::{Fail, Ok, Warn};
    check("margin", Ok, "100 for one", &[], |_| {});
    check("margin", Warn, "broker_margin under [instrument.WINZ26]", &[], |o| o.margins[1] = Result::Ok(dec("150")));
    check("margin", Fail, "MARGIN_PER_CONTRACT_BRL to 1500", &[], |o| o.margins[0] = Result::Ok(dec("1500")));
    check("margin", Warn, "could not say: -10005", &[], |o| {
        o.margins = [Err("-10005".to_owned()), Err("-10005".to_owned())];
    });
    check("money", Fail, "no margin for one contract", &[], |o| {
        o.standing.as_mut().unwrap().snapshot.account.margin_free = dec("99.99");
    });
    check("sessions", Warn, "Wed", &[], |o| {
        o.calendar.as_mut().unwrap().sessions.retain(|session| session.weekday != 3);
    });
    check("sessions", Warn, "Tue", &[], |o| o.calendar.as_mut().unwrap().sessions[1].to = 60_000);
    check("sessions", Ok, "cannot know", &[], |o| o.calendar = None);
    let answered = |retcode| move |o: &mut Observed| o.check.as_mut().unwrap().retcode = retcode;
    check("order", Fail, "not enough money", &[], answered(10_019));
    check("order", Warn, "market is closed now", &[], answered(10_018));
    check("order", Warn, "invalid volume", &[], answered(10_014));
    check("order", Ok, "would take", &[], answered(10_009));
    check("round trip", Warn, "worst 500.01 ms", &[], |o| o.round_trip.worst_us = 500_010);
    check("round trip", Fail, "MT5_LOST_AFTER_MS", &[], |o| o.round_trip.worst_us = 5_000_001);
}
