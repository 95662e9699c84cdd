use std::collections::BTreeMap;

use alavanca_kernel::{
    Bar, Contracts, ExitKind, Instrument, Money, Price, ScalpDistances, Side, SymbolId, Tick, Timestamp, TradeId,
};
use proptest::prelude::*;

use crate::{
    LimitChoice, ProtectMode, ScalpBook, ScalpConfig, ScalpEvent, ScalpEventKind, ScalpSettings, ScalpSetup,
    break_even_stop,
};

const S: SymbolId = SymbolId::new(0);
const OTHER: SymbolId = SymbolId::new(1);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_secs(1_615_494_900 + seconds)
}

fn price(text: &str) -> Price {
    text.parse().unwrap()
}

fn cents(cents: i64) -> Money {
    Money::from_cents(cents)
}

fn instrument(name: &str) -> Instrument {
    Instrument::preset(name).unwrap()
}

fn book(settings: ScalpSettings) -> ScalpBook {
    ScalpBook::new(ScalpConfig::new(settings).unwrap(), 2)
}

fn defaults() -> ScalpSettings {
    ScalpSettings::default()
}

fn open(book: &mut ScalpBook, name: &str, side: Side, entry: &str, contracts: u32) -> ScalpEvent {
    let contracts = Contracts::new(contracts);
    book.open(&instrument(name), S, TradeId::new(7), side, price(entry), contracts, at(0), Money::ZERO)
}

/// Ends the open scalp with this result before costs.
fn end(book: &mut ScalpBook, kind: ScalpEventKind, gross: i64, seconds: i64) -> Option<ScalpEvent> {
    let exit = book.active(S).map_or(Price::ZERO, |setup| setup.entry);
    book.close(S, kind, exit, cents(gross), Money::ZERO, at(seconds), false)
}

#[test]
fn levels_stand_where_the_points_say() {
    // entry, target, stop
    for (name, side, entry, target, stop) in [
        ("EURUSD", Side::Buy, "1.0850", "1.0930", "1.0810"),
        ("EURUSD", Side::Sell, "1.0850", "1.0770", "1.0890"),
        ("WIN", Side::Buy, "130250", "130330", "130210"),
        ("WIN", Side::Sell, "130250", "130170", "130290"),
        // An averaged entry between ticks: levels go to the nearest tick.
        ("WIN", Side::Buy, "130252", "130330", "130210"),
        ("WIN", Side::Buy, "130253", "130335", "130215"),
        ("WDO", Side::Sell, "5553.5", "5473.5", "5593.5"),
    ] {
        let mut book = book(defaults());
        open(&mut book, name, side, entry, 1);
        let levels = book.active(S).unwrap().levels;
        assert_eq!(levels.take_profit(), Some(price(target)), "{name} {side} {entry}");
        assert_eq!(levels.stop_loss(), Some(price(stop)), "{name} {side} {entry}");
        assert_eq!(levels.deadline(), Some(at(180)), "{name} {side} {entry}");
    }
}

#[test]
fn an_instruments_own_distances_rule() {
    let own = ScalpDistances { take_profit_points: 150, stop_loss_points: 60 };
    let win = Instrument { scalp: Some(own), ..instrument("WIN") };
    let mut book = book(defaults());
    book.open(&win, S, TradeId::new(1), Side::Buy, price("130000"), Contracts::new(1), at(0), Money::ZERO);
    let levels = book.active(S).unwrap().levels;
    assert_eq!((levels.take_profit(), levels.stop_loss()), (Some(price("130150")), Some(price("129940"))));
}

