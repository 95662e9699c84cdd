//+------------------------------------------------------------------+
//| Guards.mqh: the dead-man's switch                                |
//+------------------------------------------------------------------+
// While the engine is lost nothing opens, the stops at the server stay, and each extra's own stop, target and time limit
// are watched here, by the journal: distances from the average entry, market time. The closing order is never larger than
// the position that there is. What it did not fill, or was refused, is closed by another with a magic of its own, until
// deals prove the extra closed; none goes out while one before it has no proven end.
#define LEARN_EVERY_MS 5000
#define CLOSE_AGAIN_MS 1000
#define CLOSE_AGAIN_MOST_MS 30000
#define GUARD_DAY_MS 86400000
#define GUARDS_TOLD_MS 604800000

bool engine_lost = false;
// When an engine that may trade was last heard, by the server's clock; 0 for not in this run.
long last_life_server = 0;
// When the account's history was asked for the extras' deals, and when it last answered.
ulong guards_asked_at = 0;
ulong guards_learned_at = 0;
bool closing_tried = false;
string last_guard_error = "";

// The guarded order that an order closes; -1 for none.
int LegOf(const int i)
  {
   int leg = journal.entries[i].closes != 0 ? journal.Find(journal.entries[i].closes) : -1;
   return leg >= 0 && journal.entries[leg].guard != GUARD_NONE ? leg : -1;
  }

// Nothing is left to guard: all of it was opened, and all of it closed.
void SettleGuard(const int i)
  {
   if(journal.entries[i].guard == GUARD_OPEN && journal.entries[i].filled >= journal.entries[i].volume - LOT_DUST &&
      LeftOf(i) <= LOT_DUST)
      journal.EndGuard(i);
  }

// A deal of the selected history: does it fill a guarded order, or one that closes it?
void LearnDeal(const ulong ticket)
  {
   ulong magic = (ulong)HistoryDealGetInteger(ticket, DEAL_MAGIC);
   long entry = HistoryDealGetInteger(ticket, DEAL_ENTRY);
   int i = magic != 0 ? journal.Find(magic) : -1;
   if(i < 0)
      return;
   int leg = LegOf(i);
   bool opens = journal.entries[i].guard != GUARD_NONE && (entry == DEAL_ENTRY_IN || entry == DEAL_ENTRY_INOUT);
   bool closes = leg >= 0 && entry != DEAL_ENTRY_IN;
   if(!opens && !closes)
      return;
   journal.AddFill(i, ticket, HistoryDealGetDouble(ticket, DEAL_VOLUME), HistoryDealGetDouble(ticket, DEAL_PRICE),
                   HistoryDealGetInteger(ticket, DEAL_TIME_MSC), (ulong)HistoryDealGetInteger(ticket, DEAL_POSITION_ID));
   if(closes)
      SettleGuard(leg);
  }

bool IsOver(const long state)
  {
   return state == ORDER_STATE_CANCELED || state == ORDER_STATE_PARTIAL || state == ORDER_STATE_FILLED ||
          state == ORDER_STATE_REJECTED || state == ORDER_STATE_EXPIRED;
  }

// An order of the selected history: does its end say how much a closing order took?
void LearnEnd(const ulong ticket)
  {
   ulong magic = (ulong)HistoryOrderGetInteger(ticket, ORDER_MAGIC);
   int i = magic != 0 ? journal.Find(magic) : -1;
   if(i >= 0 && LegOf(i) >= 0 && IsOver(HistoryOrderGetInteger(ticket, ORDER_STATE)))
      journal.NoteEnded(i, HistoryOrderGetDouble(ticket, ORDER_VOLUME_INITIAL) -
                        HistoryOrderGetDouble(ticket, ORDER_VOLUME_CURRENT));
  }

// What history knows of guarded orders and of those that close them, and the journal does not. False where the terminal
// does not say.
bool LearnFills()
  {
   long since = 0;
   for(int i = 0; i < ArraySize(journal.entries); i++)
      if(journal.entries[i].guard == GUARD_OPEN && journal.entries[i].state != ENTRY_REFUSED &&
         (since == 0 || journal.entries[i].server < since))
         since = journal.entries[i].server;
   string error = "";
   if(since == 0)
      return true;
   if(!SelectHistory(since, error))
      return false;
   int total = HistoryDealsTotal();
   for(int n = 0; n < total; n++)
     {
      ulong ticket = HistoryDealGetTicket(n);
      if(ticket != 0)
         LearnDeal(ticket);
     }
   total = HistoryOrdersTotal();
   for(int n = 0; n < total; n++)
     {
      ulong ticket = HistoryOrderGetTicket(n);
      if(ticket != 0)
         LearnEnd(ticket);
     }
   // One that was filled in part and closed whole: the rest of it will not come any more.
   for(int i = 0; i < ArraySize(journal.entries); i++)
      if(journal.entries[i].guard == GUARD_OPEN && journal.entries[i].filled > LOT_DUST &&
         clocks.Server() - journal.entries[i].first_fill > GUARD_DAY_MS && LeftOf(i) <= LOT_DUST)
         journal.EndGuard(i);
   return true;
  }

