use alavanca_kernel::{
    Allocation, Hour, Layer, LayerMask, LayerValue, MarketContext, Money, Refusal, Regime, RegimeSet, RiskState,
    SymbolId, Timestamp, TradingDay, Unit,
};
use proptest::prelude::*;

use crate::{Capital, CapitalConfig, CapitalSettings, CapitalShortfall, ForbiddenModes, ReleverageMode};

const BROKER: Money = Money::from_units(150);

fn brl(units: i64) -> Money {
    Money::from_units(units)
}

fn unit(value: f64) -> Option<Unit> {
    let unit = Unit::new(value);
    assert!(unit.is_some(), "{value} is no unit, and would be tested as missing");
    unit
}

/// Everything known, every layer of the default settings passed, money for 10 + 1.
fn fine() -> MarketContext {
    MarketContext {
        symbol: SymbolId::new(0),
        at: Timestamp::from_secs(1_615_494_900),
        day: TradingDay::from_days(18_697),
        hour: Hour::new(14).unwrap(),
        regime: Regime::TrendUp,
        transition: Some(false),
        confidence: unit(0.80),
        disagreement: unit(0.10),
        liquidity: unit(0.60),
        daily_profit: Some(brl(100)),
        equity: Some(brl(10_000)),
        margin_elsewhere: Money::ZERO,
        free_margin: Some(brl(10_000)),
        cooldown_until: None,
        risk: RiskState::Active,
    }
}

fn capital(settings: CapitalSettings) -> Capital {
    Capital::new(CapitalConfig::new(settings).unwrap())
}

fn defaults() -> CapitalSettings {
    CapitalSettings::default()
}

/// Base, extra and stored reason.
fn sized(settings: CapitalSettings, ctx: MarketContext, broker: Money) -> (u32, u32, &'static str) {
    let allocation = capital(settings).allocate(&ctx, broker);
    (allocation.base.count(), allocation.extra.count(), allocation.reason())
}

#[test]
fn near_an_announcement_the_base_is_smaller_and_alone() {
    // capital, size → base
    for (brl_of_capital, size, base) in
        [(10_000, 0.5, 5), (9_000, 0.5, 4), (3_000, 0.34, 1), (3_000, 0.33, 1), (1_000, 0.5, 1), (10_000, 1.0, 10)]
    {
        let mut capital = capital(CapitalSettings { operator_capital: brl(brl_of_capital), ..defaults() });
        let usual = capital.allocate(&fine(), BROKER);
        assert_eq!(usual.extra.count(), 1);
        let at = fine().at.plus_secs(60);
        let near = capital.allocate_near_news(&fine(), BROKER, (Unit::new(size).unwrap(), at));
        assert_eq!((near.base.count(), near.extra.count()), (base, 0), "{brl_of_capital} × {size}");
        assert_eq!(near.refusal, Some(Refusal::News { at, usual: usual.base }));
        assert_eq!(near.reason(), "news");
        assert_eq!(capital.last().unwrap().allocation, near, "what was given is what is remembered");
    }
    // No money for a contract is its own reason.
    let mut poor = capital(CapitalSettings { operator_capital: brl(500), ..defaults() });
    let near = poor.allocate_near_news(&fine(), BROKER, (Unit::new(0.5).unwrap(), fine().at));
    assert_eq!((near.base.count(), near.reason()), (0, "capital_shortfall"));
}

#[test]
fn the_formula_holds_to_the_letter() {
    // capital, margin, cap, minimum → base (semantics 5)
    for (capital_brl, margin, cap, min, base) in [
        (10_000, 1_000, 10, 1, 10),
        (500, 1_000, 10, 1, 1),
        (0, 1_000, 10, 3, 3),
        (9_999, 1_000, 10, 1, 9),
        (10_999, 1_000, 20, 1, 10),
        (50_000, 500, 20, 1, 20),
        (5_000, 1_000, 5, 1, 5),
        (1_999, 1_000, 10, 2, 2),
    ] {
        let settings = CapitalSettings {
            operator_capital: brl(capital_brl),
            margin_per_contract: brl(margin),
            max_contracts_cap: cap,
            min_contracts: min,
            ..defaults()
        };
        assert_eq!(
            capital(settings).base_contracts().count(),
            base,
            "{capital_brl} / {margin}, cap {cap}, minimum {min}"
        );
    }
}

