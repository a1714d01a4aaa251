// One forwarded video stream on its way to one leg: the copies that it gets of its source's packets. One thread, the
// source's; nothing allocates per packet.
#pragma once

#include <array>
#include <span>
#include <string>
#include <vector>

#include "base/rate_limit.hpp"
#include "media/packet_history.hpp"
#include "rtp/packet.hpp"
#include "rtp/statistics.hpp"

namespace media {

class VideoSource;
class VideoWatcher;

// Takes finished packets: `header` is this copy's own, `payload` is shared by all copies and lives until emit() returns.
// header + payload is the RTP packet to protect and send. An implementation may not add or remove watchers in emit().
class ForwardSink {
 public:
  virtual ~ForwardSink() = default;
  virtual void emit(VideoWatcher& watcher, base::ByteView header, base::ByteView payload) = 0;
};

// The transport-wide sequence number that all streams to one leg share, audio too.
struct TransportSequence {
  std::uint16_t next = 0;
};

struct WatcherConfig {
  rtp::Ssrc ssrc = 0;
  rtp::Ssrc rtx_ssrc = 0;                          // 0: the same packet is sent again, where `repeat` allows it
  bool repeat = true;                              // false under SRTP: a number used twice with another header breaks AEAD (RFC 7714 section 8.1)
  rtp::ExtensionIds extensions;                    // of the leg's m-line
  std::string mid;                                 // the slot's; at most 32 bytes are sent
  TransportSequence* transport_sequence = nullptr; // of the leg; outlives the watcher; null: extension not sent
  void* owner = nullptr;                           // whatever lets the sink find the leg
  double retransmit_rate = 800;                    // packets a second answered to NACKs,
  double retransmit_burst = 400;                   // and at once
};

// A payload type of the source and what it is called on this leg; rtx 0: not negotiated.
struct FormatMap {
  std::uint8_t source_payload_type = 0;
  std::uint8_t payload_type = 0;
  std::uint8_t rtx_payload_type = 0;
};

// Sequence numbers and timestamps that come out are continuous, whatever happens at the source: dropped padding, a
// restart, another source (VideoSource::add_watcher moves a watcher). Each start is on a keyframe.
class VideoWatcher {
 public:
  struct Counters {
    std::uint64_t forwarded = 0;
    std::uint64_t retransmitted = 0;
    std::uint64_t nack_unknown = 0;      // asked for what is not in the history, or never was sent
    std::uint64_t nack_limited = 0;      // asked for again within a round trip, or over the rate
    std::uint64_t keyframe_requests = 0;
  };

  explicit VideoWatcher(WatcherConfig config);
  ~VideoWatcher();                       // leaves its source
  VideoWatcher(const VideoWatcher&) = delete;
  VideoWatcher& operator=(const VideoWatcher&) = delete;

  // From the leg's RTCP. `control` is a generic NACK's (RFC 4585 6.2.1); retransmissions go to the sink.
  void on_nack(base::ByteView control, base::TimePoint now, ForwardSink& sink);
  void on_keyframe_request(base::TimePoint now);   // PLI, or FIR
  // Bits a second that the leg's receiver says this stream may have; 0: it doesn't say.
  void set_estimate(std::uint64_t bitrate) { estimate_ = bitrate; }
  std::uint64_t estimate() const { return estimate_; }

  // Nothing is forwarded while paused (hold, a tile out of sight); going on waits for a keyframe.
  void set_paused(bool paused, base::TimePoint now);
  bool paused() const { return paused_; }
  bool waiting_for_keyframe() const { return waiting_; }

  rtp::Ssrc ssrc() const { return config_.ssrc; }
  rtp::Ssrc rtx_ssrc() const { return config_.rtx_ssrc; }
  void* owner() const { return config_.owner; }
  VideoSource* source() const { return source_; }
  const Counters& counters() const { return counters_; }
  // For the sender report: counts, and the clock by the source's last sender report.
  rtp::SendStatistics& statistics();

 private:
  friend class VideoSource;
  static constexpr std::size_t kMaxFormats = 16;
  static constexpr std::size_t kMaxMid = 32;
  static constexpr std::size_t kMaxHeader = 192;

  struct Resent {
    std::uint32_t sequence = 0;
    std::uint32_t at_ms = 0;
  };
  struct Out {
    std::uint8_t payload_type;
    std::uint16_t sequence;
    rtp::Ssrc ssrc;
  };

  // Called by the source. `send_time` is abs-send-time of `now`. True when this packet made the watcher start.
  bool forward(const StoredPacket& packet, base::TimePoint now, std::uint32_t send_time, ForwardSink& sink);
  void attach(VideoSource* source, std::span<const std::uint8_t> source_payload_types,
              std::span<const FormatMap> formats);
  void detach();
  void wait_for_keyframe() { waiting_ = true; }

  void build_template();
  void start(const StoredPacket& packet, base::TimePoint now);
  std::size_t write_header(const StoredPacket& packet, const Out& out, std::uint32_t send_time, std::uint8_t* p);
  void resend(const StoredPacket& packet, std::uint32_t send_time, ForwardSink& sink);
  // False within about a round trip of the last time, or over the rate.
  bool may_resend(std::int64_t sequence, base::TimePoint now);

  WatcherConfig config_;
  VideoSource* source_ = nullptr;
  std::array<std::uint8_t, kMaxFormats> payload_types_{};       // by the source's format, 0: can't be shown
  std::array<std::uint8_t, kMaxFormats> rtx_payload_types_{};

  // Header with the elements that every packet has, copied and patched.
  std::array<std::uint8_t, 96> template_{};
  std::size_t template_size_ = 0;
  std::size_t send_time_at_ = 0;         // 0: not sent
  std::size_t transport_at_ = 0;
  bool two_byte_ = false;

  bool waiting_ = true;
  bool paused_ = false;
  bool started_ = false;                 // ever
  std::int64_t offset_ = 0;              // out = source's sequence + offset
  std::int64_t first_ = 0;               // the source's sequence at the last start
  std::int64_t highest_out_ = 0;
  std::uint32_t timestamp_offset_ = 0;
  std::uint32_t last_timestamp_ = 0;     // as sent
  base::TimePoint last_sent_{};
  std::uint16_t rtx_sequence_ = 0;

  rtp::SendStatistics statistics_;
  base::TokenBucket retransmit_budget_;
  std::vector<Resent> resent_;           // by the source's sequence; memory taken with the first NACK
  std::uint64_t estimate_ = 0;
  Counters counters_;
};

}  // namespace media
