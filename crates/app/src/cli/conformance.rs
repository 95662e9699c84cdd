use std::path::PathBuf;

use alavanca::live::trial::{trial_caps, try_out};
use alavanca::live::visit::{Errand, Visit};
use alavanca::show;
use anyhow::Context as _;
use clap::Args;

use super::doctor::{Door, runtime, tell};
use super::{FAILED, Usage, colour, print, print_json};

/// `alavanca conformance`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  alavanca conformance --symbol WINZ26 --secret bridge.secret --account 5012345 --arm
  alavanca conformance --symbol EURUSD --db live.sqlite --account 5012345 --arm --transcript broker.ndjson

It sends real orders, on a demo account alone: at most two of the symbol's smallest volume are
open at a time, each with a stop, and all are closed at the end. What was said goes into the
transcript, without login and proofs, to be shared. The market has to be open.
Exit code 1 where something did not hold.")]
pub(super) struct Conformance {
    #[command(flatten)]
    door: Door,
    /// The demo account's number, typed by you: the terminal has to be logged in to it.
    #[arg(long, value_name = "LOGIN")]
    account: u64,
    /// Yes, send orders.
    #[arg(long)]
    arm: bool,
    /// Where the transcript goes.
    #[arg(long, value_name = "FILE", default_value = "conformance.ndjson")]
    transcript: PathBuf,
}

impl Conformance {
    pub(super) fn run(self, json: bool) -> anyhow::Result<u8> {
        if !self.arm {
            let text = "this sends real orders to a demo account: say so with --arm (`alavanca doctor` sends none)";
            return Err(Usage(text.to_owned()).into());
        }
        let loaded = self.door.settings.load(None)?;
        let settings = &loaded.settings;
        let symbol = &self.door.symbol;
        let instrument = settings.instrument(symbol).map_err(|error| loaded.refusal(error))?;
        let mut request = self.door.request(settings, Errand::Trial { login: self.account })?;
        request.caps = Some(trial_caps(symbol, instrument.lots_per_contract.into()));
        let (trial, transcript) = runtime()?.block_on(async {
            let mut visit = Visit::begin(settings, &instrument, request, &mut tell).await?;
            let trial = try_out(&mut visit, symbol).await;
            let transcript = visit.transcript();
            visit.end().await;
            Ok::<_, alavanca::live::visit::VisitError>((trial, transcript))
        })?;
        // What was said is wanted above all where something went wrong.
        std::fs::write(&self.transcript, transcript)
            .with_context(|| format!("the transcript {}", self.transcript.display()))?;
        let trial = trial?;
        if json {
            print_json(&trial)?;
        } else {
            print(&show::trial(&trial, colour()))?;
            eprintln!("transcript: {}", self.transcript.display());
        }
        Ok(if trial.passed() { 0 } else { FAILED })
    }
}
