// One published video track: its packets in, a copy for each watcher out, and what is to be told to its sender. One
// thread; nothing allocates per packet once the history has filled.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <vector>

#include "media/forwarder_watcher.hpp"
#include "media/keyframe.hpp"
#include "media/packet_history.hpp"
#include "rtp/nack.hpp"
#include "rtp/statistics.hpp"

namespace media {

struct SourceFormat {
  std::uint8_t payload_type = 0;
  std::uint8_t rtx_payload_type = 0;   // 0: not negotiated
  VideoCodec codec = VideoCodec::kVp8;
};

struct SourceConfig {
  rtp::Ssrc ssrc = 0;                  // 0: that of the first packet with one of the formats' payload types
  rtp::Ssrc rtx_ssrc = 0;              // 0: any, told by payload type
  std::vector<SourceFormat> formats;   // at most 16
  rtp::ExtensionIds extensions;        // of the sender's m-line
  bool nack = true;                    // false for a source whose packets come from another thread, repaired there
  bool pli = true;
  bool fir = false;                    // taken where pli is false
  // Bits a second that the sender is to keep to. The ceiling, or the lowest estimate of a watcher that reports one (REMB), but
  // never below the floor: one poor line may cost the others quality down to there and no further.
  std::uint64_t ceiling = 2'500'000;
  std::uint64_t floor = 500'000;
};

enum class KeyframeReason : std::uint8_t {
  kLoss,         // PLI or FIR from a watcher, or a packet of the source given up
  kNewWatcher,   // somebody has no picture at all
};

// Keyframe requests: the first at once; then not within kKeyframeInterval of the last (kJoinInterval for a new watcher, where
// a keyframe has come since the last request). While none comes the request is repeated, ever more slowly.
class VideoSource {
 public:
  static constexpr base::Duration kKeyframeInterval = std::chrono::milliseconds(400);
  static constexpr base::Duration kJoinInterval = std::chrono::milliseconds(150);
  static constexpr base::Duration kKeyframeRetry = std::chrono::milliseconds(300);
  static constexpr base::Duration kSlowestRetry = std::chrono::seconds(3);

  struct Clock {                       // of the last sender report: `timestamp` belongs to `at`, by its arrival
    std::uint32_t timestamp = 0;
    base::TimePoint at{};
  };
  struct Counters {
    std::uint64_t packets = 0;         // of the stream itself
    std::uint64_t octets = 0;          // payload
    std::uint64_t recovered = 0;       // by RTX, in time to be forwarded
    std::uint64_t duplicate = 0;
    std::uint64_t too_old = 0;
    std::uint64_t padding = 0;         // dropped
    std::uint64_t unusable = 0;        // unknown payload type, too large
    std::uint64_t keyframes = 0;
    std::uint64_t keyframe_requests = 0;   // sent
    std::uint64_t restarts = 0;
  };

  explicit VideoSource(SourceConfig config);
  ~VideoSource();                      // watchers stay, without a source
  VideoSource(const VideoSource&) = delete;
  VideoSource& operator=(const VideoSource&) = delete;

  // A decrypted packet of this track: the stream itself or its RTX (RFC 4588), told by payload type.
  void on_packet(const rtp::PacketView& packet, base::TimePoint now, ForwardSink& sink);
  void on_sender_report(const rtp::SenderInfo& info, base::TimePoint now);

  // The watcher is taken from its source if it has one and starts with the next keyframe, which is asked for. It does not
  // outlive its usefulness to the sink: remove it, or let its destructor do so, before its leg goes.
  void add_watcher(VideoWatcher& watcher, std::span<const FormatMap> formats, base::TimePoint now);
  void remove_watcher(VideoWatcher& watcher);
  std::span<VideoWatcher* const> watchers() const { return watchers_; }

  void want_keyframe(base::TimePoint now, KeyframeReason reason);

