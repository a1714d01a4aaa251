// Digits sent as telephone-events (RFC 4733), each reported once however often its packets are sent. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "media/audio_codec.hpp"

namespace media {

class DtmfEvents {
 public:
  // A packet of the telephone-event payload type. The digit 0-9 * # A-D when it is the first that is seen of an event
  // (so that lost packets of its end don't matter), else empty.
  std::optional<char> push(const AudioPacket& packet);

 private:
  bool begun_ = false;
  bool ended_ = false;
  std::uint8_t event_ = 0;
  std::uint16_t duration_ = 0;
  std::uint32_t ssrc_ = 0;
  std::uint32_t timestamp_ = 0;
  std::uint16_t seq_ = 0;
};

// The payload of one telephone-event packet: volume in -dBm0, duration in RTP ticks.
struct TelephoneEvent {
  char digit = '0';
  bool end = false;
  std::uint8_t volume = 10;
  std::uint16_t duration = 0;
};
std::optional<std::array<std::uint8_t, 4>> write_telephone_event(const TelephoneEvent& event);

}  // namespace media
