// We offer: the first m-lines of a call that we make, and later a slot for each source that others send.
#include <algorithm>
#include <unordered_set>

#include "base/random.hpp"
#include "base/text.hpp"
#include "sdp/session_state.hpp"

namespace sdp {
namespace {

constexpr std::string_view kWebrtcProtocol = "UDP/TLS/RTP/SAVPF";

Section new_section(SessionState& state, MediaKind kind, Role role) {
  Section s;
  s.index = state.agreed.sections.size();
  s.mid = fresh_mid(state);
  s.kind = kind;
  s.role = role;
  s.active = true;
  s.media = kind == MediaKind::kAudio ? "audio" : "video";
  s.protocol = state.agreed.kind == TransportKind::kWebrtc ? kWebrtcProtocol : "RTP/AVP";
  if (state.agreed.kind == TransportKind::kWebrtc) {
    for (const auto uri : wanted_extensions(kind)) {
      if (const auto id = extension_id(state, uri)) s.extensions.push_back({*id, std::string(uri)});
    }
    s.rtcp_rsize = kind == MediaKind::kVideo;
  }
  return s;
}

base::Status number(SessionState& state, Codec& c, bool rtx) {
  const bool fixed = c.name == "PCMU" || c.payload_type != 0;   // known_codec() has those of RFC 3551
  if (fixed) {
    state.payload_types.set(c.payload_type);
  } else {
    const auto pt = allocate_payload_type(state);
    if (!pt) return base::fail(base::ErrorCode::kTooLarge, "payload types");
    c.payload_type = c.receive_payload_type = *pt;
  }
  if (rtx) c.rtx_payload_type = c.rtx_receive_payload_type = allocate_payload_type(state);
  return {};
}

Codec telephone_event(SessionState& state, std::uint32_t clock_rate) {
  Codec c;
  c.name = "telephone-event", c.clock_rate = clock_rate;
  // 101 is what most phones use.
  const auto pt = clock_rate == 8000 && !state.payload_types[101] ? std::optional<std::uint8_t>(101)
                                                                  : allocate_payload_type(state);
  c.payload_type = c.receive_payload_type = pt.value_or(101);
  state.payload_types.set(c.payload_type);
  return c;
}

// The slots as they have to become. Keeps those that stay where they are.
class SlotPlan {
 public:
  SlotPlan(const LocalConfig& config, SessionState& state, std::vector<Undelivered>& undelivered)
      : config_(config), state_(state), undelivered_(undelivered) {}

  bool run(const std::vector<RemoteSource>& sources);

 private:
  void keep_or_close(Section& s);
  void open(const RemoteSource& source);
  Section* free_section();
  void fill(Section& s, const RemoteSource& source);

