//! Stops and targets by zones: tables for both sides, and what holds for any zones.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use alavanca_kernel::{Bar, ExitAt, Price, Side, Signal, Unit};
use alavanca_liquidity::{LiquidityMap, Zone, ZoneExitConfig, ZoneExitMode, ZoneExitSettings, ZoneKind};
use proptest::prelude::*;

/// Zones where a test wants them.
#[derive(Debug)]
struct Drawn(Vec<(i64, f64)>);

impl LiquidityMap for Drawn {
    fn on_bar(&mut self, _: &Bar) {}

    fn strength_at(&self, _: Price) -> Option<Unit> {
        None
    }

    fn nearest(&self, at: Price) -> (Option<Zone>, Option<Zone>) {
        let zone = |&(whole, strength): &(i64, f64)| Zone {
            price: price(whole),
            strength: Unit::saturating(strength),
            touches: 0,
            kind: ZoneKind::SwingHigh,
        };
        let zones = || self.0.iter().map(zone);
        (
            zones().filter(|zone| zone.price <= at).max_by_key(|zone| zone.price),
            zones().filter(|zone| zone.price > at).min_by_key(|zone| zone.price),
        )
    }

    fn warmup_bars(&self) -> usize {
        0
    }

    fn reset(&mut self) {}
}

fn price(whole: i64) -> Price {
    Price::from_raw(whole * Price::SCALE)
}

fn both() -> ZoneExitSettings {
    ZoneExitSettings { mode: ZoneExitMode::Both, ..ZoneExitSettings::default() }
}

/// From 10,000 in ticks of 5 with a stop 100 and a target 200 away: where stop and target are then, as distances.
fn placed(settings: ZoneExitSettings, side: Side, zones: &[(i64, f64)]) -> (i64, i64) {
    let entry = price(10_000);
    // Drawn for a long; a short sees the mirror image.
    let zones = zones.iter().map(|&(away, strength)| (10_000 + away * side.sign(), strength)).collect();
    let signal = Signal {
        side,
        score: Unit::ONE,
        stop: ExitAt::Distance(price(100)),
        target: Some(ExitAt::Distance(price(200))),
    };
    let config = ZoneExitConfig::new(settings).unwrap();
    let placed = config.place(&Drawn(zones), &signal, entry, price(5));
    let ahead = |to: Price| (to - entry).raw() / Price::SCALE * side.sign();
    (-ahead(placed.stop.stop_price(side, entry)), ahead(placed.target.unwrap().target_price(side, entry)))
}

#[test]
fn the_stop_goes_behind_and_the_target_before_a_strong_zone() {
    let only = |mode| ZoneExitSettings { mode, ..both() };
    let cases: &[(&str, ZoneExitSettings, &[(i64, f64)], (i64, i64))] = &[
        ("no zones", both(), &[], (100, 200)),
        ("both, with a tenth of 100 between", both(), &[(-80, 0.6), (250, 0.6)], (90, 240)),
        ("off", only(ZoneExitMode::Off), &[(-80, 0.6), (250, 0.6)], (100, 200)),
        ("the stop alone", only(ZoneExitMode::Stop), &[(-80, 0.6), (250, 0.6)], (90, 200)),
        ("the target alone", only(ZoneExitMode::Target), &[(-80, 0.6), (250, 0.6)], (100, 240)),
        ("too weak", both(), &[(-80, 0.49), (250, 0.49)], (100, 200)),
        ("just strong enough", both(), &[(-80, 0.5), (250, 0.5)], (90, 240)),
        ("a weak one before a strong one", both(), &[(-60, 0.2), (-80, 0.6), (150, 0.1), (250, 0.6)], (90, 240)),
        ("too near, and the next", both(), &[(-34, 0.9), (-41, 0.9), (109, 0.9), (250, 0.9)], (55, 240)),
        ("exactly the nearest", both(), &[(-40, 0.9), (110, 0.9)], (50, 100)),
        ("exactly the furthest", both(), &[(-140, 0.9), (310, 0.9)], (150, 300)),
        ("too far", both(), &[(-141, 0.9), (315, 0.9)], (100, 200)),
        ("of two the nearer", both(), &[(-70, 0.6), (-110, 0.9), (220, 0.6), (280, 0.9)], (80, 210)),
        ("rounded away and towards", both(), &[(-82, 0.6), (253, 0.6)], (95, 240)),
        (
            "a target worth less than the stop is passed over",
            both(),
            &[(-130, 0.6), (140, 0.9), (160, 0.9)],
            (140, 150),
        ),
        (
            "a stop that no target is worth stays",
            ZoneExitSettings { min_reward_risk: 1.9, ..both() },
            &[(-110, 0.6)],
            (100, 200),
        ),
    ];
    for &(name, settings, zones, expected) in cases {
        for side in [Side::Buy, Side::Sell] {
            assert_eq!(placed(settings, side, zones), expected, "{name}, {side}");
        }
    }
}

