use std::path::PathBuf;
use std::time::Duration;

use alavanca::live::doctor::{Verdict, diagnose};
use alavanca::live::mailbox::Mailbox;
use alavanca::live::visit::{Errand, Visit, VisitRequest};
use alavanca::settings::Settings;
use alavanca::show;
use alavanca_adapters_mt5::session::Secret;
use clap::Args;

use super::{FAILED, SettingsArgs, Usage, colour, print, print_json};

/// `alavanca doctor`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  alavanca doctor --symbol WINZ26 --db live.sqlite        with the secret of that database
  alavanca doctor --symbol EURUSD --secret bridge.secret --json
  alavanca doctor --symbol WINZ26 --set MT5_SERVER_ZONE=-03:00

It listens where live does (MT5_LISTEN), so stop a running live first, and waits for the bridge.
It reads only: the bridge is told that nothing is armed, and refuses every order.
Exit code 0 where live would start, 1 where something failed.")]
pub(super) struct Doctor {
    #[command(flatten)]
    door: Door,
}

/// Which symbol, and how the bridge comes in.
#[derive(Debug, Args)]
pub(super) struct Door {
    /// The symbol, as the broker spells it: at B3 the dated contract.
    #[arg(long, value_name = "SYMBOL")]
    pub(super) symbol: String,
    /// The database whose secret the bridge has.
    #[arg(long, value_name = "FILE", conflicts_with = "secret")]
    db: Option<PathBuf>,
    /// The file of the secret; otherwise MT5_SECRET_FILE.
    #[arg(long, value_name = "FILE")]
    secret: Option<PathBuf>,
    /// How long a bridge is waited for.
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    wait: u64,
    #[command(flatten)]
    pub(super) settings: SettingsArgs,
}

impl Door {
    /// How to let the bridge in.
    pub(super) fn request(&self, settings: &Settings, errand: Errand) -> anyhow::Result<VisitRequest> {
        let of_database = self.db.as_deref().map(|db| Mailbox::of(db).secret_file());
        let Some(path) = self.secret.clone().or(of_database).or_else(|| settings.live.secret_file.clone()) else {
            let text = "no secret is named: --secret FILE, --db FILE (that database's own), or MT5_SECRET_FILE";
            return Err(Usage(text.to_owned()).into());
        };
        // Before the first live run there is no folder for it.
        if let Some(mailbox) = self.db.as_deref().map(Mailbox::of).filter(|mailbox| mailbox.secret_file() == path) {
            mailbox.make()?;
        }
        let (secret, made) = Secret::read_or_make(&path)?;
        if made {
            eprintln!("made a secret in {}: give the bridge this file", path.display());
        }
        Ok(VisitRequest { secret, wait: Duration::from_secs(self.wait), errand, caps: None })
    }
}

/// Where it is listened, for whoever starts a bridge.
pub(super) fn tell(address: std::net::SocketAddr) {
    eprintln!("waiting for a bridge on {address}");
}

/// What sockets and clocks need.
pub(super) fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()
}

impl Doctor {
    pub(super) fn run(self, json: bool) -> anyhow::Result<u8> {
        let loaded = self.door.settings.load(None)?;
        let settings = &loaded.settings;
        let instrument = settings.instrument(&self.door.symbol).map_err(|error| loaded.refusal(error))?;
        let request = self.door.request(settings, Errand::Look)?;
        let diagnosis = runtime()?.block_on(async {
            let mut visit = Visit::begin(settings, &instrument, request, &mut tell).await?;
            let diagnosis = diagnose(&mut visit, settings, &instrument).await;
            visit.end().await;
            diagnosis
        })?;
        if json {
            print_json(&diagnosis)?;
        } else {
            print(&show::diagnosis(&diagnosis, colour()))?;
        }
        Ok(if diagnosis.verdict() == Verdict::Fail { FAILED } else { 0 })
    }
}
