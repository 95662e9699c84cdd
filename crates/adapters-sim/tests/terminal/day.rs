//! The market's day: its clock, its sessions, its past.

use serde_json::{Value, json};

use crate::world::World;

const HOUR: i64 = 3_600_000;

/// The first tick's time of the day, in milliseconds, and how far the server's clock is ahead of UTC.
fn first(options: &[(&str, &str)]) -> (i64, i64) {
    let mut world = World::new(options);
    world.tick();
    let clock = world.get(json!({ "call": "clock" }));
    let server = clock["server_msc"].as_i64().unwrap();
    (server.rem_euclid(24 * HOUR), server - clock["utc_msc"].as_i64().unwrap())
}

#[test]
fn days_begin_by_the_markets_calendar_on_the_servers_clock() {
    for (options, begins, ahead) in [
        (vec![], 9 * HOUR, -3 * HOUR),
        (vec![("from", "11:00")], 11 * HOUR, -3 * HOUR),
        (vec![("symbols", "WDO")], 9 * HOUR, -3 * HOUR),
        // Ash Wednesday begins at 13:00.
        (vec![("day", "2026-02-18")], 13 * HOUR, -3 * HOUR),
        (vec![("account", "hedging")], 9 * HOUR, 2 * HOUR),
        (vec![("account", "hedging"), ("day", "2026-07-14")], 9 * HOUR, 3 * HOUR),
        (vec![("server-zone", "UTC")], 12 * HOUR, 0),
        // A clock that is wrong is wrong in its ticks; what it makes of them is right.
        (vec![("clock-skew-ms", "1500")], 9 * HOUR + 1_500, -3 * HOUR + 1_500),
    ] {
        assert_eq!(first(&options), (begins, ahead), "{options:?}");
    }
}

#[test]
fn contracts_are_those_of_the_day() {
    for (day, current, next) in
        [("2026-02-13", "WING26", "WINJ26"), ("2026-03-10", "WINJ26", "WINM26"), ("2026-12-10", "WINZ26", "WING27")]
    {
        let mut world = World::new(&[("day", day)]);
        let symbols = world.get(json!({ "call": "symbols_get", "group": "WIN*,!*$*" }));
        let names: Vec<&Value> = symbols.as_array().unwrap().iter().map(|symbol| &symbol["name"]).collect();
        assert_eq!(names, [current, next], "{day}");
        let expires = symbols[0]["expiration_time"].as_i64().unwrap();
        let now = world.get(json!({ "call": "clock" }))["server_msc"].as_i64().unwrap() / 1_000;
        assert!(expires > now && expires < now + 70 * 86_400, "{day}: {expires}");
    }
    let mut world = World::new(&[]);
    let of = |world: &mut World, symbol: &str| world.get(json!({ "call": "symbol_info", "symbol": symbol }));
    let win = of(&mut world, "WINJ26");
    let facts =
        ["digits", "point", "trade_tick_size", "trade_tick_value", "volume_step", "trade_mode", "trade_exemode"];
    let shown = |info: &Value| facts.map(|fact| info[fact].as_f64().unwrap().to_string());
    assert_eq!(shown(&win), ["0", "1", "5", "1", "1", "4", "3"]);
    assert_eq!(shown(&of(&mut world, "WDOJ26")), ["3", "0.001", "0.5", "5", "1", "4", "3"]);
    assert_eq!(of(&mut world, "WIN$")["trade_mode"], 0);
    let mut world = World::new(&[("account", "hedging")]);
    assert_eq!(shown(&of(&mut world, "EURUSD")), ["5", "0.00001", "0.00001", "1", "0.01", "4", "2"]);
}

#[test]
fn sessions_are_told_by_weekday() {
    let mut world = World::new(&[]);
    let mut ask = |symbol: &str, weekday: i64, index: i64| {
        world.get(json!({ "call": "session_trade", "symbol": symbol, "weekday": weekday, "index": index }))
    };
    assert_eq!(ask("WINJ26", 2, 0), json!({ "from": 32_400, "to": 64_500 }));
    assert_eq!(ask("WDOJ26", 5, 0), json!({ "from": 32_400, "to": 64_800 }));
    assert_eq!((ask("WINJ26", 2, 1), ask("WINJ26", 0, 0)), (Value::Null, Value::Null));
}

