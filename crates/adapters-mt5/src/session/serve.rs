//! The socket: listens, lets a bridge in, and keeps one session at a time.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::talk::{Connection, Session, Socket, now_utc};
use super::tls::acceptor;
use super::{Admitted, Handshake, Secret, Terms, nonce};
use crate::link::{Established, Link, LinkEvent, Say};
use crate::wire::{FromBridge, Hello, Refuse, RefuseReason};

/// So many connections may be unproven at a time; others wait in the system's queue.
const UNPROVEN_MAX: usize = 4;
/// So many words of the engine may wait.
const WORDS: usize = 64;

/// Where and how to listen.
#[derive(Debug, Clone)]
pub struct ListenSettings {
    /// Port 0 lets the system choose. Anything but loopback needs [`tls`](Self::tls).
    pub address: SocketAddr,
    /// Certificate and key.
    pub tls: Option<TlsFiles>,
    /// What both sides know.
    pub secret: Secret,
    /// What sessions are held to.
    pub terms: Terms,
    /// A connection has so long to become a session.
    pub handshake_within: Duration,
    /// Ticks are acknowledged by the engine's next word alone, whatever it is: with a window of 1 a simulated market
    /// stands still until the engine has answered a tick. Otherwise they are as soon as the engine takes them.
    pub lockstep: bool,
}

/// PEM files of a listener that others than this machine can reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, and those between it and the root.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Who may come in, and with which epoch. Asked once for each bridge that has proven itself while no other session
/// stands.
#[async_trait]
pub trait Admission: Send {
    /// Holds the account against the pinned one ([`Pins`](super::Pins)), and makes a new epoch durable: greater than any
    /// before, and than `hello.epoch_seen` where that is to be outbid.
    ///
    /// # Errors
    /// What the bridge is refused with.
    async fn admit(&mut self, hello: &Hello) -> Result<Admitted, Refuse>;
}

/// A listener at work; it ends when its [`Link`] is dropped.
#[derive(Debug)]
pub struct Listening {
    /// Where.
    pub address: SocketAddr,
    /// The way to the bridge.
    pub link: Link,
    /// The last connection that did not become a session, and why: for the operator.
    pub refusals: watch::Receiver<Option<Refuse>>,
}

/// Why nobody listens.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Others could reach it, and could read along.
    #[error("{0} is not loopback: listen on 127.0.0.1, or name a TLS certificate and key")]
    Open(SocketAddr),
    /// The certificate or the key.
    #[error("TLS: {}: {text}", path.display())]
    Tls {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        text: String,
    },
    /// The system does not let us.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}

/// Listens for a bridge, from now until the link is dropped.
///
/// # Errors
/// [`ListenError`].
pub async fn serve(settings: ListenSettings, admission: Box<dyn Admission>) -> Result<Listening, ListenError> {
    let address = settings.address;
    if !address.ip().is_loopback() && settings.tls.is_none() {
        return Err(ListenError::Open(address));
    }
    let tls = settings.tls.as_ref().map(acceptor).transpose()?;
    let bind = |source| ListenError::Bind { address, source };
    let listener = TcpListener::bind(address).await.map_err(bind)?;
    let address = listener.local_addr().map_err(bind)?;
    let (out, mut words) = mpsc::channel(WORDS);
    // One event at a time: that the next has room means that the engine took the last.
    let (mut happens, taken) = mpsc::channel(1);
    let (refused, refusals) = watch::channel(None);
    let (established, mut sessions) = mpsc::channel(1);
    let door = Arc::new(Door {
        settings,
        tls,
        admission: Mutex::new(admission),
        seat: Arc::new(Semaphore::new(1)),
        refused,
        established,
    });
    tokio::spawn(async move {
        tokio::select! {
            () = door.accept(listener) => {}
            () = one_after_another(&mut sessions, &mut words, &mut happens) => {}
        }
    });
    Ok(Listening { address, link: Link { out, happens: taken }, refusals })
}

