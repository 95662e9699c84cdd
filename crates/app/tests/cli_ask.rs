//! Questions to a stored run: `explain`, `decisions`, `stats` and `compare`, held against the tables themselves.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::path::{Path, PathBuf};
use std::process::Command;

use alavanca::explain::{TradeState, Which, explain};
use alavanca::stored_run::StoredRun;
use insta::assert_snapshot;
use rusqlite::Connection;
use serde_json::Value;

/// Loose layers and small batches, so that extras, rollbacks and freezes happen within a few weeks.
const SETTINGS: [&str; 7] = [
    "REALAVANCAGEM_ALLOWED_REGIMES=TREND_UP,TREND_DOWN,RANGE,HIGH_VOL",
    "REALAVANCAGEM_MIN_GLOBAL_CONF=0.30",
    "REALAVANCAGEM_REQUIRE_PROFIT_TODAY=false",
    "REALAVANCAGEM_MIN_LIQUIDITY=0",
    "REALAVANCAGEM_FORBIDDEN_MODES=CHAOTIC",
    "RL_UPDATE_BATCH_SIZE=3",
    "RISK_DAILY_LOSS_LIMIT_BRL=1000",
];

struct Ran {
    code: i32,
    out: String,
    err: String,
}

fn alavanca(folder: &Path, arguments: &[&str]) -> Ran {
    let output =
        Command::new(env!("CARGO_BIN_EXE_alavanca")).args(arguments).current_dir(folder).env_clear().output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

/// Runs the synthetic market into a database of this name.
fn run(folder: &Path, db: &str, more: &[&str]) -> PathBuf {
    run_days(folder, db, "40", &[&["--set", "RL_BASELINE_TRADES=6", "--set", "RL_FREEZE_WINDOW=6"], more].concat())
}

fn run_days(folder: &Path, db: &str, days: &str, more: &[&str]) -> PathBuf {
    let days = format!("SYNTHETIC_DAYS={days}");
    let mut arguments = vec!["backtest", "--db", db, "--without-level4", "--set", &days];
    for setting in SETTINGS {
        arguments.extend(["--set", setting]);
    }
    arguments.extend(more);
    let ran = alavanca(folder, &arguments);
    assert_eq!(ran.code, 0, "{}", ran.err);
    folder.join(db)
}

#[track_caller]
fn said(folder: &Path, arguments: &[&str]) -> String {
    let ran = alavanca(folder, arguments);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{arguments:?}");
    for line in ran.out.lines() {
        assert!(line.chars().count() <= 80, "{} columns: {line}", line.chars().count());
        assert_eq!(line, line.trim_end(), "blanks at the end");
    }
    assert!(ran.out.chars().all(|c| !c.is_control() || c == '\n'), "no colour in a pipe");
    ran.out
}

#[track_caller]
fn json(folder: &Path, arguments: &[&str]) -> Value {
    let ran = alavanca(folder, &[arguments, &["--json"]].concat());
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{arguments:?}");
    serde_json::from_str(&ran.out).unwrap()
}

fn number(db: &Connection, sql: &str) -> i64 {
    db.query_row(sql, [], |row| row.get(0)).unwrap()
}

fn text(db: &Connection, sql: &str) -> String {
    db.query_row(sql, [], |row| row.get(0)).unwrap()
}

fn cents(value: &Value) -> i64 {
    (value.as_f64().unwrap() * 100.0).round() as i64
}

#[test]
fn an_explanation_says_what_the_tables_hold() {
    let folder = tempfile::tempdir().unwrap();
    let db = Connection::open(run(folder.path(), "run.db", &[])).unwrap();
    let mut statement = db.prepare("SELECT id, trade, action FROM decisions ORDER BY id").unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    let decisions: Vec<(i64, Option<i64>, String)> = rows.map(Result::unwrap).collect();
    let with_extra = decisions.iter().filter(|decision| decision.2 == "ENTER_WITH_REALAVANCAGEM").take(3);
    let others = decisions.iter().filter(|decision| decision.2 != "ENTER_WITH_REALAVANCAGEM").take(6);
    let masked = number(&db, "SELECT id FROM decisions WHERE available <> 15 LIMIT 1");
    let masked = decisions.iter().filter(|decision| decision.0 == masked);
    for (id, trade, action) in with_extra.chain(others).chain(masked) {
        let told = json(folder.path(), &["explain", &id.to_string(), "--db", "run.db"]);
        let of = |column: &str| text(&db, &format!("SELECT {column} FROM decisions WHERE id = {id}"));
        let context: Value = serde_json::from_str(&of("context")).unwrap();
        let (inputs, choice) = (&told["inputs"], &told["choice"]);
        for (name, stored) in [("regime", "regime"), ("confidence", "confidence"), ("risk", "risk")] {
            assert_eq!(inputs[name], context[stored], "{name} of {id}");
        }
        assert_eq!(inputs["transition"], context["transition"]);
        assert_eq!(cents(&inputs["equity"]), context["equity"].as_i64().unwrap());
        assert_eq!(choice["state_hash"], of("state"));
        assert_eq!((&choice["action"], &choice["chooser"]), (&Value::from(action.as_str()), &Value::from("policy")));

        let layers: Value = serde_json::from_str(&of("layers")).unwrap();
        for (told, stored) in told["layers"].as_array().unwrap().iter().zip(layers.as_array().unwrap()) {
            assert_eq!((&told["layer"], &told["passed"]), (&stored["layer"], &stored["passed"]));
        }
        let arms: Value = serde_json::from_str(&of("arms")).unwrap();
        let chances: f64 =
            choice["arms"].as_array().unwrap().iter().filter_map(|arm| arm["probability"].as_f64()).sum();
        assert!((chances - 1.0).abs() < 1e-9, "{chances}");
        for (place, arm) in choice["arms"].as_array().unwrap().iter().enumerate() {
            assert_eq!(arm["alpha"], arms[place]["alpha"]);
            let open = number(&db, &format!("SELECT available >> {place} & 1 FROM decisions WHERE id = {id}")) == 1;
            assert_eq!((arm["available"].as_bool().unwrap(), arm["probability"].is_number()), (open, open));
            assert_eq!(arm["chosen"].as_bool().unwrap(), arm["action"] == action.as_str());
        }
        let Some(trade) = trade else {
            assert_eq!((&told["trade"], &told["lesson"]), (&Value::Null, &Value::Null));
            continue;
        };
        let steps = told["steps"].as_array().unwrap().len() as i64;
        let stored = ["orders", "order_ends", "fills", "scalps"]
            .map(|table| number(&db, &format!("SELECT count(*) FROM {table} WHERE trade = {trade}")));
        assert_eq!(steps, stored.iter().sum::<i64>());
        let times: Vec<&str> =
            told["steps"].as_array().unwrap().iter().map(|s| s["at"]["utc"].as_str().unwrap()).collect();
        assert!(times.is_sorted(), "{times:?}");
        assert_eq!(cents(&told["trade"]["net"]), number(&db, &format!("SELECT net FROM trades WHERE id = {trade}")));
        let legs: i64 = told["legs"].as_array().unwrap().iter().map(|leg| cents(&leg["net"])).sum();
        assert_eq!(cents(&told["trade"]["net"]), legs, "a trade is the sum of its legs");
    }
}

/// A lesson counts until a rollback or an import takes it back. Told one by one, they are what the policy serves.
#[test]
fn lessons_that_were_not_taken_back_are_the_served_policy() {
    let folder = tempfile::tempdir().unwrap();
    let path = run_days(folder.path(), "run.db", "120", &[]);
    let db = Connection::open(&path).unwrap();
    let stored = StoredRun::open(&path).unwrap();
    let (mut counted, mut taken_back, mut skipped) = (0, 0, 0);
    for id in 1..=number(&db, "SELECT max(id) FROM decisions") {
        let explained = explain(&stored, &Which::Decision(id as u64), None).unwrap();
        let Some(lesson) = explained.lesson else { continue };
        let moved = (lesson.after[0] - lesson.before[0], lesson.after[1] - lesson.before[1]);
        match (lesson.applied, lesson.undone) {
            (true, None) => counted += 1,
            (true, Some(_)) => taken_back += 1,
            (false, undone) => {
                assert_eq!((moved, undone, lesson.skipped.is_some()), ((0.0, 0.0), None, true));
                skipped += 1;
                continue;
            }
        }
        let won = matches!(explained.trade.unwrap().state, TradeState::Ended { net, .. } if net > 0.0);
        assert_eq!(moved, if won { (1.0, 0.0) } else { (0.0, 1.0) }, "decision {id}");
    }
    assert_eq!(counted, number(&db, "SELECT sum(count) FROM rl_policy"));
    assert_eq!(skipped, number(&db, "SELECT count(*) FROM evidence WHERE NOT applied"));
    assert!(taken_back > 3 && counted > 3, "{taken_back} taken back, {counted} counted: too few to speak of");
}

#[test]
fn a_time_finds_what_was_decided_then_or_before() {
    let folder = tempfile::tempdir().unwrap();
    let db = Connection::open(run(folder.path(), "run.db", &[])).unwrap();
    let micros = number(&db, "SELECT at FROM decisions WHERE id = 20");
    let stamp = |micros: i64, zone: &str| {
        let sql = format!("SELECT strftime('%Y-%m-%d %H:%M:%S', {micros} / 1000000, 'unixepoch', '{zone}')");
        text(&db, &sql)
    };
    // São Paulo is three hours behind UTC all year.
    let local = stamp(micros, "-3 hours");
    let explained = |at: &str| json(folder.path(), &["explain", "--at", at, "--db", "run.db"]);
    let expected = Value::from(20);
    for at in [local.clone(), local[..16].to_owned(), stamp(micros, "0 hours") + "Z", stamp(micros, "0 hours") + " UTC"]
    {
        let told = explained(&at);
        assert_eq!(told["choice"]["decision"], expected, "{at}");
        assert_eq!(told["at"]["local"], Value::from(local.as_str()));
        assert!(told["asked"]["utc"].is_string());
    }
    assert_ne!(explained(&stamp(micros - 1_000_000, "-3 hours"))["choice"]["decision"], expected, "a second before");
    let nearest = "SELECT max(at) FROM (SELECT at FROM decisions UNION ALL SELECT at FROM blocked)";
    let last = explained("2099-01-01 00:00");
    let utc = stamp(number(&db, nearest), "0 hours").replace(' ', "T") + "Z";
    assert_eq!(last["at"]["utc"], Value::from(utc), "the last of all");

    // A signal that never reached the gate is found, too, and says why it did not.
    let (at, cause): (i64, String) = db
        .query_row("SELECT at, cause FROM blocked ORDER BY id DESC LIMIT 1", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    let told = explained(&stamp(at, "-3 hours"));
    assert_eq!((&told["blocked"]["cause"], &told["choice"]), (&Value::from(cause), &Value::Null));

    let first = "SELECT min(at) FROM (SELECT at FROM decisions UNION ALL SELECT at FROM blocked)";
    let first = stamp(number(&db, first), "-3 hours");
    for (arguments, code, complaint) in [
        (&["--at", "2001-01-01 10:00"][..], 2, format!("its first signal is of {first} America/Sao_Paulo")),
        (&["--at", "14:32"], 2, "`14:32` is no time: write `2026-03-02 14:32`".to_owned()),
        (&["4711"], 2, format!("has no decision 4711: it has 1 to {}", number(&db, "SELECT max(id) FROM decisions"))),
        (&["0"], 2, "has no decision 0: it has 1 to ".to_owned()),
        (&["1", "--symbol", "DOL"], 2, "is not of the instrument DOL: it is of WIN".to_owned()),
        (&["1", "--last"], 2, "cannot be used with".to_owned()),
        (&[], 2, "required".to_owned()),
    ] {
        let ran = alavanca(folder.path(), &[&["explain", "--db", "run.db"], arguments].concat());
        assert_eq!((ran.code, ran.out.as_str()), (code, ""), "{arguments:?}");
        assert!(ran.err.contains(&complaint), "{arguments:?}: {}", ran.err);
    }
    let ran = alavanca(folder.path(), &["explain", "1", "--db", "nothing.db"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("there is no database at nothing.db"), "{}", ran.err);
    assert!(!folder.path().join("nothing.db").exists(), "a question makes no database");
}

#[test]
fn what_was_not_sampled_was_certain() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), "off.db", &["--set", "RL_POLICY_ENABLED=false"]);
    let told = json(folder.path(), &["explain", "--last", "--db", "off.db"]);
    assert_eq!(told["choice"]["chooser"], "policy_off");
    let chances = told["choice"]["arms"]
        .as_array()
        .unwrap()
        .iter()
        .map(|arm| (arm["chosen"] == true, arm["probability"].as_f64()));
    for (chosen, chance) in chances {
        assert!(chance.is_none_or(|chance| (chance - f64::from(u8::from(chosen))).abs() < 1e-12), "{chance:?}");
    }
    let text = said(folder.path(), &["explain", "--last", "--db", "off.db"]);
    assert!(text.contains("nobody: the policy is off") && text.contains("Nothing: the policy is off."), "{text}");
    let learning = said(folder.path(), &["stats", "updater", "--db", "off.db"]);
    assert!(learning.contains("RL_POLICY_ENABLED is false"), "{learning}");
}