/// level5.md: EURUSD 1.0850 → 1.0930 is TP_HIT and 80.0, told by a tick or by a bar.
#[test]
fn the_worked_example() {
    let (entry, target) = (price("1.0850"), price("1.0930"));
    let tick = Tick { time: at(60), bid: target, ask: price("1.09301"), ..Tick::default() };
    let bar = Bar { time: at(0), open: entry, high: target, low: entry, close: target, seconds: 60, ..Bar::default() };
    for by_tick in [true, false] {
        let mut book = book(defaults());
        let opened = open(&mut book, "EURUSD", Side::Buy, "1.0850", 1);
        assert_eq!((opened.kind, opened.exit, opened.net), (ScalpEventKind::Opened, entry, Money::ZERO));
        let touch = if by_tick { book.watch_tick(S, &tick) } else { book.watch_bar(S, &bar) }.unwrap();
        assert_eq!((touch.kind, touch.price, touch.at), (ExitKind::TakeProfit, target, at(60)));
        let gross = instrument("EURUSD").gross(Side::Buy, entry, touch.price, Contracts::new(1));
        let end =
            book.close(S, touch.kind.into(), touch.price, gross, Money::ZERO, touch.at, touch.unresolved).unwrap();
        assert_eq!((end.kind.as_str(), end.net.to_string().as_str(), end.hold_seconds), ("TP_HIT", "80.00", 60));
        assert_eq!((book.active(S), book.in_cooldown(S, at(60))), (None, true));
        let kinds: Vec<_> = book.events(Some(S), None, 100).map(|event| event.kind).collect();
        assert_eq!(kinds, [ScalpEventKind::Opened, ScalpEventKind::TpHit]);
    }
}

#[test]
fn nothing_from_before_the_fill_touches() {
    let mut book = book(defaults());
    open(&mut book, "WIN", Side::Buy, "130000", 1);
    let crash = |time| Bar {
        time,
        open: price("130000"),
        high: price("130000"),
        low: price("129000"),
        close: price("129000"),
        seconds: 60,
        ..Bar::default()
    };
    let tick = |time| Tick { time, bid: price("129000"), ask: price("129005"), ..Tick::default() };
    assert_eq!(book.watch_bar(S, &crash(at(-60))), None, "it ended when the scalp was opened");
    assert_eq!(book.watch_bar(S, &crash(at(0))).map(|touch| touch.kind), Some(ExitKind::StopLoss));
    assert_eq!(book.watch_tick(S, &tick(at(-1))), None);
    assert_eq!(book.watch_tick(S, &tick(at(0))).map(|touch| touch.kind), Some(ExitKind::StopLoss));
    assert_eq!(book.watch_bar(OTHER, &crash(at(0))), None, "no scalp there");
}

#[test]
fn fills_in_parts_average_and_keep_the_first_deadline() {
    let win = instrument("WIN");
    let mut book = book(defaults());
    assert_eq!(book.grow(&win, S, price("130000"), Contracts::new(1), cents(25)), None);
    book.open(&win, S, TradeId::new(1), Side::Buy, price("130000"), Contracts::new(1), at(0), cents(25));
    let grown = *book.grow(&win, S, price("130015"), Contracts::new(2), cents(50)).unwrap();
    assert_eq!((grown.entry, grown.contracts.count(), grown.cost_in), (price("130010"), 3, cents(75)));
    assert_eq!(grown.levels.take_profit(), Some(price("130090")));
    assert_eq!(grown.levels.stop_loss(), Some(price("129970")));
    assert_eq!((grown.levels.deadline(), grown.opened_at), (Some(at(180)), at(0)));
    let third = *book.grow(&win, S, price("130010.00000001"), Contracts::new(3), cents(75)).unwrap();
    assert_eq!(third.entry, price("130010.00000001"), "half a unit rounds away from zero");
    let end = book.close(S, ScalpEventKind::SlHit, price("129970"), cents(-4_800), cents(150), at(5), false).unwrap();
    assert_eq!((end.net, end.contracts.count()), (cents(-4_800 - 150 - 150), 6), "costs of both sides");
    assert_eq!(book.events(None, Some(ScalpEventKind::Opened), 9).count(), 1, "one OPENED");
}

