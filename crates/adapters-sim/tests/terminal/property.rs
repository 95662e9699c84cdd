//! Whatever is sent: the exchange's books come out.

use alavanca_adapters_sim::terminal::Step;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::world::World;

/// One thing that somebody does.
#[derive(Clone, Debug)]
enum Deed {
    Tick(u8),
    Market { kind: i64, lots: i64, filling: i64, stop: i64, which: usize },
    Pending { kind: i64, lots: i64, away: i64 },
    Levels { which: usize, stop: i64 },
    Remove { which: usize },
    CloseBy { one: usize, two: usize },
    Manual { kind: i64, lots: i64 },
    Fault(usize),
}

const FAULTS: [&str; 8] = [
    r#"{"do":"placed","after_ms":4000}"#,
    r#"{"do":"placed","after_ms":2000,"dies":true}"#,
    r#"{"do":"partial","volume":1.0,"rest_ms":3000}"#,
    r#"{"do":"partial","volume":1.0}"#,
    r#"{"do":"crash","when":"after"}"#,
    r#"{"do":"retcode","code":10012,"executed":true}"#,
    r#"{"do":"commission_later","after_ms":5000}"#,
    r#"{"do":"slip","points":5}"#,
];

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        6 => (1..20_u8).prop_map(Deed::Tick),
        6 => (0..2_i64, 1..6_i64, 0..3_i64, -1..40_i64, 0..6_usize)
            .prop_map(|(kind, lots, filling, stop, which)| Deed::Market { kind, lots, filling, stop, which }),
        2 => (2..6_i64, 1..5_i64, 1..30_i64).prop_map(|(kind, lots, away)| Deed::Pending { kind, lots, away }),
        2 => (0..6_usize, -1..40_i64).prop_map(|(which, stop)| Deed::Levels { which, stop }),
        1 => (0..4_usize).prop_map(|which| Deed::Remove { which }),
        1 => (0..6_usize, 0..6_usize).prop_map(|(one, two)| Deed::CloseBy { one, two }),
        1 => (0..2_i64, 1..4_i64).prop_map(|(kind, lots)| Deed::Manual { kind, lots }),
        2 => (0..FAULTS.len()).prop_map(Deed::Fault),
    ]
}

/// Does it; whatever the terminal makes of it is fine.
fn attempt(world: &mut World, deed: &Deed, lot: f64, tick: f64) {
    let symbol = world.symbol.clone();
    let info = world.get(json!({ "call": "symbol_info_tick", "symbol": symbol }));
    let (bid, ask) = (info["bid"].as_f64().unwrap(), info["ask"].as_f64().unwrap());
    let near = |price: f64, ticks: i64| ((price / tick).round() + ticks as f64) * tick;
    let round = |price: f64| (price * 1e5).round() / 1e5;
    let level = |sign: i64, ticks: i64| {
        if ticks < 0 { 0.0 } else { round(near(if sign > 0 { bid } else { ask }, -sign * ticks)) }
    };
    let volume = |lots: i64| (lots as f64 * lot * 100.0).round() / 100.0;
    let positions = world.positions();
    let ticket = |which: usize| positions.get(which).map_or(json!(0), |position| position["ticket"].clone());
    let orders = world.orders();
    let request = match deed {
        Deed::Tick(count) => {
            for _ in 0..*count {
                world.tick();
            }
            return;
        }
        Deed::Market { kind, lots, filling, stop, which } => json!({
            "action": 1, "symbol": symbol, "volume": volume(*lots), "type": kind, "type_filling": filling,
            "sl": level(1 - 2 * kind, *stop), "magic": 11, "position": ticket(*which),
        }),
        Deed::Pending { kind, lots, away } => {
            let (sign, limit) = (1 - 2 * (kind % 2), *kind < 4);
            let touch = if sign > 0 { ask } else { bid };
            let price = round(near(touch, if limit { -sign * away } else { sign * away }));
            json!({
                "action": 5, "symbol": symbol, "volume": volume(*lots), "type": kind, "type_filling": 2, "price": price,
            })
        }
        Deed::Levels { which, stop } => {
            let sign = positions.get(*which).map_or(1, |position| 1 - 2 * position["type"].as_i64().unwrap());
            json!({ "action": 6, "symbol": symbol, "position": ticket(*which), "sl": level(sign, *stop) })
        }
        Deed::Remove { which } => {
            json!({ "action": 8, "order": orders.get(*which).map_or(json!(0), |order| order["ticket"].clone()) })
        }
        Deed::CloseBy { one, two } => json!({ "action": 10, "position": ticket(*one), "position_by": ticket(*two) }),
        Deed::Manual { kind, lots } => {
            let side = ["buy", "sell"][*kind as usize];
            world.get(json!({ "call": "manual", "symbol": symbol, "side": side, "volume": volume(*lots) }));
            return;
        }
        Deed::Fault(which) => {
            world.fault(serde_json::from_str(FAULTS[*which]).unwrap());
            return;
        }
    };
    let step = world.step(world.python, json!({ "call": "order_send", "request": request }));
    assert!(!matches!(step, Step::Wait { .. } | Step::Mute), "{step:?}");
}

fn holds(world: &mut World, mode: &str) {
    world.reconcile();
    let positions = world.positions();
    assert!(positions.iter().all(|position| position["volume"].as_f64().unwrap() > 0.0));
    if mode != "hedging" {
        assert!(positions.len() <= 1);
    }
    let books = world.books();
    let open = |naked: &&Value| naked["to_msc"].is_null();
    let naked = books["naked"]["intervals"].as_array().unwrap().iter().filter(open).count();
    let bare = positions.iter().filter(|position| position["sl"] == 0.0).count();
    assert_eq!(naked, bare, "a stretch is open exactly where a position has no stop");
    // What an order made is what it says that it filled.
    let deals = books["deals"].as_array().unwrap();
    let all = json!({ "call": "history_orders_get", "date_from": 0, "date_to": 4_000_000_000_u64 });
    let past = world.get(all).as_array().unwrap().clone();
    for order in past.iter().filter(|order| order["type"].as_i64().unwrap() < 8) {
        let number = |value: &Value| value.as_f64().unwrap();
        let filled = number(&order["volume_initial"]) - number(&order["volume_current"]);
        let made: f64 =
            deals.iter().filter(|deal| deal["order"] == order["ticket"]).map(|deal| number(&deal["volume"])).sum();
        assert!((filled - made).abs() < 1e-6, "{order}: {made}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn books_come_out(
        mode in 0..3_usize,
        thin in any::<bool>(),
        seed in 0..1_000_u64,
        deeds in proptest::collection::vec(deed(), 1..60),
    ) {
        let mode = ["netting", "exchange", "hedging"][mode];
        let seed = seed.to_string();
        let depth = if mode == "hedging" { "0.02" } else { "2" };
        let mut options = vec![("account", mode), ("seed", seed.as_str()), ("to", "11:00")];
        if thin {
            options.push(("depth", depth));
        }
        let mut world = World::new(&options);
        world.tick();
        let (lot, tick) = if mode == "hedging" { (0.01, 0.00001) } else { (1.0, 5.0) };
        for deed in &deeds {
            attempt(&mut world, deed, lot, tick);
            holds(&mut world, mode);
        }
        // To the end of the day: what waited has come or gone.
        world.get(json!({ "call": "advance", "ms": 7_200_000 }));
        holds(&mut world, mode);
    }
}
