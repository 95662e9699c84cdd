//! Settings: where they may be written, what may be written, and where each value came from.
//!
//! Later layers win: the defaults, `alavanca.toml`, the profile, `.env`, the environment, the command line. Whatever is
//! no setting, or cannot be, is an error that names the key, where it stands and what is allowed; all that is wrong is
//! said at once. Past [`load`] nothing is checked twice.

mod costs;
mod instrument;
mod key;
mod layer;
mod live;
mod market_file;
mod own;
mod problem;
mod text;
mod written;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use alavanca_adapters_sim::FillAt;
use alavanca_calendar::{
    Contract, NewsCalendar, NewsFilter, NewsSettings, Session, SessionCalendars, SessionRule, SessionSettings,
    TradingZone, ZoneSettings,
};
use alavanca_capital::{CapitalConfig, CapitalSettings};
use alavanca_engine::OnOpposite;
use alavanca_gate::{GateConfig, GateSettings};
use alavanca_kernel::{AccountMode, Instrument, Money, Price, SettingError, Unit, UnknownName};
use alavanca_liquidity::{
    SwingVolumeConfig, SwingVolumeSettings, ZoneExitConfig, ZoneExitSettings, ZoneMapConfig, ZoneMapSettings,
};
use alavanca_pretrade::{PretradeConfig, PretradeSettings};
use alavanca_regime::{AdxAtrConfig, AdxAtrSettings, MultiScaleConfig, MultiScaleSettings};
use alavanca_risk::{RiskConfig, RiskSettings};
use alavanca_rl::{RlConfig, RlSettings};
use alavanca_scalp::{ScalpConfig, ScalpSettings};
use alavanca_signals::{
    BossConfig, BossSettings, BreakoutConfig, BreakoutSettings, EmaTrendConfig, EmaTrendSettings, MeanReversionConfig,
    MeanReversionSettings, MetaConfig, MetaSettings, MomentumConfig, MomentumSettings, OpeningRangeConfig,
    OpeningRangeSettings, SmaCrossConfig, SmaCrossSettings, SqueezeConfig, SqueezeSettings, VwapPullbackConfig,
    VwapPullbackSettings,
};
use alavanca_updater::{UpdaterConfig, UpdaterSettings};
use config::{Config, Map, Value, ValueKind};
use serde::Serialize;
use sha2::{Digest, Sha256};

pub use costs::CostSettings;
pub(crate) use costs::dated_field;
pub use instrument::{FIELDS, Field, InstrumentSettings};
pub use key::{KEYS, Key};
pub use live::{LiveClock, LiveSettings, ServerZone};
pub use market_file::MarketFile;
pub use problem::{Problem, SettingsError};
pub use written::{as_dotenv, as_markdown, as_toml};

use crate::extensions::{Extensions, Kind, Own};
use crate::timeframe::Timeframe;
use costs::{COST_FIELDS, COSTS, CostField};
use layer::{INSTRUMENT, Layer};

