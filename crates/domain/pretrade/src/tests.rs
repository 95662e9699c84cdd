//! Each control at its limit less one, exactly, and one more; and what no sequence of accepted orders may do.

use alavanca_kernel::*;
use proptest::prelude::*;

use crate::Refusal;
use crate::*;

const WIN: SymbolId = SymbolId::new(0);
const WDO: SymbolId = SymbolId::new(1);

fn start() -> Timestamp {
    Timestamp::from_secs(1_790_000_000)
}

fn ms(ms: i64) -> Timestamp {
    start().plus_micros(ms * 1_000)
}

fn today() -> TradingDay {
    TradingDay::from_days(20_717)
}

fn points(points: i64) -> Price {
    Price::from_raw(points * Price::SCALE)
}

fn tick(bid: i64, ask: i64, last: i64, at: Timestamp) -> Tick {
    Tick { time: at, bid: points(bid), ask: points(ask), last: points(last), volume: 1 }
}

fn reading(equity: i64, at: Timestamp) -> AccountReading {
    AccountReading { equity: Money::from_units(equity), free_margin: Money::from_units(equity), at }
}

fn view(at: Timestamp) -> View {
    View { now: at, day: today(), session: SessionState::Open, margin: Some(Money::from_units(1)) }
}

fn open(id: u64, contracts: u32) -> OrderRequest {
    OrderRequest {
        id: OrderId::new(id),
        symbol: WIN,
        leg: LegId { trade: TradeId::new(id), role: LegRole::Base },
        intent: OrderIntent::Open,
        side: Side::Buy,
        quantity: Contracts::new(contracts),
        protection: Protection { stop: Some(ExitAt::Distance(points(300))), ..Protection::default() },
        at: start(),
    }
}

/// Closes what `open` opened.
fn close(id: u64, opened: &OrderRequest, contracts: u32) -> OrderRequest {
    OrderRequest {
        id: OrderId::new(id),
        intent: OrderIntent::Close,
        side: opened.side.opposite(),
        quantity: Contracts::new(contracts),
        protection: Protection::default(),
        ..*opened
    }
}

fn wide() -> PretradeSettings {
    PretradeSettings {
        max_order_contracts: 1_000,
        max_position_contracts: 1_000,
        max_notional: Money::from_units(1_000_000_000),
        max_open_orders: 1_000,
        orders_per_second: 1_000,
        orders_per_minute: 1_000,
        orders_per_day: 1_000,
        closes_per_second: 1_000,
        closes_per_minute: 1_000,
        daily_loss_limit: None,
        drawdown_limit: None,
        max_losing_streak: 0,
        ..PretradeSettings::default()
    }
}

/// A gate that knows all it has to: nothing open, 100 000 in the account, WIN at 130 000 / 130 005.
fn ready(settings: PretradeSettings) -> Controls {
    let instruments = ["WINZ26", "WDOZ26"].map(|name| Instrument::preset(name).unwrap());
    let mut controls = Controls::new(PretradeConfig::new(settings).unwrap(), instruments.to_vec()).unwrap();
    controls.advance(start(), today());
    controls.on_tick(WIN, &tick(130_000, 130_005, 130_000, start()));
    controls.on_tick(WDO, &tick(5_500, 5_501, 5_500, start()));
    controls.on_account(reading(100_000, start()));
    controls.on_legs(&[]);
    controls
}

fn fill(controls: &mut Controls, order: &OrderRequest, price: i64, at: Timestamp) {
    controls.on_report(&OrderReport::Filled(order.filled(points(price), at)));
}

fn name(refused: Result<(), Refusal>) -> &'static str {
    refused.map_or_else(|refusal| refusal.name(), |()| "passes")
}

#[test]
fn what_is_ready_passes() {
    assert_eq!(ready(PretradeSettings::default()).check(&open(1, 1), &view(start())), Ok(()));
}

#[test]
fn sizes_are_held_at_their_limits() {
    // What is open before, the order's contracts, what comes of it.
    for (before, contracts, expected) in [
        (0, 0, "PRETRADE_QUANTITY"),
        (0, 4, "passes"),
        (0, 5, "passes"),
        (0, 6, "PRETRADE_MAX_ORDER_CONTRACTS"),
        (2, 4, "passes"),
        (3, 4, "passes"),
        (4, 4, "PRETRADE_MAX_POSITION_CONTRACTS"),
    ] {
        for on_its_way in [true, false] {
            let settings = PretradeSettings { max_order_contracts: 5, max_position_contracts: 7, ..wide() };
            let mut controls = ready(settings);
            if before > 0 {
                let opened = open(1, before);
                controls.check(&opened, &view(start())).unwrap();
                if !on_its_way {
                    fill(&mut controls, &opened, 130_005, start());
                }
            }
            let got = name(controls.check(&open(2, contracts), &view(start())));
            assert_eq!(got, expected, "{before} open (on their way: {on_its_way}), {contracts} more");
        }
    }
}

#[test]
fn both_sides_of_a_position_add_up() {
    let mut controls = ready(PretradeSettings { max_order_contracts: 5, max_position_contracts: 7, ..wide() });
    controls.check(&open(1, 5), &view(start())).unwrap();
    let short = OrderRequest { side: Side::Sell, ..open(2, 3) };
    assert_eq!(name(controls.check(&short, &view(start()))), "PRETRADE_MAX_POSITION_CONTRACTS");
}

