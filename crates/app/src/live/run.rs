//! Starting: the database and its lock, the operator's folder, the listener, the first session, the past, the
//! reconciliation. Then the turning of the wheel.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use alavanca_adapters_mt5::session::{ListenError, ListenSettings, Secret, SecretError, TlsFiles, nonce, serve};
use alavanca_adapters_mt5::wire::{AccountIdentity, Refuse, RefuseReason, TradeMode};
use alavanca_adapters_mt5::{Happening, Mt5Broker};
use alavanca_adapters_sim::{FillAt, SimBroker};
use alavanca_adapters_sqlite::{Durability, LiveBook, SqliteStore};
use alavanca_calendar::TradingZone;
use alavanca_engine::{Engine, ScalpCustody};
use alavanca_kernel::{AccountMode, DecisionId, Instrument, OrderId, SettingError, SymbolId, Timestamp};
use alavanca_ports::{BrokerError, Severity, Store as _, StoreError};
use tokio::sync::watch;

use super::admission::{AccountRule, Gatekeeper, mode_of, wall};
use super::crash::{Calls, CrashPoint, Crashing};
use super::mailbox::{Mailbox, MailboxError};
use super::notices::OperatorLog;
use super::statement::Statement;
use super::status::{Mode, Phase};
use super::stop::Stop;
use super::turning::{Ground, Turning};
use super::venue::Venue;
use super::{adopt, preflight, terms, warmup};
use crate::brain_names::{BRAINS, BrainNames};
use crate::builder::{Builder, simulation, store_config};
use crate::guarded::{Guarded, MemoryError};
use crate::policy::PolicySettings;
use crate::recording::{Made, Recorder};
use crate::report::note_live;
use crate::settings::{LiveClock, Loaded, Settings};
use crate::wheel::{StartError, Wheel};

/// The one symbol of a run.
pub(super) const SYMBOL: SymbolId = SymbolId::new(0);
/// A terminal has so long to say what the symbol is and how the account stands.
const PATIENCE: Duration = Duration::from_mins(1);
/// A bridge that is there and did not answer is asked again after this.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// How a session's end begins whose bridge said farewell.
pub(super) const BRIDGE_ENDED: &str = "the bridge ended";

/// What is to be run.
#[derive(Debug, Clone)]
pub struct LiveRequest {
    /// The database.
    pub db: PathBuf,
    /// The dated contract, or the pair, as the broker spells it.
    pub symbol: String,
    /// What is done with orders.
    pub mode: Mode,
    /// The account's number: any where none is named, which an armed run does not allow.
    pub account: Option<String>,
    /// Whether real money may be traded, and what speaks for it.
    pub real: Real,
    /// Market time of the trading zone, in seconds of the day, at which it ends.
    pub until: Option<u32>,
    /// It ends when the bridge says that it does.
    pub until_end: bool,
    /// At its end everything is closed.
    pub flatten_on_exit: bool,
    /// What the operator is told is shown on the console, too.
    pub console: bool,
}

/// Whether real money may be traded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Real {
    /// It may not.
    No,
    /// After an armed run on a demo account, whose database this is.
    AfterDemo(PathBuf),
    /// Without one: the operator insists.
    WithoutDemo,
}

/// Why a run did not begin, or ended.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// A setting, or the symbol, cannot be.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// What was asked for cannot be asked for.
    #[error("{0}")]
    Usage(String),
    /// The broker means something else by the symbol than the settings.
    #[error("the broker contradicts the settings, and nothing is traded: {}", .0.join("; "))]
    Contradiction(Vec<String>),
    /// The bridge's account is not the one.
    #[error("{0}")]
    Account(String),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The operator's folder.
    #[error(transparent)]
    Mailbox(#[from] MailboxError),
    /// The secret.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The listener.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// What the pre-trade controls remember.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// The engine could not be taken up.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The bridge or its terminal did not say what is needed.
    #[error("{0}")]
    Broker(#[from] BrokerError),
    /// A bridge is there, and does not answer.
    #[error(
        "{what}, and the terminal did not answer within {seconds} s: {error}. Look at the terminal and the bridge's log, \
         and start again"
    )]
    NoAnswer {
        /// While what was done.
        what: String,
        /// For how long it was asked.
        seconds: u64,
        /// What it said last.
        error: BrokerError,
    },
    /// With `--until-end`: the market ended first.
    #[error("the market ended before anything was traded: {0}")]
    MarketEnded(String),
    /// The operator ended it before it traded.
    #[error("ended before anything was traded")]
    Stopped,
}

