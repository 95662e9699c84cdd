//+------------------------------------------------------------------+
//| Text.mqh: numbers and text as the wire wants them                |
//+------------------------------------------------------------------+
// Prices, volumes, money and 64-bit numbers travel as strings of digits, so that nothing rounds them on the way.

#define ID_DIGITS_MAX 20
#define DECIMAL_PLACES 8
// What the other side's 10^-8 counts can hold.
#define DECIMAL_MAX 92233720368.0
#define RAW_MAX ((ulong)9223372036854775807)

string NumberText(const ulong number)
  {
   if(number == 0)
      return "0";
   string text = "";
   ulong rest = number;
   while(rest > 0)
     {
      text = ShortToString((ushort)(48 + (int)(rest % 10))) + text;
      rest = rest / 10;
     }
   return text;
  }

bool AreDigits(const string text, const int from, const int to)
  {
   if(to <= from)
      return false;
   for(int i = from; i < to; i++)
     {
      int unit = (int)StringGetCharacter(text, i);
      if(unit < 48 || unit > 57)
         return false;
     }
   return true;
  }

// A string of at most 20 digits that fits 64 bits.
bool ParseId(const string text, ulong &number)
  {
   int length = StringLen(text);
   if(length > ID_DIGITS_MAX || !AreDigits(text, 0, length))
      return false;
   ulong most = ~((ulong)0);
   ulong sum = 0;
   for(int i = 0; i < length; i++)
     {
      ulong digit = (ulong)(StringGetCharacter(text, i) - 48);
      if(sum > (most - digit) / 10)
         return false;
      sum = sum * 10 + digit;
     }
   number = sum;
   return true;
  }

// `5.25`, `-0.1`: at most eight places, no exponent, no plus sign, no spaces.
bool ParseDecimal(const string text, double &number)
  {
   int length = StringLen(text);
   int begin = (length > 0 && StringGetCharacter(text, 0) == 45) ? 1 : 0;
   int point = StringFind(text, ".");
   int whole_end = point < 0 ? length : point;
   if(!AreDigits(text, begin, whole_end))
      return false;
   if(point >= 0 && (!AreDigits(text, point + 1, length) || length - point - 1 > DECIMAL_PLACES))
      return false;
   ulong raw = 0;
   for(int i = begin; i < whole_end + 1 + DECIMAL_PLACES; i++)
     {
      if(i == whole_end)
         continue;
      ulong digit = i < length ? (ulong)(StringGetCharacter(text, i) - 48) : 0;
      if(raw > (RAW_MAX - digit) / 10)
         return false;
      raw = raw * 10 + digit;
     }
   number = StringToDouble(text);
   return true;
  }

// The shortest such text; what is no number, or too large for the wire, becomes 0 or the largest.
string Decimal(const double number)
  {
   if(!MathIsValidNumber(number))
      return "0";
   double value = MathMax(-DECIMAL_MAX + 1, MathMin(DECIMAL_MAX - 1, number));
   string text = DoubleToString(value, DECIMAL_PLACES);
   int end = StringLen(text);
   while(end > 0 && StringGetCharacter(text, end - 1) == 48)
      end--;
   if(end > 0 && StringGetCharacter(text, end - 1) == 46)
      end--;
   text = StringSubstr(text, 0, end);
   if(text == "-0" || text == "")
      return "0";
   return text;
  }

string Hex(ARRAY_IN(uchar, bytes))
  {
   string digits = "0123456789abcdef";
   string text = "";
   for(int i = 0; i < ArraySize(bytes); i++)
      text = text + StringSubstr(digits, (int)bytes[i] / 16, 1) + StringSubstr(digits, (int)bytes[i] % 16, 1);
   return text;
  }

int HexValue(const int unit)
  {
   if(unit >= 48 && unit <= 57)
      return unit - 48;
   if(unit >= 97 && unit <= 102)
      return unit - 87;
   if(unit >= 65 && unit <= 70)
      return unit - 55;
   return -1;
  }

bool IsHex(const string text, const int length)
  {
   if(StringLen(text) != length)
      return false;
   for(int i = 0; i < length; i++)
      if(HexValue((int)StringGetCharacter(text, i)) < 0)
         return false;
   return true;
  }

bool IsLowerHex(const string text, const int length)
  {
   if(!IsHex(text, length))
      return false;
   for(int i = 0; i < length; i++)
      if(StringGetCharacter(text, i) >= 65 && StringGetCharacter(text, i) <= 70)
         return false;
   return true;
  }

bool Unhex(const string text, ARRAY_OUT(uchar, bytes))
  {
   int length = StringLen(text);
   if(length % 2 != 0 || !IsHex(text, length))
      return false;
   ArrayResize(bytes, length / 2);
   for(int i = 0; i < length / 2; i++)
     {
      int high = HexValue((int)StringGetCharacter(text, 2 * i));
      int low = HexValue((int)StringGetCharacter(text, 2 * i + 1));
      bytes[i] = (uchar)(high * 16 + low);
     }
   return true;
  }

// UTF-8 without the NUL that StringToCharArray appends.
int TextToBytes(const string text, ARRAY_OUT(uchar, bytes))
  {
   ArrayResize(bytes, 0);
   if(StringLen(text) == 0)
      return 0;
   StringToCharArray(text, bytes, 0, WHOLE_ARRAY, CP_UTF8);
   int length = ArraySize(bytes);
   while(length > 0 && bytes[length - 1] == 0)
      length--;
   ArrayResize(bytes, length);
   return length;
  }

string BytesToText(ARRAY_IN(uchar, bytes), const int from, const int length)
  {
   if(length <= 0)
      return "";
   return CharArrayToString(bytes, from, length, CP_UTF8);
  }

string Shortened(const string text, const int most)
  {
   if(StringLen(text) <= most)
      return text;
   return StringSubstr(text, 0, most);
  }

// Printable ASCII alone, for an order's comment.
string AsciiOnly(const string text, const int most)
  {
   string kept = "";
   for(int i = 0; i < StringLen(text) && StringLen(kept) < most; i++)
     {
      int unit = (int)StringGetCharacter(text, i);
      if(unit >= 32 && unit < 127)
         kept = kept + StringSubstr(text, i, 1);
     }
   return kept;
  }

// Whether `name` stands in a list divided by commas.
bool IsListed(const string list, const string name)
  {
   ARRAY(string, parts);
   int count = StringSplit(list, 44, parts);
   for(int i = 0; i < count; i++)
     {
      string part = parts[i];
      StringTrimLeft(part);
      StringTrimRight(part);
      if(part == name)
         return true;
     }
   return false;
  }