#[test]
fn notional_is_of_all_symbols_together() {
    // A WIN contract at 130 005 is worth 26 001.00, a WDO contract at 5 501 is worth 55 010.00.
    for (limit, expected) in [("81011.01", "passes"), ("81011.00", "passes"), ("81010.99", "PRETRADE_MAX_NOTIONAL")] {
        let mut controls = ready(PretradeSettings { max_notional: limit.parse().unwrap(), ..wide() });
        let dollar = OrderRequest { symbol: WDO, ..open(1, 1) };
        controls.check(&dollar, &view(start())).unwrap();
        fill(&mut controls, &dollar, 5_501, start());
        assert_eq!(name(controls.check(&open(2, 1), &view(start()))), expected, "{limit}");
    }
}

#[test]
fn open_orders_are_those_without_a_known_end() {
    let mut controls = ready(PretradeSettings { max_open_orders: 2, ..wide() });
    let ends: [fn(&OrderRequest) -> OrderReport; 3] = [
        |order| OrderReport::Filled(order.filled(points(130_005), start())),
        |order| order.rejected(RejectReason::Other, start()),
        |order| OrderReport::Canceled {
            order: order.id,
            symbol: order.symbol,
            leg: order.leg,
            intent: order.intent,
            unfilled: order.quantity,
            at: start(),
        },
    ];
    controls.check(&open(1, 1), &view(start())).unwrap();
    let mut id = 2;
    for end in ends {
        let order = open(id, 1);
        controls.check(&order, &view(start())).unwrap();
        assert_eq!(name(controls.check(&open(id + 1, 1), &view(start()))), "PRETRADE_MAX_OPEN_ORDERS");
        controls.on_report(&end(&order));
        id += 2;
    }
    let order = open(id, 1);
    controls.check(&order, &view(start())).unwrap();
    // A fill in part is no end.
    let part = FillReport { remaining: Contracts::new(1), ..order.filled(points(130_005), start()) };
    controls.on_report(&OrderReport::Filled(part));
    assert_eq!(name(controls.check(&open(id + 1, 1), &view(start()))), "PRETRADE_MAX_OPEN_ORDERS");
    controls.withdraw(order.id);
    assert_eq!(controls.check(&open(id + 1, 1), &view(start())), Ok(()));
}

#[test]
fn rates_are_counted_in_sliding_windows() {
    let settings = PretradeSettings { orders_per_second: 2, orders_per_minute: 4, orders_per_day: 6, ..wide() };
    let mut controls = ready(settings);
    // When, in milliseconds, and what comes of it.
    for (id, (at, expected)) in [
        (0, "passes"),
        (600, "passes"),
        (999, "PRETRADE_MAX_ORDERS_PER_SECOND"),
        (1_000, "passes"),
        (1_599, "PRETRADE_MAX_ORDERS_PER_SECOND"),
        (1_600, "passes"),
        (3_000, "PRETRADE_MAX_ORDERS_PER_MINUTE"),
        (59_999, "PRETRADE_MAX_ORDERS_PER_MINUTE"),
        (60_000, "passes"),
        (60_599, "PRETRADE_MAX_ORDERS_PER_MINUTE"),
        (60_600, "passes"),
        (600_000, "PRETRADE_MAX_ORDERS_PER_DAY"),
        (40_000_000, "PRETRADE_MAX_ORDERS_PER_DAY"),
    ]
    .into_iter()
    .enumerate()
    {
        controls.on_tick(WIN, &tick(130_000, 130_005, 130_000, ms(at)));
        controls.on_account(reading(100_000, ms(at)));
        assert_eq!(name(controls.check(&open(1 + id as u64, 1), &view(ms(at)))), expected, "at {at} ms");
    }
    assert_eq!(controls.snapshot().orders_today(), 6);
    // The clock going backwards makes no room.
    assert_eq!(name(controls.check(&open(90, 1), &view(ms(0)))), "PRETRADE_MAX_ORDERS_PER_DAY");
    let at = ms(86_400_000);
    controls.on_tick(WIN, &tick(130_000, 130_005, 130_000, at));
    controls.on_account(reading(100_000, at));
    let tomorrow = View { day: TradingDay::from_days(20_718), ..view(at) };
    assert_eq!(controls.check(&open(91, 1), &tomorrow), Ok(()));
}

