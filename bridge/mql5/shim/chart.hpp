// Objects of the chart: kept, so that a test can look at the panel and press its button.
#pragma once

#include "runtime.hpp"

enum ENUM_OBJECT { OBJ_LABEL, OBJ_BUTTON };
enum ENUM_OBJECT_PROPERTY_INTEGER { OBJPROP_COLOR, OBJPROP_CORNER, OBJPROP_XDISTANCE, OBJPROP_YDISTANCE, OBJPROP_XSIZE, OBJPROP_YSIZE, OBJPROP_FONTSIZE, OBJPROP_SELECTABLE, OBJPROP_STATE, OBJPROP_BGCOLOR };
enum ENUM_OBJECT_PROPERTY_STRING { OBJPROP_TEXT, OBJPROP_FONT };
enum { CORNER_LEFT_UPPER = 0 };
enum { CHARTEVENT_OBJECT_CLICK = 1 };

inline std::map<std::string, std::string> &chart_objects() {
  static std::map<std::string, std::string> objects;
  return objects;
}
inline bool ObjectCreate(long, const string &name, ENUM_OBJECT, int, datetime, double) {
  chart_objects()[name.utf8()] = "";
  return true;
}
inline bool ObjectSetInteger(long, const string &name, ENUM_OBJECT_PROPERTY_INTEGER, long) { return chart_objects().count(name.utf8()) > 0; }
inline bool ObjectSetString(long, const string &name, ENUM_OBJECT_PROPERTY_STRING what, const string &text) {
  // A label shows 63 characters.
  if (what == OBJPROP_TEXT && chart_objects().count(name.utf8()) > 0) chart_objects()[name.utf8()] = StringSubstr(text, 0, 63).utf8();
  return true;
}
inline int ObjectsDeleteAll(long, const string &prefix) {
  int count = 0;
  auto &objects = chart_objects();
  for (auto at = objects.begin(); at != objects.end();) {
    const bool gone = at->first.compare(0, prefix.utf8().size(), prefix.utf8()) == 0;
    count += gone;
    at = gone ? objects.erase(at) : std::next(at);
  }
  return count;
}
inline void ChartRedraw() {}
inline long ChartID() { return 1; }
