//+------------------------------------------------------------------+
//| Market.mqh: symbols, their sessions, ticks and bars              |
//+------------------------------------------------------------------+
#define TICKS_A_FRAME 400
#define TICKS_A_CALL 2000
#define BARS_A_CALL 1000
#define BARS_MAX 200000

// A symbol that the engine subscribed to, and how far its ticks were sent.
struct Feed
  {
   string            symbol;
   bool              ticks;
   // The last tick sent, and how many of the same millisecond were.
   long              last;
   int               at_last;
  };

ARRAY(Feed, feeds);

string SymbolSpecJson(const string symbol)
  {
   bool is_custom = false;
   bool exists = SymbolExist(symbol, is_custom) && SymbolSelect(symbol, true);
   Members out;
   out.Text("symbol", symbol);
   out.Truth("exists", exists);
   out.Text("description", exists ? SymbolInfoString(symbol, SYMBOL_DESCRIPTION) : "");
   out.Whole("digits", exists ? SymbolInfoInteger(symbol, SYMBOL_DIGITS) : 0);
   out.Amount("point", exists ? SymbolInfoDouble(symbol, SYMBOL_POINT) : 0);
   out.Amount("tick_size", exists ? SymbolInfoDouble(symbol, SYMBOL_TRADE_TICK_SIZE) : 0);
   out.Amount("tick_value", exists ? SymbolInfoDouble(symbol, SYMBOL_TRADE_TICK_VALUE) : 0);
   out.Amount("contract_size", exists ? SymbolInfoDouble(symbol, SYMBOL_TRADE_CONTRACT_SIZE) : 0);
   out.Amount("volume_min", exists ? SymbolInfoDouble(symbol, SYMBOL_VOLUME_MIN) : 0);
   out.Amount("volume_max", exists ? SymbolInfoDouble(symbol, SYMBOL_VOLUME_MAX) : 0);
   out.Amount("volume_step", exists ? SymbolInfoDouble(symbol, SYMBOL_VOLUME_STEP) : 0);
   out.Whole("stops_level", exists ? SymbolInfoInteger(symbol, SYMBOL_TRADE_STOPS_LEVEL) : 0);
   out.Whole("freeze_level", exists ? SymbolInfoInteger(symbol, SYMBOL_TRADE_FREEZE_LEVEL) : 0);
   out.Whole("filling_mode", exists ? SymbolInfoInteger(symbol, SYMBOL_FILLING_MODE) : 0);
   out.Whole("execution", exists ? SymbolInfoInteger(symbol, SYMBOL_TRADE_EXEMODE) : 0);
   out.Whole("trade_mode", exists ? SymbolInfoInteger(symbol, SYMBOL_TRADE_MODE) : 0);
   long expires = exists ? SymbolInfoInteger(symbol, SYMBOL_EXPIRATION_TIME) : 0;
   if(expires > 0)
      out.Whole("expires_server", expires * 1000);
   out.Text("currency_profit", exists ? SymbolInfoString(symbol, SYMBOL_CURRENCY_PROFIT) : "");
   out.Text("currency_margin", exists ? SymbolInfoString(symbol, SYMBOL_CURRENCY_MARGIN) : "");
   return out.Object();
  }

string SessionCalendarJson(const string symbol)
  {
   string sessions = "";
   for(int weekday = 0; weekday < 7; weekday++)
     {
      for(uint index = 0; index < 10; index++)
        {
         datetime from = 0;
         datetime to = 0;
         if(!SymbolInfoSessionTrade(symbol, (ENUM_DAY_OF_WEEK)weekday, index, from, to))
            break;
         Members session;
         session.Whole("weekday", weekday);
         session.Whole("from", (long)from % 86400);
         // A session up to midnight ends at 24:00, which is no time of its day.
         session.Whole("to", (long)to > 86400 || ((long)to % 86400 == 0 && to > 0) ? 86400 : (long)to);
         AppendItem(sessions, session.Object());
        }
     }
   Members out;
   out.Text("symbol", symbol);
   out.Truth("known", sessions != "");
   out.Raw("sessions", "[" + sessions + "]");
   return out.Object();
  }

int FeedOf(const string symbol)
  {
   for(int i = 0; i < ArraySize(feeds); i++)
      if(feeds[i].symbol == symbol)
         return i;
   return -1;
  }

// Ticks begin with the last one that there is.
void BeginFeed(const int i)
  {
   MqlTick tick;
   feeds[i].last = 0;
   feeds[i].at_last = 0;
   if(SymbolInfoTick(feeds[i].symbol, tick))
      feeds[i].last = tick.time_msc;
  }

void Subscribe(const string symbol, const bool ticks)
  {
   channel.Say("symbol_spec", SymbolSpecJson(symbol), "");
   channel.Say("session_calendar", SessionCalendarJson(symbol), "");
   int i = FeedOf(symbol);
   if(i < 0)
     {
      i = ArraySize(feeds);
      ArrayResize(feeds, i + 1, 8);
      feeds[i].symbol = symbol;
      feeds[i].ticks = false;
     }
   if(ticks && !feeds[i].ticks)
      BeginFeed(i);
   feeds[i].ticks = ticks;
  }

