#include "net/udp_socket.hpp"

#include <fcntl.h>
#include <netinet/udp.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

namespace net {

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = other.release();
  }
  return *this;
}

Fd::~Fd() {
  if (fd_ >= 0) ::close(fd_);
}

int Fd::release() { return std::exchange(fd_, -1); }

base::Error socket_error(const base::SocketAddress& address, int error) {
  base::ErrorCode code = base::ErrorCode::kUnavailable;
  if (error == EACCES || error == EPERM) code = base::ErrorCode::kDenied;
  if (error == EADDRINUSE) code = base::ErrorCode::kConflict;
  return {code, address.to_string() + ": " + std::generic_category().message(error)};
}

base::Result<UdpSocket> UdpSocket::bind(const base::SocketAddress& address, const UdpOptions& options) {
  UdpSocket result;
  result.v6_ = address.is_v6();
  result.fd_ = Fd(::socket(result.v6_ ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!result.fd_) return std::unexpected(socket_error(address, errno));
  const int fd = result.fd();
  if (result.v6_) {
    const int v6_only = options.dual_stack ? 0 : 1;
    ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only);
    result.dual_stack_ = options.dual_stack;
  }
  // A burst of answers to a large room is more than the system's usual limit holds; only root may go beyond it, for
  // others the wish is cut without a word.
  const auto wish = [fd](int force, int ordinary, int size) {
    if (size > 0 && ::setsockopt(fd, SOL_SOCKET, force, &size, sizeof size) != 0) ::setsockopt(fd, SOL_SOCKET, ordinary, &size, sizeof size);
  };
  wish(SO_RCVBUFFORCE, SO_RCVBUF, options.receive_buffer);
  wish(SO_SNDBUFFORCE, SO_SNDBUF, options.send_buffer);
  sockaddr_storage storage{};
  socklen_t length = address.to(storage);
  if (::bind(fd, reinterpret_cast<sockaddr*>(&storage), length) != 0) return std::unexpected(socket_error(address, errno));
  length = sizeof storage;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length);
  result.local_ = base::SocketAddress::from(reinterpret_cast<sockaddr*>(&storage));
  return result;
}

base::Result<UdpSocket> UdpSocket::duplicate() const {
  UdpSocket result;
  result.fd_ = Fd(::fcntl(fd(), F_DUPFD_CLOEXEC, 0));
  if (!result.fd_) return std::unexpected(socket_error(local_, errno));
  result.local_ = local_;
  result.v6_ = v6_;
  result.dual_stack_ = dual_stack_;
  return result;
}

ReceiveBatch::ReceiveBatch(std::size_t count, std::size_t size)
    : size_(size), buffer_(count * size), vectors_(count), addresses_(count), messages_(count) {
  for (std::size_t i = 0; i < count; ++i) {
    vectors_[i] = {buffer_.data() + i * size, size};
    messages_[i] = {};
    messages_[i].msg_hdr.msg_iov = &vectors_[i];
    messages_[i].msg_hdr.msg_iovlen = 1;
    messages_[i].msg_hdr.msg_name = &addresses_[i];
    messages_[i].msg_hdr.msg_namelen = sizeof(sockaddr_storage);
  }
}

std::size_t ReceiveBatch::receive(int fd) {
  for (auto& message : messages_) message.msg_hdr.msg_namelen = sizeof(sockaddr_storage);
  // A pending ICMP error is reported once, in place of a packet: ask again, a few times at most.
  for (int attempt = 0; attempt < 8; ++attempt) {
    const int count = ::recvmmsg(fd, messages_.data(), static_cast<unsigned>(messages_.size()), MSG_DONTWAIT, nullptr);
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EBADF) return 0;
  }
  return 0;
}

base::SocketAddress ReceiveBatch::from(std::size_t i) const {
  return base::SocketAddress::from(reinterpret_cast<const sockaddr*>(&addresses_[i]));
}

SendBatch::SendBatch(std::size_t capacity) : slots_(capacity), messages_(capacity) {}

void SendBatch::add(const UdpSocket& socket, const base::SocketAddress& to, base::ByteView head, base::ByteView body,
                    std::uint16_t segment) {
  Slot& slot = slots_[count_];
  auto& header = messages_[count_].msg_hdr;
  header = {};
  slot.vectors[0] = {const_cast<std::uint8_t*>(head.data()), head.size()};
  slot.vectors[1] = {const_cast<std::uint8_t*>(body.data()), body.size()};
  header.msg_iov = slot.vectors;
  header.msg_iovlen = body.empty() ? 1 : 2;
  header.msg_name = &slot.address;
  header.msg_namelen = socket.is_v6() ? to.to_v6(slot.address) : to.to(slot.address);
  if (segment != 0) {
    header.msg_control = slot.control;
    header.msg_controllen = sizeof slot.control;
    cmsghdr* control = CMSG_FIRSTHDR(&header);
    control->cmsg_level = SOL_UDP;
    control->cmsg_type = UDP_SEGMENT;
    control->cmsg_len = CMSG_LEN(sizeof segment);
    std::memcpy(CMSG_DATA(control), &segment, sizeof segment);
  }
  ++count_;
}

bool SendBatch::is_full(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS; }

int SendBatch::write(int fd) {
  for (;;) {
    const int sent = ::sendmmsg(fd, messages_.data() + next_, static_cast<unsigned>(count_ - next_), MSG_DONTWAIT);
    if (sent >= 0) return sent;
    if (errno != EINTR) return -errno;
  }
}

}  // namespace net
