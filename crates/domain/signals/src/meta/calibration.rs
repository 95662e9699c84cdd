use std::fmt;
use std::str::FromStr;

use alavanca_kernel::{Unit, UnknownName};
use serde::{Deserialize, Serialize};

use super::MEMORY_MOST;
use super::record::{ONE, Share};

/// `META_CALIBRATION`: how what is claimed is held against what came.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CalibrationMethod {
    /// A line through the log-odds (Platt).
    #[default]
    Platt,
    /// The nearest rising steps (pool adjacent violators), with lines between them.
    Isotonic,
    /// Each bin's share for itself. Not monotone: the only method under which a stronger claim may come out lower.
    Bins,
    /// As claimed.
    None,
}

impl CalibrationMethod {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Platt, Self::Isotonic, Self::Bins, Self::None];

    /// The spelling in settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Platt => "PLATT",
            Self::Isotonic => "ISOTONIC",
            Self::Bins => "BINS",
            Self::None => "NONE",
        }
    }
}

impl fmt::Display for CalibrationMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for CalibrationMethod {
    type Err = UnknownName;
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL.into_iter().find(|method| method.as_str() == text).ok_or_else(|| UnknownName {
            what: "calibration",
            got: text.to_owned(),
            known: Self::ALL.map(Self::as_str).join(", "),
        })
    }
}

/// Turns a claim (log-odds x, raw = σ(x)) into a probability, by what became of earlier claims alone.
///
/// Claims are kept in twenty bins of equal width of raw: trades, won trades, and the sum of the log-odds that were
/// claimed, all fading by 1/M. What is fitted is a function of the bins, made anew after each trade: nothing else has to
/// be stored, and a restart gives the same to the bit. With C trades that came as claimed behind it
/// (`META_CALIBRATION_TRADES`):
///
/// - [`Platt`](CalibrationMethod::Platt): σ(a · x + b), with the a ≥ 0 and b that make what came likeliest, beside C
///   further trades of which half were claimed at log-odds −1 and half at +1, and came so. Without experience a = 1 and
///   b = 0. All bins fade with every trade.
/// - [`Isotonic`](CalibrationMethod::Isotonic): with c = C / 20, each bin's share is (won + c · claimed) / (trades + c);
///   neighbours that fall are pooled until the shares rise; between the bins' means a line, beyond the first and the last it is flat. All
///   bins fade with every trade.
/// - [`Bins`](CalibrationMethod::Bins): (won + C · raw) / (trades + C) of the claim's own bin. A bin fades with its own
///   trades.
/// - [`None`](CalibrationMethod::None): raw.
///
/// ```
/// use alavanca_signals::{Calibration, CalibrationMethod};
/// let mut calibration = Calibration::new(CalibrationMethod::Platt, 50.0, 500);
/// assert_eq!(calibration.probability(0.0).get(), 0.5);
/// for trade in 0..400 {
///     calibration.learn(1.0, trade % 2 == 0); // claimed 0.73, and half of them win
/// }
/// assert!((calibration.probability(1.0).get() - 0.5).abs() < 0.05);
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct Calibration {
    method: CalibrationMethod,
    prior_trades: f64,
    memory_trades: u64,
    bins: [Claims; BINS],
    fitted: Fitted,
}

pub(super) const BINS: usize = 20;
/// Claims beyond count as this: σ(±16) is a ten-millionth from certainty.
const LOG_ODDS_MOST: f64 = 16.0;

/// What became of the claims of one bin.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Claims {
    // In millionths of a trade.
    won: u64,
    trades: u64,
    // Sum of the log-odds claimed, in millionths; a release that did not keep it wrote none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    log_odds: Option<i64>,
}

impl Claims {
    /// Trades that still count.
    pub fn trades(self) -> f64 {
        self.trades as f64 / ONE as f64
    }

    /// The share that won; `None` before the first.
    pub fn win_rate(self) -> Option<Unit> {
        (self.trades > 0).then(|| Unit::saturating(self.won as f64 / self.trades as f64))
    }

    /// The mean of the log-odds that were claimed; `None` before the first.
    pub fn mean_log_odds(self) -> Option<f64> {
        self.log_odds.filter(|_| self.trades > 0).map(|sum| sum as f64 / self.trades as f64)
    }

    fn fade(&mut self, memory: u64) {
        if self.trades == 0 {
            return;
        }
        self.won -= self.won / memory;
        self.trades -= self.trades / memory;
        self.log_odds = self.log_odds.map(|sum| sum - sum / memory as i64);
    }

    const fn share(self) -> Share {
        Share { part: self.won, whole: self.trades }
    }

    fn is_sound(self) -> bool {
        let most = LOG_ODDS_MOST * self.trades as f64 + ONE as f64;
        self.won <= self.trades
            && self.trades <= (MEMORY_MOST + 1) * ONE
            && self.log_odds.is_none_or(|sum| (sum as f64).abs() <= most)
    }
}

