//! The listener over real sockets, with a small bridge at the other end.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::*;
use crate::link::{LinkEvent, Say};
use crate::testing::{BridgeClient, PATIENCE, demo_hello};
use crate::wire::{
    BridgeHeartbeat, Bye, CalcMargin, Caps, Deadman, Decimal, EngineHeartbeat, FromBridge, FromEngine, Hello, Id,
    OrderCancel, OrderSide, ReconcileReq, Refuse, RefuseReason, Tick, Ticks,
};

/// Gives out one epoch after the other.
struct Counting(u64);

#[async_trait]
impl Admission for Counting {
    async fn admit(&mut self, _: &Hello) -> Result<Admitted, Refuse> {
        self.0 += 1;
        Ok(Admitted { epoch: self.0, armed: true })
    }
}

fn secret() -> Secret {
    Secret::from_hex(&"5a".repeat(32)).unwrap()
}

fn settings(lost_after: Duration) -> ListenSettings {
    let lots = Decimal::from_raw(100_000_000);
    ListenSettings {
        address: "127.0.0.1:0".parse().unwrap(),
        tls: None,
        secret: secret(),
        terms: Terms {
            heartbeat: Duration::from_millis(50),
            lost_after,
            window: 1,
            deadman: Deadman::Enforce,
            caps: Caps { symbols: vec![], order_lots: lots, position_lots: lots, orders_per_minute: 1 },
        },
        handshake_within: PATIENCE,
        lockstep: false,
    }
}

async fn listen(settings: ListenSettings) -> Listening {
    serve(settings, Box::new(Counting(0))).await.unwrap()
}

async fn join(address: SocketAddr) -> BridgeClient {
    BridgeClient::join(address, &secret(), demo_hello()).await.unwrap()
}

async fn happens(listening: &mut Listening) -> LinkEvent {
    timeout(PATIENCE, listening.link.happens.recv()).await.expect("something happens").expect("the link stands")
}

async fn up(listening: &mut Listening) -> crate::link::Established {
    match happens(listening).await {
        LinkEvent::Up(established) => *established,
        other => panic!("expected a session, got {other:?}"),
    }
}

async fn down(listening: &mut Listening) -> String {
    loop {
        match happens(listening).await {
            LinkEvent::Down(why) => return why,
            LinkEvent::Message(_) => {}
            other => panic!("expected an end, got {other:?}"),
        }
    }
}

fn tick(server: i64) -> FromBridge {
    let price = Decimal::from_raw(100_000_000);
    let tick = Tick { server, bid: price, ask: price, last: price, volume: price, flags: 0 };
    FromBridge::Tick(Ticks { symbol: "WINZ26".to_owned(), ticks: vec![tick] })
}

const ALIVE: FromBridge = FromBridge::Heartbeat(BridgeHeartbeat {
    worker_busy_ms: 0,
    terminal_connected: true,
    trade_allowed: true,
    tradeapi_disabled: false,
    killed: false,
    ping_us: None,
    echo_utc: None,
});

fn question() -> FromEngine {
    let (symbol, one) = ("WINZ26".to_owned(), Decimal::from_raw(100_000_000));
    FromEngine::CalcMargin(CalcMargin { symbol, side: OrderSide::Buy, volume: one, price: one })
}

async fn say(listening: &Listening, message: FromEngine) {
    listening.link.out.send(Say { cid: None, message }).await.unwrap();
}

#[tokio::test]
async fn a_bridge_that_ends_is_followed_by_the_next_with_a_greater_epoch() {
    let mut listening = listen(settings(PATIENCE)).await;
    let mut sessions = Vec::new();
    for epoch in 1..=3 {
        let client = join(listening.address).await;
        let established = up(&mut listening).await;
        assert_eq!((established.epoch, established.armed), (epoch, true));
        assert_eq!(established.session, client.auth.as_ref().unwrap().session);
        assert!(!sessions.contains(&established.session), "names are not used again");
        sessions.push(established.session);
        drop(client);
        assert!(down(&mut listening).await.contains("closed the connection"));
    }
}

