// Symbols, ticks, bars, the clock, the terminal and the account, over the link.
#pragma once

#include "link.hpp"

struct MqlTick {
  datetime time = 0;
  double bid = 0, ask = 0, last = 0;
  ulong volume = 0;
  long time_msc = 0;
  uint flags = 0;
  double volume_real = 0;
};

struct MqlRates {
  datetime time = 0;
  double open = 0, high = 0, low = 0, close = 0;
  long tick_volume = 0;
  int spread = 0;
  long real_volume = 0;
};

enum ENUM_TIMEFRAMES {
  PERIOD_CURRENT = 0, PERIOD_M1 = 1, PERIOD_M2 = 2, PERIOD_M3 = 3, PERIOD_M4 = 4, PERIOD_M5 = 5, PERIOD_M6 = 6, PERIOD_M10 = 10,
  PERIOD_M12 = 12, PERIOD_M15 = 15, PERIOD_M20 = 20, PERIOD_M30 = 30, PERIOD_H1 = 16385, PERIOD_H2 = 16386, PERIOD_H3 = 16387,
  PERIOD_H4 = 16388, PERIOD_H6 = 16390, PERIOD_H8 = 16392, PERIOD_H12 = 16396, PERIOD_D1 = 16408
};
enum ENUM_DAY_OF_WEEK { SUNDAY = 0, MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY };
enum { COPY_TICKS_ALL = -1 };

// A property is the field of the package's structure that holds the same.
#define PROPERTIES(ENUM, ...) enum ENUM { __VA_ARGS__ }
PROPERTIES(ENUM_SYMBOL_INFO_DOUBLE, SYMBOL_POINT, SYMBOL_TRADE_TICK_SIZE, SYMBOL_TRADE_TICK_VALUE, SYMBOL_TRADE_CONTRACT_SIZE,
           SYMBOL_VOLUME_MIN, SYMBOL_VOLUME_MAX, SYMBOL_VOLUME_STEP);
PROPERTIES(ENUM_SYMBOL_INFO_INTEGER, SYMBOL_DIGITS, SYMBOL_TRADE_STOPS_LEVEL, SYMBOL_TRADE_FREEZE_LEVEL, SYMBOL_FILLING_MODE,
           SYMBOL_TRADE_EXEMODE, SYMBOL_TRADE_MODE, SYMBOL_EXPIRATION_TIME);
PROPERTIES(ENUM_SYMBOL_INFO_STRING, SYMBOL_DESCRIPTION, SYMBOL_CURRENCY_PROFIT, SYMBOL_CURRENCY_MARGIN);
PROPERTIES(ENUM_TERMINAL_INFO_INTEGER, TERMINAL_CONNECTED, TERMINAL_TRADE_ALLOWED, TERMINAL_PING_LAST);
PROPERTIES(ENUM_MQL_INFO_INTEGER, MQL_TRADE_ALLOWED);
PROPERTIES(ENUM_ACCOUNT_INFO_INTEGER, ACCOUNT_LOGIN, ACCOUNT_TRADE_MODE, ACCOUNT_MARGIN_MODE, ACCOUNT_CURRENCY_DIGITS,
           ACCOUNT_TRADE_ALLOWED, ACCOUNT_TRADE_EXPERT);
PROPERTIES(ENUM_ACCOUNT_INFO_DOUBLE, ACCOUNT_BALANCE, ACCOUNT_EQUITY, ACCOUNT_MARGIN, ACCOUNT_MARGIN_FREE);
PROPERTIES(ENUM_ACCOUNT_INFO_STRING, ACCOUNT_SERVER, ACCOUNT_COMPANY, ACCOUNT_CURRENCY);
enum { SYMBOL_FILLING_FOK = 1, SYMBOL_FILLING_IOC = 2 };
enum { ACCOUNT_TRADE_MODE_DEMO = 0, ACCOUNT_TRADE_MODE_CONTEST = 1, ACCOUNT_TRADE_MODE_REAL = 2 };
enum { ACCOUNT_MARGIN_MODE_RETAIL_HEDGING = 2 };

inline double SymbolInfoDouble(const string &symbol, ENUM_SYMBOL_INFO_DOUBLE what) {
  static const char *names[] = {"point", "trade_tick_size", "trade_tick_value", "trade_contract_size", "volume_min", "volume_max", "volume_step"};
  return terminal_link().call("symbol_info", with("symbol", symbol))[names[what]].real();
}
inline long SymbolInfoInteger(const string &symbol, ENUM_SYMBOL_INFO_INTEGER what) {
  static const char *names[] = {"digits", "trade_stops_level", "trade_freeze_level", "filling_mode", "trade_exemode", "trade_mode", "expiration_time"};
  return terminal_link().call("symbol_info", with("symbol", symbol))[names[what]].whole();
}
inline string SymbolInfoString(const string &symbol, ENUM_SYMBOL_INFO_STRING what) {
  static const char *names[] = {"description", "currency_profit", "currency_margin"};
  return string(terminal_link().call("symbol_info", with("symbol", symbol))[names[what]].word);
}
inline long TerminalInfoInteger(ENUM_TERMINAL_INFO_INTEGER what) {
  static const char *names[] = {"connected", "trade_allowed", "ping_last"};
  return terminal_link().call("terminal_info")[names[what]].whole();
}
// The box "Allow Algo Trading" of the advisor itself is ticked here.
inline long MQLInfoInteger(ENUM_MQL_INFO_INTEGER) { return 1; }

