//+------------------------------------------------------------------+
//| Trade.mqh: orders, each sent once at most                        |
//+------------------------------------------------------------------+
// The advisor's own closing orders: the opening one's magic plus 2^52, plus 2^24 for each attempt before. So the numbers of
// orders that are guarded, the lower 32 bits of their magic, stay below 2^24.
#define BRIDGE_MAGIC ((ulong)4503599627370496)
#define ATTEMPT_MAGIC ((ulong)16777216)
#define ATTEMPTS 256
#define ORDER_NUMBERS ((ulong)4294967296)
#define COMMENT_MAX 26
#define NOT_SENT 0

// What the engine said at the session's begin, with the inputs where those are stricter.
struct Terms
  {
   ulong             epoch;
   bool              armed;
   long              heartbeat_ms;
   long              lost_after_ms;
   int               window;
   bool              flatten;
   string            symbols;
   double            order_lots;
   double            position_lots;
   long              orders_per_minute;
  };

// An order as the engine asks for it.
struct Submission
  {
   ulong             magic;
   ulong             epoch;
   string            symbol;
   bool              buys;
   bool              opens;
   double            volume;
   double            price;
   long              deviation;
   double            sl;
   double            tp;
   ENUM_ORDER_TYPE_FILLING filling;
   string            comment;
   ulong             position;
   ulong             closes;
   bool              guarded;
   double            stop;
   double            target;
   long              hold_seconds;
   long              not_after;
  };

Terms terms;
Journal journal;

// Volumes are sums of steps: what differs by less than this is the same.
#define LOT_DUST 0.0000001

void SayResult(const ulong magic, const long retcode, const ulong deal, const ulong order, const double volume,
               const double price, const double bid, const double ask, const string comment, const long external,
               const string margin, const string cid)
  {
   Members out;
   out.Id("magic", magic);
   out.Whole("retcode", retcode);
   out.Id("deal", deal);
   out.Id("order", order);
   out.Amount("volume", volume);
   out.Amount("price", price);
   out.Amount("bid", bid);
   out.Amount("ask", ask);
   out.Text("comment", comment);
   out.Whole("retcode_external", external);
   if(margin != "")
      out.Text("margin", margin);
   channel.Say("result", out.Object(), cid);
  }

void SayNotSent(const ulong magic, const string why, const string cid)
  {
   SayResult(magic, NOT_SENT, 0, 0, 0, 0, 0, 0, why, 0, "", cid);
  }

void SayUnknown(const ulong magic, const string why, const string cid)
  {
   Members out;
   out.Id("magic", magic);
   out.Text("why", why);
   channel.Say("unknown", out.Object(), cid);
  }

void SayAccepted(const ulong magic, const bool again, const string cid)
  {
   Members out;
   out.Id("magic", magic);
   out.Truth("again", again);
   channel.Say("accepted", out.Object(), cid);
  }

string ResultJson(const Entry &entry)
  {
   Members out;
   out.Id("magic", entry.magic);
   out.Whole("retcode", entry.state == ENTRY_REFUSED ? NOT_SENT : entry.retcode);
   out.Id("deal", entry.deal);
   out.Id("order", entry.order);
   out.Amount("volume", entry.result_volume);
   out.Amount("price", entry.result_price);
   out.Amount("bid", entry.bid);
   out.Amount("ask", entry.ask);
   out.Text("comment", entry.state == ENTRY_REFUSED ? entry.why : entry.comment);
   out.Whole("retcode_external", entry.external);
   return out.Object();
  }

void SayOutcome(const int i, const string cid)
  {
   int state = journal.entries[i].state;
   if(state == ENTRY_ANSWERED || state == ENTRY_REFUSED)
      channel.Say("result", ResultJson(journal.entries[i]), cid);
   else
      SayUnknown(journal.entries[i].magic, journal.entries[i].why != "" ? journal.entries[i].why :
                 "the advisor was restarted while the order was being sent", cid);
  }

// Tells at once what was done, or with the next session, until an engine has acknowledged it.
void SayDeeds()
  {
   for(int i = 0; i < ArraySize(journal.deeds) && channel.stage == STAGE_UP; i++)
     {
      if(journal.deeds[i].told || journal.deeds[i].frame != 0)
         continue;
      Members out;
      out.Text("because", journal.deeds[i].because);
      out.Id("magic", journal.deeds[i].magic);
      out.Text("text", journal.deeds[i].text);
      out.Whole("server", journal.deeds[i].server);
      channel.Say("acted", out.Object(), "");
      journal.deeds[i].frame = channel.seq;
     }
  }