impl LiveError {
    /// Whether it is settled by another command line or other settings.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Setting(_) | Self::Usage(_) | Self::Contradiction(_) | Self::Account(_) | Self::Secret(_))
    }
}

/// Where a started run listens.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Beginning {
    /// The address that bridges dial.
    pub listening: String,
    /// The file of the secret.
    pub secret: PathBuf,
    /// The operator's folder.
    pub folder: PathBuf,
    /// What is done with orders.
    pub mode: Mode,
    /// The instrument.
    pub symbol: String,
}

/// Runs live or paper until it is told to end, and says what the day came to.
///
/// # Errors
/// [`LiveError`]: with it nothing was traded, or the wheel could not go on; legs keep their stops at the broker.
pub async fn run(
    request: &LiveRequest,
    loaded: &Loaded,
    stop: Arc<Stop>,
    begun: impl FnOnce(&Beginning) + Send,
) -> Result<Statement, LiveError> {
    let mailbox = Mailbox::of(&request.db);
    mailbox.make()?;
    let mut log = OperatorLog::new(mailbox.log_file(), request.console);
    match start(request, loaded, stop, &mailbox, &mut log, begun).await {
        Ok(mut turning) => Ok(turning.turn(&mut log).await?),
        Err(error) => {
            // Whoever started it shows the error.
            log.keep(Severity::Critical, &error.to_string(), wall());
            // Another engine's status is not ours to write.
            if let Some(mut status) = mailbox.status()
                && status.pid == std::process::id()
            {
                (status.phase, status.detail, status.at) = (Phase::Failed, error.to_string(), wall());
                let _ = mailbox.write_status(&status);
            }
            Err(error)
        }
    }
}