#[tokio::test]
async fn last_words_are_heard_though_the_bridge_takes_nothing_any_more() {
    let mut listening = listen(settings(PATIENCE)).await;
    let mut client = join(listening.address).await;
    up(&mut listening).await;
    // What it does not read makes the end of its socket a reset, and the engine's next words fail to be written.
    for _ in 0..10 {
        say(&listening, question()).await;
    }
    for at in 0..5 {
        client.say(tick(at)).await.unwrap();
    }
    client.say(FromBridge::Bye(Bye { text: "the market has ended".to_owned() })).await.unwrap();
    drop(client);
    for _ in 0..10 {
        say(&listening, question()).await;
    }
    for expected in 0..5 {
        let LinkEvent::Message(frame) = happens(&mut listening).await else { panic!("{expected} and no more") };
        let FromBridge::Tick(ticks) = frame.message else { panic!("{frame:?}") };
        assert_eq!(ticks.ticks[0].server, expected);
    }
    assert!(down(&mut listening).await.contains("the bridge ended: the market has ended"));
}

#[tokio::test]
async fn a_second_bridge_is_refused_until_the_first_is_lost() {
    let mut listening = listen(settings(Duration::from_secs(2))).await;
    let silent = join(listening.address).await;
    up(&mut listening).await;
    let refused = BridgeClient::join(listening.address, &secret(), demo_hello()).await.unwrap_err();
    assert_eq!(refused.reason, RefuseReason::Busy);
    // It says nothing more, and its socket stays open.
    assert!(down(&mut listening).await.contains("nothing heard for 2000 ms"));
    let mut refused = true;
    for _ in 0..300 {
        match BridgeClient::join(listening.address, &secret(), demo_hello()).await {
            Ok(_) => {
                refused = false;
                break;
            }
            Err(refuse) => assert_eq!(refuse.reason, RefuseReason::Busy),
        }
    }
    assert!(!refused, "the dead one's place is free");
    assert_eq!(up(&mut listening).await.epoch, 2);
    drop(silent);
}

#[tokio::test]
async fn a_slow_engine_stops_the_bridge_and_memory_stays_bounded() {
    let mut listening = listen(settings(PATIENCE)).await;
    let mut client = join(listening.address).await;
    up(&mut listening).await;
    // Nobody takes anything: sooner or later the socket takes nothing more.
    let mut said = 0;
    while timeout(Duration::from_secs(2), client.say(tick(said))).await.is_ok() {
        said += 1;
        assert!(said < 1_000_000, "everything is taken in, wherever it is kept");
    }
    // And then nothing is lost of what was said.
    for expected in 0..said {
        let LinkEvent::Message(frame) = happens(&mut listening).await else { panic!("no gap, no end") };
        let FromBridge::Tick(ticks) = frame.message else { panic!("{frame:?}") };
        assert_eq!(ticks.ticks[0].server, expected);
    }
}

#[tokio::test]
async fn an_engine_that_is_stuck_gives_no_signs_of_life() {
    let mut listening = listen(settings(Duration::from_secs(2))).await;
    let mut client = join(listening.address).await;
    up(&mut listening).await;
    for server in 0..3 {
        client.say(tick(server)).await.unwrap();
    }
    // The first waits for the engine, which does nothing: heartbeats stop.
    let mut beats = 0;
    while let Ok(heard) = timeout(Duration::from_secs(2), client.hear()).await {
        heard.unwrap();
        beats += 1;
        assert!(beats < 200, "heartbeats go on, though the engine does not");
    }
    for _ in 0..3 {
        happens(&mut listening).await;
    }
    let beat = timeout(PATIENCE, client.hear()).await.expect("it lives again").unwrap();
    assert!(matches!(beat.message, FromEngine::Heartbeat(_)));
}

