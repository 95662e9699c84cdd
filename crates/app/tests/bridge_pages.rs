//! What is written about the bridges agrees with the engine that they dial.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::Path;

/// Each place that tells a user where the engine listens, or dials it by default.
const PLACES: [(&str, &str); 6] = [
    ("config/default.toml", "#MT5_LISTEN = \"127.0.0.1:"),
    ("bridge/mql5/Alavanca.mq5", "EnginePort = "),
    ("bridge/python/src/alavanca_bridge/cli.py", "--engine 127.0.0.1:"),
    ("bridge/python/README.md", "--engine 127.0.0.1:"),
    ("docs/book/src/guide/sidecar.md", "--engine 127.0.0.1:"),
    ("docs/book/src/guide/expert-advisor.md", "`EngineHost`, `EnginePort` | 127.0.0.1, "),
];

#[test]
fn every_page_names_the_port_where_the_engine_listens() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut named: Vec<(String, &str)> = Vec::new();
    for (path, before) in PLACES {
        let text = fs::read_to_string(root.join(path)).unwrap();
        let found: Vec<&str> = text.split(before).skip(1).collect();
        assert!(!found.is_empty(), "{path} has no `{before}`");
        for after in found {
            named.push((after.chars().take_while(char::is_ascii_digit).collect(), path));
        }
    }
    let (port, _) = named[0].clone();
    for (other, path) in named {
        assert_eq!(other, port, "{path} names another port than MT5_LISTEN's default");
    }
}
