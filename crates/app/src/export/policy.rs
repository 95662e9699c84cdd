//! The policy as it is served: one row for each arm that was touched.

use alavanca_adapters_sqlite::RunReader;
use alavanca_kernel::{StateKey, SymbolId};
use alavanca_ports::{Cell, Kind, StoreError};
use alavanca_rl::PolicyRow;

use super::field::{Field, Fields, SHARE, count, option, symbol, text};

/// An arm with what its table says.
#[derive(Debug, Clone)]
pub(super) struct Served {
    pub row: PolicyRow,
    pub state: StateKey,
    pub prior: (f64, f64),
    pub frozen: bool,
    pub version: u64,
}

/// The arms that are served, by regime, then as in the regime's table.
pub(super) async fn served(reader: &RunReader, symbol: Option<SymbolId>) -> Result<Vec<Served>, StoreError> {
    let Some(restored) = reader.restored().await? else { return Ok(Vec::new()) };
    let (frozen, version) = (restored.checkpoint.frozen, restored.checkpoint.policy_version);
    let mut served = Vec::new();
    for table in restored.policy {
        let (prior, frozen) = ((table.prior_alpha, table.prior_beta), frozen.contains(table.regime));
        for row in table.rows.into_iter().filter(|row| symbol.is_none() || row.symbol == symbol) {
            let unknown = || StoreError::Inconsistent(format!("no state has the name {}", row.state_hash));
            let state = row.state_hash.find().ok_or_else(unknown)?;
            served.push(Served { row, state, prior, frozen, version });
        }
    }
    served.sort_by_key(|served| (served.row.regime, served.row.symbol, served.state, served.row.action));
    Ok(served)
}

pub(super) fn fields() -> Vec<Field<Served>> {
    let mut fields: Fields<Served> = Fields(Vec::new());
    fields.add("regime", Kind::Text, "", "The regime", |p, _| text(p.row.regime.as_str()));
    fields.add("symbol", Kind::Text, "", "The instrument; absent where symbols share the policy", |p, frame| {
        option(p.row.symbol, |of| symbol(of, frame))
    });
    fields.add_state(|p| p.state);
    fields.add("action", Kind::Text, "", "The action", |p, _| text(p.row.action.as_str()));
    fields.add("alpha", Kind::Real, "", "Prior plus evidence for", |p, _| Cell::Real(p.row.alpha));
    fields.add("beta", Kind::Real, "", "Prior plus evidence against", |p, _| Cell::Real(p.row.beta));
    fields.add("mean_value", Kind::Real, SHARE, "alpha / (alpha + beta)", |p, _| Cell::Real(p.row.mean_value()));
    fields.add("count", Kind::Count, "", "Rewards learned", |p, _| count(p.row.count));
    fields.add("total_reward", Kind::Decimal(6), "", "Their sum", |p, _| Cell::Number(p.row.total_reward_micros));
    fields.add("prior_alpha", Kind::Real, "", "Alpha of an action that nothing is known of", |p, _| {
        Cell::Real(p.prior.0)
    });
    fields
        .add("prior_beta", Kind::Real, "", "Beta of an action that nothing is known of", |p, _| Cell::Real(p.prior.1));
    fields.add("frozen", Kind::Flag, "", "Whether the regime has stopped learning", |p, _| Cell::Flag(p.frozen));
    fields.add("policy_version", Kind::Count, "", "The served policy's version", |p, _| count(p.version));
    fields.0
}
