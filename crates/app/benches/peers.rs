//! Whole runs on the peers' data, one JSON line per work, in the peers' own units (bars over CPU time of the run).
//!
//! ```sh
//! cargo bench -p alavanca --bench peers -- --bars bars_500k.csv --runs 7
//! ```
//!
//! Without `--bars` it runs on as many bars of the synthetic market: the same work on other prices, so that the bench
//! runs everywhere; trade counts then differ from the peers'.

use std::path::{Path, PathBuf};
use std::time::Instant;

use alavanca::builder::{Builder, Built, Gating, levels};
use alavanca::settings::{LoadRequest, Settings, load};
use alavanca::simulation::{Simulation, Sink};
use alavanca_adapters_files::{MarketFile, ReadSettings, Rows};
use alavanca_adapters_sim::{SyntheticMarket, SyntheticSettings};
use alavanca_adapters_sqlite::{CapitalFacts, Durability, PolicyFacts, SqliteStore, StoreConfig};
use alavanca_capital::{Capital, CapitalConfig};
use alavanca_engine::{Notice, Record};
use alavanca_gate::{Gate, GateConfig};
use alavanca_kernel::{
    Bar, ExitAt, Hour, Instrument, MarketContext, Money, Price, Regime, Reward, RiskState, Side, Signal, SymbolId,
    Timestamp, TradingDay, Unit,
};
use alavanca_liquidity::NoLiquidity;
use alavanca_ports::Store as _;
use alavanca_regime::FixedRegime;
use alavanca_report::Tally;
use alavanca_rl::{Policy as _, RlConfig, ThompsonSampling};
use alavanca_signals::{SmaCross, SmaCrossConfig, SmaCrossSettings};

type Failure = Box<dyn std::error::Error>;

const SYMBOL: SymbolId = SymbolId::new(0);
const COMMIT_RECORDS: usize = 4_096;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().collect();
    let after = |name: &str| arguments.iter().position(|a| a == name).and_then(|i| arguments.get(i + 1));
    // `cargo bench` says `--bench`. Under `cargo test`, as one bench among all, it only has to run.
    let asked = |flag: &str| arguments.iter().any(|a| a == flag);
    let quick = asked("--test") || !asked("--bench");
    let runs: usize = after("--runs").map_or(Ok(7), |runs| runs.parse())?;
    let (runs, most) = if quick { (1, 5_000) } else { (runs, usize::MAX) };
    let eurusd = Instrument::preset("EURUSD").ok_or("EURUSD is a preset")?;
    let mut bars = bars(after("--bars").map(Path::new), &eurusd)?;
    bars.truncate(most);

    for (point, what) in [(10_000, "point=0.0001"), (1_000, "point=0.00001")] {
        work_a(&bars, &eurusd, Price::from_raw(point), what, runs)?;
    }
    work_b(if quick { 10_000 } else { 1_000_000 }, runs)?;
    for (point, what) in [(10_000, "point=0.0001"), (1_000, "point=0.00001")] {
        work_e(&bars, &eurusd, Price::from_raw(point), what, runs)?;
    }
    work_e_stored(&bars, &eurusd, runs.min(3))
}

/// The peers' bars, or synthetic ones of the same number.
fn bars(path: Option<&Path>, eurusd: &Instrument) -> Result<Vec<Bar>, Failure> {
    let Some(path) = path else {
        let win = Instrument::preset("WIN").ok_or("WIN is a preset")?;
        // From points of 1 to prices around 1.25: the same market, in EURUSD's digits.
        let scale = |price: Price| Price::from_raw(price.raw() / 100_000).to_tick(eurusd.tick);
        let settings = SyntheticSettings { days: 890, ..SyntheticSettings::default() };
        return Ok(SyntheticMarket::new(settings, &win)?
            .take(500_000)
            .map(|bar| Bar {
                open: scale(bar.open),
                high: scale(bar.high),
                low: scale(bar.low),
                close: scale(bar.close),
                ..bar
            })
            .collect());
    };
    let mut file = MarketFile::open(path, &ReadSettings::default(), &mut |_| {})?;
    let (mut all, mut rows) = (Vec::new(), Rows::new());
    while file.next_batch(&mut rows)? {
        match &rows {
            Rows::Bars(bars) => all.extend_from_slice(bars),
            Rows::Ticks(_) => return Err("the peers' data are bars".into()),
        }
    }
    Ok(all)
}

/// CPU seconds the main thread has used, on which every work but the stored one runs.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    stat.split_whitespace().next().and_then(|nanos| nanos.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}

