#include "runtime/media_leg.hpp"

#include "base/text.hpp"
#include "runtime/media_bridge.hpp"

namespace runtime {
namespace {

constexpr std::size_t kRtcpBuffer = 1200;

std::optional<media::VideoCodec> video_codec(const sdp::Codec& codec) {
  if (base::equals_ignoring_case(codec.name, "VP8")) return media::VideoCodec::kVp8;
  if (base::equals_ignoring_case(codec.name, "VP9")) return media::VideoCodec::kVp9;
  if (base::equals_ignoring_case(codec.name, "H264")) return media::VideoCodec::kH264;
  if (base::equals_ignoring_case(codec.name, "AV1")) return media::VideoCodec::kAv1;
  return std::nullopt;
}

media::SourceConfig source_config(const sdp::Section& section) {
  media::SourceConfig config;
  if (!section.remote_ssrcs.empty()) {
    config.ssrc = section.remote_ssrcs.front().ssrc;
    config.rtx_ssrc = section.remote_ssrcs.front().rtx_ssrc.value_or(0);
  }
  for (const auto& codec : section.codecs) {
    const auto kind = video_codec(codec);
    if (!kind || config.formats.size() == 16) continue;
    config.formats.push_back({.payload_type = codec.receive_payload_type, .rtx_payload_type = codec.rtx_receive_payload_type.value_or(0), .codec = *kind});
  }
  config.extensions = extension_ids(section);
  const auto& feedback = section.codecs.front().feedback;
  config.nack = feedback.nack;
  config.pli = feedback.nack_pli;
  config.fir = feedback.ccm_fir;
  return config;
}

bool same_source(const media::SourceConfig& a, const media::SourceConfig& b) {
  const auto equal = [](const auto& x, const auto& y) {
    return x.payload_type == y.payload_type && x.rtx_payload_type == y.rtx_payload_type && x.codec == y.codec;
  };
  return a.ssrc == b.ssrc && std::equal(a.formats.begin(), a.formats.end(), b.formats.begin(), b.formats.end(), equal);
}

}  // namespace

rtp::ExtensionIds extension_ids(const sdp::Section& section) {
  rtp::ExtensionIds ids;
  for (const auto& e : section.extensions) {
    if (const auto known = rtp::extension_of(e.uri)) ids.set(*known, e.id);
  }
  return ids;
}

MediaLeg::MediaLeg(bridge::LegId id, MediaBridge& bridge, MediaLegHost& host, webrtc::TransportConfig transport)
    : id_(id), bridge_(&bridge), host_(&host), way_(&host), transport_(std::make_unique<webrtc::Transport>(std::move(transport), *this)) {}

MediaLeg::MediaLeg(bridge::LegId id, MediaBridge& bridge, MediaLegHost& host, Plain plain)
    : id_(id), bridge_(&bridge), host_(&host), way_(&host), plain_(std::move(plain)) {}

MediaLeg::~MediaLeg() {
  if (in_mixer_) bridge_->mixer().remove(id_.value);
}

void MediaLeg::leave() {
  if (!bridge_) return;
  bridge_->stop_relay();
  if (std::exchange(in_mixer_, false)) bridge_->mixer().remove(id_.value);
  joined_ = false;
  audio_.rebase = true;
  for (auto& published : published_) {
    while (!published.source->watchers().empty()) published.source->remove_watcher(*published.source->watchers().front());
  }
  for (auto& shown : shown_) {
    if (auto* source = shown.watcher->source()) source->remove_watcher(*shown.watcher);
  }
  std::exchange(bridge_, nullptr)->remove(*this);
}

void MediaLeg::enter(MediaBridge& bridge, MediaLegHost& host, MediaWay& way) {
  bridge_ = &bridge;
  host_ = &host;
  way_ = &way;
  bridge.add(*this);
  update_mixer();   // a sound goes on
}

void MediaLeg::configure(const bridge::LegMedia& media, base::TimePoint now) {
  negotiated_ = media.negotiated;
  if (transport_) {
    webrtc::RemoteParameters remote{.ufrag = negotiated_.remote_ice.ufrag, .fingerprints = {}, .our_role = std::nullopt};
    for (const auto& f : negotiated_.fingerprints) remote.fingerprints.push_back({f.hash, f.value});
    remote.our_role = negotiated_.dtls_role == sdp::DtlsRole::kClient ? webrtc::DtlsRole::kClient : webrtc::DtlsRole::kServer;
    transport_->set_remote(std::move(remote), now);
  } else {
    configure_plain(now);
  }
  make_rtcp(negotiated_);
  streams_.clear();
  mid_extension_ = 0;
  audio_.active = false;
  for (const auto& section : negotiated_.sections) {
    if (!section.active) continue;
    if (const auto* mid = section.extension(sdp::kMidExtension)) mid_extension_ = mid->id;
    if (section.role == sdp::Role::kOwnAudio) configure_audio(section);
  }
  configure_published(media);
  shows_ = media.shows;
  configure_shown();
}

void MediaLeg::configure_plain(base::TimePoint now) {
  if (negotiated_.sdes) {
    if (!sdes_) sdes_ = std::make_unique<SdesSrtp>();
    sdes_->configure(*negotiated_.sdes);
  }
  if (!negotiated_.rtp) return;
  symmetric_.set_signalled(*negotiated_.rtp, now);
  rtcp_mux_ = negotiated_.rtcp_mux;
  rtcp_to_ = negotiated_.rtcp;
}

void MediaLeg::make_rtcp(const sdp::Negotiated& negotiated) {
  if (rtcp_) return;
  media::LegRtcpConfig config;
  config.cname = "parley";
  config.reduced_size = transport_ != nullptr;
  for (const auto& section : negotiated.sections) {
    if (section.ssrc != 0 && config.ssrc == 1) config.ssrc = section.ssrc;
    const auto ids = extension_ids(section);
    if (const auto id = ids.id(rtp::Extension::kTransportSequence)) config.extensions.set(rtp::Extension::kTransportSequence, id);
  }
  rtcp_ = std::make_unique<media::LegRtcp>(std::move(config));
}

void MediaLeg::configure_published(const bridge::LegMedia& media) {
  std::vector<Published> next;
  for (const auto& [index, id] : media.publishes) {
    const auto& section = negotiated_.sections.at(index);
    auto config = source_config(section);
    const auto old = std::find_if(published_.begin(), published_.end(), [&](const auto& p) { return p.id == id.value && p.section == index; });
    if (old != published_.end() && old->source && same_source(old->source->config(), config)) {
      next.push_back(std::move(*old));
      continue;
    }
    next.push_back({id.value, index, std::make_unique<media::VideoSource>(std::move(config))});
    rtcp_->add_source(*next.back().source);
  }
  for (auto& gone : published_) {
    if (gone.source) rtcp_->remove_source(*gone.source);
  }
  published_ = std::move(next);
}

void MediaLeg::configure_shown() {
  std::vector<Shown> next;
  const auto show = [&](const sdp::Section& section, std::uint64_t source_id) {
    if (!section.active || source_id == 0 || !sends(section.direction) || section.codecs.empty()) return;
    const auto old = std::find_if(shown_.begin(), shown_.end(), [&](const auto& s) {
      return s.watcher && s.section == section.index && s.watcher->ssrc() == section.ssrc;
    });
    if (old != shown_.end()) {
      // One SSRC is one stream, whoever is seen in it: its numbers go on (SRTP would not take them from the beginning).
      old->source_id = source_id;
      next.push_back(std::move(*old));
      return;
    }
    media::WatcherConfig config{.ssrc = section.ssrc, .rtx_ssrc = section.codecs.back().rtx_payload_type ? section.rtx_ssrc : 0, .repeat = false,
                                .extensions = extension_ids(section), .mid = section.mid,
                                .transport_sequence = transport_ ? &transport_sequence_ : nullptr, .owner = this};
    next.push_back({source_id, section.index, std::make_unique<media::VideoWatcher>(std::move(config))});
    rtcp_->add_watcher(*next.back().watcher);
  };
  for (const auto& section : negotiated_.sections) {
    if (section.role == sdp::Role::kSlot) show(section, section.source_id);
  }
  for (const auto& [index, id] : shows_) {
    if (index < negotiated_.sections.size()) show(negotiated_.sections[index], id.value);
  }
  if (sounds_ && sounds_->echo()) {
    for (const auto& published : published_) {
      const bool taken = std::ranges::any_of(next, [&](const auto& shown) { return shown.section == published.section; });
      if (!taken) show(negotiated_.sections.at(published.section), published.id);
    }
  }
  for (auto& gone : shown_) {
    if (!gone.watcher) continue;
    const auto* section = gone.section < negotiated_.sections.size() ? &negotiated_.sections[gone.section] : nullptr;
    if (section && section->active && section->ssrc == gone.watcher->ssrc()) {
      // Nobody is seen in it for now (between two calls, say): whoever comes next goes on with its numbers.
      gone.source_id = 0;
      next.push_back(std::move(gone));
      continue;
    }
    rtcp_->remove_watcher(*gone.watcher);
    if (transport_) {
      transport_->forget_ssrc(gone.watcher->ssrc());
      transport_->forget_ssrc(gone.watcher->rtx_ssrc());
    }
  }
  shown_ = std::move(next);
}

std::vector<media::FormatMap> MediaLeg::map_formats(const MediaLeg& publisher, const Published& source, const Shown& shown) const {
  std::vector<media::FormatMap> result;
  const auto& ours = negotiated_.sections.at(shown.section).codecs;
  for (const auto& theirs : publisher.negotiated_.sections.at(source.section).codecs) {
    const auto match = std::find_if(ours.begin(), ours.end(), [&](const auto& c) { return sdp::decodes(c, theirs.name, theirs.fmtp); });
    if (match == ours.end()) continue;
    result.push_back({.source_payload_type = theirs.receive_payload_type, .payload_type = match->payload_type,
                      .rtx_payload_type = match->rtx_payload_type.value_or(0)});
  }
  return result;
}

// Which stream a packet is of (RFC 8843 section 9.2): by its MID, else by a signalled SSRC, else by its payload type.
MediaLeg::Stream MediaLeg::find_stream(const rtp::PacketView& packet) const {
  const auto mid = base::as_text(packet.extension(mid_extension_));
  if (audio_.active) {
    const auto type = packet.payload_type();
    const bool audio_type = std::find(audio_.payload_types.begin(), audio_.payload_types.end(), type) != audio_.payload_types.end();
    if (audio_type && (mid.empty() || mid == audio_.mid)) return {.audio = true, .video = nullptr};
  }
  media::VideoSource* only = nullptr;
  int candidates = 0;
  for (const auto& published : published_) {
    auto& source = *published.source;
    if (!mid.empty()) {
      if (mid == negotiated_.sections[published.section].mid) return {.audio = false, .video = &source};
      continue;
    }
    if (source.config().ssrc != 0 && (packet.ssrc() == source.config().ssrc || packet.ssrc() == source.config().rtx_ssrc)) return {.audio = false, .video = &source};
    if (source.has_payload_type(packet.payload_type())) {
      only = &source;
      ++candidates;
    }
  }
  return {.audio = false, .video = candidates == 1 ? only : nullptr};
}

MediaLeg::Stream* MediaLeg::stream_of(const rtp::PacketView& packet) {
  if (const auto found = streams_.find(packet.ssrc()); found != streams_.end()) return &found->second;
  const auto stream = find_stream(packet);
  if (!stream.audio && !stream.video) return nullptr;
  if (streams_.size() >= kMaxSsrcs) streams_.clear();
  return &streams_.emplace(packet.ssrc(), stream).first->second;
}

void MediaLeg::on_rtp(base::MutableByteView bytes, base::TimePoint now) {
  const auto packet = rtp::PacketView::parse(bytes);
  if (!packet || (!joined_ && !in_mixer_)) return;
  auto* stream = stream_of(*packet);
  if (!stream) return;
  rtcp_->on_rtp(*packet, now);
  if (stream->audio) {
    push_audio(*packet, now);
  } else if (joined_) {
    stream->video->on_packet(*packet, now, host_->forward_sink());
  }
}

void MediaLeg::on_rtcp(base::MutableByteView compound, base::TimePoint now) {
  if (!rtcp_) return;
  if (rtcp_->on_rtcp(compound, now, host_->forward_sink()).keyframe_asked) host_->poll_soon();
}

void MediaLeg::on_plain_rtp(base::MutableByteView datagram, const base::SocketAddress& from, base::TimePoint now) {
  if (rtcp_mux_ && rtp::looks_like_rtcp(datagram)) return on_plain_rtcp(datagram, from, now);
  if (sdes_ && (datagram = sdes_->unprotect_rtp(datagram)).empty()) return;   // nothing is learnt from it
  const auto packet = rtp::PacketView::parse(datagram);
  if (!packet || !symmetric_.accept(from, packet->ssrc(), packet->sequence(), now)) return;
  if (!std::exchange(connected_, true)) host_->on_leg_connected(*this);
  on_rtp(datagram, now);
}

void MediaLeg::on_plain_rtcp(base::MutableByteView datagram, const base::SocketAddress& from, base::TimePoint now) {
  const auto peer = symmetric_.destination();
  if (!peer || !peer->same_ip(from)) return;
  if (sdes_ && (datagram = sdes_->unprotect_rtcp(datagram)).empty()) return;
  rtcp_to_ = from;
  on_rtcp(datagram, now);
}

void MediaLeg::send(const base::SocketAddress& to, base::ByteView datagram) {
  if (!way_->send_tcp(to, datagram)) way_->output().send(to, datagram);
}

void MediaLeg::on_connected(std::string_view) {
  connected_ = true;
  lost_told_ = false;
  update_mixer();   // a sound has waited for it
  host_->on_leg_connected(*this);
}

void MediaLeg::on_failed(std::string_view reason) { host_->on_leg_failed(*this, reason); }

void MediaLeg::send_video(base::ByteView header, base::ByteView payload) {
  if (!transport_) return;
  auto& output = way_->output();
  auto slot = output.next();
  const auto size = header.size() + payload.size();
  if (size + webrtc::kSrtpOverhead > slot.size()) return;
  std::copy(header.begin(), header.end(), slot.begin());
  std::copy(payload.begin(), payload.end(), slot.begin() + static_cast<std::ptrdiff_t>(header.size()));
  const auto written = transport_->protect_rtp(slot, size);
  if (written == 0) return;
  const auto& to = transport_->selected_address();
  if (!way_->send_tcp(to, base::ByteView(slot).first(written))) output.commit(to, written);
}

void MediaLeg::poll_feedback(base::TimePoint now, base::WallTime wall) {
  if (!rtcp_ || !joined_ || (transport_ && !transport_->connected())) return;
  std::array<std::uint8_t, kRtcpBuffer + webrtc::kSrtpOverhead> buffer;
  while (const auto size = rtcp_->poll(now, wall, base::MutableByteView(buffer).first(kRtcpBuffer))) write_rtcp(buffer, size);
}

void MediaLeg::write_rtcp(base::MutableByteView buffer, std::size_t size) {
  if (transport_) {
    if (const auto written = transport_->protect_rtcp(buffer, size)) send(transport_->selected_address(), buffer.first(written));
    return;
  }
  const auto to = rtcp_mux_ ? symmetric_.destination() : rtcp_to_;
  if (!to || to->port() == 0) return;
  if (sdes_ && (size = sdes_->protect_rtcp(buffer, size)) == 0) return;
  const auto& socket = rtcp_mux_ || !plain_.rtcp.is_open() ? plain_.rtp : plain_.rtcp;
  sockaddr_storage address;
  const auto length = socket.is_v6() ? to->to_v6(address) : to->to(address);
  // What can't be sent is reported again in a moment.
  static_cast<void>(::sendto(socket.fd(), buffer.data(), size, MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&address), length));
}

bool MediaLeg::check_lost(base::TimePoint now, base::Duration limit) {
  if (!transport_ || !connected_ || lost_told_) return false;
  const auto last = transport_->last_authenticated();
  if (last == base::TimePoint{} || now - last < limit) return false;
  lost_told_ = true;
  return true;
}

void MediaLeg::close(base::TimePoint now) {
  if (transport_) transport_->close(now);
}

}  // namespace runtime
