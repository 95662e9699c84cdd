//! What is noted of a run beside its records: enough to draw its page again from the database.

use std::path::{Path, PathBuf};

use alavanca_calendar::{TradingZone, ZoneSettings};
use alavanca_kernel::{Instrument, Money, SettingError};
use alavanca_report::{Chronicle, Prior, Summary};
use alavanca_rl::PolicyScope;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Document, Market, Material, PageError, PageFacts, Parts, page};
use crate::backtest::AppError;
use crate::backtest_types::{BacktestRequest, SourceFacts};
use crate::extensions::{Kind, Own};
use crate::settings::{BRAINS, FIELDS, KEYS, Key, Loaded, Origin, Settings, dated_field};

/// Where the run's data lies; absent for a synthetic market.
pub(super) const DATA_PATH: &str = "data_path";
/// SHA-256 of the run's data.
pub(super) const DATA_SHA256: &str = "data_sha256";
/// [`SourceFacts`] as JSON.
pub(super) const DATA_FACTS: &str = "data_facts";
/// A list of [`SettingLine`] as JSON.
pub(super) const SETTINGS: &str = "settings";
/// [`RunFacts`] as JSON.
pub(super) const RUN_FACTS: &str = "run_facts";
/// The run's notes as JSON, a list of sentences.
pub(super) const RUN_NOTES: &str = "run_notes";
/// [`Level4Notes`] as JSON; absent where the second engine did not run, or the run was not ended.
pub(super) const LEVEL4: &str = "level4";

/// What identifies a run and how to read its figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunFacts {
    /// The run's identity.
    pub run_id: String,
    /// The symbol.
    pub symbol: String,
    /// Currency of all amounts.
    pub currency: String,
    /// Decimals of its prices.
    pub digits: u8,
    /// The trading zone's IANA name.
    pub zone: String,
    /// `TRADING_DAY_CUT`.
    pub day_cut: String,
    /// `OPERATOR_CAPITAL_BRL`, in centavos.
    pub capital: Money,
    /// `RL_PRIOR_ALPHA`.
    pub prior_alpha: f64,
    /// `RL_PRIOR_BETA`.
    pub prior_beta: f64,
    /// `RL_POLICY_SCOPE`.
    pub scope: PolicyScope,
    /// `RL_SEED`.
    pub seed: u64,
    /// Fingerprint of the settings.
    pub fingerprint: String,
    /// How the market was read.
    pub read: ReadFacts,
}

/// How the market was read, to read it again in the same way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReadFacts {
    /// `--symbol`.
    pub symbol: Option<String>,
    /// `--data-tz`.
    pub data_tz: Option<String>,
    /// `--accept-faults`.
    pub accept_faults_percent: f64,
}

impl RunFacts {
    /// Of a run with these settings on this instrument.
    pub fn new(run_id: &str, settings: &Settings, instrument: &Instrument, read: ReadFacts) -> Self {
        Self {
            run_id: run_id.to_owned(),
            symbol: instrument.name.clone(),
            currency: instrument.currency.clone(),
            digits: instrument.digits,
            zone: settings.zone.timezone.clone(),
            day_cut: settings.zone.day_cut.clone(),
            capital: settings.capital.operator_capital,
            prior_alpha: settings.rl.prior_alpha,
            prior_beta: settings.rl.prior_beta,
            scope: settings.rl.scope,
            seed: settings.rl.seed,
            fingerprint: settings.fingerprint(),
            read,
        }
    }

    /// The zone that everything goes by.
    ///
    /// # Errors
    /// Where this release does not know the zone.
    pub fn trading_zone(&self) -> Result<TradingZone, SettingError> {
        TradingZone::new(&ZoneSettings { timezone: self.zone.clone(), day_cut: self.day_cut.clone() })
    }

    /// What arms without evidence are.
    pub fn prior(&self) -> Prior {
        Prior { alpha: self.prior_alpha, beta: self.prior_beta, scope: self.scope }
    }
}

/// A setting of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingLine {
    /// The key; `instrument.NAME.field` for a line of an instrument's section.
    pub key: String,
    /// The value as it was written.
    pub value: String,
    /// What it belongs to.
    pub section: String,
    /// Where it was said; none for a default.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub origin: Option<String>,
}

