//! What docs/troubleshooting.md shows as output is what its commands print: a `text` fence is held, line by line, against
//! the output of the `sh` fence before it. A line `...` stands for lines that are left out.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::path::Path;
use std::process::Command;

#[test]
fn the_page_shows_what_the_commands_print() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/troubleshooting.md");
    let page = std::fs::read_to_string(page).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (mut printed, mut compared) = (String::new(), 0);
    for (language, content) in fences(&page) {
        match language.as_str() {
            "sh" => printed = run(folder.path(), &content),
            "text" => {
                compared += 1;
                holds(&content, &printed);
            }
            other => panic!("a fence of {other}: the page has sh and text"),
        }
    }
    assert!(compared >= 6, "only {compared} outputs were compared");
}

/// The fences of a page: what they are marked with, and their lines.
fn fences(page: &str) -> Vec<(String, String)> {
    let (mut found, mut open): (Vec<(String, String)>, bool) = (Vec::new(), false);
    for line in page.lines() {
        match line.strip_prefix("```") {
            Some(language) if !open => {
                found.push((language.to_owned(), String::new()));
                open = true;
            }
            Some(_) => open = false,
            None if open => {
                let content = &mut found.last_mut().unwrap().1;
                content.push_str(line);
                content.push('\n');
            }
            None => {}
        }
    }
    found
}

fn run(folder: &Path, commands: &str) -> String {
    let binary = Path::new(env!("CARGO_BIN_EXE_alavanca"));
    let path = format!("{}:{}", binary.parent().unwrap().display(), std::env::var("PATH").unwrap_or_default());
    let output = Command::new("sh")
        .args(["-e", "-c", commands])
        .current_dir(folder)
        .env_clear()
        .env("PATH", path)
        .output()
        .unwrap();
    assert!(output.status.success(), "{commands}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Whether the shown lines are the printed ones, in order, with gaps where the page says so.
#[track_caller]
fn holds(shown: &str, printed: &str) {
    let mut left = printed.lines();
    let mut gap = false;
    for line in shown.lines() {
        if line == "..." {
            gap = true;
            continue;
        }
        let next = if gap { left.find(|printed| *printed == line) } else { left.next() };
        assert_eq!(next, Some(line), "the page shows what is not printed; the command prints\n{printed}");
        gap = false;
    }
    assert!(gap || left.next().is_none(), "the page leaves out lines and does not say so (...):\n{printed}");
}

#[test]
fn an_output_that_is_not_the_commands_is_found() {
    holds("a\n...\nc\n", "a\nb\nc\n");
    for (shown, printed) in
        [("a\nc\n", "a\nb\nc\n"), ("a\n", "a\nb\n"), ("...\nx\n", "a\nb\n"), ("b\na\n...\n", "a\nb\n")]
    {
        let (shown, printed) = (shown.to_owned(), printed.to_owned());
        assert!(std::panic::catch_unwind(move || holds(&shown, &printed)).is_err());
    }
}