void Acted(const string because, const ulong magic, const string text)
  {
   Print("Alavanca: " + text);
   journal.AddDeed(because, magic, text, clocks.Server());
   SayDeeds();
  }

// 10011, 10012 and 10031 say nothing of what became of the order; neither does no code at all, or one that nobody knows.
bool IsUnknownRetcode(const long retcode)
  {
   return retcode < TRADE_RETCODE_REQUOTE || retcode > TRADE_RETCODE_HEDGE_PROHIBITED || retcode == 10005 ||
          retcode == 10037 || retcode == TRADE_RETCODE_ERROR || retcode == TRADE_RETCODE_TIMEOUT ||
          retcode == TRADE_RETCODE_CONNECTION;
  }

bool IsRejection(const long retcode)
  {
   return !IsUnknownRetcode(retcode) && retcode != TRADE_RETCODE_PLACED && retcode != TRADE_RETCODE_DONE &&
          retcode != TRADE_RETCODE_DONE_PARTIAL && retcode != TRADE_RETCODE_NO_CHANGES;
  }

// The one place where an order that has a magic is sent. It is in the journal as `sending` before.
void SendOnce(const int i, MqlTradeRequest &request)
  {
   request.magic = journal.entries[i].magic;
   if(!journal.NoteSending(i))
     {
      journal.NoteRefused(i, "the journal could not be written: " + journal.damage);
      return;
     }
   MqlTradeResult result;
   ZeroMemory(result);
   ResetLastError();
   bool sent = OrderSend(request, result);
   int error = GetLastError();
   if(IsUnknownRetcode((long)result.retcode))
     {
      journal.NoteUnknown(i, "OrderSend said " + (string)(sent ? "true" : "false") + " with code " +
                          IntegerToString((long)result.retcode) + ", error " + IntegerToString(error) + ". " +
                          Shortened(result.comment, 100));
      return;
     }
   journal.entries[i].retcode = (long)result.retcode;
   journal.entries[i].deal = result.deal;
   journal.entries[i].order = result.order;
   journal.entries[i].result_volume = result.volume;
   journal.entries[i].result_price = result.price;
   journal.entries[i].bid = result.bid;
   journal.entries[i].ask = result.ask;
   journal.entries[i].comment = Shortened(result.comment + "", 200);
   journal.entries[i].external = (long)result.retcode_external;
   journal.NoteAnswer(i);
   // What never opened needs no guard.
   if(IsRejection(journal.entries[i].retcode))
      journal.EndGuard(i);
  }

// What closing orders took of an extra, by their deals.
struct Closings
  {
   double            taken;
   // One of them may have taken more, or may still: of any, of the advisor's own.
   bool              doubt;
   bool              own_doubt;
   // The advisor's own: how many, when the last was sent (server), and in which engine's epoch the last was tried.
   int               attempts;
   long              sent_at;
   ulong             tried_in;
  };

// Whether a closing order may still take something, or may have taken what no deal tells yet.
bool MayTakeMore(const Entry &entry)
  {
   if(entry.state == ENTRY_REFUSED || entry.filled >= entry.volume - LOT_DUST)
      return false;
   if(entry.ended)
      return entry.filled < entry.ended_filled - LOT_DUST;
   return entry.state != ENTRY_ANSWERED || !IsRejection(entry.retcode);
  }

void ReadClosings(const ulong magic, Closings &closings)
  {
   ZeroMemory(closings);
   for(int i = 0; i < ArraySize(journal.entries); i++)
     {
      if(journal.entries[i].closes != magic)
         continue;
      bool more = MayTakeMore(journal.entries[i]);
      closings.doubt = closings.doubt || more;
      closings.taken += journal.entries[i].filled;
      if(journal.entries[i].magic < BRIDGE_MAGIC)
         continue;
      closings.own_doubt = closings.own_doubt || more;
      closings.attempts++;
      closings.tried_in = MathMax(closings.tried_in, journal.entries[i].epoch);
      if(journal.entries[i].state != ENTRY_REFUSED)
         closings.sent_at = MathMax(closings.sent_at, journal.entries[i].server);
     }
  }

// What of an extra no closing order has taken.
double LeftOf(const int i)
  {
   Closings closings;
   ReadClosings(journal.entries[i].magic, closings);
   return NormalizeDouble(MathMax(0.0, journal.entries[i].filled - closings.taken), 8);
  }