#[derive(Clone, Copy, PartialEq, Debug)]
#[expect(clippy::large_enum_variant, reason = "a MetaBrain has one, and a box would be allocated at each trade")]
enum Fitted {
    /// As claimed.
    Identity,
    /// σ(slope · x + shift).
    Line { slope: f64, shift: f64 },
    /// Of each bin the probability claimed and that which came, both rising.
    Steps { claimed: [f64; BINS], came: [f64; BINS] },
    /// Each bin for itself.
    Bins,
}

impl Calibration {
    /// Without experience: with `prior_trades` (C) above zero and a memory of `memory_trades` (M, at least 1).
    pub fn new(method: CalibrationMethod, prior_trades: f64, memory_trades: u64) -> Self {
        let fitted = Fitted::Identity;
        let mut new =
            Self { method, prior_trades, memory_trades: memory_trades.max(1), bins: Default::default(), fitted };
        new.fit();
        new
    }

    /// The probability behind a claim of these log-odds.
    pub fn probability(&self, log_odds: f64) -> Unit {
        let raw = sigmoid(log_odds);
        Unit::saturating(match &self.fitted {
            Fitted::Identity => raw,
            Fitted::Line { slope, shift } => sigmoid(slope * log_odds + shift),
            Fitted::Steps { claimed, came } => between(claimed, came, raw),
            Fitted::Bins => self.bins[bin_of(raw)].share().shrunk(self.prior_trades, raw),
        })
    }

    /// A trade that was claimed at these log-odds has ended.
    pub fn learn(&mut self, log_odds: f64, won: bool) {
        if log_odds.is_nan() {
            return;
        }
        let memory = self.memory_trades;
        let bin = bin_of(sigmoid(log_odds));
        if self.method == CalibrationMethod::Bins {
            self.bins[bin].fade(memory);
        } else {
            self.bins.iter_mut().for_each(|bin| bin.fade(memory));
        }
        let claims = &mut self.bins[bin];
        let clamped = log_odds.clamp(-LOG_ODDS_MOST, LOG_ODDS_MOST);
        let middle = middle_of(bin);
        let before = claims.log_odds.unwrap_or((middle * claims.trades as f64) as i64);
        claims.log_odds = Some(before + (clamped * ONE as f64).round() as i64);
        claims.won += if won { ONE } else { 0 };
        claims.trades += ONE;
        self.fit();
    }

    /// What was claimed and what came: for each bin its lower bound and its claims.
    pub fn bins(&self) -> impl Iterator<Item = (f64, Claims)> {
        self.bins.iter().enumerate().map(|(bin, claims)| (bin as f64 / BINS as f64, *claims))
    }

    /// Slope a and shift b of Platt's line as it is now; `None` with another method.
    pub const fn line(&self) -> Option<(f64, f64)> {
        match self.fitted {
            Fitted::Line { slope, shift } => Some((slope, shift)),
            _ => None,
        }
    }

    /// The bins that hold anything, by place.
    pub(super) fn stored(&self) -> Vec<(u16, Claims)> {
        let seen = self.bins.iter().enumerate().filter(|(_, claims)| claims.trades > 0);
        seen.map(|(place, claims)| (place as u16, *claims)).collect()
    }

    /// Bins as stored, in the place of all others. `Err` with the first that cannot be; then nothing has changed.
    pub(super) fn restore(&mut self, stored: &[(u16, Claims)]) -> Result<(), (u16, Claims)> {
        let mut bins = [Claims::default(); BINS];
        for &(place, claims) in stored {
            let slot = bins.get_mut(usize::from(place)).filter(|_| claims.is_sound());
            *slot.ok_or((place, claims))? = claims;
        }
        self.bins = bins;
        self.fit();
        Ok(())
    }

    /// Where a claim's log-odds are no more known than its bin.
    pub(super) fn middle(bin: u8) -> f64 {
        middle_of(usize::from(bin).min(BINS - 1))
    }

    pub(super) fn bin(log_odds: f64) -> u8 {
        bin_of(sigmoid(log_odds)) as u8
    }

    fn fit(&mut self) {
        self.fitted = match self.method {
            CalibrationMethod::Platt => self.line_fitted(),
            CalibrationMethod::Isotonic => self.steps_fitted(),
            CalibrationMethod::Bins => Fitted::Bins,
            CalibrationMethod::None => Fitted::Identity,
        };
    }

    fn line_fitted(&self) -> Fitted {
        let mut points = [Point::default(); BINS + 2];
        let mut len = 2;
        let half = self.prior_trades / 2.0;
        points[0] = Point { x: -1.0, trades: half, won: half * sigmoid(-1.0) };
        points[1] = Point { x: 1.0, trades: half, won: half * sigmoid(1.0) };
        for (bin, claims) in self.bins.iter().enumerate().filter(|(_, claims)| claims.trades > 0) {
            let x = claims.mean_log_odds().unwrap_or_else(|| middle_of(bin));
            points[len] = Point { x, trades: claims.trades(), won: claims.won as f64 / ONE as f64 };
            len += 1;
        }
        let (slope, shift) = likeliest_line(&points[..len]);
        Fitted::Line { slope, shift }
    }