  const LocalConfig& config_;
  SessionState& state_;
  std::vector<Undelivered>& undelivered_;
  std::unordered_map<std::uint64_t, const RemoteSource*> wanted_;
  std::unordered_set<std::uint64_t> placed_;
  std::size_t next_free_ = 0;
  bool changed_ = false;
};

bool SlotPlan::run(const std::vector<RemoteSource>& sources) {
  for (const auto& s : sources) wanted_.emplace(s.source_id, &s);
  for (auto& s : state_.agreed.sections) {
    if (s.active && s.role == Role::kSlot) keep_or_close(s);
  }
  for (const auto& source : sources) {
    if (wanted_[source.source_id] != &source) continue;   // listed twice
    if (!placed_.contains(source.source_id)) open(source);
  }
  return changed_;
}

void SlotPlan::keep_or_close(Section& s) {
  const auto found = wanted_.find(s.source_id);
  if (found != wanted_.end() && !state_.refused.contains(s.source_id)) {
    const auto& source = *found->second;
    const Section before = s;
    name_slot(source, s);
    const bool codec_kept = !s.codecs.empty() && decodes(s.codecs.back(), source.codec, source.fmtp);
    if (codec_kept || take_slot_source(state_, source, s)) {
      if (s.rtx_ssrc == 0 && s.codecs.back().rtx_payload_type) s.rtx_ssrc = fresh_ssrc(config_, state_);
      placed_.insert(s.source_id);
      changed_ = changed_ || s != before;
      return;
    }
    s = before;
  }
  changed_ = true;
  if (receives(s.direction)) {   // the peer's own video came in by this m-line: that stays
    s.role = s.publishes == Publishes::kCamera ? Role::kOwnVideo : Role::kOwnScreen;
    s.codecs.resize(1);
    s.source_id = 0, s.label.clear(), s.content.clear(), s.ssrc = s.rtx_ssrc = 0;
    s.msid = {state_.stream_id, base::random_uuid()};
    return;
  }
  Section none;
  none.index = s.index, none.mid = s.mid, none.kind = s.kind, none.media = s.media, none.protocol = s.protocol;
  if (!s.codecs.empty()) none.formats = {std::to_string(s.codecs.front().receive_payload_type)};
  s = std::move(none);
}

void SlotPlan::open(const RemoteSource& source) {
  const auto refuse = [&](const char* reason) { undelivered_.push_back({source.source_id, reason}); };
  if (state_.refused.contains(source.source_id)) return refuse("refused by the peer");
  if (config_.video == VideoMode::kNone) return refuse("no video here");
  if (state_.agreed.kind != TransportKind::kWebrtc || !state_.agreed.bundle) return refuse("the peer has audio only");
  if (placed_.size() >= config_.max_slots) return refuse("too many videos");
  Section s = new_section(state_, MediaKind::kVideo, Role::kSlot);
  if (!take_slot_source(state_, source, s)) return refuse("the peer can't decode it");
  Section* at = free_section();
  if (!at && state_.agreed.sections.size() >= kMaxMedia) return refuse("too many m-lines");
  fill(s, source);
  if (at) {
    s.index = at->index;
    *at = std::move(s);
  } else {
    state_.agreed.sections.push_back(std::move(s));
  }
  placed_.insert(source.source_id);
  changed_ = true;
}

// RFC 8829 section 5.2.2: an m-line with port 0 is used again, for the same kind of media and under a new mid.
Section* SlotPlan::free_section() {
  auto& sections = state_.agreed.sections;
  for (; next_free_ < sections.size(); ++next_free_) {
    auto& s = sections[next_free_];
    if (!s.active && s.kind == MediaKind::kVideo) return &sections[next_free_++];
  }
  return nullptr;
}

void SlotPlan::fill(Section& s, const RemoteSource& source) {
  name_slot(source, s);
  s.peer_wish = Direction::kRecvOnly;
  s.msid.stream = source.stream_id.empty() ? base::random_uuid() : source.stream_id;
  s.msid.track = source.track_id.empty() ? base::random_uuid() : source.track_id;
  s.ssrc = fresh_ssrc(config_, state_);
  if (s.codecs.back().rtx_payload_type) s.rtx_ssrc = fresh_ssrc(config_, state_, s.ssrc);
}

// An m-line that had port 0 in the last exchange.
std::optional<std::size_t> free_video_line(const SessionState& state) {
  for (const auto& s : state.agreed.sections) {
    if (!s.active && s.kind == MediaKind::kVideo) return s.index;
  }
  return std::nullopt;
}

// What the peer has said that it decodes, else what we decode, under numbers that stay ours.
std::vector<Codec> codecs_for_peer(const LocalConfig& config, SessionState& state) {
  std::vector<Codec> codecs;
  for (const auto& name : config.video_codecs) {
    auto& known = state.decodable_known ? state.decodable : state.own_video;
    const auto* found = find_best(known, name);
    if (!found && !state.decodable_known) {
      auto own = known_codec(name);
      if (!own || !number(state, *own, true)) continue;
      own->feedback = kVideoFeedback;
      found = &known.emplace_back(std::move(*own));
    }
    if (!found) continue;
    codecs.push_back(*found);
    codecs.back().feedback = intersect(found->feedback, kVideoFeedback);
  }
  return codecs;
}

// A call of two whose other side has a video, and a peer that came without a line for one. True: it is offered one.
bool open_for_shown(const LocalConfig& config, std::optional<std::size_t> free, SessionState& state) {
  const auto& agreed = state.agreed;
  const bool possible = config.video == VideoMode::kTwoWay && agreed.kind == TransportKind::kWebrtc && agreed.bundle;
  if (!possible || !state.shown || state.video_refused || agreed.find(Role::kOwnVideo)) return false;
  if (!free && agreed.sections.size() >= kMaxMedia) return false;
  Section own = new_section(state, MediaKind::kVideo, Role::kOwnVideo);
  own.codecs = codecs_for_peer(config, state);
  const auto fits = [&](const Codec& c) { return decodes(c, state.shown->codec, state.shown->fmtp); };
  if (std::ranges::none_of(own.codecs, fits)) {
    Section other;
    RemoteSource source;
    source.codec = state.shown->codec, source.fmtp = state.shown->fmtp;
    if (!take_slot_source(state, source, other)) return false;
    own.codecs.push_back(std::move(other.codecs.front()));
  }
  // What is to be sent comes first.
  const auto first = std::ranges::find_if(own.codecs, fits);
  std::rotate(own.codecs.begin(), first, first + 1);
  own.opened_for_peer = true;
  own.msid = {state.stream_id, base::random_uuid()};
  if (free) {
    own.index = *free;
    state.agreed.sections[*free] = std::move(own);
  } else {
    state.agreed.sections.push_back(std::move(own));
  }
  return true;
}

}  // namespace

base::Status plan_initial_offer(const LocalConfig& config, TransportKind kind, bool video, SessionState& state) {
  const bool webrtc = kind == TransportKind::kWebrtc;
  state.agreed.kind = kind;
  Section audio = new_section(state, MediaKind::kAudio, Role::kOwnAudio);
  for (const auto& name : webrtc ? config.webrtc_audio : config.plain_audio) {
    auto codec = known_codec(name);
    if (!codec) continue;
    if (auto status = number(state, *codec, false); !status) return status;
    if (webrtc) codec->feedback = kAudioFeedback;
    audio.codecs.push_back(std::move(*codec));
  }
  if (audio.codecs.empty()) return base::fail(base::ErrorCode::kUnsupported, "no audio codec is configured");
  for (const auto& c : audio.codecs) {
    const auto clock = c.name == "G722" ? 8000 : c.clock_rate;
    if (std::ranges::find(audio.telephone_events, clock, &Codec::clock_rate) == audio.telephone_events.end()) {
      audio.telephone_events.push_back(telephone_event(state, clock));
    }
  }
  if (!webrtc && config.sdes == SdesPolicy::kOffer) {
    audio.protocol = "RTP/SAVP";
    state.offered_cryptos = fresh_cryptos();
  }
  audio.msid = {state.stream_id, base::random_uuid()};
  audio.ssrc = fresh_ssrc(config, state);
  audio.offered = offer_direction(config, state, audio);
  state.agreed.sections.push_back(std::move(audio));
  if (!webrtc || !video || config.video == VideoMode::kNone) return {};

  Section own = new_section(state, MediaKind::kVideo, Role::kOwnVideo);
  for (const auto& name : config.video_codecs) {
    auto codec = known_codec(name);
    if (!codec) continue;
    if (auto status = number(state, *codec, true); !status) return status;
    codec->feedback = kVideoFeedback;
    own.codecs.push_back(std::move(*codec));
  }
  own.msid = {state.stream_id, base::random_uuid()};
  if (config.video == VideoMode::kTwoWay) {
    own.ssrc = fresh_ssrc(config, state);
    own.rtx_ssrc = fresh_ssrc(config, state, own.ssrc);
  }
  own.offered = offer_direction(config, state, own);
  if (!own.codecs.empty()) state.agreed.sections.push_back(std::move(own));
  return {};
}

bool plan_offer(const LocalConfig& config, const std::vector<RemoteSource>& sources, SessionState& state,
                std::vector<Undelivered>& undelivered) {
  const auto free = free_video_line(state);
  bool changed = SlotPlan(config, state, undelivered).run(sources);
  changed |= open_for_shown(config, free, state);
  if (const auto& sdes = state.agreed.sdes) state.offered_cryptos = {{sdes->tag, sdes->local}};
  for (auto& s : state.agreed.sections) {
    if (!s.active) continue;
    s.offered = offer_direction(config, state, s);
    // In the bridge before, nothing was sent here; or a stream was that has ended, whose SRTP index the peer still has.
    const bool again = s.opened_for_peer && !sends(s.direction);
    if (s.role == Role::kOwnVideo && sends(s.offered) && (s.ssrc == 0 || again)) {
      s.ssrc = fresh_ssrc(config, state);
      if (s.codecs.back().rtx_payload_type) s.rtx_ssrc = fresh_ssrc(config, state, s.ssrc);
    }
    // A slot that the peer has put on hold is its own affair; ours is what we want of its own m-lines.
    if (s.role != Role::kSlot && s.offered != s.direction) changed = true;
  }
  return changed;
}

}  // namespace sdp