async fn start(
    request: &LiveRequest,
    loaded: &Loaded,
    stop: Arc<Stop>,
    mailbox: &Mailbox,
    log: &mut OperatorLog,
    begun: impl FnOnce(&Beginning) + Send,
) -> Result<Turning, LiveError> {
    let settings = &loaded.settings;
    let instrument = preflight::tradable(settings, &request.symbol, wall())?;
    let (mut store, book, instance) = open(request, settings, &instrument, mailbox).await?;
    let pinned = pinned(&book).await?;
    let mode = settings.account_mode.or_else(|| pinned.as_ref().and_then(|account| mode_of(account.margin_mode)));
    let usual = if instrument.is_b3() { AccountMode::Netting } else { AccountMode::Hedging };
    let mode = mode.unwrap_or(usual);
    let real_allowed = real_is_allowed(&request.real).await?;
    let armed = request.mode == Mode::Armed;
    if armed && request.account.is_none() {
        return Err(LiveError::Usage("an armed run names its account: --account NUMBER".to_owned()));
    }
    let rule = AccountRule { login: request.account.clone(), mode, real_allowed, armed, pinned: pinned.clone() };
    if let Some(pinned) = &pinned {
        rule.check(pinned).map_err(LiveError::Account)?;
    }

    // The listener, and the broker behind it.
    let secret_file = settings.live.secret_file.clone().unwrap_or_else(|| mailbox.secret_file());
    let (secret, is_new) = Secret::read_or_make(&secret_file)?;
    if is_new {
        let text = format!("a new secret is in {}: give it to the bridge, and to nobody else", secret_file.display());
        log.tell(Severity::Info, &text, wall());
    }
    let tls = settings.live.tls_cert.clone().zip(settings.live.tls_key.clone());
    let listen = ListenSettings {
        address: settings.live.listen,
        tls: tls.map(|(certificate, key)| TlsFiles { certificate, key }),
        secret,
        terms: terms::terms(settings, &instrument),
        handshake_within: Duration::from_secs(10),
        lockstep: false,
    };
    let gatekeeper = Gatekeeper::new(rule, Arc::clone(&book));
    let listening = serve(listen, Box::new(gatekeeper)).await?;
    let address = listening.address.to_string();
    let mt5 = Mt5Broker::new(terms::desk_config(settings, &instrument, mode, instance), listening.link);

    // The engine as it was, on its venue.
    let custody = match mode {
        AccountMode::Netting if armed => ScalpCustody::Engine,
        AccountMode::Netting | AccountMode::Hedging => ScalpCustody::Broker,
    };
    let engine = Builder::new(settings, &instrument).custody(custody).engine()?;
    note(&mut store, loaded, &instrument, &engine).await?;
    let exchange = match request.mode {
        Mode::Paper => Some(paper_exchange(settings, &instrument, &book).await?),
        Mode::Armed | Mode::DryRun => None,
    };
    let venue = match (&exchange, request.mode) {
        (Some(exchange), _) => Venue::paper(mt5, exchange.clone()),
        (None, Mode::Armed) => Venue::armed(mt5),
        (None, _) => Venue::dry(mt5),
    };
    let point = CrashPoint::of_environment();
    let venue = Crashing::new(venue, Calls::Broker, point);
    let controls = match request.mode {
        Mode::Armed => "pretrade.json",
        Mode::DryRun => "pretrade.dry.json",
        Mode::Paper => "pretrade.paper.json",
    };
    let guarded = Guarded::of(venue, settings, std::slice::from_ref(&instrument))?
        .remembered_in(&mailbox.folder().join(controls))?;
    let mut standing = Wheel::restore(engine, guarded, Crashing::new(store, Calls::Store, point)).await?;
    let open = standing.engine().open_trades().count();
    if open > 0 && request.mode == Mode::DryRun {
        return Err(LiveError::Usage(format!(
            "{open} trade is open in {}: a dry run could not look after it. Start it with --arm, or name another \
             database",
            request.db.display()
        )));
    }
    let mut lost: Vec<OrderId> = Vec::new();
    if let Some(exchange) = &exchange {
        exchange.with(|exchange| lost = adopt::take_up(standing.engine(), exchange));
    } else {
        for leg in adopt::adopted(standing.engine(), &book).await? {
            standing.broker_mut().market_side().inner_mut().mt5_mut().adopt(leg);
        }
        standing.broker_mut().market_side().inner_mut().mt5_mut().know(book.deals().await?);
    }

    let mut ground = Ground::new(request, loaded, instrument, mailbox.clone(), Arc::clone(&book), address.clone());
    ground.refusals = Some(listening.refusals);
    begun(&Beginning {
        listening: address.clone(),
        secret: secret_file,
        folder: mailbox.folder().to_owned(),
        mode: request.mode,
        symbol: ground.instrument.name.clone(),
    });
    let text = format!("{}, {}: waiting for a bridge on {address}", ground.instrument.name, request.mode.as_str());
    log.tell(Severity::Info, &text, wall());
    ground.status.risk = standing.engine().risk().state();
    ground.show(Phase::Waiting, "");

    // The first session, what the broker means by the symbol, and the past: with each bridge that comes, until all of
    // it is there.
    let mut waiting = Waiting::default();
    let (past, now) = loop {
        let venue = standing.broker_mut().market_side().inner_mut();
        ready(venue, &mut ground, &waiting, &stop, log).await?;
        ground.show(Phase::Warming, "");
        let now = venue.mt5().desk().market_time();
        match warmup::bars(venue.mt5_mut(), settings, &ground.instrument, now).await {
            Ok(past) => break (past, now),
            Err(LiveError::Broker(error)) => waiting.again("the past was asked for", error, venue, log)?,
            Err(error) => return Err(error),
        }
    };
    log.tell(Severity::Info, &past.told(), wall());
    if past.bars.len() < past.wanted {
        let text = "the terminal has less of the past than the levels want: they warm up on the live market, and \
                    nothing is entered before";
        log.tell(Severity::Warning, text, wall());
    }
    let made = Made::of(settings, std::slice::from_ref(&ground.instrument), custody);
    let recorder = Recorder::new(&mailbox.folder().join("days"), made, TradingZone::new(&settings.zone)?);
    if let Err(error) = recorder.and_then(|recorder| standing.record_to(recorder, now)) {
        log.tell(Severity::Warning, &format!("the day is not recorded, and cannot be run again: {error}"), wall());
    }
    for bar in &past.bars {
        standing.warm(SYMBOL, bar);
    }
    let mut told = Vec::new();
    let mut waiting = Waiting::default();
    let (mut wheel, differences, now) = loop {
        let venue = standing.broker_mut().market_side().inner_mut();
        ready(venue, &mut ground, &waiting, &stop, log).await?;
        ground.show(Phase::Reconciling, "");
        let market = venue.mt5().desk().market_time();
        let now = market.max(standing.engine().now());
        standing.broker_mut().observe_time(now);
        match standing.try_reconcile(now, &mut told).await {
            Ok((wheel, differences)) => break (wheel, differences, now),
            Err(still) => {
                let error;
                (standing, error) = *still;
                let venue = standing.broker_mut().market_side().inner_mut();
                waiting.again("books and broker were held against each other", error, venue, log)?;
            }
        }
    };
    for notice in &told {
        ground.tell_wheel(notice, log);
    }
    for order in lost {
        // The exchange that had it is gone.
        for notice in &wheel.never_left(order).await {
            ground.tell_wheel(notice, log);
        }
    }
    ground.note_reconciliation(now, &differences, log);
    Ok(Turning::new(wheel, ground, stop))
}