/// All settings, checked. [`load`] makes them; the defaults are the specification's.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Sizing and the eight layers.
    pub capital: CapitalSettings,
    /// The extra contracts.
    pub scalp: ScalpSettings,
    /// Limits.
    pub risk: RiskSettings,
    /// The controls before every order of paper and live.
    pub pretrade: PretradeSettings,
    /// The gate.
    pub gate: GateSettings,
    /// The policy.
    pub rl: RlSettings,
    /// Batches, snapshots, freeze, rollback.
    pub updater: UpdaterSettings,
    /// The trading zone and its days.
    pub zone: ZoneSettings,
    /// Entries and the time to be flat.
    pub session: SessionSettings,
    /// `SESSION_CALENDAR`: a file of dated hours that adds to those that come along.
    pub session_calendar: Option<MarketFile<SessionCalendars>>,
    /// `ROLL_DAYS_BEFORE_EXPIRY`; none goes by the contract's root.
    pub roll_days_before_expiry: Option<u32>,
    /// `EXPIRY_DAY_ENTRIES`.
    pub expiry_day_entries: bool,
    /// `NEWS_CALENDAR`.
    pub news_calendar: Option<MarketFile<NewsCalendar>>,
    /// What is done about announcements.
    pub news: NewsSettings,
    /// Whether the market has holidays and half days. No setting: false for a market that is made up and knows none.
    pub holidays: bool,
    /// Level 2.
    pub meta: MetaSettings,
    /// The brain `EMA_TREND`.
    pub ema_trend: EmaTrendSettings,
    /// The brain `MEAN_REVERSION`.
    pub mean_reversion: MeanReversionSettings,
    /// The brain `SMA_CROSS`.
    pub sma_cross: SmaCrossSettings,
    /// The brain `MOMENTUM`.
    pub momentum: MomentumSettings,
    /// The brain `BREAKOUT`.
    pub breakout: BreakoutSettings,
    /// The brain `OPENING_RANGE`.
    pub opening_range: OpeningRangeSettings,
    /// The brain `VWAP_PULLBACK`.
    pub vwap_pullback: VwapPullbackSettings,
    /// The brain `SQUEEZE`.
    pub squeeze: SqueezeSettings,
    /// What the boss asks of a signal.
    pub boss: BossSettings,
    /// `BRAINS`: names out of [`BRAINS`], at least one, each once.
    pub brains: Vec<String>,
    /// `REGIME_DETECTOR`.
    pub regime_kind: RegimeKind,
    /// Level 3 by `ADX_ATR`.
    pub regime: AdxAtrSettings,
    /// Level 3 by `MULTI_SCALE`.
    pub regime_scales: MultiScaleSettings,
    /// Level 4.
    pub liquidity: SwingVolumeSettings,
    /// What the map `ZONES` has beside those.
    pub zones: ZoneMapSettings,
    /// Whether zones move the brains' exits.
    pub zone_exits: ZoneExitSettings,
    /// `LIQUIDITY_MAP`.
    pub liquidity_kind: LiquidityKind,
    /// `ON_OPPOSITE_SIGNAL`.
    pub on_opposite: OnOpposite,
    /// `BAR_TIMEFRAME`: what the market's rows are joined to; none leaves them as they are.
    pub timeframe: Option<Timeframe>,
    /// `SIGNAL_BAR_SECONDS`.
    pub signal_bar_seconds: u32,
    /// `EQUITY_MAX_AGE_SECONDS`.
    pub equity_max_age_seconds: u32,
    /// `RECORD_EVERY_BAR`.
    pub record_every_bar: bool,
    /// `ACCOUNT_MODE`; none goes by the instrument.
    pub account_mode: Option<AccountMode>,
    /// `FILL`.
    pub fill: FillAt,
    /// `SIM_LATENCY_MS`.
    pub latency_ms: u32,
    /// `SIM_COSTS`: whether the instrument's costs are charged.
    pub costs: bool,
    /// `BROKERAGE_PER_CONTRACT_BRL`.
    pub brokerage: Money,
    /// `SIM_PARTIAL_FILL_MAX`, contracts.
    pub partial_fill_max: Option<u32>,
    /// `SIM_REJECT_PROBABILITY`.
    pub reject_probability: Unit,
    /// `SIM_SEED`.
    pub sim_seed: u64,
    /// `SYNTHETIC_DAYS`.
    pub synthetic_days: u32,
    /// The way to MetaTrader 5, and how live and paper run.
    pub live: LiveSettings,
    /// `[instrument.NAME]` by name in capitals. See [`Settings::instrument`].
    pub instruments: BTreeMap<String, InstrumentSettings>,
    /// What is of one's own: what the binary knows, `[brain.NAME]` and the like, and what of it is chosen.
    pub own: Own,
}

/// The default of `BRAINS`: one of each kind that traders know.
pub const DEFAULT_BRAINS: [&str; 7] =
    ["EMA_TREND", "MOMENTUM", "MEAN_REVERSION", "BREAKOUT", "OPENING_RANGE", "VWAP_PULLBACK", "SQUEEZE"];