#[test]
fn the_three_profiles_size_as_they_say() {
    let conservative = CapitalSettings {
        operator_capital: brl(5_000),
        max_contracts_cap: 5,
        releverage_enabled: false,
        min_confidence: 0.80,
        min_profit_today: brl(100),
        ..defaults()
    };
    let aggressive = CapitalSettings {
        operator_capital: brl(50_000),
        margin_per_contract: brl(500),
        max_contracts_cap: 20,
        min_confidence: 0.60,
        require_profit_today: false,
        allowed_regimes: RegimeSet::of(&[Regime::TrendUp, Regime::TrendDown, Regime::Range]),
        ..defaults()
    };
    let rich = MarketContext { equity: Some(brl(50_000)), free_margin: Some(brl(50_000)), ..fine() };
    let losing_range =
        MarketContext { regime: Regime::Range, confidence: unit(0.60), daily_profit: Some(brl(-100)), ..rich };
    for (name, settings, ctx, expected) in [
        ("balanced: 10 and 1 more", defaults(), fine(), (10, 1, "approved")),
        ("balanced keeps to trends", defaults(), losing_range, (10, 0, "regime_not_allowed")),
        ("conservative never adds", conservative, rich, (5, 0, "disabled")),
        ("aggressive adds above its cap", aggressive, rich, (20, 1, "approved")),
        ("aggressive adds in a range, without profit", aggressive, losing_range, (20, 1, "approved")),
    ] {
        assert_eq!(sized(settings, ctx, BROKER), expected, "{name}");
    }
}

#[test]
fn money_bounds_the_allocation() {
    let min3 = CapitalSettings { min_contracts: 3, ..defaults() };
    let forced = CapitalSettings { capital_shortfall: CapitalShortfall::ForceMin, ..min3 };
    let with = |equity, elsewhere, free| MarketContext {
        equity: Some(brl(equity)),
        margin_elsewhere: brl(elsewhere),
        free_margin: Some(brl(free)),
        ..fine()
    };
    let lone = CapitalSettings { operator_capital: brl(500), ..defaults() };
    for (name, settings, ctx, broker, expected) in [
        ("500 BRL", lone, with(500, 0, 500), 150, (0, 0, "capital_shortfall")),
        ("equity below the configured capital", defaults(), with(7_999, 0, 7_999), 150, (7, 1, "approved")),
        ("equity above it adds nothing", defaults(), with(99_999, 0, 99_999), 150, (10, 1, "approved")),
        ("margin held elsewhere", defaults(), with(10_000, 4_001, 10_000), 150, (5, 1, "approved")),
        ("all held elsewhere", defaults(), with(10_000, 10_000, 10_000), 150, (0, 0, "capital_shortfall")),
        ("negative equity", defaults(), with(-1, 0, 10_000), 150, (0, 0, "capital_shortfall")),
        ("a holding below zero adds nothing", defaults(), with(5_000, -5_000, 9_000), 150, (5, 1, "approved")),
        ("a centavo short of the minimum", min3, with(2_999, 0, 9_000), 150, (0, 0, "capital_shortfall")),
        ("the minimum exactly", min3, with(3_000, 0, 9_000), 150, (3, 1, "approved")),
        ("the minimum forced", forced, with(2_999, 0, 9_000), 150, (3, 1, "approved")),
        ("forced, but not by the broker", forced, with(2_999, 0, 449), 150, (0, 0, "broker_margin")),
        ("the broker covers all", defaults(), with(10_000, 0, 1_650), 150, (10, 1, "approved")),
        ("the broker covers no extra", defaults(), with(10_000, 0, 1_649), 150, (10, 0, "broker_margin")),
        ("the broker covers the base exactly", defaults(), with(10_000, 0, 1_500), 150, (10, 0, "broker_margin")),
        ("the broker covers a part of the base", defaults(), with(10_000, 0, 1_499), 150, (9, 0, "broker_margin")),
        ("the broker covers less than the minimum", min3, with(10_000, 0, 449), 150, (0, 0, "broker_margin")),
        ("the broker covers the minimum", min3, with(10_000, 0, 450), 150, (3, 0, "broker_margin")),
        ("nothing free", defaults(), with(10_000, 0, 0), 150, (0, 0, "broker_margin")),
        ("free margin below zero", defaults(), with(10_000, 0, -1), 150, (0, 0, "broker_margin")),
        ("no broker margin, no bound", defaults(), with(10_000, 0, 0), 0, (10, 1, "approved")),
        ("a broker margin below zero is none", defaults(), with(10_000, 0, 10_000), -150, (0, 0, "broker_margin")),
    ] {
        assert_eq!(sized(settings, ctx, brl(broker)), expected, "{name}");
    }
    let boundless = MarketContext { free_margin: Some(Money::from_cents(i64::MAX)), ..fine() };
    let endless = Money::from_cents(i64::MAX);
    assert_eq!(sized(defaults(), boundless, endless), (1, 0, "broker_margin"), "a product beyond all bounds");
    let (a, b) = (MarketContext { equity: None, ..fine() }, MarketContext { free_margin: None, ..fine() });
    for settings in [defaults(), forced] {
        for ctx in [a, b] {
            assert_eq!(sized(settings, ctx, BROKER), (0, 0, "equity_unknown"));
            assert_eq!(
                sized(settings, ctx, Money::ZERO),
                (0, 0, "equity_unknown"),
                "an unbounded margin excuses nothing"
            );
        }
    }
}

