//! Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011): a keyed
//! function from a counter to 128 random bits. It has no state, so that a decision's randomness depends on nothing
//! but its own name.

const MULTIPLIERS: [u64; 2] = [0xD251_1F53, 0xCD9E_8D57];
const KEY_STEPS: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
const ROUNDS: usize = 10;

/// The 128 bits of one counter.
#[inline]
pub(crate) fn block(key: [u32; 2], counter: [u32; 4]) -> [u32; 4] {
    blocks(key, counter.map(|word| [word])).map(|[word]| word)
}

/// The bits of N counters at once, word by word: `counters[w][n]` is word w of counter n, and so is the result. Two at
/// once fit the vector registers that every x86-64 has; the words are kept in 64 bits for that.
#[inline(always)]
pub(crate) fn blocks<const N: usize>(mut key: [u32; 2], counters: [[u32; N]; 4]) -> [[u32; N]; 4] {
    const LOW: u64 = 0xFFFF_FFFF;
    let mut words = counters.map(|word| word.map(u64::from));
    for _ in 0..ROUNDS {
        let [first, second, third, fourth] = words;
        for n in 0..N {
            let left = (first[n] & LOW) * MULTIPLIERS[0];
            let right = (third[n] & LOW) * MULTIPLIERS[1];
            words[0][n] = right >> 32 ^ second[n] ^ u64::from(key[0]);
            words[1][n] = right & LOW;
            words[2][n] = left >> 32 ^ fourth[n] ^ u64::from(key[1]);
            words[3][n] = left & LOW;
        }
        key = [key[0].wrapping_add(KEY_STEPS[0]), key[1].wrapping_add(KEY_STEPS[1])];
    }
    words.map(|word| word.map(|bits| bits as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_the_published_vectors() {
        // Random123's known answers for "philox4x32 10".
        let ones = u32::MAX;
        for (counter, key, expected) in [
            ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
            ([ones; 4], [ones; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
            (
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ] {
            assert_eq!(block(key, counter), expected, "{counter:x?}");
        }
    }

    #[test]
    fn several_at_once_are_the_same_as_one_by_one() {
        let counters = [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]];
        let together = blocks([17, 18], counters);
        for n in 0..4 {
            assert_eq!(together.map(|word| word[n]), block([17, 18], counters.map(|word| word[n])));
        }
    }
}
