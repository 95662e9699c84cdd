//+------------------------------------------------------------------+
//| Journal.mqh: what has to survive everything                      |
//+------------------------------------------------------------------+
// Lines of text that are only ever appended: `number|kind|fields...|checksum`, numbered from 1 without a gap. A line is
// flushed before what it announces is done. At the start the file is read back: a last line without its end is a write
// that was cut and did not happen; anything else that is not as it was written stops all trading.
//
// An order goes through `order` (journaled) -> `sending` -> `answered` or `unknown`; or it is `refused` for ever. After a
// restart an order that was journaled and not `sending` has surely not been sent, and never will be; one that was
// `sending` may have been.
#define JOURNAL_VERSION "1"

#define ENTRY_JOURNALED 0
#define ENTRY_SENDING 1
#define ENTRY_ANSWERED 2
#define ENTRY_UNKNOWN 3
#define ENTRY_REFUSED 4

#define GUARD_NONE 0
#define GUARD_OPEN 1
#define GUARD_OVER 2

// One order that this advisor was ever told to send, or sent by itself.
struct Entry
  {
   ulong             magic;
   ulong             epoch;
   int               state;
   bool              opens;
   bool              buys;
   string            symbol;
   double            volume;
   ulong             closes;
   ulong             position;
   long              server;
   long              utc;
   // What is guarded while the engine is lost: distances from the average entry.
   int               guard;
   double            stop;
   double            target;
   long              hold_seconds;
   // Not written: up to when the market was looked at for it, which level it reached meanwhile, when to try again.
   long              looked;
   string            reached;
   ulong             again_at;
   // Not written: when it was last tried to close it, and whether that was given up.
   ulong             tried_at;
   bool              given_up;
   // What was filled, by deals.
   double            filled;
   double            paid;
   long              first_fill;
   // The position that it opened or added to, by its identifier, which lasts from flat to flat.
   ulong             leg;
   // A closing order that is over by history, and how much of it was filled.
   bool              ended;
   double            ended_filled;
   // The terminal's answer; `why` where there was none.
   long              retcode;
   ulong             deal;
   ulong             order;
   double            result_volume;
   double            result_price;
   double            bid;
   double            ask;
   string            comment;
   long              external;
   string            why;
  };

// A deal of such an order: each counts once.
struct Fill
  {
   ulong             magic;
   ulong             deal;
   double            volume;
   double            price;
   long              server;
   ulong             position;
  };

// Something that the advisor did by itself, until the engine has heard of it.
struct Deed
  {
   string            because;
   ulong             magic;
   string            text;
   long              server;
   bool              told;
   // Not written: the frame of this session that told it; 0 for none.
   ulong             frame;
  };

void BlankEntry(Entry &entry)
  {
   ZeroMemory(entry);
   // A text that was never set is NULL in MQL5, which is not the empty text.
   entry.reached = "";
   entry.symbol = "";
   entry.comment = "";
   entry.why = "";
  }

string Escaped(const string text)
  {
   string out = text;
   StringReplace(out, "%", "%25");
   StringReplace(out, "|", "%7C");
   StringReplace(out, "\n", "%0A");
   StringReplace(out, "\r", "%0D");
   return out;
  }

string Unescaped(const string text)
  {
   string out = text;
   StringReplace(out, "%0D", "\r");
   StringReplace(out, "%0A", "\n");
   StringReplace(out, "%7C", "|");
   StringReplace(out, "%25", "%");
   return out;
  }

