//! One connection: first frame by frame, then as a session.

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::time::{Instant, interval_at, sleep_until, timeout};

use super::serve::ListenSettings;
use super::{Arrival, Flow, flow};
use crate::codec::{self, FrameError, Lines, Message};
use crate::link::{Established, LinkEvent, Say};
use crate::wire::{EngineHeartbeat, Envelope, FRAME_MAX, FromBridge, FromEngine, Refuse};

/// So much may wait to be written before the engine's words wait.
const WAITING_MAX: usize = 4 * FRAME_MAX;
/// A last word has so long to get out.
const LAST_WORD: Duration = Duration::from_secs(1);

/// A socket, with or without TLS.
pub(crate) trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Socket for S {}

/// The system's clock, milliseconds since 1970. Stamps frames; nothing is decided by it.
pub(crate) fn now_utc() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A connection, frame by frame.
pub(crate) struct Connection {
    reader: ReadHalf<Box<dyn Socket>>,
    writer: WriteHalf<Box<dyn Socket>>,
    lines: Lines,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connection(..)")
    }
}

impl Connection {
    pub(crate) fn new(socket: Box<dyn Socket>) -> Self {
        let (reader, writer) = tokio::io::split(socket);
        Self { reader, writer, lines: Lines::default() }
    }

    /// Writes one frame.
    pub(crate) async fn send<M: Message>(&mut self, envelope: &Envelope<M>) -> Result<(), Refuse> {
        let line = codec::encode(envelope).map_err(|error| flow::protocol(error.to_string()))?;
        self.send_raw(&line).await
    }

    pub(crate) async fn send_raw(&mut self, bytes: &[u8]) -> Result<(), Refuse> {
        let lost = |error: std::io::Error| flow::protocol(format!("the connection was lost: {error}"));
        self.writer.write_all(bytes).await.map_err(lost)?;
        self.writer.flush().await.map_err(lost)
    }

    /// Reads one frame.
    pub(crate) async fn hear<M: Message>(&mut self) -> Result<Envelope<M>, Refuse> {
        let broken = |error: FrameError| flow::protocol(error.to_string());
        let mut chunk = vec![0; 8 * 1024];
        loop {
            if let Some(line) = self.lines.next_line().map_err(broken)? {
                return codec::decode(line).map_err(broken);
            }
            match self.reader.read(&mut chunk).await {
                Ok(0) => return Err(flow::protocol("the connection was closed".to_owned())),
                Ok(read) => self.lines.push(&chunk[..read]),
                Err(error) => return Err(flow::protocol(format!("the connection was lost: {error}"))),
            }
        }
    }
}

/// A session, from `welcome` on.
#[derive(Debug)]
pub(super) struct Session {
    connection: Connection,
    flow: Flow,
    epoch: u64,
    armed: bool,
    heartbeat: Duration,
    lost_after: Duration,
    lockstep: bool,
    /// What the bridge's panel shows of the engine; the engine's own heartbeats change it.
    state: String,
    /// When the bridge's last heartbeat was sent.
    echo_utc: Option<i64>,
    /// The engine has asked how everything stands: before that nothing is traded.
    asked: bool,
    /// A tick was taken in that no frame has acknowledged.
    owes_ack: bool,
    writing: Writing,
    /// Heard, and not yet with the engine.
    heard: VecDeque<LinkEvent>,
    /// Nothing can be written any more: why, and until when it is read on. A bridge that says goodbye and goes may leave
    /// its last words behind a connection that takes none.
    deaf: Option<(String, Instant)>,
}

/// Bytes on their way out.
#[derive(Debug, Default)]
struct Writing {
    bytes: Vec<u8>,
    written: usize,
    unflushed: bool,
}

/// Why a session ended, and what is still said to the other side.
struct End {
    why: String,
    refuse: Option<Refuse>,
}

impl Session {
    pub(super) fn new(
        connection: Connection,
        flow: Flow,
        established: &Established,
        settings: &ListenSettings,
    ) -> Self {
        Self {
            connection,
            flow,
            epoch: established.epoch,
            armed: established.armed,
            heartbeat: settings.terms.heartbeat,
            lost_after: settings.terms.lost_after,
            lockstep: settings.lockstep,
            state: "REDUCE_ONLY".to_owned(),
            echo_utc: None,
            asked: false,
            owes_ack: false,
            writing: Writing::default(),
            heard: VecDeque::new(),
            deaf: None,
        }
    }

    /// Carries words and events until it ends, and says why it did.
    pub(super) async fn run(mut self, words: &mut mpsc::Receiver<Say>, happens: &mpsc::Sender<LinkEvent>) -> String {
        let End { why, refuse } = self.carry(words, happens).await;
        if let Some(refuse) = refuse {
            let _ = self.say(FromEngine::Refuse(refuse), None);
        }
        let _ = timeout(LAST_WORD, self.drain()).await;
        why
    }

