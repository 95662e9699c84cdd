//! The exchange's own statement: what really happened, whatever anybody was told.

use alavanca_kernel::Money;
use serde_json::{Value, json};

use super::account::Account;
use super::clock::Shown;
use super::number::{DEAL_BALANCE, DEAL_COMMISSION, REASON_EXPERT};
use super::request::lots;

impl Account {
    /// All of it as one value; `seconds` and money are exact.
    pub(crate) fn books(&self) -> Value {
        let trades = || self.deals.iter().filter(|deal| deal.kind != DEAL_BALANCE);
        let sum = |of: fn(&super::account::Deal) -> Money| trades().map(of).sum::<Money>();
        let begin: Money =
            self.deals.iter().filter(|deal| deal.kind == DEAL_BALANCE).map(super::account::Deal::net).sum();
        let net = sum(super::account::Deal::net);
        let sends: serde_json::Map<String, Value> = self
            .sends
            .iter()
            .map(|(magic, sends)| {
                // Stops and targets carry the magic of what they end; they are nobody's order.
                let of_magic = |deal: &&super::account::Deal| {
                    deal.magic == *magic && deal.kind != DEAL_COMMISSION && deal.reason == REASON_EXPERT
                };
                let volume: i64 = trades().filter(of_magic).map(|deal| deal.volume).sum();
                let deals: Vec<u64> = trades().filter(of_magic).map(|deal| deal.ticket).collect();
                let shown = json!({
                    "calls": sends.called, "sends": sends.reached, "executed": sends.executed, "retcodes": sends.retcodes,
                    "symbol": sends.symbol, "volume": lots(volume), "deals": deals,
                });
                (magic.to_string(), shown)
            })
            .collect();
        let doubled = |of: fn(&super::account::Sends) -> u32| -> Vec<u64> {
            self.sends.iter().filter(|(_, sends)| of(sends) > 1).map(|(magic, _)| *magic).collect()
        };
        let naked = || self.naked.iter().map(|naked| (naked, naked.to_ms.unwrap_or(self.now_ms) - naked.from_ms));
        let by_symbol: serde_json::Map<String, Value> = self
            .symbols
            .iter()
            .enumerate()
            .filter_map(|(number, symbol)| {
                let of: Vec<i64> = naked().filter(|(naked, _)| naked.symbol == number).map(|(_, ms)| ms).collect();
                let longest = of.iter().max()?;
                Some((symbol.name.clone(), json!({ "total_ms": of.iter().sum::<i64>(), "longest_ms": longest })))
            })
            .collect();
        let intervals: Vec<Value> = naked()
            .map(|(naked, ms)| {
                json!({
                    "symbol": self.symbols[naked.symbol].name, "position": naked.position, "from_msc": naked.from_ms,
                    "to_msc": naked.to_ms, "ms": ms, "from": Shown(naked.from_ms).to_string(),
                })
            })
            .collect();
        json!({
            "server_msc": self.now_ms,
            "server_time": Shown(self.now_ms).to_string(),
            "account_mode": self.mode as i64,
            "balance_begin": begin.to_string(),
            "balance": self.balance.to_string(),
            "equity": self.equity().to_string(),
            "gross": sum(|deal| deal.profit).to_string(),
            "commission": (sum(|deal| deal.commission) + sum(|deal| deal.fee)).to_string(),
            "swap": sum(|deal| deal.swap).to_string(),
            "net": net.to_string(),
            "deals": self.deals.iter().map(|deal| self.deal_info(deal)).collect::<Vec<_>>(),
            "positions": self.positions.values().map(|position| self.position_info(position)).collect::<Vec<_>>(),
            "orders": self.orders.values().map(|order| self.order_info(order)).collect::<Vec<_>>(),
            "sends": sends,
            "called_more_than_once": doubled(|sends| sends.called),
            "sent_more_than_once": doubled(|sends| sends.reached),
            "executed_more_than_once": doubled(|sends| sends.executed),
            "naked": { "by_symbol": by_symbol, "intervals": intervals },
        })
    }
}
