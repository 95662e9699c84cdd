use alavanca_kernel::{
    Action, ActionSet, Allocation, Contracts, ExitAt, Hour, LayerMask, Level, MarketContext, Money, Price, Regime,
    RiskState, Side, Signal, SymbolId, Timestamp, TradingDay, Unit,
};
use proptest::prelude::*;

use crate::{Gate, GateConfig, GateSettings};

fn gate(settings: GateSettings) -> Gate {
    Gate::new(GateConfig::new(settings).unwrap())
}

fn defaults() -> GateSettings {
    GateSettings::default()
}

fn allocation(base: u32, extra: u32, layers: LayerMask) -> Allocation {
    let (base, extra) = (Contracts::new(base), Contracts::new(extra));
    Allocation { base, extra, capital: Money::from_units(10_000), layers, refusal: None }
}

fn signal() -> Signal {
    Signal {
        side: Side::Sell,
        score: Unit::ONE,
        stop: ExitAt::Price(Price::from_raw(130_250 * Price::SCALE)),
        target: Some(ExitAt::Distance(Price::from_raw(200 * Price::SCALE))),
    }
}

fn context(confidence: Option<f64>, disagreement: Option<f64>) -> MarketContext {
    MarketContext {
        symbol: SymbolId::new(0),
        at: Timestamp::from_secs(1_615_494_900),
        day: TradingDay::from_days(18_697),
        hour: Hour::new(17).unwrap(),
        regime: Regime::Exhaustion,
        transition: None,
        confidence: confidence.and_then(Unit::new),
        disagreement: disagreement.and_then(Unit::new),
        liquidity: None,
        daily_profit: None,
        equity: None,
        margin_elsewhere: Money::ZERO,
        free_margin: None,
        cooldown_until: None,
        risk: RiskState::Active,
    }
}

const SEVEN_LAYERS: LayerMask = LayerMask::from_bits(0b0111_1111);
use Action::{Enter, EnterConservative, EnterWithReleverage, Hold};

#[test]
fn what_cannot_be_taken_is_masked() {
    for (name, base, extra, layers, available) in [
        ("all", 10, 1, LayerMask::ALL, &[Hold, Enter, EnterConservative, EnterWithReleverage][..]),
        ("a layer failed", 10, 1, SEVEN_LAYERS, &[Hold, Enter, EnterConservative]),
        ("no extra", 10, 0, LayerMask::ALL, &[Hold, Enter, EnterConservative]),
        ("three quarters of 2 are 1", 2, 0, SEVEN_LAYERS, &[Hold, Enter, EnterConservative]),
        ("three quarters of 1 are 1", 1, 0, SEVEN_LAYERS, &[Hold, Enter]),
        ("1 and an extra", 1, 1, LayerMask::ALL, &[Hold, Enter, EnterWithReleverage]),
        ("no base", 0, 0, SEVEN_LAYERS, &[Hold]),
        ("an extra without a base", 0, 1, LayerMask::ALL, &[Hold]),
    ] {
        let got = gate(defaults()).available(&allocation(base, extra, layers));
        assert_eq!(got, ActionSet::of(available), "{name}");
    }
    let whole = gate(GateSettings { conservative_fraction: 1.0, ..defaults() });
    assert!(!whole.available(&allocation(10, 0, SEVEN_LAYERS)).contains(EnterConservative), "it would equal ENTER");
}

#[test]
fn the_conservative_part_is_exact() {
    for (fraction, base, part) in [
        (0.75, 10, 7),
        (0.75, 4, 3),
        (0.75, 3, 2),
        (0.75, 1, 1),
        (0.75, 0, 0),
        (0.1, 5, 1),
        (0.1, 30, 3),
        // In floating point 0.29 × 100 and 0.07 × 100 miss a whole.
        (0.29, 100, 29),
        (0.07, 100, 7),
        (0.000_001, 1_000_000, 1),
        (0.000_001, 2_999_999, 2),
        (0.000_249, 1_000_000, 249),
        (1.0, u32::MAX, u32::MAX),
    ] {
        let gate = gate(GateSettings { conservative_fraction: fraction, ..defaults() });
        assert_eq!(gate.conservative(Contracts::new(base)).count(), part, "{fraction} of {base}");
    }
}

#[test]
fn each_action_means_its_contracts() {
    for (action, layers, contracts) in [
        (Hold, LayerMask::ALL, (0, 0)),
        (Enter, LayerMask::ALL, (10, 0)),
        (EnterConservative, LayerMask::ALL, (7, 0)),
        (EnterWithReleverage, LayerMask::ALL, (10, 2)),
        (EnterWithReleverage, SEVEN_LAYERS, (10, 0)),
    ] {
        let verdict = gate(defaults()).verdict(&signal(), &allocation(10, 2, layers), action);
        assert_eq!((verdict.base.count(), verdict.extra.count()), contracts, "{action}");
        assert_eq!(verdict.total().count(), contracts.0 + contracts.1, "{action}");
        assert_eq!(verdict.enters(), action != Hold, "{action}");
        assert_eq!(verdict.action, action);
        assert_eq!((verdict.side, verdict.stop, verdict.target), (Side::Sell, signal().stop, signal().target));
    }
}

