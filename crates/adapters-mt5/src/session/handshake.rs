use std::time::Duration;

use super::flow::protocol;
use super::{Arrival, Flow, Secret, bridge_proves, engine_proof};
use crate::codec::is_hex;
use crate::link::Established;
use crate::wire::{
    AccountIdentity, Auth, Caps, Challenge, Deadman, Envelope, FromBridge, FromEngine, Hello, Refuse, RefuseReason,
    VERSION,
};

/// The engine's side of the handshake with one connection: `challenge`, `hello`, `auth`, `welcome`. Pure; chance, time
/// and the epoch come from outside.
#[derive(Debug)]
pub struct Handshake {
    secret: Secret,
    nonce: String,
    flow: Flow,
    step: Step,
}

#[derive(Debug)]
enum Step {
    Hello,
    Auth(Box<Hello>),
    Welcome(Box<Hello>, Admitted),
    Done,
}

/// What a session is held to, by both sides; the fields are those of [`Auth`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// A heartbeat is sent at least this often.
    pub heartbeat: Duration,
    /// The other side is lost after so long without any frame.
    pub lost_after: Duration,
    /// So many tick frames may be unacknowledged.
    pub window: u32,
    /// What the bridge does for extras while the engine is lost.
    pub deadman: Deadman,
    /// What the bridge never exceeds.
    pub caps: Caps,
}

/// What a bridge that proved itself is let in with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admitted {
    /// Greater than any before, and durable before this is said.
    pub epoch: u64,
    /// Whether orders may be sent.
    pub armed: bool,
}

impl Handshake {
    /// Begins: the handshake and the engine's first frame. `nonce` is 64 hexadecimal digits of chance, never used before.
    pub fn begin(secret: Secret, nonce: String, engine: &str, ts_utc: i64) -> (Self, Envelope<FromEngine>) {
        let mut flow = Flow::default();
        let challenge = Challenge { nonce: nonce.clone(), versions: vec![VERSION], engine: engine.to_owned() };
        let frame = flow.wrap(FromEngine::Challenge(challenge), None, ts_utc);
        (Self { secret, nonce, flow, step: Step::Hello }, frame)
    }

    /// Hears the bridge's `hello`: that it has the secret. Whether its account is the right one is for the caller.
    ///
    /// # Errors
    /// With what the bridge is refused.
    pub fn hello(&mut self, frame: Envelope<FromBridge>) -> Result<&Hello, Refuse> {
        self.in_order(&frame)?;
        let hello = match (&self.step, frame.message) {
            (Step::Hello, FromBridge::Hello(hello)) => hello,
            (_, FromBridge::Refuse(refuse)) => return Err(refuse),
            _ => return Err(protocol("expected `hello`".to_owned())),
        };
        if hello.version != VERSION {
            let text = format!("the bridge speaks version {}, the engine {VERSION}; bring both to one", hello.version);
            return Err(Refuse { reason: RefuseReason::Version, text });
        }
        well_formed(&hello)?;
        if !bridge_proves(&self.secret, &self.nonce, &hello) {
            let text = "the proof does not hold; give the bridge the same secret file as the engine".to_owned();
            return Err(Refuse { reason: RefuseReason::Proof, text });
        }
        self.step = Step::Auth(Box::new(hello));
        let Step::Auth(hello) = &self.step else { return Err(protocol("expected `hello`".to_owned())) };
        Ok(hello)
    }

    /// The engine's proof, after `hello`. `session` is 32 hexadecimal digits of chance.
    ///
    /// # Errors
    /// An epoch that is not greater than what the bridge has seen; and `auth` out of turn.
    pub fn auth(
        &mut self,
        session: String,
        admitted: Admitted,
        terms: &Terms,
        ts_utc: i64,
    ) -> Result<Envelope<FromEngine>, Refuse> {
        let Step::Auth(hello) = std::mem::replace(&mut self.step, Step::Done) else {
            return Err(protocol("`auth` before `hello`".to_owned()));
        };
        let Admitted { epoch, armed } = admitted;
        if epoch <= hello.epoch_seen {
            let seen = hello.epoch_seen;
            let text = format!(
                "the bridge has seen epoch {seen}, the engine is at {epoch}: another database led this account, and may still"
            );
            return Err(Refuse { reason: RefuseReason::Epoch, text });
        }
        let milliseconds = |time: Duration| u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
        let mut auth = Auth {
            session: session.clone(),
            epoch,
            armed,
            heartbeat_ms: milliseconds(terms.heartbeat),
            lost_after_ms: milliseconds(terms.lost_after),
            window: terms.window,
            deadman: terms.deadman,
            caps: terms.caps.clone(),
            proof: String::new(),
        };
        auth.proof = engine_proof(&self.secret, &hello.nonce, &self.nonce, &auth);
        self.flow.session = session;
        self.step = Step::Welcome(hello, admitted);
        Ok(self.flow.wrap(FromEngine::Auth(auth), None, ts_utc))
    }

