//! MetaTrader's numbers: actions, types, states, return codes. The names are its own.

pub(crate) const ACTION_DEAL: i64 = 1;
pub(crate) const ACTION_PENDING: i64 = 5;
pub(crate) const ACTION_SLTP: i64 = 6;
pub(crate) const ACTION_MODIFY: i64 = 7;
pub(crate) const ACTION_REMOVE: i64 = 8;
pub(crate) const ACTION_CLOSE_BY: i64 = 10;

pub(crate) const ORDER_BUY: i64 = 0;
pub(crate) const ORDER_SELL: i64 = 1;
pub(crate) const ORDER_BUY_LIMIT: i64 = 2;
pub(crate) const ORDER_SELL_LIMIT: i64 = 3;
pub(crate) const ORDER_BUY_STOP: i64 = 4;
pub(crate) const ORDER_SELL_STOP: i64 = 5;
pub(crate) const ORDER_BUY_STOP_LIMIT: i64 = 6;
pub(crate) const ORDER_SELL_STOP_LIMIT: i64 = 7;
pub(crate) const ORDER_CLOSE_BY: i64 = 8;

pub(crate) const STATE_PLACED: i64 = 1;
pub(crate) const STATE_CANCELED: i64 = 2;
pub(crate) const STATE_PARTIAL: i64 = 3;
pub(crate) const STATE_FILLED: i64 = 4;
pub(crate) const STATE_REJECTED: i64 = 5;
pub(crate) const STATE_EXPIRED: i64 = 6;

pub(crate) const TIME_GTC: i64 = 0;
pub(crate) const TIME_DAY: i64 = 1;
pub(crate) const TIME_SPECIFIED: i64 = 2;
pub(crate) const TIME_SPECIFIED_DAY: i64 = 3;

pub(crate) const FILLING_FOK: i64 = 0;
pub(crate) const FILLING_IOC: i64 = 1;
pub(crate) const FILLING_RETURN: i64 = 2;

pub(crate) const EXECUTION_INSTANT: i64 = 1;
pub(crate) const EXECUTION_MARKET: i64 = 2;
pub(crate) const EXECUTION_EXCHANGE: i64 = 3;

pub(crate) const TRADE_DISABLED: i64 = 0;
pub(crate) const TRADE_LONGONLY: i64 = 1;
pub(crate) const TRADE_SHORTONLY: i64 = 2;
pub(crate) const TRADE_CLOSEONLY: i64 = 3;
pub(crate) const TRADE_FULL: i64 = 4;

pub(crate) const DEAL_BALANCE: i64 = 2;
pub(crate) const DEAL_COMMISSION: i64 = 7;

pub(crate) const ENTRY_IN: i64 = 0;
pub(crate) const ENTRY_OUT: i64 = 1;
pub(crate) const ENTRY_INOUT: i64 = 2;
pub(crate) const ENTRY_OUT_BY: i64 = 3;

pub(crate) const REASON_CLIENT: i64 = 0;
pub(crate) const REASON_EXPERT: i64 = 3;
pub(crate) const REASON_SL: i64 = 4;
pub(crate) const REASON_TP: i64 = 5;
pub(crate) const REASON_SO: i64 = 6;

pub(crate) const TRANSACTION_ORDER_ADD: i64 = 0;
pub(crate) const TRANSACTION_ORDER_UPDATE: i64 = 1;
pub(crate) const TRANSACTION_ORDER_DELETE: i64 = 2;
pub(crate) const TRANSACTION_HISTORY_ADD: i64 = 3;
pub(crate) const TRANSACTION_DEAL_ADD: i64 = 6;
pub(crate) const TRANSACTION_POSITION: i64 = 9;
pub(crate) const TRANSACTION_REQUEST: i64 = 10;