#[test]
fn only_a_win_after_costs_starts_the_rest() {
    use ScalpEventKind::{Forced, HandedOver, SlHit, Timeout, TpHit};
    for (name, kind, gross, until) in [
        ("a centavo above zero", TpHit, 101, Some(at(310))),
        ("zero after costs", TpHit, 100, None),
        ("a centavo below", TpHit, 99, None),
        ("a timeout in profit", Timeout, 500, Some(at(310))),
        ("a forced end in profit", Forced, 500, Some(at(310))),
        ("a stop after a gap in our favour", SlHit, 500, Some(at(310))),
        ("a loss", SlHit, -500, None),
        ("a hand-over has realised nothing", HandedOver, 500, None),
    ] {
        let mut book = book(defaults());
        let win = instrument("WIN");
        book.open(&win, S, TradeId::new(1), Side::Buy, price("130000"), Contracts::new(1), at(0), cents(40));
        let end = book.close(S, kind, price("130000"), cents(gross), cents(60), at(10), false).unwrap();
        assert_eq!(end.net, cents(gross - 100), "{name}");
        assert_eq!(book.cooldown_until(S), until, "{name}");
        assert_eq!(book.protects(&end), until.map(|_| ProtectMode::Close), "{name}");
        assert_eq!(book.cooldown_until(OTHER), None, "{name}: another symbol does not rest");
    }
}

#[test]
fn the_rest_is_counted_to_the_second() {
    let mut book = book(defaults());
    open(&mut book, "WIN", Side::Buy, "130000", 1);
    end(&mut book, ScalpEventKind::TpHit, 1_600, 10).unwrap();
    for (name, now, on, remaining) in [
        ("at its start", at(10), true, 300),
        ("within a second", at(10).plus_micros(1), true, 300),
        ("a second in", at(11), true, 299),
        ("a second before its end", at(309), true, 1),
        ("a microsecond before its end", at(310).plus_micros(-1), true, 1),
        ("at its end", at(310), false, 0),
        ("long after", at(9_999), false, 0),
        ("a clock set back by a day", at(-86_400), true, 300),
        ("a clock at the begin of time", Timestamp::MIN, true, 300),
    ] {
        assert_eq!(book.in_cooldown(S, now), on, "{name}");
        assert_eq!(book.cooldown_remaining_seconds(S, now), remaining, "{name}");
    }
}

#[test]
fn a_rest_survives_restart_and_a_clock_set_back() {
    let mut before = book(defaults());
    open(&mut before, "WIN", Side::Buy, "130000", 1);
    end(&mut before, ScalpEventKind::TpHit, 1_600, 1_000).unwrap();
    let mut after = book(ScalpSettings { cooldown_seconds: 0, ..defaults() });
    after.restore(S, None, before.cooldown_until(S));
    assert!(after.in_cooldown(S, at(1_299)) && !after.in_cooldown(S, at(1_300)), "what was earned stays");
    assert_eq!(after.cooldown_remaining_seconds(S, at(1_299)), 1);

    // The clock went back; a win by the earlier clock must not cut the rest short.
    open(&mut before, "WIN", Side::Buy, "130000", 1);
    end(&mut before, ScalpEventKind::TpHit, 1_600, 500).unwrap();
    assert_eq!(before.cooldown_until(S), Some(at(1_300)));
}

#[test]
fn an_open_scalp_survives_restart() {
    let mut before = book(defaults());
    open(&mut before, "EURUSD", Side::Sell, "1.0850", 2);
    let stored = serde_json::to_string(before.active(S).unwrap()).unwrap();
    let mut after = book(defaults());
    after.restore(S, Some(serde_json::from_str::<ScalpSetup>(&stored).unwrap()), None);
    assert_eq!(after.active(S), before.active(S));
    assert_eq!(after.events(None, None, 9).count(), 0, "a restart is no event");
    let tick = Tick { time: at(180), bid: price("1.0850"), ask: price("1.0851"), ..Tick::default() };
    assert_eq!(
        after.watch_tick(S, &tick).map(|touch| touch.kind),
        Some(ExitKind::Timeout),
        "the deadline is an instant"
    );
}