class Journal
  {
private:
   string            path;
   int               file;
   int               lock;
   long              lines;
   ARRAY(string, fields);
   int               taken;
   ARRAY(Fill, fills);

   string            Field()
     {
      taken++;
      if(taken > ArraySize(fields))
        {
         damage = "a line of the journal has too few fields";
         return "";
        }
      return Unescaped(fields[taken - 1]);
     }

   ulong             IdField()
     {
      ulong number = 0;
      if(!ParseId(Field(), number))
         damage = "a number in the journal is none";
      return number;
     }

   long              WholeField()
     {
      string text = Field();
      int begin = StringFind(text, "-") == 0 ? 1 : 0;
      if(!AreDigits(text, begin, StringLen(text)) || StringLen(text) > 19)
         damage = "a number in the journal is none";
      return StringToInteger(text);
     }

   double            AmountField()
     {
      double number = 0;
      if(!ParseDecimal(Field(), number))
         damage = "an amount in the journal is none";
      return number;
     }

   // The text of a line with its number and its checksum.
   string            Sealed(const string record)
     {
      string text = IntegerToString(lines + 1) + "|" + record;
      return text + "|" + Checksum(text) + "\n";
     }

   bool              Put(const string record)
     {
      ARRAY(uchar, bytes);
      int length = TextToBytes(Sealed(record), bytes);
      if((int)FileWriteArray(file, bytes, 0, length) != length)
         return false;
      lines++;
      return true;
     }

   // Appends a line, and comes back when it is on the disk.
   bool              Write(const string record)
     {
      if(damage != "" || file == INVALID_HANDLE)
         return false;
      ResetLastError();
      bool good = Put(record);
      if(good)
         FileFlush(file);
      if(!good || GetLastError() != 0)
        {
         damage = "the journal could not be written (error " + IntegerToString(GetLastError()) + ")";
         return false;
        }
      return true;
     }

   string            OrderRecord(const Entry &entry)
     {
      return "order|" + NumberText(entry.magic) + "|" + NumberText(entry.epoch) + "|" + (entry.opens ? "1" : "0") + "|" +
             (entry.buys ? "1" : "0") + "|" + Escaped(entry.symbol) + "|" + Decimal(entry.volume) + "|" +
             NumberText(entry.closes) + "|" + NumberText(entry.position) + "|" + IntegerToString(entry.server) + "|" +
             IntegerToString(entry.utc) + "|" + (entry.guard == GUARD_NONE ? "0" : "1") + "|" + Decimal(entry.stop) +
             "|" + Decimal(entry.target) + "|" + IntegerToString(entry.hold_seconds);
     }

   string            AnswerRecord(const Entry &entry)
     {
      return "answered|" + NumberText(entry.magic) + "|" + IntegerToString(entry.retcode) + "|" + NumberText(entry.deal) + "|" +
             NumberText(entry.order) + "|" + Decimal(entry.result_volume) + "|" + Decimal(entry.result_price) + "|" +
             Decimal(entry.bid) + "|" + Decimal(entry.ask) + "|" + Escaped(entry.comment) + "|" +
             IntegerToString(entry.external);
     }

   int               AddEntry()
     {
      int count = ArraySize(entries);
      ArrayResize(entries, count + 1, 256);
      BlankEntry(entries[count]);
      return count;
     }

   // The entry that a line is about.
   int               Known(const ulong magic)
     {
      int index = Find(magic);
      if(index < 0)
         damage = "the journal speaks of order " + NumberText(magic) + " before it was written";
      return index;
     }

   void              TakeOrder()
     {
      ulong magic = IdField();
      if(Find(magic) >= 0)
        {
         damage = "order " + NumberText(magic) + " stands twice in the journal";
         return;
        }
      int i = AddEntry();
      entries[i].magic = magic;
      entries[i].epoch = IdField();
      entries[i].opens = Field() == "1";
      entries[i].buys = Field() == "1";
      entries[i].symbol = Field();
      entries[i].volume = AmountField();
      entries[i].closes = IdField();
      entries[i].position = IdField();
      entries[i].server = WholeField();
      entries[i].utc = WholeField();
      entries[i].guard = Field() == "1" ? GUARD_OPEN : GUARD_NONE;
      entries[i].stop = AmountField();
      entries[i].target = AmountField();
      entries[i].hold_seconds = WholeField();
      entries[i].state = ENTRY_JOURNALED;
     }

   void              TakeAnswer()
     {
      int i = Known(IdField());
      if(i < 0)
         return;
      entries[i].retcode = WholeField();
      entries[i].deal = IdField();
      entries[i].order = IdField();
      entries[i].result_volume = AmountField();
      entries[i].result_price = AmountField();
      entries[i].bid = AmountField();
      entries[i].ask = AmountField();
      entries[i].comment = Field();
      entries[i].external = WholeField();
      entries[i].state = ENTRY_ANSWERED;
     }

   void              TakeFill()
     {
      int i = Known(IdField());
      if(i < 0)
         return;
      ulong deal = IdField();
      double volume = AmountField();
      double price = AmountField();
      long server = WholeField();
      ulong position = IdField();
      NoteFill(i, deal, volume, price, server, position);
     }

   void              NoteFill(const int i, const ulong deal, const double volume, const double price, const long server,
                              const ulong position)
     {
      int count = ArraySize(fills);
      ArrayResize(fills, count + 1, 256);
      fills[count].magic = entries[i].magic;
      fills[count].deal = deal;
      fills[count].volume = volume;
      fills[count].price = price;
      fills[count].server = server;
      fills[count].position = position;
      entries[i].leg = position;
      entries[i].filled += volume;
      entries[i].paid += volume * price;
      if(entries[i].first_fill == 0 || server < entries[i].first_fill)
         entries[i].first_fill = server;
     }

   void              TakeState(const int state)
     {
      int i = Known(IdField());
      if(i < 0)
         return;
      entries[i].state = state;
      entries[i].why = Field();
     }

   // One line, without its number and checksum.
   void              Take(const string kind)
     {
      if(kind == "order")
         TakeOrder();
      else if(kind == "sending")
         TakeState(ENTRY_SENDING);
      else if(kind == "answered")
         TakeAnswer();
      else if(kind == "unknown")
         TakeState(ENTRY_UNKNOWN);
      else if(kind == "refused")
         TakeState(ENTRY_REFUSED);
      else if(kind == "fill")
         TakeFill();
      else if(kind == "over")
        {
         int i = Known(IdField());
         if(i >= 0)
            entries[i].guard = GUARD_OVER;
        }
      else if(kind == "ended")
        {
         int i = Known(IdField());
         double filled = AmountField();
         if(i >= 0)
           {
            entries[i].ended = true;
            entries[i].ended_filled = filled;
           }
        }
      else if(kind == "epoch")
         epoch = IdField();
      else if(kind == "armed")
         armed_epoch = IdField();
      else if(kind == "terms")
        {
         lost_after_ms = WholeField();
         flatten = Field() == "1";
        }
      else if(kind == "kill")
         killed = Field() == "1";
      else if(kind == "deed")
        {
         int n = ArraySize(deeds);
         ArrayResize(deeds, n + 1, 16);
         deeds[n].because = Field();
         deeds[n].magic = IdField();
         deeds[n].server = WholeField();
         deeds[n].text = Field();
         deeds[n].told = false;
         deeds[n].frame = 0;
        }
      else if(kind == "told")
        {
         long n = WholeField();
         for(int i = 0; i < ArraySize(deeds) && i < n; i++)
            deeds[i].told = true;
        }
      else if(kind == "whole")
         whole = true;
      else
         damage = "the journal has a line of an unknown kind, `" + Shortened(kind, 20) + "`";
     }

   void              TakeHead(const string account)
     {
      if(Field() != JOURNAL_VERSION)
         damage = "the journal is of another version";
      else if(Field() != account)
         damage = "the journal is another account's";
     }

   void              TakeLine(const string text, const string account)
     {
      int count = StringSplit(text, 124, fields);
      if(count < 3)
        {
         damage = "is no line of a journal";
         return;
        }
      string sum = fields[count - 1];
      string rest = StringSubstr(text, 0, StringLen(text) - StringLen(sum) - 1);
      if(Checksum(rest) != sum)
        {
         damage = "does not have the checksum that it was written with";
         return;
        }
      if(fields[0] != IntegerToString(lines + 1))
        {
         damage = "does not have the number that follows: lines are missing";
         return;
        }
      string kind = fields[1];
      ArrayResize(fields, count - 1);
      taken = 2;
      bool is_head = kind == "journal";
      if(is_head != (lines == 0))
         damage = "stands where a journal begins, or the other way round";
      else if(is_head)
         TakeHead(account);
      else
         Take(kind);
      if(damage == "" && taken != ArraySize(fields))
         damage = "has fields too many";
      lines++;
     }

   bool              Read(const string from, const string account)
     {
      int reading = FileOpen(from, FILE_READ | FILE_BIN);
      if(reading == INVALID_HANDLE)
        {
         damage = "the journal could not be opened (error " + IntegerToString(GetLastError()) + ")";
         return false;
        }
      int size = (int)FileSize(reading);
      ARRAY(uchar, bytes);
      ArrayResize(bytes, size);
      int read = size > 0 ? (int)FileReadArray(reading, bytes, 0, size) : 0;
      FileClose(reading);
      if(read != size)
        {
         damage = "the journal could not be read";
         return false;
        }
      int begin = 0;
      for(int i = 0; i < size; i++)
        {
         if(bytes[i] != 10)
            continue;
         TakeLine(BytesToText(bytes, begin, i - begin), account);
         if(damage != "")
           {
            damage = "line " + IntegerToString(lines + 1) + " of " + from + ": " + damage;
            return false;
           }
         begin = i + 1;
        }
      return true;
     }

   // Writes everything that counts into a new file, and puts it in the place of the old one.
   bool              Compact(const string account)
     {
      string fresh = path + ".new";
      file = FileOpen(fresh, FILE_WRITE | FILE_BIN);
      if(file == INVALID_HANDLE)
         return false;
      lines = 0;
      ResetLastError();
      bool good = Put("journal|" + (string)JOURNAL_VERSION + "|" + Escaped(account));
      good = Put("epoch|" + NumberText(epoch)) && good;
      good = Put("armed|" + NumberText(armed_epoch)) && good;
      good = Put("terms|" + IntegerToString(lost_after_ms) + "|" + (flatten ? "1" : "0")) && good;
      good = Put("kill|" + (string)(killed ? "1" : "0")) && good;
      for(int i = 0; i < ArraySize(entries); i++)
         good = PutEntry(entries[i]) && good;
      for(int i = 0; i < ArraySize(fills); i++)
         good = Put(FillRecord(fills[i])) && good;
      int kept = 0;
      for(int i = 0; i < ArraySize(deeds); i++)
        {
         if(deeds[i].told)
            continue;
         good = Put(DeedRecord(deeds[i])) && good;
         deeds[kept] = deeds[i];
         kept++;
        }
      ArrayResize(deeds, kept);
      good = Put("whole") && good;
      FileFlush(file);
      good = GetLastError() == 0 && good;
      FileClose(file);
      file = INVALID_HANDLE;
      return good && FileMove(fresh, 0, path, FILE_REWRITE);
     }

   bool              PutEntry(const Entry &entry)
     {
      bool good = Put(OrderRecord(entry));
      if(entry.state == ENTRY_SENDING)
         good = Put("sending|" + NumberText(entry.magic) + "|") && good;
      if(entry.state == ENTRY_ANSWERED)
         good = Put(AnswerRecord(entry)) && good;
      if(entry.state == ENTRY_UNKNOWN)
         good = Put("unknown|" + NumberText(entry.magic) + "|" + Escaped(entry.why)) && good;
      if(entry.state == ENTRY_REFUSED)
         good = Put("refused|" + NumberText(entry.magic) + "|" + Escaped(entry.why)) && good;
      if(entry.ended)
         good = Put(EndedRecord(entry)) && good;
      if(entry.guard == GUARD_OVER)
         good = Put("over|" + NumberText(entry.magic)) && good;
      return good;
     }

   string            EndedRecord(const Entry &entry)
     {
      return "ended|" + NumberText(entry.magic) + "|" + Decimal(entry.ended_filled);
     }

   string            FillRecord(const Fill &fill)
     {
      return "fill|" + NumberText(fill.magic) + "|" + NumberText(fill.deal) + "|" + Decimal(fill.volume) + "|" +
             Decimal(fill.price) + "|" + IntegerToString(fill.server) + "|" + NumberText(fill.position);
     }

   string            DeedRecord(const Deed &deed)
     {
      return "deed|" + deed.because + "|" + NumberText(deed.magic) + "|" + IntegerToString(deed.server) + "|" +
             Escaped(deed.text);
     }

   string            SafeName(const string text)
     {
      string out = "";
      for(int i = 0; i < StringLen(text); i++)
        {
         int unit = (int)StringGetCharacter(text, i);
         bool plain = (unit >= 48 && unit <= 57) || (unit >= 65 && unit <= 90) || (unit >= 97 && unit <= 122);
         out = out + (plain ? StringSubstr(text, i, 1) : "-");
        }
      return out;
     }

public:
   ARRAY(Entry, entries);
   ARRAY(Deed, deeds);
   ulong             epoch;
   // The last epoch of an engine that may trade; 0 for none.
   ulong             armed_epoch;
   long              lost_after_ms;
   bool              flatten;
   bool              killed;
   bool              whole;
   // Why nothing may be sent any more; empty while all is well.
   string            damage;

                     Journal()
     {
      path = "";
      file = INVALID_HANDLE;
      lock = INVALID_HANDLE;
      lines = 0;
      taken = 0;
      epoch = 0;
      armed_epoch = 0;
      lost_after_ms = 0;
      flatten = false;
      killed = false;
      whole = false;
      damage = "closed";
     }

   // Reads back what stands, and writes it anew without what no longer counts. False, with `damage`, where nothing may be
   // sent.
   bool              Open(const ulong login, const string server)
     {
      Close();
      damage = "";
      epoch = 0;
      armed_epoch = 0;
      lost_after_ms = 0;
      flatten = false;
      killed = false;
      whole = false;
      lines = 0;
      ArrayResize(entries, 0);
      ArrayResize(deeds, 0);
      ArrayResize(fills, 0);
      string account = NumberText(login) + "@" + server;
      path = "alavanca-" + NumberText(login) + "-" + SafeName(server) + ".journal";
      // Kept open without sharing: a second copy of the advisor for this account cannot open it.
      lock = FileOpen(path + ".lock", FILE_WRITE | FILE_BIN);
      if(lock == INVALID_HANDLE)
        {
         damage = "another copy of the advisor has the journal of account " + NumberText(login);
         return false;
        }
      string from = path;
      // The old file is gone only where a move did not end: then the new one was whole.
      if(!FileIsExist(path) && FileIsExist(path + ".new"))
         from = path + ".new";
      if(FileIsExist(from) && !Read(from, account))
         return false;
      if(from != path && !whole)
        {
         damage = from + " is not whole, and there is no other journal";
         return false;
        }
      for(int i = 0; i < ArraySize(entries); i++)
         if(entries[i].state == ENTRY_JOURNALED)
           {
            entries[i].state = ENTRY_REFUSED;
            entries[i].why = "the advisor was restarted before it was sent";
           }
      if(!Compact(account))
        {
         damage = "the journal could not be written anew (error " + IntegerToString(GetLastError()) + ")";
         return false;
        }
      file = FileOpen(path, FILE_READ | FILE_WRITE | FILE_BIN);
      if(file == INVALID_HANDLE || !FileSeek(file, 0, SEEK_END))
        {
         damage = "the journal could not be opened again (error " + IntegerToString(GetLastError()) + ")";
         return false;
        }
      return true;
     }

   void              Close()
     {
      if(file != INVALID_HANDLE)
         FileClose(file);
      if(lock != INVALID_HANDLE)
         FileClose(lock);
      file = INVALID_HANDLE;
      lock = INVALID_HANDLE;
      damage = "closed";
     }

   // The entry of a magic number, newest first; -1 for none.
   int               Find(const ulong magic)
     {
      for(int i = ArraySize(entries) - 1; i >= 0; i--)
         if(entries[i].magic == magic)
            return i;
      return -1;
     }

   // Orders without an outcome.
   int               WithoutOutcome()
     {
      int count = 0;
      for(int i = 0; i < ArraySize(entries); i++)
         if(entries[i].state == ENTRY_SENDING || entries[i].state == ENTRY_UNKNOWN)
            count++;
      return count;
     }

   bool              NoteEpoch(const ulong number)
     {
      if(!Write("epoch|" + NumberText(number)))
         return false;
      epoch = number;
      return true;
     }

   bool              NoteArmed(const ulong number)
     {
      if(!Write("armed|" + NumberText(number)))
         return false;
      armed_epoch = number;
      return true;
     }

   bool              NoteTerms(const long lost_ms, const bool flattens)
     {
      if(lost_ms == lost_after_ms && flattens == flatten)
         return true;
      if(!Write("terms|" + IntegerToString(lost_ms) + "|" + (flattens ? "1" : "0")))
         return false;
      lost_after_ms = lost_ms;
      flatten = flattens;
      return true;
     }

   bool              NoteKill(const bool on)
     {
      bool written = Write("kill|" + (string)(on ? "1" : "0"));
      // What could not be written stops everything anyway.
      killed = on || !written;
      return written;
     }

   // Writes a new order; its place, or -1.
   int               NoteOrder(const Entry &entry)
     {
      if(Find(entry.magic) >= 0 || !Write(OrderRecord(entry)))
         return -1;
      int i = AddEntry();
      entries[i] = entry;
      entries[i].state = ENTRY_JOURNALED;
      return i;
     }

   // Writes that an order will never be sent.
   bool              NoteRefused(const int i, const string why)
     {
      entries[i].state = ENTRY_REFUSED;
      entries[i].why = why;
      return Write("refused|" + NumberText(entries[i].magic) + "|" + Escaped(why));
     }

   // Has to be written before OrderSend is called. False where it must not be called.
   bool              NoteSending(const int i)
     {
      if(entries[i].state != ENTRY_JOURNALED || !Write("sending|" + NumberText(entries[i].magic) + "|"))
         return false;
      entries[i].state = ENTRY_SENDING;
      return true;
     }

   bool              NoteAnswer(const int i)
     {
      entries[i].state = ENTRY_ANSWERED;
      return Write(AnswerRecord(entries[i]));
     }

   bool              NoteUnknown(const int i, const string why)
     {
      entries[i].state = ENTRY_UNKNOWN;
      entries[i].why = why;
      return Write("unknown|" + NumberText(entries[i].magic) + "|" + Escaped(why));
     }

   // A deal of one of these orders; each counts once.
   void              AddFill(const int i, const ulong deal, const double volume, const double price, const long server,
                             const ulong position)
     {
      for(int n = ArraySize(fills) - 1; n >= 0; n--)
         if(fills[n].deal == deal)
            return;
      NoteFill(i, deal, volume, price, server, position);
      Write(FillRecord(fills[ArraySize(fills) - 1]));
     }

   // A closing order is over, by history.
   void              NoteEnded(const int i, const double filled)
     {
      if(entries[i].ended)
         return;
      entries[i].ended = true;
      entries[i].ended_filled = filled;
      Write(EndedRecord(entries[i]));
     }

   void              EndGuard(const int i)
     {
      if(entries[i].guard != GUARD_OPEN)
         return;
      entries[i].guard = GUARD_OVER;
      Write("over|" + NumberText(entries[i].magic));
     }

   void              AddDeed(const string because, const ulong magic, const string text, const long server)
     {
      int n = ArraySize(deeds);
      ArrayResize(deeds, n + 1, 16);
      deeds[n].because = because;
      deeds[n].magic = magic;
      deeds[n].text = text;
      deeds[n].server = server;
      deeds[n].told = false;
      deeds[n].frame = 0;
      Write(DeedRecord(deeds[n]));
     }

   // A new session was told nothing yet.
   void              BeginTelling()
     {
      for(int i = 0; i < ArraySize(deeds); i++)
         deeds[i].frame = 0;
     }

   // The engine has taken in the session's frames up to this one: what they told counts as told.
   void              NoteAcknowledged(const ulong frame)
     {
      int count = 0;
      int before = 0;
      while(count < ArraySize(deeds) && (deeds[count].told || (deeds[count].frame != 0 && deeds[count].frame <= frame)))
        {
         if(deeds[count].told)
            before++;
         deeds[count].told = true;
         count++;
        }
      if(count > before)
         Write("told|" + IntegerToString(count));
     }
  };