#[test]
fn extras_are_given_as_far_as_they_go() {
    let three = CapitalSettings { max_extra_contracts: 3, ..defaults() };
    let none = CapitalSettings { max_extra_contracts: 0, ..defaults() };
    let free = |units| MarketContext { free_margin: Some(brl(units)), ..fine() };
    assert_eq!(sized(three, free(1_950), BROKER), (10, 3, "approved"));
    assert_eq!(sized(three, free(1_949), BROKER), (10, 2, "approved"));
    assert_eq!(sized(three, free(1_649), BROKER), (10, 0, "broker_margin"));
    assert_eq!(sized(none, fine(), BROKER), (10, 0, "no_extra_configured"));
    let failing = MarketContext { transition: Some(true), ..fine() };
    assert_eq!(sized(none, failing, BROKER), (10, 0, "transition_active"), "the layer is named first");
}

#[test]
fn refusals_carry_their_numbers() {
    let refusal = |settings, ctx| capital(settings).allocate(&ctx, BROKER).refusal.unwrap();
    let poor = MarketContext { equity: Some(brl(2_500)), ..fine() };
    let min3 = CapitalSettings { min_contracts: 3, ..defaults() };
    let free = |units| MarketContext { free_margin: Some(brl(units)), ..fine() };
    assert_eq!(refusal(min3, poor), Refusal::CapitalShortfall { capital: brl(2_500), needed: brl(3_000) });
    let (free_one, free_ten) = (free(1_600), free(1_400));
    assert_eq!(refusal(defaults(), free_one), Refusal::BrokerMargin { free: brl(1_600), needed: brl(1_650) });
    assert_eq!(refusal(defaults(), free_ten), Refusal::BrokerMargin { free: brl(1_400), needed: brl(1_500) });
    let unsure = MarketContext { confidence: unit(0.5), ..fine() };
    let below = Refusal::ConfidenceBelow { got: unit(0.5), min: Unit::new(0.70).unwrap() };
    assert_eq!(refusal(defaults(), unsure), below);
    assert_eq!(capital(defaults()).releverage(&unsure), Err(below));
    assert_eq!(capital(defaults()).releverage(&fine()), Ok(()));
}

