// What belongs to no market: errors, clocks, printing, numbers, crashes on order.
#pragma once

#include <chrono>
#include <cmath>
#include <csignal>
#include <ctime>
#include <fstream>
#include <map>
#include <sstream>

#include "array.hpp"

typedef long datetime;
typedef int color;

#define INVALID_HANDLE -1
#define INIT_SUCCEEDED 0
#define INIT_FAILED 1

#define ERR_HISTORY_NOT_FOUND 4401
#define ERR_CANNOT_OPEN_FILE 5004
#define ERR_FILE_WRITEERROR 5026
#define ERR_NETSOCKET_CANNOT_CONNECT 5272

enum { clrWhite = 0xFFFFFF, clrSilver = 0xC0C0C0, clrLimeGreen = 0x32CD32, clrOrangeRed = 0x0045FF, clrFireBrick = 0x2222B2, clrDarkGreen = 0x006400 };

inline int &last_error_code() {
  static int code = 0;
  return code;
}
inline int GetLastError() { return last_error_code(); }
inline void ResetLastError() { last_error_code() = 0; }

inline std::chrono::steady_clock::time_point started() {
  static const auto at = std::chrono::steady_clock::now();
  return at;
}
inline ulong GetMicrosecondCount() {
  const auto since = std::chrono::steady_clock::now() - started();
  return static_cast<ulong>(std::chrono::duration_cast<std::chrono::microseconds>(since).count());
}
inline ulong GetTickCount64() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<ulong>(std::chrono::duration_cast<std::chrono::milliseconds>(since).count());
}
inline datetime TimeGMT() { return std::time(nullptr); }
inline datetime TimeLocal() { return std::time(nullptr); }

inline void Print(const string &text) {
  std::fprintf(stderr, "%s\n", text.utf8().c_str());
}
inline void Alert(const string &text) { Print(string("alert: ") + text); }

inline void MathSrand(int seed) { std::srand(static_cast<unsigned>(seed)); }
inline int MathRand() { return std::rand() % 32768; }
inline double MathAbs(double number) { return std::fabs(number); }
inline bool MathIsValidNumber(double number) { return std::isfinite(number); }
template <class T>
T MathMax(T left, T right) {
  return left > right ? left : right;
}
template <class T>
T MathMin(T left, T right) {
  return left < right ? left : right;
}
inline double NormalizeDouble(double number, int digits) {
  const double scale = std::pow(10.0, digits);
  return std::round(number * scale) / scale;
}

// ALAVANCA_BRIDGE_CRASH_AT=POINT or POINT#N, several joined by commas: the process is killed when it passes the point
// for the N-th time. With ALAVANCA_BRIDGE_CRASH_ONCE=FILE each kills once only: FILE notes which have. The points are
// around each flush of the journal and around OrderSend; see point_of in files.hpp.
inline bool crash_is_due(const std::string &point) {
  static const char *wanted = std::getenv("ALAVANCA_BRIDGE_CRASH_AT");
  if (wanted == nullptr) return false;
  static std::map<std::string, int> passed;
  const int times = ++passed[point];
  std::stringstream entries(wanted);
  for (std::string entry; std::getline(entries, entry, ',');) {
    const size_t mark = entry.find('#');
    const int wanted_times = mark == std::string::npos ? 1 : std::atoi(entry.c_str() + mark + 1);
    if (entry.substr(0, mark) != point || wanted_times != times) continue;
    const char *noted = std::getenv("ALAVANCA_BRIDGE_CRASH_ONCE");
    if (noted == nullptr) return true;
    std::ifstream before(noted);
    bool was = false;
    for (std::string line; std::getline(before, line);) was = was || line == entry;
    if (was) continue;
    std::ofstream(noted, std::ios::app) << entry << "\n";
    return true;
  }
  return false;
}
inline void crash_point(const std::string &point) {
  if (crash_is_due(point)) std::raise(SIGKILL);
}
