//! How the package's structures look on the link.

use alavanca_kernel::Price;
use serde_json::{Value, json};

use super::account::{Account, Deal, Order, Position};
#[allow(clippy::wildcard_imports, reason = "a table of constants")]
use super::number::*;
use super::request::lots;
use super::tape::{Print, Row};

impl Account {
    pub(crate) fn account_info(&self, login: u64, trade_expert: bool) -> Value {
        let settings = &self.settings;
        let (equity, margin) = (self.equity(), self.margin(None));
        let currency = self.symbols.first().map_or("BRL", |symbol| symbol.currency);
        json!({
            "login": login, "trade_mode": if settings.real { 2 } else { 0 }, "leverage": settings.leverage,
            "limit_orders": settings.limit_orders, "margin_so_mode": 0, "trade_allowed": true,
            "trade_expert": trade_expert, "margin_mode": self.mode as i64, "currency_digits": 2,
            "fifo_close": settings.fifo, "balance": self.balance.to_f64(), "credit": 0.0,
            "profit": (equity - self.balance).to_f64(), "equity": equity.to_f64(), "margin": margin.to_f64(),
            "margin_free": (equity - margin).to_f64(), "margin_level": level(equity.to_f64(), margin.to_f64()),
            "margin_so_call": 80.0, "margin_so_so": 50.0, "margin_initial": 0.0, "margin_maintenance": 0.0,
            "assets": 0.0, "liabilities": 0.0, "commission_blocked": 0.0, "name": "Simulated Trader",
            "server": settings.server, "currency": currency, "company": "Simterm",
        })
    }

    pub(crate) fn symbol_info(&self, number: usize, seen: Option<Print>) -> Value {
        let symbol = &self.symbols[number];
        let quote = seen.unwrap_or(Print {
            server_ms: 0,
            bid: Price::default(),
            ask: Price::default(),
            last: Price::default(),
            volume: 0,
        });
        let (bid, ask, last) = (quote.bid.to_f64(), quote.ask.to_f64(), quote.last.to_f64());
        let tick_value = symbol.tick_value().to_f64();
        let contract = lots(symbol.contract_size);
        let exchange = symbol.execution == EXECUTION_EXCHANGE;
        let mut info = json!({
            "custom": false, "chart_mode": i64::from(symbol.stops_by_last()), "select": symbol.selected,
            "visible": symbol.selected, "session_deals": 0, "session_buy_orders": 0, "session_sell_orders": 0,
            "volume": quote.volume, "volumehigh": 0, "volumelow": 0, "time": quote.server_ms / 1_000,
            "digits": symbol.digits, "spread": (quote.ask - quote.bid).raw() / symbol.point.raw(),
            "spread_float": true, "ticks_bookdepth": 10, "trade_calc_mode": if exchange { 33 } else { 0 },
            "trade_mode": symbol.trade_mode, "start_time": 0, "expiration_time": symbol.expires,
            "trade_stops_level": self.settings.stops_level, "trade_freeze_level": self.settings.freeze_level,
            "trade_exemode": symbol.execution, "swap_mode": i64::from(!exchange), "swap_rollover3days": 3,
            "margin_hedged_use_leg": self.mode.hedges(), "expiration_mode": 15, "filling_mode": symbol.filling_mode,
            "order_mode": 127, "order_gtc_mode": if self.mode as i64 == 1 { 2 } else { 0 }, "option_mode": 0,
            "option_right": 0, "bid": bid, "bidhigh": bid, "bidlow": bid, "ask": ask, "askhigh": ask, "asklow": ask,
            "last": last, "lasthigh": last, "lastlow": last, "volume_real": quote.volume as f64,
            "volumehigh_real": 0.0, "volumelow_real": 0.0, "option_strike": 0.0, "point": symbol.point.to_f64(),
            "trade_tick_value": tick_value, "trade_tick_value_profit": tick_value,
            "trade_tick_value_loss": tick_value, "trade_tick_size": symbol.tick_size.to_f64(),
            "trade_contract_size": contract, "trade_accrued_interest": 0.0, "trade_face_value": 0.0,
            "trade_liquidity_rate": 0.0,
        });
        let rest = json!({
            "volume_min": lots(symbol.volume_min), "volume_max": lots(symbol.volume_max),
            "volume_step": lots(symbol.volume_step), "volume_limit": lots(self.settings.volume_limit),
            "swap_long": symbol.swap.0 as f64, "swap_short": symbol.swap.1 as f64, "margin_initial": 0.0,
            "margin_maintenance": 0.0, "session_volume": 0.0, "session_turnover": 0.0, "session_interest": 0.0,
            "session_buy_orders_volume": 0.0, "session_sell_orders_volume": 0.0, "session_open": 0.0,
            "session_close": 0.0, "session_aw": 0.0, "session_price_settlement": 0.0,
            "session_price_limit_min": 0.0, "session_price_limit_max": 0.0, "margin_hedged": contract,
            "price_change": 0.0, "price_volatility": 0.0, "price_theoretical": 0.0, "price_greeks_delta": 0.0,
            "price_greeks_theta": 0.0, "price_greeks_gamma": 0.0, "price_greeks_vega": 0.0,
            "price_greeks_rho": 0.0, "price_greeks_omega": 0.0, "price_sensitivity": 0.0, "basis": "",
            "category": "", "currency_base": symbol.currency_base, "currency_profit": symbol.currency,
            "currency_margin": if exchange { symbol.currency } else { symbol.currency_base }, "bank": "",
            "description": symbol.description, "exchange": if exchange { "BMF" } else { "" }, "formula": "",
            "isin": "", "name": symbol.name, "page": "", "path": symbol.path,
        });
        if let (Some(info), Value::Object(rest)) = (info.as_object_mut(), rest) {
            info.extend(rest);
        }
        info
    }

