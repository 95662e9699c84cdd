//+------------------------------------------------------------------+
//| Reconcile.mqh: how everything stands, at one moment              |
//+------------------------------------------------------------------+
// The lists of one frame, while it is being filled.
class ReconcilePage
  {
private:
   string            cid;
   string            account;
   string            positions;
   string            orders;
   string            deals;
   string            outcomes;
   string            guards;

   int               Length()
     {
      return StringLen(positions) + StringLen(orders) + StringLen(deals) + StringLen(outcomes) + StringLen(guards);
     }

   void              Blank()
     {
      positions = "";
      orders = "";
      deals = "";
      outcomes = "";
      guards = "";
     }

public:
   void              Begin(const string joined, const string account_state)
     {
      cid = joined;
      account = account_state;
      Blank();
     }

   void              Say(const bool more, const string error)
     {
      Members snapshot;
      snapshot.Raw("account", account);
      snapshot.Raw("positions", "[" + positions + "]");
      snapshot.Raw("orders", "[" + orders + "]");
      snapshot.Raw("deals", "[" + deals + "]");
      Members out;
      if(error != "")
         out.Text("error", error);
      out.Truth("more", more);
      out.Raw("snapshot", snapshot.Object());
      out.Raw("outcomes", "[" + outcomes + "]");
      out.Raw("guards", "[" + guards + "]");
      channel.Say("reconcile", out.Object(), cid);
      Blank();
     }

   // `where`: 0 positions, 1 orders, 2 deals, 3 outcomes, 4 guards.
   void              Add(const int where, const string item)
     {
      // Two bytes a unit at the most is what names and comments come to; what is ASCII takes one.
      if(Length() > 0 && Length() + StringLen(item) > FRAME_ROOM / 2)
         Say(true, "");
      switch(where)
        {
         case 0:
            AppendItem(positions, item);
            break;
         case 1:
            AppendItem(orders, item);
            break;
         case 2:
            AppendItem(deals, item);
            break;
         case 3:
            AppendItem(outcomes, item);
            break;
         default:
            AppendItem(guards, item);
            break;
        }
     }

   void              AddAll(const int where, ARRAY_IN(string, items))
     {
      for(int i = 0; i < ArraySize(items); i++)
         Add(where, items[i]);
     }
  };

// Deals since a server time; history has been selected.
void DealsSinceJson(const long since, ARRAY_OUT(string, items))
  {
   ArrayResize(items, 0);
   int total = HistoryDealsTotal();
   for(int i = 0; i < total; i++)
     {
      ulong ticket = HistoryDealGetTicket(i);
      if(ticket == 0 || HistoryDealGetInteger(ticket, DEAL_TIME_MSC) < since)
         continue;
      int count = ArraySize(items);
      ArrayResize(items, count + 1, 64);
      items[count] = DealJson(ticket);
     }
  }

string JournalStateName(const int i)
  {
   if(i < 0)
      return "absent";
   switch(journal.entries[i].state)
     {
      case ENTRY_ANSWERED:
         return "answered";
      case ENTRY_JOURNALED:
      case ENTRY_REFUSED:
         return "not_sent";
      default:
         break;
     }
   return "sent";
  }

