// A camera, the copies that come out of the forwarding, and a viewer that asks for what it lost.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <vector>

#include "media/forwarder_leg.hpp"
#include "rtp/rtx.hpp"
#include "support/rtp_packets.hpp"

namespace support {

constexpr std::uint8_t kVp8Type = 96, kRtxType = 97, kH264Type = 102;
constexpr std::uint8_t kOutType = 120, kOutRtxType = 121;
constexpr rtp::Ssrc kCameraSsrc = 1111, kCameraRtxSsrc = 2222;

inline rtp::ExtensionIds extension_ids(std::uint8_t mid, std::uint8_t send_time, std::uint8_t transport,
                                       std::uint8_t orientation) {
  rtp::ExtensionIds ids;
  ids.set(rtp::Extension::kMid, mid);
  ids.set(rtp::Extension::kAbsSendTime, send_time);
  ids.set(rtp::Extension::kTransportSequence, transport);
  ids.set(rtp::Extension::kVideoOrientation, orientation);
  return ids;
}

inline media::SourceConfig camera_config() {
  media::SourceConfig config;
  config.ssrc = kCameraSsrc;
  config.rtx_ssrc = kCameraRtxSsrc;
  config.formats = {{kVp8Type, kRtxType, media::VideoCodec::kVp8}, {kH264Type, 0, media::VideoCodec::kH264}};
  config.extensions = extension_ids(4, 2, 3, 13);
  return config;
}
inline media::WatcherConfig watcher_config(rtp::Ssrc ssrc, void* owner = nullptr) {
  media::WatcherConfig config;
  config.ssrc = ssrc;
  config.rtx_ssrc = ssrc + 1;
  config.extensions = extension_ids(9, 8, 7, 6);
  config.mid = "video-2";
  config.owner = owner;
  return config;
}
inline const std::vector<media::FormatMap> kVp8Map = {{kVp8Type, kOutType, kOutRtxType}};

struct Copy {
  media::VideoWatcher* watcher;
  base::Bytes bytes;
  rtp::PacketView view() const { return *rtp::PacketView::parse(bytes); }
};
class RecordingSink : public media::ForwardSink {
 public:
  void emit(media::VideoWatcher& watcher, base::ByteView header, base::ByteView payload) override {
    base::Bytes bytes(header.begin(), header.end());
    bytes.insert(bytes.end(), payload.begin(), payload.end());
    if (!rtp::PacketView::parse(bytes)) throw std::logic_error("not an RTP packet");
    copies.push_back({&watcher, std::move(bytes)});
  }
  std::vector<Copy> copies;
};

// Sends VP8 frames of three packets, 30 a second, as a browser does: keeps what it sent, answers NACK by RTX and PLI by
// a keyframe.
class Camera {
 public:
  explicit Camera(rtp::Ssrc ssrc = kCameraSsrc, std::uint16_t sequence = 65500) : ssrc_(ssrc), sequence_(sequence) {}

  std::vector<base::Bytes> frame(bool key) {
    std::vector<base::Bytes> packets;
    key = key || key_wanted;
    key_wanted = false;
    timestamp_ += 3000;
    ++frames;
    for (int i = 0; i < 3; ++i) {
      base::Bytes payload = vp8_payload(i == 0, key, 200);
      base::store_be32(payload.data() + 4, frames);
      payload[8] = static_cast<std::uint8_t>(i);
      packets.push_back(make_packet({kVp8Type, i == 2, sequence_, timestamp_, ssrc_}, payload, {{13, {1}}, {4, {'1'}}}));
      sent_[sequence_++] = packets.back();
    }
    return packets;
  }
  base::Bytes padding() {
    return make_packet({kVp8Type, false, sequence_++, timestamp_, ssrc_}, {}, {}, rtp::ExtensionForm::kOneByte, 100);
  }
  std::optional<base::Bytes> rtx(std::uint16_t sequence) {
    const auto it = sent_.find(sequence);
    if (it == sent_.end()) return std::nullopt;
    const auto view = *rtp::PacketView::parse(it->second);
    base::Bytes payload(2);
    base::store_be16(payload.data(), sequence);
    payload.insert(payload.end(), view.payload().begin(), view.payload().end());
    return make_packet({kRtxType, view.marker(), rtx_sequence_++, view.timestamp(), kCameraRtxSsrc}, payload, {{13, {1}}});
  }
  void on_rtcp(base::ByteView bytes, std::vector<std::uint16_t>& nacked) {
    rtp::CompoundReader reader(bytes);
    while (const auto p = reader.next()) {
      if (p->type != rtp::RtcpType::kTransportFeedback && p->type != rtp::RtcpType::kPayloadFeedback) continue;
      const auto f = rtp::read_feedback(*p);
      if (p->type == rtp::RtcpType::kTransportFeedback && p->count == rtp::kFormatNack) {
        rtp::for_each_nack(f->control, [&](std::uint16_t s) { nacked.push_back(s); });
      }
      if (p->type == rtp::RtcpType::kPayloadFeedback && p->count == rtp::kFormatPli) ++plis, key_wanted = true;
    }
  }
  std::uint32_t frames = 0;
  int plis = 0;
  bool key_wanted = false;
  std::uint32_t timestamp() const { return timestamp_; }

 private:
  rtp::Ssrc ssrc_;
  std::uint16_t sequence_;
  std::uint16_t rtx_sequence_ = 1;
  std::uint32_t timestamp_ = 0xFFFFF000;
  std::map<std::uint16_t, base::Bytes> sent_;
};

// Collects by output sequence number, through RTX too.
class Viewer {
 public:
  void receive(const base::Bytes& bytes, base::TimePoint now) {
    const auto view = *rtp::PacketView::parse(bytes);
    if (view.payload_type() == kOutRtxType) {
      const auto rtx = rtp::read_rtx(view);
      ++by_rtx;
      take(rtx->original_sequence, view, rtx->payload, now);
    } else {
      take(view.sequence(), view, view.payload(), now);
    }
  }
  std::size_t nack(base::TimePoint now, rtp::Ssrc media, base::MutableByteView out) {
    std::array<std::uint16_t, 64> asked{};
    const std::size_t count = nacks.poll(now, asked);
    rtp::RtcpWriter writer(out);
    if (count != 0) writer.nack(77, media, std::span(asked).first(count));
    return writer.size();
  }
  struct Got {
    std::uint32_t timestamp;
    std::uint32_t frame;
    std::uint8_t part;
    bool marker;
    base::TimePoint at;
  };
  std::map<std::int64_t, Got> packets;
  rtp::NackGenerator nacks;
  int by_rtx = 0;
  int duplicates = 0;

 private:
  void take(std::uint16_t sequence, const rtp::PacketView& view, base::ByteView payload, base::TimePoint now) {
    const std::int64_t s = unwrapper_.unwrap(sequence);
    nacks.on_packet(s, now);
    Got got{view.timestamp(), 0, 0, view.marker(), now};
    if (payload.size() > 8) got.frame = base::load_be32(payload.data() + 4), got.part = payload[8];
    if (!packets.emplace(s, got).second) ++duplicates;
  }
  rtp::SequenceUnwrapper unwrapper_;
};

}  // namespace support
