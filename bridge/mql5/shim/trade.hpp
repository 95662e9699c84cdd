// Positions, orders, history and trade requests, over the link.
#pragma once

#include "market.hpp"

enum ENUM_TRADE_REQUEST_ACTIONS { TRADE_ACTION_NONE = 0, TRADE_ACTION_DEAL = 1, TRADE_ACTION_PENDING = 5, TRADE_ACTION_SLTP = 6, TRADE_ACTION_MODIFY = 7, TRADE_ACTION_REMOVE = 8, TRADE_ACTION_CLOSE_BY = 10 };
enum ENUM_ORDER_TYPE { ORDER_TYPE_BUY = 0, ORDER_TYPE_SELL = 1 };
enum ENUM_ORDER_TYPE_FILLING { ORDER_FILLING_FOK = 0, ORDER_FILLING_IOC = 1, ORDER_FILLING_RETURN = 2 };
enum ENUM_ORDER_TYPE_TIME { ORDER_TIME_GTC = 0, ORDER_TIME_DAY = 1 };
enum ENUM_TRADE_TRANSACTION_TYPE {
  TRADE_TRANSACTION_ORDER_ADD = 0, TRADE_TRANSACTION_ORDER_UPDATE = 1, TRADE_TRANSACTION_ORDER_DELETE = 2, TRADE_TRANSACTION_HISTORY_ADD = 3,
  TRADE_TRANSACTION_HISTORY_UPDATE = 4, TRADE_TRANSACTION_HISTORY_DELETE = 5, TRADE_TRANSACTION_DEAL_ADD = 6, TRADE_TRANSACTION_DEAL_UPDATE = 7,
  TRADE_TRANSACTION_DEAL_DELETE = 8, TRADE_TRANSACTION_POSITION = 9, TRADE_TRANSACTION_REQUEST = 10
};
enum { ORDER_STATE_CANCELED = 2, ORDER_STATE_PARTIAL = 3, ORDER_STATE_FILLED = 4, ORDER_STATE_REJECTED = 5, ORDER_STATE_EXPIRED = 6 };
enum { POSITION_TYPE_BUY = 0, POSITION_TYPE_SELL = 1 };
enum { DEAL_ENTRY_IN = 0, DEAL_ENTRY_OUT = 1, DEAL_ENTRY_INOUT = 2, DEAL_ENTRY_OUT_BY = 3 };
enum {
  TRADE_RETCODE_REQUOTE = 10004, TRADE_RETCODE_HEDGE_PROHIBITED = 10046, TRADE_RETCODE_PLACED = 10008, TRADE_RETCODE_DONE = 10009, TRADE_RETCODE_DONE_PARTIAL = 10010, TRADE_RETCODE_ERROR = 10011,
  TRADE_RETCODE_TIMEOUT = 10012, TRADE_RETCODE_INVALID = 10013, TRADE_RETCODE_NO_CHANGES = 10025,
  TRADE_RETCODE_CLIENT_DISABLES_AT = 10027, TRADE_RETCODE_CONNECTION = 10031
};

struct MqlTradeRequest {
  ENUM_TRADE_REQUEST_ACTIONS action = TRADE_ACTION_NONE;
  ulong magic = 0, order = 0;
  string symbol;
  double volume = 0, price = 0, stoplimit = 0, sl = 0, tp = 0;
  ulong deviation = 0;
  ENUM_ORDER_TYPE type = ORDER_TYPE_BUY;
  ENUM_ORDER_TYPE_FILLING type_filling = ORDER_FILLING_FOK;
  ENUM_ORDER_TYPE_TIME type_time = ORDER_TIME_GTC;
  datetime expiration = 0;
  string comment;
  ulong position = 0, position_by = 0;
};
struct MqlTradeResult {
  uint retcode = 0;
  ulong deal = 0, order = 0;
  double volume = 0, price = 0, bid = 0, ask = 0;
  string comment;
  uint request_id = 0;
  int retcode_external = 0;
};
struct MqlTradeCheckResult {
  uint retcode = 0;
  double balance = 0, equity = 0, profit = 0, margin = 0, margin_free = 0, margin_level = 0;
  string comment;
};
struct MqlTradeTransaction {
  ulong deal = 0, order = 0;
  string symbol;
  ENUM_TRADE_TRANSACTION_TYPE type = TRADE_TRANSACTION_ORDER_ADD;
  double price = 0, price_trigger = 0, price_sl = 0, price_tp = 0, volume = 0;
  ulong position = 0, position_by = 0;
};