pub(crate) const REQUOTE: u32 = 10004;
pub(crate) const REJECT: u32 = 10006;
pub(crate) const PLACED: u32 = 10008;
pub(crate) const DONE: u32 = 10009;
pub(crate) const DONE_PARTIAL: u32 = 10010;
pub(crate) const INVALID: u32 = 10013;
pub(crate) const INVALID_VOLUME: u32 = 10014;
pub(crate) const INVALID_PRICE: u32 = 10015;
pub(crate) const INVALID_STOPS: u32 = 10016;
pub(crate) const TRADE_IS_DISABLED: u32 = 10017;
pub(crate) const MARKET_CLOSED: u32 = 10018;
pub(crate) const NO_MONEY: u32 = 10019;
pub(crate) const PRICE_OFF: u32 = 10021;
pub(crate) const INVALID_EXPIRATION: u32 = 10022;
pub(crate) const NO_CHANGES: u32 = 10025;
pub(crate) const SERVER_DISABLES_AT: u32 = 10026;
pub(crate) const CLIENT_DISABLES_AT: u32 = 10027;
pub(crate) const FROZEN: u32 = 10029;
pub(crate) const INVALID_FILL: u32 = 10030;
pub(crate) const CONNECTION: u32 = 10031;
pub(crate) const LIMIT_ORDERS: u32 = 10033;
pub(crate) const LIMIT_VOLUME: u32 = 10034;
pub(crate) const INVALID_ORDER: u32 = 10035;
pub(crate) const POSITION_CLOSED: u32 = 10036;
pub(crate) const INVALID_CLOSE_VOLUME: u32 = 10038;
pub(crate) const CLOSE_ORDER_EXIST: u32 = 10039;
pub(crate) const LIMIT_POSITIONS: u32 = 10040;
pub(crate) const LONG_ONLY: u32 = 10042;
pub(crate) const SHORT_ONLY: u32 = 10043;
pub(crate) const CLOSE_ONLY: u32 = 10044;
pub(crate) const FIFO_CLOSE: u32 = 10045;
pub(crate) const HEDGE_PROHIBITED: u32 = 10046;

pub(crate) const ERROR_PARAMS: i64 = -2;
pub(crate) const ERROR_NOT_FOUND: i64 = -4;
pub(crate) const ERROR_UNSUPPORTED: i64 = -7;
pub(crate) const ERROR_AUTO_TRADING: i64 = -8;

/// What the terminal writes beside a return code.
pub(crate) fn comment_of(retcode: u32) -> &'static str {
    match retcode {
        0 => "Done",
        REQUOTE => "Requote",
        REJECT => "Request rejected",
        10007 => "Request canceled by trader",
        PLACED => "Order placed",
        DONE => "Request executed",
        DONE_PARTIAL => "Request executed partially",
        10011 => "Request processing error",
        10012 => "Request timed out",
        INVALID => "Invalid request",
        INVALID_VOLUME => "Invalid volume",
        INVALID_PRICE => "Invalid price",
        INVALID_STOPS => "Invalid stops",
        TRADE_IS_DISABLED => "Trade is disabled",
        MARKET_CLOSED => "Market closed",
        NO_MONEY => "No money",
        10020 => "Price changed",
        PRICE_OFF => "No prices",
        INVALID_EXPIRATION => "Invalid expiration",
        10023 => "Order changed",
        10024 => "Too many requests",
        NO_CHANGES => "No changes",
        SERVER_DISABLES_AT => "AutoTrading disabled by server",
        CLIENT_DISABLES_AT => "AutoTrading disabled by client",
        10028 => "Request locked",
        FROZEN => "Order or position frozen",
        INVALID_FILL => "Unsupported filling mode",
        CONNECTION => "No connection",
        10032 => "Only real accounts allowed",
        LIMIT_ORDERS => "Orders limit reached",
        LIMIT_VOLUME => "Volume limit reached",
        INVALID_ORDER => "Invalid order",
        POSITION_CLOSED => "Position closed",
        INVALID_CLOSE_VOLUME => "Invalid close volume",
        CLOSE_ORDER_EXIST => "Close order already exists",
        LIMIT_POSITIONS => "Positions limit reached",
        10041 => "Cancel request rejected",
        LONG_ONLY => "Only long positions allowed",
        SHORT_ONLY => "Only short positions allowed",
        CLOSE_ONLY => "Only position closing allowed",
        FIFO_CLOSE => "Position can only be closed by FIFO rule",
        HEDGE_PROHIBITED => "Hedging is prohibited",
        _ => "",
    }
}