#[test]
fn a_signal_without_a_target_gets_none() {
    let signal = Signal { side: Side::Buy, score: Unit::ONE, stop: ExitAt::Price(price(9_900)), target: None };
    let config = ZoneExitConfig::new(both()).unwrap();
    let placed = config.place(&Drawn(vec![(9_920, 0.9), (10_100, 0.9)]), &signal, price(10_000), price(5));
    assert_eq!((placed.stop, placed.target), (ExitAt::Price(price(9_910)), None));
    // A stop on the wrong side of the price is not ours to mend.
    let wrong = Signal { stop: ExitAt::Price(price(10_050)), ..signal };
    assert_eq!(config.place(&Drawn(vec![(9_920, 0.9)]), &wrong, price(10_000), price(5)), wrong);
}

#[test]
fn refuses_settings_that_cannot_be() {
    for (settings, key) in [
        (ZoneExitSettings { min_strength: 1.1, ..both() }, "EXITS_MIN_STRENGTH"),
        (ZoneExitSettings { margin: -0.1, ..both() }, "EXITS_MARGIN"),
        (ZoneExitSettings { nearest: 1.1, ..both() }, "EXITS_NEAREST"),
        (ZoneExitSettings { furthest: 0.9, ..both() }, "EXITS_FURTHEST"),
        (ZoneExitSettings { furthest: f64::NAN, ..both() }, "EXITS_FURTHEST"),
        (ZoneExitSettings { min_reward_risk: -1.0, ..both() }, "EXITS_MIN_REWARD_RISK"),
    ] {
        assert_eq!(ZoneExitConfig::new(settings).unwrap_err().key, key, "{settings:?}");
    }
    assert!("SOMETIMES".parse::<ZoneExitMode>().unwrap_err().to_string().contains("OFF, STOP, TARGET, BOTH"));
}

proptest! {
    #[test]
    fn bounds_hold_for_any_zones(
        zones in prop::collection::vec((9_000_i64..11_000, 0.0_f64..=1.0), 0..40),
        (stop, target) in (1_i64..400, 1_i64..800),
        tick in prop::sample::select(vec![0_i64, 1, 5]),
        is_long in any::<bool>(),
        ratio in 0.0_f64..3.0,
    ) {
        let side = if is_long { Side::Buy } else { Side::Sell };
        let settings = ZoneExitSettings { min_reward_risk: ratio, ..both() };
        let entry = price(10_000);
        let signal = Signal {
            side,
            score: Unit::ONE,
            stop: ExitAt::Distance(price(stop)),
            target: Some(ExitAt::Distance(price(target))),
        };
        let placed = ZoneExitConfig::new(settings).unwrap().place(&Drawn(zones), &signal, entry, price(tick));
        let ahead = |to: Price| (to - entry).raw() * side.sign();
        let moved_stop = -ahead(placed.stop.stop_price(side, entry));
        let moved_target = ahead(placed.target.unwrap().target_price(side, entry));
        for (own, moved, is_moved) in
            [(stop, moved_stop, placed.stop != signal.stop), (target, moved_target, placed.target != signal.target)]
        {
            let times = moved as f64 / price(own).raw() as f64;
            prop_assert!(!is_moved || (0.5..=1.5).contains(&times), "{times} times its own");
        }
        if tick > 0 {
            for exit in [Some(placed.stop), placed.target].into_iter().flatten() {
                let ExitAt::Price(at) = exit else { continue };
                prop_assert_eq!(at.raw() % price(tick).raw(), 0);
            }
        }
        let got = moved_target as f64 / moved_stop as f64;
        let own = target as f64 / stop as f64;
        prop_assert!(got >= ratio.min(own) * (1.0 - 1e-12), "{got}, asked {ratio}, own {own}");
    }
}
