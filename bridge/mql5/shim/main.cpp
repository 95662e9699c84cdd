// alavanca-ea: the advisor's own source as a program, within a simulated terminal.
#include "mql5.hpp"

// The handlers' parameters are MetaTrader's; not each is used.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include "../Alavanca.mq5"
#pragma GCC diagnostic pop

#include <iostream>

namespace {

const char *const HELP =
    "The Expert Advisor as a program, for tests and simulated days.\n\n"
    "Usage: alavanca-ea --simterm HOST:PORT --engine HOST:PORT --secret FILE --files DIR [OPTIONS]\n\n"
    "  --simterm HOST:PORT    the simulated terminal that it lives in\n"
    "  --engine HOST:PORT     sets EngineHost and EnginePort\n"
    "  --secret FILE          the secret, readable by its owner alone; it stands for SecretFile\n"
    "  --files DIR            stands for MQL5/Files: journal and lock\n"
    "  --input NAME=VALUE     sets an input; several are possible\n"
    "  --poll-ms N            without a subscribed engine the market is looked at every N milliseconds [20]\n"
    "  --until-end true       leaves its chart when the market has ended and the engine has taken everything in\n"
    "  --control true         reads commands from standard input: `panel`, `press NAME`, `reload`, `remove`, `hmac JSON`\n\n"
    "It prints a line of JSON when it stands on its chart. SIGTERM takes it off.\n";

[[noreturn]] void usage(const std::string &what) {
  std::cerr << "alavanca-ea: " << what << "; see --help\n";
  std::exit(2);
}

volatile std::sig_atomic_t taken_off = 0;

struct Input {
  const char *name;
  void (*set)(const std::string &text);
};

const Input INPUTS[] = {
    {"EngineHost", [](const std::string &text) { EngineHost = string(text); }},
    {"EnginePort", [](const std::string &text) { EnginePort = std::atoi(text.c_str()); }},
    {"UseTls", [](const std::string &text) { UseTls = text == "true"; }},
    {"TlsThumbprint", [](const std::string &text) { TlsThumbprint = string(text); }},
    {"SecretFile", [](const std::string &text) { SecretFile = string(text); }},
    {"Symbols", [](const std::string &text) { Symbols = string(text); }},
    {"OrderLotsMax", [](const std::string &text) { OrderLotsMax = std::atof(text.c_str()); }},
    {"PositionLotsMax", [](const std::string &text) { PositionLotsMax = std::atof(text.c_str()); }},
    {"OrdersPerMinuteMax", [](const std::string &text) { OrdersPerMinuteMax = std::atoi(text.c_str()); }},
    {"DeadMan", [](const std::string &text) { DeadMan = static_cast<DeadManMode>(std::atoi(text.c_str())); }},
    {"DeadManSeconds", [](const std::string &text) { DeadManSeconds = std::atoi(text.c_str()); }},
    {"DeadManDeviation", [](const std::string &text) { DeadManDeviation = std::atoi(text.c_str()); }},
    {"TimerMs", [](const std::string &text) { TimerMs = std::atoi(text.c_str()); }},
};

void set_input(const std::string &pair) {
  const size_t mark = pair.find('=');
  for (const Input &one : INPUTS)
    if (mark != std::string::npos && pair.substr(0, mark) == one.name) return one.set(pair.substr(mark + 1));
  usage("--input " + pair + ": there is no such input");
}

std::pair<std::string, int> address(const std::string &text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) usage("`" + text + "` is not HOST:PORT");
  return {text.substr(0, colon), std::atoi(text.c_str() + colon + 1)};
}

// In the terminal the file lies in MQL5/Files; that folder is the user's own.
void use_secret(const std::string &path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) usage("--secret " + path + ": there is no such file");
  if ((info.st_mode & 077) != 0) usage("--secret " + path + ": others may read it; chmod 600");
  file_aliases()[SecretFile.utf8()] = path;
}

struct Options {
  std::string simterm;
  std::string secret;
  long poll_ms = 20;
  bool control = false;
  bool until_end = false;
};

Options read(const std::vector<std::string> &words) {
  Options options;
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--help") {
      std::cout << HELP;
      std::exit(0);
    }
    if (i + 1 >= words.size()) usage(words[i] + " needs a value");
    const std::string &name = words[i];
    const std::string &value = words[++i];
    if (name == "--simterm") options.simterm = value;
    else if (name == "--engine") {
      EngineHost = string(address(value).first);
      EnginePort = address(value).second;
    } else if (name == "--secret") options.secret = value;
    else if (name == "--files") files_folder() = value;
    else if (name == "--input") set_input(value);
    else if (name == "--poll-ms") options.poll_ms = std::atol(value.c_str());
    else if (name == "--until-end") options.until_end = value == "true";
    else if (name == "--control") options.control = value == "true";
    else usage(name + ": there is no such option");
  }
  if (options.simterm.empty()) usage("--simterm is missing");
  if (!options.secret.empty()) use_secret(options.secret);
  return options;
}