  // Feedback for the sender, collected by LegRtcp of the leg that publishes (or by hand, for a source of another thread).
  void tick(base::TimePoint now);                              // before the next three
  bool keyframe_due(base::TimePoint now) const { return wanted_ && now >= request_at_; }
  void keyframe_requested(base::TimePoint now);                // it has been sent
  std::span<const std::uint16_t> pending_nacks() const { return {nacks_.data(), nack_count_}; }
  void nacks_sent(std::size_t count);                          // the first `count` of them
  void set_round_trip(base::Duration rtt);
  std::uint64_t target_bitrate() const;

  bool has_payload_type(std::uint8_t pt) const { return pt < 128 && by_payload_type_[pt] != 0; }
  rtp::Ssrc ssrc() const { return statistics_.ssrc(); }
  rtp::Ssrc rtx_ssrc() const { return config_.rtx_ssrc; }
  const SourceConfig& config() const { return config_; }
  // Of the next FIR: a repetition keeps its number (RFC 5104 4.3.1.2).
  std::uint8_t fir_sequence() const { return static_cast<std::uint8_t>(fir_sequence_ + (tries_ == 0 ? 1 : 0)); }
  rtp::ReceiveStatistics& statistics() { return statistics_; }
  const std::optional<Clock>& clock() const { return clock_; }
  const PacketHistory& history() const { return history_; }
  const Counters& counters() const { return counters_; }
  base::TimePoint last_packet() const { return last_packet_; }   // TimePoint{} before the first

 private:
  static constexpr std::size_t kMaxFormats = 16;
  static constexpr std::size_t kMaxDropped = 64;
  static constexpr std::int64_t kMaxJump = 1000;
  static constexpr std::size_t kReplay = 64;
  static constexpr std::uint8_t kRtxFlag = 0x80;

  struct Incoming {
    std::int64_t sequence;        // the source's, 64 bits
    std::size_t format;
    base::ByteView payload;
    bool newest;                  // of all so far
    bool recovered;               // by RTX
  };

  void on_rtx(const rtp::PacketView& packet, std::size_t format, base::TimePoint now, ForwardSink& sink);
  bool accept_sequence(const rtp::PacketView& packet);
  void restart(rtp::Ssrc ssrc);
  void deliver(const rtp::PacketView& packet, const Incoming& in, base::TimePoint now, ForwardSink& sink);
  std::optional<std::int64_t> without_padding(std::int64_t sequence) const;
  void store(const rtp::PacketView& packet, const Incoming& in, StoredPacket& slot) const;
  void fan_out(const StoredPacket& packet, base::TimePoint now, ForwardSink& sink);

  SourceConfig config_;
  std::array<std::uint8_t, 128> by_payload_type_{};      // format + 1, with kRtxFlag for its RTX; 0: unknown
  std::array<std::uint8_t, kMaxFormats> payload_types_{};
  std::vector<VideoWatcher*> watchers_;

  rtp::SequenceUnwrapper sequence_;
  std::int32_t bad_sequence_ = -1;                       // what would confirm a new start (RFC 3550 A.1)
  std::array<std::int64_t, kMaxDropped> dropped_{};      // the last padding packets, a ring
  std::size_t dropped_count_ = 0;                        // ever
  std::int64_t highest_ = -1;                            // without padding
  PacketHistory history_;
  rtp::ReceiveStatistics statistics_;
  std::optional<Clock> clock_;
  base::TimePoint last_packet_{};

  rtp::NackGenerator nack_;
  std::array<std::uint16_t, 64> nacks_{};
  std::size_t nack_count_ = 0;

  bool wanted_ = false;
  base::TimePoint request_at_{};                         // not before
  base::TimePoint last_request_{};
  base::TimePoint last_keyframe_{};
  std::int64_t last_keyframe_sequence_ = -1;             // the source's, 64 bits
  unsigned tries_ = 0;
  base::Duration round_trip_ = std::chrono::milliseconds(100);
  std::uint8_t fir_sequence_ = 0;
  Counters counters_;
};

}  // namespace media
