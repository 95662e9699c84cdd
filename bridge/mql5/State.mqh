//+------------------------------------------------------------------+
//| State.mqh: account, positions, orders and deals as JSON          |
//+------------------------------------------------------------------+
// A day and a bit on both sides of what is asked for: history is kept by the server's wall clock, and an hour may be
// repeated or left out.
#define HISTORY_PAD 90000

bool TerminalConnected()
  {
   return TerminalInfoInteger(TERMINAL_CONNECTED) != 0;
  }

bool TradeAllowed()
  {
   return TerminalInfoInteger(TERMINAL_TRADE_ALLOWED) != 0 && MQLInfoInteger(MQL_TRADE_ALLOWED) != 0 &&
          AccountInfoInteger(ACCOUNT_TRADE_ALLOWED) != 0 && AccountInfoInteger(ACCOUNT_TRADE_EXPERT) != 0;
  }

bool IsHedging()
  {
   return AccountInfoInteger(ACCOUNT_MARGIN_MODE) == ACCOUNT_MARGIN_MODE_RETAIL_HEDGING;
  }

string TradeModeName()
  {
   long mode = AccountInfoInteger(ACCOUNT_TRADE_MODE);
   if(mode == ACCOUNT_TRADE_MODE_DEMO)
      return "demo";
   if(mode == ACCOUNT_TRADE_MODE_CONTEST)
      return "contest";
   return "real";
  }

string AccountIdentityJson()
  {
   Members out;
   out.Id("login", (ulong)AccountInfoInteger(ACCOUNT_LOGIN));
   out.Text("server", AccountInfoString(ACCOUNT_SERVER));
   out.Text("company", AccountInfoString(ACCOUNT_COMPANY));
   out.Text("trade_mode", TradeModeName());
   out.Whole("margin_mode", AccountInfoInteger(ACCOUNT_MARGIN_MODE));
   out.Text("currency", AccountInfoString(ACCOUNT_CURRENCY));
   out.Whole("currency_digits", AccountInfoInteger(ACCOUNT_CURRENCY_DIGITS));
   return out.Object();
  }

string AccountStateJson()
  {
   Members out;
   out.Amount("balance", AccountInfoDouble(ACCOUNT_BALANCE));
   out.Amount("equity", AccountInfoDouble(ACCOUNT_EQUITY));
   out.Amount("margin", AccountInfoDouble(ACCOUNT_MARGIN));
   out.Amount("margin_free", AccountInfoDouble(ACCOUNT_MARGIN_FREE));
   out.Whole("server", clocks.Server());
   return out.Object();
  }

string SideName(const bool buys)
  {
   return buys ? "buy" : "sell";
  }

// The position that is selected.
string PositionJson()
  {
   Members out;
   out.Id("ticket", (ulong)PositionGetInteger(POSITION_TICKET));
   out.Id("identifier", (ulong)PositionGetInteger(POSITION_IDENTIFIER));
   out.Text("symbol", PositionGetString(POSITION_SYMBOL));
   out.Text("side", SideName(PositionGetInteger(POSITION_TYPE) == POSITION_TYPE_BUY));
   out.Amount("volume", PositionGetDouble(POSITION_VOLUME));
   out.Amount("price_open", PositionGetDouble(POSITION_PRICE_OPEN));
   out.Amount("sl", PositionGetDouble(POSITION_SL));
   out.Amount("tp", PositionGetDouble(POSITION_TP));
   out.Id("magic", (ulong)PositionGetInteger(POSITION_MAGIC));
   out.Amount("profit", PositionGetDouble(POSITION_PROFIT));
   out.Amount("swap", PositionGetDouble(POSITION_SWAP));
   out.Text("comment", PositionGetString(POSITION_COMMENT));
   out.Whole("opened_server", PositionGetInteger(POSITION_TIME_MSC));
   return out.Object();
  }

string OrderFields(const ulong ticket, const string symbol, const long kind, const long state, const double initial,
                   const double current, const double price, const double sl, const double tp, const ulong magic,
                   const ulong position, const string comment, const long set_up)
  {
   Members out;
   out.Id("ticket", ticket);
   out.Text("symbol", symbol);
   out.Whole("kind", kind);
   out.Whole("state", state);
   out.Amount("volume_initial", initial);
   out.Amount("volume_current", current);
   out.Amount("price", price);
   out.Amount("sl", sl);
   out.Amount("tp", tp);
   out.Id("magic", magic);
   out.Id("position", position);
   out.Text("comment", comment);
   out.Whole("set_up_server", set_up);
   return out.Object();
  }

// The resting order that is selected.
string RestingOrderJson()
  {
   return OrderFields((ulong)OrderGetInteger(ORDER_TICKET), OrderGetString(ORDER_SYMBOL), OrderGetInteger(ORDER_TYPE),
                      OrderGetInteger(ORDER_STATE), OrderGetDouble(ORDER_VOLUME_INITIAL),
                      OrderGetDouble(ORDER_VOLUME_CURRENT), OrderGetDouble(ORDER_PRICE_OPEN), OrderGetDouble(ORDER_SL),
                      OrderGetDouble(ORDER_TP), (ulong)OrderGetInteger(ORDER_MAGIC),
                      (ulong)OrderGetInteger(ORDER_POSITION_ID), OrderGetString(ORDER_COMMENT),
                      OrderGetInteger(ORDER_TIME_SETUP_MSC));
  }

