//! The order protocol, searched through: ours holds in every state, each of the broken ones does its damage by the
//! shortest way. The ways are snapshots: read them, they are the reasons for each precaution.

use std::fmt::Write;

use alavanca_tests::market_day::SCHEDULES;
use alavanca_tests::order_model::{Model, Orders, Protocol, Stops, Verdict, Watched, search};

#[test]
fn ours_holds_in_every_state() {
    let searched = search(&Orders::of(Protocol::OURS));
    println!("orders: {searched}");
    assert!(matches!(searched.verdict, Verdict::Holds), "{searched}");
    assert!(searched.states > 10_000, "a machine of {} states shows nothing", searched.states);
}

#[test]
fn each_broken_protocol_is_found_out() {
    let mut stories = String::new();
    for protocol in Protocol::BROKEN {
        // What the engine believes is wrong some steps before it shows: shown is the damage.
        let searched = search(&Orders { watched: Watched::Damage, ..Orders::of(protocol) });
        assert!(matches!(searched.verdict, Verdict::Broken { .. }), "{}: {searched}", protocol.name);
        writeln!(stories, "# {}\n{searched}", protocol.name).unwrap();
    }
    insta::assert_snapshot!(stories);
}

#[test]
fn a_stop_is_never_gone_for_long() {
    let searched = search(&Stops::OURS);
    println!("stops: {searched}");
    assert!(matches!(searched.verdict, Verdict::Holds), "{searched}");
}

#[test]
fn each_way_to_lose_a_stop_is_found_out() {
    let mut stories = String::new();
    for stops in Stops::BROKEN {
        let searched = search(&stops);
        assert!(matches!(searched.verdict, Verdict::Broken { .. }), "{}: {searched}", stops.name);
        writeln!(stories, "# {}\n{searched}", stops.name).unwrap();
    }
    insta::assert_snapshot!(stories);
}

/// Letters and orders enough that it takes minutes and gigabytes: `cargo xtask torture --model`.
#[test]
#[ignore = "takes minutes: cargo xtask torture --model"]
fn ours_holds_in_every_state_of_a_larger_machine() {
    for (intents, letters) in [(3, 3), (4, 2), (4, 3)] {
        let searched = search(&Orders { intents, letters, ..Orders::of(Protocol::OURS) });
        println!("orders, {intents} of them and {letters} letters: {searched}");
        assert!(matches!(searched.verdict, Verdict::Holds), "{searched}");
    }
}

/// What is done to the real programs (`cargo xtask torture --schedules`) is all that was found here.
#[test]
fn each_counter_example_has_a_schedule_for_the_real_programs() {
    let broken = Protocol::BROKEN.map(|protocol| protocol.name);
    assert_eq!(SCHEDULES.map(|schedule| schedule.undoes), broken);
}

/// Counts to five, and from three may fall into a hole.
struct Hole;

impl Model for Hole {
    type State = u8;
    type Step = u8;

    fn initial(&self) -> u8 {
        0
    }

    fn steps(&self, state: &u8, next: &mut Vec<(u8, u8)>) {
        next.extend(match state {
            0..3 => vec![(1, state + 1)],
            3 => vec![(9, 90), (1, 4)],
            4 => vec![(1, 5), (4, 0)],
            90 => vec![(1, 91)],
            91 => vec![(2, 90)],
            _ => vec![],
        });
    }

    fn broken(&self, _: &u8) -> Option<&'static str> {
        None
    }

    fn at_rest(&self, state: &u8) -> bool {
        *state == 5
    }
}

#[test]
fn a_state_without_a_way_to_rest_is_found() {
    let searched = search(&Hole);
    assert!(matches!(&searched.verdict, Verdict::Stuck(steps) if *steps == [1, 1, 1, 9]), "{searched}");
    assert_eq!((searched.states, searched.transitions), (8, 9));
}