#[test]
fn the_quote_is_known_sound_fresh_narrow_and_near() {
    let fresh = |ticks: &[Tick], now, side| {
        let settings = PretradeSettings {
            collar_percent_micros: None,
            collar_points: Some(100),
            max_spread_points: Some(10),
            max_spread_percent_micros: None,
            max_quote_age_ms: 2_000,
            ..wide()
        };
        let win = Instrument::preset("WINZ26").unwrap();
        let mut controls = Controls::new(PretradeConfig::new(settings).unwrap(), vec![win]).unwrap();
        controls.advance(now, today());
        controls.on_account(reading(100_000, now));
        controls.on_legs(&[]);
        for tick in ticks {
            controls.on_tick(WIN, tick);
        }
        name(controls.check(&OrderRequest { side, ..open(1, 1) }, &view(now)))
    };
    let (at, buy, sell) = (start(), Side::Buy, Side::Sell);
    let usual = tick(130_000, 130_005, 130_000, at);
    for (ticks, now, side, expected) in [
        (vec![], at, buy, "PRETRADE_QUOTE"),
        (vec![usual], at, buy, "passes"),
        (vec![Tick { bid: Price::ZERO, ..usual }], at, buy, "PRETRADE_QUOTE"),
        (vec![tick(130_005, 130_004, 130_000, at)], at, buy, "PRETRADE_QUOTE"),
        (vec![usual], ms(1_999), buy, "passes"),
        (vec![usual], ms(2_000), buy, "passes"),
        (vec![usual], ms(2_001), buy, "PRETRADE_MAX_QUOTE_AGE_MS"),
        (vec![tick(130_000, 130_009, 130_000, at)], at, buy, "passes"),
        (vec![tick(130_000, 130_010, 130_000, at)], at, buy, "passes"),
        (vec![tick(130_000, 130_011, 130_000, at)], at, buy, "PRETRADE_MAX_SPREAD_PERCENT"),
        // The last trade, by either side.
        (vec![tick(130_094, 130_099, 130_000, at)], at, buy, "passes"),
        (vec![tick(130_095, 130_100, 130_000, at)], at, buy, "passes"),
        (vec![tick(130_096, 130_101, 130_000, at)], at, buy, "PRETRADE_COLLAR_PERCENT"),
        (vec![tick(130_096, 130_101, 130_000, at)], at, sell, "passes"),
        (vec![tick(129_900, 129_905, 130_000, at)], at, sell, "passes"),
        (vec![tick(129_899, 129_904, 130_000, at)], at, sell, "PRETRADE_COLLAR_PERCENT"),
        // The quote before, where there is no trade; nothing at all refuses.
        (vec![tick(130_000, 130_005, 0, at)], at, buy, "PRETRADE_COLLAR_PERCENT"),
        (vec![tick(130_000, 130_005, 0, at), tick(130_100, 130_105, 0, at)], at, buy, "passes"),
        (vec![tick(130_000, 130_005, 0, at), tick(130_101, 130_106, 0, at)], at, buy, "PRETRADE_COLLAR_PERCENT"),
        // An unsound quote is nothing to hold a price against.
        (vec![tick(0, 0, 0, at), tick(130_101, 130_106, 0, at)], at, buy, "PRETRADE_COLLAR_PERCENT"),
        // A tick of the past tells nothing.
        (vec![usual, tick(1, 1, 1, at.plus_micros(-1))], at, buy, "passes"),
    ] {
        assert_eq!(fresh(&ticks, now, side), expected, "{ticks:?} {side} {now}");
    }
}

#[test]
fn percents_fit_every_instrument_by_default() {
    for (symbol, bid, ask, expected) in [
        ("WINZ26", "130000", "130065", "passes"),
        ("WINZ26", "130000", "130070", "PRETRADE_MAX_SPREAD_PERCENT"),
        ("WDOZ26", "5500", "5502.5", "passes"),
        ("WDOZ26", "5500", "5503", "PRETRADE_MAX_SPREAD_PERCENT"),
        ("EURUSD", "1.08500", "1.08554", "passes"),
        ("EURUSD", "1.08500", "1.08555", "PRETRADE_MAX_SPREAD_PERCENT"),
    ] {
        let instrument = Instrument::preset(symbol).unwrap();
        let config = PretradeConfig::new(PretradeSettings::default()).unwrap();
        let mut controls = Controls::new(config, vec![instrument]).unwrap();
        let (bid, ask): (Price, Price) = (bid.parse().unwrap(), ask.parse().unwrap());
        controls.advance(start(), today());
        controls.on_tick(WIN, &Tick { time: start(), bid, ask, last: bid, volume: 1 });
        controls.on_account(reading(100_000, start()));
        controls.on_legs(&[]);
        let got = name(controls.check(&open(1, 1), &view(start())));
        assert_eq!(got, expected, "{symbol} {bid}/{ask}");
    }
}

#[test]
fn the_same_is_not_sent_twice() {
    let mut controls = ready(PretradeSettings { duplicate_window_ms: 500, ..wide() });
    let first = open(1, 1);
    controls.check(&first, &view(start())).unwrap();
    // The number is used for ever, the same intent for the window.
    assert_eq!(controls.check(&first, &view(ms(5_000))), Err(Refusal::IdUsed { id: first.id }));
    let mut controls = ready(PretradeSettings { duplicate_window_ms: 500, ..wide() });
    controls.check(&first, &view(start())).unwrap();
    let again = |id| OrderRequest { id: OrderId::new(id), ..first };
    assert_eq!(name(controls.check(&again(2), &view(ms(499)))), "PRETRADE_DUPLICATE_WINDOW_MS");
    assert_eq!(controls.clone().check(&again(2), &view(ms(500))), Ok(()));
    assert_eq!(controls.clone().check(&again(2), &view(ms(501))), Ok(()));
    for other in [
        OrderRequest { side: Side::Sell, ..again(2) },
        OrderRequest { leg: LegId { trade: TradeId::new(9), role: LegRole::Base }, ..again(2) },
        OrderRequest { leg: LegId { role: LegRole::Extra, ..first.leg }, ..again(2) },
        OrderRequest { symbol: WDO, ..again(2) },
    ] {
        assert_eq!(controls.clone().check(&other, &view(start())), Ok(()), "{other:?}");
    }
    // What was refused may be asked for again; what was filled not.
    fill(&mut controls.clone(), &first, 130_005, start());
    let mut filled = controls.clone();
    fill(&mut filled, &first, 130_005, start());
    assert_eq!(name(filled.check(&again(2), &view(start()))), "PRETRADE_DUPLICATE_WINDOW_MS");
    controls.on_report(&first.rejected(RejectReason::Other, start()));
    assert_eq!(controls.check(&again(2), &view(start())), Ok(()));
}

