//! A binary of one's own: an own brain, the rest as it comes.
//!
//! ```sh
//! cargo run --release --example custom_brain
//! ```
//!
//! The brain buys when three bars in a row closed higher, and sells when three closed lower. It is no good; it is short.

use alavanca::builder::Builder;
use alavanca::settings::{LoadRequest, load};
use alavanca::simulation::{Simulation, Sink};
use alavanca_adapters_sim::{SyntheticMarket, SyntheticSettings};
use alavanca_engine::{Notice, Record};
use alavanca_kernel::{Bar, ExitAt, Instrument, Price, Side, SymbolId, Timestamp, Unit};
use alavanca_report::Tally;
use alavanca_signals::{Brain, Opinion, Trigger};

#[derive(Debug)]
struct ThreeInARow {
    run: i32,
    last: Option<Price>,
    stop: Price,
    target: Price,
}

impl Brain for ThreeInARow {
    fn name(&self) -> &'static str {
        "three_in_a_row"
    }

    fn warmup_bars(&self) -> usize {
        4
    }

    fn on_bar(&mut self, bar: &Bar) -> Opinion {
        let step = self.last.map_or(0, |last| (bar.close - last).raw().signum() as i32);
        self.run = if step == self.run.signum() { self.run + step } else { step };
        self.last = Some(bar.close);
        let side = match self.run.signum() {
            1 => Side::Buy,
            -1 => Side::Sell,
            _ => return Opinion::NONE,
        };
        let trigger = (self.run.abs() == 3).then_some(Trigger {
            side,
            strength: Unit::ONE,
            stop: ExitAt::Distance(self.stop),
            target: Some(ExitAt::Distance(self.target)),
        });
        Opinion { bias: Some(side), trigger }
    }

    fn reset(&mut self) {
        (self.run, self.last) = (0, None);
    }
}

#[derive(Default)]
struct Figures(Tally);

impl Sink for Figures {
    fn record(&mut self, record: Record) {
        self.0.observe(&record);
    }

    fn notice(&mut self, notice: Notice) {
        println!("{notice:?}");
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let settings = load(&LoadRequest::default())?.settings;
    let win = Instrument::preset("WIN").ok_or("WIN is a preset")?;
    let brain = ThreeInARow { run: 0, last: None, stop: win.points(150), target: win.points(300) };
    let built = Builder::new(&settings, &win).brains(vec![Box::new(brain)]).build()?;
    let mut simulation = Simulation::new(built.engine, built.exchange, built.fill);

    let (symbol, mut figures, mut end) = (SymbolId::new(0), Figures::default(), Timestamp::MIN);
    for bar in SyntheticMarket::new(SyntheticSettings::default(), &win)? {
        simulation.on_bar(symbol, &bar, &mut figures);
        end = bar.end();
    }
    simulation.end(end, &mut figures);

    let summary = figures.0.summary();
    println!("{} decisions, {} trades, net {} {}", summary.decisions, summary.trades, summary.net, win.currency);
    assert!(summary.trades > 100, "a brain that is heard trades more often than that in half a year");
    Ok(())
}