#[test]
fn the_time_limit_hands_over_only_a_profit_that_can_be_kept() {
    let win = instrument("WIN");
    // BRL 0.20 a point: costs of 1.50 in and 1.00 out for 2 contracts are 6.25 points; the tick beyond is 10 away.
    for (name, hybrid, side, now, choice) in [
        ("in profit", true, Side::Buy, "130020", Some("130010")),
        ("in profit, short", true, Side::Sell, "129980", Some("129990")),
        ("the stop would be at the market", true, Side::Buy, "130010", None),
        ("in profit before costs alone", true, Side::Buy, "130005", None),
        ("a tick above the stop", true, Side::Buy, "130015", Some("130010")),
        ("at the entry", true, Side::Buy, "130000", None),
        ("in loss", true, Side::Buy, "129990", None),
        ("in loss, short", true, Side::Sell, "130010", None),
        ("SCALP_ONLY closes", false, Side::Buy, "130020", None),
    ] {
        let mut book = book(ScalpSettings { hybrid, ..defaults() });
        book.open(&win, S, TradeId::new(1), side, price("130000"), Contracts::new(2), at(0), cents(150));
        let expected = choice.map_or(LimitChoice::Close, |stop| LimitChoice::HandOver { stop: price(stop) });
        assert_eq!(book.time_limit(&win, S, price(now), cents(100)), expected, "{name}");
    }
    let empty = book(ScalpSettings { hybrid: true, ..defaults() });
    assert_eq!(empty.time_limit(&win, S, price("130020"), Money::ZERO), LimitChoice::Close);
}

#[test]
fn what_a_win_means_for_the_base_is_the_operators_choice() {
    for (protect_profit, protect_mode, expected) in [
        (true, ProtectMode::Close, Some(ProtectMode::Close)),
        (true, ProtectMode::BreakEven, Some(ProtectMode::BreakEven)),
        (true, ProtectMode::Cooldown, Some(ProtectMode::Cooldown)),
        (false, ProtectMode::Close, None),
    ] {
        let mut book = book(ScalpSettings { protect_profit, protect_mode, ..defaults() });
        open(&mut book, "WIN", Side::Buy, "130000", 1);
        let end = end(&mut book, ScalpEventKind::TpHit, 1_600, 10).unwrap();
        assert_eq!(book.protects(&end), expected);
        assert!(book.in_cooldown(S, at(11)), "the symbol rests either way");
    }
}

#[test]
fn figures_add_up() {
    use ScalpEventKind::{Forced, HandedOver, Protected, SlHit, Timeout, TpHit};
    let mut book = book(defaults());
    assert_eq!(book.stats(), crate::ScalpStats::default());
    let results = [(TpHit, 1_600, 60), (SlHit, -800, 30), (Timeout, 0, 180), (Forced, 100, 10), (HandedOver, 700, 180)];
    for (kind, gross, seconds) in results {
        open(&mut book, "WIN", Side::Buy, "130000", 1);
        end(&mut book, kind, gross, seconds).unwrap();
    }
    open(&mut book, "WIN", Side::Buy, "130000", 1);
    let exit = price("129960");
    let last = book.close(S, SlHit, exit, cents(-800), Money::ZERO, at(60), true).unwrap();
    assert_eq!(book.protected(ScalpEvent { net: cents(9_000), ..last }).kind, Protected);

    let stats = book.stats();
    assert_eq!((stats.total_scalps, stats.wins, stats.losses, stats.handed_over), (6, 2, 3, 1));
    assert_eq!((stats.take_profits, stats.stop_losses, stats.timeouts, stats.forced), (1, 2, 1, 1));
    assert_eq!((stats.unresolved, stats.protected, stats.total_pnl), (1, 1, cents(100)), "the base is not the scalp's");
    assert!((stats.winrate - 0.4).abs() < 1e-12);
    assert!((stats.avg_hold_seconds - 520.0 / 6.0).abs() < 1e-12);
}

