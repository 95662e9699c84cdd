//+------------------------------------------------------------------+
//| Guards.mqh: the dead-man's switch                                |
//+------------------------------------------------------------------+
// While the engine is lost nothing opens, the stops at the server stay, and each extra's own stop, target and time limit
// are watched here, by the journal: distances from the average entry, market time. An extra is closed by one order at
// most, whose magic is the opening one plus 2^52; it is never larger than the position that there is.
#define LEARN_EVERY_MS 5000
#define CLOSE_AGAIN_MS 1000
#define GUARDS_TOLD_MS 604800000

bool engine_lost = false;
// When an engine that may trade was last heard, by the server's clock; 0 for not in this run.
long last_life_server = 0;
ulong guards_learned_at = 0;
string last_guard_error = "";

// A deal of the selected history: does it fill a guarded order?
void LearnDeal(const ulong ticket)
  {
   ulong magic = (ulong)HistoryDealGetInteger(ticket, DEAL_MAGIC);
   long entry = HistoryDealGetInteger(ticket, DEAL_ENTRY);
   if(magic == 0 || (entry != DEAL_ENTRY_IN && entry != DEAL_ENTRY_INOUT))
      return;
   int i = journal.Find(magic);
   if(i < 0 || journal.entries[i].guard == GUARD_NONE)
      return;
   journal.AddFill(i, ticket, HistoryDealGetDouble(ticket, DEAL_VOLUME), HistoryDealGetDouble(ticket, DEAL_PRICE),
                   HistoryDealGetInteger(ticket, DEAL_TIME_MSC), (ulong)HistoryDealGetInteger(ticket, DEAL_POSITION_ID));
  }

// The deals of guarded orders that history knows and the journal does not.
void LearnFills()
  {
   long since = 0;
   for(int i = 0; i < ArraySize(journal.entries); i++)
      if(journal.entries[i].guard == GUARD_OPEN && (since == 0 || journal.entries[i].server < since))
         since = journal.entries[i].server;
   string error = "";
   if(since == 0 || !SelectHistory(since, error))
      return;
   int total = HistoryDealsTotal();
   for(int n = 0; n < total; n++)
     {
      ulong ticket = HistoryDealGetTicket(n);
      if(ticket != 0)
         LearnDeal(ticket);
     }
  }

// The order that closes a leg and was sent, or may have been: -1 for none. One that was surely rejected counts for
// nothing, since the leg is as open as before.
int ClosingOf(const ulong magic)
  {
   for(int i = ArraySize(journal.entries) - 1; i >= 0; i--)
     {
      if(journal.entries[i].closes != magic || journal.entries[i].state == ENTRY_REFUSED)
         continue;
      bool rejected = journal.entries[i].state == ENTRY_ANSWERED && IsRejection(journal.entries[i].retcode);
      if(!rejected || journal.entries[i].magic >= BRIDGE_MAGIC)
         return i;
     }
   return -1;
  }

bool IsGuarded(const int i)
  {
   return journal.entries[i].guard == GUARD_OPEN && journal.entries[i].filled > LOT_DUST &&
          ClosingOf(journal.entries[i].magic) < 0;
  }

double GuardEntry(const int i)
  {
   return journal.entries[i].paid / journal.entries[i].filled;
  }

double GuardStop(const int i)
  {
   return GuardEntry(i) + (journal.entries[i].buys ? -journal.entries[i].stop : journal.entries[i].stop);
  }

double GuardTarget(const int i)
  {
   return GuardEntry(i) + (journal.entries[i].buys ? journal.entries[i].target : -journal.entries[i].target);
  }

long GuardUntil(const int i)
  {
   return journal.entries[i].first_fill + journal.entries[i].hold_seconds * 1000;
  }

string GuardedJson(const int i, const bool closed_by_bridge)
  {
   Members out;
   out.Id("magic", journal.entries[i].magic);
   out.Text("symbol", journal.entries[i].symbol);
   out.Text("side", SideName(journal.entries[i].buys));
   out.Amount("volume", closed_by_bridge ? 0 : journal.entries[i].filled);
   out.Amount("stop", GuardStop(i));
   out.Amount("target", GuardTarget(i));
   out.Whole("until_server", GuardUntil(i));
   out.Truth("closed_by_bridge", closed_by_bridge);
   return out.Object();
  }

// What is guarded, and what this advisor closed by itself within the last week.
void GuardsJson(ARRAY_OUT(string, items))
  {
   ArrayResize(items, 0);
   for(int i = 0; i < ArraySize(journal.entries); i++)
     {
      if(journal.entries[i].guard == GUARD_NONE || journal.entries[i].filled <= LOT_DUST)
         continue;
      int own = journal.Find(journal.entries[i].magic + BRIDGE_MAGIC);
      bool sent = own >= 0 && journal.entries[own].state != ENTRY_REFUSED &&
                  journal.entries[own].server > clocks.Server() - GUARDS_TOLD_MS;
      if(!sent && !IsGuarded(i))
         continue;
      int count = ArraySize(items);
      ArrayResize(items, count + 1, 16);
      items[count] = GuardedJson(i, sent);
     }
  }

