//! Every fault, by its effect.

use alavanca_adapters_sim::terminal::Step;
use serde_json::{Value, json};

use crate::world::World;

const FLAT: [(&str, &str, &str); 9] = [("100000", "100005", "100000"); 9];

fn buy(magic: u64) -> Value {
    let request = json!({
        "action": 1, "symbol": "WINJ26", "volume": 4.0, "type": 0, "type_filling": 1, "magic": magic, "sl": 99900.0,
        "comment": "mine",
    });
    json!({ "id": 1, "call": "order_send", "request": request })
}

/// What a buy of four comes to under a fault: the answer, and what is held right after.
fn under(fault: Value) -> (World, Step, f64) {
    let mut world = World::on(&[], &FLAT);
    world.fault(fault);
    let mut step = world.step(world.python, buy(7));
    if let Step::Wait { ms, call, .. } = step {
        assert_eq!(ms, 5_000);
        assert_eq!(world.positions().len(), 0, "nothing is done before the wait is over");
        step = world.terminal.resume(world.python, &call);
    }
    let held = world.positions().first().map_or(0.0, |position| position["volume"].as_f64().unwrap());
    (world, step, held)
}

#[test]
fn calls_hang_break_and_lie() {
    for (fault, expected, held) in [
        (json!({ "do": "hang", "ms": 5000 }), "10009", 4.0),
        (json!({ "do": "hang", "ms": 5000, "executed": false }), "10006", 0.0),
        (json!({ "do": "hang", "ms": 7000, "when": "after" }), "10009 after 7000", 4.0),
        (json!({ "do": "crash" }), "break", 0.0),
        (json!({ "do": "crash", "when": "after" }), "break", 4.0),
        (json!({ "do": "mute" }), "mute", 4.0),
        (json!({ "do": "mute", "executed": false }), "mute", 0.0),
        (json!({ "do": "retcode", "code": 10012, "executed": true }), "10012", 4.0),
        (json!({ "do": "retcode", "code": 10031 }), "10031", 0.0),
        (json!({ "do": "retcode", "code": 10011, "executed": true }), "10011", 4.0),
        (json!({ "do": "requote" }), "10004", 0.0),
        (json!({ "do": "none", "error": -10005, "executed": true }), "none -10005", 4.0),
        (json!({ "do": "none", "error": -10004 }), "none -10004", 0.0),
        (json!({ "do": "placed", "after_ms": 500 }), "10008", 0.0),
        (json!({ "do": "partial", "volume": 1.0 }), "10010", 1.0),
    ] {
        let (mut world, step, got) = under(fault.clone());
        let told = match step {
            Step::Answer { after_ms, line } if line["ok"].is_null() => {
                format!("none {} {after_ms}", line["error"]["code"])
            }
            Step::Answer { after_ms, line } => format!("{} after {after_ms}", line["ok"]["retcode"]),
            Step::Break => "break".to_owned(),
            Step::Mute => "mute".to_owned(),
            other => panic!("{other:?}"),
        };
        let told = told.trim_end_matches(" after 0").trim_end_matches(" 0");
        assert_eq!((told, got), (expected, held), "{fault}");
        let sends = world.books()["sends"]["7"].clone();
        assert_eq!(sends["calls"], 1, "{fault}");
        assert_eq!(sends["executed"], u64::from(got > 0.0 || expected == "10008"), "{fault}");
        // The next one is untouched.
        world.tick();
        let answer = world.ask(world.python, buy(8));
        assert_eq!(answer["ok"]["retcode"], 10009, "{fault}");
        world.reconcile();
    }
}

#[test]
fn orders_bend() {
    let (mut world, step, _) = under(json!({ "do": "partial", "volume": 1.0, "rest_ms": 1500 }));
    assert!(matches!(&step, Step::Answer { line, .. } if line["ok"]["volume"] == 1.0), "{step:?}");
    assert_eq!((world.orders().len(), &world.orders()[0]["state"]), (1, &json!(3)));
    world.tick();
    world.tick();
    assert_eq!((&world.positions()[0]["volume"], world.orders().len()), (&json!(4.0), 0));
    assert_eq!(world.deals().len(), 3);

    let (mut world, ..) = under(json!({ "do": "placed", "after_ms": 500, "dies": true }));
    world.tick();
    assert_eq!((world.positions().len(), world.orders().len()), (0, 0));

    let (mut world, ..) = under(json!({ "do": "comment", "text": "broker" }));
    assert_eq!((&world.positions()[0]["comment"], &world.deals()[1]["comment"]), (&json!("broker"), &json!("broker")));
    assert_eq!(world.positions()[0]["magic"], 7);

    let (mut world, ..) = under(json!({ "do": "drop_stops" }));
    assert_eq!(world.positions()[0]["sl"], 0.0);
    world.tick();
    assert_eq!(world.books()["naked"]["by_symbol"]["WINJ26"]["total_ms"], 1000);

    let (mut world, ..) = under(json!({ "do": "slip", "points": 10 }));
    assert_eq!(world.positions()[0]["price_open"], 100015.0);

    let (_, step, _) = under(json!({ "do": "bare" }));
    let Step::Answer { line, .. } = step else { panic!("{step:?}") };
    assert_eq!(
        (&line["ok"]["retcode"], &line["ok"]["deal"], &line["ok"]["price"]),
        (&json!(10009), &json!(0), &json!(0.0))
    );

    let (mut world, ..) = under(json!({ "do": "late_deal", "looks": 2 }));
    let seen: Vec<usize> = (0..3).map(|_| world.deals().len()).collect();
    assert_eq!(seen, [1, 1, 2]);

    let (mut world, ..) = under(json!({ "do": "commission_later", "after_ms": 1000 }));
    assert_eq!(world.deals()[1]["fee"], 0.0);
    world.tick();
    let deals = world.deals();
    assert_eq!((&deals[2]["type"], &deals[2]["commission"], &deals[2]["magic"]), (&json!(7), &json!(-1.0), &json!(7)));
    world.reconcile();
}