#[test]
fn lists_hold_what_fits_the_question() {
    let folder = tempfile::tempdir().unwrap();
    let db = Connection::open(run(folder.path(), "run.db", &[])).unwrap();
    let day = text(
        &db,
        "SELECT date(day * 86400, 'unixepoch') FROM decisions GROUP BY day ORDER BY count(*) DESC, day LIMIT 1",
    );
    let of_day = format!("SELECT count(*) FROM decisions WHERE date(day * 86400, 'unixepoch') = '{day}'");
    let won = "SELECT count(*) FROM decisions d JOIN trades t ON t.decision = d.id WHERE t.net";
    let extra = "SELECT count(*) FROM decisions WHERE json_extract(allocation, '$.extra')";
    let regime_failed = "SELECT count(*) FROM decisions WHERE NOT json_extract(allocation, '$.layers') >> 2 & 1";
    for (arguments, sql) in [
        (&[][..], "SELECT count(*) FROM decisions".to_owned()),
        (&["--action", "HOLD"], "SELECT count(*) FROM decisions WHERE action = 'HOLD'".to_owned()),
        (&["--regime", "TREND_UP"], "SELECT count(*) FROM decisions WHERE regime = 'TREND_UP'".to_owned()),
        (&["--day", &day], of_day.clone()),
        (&["--from", &day, "--to", &day], of_day),
        (&["--won"], format!("{won} > 0")),
        (&["--lost"], format!("{won} <= 0")),
        (&["--granted"], format!("{extra} > 0")),
        (&["--refused"], format!("{extra} = 0")),
        (&["--refused", "--layer", "regime_allowed"], regime_failed.to_owned()),
        (&["--layer", "3"], regime_failed.to_owned()),
        (&["--symbol", "win", "--won", "--regime", "TREND_DOWN"], format!("{won} > 0 AND d.regime = 'TREND_DOWN'")),
    ] {
        let list = json(folder.path(), &[&["decisions", "--db", "run.db", "--last", "0"], arguments].concat());
        let found = number(&db, &sql);
        assert!(found > 0, "{arguments:?} shows nothing");
        assert_eq!(list["found"].as_i64().unwrap(), found, "{arguments:?}");
        assert_eq!(list["decisions"].as_array().unwrap().len() as i64, found, "{arguments:?}");
    }
    let newest = json(folder.path(), &["decisions", "--db", "run.db", "--last", "3"]);
    let ids: Vec<i64> =
        newest["decisions"].as_array().unwrap().iter().map(|d| d["decision"].as_i64().unwrap()).collect();
    let last = number(&db, "SELECT max(id) FROM decisions");
    assert_eq!(ids, [last - 2, last - 1, last]);

    let blocked = json(folder.path(), &["decisions", "--db", "run.db", "--blocked", "--last", "5"]);
    assert_eq!(blocked["found"].as_i64().unwrap(), number(&db, "SELECT count(*) FROM blocked"));
    assert_eq!(blocked["signals"].as_array().unwrap().len(), 5);
    let session = number(&db, "SELECT count(*) FROM blocked WHERE cause = 'session'");
    assert_eq!(blocked["by_cause"]["session"].as_i64().unwrap(), session);

    for (arguments, complaint) in [
        (&["--blocked", "--won"][..], "--won and --lost asks for what only decisions have"),
        (&["--won", "--lost"], "cannot be used with"),
        (&["--layer", "9"], "known are 1 enabled, 2 regime_not_forbidden"),
        (&["--day", "03/02/2026"], "is no day: write it as 2026-03-02"),
        (&["--from", "2026-03-03", "--to", "2026-03-02"], "no day is asked for"),
        (&["--action", "BUY"], "unknown action `BUY`; known are HOLD, ENTER"),
        (&["--regime", "TRANSITION"], "unknown regime"),
    ] {
        let ran = alavanca(folder.path(), &[&["decisions", "--db", "run.db"], arguments].concat());
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{arguments:?}");
        assert!(ran.err.contains(complaint), "{arguments:?}: {}", ran.err);
    }
}