#[test]
fn numbers_that_are_forgotten_count_as_used() {
    let mut controls = ready(PretradeSettings {
        orders_per_second: 20_000,
        orders_per_minute: 20_000,
        orders_per_day: 20_000,
        closes_per_second: 20_000,
        closes_per_minute: 20_000,
        closes_per_day: 20_000,
        max_position_contracts: 30_000,
        ..wide()
    });
    for id in 2..2_100 {
        let order = open(id, 1);
        controls.check(&order, &view(start())).unwrap();
        controls.withdraw(order.id);
    }
    for (id, expected) in
        [(1, "PRETRADE_ORDER_ID"), (2, "PRETRADE_ORDER_ID"), (2_099, "PRETRADE_ORDER_ID"), (2_100, "passes")]
    {
        assert_eq!(name(controls.check(&open(id, 1), &view(start()))), expected, "{id}");
    }
}

#[test]
fn the_days_loss_is_latched_by_the_account_and_by_the_fills() {
    let limits = PretradeSettings { daily_loss_limit: Some(Money::from_units(200)), ..wide() };
    let tries = |controls: &mut Controls| name(controls.check(&open(900, 1), &view(start())));
    for (equity, expected) in [(99_801, "passes"), (99_800, "PRETRADE_DAILY_LOSS_LIMIT")] {
        let mut controls = ready(limits.clone());
        controls.on_account(reading(equity, start()));
        controls.on_account(reading(100_500, start()));
        assert_eq!(tries(&mut controls), expected, "by equity {equity}");
    }
    // One contract of WIN loses 20 centavos a point: bought at 130 005, marked at the bid.
    for (bid, expected) in [(129_006, "passes"), (129_005, "PRETRADE_DAILY_LOSS_LIMIT")] {
        let mut controls = ready(limits.clone());
        let order = open(1, 1);
        controls.check(&order, &view(start())).unwrap();
        fill(&mut controls, &order, 130_005, start());
        controls.on_tick(WIN, &tick(bid, bid + 5, bid, start()));
        controls.on_tick(WIN, &tick(130_000, 130_005, 130_000, start()));
        controls.on_tick(WIN, &tick(130_000, 130_005, 130_000, start()));
        assert_eq!(tries(&mut controls), expected, "open at {bid}");
    }
    for (price, expected) in [(129_006, "passes"), (129_005, "PRETRADE_DAILY_LOSS_LIMIT")] {
        let mut controls = ready(limits.clone());
        lose(&mut controls, 1, price, start());
        assert_eq!(tries(&mut controls), expected, "closed at {price}");
    }
}

/// Opens a contract at 130 005 and closes it there.
fn lose(controls: &mut Controls, id: u64, price: i64, at: Timestamp) {
    let order = open(id, 1);
    controls.check(&order, &view(at)).unwrap();
    fill(controls, &order, 130_005, at);
    let exit = close(id + 1, &order, 1);
    controls.check(&exit, &view(at)).unwrap();
    fill(controls, &exit, price, at);
}

#[test]
fn the_fall_from_the_days_best_is_latched() {
    let limits = PretradeSettings { drawdown_limit: Some(Money::from_units(300)), ..wide() };
    for (equity, expected) in [(100_701, "passes"), (100_700, "PRETRADE_DRAWDOWN_LIMIT")] {
        let mut controls = ready(limits.clone());
        controls.on_account(reading(101_000, start()));
        controls.on_account(reading(equity, start()));
        controls.on_account(reading(101_000, start()));
        assert_eq!(name(controls.check(&open(9, 1), &view(start()))), expected, "{equity}");
    }
    // By the fills: 200.00 won, then 300.00 given back.
    for (price, expected) in [(128_506, "passes"), (128_505, "PRETRADE_DRAWDOWN_LIMIT")] {
        let mut controls = ready(limits.clone());
        lose(&mut controls, 1, 131_005, start());
        lose(&mut controls, 3, price, start());
        assert_eq!(name(controls.check(&open(9, 1), &view(start()))), expected, "{price}");
    }
}

