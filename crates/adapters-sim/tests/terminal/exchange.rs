//! What the trade server does with orders, rule by rule.

use alavanca_adapters_sim::terminal::Step;
use serde_json::{Value, json};

use crate::world::World;

/// Bid and ask five points apart, the last trade at the bid.
const FLAT: [(&str, &str, &str); 4] = [("100000", "100005", "100000"); 4];

fn codes(answers: &[&Value]) -> Vec<u64> {
    answers.iter().map(|answer| answer["retcode"].as_u64().unwrap()).collect()
}

#[test]
fn netting_adds_take_the_newest_orders_levels_and_zeros_delete_them() {
    let mut world = World::on(&[], &FLAT);
    world.deal(0, 2.0, json!({ "sl": 99900.0, "tp": 100200.0, "magic": 7 }));
    for (own, sl, tp) in [
        (json!({ "sl": 99800.0, "tp": 100300.0, "magic": 8 }), 99800.0, 100300.0),
        (json!({ "sl": 99700.0 }), 99700.0, 0.0),
        (json!({}), 0.0, 0.0),
    ] {
        world.deal(0, 1.0, own.clone());
        let positions = world.positions();
        assert_eq!(positions.len(), 1);
        assert_eq!((&positions[0]["sl"], &positions[0]["tp"]), (&json!(sl), &json!(tp)), "{own}");
        assert_eq!(positions[0]["magic"], 7, "the opening order's");
    }
    assert_eq!(world.positions()[0]["volume"], 5.0);
    // What only takes away leaves the levels as they are.
    world.get(json!({ "call": "manual", "symbol": world.symbol, "sl": 99500.0 }));
    world.deal(1, 2.0, json!({}));
    assert_eq!((&world.positions()[0]["sl"], &world.positions()[0]["volume"]), (&json!(99500.0), &json!(3.0)));
}

#[test]
fn a_reversal_has_another_ticket_and_the_same_identifier() {
    let mut world = World::on(&[], &FLAT);
    world.deal(0, 1.0, json!({ "magic": 1 }));
    let before = world.positions()[0].clone();
    assert_eq!(codes(&[&world.deal(1, 3.0, json!({ "magic": 2, "sl": 100100.0 }))]), [10009]);
    let after = world.positions()[0].clone();
    assert_ne!(after["ticket"], before["ticket"]);
    assert_eq!(after["identifier"], before["identifier"]);
    assert_eq!((&after["type"], &after["volume"], &after["sl"]), (&json!(1), &json!(2.0), &json!(100100.0)));
    let deals = world.deals();
    assert_eq!(deals.iter().skip(1).map(|deal| deal["entry"].as_i64().unwrap()).collect::<Vec<_>>(), [0, 2]);
    // Bought at 100005, sold at 100000: five points of 0.20 for the one that was closed.
    assert_eq!(deals[2]["profit"], -1.0);
}

#[test]
fn a_late_fill_comes_with_its_time_and_is_told_to_the_adviser() {
    let mut world = World::on(&[], &FLAT);
    world.fault(json!({ "do": "placed", "after_ms": 2000 }));
    let answer = world.deal(0, 1.0, json!({ "magic": 5 }));
    assert_eq!(codes(&[&answer]), [10008]);
    assert_eq!(world.orders().len(), 1);
    world.tick();
    assert_eq!(world.positions().len(), 0);
    world.tick();
    assert_eq!((world.positions().len(), world.orders().len()), (1, 0));
    let told: Vec<i64> = world.transactions().iter().map(|told| told["type"].as_i64().unwrap()).collect();
    // Added, request answered, deal, deleted, in the history.
    assert_eq!(told, [0, 10, 6, 2, 3]);
    let books = world.books();
    assert_eq!((&books["sends"]["5"]["sends"], &books["sends"]["5"]["executed"]), (&json!(1), &json!(1)));
}