// The live volume of a symbol: bought is positive. False where the terminal does not say.
bool LiveVolume(const string symbol, double &signed_volume, double &gross)
  {
   signed_volume = 0;
   gross = 0;
   ResetLastError();
   int total = PositionsTotal();
   if(GetLastError() != 0 || !TerminalConnected())
      return false;
   for(int i = 0; i < total; i++)
     {
      if(PositionGetTicket(i) == 0)
         return false;
      if(PositionGetString(POSITION_SYMBOL) != symbol)
         continue;
      double volume = PositionGetDouble(POSITION_VOLUME);
      gross += volume;
      signed_volume += PositionGetInteger(POSITION_TYPE) == POSITION_TYPE_BUY ? volume : -volume;
     }
   return true;
  }

// A close has to find the position that it reduces, and not be larger: a netting account would turn round.
string CloseRefusal(const string symbol, const bool buys, const double volume, const ulong position)
  {
   double live = 0;
   if(IsHedging() && position != 0)
     {
      if(!TerminalConnected())
         return "the position is not known: the terminal is not connected";
      if(!PositionSelectByTicket(position))
         return "there is no position " + NumberText(position) + " to close";
      live = PositionGetInteger(POSITION_TYPE) == POSITION_TYPE_BUY ? PositionGetDouble(POSITION_VOLUME)
             : -PositionGetDouble(POSITION_VOLUME);
      if(PositionGetString(POSITION_SYMBOL) != symbol)
         return "position " + NumberText(position) + " is of another symbol";
     }
   else if(IsHedging())
      return "a close has to name its position on a hedging account";
   else
     {
      double gross = 0;
      if(!LiveVolume(symbol, live, gross))
         return "the position is not known (error " + IntegerToString(GetLastError()) + ")";
     }
   double reducible = buys ? -live : live;
   if(reducible < LOT_DUST)
      return "there is nothing to close: the position is " + Decimal(live) + " lots";
   if(volume > reducible + LOT_DUST)
      return "closing " + Decimal(volume) + " lots would cross flat: the position is " + Decimal(live) + " lots";
   return "";
  }

int OpeningsInTheLastMinute()
  {
   int count = 0;
   long since = clocks.Utc() - 60000;
   for(int i = ArraySize(journal.entries) - 1; i >= 0; i--)
     {
      bool sent = journal.entries[i].state != ENTRY_REFUSED && journal.entries[i].state != ENTRY_JOURNALED;
      if(sent && journal.entries[i].opens && journal.entries[i].utc > since)
         count++;
     }
   return count;
  }

// Why the caps forbid an opening; empty where they do not.
string CapsRefusal(const Submission &order)
  {
   if(!IsListed(terms.symbols, order.symbol) || (Symbols != "" && !IsListed(Symbols, order.symbol)))
      return order.symbol + " is not among the symbols that may be traded";
   double lots = OrderLotsMax > 0 ? MathMin(terms.order_lots, OrderLotsMax) : terms.order_lots;
   if(order.volume > lots + LOT_DUST)
      return Decimal(order.volume) + " lots are more than the cap of an order, " + Decimal(lots);
   double live = 0;
   double gross = 0;
   if(!LiveVolume(order.symbol, live, gross))
      return "the position is not known (error " + IntegerToString(GetLastError()) + ")";
   double after = IsHedging() ? gross + order.volume : MathAbs(live + (order.buys ? order.volume : -order.volume));
   lots = PositionLotsMax > 0 ? MathMin(terms.position_lots, PositionLotsMax) : terms.position_lots;
   if(after > lots + LOT_DUST)
      return "a position of " + Decimal(after) + " lots would be more than the cap, " + Decimal(lots);
   long rate = OrdersPerMinuteMax > 0 ? MathMin(terms.orders_per_minute, (long)OrdersPerMinuteMax)
               : terms.orders_per_minute;
   if(OpeningsInTheLastMinute() >= rate)
      return IntegerToString(rate) + " orders that open were sent in the last 60 seconds: that is the cap";
   return "";
  }

