//! A store of one's own: a file of lines, one commit each, as JSON. An engine is stopped halfway, restored from nothing
//! but the file, and comes to what an engine comes to that was never stopped. `cargo run --release --example custom_store`

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use alavanca::{builder::Builder, settings, wheel::Wheel};
use alavanca_adapters_sim::{SimBroker, SyntheticMarket, SyntheticSettings};
use alavanca_engine::{Event, Record, Restored};
use alavanca_kernel::{Bar, Instrument, SymbolId, Timestamp};
use alavanca_ports::{Store, StoreError};
use alavanca_rl::{RlConfig, ThompsonSampling};

struct Lines {
    path: PathBuf,
    file: File,
    cursor: u64,
    policy: RlConfig,
}

fn failed(error: impl std::fmt::Display) -> StoreError {
    StoreError::Io(error.to_string())
}

impl Lines {
    fn open(path: &Path, policy: RlConfig) -> Result<Self, StoreError> {
        let mut file = OpenOptions::new().create(true).append(true).open(path).map_err(failed)?;
        let text = fs::read_to_string(path).map_err(failed)?;
        // A commit is whole or nothing: a line that was cut off by a crash is no commit.
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        file.set_len(whole as u64).map_err(failed)?;
        file.flush().map_err(failed)?;
        let mut store = Self { path: path.to_owned(), file, cursor: 0, policy };
        store.cursor = store.commits()?.last().map_or(0, |(cursor, _)| *cursor);
        Ok(store)
    }

    fn commits(&self) -> Result<Vec<(u64, Vec<Record>)>, StoreError> {
        let text = fs::read_to_string(&self.path).map_err(failed)?;
        text.lines().map(|line| serde_json::from_str(line).map_err(failed)).collect()
    }
}

#[async_trait::async_trait]
impl Store<Record, Restored> for Lines {
    async fn commit(&mut self, records: &[Record], cursor: u64) -> Result<(), StoreError> {
        if cursor < self.cursor {
            return Err(StoreError::Inconsistent(format!("the cursor goes back from {} to {cursor}", self.cursor)));
        }
        let line = serde_json::to_string(&(cursor, records)).map_err(failed)?;
        self.file.write_all(format!("{line}\n").as_bytes()).and_then(|()| self.file.sync_data()).map_err(failed)?;
        self.cursor = cursor;
        Ok(())
    }

    async fn restore(&mut self) -> Result<Option<Restored>, StoreError> {
        let records = self.commits()?.into_iter().flat_map(|(_, records)| records);
        let mut policy = ThompsonSampling::new(self.policy);
        Restored::from_records(records, &mut policy).map_err(|error| StoreError::Inconsistent(error.to_string()))
    }

    async fn cursor(&mut self) -> Result<u64, StoreError> {
        Ok(self.cursor)
    }
}

async fn run(path: &Path, bars: &[Bar], stop_after: usize) -> Result<Vec<Record>, Box<dyn std::error::Error>> {
    let settings = settings::load(&settings::LoadRequest::default())?.settings;
    let win = Instrument::preset("WIN").ok_or("WIN is a preset")?;
    let (only, policy) = (SymbolId::new(0), RlConfig::new(settings.rl)?);
    let mut broker = SimBroker::new(Builder::new(&settings, &win).build()?.exchange);
    for range in [0..stop_after, stop_after..bars.len()] {
        let engine = Builder::new(&settings, &win).engine()?;
        let mut standing = Wheel::restore(engine, broker.clone(), Lines::open(path, policy)?).await?;
        bars[..range.start].iter().for_each(|bar| standing.warm(only, bar));
        let (mut wheel, differences, _) = standing.reconcile(Timestamp::MIN).await?;
        assert!(differences.is_empty(), "{differences:?}");
        for bar in &bars[range] {
            broker.on_bar(only, bar);
            wheel.read_account().await;
            wheel.turn(Event::Bar(only, *bar)).await;
        }
        broker = wheel.broker_mut().clone();
    }
    let mut records: Vec<_> = Lines::open(path, policy)?.commits()?.into_iter().flat_map(|(_, all)| all).collect();
    records.retain(|record| matches!(record, Record::Decision(_) | Record::Trade(_)));
    Ok(records)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (folder, win) = (tempfile::tempdir()?, Instrument::preset("WIN").ok_or("WIN is a preset")?);
    let market = SyntheticSettings { days: 15, ..SyntheticSettings::default() };
    let bars: Vec<Bar> = SyntheticMarket::new(market, &win)?.collect();
    let whole = run(&folder.path().join("whole.jsonl"), &bars, 0).await?;
    let stopped = run(&folder.path().join("stopped.jsonl"), &bars, bars.len() / 2).await?;
    println!("{} decisions and trades, the same whether it was stopped or not", stopped.len());
    assert!(whole.len() > 50 && whole == stopped);
    Ok(())
}
