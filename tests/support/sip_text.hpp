// Raw SIP messages as tests write them.
#pragma once

#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "sip/message.hpp"

namespace test {

// Lines with LF become lines with CRLF.
inline std::string crlf(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '\n') result += '\r';
    result += c;
  }
  return result;
}

inline std::string torture_message(std::string_view name) {
  std::ifstream file(std::string(PARLEY_SOURCE_DIR) + "/tests/torture/" + std::string(name) + ".dat",
                     std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct Parsed {
  sip::MessagePtr message;  // null: refused
  sip::ParseFailure failure{};
  const sip::Message* operator->() const { return message.get(); }
};
inline Parsed parse_sip(std::string bytes) {
  Parsed result;
  if (auto message = sip::Message::parse(base::share(std::move(bytes)), &result.failure))
    result.message = *message;
  return result;
}

inline sip::Source udp_source(std::string_view ip = "192.0.2.10", std::uint16_t port = 5060) {
  return {.transport = sip::Transport::kUdp,
          .remote = *base::SocketAddress::parse(ip, port),
          .local = *base::SocketAddress::parse("192.0.2.1", 5060)};
}

}  // namespace test
