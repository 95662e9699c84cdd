// As much of MQL5 as the advisor uses, for a C++17 compiler.
#pragma once

#include "array.hpp"
#include "chart.hpp"
#include "crypt.hpp"
#include "files.hpp"
#include "link.hpp"
#include "market.hpp"
#include "runtime.hpp"
#include "sockets.hpp"
#include "string.hpp"
#include "trade.hpp"

// MetaTrader shows inputs in a window; here --input NAME=VALUE sets them.
#define input

inline long &timer_period_ms() {
  static long period = 0;
  return period;
}
inline bool EventSetMillisecondTimer(int period) {
  timer_period_ms() = period;
  return true;
}
inline void EventKillTimer() { timer_period_ms() = 0; }
