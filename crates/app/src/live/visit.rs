//! A visit at a bridge: a session of one's own in which questions are asked, one after the other.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use alavanca_adapters_mt5::link::{Established, LinkEvent, Say};
use alavanca_adapters_mt5::session::{
    Admission, Admitted, ListenError, ListenSettings, Listening, Secret, SecretError, TlsFiles, serve,
};
use alavanca_adapters_mt5::wire::{
    BridgeHeartbeat, Caps, Envelope, FromBridge, FromEngine, Hello, Reconcile, ReconcileReq, Refuse, RefuseReason,
    SessionCalendar, SymbolSpec, Tick, TradeMode,
};
use alavanca_kernel::{Instrument, Timestamp};
use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::time::timeout_at;

use super::admission::wall;
use super::terms::terms;
use crate::settings::Settings;

/// An answer takes at most so long.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why a visit did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum VisitError {
    /// Nobody could come in.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// No secret.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// Nobody came.
    #[error(
        "no bridge came to {address} within {seconds} s{}: start the bridge with this address and the same secret file",
        refused.as_ref().map(|refuse| format!("; the last one was refused: {}", refuse.text)).unwrap_or_default()
    )]
    NoBridge {
        /// Where it was waited.
        address: SocketAddr,
        /// For how long.
        seconds: u64,
        /// Who came and was not let in.
        refused: Option<Refuse>,
    },
    /// The session ended.
    #[error("the session with the bridge ended: {0}")]
    Ended(String),
    /// A question was not answered.
    #[error("the bridge did not answer `{what}` within {} s", PATIENCE.as_secs())]
    NoAnswer {
        /// The type of the question.
        what: String,
    },
    /// What was answered is no answer.
    #[error("to `{what}` the bridge answered: {answer}")]
    Odd {
        /// The type of the question.
        what: String,
        /// The answer.
        answer: String,
    },
}

/// Whose orders are sent on a visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errand {
    /// None: the bridge refuses every order and change.
    Look,
    /// Those of a trial on this demo account.
    Trial {
        /// The account's number.
        login: u64,
    },
}

/// How long one waits at the door, and for what.
#[derive(Debug, Clone)]
pub struct VisitRequest {
    /// What both sides know.
    pub secret: Secret,
    /// Somebody has to come within this time.
    pub wait: Duration,
    /// What is done.
    pub errand: Errand,
    /// What the bridge holds to; none for what the settings say.
    pub caps: Option<Caps>,
}

/// What was heard besides answers, the latest of each.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// The bridge's sign of life.
    pub heartbeat: Option<BridgeHeartbeat>,
    /// The symbol.
    pub spec: Option<SymbolSpec>,
    /// Its sessions.
    pub calendar: Option<SessionCalendar>,
    /// Its last tick.
    pub tick: Option<Tick>,
    /// The trade server's clock, server milliseconds, and this machine's at that moment.
    pub clock: Option<(i64, Timestamp)>,
    /// Orders that the bridge has in its journal: their magic, and whether they were there before.
    pub accepted: Vec<(u64, bool)>,
}

/// A session with a bridge in which questions are asked.
#[derive(Debug)]
pub struct Visit {
    listening: Listening,
    /// Who is there.
    pub established: Established,
    /// What was heard besides.
    pub seen: Seen,
    transcript: Vec<Value>,
    began: Instant,
    asked: u64,
}