#[test]
fn a_streak_counts_trades_and_ends_with_a_win_or_the_day() {
    let limits = PretradeSettings { max_losing_streak: 2, ..wide() };
    for (results, expected) in [
        (&[130_000][..], "passes"),
        (&[130_000, 130_000], "PRETRADE_MAX_LOSING_STREAK"),
        (&[130_000, 130_005, 130_000], "PRETRADE_MAX_LOSING_STREAK"),
        (&[130_000, 130_010, 130_000], "passes"),
    ] {
        let mut controls = ready(limits.clone());
        for (index, price) in results.iter().enumerate() {
            lose(&mut controls, 1 + 2 * index as u64, *price, start());
        }
        assert_eq!(name(controls.check(&open(900, 1), &view(start()))), expected, "{results:?}");
        let at = ms(86_400_000);
        controls.on_tick(WIN, &tick(130_000, 130_005, 130_000, at));
        controls.on_account(reading(100_000, at));
        let tomorrow = View { day: TradingDay::from_days(20_718), ..view(at) };
        assert_eq!(controls.check(&open(901, 1), &tomorrow), Ok(()));
    }
    // Base and extra are one trade: the loss of one is outweighed by the other.
    let mut controls = ready(PretradeSettings { max_losing_streak: 1, ..wide() });
    let base = open(1, 1);
    let extra = OrderRequest { id: OrderId::new(2), leg: LegId { role: LegRole::Extra, ..base.leg }, ..base };
    for order in [&base, &extra] {
        controls.check(order, &view(start())).unwrap();
        fill(&mut controls, order, 130_005, start());
    }
    for (exit, price) in [(close(3, &extra, 1), 129_995), (close(4, &base, 1), 130_105)] {
        controls.check(&exit, &view(start())).unwrap();
        fill(&mut controls, &exit, price, start());
    }
    assert_eq!(controls.check(&open(900, 1), &view(start())), Ok(()));
}

#[test]
fn what_is_not_known_refuses() {
    let win = Instrument::preset("WINZ26").unwrap();
    let unknown = || {
        let config = PretradeConfig::new(PretradeSettings::default()).unwrap();
        Controls::new(config, vec![win.clone()]).unwrap()
    };
    let mut controls = unknown();
    let expect = |controls: &mut Controls, view: View, expected: &str| {
        let refusal = controls.check(&open(1, 1), &view).unwrap_err();
        assert!(refusal.to_string().contains(expected), "{refusal}");
    };
    let usual = view(start());
    expect(&mut controls, View { session: SessionState::Unknown, ..usual }, "whether the market is open is not known");
    expect(&mut controls, View { session: SessionState::Closed, ..usual }, "the market is closed");
    expect(&mut controls, usual, "were never read");
    controls.on_account(reading(10_000, start()));
    expect(&mut controls, usual, "what is open was never read");
    controls.on_legs(&[]);
    expect(&mut controls, usual, "has no quote");
    controls.on_tick(WIN, &tick(130_000, 130_005, 130_000, start()));
    expect(&mut controls, View { margin: None, ..usual }, "did not say what margin");
    assert_eq!(controls.check(&open(1, 1), &usual), Ok(()));
    let closing = unknown().check(&close(2, &open(1, 1), 1), &usual);
    assert_eq!(closing, Err(Refusal::PositionsUnknown), "a close of what nobody knows could open");
}

#[test]
fn the_account_is_fresh() {
    for (at, expected) in [(59_999, "passes"), (60_000, "passes"), (60_001, "PRETRADE_MAX_ACCOUNT_AGE_SECONDS")] {
        let mut controls = ready(wide());
        controls.on_tick(WIN, &tick(130_000, 130_005, 130_000, ms(at)));
        assert_eq!(name(controls.check(&open(1, 1), &view(ms(at)))), expected, "{at}");
    }
}

#[test]
fn the_larger_margin_has_to_be_free_beside_what_is_promised() {
    // The preset asks 100.00 a contract of WIN.
    for (free, broker, contracts, expected) in [
        (300, 1, 3, "passes"),
        (299, 1, 3, "PRETRADE_MARGIN"),
        (400, 401, 3, "PRETRADE_MARGIN"),
        (401, 401, 3, "passes"),
    ] {
        let mut controls = ready(wide());
        let free_margin = Money::from_units(free);
        controls.on_account(AccountReading { equity: Money::from_units(100_000), free_margin, at: start() });
        let asked = View { margin: Some(Money::from_units(broker)), ..view(start()) };
        assert_eq!(name(controls.check(&open(1, contracts), &asked)), expected, "{free} {broker}");
    }
    let mut controls = ready(wide());
    let account = |at| AccountReading { equity: Money::from_units(9_000), free_margin: Money::from_units(250), at };
    controls.on_account(account(start()));
    let first = open(1, 2);
    controls.check(&first, &view(start())).unwrap();
    let second = |id| open(id, 1);
    assert_eq!(name(controls.check(&second(2), &view(start()))), "PRETRADE_MARGIN", "on its way");
    fill(&mut controls, &first, 130_005, ms(10));
    controls.on_account(account(ms(10)));
    assert_eq!(name(controls.check(&second(2), &view(ms(10)))), "PRETRADE_MARGIN", "the account may not show it yet");
    controls.on_account(account(ms(11)));
    assert_eq!(controls.check(&second(2), &view(ms(11))), Ok(()), "the account shows it");
}

