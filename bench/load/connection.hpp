// A SIP client over a WebSocket, plain or by TLS, that waits for what it asked for; for programs that have thousands of them.
#pragma once

#include <openssl/ssl.h>
#include <poll.h>

#include "base/random.hpp"
#include "load/measure.hpp"
#include "sip/digest.hpp"

namespace load {

class Connection {
 public:
  Connection(std::uint16_t port, SSL_CTX* tls) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const timeval patience{.tv_sec = 5, .tv_usec = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    const auto to = loopback(port);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) die("no connection to the WebSocket port");
    if (tls != nullptr) {
      ssl_ = ::SSL_new(tls);
      ::SSL_set_fd(ssl_, fd_);
      if (::SSL_connect(ssl_) != 1) die("no TLS");
    }
    write(fmt::format("GET /ws HTTP/1.1\r\nHost: localhost:{}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                      "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: sip\r\n\r\n", port));
    while (in_.find("\r\n\r\n") == in_.npos) read();
    if (!in_.starts_with("HTTP/1.1 101")) die("no WebSocket: " + in_.substr(0, in_.find('\r')));
    in_.erase(0, in_.find("\r\n\r\n") + 4);
  }
  ~Connection() {
    if (ssl_ != nullptr) ::SSL_free(ssl_);
    ::close(fd_);
  }
  Connection(const Connection&) = delete;

  int fd() const { return fd_; }
  // What came meanwhile; pings are answered.
  template <typename F>
  void drain(F&& each) {
    for (pollfd wait{fd_, POLLIN, 0}; (ssl_ != nullptr && ::SSL_pending(ssl_) > 0) || ::poll(&wait, 1, 0) > 0;) {
      read();
      while (const auto text = take_frame()) {
        if (!text->empty()) each(*text);
      }
    }
  }
  void drain() {
    drain([](const std::string&) {});
  }

  void register_as(const std::string& name, std::string_view password) {
    std::string authorization;
    const auto host = base::random_token(12) + ".invalid", call_id = base::random_token(16), tag = base::random_token(8);
    for (int cseq = 1; cseq <= 2; ++cseq) {
      send(fmt::format("REGISTER sip:localhost SIP/2.0\r\nVia: SIP/2.0/{} {};branch=z9hG4bK{}\r\nMax-Forwards: 69\r\nFrom: <sip:{}@localhost>;tag={}\r\n"
                       "To: <sip:{}@localhost>\r\nCall-ID: {}\r\nCSeq: {} REGISTER\r\nContact: <sip:{}@{};transport=ws>;expires=600\r\nExpires: 600\r\n"
                       "{}Supported: path,gruu,outbound\r\nUser-Agent: load\r\nContent-Length: 0\r\n\r\n",
                       ssl_ != nullptr ? "WSS" : "WS", host, base::random_token(10), name, tag, name, call_id, cseq, name, host, authorization));
      std::optional<std::string> answer;
      while (!answer) {
        answer = take_frame();
        if (!answer) read();
        if (answer && (answer->empty() || answer->starts_with("SIP/2.0 1"))) answer.reset();
      }
      if (answer->starts_with("SIP/2.0 200")) return;
      const auto at = answer->find("WWW-Authenticate: ");
      if (cseq == 2 || at == answer->npos) die("not registered: " + answer->substr(0, answer->find('\r')));
      const auto challenge = sip::parse_challenge(std::string_view(*answer).substr(at + 18, answer->find('\r', at) - at - 18));
      if (!challenge) die("a challenge that can't be read");
      challenge_ = *challenge;
      authorization = "Authorization: " + sip::answer_challenge(*challenge, {name, password}, "REGISTER", "sip:localhost", 1, "0a4f113b") + "\r\n";
    }
  }

  void send(std::string_view text) { frame('\x81', text); }
  // After the registration: credentials for another request by the same nonce.
  std::string authorization(const std::string& name, std::string_view password, std::string_view method, std::string_view uri) {
    return "Authorization: " + sip::answer_challenge(*challenge_, {name, password}, method, uri, ++count_, "0a4f113b") + "\r\n";
  }

 private:
  void write(std::string_view bytes) {
    const auto sent = ssl_ != nullptr ? ::SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size())) : static_cast<int>(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL));
    if (sent != static_cast<int>(bytes.size())) die("a connection was closed");
  }
  void read() {
    char chunk[65536];
    const auto got = ssl_ != nullptr ? ::SSL_read(ssl_, chunk, sizeof chunk) : static_cast<int>(::recv(fd_, chunk, sizeof chunk, 0));
    if (got <= 0) die("a connection was closed, or nothing came");
    in_.append(chunk, static_cast<std::size_t>(got));
  }
  void frame(char head, std::string_view text) {
    std::string out(1, head);
    if (text.size() < 126) {
      out += static_cast<char>(0x80 | text.size());
    } else {
      out += '\xfe';
      out += static_cast<char>(text.size() >> 8);
      out += static_cast<char>(text.size() & 255);
    }
    write(out.append(4, '\0').append(text));
  }
  // A text that came; "" : a ping, which has been answered.
  std::optional<std::string> take_frame() {
    if (in_.size() < 2) return std::nullopt;
    std::size_t head = 2, size = static_cast<std::uint8_t>(in_[1]) & 127;
    if (size == 126) {
      if (in_.size() < 4) return std::nullopt;
      head = 4;
      size = static_cast<std::size_t>(static_cast<std::uint8_t>(in_[2])) << 8 | static_cast<std::uint8_t>(in_[3]);
    }
    if (size == 127) {
      if (in_.size() < 10) return std::nullopt;
      head = 10;
      size = 0;
      for (std::size_t i = 2; i < 10; ++i) size = size << 8 | static_cast<std::uint8_t>(in_[i]);
    }
    if (in_.size() < head + size) return std::nullopt;
    auto text = in_.substr(head, size);
    const int opcode = in_[0] & 15;
    in_.erase(0, head + size);
    in_.shrink_to_fit();
    if (opcode == 9) frame('\x8a', text);
    return opcode == 1 || opcode == 2 ? text : std::string();
  }

  std::string in_;
  std::optional<sip::DigestChallenge> challenge_;
  std::uint32_t count_ = 1;
  int fd_ = -1;
  SSL* ssl_ = nullptr;
};

}  // namespace load
