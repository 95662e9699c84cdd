//! Chance of this module's own: integers only, so that every platform draws the same.

/// `SplitMix64`.
pub(super) fn split_mix(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed;
    move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }
}

/// A whole number below a bound, by the upper bits of a product.
pub(super) fn below(random: &mut impl FnMut() -> u64, bound: u64) -> u64 {
    ((u128::from(random()) * u128::from(bound)) >> 64) as u64
}
