//+------------------------------------------------------------------+
//| Alavanca.mq5: the bridge inside the terminal                     |
//+------------------------------------------------------------------+
// An Expert Advisor that joins MetaTrader 5 to the engine over one socket. It decides nothing: it sends what the market
// and the account do, carries out each order once, and stands in for the engine while that is lost. See README.md.
#ifdef __MQL5__
   #property copyright "Alavanca contributors"
   #property version   "1.00"
   #property strict
#endif

enum DeadManMode
  {
   DEADMAN_FROM_ENGINE = 0, // as the engine says
   DEADMAN_FLATTEN = 1      // close every extra at once
  };

input string      EngineHost = "127.0.0.1";                // Engine's address; it has to be on the terminal's list
input int         EnginePort = 5757;                       // Engine's port
input bool        UseTls = false;                          // TLS, for an engine that is not on this machine
input string      TlsThumbprint = "";                      // Thumbprint of the engine's certificate: the one that is accepted
input string      SecretFile = "alavanca.secret";          // File in MQL5/Files with the secret
input string      Symbols = "";                            // Symbols it may trade, by commas; empty: as the engine says
input double      OrderLotsMax = 0;                        // Largest order in lots; 0: as the engine says
input double      PositionLotsMax = 0;                     // Largest position of a symbol in lots; 0: as the engine says
input int         OrdersPerMinuteMax = 0;                  // Most openings in 60 seconds; 0: as the engine says
input DeadManMode DeadMan = DEADMAN_FROM_ENGINE;           // Engine lost: what becomes of extras
input int         DeadManSeconds = 0;                      // Engine lost after so many seconds; 0: as the engine says
input int         DeadManDeviation = 100;                  // Deviation of the closing order then, in points
input int         TimerMs = 20;                            // How often the socket is looked at, in milliseconds

#include "Dialect.mqh"
#include "Text.mqh"
#include "Proof.mqh"
#include "Json.mqh"
#include "Journal.mqh"
#include "Channel.mqh"
#include "State.mqh"
#include "Market.mqh"
#include "Trade.mqh"
#include "Guards.mqh"
#include "Reconcile.mqh"
#include "Session.mqh"
#include "Panel.mqh"

int OnInit()
  {
   string error = "";
   if(!ReadSecret(SecretFile, error))
     {
      Alert("Alavanca: " + error);
      return INIT_FAILED;
     }
   MathSrand((int)GetTickCount64());
   instance_name = StringSubstr(Chance(secret, "instance"), 0, 32);
   if(!journal.Open((ulong)AccountInfoInteger(ACCOUNT_LOGIN), AccountInfoString(ACCOUNT_SERVER)))
      Alert("Alavanca: nothing will be sent. " + journal.damage);
   last_life_at = clocks.Monotonic();
   engine_lost = false;
   LearnFills();
   CreatePanel();
   ShowPanel(true);
   if(!EventSetMillisecondTimer(MathMax(1, TimerMs)))
     {
      Alert("Alavanca: no timer (error " + IntegerToString(GetLastError()) + ")");
      return INIT_FAILED;
     }
   return INIT_SUCCEEDED;
  }

void OnDeinit(const int reason)
  {
   EventKillTimer();
   if(channel.stage == STAGE_UP)
     {
      Members out;
      out.Text("text", "the advisor was taken off its chart (reason " + IntegerToString(reason) + ")");
      channel.Say("bye", out.Object(), "");
      channel.Flush();
     }
   channel.Drop("taken off");
   journal.Close();
   DeletePanel();
  }

void OnTick()
  {
   Turn();
  }

void OnTimer()
  {
   Turn();
   ShowPanel(false);
  }

// Comes several times for one order, in no promised order: each time what changed is read anew, and told.
void OnTradeTransaction(const MqlTradeTransaction &transaction, const MqlTradeRequest &request,
                        const MqlTradeResult &result)
  {
   switch(transaction.type)
     {
      case TRADE_TRANSACTION_DEAL_ADD:
      case TRADE_TRANSACTION_DEAL_UPDATE:
         if(HistoryDealSelect(transaction.deal))
           {
            LearnDeal(transaction.deal);
            if(channel.stage == STAGE_UP)
               channel.Say("deal", DealJson(transaction.deal), "");
           }
         if(transaction.position != 0 && channel.stage == STAGE_UP)
            SayPosition(transaction.position, transaction.symbol);
         break;
      case TRADE_TRANSACTION_ORDER_ADD:
      case TRADE_TRANSACTION_ORDER_UPDATE:
      case TRADE_TRANSACTION_ORDER_DELETE:
      case TRADE_TRANSACTION_HISTORY_ADD:
      case TRADE_TRANSACTION_HISTORY_UPDATE:
         if(channel.stage == STAGE_UP)
            SayOrder(transaction.order);
         break;
      case TRADE_TRANSACTION_POSITION:
         if(channel.stage == STAGE_UP)
            SayPosition(transaction.position, transaction.symbol);
         break;
      default:
         break;
     }
   Turn();
  }

void OnChartEvent(const int id, const long &lparam, const double &dparam, const string &sparam)
  {
   if(id == CHARTEVENT_OBJECT_CLICK && sparam == PANEL_KILL)
      PressKill();
  }