/// The brains that can be named in `BRAINS`.
pub const BRAINS: [&str; 8] =
    ["EMA_TREND", "MOMENTUM", "MEAN_REVERSION", "BREAKOUT", "OPENING_RANGE", "VWAP_PULLBACK", "SQUEEZE", "SMA_CROSS"];

/// The profiles, verbatim from the specification.
pub const PROFILES: [(&str, &str); 3] = [
    ("conservative", include_str!("../../../../config/conservative.env")),
    ("balanced", include_str!("../../../../config/balanced.env")),
    ("aggressive", include_str!("../../../../config/aggressive.env")),
];

impl Default for Settings {
    fn default() -> Self {
        Self {
            capital: CapitalSettings::default(),
            scalp: ScalpSettings::default(),
            risk: RiskSettings::default(),
            pretrade: PretradeSettings::default(),
            gate: GateSettings::default(),
            rl: RlSettings::default(),
            updater: UpdaterSettings::default(),
            zone: ZoneSettings::default(),
            session: SessionSettings::default(),
            session_calendar: None,
            roll_days_before_expiry: None,
            expiry_day_entries: true,
            news_calendar: None,
            news: NewsSettings::default(),
            holidays: true,
            meta: MetaSettings::default(),
            ema_trend: EmaTrendSettings::default(),
            mean_reversion: MeanReversionSettings::default(),
            sma_cross: SmaCrossSettings::default(),
            momentum: MomentumSettings::default(),
            breakout: BreakoutSettings::default(),
            opening_range: OpeningRangeSettings::default(),
            vwap_pullback: VwapPullbackSettings::default(),
            squeeze: SqueezeSettings::default(),
            boss: BossSettings::default(),
            brains: DEFAULT_BRAINS.map(str::to_owned).to_vec(),
            regime_kind: RegimeKind::MultiScale,
            regime: AdxAtrSettings::default(),
            regime_scales: MultiScaleSettings::default(),
            liquidity: SwingVolumeSettings::default(),
            zones: ZoneMapSettings::default(),
            zone_exits: ZoneExitSettings::default(),
            liquidity_kind: LiquidityKind::Zones,
            on_opposite: OnOpposite::Ignore,
            timeframe: None,
            signal_bar_seconds: 60,
            equity_max_age_seconds: 60,
            record_every_bar: false,
            account_mode: None,
            fill: FillAt::NextOpen,
            latency_ms: 100,
            costs: true,
            brokerage: Money::ZERO,
            partial_fill_max: None,
            reject_probability: Unit::ZERO,
            sim_seed: 1,
            synthetic_days: 120,
            live: LiveSettings::default(),
            instruments: BTreeMap::new(),
            own: Own::default(),
        }
    }
}

