//! What a run knows beside its wheel: whom it tells what, and how it stands.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use alavanca_adapters_mt5::desk;
use alavanca_adapters_mt5::link::Established;
use alavanca_adapters_mt5::wire::{Refuse, TradeMode};
use alavanca_adapters_sqlite::LiveBook;
use alavanca_calendar::{TradingClock, TradingZone};
use alavanca_kernel::{Instrument, RiskState, Timestamp};
use alavanca_ports::Severity;
use tokio::sync::watch;

use super::admission::wall;
use super::latency::{Latency, LatencyFigures};
use super::mailbox::Mailbox;
use super::notices::OperatorLog;
use super::run::{LiveRequest, refused};
use super::statement::Baseline;
use super::status::{Mode, Phase, ReconcileStatus, SessionStatus, Status};
use crate::settings::{Loaded, Settings};
use crate::wheel::{Difference, Told};

/// Everything of a run but its wheel.
#[derive(Debug)]
pub(super) struct Ground {
    pub(super) request: LiveRequest,
    pub(super) settings: Settings,
    pub(super) instrument: Instrument,
    pub(super) mailbox: Mailbox,
    pub(super) book: Arc<LiveBook>,
    pub(super) status: Status,
    pub(super) latency: Latency,
    pub(super) baseline: Option<Baseline>,
    pub(super) clock: Option<TradingClock>,
    pub(super) refusals: Option<watch::Receiver<Option<Refuse>>>,
    /// That market time is not held against the machine's clock was told.
    pub(super) clock_told: bool,
    /// What this run had seen when the day began.
    pub(super) seen: Seen,
    written: Option<Instant>,
}

/// What a run has counted up to a moment.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    pub(super) ticks: u64,
    pub(super) refused: BTreeMap<&'static str, u64>,
}

impl Ground {
    pub(super) fn new(
        request: &LiveRequest,
        loaded: &Loaded,
        instrument: Instrument,
        mailbox: Mailbox,
        book: Arc<LiveBook>,
        listening: String,
    ) -> Self {
        let status = Status {
            pid: std::process::id(),
            mode: request.mode,
            symbol: instrument.name.clone(),
            zone: loaded.settings.zone.timezone.clone(),
            phase: Phase::Waiting,
            detail: String::new(),
            started_at: wall(),
            at: wall(),
            market_at: None,
            listening,
            session: None,
            account: None,
            risk: RiskState::ReduceOnly,
            stopped_by: Vec::new(),
            reconciled: None,
            in_doubt: Vec::new(),
            legs: Vec::new(),
            day_net: alavanca_kernel::Money::ZERO,
            trades: 0,
            ticks: 0,
            events: 0,
            latency: LatencyFigures::default(),
        };
        mailbox.sweep();
        let settings = loaded.settings.clone();
        let clock = TradingZone::new(&settings.zone).ok().map(TradingClock::new);
        let baseline = Baseline::read(&baseline_file(&mailbox, request.mode));
        Self {
            request: request.clone(),
            settings,
            instrument,
            mailbox,
            book,
            status,
            latency: Latency::default(),
            baseline,
            clock,
            refusals: None,
            clock_told: false,
            seen: Seen::default(),
            written: None,
        }
    }

    /// Says how it stands, at once where the phase changed, else every second.
    pub(super) fn show(&mut self, phase: Phase, detail: &str) {
        let changed = self.status.phase != phase || self.status.detail != detail;
        if !changed && self.written.is_some_and(|at| at.elapsed().as_millis() < 1_000) {
            return;
        }
        self.status.phase = phase;
        detail.clone_into(&mut self.status.detail);
        self.write();
    }

    pub(super) fn write(&mut self) {
        self.status.at = wall();
        self.status.latency = self.latency.figures();
        self.written = Some(Instant::now());
        // Said again in a second; a disk that is full stops no exit.
        let _ = self.mailbox.write_status(&self.status);
    }

    pub(super) fn is_due(&self) -> bool {
        self.written.is_none_or(|at| at.elapsed().as_millis() >= 1_000)
    }