/// The database, its live part, and its name in orders.
async fn open(
    request: &LiveRequest,
    settings: &Settings,
    instrument: &Instrument,
    mailbox: &Mailbox,
) -> Result<(SqliteStore, Arc<LiveBook>, u32), LiveError> {
    let opened = SqliteStore::open(&request.db, store_config(settings, instrument, Durability::Live)).await;
    let mut store = opened.map_err(|error| match (error, mailbox.status()) {
        (StoreError::Open(text), Some(status)) if text.contains("in use") && !status.phase.is_over() => {
            StoreError::Open(format!("{text} (it is process {}; `alavanca status` asks it)", status.pid))
        }
        (error, _) => error,
    })?;
    // One database, one kind of trading: paper trades are no evidence of live ones (semantics 16).
    let kind = if request.mode == Mode::Paper { "paper" } else { "live" };
    store.set_meta(&[("mode", kind)]).await?;
    let notes = PolicySettings::notes(settings);
    let notes = notes.each_ref().map(|(key, value)| (*key, value.as_str()));
    store.replace_meta(&notes).await?;
    let book = LiveBook::open(&request.db).await?;
    let chance = nonce::<8>()?;
    let drawn = u64::from_str_radix(&chance, 16).unwrap_or(1);
    let instance = book.instance(|| drawn).await?;
    let run_id = format!("{kind}-{instance:05x}");
    store.set_meta(&[("run_id", &run_id)]).await?;
    Ok((store, Arc::new(book), instance))
}

