//! The shell: sockets, threads and the clock around a [`Terminal`].

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Step, Terminal};

/// A terminal that listens.
#[derive(Clone, Debug)]
pub struct Serving {
    shared: Arc<Shared>,
    address: SocketAddr,
}

#[derive(Debug)]
struct Shared {
    terminal: Mutex<Terminal>,
    began: Instant,
    /// Something happened.
    moved: Condvar,
    /// Somebody said `quit`, and has been answered.
    over: AtomicBool,
}

impl Shared {
    fn terminal(&self) -> MutexGuard<'_, Terminal> {
        let mut terminal = self.terminal.lock().unwrap_or_else(PoisonError::into_inner);
        terminal.real_time(u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX));
        terminal
    }
}

impl Serving {
    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The exchange's own statement.
    pub fn books(&self) -> Value {
        self.shared.terminal().books()
    }

    /// A number that grows whenever the statement changes.
    pub fn changes(&self) -> u64 {
        self.shared.terminal().changes()
    }

    /// Whether somebody said `quit`.
    pub fn has_quit(&self) -> bool {
        self.shared.over.load(Ordering::SeqCst)
    }

    /// Blocks until somebody says `quit`, or for that long; whether it was said.
    pub fn wait(&self, longest: Duration) -> bool {
        let terminal = self.shared.terminal();
        let waited = self.shared.moved.wait_timeout_while(terminal, longest, |_| !self.has_quit());
        drop(waited.map_err(PoisonError::into_inner));
        self.has_quit()
    }
}

/// Serves a terminal on a listener, with a thread for each connection, until the program ends. `speed` lets market time
/// run so many times as fast as the clock; without it the market is pulled or driven.
pub fn serve(terminal: Terminal, listener: TcpListener, speed: Option<f64>) -> std::io::Result<Serving> {
    let address = listener.local_addr()?;
    let shared = Arc::new(Shared {
        terminal: Mutex::new(terminal),
        began: Instant::now(),
        moved: Condvar::new(),
        over: AtomicBool::new(false),
    });
    let serving = Serving { shared: Arc::clone(&shared), address };
    let accepts = Arc::clone(&shared);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let shared = Arc::clone(&accepts);
            thread::spawn(move || {
                let client = shared.terminal().join();
                // A client that is gone needs no word.
                let _ = converse(&shared, client, stream);
                shared.terminal().leave(client);
            });
        }
    });
    if let Some(speed) = speed {
        thread::spawn(move || run(&shared, speed));
    }
    Ok(serving)
}

/// One client: a line in, a line out.
fn converse(shared: &Shared, client: u64, stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut out = stream.try_clone()?;
    for line in BufReader::new(stream).lines() {
        let line = line?;
        let mut step = shared.terminal().receive(client, &line);
        shared.moved.notify_all();
        loop {
            match step {
                Step::Answer { after_ms, line } => {
                    thread::sleep(Duration::from_millis(after_ms));
                    let mut bytes = line.to_string().into_bytes();
                    bytes.push(b'\n');
                    out.write_all(&bytes)?;
                    if shared.terminal().has_quit() {
                        shared.over.store(true, Ordering::SeqCst);
                        shared.moved.notify_all();
                    }
                    break;
                }
                Step::Wait { ms, call, whole } => {
                    let held = whole.then(|| shared.terminal());
                    thread::sleep(Duration::from_millis(ms));
                    step = held.unwrap_or_else(|| shared.terminal()).resume(client, &call);
                    shared.moved.notify_all();
                }
                Step::Idle { ms, line } => step = idle(shared, client, ms, line),
                Step::Break => {
                    out.shutdown(std::net::Shutdown::Both)?;
                    return Ok(());
                }
                Step::Mute => break,
            }
        }
    }
    Ok(())
}

/// Waits for an event.
fn idle(shared: &Shared, client: u64, ms: u64, line: Value) -> Step {
    let until = Instant::now() + Duration::from_millis(ms);
    let mut terminal = shared.terminal();
    loop {
        if let Some(event) = terminal.take_event(client) {
            let mut line = line;
            line["ok"] = event;
            return Step::Answer { after_ms: 0, line };
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Step::Answer { after_ms: 0, line };
        }
        terminal = match shared.moved.wait_timeout(terminal, left) {
            Ok((terminal, _)) => terminal,
            Err(poisoned) => poisoned.into_inner().0,
        };
    }
}

/// Lets market time follow the clock.
fn run(shared: &Shared, speed: f64) {
    let (begin, begin_ms) = (Instant::now(), shared.terminal().server_ms());
    loop {
        thread::sleep(Duration::from_millis(4));
        let passed = begin.elapsed().as_secs_f64() * 1_000.0 * speed;
        shared.terminal().run_to(begin_ms + passed as i64);
        shared.moved.notify_all();
    }
}
