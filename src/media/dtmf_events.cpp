#include "media/dtmf_events.hpp"

#include <string_view>

namespace media {
namespace {

constexpr std::string_view kDigits = "0123456789*#ABCD";  // RFC 4733 3.2, events 0 to 15

}  // namespace

std::optional<char> DtmfEvents::push(const AudioPacket& packet) {
  if (packet.payload.size() < 4) return std::nullopt;
  const std::uint8_t event = packet.payload[0];
  if (event >= kDigits.size()) return std::nullopt;
  const bool end = (packet.payload[1] & 0x80) != 0;
  const std::uint16_t duration = base::load_be16(packet.payload.data() + 2);

  const auto forward = static_cast<std::int32_t>(packet.timestamp - timestamp_);
  const auto step = static_cast<std::int16_t>(static_cast<std::uint16_t>(packet.seq - seq_));
  bool fresh = true;
  if (begun_ && packet.ssrc == ssrc_) {
    // Both must be newer: a repeated, late or replayed packet of an event that was reported is not.
    if (forward == 0 && event == event_) fresh = false;
    if (forward < 0 && step <= 0) return std::nullopt;
    // RFC 4733 2.5.1.3: an event longer than 65,535 ticks goes on under a new timestamp, without marker.
    const bool continued = !packet.marker && !ended_ && event == event_ && forward > 0 &&
                           static_cast<std::uint32_t>(forward) == duration_ && duration_ >= 0x8000;
    if (continued) fresh = false;
  }
  begun_ = true;
  ssrc_ = packet.ssrc;
  ended_ = fresh ? end : (ended_ && forward == 0) || end;
  timestamp_ = packet.timestamp;
  event_ = event;
  duration_ = duration;
  seq_ = packet.seq;
  return fresh ? std::optional(kDigits[event]) : std::nullopt;
}

std::optional<std::array<std::uint8_t, 4>> write_telephone_event(const TelephoneEvent& event) {
  const auto code = kDigits.find(event.digit);
  if (code == std::string_view::npos) return std::nullopt;
  return std::array<std::uint8_t, 4>{
      static_cast<std::uint8_t>(code), static_cast<std::uint8_t>((event.end ? 0x80 : 0) | (event.volume & 0x3f)),
      static_cast<std::uint8_t>(event.duration >> 8), static_cast<std::uint8_t>(event.duration)};
}

}  // namespace media