#[test]
fn bars_of_the_past_lead_up_to_the_day() {
    let mut world = World::new(&[("history-days", "3")]);
    let mut rates = |frame: i64, count: i64| {
        let call = json!({
            "call": "copy_rates_from_pos", "symbol": "WINJ26", "timeframe": frame, "start_pos": 0, "count": count,
        });
        world.get(call).as_array().unwrap().clone()
    };
    let minutes = rates(1, 100_000);
    // Fridays and Mondays of March: 17:55 from the 9th on, 18:25 before.
    assert_eq!(minutes.len(), 2 * 565 + 535);
    let times: Vec<i64> = minutes.iter().map(|row| row[0].as_i64().unwrap()).collect();
    assert!(times.windows(2).all(|pair| pair[0] < pair[1]));
    let sound = |row: &Value| {
        let [open, high, low, close] = [1, 2, 3, 4].map(|place| row[place].as_f64().unwrap());
        low <= open.min(close) && high >= open.max(close)
    };
    assert!(minutes.iter().all(sound));
    for (frame, seconds) in [(5, 300), (15, 900), (16_385, 3_600), (16_408, 86_400)] {
        let bars = rates(frame, 100_000);
        assert!(bars.iter().all(|row| row[0].as_i64().unwrap() % seconds == 0), "{frame}");
        let volume = |rows: &[Value]| rows.iter().map(|row| row[7].as_u64().unwrap()).sum::<u64>();
        assert_eq!(volume(&bars), volume(&minutes), "{frame}");
    }
    assert_eq!(rates(16_408, 9).len(), 3);
    // By time: up to a bar's begin, and between two.
    let from = json!({
        "call": "copy_rates_from", "symbol": "WINJ26", "timeframe": 1, "date_from": times[10] + 59, "count": 2,
    });
    let range = json!({
        "call": "copy_rates_range", "symbol": "WINJ26", "timeframe": 1, "date_from": times[9], "date_to": times[10],
    });
    for call in [from, range] {
        assert_eq!(world.get(call.clone()), json!([minutes[9], minutes[10]]), "{call}");
    }
}

#[test]
fn the_same_seed_is_the_same_day_and_several_symbols_share_its_time() {
    let ticks = |seed: &str| {
        let mut world = World::new(&[("seed", seed), ("symbols", "WIN,WDO"), ("to", "09:10")]);
        let mut rows = Vec::new();
        let mut last = 0;
        while !world.terminal.has_ended() {
            world.tick();
            let now = world.get(json!({ "call": "clock" }))["server_msc"].as_i64().unwrap();
            assert!(now >= last);
            last = now;
        }
        for symbol in ["WINJ26", "WDOJ26"] {
            let all = json!({ "call": "copy_ticks_range", "symbol": symbol, "date_from": 0, "date_to": i64::MAX });
            rows.push(world.get(all));
        }
        assert!(rows.iter().all(|rows| rows.as_array().unwrap().len() == 240));
        json!(rows)
    };
    assert_eq!(ticks("3"), ticks("3"));
    assert_ne!(ticks("3"), ticks("4"));
}

#[test]
fn the_clock_goes_on_after_the_last_tick_but_not_into_the_night() {
    let mut world = World::new(&[("to", "09:01")]);
    let mut clock = Vec::new();
    for _ in 0..800 {
        world.tick();
        clock.push(world.get(json!({ "call": "clock" }))["server_msc"].as_i64().unwrap().rem_euclid(24 * HOUR));
    }
    // 24 ticks, then 09:01:00, then a second each, for ten minutes.
    let end = 9 * HOUR + 60_000;
    assert_eq!((clock[23], clock[24], clock[25]), (end - 2_500, end, end + 1_000));
    assert_eq!((clock[624], clock[799]), (end + 600_000, end + 600_000));
    // A driver may go further.
    world.get(json!({ "call": "advance", "ms": HOUR }));
    let later = world.get(json!({ "call": "clock" }))["server_msc"].as_i64().unwrap().rem_euclid(24 * HOUR);
    assert_eq!(later, end + 600_000 + HOUR);
}
