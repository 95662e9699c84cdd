//+------------------------------------------------------------------+
//| Channel.mqh: the socket to the engine, frames and their numbers  |
//+------------------------------------------------------------------+
#define PROTOCOL_VERSION 1
#define FRAME_MAX 65536
// What a frame's envelope and last member may take beside its items.
#define FRAME_ROOM 60000
// An engine that takes nothing in any more is dropped before the terminal's memory is.
#define OUT_MAX 67108864
#define CHUNK 16384
#define LEAVE_MS 300
#define LEAVE_CUT_MS 3000

#define STAGE_CLOSED 0
#define STAGE_CHALLENGE 1
#define STAGE_AUTH 2
#define STAGE_UP 3
#define STAGE_LEAVING 4

// The three clocks: real time that only goes forward, real time of day, and the trade server's.
class Clock
  {
private:
   long              base_utc;
   ulong             base_ticks;
   long              last_tick_server;

public:
                     Clock()
     {
      base_utc = 0;
      base_ticks = 0;
      last_tick_server = 0;
     }

   // Milliseconds since the system began. GetTickCount wraps after 49.7 days; this does not.
   ulong             Monotonic()
     {
      return GetTickCount64();
     }

   // TimeGMT counts in seconds; the milliseconds are those of the steady clocks.
   long              Utc()
     {
      long coarse = (long)TimeGMT() * 1000;
      long fine = base_utc + (long)(GetTickCount64() - base_ticks);
      if(base_utc == 0 || fine < coarse - 1000 || fine > coarse + 2000)
        {
         base_utc = coarse;
         base_ticks = GetTickCount64();
         fine = coarse;
        }
      return fine;
     }

   void              NoteTick(const long server)
     {
      last_tick_server = server;
     }

   // TimeTradeServer counts in seconds; within its second the last tick knows better.
   long              Server()
     {
      long coarse = (long)TimeTradeServer() * 1000;
      if(last_tick_server > coarse && last_tick_server < coarse + 1000)
         return last_tick_server;
      return coarse;
     }
  };

Clock clocks;

