//! What a database says of its policy.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use alavanca_adapters_sqlite::{RunReader, Selection};
use alavanca_calendar::{TradingZone, ZoneSettings};
use alavanca_engine::{ChangedBy, PolicyByHand, PolicyEventKind, Restored};
use alavanca_kernel::Regime;
use alavanca_ports::StoreError;
use alavanca_rl::{Policy, PolicyTable, RlConfig, RlSettings, ThompsonSampling, UpdateRule};
use alavanca_updater::{PolicySnapshot, UpdaterConfig, UpdaterSettings};
use serde::{Deserialize, Serialize};

use super::diff::{PolicyDiff, Side};
use super::file::{FileFacts, PolicyFile, Prior};
use super::view::{Filter, PolicyView, Story};
use super::{PolicyError, read_file};
use crate::settings::Settings;
use crate::waiting::on_this_thread;

/// A policy as a database holds it, read without changing anything, also beside a running engine.
#[derive(Debug)]
pub struct PolicyDb {
    pub(super) name: String,
    pub(super) meta: BTreeMap<String, String>,
    pub(super) symbols: Vec<String>,
    pub(super) settings: PolicySettings,
    pub(super) restored: Restored,
    story: Story,
}

/// The settings that a policy was learned under, as the run notes them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PolicySettings {
    pub(crate) rl: RlSettings,
    pub(crate) updater: UpdaterSettings,
    pub(crate) zone: ZoneSettings,
}

impl PolicySettings {
    /// The key in the database's notes on its run.
    pub(crate) const META: &'static str = "policy_settings";
    /// The key of the settings' fingerprint.
    pub(crate) const FINGERPRINT: &'static str = "settings_fingerprint";

    /// What a run notes in its database, so that its policy can be looked after without its settings at hand.
    pub(crate) fn notes(settings: &Settings) -> [(&'static str, String); 2] {
        let of = Self { rl: settings.rl, updater: settings.updater, zone: settings.zone.clone() };
        // Written without failure: names and finite numbers.
        let text = serde_json::to_string(&of).unwrap_or_default();
        [(Self::META, text), (Self::FINGERPRINT, settings.fingerprint())]
    }
}

impl PolicyDb {
    /// Reads it.
    ///
    /// # Errors
    /// Where there is no database, it is not ours, or nothing was ever stored in it.
    pub fn open(path: &Path) -> Result<Self, PolicyError> {
        runtime()?.block_on(async {
            let reader = RunReader::open(path).await?;
            let read = Self::read(path, &reader).await;
            reader.close().await?;
            read
        })
    }

    async fn read(path: &Path, reader: &RunReader) -> Result<Self, PolicyError> {
        let name = path.display().to_string();
        let settings = settings_of(reader)?;
        let Some(restored) = reader.restored().await? else { return Err(PolicyError::Empty { db: name }) };
        let all = Selection::default();
        let (learned, events) = (reader.learned(&all).await?, reader.policy_events(&all).await?);
        let story = Story::of(&learned, &events);
        let (meta, symbols) = (reader.meta().clone(), reader.symbols().to_vec());
        Ok(Self { name, meta, symbols, settings, restored, story })
    }

    /// The policy as it is served.
    pub fn show(&self, filter: &Filter) -> PolicyView {
        let checkpoint = &self.restored.checkpoint;
        let served = self.export(None);
        PolicyView::of(self.name.clone(), &served, checkpoint.now, checkpoint.frozen, &self.story, filter)
    }

    /// What is served, to be written to a file: all of it, or one regime.
    pub fn export(&self, regime: Option<Regime>) -> PolicyFile {
        self.file_of(&self.restored.policy, regime)
    }

    pub(super) fn file_of(&self, tables: &[PolicyTable], regime: Option<Regime>) -> PolicyFile {
        let rl = &self.settings.rl;
        let facts = FileFacts {
            scope: rl.scope,
            prior: Prior { alpha: rl.prior_alpha, beta: rl.prior_beta },
            version: self.restored.checkpoint.policy_version,
            run_id: self.meta.get("run_id").cloned(),
            settings: self.meta.get(PolicySettings::FINGERPRINT).cloned(),
        };
        PolicyFile::of(facts, tables, regime, &self.symbols)
    }

    /// The database's policy in the operator's hand.
    pub(super) fn by_hand(&self, restored: Restored) -> Result<PolicyByHand, PolicyError> {
        let PolicySettings { rl, updater, zone } = &self.settings;
        let policy = Box::new(ThompsonSampling::new(RlConfig::new(*rl)?));
        let (updater, zone) = (UpdaterConfig::new(*updater)?, TradingZone::new(zone)?);
        PolicyByHand::take_up(restored, policy, updater, zone)
            .map_err(|error| PolicyError::Restore { db: self.name.clone(), error })
    }

    fn snapshot(&self, id: &str) -> Option<&PolicySnapshot> {
        self.restored.snapshots.iter().find(|snapshot| snapshot.id == id)
    }