bool IsGuarded(const int i)
  {
   if(journal.entries[i].guard != GUARD_OPEN || journal.entries[i].filled <= LOT_DUST)
      return false;
   Closings closings;
   ReadClosings(journal.entries[i].magic, closings);
   return !closings.doubt && journal.entries[i].filled - closings.taken > LOT_DUST;
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
   out.Amount("volume", LeftOf(i));
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
      Closings closings;
      ReadClosings(journal.entries[i].magic, closings);
      bool sent = closings.sent_at != 0 && closings.sent_at > clocks.Server() - GUARDS_TOLD_MS;
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

// How long after so many attempts the next one waits.
ulong PauseAfter(const int attempts)
  {
   ulong pause = CLOSE_AGAIN_MS;
   for(int n = 1; n < attempts && pause < CLOSE_AGAIN_MOST_MS; n++)
      pause = pause * 2;
   return MathMin(pause, (ulong)CLOSE_AGAIN_MOST_MS);
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
   Closings closings;
   ReadClosings(magic, closings);
   if(closings.attempts >= ATTEMPTS)
     {
      if(!journal.entries[i].given_up)
         Acted("deadman", magic, IntegerToString(ATTEMPTS) + " closing orders did not close the extra " + NumberText(magic) +
               ": it is left to the server's stop. Close it by hand");
      journal.entries[i].given_up = true;
      return;
     }
   MqlTick tick;
   if(!SymbolInfoTick(symbol, tick))
      return;
   Submission order;
   // A name of its own for each attempt: none is ever sent twice.
   order.magic = magic + BRIDGE_MAGIC + (ulong)closings.attempts * ATTEMPT_MAGIC;
   order.epoch = journal.epoch;
   order.symbol = symbol;
   order.buys = buys;
   order.opens = false;
   order.volume = MathMin(LeftOf(i), live);
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
   // An attempt is not spent while the server would refuse it anyway.
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
   closing_tried = true;
   SendOnce(own, request);
   journal.entries[i].tried_at = clocks.Monotonic();
   journal.entries[i].again_at = journal.entries[i].tried_at + PauseAfter(closings.attempts + 1);
   RestoreStops(symbol, sl, tp);
   string outcome = journal.entries[own].state == ENTRY_ANSWERED ?
                    "code " + IntegerToString(journal.entries[own].retcode) : journal.entries[own].why;
   if(journal.entries[own].state == ENTRY_ANSWERED && !IsRejection(journal.entries[own].retcode))
      outcome = outcome + ", " + Decimal(journal.entries[own].result_volume) + " lots filled";
   string which = closings.attempts > 0 ? " (attempt " + IntegerToString(closings.attempts + 1) + ")" : "";
   Acted("deadman", magic, "a closing order for " + Decimal(order.volume) + " lots of the extra " + NumberText(magic) +
         " on " + symbol + " was sent" + which + ": " + why + ". " + outcome);
  }

// On every tick and every turn of the timer.
void WatchGuards()
  {
   if(!engine_lost || journal.damage != "" || !TerminalConnected())
      return;
   ulong now = clocks.Monotonic();
   // What a closing order took decides whether there is another: that is asked for more often.
   ulong every = closing_tried ? CLOSE_AGAIN_MS : LEARN_EVERY_MS;
   if(guards_asked_at == 0 || now - guards_asked_at >= every)
     {
      guards_asked_at = now;
      if(LearnFills())
         guards_learned_at = now;
     }
   int count = ArraySize(journal.entries);
   for(int i = 0; i < count; i++)
     {
      if(journal.entries[i].guard != GUARD_OPEN || now < journal.entries[i].again_at ||
         guards_learned_at <= journal.entries[i].tried_at || !IsGuarded(i))
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
   guards_asked_at = 0;
   guards_learned_at = 0;
   closing_tried = false;
   for(int i = 0; i < ArraySize(journal.entries); i++)
     {
      if(journal.entries[i].guard != GUARD_OPEN)
         continue;
      journal.entries[i].looked = MathMax(journal.entries[i].first_fill, last_life_server);
      journal.entries[i].reached = "";
      journal.entries[i].again_at = 0;
      journal.entries[i].tried_at = 0;
      // What was begun to be closed, before a restart of this terminal, is to be closed; an engine since then took over.
      Closings closings;
      ReadClosings(journal.entries[i].magic, closings);
      if(closings.attempts == 0)
         continue;
      closing_tried = true;
      journal.entries[i].again_at = clocks.Monotonic() + PauseAfter(closings.attempts);
      if(journal.armed_epoch > 0 && closings.tried_in >= journal.armed_epoch)
         journal.entries[i].reached = "its closing order did not close it";
     }
   int count = GuardCount();
   Print("Alavanca: the engine is lost (" + why + "); " + IntegerToString(count) + " extras are guarded here");
  }