#[test]
fn transactions_come_twice_and_in_another_order() {
    let told = |fault: Option<Value>, shuffles: &str| {
        let mut world = World::on(&[("shuffles", shuffles)], &FLAT);
        if let Some(fault) = fault {
            world.fault(fault);
        }
        world.ask(world.python, buy(7));
        let of = |told: &Value| told["type"].as_i64().unwrap();
        world.transactions().iter().map(of).collect::<Vec<i64>>()
    };
    // Added, deal, deleted, in the history, request answered.
    assert_eq!(told(None, "false"), [0, 6, 2, 3, 10]);
    assert_eq!(told(Some(json!({ "do": "duplicate", "copies": 1 })), "false"), [0, 0, 6, 6, 2, 2, 3, 3, 10, 10]);
    let mut shuffled = told(None, "true");
    assert_ne!(shuffled, [0, 6, 2, 3, 10]);
    shuffled.sort_unstable();
    assert_eq!(shuffled, [0, 2, 3, 6, 10]);
}

#[test]
fn what_a_terminal_without_connection_shows_is_old() {
    let mut world = World::on(&[], &FLAT);
    world.ask(world.python, buy(7));
    world.fault(json!({ "do": "disconnected", "for_ms": 3000, "at": "10:00:01" }));
    let quiet = |world: &mut World| world.get(json!({ "call": "terminal_info" }))["connected"] == false;
    assert!(!quiet(&mut world));
    world.tick();
    assert!(quiet(&mut world));
    // The server goes on: the user reduces by telephone, the terminal does not see it.
    world.get(json!({ "call": "manual", "symbol": "WINJ26", "side": "sell", "volume": 1.0 }));
    let answer = world.ask(world.python, buy(8));
    assert_eq!(answer["ok"]["retcode"], 10031);
    world.tick();
    assert_eq!(world.positions()[0]["volume"], 4.0);
    assert_eq!(world.deals().len(), 2);
    let time = world.get(json!({ "call": "symbol_info_tick", "symbol": "WINJ26" }))["time"].clone();
    world.tick();
    assert_eq!(world.get(json!({ "call": "symbol_info_tick", "symbol": "WINJ26" }))["time"], time);
    world.tick();
    assert!(!quiet(&mut world), "it comes back by itself");
    assert_eq!(world.positions()[0]["volume"], 3.0);
    assert_ne!(world.get(json!({ "call": "symbol_info_tick", "symbol": "WINJ26" }))["time"], time);
    assert_eq!(world.books()["sends"]["8"]["sends"], 0);
    world.reconcile();
}

#[test]
fn the_user_and_the_broker_meddle() {
    let mut world = World::on(&[], &FLAT);
    world
        .terminal
        .script(
            r#"{"faults":[
                {"do":"manual","symbol":"WINJ26","side":"buy","volume":2,"at":"10:00:01"},
                {"do":"manual","symbol":"WINJ26","sl":99500,"tp":100500,"at":"10:00:02"},
                {"do":"remove_stops","symbol":"WINJ26","at":"10:00:03"},
                {"do":"manual","symbol":"WINJ26","side":"sell","volume":7,"sl":100200,"at":"10:00:04"},
                {"do":"manual","symbol":"WINJ26","close":true,"at":"10:00:05"},
                {"do":"autotrading_off","for_ms":1000,"at":"10:00:06"}
            ]}"#,
        )
        .unwrap();
    world.ask(world.python, buy(7));
    let mut held = Vec::new();
    for _ in 1..=5 {
        world.tick();
        held.push(world.positions().first().map_or("flat".to_owned(), |position| {
            format!("{} {} {} {}", position["type"], position["volume"], position["sl"], position["tp"])
        }));
    }
    assert_eq!(held, ["0 6.0 0.0 0.0", "0 6.0 99500.0 100500.0", "0 6.0 0.0 0.0", "1 1.0 100200.0 0.0", "flat"]);
    assert!(world.deals().iter().skip(2).all(|deal| deal["reason"] == 0 && deal["magic"] == 0));
    world.tick();
    assert_eq!(world.ask(world.python, buy(8))["ok"]["retcode"], 10027);
    world.tick();
    assert_eq!(world.ask(world.python, buy(8))["ok"]["retcode"], 10009);
    assert_eq!(world.books()["faults"].as_array().unwrap().len(), 6);
    world.reconcile();
}