/// The retcode of each request, in turn, with what the account is set to.
#[test]
fn what_is_wrong_is_refused_with_its_code() {
    let b3 = |own: Value| {
        let mut request = json!({ "action": 1, "symbol": "WINJ26", "volume": 1.0, "type": 0, "type_filling": 1 });
        request.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
        request
    };
    let limit = |own: Value| {
        let mut request =
            json!({ "action": 5, "symbol": "WINJ26", "volume": 1.0, "type": 2, "type_filling": 2, "price": 99900.0 });
        request.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
        request
    };
    let cases: &[(&[(&str, &str)], Vec<(Value, u64)>)] = &[
        (
            &[],
            vec![
                (b3(json!({ "action": 99 })), 10013),
                (b3(json!({ "symbol": "PETR4" })), 10013),
                (b3(json!({ "type": 2 })), 10013),
                (b3(json!({ "symbol": "WIN$" })), 10017),
                (b3(json!({ "volume": 0.0 })), 10014),
                (b3(json!({ "volume": 1.5 })), 10014),
                (b3(json!({ "volume": 1001.0 })), 10014),
                (b3(json!({ "type_filling": 3 })), 10030),
                // A stop above the bid, off the grid, a target below.
                (b3(json!({ "sl": 100000.0 })), 10016),
                (b3(json!({ "sl": 99998.0 })), 10016),
                (b3(json!({ "tp": 100000.0 })), 10016),
                (b3(json!({ "type": 1, "sl": 99900.0 })), 10016),
                (b3(json!({ "volume": 101.0 })), 10019),
                (b3(json!({ "position": 4 })), 10036),
                (json!({ "action": 6, "symbol": "WINJ26", "sl": 99900.0 }), 10036),
                (json!({ "action": 8, "order": 4 }), 10035),
                (json!({ "action": 7, "order": 4, "price": 99900.0 }), 10035),
                (json!({ "action": 10, "position": 4, "position_by": 5 }), 10013),
                (limit(json!({ "price": 100005.0 })), 10015),
                (limit(json!({ "price": 99901.0 })), 10015),
                (limit(json!({ "type": 4 })), 10015),
                (limit(json!({ "type_filling": 1 })), 10030),
                (limit(json!({ "type_time": 2, "expiration": 5 })), 10022),
                (limit(json!({ "sl": 99900.0 })), 10016),
                (b3(json!({ "volume": 99.0, "sl": 99900.0 })), 10009),
                (json!({ "action": 6, "symbol": "WINJ26", "sl": 99900.0 }), 10025),
                (json!({ "action": 6, "symbol": "WINJ26", "sl": 100000.0 }), 10016),
                (json!({ "action": 6, "symbol": "WINJ26", "sl": 99900.0, "tp": 100300.0 }), 10009),
            ],
        ),
        (&[("limit-orders", "1")], vec![(limit(json!({})), 10009), (limit(json!({})), 10033)]),
        (
            &[("volume-limit", "3")],
            vec![(b3(json!({ "volume": 3.0 })), 10009), (b3(json!({})), 10034), (b3(json!({ "type": 1 })), 10009)],
        ),
        (
            &[("stops-level", "20")],
            vec![
                (b3(json!({ "sl": 99985.0 })), 10016),
                (b3(json!({ "sl": 99980.0 })), 10009),
                (limit(json!({ "price": 99990.0 })), 10015),
                (limit(json!({ "price": 99985.0 })), 10009),
            ],
        ),
        (
            &[("freeze-level", "10")],
            vec![
                (b3(json!({ "sl": 99990.0 })), 10009),
                (json!({ "action": 6, "symbol": "WINJ26", "sl": 99900.0 }), 10029),
            ],
        ),
        (
            &[("execution", "instant")],
            vec![
                (b3(json!({})), 10015),
                (b3(json!({ "price": 100000.0, "deviation": 4 })), 10004),
                (b3(json!({ "price": 100000.0, "deviation": 5 })), 10009),
            ],
        ),
        (&[("execution", "market")], vec![(b3(json!({ "type_filling": 2 })), 10030)]),
    ];
    for (options, requests) in cases {
        let mut world = World::on(options, &FLAT);
        for (request, retcode) in requests {
            // What is checked says the same as what is sent.
            let check = world.get(json!({ "call": "order_check", "request": request }));
            let expected = if *retcode == 10009 { 0 } else { *retcode };
            assert_eq!(check["retcode"], expected, "check {request} with {options:?}");
            let answer = world.send(request.clone());
            assert_eq!(answer["retcode"], *retcode, "{request} with {options:?}");
            assert_ne!(answer["comment"], "", "{request}");
        }
        world.reconcile();
    }
}