    /// A side of a comparison: `served`, or a snapshot.
    fn side(&self, asked: &str) -> Result<Side, PolicyError> {
        if asked == SERVED {
            return Ok(Side { name: SERVED.to_owned(), policy: self.export(None) });
        }
        let of = || Some(self.name.clone());
        let snapshot = self.snapshot(asked).ok_or_else(|| PolicyError::NoSide { asked: asked.to_owned(), of: of() })?;
        let table = super::snapshots::table(snapshot)
            .map_err(|error| PolicyError::ByHand { db: self.name.clone(), error: error.into() })?;
        Ok(Side { name: asked.to_owned(), policy: self.file_of(&[table], Some(snapshot.regime)) })
    }
}

/// What the policy that a database serves is called in a comparison.
const SERVED: &str = "served";

/// Compares two policies: each `served` or a snapshot of the database, an exported file, or another database.
///
/// # Errors
/// Where one of them is nothing of the kind, or cannot be read.
pub fn compare(a: &str, b: &str, db: Option<&Path>) -> Result<PolicyDiff, PolicyError> {
    let db = db.map(PolicyDb::open).transpose()?;
    Ok(PolicyDiff::between(&side(a, db.as_ref())?, &side(b, db.as_ref())?))
}

fn side(asked: &str, db: Option<&PolicyDb>) -> Result<Side, PolicyError> {
    let is_of_db = asked == SERVED || db.is_some_and(|db| db.snapshot(asked).is_some());
    let path = Path::new(asked);
    if !is_of_db && path.is_file() {
        let policy = if is_database(path)? { PolicyDb::open(path)?.export(None) } else { read_file(path)? };
        return Ok(Side { name: asked.to_owned(), policy });
    }
    match db {
        Some(db) => db.side(asked),
        None if is_of_db || looks_like_a_snapshot(asked) => Err(PolicyError::NoDatabase { asked: asked.to_owned() }),
        None => Err(PolicyError::NoSide { asked: asked.to_owned(), of: None }),
    }
}

/// `RANGE-000012`.
fn looks_like_a_snapshot(asked: &str) -> bool {
    asked.rsplit_once('-').is_some_and(|(regime, number)| {
        regime.parse::<Regime>().is_ok() && number.chars().all(|digit| digit.is_ascii_digit())
    })
}

fn is_database(path: &Path) -> Result<bool, PolicyError> {
    let failed = |error| PolicyError::File { path: path.to_owned(), error };
    let mut begin = Vec::new();
    std::fs::File::open(path).map_err(failed)?.take(16).read_to_end(&mut begin).map_err(failed)?;
    Ok(begin == b"SQLite format 3\0")
}

/// The settings that the run was made with; of a database from before they were noted, the defaults with the scope and
/// the prior that it has always noted.
fn settings_of(reader: &RunReader) -> Result<PolicySettings, PolicyError> {
    let noted = reader.meta().get(PolicySettings::META);
    let noted: Option<PolicySettings> = noted.and_then(|text| serde_json::from_str(text).ok());
    if let Some(noted) = noted {
        return Ok(noted);
    }
    let facts = reader.policy_facts()?;
    let rl = RlSettings {
        scope: facts.scope,
        prior_alpha: facts.prior_alpha,
        prior_beta: facts.prior_beta,
        ..RlSettings::default()
    };
    Ok(PolicySettings { rl, ..PolicySettings::default() })
}

/// Policies that know nothing and learn as the run's did: one of them, where the run did not note how.
pub(crate) fn blank(reader: &RunReader) -> Vec<Box<dyn Policy>> {
    let Ok(PolicySettings { rl, .. }) = settings_of(reader) else { return Vec::new() };
    let is_noted = reader.meta().contains_key(PolicySettings::META);
    let rules = if is_noted { vec![rl.update] } else { vec![UpdateRule::Binary, UpdateRule::Fractional] };
    let configs = rules.into_iter().filter_map(|update| RlConfig::new(RlSettings { update, ..rl }).ok());
    configs.map(|config| Box::new(ThompsonSampling::new(config)) as Box<dyn Policy>).collect()
}

/// The operator's last change of a stored policy, in a sentence.
pub(crate) async fn changed_by_hand(path: &Path) -> Result<Option<String>, StoreError> {
    let reader = RunReader::open(path).await?;
    let events = reader.policy_events(&Selection::default()).await;
    reader.close().await?;
    let last = events?.into_iter().rev().find(|event| event.by.is_operator());
    Ok(last.map(|event| {
        let what = match &event.kind {
            PolicyEventKind::Frozen { .. } => format!("{} frozen", event.regime),
            PolicyEventKind::Thawed => format!("{} unfrozen", event.regime),
            PolicyEventKind::RolledBack { snapshot, .. } => format!("{} rolled back to {snapshot}", event.regime),
            PolicyEventKind::Imported { digest, .. } => format!("{} imported, digest {digest}", event.regime),
        };
        match event.by {
            ChangedBy::Operator { reason } if !reason.is_empty() => format!("{what}: {reason}"),
            _ => what,
        }
    }))
}

pub(super) fn runtime() -> Result<tokio::runtime::Runtime, PolicyError> {
    on_this_thread().map_err(|error| PolicyError::File { path: "the store's runtime".into(), error })
}