    async fn carry(&mut self, words: &mut mpsc::Receiver<Say>, happens: &mpsc::Sender<LinkEvent>) -> End {
        let mut chunk = vec![0; 16 * 1024];
        let mut beats = interval_at(Instant::now() + self.heartbeat, self.heartbeat);
        beats.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut permit = None;
        let (mut silent_since, mut handed_over) = (Instant::now(), Instant::now());
        loop {
            // Room for an event: the engine has taken the one before.
            if let Some(room) = permit.take() {
                if let Err(end) = self.next_heard() {
                    return end;
                }
                match self.heard.pop_front() {
                    Some(event) => {
                        mpsc::Permit::send(room, event);
                        handed_over = Instant::now();
                        continue;
                    }
                    None => permit = Some(room),
                }
            }
            let wants_more = permit.is_some();
            let Self { connection: Connection { reader, writer, .. }, writing, deaf, .. } = self;
            let (hears, ends) = (deaf.is_none(), deaf.as_ref().map_or(silent_since, |(_, until)| *until));
            let unwritten = &writing.bytes[writing.written..];
            tokio::select! {
                room = happens.reserve(), if !wants_more => match room {
                    Ok(room) => {
                        permit = Some(room);
                        // While nothing was read, nothing could be heard.
                        silent_since = Instant::now();
                        if let Err(end) = self.taken(words) {
                            return end;
                        }
                    }
                    Err(_) => return self.bye("the engine ends"),
                },
                read = reader.read(&mut chunk), if wants_more => match read {
                    Ok(0) => return self.lost("the bridge closed the connection".to_owned()),
                    Ok(read) => {
                        silent_since = Instant::now();
                        self.connection.lines.push(&chunk[..read]);
                    }
                    Err(error) => return self.lost(format!("the connection was lost: {error}")),
                },
                wrote = write_some(writer, unwritten), if hears && (!unwritten.is_empty() || writing.unflushed) => match wrote {
                    Ok(wrote) => writing.wrote(wrote),
                    Err(error) => *deaf = Some((format!("the connection was lost: {error}"), Instant::now() + LAST_WORD)),
                },
                () = sleep_until(ends), if !hears => return self.lost("the bridge takes nothing".to_owned()),
                word = words.recv(), if hears && unwritten.len() < WAITING_MAX => {
                    let Some(word) = word else { return self.bye("the engine ends") };
                    if let Err(end) = self.word(word) {
                        return end;
                    }
                },
                _ = beats.tick() => {
                    // An engine that does not take what happens is not there, whoever keeps its socket open: then the
                    // bridge has to notice.
                    let stuck = !wants_more && handed_over.elapsed() > self.lost_after / 2;
                    let waiting = unwritten.len() >= WAITING_MAX;
                    if !stuck && !waiting && hears
                        && let Err(end) = self.beat()
                    {
                        return end;
                    }
                },
                () = sleep_until(silent_since + self.lost_after), if wants_more => {
                    return End::quiet(format!("nothing heard for {} ms", self.lost_after.as_millis()));
                },
            }
        }
    }

    /// The end of a connection that is gone, by the first that was noticed of it.
    fn lost(&mut self, why: String) -> End {
        End::quiet(self.deaf.take().map_or(why, |(first, _)| first))
    }

    /// The next frame among what was read, if it is there and none waits.
    fn next_heard(&mut self) -> Result<(), End> {
        while self.heard.is_empty() {
            let broken = |error: FrameError| End::refused("sent what is no frame", flow::protocol(error.to_string()));
            let Some(line) = self.connection.lines.next_line().map_err(broken)? else { return Ok(()) };
            let frame: Envelope<FromBridge> = codec::decode(line).map_err(broken)?;
            let arrival =
                self.flow.take(&frame).map_err(|refuse| End::refused("does not keep to the session", refuse))?;
            match arrival {
                Arrival::Old => continue,
                Arrival::Next => {}
                Arrival::AfterGap(_) => self.heard.push_back(LinkEvent::Gap),
            }
            match &frame.message {
                FromBridge::Bye(bye) => return Err(End::quiet(format!("the bridge ended: {}", bye.text))),
                FromBridge::Refuse(refuse) => {
                    return Err(End::quiet(format!("the bridge refused to go on: {}", refuse.text)));
                }
                FromBridge::Hello(_) | FromBridge::Welcome(_) => {
                    let refuse = flow::protocol("`hello` and `welcome` only begin a session".to_owned());
                    return Err(End::refused("begins again within a session", refuse));
                }
                FromBridge::Heartbeat(_) => self.echo_utc = Some(frame.ts_utc),
                FromBridge::Tick(_) => self.owes_ack = true,
                _ => {}
            }
            self.heard.push_back(LinkEvent::Message(Box::new(frame)));
        }
        Ok(())
    }