#[test]
fn events_are_found_by_symbol_and_kind() {
    let win = instrument("WIN");
    let mut book = book(defaults());
    for i in 0..2_000 {
        let symbol = if i % 2 == 0 { S } else { OTHER };
        let (entry, contracts) = (price("130000"), Contracts::new(1));
        book.open(&win, symbol, TradeId::new(i), Side::Buy, entry, contracts, at(i as i64), Money::ZERO);
        book.close(symbol, ScalpEventKind::TpHit, entry, cents(5), Money::ZERO, at(i as i64), false);
    }
    let trades = |symbol, kind, limit| book.events(symbol, kind, limit).map(|e| e.trade.get()).collect::<Vec<_>>();
    assert_eq!(trades(Some(S), None, 3), [1_996, 1_998, 1_998], "the newest last");
    assert_eq!(trades(None, Some(ScalpEventKind::TpHit), 2), [1_998, 1_999]);
    assert_eq!(trades(Some(OTHER), Some(ScalpEventKind::Timeout), 9), [0; 0]);
    assert_eq!(trades(None, None, usize::MAX).len(), ScalpBook::EVENTS, "bounded");
    assert_eq!(book.stats().total_scalps, 2_000, "figures are over all");
}

#[test]
fn distances_out_of_reach_are_warned_about_once_per_symbol() {
    let win = instrument("WIN");
    let mut book = book(defaults());
    assert!(!book.out_of_reach(&win, S, Price::ZERO), "not known");
    assert!(!book.out_of_reach(&win, S, price("80")), "just within reach");
    assert!(book.out_of_reach(&win, S, price("79.99999999")));
    assert!(!book.out_of_reach(&win, S, price("1")), "once");
    assert!(book.out_of_reach(&win, OTHER, price("1")), "every symbol for itself");
    let far_stop = Instrument { scalp: Some(ScalpDistances { take_profit_points: 10, stop_loss_points: 100 }), ..win };
    assert!(self::book(defaults()).out_of_reach(&far_stop, S, price("50")), "a stop, too");
}

#[test]
#[should_panic(expected = "a scalp is already open")]
fn a_second_scalp_in_a_symbol_stops_the_program() {
    let mut book = book(defaults());
    open(&mut book, "WIN", Side::Buy, "130000", 1);
    open(&mut book, "WIN", Side::Buy, "130000", 1);
}

#[test]
#[should_panic(expected = "OPENED ends no scalp")]
fn what_is_no_end_ends_nothing() {
    let mut book = book(defaults());
    open(&mut book, "WIN", Side::Buy, "130000", 1);
    end(&mut book, ScalpEventKind::Opened, 0, 1);
}

#[test]
fn names_are_those_of_the_specification() {
    use ScalpEventKind::{Forced, HandedOver, Opened, Protected, SlHit, Timeout, TpHit};
    for (kind, name) in [
        (Opened, "OPENED"),
        (TpHit, "TP_HIT"),
        (SlHit, "SL_HIT"),
        (Timeout, "TIMEOUT"),
        (Forced, "FORCED"),
        (HandedOver, "HANDED_OVER"),
        (Protected, "PROTECTED"),
    ] {
        assert_eq!((kind.as_str(), serde_json::to_string(&kind).unwrap()), (name, format!("\"{name}\"")));
    }
    for exit in [ExitKind::TakeProfit, ExitKind::StopLoss, ExitKind::Timeout, ExitKind::Forced] {
        assert_eq!(ScalpEventKind::from(exit).as_str(), exit.as_str());
    }
    for (mode, name) in
        [(ProtectMode::Close, "CLOSE"), (ProtectMode::BreakEven, "BREAKEVEN"), (ProtectMode::Cooldown, "COOLDOWN")]
    {
        assert_eq!((name.parse(), serde_json::to_string(&mode).unwrap()), (Ok(mode), format!("\"{name}\"")));
    }
    assert!("BREAK_EVEN".parse::<ProtectMode>().unwrap_err().to_string().contains("CLOSE, BREAKEVEN, COOLDOWN"));
}