#[tokio::test]
async fn ticks_are_acknowledged_when_the_engine_has_taken_them() {
    let mut quiet = settings(PATIENCE);
    quiet.terms.heartbeat = PATIENCE * 10;
    let mut listening = listen(quiet).await;
    let mut client = join(listening.address).await;
    up(&mut listening).await;
    let tick_frame = client.envelope(tick(1));
    client.say_raw(&crate::codec::encode(&tick_frame).unwrap()).await.unwrap();
    assert!(timeout(Duration::from_millis(300), client.hear()).await.is_err(), "nobody has taken it");
    happens(&mut listening).await;
    let beat = client.hear().await.unwrap();
    assert!(matches!(beat.message, FromEngine::Heartbeat(_)));
    assert_eq!(beat.ack, tick_frame.seq);
}

#[tokio::test]
async fn in_step_a_tick_is_acknowledged_by_the_engines_next_word() {
    let mut quiet = ListenSettings { lockstep: true, ..settings(PATIENCE) };
    quiet.terms.heartbeat = PATIENCE * 10;
    let mut listening = listen(quiet).await;
    let mut client = join(listening.address).await;
    up(&mut listening).await;
    let frame = client.envelope(tick(1));
    client.say_raw(&crate::codec::encode(&frame).unwrap()).await.unwrap();
    happens(&mut listening).await;
    assert!(timeout(Duration::from_millis(300), client.hear()).await.is_err(), "the engine has not answered it");
    say(&listening, FromEngine::Heartbeat(EngineHeartbeat { state: "HALTED".to_owned(), echo_utc: None })).await;
    let beat = client.hear().await.unwrap();
    assert_eq!(beat.ack, frame.seq);
    let FromEngine::Heartbeat(beat) = beat.message else { panic!("{beat:?}") };
    assert_eq!(beat.state, "HALTED");
}

#[tokio::test]
async fn nothing_is_traded_before_the_engine_has_asked_how_things_stand() {
    let mut listening = listen(settings(PATIENCE)).await;
    let mut client = join(listening.address).await;
    up(&mut listening).await;
    let cancel = || FromEngine::OrderCancel(OrderCancel { order: Id(1), magic: Id(2) });
    say(&listening, cancel()).await;
    say(&listening, question()).await;
    assert_eq!(client.hear_word().await.unwrap().message, question(), "questions may be asked");
    let request = FromEngine::ReconcileReq(ReconcileReq { deals_since_server: 0, orders: vec![] });
    say(&listening, request.clone()).await;
    say(&listening, cancel()).await;
    assert_eq!(client.hear_word().await.unwrap().message, request);
    assert_eq!(client.hear_word().await.unwrap().message, cancel());
}

#[tokio::test]
async fn what_was_said_to_nobody_is_not_said_to_the_next() {
    let mut listening = listen(settings(PATIENCE)).await;
    say(&listening, question()).await;
    // It was taken, and dropped.
    while listening.link.out.capacity() < listening.link.out.max_capacity() {
        tokio::task::yield_now().await;
    }
    let mut client = join(listening.address).await;
    up(&mut listening).await;
    let request = FromEngine::ReconcileReq(ReconcileReq { deals_since_server: 0, orders: vec![] });
    say(&listening, request.clone()).await;
    assert_eq!(client.hear_word().await.unwrap().message, request);
}

#[tokio::test]
async fn whoever_says_nothing_is_put_out_and_keeps_nobody_out() {
    let patient = ListenSettings { handshake_within: Duration::from_millis(1_500), ..settings(PATIENCE) };
    let mut listening = listen(patient).await;
    let mut silent = Vec::new();
    for _ in 0..12 {
        silent.push(TcpStream::connect(listening.address).await.unwrap());
    }
    // Behind twelve that say nothing, four at a time.
    let _client = join(listening.address).await;
    up(&mut listening).await;
    let refusal = listening.refusals.borrow().clone().expect("why they were put out");
    assert!(refusal.text.contains("no handshake within 1500 ms"), "{refusal:?}");
}