int GuardCount()
  {
   int count = 0;
   for(int i = 0; i < ArraySize(journal.entries); i++)
      if(journal.entries[i].guard == GUARD_OPEN && IsGuarded(i))
         count++;
   return count;
  }

// Whether a tick reaches an extra's stop or target; what it reached, or nothing.
string LevelReached(const int i, const MqlTick &tick)
  {
   // In an auction the book crosses: its prices are none.
   if(tick.bid > 0 && tick.ask > 0 && tick.bid > tick.ask)
      return "";
   bool bought = journal.entries[i].buys;
   double price = bought ? tick.bid : tick.ask;
   if(price <= 0)
      price = tick.last;
   if(price <= 0)
      return "";
   bool stopped = bought ? price <= GuardStop(i) : price >= GuardStop(i);
   bool met = bought ? price >= GuardTarget(i) : price <= GuardTarget(i);
   if(journal.entries[i].stop > 0 && stopped)
      return "its stop was reached at " + Decimal(price);
   if(journal.entries[i].target > 0 && met)
      return "its target was reached at " + Decimal(price);
   return "";
  }

// Looks at every tick since the engine was last heard: a level that was reached stays reached, wherever the market went
// afterwards.
void LookAtTicks(const int i)
  {
   ARRAY(MqlTick, ticks);
   string symbol = journal.entries[i].symbol;
   int got = TICKS_A_CALL;
   while(got == TICKS_A_CALL && journal.entries[i].reached == "")
     {
      long from = journal.entries[i].looked;
      got = CopyTicks(symbol, ticks, COPY_TICKS_ALL, (ulong)from, TICKS_A_CALL);
      for(int n = 0; n < got && journal.entries[i].reached == ""; n++)
         journal.entries[i].reached = LevelReached(i, ticks[n]);
      if(got > 0)
         journal.entries[i].looked = MathMax(ticks[got - 1].time_msc, got == TICKS_A_CALL ? from + 1 : from);
     }
   MqlTick last;
   if(journal.entries[i].reached == "" && SymbolInfoTick(symbol, last))
      journal.entries[i].reached = LevelReached(i, last);
  }

// Why an extra has to be closed now; empty for not yet.
string GuardReason(const int i)
  {
   if(journal.flatten || DeadMan == DEADMAN_FLATTEN)
      return "the engine is lost";
   if(journal.entries[i].reached == "" && journal.entries[i].hold_seconds > 0 && clocks.Server() >= GuardUntil(i))
      journal.entries[i].reached = "its time is over";
   if(journal.entries[i].reached == "")
      LookAtTicks(i);
   return journal.entries[i].reached;
  }

// How much of an extra the position still holds; below 0 where the terminal does not say. `position` is the one to close
// on a hedging account.
double LiveOf(const int i, ulong &position)
  {
   position = 0;
   if(!IsHedging())
     {
      double live = 0;
      double gross = 0;
      if(!LiveVolume(journal.entries[i].symbol, live, gross))
         return -1;
      // Another position than the one that the extra was added to is none of its business.
      if(MathAbs(live) > LOT_DUST && (!PositionSelect(journal.entries[i].symbol) ||
                                      (ulong)PositionGetInteger(POSITION_IDENTIFIER) != journal.entries[i].leg))
         return 0;
      return MathMax(0.0, journal.entries[i].buys ? live : -live);
     }
   ResetLastError();
   int total = PositionsTotal();
   if(GetLastError() != 0 || !TerminalConnected())
      return -1;
   long type = journal.entries[i].buys ? POSITION_TYPE_BUY : POSITION_TYPE_SELL;
   for(int n = 0; n < total; n++)
     {
      ulong ticket = PositionGetTicket(n);
      if(ticket == 0)
         return -1;
      if((ulong)PositionGetInteger(POSITION_IDENTIFIER) != journal.entries[i].leg ||
         PositionGetInteger(POSITION_TYPE) != type)
         continue;
      position = ticket;
      return PositionGetDouble(POSITION_VOLUME);
     }
   return 0;
  }

// What can be had at once, and nothing left resting.
ENUM_ORDER_TYPE_FILLING ClosingFilling(const string symbol)
  {
   long modes = SymbolInfoInteger(symbol, SYMBOL_FILLING_MODE);
   if((modes & SYMBOL_FILLING_IOC) != 0)
      return ORDER_FILLING_IOC;
   if((modes & SYMBOL_FILLING_FOK) != 0)
      return ORDER_FILLING_FOK;
   return ORDER_FILLING_RETURN;
  }

