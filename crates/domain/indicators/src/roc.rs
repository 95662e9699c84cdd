use alavanca_kernel::Price;

/// Rate of change: by how many percent a price is above the one `period` before; 0 where that one was zero.
#[derive(Clone, Debug)]
pub struct Roc {
    window: Box<[i64]>,
    next: usize,
    filled: bool,
}

impl Roc {
    /// Against the price `period` before: the first value comes with price `period + 1`.
    pub fn new(period: usize) -> Self {
        Self { window: vec![0; crate::checked(period)].into(), next: 0, filled: false }
    }

    /// Takes the next price.
    #[inline]
    pub fn push(&mut self, price: Price) -> Option<f64> {
        let ready = self.filled;
        let before = std::mem::replace(&mut self.window[self.next], price.raw());
        self.next += 1;
        if self.next == self.window.len() {
            (self.next, self.filled) = (0, true);
        }
        ready.then(|| if before == 0 { 0.0 } else { 100.0 * (price.raw() - before) as f64 / before as f64 })
    }

    /// As new.
    pub fn reset(&mut self) {
        (self.next, self.filled) = (0, false);
    }
}
