// Numbers and names that we give, and what is common to offers and answers.
#include <algorithm>
#include <array>

#include "base/random.hpp"
#include "base/text.hpp"
#include "sdp/session_state.hpp"

namespace sdp {

MediaKind kind_of(std::string_view media) {
  if (base::equals_ignoring_case(media, "audio")) return MediaKind::kAudio;
  if (base::equals_ignoring_case(media, "video")) return MediaKind::kVideo;
  return MediaKind::kOther;
}

std::uint32_t fresh_ssrc(const LocalConfig& config, const SessionState& state, std::uint32_t other) {
  const auto taken = [&](std::uint32_t ssrc) {
    for (const auto& s : state.agreed.sections) {
      if (s.ssrc == ssrc || s.rtx_ssrc == ssrc) return true;
      for (const auto& r : s.remote_ssrcs) {
        if (r.ssrc == ssrc || r.rtx_ssrc == ssrc) return true;
      }
    }
    return false;
  };
  // A generator that repeats itself, as a test's may, must not keep us here.
  for (int tries = 0;; ++tries) {
    const auto ssrc = config.random_u32 && tries < 100 ? config.random_u32() : base::random_u32();
    if (ssrc != 0 && ssrc != other && !taken(ssrc)) return ssrc;
  }
}

std::string fresh_mid(SessionState& state) {
  // RFC 8843 section 9.1: short, since it travels in a header extension; no two of a session the same.
  while (true) {
    auto mid = "s" + std::to_string(state.next_mid++);
    if (std::ranges::none_of(state.agreed.sections, [&](const Section& s) { return s.mid == mid; })) return mid;
  }
}

std::optional<std::uint8_t> allocate_payload_type(SessionState& state) {
  const auto take = [&](unsigned first, unsigned last) -> std::optional<std::uint8_t> {
    for (unsigned pt = first; pt <= last; ++pt) {
      if (state.payload_types[pt]) continue;
      state.payload_types.set(pt);
      return static_cast<std::uint8_t>(pt);
    }
    return std::nullopt;
  };
  // RFC 5761 section 4: 64 to 95 would be taken for RTCP.
  if (const auto pt = take(96, 127)) return pt;
  return take(35, 63);
}

std::optional<std::uint8_t> extension_id(SessionState& state, std::string_view uri) {
  if (const auto found = state.extension_ids.find(std::string(uri)); found != state.extension_ids.end()) {
    return found->second;
  }
  for (std::uint8_t id = 1; id <= 14; ++id) {
    if (std::ranges::any_of(state.extension_ids, [&](const auto& entry) { return entry.second == id; })) continue;
    state.extension_ids.emplace(uri, id);
    return id;
  }
  return std::nullopt;
}

std::span<const std::string_view> wanted_extensions(MediaKind kind) {
  static constexpr std::string_view kAudio[] = {kAudioLevelExtension, kMidExtension, kTransportCcExtension,
                                                kAbsSendTimeExtension};
  static constexpr std::string_view kVideo[] = {kMidExtension, kTransportCcExtension, kAbsSendTimeExtension,
                                                kVideoOrientationExtension};
  return kind == MediaKind::kAudio ? std::span<const std::string_view>(kAudio) : std::span<const std::string_view>(kVideo);
}

bool take_slot_source(SessionState& state, const RemoteSource& source, Section& out) {
  const Codec* codec = nullptr;
  const auto choose = [&](const std::vector<Codec>& from) {
    Codec wanted;
    if (const auto known = known_codec(source.codec)) wanted = *known;
    wanted.fmtp = source.fmtp;
    for (const auto& c : from) {
      if (same_codec(c, wanted)) return &c;   // the very same, before one that merely decodes it
    }
    for (const auto& c : from) {
      if (decodes(c, source.codec, source.fmtp)) return &c;
    }
    return static_cast<const Codec*>(nullptr);
  };
  codec = choose(state.decodable_known ? state.decodable : state.own_video);
  if (!codec && !state.decodable_known) {
    auto own = known_codec(source.codec);
    if (!own) return false;
    if (!source.fmtp.empty()) own->fmtp = source.fmtp;
    const auto pt = allocate_payload_type(state), rtx = allocate_payload_type(state);
    if (!pt) return false;
    own->payload_type = own->receive_payload_type = *pt;
    own->rtx_payload_type = own->rtx_receive_payload_type = rtx;
    own->feedback = kVideoFeedback;
    state.own_video.push_back(std::move(*own));
    codec = &state.own_video.back();
  }
  if (!codec) return false;
  const bool published = receives(out.direction) && !out.codecs.empty() && !same_codec(out.codecs.back(), *codec);
  if (!published) {
    out.codecs = {*codec};
  } else {   // the peer's own video uses this m-line too: its codec stays first
    out.codecs.resize(1);
    out.codecs.push_back(*codec);
  }
  return true;
}

void name_slot(const RemoteSource& source, Section& out) {
  out.source_id = source.source_id;
  out.label = source.label;
  out.content = source.content;
}

void settle_publishers(Negotiated& agreed) {
  bool camera = false;
  for (auto& s : agreed.sections) {
    s.publishes = Publishes::kNothing;
    if (!s.active || s.kind != MediaKind::kVideo || !receives(s.direction)) continue;
    const bool screen = s.role == Role::kOwnScreen || (s.role == Role::kSlot && (camera || s.remote_content == "slides"));
    s.publishes = screen ? Publishes::kScreen : Publishes::kCamera;
    camera = camera || !screen;
  }
}

Direction wanted_of_own_video(const LocalConfig& config, const SessionState& state, const Section& section) {
  if (config.video == VideoMode::kNone) return Direction::kInactive;
  const bool sends = config.video == VideoMode::kTwoWay && (!section.opened_for_peer || state.shown);
  return sends ? Direction::kSendRecv : Direction::kRecvOnly;
}

Direction offer_direction(const LocalConfig& config, const SessionState& state, const Section& section) {
  const auto possible = reversed(section.peer_wish);
  switch (section.role) {
    case Role::kOwnAudio: return state.audio & possible;
    case Role::kOwnVideo: return wanted_of_own_video(config, state, section) & possible;
    case Role::kOwnScreen: return config.video == VideoMode::kNone ? Direction::kInactive : Direction::kRecvOnly & possible;
    case Role::kSlot: return Direction::kSendOnly | (section.direction & Direction::kRecvOnly & possible);
    case Role::kNone: break;
  }
  return Direction::kInactive;
}

}  // namespace sdp