impl Settings {
    /// SHA-256 over every setting in its canonical spelling, in hex: `0.70` and `0.7` are the same, whatever differs in
    /// effect is not.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for (name, value) in self.entries() {
            hash.update(format!("{name}={value}\n"));
        }
        // Of a file it is the content that has an effect.
        if let Some(calendar) = &self.session_calendar {
            hash.update(format!("SESSION_CALENDAR sha256={}\n", calendar.sha256()));
        }
        if let Some(news) = &self.news_calendar {
            hash.update(format!("NEWS_CALENDAR sha256={}\n", news.sha256()));
        }
        format!("{:x}", hash.finalize())
    }

    /// A setting's value in its canonical spelling; `None` where there is no such setting.
    pub fn shown(&self, key: &str) -> Option<String> {
        Key::named(key).map(|key| (key.show)(self))
    }

    /// Every setting in its canonical spelling, in the order of the documentation; of instruments' sections, named
    /// `instrument.NAME.field`, what they say.
    pub fn entries(&self) -> impl Iterator<Item = (String, String)> {
        let keys = KEYS.iter().map(|key| (key.name.to_owned(), (key.show)(self)));
        let said = |(name, said): (&String, &InstrumentSettings)| {
            let field = |field: &Field| Some((format!("{INSTRUMENT}.{name}.{}", field.name), (field.show)(said)?));
            let dated = said.dated_costs.iter().flat_map(|(day, costs)| {
                let field = move |field: &CostField| {
                    Some((format!("{INSTRUMENT}.{name}.{COSTS}.{day}.{}", field.name), (field.show)(costs)?))
                };
                COST_FIELDS.iter().filter_map(field)
            });
            FIELDS.iter().filter_map(field).chain(dated).collect::<Vec<_>>()
        };
        keys.chain(self.instruments.iter().flat_map(said)).chain(self.own.entries())
    }

    /// What no value alone shows: each brick builds its checked settings once, and says the first thing it refuses.
    fn check(&self) -> impl Iterator<Item = SettingError> {
        let no_tick = Price::ZERO;
        [
            CapitalConfig::new(self.capital).err(),
            ScalpConfig::new(self.scalp).err(),
            GateConfig::new(self.gate).err(),
            RlConfig::new(self.rl).err(),
            UpdaterConfig::new(self.updater).err(),
            RiskConfig::new(self.risk).err(),
            PretradeConfig::new(self.pretrade.clone()).err(),
            TradingZone::new(&self.zone).err(),
            self.check_session().err(),
            self.live.check().err(),
            Instrument::preset("WIN").and_then(|win| NewsFilter::new(&NewsCalendar::default(), &self.news, &win).err()),
            EmaTrendConfig::new(self.ema_trend, no_tick).err(),
            MeanReversionConfig::new(self.mean_reversion, no_tick).err(),
            SmaCrossConfig::new(self.sma_cross, no_tick).err(),
            MomentumConfig::new(self.momentum, no_tick).err(),
            BreakoutConfig::new(self.breakout, no_tick).err(),
            OpeningRangeConfig::new(self.opening_range.clone(), no_tick).err(),
            VwapPullbackConfig::new(self.vwap_pullback, no_tick).err(),
            SqueezeConfig::new(self.squeeze, no_tick).err(),
            BossConfig::new(self.boss).err(),
            MetaConfig::new(self.meta).err(),
            AdxAtrConfig::new(self.regime).err(),
            ZoneExitConfig::new(self.zone_exits).err(),
            MultiScaleConfig::new(self.regime_scales.clone()).err(),
            SwingVolumeConfig::new(self.liquidity).and_then(|shared| ZoneMapConfig::new(shared, self.zones)).err(),
        ]
        .into_iter()
        .flatten()
    }

    /// Which session counts is the instrument's business: refused here is what no session could have.
    fn check_session(&self) -> Result<(), SettingError> {
        let calendars = self.calendars();
        let rule = |name| Session::of(calendars, name).and_then(|session| SessionRule::new(session, &self.session));
        let first = rule("B3");
        if calendars.names().any(|name| rule(name).is_ok()) { Ok(()) } else { first.map(|_| ()) }
    }

    /// The calendars of all sessions, with what `SESSION_CALENDAR` says.
    pub fn calendars(&self) -> &SessionCalendars {
        match &self.session_calendar {
            Some(file) => file.content(),
            None => SessionCalendars::built_in(),
        }
    }

    /// When an instrument may be entered and when one must be flat: its session by the calendars, with the settings of
    /// entries and filters. Whoever builds a level that needs the trading day takes it from here.
    ///
    /// # Errors
    /// A session that no calendar knows, or settings that this session cannot have.
    pub fn session_rule(&self, instrument: &Instrument) -> Result<SessionRule, SettingError> {
        let find = if self.holidays { Session::of } else { Session::without_holidays };
        let mut rule = SessionRule::new(find(self.calendars(), &instrument.session)?, &self.session)?;
        if let Ok(contract) = instrument.name.parse::<Contract>()
            && !self.expiry_day_entries
        {
            rule = rule.without_last_day_of(contract);
        }
        if let Some(news) = &self.news_calendar {
            rule = rule.with_news(NewsFilter::new(news.content(), &self.news, instrument)?);
        }
        Ok(rule)
    }
}

