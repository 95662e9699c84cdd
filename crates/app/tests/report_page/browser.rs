//! A headless Chromium, spoken to by the DevTools protocol over its pipe: JSON messages, each ended by a NUL. Whatever it
//! does, nothing waits for it longer than [`PATIENCE`], and none is left behind.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// The longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(20);

/// A browser with one page, ended when it is dropped.
pub(crate) struct Browser {
    child: Child,
    to: File,
    /// Held to wake the reader at the end.
    from: File,
    messages: Receiver<Value>,
    calls: u64,
    session: Option<String>,
    events: Vec<Value>,
    _folder: tempfile::TempDir,
}

/// What a page is looked at with.
#[derive(Clone, Copy)]
pub(crate) struct Look {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) dark: bool,
    pub(crate) language: &'static str,
}

impl Browser {
    /// Starts one, or says loudly that there is none; with `CI=true` there has to be one.
    pub(crate) fn start() -> Option<Self> {
        let answers = Command::new("chromium").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !answers.is_ok_and(|status| status.success()) {
            let asked = std::env::var_os("CI").is_some_and(|value| value == "true");
            assert!(!asked, "chromium is not installed: `cargo xtask setup` installs it");
            eprintln!(
                "SKIPPED: chromium is not installed (`cargo xtask setup`): nobody has looked at the report's page"
            );
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let fifo = |name: &str| {
            let path = folder.path().join(name);
            assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
            // Both ways, so that opening waits for nobody.
            File::options().read(true).write(true).open(&path).unwrap()
        };
        let (to, from) = (fifo("in"), fifo("out"));
        let command = "exec chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
                       --disable-background-networking --disable-component-update --disable-sync \
                       --disable-dev-shm-usage --user-data-dir=profile --remote-debugging-pipe about:blank 3<in 4>out";
        let child = Command::new("sh")
            .args(["-c", command])
            .current_dir(folder.path())
            .env("HOME", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        let (tell, messages) = channel();
        let source = from.try_clone().unwrap();
        std::thread::spawn(move || read(source, &tell));
        let mut browser =
            Self { child, to, from, messages, calls: 0, session: None, events: Vec::new(), _folder: folder };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"}))["targetId"].clone();
        let attached = browser.call("Target.attachToTarget", json!({"targetId": target, "flatten": true}));
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Network", "Log"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        Some(browser)
    }

    /// Opens a file and waits until its script is done. Says how long that took.
    pub(crate) fn open(&mut self, file: &Path, look: Look) -> Duration {
        self.look(look);
        self.call("Emulation.setUserAgentOverride", json!({"userAgent": "", "acceptLanguage": look.language}));
        let address = format!("file://{}", file.canonicalize().unwrap().display());
        let begun = Instant::now();
        let answer = self.call("Page.navigate", json!({"url": address}));
        assert!(answer["errorText"].is_null(), "{answer}");
        let ready = "location.protocol === 'file:' && document.readyState === 'complete' \
                     && !document.documentElement.classList.contains('wait')";
        while self.eval(ready) != json!(true) {
            let console = self.complaints();
            assert!(begun.elapsed() < PATIENCE, "the page is not ready after {PATIENCE:?}: {console:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
        begun.elapsed()
    }

    /// Changes size, dress and so on of the page that is open.
    pub(crate) fn look(&mut self, look: Look) {
        let Look { width, height, dark, .. } = look;
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500});
        self.call("Emulation.setDeviceMetricsOverride", size);
        let scheme = if dark { "dark" } else { "light" };
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.call("Emulation.setEmulatedMedia", media);
    }

    /// The value of an expression in the page. Promises are waited for.
    pub(crate) fn eval(&mut self, expression: &str) -> Value {
        let asked = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let answer = self.call("Runtime.evaluate", asked);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {}", answer["exceptionDetails"]);
        answer["result"]["value"].clone()
    }

    /// What the page said that it should not have: errors on its console, exceptions, refused requests.
    pub(crate) fn complaints(&mut self) -> Vec<String> {
        self.drain();
        let complaint = |event: &Value| {
            let params = &event["params"];
            match event["method"].as_str()? {
                "Runtime.exceptionThrown" => Some(params["exceptionDetails"].to_string()),
                "Runtime.consoleAPICalled" if params["type"] == "error" || params["type"] == "warning" => {
                    Some(params["args"].to_string())
                }
                "Log.entryAdded" if params["entry"]["level"] != "verbose" => Some(params["entry"].to_string()),
                _ => None,
            }
        };
        self.events.iter().filter_map(complaint).collect()
    }

    /// Every address that was asked for, whatever became of it.
    pub(crate) fn requests(&mut self) -> Vec<String> {
        self.drain();
        let is_request = |event: &&Value| event["method"] == "Network.requestWillBeSent";
        let address = |event: &Value| event["params"]["request"]["url"].as_str().map(str::to_owned);
        self.events.iter().filter(is_request).filter_map(address).collect()
    }

    /// Presses a key, such as `Tab`.
    pub(crate) fn press(&mut self, key: &str) {
        for kind in ["keyDown", "keyUp"] {
            let code = if key == "Tab" { 9 } else { 0 };
            self.call("Input.dispatchKeyEvent", json!({"type": kind, "key": key, "windowsVirtualKeyCode": code}));
        }
    }

    /// The answer to a call.
    fn call(&mut self, method: &str, params: Value) -> Value {
        self.try_call(method, params).unwrap_or_else(|why| panic!("{method}: {why}"))
    }

    /// The answer to a call, or why there is none.
    pub(crate) fn try_call(&mut self, method: &str, params: Value) -> Result<Value, String> {
        self.calls += 1;
        let mut call = json!({"id": self.calls, "method": method, "params": params});
        if let Some(session) = &self.session {
            call["sessionId"] = json!(session);
        }
        let text = format!("{call}\0");
        self.to.write_all(text.as_bytes()).map_err(|error| error.to_string())?;
        let until = Instant::now() + PATIENCE;
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(format!("chromium has ended ({status})"));
            }
            match self.messages.recv_timeout(Duration::from_millis(200)) {
                Ok(message) if message["id"] == json!(self.calls) => {
                    return match message.get("error") {
                        Some(error) => Err(error.to_string()),
                        None => Ok(message["result"].clone()),
                    };
                }
                Ok(event) => self.events.push(event),
                Err(RecvTimeoutError::Timeout) if Instant::now() < until => {}
                Err(RecvTimeoutError::Timeout) => return Err(format!("no answer within {PATIENCE:?}")),
                Err(RecvTimeoutError::Disconnected) => return Err("chromium closed its pipe".to_owned()),
            }
        }
    }

    fn drain(&mut self) {
        self.events.extend(self.messages.try_iter());
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(&mut self) {
        // The group: a browser is many processes.
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.kill();
        let _ = self.from.write_all(b"\0");
    }
}

/// Hands on messages until an empty one.
fn read(mut source: File, tell: &Sender<Value>) {
    let (mut waiting, mut part) = (Vec::new(), vec![0_u8; 65_536]);
    while let Ok(read @ 1..) = source.read(&mut part) {
        waiting.extend_from_slice(&part[..read]);
        while let Some(end) = waiting.iter().position(|&byte| byte == 0) {
            let message: Vec<u8> = waiting.drain(..=end).collect();
            if end == 0 {
                return;
            }
            if let Ok(message) = serde_json::from_slice(&message[..end])
                && tell.send(message).is_err()
            {
                return;
            }
        }
    }
}
