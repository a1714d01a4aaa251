// Trunks: providers by which calls leave and come. Registration, credentials for that peer and realm alone (survival item 6),
// caller numbers, and whose calls are believed to come from it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/timeline.hpp"
#include "bridge/leg.hpp"
#include "sip/client_auth.hpp"
#include "sip/network.hpp"
#include "sip/user_agent.hpp"

namespace pbx {

struct TrunkConfig {
  std::string name;                              // compared without case
  std::string server;                            // "sip.provider.example" or with ":5060", or an address
  std::string transport = "udp";                 // "udp", "tcp", "tls"
  std::string outbound_proxy;                    // as `server`; "" : the server itself
  std::string username, password, realm;         // realm "" : the server's host name
  std::string domain;                            // of our address of record; "" : the server's host name
  bool registers = false;
  std::chrono::seconds expires{600};
  std::vector<base::SocketAddress> addresses;    // from which its calls come, beside those that `server` resolves to; ports ignored
  std::string caller_number;                     // of all calls by it; "" : the caller's own number, where it is one (digits, +), else the username
  std::string number;                            // what calls that come without one of ours are taken to dial; "" : what they dial
  bool show_caller_name = true;
  std::size_t max_calls = 0;                     // 0: no limit
};

// Looks names up, elsewhere: SRV, then addresses (RFC 3263 in short). `done` comes on the shard's thread, later; empty: nothing found.
using ResolveTarget = std::function<void(const std::string& host_and_port, sip::Transport transport, std::function<void(std::vector<base::SocketAddress>)> done)>;

// A call by a trunk, ready for UserAgent::invite().
struct TrunkCall {
  sip::Target target;
  std::string request_uri, from_uri, from_display, to_uri, route, headers;
  std::shared_ptr<sip::ClientAuth> auth;
};

struct TrunkStatus {
  std::string name, server;
  bool registers = false, registered = false, reachable = false;   // reachable: the name was resolved
  int last_status = 0;                                             // of the last REGISTER that failed; 0: none
  std::size_t calls = 0;
};

// Thread: the shard's.
class Trunks {
 public:
  Trunks(std::vector<TrunkConfig> trunks, base::Timeline& timeline, ResolveTarget resolve);
  ~Trunks();
  Trunks(const Trunks&) = delete;

  // Once; looks names up and registers.
  void attach(sip::UserAgent& agent);
  // Takes registrations back; before the agent goes.
  void close();

  // kNotFound: no such trunk; kUnavailable: its name is not resolved, or it has max_calls; kMalformed: no number.
  base::Result<TrunkCall> prepare(std::string_view trunk, std::string_view number, const bridge::Party& from, std::string_view caller_number = {}) const;
  // The trunk that a request outside a dialog comes from, by its address and, where it registers, by the Contact that it was
  // given. Null: none. It is not believed to be anybody's but the trunk's.
  const TrunkConfig* identify(const sip::Message& request, const sip::Source& source) const;
  const TrunkConfig* find(std::string_view name) const;
  // A call by or from it begins and ends.
  void note_call(std::string_view trunk, int change);
  void on_flow_closed(std::uint64_t flow);
  std::vector<TrunkStatus> status() const;

 private:
  class Trunk;
  std::vector<std::unique_ptr<Trunk>> trunks_;
  base::Timeline& timeline_;
  ResolveTarget resolve_;
  sip::UserAgent* agent_ = nullptr;
};

}  // namespace pbx