/// Whether a name is one of this release's own.
fn is_built_in(kind: Kind, name: &str) -> bool {
    match kind {
        Kind::Brain => BRAINS.contains(&name),
        Kind::Regime => name.parse::<RegimeKind>().is_ok(),
        Kind::Liquidity => name.parse::<LiquidityKind>().is_ok(),
    }
}

/// `REGIME_DETECTOR`: what level 3 goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RegimeKind {
    /// ADX and ATR of one scale.
    AdxAtr,
    /// Moves of several scales, volatility by the time of the day.
    #[default]
    MultiScale,
}

impl RegimeKind {
    const ALL: [Self; 2] = [Self::AdxAtr, Self::MultiScale];

    /// The spelling in settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AdxAtr => "ADX_ATR",
            Self::MultiScale => "MULTI_SCALE",
        }
    }
}

impl FromStr for RegimeKind {
    type Err = UnknownName;
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| UnknownName {
            what: "regime detector",
            got: text.to_owned(),
            known: Self::ALL.map(Self::as_str).join(", "),
        })
    }
}

/// `LIQUIDITY_MAP`: where level 4 sees liquidity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LiquidityKind {
    /// At swing points and bars of unusual volume.
    SwingVolume,
    /// Where traders draw them: swings, pivots, profile, VWAP, round numbers, yesterday, the opening range.
    #[default]
    Zones,
    /// In the last bar's volume against its mean over `LIQUIDITY_VOLUME_BARS`.
    RelativeVolume,
    /// Nowhere.
    None,
}

impl LiquidityKind {
    const ALL: [Self; 4] = [Self::SwingVolume, Self::Zones, Self::RelativeVolume, Self::None];

    /// The spelling in settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SwingVolume => "SWING_VOLUME",
            Self::Zones => "ZONES",
            Self::RelativeVolume => "RELATIVE_VOLUME",
            Self::None => "NONE",
        }
    }
}

impl FromStr for LiquidityKind {
    type Err = UnknownName;
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| UnknownName {
            what: "liquidity map",
            got: text.to_owned(),
            known: Self::ALL.map(Self::as_str).join(", "),
        })
    }
}

/// Where settings are to be taken from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadRequest {
    /// The TOML file; it must exist.
    pub config_file: Option<PathBuf>,
    /// A name out of [`PROFILES`].
    pub profile: Option<String>,
    /// The `.env` file; it must exist.
    pub env_file: Option<PathBuf>,
    /// The process environment.
    pub environment: BTreeMap<String, String>,
    /// What the command line sets.
    pub flags: BTreeMap<String, String>,
    /// What the binary brings along.
    pub extensions: Extensions,
}

/// Settings, and where each came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// Every setting in the order of the documentation, instruments' sections last.
    pub origins: Vec<Origin>,
}

/// One setting as it was written, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// The key; `instrument.NAME.field` for a line of an instrument's section.
    pub key: String,
    /// The value as it was written.
    pub value: String,
    /// Where: `default`, `alavanca.toml line 3`, `profile balanced`, `.env line 2`, `environment`, `--set`.
    pub origin: String,
    /// What it belongs to.
    pub section: &'static str,
    /// What it is, in a line.
    pub about: &'static str,
}

impl Loaded {
    /// What a later check refuses, with where the value came from.
    pub fn refusal(&self, error: SettingError) -> SettingsError {
        refusal(&self.origins, None, error).into()
    }
}