/// Settings and a context in which exactly the layers of `passing` pass.
fn combination(passing: u8) -> (CapitalSettings, MarketContext) {
    let (mut settings, mut ctx) = (defaults(), fine());
    let on = |layer: Layer| passing >> layer.index() & 1 == 1;
    settings.releverage_enabled = on(Layer::Enabled);
    // Chaotic is forbidden, Range is neither; what is allowed is the layer's own matter.
    ctx.regime = if on(Layer::RegimeNotForbidden) { Regime::Range } else { Regime::Chaotic };
    settings.allowed_regimes = if on(Layer::RegimeAllowed) {
        RegimeSet::of(&[Regime::Range, Regime::Chaotic])
    } else {
        RegimeSet::of(&[Regime::TrendUp])
    };
    ctx.transition = Some(!on(Layer::NoTransition));
    ctx.confidence = unit(if on(Layer::Confidence) { 0.9 } else { 0.1 });
    ctx.daily_profit = Some(brl(if on(Layer::DailyProfit) { 51 } else { 49 }));
    ctx.liquidity = unit(if on(Layer::Liquidity) { 0.9 } else { 0.1 });
    ctx.disagreement = unit(if on(Layer::Disagreement) { 0.1 } else { 0.9 });
    (settings, ctx)
}

/// The reason that each layer gives, in the specification's order.
const REASONS: [&str; Layer::COUNT] = [
    "disabled",
    "regime_forbidden",
    "regime_not_allowed",
    "transition_active",
    "confidence_below_minimum",
    "daily_profit_below_minimum",
    "liquidity_below_minimum",
    "disagreement_above_maximum",
];

#[test]
fn all_256_combinations_of_the_layers() {
    for passing in 0..=u8::MAX {
        let (settings, ctx) = combination(passing);
        let mut capital = capital(settings);
        let Allocation { base, extra, layers, refusal, .. } = capital.allocate(&ctx, BROKER);
        assert_eq!(layers.bits(), passing, "{passing:08b}");
        assert_eq!(base.count(), 10, "{passing:08b}: the layers judge the extra alone");
        let first_failed = (0..Layer::COUNT).find(|i| passing & (1 << i) == 0);
        assert_eq!(refusal.map(|r| r.as_str()), first_failed.map(|i| REASONS[i]), "{passing:08b}");
        assert_eq!(extra.count(), u32::from(passing == u8::MAX), "{passing:08b}");
        assert_eq!(capital.releverage(&ctx).err(), refusal, "{passing:08b}");
        for (i, outcome) in capital.explain(&ctx).iter().enumerate() {
            assert_eq!((outcome.layer.index(), outcome.passed), (i, passing & (1 << i) != 0), "{passing:08b}");
        }
    }
}

#[test]
fn thresholds_to_the_last_bit() {
    let settings = defaults();
    let (up, down) = (f64::next_up, f64::next_down);
    let cent = Money::from_cents(1);
    let profit = |amount| MarketContext { daily_profit: Some(amount), ..fine() };
    for (name, ctx, passes) in [
        ("confidence −ε", MarketContext { confidence: unit(down(0.70)), ..fine() }, false),
        ("confidence exact", MarketContext { confidence: unit(0.70), ..fine() }, true),
        ("confidence +ε", MarketContext { confidence: unit(up(0.70)), ..fine() }, true),
        ("profit −ε", profit(brl(50) - cent), false),
        ("profit exact", profit(brl(50)), true),
        ("profit +ε", profit(brl(50) + cent), true),
        ("liquidity −ε", MarketContext { liquidity: unit(down(0.50)), ..fine() }, false),
        ("liquidity exact", MarketContext { liquidity: unit(0.50), ..fine() }, true),
        ("liquidity +ε", MarketContext { liquidity: unit(up(0.50)), ..fine() }, true),
        ("disagreement −ε", MarketContext { disagreement: unit(down(0.40)), ..fine() }, true),
        ("disagreement exact", MarketContext { disagreement: unit(0.40), ..fine() }, true),
        ("disagreement +ε", MarketContext { disagreement: unit(up(0.40)), ..fine() }, false),
    ] {
        assert_eq!(capital(settings).layers(&ctx) == LayerMask::ALL, passes, "{name}");
    }
}

