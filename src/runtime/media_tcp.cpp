#include "runtime/media_tcp.hpp"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>

namespace runtime {
namespace {
constexpr base::Duration kIdle = std::chrono::seconds(30);
}

base::Result<std::unique_ptr<MediaTcp>> MediaTcp::listen(const base::SocketAddress& address, bool dual_stack, int epoll, Receiver receiver) {
  net::Fd fd(::socket(address.is_v6() ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return std::unexpected(net::socket_error(address, errno));
  const int only = dual_stack ? 0 : 1;
  if (address.is_v6()) ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
  const int reuse = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof reuse);
  sockaddr_storage storage;
  socklen_t length = address.to(storage);
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&storage), length) != 0 || ::listen(fd.get(), 128) != 0) {
    return std::unexpected(net::socket_error(address, errno));
  }
  length = sizeof storage;
  ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&storage), &length);
  const auto port = base::SocketAddress::from(reinterpret_cast<sockaddr*>(&storage)).port();
  return std::unique_ptr<MediaTcp>(new MediaTcp(std::move(fd), port, epoll, std::move(receiver)));
}

MediaTcp::MediaTcp(net::Fd fd, std::uint16_t port, int epoll, Receiver receiver)
    : listener_(std::move(fd)), port_(port), epoll_(epoll), receiver_(std::move(receiver)) {
  epoll_event event{.events = EPOLLIN, .data = {.u64 = kTag | static_cast<std::uint64_t>(listener_.get())}};
  ::epoll_ctl(epoll_, EPOLL_CTL_ADD, listener_.get(), &event);
}

MediaTcp::~MediaTcp() = default;

void MediaTcp::arm(const Connection& connection, bool writable) {
  epoll_event event{.events = EPOLLIN | (writable ? EPOLLOUT : 0u), .data = {.u64 = kTag | static_cast<std::uint64_t>(connection.fd.get())}};
  ::epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.fd.get(), &event);
}

void MediaTcp::accept(base::TimePoint now) {
  for (int i = 0; i < 64; ++i) {
    sockaddr_storage storage;
    socklen_t length = sizeof storage;
    net::Fd fd(::accept4(listener_.get(), reinterpret_cast<sockaddr*>(&storage), &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) return;
    if (connections_.size() >= kMaxConnections) continue;
    const int nodelay = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &nodelay, sizeof nodelay);
    auto connection = std::make_unique<Connection>();
    connection->peer = base::SocketAddress::from(reinterpret_cast<sockaddr*>(&storage));
    connection->last = now;
    const int number = fd.get();
    connection->fd = std::move(fd);
    epoll_event event{.events = EPOLLIN, .data = {.u64 = kTag | static_cast<std::uint64_t>(number)}};
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, number, &event);
    by_peer_[connection->peer] = connection.get();
    connections_[number] = std::move(connection);
  }
}

void MediaTcp::on_event(std::uint64_t tag, std::uint32_t events, base::TimePoint now) {
  const int number = static_cast<int>(tag & ~kTag);
  if (number == listener_.get()) return accept(now);
  const auto found = connections_.find(number);
  if (found == connections_.end()) return;
  auto& connection = *found->second;
  bool closed = (events & (EPOLLERR | EPOLLHUP)) != 0;
  if (!closed && (events & EPOLLOUT)) write(connection);
  if (!closed && (events & EPOLLIN)) read(connection, now, closed);
  if (!closed) return;
  by_peer_.erase(connection.peer);
  connections_.erase(found);   // closing takes it out of epoll
}

void MediaTcp::read(Connection& connection, base::TimePoint now, bool& closed) {
  std::array<std::uint8_t, 16384> buffer;
  for (int i = 0; i < 8; ++i) {
    const auto size = ::recv(connection.fd.get(), buffer.data(), buffer.size(), 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (size <= 0) {
      closed = true;
      return;
    }
    connection.last = now;
    const auto peer = connection.peer;
    if (!connection.deframer.feed(base::ByteView(buffer).first(static_cast<std::size_t>(size)),
                                  [&](base::MutableByteView packet) { receiver_(packet, peer); })) {
      closed = true;
      return;
    }
  }
}

bool MediaTcp::send(const base::SocketAddress& to, base::ByteView packet) {
  if (by_peer_.empty()) return false;
  const auto found = by_peer_.find(to);
  if (found == by_peer_.end()) return false;
  auto& connection = *found->second;
  if (connection.queued.size() + packet.size() + 2 > kMaxQueued) return true;
  const bool idle = connection.queued.empty();
  const auto header = webrtc::tcp_frame_header(packet.size());
  connection.queued.insert(connection.queued.end(), header.begin(), header.end());
  connection.queued.insert(connection.queued.end(), packet.begin(), packet.end());
  if (idle) write(connection);
  return true;
}

void MediaTcp::write(Connection& connection) {
  const auto sent = ::send(connection.fd.get(), connection.queued.data(), connection.queued.size(), MSG_NOSIGNAL);
  if (sent > 0) connection.queued.erase(connection.queued.begin(), connection.queued.begin() + sent);
  arm(connection, !connection.queued.empty());
  if (connection.queued.empty() && connection.queued.capacity() > 65536) connection.queued.shrink_to_fit();
}

void MediaTcp::expire(base::TimePoint now) {
  std::erase_if(connections_, [&](const auto& entry) {
    const bool idle = now - entry.second->last > kIdle;
    if (idle) by_peer_.erase(entry.second->peer);
    return idle;
  });
}

}  // namespace runtime
