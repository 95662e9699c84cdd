use clap::Subcommand;

use super::import_python::ImportPython;

/// `alavanca db`.
#[derive(Debug, Subcommand)]
pub(super) enum Db {
    /// Take over the six tables of an existing trading.db of the Python version.
    ImportPython(ImportPython),
}

impl Db {
    pub(super) fn run(self, json: bool) -> anyhow::Result<u8> {
        match self {
            Self::ImportPython(import) => import.run(json),
        }
    }
}