#[test]
fn what_is_missing_fails_its_layer_and_only_its_layer() {
    for (layer, ctx) in [
        (Layer::NoTransition, MarketContext { transition: None, ..fine() }),
        (Layer::Confidence, MarketContext { confidence: None, ..fine() }),
        (Layer::DailyProfit, MarketContext { daily_profit: None, ..fine() }),
        (Layer::Liquidity, MarketContext { liquidity: None, ..fine() }),
        (Layer::Disagreement, MarketContext { disagreement: None, ..fine() }),
    ] {
        let capital = capital(defaults());
        assert_eq!(capital.layers(&ctx).bits(), !(1 << layer.index()), "{layer}");
        assert_eq!(capital.explain(&ctx)[layer.index()].input, LayerValue::Missing, "{layer}");
    }
    // Even a demand that everything known meets is not met by what is unknown.
    let lenient = CapitalSettings {
        min_confidence: 0.0,
        min_liquidity: 0.0,
        max_disagreement: 1.0,
        min_profit_today: Money::ZERO,
        ..defaults()
    };
    let unknown = MarketContext { confidence: None, liquidity: None, disagreement: None, daily_profit: None, ..fine() };
    assert_eq!(capital(lenient).layers(&unknown).bits(), 0b0000_1111);
    let unknown = MarketContext { transition: None, ..fine() };
    assert_eq!(capital(defaults()).releverage(&unknown), Err(Refusal::TransitionActive { known: false }));
}

#[test]
fn what_is_not_demanded_passes_unseen() {
    let settings = CapitalSettings { forbid_transition: false, require_profit_today: false, ..defaults() };
    for (transition, daily_profit) in [(Some(true), Some(brl(-500))), (None, None)] {
        let ctx = MarketContext { transition, daily_profit, ..fine() };
        let capital = capital(settings);
        assert_eq!(capital.layers(&ctx), LayerMask::ALL);
        for layer in [Layer::NoTransition, Layer::DailyProfit] {
            assert_eq!(capital.explain(&ctx)[layer.index()].threshold, LayerValue::NotRequired);
        }
    }
}

#[test]
fn every_regime_meets_its_lists() {
    let settings = CapitalSettings {
        allowed_regimes: RegimeSet::of(&[Regime::TrendUp, Regime::Chaotic]),
        forbidden_regimes: RegimeSet::of(&[Regime::Chaotic, Regime::HighVol]),
        ..defaults()
    };
    for (regime, expected) in [
        (Regime::TrendUp, Ok(())),
        (Regime::Range, Err(Refusal::RegimeNotAllowed { regime: Regime::Range })),
        (Regime::HighVol, Err(Refusal::RegimeForbidden { regime: Regime::HighVol })),
        // On both lists.
        (Regime::Chaotic, Err(Refusal::RegimeForbidden { regime: Regime::Chaotic })),
    ] {
        assert_eq!(capital(settings).releverage(&MarketContext { regime, ..fine() }), expected, "{regime}");
    }
}

#[test]
fn forbidden_modes_are_regimes_and_a_flag() {
    let modes = |text: &str| text.parse::<ForbiddenModes>();
    let chaotic = RegimeSet::of(&[Regime::Chaotic]);
    assert_eq!(modes("TRANSITION,CHAOTIC"), Ok(ForbiddenModes { regimes: chaotic, transition: true }));
    assert_eq!(modes(" CHAOTIC , "), Ok(ForbiddenModes { regimes: chaotic, transition: false }));
    assert_eq!(modes(""), Ok(ForbiddenModes { regimes: RegimeSet::EMPTY, transition: false }));
    assert!(modes("CHAOTIC,WILD").unwrap_err().to_string().contains("TRANSITION, TREND_UP"));
    let defaults = CapitalSettings::default();
    let specified = modes("TRANSITION,CHAOTIC").unwrap();
    assert_eq!((defaults.forbidden_regimes, defaults.forbid_transition), (specified.regimes, specified.transition));
    assert_eq!("FORCE_MIN".parse(), Ok(CapitalShortfall::ForceMin));
    assert_eq!("HYBRID".parse(), Ok(ReleverageMode::Hybrid));
    assert!("HYBRID_ONLY".parse::<ReleverageMode>().unwrap_err().to_string().contains("SCALP_ONLY, HYBRID"));
}

