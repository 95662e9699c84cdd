use alavanca::settings::{SettingsError, as_dotenv, as_markdown, as_toml};
use alavanca::show;
use clap::Subcommand;
use serde::Serialize;

use super::{SettingsArgs, USAGE, Usage, colour, print, print_json};

/// `alavanca config`.
#[derive(Debug, Subcommand)]
pub(super) enum Config {
    /// Each setting, its value, and where it came from.
    #[command(after_help = "\
Examples:
  alavanca config show
  alavanca config show scalp
  alavanca config show --changed --profile aggressive")]
    Show {
        /// Only settings whose name contains this.
        name: Option<String>,
        /// Only settings that are no defaults.
        #[arg(long)]
        changed: bool,
        #[command(flatten)]
        settings: SettingsArgs,
    },
    /// Whether the settings can be; everything that is wrong with them at once.
    #[command(after_help = "\
Examples:
  alavanca config check
  alavanca config check --config mine.toml --set RL_BATCH_SIZE=20")]
    Check {
        #[command(flatten)]
        settings: SettingsArgs,
    },
    /// All settings with their defaults, explained, as a file to begin from.
    #[command(after_help = "\
Examples:
  alavanca config defaults > alavanca.toml
  alavanca config defaults --dotenv > .env")]
    Defaults {
        /// As .env instead of alavanca.toml.
        #[arg(long)]
        dotenv: bool,
        /// As the reference of all settings, a Markdown page.
        #[arg(long, conflicts_with = "dotenv")]
        markdown: bool,
    },
}

/// What `config check --json` says.
#[derive(Serialize)]
struct Checked {
    ok: bool,
    problems: Vec<String>,
    fingerprint: Option<String>,
}

impl Config {
    pub(super) fn run(self, json: bool) -> anyhow::Result<u8> {
        match self {
            Self::Show { name, changed, settings } => {
                let loaded = settings.load(None)?;
                let wanted = name.as_deref().unwrap_or_default().to_ascii_uppercase();
                let is_wanted = |key: &str| key.to_ascii_uppercase().contains(&wanted);
                let mut rows = loaded.origins;
                rows.retain(|row| is_wanted(&row.key) && !(changed && row.origin == "default"));
                if json {
                    print_json(&rows)?;
                } else if rows.is_empty() && changed {
                    print("All settings are defaults.\n")?;
                } else if rows.is_empty() {
                    return Err(Usage(format!(
                        "no setting's name contains {wanted}; `alavanca config show` lists all"
                    ))
                    .into());
                } else {
                    print(&show::origins(&rows, colour()))?;
                }
                Ok(0)
            }
            Self::Check { settings } => {
                let loaded = settings.load(None);
                if !json {
                    let loaded = loaded?;
                    let changed = loaded.origins.iter().filter(|row| row.origin != "default").count();
                    let all = loaded.origins.len();
                    let fingerprint = loaded.settings.fingerprint();
                    print(&format!(
                        "The settings can be: {changed} of {all} are no defaults.\nfingerprint {fingerprint}\n"
                    ))?;
                    return Ok(0);
                }
                let checked = match loaded {
                    Ok(loaded) => {
                        Checked { ok: true, problems: vec![], fingerprint: Some(loaded.settings.fingerprint()) }
                    }
                    Err(error) => {
                        let problems = error.downcast::<SettingsError>()?.problems;
                        let problems = problems.iter().map(ToString::to_string).collect();
                        Checked { ok: false, problems, fingerprint: None }
                    }
                };
                print_json(&checked)?;
                Ok(if checked.ok { 0 } else { USAGE })
            }
            Self::Defaults { dotenv, markdown } => {
                print(&match (dotenv, markdown) {
                    (_, true) => as_markdown(),
                    (true, _) => as_dotenv(),
                    _ => as_toml(),
                })?;
                Ok(0)
            }
        }
    }
}
