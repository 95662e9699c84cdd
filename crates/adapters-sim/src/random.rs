//! The one generator of this crate. Integers only, so that every platform draws the same.

/// `SplitMix64`: a counter that is mixed, so that any place in its stream can be asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SplitMix(u64);

impl SplitMix {
    /// A stream of its own for a purpose or a number, so that draws for one never disturb another's.
    pub(crate) const fn stream(seed: u64, of: u64) -> Self {
        Self(mix(seed) ^ mix(of ^ 0x5851_f42d_4c95_7f2d))
    }

    #[inline]
    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }
}

#[inline]
const fn mix(state: u64) -> u64 {
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}