/// Notes what the run is made of, for its page and for questions to its database: at each start as it is from then on.
async fn note(
    store: &mut SqliteStore,
    loaded: &Loaded,
    instrument: &Instrument,
    engine: &Engine,
) -> Result<(), LiveError> {
    let unwritable =
        |error: &dyn std::fmt::Display| StoreError::Inconsistent(format!("the run cannot be noted: {error}"));
    let run_id = store.meta("run_id").await?.unwrap_or_default();
    let notes = note_live(loaded, instrument, &run_id).map_err(|error| unwritable(&error))?;
    let decided = store.restore().await?.map_or(0, |restored| restored.checkpoint.decisions);
    let brains = BrainNames::noted(store.meta(BRAINS).await?.as_deref());
    let brains = brains.with(SYMBOL, DecisionId::new(decided + 1), engine.brains(SYMBOL));
    let brains = serde_json::to_string(&brains).map_err(|error| unwritable(&error))?;
    let notes = notes.each_ref().map(|(key, value)| (*key, value.as_str()));
    store.replace_meta(&notes).await?;
    Ok(store.replace_meta(&[(BRAINS, &brains)]).await?)
}

async fn pinned(book: &LiveBook) -> Result<Option<AccountIdentity>, LiveError> {
    let unreadable = |error: serde_json::Error| {
        StoreError::Inconsistent(format!("the account that the database is of cannot be read: {error}"))
    };
    let pinned = book.account().await?;
    Ok(pinned.map(|text| serde_json::from_str(&text).map_err(unreadable)).transpose()?)
}

/// A database is of one account, so that a demo run has another: it is named, and looked at.
async fn real_is_allowed(real: &Real) -> Result<bool, LiveError> {
    let path = match real {
        Real::No => return Ok(false),
        Real::WithoutDemo => return Ok(true),
        Real::AfterDemo(path) => path,
    };
    let book = LiveBook::open(path).await?;
    let epochs = book.epochs().await?;
    let trades = book.booked().await?.trades;
    book.close().await?;
    let on_demo = |text: &str| {
        serde_json::from_str::<AccountIdentity>(text).is_ok_and(|account| account.trade_mode == TradeMode::Demo)
    };
    let ran = epochs.iter().any(|epoch| epoch.armed && on_demo(&epoch.account));
    if !ran || trades == 0 {
        return Err(LiveError::Usage(format!(
            "{} is no database of an armed run with trades on a demo account ({trades} trades): run on demo first, or \
             say --without-demo",
            path.display()
        )));
    }
    Ok(true)
}

/// Waits for a session that stands, has read the account, and means the same by the symbol as the settings. A bridge
/// on another account ends it: the operator has to choose.
///
/// Until it may be `asked` again it goes on hearing: a farewell that nobody reads is lost with the connection.
async fn ready(
    venue: &mut Venue,
    ground: &mut Ground,
    asked: &Waiting,
    stop: &Stop,
    log: &mut OperatorLog,
) -> Result<(), LiveError> {
    let mut up_at = venue.mt5().desk().is_up().then(Instant::now);
    loop {
        if stop.is_asked() {
            return Err(LiveError::Stopped);
        }
        // A bridge may answer the reading before it has said what the symbol is, or shown the market's time.
        let desk = venue.mt5().desk();
        let stands = desk.is_ready() && desk.spec(SYMBOL).is_some() && known(desk.market_time()).is_some();
        if stands && asked.not_before.is_none_or(|at| Instant::now() >= at) {
            return check_symbol(venue, ground, log);
        }
        match venue.next(Instant::now() + Duration::from_millis(200)).await {
            Happening::Up(established) => {
                ground.session_up(&established, log);
                up_at = Some(Instant::now());
            }
            Happening::Down(why) => {
                ground.session_down(&why, log);
                up_at = None;
                if ground.request.until_end && why.starts_with(BRIDGE_ENDED) {
                    return Err(LiveError::MarketEnded(why));
                }
            }
            Happening::Told(told) => Ground::tell_desk(&told, log),
            Happening::Ready | Happening::Tick(..) | Happening::Reports | Happening::Until => {}
        }
        if let Some(refuse) = ground.new_refusal() {
            tell_refusal(&refuse, log);
            if refuse.reason == RefuseReason::Account {
                return Err(LiveError::Account(refuse.text));
            }
        }
        if up_at.is_some_and(|at| at.elapsed() > PATIENCE) {
            let text = "the bridge is there, and does not say how the account stands: look at its own log";
            log.tell(Severity::Warning, text, wall());
            up_at = Some(Instant::now());
        }
        ground.show(Phase::Waiting, "");
    }
}