/// Every setting of a run, in the order of the documentation; the seed as it was used.
pub fn setting_lines(loaded: &Loaded, settings: &Settings) -> Vec<SettingLine> {
    let defaults = Settings::default();
    let line = |origin: &Origin| {
        let seed = settings.rl.seed.to_string();
        let (value, said) = match origin.key.as_str() {
            "RL_SEED" if origin.value != seed => (seed, "--seed".to_owned()),
            _ => (origin.value.clone(), origin.origin.clone()),
        };
        let is_default = |key: &Key| (key.show)(settings) == (key.show)(&defaults);
        SettingLine {
            key: origin.key.clone(),
            section: origin.section.to_owned(),
            // What says a default anew changes nothing.
            origin: (!KEYS.iter().any(|key| key.name == origin.key && is_default(key))).then_some(said),
            value,
        }
    };
    loaded.origins.iter().map(line).collect()
}

/// The settings that these lines say; `None` where this release does not know a key or refuses a value.
pub fn settings_of(lines: &[SettingLine]) -> Option<Settings> {
    // A run of another binary is read, too: what it brought along is not needed for that.
    let mut settings = Settings { own: Own::of_any_binary(), ..Settings::default() };
    for line in lines {
        if settings.own.put(&line.key, &line.value) {
            continue;
        }
        let own = line.key.strip_prefix("instrument.");
        if let Some((name, dated)) = own.and_then(|rest| rest.split_once(".costs.")) {
            let (day, field) = dated_field(&format!("costs.{dated}"))?.ok()?;
            let section = settings.instruments.entry(name.to_owned()).or_default();
            (field.read)(section.dated_costs.entry(day).or_default(), &line.value).ok()?;
        } else if let Some((name, field)) = own.and_then(|rest| rest.rsplit_once('.')) {
            let field = FIELDS.iter().find(|known| known.name == field)?;
            let section = settings.instruments.entry(name.to_owned()).or_default();
            (field.read)(section, &line.value).ok()?;
        } else {
            (Key::named(&line.key)?.read)(&mut settings, &line.value).ok()?;
        }
    }
    Some(settings)
}

/// What a run had of its own by these noted settings, that a binary does not know.
pub(crate) fn unknown_here(noted: &str, own: &Own) -> Option<String> {
    let settings = settings_of(&serde_json::from_str::<Vec<SettingLine>>(noted).ok()?)?;
    let brains = settings.brains.iter().filter(|name| !BRAINS.contains(&name.as_str()));
    let brains = brains.map(|name| (Kind::Brain, name));
    let regime = settings.own.regime.iter().map(|name| (Kind::Regime, name));
    let liquidity = settings.own.liquidity.iter().map(|name| (Kind::Liquidity, name));
    let unknown = brains.chain(regime).chain(liquidity).filter(|(kind, name)| !own.knows(*kind, name));
    let unknown: Vec<String> = unknown.map(|(kind, name)| format!("{kind} {name}")).collect();
    (!unknown.is_empty()).then(|| unknown.join(" and "))
}

/// The second engine, gate off, on the same market.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Level4Notes {
    /// Its figures, as `backtest --json` has them.
    pub summary: Value,
    /// Its realised result: instant in microseconds, result and fall from the best in centavos. At most
    /// [`Level4Notes::POINTS`] points, extremes kept.
    pub curve: Vec<(i64, i64, i64)>,
    /// Net result by trading day: days since 1970-01-01, centavos.
    pub days: Vec<(i32, i64)>,
}

impl Level4Notes {
    /// The most points of its curve.
    pub const POINTS: usize = 2_000;

    /// Of an engine's figures and chronicle.
    ///
    /// # Errors
    /// Where the figures are no JSON, which they always are.
    pub fn new(summary: &Summary, chronicle: &Chronicle) -> Result<Self, serde_json::Error> {
        let curve = chronicle.curve().sampled(Self::POINTS);
        Ok(Self {
            summary: serde_json::to_value(summary)?,
            curve: curve.iter().map(|p| (p.at.micros(), p.net.cents(), p.drawdown.cents())).collect(),
            days: chronicle.days().iter().map(|day| (day.day.days(), day.net.cents())).collect(),
        })
    }
}