/// Sessions, until the engine has dropped the link.
async fn one_after_another(
    sessions: &mut mpsc::Receiver<Seated>,
    words: &mut mpsc::Receiver<Say>,
    happens: &mut mpsc::Sender<LinkEvent>,
) {
    loop {
        let seated = tokio::select! {
            seated = sessions.recv() => seated,
            word = words.recv() => match word {
                // Said to nobody.
                Some(_) => continue,
                None => return,
            },
            () = happens.closed() => return,
        };
        let Some(Seated { established, session, _seat }) = seated else { return };
        if happens.send(LinkEvent::Up(Box::new(established))).await.is_err() {
            return;
        }
        let why = session.run(words, happens).await;
        if happens.send(LinkEvent::Down(why)).await.is_err() {
            return;
        }
    }
}

/// A session that stands, and the only seat.
struct Seated {
    established: Established,
    session: Session,
    _seat: OwnedSemaphorePermit,
}

struct Door {
    settings: ListenSettings,
    tls: Option<TlsAcceptor>,
    admission: Mutex<Box<dyn Admission>>,
    seat: Arc<Semaphore>,
    refused: watch::Sender<Option<Refuse>>,
    established: mpsc::Sender<Seated>,
}

impl Door {
    async fn accept(self: Arc<Self>, listener: TcpListener) {
        let mut unproven = JoinSet::new();
        loop {
            while unproven.len() >= UNPROVEN_MAX {
                let _ = unproven.join_next().await;
            }
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => drop(unproven.spawn(Arc::clone(&self).let_in(stream))),
                    // Out of descriptors, or it was gone already: neither ends the listener.
                    Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
                },
                Some(_) = unproven.join_next() => {}
            }
        }
    }

    async fn let_in(self: Arc<Self>, stream: TcpStream) {
        let within = self.settings.handshake_within;
        let result = timeout(within, self.handshake(stream)).await.unwrap_or_else(|_| {
            let text = format!("no handshake within {} ms", within.as_millis());
            Err(Refuse { reason: RefuseReason::Protocol, text })
        });
        match result {
            Ok(seated) => drop(self.established.send(seated).await),
            Err(refuse) => drop(self.refused.send_replace(Some(refuse))),
        }
    }

    async fn handshake(&self, stream: TcpStream) -> Result<Seated, Refuse> {
        let _ = stream.set_nodelay(true);
        let socket: Box<dyn Socket> = match &self.tls {
            None => Box::new(stream),
            Some(tls) => Box::new(tls.accept(stream).await.map_err(|error| lost(&error))?),
        };
        let mut connection = Connection::new(socket);
        let chance = |error: super::SecretError| Refuse { reason: RefuseReason::Protocol, text: error.to_string() };
        let engine = concat!("alavanca ", env!("CARGO_PKG_VERSION"));
        let nonce_now = nonce::<32>().map_err(chance)?;
        let (mut handshake, challenge) = Handshake::begin(self.settings.secret.clone(), nonce_now, engine, now_utc());
        connection.send(&challenge).await?;
        match self.prove(&mut connection, &mut handshake).await {
            Ok((seat, welcome)) => {
                let (established, flow) = handshake.welcome(welcome)?;
                let session = Session::new(connection, flow, &established, &self.settings);
                Ok(Seated { established, session, _seat: seat })
            }
            Err(refuse) => {
                // What ended it may be that nobody is there any more.
                let _ = connection.send(&handshake.refuse(refuse.clone(), now_utc())).await;
                Err(refuse)
            }
        }
    }

    async fn prove(
        &self,
        connection: &mut Connection,
        handshake: &mut Handshake,
    ) -> Result<(OwnedSemaphorePermit, crate::wire::Envelope<FromBridge>), Refuse> {
        let hello = handshake.hello(connection.hear().await?)?.clone();
        let seat = Arc::clone(&self.seat).try_acquire_owned().map_err(|_| Refuse {
            reason: RefuseReason::Busy,
            text: "another bridge has the session of this account; end it, or wait until it is taken for lost"
                .to_owned(),
        })?;
        let admitted = self.admission.lock().await.admit(&hello).await?;
        let session =
            nonce::<16>().map_err(|error| Refuse { reason: RefuseReason::Protocol, text: error.to_string() })?;
        connection.send(&handshake.auth(session, admitted, &self.settings.terms, now_utc())?).await?;
        Ok((seat, connection.hear().await?))
    }
}

fn lost(error: &std::io::Error) -> Refuse {
    Refuse { reason: RefuseReason::Protocol, text: format!("the connection was lost: {error}") }
}
