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
  bool verify_certificate = true;                // over TLS: it must be for the name of the server (or the outbound proxy)
  bool srtp = false;                             // over TLS: calls to it are offered SRTP (RFC 4568) and nothing else
  std::string ca_file;                           // PEM, who may have signed it; "" : whom the system trusts
};

// Looks names up, elsewhere: SRV, then addresses (RFC 3263 in short). `done` comes on the shard's thread, later; empty: nothing found.
using ResolveTarget = std::function<void(const std::string& host_and_port, sip::Transport transport, std::function<void(std::vector<base::SocketAddress>)> done)>;

// A call by a trunk, ready for UserAgent::invite().
struct TrunkCall {
  sip::Target target;
  std::vector<sip::Target> others;               // where it may be sent next, in order, when that one does not take it (RFC 3263 section 4.3)
  std::string request_uri, from_uri, from_display, to_uri, route, headers;
  std::shared_ptr<sip::ClientAuth> auth;
};

struct TrunkStatus {
  std::string name, server;
  bool registers = false, registered = false, reachable = false;   // reachable: its name is resolved, and it is not known to be silent
  int last_status = 0;                                             // of the last REGISTER that failed; 0: none
  std::size_t calls = 0;
};

// Thread: the shard's. What changes with a trunk is logged, once each time.
class Trunks {
 public:
  Trunks(std::vector<TrunkConfig> trunks, base::Timeline& timeline, ResolveTarget resolve);
  ~Trunks();
  Trunks(const Trunks&) = delete;

  // Once; looks names up and registers.
  void attach(sip::UserAgent& agent);
  // Takes registrations back; before the agent goes. closed(): they have been, or failed to be.
  void close();
  bool closed() const;

  // kNotFound: no such trunk; kUnavailable: its name is not resolved, it does not answer, or it has max_calls; kMalformed: no number.
  base::Result<TrunkCall> prepare(std::string_view trunk, std::string_view number, const bridge::Party& from, std::string_view caller_number = {}) const;
  // The trunk that a request outside a dialog comes from, by its address or, where it registers, by the Contact that nobody else
  // was given. Null: none. It is not believed to be anybody's but the trunk's. WebSockets are no trunk's; on loopback, where others
  // are, ports count too, but of the configured addresses.
  const TrunkConfig* identify(const sip::Message& request, const sip::Source& source) const;
  const TrunkConfig* find(std::string_view name) const;
  // What a call from it dials: the Request-URI's user, or To's where that is only the Contact that the trunk was given. Unescaped.
  std::string number_called(std::string_view trunk, const sip::Message& invite) const;
  // A call by or from it begins and ends.
  void note_call(std::string_view trunk, int change);
  // A call to that address had no answer at all, or no connection was made: for a while the trunk's others are tried first.
  void note_silence(std::string_view trunk, const base::SocketAddress& address);
  // A connection, ours or theirs, is gone: who registered by it does so again.
  void on_connection_closed(const sip::Source& source);
  std::vector<TrunkStatus> status() const;

 private:
  class Trunk;
  Trunk* trunk_of(std::string_view name) const;

  const ResolveTarget resolve_;
  std::vector<std::unique_ptr<Trunk>> trunks_;
};

}  // namespace pbx
