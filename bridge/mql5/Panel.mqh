//+------------------------------------------------------------------+
//| Panel.mqh: what a person at the chart sees, and the kill button  |
//+------------------------------------------------------------------+
#define PANEL_PREFIX "alavanca."
#define PANEL_KILL "alavanca.kill"
#define PANEL_LINES 7

string panel_shown = "";
ulong panel_at = 0;

void PanelLabel(const int line)
  {
   string name = PANEL_PREFIX + IntegerToString(line);
   ObjectCreate(0, name, OBJ_LABEL, 0, 0, 0);
   ObjectSetInteger(0, name, OBJPROP_CORNER, CORNER_LEFT_UPPER);
   ObjectSetInteger(0, name, OBJPROP_XDISTANCE, 12);
   ObjectSetInteger(0, name, OBJPROP_YDISTANCE, 24 + 18 * line);
   ObjectSetInteger(0, name, OBJPROP_FONTSIZE, 10);
   ObjectSetString(0, name, OBJPROP_FONT, "Consolas");
   ObjectSetInteger(0, name, OBJPROP_SELECTABLE, 0);
  }

void CreatePanel()
  {
   for(int line = 0; line < PANEL_LINES; line++)
      PanelLabel(line);
   ObjectCreate(0, PANEL_KILL, OBJ_BUTTON, 0, 0, 0);
   ObjectSetInteger(0, PANEL_KILL, OBJPROP_CORNER, CORNER_LEFT_UPPER);
   ObjectSetInteger(0, PANEL_KILL, OBJPROP_XDISTANCE, 12);
   ObjectSetInteger(0, PANEL_KILL, OBJPROP_YDISTANCE, 30 + 18 * PANEL_LINES);
   ObjectSetInteger(0, PANEL_KILL, OBJPROP_XSIZE, 190);
   ObjectSetInteger(0, PANEL_KILL, OBJPROP_YSIZE, 28);
   ObjectSetInteger(0, PANEL_KILL, OBJPROP_SELECTABLE, 0);
   panel_shown = "";
  }

void DeletePanel()
  {
   ObjectsDeleteAll(0, PANEL_PREFIX);
   ChartRedraw();
  }

string StageText()
  {
   if(journal.damage != "")
      return "STOPPED: " + journal.damage;
   if(journal.killed)
      return "KILLED: opens nothing until it is released here";
   if(channel.stage == STAGE_UP)
      return terms.armed ? "armed" : "connected, not armed";
   return engine_lost ? "engine lost" : "waiting for the engine";
  }

string PositionText()
  {
   string text = "";
   int total = PositionsTotal();
   for(int i = 0; i < total && i < 6; i++)
     {
      if(PositionGetTicket(i) == 0)
         continue;
      bool bought = PositionGetInteger(POSITION_TYPE) == POSITION_TYPE_BUY;
      if(text != "")
         text = text + ", ";
      text = text + (bought ? "+" : "-") + Decimal(PositionGetDouble(POSITION_VOLUME)) + " " +
             PositionGetString(POSITION_SYMBOL);
     }
   return text == "" ? "flat" : text;
  }

string SeenText()
  {
   if(channel.heard_at == 0 || engine_name == "")
      return "never";
   ulong seconds = (clocks.Monotonic() - channel.heard_at) / 1000;
   return engine_name + " " + engine_state + ", " + NumberText(seconds) + " s ago, epoch " + NumberText(journal.epoch);
  }

string ErrorText()
  {
   if(last_guard_error != "")
      return last_guard_error;
   return channel.last_error == "" ? "none" : channel.last_error;
  }

void ShowLine(const int line, const string text, const color ink)
  {
   string name = PANEL_PREFIX + IntegerToString(line);
   ObjectSetString(0, name, OBJPROP_TEXT, Shortened(text, 63));
   ObjectSetInteger(0, name, OBJPROP_COLOR, (long)ink);
  }

// At most twice a second, and only what changed.
void ShowPanel(const bool now_please)
  {
   ulong now = clocks.Monotonic();
   if(!now_please && now - panel_at < 500)
      return;
   panel_at = now;
   bool well = journal.damage == "" && !journal.killed && channel.stage == STAGE_UP;
   string stage = StageText();
   string guards = IntegerToString(GuardCount()) + (engine_lost ? ", guarded here" : ", guarded by the engine");
   string whole = stage + "|" + SeenText() + "|" + PositionText() + "|" + guards + "|" + ErrorText();
   if(whole == panel_shown)
      return;
   panel_shown = whole;
   ShowLine(0, "Alavanca " + NumberText((ulong)AccountInfoInteger(ACCOUNT_LOGIN)) + " " + TradeModeName(), clrWhite);
   ShowLine(1, "state     " + stage, well ? clrLimeGreen : clrOrangeRed);
   ShowLine(2, "engine    " + SeenText(), clrSilver);
   ShowLine(3, "position  " + PositionText(), clrSilver);
   ShowLine(4, "extras    " + guards, clrSilver);
   ShowLine(5, "journal   " + IntegerToString(ArraySize(journal.entries)) + " orders, " +
            IntegerToString(journal.WithoutOutcome()) + " without an outcome", clrSilver);
   ShowLine(6, "error     " + ErrorText(), clrSilver);
   ObjectSetString(0, PANEL_KILL, OBJPROP_TEXT, journal.killed ? "Release" : "KILL: open nothing more");
   ObjectSetInteger(0, PANEL_KILL, OBJPROP_BGCOLOR, (long)(journal.killed ? clrDarkGreen : clrFireBrick));
   ObjectSetInteger(0, PANEL_KILL, OBJPROP_COLOR, (long)clrWhite);
   ChartRedraw();
  }

// A person pressed the button.
void PressKill()
  {
   ObjectSetInteger(0, PANEL_KILL, OBJPROP_STATE, 0);
   bool on = !journal.killed;
   journal.NoteKill(on);
   Acted("kill_button", 0, journal.killed ? "the kill button was pressed: nothing is opened"
         : "the kill button was released");
   if(channel.stage == STAGE_UP)
      SayHeartbeat();
   channel.Flush();
   ShowPanel(true);
  }