#[test]
fn symbols_are_those_of_the_list() {
    for (symbols, symbol, expected) in [
        (None, WDO, "passes"),
        (Some(vec!["winz26".to_owned()]), WIN, "passes"),
        (Some(vec!["winz26".to_owned()]), WDO, "PRETRADE_SYMBOLS"),
        (None, SymbolId::new(2), "PRETRADE_SYMBOLS"),
    ] {
        let mut controls = ready(PretradeSettings { symbols: symbols.clone(), ..wide() });
        let order = OrderRequest { symbol, ..open(1, 1) };
        assert_eq!(name(controls.check(&order, &view(start()))), expected, "{symbols:?}");
    }
    let nothing = PretradeSettings { symbols: Some(vec!["PETR4".to_owned()]), ..wide() };
    let win = Instrument::preset("WINZ26").unwrap();
    let error = Controls::new(PretradeConfig::new(nothing).unwrap(), vec![win]).unwrap_err();
    assert_eq!((error.key, error.got.as_str()), ("PRETRADE_SYMBOLS", "PETR4"));
}

#[test]
fn a_base_has_its_stop() {
    let naked = OrderRequest { protection: Protection::default(), ..open(1, 1) };
    let extra = OrderRequest { leg: LegId { role: LegRole::Extra, ..naked.leg }, ..naked };
    assert_eq!(ready(wide()).check(&naked, &view(start())), Err(Refusal::NoStop));
    assert_eq!(ready(wide()).check(&extra, &view(start())), Ok(()), "the engine watches the extra's exits");
    let without = PretradeSettings { require_stop: false, ..wide() };
    assert_eq!(ready(without).check(&naked, &view(start())), Ok(()));
}

#[test]
fn the_kill_switch_stops_entries_over_days_and_restarts_and_lets_exits_pass() {
    let mut controls = ready(wide());
    let order = open(1, 2);
    controls.check(&order, &view(start())).unwrap();
    fill(&mut controls, &order, 130_005, start());
    controls.kill(KillCause::Operator);
    controls.kill(KillCause::NotStored);
    assert_eq!(controls.killed(), Some((KillCause::Operator, start())));
    let tomorrow = View { day: TradingDay::from_days(20_718), ..view(ms(86_400_000)) };
    assert_eq!(name(controls.check(&open(2, 1), &tomorrow)), "PRETRADE_KILL_SWITCH");
    let stored = serde_json::to_string(controls.snapshot()).unwrap();
    let mut again = ready(wide());
    again.restore(serde_json::from_str(&stored).unwrap());
    again.on_legs(controls.legs());
    assert_eq!(name(again.check(&open(2, 1), &tomorrow)), "PRETRADE_KILL_SWITCH");
    assert_eq!(again.check(&close(3, &order, 2), &tomorrow), Ok(()));
    again.release();
    assert_eq!(again.killed(), None);
}

#[test]
fn closes_only_reduce() {
    let settings = wide();
    let order = open(1, 3);
    let opened = || {
        let mut controls = ready(settings.clone());
        controls.check(&order, &view(start())).unwrap();
        fill(&mut controls, &order, 130_005, start());
        controls
    };
    for (contracts, expected) in [(2, Ok(())), (3, Ok(()))] {
        assert_eq!(opened().check(&close(2, &order, contracts), &view(start())), expected);
    }
    let crossing = Refusal::WouldCrossFlat { contracts: Contracts::new(4), open: 3, on_their_way: 0 };
    assert_eq!(opened().check(&close(2, &order, 4), &view(start())), Err(crossing));
    let adding = OrderRequest { side: Side::Buy, ..close(2, &order, 1) };
    assert_eq!(opened().check(&adding, &view(start())), Err(Refusal::WouldAdd));
    let stranger = close(2, &open(77, 1), 1);
    let nothing = Refusal::NothingToClose { open: 0, on_their_way: 0 };
    assert_eq!(opened().check(&stranger, &view(start())), Err(nothing));

    // What is on its way is closed once.
    let mut controls = opened();
    controls.check(&close(2, &order, 2), &view(start())).unwrap();
    let crossing = Refusal::WouldCrossFlat { contracts: Contracts::new(2), open: 3, on_their_way: 2 };
    assert_eq!(controls.check(&close(3, &order, 2), &view(ms(2_000))), Err(crossing));
    assert_eq!(controls.check(&close(3, &order, 1), &view(ms(2_000))), Ok(()));
    let nothing = Refusal::NothingToClose { open: 3, on_their_way: 3 };
    assert_eq!(controls.check(&close(4, &order, 1), &view(ms(4_000))), Err(nothing));

    // None of the limits that keep risk away stops an exit.
    let mut controls = opened();
    controls.on_account(reading(1, ms(1)));
    controls.kill(KillCause::Operator);
    let closed = View { session: SessionState::Closed, margin: None, ..view(ms(9_000_000)) };
    assert_eq!(controls.check(&close(2, &order, 3), &closed), Ok(()));
}

#[test]
fn a_deal_is_booked_once() {
    let mut controls = ready(wide());
    let order = open(1, 3);
    controls.check(&order, &view(start())).unwrap();
    let deal = |deal, quantity, remaining| {
        let (quantity, remaining) = (Contracts::new(quantity), Contracts::new(remaining));
        let fill = FillReport { deal, quantity, remaining, ..order.filled(points(130_005), start()) };
        OrderReport::Filled(fill)
    };
    for report in [deal(7, 1, 2), deal(7, 1, 2), deal(8, 2, 0), deal(7, 1, 2)] {
        controls.on_report(&report);
    }
    assert_eq!(controls.legs().iter().map(|leg| leg.quantity.count()).collect::<Vec<_>>(), [3]);
    let crossing = Refusal::WouldCrossFlat { contracts: Contracts::new(4), open: 3, on_their_way: 0 };
    assert_eq!(controls.check(&close(2, &order, 4), &view(start())), Err(crossing));
}

