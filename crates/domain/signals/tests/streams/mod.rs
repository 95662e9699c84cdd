//! Streams of trades whose true probability of winning is known, and what a calibration makes of them.

use alavanca_signals::Calibration;

/// A small generator of its own: the same draws everywhere.
#[derive(Clone)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5DEE_CE66)
    }

    /// From 0 up to 1 (splitmix64).
    pub(crate) fn draw(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// A source: it claims log-odds x, and the truth is σ(slope · x + shift); a part of the way it may turn.
#[derive(Clone, Copy)]
pub(crate) struct Stream {
    truth: (f64, f64),
    then: (f64, f64),
    /// Mean and half width of the claims.
    claims: (f64, f64),
}

impl Stream {
    /// What it claims is so.
    pub(crate) const CALIBRATED: Self = Self { truth: (1.0, 0.0), then: (1.0, 0.0), claims: (0.1, 1.0) };
    /// It is too sure by a factor of three, and too hopeful.
    pub(crate) const OVERCONFIDENT: Self = Self { truth: (0.33, -0.3), then: (0.33, -0.3), claims: (0.5, 1.5) };
    /// First it is right, in the second half it claims too much.
    pub(crate) const DRIFTING: Self = Self { truth: (1.0, 0.0), then: (0.7, -0.9), claims: (0.3, 0.8) };
    /// As a run's brains usually are: claims close together and too high for brains that win a third.
    pub(crate) const NARROW: Self = Self { truth: (0.6, -0.8), then: (0.6, -0.8), claims: (0.1, 0.35) };
}

/// Shows a stream of so many trades: each is claimed before its outcome is known.
pub(crate) fn run(mut calibration: Calibration, stream: Stream, trades: usize, seed: u64) -> Score {
    let mut chance = Chance::new(seed);
    let mut score = Score::default();
    for i in 0..trades {
        let (slope, shift) = if i < trades / 2 { stream.truth } else { stream.then };
        // Of three draws the mean: most claims lie in the middle.
        let spread = (chance.draw() + chance.draw() + chance.draw()) / 1.5 - 1.0;
        let x = stream.claims.0 + stream.claims.1 * spread;
        let won = chance.draw() < sigmoid(slope * x + shift);
        score.add(calibration.probability(x).get(), won);
        calibration.learn(x, won);
    }
    score
}

#[derive(Clone, Default)]
pub(crate) struct Score {
    trades: f64,
    brier: f64,
    log_loss: f64,
    cells: [Cell; 20],
}

/// Trades of a twentieth of the claims: sums, and as handed out means.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Cell {
    pub(crate) trades: f64,
    pub(crate) claimed: f64,
    pub(crate) won: f64,
}

impl Score {
    pub(crate) fn add(&mut self, claimed: f64, won: bool) {
        let came = f64::from(u8::from(won));
        self.trades += 1.0;
        self.brier += (claimed - came).powi(2);
        self.log_loss -= if won { claimed } else { 1.0 - claimed }.max(1e-12).ln();
        let cell = &mut self.cells[((claimed * 20.0) as usize).min(19)];
        cell.trades += 1.0;
        cell.claimed += claimed;
        cell.won += came;
    }

    /// Mean of (claimed − came)².
    pub(crate) fn brier(&self) -> f64 {
        self.brier / self.trades
    }

    pub(crate) fn log_loss(&self) -> f64 {
        self.log_loss / self.trades
    }

    /// Expected calibration error: how far the cells' means are from what came, by their trades.
    pub(crate) fn calibration_error(&self) -> f64 {
        self.cells().map(|cell| cell.trades / self.trades * (cell.claimed - cell.won).abs()).sum()
    }

    pub(crate) fn cells(&self) -> impl Iterator<Item = Cell> {
        let mean = |cell: &Cell| Cell {
            trades: cell.trades,
            claimed: cell.claimed / cell.trades,
            won: cell.won / cell.trades,
        };
        self.cells.iter().filter(|cell| cell.trades > 0.0).map(mean).collect::<Vec<_>>().into_iter()
    }
}

pub(crate) fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}