// What is left of a netting position keeps its stop and target when a part is closed. Brokers differ: where they are
// gone, they are set again.
void RestoreStops(const string symbol, const double sl, const double tp)
  {
   if(IsHedging() || (sl == 0 && tp == 0) || !PositionSelect(symbol))
      return;
   if(PositionGetDouble(POSITION_SL) == sl && PositionGetDouble(POSITION_TP) == tp)
      return;
   MqlTradeRequest request;
   ZeroMemory(request);
   request.action = TRADE_ACTION_SLTP;
   request.symbol = symbol;
   request.position = (ulong)PositionGetInteger(POSITION_TICKET);
   request.sl = sl;
   request.tp = tp;
   MqlTradeResult result;
   ZeroMemory(result);
   if(!OrderSend(request, result))
      last_guard_error = "the stop of " + symbol + " is gone and could not be set again (" +
                         IntegerToString((long)result.retcode) + ")";
  }

void CloseGuarded(const int i, const string why)
  {
   ulong position = 0;
   double live = LiveOf(i, position);
   if(live < 0)
      return;
   if(live < LOT_DUST)
     {
      // The server's stop, or a person, was faster.
      journal.EndGuard(i);
      return;
     }
   ulong magic = journal.entries[i].magic;
   string symbol = journal.entries[i].symbol;
   bool buys = !journal.entries[i].buys;
   MqlTick tick;
   if(!SymbolInfoTick(symbol, tick))
      return;
   Submission order;
   order.magic = magic + BRIDGE_MAGIC;
   order.epoch = journal.epoch;
   order.symbol = symbol;
   order.buys = buys;
   order.opens = false;
   order.volume = MathMin(journal.entries[i].filled, live);
   order.price = buys ? (tick.ask > 0 ? tick.ask : tick.last) : (tick.bid > 0 ? tick.bid : tick.last);
   order.deviation = DeadManDeviation;
   order.sl = 0;
   order.tp = 0;
   order.filling = ClosingFilling(symbol);
   order.comment = "alavanca dead man";
   order.position = position;
   order.closes = magic;
   order.guarded = false;
   order.stop = 0;
   order.target = 0;
   order.hold_seconds = 0;
   order.not_after = 0;
   MqlTradeRequest request;
   BuildRequest(order, request);
   // There is one attempt: it is not spent while the server would refuse it anyway.
   MqlTradeCheckResult check;
   ZeroMemory(check);
   if(!OrderCheck(request, check) || CloseRefusal(symbol, buys, order.volume, position) != "")
     {
      journal.entries[i].again_at = clocks.Monotonic() + CLOSE_AGAIN_MS;
      last_guard_error = "the extra " + NumberText(magic) + " cannot be closed yet: " + check.comment + " (" +
                         IntegerToString((long)check.retcode) + ")";
      return;
     }
   Entry entry;
   EntryOf(order, entry);
   int own = journal.NoteOrder(entry);
   if(own < 0)
      return;
   double sl = 0;
   double tp = 0;
   if(!IsHedging() && PositionSelect(symbol))
     {
      sl = PositionGetDouble(POSITION_SL);
      tp = PositionGetDouble(POSITION_TP);
     }
   last_guard_error = "";
   SendOnce(own, request);
   RestoreStops(symbol, sl, tp);
   string outcome = journal.entries[own].state == ENTRY_ANSWERED ?
                    "code " + IntegerToString(journal.entries[own].retcode) : journal.entries[own].why;
   Acted("deadman", magic, "the extra " + NumberText(magic) + " on " + symbol + ", " + Decimal(order.volume) +
         " lots, was closed: " + why + ". " + outcome);
  }

// On every tick and every turn of the timer.
void WatchGuards()
  {
   if(!engine_lost || journal.damage != "" || !TerminalConnected())
      return;
   ulong now = clocks.Monotonic();
   if(guards_learned_at == 0 || now - guards_learned_at >= LEARN_EVERY_MS)
     {
      LearnFills();
      guards_learned_at = now;
     }
   int count = ArraySize(journal.entries);
   for(int i = 0; i < count; i++)
     {
      if(journal.entries[i].guard != GUARD_OPEN || now < journal.entries[i].again_at || !IsGuarded(i))
         continue;
      string why = GuardReason(i);
      if(why != "")
         CloseGuarded(i, why);
     }
  }

void EngineLost(const string why)
  {
   if(engine_lost)
      return;
   engine_lost = true;
   guards_learned_at = 0;
   for(int i = 0; i < ArraySize(journal.entries); i++)
     {
      journal.entries[i].looked = MathMax(journal.entries[i].first_fill, last_life_server);
      journal.entries[i].reached = "";
      journal.entries[i].again_at = 0;
     }
   int count = GuardCount();
   Print("Alavanca: the engine is lost (" + why + "); " + IntegerToString(count) + " extras are guarded here");
  }