#[test]
fn a_loop_of_closes_is_stopped_and_stops_entries() {
    let settings = PretradeSettings { orders_per_second: 3, closes_per_second: 3, ..wide() };
    let mut controls = ready(settings);
    let order = open(1, 1);
    controls.check(&order, &view(start())).unwrap();
    fill(&mut controls, &order, 130_005, start());
    for id in 2..5 {
        let exit = close(id, &order, 1);
        assert_eq!(controls.check(&exit, &view(ms(id as i64))), Ok(()), "{id}");
        controls.on_report(&exit.rejected(RejectReason::Other, start()));
    }
    let refusal = controls.check(&close(5, &order, 1), &view(ms(10))).unwrap_err();
    assert_eq!(refusal, Refusal::CloseRate { within: Span::Second, sent: 3, max: 3 });
    assert!(refusal.is_critical());
    assert_eq!(controls.killed().map(|(cause, _)| cause), Some(KillCause::RunawayCloses));
    assert_eq!(controls.check(&close(6, &order, 1), &view(ms(1_002))), Ok(()), "a second later");
}

#[test]
fn a_loop_of_changes_is_stopped() {
    let settings = PretradeSettings { changes_per_second: 2, changes_per_minute: 3, ..wide() };
    let mut controls = ready(settings);
    for (at, expected) in [
        (0, "passes"),
        (1, "passes"),
        (999, "PRETRADE_MAX_CHANGES_PER_SECOND"),
        (1_000, "passes"),
        (30_000, "PRETRADE_MAX_CHANGES_PER_MINUTE"),
        (60_000, "passes"),
    ] {
        assert_eq!(name(controls.check_change(ms(at), today())), expected, "{at}");
    }
    assert_eq!(controls.killed().map(|(cause, _)| cause), Some(KillCause::RunawayChanges));
}

#[test]
fn settings_that_cannot_be_are_named() {
    let base = PretradeSettings::default();
    for (settings, key) in [
        (PretradeSettings { max_order_contracts: 0, ..base.clone() }, "PRETRADE_MAX_ORDER_CONTRACTS"),
        (PretradeSettings { max_position_contracts: 19, ..base.clone() }, "PRETRADE_MAX_POSITION_CONTRACTS"),
        (PretradeSettings { max_notional: Money::ZERO, ..base.clone() }, "PRETRADE_MAX_NOTIONAL"),
        (PretradeSettings { orders_per_minute: 3, ..base.clone() }, "PRETRADE_MAX_ORDERS_PER_MINUTE"),
        (PretradeSettings { orders_per_day: 19, ..base.clone() }, "PRETRADE_MAX_ORDERS_PER_DAY"),
        (PretradeSettings { closes_per_second: 3, ..base.clone() }, "PRETRADE_MAX_CLOSES_PER_SECOND"),
        (PretradeSettings { closes_per_minute: 19, ..base.clone() }, "PRETRADE_MAX_CLOSES_PER_MINUTE"),
        (PretradeSettings { closes_per_day: 199, ..base.clone() }, "PRETRADE_MAX_CLOSES_PER_DAY"),
        (PretradeSettings { changes_per_minute: 19, ..base.clone() }, "PRETRADE_MAX_CHANGES_PER_MINUTE"),
        (PretradeSettings { collar_percent_micros: None, ..base.clone() }, "PRETRADE_COLLAR_PERCENT"),
        (PretradeSettings { collar_percent_micros: Some(100_000_000), ..base.clone() }, "PRETRADE_COLLAR_PERCENT"),
        (PretradeSettings { max_spread_percent_micros: Some(0), ..base.clone() }, "PRETRADE_MAX_SPREAD_PERCENT"),
        (PretradeSettings { max_spread_points: Some(0), ..base.clone() }, "PRETRADE_MAX_SPREAD_POINTS"),
        (PretradeSettings { duplicate_window_ms: 60_001, ..base.clone() }, "PRETRADE_DUPLICATE_WINDOW_MS"),
        (PretradeSettings { daily_loss_limit: Some(Money::ZERO), ..base.clone() }, "PRETRADE_DAILY_LOSS_LIMIT"),
        (PretradeSettings { symbols: Some(Vec::new()), ..base.clone() }, "PRETRADE_SYMBOLS"),
    ] {
        assert_eq!(PretradeConfig::new(settings).unwrap_err().key, key);
    }
    assert!(PretradeConfig::new(base).is_ok());
}

