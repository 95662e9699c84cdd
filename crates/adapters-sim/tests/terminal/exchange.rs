//! What the trade server does with orders, rule by rule.

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
