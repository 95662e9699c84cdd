//+------------------------------------------------------------------+
//| Json.mqh: a strict, bounded reader and a writer of JSON          |
//+------------------------------------------------------------------+
#define JSON_NULL 0
#define JSON_FALSE 1
#define JSON_TRUE 2
#define JSON_NUMBER 3
#define JSON_STRING 4
#define JSON_ARRAY 5
#define JSON_OBJECT 6

#define JSON_DEPTH_MAX 16
#define JSON_NODES_MAX 16384
#define JSON_MEMBERS_MAX 256
#define JSON_ITEMS_MAX 4096

struct JsonNode
  {
   int               kind;
   string            key;
   string            text;
   int               first;
   int               next;
  };

// One parsed line. Nodes are numbered, 0 is the whole; a number below 0 is none. The getters note the first thing that
// was not as expected in `error`, so that a message is read through and judged once.
class Json
  {
private:
   ARRAY(uchar, bytes);
   int               at;
   int               length;
   ARRAY(JsonNode, nodes);
   int               used;

   void              Fail(const string what)
     {
      if(error == "")
         error = what;
     }

   void              SkipSpace()
     {
      while(at < length && (bytes[at] == 32 || bytes[at] == 9 || bytes[at] == 10 || bytes[at] == 13))
         at++;
     }

   int               Add(const int kind)
     {
      if(used >= JSON_NODES_MAX)
        {
         Fail("too many values in one frame");
         return -1;
        }
      if(used >= ArraySize(nodes))
         ArrayResize(nodes, used + 256);
      nodes[used].kind = kind;
      nodes[used].key = "";
      nodes[used].text = "";
      nodes[used].first = -1;
      nodes[used].next = -1;
      used++;
      return used - 1;
     }

   bool              Word(const string word)
     {
      int count = StringLen(word);
      if(at + count > length)
         return false;
      for(int i = 0; i < count; i++)
         if((int)bytes[at + i] != (int)StringGetCharacter(word, i))
            return false;
      at += count;
      return true;
     }

   // Four hexadecimal digits after \u.
   int               Escape4()
     {
      if(at + 4 > length)
         return -1;
      int value = 0;
      for(int i = 0; i < 4; i++)
        {
         int digit = HexValue((int)bytes[at + i]);
         if(digit < 0)
            return -1;
         value = value * 16 + digit;
        }
      at += 4;
      return value;
     }

   int               PutCode(ARRAY_OUT(uchar, out), const int count, const int code)
     {
      if(code < 128)
        {
         out[count] = (uchar)code;
         return count + 1;
        }
      if(code < 2048)
        {
         out[count] = (uchar)(192 + code / 64);
         out[count + 1] = (uchar)(128 + code % 64);
         return count + 2;
        }
      if(code < 65536)
        {
         out[count] = (uchar)(224 + code / 4096);
         out[count + 1] = (uchar)(128 + (code / 64) % 64);
         out[count + 2] = (uchar)(128 + code % 64);
         return count + 3;
        }
      out[count] = (uchar)(240 + code / 262144);
      out[count + 1] = (uchar)(128 + (code / 4096) % 64);
      out[count + 2] = (uchar)(128 + (code / 64) % 64);
      out[count + 3] = (uchar)(128 + code % 64);
      return count + 4;
     }

   // How many bytes the UTF-8 character at `from` has; 0 where it is none.
   int               Utf8Length(const int from)
     {
      int lead = (int)bytes[from];
      int count = 0;
      int code = 0;
      int least = 0;
      if(lead < 128)
         return 1;
      if(lead >= 194 && lead < 224)
        {
         count = 2;
         code = lead - 192;
         least = 128;
        }
      else if(lead >= 224 && lead < 240)
        {
         count = 3;
         code = lead - 224;
         least = 2048;
        }
      else if(lead >= 240 && lead < 245)
        {
         count = 4;
         code = lead - 240;
         least = 65536;
        }
      if(count == 0 || from + count > length)
         return 0;
      for(int i = 1; i < count; i++)
        {
         int unit = (int)bytes[from + i];
         if(unit < 128 || unit >= 192)
            return 0;
         code = code * 64 + unit - 128;
        }
      if(code < least || code > 1114111 || (code >= 55296 && code < 57344))
         return 0;
      return count;
     }

   // One escape after its backslash; the new length of `out`, or -1.
   int               Escape(ARRAY_OUT(uchar, out), const int count)
     {
      if(at >= length)
         return -1;
      int unit = (int)bytes[at];
      at++;
      int code = -1;
      switch(unit)
        {
         case 34:
         case 47:
         case 92:
            code = unit;
            break;
         case 98:
            code = 8;
            break;
         case 102:
            code = 12;
            break;
         case 110:
            code = 10;
            break;
         case 114:
            code = 13;
            break;
         case 116:
            code = 9;
            break;
         case 117:
            code = Escape4();
            if(code >= 55296 && code < 56320)
              {
               if(at + 2 > length || bytes[at] != 92 || bytes[at + 1] != 117)
                  return -1;
               at += 2;
               int low = Escape4();
               if(low < 56320 || low >= 57344)
                  return -1;
               code = 65536 + (code - 55296) * 1024 + (low - 56320);
              }
            else if(code >= 56320 && code < 57344)
               code = -1;
            // A string of MQL5 ends at its first NUL: what follows would be lost unseen.
            if(code == 0)
               code = -1;
            break;
         default:
            break;
        }
      if(code < 0)
         return -1;
      return PutCode(out, count, code);
     }

   bool              String(string &text)
     {
      if(at >= length || bytes[at] != 34)
        {
         Fail("a string was expected");
         return false;
        }
      at++;
      int begin = at;
      while(at < length && bytes[at] != 34 && bytes[at] != 92 && bytes[at] >= 32 && bytes[at] < 128)
         at++;
      if(at < length && bytes[at] == 34)
        {
         text = BytesToText(bytes, begin, at - begin);
         at++;
         return true;
        }
      ARRAY(uchar, out);
      ArrayResize(out, length - begin + 4);
      int count = at - begin;
      for(int i = 0; i < count; i++)
         out[i] = bytes[begin + i];
      while(at < length)
        {
         int unit = (int)bytes[at];
         if(unit == 34)
           {
            at++;
            text = BytesToText(out, 0, count);
            return true;
           }
         if(unit < 32)
            break;
         if(unit == 92)
           {
            at++;
            count = Escape(out, count);
            if(count < 0)
               break;
            continue;
           }
         int many = Utf8Length(at);
         if(many == 0)
            break;
         for(int i = 0; i < many; i++)
            out[count + i] = bytes[at + i];
         count += many;
         at += many;
        }
      Fail("a string that is none");
      return false;
     }

   int               DigitRun()
     {
      int begin = at;
      while(at < length && bytes[at] >= 48 && bytes[at] <= 57)
         at++;
      return at - begin;
     }

   int               Number()
     {
      int begin = at;
      if(bytes[at] == 45)
         at++;
      int first = at < length ? (int)bytes[at] : 0;
      int whole = DigitRun();
      bool good = whole > 0 && !(whole > 1 && first == 48);
      if(good && at < length && bytes[at] == 46)
        {
         at++;
         good = DigitRun() > 0;
        }
      if(good && at < length && (bytes[at] == 101 || bytes[at] == 69))
        {
         at++;
         if(at < length && (bytes[at] == 43 || bytes[at] == 45))
            at++;
         good = DigitRun() > 0;
        }
      if(!good)
        {
         Fail("a number that is none");
         return -1;
        }
      int node = Add(JSON_NUMBER);
      if(node >= 0)
         nodes[node].text = BytesToText(bytes, begin, at - begin);
      return node;
     }

   int               Items(const int depth, const bool is_object)
     {
      int node = Add(is_object ? JSON_OBJECT : JSON_ARRAY);
      if(node < 0)
         return -1;
      int closing = is_object ? 125 : 93;
      at++;
      SkipSpace();
      if(at < length && bytes[at] == closing)
        {
         at++;
         return node;
        }
      int last = -1;
      int members = 0;
      while(at < length)
        {
         string key = "";
         members++;
         if(members > (is_object ? JSON_MEMBERS_MAX : JSON_ITEMS_MAX))
           {
            Fail("too many items in one list or object");
            return -1;
           }
         if(is_object)
           {
            SkipSpace();
            if(!String(key))
               return -1;
            if(Member(node, key) >= 0)
              {
               Fail("`" + Shortened(key, 40) + "` stands twice in one object");
               return -1;
              }
            SkipSpace();
            if(at >= length || bytes[at] != 58)
              {
               Fail("a colon was expected");
               return -1;
              }
            at++;
           }
         int value = Value(depth + 1);
         if(value < 0)
            return -1;
         nodes[value].key = key;
         if(last < 0)
            nodes[node].first = value;
         else
            nodes[last].next = value;
         last = value;
         SkipSpace();
         if(at >= length)
            break;
         if(bytes[at] == closing)
           {
            at++;
            return node;
           }
         if(bytes[at] != 44)
            break;
         at++;
        }
      Fail("the line ends within a list or an object");
      return -1;
     }

   int               Value(const int depth)
     {
      if(depth > JSON_DEPTH_MAX)
        {
         Fail("nested too deep");
         return -1;
        }
      SkipSpace();
      if(at >= length)
        {
         Fail("the line ends too early");
         return -1;
        }
      int unit = (int)bytes[at];
      if(unit == 123)
         return Items(depth, true);
      if(unit == 91)
         return Items(depth, false);
      if(unit == 34)
        {
         string text = "";
         if(!String(text))
            return -1;
         int node = Add(JSON_STRING);
         if(node >= 0)
            nodes[node].text = text;
         return node;
        }
      if(unit == 45 || (unit >= 48 && unit <= 57))
         return Number();
      if(Word("true"))
         return Add(JSON_TRUE);
      if(Word("false"))
         return Add(JSON_FALSE);
      if(Word("null"))
         return Add(JSON_NULL);
      Fail("no value of JSON");
      return -1;
     }

   int               Wanted(const int object, const string key, const int kind)
     {
      int node = Member(object, key);
      if(node < 0)
         Fail("`" + key + "` is missing");
      else if(nodes[node].kind != kind)
        {
         Fail("`" + key + "` is of another kind");
         return -1;
        }
      return node;
     }

public:
   string            error;

                     Json()
     {
      at = 0;
      length = 0;
      used = 0;
      error = "";
     }

   // Reads `count` bytes from `from` on: one object, and nothing behind it.
   bool              Parse(ARRAY_IN(uchar, source), const int from, const int count)
     {
      ArrayResize(bytes, 0);
      ArrayResize(bytes, count);
      for(int i = 0; i < count; i++)
         bytes[i] = source[from + i];
      at = 0;
      length = count;
      used = 0;
      error = "";
      int node = Value(1);
      if(node < 0)
         return false;
      if(nodes[node].kind != JSON_OBJECT)
        {
         Fail("no object");
         return false;
        }
      SkipSpace();
      if(at < length)
        {
         Fail("something stands behind the object");
         return false;
        }
      return true;
     }

   int               Kind(const int node)
     {
      return nodes[node].kind;
     }

   int               First(const int node)
     {
      return node < 0 ? -1 : nodes[node].first;
     }

   int               Next(const int node)
     {
      return node < 0 ? -1 : nodes[node].next;
     }

   string            TextOf(const int node)
     {
      return node < 0 ? "" : nodes[node].text;
     }

   int               Member(const int object, const string key)
     {
      if(object < 0 || nodes[object].kind != JSON_OBJECT)
         return -1;
      int node = nodes[object].first;
      while(node >= 0)
        {
         if(nodes[node].key == key)
            return node;
         node = nodes[node].next;
        }
      return -1;
     }

   bool              Has(const int object, const string key)
     {
      return Member(object, key) >= 0;
     }

   string            Text(const int object, const string key)
     {
      return TextOf(Wanted(object, key, JSON_STRING));
     }

   int               Object(const int object, const string key)
     {
      return Wanted(object, key, JSON_OBJECT);
     }

   int               List(const int object, const string key)
     {
      return Wanted(object, key, JSON_ARRAY);
     }

   bool              Truth(const int object, const string key)
     {
      int node = Member(object, key);
      if(node < 0 || (nodes[node].kind != JSON_TRUE && nodes[node].kind != JSON_FALSE))
        {
         Fail("`" + key + "` is missing, or neither true nor false");
         return false;
        }
      return nodes[node].kind == JSON_TRUE;
     }

   // An integer between `least` and `most`, without point or exponent.
   long              Integer(const int object, const string key, const long least, const long most)
     {
      int node = Wanted(object, key, JSON_NUMBER);
      if(node < 0)
         return least;
      string text = nodes[node].text;
      int begin = StringGetCharacter(text, 0) == 45 ? 1 : 0;
      int end = StringLen(text);
      if(!AreDigits(text, begin, end) || end - begin > 18)
        {
         Fail("`" + key + "` is no whole number");
         return least;
        }
      long value = StringToInteger(text);
      if(value < least || value > most)
        {
         Fail("`" + key + "` is out of its range");
         return least;
        }
      return value;
     }

   ulong             Id(const int object, const string key)
     {
      ulong number = 0;
      if(!ParseId(Text(object, key), number))
         Fail("`" + key + "` is not a string of at most 20 digits");
      return number;
     }

   double            DecimalOf(const int object, const string key)
     {
      double number = 0;
      if(!ParseDecimal(Text(object, key), number))
         Fail("`" + key + "` is not a decimal with at most eight places");
      return number;
     }

   // Nothing was amiss so far.
   bool              Good()
     {
      return error == "";
     }
  };

