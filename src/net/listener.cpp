#include "net/listener.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>

namespace net {

base::Result<std::unique_ptr<TcpListener>> TcpListener::listen(IoThread& thread, const base::SocketAddress& address, bool dual_stack,
                                                               OnAccept on_accept) {
  const bool v6 = address.is_v6();
  Fd fd(::socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return std::unexpected(socket_error(address, errno));
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);   // a restart need not wait for old connections
  if (v6) {
    const int v6_only = dual_stack ? 0 : 1;
    ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only);
  }
  sockaddr_storage storage{};
  socklen_t length = address.to(storage);
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&storage), length) != 0 || ::listen(fd.get(), 1024) != 0) {
    return std::unexpected(socket_error(address, errno));
  }
  length = sizeof storage;
  ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&storage), &length);
  std::unique_ptr<TcpListener> listener(new TcpListener(thread, std::move(on_accept)));
  listener->local_ = base::SocketAddress::from(reinterpret_cast<sockaddr*>(&storage));
  thread.run_and_wait([raw = listener.get(), descriptor = fd.release(), &thread] {
    raw->watch_ = std::make_unique<FdWatch>(thread, descriptor, [raw] { raw->accept_some(); });
    raw->pause_ = std::make_unique<Timer>(thread, [raw] { raw->watch_->watch_read(); });
    raw->watch_->watch_read();
  });
  return listener;
}

TcpListener::~TcpListener() {
  thread_.run_and_wait([this] {
    watch_.reset();
    pause_.reset();
  });
}

void TcpListener::accept_some() {
  constexpr int kAtOnce = 64;   // then other sockets get their turn
  for (int i = 0; i < kAtOnce; ++i) {
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    Fd fd(::accept4(watch_->fd(), reinterpret_cast<sockaddr*>(&storage), &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) {
      if (errno == EAGAIN || errno == EWOULDBLOCK) break;
      if (errno == ECONNABORTED || errno == EINTR || errno == EPROTO) continue;
      // No descriptors or no memory left: those who wait will still wait in a moment.
      const int error = errno;
      std::uint64_t suppressed = 0;
      if (log_limit_.allow(std::chrono::steady_clock::now(), suppressed)) {
        spdlog::warn("{}: no connection can be accepted: {}", local_.to_string(), std::generic_category().message(error));
      }
      pause_->arm(std::chrono::milliseconds(100));
      return;
    }
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    on_accept_(std::move(fd), base::SocketAddress::from(reinterpret_cast<sockaddr*>(&storage)));
  }
  watch_->watch_read();
}

}  // namespace net