impl Visit {
    /// Listens until a bridge is there. `listens` hears where, before anybody is waited for.
    ///
    /// # Errors
    /// [`VisitError`].
    pub async fn begin(
        settings: &Settings,
        instrument: &Instrument,
        request: VisitRequest,
        listens: &mut (dyn FnMut(SocketAddr) + Send),
    ) -> Result<Self, VisitError> {
        let VisitRequest { secret, wait, errand, caps } = request;
        let live = &settings.live;
        let mut terms = terms(settings, instrument);
        // One tick at a time: a visit asks, and is no place to fall behind in.
        terms.window = 1;
        terms.caps = caps.unwrap_or(terms.caps);
        let tls = live.tls_cert.clone().zip(live.tls_key.clone());
        let listen = ListenSettings {
            address: live.listen,
            tls: tls.map(|(certificate, key)| TlsFiles { certificate, key }),
            secret,
            terms,
            handshake_within: Duration::from_secs(5),
            lockstep: true,
        };
        let mut listening = serve(listen, Box::new(Visitor(errand))).await?;
        let address = listening.address;
        listens(address);
        let until = tokio::time::Instant::now() + wait;
        let first = timeout_at(until, listening.link.happens.recv()).await;
        let Ok(Some(LinkEvent::Up(established))) = first else {
            let refused = listening.refusals.borrow().clone();
            return Err(VisitError::NoBridge { address, seconds: wait.as_secs(), refused });
        };
        let mut visit = Self {
            listening,
            established: *established,
            seen: Seen::default(),
            transcript: Vec::new(),
            began: Instant::now(),
            asked: 0,
        };
        let hello = serde_json::to_value(&visit.established.hello).unwrap_or_default();
        visit.note("bridge", json!({"type": "hello", "body": hello}));
        Ok(visit)
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// [`VisitError::Ended`] and [`VisitError::NoAnswer`].
    pub async fn ask(&mut self, message: FromEngine) -> Result<FromBridge, VisitError> {
        let cid = self.say(&message, None).await?;
        self.answer(&cid, kind(&message)).await
    }

    /// Sends an order under its magic, and waits for what became of it.
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    pub async fn order(&mut self, magic: u64, message: FromEngine) -> Result<FromBridge, VisitError> {
        let cid = self.say(&message, Some(magic.to_string())).await?;
        self.answer(&cid, kind(&message)).await
    }

    /// How everything stands, in one piece.
    ///
    /// # Errors
    /// As [`ask`](Self::ask); [`VisitError::Odd`] where the terminal did not answer the bridge.
    pub async fn reconcile(&mut self, request: ReconcileReq) -> Result<Reconcile, VisitError> {
        let message = FromEngine::ReconcileReq(request);
        let what = kind(&message);
        let cid = self.say(&message, None).await?;
        let mut whole: Option<Reconcile> = None;
        loop {
            let part = match self.answer(&cid, what.clone()).await? {
                FromBridge::Reconcile(part) => part,
                other => return Err(odd(&what, &other)),
            };
            if let Some(error) = part.error {
                return Err(VisitError::Odd { what, answer: error });
            }
            let more = part.more;
            let joined = match whole.take() {
                None => part,
                Some(mut before) => {
                    before.snapshot.positions.extend(part.snapshot.positions);
                    before.snapshot.orders.extend(part.snapshot.orders);
                    before.snapshot.deals.extend(part.snapshot.deals);
                    before.outcomes.extend(part.outcomes);
                    before.guards.extend(part.guards);
                    before
                }
            };
            if !more {
                return Ok(joined);
            }
            whole = Some(joined);
        }
    }

    /// Hears what comes by itself until this is so, or the time is up; says whether it is.
    ///
    /// # Errors
    /// [`VisitError::Ended`].
    pub async fn hear_until(&mut self, within: Duration, is: fn(&Seen) -> bool) -> Result<bool, VisitError> {
        let until = Instant::now() + within;
        while !is(&self.seen) {
            // In step, something has to be said for the next tick to come.
            self.say(&alive(), None).await?;
            let slice = until.min(Instant::now() + Duration::from_millis(200));
            self.next(slice).await?;
            if Instant::now() >= until {
                return Ok(is(&self.seen));
            }
        }
        Ok(true)
    }

    /// Everything that was said, without whose account it was.
    pub fn transcript(&self) -> String {
        let login = self.established.hello.account.login.to_string();
        let mut text = String::new();
        for line in &self.transcript {
            text.push_str(&line.to_string().replace(&login, "LOGIN"));
            text.push('\n');
        }
        text
    }

    /// Ends the session in order.
    pub async fn end(self) {
        let text = "the visit is over".to_owned();
        let bye = FromEngine::Bye(alavanca_adapters_mt5::wire::Bye { text });
        let Listening { link, .. } = self.listening;
        let alavanca_adapters_mt5::link::Link { out, mut happens } = link;
        let _ = out.send(Say { cid: None, message: bye }).await;
        let until = tokio::time::Instant::now() + Duration::from_secs(2);
        while let Ok(Some(event)) = timeout_at(until, happens.recv()).await {
            if matches!(event, LinkEvent::Down(_)) {
                break;
            }
        }
    }

    pub(super) async fn say(&mut self, message: &FromEngine, cid: Option<String>) -> Result<String, VisitError> {
        let cid = cid.unwrap_or_else(|| {
            self.asked += 1;
            format!("v{}", self.asked)
        });
        if !matches!(message, FromEngine::Heartbeat(_)) {
            let mut said = serde_json::to_value(message).unwrap_or_default();
            said["cid"] = json!(cid);
            self.note("engine", said);
        }
        let say = Say { cid: Some(cid.clone()), message: message.clone() };
        let gone = || VisitError::Ended("nobody listens any more".to_owned());
        self.listening.link.out.send(say).await.map_err(|_| gone())?;
        Ok(cid)
    }

    async fn answer(&mut self, cid: &str, what: String) -> Result<FromBridge, VisitError> {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if let Some(frame) = self.next(until).await?
                && frame.cid.as_deref() == Some(cid)
                && !matches!(frame.message, FromBridge::Accepted(_))
            {
                return Ok(frame.message);
            }
        }
        Err(VisitError::NoAnswer { what })
    }