#[test]
fn without_a_policy_every_signal_is_taken() {
    for (base, extra, layers, action) in [
        (10, 1, LayerMask::ALL, EnterWithReleverage),
        (10, 1, SEVEN_LAYERS, Enter),
        (10, 0, LayerMask::ALL, Enter),
        (1, 0, SEVEN_LAYERS, Enter),
        (0, 0, LayerMask::ALL, Hold),
        (0, 1, LayerMask::ALL, Hold),
    ] {
        assert_eq!(gate(defaults()).without_policy(&allocation(base, extra, layers)), action, "{base} + {extra}");
    }
    assert!(gate(defaults()).policy_enabled());
    assert!(!gate(GateSettings { policy_enabled: false, ..defaults() }).policy_enabled());
}

#[test]
fn states_are_cut_at_the_bounds() {
    use Level::{High, Low, Medium};
    let (up, down) = (f64::next_up, f64::next_down);
    for (value, confidence, disagreement) in [
        (Some(0.0), Low, Low),
        (Some(down(0.15)), Low, Low),
        (Some(0.15), Low, Medium),
        (Some(up(0.15)), Low, Medium),
        (Some(down(0.35)), Low, Medium),
        (Some(0.35), Low, High),
        (Some(down(0.55)), Low, High),
        (Some(0.55), Medium, High),
        (Some(down(0.70)), Medium, High),
        (Some(0.70), High, High),
        (Some(1.0), High, High),
        (None, Low, High),
    ] {
        let key = gate(defaults()).state(&context(value, value));
        assert_eq!((key.confidence, key.disagreement), (confidence, disagreement), "{value:?}");
        assert_eq!((key.regime, key.hour.get()), (Regime::Exhaustion, 17));
    }
}

#[test]
fn impossible_settings_are_refused_by_name() {
    let refused: [(&str, fn(&mut GateSettings)); 10] = [
        ("RL_CONSERVATIVE_FRACTION", |s| s.conservative_fraction = 0.0),
        ("RL_CONSERVATIVE_FRACTION", |s| s.conservative_fraction = 1.0_f64.next_up()),
        ("RL_CONSERVATIVE_FRACTION", |s| s.conservative_fraction = f64::NAN),
        ("RL_CONSERVATIVE_FRACTION", |s| s.conservative_fraction = 0.000_000_1),
        ("RL_CONFIDENCE_MEDIUM", |s| s.confidence_medium = -0.1),
        ("RL_CONFIDENCE_HIGH", |s| s.confidence_high = 0.54),
        ("RL_CONFIDENCE_HIGH", |s| s.confidence_high = f64::NAN),
        ("RL_DISAGREEMENT_MEDIUM", |s| s.disagreement_medium = f64::NAN),
        ("RL_DISAGREEMENT_HIGH", |s| s.disagreement_high = 1.1),
        ("RL_DISAGREEMENT_HIGH", |s| s.disagreement_high = 0.14),
    ];
    for (key, spoil) in refused {
        let mut settings = defaults();
        spoil(&mut settings);
        assert_eq!(GateConfig::new(settings).unwrap_err().key, key);
    }
}

proptest! {
    #[test]
    fn no_action_gives_more_than_the_allocation(
        base in 0_u32..2_000,
        extra in 0_u32..10,
        layers in any::<u8>(),
        fraction in 0.000_001_f64..=1.0,
    ) {
        let gate = gate(GateSettings { conservative_fraction: fraction, ..defaults() });
        let allocation = allocation(base, extra, LayerMask::from_bits(layers));
        let available = gate.available(&allocation);
        prop_assert!(available.contains(Hold));
        prop_assert!(available.contains(gate.without_policy(&allocation)));
        for action in Action::ALL {
            let verdict = gate.verdict(&signal(), &allocation, action);
            prop_assert!(verdict.base <= allocation.base && verdict.extra <= allocation.extra);
            prop_assert!(verdict.extra.is_zero() || (action == EnterWithReleverage && layers == u8::MAX && base > 0));
        }
        // Those that can be taken differ from each other in contracts.
        let sizes: Vec<_> = available.iter().map(|action| gate.verdict(&signal(), &allocation, action).total()).collect();
        for (i, size) in sizes.iter().enumerate() {
            prop_assert!(!sizes[..i].contains(size), "{:?}", sizes);
        }
    }
}
