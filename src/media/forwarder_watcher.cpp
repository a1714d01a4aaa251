#include "media/forwarder_watcher.hpp"

#include <algorithm>

#include "base/random.hpp"
#include "media/forwarder_source.hpp"
#include "rtp/rtcp.hpp"

namespace media {
namespace {

constexpr std::uint32_t kClock = 90'000;   // of every video payload format here
constexpr std::uint32_t kLeastStep = kClock / 60;

std::uint32_t to_ms(base::TimePoint now) {
  return static_cast<std::uint32_t>(now.time_since_epoch() / std::chrono::milliseconds(1));
}

}  // namespace

VideoWatcher::VideoWatcher(WatcherConfig config)
    : config_(std::move(config)),
      // Below 2^15 (RFC 3711 3.3.1), so that loss of the first packets can't confuse the rollover counter.
      highest_out_(65536 + static_cast<std::int64_t>(base::random_u32() & 0x3FFF)),
      last_timestamp_(base::random_u32()),
      rtx_sequence_(static_cast<std::uint16_t>(base::random_u32() & 0x3FFF)),
      statistics_(config_.ssrc, kClock),
      retransmit_budget_(config_.retransmit_rate, config_.retransmit_burst) {
  build_template();
}

VideoWatcher::~VideoWatcher() {
  if (source_ != nullptr) source_->remove_watcher(*this);
}

void VideoWatcher::build_template() {
  using rtp::Extension;
  const auto& ids = config_.extensions;
  if (config_.mid.size() > kMaxMid) config_.mid.resize(kMaxMid);
  two_byte_ = config_.mid.size() > 16;
  for (std::size_t i = 0; i < rtp::kExtensionCount; ++i) two_byte_ |= ids.id(static_cast<Extension>(i)) > 14;
  const std::size_t head = two_byte_ ? 2 : 1;
  rtp::HeaderWriter writer(template_, {.ssrc = config_.ssrc},
                           two_byte_ ? rtp::ExtensionForm::kTwoByte : rtp::ExtensionForm::kOneByte);
  std::size_t at = 16;
  const auto add = [&](std::uint8_t id, base::ByteView data) -> std::size_t {
    if (!writer.add_extension(id, data)) return 0;
    const std::size_t data_at = at + head;
    at = data_at + data.size();
    return data_at;
  };
  static constexpr std::array<std::uint8_t, 3> kZeros{};
  if (!config_.mid.empty()) add(ids.id(Extension::kMid), base::as_bytes(config_.mid));
  send_time_at_ = add(ids.id(Extension::kAbsSendTime), kZeros);
  if (config_.transport_sequence != nullptr) {
    transport_at_ = add(ids.id(Extension::kTransportSequence), base::ByteView(kZeros).first(2));
  }
  writer.finish();
  template_size_ = at;   // without padding: elements that are passed on may follow
}

void VideoWatcher::attach(VideoSource* source, std::span<const std::uint8_t> source_payload_types,
                          std::span<const FormatMap> formats) {
  source_ = source;
  waiting_ = true;
  payload_types_ = {};
  rtx_payload_types_ = {};
  for (std::size_t i = 0; i < std::min(source_payload_types.size(), kMaxFormats); ++i) {
    for (const FormatMap& map : formats) {
      if (map.source_payload_type != source_payload_types[i]) continue;
      payload_types_[i] = map.payload_type;
      rtx_payload_types_[i] = map.rtx_payload_type;
    }
  }
}

void VideoWatcher::detach() {
  source_ = nullptr;
  waiting_ = true;
}

void VideoWatcher::set_paused(bool paused, base::TimePoint now) {
  if (paused_ == paused) return;
  paused_ = paused;
  waiting_ = true;
  if (!paused && source_ != nullptr) source_->want_keyframe(now, KeyframeReason::kNewWatcher);
}

void VideoWatcher::start(const StoredPacket& packet, base::TimePoint now) {
  waiting_ = false;
  first_ = packet.sequence;
  offset_ = highest_out_ + 1 - packet.sequence;
  std::uint32_t step = kLeastStep;
  if (started_) {
    const auto gap = rtp::to_timestamp_units(now - last_sent_, kClock);
    step = static_cast<std::uint32_t>(std::clamp<std::int64_t>(gap, kLeastStep, INT32_MAX / 2));
  }
  started_ = true;
  timestamp_offset_ = last_timestamp_ + step - packet.timestamp;
  std::ranges::fill(resent_, Resent{});
}

bool VideoWatcher::forward(const StoredPacket& packet, base::TimePoint now, std::uint32_t send_time,
                           ForwardSink& sink) {
  const std::uint8_t payload_type = payload_types_[packet.format];
  if (paused_) return false;
  if (payload_type == 0) {
    waiting_ = true;   // the source went to a codec that this leg hasn't got
    return false;
  }
  bool starting = false;
  if (waiting_) {
    if (!packet.keyframe_start) return false;
    start(packet, now);
    starting = true;
  } else if (packet.sequence < first_) {
    return false;
  }
  const std::int64_t sequence = packet.sequence + offset_;
  highest_out_ = std::max(highest_out_, sequence);
  std::array<std::uint8_t, kMaxHeader> header;
  const std::size_t size = write_header(
      packet, {payload_type, static_cast<std::uint16_t>(sequence), config_.ssrc}, send_time, header.data());
  const std::uint32_t timestamp = packet.timestamp + timestamp_offset_;
  if (starting || rtp::timestamp_newer(timestamp, last_timestamp_)) {
    last_timestamp_ = timestamp;
    statistics_.on_sent(packet.payload_size, timestamp, now);
  } else {
    statistics_.on_sent_again(packet.payload_size);
  }
  last_sent_ = now;
  ++counters_.forwarded;
  sink.emit(*this, base::ByteView(header).first(size), packet.payload());
  return starting;
}

std::size_t VideoWatcher::write_header(const StoredPacket& packet, const Out& out, std::uint32_t send_time,
                                       std::uint8_t* p) {
  std::memcpy(p, template_.data(), template_.size());
  p[1] = static_cast<std::uint8_t>((packet.marker ? 0x80 : 0) | out.payload_type);
  base::store_be16(p + 2, out.sequence);
  base::store_be32(p + 4, packet.timestamp + timestamp_offset_);
  base::store_be32(p + 8, out.ssrc);
  if (send_time_at_ != 0) base::store_be24(p + send_time_at_, send_time);
  if (transport_at_ != 0) base::store_be16(p + transport_at_, config_.transport_sequence->next++);
  std::size_t at = template_size_;
  for (std::size_t i = 0; i < packet.element_count; ++i) {
    const auto& element = packet.elements[i];
    const std::uint8_t id = config_.extensions.id(element.kind);
    if (id == 0 || (!two_byte_ && (element.size == 0 || element.size > 16))) continue;
    if (at + 2u + element.size + 3u > kMaxHeader - rtp::kFixedHeader) break;
    if (two_byte_) {
      p[at++] = id;
      p[at++] = element.size;
    } else {
      p[at++] = static_cast<std::uint8_t>(id << 4 | (element.size - 1));
    }
    std::memcpy(p + at, packet.data.data() + element.offset, element.size);
    at += element.size;
  }
  if (at == 16) return rtp::kFixedHeader;   // no element at all
  while (at % 4 != 0) p[at++] = 0;
  p[0] = 0x90;
  base::store_be16(p + 12, two_byte_ ? rtp::kTwoByteProfile : rtp::kOneByteProfile);
  base::store_be16(p + 14, static_cast<std::uint16_t>((at - 16) / 4));
  return at;
}

bool VideoWatcher::may_resend(std::int64_t sequence, base::TimePoint now) {
  if (resent_.empty()) resent_.resize(PacketHistory::kSlots);
  Resent& slot = resent_[static_cast<std::size_t>(sequence % PacketHistory::kSlots)];
  const auto spacing = std::clamp<base::Duration>(
      statistics_.round_trip().value_or(std::chrono::milliseconds(50)) * 4 / 5, std::chrono::milliseconds(10),
      std::chrono::milliseconds(300));
  const auto ms = static_cast<std::uint32_t>(spacing / std::chrono::milliseconds(1));
  const auto tag = static_cast<std::uint32_t>(sequence);
  if (slot.sequence == tag && to_ms(now) - slot.at_ms < ms) return false;
  if (!retransmit_budget_.take(now)) return false;
  slot = {tag, to_ms(now)};
  return true;
}

void VideoWatcher::on_nack(base::ByteView control, base::TimePoint now, ForwardSink& sink) {
  if (source_ == nullptr || !started_ || paused_ || waiting_) return;
  const std::uint32_t send_time = rtp::abs_send_time(now);
  rtp::for_each_nack(control, [&](std::uint16_t number) {
    const int ahead = rtp::sequence_distance(number, static_cast<std::uint16_t>(highest_out_));
    const std::int64_t sequence = highest_out_ + ahead - offset_;
    // Before first_ lie packets of another source or of before a restart: the keyframe made them needless.
    const StoredPacket* packet = ahead > 0 || sequence < first_ ? nullptr : source_->history().find(sequence);
    const bool by_rtx = packet != nullptr && rtx_payload_types_[packet->format] != 0 && config_.rtx_ssrc != 0;
    if (packet == nullptr || payload_types_[packet->format] == 0 || (!by_rtx && !config_.repeat)) {
      ++counters_.nack_unknown;
      return;
    }
    if (!may_resend(sequence, now)) {
      ++counters_.nack_limited;
      return;
    }
    resend(*packet, send_time, sink);
  });
}

void VideoWatcher::resend(const StoredPacket& packet, std::uint32_t send_time, ForwardSink& sink) {
  const auto sequence = static_cast<std::uint16_t>(packet.sequence + offset_);
  const std::uint8_t rtx = rtx_payload_types_[packet.format];
  std::array<std::uint8_t, kMaxHeader> header;
  std::size_t size = 0;
  if (rtx != 0 && config_.rtx_ssrc != 0) {
    size = write_header(packet, {rtx, rtx_sequence_++, config_.rtx_ssrc}, send_time, header.data());
    base::store_be16(header.data() + size, sequence);   // RFC 4588 4: the original number leads the payload
    size += 2;
  } else {
    size = write_header(packet, {payload_types_[packet.format], sequence, config_.ssrc}, send_time, header.data());
    statistics_.on_sent_again(packet.payload_size);
  }
  ++counters_.retransmitted;
  sink.emit(*this, base::ByteView(header).first(size), packet.payload());
}

void VideoWatcher::on_keyframe_request(base::TimePoint now) {
  ++counters_.keyframe_requests;
  if (source_ != nullptr && !paused_) source_->want_keyframe(now, KeyframeReason::kLoss);
}

rtp::SendStatistics& VideoWatcher::statistics() {
  if (source_ != nullptr && !waiting_ && source_->clock()) {
    statistics_.set_clock(source_->clock()->timestamp + timestamp_offset_, source_->clock()->at);
  }
  return statistics_;
}

}  // namespace media
