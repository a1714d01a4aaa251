// The way of a moved leg's datagrams between two media threads: a ring of slots, written by one thread and read by one
// other. See docs/decisions/0006-legs-move-between-media-threads.md.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "bridge/media_engine.hpp"

namespace runtime {

// Bounded: what does not fit is dropped, as on any network. Without a lock, and nothing is allocated after it is made.
class MediaLane {
 public:
  static constexpr std::size_t kSlots = 256;
  static constexpr std::size_t kSlotSize = 2048;

  enum class Kind : std::uint8_t {
    kUdp,        // came in by the home port, for a leg that lives there no more
    kTcp,        // the same, by an ICE-TCP connection
    kToTcp,      // of such a leg, for that connection
  };
  struct Item {
    Kind kind = Kind::kUdp;
    bridge::LegId leg;
    base::SocketAddress address;       // whom it is from, or for
    std::size_t size = 0;
    std::array<std::uint8_t, kSlotSize> bytes;
    base::MutableByteView data() { return base::MutableByteView(bytes).first(size); }
  };

  // The writer. False: dropped.
  bool push(Kind kind, bridge::LegId leg, const base::SocketAddress& address, base::ByteView data) {
    const auto tail = tail_.load(std::memory_order_relaxed);
    if (data.size() > kSlotSize || tail - head_.load(std::memory_order_acquire) == kSlots) return false;
    auto& item = (*slots_)[tail % kSlots];
    item.kind = kind;
    item.leg = leg;
    item.address = address;
    item.size = data.size();
    std::copy(data.begin(), data.end(), item.bytes.begin());
    tail_.store(tail + 1, std::memory_order_release);
    pushed_ = true;
    return true;
  }
  // After some pushes: true when the reader is to be woken.
  bool wants_wake() { return std::exchange(pushed_, false) && !signalled_.exchange(true, std::memory_order_acq_rel); }

  // The reader: up to where it may read. What is pushed later comes with a wake-up of its own.
  std::size_t mark() {
    signalled_.exchange(false, std::memory_order_acq_rel);
    return tail_.load(std::memory_order_acquire);
  }
  template <typename F>
  void take(std::size_t until, F&& each) {
    for (auto head = head_.load(std::memory_order_relaxed); head != until; ++head) {
      each((*slots_)[head % kSlots]);
      head_.store(head + 1, std::memory_order_release);
    }
  }

 private:
  std::unique_ptr<std::array<Item, kSlots>> slots_ = std::make_unique<std::array<Item, kSlots>>();
  bool pushed_ = false;                  // the writer's
  alignas(64) std::atomic<std::size_t> head_{0};
  alignas(64) std::atomic<std::size_t> tail_{0};
  std::atomic<bool> signalled_{false};
};

}  // namespace runtime