#[test]
fn impossible_settings_are_refused_by_name() {
    let refused: [(&str, fn(&mut CapitalSettings)); 14] = [
        ("OPERATOR_CAPITAL_BRL", |s| s.operator_capital = Money::from_cents(-1)),
        ("OPERATOR_CAPITAL_BRL", |s| s.operator_capital = Money::from_cents(i64::MAX)),
        ("MARGIN_PER_CONTRACT_BRL", |s| s.margin_per_contract = Money::ZERO),
        ("MARGIN_PER_CONTRACT_BRL", |s| s.margin_per_contract = Money::from_cents(-1)),
        ("MAX_CONTRACTS_CAP", |s| s.max_contracts_cap = 0),
        ("MAX_CONTRACTS_CAP", |s| {
            s.max_contracts_cap = 1_000_000;
            s.margin_per_contract = Money::from_units(1_000_000_000_000);
        }),
        ("MIN_CONTRACTS", |s| s.min_contracts = 0),
        ("MIN_CONTRACTS", |s| s.min_contracts = 11),
        ("REALAVANCAGEM_MAX_EXTRA_CONTRACTS", |s| s.max_extra_contracts = u32::MAX),
        ("REALAVANCAGEM_MIN_PROFIT_TODAY_BRL", |s| s.min_profit_today = Money::from_cents(-1)),
        ("REALAVANCAGEM_MIN_GLOBAL_CONF", |s| s.min_confidence = f64::NAN),
        ("REALAVANCAGEM_MIN_GLOBAL_CONF", |s| s.min_confidence = 1.0_f64.next_up()),
        ("REALAVANCAGEM_MIN_LIQUIDITY", |s| s.min_liquidity = -0.01),
        ("REALAVANCAGEM_MAX_DISAGREEMENT", |s| s.max_disagreement = f64::INFINITY),
    ];
    for (key, spoil) in refused {
        let mut settings = defaults();
        spoil(&mut settings);
        assert_eq!(CapitalConfig::new(settings).unwrap_err().key, key);
    }
    let extremes = CapitalSettings { operator_capital: Money::ZERO, max_extra_contracts: 0, ..defaults() };
    assert!(CapitalConfig::new(extremes).is_ok());
}

#[test]
fn answers_are_remembered_and_counted() {
    let mut capital = capital(defaults());
    assert_eq!((capital.last(), capital.history(9).count()), (None, 0));
    assert!(capital.stats().avg_base_contracts.abs() < f64::EPSILON, "no division by nothing");
    let ctx = |i: usize| MarketContext { at: Timestamp::from_secs(i as i64), ..fine() };
    // An extra, a base of 5, nothing: over and over.
    let spoiled = |i: usize| match i % 3 {
        0 => ctx(i),
        1 => MarketContext { equity: Some(brl(5_000)), liquidity: None, ..ctx(i) },
        _ => MarketContext { equity: None, ..ctx(i) },
    };
    let rounds = 3 * Capital::HISTORY;
    for i in 0..rounds {
        capital.allocate(&spoiled(i), BROKER);
    }
    let stats = capital.stats();
    assert_eq!((stats.total_decisions, stats.refused_decisions), (rounds as u64, Capital::HISTORY as u64));
    assert_eq!(stats.max_final_contracts, 11);
    assert!((stats.avg_base_contracts - 5.0).abs() < 1e-12 && (stats.releverage_frequency - 1.0 / 3.0).abs() < 1e-12);
    assert_eq!(capital.last().unwrap().at, Timestamp::from_secs(rounds as i64 - 1));
    let seconds: Vec<_> = capital.history(2).map(|entry| entry.at.secs()).collect();
    assert_eq!(seconds, [rounds as i64 - 2, rounds as i64 - 1], "the newest last");
    assert_eq!(capital.history(usize::MAX).count(), Capital::HISTORY, "bounded");
}

prop_compose! {
    fn any_money()(cents in prop_oneof![-1_000_000_i64..20_000_000, Just(i64::MIN), Just(i64::MAX), Just(0)]) -> Money {
        Money::from_cents(cents)
    }
}