#[test]
fn switches_and_modes_refuse_with_their_code() {
    let mut world = World::on(&[], &FLAT);
    let symbol = world.symbol.clone();
    for (set, kind, retcode) in [
        (json!({ "trade_mode": 0 }), 0, 10017),
        (json!({ "trade_mode": 1 }), 1, 10042),
        (json!({ "trade_mode": 2 }), 0, 10043),
        (json!({ "trade_mode": 3 }), 0, 10044),
        (json!({ "trade_mode": 4, "trade_allowed": false }), 0, 10027),
        (json!({ "trade_allowed": true, "trade_expert": false }), 0, 10026),
        (json!({ "trade_expert": true, "connected": false }), 0, 10031),
        (json!({ "connected": true }), 0, 10009),
        (json!({ "trade_mode": 3 }), 1, 10009),
    ] {
        let mut call = json!({ "call": "set", "symbol": symbol });
        call.as_object_mut().unwrap().extend(set.as_object().unwrap().clone());
        world.get(call);
        assert_eq!(codes(&[&world.deal(kind, 1.0, json!({}))]), [retcode], "{set}");
    }
    world.get(json!({ "call": "set", "tradeapi_disabled": true }));
    let request = json!({ "action": 1, "symbol": symbol, "volume": 1.0, "type": 0, "type_filling": 1 });
    let python = world.ask(world.python, json!({ "call": "order_send", "request": request }));
    assert_eq!((&python["ok"], &python["error"]["code"]), (&Value::Null, &json!(-8)));
    world.get(json!({ "call": "set", "symbol": symbol, "trade_mode": 4 }));
    let adviser = world.ask(world.ea, json!({ "call": "order_send", "request": request }));
    assert_eq!(adviser["ok"]["retcode"], 10009, "only the package is shut out");
}

#[test]
fn malformed_requests_are_none_with_minus_two() {
    let mut world = World::on(&[], &FLAT);
    for request in [
        json!({}),
        json!(7),
        json!({ "action": 1, "volume": "1" }),
        json!({ "action": 1, "magic": -1 }),
        json!({ "action": 1, "colour": "red" }),
        json!({ "action": 1, "comment": "a comment that is by far too long to be one" }),
    ] {
        let answer = world.ask(world.python, json!({ "call": "order_send", "request": request }));
        assert_eq!((&answer["ok"], &answer["error"]["code"]), (&Value::Null, &json!(-2)), "{request}");
    }
    assert_eq!(world.books()["sends"], json!({}));
}

#[test]
fn a_market_without_prices_or_sessions_gives_none() {
    let crossed = [("100000", "99995", "100000"), ("0", "100005", "100000"), ("100000", "100005", "100000")];
    let mut world = World::on(&[], &crossed);
    for retcode in [10021, 10021, 10009] {
        assert_eq!(codes(&[&world.deal(0, 1.0, json!({}))]), [retcode]);
        world.tick();
    }
    // 2026-03-10 17:54:59 and 17:55:00.
    let rows = "2026.03.10\t17:54:59\t100000\t100005\t100000\t1\n2026.03.10\t17:55:00\t100000\t100005\t100000\t1";
    let mut world = World::new(&[("ticks", rows)]);
    world.tick();
    assert_eq!(codes(&[&world.deal(0, 1.0, json!({}))]), [10009]);
    world.tick();
    assert_eq!(codes(&[&world.deal(1, 1.0, json!({}))]), [10018]);
    let sltp = world.send(json!({ "action": 6, "symbol": "WINJ26", "sl": 99000.0 }));
    assert_eq!(codes(&[&sltp]), [10018]);
}