#[test]
fn other_calls_fail_too() {
    let mut world = World::on(&[], &FLAT);
    world.ask(world.python, buy(7));
    world.fault(json!({ "on": "positions_get", "do": "none", "error": -10005 }));
    world.fault(json!({ "on": "history_deals_get", "do": "empty", "times": 2 }));
    world.fault(json!({ "on": "attach", "client": "python", "do": "login", "login": 99 }));
    let python = world.python;
    let mut ask = |call: Value| world.ask(python, call);
    let failed = ask(json!({ "call": "positions_get" }));
    assert_eq!((&failed["ok"], &failed["error"]["code"]), (&Value::Null, &json!(-10005)));
    assert_eq!(ask(json!({ "call": "positions_get" }))["ok"].as_array().unwrap().len(), 1);
    let all = json!({ "call": "history_deals_get", "date_from": 0, "date_to": 4_000_000_000_u64 });
    let seen: Vec<usize> = (0..3).map(|_| ask(all.clone())["ok"].as_array().unwrap().len()).collect();
    assert_eq!(seen, [0, 0, 2]);
    ask(json!({ "call": "attach", "as": "driver", "name": "x" }));
    assert_eq!(ask(json!({ "call": "account_info" }))["ok"]["login"], 1_000_001);
    ask(json!({ "call": "attach", "as": "python", "name": "x" }));
    assert_eq!(ask(json!({ "call": "account_info" }))["ok"]["login"], 99);
}

#[test]
fn faults_know_their_call() {
    for (when, hit) in [
        (json!({}), vec![1]),
        (json!({ "nth": 3 }), vec![3]),
        (json!({ "every": 2 }), vec![2, 4, 6]),
        (json!({ "always": true, "times": 2 }), vec![1, 2]),
        (json!({ "magic": 5 }), vec![5]),
        (json!({ "of_symbol": "WDOJ26" }), vec![]),
        (json!({ "action": 6 }), vec![]),
        (json!({ "client": "ea" }), vec![]),
        (json!({ "at": "10:00:03" }), vec![4]),
        (json!({ "on": "any", "nth": 2 }), vec![1]),
        (json!({ "rate": 1.0 }), vec![1, 2, 3, 4, 5, 6]),
        (json!({ "rate": 0.0 }), vec![]),
    ] {
        let mut world = World::on(&[], &FLAT);
        let mut fault = json!({ "do": "requote" });
        fault.as_object_mut().unwrap().extend(when.as_object().unwrap().clone());
        world.fault(fault);
        if when["on"] == "any" {
            world.ask(world.ea, json!({ "call": "positions_get" }));
        }
        let mut got = Vec::new();
        for number in 1..=6 {
            if world.ask(world.python, buy(number))["ok"]["retcode"] == 10004 {
                got.push(number);
            }
            world.tick();
        }
        assert_eq!(got, hit, "{when}");
    }
    let mut world = World::on(&[], &FLAT);
    for wrong in [json!({ "do": "explode" }), json!({ "do": "requote", "nht": 3 }), json!({ "do": "hang" }), json!({})]
    {
        let mut fault = wrong.clone();
        fault["call"] = "fault".into();
        let answer = world.ask(world.python, fault);
        assert_eq!(answer["error"]["code"], -2, "{wrong}");
        assert!(world.terminal.script(&json!({ "faults": [wrong] }).to_string()).is_err());
    }
}

#[test]
fn a_seed_draws_every_kind_and_the_same_again() {
    let drawn = |seed| {
        let mut world = World::on(&[("balance", "1000000")], &vec![FLAT[0]; 400]);
        world.terminal.draw(seed, 0.5);
        for magic in 1..400 {
            let mut request = buy(magic);
            request["request"]["type"] = json!(magic % 2);
            request["request"]["sl"] = json!(0.0);
            if let Step::Wait { call, .. } = world.step(world.python, request) {
                world.terminal.resume(world.python, &call);
            }
            world.tick();
        }
        world.reconcile();
        let books = world.books();
        assert_eq!(books["called_more_than_once"], json!([]));
        let faults = books["faults"].as_array().unwrap().clone();
        faults.iter().map(|fault| fault["what"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let first = drawn(1);
    let kinds: std::collections::BTreeSet<&String> = first.iter().collect();
    assert_eq!(kinds.len(), 12, "{kinds:?}");
    assert!((100..300).contains(&first.len()), "{}", first.len());
    assert_eq!(drawn(1), first);
    assert_ne!(drawn(2), first);
}