// One order by its magic: journal, orders resting or past, deals. History has been selected.
string OutcomeJson(const ulong magic)
  {
   int i = journal.Find(magic);
   string orders = "";
   string deals = "";
   // Tickets of its orders, divided by commas: a deal may carry the order's ticket and another magic.
   string tickets = "";
   int total = OrdersTotal();
   for(int n = 0; n < total; n++)
     {
      ulong ticket = OrderGetTicket(n);
      if(ticket == 0 || (ulong)OrderGetInteger(ORDER_MAGIC) != magic)
         continue;
      AppendItem(orders, RestingOrderJson());
      AppendItem(tickets, NumberText(ticket));
     }
   total = HistoryOrdersTotal();
   for(int n = 0; n < total; n++)
     {
      ulong ticket = HistoryOrderGetTicket(n);
      if(ticket == 0 || (ulong)HistoryOrderGetInteger(ticket, ORDER_MAGIC) != magic)
         continue;
      AppendItem(orders, PastOrderJson(ticket));
      AppendItem(tickets, NumberText(ticket));
     }
   if(i >= 0 && journal.entries[i].order != 0)
      AppendItem(tickets, NumberText(journal.entries[i].order));
   total = HistoryDealsTotal();
   for(int n = 0; n < total; n++)
     {
      ulong ticket = HistoryDealGetTicket(n);
      if(ticket == 0)
         continue;
      if((ulong)HistoryDealGetInteger(ticket, DEAL_MAGIC) == magic ||
         IsListed(tickets, NumberText((ulong)HistoryDealGetInteger(ticket, DEAL_ORDER))))
         AppendItem(deals, DealJson(ticket));
     }
   Members out;
   out.Id("magic", magic);
   out.Text("journal", JournalStateName(i));
   if(i >= 0 && (journal.entries[i].state == ENTRY_ANSWERED || journal.entries[i].state == ENTRY_REFUSED))
      out.Raw("result", ResultJson(journal.entries[i]));
   out.Raw("orders", "[" + orders + "]");
   out.Raw("deals", "[" + deals + "]");
   return out.Object();
  }

void AnswerReconcile(Json &frame, const int body, const string cid)
  {
   long since = frame.Integer(body, "deals_since_server", -999999999999999, 999999999999999);
   int node = frame.First(frame.List(body, "orders"));
   ARRAY(ulong, magics);
   ArrayResize(magics, 0);
   long history_from = since;
   while(node >= 0 && frame.Good())
     {
      ulong magic = 0;
      if(frame.Kind(node) != JSON_STRING || !ParseId(frame.TextOf(node), magic))
         frame.error = "`orders` holds what is no number of an order";
      int count = ArraySize(magics);
      ArrayResize(magics, count + 1, 64);
      magics[count] = magic;
      int i = journal.Find(magic);
      if(i >= 0)
         history_from = MathMin(history_from, journal.entries[i].server);
      node = frame.Next(node);
     }
   if(!frame.Good())
      return;
   ReconcilePage page;
   page.Begin(cid, AccountStateJson());
   ARRAY(string, positions);
   ARRAY(string, orders);
   ARRAY(string, items);
   string error = "";
   if(!TerminalConnected())
      error = "the terminal is not connected: what it shows is of before";
   else if(journal.damage != "" && ArraySize(journal.entries) == 0)
      error = "the journal is not to be trusted: " + journal.damage;
   if(error == "")
      PositionsJson(positions, error);
   if(error == "")
      RestingOrdersJson(orders, error);
   if(error == "")
      SelectHistory(history_from, error);
   if(error != "")
     {
      page.Say(false, error);
      return;
     }
   page.AddAll(0, positions);
   page.AddAll(1, orders);
   DealsSinceJson(since, items);
   page.AddAll(2, items);
   for(int i = 0; i < ArraySize(magics); i++)
      page.Add(3, OutcomeJson(magics[i]));
   LearnFills();
   GuardsJson(items);
   page.AddAll(4, items);
   page.Say(false, "");
  }

// What a trade transaction changed, as the engine is to hear it.
void SayOrder(const ulong ticket)
  {
   if(OrderSelect(ticket))
      channel.Say("order_update", RestingOrderJson(), "");
   else if(HistoryOrderSelect(ticket))
      channel.Say("order_update", PastOrderJson(ticket), "");
  }

void SayPosition(const ulong ticket, const string symbol)
  {
   if(PositionSelectByTicket(ticket))
     {
      channel.Say("position_update", PositionJson(), "");
      return;
     }
   // It ended.
   Members out;
   out.Id("ticket", ticket);
   out.Id("identifier", ticket);
   out.Text("symbol", symbol);
   out.Text("side", "buy");
   out.Amount("volume", 0);
   out.Amount("price_open", 0);
   out.Amount("sl", 0);
   out.Amount("tp", 0);
   out.Id("magic", 0);
   out.Amount("profit", 0);
   out.Amount("swap", 0);
   out.Text("comment", "");
   out.Whole("opened_server", 0);
   channel.Say("position_update", out.Object(), "");
  }