PROPERTIES(ENUM_POSITION_PROPERTY_DOUBLE, POSITION_VOLUME, POSITION_PRICE_OPEN, POSITION_SL, POSITION_TP, POSITION_PROFIT, POSITION_SWAP);
PROPERTIES(ENUM_POSITION_PROPERTY_INTEGER, POSITION_TICKET, POSITION_IDENTIFIER, POSITION_TYPE, POSITION_MAGIC, POSITION_TIME_MSC);
PROPERTIES(ENUM_POSITION_PROPERTY_STRING, POSITION_SYMBOL, POSITION_COMMENT);
PROPERTIES(ENUM_ORDER_PROPERTY_DOUBLE, ORDER_VOLUME_INITIAL, ORDER_VOLUME_CURRENT, ORDER_PRICE_OPEN, ORDER_SL, ORDER_TP);
PROPERTIES(ENUM_ORDER_PROPERTY_INTEGER, ORDER_TICKET, ORDER_TYPE, ORDER_STATE, ORDER_MAGIC, ORDER_POSITION_ID, ORDER_TIME_SETUP_MSC,
           ORDER_TYPE_TIME, ORDER_TIME_EXPIRATION);
PROPERTIES(ENUM_ORDER_PROPERTY_STRING, ORDER_SYMBOL, ORDER_COMMENT);
PROPERTIES(ENUM_DEAL_PROPERTY_DOUBLE, DEAL_VOLUME, DEAL_PRICE, DEAL_COMMISSION, DEAL_FEE, DEAL_SWAP, DEAL_PROFIT);
PROPERTIES(ENUM_DEAL_PROPERTY_INTEGER, DEAL_ORDER, DEAL_POSITION_ID, DEAL_TYPE, DEAL_ENTRY, DEAL_REASON, DEAL_MAGIC, DEAL_TIME_MSC);
PROPERTIES(ENUM_DEAL_PROPERTY_STRING, DEAL_SYMBOL, DEAL_COMMENT);

// What the last list held, and what is selected of it.
struct Selection {
  Value list;
  Value chosen;

  int fetch(const char *call, const std::string &arguments) {
    list = terminal_link().call(call, arguments);
    return static_cast<int>(list.items.size());
  }
  ulong take(int index, bool choose) {
    if (index < 0 || static_cast<size_t>(index) >= list.items.size()) return 0;
    if (choose) chosen = list.items[static_cast<size_t>(index)];
    return static_cast<ulong>(list.items[static_cast<size_t>(index)]["ticket"].whole());
  }
  const Value &by_ticket(ulong ticket) const {
    static const Value nothing;
    for (const Value &item : list.items)
      if (static_cast<ulong>(item["ticket"].whole()) == ticket) return item;
    return nothing;
  }
};
inline Selection &positions_seen() { static Selection seen; return seen; }
inline Selection &orders_seen() { static Selection seen; return seen; }
inline Selection &past_orders_seen() { static Selection seen; return seen; }
inline Selection &deals_seen() { static Selection seen; return seen; }

inline int PositionsTotal() { return positions_seen().fetch("positions_get", ""); }
inline ulong PositionGetTicket(int index) { return positions_seen().take(index, true); }
inline bool PositionSelect(const string &symbol) { return positions_seen().fetch("positions_get", with("symbol", symbol)) > 0 && positions_seen().take(0, true) != 0; }
inline bool PositionSelectByTicket(ulong ticket) { return positions_seen().fetch("positions_get", with("ticket", static_cast<long>(ticket))) > 0 && positions_seen().take(0, true) != 0; }
inline double PositionGetDouble(ENUM_POSITION_PROPERTY_DOUBLE what) {
  static const char *names[] = {"volume", "price_open", "sl", "tp", "profit", "swap"};
  return positions_seen().chosen[names[what]].real();
}
inline long PositionGetInteger(ENUM_POSITION_PROPERTY_INTEGER what) {
  static const char *names[] = {"ticket", "identifier", "type", "magic", "time_msc"};
  return positions_seen().chosen[names[what]].whole();
}
inline string PositionGetString(ENUM_POSITION_PROPERTY_STRING what) {
  static const char *names[] = {"symbol", "comment"};
  return string(positions_seen().chosen[names[what]].word);
}