#[test]
fn figures_are_those_of_the_tables() {
    let folder = tempfile::tempdir().unwrap();
    let path = run(folder.path(), "run.db", &[]);
    let db = Connection::open(&path).unwrap();
    let is = |told: &Value, sql: &str| assert_eq!(told.as_i64().unwrap(), number(&db, sql), "{sql}");
    let near = |told: &Value, sql: &str| {
        let stored: f64 = db.query_row(sql, [], |row| row.get(0)).unwrap();
        assert!((told.as_f64().unwrap() - stored).abs() < 1e-9, "{told} and {stored}: {sql}");
    };

    let capital = json(folder.path(), &["stats", "capital", "--db", "run.db"]);
    is(&capital["total_decisions"], "SELECT count(*) FROM capital_state");
    near(&capital["avg_base_contracts"], "SELECT avg(base_contracts) FROM capital_state");
    is(&capital["max_final_contracts"], "SELECT max(final_contracts) FROM capital_state");
    near(&capital["realavancagem_frequency"], "SELECT avg(extra_contracts > 0) FROM capital_state");
    let answers = |capital: &Value| capital["check"]["agree"].as_i64().unwrap();
    assert_eq!(answers(&capital), number(&db, "SELECT count(*) FROM capital_state"), "{}", capital["check"]);

    let regime = json(folder.path(), &["stats", "regime", "--db", "run.db"]);
    is(&regime["bars"], "SELECT sum(bars) FROM regimes");
    is(&regime["transition_bars"], "SELECT sum(bars) FROM regimes WHERE before_transition");
    is(&regime["changes"], "SELECT count(*) FROM regimes WHERE before <> after");
    is(&regime["transition_trades"], "SELECT count(*) FROM trades WHERE in_transition");
    is(&regime["by_regime"]["RANGE"]["seconds"], "SELECT sum(seconds) FROM regimes WHERE before = 'RANGE'");
    let out = "FROM regimes WHERE before = 'RANGE' AND after = 'TREND_UP'";
    is(&regime["matrix"]["RANGE"]["TREND_UP"]["count"], &format!("SELECT count(*) {out}"));

    let scalp = json(folder.path(), &["stats", "scalp", "--db", "run.db"]);
    let ends = "FROM scalp_events WHERE event_type NOT IN ('OPENED', 'PROTECTED')";
    is(&scalp["total_scalps"], &format!("SELECT count(*) {ends}"));
    near(&scalp["winrate"], &format!("SELECT avg(pnl > 0) {ends}"));
    near(&scalp["total_pnl"], &format!("SELECT round(sum(pnl), 2) {ends}"));
    near(&scalp["avg_hold_time_seconds"], &format!("SELECT avg(hold_time_seconds) {ends}"));
    let hits = scalp["ends"].as_array().unwrap().iter().find(|end| end["kind"] == "TP_HIT").unwrap();
    is(&hits["count"], &format!("SELECT count(*) {ends} AND event_type = 'TP_HIT'"));
    let reached = "avg(CASE side WHEN 'BUY' THEN exit_price - entry_price ELSE entry_price - exit_price END)";
    near(&hits["mean_reached_points"], &format!("SELECT {reached} {ends} AND event_type = 'TP_HIT'"));
    near(&hits["mean_reached_of_target"], &format!("SELECT {reached} / 80 {ends} AND event_type = 'TP_HIT'"));
    near(&hits["mean_time_used"], &format!("SELECT avg(hold_time_seconds) / 180 {ends} AND event_type = 'TP_HIT'"));
    let timeouts: i64 =
        scalp["timeouts_by_reach"].as_array().unwrap().iter().map(|r| r["count"].as_i64().unwrap()).sum();
    assert_eq!(timeouts, number(&db, &format!("SELECT count(*) {ends} AND event_type = 'TIMEOUT'")));

    let policy = json(folder.path(), &["stats", "policy", "--why-hold", "--db", "run.db"]);
    for regime in policy["regimes"].as_array().unwrap() {
        let name = regime["regime"].as_str().unwrap();
        is(&regime["total_updates"], &format!("SELECT coalesce(sum(count), 0) FROM rl_policy WHERE regime = '{name}'"));
        for action in regime["actions"].as_array().unwrap() {
            let of = format!(
                "FROM rl_policy WHERE regime = '{name}' AND action = {}",
                action["action"].to_string().replace('"', "'")
            );
            is(&action["count"], &format!("SELECT coalesce(sum(count), 0) {of}"));
            near(
                &action["mean_value"],
                &format!("SELECT coalesce(sum(alpha) / (sum(alpha) + sum(beta)), 0.5) {of} AND count > 0"),
            );
        }
    }
    let why = &policy["why_hold"];
    is(&why["hold"], "SELECT count(*) FROM decisions WHERE action = 'HOLD'");
    is(&why["signals"], "SELECT (SELECT count(*) FROM decisions) + (SELECT count(*) FROM blocked)");
    // The sum of exact chances is what happens on average: three deviations of a coin that many times.
    let (hold, expected) = (why["hold"].as_f64().unwrap(), why["expected"].as_f64().unwrap());
    assert!((hold - expected).abs() <= 3.0 * expected.sqrt(), "{hold} HOLDs, {expected} expected");

    let updater = json(folder.path(), &["stats", "updater", "--db", "run.db"]);
    is(&updater["total_trades"], "SELECT count(*) FROM trades");
    is(&updater["pending_trades_count"], "SELECT (SELECT count(*) FROM trades) - (SELECT count(*) FROM evidence)");
    is(&updater["snapshot_count"], "SELECT count(*) FROM snapshots");
    is(&updater["batches"], "SELECT max(batch) FROM evidence");
    is(&updater["learned"], "SELECT count(*) FROM evidence WHERE applied");
    is(&updater["served"], "SELECT sum(count) FROM rl_policy");
    is(&updater["skipped_frozen"], "SELECT count(*) FROM evidence WHERE skipped = 'frozen'");
    is(&updater["states"]["same"], "SELECT count(*) FROM evidence");
    near(&updater["rewards"]["mean"], "SELECT avg(reward) / 1e6 FROM evidence");
    let frozen =
        updater["regimes"].as_array().unwrap().iter().filter(|regime| regime["frozen_since"].is_string()).count();
    assert!(frozen > 0 && updater["skipped_frozen"].as_i64().unwrap() > 0, "no freeze to speak of");

    // What is wrong in the tables is found by the command that answers for it.
    db.execute_batch(
        "UPDATE decisions SET allocation = json_set(allocation, '$.base', 77) WHERE id = 5;
         UPDATE evidence SET state = (SELECT state FROM evidence e WHERE e.state <> evidence.state LIMIT 1) WHERE seq = \
         (SELECT min(seq) FROM evidence);",
    )
    .unwrap();
    let capital = json(folder.path(), &["stats", "capital", "--db", "run.db"]);
    assert_eq!(
        (&capital["check"]["differ"], &capital["check"]["first_that_differs"]),
        (&Value::from(1), &Value::from(5))
    );
    let learning = said(folder.path(), &["stats", "updater", "--db", "run.db"]);
    assert!(learning.contains("NO   same state, same name"), "{learning}");
}

