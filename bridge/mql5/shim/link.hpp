// The way to the simulated terminal: one line of JSON out, one in. It is the terminal that the advisor lives in: when it
// is gone, so is the advisor.
#pragma once

#include "files.hpp"
#include "json.hpp"
#include "sockets.hpp"

class TerminalLink {
 public:
  void dial(const std::string &host, int port) {
    fd_ = SocketCreate();
    if (!SocketConnect(fd_, string(host), static_cast<uint>(port), 5000)) gone("nobody listens");
    call("attach", ",\"as\":\"ea\",\"name\":\"alavanca-ea\"");
  }

  // `ok` of the answer; null with GetLastError() set where the terminal failed.
  Value call(const std::string &name, const std::string &arguments = "") {
    const std::string line = "{\"id\":" + std::to_string(++id_) + ",\"call\":" + quoted(name) + arguments + "}\n";
    size_t done = 0;
    while (done < line.size()) {
      const ssize_t sent = send(fd_, line.data() + done, line.size() - done, MSG_NOSIGNAL);
      if (sent <= 0) gone("it takes nothing");
      done += static_cast<size_t>(sent);
    }
    size_t end;
    while ((end = waiting_.find('\n', scanned_)) == std::string::npos) {
      scanned_ = waiting_.size();
      char chunk[65536];
      const ssize_t got = recv(fd_, chunk, sizeof chunk, 0);
      if (got <= 0) gone("it closed the connection");
      waiting_.append(chunk, static_cast<size_t>(got));
    }
    const Value answer = Reader::read(waiting_.substr(0, end));
    waiting_.erase(0, end + 1);
    scanned_ = 0;
    failure = answer["error"]["code"].whole();
    if (failure != 0) last_error_code() = 4000 + static_cast<int>(std::labs(failure) % 1000);
    return answer["ok"];
  }

  // The package's `last_error` of the last call; 0 for none.
  long failure = 0;

 private:
  [[noreturn]] void gone(const char *why) {
    std::fprintf(stderr, "the simulated terminal is gone: %s\n", why);
    std::_Exit(3);
  }
  int fd_ = -1;
  long id_ = 0;
  size_t scanned_ = 0;
  std::string waiting_;
};

inline TerminalLink &terminal_link() {
  static TerminalLink link;
  return link;
}

inline std::string with(const char *name, long number) { return ",\"" + std::string(name) + "\":" + std::to_string(number); }
inline std::string with(const char *name, double number) { return ",\"" + std::string(name) + "\":" + exact(number); }
inline std::string with(const char *name, const string &text) { return ",\"" + std::string(name) + "\":" + quoted(text.utf8()); }
