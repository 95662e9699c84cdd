use std::path::PathBuf;

use alavanca::questions::{DecisionFilter, blocked, decisions};
use alavanca::show;
use alavanca::stored_run::{StoredRun, parse_day};
use alavanca_kernel::{Action, Layer, Regime, TradingDay};
use clap::Args;

use super::{print, print_json};

/// `alavanca decisions`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  alavanca decisions --db run.sqlite                         the last 20
  alavanca decisions --db run.sqlite --day 2026-03-02 --action HOLD
  alavanca decisions --db run.sqlite --refused --layer confidence --last 5
  alavanca decisions --db run.sqlite --won --regime TREND_UP
  alavanca decisions --db run.sqlite --blocked               signals that never reached the gate
`alavanca explain ID --db run.sqlite` tells one of them from its inputs to what was learned.")]
pub(super) struct DecisionsOf {
    /// The database of the run.
    #[arg(long, value_name = "FILE")]
    db: PathBuf,
    /// Of this instrument.
    #[arg(long, value_name = "S")]
    symbol: Option<String>,
    /// Of this trading day.
    #[arg(long, value_name = "DAY", value_parser = parse_day, conflicts_with_all = ["from", "to"])]
    day: Option<TradingDay>,
    /// From this trading day on.
    #[arg(long, value_name = "DAY", value_parser = parse_day)]
    from: Option<TradingDay>,
    /// Up to this trading day, which is in it.
    #[arg(long, value_name = "DAY", value_parser = parse_day)]
    to: Option<TradingDay>,
    /// HOLD, ENTER, ENTER_CONSERVATIVE or ENTER_WITH_REALAVANCAGEM.
    #[arg(long, value_name = "A")]
    action: Option<Action>,
    /// In this regime.
    #[arg(long, value_name = "R")]
    regime: Option<Regime>,
    /// An extra contract could have been taken.
    #[arg(long, conflicts_with = "refused")]
    granted: bool,
    /// No extra contract could be taken.
    #[arg(long)]
    refused: bool,
    /// This layer failed, first or not: its name or number (5 is confidence).
    #[arg(long, value_name = "NAME", value_parser = layer, conflicts_with = "granted")]
    layer: Option<Layer>,
    /// The signals that were stopped before the gate, with the reason.
    #[arg(long)]
    blocked: bool,
    /// The trade ended with a net result above zero.
    #[arg(long, conflicts_with = "lost")]
    won: bool,
    /// The trade ended without one.
    #[arg(long)]
    lost: bool,
    /// The newest so many; 0 for all.
    #[arg(long, value_name = "N", default_value_t = 20)]
    last: usize,
}

impl DecisionsOf {
    pub(super) fn run(self, json: bool) -> anyhow::Result<u8> {
        let either = |yes: bool, no: bool| (yes || no).then_some(yes);
        let filter = DecisionFilter {
            symbol: self.symbol,
            from: self.day.or(self.from),
            to: self.day.or(self.to),
            action: self.action,
            regime: self.regime,
            granted: either(self.granted, self.refused),
            layer: self.layer,
            won: either(self.won, self.lost),
            last: (self.last > 0).then_some(self.last),
        };
        let run = StoredRun::open(&self.db)?;
        if self.blocked {
            let list = blocked(&run, &filter)?;
            if json { print_json(&list)? } else { print(&show::blocked(&list))? }
        } else {
            let list = decisions(&run, &filter)?;
            if json { print_json(&list)? } else { print(&show::decisions(&list))? }
        }
        Ok(0)
    }
}

fn layer(text: &str) -> Result<Layer, String> {
    let number = text.parse::<usize>().ok().and_then(|number| Layer::ALL.get(number.wrapping_sub(1)).copied());
    let named = || Layer::ALL.into_iter().find(|layer| layer.as_str().eq_ignore_ascii_case(text));
    number.or_else(named).ok_or_else(|| {
        let names: Vec<String> = Layer::ALL.iter().map(|layer| format!("{} {layer}", layer.index() + 1)).collect();
        format!("no such layer: known are {}", names.join(", "))
    })
}