// Why an order is not sent at all; empty where it may be. `capped` says that it was the caps.
string Refusal(const Submission &order, bool &capped)
  {
   capped = false;
   if(order.epoch < journal.epoch)
      return "epoch " + NumberText(order.epoch) + " is over: " + NumberText(journal.epoch) + " has begun";
   if(order.epoch > terms.epoch)
      return "epoch " + NumberText(order.epoch) + " has not begun: the session's is " + NumberText(terms.epoch);
   if(!terms.armed)
      return "the session is not armed";
   if(!TerminalConnected())
      return "the terminal is not connected";
   if(!TradeAllowed())
      return "trading by programs is switched off in the terminal or for the account";
   if(order.volume < LOT_DUST)
      return "no volume";
   if(StringLen(order.comment) > COMMENT_MAX || AsciiOnly(order.comment, COMMENT_MAX) != order.comment)
      return "a comment has at most " + IntegerToString(COMMENT_MAX) + " ASCII characters";
   if(clocks.Server() > order.not_after)
      return "it came too late: it was to be sent until " + IntegerToString(order.not_after) + ", now is " +
             IntegerToString(clocks.Server());
   if(!order.opens)
     {
      Closings closings;
      ReadClosings(order.closes, closings);
      if(order.closes != 0 && closings.own_doubt)
         return "the advisor's own closing order of " + NumberText(order.closes) + " has no outcome yet";
      return CloseRefusal(order.symbol, order.buys, order.volume, order.position);
     }
   if(order.guarded && order.magic % ORDER_NUMBERS >= ATTEMPT_MAGIC)
      return "its order number is 2^24 or more: there would be no name to close it by";
   if(journal.killed)
      return "the kill button is pressed";
   string why = CapsRefusal(order);
   capped = why != "";
   return why;
  }

ENUM_ORDER_TYPE_FILLING FillingOf(const string name)
  {
   if(name == "fok")
      return ORDER_FILLING_FOK;
   if(name == "ioc")
      return ORDER_FILLING_IOC;
   return ORDER_FILLING_RETURN;
  }

void ReadSubmission(Json &frame, const int body, Submission &order)
  {
   order.magic = frame.Id(body, "magic");
   order.epoch = (ulong)frame.Integer(body, "epoch", 0, 999999999999999999);
   order.symbol = frame.Text(body, "symbol");
   string side = frame.Text(body, "side");
   order.buys = side == "buy";
   string intent = frame.Text(body, "intent");
   order.opens = intent == "open";
   order.volume = frame.DecimalOf(body, "volume");
   order.price = frame.DecimalOf(body, "price");
   order.deviation = frame.Integer(body, "deviation", 0, 4294967295);
   order.sl = frame.DecimalOf(body, "sl");
   order.tp = frame.DecimalOf(body, "tp");
   string filling = frame.Text(body, "filling");
   order.filling = FillingOf(filling);
   order.comment = frame.Text(body, "comment");
   order.position = frame.Has(body, "position") ? frame.Id(body, "position") : 0;
   order.closes = frame.Has(body, "closes") ? frame.Id(body, "closes") : 0;
   order.guarded = frame.Has(body, "guard");
   order.stop = 0;
   order.target = 0;
   order.hold_seconds = 0;
   if(order.guarded)
     {
      int guard = frame.Object(body, "guard");
      order.stop = frame.DecimalOf(guard, "stop");
      order.target = frame.DecimalOf(guard, "target");
      order.hold_seconds = frame.Integer(guard, "hold_seconds", 0, 4294967295);
     }
   order.not_after = frame.Integer(body, "not_after_server", -999999999999999, 999999999999999);
   if(!frame.Good())
      return;
   if(side != "buy" && side != "sell")
      frame.error = "`side` is neither buy nor sell";
   if(intent != "open" && intent != "close")
      frame.error = "`intent` is neither open nor close";
   if(filling != "fok" && filling != "ioc" && filling != "return")
      frame.error = "`filling` is none of fok, ioc, return";
  }

void BuildRequest(const Submission &order, MqlTradeRequest &request)
  {
   ZeroMemory(request);
   int digits = (int)SymbolInfoInteger(order.symbol, SYMBOL_DIGITS);
   request.action = TRADE_ACTION_DEAL;
   request.magic = order.magic;
   request.symbol = order.symbol;
   request.volume = order.volume;
   request.type = order.buys ? ORDER_TYPE_BUY : ORDER_TYPE_SELL;
   request.price = NormalizeDouble(order.price, digits);
   request.sl = NormalizeDouble(order.sl, digits);
   request.tp = NormalizeDouble(order.tp, digits);
   request.deviation = (ulong)order.deviation;
   request.type_filling = order.filling;
   request.type_time = ORDER_TIME_GTC;
   request.comment = order.comment;
   request.position = IsHedging() ? order.position : 0;
  }