// One connection at a time. What it takes in is whole lines; what it sends goes out as the socket lets it.
class Channel
  {
private:
   int               socket;
   bool              tls;
   bool              cut;
   ARRAY(uchar, in);
   int               in_begin;
   int               in_end;
   ARRAY(uchar, out);
   int               out_begin;
   int               out_end;
   ARRAY(ulong, tick_frames);

   void              Grow(ARRAY_OUT(uchar, buffer), const int need)
     {
      if(need > ArraySize(buffer))
         ArrayResize(buffer, need + FRAME_MAX);
     }

   bool              Append(ARRAY_IN(uchar, chunk), const int count)
     {
      // What was taken out makes room at the front.
      if(in_begin > 0)
        {
         for(int i = in_begin; i < in_end; i++)
            in[i - in_begin] = in[i];
         in_end -= in_begin;
         in_begin = 0;
        }
      Grow(in, in_end + count);
      for(int i = 0; i < count; i++)
         in[in_end + i] = chunk[i];
      in_end += count;
      return true;
     }

   // SocketIsReadable may say 1 where there is nothing, and a read that asks for more than is there blocks: so only what
   // is said to be there is asked for, and for one millisecond.
   int               ReadSome(ARRAY_OUT(uchar, chunk))
     {
      if(tls)
         return SocketTlsReadAvailable(socket, chunk, CHUNK);
      uint ready = SocketIsReadable(socket);
      if(ready == 0)
         return 0;
      return SocketRead(socket, chunk, ready < CHUNK ? ready : CHUNK, 1);
     }

public:
   int               stage;
   string            session;
   // Our frames so far, and the engine's last that was taken in.
   ulong             seq;
   ulong             seen;
   ulong             heard_at;
   ulong             began_at;
   string            last_error;

                     Channel()
     {
      socket = INVALID_HANDLE;
      tls = false;
      cut = false;
      in_begin = 0;
      in_end = 0;
      out_begin = 0;
      out_end = 0;
      stage = STAGE_CLOSED;
      session = "";
      seq = 0;
      seen = 0;
      heard_at = 0;
      began_at = 0;
      last_error = "";
     }

   // This machine's own address: nobody listens along.
   bool              IsLoopback(const string host)
     {
      return host == "localhost" || StringFind(host, "127.") == 0;
     }

   // Which authorities the terminal trusts is not documented: the certificate itself is asked for.
   bool              IsEngines(const string wanted)
     {
      string subject = "";
      string issuer = "";
      string serial = "";
      string thumbprint = "";
      datetime expires = 0;
      if(!SocketTlsCertificate(socket, subject, issuer, serial, thumbprint, expires))
        {
         Drop("the engine's certificate is not known (error " + IntegerToString(GetLastError()) + ")");
         return false;
        }
      string found = thumbprint + "";
      string asked = wanted + "";
      StringToLower(found);
      StringToLower(asked);
      if(asked != "" && found == asked)
         return true;
      Drop("other thumbprint than TlsThumbprint: " + found + ". Compare with the engine's certificate");
      return false;
     }

   bool              Dial(const string host, const int port, const bool with_tls, const string thumbprint)
     {
      Drop("");
      if(!with_tls && !IsLoopback(host))
        {
         last_error = host + " is not this machine: set UseTls and TlsThumbprint";
         return false;
        }
      socket = SocketCreate();
      if(socket == INVALID_HANDLE)
        {
         last_error = "no socket (error " + IntegerToString(GetLastError()) + ")";
         return false;
        }
      SocketTimeouts(socket, 1000, 1000);
      if(!SocketConnect(socket, host, (uint)port, 1000))
        {
         Drop("no engine at " + host + ":" + IntegerToString(port) + " (error " + IntegerToString(GetLastError()) +
              "; 4014: the address is not allowed in the terminal's options)");
         return false;
        }
      tls = with_tls;
      if(tls && !SocketTlsHandshake(socket, host))
        {
         Drop("no TLS with the engine (error " + IntegerToString(GetLastError()) + ")");
         return false;
        }
      // Before a word is said.
      if(tls && !IsEngines(thumbprint))
         return false;
      stage = STAGE_CHALLENGE;
      cut = false;
      began_at = clocks.Monotonic();
      heard_at = began_at;
      last_error = "";
      return true;
     }

   void              Drop(const string why)
     {
      if(socket != INVALID_HANDLE)
         SocketClose(socket);
      socket = INVALID_HANDLE;
      in_begin = 0;
      in_end = 0;
      out_begin = 0;
      out_end = 0;
      stage = STAGE_CLOSED;
      session = "";
      seq = 0;
      seen = 0;
      ArrayResize(tick_frames, 0);
      if(why != "")
         last_error = why;
     }

   // How long the rest of what the engine says is read away: longer where it was in the middle of a frame.
   ulong             Patience()
     {
      return cut ? LEAVE_CUT_MS : LEAVE_MS;
     }

   // The last word was said. To close at once could take it back: what the engine still says is read away first.
   void              Leave(const string why)
     {
      if(socket == INVALID_HANDLE)
         return;
      stage = STAGE_LEAVING;
      began_at = clocks.Monotonic();
      last_error = why;
     }

   // Sends what waits, as far as the socket takes it.
   void              Flush()
     {
      ARRAY(uchar, chunk);
      while(socket != INVALID_HANDLE && out_begin < out_end)
        {
         int count = MathMin(out_end - out_begin, CHUNK);
         ArrayResize(chunk, count);
         for(int i = 0; i < count; i++)
            chunk[i] = out[out_begin + i];
         int sent = tls ? SocketTlsSend(socket, chunk, (uint)count) : SocketSend(socket, chunk, (uint)count);
         if(sent < 0)
           {
            Drop("the engine is gone (error " + IntegerToString(GetLastError()) + ")");
            return;
           }
         out_begin += sent;
         if(sent == 0)
            return;
        }
      out_begin = 0;
      out_end = 0;
     }

   void              Receive()
     {
      ARRAY(uchar, chunk);
      // A bounded number of reads: the terminal has other things to do.
      for(int turn = 0; turn < 64 && socket != INVALID_HANDLE; turn++)
        {
         ArrayResize(chunk, 0);
         int count = ReadSome(chunk);
         if(count <= 0)
            break;
         if(stage == STAGE_LEAVING)
           {
            in_begin = 0;
            in_end = 0;
            continue;
           }
         Append(chunk, count);
         if(in_end > 4 * FRAME_MAX)
            break;
        }
      if(socket != INVALID_HANDLE && !SocketIsConnected(socket) && in_end == in_begin)
         Drop("the engine closed the connection");
     }

   // The next whole line, parsed. 1: there is one; 0: not yet; -1: what came is no frame.
   int               Next(Json &frame)
     {
      for(int i = in_begin; i < in_end; i++)
        {
         if(i - in_begin >= FRAME_MAX)
            break;
         if(in[i] != 10)
            continue;
         int begin = in_begin;
         in_begin = i + 1;
         return frame.Parse(in, begin, i - begin) ? 1 : -1;
        }
      if(in_end - in_begin >= FRAME_MAX)
        {
         cut = true;
         frame.error = "a frame is longer than " + IntegerToString(FRAME_MAX) + " bytes";
         return -1;
        }
      if(socket != INVALID_HANDLE && !SocketIsConnected(socket))
         Drop("the engine closed the connection");
      return 0;
     }

   void              Say(const string type, const string body, const string cid)
     {
      if(socket == INVALID_HANDLE)
         return;
      seq++;
      Members frame;
      frame.Whole("v", PROTOCOL_VERSION);
      frame.Text("session", session);
      frame.Whole("seq", (long)seq);
      frame.Whole("ack", (long)seen);
      if(cid != "")
         frame.Text("cid", cid);
      frame.Whole("ts_utc", clocks.Utc());
      frame.Whole("ts_server", clocks.Server());
      frame.Text("type", type);
      frame.Raw("body", body);
      ARRAY(uchar, line);
      int length = TextToBytes(frame.Object(), line);
      if(length + 1 > FRAME_MAX)
        {
         Drop("a frame of our own was too long: " + type);
         return;
        }
      Grow(out, out_end + length + 1);
      for(int i = 0; i < length; i++)
         out[out_end + i] = line[i];
      out[out_end + length] = 10;
      out_end += length + 1;
      if(type == "tick")
        {
         int count = ArraySize(tick_frames);
         ArrayResize(tick_frames, count + 1, 64);
         tick_frames[count] = seq;
        }
      if(out_end - out_begin > OUT_MAX)
         Drop("the engine takes nothing in any more");
     }

   // The engine has taken in our frames up to this one.
   void              Acknowledged(const ulong number)
     {
      int gone = 0;
      while(gone < ArraySize(tick_frames) && tick_frames[gone] <= number)
         gone++;
      if(gone == 0)
         return;
      int rest = ArraySize(tick_frames) - gone;
      for(int i = 0; i < rest; i++)
         tick_frames[i] = tick_frames[i + gone];
      ArrayResize(tick_frames, rest, 64);
     }

   int               TickFramesOut()
     {
      return ArraySize(tick_frames);
     }

   bool              IsOpen()
     {
      return socket != INVALID_HANDLE;
     }

   int               Handle()
     {
      return socket;
     }
  };

Channel channel;