#[test]
fn equal_data_are_paired_and_other_data_are_said_loudly() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), "a.db", &[]);
    run(folder.path(), "b.db", &["--set", "MAX_CONTRACTS_CAP=5"]);
    run(folder.path(), "other.db", &["--seed", "8"]);
    std::fs::copy(folder.path().join("a.db"), folder.path().join("again.db")).unwrap();
    let net = |comparison: &Value| comparison["against_first"][0]["differences"][0].clone();

    let same = json(folder.path(), &["compare", "a.db", "again.db"]);
    assert_eq!((&same["data"], &same["settings"]), (&Value::from("same"), &Value::Array(vec![])));
    assert_eq!(
        (&net(&same)["difference"], &net(&same)["interval"]["low"], &net(&same)["interval"]["high"]),
        (&Value::from(0.0), &Value::from(0.0), &Value::from(0.0))
    );

    let settings = json(folder.path(), &["compare", "a.db", "b.db"]);
    assert_eq!(settings["data"], "same");
    assert_eq!(settings["settings"][0]["key"], "MAX_CONTRACTS_CAP");
    assert_eq!(settings["settings"][0]["values"], serde_json::json!(["10", "5"]));
    assert_eq!(settings["settings"].as_array().unwrap().len(), 1);
    assert_eq!(settings["against_first"][0]["method"]["paired"], true);
    let nets = |db: &str| number(&Connection::open(folder.path().join(db)).unwrap(), "SELECT sum(net) FROM trades");
    assert_eq!(cents(&net(&settings)["difference"]), nets("b.db") - nets("a.db"));
    let interval = &net(&settings)["interval"];
    let (low, high) = (interval["low"].as_f64().unwrap(), interval["high"].as_f64().unwrap());
    let difference = net(&settings)["difference"].as_f64().unwrap();
    assert!(low < difference && difference < high, "{low} {difference} {high}");

    let other = said(folder.path(), &["compare", "a.db", "other.db"]);
    assert!(other.contains("They did NOT run on the same data") && other.contains("unpaired"), "{other}");
    assert_eq!(said(folder.path(), &["compare", "a.db", "other.db"]), other, "the seed is fixed");
}

