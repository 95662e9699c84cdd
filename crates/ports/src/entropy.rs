/// Gives unpredictable numbers: for a seed nobody chose, for nonces. Choices of the policy never come from here:
/// they are derived from the seed (semantics 31).
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait Entropy: Send {
    /// 64 fresh random bits.
    fn next_u64(&mut self) -> u64;
}