/// Loads the settings from all layers.
///
/// ```
/// use alavanca::settings::{LoadRequest, load};
/// let environment = [("MAX_CONTRACTS_CAP".to_owned(), "5".to_owned())].into();
/// let loaded = load(&LoadRequest { environment, ..LoadRequest::default() })?;
/// assert_eq!(loaded.settings.capital.max_contracts_cap, 5);
///
/// let flags = [("MIN_CONTRACTS".to_owned(), "11".to_owned())].into();
/// let error = load(&LoadRequest { flags, ..LoadRequest::default() }).unwrap_err();
/// assert!(error.to_string().starts_with("MIN_CONTRACTS = 11 (--set) is not possible: "));
/// # Ok::<(), alavanca::settings::SettingsError>(())
/// ```
pub fn load(request: &LoadRequest) -> Result<Loaded, SettingsError> {
    let mut problems = Vec::new();
    let mut layers = vec![Layer::defaults()];
    if let Some((name, text)) = request.config_file.as_deref().and_then(|path| read(path, &mut problems)) {
        layers.push(Layer::toml(&name, &text, &mut problems));
    }
    if let Some(profile) = &request.profile {
        match PROFILES.iter().find(|(name, _)| name == profile) {
            Some((name, text)) => layers.push(Layer::profile(name, text, &mut problems)),
            None => problems
                .push(Problem::Profile { name: profile.clone(), known: PROFILES.map(|(name, _)| name).join(", ") }),
        }
    }
    if let Some((name, text)) = request.env_file.as_deref().and_then(|path| read(path, &mut problems)) {
        layers.push(Layer::dotenv(&name, &text, &mut problems));
    }
    layers.push(Layer::environment(&request.environment, &mut problems));
    layers.push(Layer::flags(&request.flags, &mut problems));

    let mut merged = Config::builder();
    for layer in layers {
        merged = merged.add_source(layer);
    }
    let merged = match merged.build().map(|merged| merged.cache.kind) {
        Ok(ValueKind::Table(table)) => table,
        other => {
            let why = other.map_or_else(|error| error.to_string(), |_| "no table".to_owned());
            problems.push(Problem::File { origin: "settings".to_owned(), why });
            Map::new()
        }
    };
    let mut settings = Settings { own: Own::new(request.extensions.clone()), ..Settings::default() };
    let why = request.extensions.faults(is_built_in);
    problems.extend(why.into_iter().map(|why| Problem::File { origin: "this binary".to_owned(), why }));
    let mut origins = Vec::with_capacity(KEYS.len());
    for key in KEYS {
        let Some((text, origin)) = merged.get(key.name).and_then(said) else { continue };
        if let Err(allowed) = (key.read)(&mut settings, text) {
            problems.push(impossible(key.name, text, origin, allowed));
        }
        origins.push(origin_row(key.name.to_owned(), text, origin, key.section, key.about));
    }
    for (name, fields) in instruments(&merged) {
        let section = settings.instruments.entry(name.clone()).or_default();
        for field in FIELDS {
            let Some((text, origin)) = fields.get(field.name).and_then(said) else { continue };
            let key = format!("{INSTRUMENT}.{name}.{}", field.name);
            if let Err(allowed) = (field.read)(section, text) {
                problems.push(impossible(&key, text, origin, allowed));
            }
            origins.push(origin_row(key, text, origin, "Instruments", field.about));
        }
        let dated: BTreeMap<_, _> = fields.iter().filter(|(name, _)| name.contains('.')).collect();
        for (name_and_day, value) in dated {
            let Some(((text, origin), known)) = said(value).zip(dated_field(name_and_day)) else { continue };
            let key = format!("{INSTRUMENT}.{name}.{name_and_day}");
            match known {
                Ok((day, field)) => {
                    if let Err(allowed) = (field.read)(section.dated_costs.entry(day).or_default(), text) {
                        problems.push(impossible(&key, text, origin, allowed));
                    }
                    origins.push(origin_row(key, text, origin, "Instruments", field.about));
                }
                Err(allowed) => problems.push(impossible(&key, text, origin, allowed)),
            }
        }
    }
    own::take(&merged, &mut settings.own, &mut origins, &mut problems);
    // A value that could not be read is still its default here: what is refused because of it is no news.
    let unread: Vec<&str> = problems.iter().filter_map(Problem::key).collect();
    let is_news =
        |error: &SettingError| !unread.iter().any(|&key| key == error.key || Some(key) == bound_of(error.key));
    let refused: Vec<_> = settings.check().filter(is_news).map(|error| refusal(&origins, None, error)).collect();
    problems.extend(refused);
    if problems.is_empty() {
        for name in settings.instruments.keys() {
            let checked = settings.instrument(name).and_then(|instrument| {
                ScalpConfig::new(settings.scalp)?.check_instrument(&instrument)?;
                Session::of(settings.calendars(), &instrument.session).map(|_| ())
            });
            problems.extend(checked.err().map(|error| refusal(&origins, Some(name), error)));
        }
    }
    if problems.is_empty() {
        problems.extend(own::refused(&settings, &origins));
    }
    if problems.is_empty() { Ok(Loaded { settings, origins }) } else { Err(SettingsError { problems }) }
}