#[test]
fn answers_as_people_read_them() {
    let folder = tempfile::tempdir().unwrap();
    let db = Connection::open(run(folder.path(), "run.db", &[])).unwrap();
    let with_extra = "SELECT min(d.id) FROM decisions d JOIN evidence e ON e.trade = d.trade \
                      WHERE e.applied AND d.extra > 0 AND d.id > 20";
    let id = number(&db, with_extra).to_string();
    let hold = number(&db, "SELECT min(id) FROM decisions WHERE action = 'HOLD' AND id > 20").to_string();
    let blocked = text(&db, "SELECT strftime('%Y-%m-%dT%H:%M:%SZ', min(at) / 1000000, 'unixepoch') FROM blocked");
    assert_snapshot!("explain_extra", said(folder.path(), &["explain", &id, "--db", "run.db"]));
    assert_snapshot!("explain_hold", said(folder.path(), &["explain", &hold, "--db", "run.db"]));
    assert_snapshot!("explain_blocked", said(folder.path(), &["explain", "--at", &blocked, "--db", "run.db"]));
    assert_snapshot!("decisions", said(folder.path(), &["decisions", "--db", "run.db", "--last", "8"]));
    assert_snapshot!("blocked", said(folder.path(), &["decisions", "--db", "run.db", "--blocked", "--last", "6"]));
    for what in ["capital", "scalp", "updater", "confidence"] {
        assert_snapshot!(format!("stats_{what}"), said(folder.path(), &["stats", what, "--db", "run.db"]));
    }
    assert_snapshot!("stats_policy", said(folder.path(), &["stats", "policy", "--why-hold", "--db", "run.db"]));
}

