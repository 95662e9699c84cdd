//+------------------------------------------------------------------+
//| Session.mqh: how a session begins, goes on and ends              |
//+------------------------------------------------------------------+
#define RELEASE "1.0"
#define CID_MAX 64
#define SESSION_NAME 32
#define HANDSHAKE_MS 10000
#define RETRY_FIRST_MS 250
#define RETRY_MOST_MS 5000
#define SNAPSHOT_MS 5000
#define LOST_AFTER_DEFAULT_MS 10000

ARRAY(uchar, secret);
string instance_name = "";
string engine_nonce = "";
string bridge_nonce = "";
string engine_name = "";
string engine_state = "";
ulong retry_at = 0;
ulong retry_wait = RETRY_FIRST_MS;
ulong heartbeat_at = 0;
ulong snapshot_at = 0;
long engine_heartbeat_utc = 0;
// When an engine that may trade was last heard.
ulong last_life_at = 0;

void Refuse(const string reason, const string text)
  {
   Print("Alavanca: refused (" + reason + "): " + text);
   Members out;
   out.Text("reason", reason);
   out.Text("text", text);
   channel.Say("refuse", out.Object(), "");
   channel.Flush();
   channel.Leave(text);
  }

bool SpeaksOurVersion(Json &frame, const int body)
  {
   int node = frame.First(frame.List(body, "versions"));
   while(node >= 0)
     {
      if(frame.Kind(node) == JSON_NUMBER && frame.TextOf(node) == IntegerToString(PROTOCOL_VERSION))
         return true;
      node = frame.Next(node);
     }
   return false;
  }

void AnswerChallenge(Json &frame, const int body)
  {
   engine_nonce = frame.Text(body, "nonce");
   engine_name = Shortened(frame.Text(body, "engine"), 60);
   bool same_version = SpeaksOurVersion(frame, body);
   if(!frame.Good())
      return;
   if(!same_version)
     {
      Refuse("version", "this advisor speaks version " + IntegerToString(PROTOCOL_VERSION) + " alone");
      return;
     }
   if(!IsLowerHex(engine_nonce, 64))
     {
      frame.error = "`nonce` is not 64 lower-case hexadecimal digits";
      return;
     }
   if(!TerminalConnected() || AccountInfoInteger(ACCOUNT_LOGIN) == 0)
     {
      Refuse("terminal", "the terminal is not connected or not logged in");
      return;
     }
   if(journal.damage != "")
     {
      Refuse("terminal", "nothing is sent: " + journal.damage);
      return;
     }
   bridge_nonce = Chance(secret, "nonce");
   ulong login = (ulong)AccountInfoInteger(ACCOUNT_LOGIN);
   string text = (string)BRIDGE_PROOF + "\n" + engine_nonce + "\n" + bridge_nonce + "\n" + instance_name + "\n" +
                 NumberText(login) + "\n" + AccountInfoString(ACCOUNT_SERVER) + "\n" + TradeModeName() + "\n" +
                 IntegerToString(AccountInfoInteger(ACCOUNT_MARGIN_MODE)) + "\n" + AccountInfoString(ACCOUNT_CURRENCY);
   Members out;
   out.Text("nonce", bridge_nonce);
   out.Whole("version", PROTOCOL_VERSION);
   out.Text("bridge", "expert_advisor");
   out.Text("release", RELEASE);
   out.Text("instance", instance_name);
   out.Whole("epoch_seen", (long)journal.epoch);
   out.Raw("account", AccountIdentityJson());
   out.Text("proof", HmacHex(secret, text));
   channel.Say("hello", out.Object(), "");
   channel.stage = STAGE_AUTH;
  }

