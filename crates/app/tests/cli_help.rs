//! Every command says what it is and shows how it is called.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::process::Command;

fn help(command: &[String]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_alavanca")).args(command).arg("--help").env_clear().output().unwrap();
    assert!(output.status.success(), "{command:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The names below `Commands:`.
fn below(help: &str) -> Vec<&str> {
    let Some((_, after)) = help.split_once("\nCommands:\n") else { return Vec::new() };
    let lines = after.lines().take_while(|line| !line.is_empty());
    let named = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    named.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").collect()
}

/// The commands without commands below them.
fn leaves(command: &[String], found: &mut Vec<(Vec<String>, String)>) {
    let help = help(command);
    let names = below(&help);
    for name in &names {
        leaves(&[command, &[(*name).to_owned()]].concat(), found);
    }
    if names.is_empty() {
        found.push((command.to_vec(), help));
    }
}

#[test]
fn every_command_has_examples_that_call_it() {
    let mut found = Vec::new();
    leaves(&[], &mut found);
    assert!(found.len() > 40, "{} commands", found.len());
    for (command, help) in found {
        let called = format!("\n  alavanca {}", command.join(" "));
        let examples = help.split_once("\nExamples:").map(|(_, after)| after);
        assert!(examples.is_some_and(|text| text.contains(&called)), "{command:?} has no example of itself:\n{help}");
    }
}
