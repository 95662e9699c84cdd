use std::time::{SystemTime, UNIX_EPOCH};

use alavanca::market_calendar::{day_of, market_calendar};
use alavanca::show;
use alavanca_kernel::Timestamp;
use chrono::NaiveDate;
use clap::Args;

use super::{SettingsArgs, colour, print, print_json};

/// `alavanca calendar`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  alavanca calendar --symbol WIN                             today: hours, auctions, entries, contract
  alavanca calendar --symbol WIN --day 2026-02-18            Ash Wednesday opens late
  alavanca calendar --symbol WDO --day 2026-12-21 --days 14  two weeks as a table
  alavanca calendar --symbol EURUSD --day 2026-12-24
  alavanca calendar --symbol WIN --day 2026-06-24 --set SESSION_CALENDAR=own.txt --json")]
pub(super) struct Calendar {
    /// The instrument; a dated contract such as WINZ26 tells its own expiry.
    #[arg(long, value_name = "SYMBOL", default_value = "WIN")]
    symbol: String,
    /// The first day, YYYY-MM-DD; today where it is not said.
    #[arg(long, value_name = "DAY")]
    day: Option<NaiveDate>,
    /// How many days.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=3_660))]
    days: u32,
    #[command(flatten)]
    settings: SettingsArgs,
}

impl Calendar {
    pub(super) fn run(self, json: bool) -> anyhow::Result<u8> {
        let loaded = self.settings.load(None)?;
        let settings = &loaded.settings;
        let instrument = settings.instrument(&self.symbol).map_err(|error| loaded.refusal(error))?;
        let day = if let Some(day) = self.day {
            day
        } else {
            let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
            day_of(settings, Timestamp::from_secs(now as i64)).map_err(|error| loaded.refusal(error))?
        };
        let calendar = market_calendar(settings, &instrument, day, self.days).map_err(|error| loaded.refusal(error))?;
        if json {
            print_json(&calendar)?;
        } else {
            print(&show::market_calendar(&calendar, colour()))?;
        }
        Ok(0)
    }
}