void ReadTerms(Json &frame, const int body, Terms &read)
  {
   read.epoch = (ulong)frame.Integer(body, "epoch", 0, 999999999999999999);
   read.armed = frame.Truth(body, "armed");
   read.heartbeat_ms = frame.Integer(body, "heartbeat_ms", 1, 4294967295);
   read.lost_after_ms = frame.Integer(body, "lost_after_ms", 1, 4294967295);
   read.window = (int)frame.Integer(body, "window", 1, 1000000);
   string mode = frame.Text(body, "deadman");
   read.flatten = mode == "flatten";
   if(frame.Good() && mode != "flatten" && mode != "enforce")
      frame.error = "`deadman` is neither enforce nor flatten";
   int caps = frame.Object(body, "caps");
   read.order_lots = frame.DecimalOf(caps, "order_lots");
   read.position_lots = frame.DecimalOf(caps, "position_lots");
   read.orders_per_minute = frame.Integer(caps, "orders_per_minute", 0, 4294967295);
   read.symbols = "";
   int node = frame.First(frame.List(caps, "symbols"));
   while(node >= 0 && frame.Good())
     {
      if(frame.Kind(node) != JSON_STRING)
         frame.error = "`symbols` holds what is no name";
      AppendItem(read.symbols, frame.TextOf(node));
      node = frame.Next(node);
     }
  }

void TakeAuth(Json &frame, const int body)
  {
   Terms read;
   ReadTerms(frame, body, read);
   string session = frame.Text(body, "session");
   string proof = frame.Text(body, "proof");
   if(!frame.Good())
      return;
   string text = (string)ENGINE_PROOF + "\n" + bridge_nonce + "\n" + engine_nonce + "\n" + session + "\n" +
                 NumberText(read.epoch) + "\n" + (read.armed ? "true" : "false");
   if(!SameProof(HmacHex(secret, text), proof))
     {
      Refuse("proof", "the engine does not have the secret of " + SecretFile);
      return;
     }
   if(!IsLowerHex(session, 32))
     {
      frame.error = "`session` is not 32 lower-case hexadecimal digits";
      return;
     }
   if(read.epoch <= journal.epoch)
     {
      Refuse("epoch", "epoch " + NumberText(read.epoch) + " is not greater than " + NumberText(journal.epoch) +
             ", which was seen");
      return;
     }
   bool noted = journal.NoteEpoch(read.epoch);
   if(noted && read.armed)
      noted = journal.NoteTerms(read.lost_after_ms, read.flatten) && journal.NoteArmed(read.epoch);
   if(!noted)
     {
      Refuse("terminal", journal.damage);
      return;
     }
   terms = read;
   channel.session = session;
   channel.stage = STAGE_UP;
   Members out;
   out.Whole("epoch", (long)journal.epoch);
   out.Whole("open_in_journal", journal.WithoutOutcome());
   channel.Say("welcome", out.Object(), "");
   // Ticks begin anew with each subscription: what was missed meanwhile the engine takes from bars.
   ArrayResize(feeds, 0);
   heartbeat_at = 0;
   snapshot_at = clocks.Monotonic() + SNAPSHOT_MS;
   retry_wait = RETRY_FIRST_MS;
   // One that may not trade cannot look after extras either.
   if(read.armed)
     {
      engine_lost = false;
      last_life_at = clocks.Monotonic();
      last_life_server = clocks.Server();
     }
   engine_state = "";
   journal.BeginTelling();
   Print("Alavanca: session with " + engine_name + ", epoch " + NumberText(read.epoch) +
         (read.armed ? ", armed" : ", not armed"));
   SayDeeds();
  }

void SayHeartbeat()
  {
   Members out;
   out.Whole("worker_busy_ms", 0);
   out.Truth("terminal_connected", TerminalConnected());
   out.Truth("trade_allowed", TradeAllowed() && journal.damage == "");
   out.Truth("tradeapi_disabled", false);
   out.Truth("killed", journal.killed);
   long ping = TerminalInfoInteger(TERMINAL_PING_LAST);
   if(ping > 0)
      out.Whole("ping_us", ping);
   if(engine_heartbeat_utc > 0)
      out.Whole("echo_utc", engine_heartbeat_utc);
   channel.Say("heartbeat", out.Object(), "");
   heartbeat_at = clocks.Monotonic();
  }