#[test]
fn fillings_do_what_they_say_where_the_book_is_thin() {
    for (filling, code, filled, rests) in [(0, 10006, 0.0, 0), (1, 10010, 2.0, 0), (2, 10010, 2.0, 1)] {
        let mut world = World::on(&[("depth", "2")], &FLAT);
        let answer = world.deal(0, 5.0, json!({ "type_filling": filling, "magic": 3, "sl": 99900.0 }));
        assert_eq!(codes(&[&answer]), [code], "filling {filling}");
        assert_eq!(answer["volume"], filled);
        assert_eq!(world.orders().len(), rests);
        world.tick();
        world.tick();
        let held = world.positions().first().map_or(json!(0.0), |position| position["volume"].clone());
        assert_eq!(held, if rests == 1 { json!(5.0) } else { json!(filled) }, "filling {filling}");
        let order = answer["order"].as_u64().unwrap();
        let deals = world.get(json!({ "call": "history_deals_get", "ticket": order }));
        assert_eq!(deals.as_array().unwrap().len(), [0, 1, 3][filling as usize], "deals of order {order}");
        let past = world.get(json!({ "call": "history_orders_get", "ticket": order }));
        assert_eq!(past[0]["state"], [2, 2, 4][filling as usize]);
        world.reconcile();
    }
}

#[test]
fn stops_and_targets_are_deals_at_the_touch() {
    // A long from 100005: the last trade falls to the stop, and the bid is beyond it; then a target.
    for (prices, reason, price, profit, comment) in [
        (("99890", "99895", "99900"), 4, 99890.0, -46.0, "[sl 99900]"),
        (("100210", "100215", "100205"), 5, 100210.0, 82.0, "[tp 100200]"),
    ] {
        let mut world = World::on(&[], &[FLAT[0], FLAT[0], prices]);
        world.deal(0, 2.0, json!({ "sl": 99900.0, "tp": 100200.0, "magic": 9 }));
        world.tick();
        assert_eq!(world.positions().len(), 1, "not touched yet");
        world.tick();
        assert_eq!(world.positions(), [] as [Value; 0]);
        let deal = world.deals().pop().unwrap();
        assert_eq!((&deal["reason"], &deal["price"], &deal["profit"]), (&json!(reason), &json!(price), &json!(profit)));
        assert_eq!((&deal["comment"], &deal["magic"], &deal["entry"]), (&json!(comment), &json!(9), &json!(1)));
        assert_eq!(world.books()["sends"]["9"]["volume"], 2.0, "what was sent, without what the stop made");
        world.reconcile();
    }
}

#[test]
fn a_stop_in_a_thin_book_makes_several_deals() {
    let low = ("99890", "99895", "99890");
    let mut world = World::on(&[("depth", "2")], &[FLAT[0], FLAT[0], low, low, low]);
    world.deal(0, 2.0, json!({ "sl": 99900.0, "magic": 9 }));
    world.tick();
    world.deal(0, 2.0, json!({ "sl": 99900.0, "magic": 9 }));
    for left in [2.0, 0.0] {
        world.tick();
        let held = world.positions().first().map_or(json!(0.0), |position| position["volume"].clone());
        assert_eq!(held, json!(left));
    }
    let deals = world.deals();
    let stops: Vec<&Value> = deals.iter().filter(|deal| deal["reason"] == 4).collect();
    assert_eq!(stops.len(), 2);
    assert_eq!(stops[0]["order"], stops[1]["order"]);
    world.reconcile();
}