    /// The engine has taken everything that was heard: says so. In step with a simulated market the engine's next word
    /// does.
    fn taken(&mut self, words: &mut mpsc::Receiver<Say>) -> Result<(), End> {
        if self.lockstep || !self.heard.is_empty() {
            return Ok(());
        }
        self.flow.acknowledge();
        if std::mem::take(&mut self.owes_ack) {
            match words.try_recv() {
                Ok(word) => self.word(word)?,
                Err(_) => self.beat()?,
            }
        }
        Ok(())
    }

    /// Sends a word of the engine; or drops it, where it was meant for another session.
    fn word(&mut self, word: Say) -> Result<(), End> {
        if self.lockstep {
            self.flow.acknowledge();
            self.owes_ack = false;
        }
        let Say { cid, message } = word;
        match &message {
            FromEngine::Challenge(_) | FromEngine::Auth(_) => return Ok(()),
            FromEngine::Heartbeat(beat) => {
                self.state.clone_from(&beat.state);
                return self.beat();
            }
            FromEngine::Bye(bye) => {
                let why = format!("the engine ended: {}", bye.text);
                self.say(message, cid)?;
                return Err(End::quiet(why));
            }
            FromEngine::Refuse(refuse) => {
                let why = format!("the engine refused: {}", refuse.text);
                self.say(message, cid)?;
                return Err(End::quiet(why));
            }
            FromEngine::ReconcileReq(_) => self.asked = true,
            FromEngine::OrderSubmit(order) if order.epoch != self.epoch => return Ok(()),
            FromEngine::CloseBy(order) if order.epoch != self.epoch => return Ok(()),
            _ => {}
        }
        if changes(&message) && !(self.armed && self.asked) {
            return Ok(());
        }
        self.say(message, cid)
    }

    fn beat(&mut self) -> Result<(), End> {
        self.say(FromEngine::Heartbeat(EngineHeartbeat { state: self.state.clone(), echo_utc: self.echo_utc }), None)
    }

    fn bye(&mut self, text: &str) -> End {
        let bye = crate::wire::Bye { text: text.to_owned() };
        self.say(FromEngine::Bye(bye), None).err().unwrap_or_else(|| End::quiet(text.to_owned()))
    }

    fn say(&mut self, message: FromEngine, cid: Option<String>) -> Result<(), End> {
        let envelope = self.flow.wrap(message, cid, now_utc());
        let line =
            codec::encode(&envelope).map_err(|error| End::quiet(format!("the engine said too much: {error}")))?;
        self.writing.push(&line);
        Ok(())
    }

    async fn drain(&mut self) -> std::io::Result<()> {
        let unwritten = &self.writing.bytes[self.writing.written..];
        self.connection.writer.write_all(unwritten).await?;
        self.connection.writer.shutdown().await
    }
}

/// Writes what can be written, or flushes where all was; says how much. One step at a time: whoever stops waiting for it
/// loses nothing.
async fn write_some(writer: &mut WriteHalf<Box<dyn Socket>>, bytes: &[u8]) -> std::io::Result<usize> {
    if bytes.is_empty() {
        return writer.flush().await.map(|()| 0);
    }
    match writer.write(bytes).await? {
        0 => Err(std::io::ErrorKind::WriteZero.into()),
        wrote => Ok(wrote),
    }
}

/// Whether it changes anything at the broker.
fn changes(message: &FromEngine) -> bool {
    matches!(
        message,
        FromEngine::OrderSubmit(_)
            | FromEngine::OrderModify(_)
            | FromEngine::OrderCancel(_)
            | FromEngine::PositionSltp(_)
            | FromEngine::CloseBy(_)
    )
}

impl Writing {
    fn push(&mut self, line: &[u8]) {
        self.bytes.extend_from_slice(line);
    }

    fn wrote(&mut self, bytes: usize) {
        self.written += bytes;
        self.unflushed = bytes > 0;
        if self.written == self.bytes.len() {
            self.bytes.clear();
            self.written = 0;
        } else if self.written >= FRAME_MAX {
            self.bytes.drain(..self.written);
            self.written = 0;
        }
    }
}

impl End {
    fn quiet(why: String) -> Self {
        Self { why, refuse: None }
    }

    fn refused(what: &str, refuse: Refuse) -> Self {
        Self { why: format!("the bridge {what}: {}", refuse.text), refuse: Some(refuse) }
    }
}