void TakeSubscribe(Json &frame, const int body)
  {
   bool ticks = frame.Truth(body, "ticks");
   int node = frame.First(frame.List(body, "symbols"));
   while(node >= 0 && frame.Good())
     {
      if(frame.Kind(node) != JSON_STRING)
         frame.error = "`symbols` holds what is no name";
      else
         Subscribe(frame.TextOf(node), ticks);
      node = frame.Next(node);
     }
  }

// A message within the session.
void TakeMessage(Json &frame, const string type, const int body, const string cid, const long ts_utc)
  {
   if(type == "heartbeat")
     {
      engine_state = Shortened(frame.Text(body, "state"), 20);
      engine_heartbeat_utc = ts_utc;
     }
   else if(type == "bye")
     {
      string why = Shortened(frame.Text(body, "text"), 100);
      if(!frame.Good())
         return;
      bool cared_for = terms.armed;
      channel.Drop("the engine said goodbye: " + why);
      if(cared_for)
         EngineLost("it said goodbye: " + why);
     }
   else if(type == "subscribe")
      TakeSubscribe(frame, body);
   else if(type == "bars_req")
      AnswerBars(frame, body, cid);
   else if(type == "order_submit")
      SubmitOrder(frame, body, cid);
   else if(type == "order_modify")
      ModifyOrder(frame, body, cid);
   else if(type == "order_cancel")
      CancelOrder(frame, body, cid);
   else if(type == "position_sltp")
      ChangePositionStops(frame, body, cid);
   else if(type == "close_by")
      CloseByOrder(frame, body, cid);
   else if(type == "order_check")
      CheckOrder(frame, body, cid);
   else if(type == "calc_margin")
      Calculate(frame, body, cid, true);
   else if(type == "calc_profit")
      Calculate(frame, body, cid, false);
   else if(type == "reconcile_req")
      AnswerReconcile(frame, body, cid);
   else
      frame.error = "`" + Shortened(type, 40) + "` is no message of an engine within a session";
  }

void TakeFrame(Json &frame)
  {
   long version = frame.Integer(0, "v", 0, 1000000);
   string session = frame.Has(0, "session") ? frame.Text(0, "session") : "";
   ulong seq = (ulong)frame.Integer(0, "seq", 1, 999999999999999999);
   ulong ack = (ulong)frame.Integer(0, "ack", 0, 999999999999999999);
   string cid = frame.Has(0, "cid") ? frame.Text(0, "cid") : "";
   long ts_utc = frame.Integer(0, "ts_utc", -999999999999999, 999999999999999);
   string type = frame.Text(0, "type");
   int body = frame.Object(0, "body");
   // What is late or comes again, or is of another session, is passed over, whatever else it says.
   bool opening = channel.stage == STAGE_CHALLENGE || (channel.stage == STAGE_AUTH && type != "heartbeat");
   bool ours = opening || session == channel.session;
   if(frame.Good() && version != PROTOCOL_VERSION)
      frame.error = "version " + IntegerToString(version) + " is not spoken here";
   else if(frame.Good() && session != "" && !IsHex(session, SESSION_NAME))
      frame.error = "`session` is not of " + IntegerToString(SESSION_NAME) + " hexadecimal digits";
   else if(frame.Good() && session != "" && !IsLowerHex(session, 32))
      frame.error = "`session` is not 32 lower-case hexadecimal digits";
   else if(StringLen(cid) > CID_MAX)
      frame.error = "`cid` is longer than " + IntegerToString(CID_MAX) + " bytes";
   else if(frame.Good() && ours && ack > channel.seq)
      frame.error = "`ack` is " + NumberText(ack) + "; only " + NumberText(channel.seq) + " frames were sent";
   if(!frame.Good())
      return;
   if(seq <= channel.seen || !ours)
      return;
   channel.seen = seq;
   channel.Acknowledged(ack);
   if(channel.stage == STAGE_UP)
      journal.NoteAcknowledged(ack);
   if(type == "refuse")
     {
      string text = Shortened(frame.Text(body, "text"), 200);
      channel.Drop("the engine refused: " + text);
      Print("Alavanca: the engine refused: " + text);
      retry_wait = RETRY_MOST_MS;
     }
   else if(channel.stage == STAGE_CHALLENGE && type == "challenge")
      AnswerChallenge(frame, body);
   else if(channel.stage == STAGE_AUTH && type == "auth")
      TakeAuth(frame, body);
   else if(channel.stage == STAGE_UP)
      TakeMessage(frame, type, body, cid, ts_utc);
   else
      frame.error = "`" + Shortened(type, 40) + "` comes out of order";
  }

