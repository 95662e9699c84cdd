use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, print};

/// `alavanca completions`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  alavanca completions bash > ~/.local/share/bash-completion/completions/alavanca
  alavanca completions zsh > \"${fpath[1]}/_alavanca\"
  alavanca completions powershell >> $PROFILE")]
pub(super) struct Completions {
    /// The shell.
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self) -> anyhow::Result<u8> {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "alavanca", &mut text);
        print(&String::from_utf8(text)?)?;
        Ok(0)
    }
}

/// `alavanca man`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  alavanca man | man -l -
  alavanca man --out ~/.local/share/man/man1")]
pub(super) struct Man {
    /// A folder that gets a page for each command.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

impl Man {
    pub(super) fn run(self) -> anyhow::Result<u8> {
        let Some(folder) = self.out else {
            let mut text = Vec::new();
            clap_mangen::Man::new(Cli::command()).render(&mut text)?;
            print(&String::from_utf8(text)?)?;
            return Ok(0);
        };
        let shown = folder.display();
        std::fs::create_dir_all(&folder).with_context(|| format!("{shown}: the folder cannot be made"))?;
        clap_mangen::generate_to(Cli::command(), &folder)
            .with_context(|| format!("{shown}: the pages cannot be written; name a folder that you may write to"))?;
        print(&format!("The manual pages are in {shown}.\n"))?;
        Ok(0)
    }
}
