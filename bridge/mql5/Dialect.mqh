//+------------------------------------------------------------------+
//| Dialect.mqh: where MQL5 and C++ write the same thing differently |
//+------------------------------------------------------------------+
// The advisor's source is written in what MQL5 and C++17 share. Arrays are the one thing that both spell differently.
// MetaEditor defines __MQL5__; without it a C++ compiler reads this, and the shim has given it MetaTrader's types.
#ifdef __MQL5__
   #define ARRAY(TYPE, NAME) TYPE NAME[]
   #define ARRAY_IN(TYPE, NAME) const TYPE &NAME[]
   #define ARRAY_OUT(TYPE, NAME) TYPE &NAME[]
#else
   #define ARRAY(TYPE, NAME) Array<TYPE> NAME
   #define ARRAY_IN(TYPE, NAME) const Array<TYPE> &NAME
   #define ARRAY_OUT(TYPE, NAME) Array<TYPE> &NAME
#endif
