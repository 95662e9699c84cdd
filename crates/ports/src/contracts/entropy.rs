//! What every [`Entropy`] has to keep.

use crate::Entropy;

/// How many numbers are drawn. Each bit is then set 512 times on average, with a deviation of 16.
const DRAWS: u32 = 1_024;
/// Eight deviations either way: an honest source fails once in 10¹³ runs.
const SET: std::ops::RangeInclusive<u32> = 384..=640;

/// Draws many numbers: none comes twice in a row, and every bit is set about half the time.
pub fn suite<E: Entropy>(entropy: &mut E) {
    let mut set = [0_u32; 64];
    let mut last = entropy.next_u64();
    for draw in 0..DRAWS {
        let next = entropy.next_u64();
        assert_ne!(last, next, "draw {draw} repeats the one before");
        for (bit, count) in set.iter_mut().enumerate() {
            *count += (next >> bit & 1) as u32;
        }
        last = next;
    }
    for (bit, count) in set.into_iter().enumerate() {
        assert!(SET.contains(&count), "bit {bit} was set in {count} of {DRAWS} draws");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct From<F>(F);

    impl<F: FnMut() -> u64 + Send> Entropy for From<F> {
        fn next_u64(&mut self) -> u64 {
            self.0()
        }
    }

    /// A short generator of our own, good enough for every bit to vary.
    fn mixed() -> impl FnMut() -> u64 {
        let mut state = 1_u64;
        move || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ state >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93);
            (mixed ^ mixed >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93)
        }
    }

    #[test]
    fn a_source_whose_bits_vary_passes() {
        suite(&mut From(mixed()));
    }

    #[test]
    #[should_panic(expected = "repeats the one before")]
    fn a_constant_fails() {
        suite(&mut From(|| 4));
    }

    #[test]
    #[should_panic(expected = "bit 63 was set in 0")]
    fn a_source_with_a_stuck_bit_fails() {
        let mut mixed = mixed();
        suite(&mut From(move || mixed() >> 1));
    }
}