#[test]
fn impossible_settings_are_refused_by_name() {
    let refused: [(&str, fn(&mut ScalpSettings)); 7] = [
        ("SCALP_TP_POINTS", |s| s.take_profit_points = 0),
        ("SCALP_TP_POINTS", |s| s.take_profit_points = u32::MAX),
        ("SCALP_SL_POINTS", |s| s.stop_loss_points = 0),
        ("SCALP_MAX_HOLD_SECONDS", |s| s.hold_seconds_max = 0),
        ("PROTECT_PROFIT_COOLDOWN_SECONDS", |s| s.cooldown_seconds = u32::MAX),
        ("CONTRACT_POINT_VALUE", |s| s.contract_point_value_micros = 0),
        ("CONTRACT_POINT_VALUE", |s| s.contract_point_value_micros = -1),
    ];
    for (key, spoil) in refused {
        let mut settings = defaults();
        spoil(&mut settings);
        assert_eq!(ScalpConfig::new(settings).unwrap_err().key, key);
    }
    let config = ScalpConfig::new(ScalpSettings { cooldown_seconds: 0, ..defaults() }).unwrap();
    let with = |take_profit_points, stop_loss_points| {
        let scalp = Some(ScalpDistances { take_profit_points, stop_loss_points });
        config.check_instrument(&Instrument { scalp, ..instrument("WIN") }).map_err(|e| e.key)
    };
    assert_eq!((config.check_instrument(&instrument("WIN")), with(5, 5)), (Ok(()), Ok(())));
    assert_eq!((with(0, 40), with(80, 0)), (Err("SCALP_TP_POINTS"), Err("SCALP_SL_POINTS")));
    assert_eq!(with(80, 4), Err("SCALP_SL_POINTS"), "below a tick it would round into the entry");
}

fn any_side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Buy), Just(Side::Sell)]
}

/// One thing that the engine may tell the book, in any order, also what it should not.
#[derive(Clone, Copy, Debug)]
enum Told {
    Fill(bool, Side),
    More(bool),
    End(bool, ScalpEventKind, i64),
    Restart,
}

fn anything() -> impl Strategy<Value = Told> {
    use ScalpEventKind::{Forced, HandedOver, SlHit, Timeout, TpHit};
    let end = prop::sample::select(vec![TpHit, SlHit, Timeout, Forced, HandedOver]);
    prop_oneof![
        4 => (any::<bool>(), any_side()).prop_map(|(other, side)| Told::Fill(other, side)),
        2 => any::<bool>().prop_map(Told::More),
        5 => (any::<bool>(), end, -500_i64..500).prop_map(|(other, kind, gross)| Told::End(other, kind, gross)),
        1 => Just(Told::Restart),
    ]
}

