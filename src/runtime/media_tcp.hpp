// ICE-TCP, passive (RFC 6544): connections that browsers open to a media port where UDP does not get through.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "net/udp_socket.hpp"
#include "webrtc/tcp_framing.hpp"

namespace runtime {

// Thread: the media thread's, whose epoll it adds its sockets to. Bounded: connections, and bytes that wait in each.
class MediaTcp {
 public:
  static constexpr std::size_t kMaxConnections = 2000;
  static constexpr std::size_t kMaxQueued = 512 * 1024;
  static constexpr std::uint64_t kTag = 0x2000'0000'0000'0000;   // of its sockets in epoll's data

  using Receiver = std::function<void(base::MutableByteView packet, const base::SocketAddress& from)>;
  static base::Result<std::unique_ptr<MediaTcp>> listen(const base::SocketAddress& address, bool dual_stack, int epoll, Receiver receiver);
  ~MediaTcp();

  std::uint16_t port() const { return port_; }
  void on_event(std::uint64_t tag, std::uint32_t events, base::TimePoint now);
  // False: no connection has this peer. A packet that does not fit the queue is dropped: it is media.
  bool send(const base::SocketAddress& to, base::ByteView packet);
  bool has(const base::SocketAddress& peer) const { return by_peer_.contains(peer); }
  // Closes what has said nothing for a while.
  void expire(base::TimePoint now);

 private:
  struct Connection {
    net::Fd fd;
    base::SocketAddress peer;
    webrtc::TcpDeframer deframer;
    base::Bytes queued;
    base::TimePoint last{};
  };
  MediaTcp(net::Fd fd, std::uint16_t port, int epoll, Receiver receiver);
  void accept(base::TimePoint now);
  void read(Connection& connection, base::TimePoint now, bool& closed);
  void write(Connection& connection);
  void arm(const Connection& connection, bool writable);

  net::Fd listener_;
  std::uint16_t port_;
  int epoll_;
  Receiver receiver_;
  std::unordered_map<int, std::unique_ptr<Connection>> connections_;             // by descriptor
  std::unordered_map<base::SocketAddress, Connection*> by_peer_;
};

}  // namespace runtime
