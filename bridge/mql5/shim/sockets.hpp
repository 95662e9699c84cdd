// MQL5's sockets over POSIX ones, with their traps: SocketIsReadable says 1 now and then where there is nothing, a send is
// partial, and a read waits for all that it was asked for until its time is over.
#pragma once

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "runtime.hpp"

#define SEND_AT_MOST 4096u

inline int SocketCreate() { return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); }

inline void SocketClose(int handle) { close(handle); }

inline bool SocketTimeouts(int, uint, uint) { return true; }

inline bool SocketConnect(int handle, const string &host, uint port, uint) {
  addrinfo hints{};
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo *found = nullptr;
  if (getaddrinfo(host.utf8().c_str(), std::to_string(port).c_str(), &hints, &found) != 0) {
    last_error_code() = ERR_NETSOCKET_CANNOT_CONNECT;
    return false;
  }
  const bool joined = connect(handle, found->ai_addr, found->ai_addrlen) == 0;
  freeaddrinfo(found);
  if (!joined) {
    last_error_code() = ERR_NETSOCKET_CANNOT_CONNECT;
    return false;
  }
  int on = 1;
  setsockopt(handle, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return true;
}

inline bool SocketIsConnected(int handle) {
  char unit;
  const ssize_t got = recv(handle, &unit, 1, MSG_PEEK | MSG_DONTWAIT);
  return got > 0 || (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR));
}

inline uint SocketIsReadable(int handle) {
  int count = 0;
  if (ioctl(handle, FIONREAD, &count) != 0) return 0;
  static int asked = 0;
  if (count == 0 && ++asked % 16 == 0) return 1;
  return static_cast<uint>(count);
}

inline int SocketRead(int handle, Array<uchar> &bytes, uint most, uint timeout_ms) {
  bytes.items.resize(most);
  const ulong until = GetTickCount64() + timeout_ms;
  uint done = 0;
  while (done < most) {
    const ssize_t got = recv(handle, bytes.items.data() + done, most - done, MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) break;
    if (got > 0) {
      done += static_cast<uint>(got);
      continue;
    }
    const ulong now = GetTickCount64();
    if (now >= until) break;
    pollfd wait{handle, POLLIN, 0};
    poll(&wait, 1, static_cast<int>(until - now));
  }
  bytes.items.resize(done);
  return done == 0 ? -1 : static_cast<int>(done);
}

inline int SocketSend(int handle, const Array<uchar> &bytes, uint count) {
  const ssize_t sent = send(handle, bytes.items.data(), MathMin(count, SEND_AT_MOST), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return 0;
  return static_cast<int>(sent);
}

// There is no TLS in the shim. Where ALAVANCA_SHIM_THUMBPRINT is set it plays a connection whose certificate has that
// thumbprint, so that what the advisor makes of it is seen; what goes over it is plain.
inline const char *shim_thumbprint() { return std::getenv("ALAVANCA_SHIM_THUMBPRINT"); }
inline bool SocketTlsHandshake(int, const string &) { return shim_thumbprint() != nullptr; }
inline bool SocketTlsCertificate(int, string &subject, string &, string &, string &thumbprint, datetime &) {
  subject = string("CN=engine");
  thumbprint = string(shim_thumbprint());
  return true;
}
inline int SocketTlsSend(int handle, const Array<uchar> &bytes, uint count) { return SocketSend(handle, bytes, count); }
inline int SocketTlsReadAvailable(int handle, Array<uchar> &bytes, uint most) {
  int ready = 0;
  if (ioctl(handle, FIONREAD, &ready) != 0 || ready <= 0) return 0;
  return SocketRead(handle, bytes, MathMin(static_cast<uint>(ready), most), 1);
}
