// JSON of the link to the simulated terminal: numbers keep their text, so that 64 bits stay exact.
#pragma once

#include <map>
#include <stdexcept>
#include <string>
#include <vector>

struct Value {
  enum Kind { null, boolean, number, text, list, object } kind = null;
  std::string word;
  std::vector<Value> items;
  std::map<std::string, Value> members;

  bool is_null() const { return kind == null; }
  bool truth() const { return word == "true" || (kind == number && real() != 0); }
  double real() const { return kind == number || kind == text ? std::strtod(word.c_str(), nullptr) : truth_number(); }
  long whole() const {
    if (kind == boolean) return word == "true";
    if (word.find_first_of(".eE") != std::string::npos) return static_cast<long>(real());
    return word.empty() ? 0 : static_cast<long>(std::strtoull(word.c_str(), nullptr, 10));
  }
  // Nothing for what is not there.
  const Value &operator[](const std::string &name) const {
    static const Value nothing;
    const auto found = members.find(name);
    return found == members.end() ? nothing : found->second;
  }
  double at(size_t index) const { return index < items.size() ? items[index].real() : 0; }
  long whole_at(size_t index) const { return index < items.size() ? items[index].whole() : 0; }

 private:
  double truth_number() const { return word == "true" ? 1 : 0; }
};

class Reader {
 public:
  static Value read(const std::string &line) {
    Reader reader(line);
    return reader.value();
  }

 private:
  explicit Reader(const std::string &line) : line_(line) {}

  char next() {
    while (at_ < line_.size() && (line_[at_] == ' ' || line_[at_] == '\n' || line_[at_] == '\r' || line_[at_] == '\t')) ++at_;
    if (at_ >= line_.size()) throw std::runtime_error("the simulated terminal sent half a line: " + line_);
    return line_[at_];
  }

  Value value() {
    Value out;
    const char first = next();
    if (first == '{') {
      out.kind = Value::object;
      ++at_;
      while (next() != '}') {
        const std::string name = text();
        if (next() == ':') ++at_;
        out.members[name] = value();
        if (next() == ',') ++at_;
      }
      ++at_;
    } else if (first == '[') {
      out.kind = Value::list;
      ++at_;
      while (next() != ']') {
        out.items.push_back(value());
        if (next() == ',') ++at_;
      }
      ++at_;
    } else if (first == '"') {
      out.kind = Value::text;
      out.word = text();
    } else {
      const size_t end = line_.find_first_of(",]} \n\r", at_);
      out.word = line_.substr(at_, end - at_);
      at_ = end == std::string::npos ? line_.size() : end;
      out.kind = out.word == "null" ? Value::null : out.word == "true" || out.word == "false" ? Value::boolean : Value::number;
    }
    return out;
  }

  std::string text() {
    std::string out;
    for (++at_; at_ < line_.size() && line_[at_] != '"'; ++at_) {
      if (line_[at_] != '\\') {
        out.push_back(line_[at_]);
        continue;
      }
      const char escape = line_[++at_];
      if (escape == 'u') {
        const auto code = static_cast<char16_t>(std::stoul(line_.substr(at_ + 1, 4), nullptr, 16));
        out += to_utf8(std::u16string(1, code));
        at_ += 4;
      } else {
        out.push_back(escape == 'n' ? '\n' : escape == 't' ? '\t' : escape == 'r' ? '\r' : escape);
      }
    }
    ++at_;
    return out;
  }

  const std::string &line_;
  size_t at_ = 0;
};

inline std::string quoted(const std::string &text) {
  std::string out = "\"";
  for (const char unit : text) {
    if (unit == '"' || unit == '\\') {
      out += '\\';
      out += unit;
    } else if (static_cast<unsigned char>(unit) < 32) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned char>(unit));
      out += escape;
    } else {
      out += unit;
    }
  }
  return out + "\"";
}

inline std::string exact(double number) {
  char text[40];
  std::snprintf(text, sizeof text, "%.17g", number);
  const std::string out = text;
  // The shortest that reads back the same: 0.1, not 0.10000000000000001.
  for (int digits = 1; digits < 17; ++digits) {
    std::snprintf(text, sizeof text, "%.*g", digits, number);
    if (std::strtod(text, nullptr) == number) return text;
  }
  return out;
}