    /// Hears the bridge's `welcome`: the session stands.
    ///
    /// # Errors
    /// The bridge's own refusal, or what is wrong with its answer.
    pub fn welcome(mut self, frame: Envelope<FromBridge>) -> Result<(Established, Flow), Refuse> {
        if let FromBridge::Refuse(refuse) = frame.message {
            return Err(refuse);
        }
        self.in_order(&frame)?;
        let (Step::Welcome(hello, admitted), FromBridge::Welcome(welcome)) = (self.step, frame.message) else {
            return Err(protocol("expected `welcome`".to_owned()));
        };
        let Admitted { epoch, armed } = admitted;
        if welcome.epoch != epoch {
            return Err(protocol(format!("`welcome` is for epoch {}; expected {epoch}", welcome.epoch)));
        }
        let session = self.flow.session.clone();
        Ok((Established { session, epoch, armed, hello: *hello, welcome }, self.flow))
    }

    /// The frame of a refusal.
    pub fn refuse(&mut self, refuse: Refuse, ts_utc: i64) -> Envelope<FromEngine> {
        self.flow.wrap(FromEngine::Refuse(refuse), None, ts_utc)
    }

    fn in_order(&mut self, frame: &Envelope<FromBridge>) -> Result<(), Refuse> {
        match self.flow.take(frame)? {
            Arrival::Next => {
                self.flow.acknowledge();
                Ok(())
            }
            Arrival::AfterGap(_) | Arrival::Old => {
                let Envelope { session, seq, .. } = frame;
                let expected = &self.flow.session;
                Err(protocol(format!(
                    "frame {seq} of session `{session}`; in a handshake none is missing or comes twice, and all are of session `{expected}`"
                )))
            }
        }
    }
}

/// The account that a session has to be about, as far as it is pinned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pins(pub Option<AccountIdentity>);

impl Pins {
    /// Holds an account against the pinned one. Company and decimals may change; whose money it is may not.
    ///
    /// # Errors
    /// The refusal, naming what differs.
    pub fn check(&self, account: &AccountIdentity) -> Result<(), Refuse> {
        let Some(pinned) = &self.0 else { return Ok(()) };
        let differences: Vec<String> = [
            ("login", pinned.login.to_string(), account.login.to_string()),
            ("server", pinned.server.clone(), account.server.clone()),
            ("trade mode", format!("{:?}", pinned.trade_mode), format!("{:?}", account.trade_mode)),
            ("margin mode", pinned.margin_mode.to_string(), account.margin_mode.to_string()),
            ("currency", pinned.currency.clone(), account.currency.clone()),
        ]
        .into_iter()
        .filter(|(_, pinned, got)| pinned != got)
        .map(|(what, pinned, got)| format!("{what} is {got}, pinned is {pinned}"))
        .collect();
        if differences.is_empty() {
            return Ok(());
        }
        let text = format!("not the pinned account: {}; log the terminal in to that one", differences.join("; "));
        Err(Refuse { reason: RefuseReason::Account, text })
    }
}

/// What goes into the proof is joined by newlines, so nothing of it may hold one.
fn well_formed(hello: &Hello) -> Result<(), Refuse> {
    let Hello { nonce, instance, account, .. } = hello;
    if !is_hex(nonce, 64) || !is_hex(instance, 32) {
        let text = "`nonce` and `instance` of `hello` are 64 and 32 lower-case hexadecimal digits".to_owned();
        return Err(protocol(text));
    }
    let AccountIdentity { server, company, currency, .. } = account;
    if [server, company, currency].iter().any(|text| text.chars().any(char::is_control)) {
        return Err(protocol("an account's names hold no control characters".to_owned()));
    }
    Ok(())
}
