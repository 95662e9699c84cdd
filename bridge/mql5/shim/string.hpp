// MQL5's string: UTF-16 units, NULL until something is assigned, and NULL is not the empty text.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

typedef unsigned char uchar;
typedef unsigned short ushort;
typedef unsigned int uint;
typedef unsigned long ulong;

inline std::u16string from_utf8(const std::string &text) {
  std::u16string units;
  for (size_t i = 0; i < text.size();) {
    const unsigned char lead = static_cast<unsigned char>(text[i]);
    size_t count = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    uint32_t code = count == 1 ? lead : lead & (0xFF >> (count + 1));
    for (size_t k = 1; k < count && i + k < text.size(); ++k)
      code = (code << 6) | (static_cast<unsigned char>(text[i + k]) & 0x3F);
    i += count;
    if (code < 0x10000) {
      units.push_back(static_cast<char16_t>(code));
    } else {
      code -= 0x10000;
      units.push_back(static_cast<char16_t>(0xD800 + (code >> 10)));
      units.push_back(static_cast<char16_t>(0xDC00 + (code & 0x3FF)));
    }
  }
  return units;
}

inline std::string to_utf8(const std::u16string &units) {
  std::string text;
  for (size_t i = 0; i < units.size(); ++i) {
    uint32_t code = units[i];
    if (code >= 0xD800 && code < 0xDC00 && i + 1 < units.size())
      code = 0x10000 + ((code - 0xD800) << 10) + (units[++i] - 0xDC00u);
    if (code < 0x80) {
      text.push_back(static_cast<char>(code));
    } else if (code < 0x800) {
      text.push_back(static_cast<char>(0xC0 | (code >> 6)));
      text.push_back(static_cast<char>(0x80 | (code & 0x3F)));
    } else if (code < 0x10000) {
      text.push_back(static_cast<char>(0xE0 | (code >> 12)));
      text.push_back(static_cast<char>(0x80 | ((code >> 6) & 0x3F)));
      text.push_back(static_cast<char>(0x80 | (code & 0x3F)));
    } else {
      text.push_back(static_cast<char>(0xF0 | (code >> 18)));
      text.push_back(static_cast<char>(0x80 | ((code >> 12) & 0x3F)));
      text.push_back(static_cast<char>(0x80 | ((code >> 6) & 0x3F)));
      text.push_back(static_cast<char>(0x80 | (code & 0x3F)));
    }
  }
  return text;
}

class string {
 public:
  string() : null_(true) {}
  string(const char *text) : units_(from_utf8(text)), null_(false) {}
  explicit string(const std::string &text) : units_(from_utf8(text)), null_(false) {}
  explicit string(std::u16string units) : units_(std::move(units)), null_(false) {}

  std::string utf8() const { return to_utf8(units_); }
  const std::u16string &units() const { return units_; }
  std::u16string &units() {
    null_ = false;
    return units_;
  }

  friend string operator+(string left, const string &right) {
    left.units() += right.units_;
    return left;
  }
  friend bool operator==(const string &left, const string &right) {
    return left.null_ == right.null_ && left.units_ == right.units_;
  }
  friend bool operator!=(const string &left, const string &right) { return !(left == right); }

 private:
  std::u16string units_;
  bool null_;
};

#define WHOLE_ARRAY -1
#define CP_UTF8 65001

inline int StringLen(const string &text) { return static_cast<int>(text.units().size()); }

inline ushort StringGetCharacter(const string &text, int at) {
  return at >= 0 && at < StringLen(text) ? text.units()[static_cast<size_t>(at)] : 0;
}

inline string StringSubstr(const string &text, int from, int count = -1) {
  if (from < 0 || from > StringLen(text)) return string("");
  return string(text.units().substr(static_cast<size_t>(from), count < 0 ? std::u16string::npos : static_cast<size_t>(count)));
}

inline int StringFind(const string &text, const string &part, int from = 0) {
  const size_t at = text.units().find(part.units(), static_cast<size_t>(std::max(0, from)));
  return at == std::u16string::npos ? -1 : static_cast<int>(at);
}

inline int StringReplace(string &text, const string &what, const string &with) {
  int count = 0;
  std::u16string &units = text.units();
  for (size_t at = 0; (at = units.find(what.units(), at)) != std::u16string::npos; at += with.units().size(), ++count)
    units.replace(at, what.units().size(), with.units());
  return count;
}

inline bool is_blank(char16_t unit) { return unit == ' ' || unit == '\t' || unit == '\r' || unit == '\n'; }

inline int StringTrimLeft(string &text) {
  size_t count = 0;
  while (count < text.units().size() && is_blank(text.units()[count])) ++count;
  text.units().erase(0, count);
  return static_cast<int>(count);
}

inline int StringTrimRight(string &text) {
  int count = 0;
  while (!text.units().empty() && is_blank(text.units().back())) {
    text.units().pop_back();
    ++count;
  }
  return count;
}

inline bool StringToLower(string &text) {
  for (char16_t &unit : text.units())
    if (unit >= 'A' && unit <= 'Z') unit = static_cast<char16_t>(unit + 32);
  return true;
}

inline string ShortToString(ushort unit) { return string(std::u16string(1, static_cast<char16_t>(unit))); }
inline string IntegerToString(long number) { return string(std::to_string(number)); }
inline long StringToInteger(const string &text) { return std::strtol(text.utf8().c_str(), nullptr, 10); }
inline double StringToDouble(const string &text) { return std::strtod(text.utf8().c_str(), nullptr); }

inline string DoubleToString(double number, int digits = 8) {
  char text[512];
  std::snprintf(text, sizeof text, "%.*f", digits, number);
  return string(text);
}
