// UDP in batches: a bound socket that never blocks, and what recvmmsg and sendmmsg fill and write.
// No event loop inside: media threads wait with epoll, SIP with an FdWatch.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "base/result.hpp"

namespace net {

// An owned file descriptor.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept;
  ~Fd();
  int get() const { return fd_; }
  int release();
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// "127.0.0.1:5060: Address already in use" with a code to act on.
base::Error socket_error(const base::SocketAddress& address, int error);

struct UdpOptions {
  bool dual_stack = false;            // an IPv6 wildcard socket takes IPv4 too
  int receive_buffer = 4 << 20;       // bytes wished for; the system may give less
  int send_buffer = 4 << 20;
};

// One thread at a time.
class UdpSocket {
 public:
  UdpSocket() = default;
  static base::Result<UdpSocket> bind(const base::SocketAddress& address, const UdpOptions& options = {});
  int fd() const { return fd_.get(); }
  Fd release() { return std::move(fd_); }
  // Another descriptor of the same port, for another thread to write by.
  base::Result<UdpSocket> duplicate() const;
  bool is_open() const { return static_cast<bool>(fd_); }
  bool is_v6() const { return v6_; }
  const base::SocketAddress& local() const { return local_; }
  // Of the address family that this socket can send to?
  bool reaches(const base::SocketAddress& to) const { return to.is_v6() == v6_ || (v6_ && dual_stack_); }
  void close() { fd_ = Fd(); }

 private:
  Fd fd_;
  base::SocketAddress local_;
  bool v6_ = false, dual_stack_ = false;
};

// Room for `count` datagrams of `size` bytes, allocated once.
class ReceiveBatch {
 public:
  explicit ReceiveBatch(std::size_t count = 64, std::size_t size = 2048);
  ReceiveBatch(const ReceiveBatch&) = delete;
  ReceiveBatch& operator=(const ReceiveBatch&) = delete;

  // One recvmmsg: how many came, 0 when none waits. Errors of single packets (ICMP) are passed over.
  std::size_t receive(int fd);
  std::size_t capacity() const { return messages_.size(); }

  base::MutableByteView data(std::size_t i) {
    return {buffer_.data() + i * size_, messages_[i].msg_len};
  }
  base::SocketAddress from(std::size_t i) const;
  bool truncated(std::size_t i) const { return (messages_[i].msg_hdr.msg_flags & MSG_TRUNC) != 0; }

 private:
  std::size_t size_;
  std::vector<std::uint8_t> buffer_;
  std::vector<iovec> vectors_;
  std::vector<sockaddr_storage> addresses_;
  std::vector<mmsghdr> messages_;
};

// Datagrams to be written by as few sendmmsg as possible. The views must live until they are sent or cleared.
class SendBatch {
 public:
  explicit SendBatch(std::size_t capacity = 64);
  SendBatch(const SendBatch&) = delete;
  SendBatch& operator=(const SendBatch&) = delete;

  bool full() const { return count_ == messages_.size(); }
  bool empty() const { return count_ == 0; }
  std::size_t size() const { return count_; }
  std::size_t sent() const { return next_; }   // of a batch that stopped at a full buffer
  // REQUIRES !full(). `segment` not 0: UDP_SEGMENT, the kernel cuts head+body into datagrams of that many bytes.
  void add(const UdpSocket& socket, const base::SocketAddress& to, base::ByteView head, base::ByteView body = {},
           std::uint16_t segment = 0);
  void clear() { count_ = next_ = 0; }

  // Writes on from where the last call stopped. Stops at a full socket buffer (true: all are done, the batch is
  // empty again). `failed(i, errno)` for each that can't be sent at all, counted from the batch's first.
  template <typename Failed>
  bool send(int fd, Failed&& failed) {
    while (next_ < count_) {
      const int result = write(fd);
      if (result >= 0) {
        next_ += static_cast<std::size_t>(result);
      } else if (const int error = -result; is_full(error)) {
        return false;
      } else {
        failed(next_++, error);
      }
    }
    clear();
    return true;
  }

 private:
  static bool is_full(int error);
  int write(int fd);   // how many, or -errno of the first

  struct Slot {
    sockaddr_storage address;
    iovec vectors[2];
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(std::uint16_t))];
  };
  std::vector<Slot> slots_;
  std::vector<mmsghdr> messages_;
  std::size_t count_ = 0, next_ = 0;
};

}  // namespace net