/// What could not be done in the start yet. A bridge that went away is waited for, however long; one that is there and
/// does not answer is asked again for a while.
#[derive(Debug, Default)]
struct Waiting {
    /// Since when a bridge is there and does not answer.
    since: Option<Instant>,
    /// It is not asked again before this.
    not_before: Option<Instant>,
}

impl Waiting {
    fn again(&mut self, what: &str, error: BrokerError, venue: &Venue, log: &mut OperatorLog) -> Result<(), LiveError> {
        if !venue.mt5().desk().is_up() {
            *self = Self::default();
            let text = format!("the bridge went away while {what}: waiting for it to come back");
            log.tell(Severity::Warning, &text, wall());
            return Ok(());
        }
        let since = *self.since.get_or_insert_with(Instant::now);
        if since.elapsed() >= PATIENCE {
            return Err(LiveError::NoAnswer { what: what.to_owned(), seconds: PATIENCE.as_secs(), error });
        }
        log.tell(Severity::Warning, &format!("{what}: {error}; asking again"), wall());
        self.not_before = Some(Instant::now() + ASK_AGAIN);
        Ok(())
    }
}

pub(super) fn tell_refusal(refuse: &Refuse, log: &mut OperatorLog) {
    log.tell(Severity::Warning, &format!("a bridge was not let in: {}", refuse.text), wall());
}

/// Holds the broker's symbol against the settings (semantics 3), and the server's clock against the machine's.
fn check_symbol(venue: &Venue, ground: &mut Ground, log: &mut OperatorLog) -> Result<(), LiveError> {
    let desk = venue.mt5().desk();
    let Some(spec) = desk.spec(SYMBOL) else {
        return Err(BrokerError::Unavailable("the bridge did not say what the symbol is".to_owned()).into());
    };
    let found = preflight::contradictions(&ground.instrument, spec);
    if !found.is_empty() {
        return Err(LiveError::Contradiction(found));
    }
    if ground.settings.live.clock == LiveClock::Bridge && !std::mem::replace(&mut ground.clock_told, true) {
        log.tell(Severity::Warning, "LIVE_CLOCK=BRIDGE: market time is not held against this machine's clock", wall());
    }
    Ok(())
}

/// The simulated account of a paper run: the operator's capital and what paper trades have made of it.
async fn paper_exchange(settings: &Settings, instrument: &Instrument, book: &LiveBook) -> Result<SimBroker, LiveError> {
    let mut simulated = simulation(settings, instrument);
    simulated.fill = FillAt::NextOpen;
    simulated.balance += book.booked().await?.net;
    let zone = TradingZone::new(&settings.zone)?;
    let exchange = alavanca_adapters_sim::SimExchange::in_zone(simulated, vec![instrument.clone()], zone)?;
    Ok(SimBroker::new(exchange))
}

/// What a bridge was refused with since this was last asked.
pub(super) fn refused(refusals: &mut watch::Receiver<Option<Refuse>>) -> Option<Refuse> {
    if refusals.has_changed().unwrap_or(false) { refusals.borrow_and_update().clone() } else { None }
}

/// The later of two times that may not be known.
pub(super) fn known(at: Timestamp) -> Option<Timestamp> {
    (at != Timestamp::MIN).then_some(at)
}
