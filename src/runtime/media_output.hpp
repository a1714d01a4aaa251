// What a media thread writes to its port: packets gathered in place and sent by one sendmmsg for many.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "net/udp_socket.hpp"

namespace runtime {

// Thread: the media thread's. Slots are used in turn: next(), fill and protect in place, then commit() with its size.
class MediaOutput {
 public:
  static constexpr std::size_t kSlots = 64;
  static constexpr std::size_t kSlotSize = 2048;

  explicit MediaOutput(const net::UdpSocket& socket) : socket_(socket), batch_(kSlots), buffers_(std::make_unique<Buffers>()) {}

  base::MutableByteView next() {
    if (batch_.full()) flush();
    return (*buffers_)[batch_.size()];
  }
  void commit(const base::SocketAddress& to, std::size_t size) {
    batch_.add(socket_, to, base::ByteView((*buffers_)[batch_.size()]).first(size));
    ++sent_;
  }
  void send(const base::SocketAddress& to, base::ByteView datagram) {
    auto slot = next();
    if (datagram.size() > slot.size()) return;
    std::copy(datagram.begin(), datagram.end(), slot.begin());
    commit(to, datagram.size());
  }
  // A full socket buffer is loss like any other on the way: media can't wait.
  void flush() {
    if (batch_.empty()) return;
    if (!batch_.send(socket_.fd(), [this](std::size_t, int) { ++failed_; })) {
      ++dropped_batches_;
      batch_.clear();
    }
  }
  std::uint64_t sent() const { return sent_; }
  std::uint64_t dropped_batches() const { return dropped_batches_; }

 private:
  using Buffers = std::array<std::array<std::uint8_t, kSlotSize>, kSlots>;
  const net::UdpSocket& socket_;
  net::SendBatch batch_;
  std::unique_ptr<Buffers> buffers_;
  std::uint64_t sent_ = 0, failed_ = 0, dropped_batches_ = 0;
};

}  // namespace runtime