    async fn next(&mut self, until: Instant) -> Result<Option<Envelope<FromBridge>>, VisitError> {
        let Ok(event) = timeout_at(until.into(), self.listening.link.happens.recv()).await else { return Ok(None) };
        let frame = match event {
            Some(LinkEvent::Message(frame)) => *frame,
            Some(LinkEvent::Gap) => return Ok(None),
            Some(LinkEvent::Down(why)) => return Err(VisitError::Ended(why)),
            Some(LinkEvent::Up(_)) => return Err(VisitError::Ended("another bridge came".to_owned())),
            None => return Err(VisitError::Ended("nobody listens any more".to_owned())),
        };
        self.hear(&frame);
        Ok(Some(frame))
    }

    fn hear(&mut self, frame: &Envelope<FromBridge>) {
        if let Some(server) = frame.ts_server {
            self.seen.clock = Some((server, wall()));
        }
        match &frame.message {
            FromBridge::Heartbeat(beat) => self.seen.heartbeat = Some(*beat),
            FromBridge::SymbolSpec(spec) => self.seen.spec = Some(spec.clone()),
            FromBridge::SessionCalendar(calendar) => self.seen.calendar = Some(calendar.clone()),
            FromBridge::Tick(ticks) => self.seen.tick = ticks.ticks.last().copied().or(self.seen.tick),
            FromBridge::Accepted(accepted) => self.seen.accepted.push((accepted.magic.0, accepted.again)),
            _ => {}
        }
        if !matches!(frame.message, FromBridge::Heartbeat(_) | FromBridge::Tick(_)) {
            let mut heard = serde_json::to_value(&frame.message).unwrap_or_default();
            heard["cid"] = json!(frame.cid);
            self.note("bridge", heard);
        }
    }

    /// Notes a line of the transcript.
    fn note(&mut self, from: &str, mut what: Value) {
        // Whose it is and how it was proven is nobody's business.
        if what["body"]["account"].get("login").is_some() {
            what["body"]["account"]["login"] = json!("LOGIN");
        }
        for private in ["proof", "nonce", "instance"] {
            if let Some(body) = what["body"].as_object_mut() {
                body.remove(private);
            }
        }
        let milliseconds = self.began.elapsed().as_millis() as u64;
        self.transcript.push(json!({"ms": milliseconds, "from": from, "said": what}));
    }
}

/// Lets in whoever may be visited.
struct Visitor(Errand);

#[async_trait]
impl Admission for Visitor {
    async fn admit(&mut self, hello: &Hello) -> Result<Admitted, Refuse> {
        let refuse = |text: String| Refuse { reason: RefuseReason::Account, text };
        let account = &hello.account;
        // No orders of these will be sent after a restart: the epoch need not be kept, only be greater.
        let epoch = hello.epoch_seen + 1;
        match self.0 {
            Errand::Look => Ok(Admitted { epoch, armed: false }),
            Errand::Trial { login } if account.login.0 != login => {
                Err(refuse(format!("the terminal is logged in to {}, not to {login}", account.login)))
            }
            Errand::Trial { .. } if account.trade_mode != TradeMode::Demo => Err(refuse(format!(
                "{} on {} is no demo account: trials are for play money",
                account.login, account.server
            ))),
            Errand::Trial { .. } => Ok(Admitted { epoch, armed: true }),
        }
    }
}

/// A sign of life; in step it lets the market go on.
fn alive() -> FromEngine {
    let state = "REDUCE_ONLY".to_owned();
    FromEngine::Heartbeat(alavanca_adapters_mt5::wire::EngineHeartbeat { state, echo_utc: None })
}

/// What is wrong about an answer.
pub(super) fn odd(what: &str, answer: &FromBridge) -> VisitError {
    let answer = serde_json::to_string(answer).unwrap_or_default();
    VisitError::Odd { what: what.to_owned(), answer: answer.chars().take(300).collect() }
}

fn kind(message: &FromEngine) -> String {
    let value = serde_json::to_value(message).unwrap_or_default();
    value["type"].as_str().unwrap_or_default().to_owned()
}