    pub(crate) fn tick_info(&self, number: usize, quote: &Print) -> Value {
        json!({
            "time": quote.server_ms / 1_000, "bid": quote.bid.to_f64(), "ask": quote.ask.to_f64(),
            "last": quote.last.to_f64(), "volume": quote.volume, "time_msc": quote.server_ms,
            "flags": self.flags(number), "volume_real": quote.volume as f64,
        })
    }

    pub(crate) fn tick_row(&self, number: usize, quote: &Print) -> Value {
        json!([
            quote.server_ms / 1_000,
            quote.bid.to_f64(),
            quote.ask.to_f64(),
            quote.last.to_f64(),
            quote.volume,
            quote.server_ms,
            self.flags(number),
            quote.volume as f64,
        ])
    }

    /// Brazilian servers have been seen to send 1080 with every tick.
    fn flags(&self, number: usize) -> u32 {
        if self.symbols[number].stops_by_last() { 1_080 } else { 134 }
    }

    pub(crate) fn rate_row(&self, number: usize, row: &Row) -> Value {
        json!([
            row.time,
            row.open.to_f64(),
            row.high.to_f64(),
            row.low.to_f64(),
            row.close.to_f64(),
            row.ticks,
            row.spread.raw() / self.symbols[number].point.raw(),
            if self.symbols[number].stops_by_last() { row.volume } else { 0 },
        ])
    }

    pub(crate) fn position_info(&self, position: &Position) -> Value {
        let symbol = &self.symbols[position.symbol];
        let current = self.quote(position.symbol).map(|quote| if position.sign > 0 { quote.bid } else { quote.ask });
        json!({
            "ticket": position.ticket, "time": position.time_ms / 1_000, "time_msc": position.time_ms,
            "time_update": position.update_ms / 1_000, "time_update_msc": position.update_ms,
            "type": i64::from(position.sign < 0), "magic": position.magic, "identifier": position.identifier,
            "reason": position.reason, "volume": lots(position.volume), "price_open": average(position),
            "sl": position.sl.to_f64(), "tp": position.tp.to_f64(),
            "price_current": current.unwrap_or_default().to_f64(), "swap": position.swap.to_f64(),
            "profit": self.open_profit(position).to_f64(), "symbol": symbol.name, "comment": position.comment,
            "external_id": "",
        })
    }

    pub(crate) fn order_info(&self, order: &Order) -> Value {
        let current = self.touch(order.symbol, order.sign()).unwrap_or_default();
        json!({
            "ticket": order.ticket, "time_setup": order.setup_ms / 1_000, "time_setup_msc": order.setup_ms,
            "time_done": order.done_ms / 1_000, "time_done_msc": order.done_ms,
            "time_expiration": order.expiration, "type": order.kind, "type_time": order.time_type,
            "type_filling": order.filling, "state": order.state, "magic": order.magic,
            "position_id": order.position, "position_by_id": order.position_by, "reason": order.reason,
            "volume_initial": lots(order.initial), "volume_current": lots(order.current),
            "price_open": order.price.to_f64(), "sl": order.sl.to_f64(), "tp": order.tp.to_f64(),
            "price_current": current.to_f64(), "price_stoplimit": order.stoplimit.to_f64(),
            "symbol": self.symbols[order.symbol].name, "comment": order.comment,
            "external_id": "",
        })
    }

    pub(crate) fn deal_info(&self, deal: &Deal) -> Value {
        json!({
            "ticket": deal.ticket, "order": deal.order, "time": deal.time_ms / 1_000, "time_msc": deal.time_ms,
            "type": deal.kind, "entry": deal.entry, "magic": deal.magic, "position_id": deal.position,
            "reason": deal.reason, "volume": lots(deal.volume), "price": deal.price.to_f64(),
            "commission": deal.commission.to_f64(), "swap": deal.swap.to_f64(), "profit": deal.profit.to_f64(),
            "fee": deal.fee.to_f64(), "symbol": self.name_of(deal.symbol), "comment": deal.comment,
            "external_id": "",
        })
    }
}

/// In percent; 0 where nothing is bound.
pub(crate) fn level(equity: f64, margin: f64) -> f64 {
    if margin > 0.0 { equity / margin * 100.0 } else { 0.0 }
}

fn average(position: &Position) -> f64 {
    position.cost as f64 / position.volume.max(1) as f64 / Price::SCALE as f64
}
