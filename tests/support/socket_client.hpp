// A blocking client for tests of servers: TCP or TLS, HTTP answers, WebSocket frames. Gives up after a few seconds.
#pragma once

#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "base/address.hpp"

namespace support {

class SocketClient {
 public:
  explicit SocketClient(const base::SocketAddress& to, bool tls = false) {
    fd_ = ::socket(to.is_v6() ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_storage storage{};
    const auto length = to.to(storage);
    connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&storage), length) == 0;
    const timeval limit{5, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (connected_ && tls) start_tls();
  }
  ~SocketClient() { close(); }
  SocketClient(const SocketClient&) = delete;
  SocketClient& operator=(const SocketClient&) = delete;

  bool connected() const { return connected_; }
  int fd() const { return fd_; }
  base::SocketAddress local() const {
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&storage), &length);
    return base::SocketAddress::from(reinterpret_cast<sockaddr*>(&storage));
  }
  void close() {
    ssl_.reset();
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  bool send(std::string_view bytes) {
    if (ssl_) return SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())) == static_cast<int>(bytes.size());
    while (!bytes.empty()) {
      const auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  // Exactly so many bytes, or fewer at the end or after the time limit.
  std::string read(std::size_t size) {
    while (buffer_.size() < size && more()) {
    }
    return take(std::min(size, buffer_.size()));
  }
  // Up to and with `end`; "" when the end comes first.
  std::string read_until(std::string_view end) {
    for (;;) {
      if (const auto at = buffer_.find(end); at != buffer_.npos) return take(at + end.size());
      if (!more()) return {};
    }
  }
  std::string read_all() {
    while (more()) {
    }
    return take(buffer_.size());
  }
  // Has the peer closed (and said nothing more) within the limit?
  bool closed_within(std::chrono::milliseconds limit) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (std::chrono::steady_clock::now() < end) {
      pollfd poll{fd_, POLLIN, 0};
      if (::poll(&poll, 1, 20) > 0 && !more()) return true;
    }
    return false;
  }
  // One HTTP answer: head, and body by its Content-Length.
  std::string http(std::string_view request, bool head_only = false) {
    send(request);
    std::string answer = read_until("\r\n\r\n");
    const auto at = answer.find("Content-Length: ");
    if (at != answer.npos && !head_only) answer += read(std::stoul(answer.substr(at + 16)));
    return answer;
  }
  std::string open_websocket(std::string_view path = "/ws", std::string_view headers = "Sec-WebSocket-Protocol: sip\r\n") {
    return http("GET " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" + std::string(headers) + "\r\n");
  }
  static std::string frame(int opcode, std::string_view payload, bool final = true) {
    std::string out(1, static_cast<char>((final ? 0x80 : 0) | opcode));
    if (payload.size() < 126) {
      out += static_cast<char>(0x80 | payload.size());
    } else if (payload.size() < 65536) {
      out += static_cast<char>(0x80 | 126);
      for (const int shift : {8, 0}) out += static_cast<char>(payload.size() >> shift);
    } else {
      out += static_cast<char>(0x80 | 127);
      for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(payload.size() >> shift);
    }
    const std::string_view mask = "\x11\x22\x33\x44";
    out += mask;
    for (std::size_t i = 0; i < payload.size(); ++i) out += static_cast<char>(payload[i] ^ mask[i & 3]);
    return out;
  }
  struct Frame {
    int opcode = -1;   // -1: none came
    std::string payload;
  };
  Frame read_frame() {
    const auto head = read(2);
    if (head.size() < 2) return {};
    std::size_t size = static_cast<unsigned char>(head[1]) & 0x7f;
    if (size >= 126) {
      const auto longer = read(size == 126 ? 2 : 8);
      size = 0;
      for (const char c : longer) size = size << 8 | static_cast<unsigned char>(c);
    }
    return {head[0] & 0x0f, read(size)};
  }
  // Answers pings until something else comes.
  Frame read_message() {
    for (;;) {
      auto got = read_frame();
      if (got.opcode != 9) return got;
      send(frame(10, got.payload));
    }
  }

 private:
  void start_tls() {
    context_.reset(SSL_CTX_new(TLS_client_method()));
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_fd(ssl_.get(), fd_);
    connected_ = SSL_connect(ssl_.get()) == 1;
  }
  bool more() {
    char bytes[65536];
    const auto got = ssl_ ? SSL_read(ssl_.get(), bytes, sizeof bytes) : static_cast<int>(::recv(fd_, bytes, sizeof bytes, 0));
    if (got <= 0) return false;
    buffer_.append(bytes, static_cast<std::size_t>(got));
    return true;
  }
  std::string take(std::size_t size) {
    std::string result = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return result;
  }
  int fd_ = -1;
  bool connected_ = false;
  std::string buffer_;
  struct FreeContext {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  struct FreeSsl {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  std::unique_ptr<SSL_CTX, FreeContext> context_;

 public:
  SSL* ssl() const { return ssl_.get(); }

 private:
  std::unique_ptr<SSL, FreeSsl> ssl_;
};

// Waits until `condition` holds, for a few seconds.
template <typename F>
bool eventually(F&& condition, std::chrono::milliseconds limit = std::chrono::seconds(5)) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    ::usleep(1000);
  }
  return true;
}

}  // namespace support
