//! What a trade's result is worth to the policy.

use alavanca_kernel::{Money, Reward};

use crate::RewardRule;

const WON: Reward = micros(800_000);
const NOT_WON: Reward = micros(200_000);

const fn micros(micros: u32) -> Reward {
    match Reward::from_micros(micros) {
        Some(reward) => reward,
        None => panic!("a reward is at most one"),
    }
}

/// The reward of a trade with this net result over all its legs (semantics 25).
pub fn reward(rule: RewardRule, net: Money) -> Reward {
    match rule {
        RewardRule::Sign => {
            if net.is_positive() {
                WON
            } else {
                NOT_WON
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_profit_is_a_win() {
        for (cents, expected) in [(-1, 200_000), (0, 200_000), (1, 800_000), (i64::MAX, 800_000), (i64::MIN, 200_000)] {
            assert_eq!(reward(RewardRule::Sign, Money::from_cents(cents)).micros(), expected, "{cents}");
        }
    }
}