#[test]
fn several_profiles_run_on_the_same_data_and_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    let profiles = ["--profile", "conservative", "--profile", "balanced", "--set", "SYNTHETIC_DAYS=15"];
    let made = json(folder.path(), &[&["backtest"][..], &profiles].concat());
    assert_eq!(made["data"], "same");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");

    // Each is what it is alone, and the stored ones compare the same.
    let stored = json(folder.path(), &[&["backtest", "--db", "run.db"][..], &profiles].concat());
    assert_eq!(stored, made);
    let mut compared = json(folder.path(), &["compare", "run.conservative.db", "run.balanced.db"]);
    for (place, profile) in ["conservative", "balanced"].into_iter().enumerate() {
        let alone = json(folder.path(), &["backtest", "--profile", profile, "--set", "SYNTHETIC_DAYS=15"]);
        assert_eq!(made["runs"][place]["run_id"], alone["run_id"]);
        assert_eq!(made["figures"][0]["values"][place], alone["gate"]["net"], "{profile}");
        compared["runs"][place]["label"] = Value::from(profile);
    }
    compared["against_first"][0]["run"] = Value::from("balanced");
    compared["against_first"][0]["first"] = Value::from("conservative");
    assert_eq!(compared, made);

    for (arguments, complaint) in [
        (&["--profile", "balanced", "--profile", "balanced"][..], "--profile balanced is named twice"),
        (&["--profile", "balanced", "--profile", "bold"], "--profile bold is not known"),
    ] {
        let ran = alavanca(folder.path(), &[&["backtest", "--db", "no.db"], arguments].concat());
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{arguments:?}");
        assert!(ran.err.contains(complaint), "{}", ran.err);
    }
    let ran = alavanca(folder.path(), &["config", "check", "--profile", "balanced", "--profile", "aggressive"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("--profile is named twice, balanced and aggressive"), "{}", ran.err);
    let stored =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(stored.into_iter().all(|name| !name.starts_with("no.")), "a refused comparison leaves nothing behind");
}