void EntryOf(const Submission &order, Entry &entry)
  {
   BlankEntry(entry);
   entry.magic = order.magic;
   entry.epoch = order.epoch;
   entry.symbol = order.symbol;
   entry.opens = order.opens;
   entry.buys = order.buys;
   entry.volume = order.volume;
   entry.closes = order.closes;
   entry.position = order.position;
   entry.server = clocks.Server();
   entry.utc = clocks.Utc();
   entry.guard = order.opens && order.guarded ? GUARD_OPEN : GUARD_NONE;
   entry.stop = order.stop;
   entry.target = order.target;
   entry.hold_seconds = order.hold_seconds;
  }

void SubmitOrder(Json &frame, const int body, const string cid)
  {
   Submission order;
   ReadSubmission(frame, body, order);
   if(!frame.Good())
      return;
   // Not written down: those are the names of this advisor's own closing orders.
   if(order.magic == 0 || order.magic >= BRIDGE_MAGIC)
     {
      SayNotSent(order.magic, "a magic number is from 1 to 2^52 - 1", cid);
      return;
     }
   int known = journal.Find(order.magic);
   if(known >= 0)
     {
      if(journal.entries[known].state != ENTRY_REFUSED)
         SayAccepted(order.magic, true, cid);
      SayOutcome(known, cid);
      return;
     }
   if(journal.damage != "")
     {
      SayNotSent(order.magic, "nothing is sent: " + journal.damage, cid);
      return;
     }
   bool capped = false;
   string why = Refusal(order, capped);
   Entry entry;
   EntryOf(order, entry);
   int i = journal.NoteOrder(entry);
   if(i < 0)
     {
      SayNotSent(order.magic, "the journal could not be written: " + journal.damage, cid);
      return;
     }
   if(why != "")
     {
      journal.NoteRefused(i, why);
      SayOutcome(i, cid);
      if(capped)
         Acted("caps", order.magic, "order " + NumberText(order.magic) + " was not sent: " + why);
      return;
     }
   SayAccepted(order.magic, false, cid);
   channel.Flush();
   MqlTradeRequest request;
   BuildRequest(order, request);
   SendOnce(i, request);
   SayOutcome(i, cid);
   channel.Flush();
  }

void CheckOrder(Json &frame, const int body, const string cid)
  {
   Submission order;
   ReadSubmission(frame, body, order);
   if(!frame.Good())
      return;
   MqlTradeRequest request;
   BuildRequest(order, request);
   MqlTradeCheckResult check;
   ZeroMemory(check);
   bool passes = OrderCheck(request, check);
   long retcode = (long)check.retcode;
   // A check that fails without a code must not look like one that passes, which is 0 here.
   if(!passes && retcode == 0)
      retcode = TRADE_RETCODE_ERROR;
   SayResult(order.magic, retcode, 0, 0, order.volume, order.price, 0, 0, check.comment + "", 0, Decimal(check.margin),
             cid);
  }

void CloseByOrder(Json &frame, const int body, const string cid)
  {
   ulong magic = frame.Id(body, "magic");
   ulong epoch = (ulong)frame.Integer(body, "epoch", 0, 999999999999999999);
   ulong position = frame.Id(body, "position");
   ulong position_by = frame.Id(body, "position_by");
   if(!frame.Good())
      return;
   if(magic == 0 || magic >= BRIDGE_MAGIC)
     {
      SayNotSent(magic, "a magic number is from 1 to 2^52 - 1", cid);
      return;
     }
   int known = journal.Find(magic);
   if(known >= 0)
     {
      if(journal.entries[known].state != ENTRY_REFUSED)
         SayAccepted(magic, true, cid);
      SayOutcome(known, cid);
      return;
     }
   Entry entry;
   BlankEntry(entry);
   entry.magic = magic;
   entry.epoch = epoch;
   entry.position = position;
   entry.server = clocks.Server();
   entry.utc = clocks.Utc();
   string why = "";
   if(epoch < journal.epoch || epoch > terms.epoch)
      why = "epoch " + NumberText(epoch) + " is not the session's, " + NumberText(terms.epoch);
   else if(!terms.armed)
      why = "the session is not armed";
   else if(!PositionSelectByTicket(position) || !PositionSelectByTicket(position_by))
      why = "one of the two positions is not there";
   else
      entry.symbol = PositionGetString(POSITION_SYMBOL);
   int i = journal.NoteOrder(entry);
   if(i < 0)
     {
      SayNotSent(magic, "the journal could not be written: " + journal.damage, cid);
      return;
     }
   if(why != "")
     {
      journal.NoteRefused(i, why);
      SayOutcome(i, cid);
      return;
     }
   SayAccepted(magic, false, cid);
   channel.Flush();
   MqlTradeRequest request;
   ZeroMemory(request);
   request.action = TRADE_ACTION_CLOSE_BY;
   request.position = position;
   request.position_by = position_by;
   SendOnce(i, request);
   SayOutcome(i, cid);
  }