    fn steps_fitted(&self) -> Fitted {
        let (mut claimed, mut came, mut weights) = ([0.0; BINS], [0.0; BINS], [0.0; BINS]);
        let prior = self.prior_trades / BINS as f64;
        for (bin, claims) in self.bins.iter().enumerate() {
            let [low, middle, high] = [0.0, 0.5, 1.0].map(|part| (bin as f64 + part) / BINS as f64);
            // Of what has all but faded rounding leaves any mean; the knots have to rise.
            claimed[bin] = claims.mean_log_odds().map_or(middle, |mean| sigmoid(mean).clamp(low, high));
            came[bin] = claims.share().shrunk(prior, claimed[bin]);
            weights[bin] = claims.trades() + prior;
        }
        pool_falling(&mut came, &weights);
        Fitted::Steps { claimed, came }
    }
}

/// So many trades, claimed at log-odds `x`.
#[derive(Clone, Copy, Default)]
struct Point {
    x: f64,
    trades: f64,
    won: f64,
}

/// The a ≥ 0 and b of σ(a · x + b) that make the points likeliest, by Newton's method from a = 1, b = 0. What is
/// minimised is convex, and strictly so by the two points of the prior; a step that makes it worse is halved.
fn likeliest_line(points: &[Point]) -> (f64, f64) {
    const STEPS: usize = 30;
    const HALVINGS: usize = 30;
    let surprise = |(a, b): (f64, f64)| -> f64 {
        let of = |point: &Point| {
            let z = a * point.x + b;
            point.trades * softplus(z) - point.won * z
        };
        points.iter().map(of).sum()
    };
    let (mut a, mut b) = (1.0, 0.0);
    let mut now = surprise((a, b));
    for _ in 0..STEPS {
        let (mut ga, mut gb, mut haa, mut hab, mut hbb) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for point in points {
            let p = sigmoid(a * point.x + b);
            let (error, spread) = (point.trades * p - point.won, point.trades * p * (1.0 - p));
            ga += error * point.x;
            gb += error;
            haa += spread * point.x * point.x;
            hab += spread * point.x;
            hbb += spread;
        }
        let determinant = haa * hbb - hab * hab;
        if determinant.is_nan() || determinant <= 0.0 {
            break;
        }
        let (mut da, mut db) = ((hbb * ga - hab * gb) / determinant, (haa * gb - hab * ga) / determinant);
        let mut next = surprise((a - da, b - db));
        for _ in 0..HALVINGS {
            if next <= now {
                break;
            }
            (da, db) = (da / 2.0, db / 2.0);
            next = surprise((a - da, b - db));
        }
        if next > now || next.is_nan() {
            break;
        }
        (a, b, now) = (a - da, b - db, next);
        if da.abs() + db.abs() < 1e-12 {
            break;
        }
    }
    if a >= 0.0 {
        return (a, b);
    }
    // A falling line would make a stronger signal a smaller confidence. With a = 0 the likeliest is the share of all.
    let (won, trades) = points.iter().fold((0.0, 0.0), |(won, trades), p| (won + p.won, trades + p.trades));
    (0.0, (won / (trades - won)).ln())
}

/// Pools neighbours that fall into their weighted mean, until all rise.
fn pool_falling(values: &mut [f64; BINS], weights: &[f64; BINS]) {
    // Blocks so far: value, weight, length.
    let mut blocks = [(0.0, 0.0, 0_usize); BINS];
    let mut len = 0;
    for (value, weight) in values.iter().zip(weights) {
        blocks[len] = (*value, *weight, 1);
        len += 1;
        while len > 1 && blocks[len - 2].0 > blocks[len - 1].0 {
            let ((v, w, n), (u, x, m)) = (blocks[len - 2], blocks[len - 1]);
            blocks[len - 2] = ((v * w + u * x) / (w + x), w + x, n + m);
            len -= 1;
        }
    }
    let mut place = 0;
    for &(value, _, length) in &blocks[..len] {
        values[place..place + length].fill(value);
        place += length;
    }
}

/// On the line between the two nearest knots; flat beyond the first and the last.
fn between(claimed: &[f64; BINS], came: &[f64; BINS], raw: f64) -> f64 {
    let above = claimed.iter().position(|&knot| knot >= raw).unwrap_or(BINS);
    match above {
        0 => came[0],
        BINS => came[BINS - 1],
        i => {
            let (low, high) = (claimed[i - 1], claimed[i]);
            let part = if high > low { (raw - low) / (high - low) } else { 1.0 };
            came[i - 1] + (came[i] - came[i - 1]) * part
        }
    }
}

fn bin_of(raw: f64) -> usize {
    ((raw * BINS as f64) as usize).min(BINS - 1)
}

/// Log-odds at the middle of a bin.
fn middle_of(bin: usize) -> f64 {
    let raw = (bin as f64 + 0.5) / BINS as f64;
    (raw / (1.0 - raw)).ln()
}

/// 1 / (1 + e⁻ˣ).
pub(super) fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// ln(1 + eˣ).
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}