#[tokio::test]
async fn dropping_the_link_ends_everything() {
    let mut listening = listen(settings(PATIENCE)).await;
    let mut client = join(listening.address).await;
    up(&mut listening).await;
    let address = listening.address;
    drop(listening);
    assert!(matches!(client.hear_word().await.unwrap().message, FromEngine::Bye(_)));
    for _ in 0..3000 {
        if TcpStream::connect(address).await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it still listens");
}

#[tokio::test]
async fn both_sides_give_signs_of_life_for_as_long_as_they_like() {
    let mut listening = listen(settings(Duration::from_secs(3))).await;
    let mut client = join(listening.address).await;
    up(&mut listening).await;
    for _ in 0..80 {
        client.say(ALIVE).await.unwrap();
        assert!(matches!(happens(&mut listening).await, LinkEvent::Message(_)));
        assert!(matches!(client.hear().await.unwrap().message, FromEngine::Heartbeat(_)));
    }
}

#[tokio::test]
async fn beyond_loopback_only_with_a_certificate() {
    let open = |tls| ListenSettings { address: "0.0.0.0:0".parse().unwrap(), tls, ..settings(PATIENCE) };
    let error = serve(open(None), Box::new(Counting(0))).await.unwrap_err();
    assert!(error.to_string().contains("0.0.0.0:0 is not loopback"), "{error}");
    let nowhere = TlsFiles { certificate: PathBuf::from("/nowhere.pem"), key: tls_file("key.pem") };
    let error = serve(open(Some(nowhere)), Box::new(Counting(0))).await.unwrap_err();
    assert!(error.to_string().contains("/nowhere.pem"), "{error}");
    let files = TlsFiles { certificate: tls_file("certificate.pem"), key: tls_file("key.pem") };
    serve(open(Some(files)), Box::new(Counting(0))).await.unwrap();
}

#[tokio::test]
async fn over_tls_everything_is_the_same_and_without_it_nothing_is_heard() {
    let files = TlsFiles { certificate: tls_file("certificate.pem"), key: tls_file("key.pem") };
    let mut listening = listen(ListenSettings { tls: Some(files), ..settings(PATIENCE) }).await;
    let mut plain = BridgeClient::connect(listening.address).await.unwrap();
    plain.say(ALIVE).await.unwrap();
    assert!(plain.hear().await.is_err(), "no challenge in the clear");

    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(tls_file("certificate.pem")).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(listening.address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
    let mut client = BridgeClient::over(Box::new(stream));
    client.shake_hands(&secret(), demo_hello()).await.unwrap();
    up(&mut listening).await;
    for server in 0..100 {
        client.say(tick(server)).await.unwrap();
        assert!(matches!(happens(&mut listening).await, LinkEvent::Message(_)));
    }
    say(&listening, question()).await;
    assert_eq!(client.hear_word().await.unwrap().message, question());
}

fn tls_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls").join(name)
}

#[test]
fn a_secret_is_made_once_and_is_its_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    let (made, new) = Secret::read_or_make(&path).unwrap();
    assert!(new);
    assert_eq!(Secret::read_or_make(&path).unwrap(), (made.clone(), false));
    assert!(matches!(Secret::make(&path), Err(SecretError::File { .. })), "a secret is never written over");
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!((text.len(), Secret::from_hex(text.trim())), (65, Some(made.clone())));
    assert!(!format!("{made:?}").contains(&text[..8]));
    let other = Secret::make(&folder.path().join("other")).unwrap();
    assert_ne!(made, other);

    std::fs::write(&path, "0123\n").unwrap();
    assert_eq!(
        Secret::read(&path).unwrap_err().to_string(),
        format!("secret {}: expected 64 hexadecimal digits on one line, found 4 characters", path.display())
    );
    #[cfg(unix)]
    for mode in [0o640, 0o604, 0o620, 0o601] {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let error = Secret::read(&path).unwrap_err();
        assert!(matches!(error, SecretError::NotPrivate { mode: found, .. } if found == mode), "{error}");
    }
}
