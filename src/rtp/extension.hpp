// Header extensions by name: the URIs of SDP's a=extmap and what their data says. Values, any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.hpp"
#include "base/time.hpp"

namespace rtp {

enum class Extension : std::uint8_t {
  kMid,                 // RFC 9143
  kRid, kRepairedRid,   // RFC 8852
  kAbsSendTime,
  kTransportSequence,   // transport-wide congestion control
  kAudioLevel,          // RFC 6464
  kVideoOrientation, kPlayoutDelay, kVideoContentType, kVideoTiming, kColorSpace, kTransmissionOffset,
  kCount
};
constexpr std::size_t kExtensionCount = static_cast<std::size_t>(Extension::kCount);

std::optional<Extension> extension_of(std::string_view uri);
std::string_view extension_uri(Extension extension);

// Which id each extension has in one m-line (or one transport); 0: not negotiated.
class ExtensionIds {
 public:
  std::uint8_t id(Extension e) const { return ids_[static_cast<std::size_t>(e)]; }
  // kCount for an id that means nothing.
  Extension kind(std::uint8_t id) const { return id == 0 ? Extension::kCount : kinds_[id]; }
  void set(Extension e, std::uint8_t id) {
    std::uint8_t& old = ids_[static_cast<std::size_t>(e)];
    if (old != 0) kinds_[old] = Extension::kCount;
    old = id;
    if (id != 0) kinds_[id] = e;
  }
  ExtensionIds() { kinds_.fill(Extension::kCount); }

 private:
  std::array<std::uint8_t, kExtensionCount> ids_{};
  std::array<Extension, 256> kinds_{};
};

// abs-send-time: 24 bits of seconds in 6.18 fixed point, of any clock.
constexpr std::uint32_t abs_send_time(base::TimePoint now) {
  const auto ns = static_cast<std::uint64_t>(now.time_since_epoch().count());
  return static_cast<std::uint32_t>(((ns % 64'000'000'000) << 18) / 1'000'000'000) & 0xFFFFFF;
}

// RFC 6464: level in -dBov, 0 loudest, 127 silence; `voice` is the sender's own guess.
struct AudioLevel {
  std::uint8_t level = 127;
  bool voice = false;
};
constexpr std::optional<AudioLevel> read_audio_level(base::ByteView data) {
  if (data.empty()) return std::nullopt;
  return AudioLevel{static_cast<std::uint8_t>(data[0] & 0x7F), (data[0] & 0x80) != 0};
}

}  // namespace rtp