/// What a live or paper run notes each time it starts: enough for its page, and for questions to its database. Its market
/// is in its recorded days.
pub(crate) fn note_live(
    loaded: &Loaded,
    instrument: &Instrument,
    run_id: &str,
) -> Result<[(&'static str, String); 2], PageError> {
    let settings = &loaded.settings;
    let read = ReadFacts { symbol: Some(instrument.name.clone()), data_tz: None, accept_faults_percent: 0.0 };
    let facts = RunFacts::new(run_id, settings, instrument, read);
    Ok([
        (SETTINGS, serde_json::to_string(&setting_lines(loaded, settings))?),
        (RUN_FACTS, serde_json::to_string(&facts)?),
    ])
}

/// Everything that is noted of a run, from the start to the end.
#[derive(Debug)]
pub(crate) struct Noted {
    facts: RunFacts,
    settings: Vec<SettingLine>,
    source: SourceFacts,
    data_path: Option<String>,
}

impl Noted {
    pub(crate) fn new(
        request: &BacktestRequest,
        loaded: &Loaded,
        settings: &Settings,
        market: &crate::backtest::Market,
        run_id: &str,
    ) -> Self {
        let read = ReadFacts {
            symbol: request.symbol.clone(),
            data_tz: request.data_tz.clone(),
            accept_faults_percent: request.accept_faults_percent,
        };
        let absolute = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
        Self {
            facts: RunFacts::new(run_id, settings, &market.instrument, read),
            settings: setting_lines(loaded, settings),
            source: market.facts.clone(),
            data_path: request.data.as_ref().map(|path| absolute(path).display().to_string()),
        }
    }

    pub(crate) fn run_id(&self) -> &str {
        &self.facts.run_id
    }

    /// An empty collection for the run.
    pub(crate) fn material(&self, with_candles: bool) -> Result<Material, SettingError> {
        let (prior, zone) = (self.facts.prior(), self.facts.trading_zone()?);
        Ok(if with_candles { Material::with_candles(prior, zone) } else { Material::of_records(prior, zone) })
    }

    /// What is noted before the first row: enough for the page of a run that was broken off.
    pub(crate) fn at_start(&self) -> Result<Vec<(&'static str, String)>, PageError> {
        let mut notes = vec![
            (DATA_SHA256, self.source.sha256.clone()),
            (DATA_FACTS, serde_json::to_string(&self.source)?),
            (SETTINGS, serde_json::to_string(&self.settings)?),
            (RUN_FACTS, serde_json::to_string(&self.facts)?),
        ];
        notes.extend(self.data_path.clone().map(|path| (DATA_PATH, path)));
        Ok(notes)
    }

    /// What is known at the end alone.
    pub(crate) fn at_end(
        source: &SourceFacts,
        notes: &[String],
        level4: Option<&Level4Notes>,
    ) -> Result<Vec<(&'static str, String)>, PageError> {
        let mut noted = vec![(DATA_FACTS, serde_json::to_string(source)?), (RUN_NOTES, serde_json::to_string(notes)?)];
        if let Some(level4) = level4 {
            noted.push((LEVEL4, serde_json::to_string(level4)?));
        }
        Ok(noted)
    }

    /// Writes the run's page.
    pub(crate) fn page(
        &self,
        path: &Path,
        source: &SourceFacts,
        notes: &[String],
        summary: &Summary,
        material: Material,
        level4: Option<&Level4Notes>,
    ) -> Result<PageFacts, AppError> {
        let brains = material.brains().to_vec();
        let (chronicle, candles) = material.gathered();
        let market = candles.map_or(Market::Unknown, Market::Drawn);
        let parts = Parts {
            facts: &self.facts,
            source: Some(source),
            settings: &self.settings,
            notes,
            summary,
            chronicle: &chronicle,
            brains: &brains,
            level4,
            market: &market,
            day: None,
        };
        let document = Document::new(&parts, self.facts.trading_zone()?).map_err(PageError::from)?;
        Ok(page::write(path, &document)?)
    }
}