#[test]
fn resting_orders_wait_for_their_price() {
    let prices = [FLAT[0], ("99895", "99900", "99895"), ("100095", "100100", "100100"), ("100050", "100055", "100050")];
    for (kind, price, stoplimit, place, at) in [
        // 2 and 3 wait for a better price, 4 and 5 for a worse one, 6 for a worse one and then for a better.
        (2, 99900.0, 0.0, 1, 99900.0),
        (3, 100095.0, 0.0, 2, 100095.0),
        (4, 100100.0, 0.0, 2, 100100.0),
        (5, 99895.0, 0.0, 1, 99895.0),
        (6, 100100.0, 100060.0, 3, 100055.0),
    ] {
        let mut world = World::on(&[], &prices);
        let request = json!({
            "action": 5, "symbol": world.symbol, "volume": 1.0, "type": kind, "type_filling": 2, "price": price,
            "stoplimit": stoplimit,
        });
        assert_eq!(codes(&[&world.send(request)]), [10009], "kind {kind}");
        for tick in 1..prices.len() {
            world.tick();
            assert_eq!(world.positions().len(), usize::from(tick >= place), "kind {kind} at tick {tick}");
        }
        assert_eq!(world.positions()[0]["price_open"], at, "kind {kind}");
        assert_eq!(world.orders().len(), 0);
    }
}

#[test]
fn a_resting_order_moves_goes_and_expires() {
    let mut world = World::on(&[], &FLAT);
    let place = |time: i64| {
        json!({
            "action": 5, "symbol": "WINJ26", "volume": 1.0, "type": 2, "type_filling": 2, "price": 99900.0,
            "type_time": 2, "expiration": time,
        })
    };
    let now = world.get(json!({ "call": "clock" }))["server_msc"].as_i64().unwrap() / 1_000;
    let ticket = world.send(place(now + 1_000))["order"].clone();
    let moved = json!({ "action": 7, "order": ticket, "price": 99800.0, "type_time": 2, "expiration": now + 1_000 });
    assert_eq!(codes(&[&world.send(moved.clone()), &world.send(moved)]), [10009, 10025]);
    assert_eq!(world.orders()[0]["price_open"], 99800.0);
    assert_eq!(codes(&[&world.send(json!({ "action": 8, "order": ticket }))]), [10009]);
    let past = world.get(json!({ "call": "history_orders_get", "ticket": ticket }));
    assert_eq!(past[0]["state"], 2);
    let ticket = world.send(place(now + 2))["order"].clone();
    world.tick();
    assert_eq!(world.orders().len(), 1);
    world.tick();
    let past = world.get(json!({ "call": "history_orders_get", "ticket": ticket }));
    assert_eq!(past[0]["state"], 6);
}

#[test]
fn a_late_close_of_what_is_closed_opens_the_reverse_on_netting() {
    let mut world = World::on(&[], &FLAT);
    world.deal(0, 1.0, json!({}));
    world.fault(json!({ "do": "placed", "after_ms": 1000 }));
    world.deal(1, 1.0, json!({}));
    world.get(json!({ "call": "manual", "symbol": world.symbol, "close": true }));
    assert_eq!(world.positions().len(), 0);
    world.tick();
    assert_eq!(world.positions()[0]["type"], 1, "sold, with nothing to sell");
    world.reconcile();
}

const EURUSD: [(&str, &str, &str); 3] = [("1.08500", "1.08501", ""); 3];

#[test]
fn hedging_keeps_a_position_for_each_order() {
    let mut world = World::on(&[("account", "hedging")], &EURUSD);
    let first = world.deal(0, 0.3, json!({ "magic": 1, "sl": 1.08 }))["order"].clone();
    let second = world.deal(1, 0.2, json!({ "magic": 2 }))["order"].clone();
    assert_eq!(world.positions().len(), 2);
    assert_eq!(world.positions()[0]["ticket"], first);
    let close = |position: &Value, kind: i64, volume: f64| {
        json!({
            "action": 1, "symbol": "EURUSD", "volume": volume, "type": kind, "type_filling": 1, "position": position,
        })
    };
    let answers = [
        (close(&first, 0, 0.1), 10013),
        (close(&first, 1, 0.4), 10038),
        (close(&first, 1, 0.1), 10009),
        (close(&second, 0, 0.2), 10009),
        (close(&second, 0, 0.2), 10036),
    ];
    for (request, retcode) in answers {
        assert_eq!(codes(&[&world.send(request.clone())]), [retcode], "{request}");
    }
    let left = world.positions();
    assert_eq!((left.len(), &left[0]["volume"], &left[0]["sl"]), (1, &json!(0.2), &json!(1.08)));
    // Each closed a tick below or above where it began: 0.1 and 0.2 lots of a dollar a tick.
    let profits: Vec<f64> = world.deals().iter().skip(3).map(|deal| deal["profit"].as_f64().unwrap()).collect();
    assert_eq!(profits, [-0.1, -0.2]);
    world.reconcile();
    // A close that is on its way stands in the way of another.
    world.fault(json!({ "do": "placed", "after_ms": 1000 }));
    assert_eq!(codes(&[&world.send(close(&first, 1, 0.2)), &world.send(close(&first, 1, 0.2))]), [10008, 10039]);
    world.tick();
    assert_eq!(world.positions().len(), 0);
}

