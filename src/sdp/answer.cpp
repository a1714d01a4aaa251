// The peer offers: which m-lines are taken, with what, and what that makes of the session.
#include <algorithm>
#include <unordered_set>

#include "base/random.hpp"
#include "base/text.hpp"
#include "sdp/session_state.hpp"

namespace sdp {
namespace {

bool in_use(const Media& m) { return m.port != 0 || m.bundle_only; }   // RFC 8843 section 6

class OfferReader {
 public:
  OfferReader(const LocalConfig& config, const Description& offer, const SourceMap& sources, SessionState& state,
              std::vector<Rejection>& rejections)
      : config_(config), offer_(offer), sources_(sources), state_(state), rejections_(rejections) {}

  base::Status run();

 private:
  bool webrtc() const { return state_.agreed.kind == TransportKind::kWebrtc; }
  Direction peer_direction(const Media& m) const;
  void choose_kind();
  void learn_video();
  void learn_numbers();
  void read_transport();
  void take_ice(const PeerTransport& transport);
  Section read_section(std::size_t index);
  void give_ssrcs(Section& s);
  // These give the reason of a refusal, or nothing.
  std::string common_reason(const Media& m) const;
  std::string accept(const Media& m, const Section* before, Section& s);
  std::string accept_audio(const Media& m, Section& s);
  std::string accept_own_video(const Media& m, Section& s);
  std::string accept_slot(const Media& m, Section& s);
  std::string take_crypto(const Media& m);
  std::string take_publish_codec(const CodecList& list, Section& s) const;
  Role own_role(const Media& m, std::size_t index) const;
  void take_extensions(const Media& m, Section& s);

