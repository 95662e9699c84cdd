//! A bridge for tests: speaks the protocol as one has to, and does what the test says.

pub mod exchange;

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::session::talk::{Connection, Socket, now_utc};
use crate::session::{Flow, Secret, bridge_proof, engine_proves, nonce};
use crate::wire::{
    AccountIdentity, Auth, BridgeKind, Challenge, Envelope, FromBridge, FromEngine, Hello, Id, Refuse, TradeMode,
    VERSION, Welcome,
};

/// A bridge's end of a session.
#[derive(Debug)]
pub struct BridgeClient {
    connection: Connection,
    flow: Flow,
    /// What the engine said of the session; `None` before.
    pub auth: Option<Auth>,
}

/// What a client waits for at most.
pub const PATIENCE: Duration = Duration::from_secs(30);

impl BridgeClient {
    /// Connects, and goes through the whole handshake with this `hello`; see [`demo_hello`].
    ///
    /// # Errors
    /// With what the engine refuses, or how it failed to prove itself.
    pub async fn join(address: SocketAddr, secret: &Secret, hello: Hello) -> Result<Self, Refuse> {
        let mut client = Self::connect(address).await?;
        client.shake_hands(secret, hello).await?;
        Ok(client)
    }

    /// Connects, and says nothing yet.
    ///
    /// # Errors
    /// No connection.
    pub async fn connect(address: SocketAddr) -> Result<Self, Refuse> {
        let stream = TcpStream::connect(address).await.map_err(|error| protocol(&error.to_string()))?;
        let _ = stream.set_nodelay(true);
        Ok(Self::over(Box::new(stream)))
    }

    /// Speaks over a socket that is there.
    pub(crate) fn over(socket: Box<dyn Socket>) -> Self {
        Self { connection: Connection::new(socket), flow: Flow::default(), auth: None }
    }

    /// The handshake; the proof of `hello` is made here.
    ///
    /// # Errors
    /// As [`join`](Self::join).
    pub async fn shake_hands(&mut self, secret: &Secret, mut hello: Hello) -> Result<(), Refuse> {
        let FromEngine::Challenge(Challenge { nonce, .. }) = self.hear().await?.message else {
            return Err(protocol("expected `challenge`"));
        };
        hello.proof = bridge_proof(secret, &nonce, &hello);
        let own = hello.nonce.clone();
        self.say(FromBridge::Hello(hello)).await?;
        // The session's name comes with its first frame.
        let frame: Envelope<FromEngine> = self.listen().await?;
        let auth = match frame.message {
            FromEngine::Refuse(refuse) => return Err(refuse),
            FromEngine::Auth(ref auth) => auth.clone(),
            _ => return Err(protocol("expected `auth`")),
        };
        self.flow.session.clone_from(&auth.session);
        self.flow.take(&frame)?;
        self.flow.acknowledge();
        if !engine_proves(secret, &own, &nonce, &auth) {
            return Err(protocol("the engine's proof does not hold"));
        }
        let welcome = Welcome { epoch: auth.epoch, open_in_journal: 0 };
        self.auth = Some(auth);
        self.say(FromBridge::Welcome(welcome)).await
    }

    /// Sends a message.
    ///
    /// # Errors
    /// The connection was lost.
    pub async fn say(&mut self, message: FromBridge) -> Result<(), Refuse> {
        self.answer(message, None).await
    }

    /// Sends a message with a `cid`.
    ///
    /// # Errors
    /// The connection was lost.
    pub async fn answer(&mut self, message: FromBridge, cid: Option<String>) -> Result<(), Refuse> {
        let frame = self.flow.wrap(message, cid, now_utc());
        self.connection.send(&frame).await
    }

    /// Sends these bytes as they are.
    ///
    /// # Errors
    /// The connection was lost.
    pub async fn say_raw(&mut self, bytes: &[u8]) -> Result<(), Refuse> {
        self.connection.send_raw(bytes).await
    }

    /// The next frame's envelope, without sending it: to be changed and sent by [`say_raw`](Self::say_raw).
    pub fn envelope(&mut self, message: FromBridge) -> Envelope<FromBridge> {
        self.flow.wrap(message, None, now_utc())
    }

    /// The engine's next frame, in order.
    ///
    /// # Errors
    /// None came within [`PATIENCE`], or one that does not keep to the session.
    pub async fn hear(&mut self) -> Result<Envelope<FromEngine>, Refuse> {
        let frame = self.listen().await?;
        self.flow.take(&frame)?;
        self.flow.acknowledge();
        Ok(frame)
    }

    /// The engine's next message that is no heartbeat.
    ///
    /// # Errors
    /// As [`hear`](Self::hear).
    pub async fn hear_word(&mut self) -> Result<Envelope<FromEngine>, Refuse> {
        loop {
            let frame = self.hear().await?;
            if !matches!(frame.message, FromEngine::Heartbeat(_)) {
                return Ok(frame);
            }
        }
    }

    async fn listen(&mut self) -> Result<Envelope<FromEngine>, Refuse> {
        let heard = timeout(PATIENCE, self.connection.hear()).await;
        heard.map_err(|_| protocol("the engine said nothing"))?
    }
}

/// Who a bridge of tests is: a sidecar on a demo account, with fresh chance.
pub fn demo_hello() -> Hello {
    Hello {
        nonce: nonce::<32>().unwrap_or_default(),
        version: VERSION,
        bridge: BridgeKind::Sidecar,
        release: "test".to_owned(),
        instance: nonce::<16>().unwrap_or_default(),
        epoch_seen: 0,
        account: AccountIdentity {
            login: Id(5_012_345),
            server: "Broker-Demo".to_owned(),
            company: "Broker".to_owned(),
            trade_mode: TradeMode::Demo,
            margin_mode: 0,
            currency: "BRL".to_owned(),
            currency_digits: 2,
        },
        proof: String::new(),
    }
}

fn protocol(text: &str) -> Refuse {
    Refuse { reason: crate::wire::RefuseReason::Protocol, text: text.to_owned() }
}