#[test]
fn close_by_makes_two_deals_and_frees_the_rest() {
    let mut world = World::on(&[("account", "hedging")], &EURUSD);
    let bought = world.deal(0, 0.3, json!({}))["order"].clone();
    let sold = world.deal(1, 0.2, json!({}))["order"].clone();
    let other = world.deal(1, 0.1, json!({}))["order"].clone();
    let by = |one: &Value, two: &Value| json!({ "action": 10, "position": one, "position_by": two, "magic": 44 });
    assert_eq!(codes(&[&world.send(by(&sold, &other)), &world.send(by(&bought, &sold))]), [10013, 10009]);
    let deals = world.deals();
    let by: Vec<_> = deals.iter().filter(|deal| deal["entry"] == 3).collect();
    assert_eq!(by.len(), 2);
    // The spread of a tick on 0.2 lots.
    assert_eq!((&by[0]["profit"], &by[1]["profit"]), (&json!(-0.2), &json!(0.0)));
    assert_eq!(world.positions().len(), 2);
    world.reconcile();
}

#[test]
fn rules_of_brokers_refuse_hedges_and_queue_jumpers() {
    let mut world = World::on(&[("account", "hedging"), ("hedge-prohibited", "true"), ("fifo", "true")], &EURUSD);
    let first = world.deal(0, 0.1, json!({}))["order"].clone();
    let second = world.deal(0, 0.1, json!({}))["order"].clone();
    assert_eq!(codes(&[&world.deal(1, 0.1, json!({}))]), [10046]);
    assert_eq!(codes(&[&world.deal(1, 0.1, json!({ "position": second }))]), [10045]);
    assert_eq!(codes(&[&world.deal(1, 0.1, json!({ "position": first }))]), [10009]);
    let mut world = World::on(&[("account", "hedging"), ("limit-positions", "1")], &EURUSD);
    let first = world.deal(0, 0.1, json!({}))["order"].clone();
    assert_eq!(codes(&[&world.deal(0, 0.1, json!({}))]), [10040]);
    assert_eq!(codes(&[&world.deal(1, 0.1, json!({ "position": first }))]), [10009]);
}

#[test]
fn margin_is_what_the_broker_binds() {
    let mut world = World::on(&[], &FLAT);
    let calc =
        json!({ "call": "order_calc_margin", "action": 0, "symbol": "WINJ26", "volume": 3.0, "price": 100000.0 });
    assert_eq!(world.get(calc), 300.0);
    world.deal(0, 3.0, json!({}));
    let account = world.get(json!({ "call": "account_info" }));
    // Bought five points above where it could be sold; a fee of 0.25 for each.
    assert_eq!(
        (&account["balance"], &account["equity"], &account["margin"]),
        (&json!(9999.25), &json!(9996.25), &json!(300.0))
    );
    assert_eq!(account["margin_free"], 9696.25);
    assert_eq!(account["margin_level"], 9996.25 / 300.0 * 100.0);
    world.deal(1, 5.0, json!({}));
    assert_eq!(world.get(json!({ "call": "account_info" }))["margin"], 200.0);

    let mut world = World::on(&[("account", "hedging")], &EURUSD);
    let calc = json!({ "call": "order_calc_margin", "action": 0, "symbol": "EURUSD", "volume": 0.3, "price": 1.085 });
    assert_eq!(world.get(calc), 325.5, "a hundredth of 0.3 × 100000 × 1.085");
    world.deal(0, 0.3, json!({}));
    world.deal(1, 0.2, json!({}));
    assert_eq!(world.get(json!({ "call": "account_info" }))["margin"], 325.5, "what is covered counts once");
    let profit = json!({
        "call": "order_calc_profit", "action": 1, "symbol": "EURUSD", "volume": 0.3, "price_open": 1.085,
        "price_close": 1.084,
    });
    assert_eq!(world.get(profit), 30.0);
}