  const LocalConfig& config_;
  const Description& offer_;
  const SourceMap& sources_;
  SessionState& state_;
  std::vector<Rejection>& rejections_;
  std::vector<Section> sections_;
  std::unordered_set<std::string_view> bundled_;
  std::string transport_reason_;
  bool audio_taken_ = false;
  std::size_t published_ = 0;
};

base::Status OfferReader::run() {
  if (offer_.media.size() < state_.agreed.sections.size()) {   // RFC 3264 section 8
    return base::malformed("fewer m-lines than before");
  }
  std::unordered_set<std::string_view> mids;
  for (const auto& m : offer_.media) {
    if (!m.mid.empty() && !mids.insert(m.mid).second) return base::malformed("two m-lines of one mid");
  }
  if (!state_.established) choose_kind();
  if (const auto* group = bundle_group(offer_)) bundled_.insert(group->mids.begin(), group->mids.end());
  if (webrtc()) {
    learn_numbers();
    learn_video();
    read_transport();
  }
  sections_.reserve(offer_.media.size());
  for (std::size_t i = 0; i < offer_.media.size(); ++i) sections_.push_back(read_section(i));
  if (std::ranges::none_of(sections_, &Section::active)) {
    std::string detail = rejections_.empty() ? "no m-line in use" : "";
    for (const auto& r : rejections_) {
      if (detail.size() > 300) break;
      detail += (detail.empty() ? "m-line " : "; m-line ") + std::to_string(r.index) + " (" + r.media + "): " + r.reason;
    }
    return base::fail(base::ErrorCode::kUnsupported, std::move(detail));
  }
  state_.agreed.sections = std::move(sections_);
  for (auto& s : state_.agreed.sections) give_ssrcs(s);
  state_.agreed.bundle = webrtc() && !bundled_.empty();
  return {};
}

// When all sections are in place, so that none gets what another has, be it ours or the peer's.
void OfferReader::give_ssrcs(Section& s) {
  const bool own_video = s.role == Role::kOwnVideo && config_.video == VideoMode::kTwoWay;
  if (!s.active || !(s.role == Role::kOwnAudio || s.role == Role::kSlot || own_video)) return;
  if (s.ssrc == 0) s.ssrc = fresh_ssrc(config_, state_);
  const bool rtx = s.kind == MediaKind::kVideo && s.codecs.back().rtx_payload_type.has_value();
  if (rtx && s.rtx_ssrc == 0) s.rtx_ssrc = fresh_ssrc(config_, state_, s.ssrc);
}

Direction OfferReader::peer_direction(const Media& m) const {
  auto direction = m.direction.value_or(offer_.direction.value_or(Direction::kSendRecv));
  if (webrtc()) return direction;
  const auto* connection = connection_of(offer_, m);
  const auto address = connection ? base::SocketAddress::parse(connection->address, m.port) : std::nullopt;
  if (address && address->is_any()) direction = direction & Direction::kSendOnly;   // RFC 3264 section 8.4
  return direction;
}

void OfferReader::choose_kind() {
  for (const auto& m : offer_.media) {
    if (!in_use(m) || kind_of(m.media) == MediaKind::kOther) continue;
    if (!webrtc_protocol(offer_, m) && !plain_protocol(offer_, m)) continue;
    state_.agreed.kind = webrtc_protocol(offer_, m) ? TransportKind::kWebrtc : TransportKind::kPlain;
    return;
  }
}

void OfferReader::learn_numbers() {
  for (const auto& m : offer_.media) {
    if (!in_use(m)) continue;
    for (const auto pt : list_codecs(m).payload_types) state_.payload_types.set(pt);
    for (const auto& e : m.extmaps) {
      if (e.id > 14 || state_.extension_ids.size() >= 256) continue;
      // The peer's numbers win: one of ours that clashes is drawn anew.
      std::erase_if(state_.extension_ids, [&](const auto& entry) { return entry.second == e.id && entry.first != e.uri; });
      state_.extension_ids[e.uri] = static_cast<std::uint8_t>(e.id);
    }
  }
}

void OfferReader::learn_video() {
  std::vector<Codec> found;
  const auto& before = state_.agreed.sections;
  for (std::size_t i = 0; i < offer_.media.size(); ++i) {
    const Media& m = offer_.media[i];
    if (!in_use(m) || kind_of(m.media) != MediaKind::kVideo || !receives(peer_direction(m))) continue;
    const bool slot = i < before.size() && before[i].active && before[i].role == Role::kSlot && before[i].mid == m.mid;
    if (slot || found.size() >= 64) continue;   // a slot repeats what we offered
    for (auto& c : list_codecs(m).codecs) {
      if (std::ranges::none_of(found, [&](const Codec& f) { return same_codec(f, c); })) found.push_back(std::move(c));
    }
  }
  if (found.empty()) return;
  // A later offer may list no more than was agreed: what the peer once said that it decodes stays, unless its number
  // has become another's.
  for (auto& old : state_.decodable) {
    const bool gone = std::ranges::any_of(found, [&](const Codec& f) {
      return same_codec(f, old) || f.payload_type == old.payload_type || f.rtx_payload_type == old.payload_type;
    });
    if (!gone && found.size() < 128) found.push_back(std::move(old));
  }
  state_.decodable = std::move(found);
  state_.decodable_known = true;
}

void OfferReader::read_transport() {
  transport_reason_ = "no m-line with a transport";
  bool first = true;
  for (const auto& m : offer_.media) {
    if (!in_use(m) || !webrtc_protocol(offer_, m)) continue;
    if (!bundled_.empty() && !bundled_.contains(m.mid)) continue;
    const auto transport = peer_transport(offer_, m);
    auto reason = check_transport(transport);
    if (reason.empty()) {
      transport_reason_.clear();
      take_ice(transport);
      state_.agreed.candidates.clear();
      read_candidates(m, state_.agreed.candidates);
      return;
    }
    if (std::exchange(first, false)) transport_reason_ = std::move(reason);
  }
}

void OfferReader::take_ice(const PeerTransport& transport) {
  auto& agreed = state_.agreed;
  if (state_.established && agreed.remote_ice != transport.ice) {   // RFC 8839 section 4.4.1.1.1: a restart
    ++agreed.ice_generation;
    agreed.local_ice = config_.restart_ice ? config_.restart_ice()
                                           : IceCredentials{base::random_token(8), base::random_token(24)};
  }
  agreed.remote_ice = transport.ice;
  agreed.fingerprints = transport.fingerprints;
  // RFC 8842 section 5.3: where the choice is ours it is "passive" at first, and the role held after that.
  if (transport.setup == Setup::kActive) agreed.dtls_role = DtlsRole::kServer;
  if (transport.setup == Setup::kPassive) agreed.dtls_role = DtlsRole::kClient;
}

Section OfferReader::read_section(std::size_t index) {
  const Media& m = offer_.media[index];
  const auto& before = state_.agreed.sections;
  const Section* same = index < before.size() && before[index].active && before[index].mid == m.mid &&
                                before[index].kind == kind_of(m.media)
                            ? &before[index]
                            : nullptr;
  Section s;
  if (same) s = *same;
  s.index = index;
  s.mid = m.mid;
  s.kind = kind_of(m.media);
  s.media = m.media;
  s.protocol = m.protocol;
  s.active = true;
  std::string reason;
  if (in_use(m)) {
    reason = accept(m, same, s);
    if (reason.empty() && s.active) return s;
  }
  if (same && same->role == Role::kSlot && sources_.contains(same->source_id)) state_.refused.insert(same->source_id);
  if (same && same->role == Role::kOwnVideo && !in_use(m)) state_.video_refused = true;
  if (!reason.empty()) rejections_.push_back({index, m.media, std::move(reason)});
  Section none;
  none.index = index, none.mid = m.mid, none.kind = s.kind, none.media = m.media, none.protocol = m.protocol;
  if (!m.formats.empty()) none.formats = {m.formats.front()};
  return none;
}

std::string OfferReader::common_reason(const Media& m) const {
  if (kind_of(m.media) == MediaKind::kOther) return "media type not supported";
  if (!webrtc()) return plain_protocol(offer_, m) ? "" : "protocol not supported here";
  if (!webrtc_protocol(offer_, m)) return "protocol not supported here";
  if (!transport_reason_.empty()) return transport_reason_;
  if (!m.rtcp_mux) return "no rtcp-mux";
  if (!bundled_.empty() && !bundled_.contains(m.mid)) return "not in the BUNDLE group";
  return {};
}

std::string OfferReader::accept(const Media& m, const Section* before, Section& s) {
  if (auto reason = common_reason(m); !reason.empty()) return reason;
  s.peer_wish = peer_direction(m);
  s.rtcp_rsize = m.rtcp_rsize;
  read_remote_streams(m, s);
  if (webrtc()) take_extensions(m, s);
  std::string reason;
  if (s.kind == MediaKind::kAudio) {
    reason = accept_audio(m, s);
  } else if (!webrtc()) {
    reason = "video over plain RTP";
  } else if (config_.video == VideoMode::kNone) {
    reason = "no video here";
  } else if (before && before->role == Role::kSlot) {
    reason = accept_slot(m, s);
  } else {
    reason = bundled_.empty() ? "video without BUNDLE" : accept_own_video(m, s);
  }
  if (!reason.empty() || !s.active) return reason;
  if (s.msid.track.empty()) s.msid = {state_.stream_id, base::random_uuid()};
  return {};
}

std::string OfferReader::accept_audio(const Media& m, Section& s) {
  if (audio_taken_) return "a second audio stream";
  auto list = list_codecs(m);
  const Codec* chosen = nullptr;
  for (const auto& name : webrtc() ? config_.webrtc_audio : config_.plain_audio) {
    if ((chosen = find_best(list.codecs, name))) break;
  }
  if (!chosen) return "no common audio codec";
  if (!webrtc() && !read_plain_addresses(offer_, m, config_.plain_rtcp_mux, state_.agreed)) return "no usable address";
  if (!webrtc()) {
    if (auto reason = take_crypto(m); !reason.empty()) return reason;
  }
  s.role = Role::kOwnAudio;
  s.codecs = {*chosen};
  s.codecs[0].feedback = intersect(chosen->feedback, kAudioFeedback);
  // RFC 4733 section 2.1: the clock of the stream that it stands in; some phones have 8000 beside Opus all the same.
  s.telephone_events.clear();
  auto event = std::ranges::find(list.telephone_events, chosen->clock_rate, &Codec::clock_rate);
  if (event == list.telephone_events.end()) event = list.telephone_events.begin();
  if (event != list.telephone_events.end()) s.telephone_events.push_back(*event);
  s.ptime = m.ptime && *m.ptime >= 10 && *m.ptime <= 120 ? m.ptime : std::nullopt;
  s.direction = reversed(s.peer_wish) & state_.audio;
  audio_taken_ = true;
  return {};
}

// No way down from SRTP to RTP: neither in a call that has it, nor from an m-line that asks for it to another that doesn't.
std::string OfferReader::take_crypto(const Media& m) {
  auto& sdes = state_.agreed.sdes;
  if (!sdes_protocol(m.protocol)) {
    const bool wanted = std::ranges::any_of(offer_.media, [&](const Media& other) {
      return in_use(other) && kind_of(other.media) == MediaKind::kAudio && sdes_protocol(other.protocol);
    });
    return sdes || wanted ? "not without SRTP" : "";
  }
  auto theirs = choose_crypto(m.cryptos);
  if (!theirs) return "no acceptable crypto line";
  if (sdes && theirs->key == sdes->local) return "a key that is ours";
  // A key that stays keeps its stream's packet count, at both ends; with a new one both begin anew.
  if (!sdes || sdes->remote != theirs->key) sdes = Sdes{{}, fresh_srtp_key(theirs->key.suite), theirs->key};
  sdes->tag = std::move(theirs->tag);
  return {};
}

std::string OfferReader::take_publish_codec(const CodecList& list, Section& s) const {
  // One codec alone, so that there is no doubt about what the peer sends.
  for (const auto& name : config_.video_codecs) {
    const auto* chosen = find_best(list.codecs, name);
    if (!chosen) continue;
    s.codecs = {*chosen};
    s.codecs[0].feedback = intersect(chosen->feedback, kVideoFeedback);
    return {};
  }
  return "no common video codec";
}

std::string OfferReader::accept_own_video(const Media& m, Section& s) {
  if (published_ == config_.max_published) return "too many video streams";
  if (auto reason = take_publish_codec(list_codecs(m), s); !reason.empty()) return reason;
  ++published_;
  if (s.role == Role::kNone) s.role = own_role(m, s.index);
  if (s.role == Role::kOwnVideo) state_.video_refused = false;
  const bool sent = sends(s.direction);
  s.direction = reversed(s.peer_wish) & (s.role == Role::kOwnVideo ? wanted_of_own_video(config_, state_, s) : Direction::kRecvOnly);
  if (!sent && sends(s.direction)) s.ssrc = s.rtx_ssrc = 0;   // after a hold: another stream
  return {};
}

// A slot's m-line in the peer's own offer. A page that adds a track may find it put here (RFC 8829 section 5.1.2:
// addTrack takes a transceiver that has never sent), so a slot may carry the peer's video as well.
std::string OfferReader::accept_slot(const Media& m, Section& s) {
  const auto list = list_codecs(m);
  const bool wanted = sources_.contains(s.source_id) && !state_.refused.contains(s.source_id);
  const bool published = sends(s.peer_wish) && published_ < config_.max_published;
  if (!wanted && !published) {
    s.active = false;   // its source has left: port 0, with nothing wrong
    return {};
  }
  const Codec source_codec = s.codecs.back();
  const auto listed = std::ranges::find_if(list.codecs, [&](const Codec& c) { return same_codec(c, source_codec); });
  if (wanted && listed == list.codecs.end()) return "the codec of the source is missing";
  s.codecs.clear();
  if (published) {
    if (auto reason = take_publish_codec(list, s); !reason.empty()) return reason;
    ++published_;
  }
  if (!wanted) {
    const auto role = own_role(m, s.index);
    s.source_id = 0, s.label.clear(), s.content.clear(), s.ssrc = s.rtx_ssrc = 0, s.msid = {};
    s.role = role;
    s.direction = Direction::kRecvOnly;
    return {};
  }
  if (s.codecs.empty() || !same_codec(s.codecs[0], *listed)) {
    s.codecs.push_back(*listed);
    s.codecs.back().feedback = intersect(listed->feedback, kVideoFeedback);
  }
  s.direction = reversed(s.peer_wish) & (published ? Direction::kSendRecv : Direction::kSendOnly);
  return {};
}

Role OfferReader::own_role(const Media& m, std::size_t index) const {
  if (m.content == "slides") return Role::kOwnScreen;
  const auto is_camera = [](const Section& s) { return s.active && s.role == Role::kOwnVideo; };
  if (std::ranges::any_of(sections_, is_camera)) return Role::kOwnScreen;
  const auto& before = state_.agreed.sections;
  for (std::size_t i = index + 1; i < before.size(); ++i) {
    if (is_camera(before[i]) && in_use(offer_.media[i])) return Role::kOwnScreen;
  }
  return Role::kOwnVideo;
}

void OfferReader::take_extensions(const Media& m, Section& s) {
  s.extensions.clear();
  for (const auto uri : wanted_extensions(s.kind)) {
    const auto found = std::ranges::find(m.extmaps, uri, &Extmap::uri);
    if (found != m.extmaps.end() && found->id <= 14) {
      s.extensions.push_back({static_cast<std::uint8_t>(found->id), std::string(uri)});
    }
  }
}

}  // namespace

base::Status process_offer(const LocalConfig& config, const Description& offer, const SourceMap& sources,
                           SessionState& state, std::vector<Rejection>& rejections) {
  return OfferReader(config, offer, sources, state, rejections).run();
}

}  // namespace sdp