#[derive(Clone, Debug)]
enum Step {
    Order { contracts: u32, long: bool, extra: bool },
    Close { which: usize, contracts: u32 },
    Fill { which: usize, part: u32 },
    Refuse { which: usize },
    Wait { ms: i64 },
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..8_u32, any::<bool>(), any::<bool>())
            .prop_map(|(contracts, long, extra)| Step::Order { contracts, long, extra }),
        3 => (0..8_usize, 1..8_u32).prop_map(|(which, contracts)| Step::Close { which, contracts }),
        4 => (0..8_usize, 1..8_u32).prop_map(|(which, part)| Step::Fill { which, part }),
        1 => (0..8_usize).prop_map(|which| Step::Refuse { which }),
        3 => prop_oneof![0..50_i64, 0..2_000_i64, 20_000..70_000_i64].prop_map(|ms| Step::Wait { ms }),
        1 => Just(Step::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// An exchange of its own books every order that passed; none of its books ever breaks a limit.
    #[test]
    fn no_sequence_of_accepted_orders_breaks_a_limit(steps in prop::collection::vec(step(), 1..120)) {
        let settings = PretradeSettings {
            max_order_contracts: 5, max_position_contracts: 9, max_open_orders: 3,
            orders_per_second: 2, orders_per_minute: 6, orders_per_day: 12,
            closes_per_second: 3, closes_per_minute: 9, closes_per_day: 20,
            max_notional: Money::from_units(200_000), ..wide()
        };
        let mut controls = ready(settings.clone());
        let (mut now, mut id) = (start(), 0);
        let mut working: Vec<(OrderRequest, u32)> = Vec::new();
        let mut legs: Vec<(OrderRequest, u32)> = Vec::new();
        let (mut opened_at, mut closed_at): (Vec<Timestamp>, Vec<Timestamp>) = (Vec::new(), Vec::new());
        for step in steps {
            match step {
                Step::Wait { ms } => {
                    now = now.plus_micros(ms * 1_000);
                    controls.on_tick(WIN, &tick(130_000, 130_005, 130_000, now));
                    controls.on_account(reading(100_000, now));
                }
                Step::Order { contracts, long, extra } => {
                    id += 1;
                    let order = open(id, contracts);
                    let role = if extra { LegRole::Extra } else { LegRole::Base };
                    let side = if long { Side::Buy } else { Side::Sell };
                    let order = OrderRequest { side, leg: LegId { role, ..order.leg }, ..order };
                    if controls.check(&order, &view(now)).is_ok() {
                        opened_at.push(now);
                        working.push((order, contracts));
                    }
                }
                Step::Close { which, contracts } => {
                    let Some((leg, _)) = legs.get(which % legs.len().max(1)).copied() else { continue };
                    id += 1;
                    let order = close(id, &leg, contracts);
                    if controls.check(&order, &view(now)).is_ok() {
                        closed_at.push(now);
                        working.push((order, contracts));
                    }
                }
                Step::Fill { which, part } => {
                    if working.is_empty() { continue }
                    let index = which % working.len();
                    let (order, left) = working[index];
                    let part = part.min(left);
                    working[index].1 -= part;
                    let quantity = Contracts::new(part);
                    let remaining = Contracts::new(left - part);
                    let fill = FillReport { quantity, remaining, ..order.filled(points(130_005), now) };
                    controls.on_report(&OrderReport::Filled(fill));
                    let leg = legs.iter_mut().find(|(leg, _)| leg.leg == order.leg);
                    match (order.intent, leg) {
                        (OrderIntent::Open, None) => legs.push((order, part)),
                        (OrderIntent::Open, Some((_, open))) => *open += part,
                        (OrderIntent::Close, leg) => {
                            let (_, open) = leg.expect("a close of a leg that is not there");
                            prop_assert!(part <= *open, "crossed flat");
                            *open -= part;
                        }
                    }
                    legs.retain(|(_, open)| *open > 0);
                    working.retain(|(_, left)| *left > 0);
                }
                Step::Refuse { which } => {
                    if working.is_empty() { continue }
                    let (order, _) = working.remove(which % working.len());
                    controls.on_report(&order.rejected(RejectReason::Other, now));
                }
                Step::Restart => {
                    let stored = serde_json::to_string(controls.snapshot()).unwrap();
                    let mut next = ready(settings.clone());
                    next.restore(serde_json::from_str(&stored).unwrap());
                    let leg = |(order, open): &(OrderRequest, u32)| OpenLeg {
                        symbol: order.symbol, leg: order.leg, side: order.side,
                        quantity: Contracts::new(*open), entry: points(130_005),
                    };
                    next.on_legs(&legs.iter().map(leg).collect::<Vec<_>>());
                    next.on_tick(WIN, &tick(130_000, 130_005, 130_000, now));
                    next.on_account(reading(100_000, now));
                    controls = next;
                }
            }
            let coming = || working.iter().filter(|(order, _)| order.intent == OrderIntent::Open);
            let position: u32 = legs.iter().chain(coming()).map(|(_, contracts)| contracts).sum();
            prop_assert!(position <= 9, "{position} contracts");
            prop_assert!(position * 26_001 <= 200_000, "notional");
            prop_assert!(coming().count() <= 3);
            for (leg, open) in &legs {
                let closing: u32 = working.iter()
                    .filter(|(order, _)| order.intent == OrderIntent::Close && order.leg == leg.leg)
                    .map(|(_, left)| left).sum();
                prop_assert!(closing <= *open, "{closing} of {open} contracts are being closed");
            }
            for (sent, second, minute, day) in [(&opened_at, 2, 6, 12), (&closed_at, 3, 9, 20)] {
                prop_assert!(sent.len() <= day);
                for (index, at) in sent.iter().enumerate() {
                    let within = |micros| sent[index..].iter().filter(|later| **later < at.plus_micros(micros)).count();
                    prop_assert!(within(1_000_000) <= second && within(60_000_000) <= minute);
                }
            }
        }
    }
}