#[test]
fn an_account_that_cannot_carry_its_loss_is_stopped_out() {
    let fall = ("98000", "98005", "98000");
    let mut world = World::on(&[("balance", "1000")], &[FLAT[0], ("99800", "99805", "99800"), fall]);
    world.deal(0, 9.0, json!({}));
    world.tick();
    assert_eq!(world.positions().len(), 1);
    world.tick();
    assert_eq!(world.positions().len(), 0);
    let deal = world.deals().pop().unwrap();
    assert_eq!((&deal["reason"], &deal["comment"]), (&json!(6), &json!("[so]")));
    world.reconcile();
}

#[test]
fn nights_reset_stops_at_exchanges_and_charge_swap_in_forex() {
    let two_days = |bid: &str, ask: &str| {
        ["10T10:00:00", "11T10:00:00", "12T10:00:00"]
            .map(|at| format!("2026.03.{}\t{bid}\t{ask}\t{bid}\t1", at.replace('T', "\t")))
            .join("\n")
    };
    for (account, sl) in [("exchange", 0.0), ("netting", 99900.0)] {
        let mut world = World::new(&[("account", account), ("ticks", &two_days("100000", "100005"))]);
        world.tick();
        world.deal(0, 1.0, json!({ "sl": 99900.0 }));
        world.tick();
        assert_eq!(world.positions()[0]["sl"], sl, "{account}");
    }
    let mut world = World::new(&[("account", "hedging"), ("ticks", &two_days("1.08500", "1.08501"))]);
    world.tick();
    let ticket = world.deal(0, 0.3, json!({}))["order"].clone();
    world.tick();
    // Tuesday's night: −7 points on 0.3 lots of a dollar a point; Wednesday's counts three times.
    assert_eq!(world.positions()[0]["swap"], -2.1);
    world.tick();
    assert_eq!(world.positions()[0]["swap"], -8.4);
    world.deal(1, 0.1, json!({ "position": ticket }));
    assert_eq!(world.deals().pop().unwrap()["swap"], -2.8);
    assert_eq!(world.positions()[0]["swap"], -5.6);
    world.reconcile();
}

#[test]
fn rounding_loses_nothing_over_a_position() {
    // Two at 100005 and one at 100010 are 100006⅔ on average: what a deal rounds away comes with the next.
    let mut world = World::on(&[], &[FLAT[0], ("100005", "100010", "100005"), ("100005", "100010", "100005")]);
    world.deal(0, 2.0, json!({}));
    world.tick();
    world.deal(0, 1.0, json!({}));
    for _ in 0..3 {
        world.deal(1, 1.0, json!({}));
    }
    let profits: f64 = world.deals().iter().skip(1).map(|deal| deal["profit"].as_f64().unwrap()).sum();
    // 3 × 100005 − 2 × 100005 − 100010 = −5 points.
    assert!((profits + 1.0).abs() < 1e-9, "{profits}");
    world.reconcile();
}