inline long AccountInfoInteger(ENUM_ACCOUNT_INFO_INTEGER what) {
  static const char *names[] = {"login", "trade_mode", "margin_mode", "currency_digits", "trade_allowed", "trade_expert"};
  return terminal_link().call("account_info")[names[what]].whole();
}
inline double AccountInfoDouble(ENUM_ACCOUNT_INFO_DOUBLE what) {
  static const char *names[] = {"balance", "equity", "margin", "margin_free"};
  return terminal_link().call("account_info")[names[what]].real();
}
inline string AccountInfoString(ENUM_ACCOUNT_INFO_STRING what) {
  static const char *names[] = {"server", "company", "currency"};
  return string(terminal_link().call("account_info")[names[what]].word);
}

inline bool SymbolExist(const string &symbol, bool &is_custom) {
  is_custom = false;
  return terminal_link().call("symbol_info", with("symbol", symbol)).kind == Value::object;
}
inline bool SymbolSelect(const string &symbol, bool select) {
  return terminal_link().call("symbol_select", with("symbol", symbol) + (select ? ",\"enable\":true" : ",\"enable\":false")).truth();
}
inline bool SymbolInfoSessionTrade(const string &symbol, ENUM_DAY_OF_WEEK day, uint index, datetime &from, datetime &to) {
  const Value session = terminal_link().call("session_trade", with("symbol", symbol) + with("weekday", static_cast<long>(day)) + with("index", static_cast<long>(index)));
  if (session.is_null()) return false;
  from = session["from"].whole();
  to = session["to"].whole();
  return true;
}

inline bool SymbolInfoTick(const string &symbol, MqlTick &tick) {
  const Value found = terminal_link().call("symbol_info_tick", with("symbol", symbol));
  if (found.is_null()) return false;
  tick.time = found["time"].whole();
  tick.bid = found["bid"].real();
  tick.ask = found["ask"].real();
  tick.last = found["last"].real();
  tick.volume = static_cast<ulong>(found["volume"].whole());
  tick.time_msc = found["time_msc"].whole();
  tick.flags = static_cast<uint>(found["flags"].whole());
  tick.volume_real = found["volume_real"].real();
  return true;
}

// The server's clock in milliseconds; the terminal computes it, so asking often costs nothing there.
struct ServerClock {
  long msc = 0;
  ulong read_at = 0;
  bool ended = false;
  bool fresh = false;
};
inline ServerClock &server_clock() {
  static ServerClock clock;
  if (!clock.fresh || GetTickCount64() - clock.read_at > 4) {
    const Value read = terminal_link().call("clock");
    clock.msc = read["server_msc"].whole();
    clock.ended = read["ended"].truth();
    clock.read_at = GetTickCount64();
    clock.fresh = true;
  }
  return clock;
}
inline datetime TimeTradeServer() { return server_clock().msc / 1000; }

// The first `count` ticks from `from` on. The link's range does not move a pulled market.
inline int CopyTicks(const string &symbol, Array<MqlTick> &ticks, int, ulong from, uint count) {
  ticks.items.clear();
  const long now = server_clock().msc;
  long begin = static_cast<long>(from);
  for (long width = 60000; begin <= now && ticks.items.size() < count; width *= 2) {
    const long end = std::min(now, begin + width - 1);
    const Value rows = terminal_link().call("copy_ticks_range", with("symbol", symbol) + with("date_from", begin) + with("date_to", end) + with("flags", -1L));
    if (rows.is_null()) return -1;
    for (const Value &row : rows.items) {
      if (ticks.items.size() >= count) break;
      MqlTick tick;
      tick.time = row.whole_at(0);
      tick.bid = row.at(1);
      tick.ask = row.at(2);
      tick.last = row.at(3);
      tick.volume = static_cast<ulong>(row.whole_at(4));
      tick.time_msc = row.whole_at(5);
      tick.flags = static_cast<uint>(row.whole_at(6));
      tick.volume_real = row.at(7);
      ticks.items.push_back(tick);
    }
    begin = end + 1;
  }
  return ArraySize(ticks);
}

inline int take_rates(const Value &rows, Array<MqlRates> &rates) {
  rates.items.clear();
  if (rows.is_null()) return -1;
  for (const Value &row : rows.items) {
    MqlRates bar;
    bar.time = row.whole_at(0);
    bar.open = row.at(1);
    bar.high = row.at(2);
    bar.low = row.at(3);
    bar.close = row.at(4);
    bar.tick_volume = row.whole_at(5);
    bar.spread = static_cast<int>(row.whole_at(6));
    bar.real_volume = row.whole_at(7);
    rates.items.push_back(bar);
  }
  return ArraySize(rates);
}
inline int CopyRates(const string &symbol, ENUM_TIMEFRAMES frame, int start, int count, Array<MqlRates> &rates) {
  return take_rates(terminal_link().call("copy_rates_from_pos", with("symbol", symbol) + with("timeframe", static_cast<long>(frame)) + with("start_pos", static_cast<long>(start)) + with("count", static_cast<long>(count))), rates);
}
inline int CopyRates(const string &symbol, ENUM_TIMEFRAMES frame, datetime from, datetime to, Array<MqlRates> &rates) {
  return take_rates(terminal_link().call("copy_rates_range", with("symbol", symbol) + with("timeframe", static_cast<long>(frame)) + with("date_from", from) + with("date_to", to)), rates);
}