MqlTradeTransaction transaction_of(const Value &from) {
  MqlTradeTransaction out;
  out.deal = static_cast<ulong>(from["deal"].whole());
  out.order = static_cast<ulong>(from["order"].whole());
  out.symbol = string(from["symbol"].word);
  out.type = static_cast<ENUM_TRADE_TRANSACTION_TYPE>(from["type"].whole());
  out.price = from["price"].real();
  out.volume = from["volume"].real();
  out.position = static_cast<ulong>(from["position"].whole());
  out.position_by = static_cast<ulong>(from["position_by"].whole());
  return out;
}

// The next thing that happened in the terminal, given to its handler; whether there was one.
bool happen() {
  const Value event = terminal_link().call("next_event", with("wait_ms", 0L));
  server_clock().fresh = false;
  if (event.is_null()) return false;
  if (event["event"].word == "tick") OnTick();
  else OnTradeTransaction(transaction_of(event["transaction"]), MqlTradeRequest(), MqlTradeResult());
  return true;
}

// The engine gets every tick that it subscribed to: then its window sets the pace of a pulled market.
bool engine_follows() {
  for (int i = 0; i < ArraySize(feeds); ++i)
    if (feeds[i].ticks) return channel.stage == STAGE_UP;
  return false;
}
bool engine_is_behind() { return engine_follows() && channel.TickFramesOut() >= terms.window; }

void obey(const std::string &line) {
  if (line == "panel") {
    std::string text;
    for (const auto &object : chart_objects()) text += (text.empty() ? "" : ",") + quoted(object.first) + ":" + quoted(object.second);
    std::cout << "{" << text << "}" << std::endl;
  } else if (line.compare(0, 6, "press ") == 0) {
    OnChartEvent(CHARTEVENT_OBJECT_CLICK, 0, 0, string(line.substr(6)));
  } else if (line == "reload") {
    OnDeinit(3);
    if (OnInit() != INIT_SUCCEEDED) taken_off = 1;
  } else if (line.compare(0, 5, "hmac ") == 0) {
    const Value asked = Reader::read(line.substr(5));
    Array<uchar> key;
    Unhex(string(asked["secret"].word), key);
    std::cout << quoted(HmacHex(key, string(asked["text"].word)).utf8()) << std::endl;
  } else if (line == "remove") {
    taken_off = 1;
  }
}

// Commands that came on standard input.
void listen_to_control(std::string &waiting) {
  pollfd wait{0, POLLIN, 0};
  while (poll(&wait, 1, 0) > 0) {
    char chunk[4096];
    const ssize_t got = ::read(0, chunk, sizeof chunk);
    if (got <= 0) return;
    waiting.append(chunk, static_cast<size_t>(got));
    for (size_t end; (end = waiting.find('\n')) != std::string::npos; waiting.erase(0, end + 1)) obey(waiting.substr(0, end));
  }
}

// Until the engine says something, but not longer.
bool wait_for_engine(int ms) {
  pollfd wait{channel.Handle(), POLLIN, 0};
  return poll(&wait, channel.IsOpen() ? 1 : 0, ms) > 0;
}

}  // namespace

int main(int count, char **words) {
  std::signal(SIGTERM, [](int) { taken_off = 1; });
  std::signal(SIGINT, [](int) { taken_off = 1; });
  const Options options = read(std::vector<std::string>(words + 1, words + count));
  terminal_link().dial(address(options.simterm).first, address(options.simterm).second);
  if (OnInit() != INIT_SUCCEEDED) return 1;
  std::cout << "{\"advisor\":\"on its chart\"}" << std::endl;

  std::string control;
  ulong timer_at = 0;
  ulong look_at = 0;
  ulong quiet_since = GetTickCount64();
  while (!taken_off) {
    const ulong now = GetTickCount64();
    bool happened = false;
    if (!engine_is_behind() && (engine_follows() || now >= look_at)) {
      happened = happen();
      look_at = now + static_cast<ulong>(options.poll_ms);
    }
    // A timer that comes early, because the engine said something, is a turn like any other.
    const bool heard = wait_for_engine(happened ? 0 : 2);
    if (heard || GetTickCount64() >= timer_at) {
      OnTimer();
      timer_at = GetTickCount64() + static_cast<ulong>(MathMax(1L, timer_period_ms()));
    }
    if (options.control) listen_to_control(control);
    // Twice as long as a heartbeat: what the engine still wants to close it can.
    if (!options.until_end || happened || !server_clock().ended || channel.TickFramesOut() > 0) quiet_since = GetTickCount64();
    if (GetTickCount64() - quiet_since > 2000) taken_off = 1;
  }
  OnDeinit(1);
  return 0;
}
