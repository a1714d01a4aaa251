// A name server on loopback, on a port of the system's choice: answers what it was told to, and what no name server should.
#pragma once

#include <sys/socket.h>

#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/text.hpp"
#include "net/udp_socket.hpp"

namespace test_support {

class DnsServer {
 public:
  enum Type : std::uint16_t { kA = 1, kCname = 5, kAaaa = 28, kSrv = 33 };

  DnsServer() {
    socket_ = std::move(*net::UdpSocket::bind(*base::SocketAddress::parse("127.0.0.1", 0)));
    timeval wait{0, 20000};
    ::setsockopt(socket_.fd(), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    thread_ = std::thread([this] { run(); });
  }
  ~DnsServer() {
    stop_ = true;
    thread_.join();
  }
  const base::SocketAddress& address() const { return socket_.local(); }

  // Before it is asked.
  void a(const std::string& name, const std::string& ip) { add(name, kA, packed(ip)); }
  void aaaa(const std::string& name, const std::string& ip) { add(name, kAaaa, packed(ip)); }
  void srv(const std::string& name, unsigned priority, unsigned weight, unsigned port, const std::string& target) {
    add(name, kSrv, u16(priority) + u16(weight) + u16(port) + name_of(target));
  }
  void add(const std::string& name, std::uint16_t type, const std::string& data) {
    const std::lock_guard lock(mutex_);
    records_[{name, type}].push_back(data);
  }
  // Instead of an answer, for every question: "" : none; "{id}" at its start stands for the question's identifier.
  void answer_with(std::string bytes) {
    const std::lock_guard lock(mutex_);
    raw_ = std::move(bytes);
    has_raw_ = true;
  }
  std::vector<std::string> asked() const {   // "33 _sip._udp.example.com"
    const std::lock_guard lock(mutex_);
    return asked_;
  }

  static std::string u16(unsigned value) { return {static_cast<char>(value >> 8), static_cast<char>(value)}; }
  static std::string name_of(const std::string& name) {
    std::string out;
    for (std::size_t at = 0; at < name.size();) {
      const auto dot = std::min(name.find('.', at), name.size());
      out += static_cast<char>(dot - at);
      out += name.substr(at, dot - at);
      at = dot + 1;
    }
    return out + '\0';
  }

 private:
  static std::string packed(const std::string& ip) {
    const auto address = *base::SocketAddress::parse(ip, 1);
    sockaddr_storage raw{};
    address.to(raw);
    if (address.is_v4()) return {reinterpret_cast<const char*>(&reinterpret_cast<const sockaddr_in&>(raw).sin_addr), 4};
    return {reinterpret_cast<const char*>(&reinterpret_cast<const sockaddr_in6&>(raw).sin6_addr), 16};
  }
  void run() {
    char buffer[2048];
    while (!stop_) {
      sockaddr_storage from{};
      socklen_t length = sizeof from;
      const auto size = ::recvfrom(socket_.fd(), buffer, sizeof buffer, 0, reinterpret_cast<sockaddr*>(&from), &length);
      if (size < 17) continue;
      const auto answer = answer_to({buffer, static_cast<std::size_t>(size)});
      if (!answer.empty()) ::sendto(socket_.fd(), answer.data(), answer.size(), 0, reinterpret_cast<const sockaddr*>(&from), length);
    }
  }
  std::string answer_to(std::string_view query) {
    const std::lock_guard lock(mutex_);
    std::string name;
    std::size_t at = 12;
    while (at < query.size() && query[at] != 0) {
      const auto label = static_cast<unsigned char>(query[at]);
      if (!name.empty()) name += '.';
      name += query.substr(at + 1, label);
      at += 1U + label;
    }
    const auto end = at + 5;
    if (end > query.size()) return {};
    const auto type = static_cast<std::uint16_t>(static_cast<unsigned char>(query[at + 1]) << 8 | static_cast<unsigned char>(query[at + 2]));
    asked_.push_back(std::to_string(type) + " " + base::to_lower(name));
    if (has_raw_) return raw_.starts_with("{id}") ? std::string(query.substr(0, 2)) + raw_.substr(4) : raw_;
    const auto found = records_.find({base::to_lower(name), type});
    const bool known = std::any_of(records_.begin(), records_.end(), [&](const auto& r) { return r.first.first == base::to_lower(name); });
    std::string out(query.substr(0, 2));
    out += u16(known ? 0x8580 : 0x8583);   // NXDOMAIN
    const auto count = found == records_.end() ? std::size_t{0} : found->second.size();
    out += u16(1) + u16(static_cast<unsigned>(count)) + u16(0) + u16(0);
    out += query.substr(12, end - 12);
    for (std::size_t i = 0; i < count; ++i) {
      const auto& data = found->second[i];
      out += u16(0xc00c) + u16(type) + u16(1) + u16(0) + u16(60) + u16(static_cast<unsigned>(data.size())) + data;
    }
    return out;
  }

  net::UdpSocket socket_;
  std::thread thread_;
  std::atomic<bool> stop_ = false;
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, std::uint16_t>, std::vector<std::string>> records_;
  std::vector<std::string> asked_;
  std::string raw_;
  bool has_raw_ = false;
};

}  // namespace test_support