void SayTicks(const string symbol, ARRAY_IN(MqlTick, ticks), const int from, const int to)
  {
   string rows = "";
   for(int i = from; i < to; i++)
     {
      double volume = ticks[i].volume_real > 0 ? ticks[i].volume_real : (double)ticks[i].volume;
      AppendItem(rows, "[" + IntegerToString(ticks[i].time_msc) + "," + Quoted(Decimal(ticks[i].bid)) + "," +
                 Quoted(Decimal(ticks[i].ask)) + "," + Quoted(Decimal(ticks[i].last)) + "," + Quoted(Decimal(volume)) +
                 "," + IntegerToString((long)ticks[i].flags) + "]");
     }
   Members out;
   out.Text("symbol", symbol);
   out.Raw("ticks", "[" + rows + "]");
   channel.Say("tick", out.Object(), "");
  }

// Asks from the last millisecond on and passes over what was sent of it: so no tick is lost and none comes twice, also
// where several share a millisecond. Where all that came are of that one millisecond more are asked for.
bool PumpFeed(const int i)
  {
   int count = TICKS_A_CALL;
   ARRAY(MqlTick, ticks);
   int got = 0;
   while(true)
     {
      got = CopyTicks(feeds[i].symbol, ticks, COPY_TICKS_ALL, (ulong)feeds[i].last, (uint)count);
      if(got < count || ticks[got - 1].time_msc > feeds[i].last || count >= 256 * TICKS_A_CALL)
         break;
      count = count * 4;
     }
   if(got <= 0)
      return false;
   int from = 0;
   int passed = 0;
   while(from < got && (ticks[from].time_msc < feeds[i].last ||
                        (ticks[from].time_msc == feeds[i].last && passed < feeds[i].at_last)))
     {
      if(ticks[from].time_msc == feeds[i].last)
         passed++;
      from++;
     }
   if(from >= got)
      return false;
   int to = MathMin(got, from + TICKS_A_FRAME);
   SayTicks(feeds[i].symbol, ticks, from, to);
   for(int n = from; n < to; n++)
     {
      if(ticks[n].time_msc == feeds[i].last)
         feeds[i].at_last++;
      else
        {
         feeds[i].last = ticks[n].time_msc;
         feeds[i].at_last = 1;
        }
     }
   clocks.NoteTick(feeds[i].last);
   return to < got || got == count;
  }

// Sends what came, as long as fewer frames than the engine's window are on the way; the rest waits in the terminal.
void PumpTicks(const int window)
  {
   for(int i = 0; i < ArraySize(feeds); i++)
     {
      bool more = feeds[i].ticks;
      while(more && channel.stage == STAGE_UP && channel.TickFramesOut() < window)
         more = PumpFeed(i);
     }
  }

ENUM_TIMEFRAMES TimeframeOf(const long seconds)
  {
   switch((int)seconds)
     {
      case 60:
         return PERIOD_M1;
      case 120:
         return PERIOD_M2;
      case 180:
         return PERIOD_M3;
      case 240:
         return PERIOD_M4;
      case 300:
         return PERIOD_M5;
      case 360:
         return PERIOD_M6;
      case 600:
         return PERIOD_M10;
      case 720:
         return PERIOD_M12;
      case 900:
         return PERIOD_M15;
      case 1200:
         return PERIOD_M20;
      case 1800:
         return PERIOD_M30;
      case 3600:
         return PERIOD_H1;
      case 7200:
         return PERIOD_H2;
      case 10800:
         return PERIOD_H3;
      case 14400:
         return PERIOD_H4;
      case 21600:
         return PERIOD_H6;
      case 28800:
         return PERIOD_H8;
      case 43200:
         return PERIOD_H12;
      case 86400:
         return PERIOD_D1;
      default:
         break;
     }
   return PERIOD_CURRENT;
  }

void SayBars(const string symbol, const long seconds, const string rows, const bool more, const string error,
             const string cid)
  {
   Members out;
   out.Text("symbol", symbol);
   out.Whole("seconds", seconds);
   out.Truth("more", more);
   if(error != "")
      out.Text("error", error);
   out.Raw("bars", "[" + rows + "]");
   channel.Say("bars", out.Object(), cid);
  }

// Appends the bars of a page that are newer than `after`, up to `to`, and complete.
void KeepBars(ARRAY_IN(MqlRates, page), const int got, const long seconds, const long after, const long to,
              ARRAY_OUT(MqlRates, bars))
  {
   long now = clocks.Server() / 1000;
   for(int i = 0; i < got; i++)
     {
      long begin = (long)page[i].time;
      int count = ArraySize(bars);
      long last = count > 0 ? (long)bars[count - 1].time : after;
      if(begin <= last || begin > to || begin + seconds > now)
         continue;
      ArrayResize(bars, count + 1, BARS_A_CALL);
      bars[count] = page[i];
     }
  }