fn read(path: &Path, problems: &mut Vec<Problem>) -> Option<(String, String)> {
    let name = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => Some((name, text)),
        Err(error) => {
            problems.push(Problem::File {
                origin: name,
                why: format!("cannot be read: {error}. Check the name and the folder"),
            });
            None
        }
    }
}

fn said(value: &Value) -> Option<(&str, &str)> {
    match &value.kind {
        ValueKind::String(text) => Some((text, value.origin().unwrap_or("default"))),
        _ => None,
    }
}

/// Instruments' sections by name, in the order of their names.
fn instruments<'a>(merged: &'a Map<String, Value>) -> BTreeMap<String, &'a Map<String, Value>> {
    let Some(ValueKind::Table(sections)) = merged.get(INSTRUMENT).map(|value| &value.kind) else {
        return BTreeMap::new();
    };
    let fields = |(name, value): (&String, &'a Value)| match &value.kind {
        ValueKind::Table(fields) => Some((name.clone(), fields)),
        _ => None,
    };
    sections.iter().filter_map(fields).collect()
}

fn impossible(key: &str, got: &str, origin: &str, allowed: String) -> Problem {
    Problem::Impossible { key: key.to_owned(), got: got.to_owned(), origin: origin.to_owned(), allowed, bound: None }
}

fn origin_row(key: String, value: &str, origin: &str, section: &'static str, about: &'static str) -> Origin {
    Origin { key, value: value.to_owned(), origin: origin.to_owned(), section, about }
}

/// The setting that bounds this one.
fn bound_of(key: &str) -> Option<&'static str> {
    key::BOUNDED_BY.iter().find(|(bounded, _)| *bounded == key).map(|&(_, bound)| bound)
}

/// A brick's refusal, with the value as written, where it stands, and where its bound stands. What an instrument's
/// section says goes before the general setting.
fn refusal(origins: &[Origin], instrument: Option<&str>, error: SettingError) -> Problem {
    let find = |key: &str| origins.iter().find(|origin| origin.key == key);
    let section = instrument.map(|name| format!("{INSTRUMENT}.{name}."));
    let own = section.as_ref().and_then(|section| find(&format!("{section}{}", error.key.to_ascii_lowercase())));
    let any_own = || section.as_ref().and_then(|section| origins.iter().find(|row| row.key.starts_with(section)));
    let bound = bound_of(error.key).and_then(find);
    let (key, got, origin) = match (own.or_else(|| find(error.key)), any_own()) {
        (Some(row), _) => (row.key.clone(), row.value.clone(), row.origin.clone()),
        (None, Some(row)) => (error.key.to_owned(), error.got, row.origin.clone()),
        (None, None) => (error.key.to_owned(), error.got, "command line".to_owned()),
    };
    let bound = bound.map(|bound| format!("{} = {}, {}", bound.key, bound.value, bound.origin));
    Problem::Impossible { key, got, origin, allowed: error.allowed, bound }
}

#[cfg(test)]
mod tests;
