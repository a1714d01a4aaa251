// Codecs as an m-line lists them, and which of them fit each other. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sdp/description.hpp"

namespace sdp {

// RTCP feedback of one codec that Parley knows (RFC 4585, 5104, and the two of browsers).
struct Feedback {
  bool nack = false;
  bool nack_pli = false;
  bool ccm_fir = false;
  bool transport_cc = false;
  bool goog_remb = false;
  bool operator==(const Feedback&) const = default;
};
inline constexpr Feedback kVideoFeedback{true, true, true, true, true};
inline constexpr Feedback kAudioFeedback{.transport_cc = true};
Feedback intersect(const Feedback& a, const Feedback& b);

struct Codec {
  std::string name;                         // "opus", "PCMU", "VP8", "telephone-event", as the peer spells it
  std::uint32_t clock_rate = 0;             // Hz
  std::uint8_t channels = 1;
  std::uint8_t payload_type = 0;            // of what we send: the number that the peer gave
  std::uint8_t receive_payload_type = 0;    // of what we receive; another one only where an answer says so
  std::string fmtp;                         // the peer's parameters
  std::optional<std::uint8_t> rtx_payload_type;
  std::optional<std::uint8_t> rtx_receive_payload_type;
  Feedback feedback;
  bool operator==(const Codec&) const = default;
};

// What the m-line lists, in its order and resolved: rtpmap (or RFC 3551's static number), fmtp, feedback, rtx.
struct CodecList {
  std::vector<Codec> codecs;             // without rtx, red, ulpfec, flexfec, CN and telephone-event
  std::vector<Codec> telephone_events;
  std::vector<std::uint8_t> payload_types;   // all that are listed
};
CodecList list_codecs(const Media& media);

// The value of one parameter of an fmtp, empty when it isn't there. Names compare without case.
std::string_view fmtp_parameter(std::string_view fmtp, std::string_view name);

// The same codec in the sense of RFC 3264: name, clock, channels, and what of fmtp tells formats apart (H.264's
// profile and packetization-mode, VP9's profile-id, AV1's profile; never a level).
bool same_codec(const Codec& a, const Codec& b);
// Whether one that can decode `decoder` decodes what is sent as name and fmtp.
bool decodes(const Codec& decoder, std::string_view name, std::string_view fmtp);

// The entry of `offered` that fits the name best: opus in stereo notation, H.264 packetization-mode 1 and
// constrained baseline first, VP9 and AV1 profile 0 first.
const Codec* find_best(const std::vector<Codec>& offered, std::string_view name);

// A codec as Parley offers it, without payload type numbers (static ones excepted); nothing for unknown names.
std::optional<Codec> known_codec(std::string_view name);

}  // namespace sdp
