// The last packets of one video source, from which the NACKs of all its watchers are answered. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "base/bytes.hpp"
#include "rtp/extension.hpp"

namespace media {

// One packet as it is forwarded: what differs between watchers (SSRC, numbers, ids) is not in it.
struct StoredPacket {
  static constexpr std::size_t kCapacity = 1480;        // elements and payload together
  static constexpr std::size_t kMaxElements = 4;        // extension elements that are passed on
  struct Element {
    rtp::Extension kind{};
    std::uint8_t size = 0;
    std::uint16_t offset = 0;
  };

  std::int64_t sequence = -1;        // without gaps for dropped padding; -1: empty slot
  std::uint32_t timestamp = 0;       // the source's
  std::uint16_t payload_offset = 0;
  std::uint16_t payload_size = 0;
  std::uint8_t format = 0;           // index into the source's formats
  std::uint8_t element_count = 0;
  bool marker = false;
  bool keyframe_start = false;
  std::array<Element, kMaxElements> elements{};
  std::array<std::uint8_t, kCapacity> data;

  base::ByteView payload() const { return base::ByteView(data).subspan(payload_offset, payload_size); }
  base::ByteView element(const Element& e) const { return base::ByteView(data).subspan(e.offset, e.size); }
};

// A ring of kSlots packets: at 2.5 Mbit/s nearly two seconds, 780 kB. Memory is taken in chunks as the ring fills for
// the first time and kept until clear().
class PacketHistory {
 public:
  static constexpr std::int64_t kSlots = 512;

  // The slot for `sequence`, emptied, for the caller to fill in (`sequence` is set). REQUIRES: sequence >= 0.
  StoredPacket& take(std::int64_t sequence) {
    auto& chunk = chunks_[chunk_of(sequence)];
    if (!chunk) chunk = std::make_unique_for_overwrite<Chunk>(), init(*chunk);
    StoredPacket& slot = (*chunk)[slot_of(sequence)];
    slot.sequence = sequence;
    slot.element_count = 0;
    return slot;
  }
  const StoredPacket* find(std::int64_t sequence) const {
    if (sequence < 0) return nullptr;
    const auto& chunk = chunks_[chunk_of(sequence)];
    if (!chunk) return nullptr;
    const StoredPacket& slot = (*chunk)[slot_of(sequence)];
    return slot.sequence == sequence ? &slot : nullptr;
  }
  void clear() { chunks_ = {}; }
  std::size_t memory() const {
    std::size_t count = 0;
    for (const auto& chunk : chunks_) count += chunk != nullptr;
    return count * sizeof(Chunk);
  }

 private:
  static constexpr std::int64_t kChunk = 32;
  using Chunk = std::array<StoredPacket, kChunk>;
  static std::size_t chunk_of(std::int64_t s) { return static_cast<std::size_t>(s % kSlots / kChunk); }
  static std::size_t slot_of(std::int64_t s) { return static_cast<std::size_t>(s % kChunk); }
  static void init(Chunk& chunk) {
    for (auto& slot : chunk) slot.sequence = -1;
  }

  std::array<std::unique_ptr<Chunk>, kSlots / kChunk> chunks_;
};

}  // namespace media