/// The median of what the work says it took, over `runs` rounds of some repetitions.
fn median_seconds(runs: usize, mut work: impl FnMut() -> Result<f64, Failure>) -> Result<f64, Failure> {
    let repeat = if runs == 1 { 1 } else { 5 };
    let mut seconds = Vec::with_capacity(runs * repeat);
    for _ in 0..runs * repeat {
        seconds.push(work()?);
    }
    seconds.sort_by(f64::total_cmp);
    Ok(seconds[seconds.len() / 2].max(1e-9))
}

/// A setting that the work fixes, whatever the settings around it are.
fn settings(flags: &[(&str, &str)]) -> Result<Settings, Failure> {
    let flags = flags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Ok(load(&LoadRequest { flags, ..LoadRequest::default() })?.settings)
}

const BARE: &[(&str, &str)] = &[
    ("OPERATOR_CAPITAL_BRL", "100000000"),
    ("MAX_CONTRACTS_CAP", "1"),
    ("RISK_DAILY_LOSS_LIMIT_BRL", "off"),
    ("RISK_MAX_CONSECUTIVE_LOSSES", "0"),
    ("SIM_COSTS", "false"),
];

fn built(
    flags: &[(&str, &str)],
    instrument: &Instrument,
    point: Price,
    gating: Gating,
    bare_levels: bool,
) -> Result<Built, Failure> {
    let instrument = Instrument { session: "ALWAYS".to_owned(), ..instrument.clone() };
    let cross = SmaCrossSettings { fast: 10, slow: 30, stop_loss: point.times(40), take_profit: Some(point.times(80)) };
    let brain = SmaCross::new(SmaCrossConfig::new(cross, instrument.tick)?);
    let settings = settings(flags)?;
    let mut levels = levels(&settings, &instrument, vec![Box::new(brain)])?;
    if bare_levels {
        levels.regime = Box::new(FixedRegime::new(Regime::Range));
        levels.liquidity = Box::new(NoLiquidity);
    }
    Ok(Builder::new(&settings, &instrument).gating(gating).levels(levels).build()?)
}

#[derive(Default)]
struct Figures {
    tally: Tally,
    points: i64,
    records: Vec<Record>,
    keep: bool,
}

impl Sink for Figures {
    #[inline]
    fn record(&mut self, record: Record) {
        if let Record::Trade(trade) = &record {
            self.points += (trade.exit - trade.entry).raw() * trade.side.sign() / 1_000;
        }
        self.tally.observe(&record);
        if self.keep {
            self.records.push(record);
        }
    }

    fn notice(&mut self, _: Notice) {}
}

/// Runs all bars, and says what CPU time that took: the building of the engine is not in it.
fn run(built: Built, bars: &[Bar]) -> (f64, Figures) {
    let mut simulation = Simulation::new(built.engine, built.exchange, built.fill);
    let mut figures = Figures::default();
    let begun = cpu();
    for bar in bars {
        simulation.on_bar(SYMBOL, bar, &mut figures);
    }
    (cpu() - begun, figures)
}

/// A: the engine with the full order life cycle on the simulated exchange, fills at the next open, costs off.
fn work_a(bars: &[Bar], instrument: &Instrument, point: Price, what: &str, runs: usize) -> Result<(), Failure> {
    let (mut trades, mut points) = (0, 0);
    let seconds = median_seconds(runs, || {
        let built = built(BARE, instrument, point, Gating::Off, true)?;
        let (seconds, figures) = run(built, bars);
        (trades, points) = (figures.tally.summary().trades, figures.points);
        Ok(seconds)
    })?;
    line("A", what, bars.len(), seconds, &[("trades", trades as i64), ("pnl_pts", points)]);
    Ok(())
}