proptest! {
    /// Semantics 23: whatever is told, each OPENED has exactly one end, and an end has its OPENED.
    #[test]
    fn every_opened_has_exactly_one_end(told in prop::collection::vec(anything(), 1..150)) {
        let win = instrument("WIN");
        let mut book = book(defaults());
        let mut recorded = Vec::new();
        let symbol = |other| if other { OTHER } else { S };
        for (i, &told) in told.iter().enumerate() {
            let now = at(i as i64);
            match told {
                Told::Fill(other, side) if book.active(symbol(other)).is_none() => {
                    let (trade, entry) = (TradeId::new(i as u64), price("130000"));
                    recorded.push(book.open(&win, symbol(other), trade, side, entry, Contracts::new(1), now, cents(25)));
                }
                Told::Fill(other, _) | Told::More(other) => {
                    book.grow(&win, symbol(other), price("130005"), Contracts::new(1), cents(25));
                }
                Told::End(other, kind, gross) => {
                    let was = book.cooldown_until(symbol(other));
                    let end = book.close(symbol(other), kind, price("130005"), cents(gross), cents(25), now, false);
                    prop_assert!(book.cooldown_until(symbol(other)) >= was, "a rest was cut short");
                    recorded.extend(end);
                }
                Told::Restart => {
                    let mut next = ScalpBook::new(*book.config(), 2);
                    for symbol in [S, OTHER] {
                        next.restore(symbol, book.active(symbol).copied(), book.cooldown_until(symbol));
                    }
                    book = next;
                }
            }
        }
        let mut open = BTreeMap::new();
        let mut ended = 0;
        for event in &recorded {
            if event.kind == ScalpEventKind::Opened {
                prop_assert!(open.insert(event.trade, event.symbol).is_none(), "opened twice");
            } else {
                prop_assert_eq!(open.remove(&event.trade), Some(event.symbol), "an end without its OPENED");
                ended += 1;
            }
        }
        let left = [S, OTHER].into_iter().filter_map(|symbol| book.active(symbol)).map(|setup| setup.trade);
        prop_assert_eq!(open.keys().copied().collect::<std::collections::BTreeSet<_>>(), left.collect());
        prop_assert!(ended <= recorded.len() / 2);
    }

    /// The stop after costs gives all costs back, and one tick nearer to the entry would not.
    #[test]
    fn break_even_is_the_nearest_tick_that_covers(
        name in prop::sample::select(vec!["WIN", "WDO", "DOL", "EURUSD"]),
        side in any_side(),
        ticks in 20_000_i64..40_000,
        contracts in 1_u32..50,
        costs in 0_i64..5_000,
    ) {
        let instrument = instrument(name);
        let (entry, contracts) = (instrument.tick.times(ticks), Contracts::new(contracts));
        let stop = break_even_stop(&instrument, side, entry, contracts, cents(costs)).unwrap();
        prop_assert_eq!(stop.to_tick(instrument.tick), stop);
        // Exactly, without rounding to centavos: distance / point × value × contracts against costs, in 10⁻⁶.
        let covers = |at: Price| {
            let moved = i128::from((at - entry).raw() * side.sign());
            let value = i128::from(instrument.point_value_micros) * i128::from(contracts.count());
            moved * value >= i128::from(costs) * 10_000 * i128::from(instrument.point.raw())
        };
        prop_assert!(covers(stop));
        prop_assert!(!covers(side.opposite().ahead(stop, instrument.tick)));
        prop_assert!(instrument.gross(side, entry, stop, contracts) >= cents(costs));
    }
}

#[test]
fn break_even_goes_to_the_better_tick() {
    let win = instrument("WIN");
    let one = Contracts::new(1);
    // 0.50 at 0.20 a point are 2.5 points.
    for (side, entry, costs, stop) in [
        (Side::Buy, "130000", 50, "130005"),
        (Side::Sell, "130000", 50, "129995"),
        (Side::Buy, "130000", 100, "130005"),
        (Side::Buy, "130000", 101, "130010"),
        (Side::Sell, "130000", 101, "129990"),
        (Side::Buy, "130000", 0, "130000"),
        (Side::Sell, "130002", 0, "130000"),
        (Side::Buy, "130002", 0, "130005"),
    ] {
        let got = break_even_stop(&win, side, price(entry), one, cents(costs));
        assert_eq!(got, Some(price(stop)), "{side} {entry}, costs {costs}");
    }
    // A third of a point's cost has no end in decimals: the last one goes away from the loss.
    let gridless = Instrument { tick: Price::ZERO, ..win.clone() };
    for (side, stop) in [(Side::Buy, "130000.83333334"), (Side::Sell, "129999.16666666")] {
        let got = break_even_stop(&gridless, side, price("130000"), Contracts::new(3), cents(50));
        assert_eq!(got, Some(price(stop)), "{side}");
    }
    assert_eq!(break_even_stop(&win, Side::Buy, price("130000"), Contracts::ZERO, cents(50)), None);
    let worthless = Instrument { point_value_micros: 0, ..win };
    assert_eq!(break_even_stop(&worthless, Side::Buy, price("130000"), one, cents(50)), None);
}