bool BarsBetween(const string symbol, const long seconds, const long from, const long to, ARRAY_OUT(MqlRates, bars),
                 string &error)
  {
   ENUM_TIMEFRAMES frame = TimeframeOf(seconds);
   ARRAY(MqlRates, page);
   long end = MathMin(to, clocks.Server() / 1000);
   for(long begin = from; begin <= end; begin += BARS_A_CALL * seconds)
     {
      long page_end = MathMin(end, begin + BARS_A_CALL * seconds - 1);
      ResetLastError();
      int got = CopyRates(symbol, frame, (datetime)begin, (datetime)page_end, page);
      if(got < 0 && GetLastError() != ERR_HISTORY_NOT_FOUND)
        {
         error = "CopyRates failed (error " + IntegerToString(GetLastError()) + "); history may still be loading";
         return false;
        }
      KeepBars(page, got, seconds, from - 1, to, bars);
      if(ArraySize(bars) > BARS_MAX)
        {
         error = "more than " + IntegerToString(BARS_MAX) + " bars; ask for less at a time";
         return false;
        }
     }
   return true;
  }

// The newest `count` complete bars. Pages go back in time by position; a bar that opens meanwhile moves the positions,
// and then stands in two pages.
bool BarsBefore(const string symbol, const long seconds, const int count, ARRAY_OUT(MqlRates, bars), string &error)
  {
   ENUM_TIMEFRAMES frame = TimeframeOf(seconds);
   ARRAY(MqlRates, page);
   ARRAY(MqlRates, newest_first);
   int want = count + 1;
   int start = 0;
   while(start < want)
     {
      int ask = MathMin(BARS_A_CALL, want - start);
      ResetLastError();
      int got = CopyRates(symbol, frame, start, ask, page);
      if(got < 0 && start == 0)
        {
         error = "CopyRates failed (error " + IntegerToString(GetLastError()) + "); history may still be loading";
         return false;
        }
      for(int i = got - 1; i >= 0; i--)
        {
         int n = ArraySize(newest_first);
         if(n > 0 && page[i].time >= newest_first[n - 1].time)
            continue;
         ArrayResize(newest_first, n + 1, BARS_A_CALL);
         newest_first[n] = page[i];
        }
      start += ask;
      if(got < ask)
         break;
     }
   int have = ArraySize(newest_first);
   ARRAY(MqlRates, in_order);
   ArrayResize(in_order, have);
   for(int i = 0; i < have; i++)
      in_order[i] = newest_first[have - 1 - i];
   ARRAY(MqlRates, complete);
   KeepBars(in_order, have, seconds, -1, clocks.Server() / 1000, complete);
   int skip = MathMax(0, ArraySize(complete) - count);
   ArrayResize(bars, ArraySize(complete) - skip);
   for(int i = 0; i < ArraySize(bars); i++)
      bars[i] = complete[i + skip];
   return true;
  }

string BarRow(const MqlRates &bar)
  {
   return "[" + IntegerToString((long)bar.time * 1000) + "," + Quoted(Decimal(bar.open)) + "," +
          Quoted(Decimal(bar.high)) + "," + Quoted(Decimal(bar.low)) + "," + Quoted(Decimal(bar.close)) + "," +
          IntegerToString(bar.tick_volume) + "," + IntegerToString(bar.real_volume) + "," +
          IntegerToString(MathMax(0, bar.spread)) + "]";
  }

void AnswerBars(Json &frame, const int body, const string cid)
  {
   string symbol = frame.Text(body, "symbol");
   long seconds = frame.Integer(body, "seconds", 1, 100000000);
   bool by_count = frame.Has(body, "count");
   long count = by_count ? frame.Integer(body, "count", 0, 4294967295) : 0;
   bool by_range = frame.Has(body, "from_server") && frame.Has(body, "to_server");
   long from = by_range ? frame.Integer(body, "from_server", 0, 9999999999999) / 1000 : 0;
   long to = by_range ? frame.Integer(body, "to_server", 0, 9999999999999) / 1000 : 0;
   if(!frame.Good())
      return;
   ARRAY(MqlRates, bars);
   ArrayResize(bars, 0);
   string error = "";
   if(TimeframeOf(seconds) == PERIOD_CURRENT)
      error = "MetaTrader has no bars of " + IntegerToString(seconds) + " seconds";
   else if(!SymbolSelect(symbol, true))
      error = "there is no symbol " + symbol;
   else if(by_range)
      BarsBetween(symbol, seconds, from, to, bars, error);
   else if(by_count && count <= BARS_MAX)
      BarsBefore(symbol, seconds, (int)count, bars, error);
   else
      error = "bars are asked for by from_server and to_server, or by a count of at most " + IntegerToString(BARS_MAX);
   if(error != "")
     {
      SayBars(symbol, seconds, "", false, error, cid);
      return;
     }
   string rows = "";
   for(int i = 0; i < ArraySize(bars); i++)
     {
      string row = BarRow(bars[i]);
      if(StringLen(rows) + StringLen(row) > FRAME_ROOM)
        {
         SayBars(symbol, seconds, rows, true, "", cid);
         rows = "";
        }
      AppendItem(rows, row);
     }
   SayBars(symbol, seconds, rows, false, "", cid);
  }
