// What the SIP core asks of the network below it, and what it is told by it.
#pragma once

#include "base/bytes.hpp"
#include "sip/message.hpp"

namespace sip {

// Where a message goes: a connection by its flow, else an address by a transport (a connection is then made or found).
struct Target {
  Transport transport = Transport::kUdp;
  base::SocketAddress remote;
  std::uint64_t flow = 0;          // not 0: this connection and no other (RFC 5626, RFC 7118 section 5)
  std::uint32_t listener = 0;      // UDP: by whose socket

  static Target back_to(const Source& source) { return {source.transport, source.remote, source.flow, source.listener}; }
};

// A message ready to be written: a head of its own and a body that many copies may share.
struct Packet {
  base::SharedBytes head;          // start line, headers, the empty line
  base::SharedBytes body;          // null: none (or the head holds the whole message)
  bool utf8 = true;                // false: a WebSocket sends it as a binary frame
  std::size_t size() const { return head->size() + (body ? body->size() : 0); }
};

// Called on the shard's thread; writes in batches, later, and never calls back from within send().
class Network {
 public:
  virtual ~Network() = default;
  virtual void send(const Target& target, const Packet& packet) = 0;
  // The sent-by for a Via and the host and port for a Contact of ours as seen from `target` ("192.0.2.1:5060").
  virtual std::string local_host(const Target& target) = 0;
};

}  // namespace sip