void TakeFrames()
  {
   channel.Receive();
   Json frame;
   while(channel.IsOpen() && channel.stage != STAGE_LEAVING)
     {
      int next = channel.Next(frame);
      if(next == 0)
         break;
      channel.heard_at = clocks.Monotonic();
      if(channel.stage == STAGE_UP && terms.armed)
        {
         last_life_at = channel.heard_at;
         last_life_server = clocks.Server();
        }
      if(next > 0)
         TakeFrame(frame);
      if(frame.error != "" && channel.IsOpen() && channel.stage != STAGE_LEAVING)
         Refuse("protocol", frame.error);
     }
  }

void CheckTimes()
  {
   ulong now = clocks.Monotonic();
   if(channel.stage == STAGE_LEAVING && now - channel.began_at > channel.Patience())
      channel.Drop("");
   if(channel.IsOpen() && channel.stage != STAGE_UP && now - channel.began_at > HANDSHAKE_MS)
      channel.Drop("the engine did not begin a session");
   if(channel.stage == STAGE_UP && now - channel.heard_at > (ulong)terms.lost_after_ms)
      channel.Drop("nothing was heard from the engine for " + IntegerToString(terms.lost_after_ms) + " ms");
   long patience = journal.lost_after_ms > 0 ? journal.lost_after_ms : LOST_AFTER_DEFAULT_MS;
   if(DeadManSeconds > 0)
      patience = (long)DeadManSeconds * 1000;
   bool cared_for = channel.stage == STAGE_UP && terms.armed;
   if(!cared_for && !engine_lost && now - last_life_at > (ulong)patience)
      EngineLost("nothing was heard for " + IntegerToString(patience) + " ms");
  }

void DialAgain()
  {
   ulong now = clocks.Monotonic();
   if(channel.IsOpen() || now < retry_at)
      return;
   if(!channel.Dial(EngineHost, EnginePort, UseTls, TlsThumbprint))
      retry_wait = MathMin(retry_wait * 2, (ulong)RETRY_MOST_MS);
   retry_at = clocks.Monotonic() + retry_wait;
  }

// One turn of everything: called by ticks, by the timer and by what happens on the account.
void Turn()
  {
   DialAgain();
   TakeFrames();
   CheckTimes();
   WatchGuards();
   if(channel.stage == STAGE_UP)
     {
      PumpTicks(terms.window);
      ulong now = clocks.Monotonic();
      // Twice as often as promised: a turn may come late.
      if(heartbeat_at == 0 || now - heartbeat_at >= (ulong)(terms.heartbeat_ms / 2))
         SayHeartbeat();
      if(now >= snapshot_at)
        {
         snapshot_at = now + SNAPSHOT_MS;
         SaySnapshot();
        }
     }
   channel.Flush();
  }

// `secret`: 64 hexadecimal digits on one line, from a file in MQL5/Files.
bool ReadSecret(const string name, string &error)
  {
   int file = FileOpen(name, FILE_READ | FILE_BIN);
   if(file == INVALID_HANDLE)
     {
      error = "the secret file " + name + " is not in MQL5/Files (error " + IntegerToString(GetLastError()) + ")";
      return false;
     }
   ARRAY(uchar, bytes);
   int size = (int)MathMin((ulong)200, FileSize(file));
   int read = size > 0 ? (int)FileReadArray(file, bytes, 0, size) : 0;
   FileClose(file);
   string text = BytesToText(bytes, 0, read);
   StringTrimRight(text);
   if(!IsHex(text, 64) || !Unhex(text, secret))
     {
      error = "the secret file " + name + " does not hold 64 hexadecimal digits on one line";
      return false;
     }
   return true;
  }