#[test]
fn the_statement_knows_stretches_without_a_stop() {
    let mut world = World::on(&[], &[FLAT[0]; 9]);
    world.deal(0, 1.0, json!({}));
    world.tick();
    world.tick();
    let stop = json!({ "action": 6, "symbol": "WINJ26", "sl": 99900.0 });
    world.send(stop.clone());
    world.tick();
    world.fault(json!({ "do": "remove_stops", "symbol": "WINJ26", "at": "10:00:04" }));
    world.tick();
    assert_eq!(world.positions()[0]["sl"], 0.0);
    world.tick();
    world.send(stop);
    // Set within the same millisecond: no stretch.
    world.deal(1, 1.0, json!({}));
    world.deal(0, 1.0, json!({}));
    world.send(json!({ "action": 6, "symbol": "WINJ26", "sl": 99800.0 }));
    let naked = world.books()["naked"].clone();
    assert_eq!(naked["by_symbol"]["WINJ26"], json!({ "total_ms": 3000, "longest_ms": 2000 }));
    let stretches: Vec<_> = naked["intervals"].as_array().unwrap().iter().map(|each| each["ms"].clone()).collect();
    assert_eq!(stretches, [2000, 1000]);
}

#[test]
fn a_pulled_market_keeps_to_the_clock_in_need() {
    for (clocked, passed) in [("true", [0, 400, 1_000]), ("false", [1_000, 2_000, 3_000])] {
        let mut world = World::on(&[("clocked-in-need", clocked)], &[FLAT[0]; 9]);
        world.terminal.real_time(5_000);
        let begin = world.terminal.server_ms();
        world.deal(0, 1.0, json!({}));
        let mut went = Vec::new();
        for real in [5_000, 5_400, 6_100] {
            world.terminal.real_time(real);
            world.tick();
            went.push(world.terminal.server_ms() - begin);
        }
        assert_eq!(went, passed, "clocked: {clocked}");
        // With a stop each poll is a tick again,
        let before = world.terminal.server_ms();
        world.send(json!({ "action": 6, "symbol": "WINJ26", "sl": 99900.0 }));
        world.tick();
        assert_eq!(world.terminal.server_ms() - before, 1_000);
        // but not while the terminal hangs.
        world.fault(json!({ "do": "hang", "ms": 700, "when": "before" }));
        let order = json!({ "call": "order_send", "request": { "action": 6, "symbol": "WINJ26", "sl": 99800.0 } });
        let hangs = world.step(world.python, order.clone());
        assert!(matches!(hangs, Step::Wait { ms: 700, .. }), "{hangs:?}");
        world.terminal.real_time(6_500);
        world.tick();
        let step = if clocked == "true" { 400 } else { 1_000 };
        assert_eq!(world.terminal.server_ms() - before, 1_000 + step, "clocked: {clocked}");
        world.terminal.resume(world.python, &order);
        world.tick();
        assert_eq!(world.positions()[0]["sl"], 99800.0);
    }
}

#[test]
fn stops_at_an_exchange_are_seen_by_the_last_trade_alone() {
    let (wide, traded) = (("99890", "100005", "99905"), ("99890", "100005", "99900"));
    let mut world = World::on(&[], &[FLAT[0], wide, traded]);
    world.deal(0, 1.0, json!({ "sl": 99900.0 }));
    world.tick();
    assert_eq!(world.positions().len(), 1, "the bid alone touches nothing");
    world.tick();
    assert_eq!(world.positions().len(), 0);
    // In forex there is no last trade: the side that would close sees it.
    let mut world = World::on(&[("account", "hedging")], &[EURUSD[0], ("1.08499", "1.08505", "")]);
    world.deal(1, 0.1, json!({ "sl": 1.08505 }));
    world.deal(0, 0.1, json!({ "sl": 1.08490 }));
    world.tick();
    let left = world.positions();
    assert_eq!((left.len(), &left[0]["type"]), (1, &json!(0)));
}

#[test]
fn what_is_left_of_a_limit_waits_for_its_price_again() {
    let (low, high) = (("99895", "99900", "99895"), ("99900", "99905", "99905"));
    let mut world = World::on(&[("depth", "1")], &[FLAT[0], low, high, low]);
    world.send(json!({
        "action": 5, "symbol": "WINJ26", "volume": 2.0, "type": 2, "type_filling": 2, "price": 99900.0,
    }));
    for held in [1.0, 1.0, 2.0] {
        world.tick();
        assert_eq!(world.positions()[0]["volume"], held);
    }
    assert_eq!(world.positions()[0]["price_open"], 99900.0);
    assert_eq!(world.orders().len(), 0);
}