// An order of the selected history.
string PastOrderJson(const ulong ticket)
  {
   return OrderFields(ticket, HistoryOrderGetString(ticket, ORDER_SYMBOL), HistoryOrderGetInteger(ticket, ORDER_TYPE),
                      HistoryOrderGetInteger(ticket, ORDER_STATE), HistoryOrderGetDouble(ticket, ORDER_VOLUME_INITIAL),
                      HistoryOrderGetDouble(ticket, ORDER_VOLUME_CURRENT), HistoryOrderGetDouble(ticket, ORDER_PRICE_OPEN),
                      HistoryOrderGetDouble(ticket, ORDER_SL), HistoryOrderGetDouble(ticket, ORDER_TP),
                      (ulong)HistoryOrderGetInteger(ticket, ORDER_MAGIC),
                      (ulong)HistoryOrderGetInteger(ticket, ORDER_POSITION_ID), HistoryOrderGetString(ticket, ORDER_COMMENT),
                      HistoryOrderGetInteger(ticket, ORDER_TIME_SETUP_MSC));
  }

// A deal of the selected history.
string DealJson(const ulong ticket)
  {
   Members out;
   out.Id("ticket", ticket);
   out.Id("order", (ulong)HistoryDealGetInteger(ticket, DEAL_ORDER));
   out.Id("position", (ulong)HistoryDealGetInteger(ticket, DEAL_POSITION_ID));
   out.Text("symbol", HistoryDealGetString(ticket, DEAL_SYMBOL));
   out.Whole("kind", HistoryDealGetInteger(ticket, DEAL_TYPE));
   out.Whole("entry", HistoryDealGetInteger(ticket, DEAL_ENTRY));
   out.Whole("reason", HistoryDealGetInteger(ticket, DEAL_REASON));
   out.Id("magic", (ulong)HistoryDealGetInteger(ticket, DEAL_MAGIC));
   out.Amount("volume", HistoryDealGetDouble(ticket, DEAL_VOLUME));
   out.Amount("price", HistoryDealGetDouble(ticket, DEAL_PRICE));
   out.Amount("commission", HistoryDealGetDouble(ticket, DEAL_COMMISSION));
   out.Amount("fee", HistoryDealGetDouble(ticket, DEAL_FEE));
   out.Amount("swap", HistoryDealGetDouble(ticket, DEAL_SWAP));
   out.Amount("profit", HistoryDealGetDouble(ticket, DEAL_PROFIT));
   out.Text("comment", HistoryDealGetString(ticket, DEAL_COMMENT));
   out.Whole("server", HistoryDealGetInteger(ticket, DEAL_TIME_MSC));
   return out.Object();
  }

// All positions; false where the terminal did not say: "query failed" is not "flat".
bool PositionsJson(ARRAY_OUT(string, items), string &error)
  {
   ArrayResize(items, 0);
   ResetLastError();
   int total = PositionsTotal();
   if(GetLastError() != 0)
     {
      error = "positions are not known (error " + IntegerToString(GetLastError()) + ")";
      return false;
     }
   for(int i = 0; i < total; i++)
     {
      if(PositionGetTicket(i) == 0)
        {
         error = "a position could not be read (error " + IntegerToString(GetLastError()) + ")";
         return false;
        }
      ArrayResize(items, i + 1, 16);
      items[i] = PositionJson();
     }
   return true;
  }

bool RestingOrdersJson(ARRAY_OUT(string, items), string &error)
  {
   ArrayResize(items, 0);
   ResetLastError();
   int total = OrdersTotal();
   if(GetLastError() != 0)
     {
      error = "orders are not known (error " + IntegerToString(GetLastError()) + ")";
      return false;
     }
   for(int i = 0; i < total; i++)
     {
      if(OrderGetTicket(i) == 0)
        {
         error = "an order could not be read (error " + IntegerToString(GetLastError()) + ")";
         return false;
        }
      ArrayResize(items, i + 1, 16);
      items[i] = RestingOrderJson();
     }
   return true;
  }

// Selects history from a server time (milliseconds) up to now, with room on both sides.
bool SelectHistory(const long from_server, string &error)
  {
   long from = MathMax((long)0, from_server / 1000 - HISTORY_PAD);
   long to = clocks.Server() / 1000 + HISTORY_PAD;
   ResetLastError();
   if(HistorySelect((datetime)from, (datetime)to))
      return true;
   error = "history is not known (error " + IntegerToString(GetLastError()) + ")";
   return false;
  }

// A snapshot without deals: sent by itself every few seconds.
void SaySnapshot()
  {
   ARRAY(string, items);
   string error = "";
   string positions = "";
   string orders = "";
   if(!TerminalConnected() || !PositionsJson(items, error))
      return;
   for(int i = 0; i < ArraySize(items); i++)
      AppendItem(positions, items[i]);
   if(!RestingOrdersJson(items, error))
      return;
   for(int i = 0; i < ArraySize(items); i++)
      AppendItem(orders, items[i]);
   // Too much for one frame: the engine asks for a reconciliation in any case.
   if(StringLen(positions) + StringLen(orders) > FRAME_ROOM / 2)
      return;
   Members out;
   out.Raw("account", AccountStateJson());
   out.Raw("positions", "[" + positions + "]");
   out.Raw("orders", "[" + orders + "]");
   out.Raw("deals", "[]");
   channel.Say("snapshot", out.Object(), "");
  }
