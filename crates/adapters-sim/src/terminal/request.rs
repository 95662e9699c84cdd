//! `MqlTradeRequest`, as it comes over the link, and what is answered to it.

use alavanca_kernel::Price;
use serde_json::{Value, json};

use super::number::{FILLING_FOK, TIME_GTC};

/// A trade request. What is absent is 0 or empty, as in the structure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) action: i64,
    pub(crate) magic: u64,
    pub(crate) order: u64,
    pub(crate) symbol: String,
    /// 10⁻⁸ lots.
    pub(crate) volume: i64,
    pub(crate) price: Price,
    pub(crate) stoplimit: Price,
    pub(crate) sl: Price,
    pub(crate) tp: Price,
    pub(crate) deviation: u64,
    pub(crate) kind: i64,
    pub(crate) filling: i64,
    pub(crate) time_type: i64,
    pub(crate) expiration: i64,
    pub(crate) comment: String,
    pub(crate) position: u64,
    pub(crate) position_by: u64,
}

/// The package's and the terminal's bound.
const TEXT_MAX: usize = 31;

impl Request {
    /// `None` where it is no trade request: the terminal says −2 to it.
    pub(crate) fn parse(value: &Value) -> Option<Self> {
        let fields = value.as_object()?;
        let mut request = Self { filling: FILLING_FOK, time_type: TIME_GTC, action: -1, ..Self::default() };
        for (name, value) in fields {
            if value.is_null() {
                continue;
            }
            let decimal = || value.as_f64().and_then(Price::from_f64);
            match name.as_str() {
                "action" => request.action = value.as_i64()?,
                "magic" => request.magic = value.as_u64()?,
                "order" => request.order = value.as_u64()?,
                "symbol" => request.symbol = text(value)?,
                "volume" => request.volume = decimal()?.raw(),
                "price" => request.price = decimal()?,
                "stoplimit" => request.stoplimit = decimal()?,
                "sl" => request.sl = decimal()?,
                "tp" => request.tp = decimal()?,
                "deviation" => request.deviation = value.as_u64()?,
                "type" => request.kind = value.as_i64()?,
                "type_filling" => request.filling = value.as_i64()?,
                "type_time" => request.time_type = value.as_i64()?,
                "expiration" => request.expiration = value.as_i64()?,
                "comment" => request.comment = text(value)?,
                "position" => request.position = value.as_u64()?,
                "position_by" => request.position_by = value.as_u64()?,
                _ => return None,
            }
        }
        (request.action >= 0).then_some(request)
    }

    /// As `TradeRequest` names it.
    pub(crate) fn shown(&self) -> Value {
        json!({
            "action": self.action,
            "magic": self.magic,
            "order": self.order,
            "symbol": self.symbol,
            "volume": lots(self.volume),
            "price": self.price.to_f64(),
            "stoplimit": self.stoplimit.to_f64(),
            "sl": self.sl.to_f64(),
            "tp": self.tp.to_f64(),
            "deviation": self.deviation,
            "type": self.kind,
            "type_filling": self.filling,
            "type_time": self.time_type,
            "expiration": self.expiration,
            "comment": self.comment,
            "position": self.position,
            "position_by": self.position_by,
        })
    }
}

fn text(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    (text.encode_utf16().count() <= TEXT_MAX).then(|| text.to_owned())
}

/// A volume as the link writes it.
pub(crate) fn lots(volume: i64) -> f64 {
    Price::from_raw(volume).to_f64()
}

/// `MqlTradeResult`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TradeAnswer {
    pub(crate) retcode: u32,
    pub(crate) deal: u64,
    pub(crate) order: u64,
    pub(crate) volume: i64,
    pub(crate) price: Price,
}

impl TradeAnswer {
    pub(crate) fn refused(retcode: u32) -> Self {
        Self { retcode, ..Self::default() }
    }

    /// Whether the exchange did what was asked, or will.
    pub(crate) const fn is_taken(&self) -> bool {
        matches!(self.retcode, 10008..=10010 | 10025)
    }
}