static const char *const order_doubles[] = {"volume_initial", "volume_current", "price_open", "sl", "tp"};
static const char *const order_integers[] = {"ticket", "type", "state", "magic", "position_id", "time_setup_msc", "type_time", "time_expiration"};
static const char *const order_strings[] = {"symbol", "comment"};

inline int OrdersTotal() { return orders_seen().fetch("orders_get", ""); }
inline ulong OrderGetTicket(int index) { return orders_seen().take(index, true); }
inline bool OrderSelect(ulong ticket) { return orders_seen().fetch("orders_get", with("ticket", static_cast<long>(ticket))) > 0 && orders_seen().take(0, true) != 0; }
inline double OrderGetDouble(ENUM_ORDER_PROPERTY_DOUBLE what) { return orders_seen().chosen[order_doubles[what]].real(); }
inline long OrderGetInteger(ENUM_ORDER_PROPERTY_INTEGER what) { return orders_seen().chosen[order_integers[what]].whole(); }
inline string OrderGetString(ENUM_ORDER_PROPERTY_STRING what) { return string(orders_seen().chosen[order_strings[what]].word); }

inline bool HistorySelect(datetime from, datetime to) {
  const std::string dates = with("date_from", from) + with("date_to", to);
  past_orders_seen().fetch("history_orders_get", dates);
  const bool orders = !past_orders_seen().list.is_null();
  deals_seen().fetch("history_deals_get", dates);
  return orders && !deals_seen().list.is_null();
}
inline bool HistoryOrderSelect(ulong ticket) { return past_orders_seen().fetch("history_orders_get", with("ticket", static_cast<long>(ticket))) > 0; }
inline bool HistoryDealSelect(ulong ticket) {
  deals_seen().fetch("history_deals_get", with("date_from", 0L) + with("date_to", 99999999999L));
  return !deals_seen().by_ticket(ticket).is_null();
}
inline int HistoryOrdersTotal() { return static_cast<int>(past_orders_seen().list.items.size()); }
inline int HistoryDealsTotal() { return static_cast<int>(deals_seen().list.items.size()); }
inline ulong HistoryOrderGetTicket(int index) { return past_orders_seen().take(index, false); }
inline ulong HistoryDealGetTicket(int index) { return deals_seen().take(index, false); }
inline double HistoryOrderGetDouble(ulong ticket, ENUM_ORDER_PROPERTY_DOUBLE what) { return past_orders_seen().by_ticket(ticket)[order_doubles[what]].real(); }
inline long HistoryOrderGetInteger(ulong ticket, ENUM_ORDER_PROPERTY_INTEGER what) { return past_orders_seen().by_ticket(ticket)[order_integers[what]].whole(); }
inline string HistoryOrderGetString(ulong ticket, ENUM_ORDER_PROPERTY_STRING what) { return string(past_orders_seen().by_ticket(ticket)[order_strings[what]].word); }
inline double HistoryDealGetDouble(ulong ticket, ENUM_DEAL_PROPERTY_DOUBLE what) {
  static const char *names[] = {"volume", "price", "commission", "fee", "swap", "profit"};
  return deals_seen().by_ticket(ticket)[names[what]].real();
}
inline long HistoryDealGetInteger(ulong ticket, ENUM_DEAL_PROPERTY_INTEGER what) {
  static const char *names[] = {"order", "position_id", "type", "entry", "reason", "magic", "time_msc"};
  return deals_seen().by_ticket(ticket)[names[what]].whole();
}
inline string HistoryDealGetString(ulong ticket, ENUM_DEAL_PROPERTY_STRING what) {
  static const char *names[] = {"symbol", "comment"};
  return string(deals_seen().by_ticket(ticket)[names[what]].word);
}

