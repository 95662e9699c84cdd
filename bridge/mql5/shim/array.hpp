// MQL5's dynamic arrays. Reading or writing beyond the end stops the program there; here, too.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

#include "string.hpp"

template <class T>
class Array {
 public:
  T &operator[](long index) { return items[checked(index)]; }
  const T &operator[](long index) const { return items[checked(index)]; }
  std::vector<T> items;

 private:
  size_t checked(long index) const {
    if (index < 0 || static_cast<size_t>(index) >= items.size()) {
      std::fprintf(stderr, "array out of range: %ld of %zu\n", index, items.size());
      std::abort();
    }
    return static_cast<size_t>(index);
  }
};

template <class T>
int ArraySize(const Array<T> &array) {
  return static_cast<int>(array.items.size());
}

template <class T>
int ArrayResize(Array<T> &array, int size, int reserve = 0) {
  if (static_cast<size_t>(size) > array.items.capacity()) array.items.reserve(static_cast<size_t>(size + reserve));
  array.items.resize(static_cast<size_t>(size));
  return size;
}

template <class T>
int ArrayCopy(Array<T> &to, const Array<T> &from) {
  if (to.items.size() < from.items.size()) to.items.resize(from.items.size());
  std::copy(from.items.begin(), from.items.end(), to.items.begin());
  return ArraySize(from);
}

template <class T>
void ZeroMemory(T &thing) {
  thing = T();
}

inline int StringSplit(const string &text, ushort separator, Array<string> &parts) {
  parts.items.clear();
  if (StringLen(text) == 0) return 0;
  size_t begin = 0;
  const std::u16string &units = text.units();
  for (;;) {
    const size_t end = units.find(static_cast<char16_t>(separator), begin);
    parts.items.push_back(string(units.substr(begin, end == std::u16string::npos ? end : end - begin)));
    if (end == std::u16string::npos) break;
    begin = end + 1;
  }
  return ArraySize(parts);
}

inline string CharArrayToString(const Array<uchar> &bytes, int from, int count, uint) {
  std::string text;
  for (int i = from; i < from + count && bytes[i] != 0; ++i) text.push_back(static_cast<char>(bytes[i]));
  return string(text);
}

// With its NUL, as MQL5 does it.
inline int StringToCharArray(const string &text, Array<uchar> &bytes, int, int, uint) {
  const std::string utf8 = text.utf8();
  bytes.items.assign(utf8.begin(), utf8.end());
  bytes.items.push_back(0);
  return ArraySize(bytes);
}