/// B: sizing, the eight layers, the choice and its update, on random inputs.
fn work_b(n: usize, runs: usize) -> Result<(), Failure> {
    let mut seed = 42_u64;
    let mut next = || {
        // xorshift64: inputs only.
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 11) as f64 / (1_u64 << 53) as f64
    };
    let contexts: Vec<(MarketContext, bool)> = (0..n)
        .map(|i| {
            let regime = Regime::ALL[(next() * 5.0) as usize];
            let context = MarketContext {
                symbol: SYMBOL,
                at: Timestamp::from_secs(60 * i as i64),
                day: TradingDay::default(),
                hour: Hour::new((next() * 24.0) as u8).unwrap_or_default(),
                regime,
                transition: Some(next() < 0.1),
                confidence: Unit::new(next()),
                disagreement: Unit::new(next()),
                liquidity: Unit::new(next()),
                daily_profit: Some(Money::from_cents((next() * 40_000.0) as i64 - 20_000)),
                equity: Some(Money::from_units(10_000)),
                margin_elsewhere: Money::ZERO,
                free_margin: Some(Money::from_units(10_000)),
                cooldown_until: None,
                risk: RiskState::Active,
            };
            (context, next() < 0.45)
        })
        .collect();
    let defaults = settings(&[])?;
    let distance = Price::from_raw(400_000);
    let (win, loss) = (Reward::from_micros(800_000), Reward::from_micros(200_000));
    let (win, loss) = (win.ok_or("a reward")?, loss.ok_or("a reward")?);
    let mut contracts = 0_u64;
    let seconds = median_seconds(runs, || {
        let mut capital = Capital::new(CapitalConfig::new(defaults.capital)?);
        let gate = Gate::new(GateConfig::new(defaults.gate)?);
        let mut policy = ThompsonSampling::new(RlConfig::new(defaults.rl)?);
        let signal = Signal { side: Side::Buy, score: Unit::ONE, stop: ExitAt::Distance(distance), target: None };
        let begun = cpu();
        for (context, won) in &contexts {
            let allocation = capital.allocate(context, Money::from_units(150));
            let state = gate.state(context);
            let action = policy.choose(SYMBOL, state, gate.available(&allocation), context.at);
            let verdict = gate.verdict(&signal, &allocation, action);
            contracts += u64::from(verdict.total().count());
            policy.learn(SYMBOL, state, action, if *won { win } else { loss });
        }
        Ok(cpu() - begun)
    })?;
    line("B", "decision+update", n, seconds, &[("contracts", std::hint::black_box(contracts) as i64)]);
    Ok(())
}

const LOOP: &[(&str, &str)] = &[
    ("OPERATOR_CAPITAL_BRL", "100000000"),
    ("RISK_DAILY_LOSS_LIMIT_BRL", "off"),
    ("RISK_MAX_CONSECUTIVE_LOSSES", "0"),
    ("REGIME_DETECTOR", "ADX_ATR"),
    ("LIQUIDITY_MAP", "RELATIVE_VOLUME"),
    ("RECORD_EVERY_BAR", "true"),
];

/// E: the whole bar loop with an allocation at every bar.
fn work_e(bars: &[Bar], instrument: &Instrument, point: Price, what: &str, runs: usize) -> Result<(), Failure> {
    let mut decisions = 0;
    let seconds = median_seconds(runs, || {
        let built = built(LOOP, instrument, point, Gating::AsConfigured, false)?;
        let (seconds, figures) = run(built, bars);
        decisions = figures.tally.summary().decisions;
        Ok(seconds)
    })?;
    line("E", what, bars.len(), seconds, &[("decisions", decisions as i64)]);
    Ok(())
}

/// E with its store: one row a bar, by the clock on the wall, since the disk is part of it.
fn work_e_stored(bars: &[Bar], instrument: &Instrument, runs: usize) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut seconds = Vec::new();
    let folder = tempfile::tempdir()?;
    for run in 0..runs {
        let path: PathBuf = folder.path().join(format!("{run}.db"));
        let built = built(LOOP, instrument, Price::from_raw(1_000), Gating::AsConfigured, false)?;
        let settings = settings(LOOP)?;
        let config = StoreConfig {
            durability: Durability::Backtest,
            symbols: vec![instrument.name.clone()],
            capital: CapitalFacts {
                operator_capital: settings.capital.operator_capital,
                margin_per_contract: settings.capital.margin_per_contract,
                max_contracts_cap: settings.capital.max_contracts_cap,
            },
            policy: PolicyFacts { scope: settings.rl.scope, prior_alpha: 1.0, prior_beta: 1.0 },
        };
        let begun = Instant::now();
        let mut store = runtime.block_on(SqliteStore::open(&path, config))?;
        let mut simulation = Simulation::new(built.engine, built.exchange, built.fill);
        let mut figures = Figures { keep: true, ..Figures::default() };
        for (index, bar) in bars.iter().enumerate() {
            simulation.on_bar(SYMBOL, bar, &mut figures);
            if figures.records.len() >= COMMIT_RECORDS || index + 1 == bars.len() {
                runtime.block_on(store.commit(&figures.records, index as u64 + 1))?;
                figures.records.clear();
            }
        }
        runtime.block_on(store.close())?;
        seconds.push(begun.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    line("E-stored", "point=0.00001", bars.len(), seconds[seconds.len() / 2], &[]);
    Ok(())
}

fn line(work: &str, what: &str, items: usize, seconds: f64, more: &[(&str, i64)]) {
    print!(
        "{{\"work\":\"{work}\",\"peer\":\"alavanca/{what}\",\"items\":{items},\"seconds\":{seconds:.6},\"per_s\":{:.0}",
        items as f64 / seconds
    );
    for (key, value) in more {
        print!(",\"{key}\":{value}");
    }
    println!("}}");
}
