//! Opening a database as it is: with its own instruments and settings, to change what an operator wants changed.

use std::path::Path;

use alavanca_kernel::Money;
use alavanca_ports::StoreError;

use crate::open::Durability;
use crate::reader::RunReader;
use crate::store::{CapitalFacts, SqliteStore, StoreConfig, column, one};

impl SqliteStore {
    /// Opens a database that is there with what it notes of itself: for changes by hand, which wait for the disk. No
    /// engine can have it meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Open`] as [`SqliteStore::open`], and where there is no database.
    pub async fn open_existing(path: &Path) -> Result<Self, StoreError> {
        let reader = RunReader::open(path).await?;
        let config = own_config(&reader).await;
        reader.close().await?;
        Self::open(path, config?).await
    }
}

async fn own_config(reader: &RunReader) -> Result<StoreConfig, StoreError> {
    const FACTS: &str = "SELECT operator_capital, margin_per_contract, max_contracts_cap FROM capital_facts \
                         ORDER BY from_id DESC LIMIT 1";
    let row = one(reader.db(), FACTS, []).await?;
    let row = row.ok_or_else(|| StoreError::Inconsistent("capital_facts is empty".to_owned()))?;
    let capital = CapitalFacts {
        operator_capital: Money::from_cents(column(&row, 0)?),
        margin_per_contract: Money::from_cents(column(&row, 1)?),
        max_contracts_cap: column::<i64>(&row, 2)? as u32,
    };
    let (symbols, policy) = (reader.symbols().to_vec(), reader.policy_facts()?);
    Ok(StoreConfig { durability: Durability::Live, symbols, capital, policy })
}
