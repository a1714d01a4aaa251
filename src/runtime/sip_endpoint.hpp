// Binds SIP to sockets: UDP, TCP, TLS, WebSocket (RFC 3261 section 18, RFC 7118), for the one shard that it serves.
// I/O threads read, cut and parse; the shard gets whole batches of messages, and gives whole batches of packets back. UDP it reads itself while
// little comes.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "net/ban_list.hpp"
#include "net/connection_table.hpp"
#include "net/http_server.hpp"
#include "net/io_threads.hpp"
#include "net/source_limiter.hpp"
#include "net/tls.hpp"
#include "runtime/shard.hpp"
#include "sip/framer.hpp"
#include "sip/network.hpp"

namespace runtime {

// Called on the shard's thread.
class SipReceiver {
 public:
  virtual ~SipReceiver() = default;
  virtual void on_message(const sip::MessagePtr& message, const sip::Source& source) = 0;
  /// called once for each flow that a message may have come by
  virtual void on_flow_closed(std::uint64_t flow) = 0;
  /// called before that, for who knows a connection by its address
  virtual void on_connection_closed(const sip::Source&) {}
  /// called when a packet could not be written, or its connection not be made (RFC 3261 section 8.1.3.1)
  virtual void on_send_failed(const sip::Target& target) = 0;
};

struct SipEndpointConfig {
  struct Listener {
    sip::Transport transport = sip::Transport::kUdp;   // UDP, TCP, TLS; WebSockets come by websocket_route()
    base::SocketAddress address;
    std::shared_ptr<net::TlsServer> tls;               // for TLS
    bool dual_stack = false;
    std::string external;                              // "host" or "host:port" that we are known by outside; "" : none
  };
  std::vector<Listener> listeners;                     // Source::listener is the place in this list
  std::string websocket_external;
  sip::StreamFramer::Limits framer;
  net::SourceLimiter::Limits messages;                 // of one address: beyond it, UDP is dropped and a stream waits
  net::ConnectionTable::Limits connections;            // TCP and TLS; the HTTP server has its own
  base::Duration idle_timeout = std::chrono::minutes(30);   // TCP, TLS: nothing came, no keep-alive either
  base::Duration message_timeout = std::chrono::seconds(30);   // TCP, TLS: for the rest of a message that has begun
  net::SslContext tls_client;                          // for connections that we make to who has no name (set_tls_peers()); null: none
  std::size_t udp_busy = 20'000;                       // datagrams a second by one port from which on an I/O thread reads it; 0: always
  std::size_t inbox = 50'000;                          // messages that wait for the shard; then new ones are dropped
  std::size_t outbox = 100'000;                        // packets that wait for one I/O thread
};

// Whom we connect to over TLS.
struct TlsPeers {
  std::string name;                                    // that the certificate must be for (RFC 5922 section 7.2); "" : for the address
  std::vector<base::SocketAddress> addresses;
  net::SslContext context;
};

// Counted since the start.
struct SipCounters {
  std::uint64_t received = 0, sent = 0, keep_alives = 0;
  std::uint64_t malformed = 0, rate_limited = 0, banned = 0, inbox_full = 0, outbox_full = 0;
  std::uint64_t send_errors = 0, flows_opened = 0, flows_closed = 0, connections_refused = 0;
  std::uint64_t udp_busy = 0, udp_calm = 0;            // an I/O thread took a UDP port over from the shard, and gave it back
};

// Made and closed on any thread but the shard's and the I/O threads', all of which must outlive it. send() and
// local_host() on the shard's thread.
class SipEndpoint final : public sip::Network {
 public:
  // Binds every listener or none; the error names the address. The HTTP server of websocket_route() must run on
  // the same `threads`, and be closed before this is destroyed (or after close(), either order).
  static base::Result<std::unique_ptr<SipEndpoint>> start(net::IoThreads& threads, Shard& shard, SipReceiver& receiver,
                                                          SipEndpointConfig config);
  ~SipEndpoint() override;

  void send(const sip::Target& target, const sip::Packet& packet) override;
  std::string local_host(const sip::Target& target) override;
  void close_flow(std::uint64_t flow);                 // the shard's thread; on_flow_closed() follows
  // Whoever is connected to at one of the addresses is held against the name from now on, and no other connection from or to there
  // is used instead. Replaces those that `key` had. The shard's thread.
  void set_tls_peers(const std::string& key, TlsPeers peers);

  // A WebSocket route with subprotocol "sip" whose flows are this endpoint's.
  net::WebSocketRoute websocket_route(std::string path, std::function<bool(std::string_view origin, const net::HttpRequest&)> allow_origin);

  const base::SocketAddress& local_address(std::size_t listener) const;
  net::BanList& bans();
  SipCounters counters() const;
  std::size_t flows() const;
  // What waits is written, every connection closed; nothing is called afterwards.
  void close();

 private:
  class Core;
  explicit SipEndpoint(std::shared_ptr<Core> core);
  std::shared_ptr<Core> core_;
};

}  // namespace runtime