// Changes of stops and resting orders have no magic: to ask twice does no harm.
void SendChange(MqlTradeRequest &request, const string cid)
  {
   string why = "";
   if(!terms.armed)
      why = "the session is not armed";
   else if(journal.damage != "")
      why = "nothing is sent: " + journal.damage;
   else if(!TerminalConnected())
      why = "the terminal is not connected";
   if(why != "")
     {
      SayNotSent(0, why, cid);
      return;
     }
   MqlTradeResult result;
   ZeroMemory(result);
   ResetLastError();
   bool sent = OrderSend(request, result);
   int error = GetLastError();
   if(IsUnknownRetcode((long)result.retcode))
     {
      SayUnknown(0, "OrderSend said " + (string)(sent ? "true" : "false") + " with code " +
                 IntegerToString((long)result.retcode) + ", error " + IntegerToString(error), cid);
      return;
     }
   SayResult(0, (long)result.retcode, result.deal, result.order, result.volume, result.price, result.bid, result.ask,
             Shortened(result.comment + "", 200), (long)result.retcode_external, "", cid);
  }

void ChangePositionStops(Json &frame, const int body, const string cid)
  {
   string symbol = frame.Text(body, "symbol");
   MqlTradeRequest request;
   ZeroMemory(request);
   int digits = (int)SymbolInfoInteger(symbol, SYMBOL_DIGITS);
   request.action = TRADE_ACTION_SLTP;
   request.symbol = symbol;
   request.position = frame.Id(body, "position");
   request.sl = NormalizeDouble(frame.DecimalOf(body, "sl"), digits);
   request.tp = NormalizeDouble(frame.DecimalOf(body, "tp"), digits);
   if(frame.Good())
      SendChange(request, cid);
  }

void ModifyOrder(Json &frame, const int body, const string cid)
  {
   MqlTradeRequest request;
   ZeroMemory(request);
   request.action = TRADE_ACTION_MODIFY;
   request.order = frame.Id(body, "order");
   request.price = frame.DecimalOf(body, "price");
   request.sl = frame.DecimalOf(body, "sl");
   request.tp = frame.DecimalOf(body, "tp");
   if(frame.Good() && OrderSelect(request.order))
     {
      request.symbol = OrderGetString(ORDER_SYMBOL);
      request.type_time = (ENUM_ORDER_TYPE_TIME)OrderGetInteger(ORDER_TYPE_TIME);
      request.expiration = (datetime)OrderGetInteger(ORDER_TIME_EXPIRATION);
     }
   if(frame.Good())
      SendChange(request, cid);
  }

void CancelOrder(Json &frame, const int body, const string cid)
  {
   MqlTradeRequest request;
   ZeroMemory(request);
   request.action = TRADE_ACTION_REMOVE;
   request.order = frame.Id(body, "order");
   request.magic = frame.Id(body, "magic");
   if(frame.Good())
      SendChange(request, cid);
  }

void Calculate(Json &frame, const int body, const string cid, const bool margin)
  {
   string symbol = frame.Text(body, "symbol");
   string side = frame.Text(body, "side");
   double volume = frame.DecimalOf(body, "volume");
   double from = frame.DecimalOf(body, margin ? "price" : "open");
   double to = margin ? 0 : frame.DecimalOf(body, "close");
   if(frame.Good() && side != "buy" && side != "sell")
      frame.error = "`side` is neither buy nor sell";
   if(!frame.Good())
      return;
   ENUM_ORDER_TYPE type = side == "buy" ? ORDER_TYPE_BUY : ORDER_TYPE_SELL;
   double amount = 0;
   ResetLastError();
   bool known = margin ? OrderCalcMargin(type, symbol, volume, from, amount)
                : OrderCalcProfit(type, symbol, volume, from, to, amount);
   Members out;
   if(known)
      out.Amount("amount", amount);
   else
      out.Text("error", "the terminal could not calculate it (error " + IntegerToString(GetLastError()) + ")");
   channel.Say("calculated", out.Object(), cid);
  }
