//! All settings as commented files, for people to begin from.

use std::fmt::Write as _;

use super::costs::COST_FIELDS;
use super::instrument::FIELDS;
use super::key::{KEYS, Key};

/// `alavanca.toml` with every setting at its default, commented out.
pub fn as_toml() -> String {
    let mut text = String::from(
        "# Alavanca's settings with their defaults. Copy this file to alavanca.toml and uncomment what is to differ.\n\
         # Later layers win: defaults, alavanca.toml, --profile, .env, environment, --set KEY=VALUE.\n\
         # `alavanca config show` says what holds and where it came from; `alavanca config check` whether it can be.\n",
    );
    sections(&mut text, |key| {
        let plain = ["true", "false"].contains(&key.default) || is_number(key.default);
        let quote = if plain { "" } else { "\"" };
        format!("#{} = {quote}{}{quote}", key.name, key.default)
    });
    text.push_str(
        "\n\n# ---- Instruments ----\n\n\
         # Symbols without a preset (presets are WIN, WDO, DOL, EURUSD), and presets with other values: a section for a\n\
         # preset holds for all its codes (WINZ26, WIN$N), one for a code for that code alone.\n\
         #[instrument.PETR4]\n",
    );
    for field in FIELDS {
        let example = match field.name {
            "point" | "tick" | "spread" => "0.01",
            "point_value" => "0.01",
            "lots_per_contract" => "1",
            "digits" => "2",
            "currency" => "\"BRL\"",
            "source" => "\"LAST\"",
            "broker_margin" => "10.00",
            "exchange_fee" => "0.05",
            "brokerage" | "slippage" => "0",
            "scalp_tp_points" => "20",
            "scalp_sl_points" => "10",
            _ => "\"B3\"",
        };
        let default = field.default.map_or_else(|| "needed".to_owned(), |default| format!("default {default}"));
        let _ = writeln!(text, "#{} = {example}  # {} ({default})", field.name, field.about.trim_end_matches('.'));
    }
    text.push_str("\n# From a trading day on, for what it says:\n#[instrument.PETR4.costs.2025-03-06]\n");
    for field in COST_FIELDS {
        let example = if field.name == "exchange_fee" { "0.06" } else { "0.02" };
        let _ = writeln!(text, "#{} = {example}  # {}", field.name, field.about.trim_end_matches('.'));
    }
    text
}

/// `.env` with every setting at its default, commented out.
pub fn as_dotenv() -> String {
    let mut text = String::from(
        "# Alavanca's settings with their defaults. Copy this file to .env and uncomment what is to differ.\n\
         # It comes after alavanca.toml and --profile, and before the environment and --set KEY=VALUE.\n",
    );
    sections(&mut text, |key| format!("#{}={}", key.name, key.default));
    text
}

/// The reference: every setting with its default, by section, as a Markdown page.
pub fn as_markdown() -> String {
    let mut text = String::from(
        "# Settings\n\n\
         Written by `alavanca config defaults --markdown`; a test holds it against the program.\n\n\
         Later places win: defaults, `alavanca.toml`, `--profile`, `.env`, the environment, `--set KEY=VALUE`.\n\
         `alavanca config show` says what holds and where it came from. The value `none` switches an optional limit off.\n",
    );
    let mut section = "";
    for key in KEYS {
        if key.section != section {
            section = key.section;
            let _ = write!(text, "\n## {section}\n\n| setting | default | what it is |\n|---|---|---|\n");
        }
        let _ = writeln!(text, "| `{}` | `{}` | {} |", key.name, key.default, key.about.replace('|', "\\|"));
    }
    text.push_str(
        "\n## Instruments\n\n\
         A section `[instrument.NAME]` of `alavanca.toml` describes a symbol that is no preset (presets are WIN, WDO, DOL and\n\
         EURUSD), or changes a preset. A section for a preset holds for all its codes (`WINZ26`, `WIN$N`), one for a code for\n\
         that code alone.\n\n| field | default | what it is |\n|---|---|---|\n",
    );
    for field in FIELDS {
        let default = field.default.map_or_else(|| "needed".to_owned(), |default| format!("`{default}`"));
        let _ = writeln!(text, "| `{}` | {default} | {} |", field.name, field.about);
    }
    text.push_str(
        "\nCosts change with time. A table `[instrument.NAME.costs.2025-03-06]` holds from that trading day on, for the\n\
         lines that it has; on a day, each figure is that of the newest table up to it that says it, else the section's, else\n\
         the preset's of that day. As a flag: `--set instrument.WIN.costs.2025-03-06.exchange_fee=0.26`.\n\n\
         | line of dated costs | what it is |\n|---|---|\n",
    );
    for field in COST_FIELDS {
        let _ = writeln!(text, "| `{}` | {} |", field.name, field.about);
    }
    text
}

fn sections(text: &mut String, line: impl Fn(&Key) -> String) {
    let mut section = "";
    for key in KEYS {
        if key.section != section {
            section = key.section;
            let _ = write!(text, "\n\n# ---- {section} ----\n");
        }
        let _ = write!(text, "\n# {}\n{}\n", key.about, line(key));
    }
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit() || b == b'.') && text.parse::<f64>().is_ok()
}