// A string as JSON, quoted.
string Quoted(const string text)
  {
   string quote = ShortToString(34);
   string out = quote;
   int length = StringLen(text);
   int begin = 0;
   for(int i = 0; i < length; i++)
     {
      int unit = (int)StringGetCharacter(text, i);
      if(unit != 34 && unit != 92 && unit >= 32)
         continue;
      if(i > begin)
         out = out + StringSubstr(text, begin, i - begin);
      begin = i + 1;
      if(unit == 34 || unit == 92)
         out = out + ShortToString(92) + StringSubstr(text, i, 1);
      else
        {
         string digits = "0123456789abcdef";
         out = out + ShortToString(92) + "u00" + StringSubstr(digits, unit / 16, 1) + StringSubstr(digits, unit % 16, 1);
        }
     }
   if(length > begin)
      out = out + StringSubstr(text, begin, length - begin);
   return out + quote;
  }

// Writes one object, member after member.
class Members
  {
private:
   string            text;

   void              Key(const string key)
     {
      if(text != "")
         text = text + ",";
      text = text + Quoted(key) + ":";
     }

public:
                     Members()
     {
      text = "";
     }

   void              Raw(const string key, const string json)
     {
      Key(key);
      text = text + json;
     }

   void              Text(const string key, const string value)
     {
      Raw(key, Quoted(value));
     }

   void              Whole(const string key, const long value)
     {
      Raw(key, IntegerToString(value));
     }

   void              Truth(const string key, const bool value)
     {
      Raw(key, value ? "true" : "false");
     }

   void              Id(const string key, const ulong value)
     {
      Text(key, NumberText(value));
     }

   void              Amount(const string key, const double value)
     {
      Text(key, Decimal(value));
     }

   string            Object()
     {
      return "{" + text + "}";
     }
  };

// Appends an item to the inside of a JSON array.
void AppendItem(string &list, const string item)
  {
   if(list != "")
      list = list + ",";
   list = list + item;
  }