prop_compose! {
    fn any_settings()(
        cap in 1_u32..50,
        min_part in 0.0_f64..=1.0,
        capital in 0_i64..20_000_000,
        margin in 1_i64..500_000,
        extra in 0_u32..5,
        force in any::<bool>(),
    ) -> CapitalSettings {
        CapitalSettings {
            operator_capital: Money::from_cents(capital),
            margin_per_contract: Money::from_cents(margin),
            max_contracts_cap: cap,
            min_contracts: 1 + (f64::from(cap - 1) * min_part) as u32,
            max_extra_contracts: extra,
            capital_shortfall: if force { CapitalShortfall::ForceMin } else { CapitalShortfall::Refuse },
            ..defaults()
        }
    }
}

prop_compose! {
    fn any_context()(
        passing in prop_oneof![Just(u8::MAX), any::<u8>()],
        equity in proptest::option::weighted(0.9, any_money()),
        free in proptest::option::weighted(0.9, any_money()),
        elsewhere in any_money(),
    ) -> MarketContext {
        let liquidity = unit(if passing == u8::MAX { 0.9 } else { f64::from(passing) / 255.0 });
        MarketContext { liquidity, equity, free_margin: free, margin_elsewhere: elsewhere, ..fine() }
    }
}

proptest! {
    #[test]
    fn nothing_is_given_that_money_does_not_cover(
        settings in any_settings(),
        ctx in any_context(),
        broker in prop_oneof![0_i64..300_000, Just(i64::MAX), Just(-1)],
    ) {
        let broker = Money::from_cents(broker);
        let given = capital(settings).allocate(&ctx, broker);
        let (base, extra, total) = (given.base.count(), given.extra.count(), given.total().count());
        prop_assert_eq!(total, base + extra);
        prop_assert!(base <= settings.max_contracts_cap && extra <= settings.max_extra_contracts);
        prop_assert!(base == 0 || base >= settings.min_contracts, "the minimum or nothing");
        prop_assert!(extra == 0 || (base > 0 && given.layers == LayerMask::ALL && given.refusal.is_none()));
        prop_assert_eq!(given.refusal.is_none(), extra > 0, "a reason wherever something is missing");
        if total > 0 {
            let (equity, free) = (ctx.equity.unwrap(), ctx.free_margin.unwrap());
            let wide = |money: Money, n: u32| i128::from(money.cents()) * i128::from(n);
            prop_assert!(broker == Money::ZERO || wide(broker, total) <= i128::from(free.cents()));
            prop_assert!(broker >= Money::ZERO);
            let capital = settings.operator_capital.min(equity).cents();
            prop_assert!(given.capital.cents() <= capital.max(0));
            let forced = settings.capital_shortfall == CapitalShortfall::ForceMin && base <= settings.min_contracts;
            prop_assert!(forced || wide(settings.margin_per_contract, base) <= i128::from(given.capital.cents()));
        }
    }

    #[test]
    fn sizing_is_the_formula_where_the_broker_bounds_nothing(settings in any_settings(), equity in 0_i64..20_000_000) {
        let ctx = MarketContext { equity: Some(Money::from_cents(equity)), ..fine() };
        let given = capital(settings).allocate(&ctx, Money::ZERO).base.count();
        // By plain division, without the shortcut at the cap.
        let carried = settings.operator_capital.cents().min(equity) / settings.margin_per_contract.cents();
        let refused =
            carried < i64::from(settings.min_contracts) && settings.capital_shortfall == CapitalShortfall::Refuse;
        let formula = carried.max(i64::from(settings.min_contracts)).min(i64::from(settings.max_contracts_cap));
        prop_assert_eq!(i64::from(given), if refused { 0 } else { formula });
    }
}

#[test]
fn settings_read_with_their_defaults() {
    let read: CapitalSettings =
        serde_json::from_str(r#"{"max_contracts_cap": 4, "capital_shortfall": "FORCE_MIN"}"#).unwrap();
    let expected =
        CapitalSettings { max_contracts_cap: 4, capital_shortfall: CapitalShortfall::ForceMin, ..defaults() };
    assert_eq!(read, expected);
    assert!(
        serde_json::from_str::<CapitalSettings>(r#"{"max_contract_cap": 4}"#).is_err(),
        "a misspelled key must not vanish"
    );
}