inline std::string request_text(const MqlTradeRequest &request) {
  std::string text = "\"action\":" + std::to_string(static_cast<int>(request.action));
  text += with("magic", static_cast<long>(request.magic)) + with("order", static_cast<long>(request.order)) + with("symbol", request.symbol);
  text += with("volume", request.volume) + with("price", request.price) + with("stoplimit", request.stoplimit);
  text += with("sl", request.sl) + with("tp", request.tp) + with("deviation", static_cast<long>(request.deviation));
  text += with("type", static_cast<long>(request.type)) + with("type_filling", static_cast<long>(request.type_filling));
  text += with("type_time", static_cast<long>(request.type_time)) + with("expiration", request.expiration) + with("comment", request.comment);
  text += with("position", static_cast<long>(request.position)) + with("position_by", static_cast<long>(request.position_by));
  return ",\"request\":{" + text + "}";
}

inline bool is_order(const MqlTradeRequest &request) { return request.action == TRADE_ACTION_DEAL || request.action == TRADE_ACTION_CLOSE_BY; }

// The crash points `worker:before_order_send` and `worker:after_order_send` (`deadman:` for the advisor's own orders).
inline bool OrderSend(const MqlTradeRequest &request, MqlTradeResult &result) {
  const std::string whose = request.magic >= (1ull << 52) ? "deadman:" : "worker:";
  if (is_order(request)) crash_point(whose + "before_order_send");
  const Value answer = terminal_link().call("order_send", request_text(request));
  server_clock().fresh = false;
  if (is_order(request)) crash_point(whose + "after_order_send");
  if (answer.is_null()) {
    // What the package calls −2 and −8 never left the terminal, and has a code of its own inside it.
    const long failure = terminal_link().failure;
    result.retcode = failure == -2 ? TRADE_RETCODE_INVALID : failure == -8 ? TRADE_RETCODE_CLIENT_DISABLES_AT : failure == -10005 ? TRADE_RETCODE_TIMEOUT : 0;
    result.comment = "no answer";
    return false;
  }
  result.retcode = static_cast<uint>(answer["retcode"].whole());
  result.deal = static_cast<ulong>(answer["deal"].whole());
  result.order = static_cast<ulong>(answer["order"].whole());
  result.volume = answer["volume"].real();
  result.price = answer["price"].real();
  result.bid = answer["bid"].real();
  result.ask = answer["ask"].real();
  result.comment = string(answer["comment"].word);
  result.request_id = static_cast<uint>(answer["request_id"].whole());
  result.retcode_external = static_cast<int>(answer["retcode_external"].whole());
  return result.retcode == TRADE_RETCODE_PLACED || result.retcode == TRADE_RETCODE_DONE || result.retcode == TRADE_RETCODE_DONE_PARTIAL;
}

inline bool OrderCheck(const MqlTradeRequest &request, MqlTradeCheckResult &check) {
  const Value answer = terminal_link().call("order_check", request_text(request));
  if (answer.is_null()) return false;
  check.retcode = static_cast<uint>(answer["retcode"].whole());
  check.balance = answer["balance"].real();
  check.equity = answer["equity"].real();
  check.profit = answer["profit"].real();
  check.margin = answer["margin"].real();
  check.margin_free = answer["margin_free"].real();
  check.margin_level = answer["margin_level"].real();
  check.comment = string(answer["comment"].word);
  return check.retcode == 0;
}

inline bool OrderCalcMargin(ENUM_ORDER_TYPE type, const string &symbol, double volume, double price, double &margin) {
  const Value answer = terminal_link().call("order_calc_margin", with("action", static_cast<long>(type)) + with("symbol", symbol) + with("volume", volume) + with("price", price));
  margin = answer.real();
  return !answer.is_null();
}
inline bool OrderCalcProfit(ENUM_ORDER_TYPE type, const string &symbol, double volume, double open, double close, double &profit) {
  const Value answer = terminal_link().call("order_calc_profit", with("action", static_cast<long>(type)) + with("symbol", symbol) + with("volume", volume) + with("price_open", open) + with("price_close", close));
  profit = answer.real();
  return !answer.is_null();
}