    pub(super) fn session_up(&mut self, established: &Established, log: &mut OperatorLog) {
        let account = &established.hello.account;
        let kind = match account.trade_mode {
            TradeMode::Demo => "demo",
            TradeMode::Contest => "contest",
            TradeMode::Real => "REAL MONEY",
        };
        let bridge = match established.hello.bridge {
            alavanca_adapters_mt5::wire::BridgeKind::Sidecar => "sidecar",
            alavanca_adapters_mt5::wire::BridgeKind::ExpertAdvisor => "Expert Advisor",
        };
        let bridge = format!("{bridge} {}", established.hello.release);
        let text = format!(
            "session {} with the {bridge}: account {} on {} ({kind}, {}), {}",
            established.epoch,
            account.login,
            account.server,
            account.currency,
            if established.armed { "armed" } else { "not armed" }
        );
        let severity = if established.armed && account.trade_mode == TradeMode::Real {
            Severity::Critical
        } else {
            Severity::Info
        };
        log.tell(severity, &text, wall());
        self.status.session = Some(SessionStatus {
            bridge,
            epoch: established.epoch,
            armed: established.armed,
            login: account.login.to_string(),
            server: account.server.clone(),
            trade_mode: kind.to_lowercase(),
            since: wall(),
        });
    }

    pub(super) fn session_down(&mut self, why: &str, log: &mut OperatorLog) {
        let text = format!("the session ended: {why}. Nothing is entered until a bridge is back and all is reconciled");
        log.tell(Severity::Warning, &text, wall());
        self.status.session = None;
    }

    pub(super) fn tell_desk(told: &desk::Told, log: &mut OperatorLog) {
        use desk::Told as T;
        let severity = match told {
            T::Proven { .. } | T::Agreed { .. } | T::Flat { .. } => Severity::Info,
            T::Unknown { .. } | T::WrongAccount { .. } | T::Difference { .. } | T::CrossedFlat { .. } => {
                Severity::Critical
            }
            T::Flattening { .. } | T::EntriesHalted { .. } => Severity::Critical,
            _ => Severity::Warning,
        };
        log.tell(severity, &told.to_string(), wall());
    }

    pub(super) fn tell_wheel(&self, told: &Told, log: &mut OperatorLog) {
        use alavanca_engine::Notice;
        let (severity, text) = match told {
            // Shown as what it would have been.
            Told::NotSent(..) if self.request.mode == Mode::DryRun => return,
            Told::Engine(Notice::BadInput { at, fault, .. }) => {
                (Severity::Warning, format!("a tick or bar of {at} was not taken in ({fault:?})"))
            }
            Told::Engine(Notice::ScalpOutOfReach { target, expected_move, .. }) => (
                Severity::Info,
                format!(
                    "a scalp's target ({target}) lies beyond what the market has moved of late within its time limit \
                     ({expected_move})"
                ),
            ),
            Told::Engine(Notice::UnexpectedReport { leg, at, .. }) => {
                (Severity::Critical, format!("the broker reported of leg {leg} at {at} what the books do not know"))
            }
            Told::NotStored(_) | Told::Unknown(..) => (Severity::Critical, told.to_string()),
            Told::StoredAgain | Told::Proven(_) => (Severity::Info, told.to_string()),
            Told::NotSent(..) | Told::NotMoved(..) | Told::NotTakenBack(..) | Told::NoAnswer(_) => {
                (Severity::Warning, told.to_string())
            }
            #[allow(unreachable_patterns, reason = "what a later release says")]
            _ => (Severity::Warning, told.to_string()),
        };
        log.tell(severity, &text, wall());
    }

    /// Keeps what a reconciliation came to, and tells it where it is news.
    pub(super) fn note_reconciliation(&mut self, at: Timestamp, found: &[Difference], log: &mut OperatorLog) {
        let differences: Vec<String> = found.iter().map(ToString::to_string).collect();
        let before = self.status.reconciled.as_ref().map(|before| before.differences.clone());
        if before.as_ref() != Some(&differences) {
            if differences.is_empty() {
                log.tell(Severity::Info, "books and broker agree", wall());
            } else {
                let text = format!("books and broker differ, only exits are allowed: {}", differences.join("; "));
                log.tell(Severity::Critical, &text, wall());
            }
        }
        self.status.reconciled = Some(ReconcileStatus { at, differences });
    }

    pub(super) fn new_refusal(&mut self) -> Option<Refuse> {
        self.refusals.as_mut().and_then(refused)
    }

    pub(super) fn baseline_file(&self) -> PathBuf {
        baseline_file(&self.mailbox, self.request.mode)
    }

    /// The trading day of an instant, in days since 1970.
    pub(super) fn day_of(&mut self, at: Timestamp) -> i32 {
        self.clock.as_mut().map_or(0, |clock| clock.locate(at).day.days())
    }

    /// Seconds of the trading zone's day.
    pub(super) fn second_of_day(&mut self, at: Timestamp) -> i64 {
        self.clock.as_mut().map_or(0, |clock| clock.wall_seconds(at).rem_euclid(86_400))
    }
}

fn baseline_file(mailbox: &Mailbox, mode: Mode) -> PathBuf {
    mailbox.folder().join(if mode == Mode::Paper { "money.paper.json" } else { "money.json" })
}
