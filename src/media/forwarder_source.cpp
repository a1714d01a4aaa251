#include "media/forwarder_source.hpp"

#include <algorithm>

#include "rtp/rtx.hpp"

namespace media {
namespace {

constexpr std::uint32_t kClock = 90'000;

// What a receiver wants to know about the picture, and what does not depend on this hop.
constexpr bool passed_on(rtp::Extension e) {
  return e == rtp::Extension::kVideoOrientation || e == rtp::Extension::kPlayoutDelay ||
         e == rtp::Extension::kVideoContentType || e == rtp::Extension::kColorSpace;
}

}  // namespace

VideoSource::VideoSource(SourceConfig config) : config_(std::move(config)), statistics_(config_.ssrc, kClock) {
  if (config_.formats.size() > kMaxFormats) config_.formats.resize(kMaxFormats);
  for (std::size_t i = 0; i < config_.formats.size(); ++i) {
    const SourceFormat& format = config_.formats[i];
    payload_types_[i] = format.payload_type;
    by_payload_type_[format.payload_type & 0x7F] = static_cast<std::uint8_t>(i + 1);
    if (format.rtx_payload_type != 0) {
      by_payload_type_[format.rtx_payload_type & 0x7F] = static_cast<std::uint8_t>((i + 1) | kRtxFlag);
    }
  }
}

VideoSource::~VideoSource() {
  for (VideoWatcher* watcher : watchers_) watcher->detach();
}

void VideoSource::add_watcher(VideoWatcher& watcher, std::span<const FormatMap> formats, base::TimePoint now) {
  if (watcher.source_ != nullptr) watcher.source_->remove_watcher(watcher);
  watchers_.push_back(&watcher);
  watcher.attach(this, std::span(payload_types_).first(config_.formats.size()), formats);
  want_keyframe(now, KeyframeReason::kNewWatcher);
}

void VideoSource::remove_watcher(VideoWatcher& watcher) {
  if (std::erase(watchers_, &watcher) != 0) watcher.detach();
  if (watchers_.empty()) wanted_ = false;
}

void VideoSource::on_packet(const rtp::PacketView& packet, base::TimePoint now, ForwardSink& sink) {
  const std::uint8_t entry = by_payload_type_[packet.payload_type()];
  if (entry == 0) {
    ++counters_.unusable;
    return;
  }
  const std::size_t format = (entry & ~kRtxFlag) - 1u;
  if ((entry & kRtxFlag) != 0) return on_rtx(packet, format, now, sink);
  if (packet.ssrc() != statistics_.ssrc()) restart(packet.ssrc());
  // A silence ends the slowing down of keyframe requests: whoever sends again can be asked again.
  if (now - last_packet_ > std::chrono::seconds(1)) {
    tries_ = 0;
    if (wanted_) request_at_ = std::min(request_at_, std::max(now, last_request_ + kKeyframeRetry));
  }
  last_packet_ = now;
  if (!accept_sequence(packet)) return;
  ++counters_.packets;
  counters_.octets += packet.payload().size();
  statistics_.on_packet(packet.sequence(), packet.timestamp(), now);
  const bool newest = !sequence_.started() || sequence_.peek(packet.sequence()) > sequence_.highest();
  deliver(packet, {sequence_.unwrap(packet.sequence()), format, packet.payload(), newest, false}, now, sink);
}

void VideoSource::on_rtx(const rtp::PacketView& packet, std::size_t format, base::TimePoint now, ForwardSink& sink) {
  const auto rtx = rtp::read_rtx(packet);
  if (!rtx || !sequence_.started()) return;   // a probe for bandwidth, or nothing to repair yet
  if (config_.rtx_ssrc != 0 && packet.ssrc() != config_.rtx_ssrc) {
    ++counters_.unusable;
    return;
  }
  const std::int64_t sequence = sequence_.peek(rtx->original_sequence);
  if (sequence > sequence_.highest() + kMaxJump || sequence < sequence_.highest() - kMaxJump) {
    ++counters_.too_old;
    return;
  }
  const bool newest = sequence > sequence_.highest();
  deliver(packet, {sequence_.unwrap(rtx->original_sequence), format, rtx->payload, newest, true}, now, sink);
}

bool VideoSource::accept_sequence(const rtp::PacketView& packet) {
  if (!sequence_.started()) return true;
  const std::int64_t ahead = sequence_.peek(packet.sequence()) - sequence_.highest();
  if (ahead <= kMaxJump && ahead >= -kMaxJump) {
    bad_sequence_ = -1;
    return true;
  }
  if (packet.sequence() != bad_sequence_) {
    bad_sequence_ = static_cast<std::uint16_t>(packet.sequence() + 1);
    ++counters_.too_old;
    return false;
  }
  restart(packet.ssrc());
  return true;
}

void VideoSource::restart(rtp::Ssrc ssrc) {
  const bool first = !sequence_.started();
  statistics_.reset(ssrc);
  if (first) return;
  ++counters_.restarts;
  bad_sequence_ = -1;
  sequence_.reset();
  dropped_count_ = 0;
  highest_ = -1;
  history_.clear();
  clock_.reset();
  nack_.reset();
  nack_count_ = 0;
  last_keyframe_sequence_ = -1;
  for (VideoWatcher* watcher : watchers_) watcher->wait_for_keyframe();
  want_keyframe(last_packet_, KeyframeReason::kNewWatcher);
}

// The number that `sequence` has among packets that are forwarded. Empty for one that was dropped itself, or too old to know.
std::optional<std::int64_t> VideoSource::without_padding(std::int64_t sequence) const {
  const std::size_t kept = std::min(dropped_count_, kMaxDropped);
  std::int64_t before = static_cast<std::int64_t>(dropped_count_);
  for (std::size_t i = 0; i < kept; ++i) {
    const std::int64_t dropped = dropped_[(dropped_count_ - 1 - i) % kMaxDropped];   // falling
    if (dropped == sequence) return std::nullopt;
    if (dropped < sequence) return sequence - before;
    --before;
  }
  if (dropped_count_ > kMaxDropped) return std::nullopt;
  return sequence - before;
}

void VideoSource::deliver(const rtp::PacketView& packet, const Incoming& in, base::TimePoint now, ForwardSink& sink) {
  if (config_.nack) nack_.on_packet(in.sequence, now);
  if (in.payload.empty() && in.newest) {
    // Padding alone: nobody needs it, and the numbers of those after it close up. One that comes late, when the gap has
    // been forwarded, is forwarded empty instead, lest a watcher take it for lost.
    dropped_[dropped_count_++ % kMaxDropped] = in.sequence;
    ++counters_.padding;
    return;
  }
  const auto sequence = without_padding(in.sequence);
  if (!sequence || *sequence <= highest_ - PacketHistory::kSlots) {
    ++counters_.too_old;
    return;
  }
  if (history_.find(*sequence) != nullptr) {
    ++counters_.duplicate;
    return;
  }
  if (in.payload.size() > StoredPacket::kCapacity - 64) {
    ++counters_.unusable;
    return;
  }
  StoredPacket& slot = history_.take(*sequence);
  store(packet, in, slot);
  highest_ = std::max(highest_, *sequence);
  if (in.recovered) ++counters_.recovered;
  if (slot.keyframe_start) {
    ++counters_.keyframes;
    last_keyframe_ = now;
    last_keyframe_sequence_ = std::max(last_keyframe_sequence_, in.sequence);
    wanted_ = false;
    tries_ = 0;
  }
  fan_out(slot, now, sink);
}

void VideoSource::store(const rtp::PacketView& packet, const Incoming& in, StoredPacket& slot) const {
  slot.timestamp = packet.timestamp();
  slot.marker = packet.marker();
  slot.format = static_cast<std::uint8_t>(in.format);
  slot.keyframe_start = starts_keyframe(config_.formats[in.format].codec, in.payload);
  std::size_t at = 0;
  packet.for_each_extension([&](std::uint8_t id, base::ByteView data) {
    const rtp::Extension kind = config_.extensions.kind(id);
    if (!passed_on(kind) || slot.element_count == StoredPacket::kMaxElements || at + data.size() > 64) return;
    slot.elements[slot.element_count++] = {kind, static_cast<std::uint8_t>(data.size()),
                                           static_cast<std::uint16_t>(at)};
    if (!data.empty()) std::memcpy(slot.data.data() + at, data.data(), data.size());
    at += data.size();
  });
  slot.payload_offset = static_cast<std::uint16_t>(at);
  slot.payload_size = static_cast<std::uint16_t>(in.payload.size());
  if (!in.payload.empty()) std::memcpy(slot.data.data() + at, in.payload.data(), in.payload.size());
}

void VideoSource::fan_out(const StoredPacket& packet, base::TimePoint now, ForwardSink& sink) {
  const std::uint32_t send_time = rtp::abs_send_time(now);
  for (VideoWatcher* watcher : watchers_) {
    if (!watcher->forward(packet, now, send_time, sink)) continue;
    // It starts on a keyframe whose first packet came late: the rest of it is here already.
    const std::int64_t last = std::min(highest_, packet.sequence + static_cast<std::int64_t>(kReplay));
    for (std::int64_t s = packet.sequence + 1; s <= last; ++s) {
      if (const StoredPacket* next = history_.find(s)) watcher->forward(*next, now, send_time, sink);
    }
  }
}

void VideoSource::on_sender_report(const rtp::SenderInfo& info, base::TimePoint now) {
  if (info.ssrc != statistics_.ssrc()) return;
  statistics_.on_sender_report(info, now);
  clock_ = Clock{info.rtp_timestamp, now};
}

void VideoSource::want_keyframe(base::TimePoint now, KeyframeReason reason) {
  const bool answered = last_keyframe_ > last_request_;
  base::TimePoint at = now;
  if (last_request_ != base::TimePoint{}) {
    // A request under way serves everybody; its own retry is set.
    if (!answered && wanted_) return;
    at = std::max(now, last_request_ + (reason == KeyframeReason::kNewWatcher ? kJoinInterval : kKeyframeInterval));
  }
  request_at_ = wanted_ ? std::min(request_at_, at) : at;
  wanted_ = true;
}

void VideoSource::keyframe_requested(base::TimePoint now) {
  ++counters_.keyframe_requests;
  fir_sequence_ = fir_sequence();
  last_request_ = now;
  const auto retry = (kKeyframeRetry + round_trip_) * (std::int64_t{1} << std::min(tries_ / 3, 4u));
  request_at_ = now + std::min<base::Duration>(retry, kSlowestRetry);
  ++tries_;
}

void VideoSource::tick(base::TimePoint now) {
  if (!config_.nack) return;
  if (nack_count_ == 0) nack_count_ = nack_.poll(now, nacks_);
  const auto given_up = nack_.take_given_up();
  // What is older than the last keyframe is no longer missed.
  if (given_up && *given_up > last_keyframe_sequence_) want_keyframe(now, KeyframeReason::kLoss);
}

void VideoSource::nacks_sent(std::size_t count) {
  count = std::min(count, nack_count_);
  std::copy(nacks_.begin() + static_cast<std::ptrdiff_t>(count),
            nacks_.begin() + static_cast<std::ptrdiff_t>(nack_count_), nacks_.begin());
  nack_count_ -= count;
}

void VideoSource::set_round_trip(base::Duration rtt) {
  round_trip_ = std::min<base::Duration>(rtt, std::chrono::seconds(1));
  nack_.set_round_trip(rtt);
}

std::uint64_t VideoSource::target_bitrate() const {
  std::uint64_t target = config_.ceiling;
  for (const VideoWatcher* watcher : watchers_) {
    if (watcher->estimate() != 0) target = std::min(target, watcher->estimate());
  }
  return std::max(target, std::min(config_.floor, config_.ceiling));
}

}  // namespace media
