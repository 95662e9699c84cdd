use crate::Ema;

/// Moving average convergence divergence: the distance of a fast exponential average from a slow one, and an
/// exponential average of that distance, the signal.
///
/// Both averages begin where the slow one does: the fast one starts from the mean of the last `fast` of the first
/// `slow` values, as in TA-Lib.
#[derive(Clone, Debug)]
pub struct Macd {
    fast: Ema,
    slow: Ema,
    signal: Ema,
    late: usize,
    waited: usize,
}

/// A MACD's two lines, in the unit of the values it was given.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct MacdValue {
    /// The fast average less the slow one.
    pub line: f64,
    /// The average of the line.
    pub signal: f64,
}

impl MacdValue {
    /// The line less its signal.
    #[inline]
    pub fn histogram(self) -> f64 {
        self.line - self.signal
    }
}

impl Macd {
    /// Of averages over `fast` and `slow` values (fast < slow), with a signal over `signal` values: the first comes with
    /// value `slow + signal − 1`.
    pub fn new(fast: usize, slow: usize, signal: usize) -> Self {
        assert!(fast < slow, "the fast average is the shorter; settings are checked before");
        Self { fast: Ema::new(fast), slow: Ema::new(slow), signal: Ema::new(signal), late: slow - fast, waited: 0 }
    }

    /// Takes the next value.
    #[inline]
    pub fn push(&mut self, value: f64) -> Option<MacdValue> {
        let slow = self.slow.push(value);
        if self.waited < self.late {
            self.waited += 1;
            return None;
        }
        let line = self.fast.push(value)? - slow?;
        Some(MacdValue { line, signal: self.signal.push(line)? })
    }

    /// As new.
    pub fn reset(&mut self) {
        self.fast.reset();
        self.slow.reset();
        self.signal.reset();
        self.waited = 0;
    }
}
