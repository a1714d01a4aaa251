// The RTCP of one leg: takes apart what its peer sends, and assembles what it is to be sent. One thread; nothing
// allocates but add_*().
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "media/forwarder_source.hpp"
#include "rtp/rtcp_writer.hpp"
#include "rtp/twcc.hpp"

namespace media {

struct LegRtcpConfig {
  rtp::Ssrc ssrc = 1;                  // who our reports and feedback are from: the leg's audio as a rule
  std::string cname;
  bool reduced_size = true;            // RFC 5506; false: feedback travels behind an empty report
  rtp::ExtensionIds extensions;        // of what the peer sends; for the transport-wide sequence number
  bool remb = true;
  std::uint64_t other_bitrate = 150'000;   // added in REMB to the video sources' targets: audio and headers
};

// Knows the streams that the leg's peer sends (sources, receivers) and those that it gets (watchers, senders). Each is
// removed before it is destroyed.
class LegRtcp {
 public:
  static constexpr base::Duration kReportInterval = std::chrono::seconds(1);
  static constexpr std::size_t kMinBuffer = 512;      // for poll(); 1,200 is a good size

  // What one incoming compound said, beyond what was acted upon.
  struct Seen {
    bool malformed = false;            // reading stopped somewhere
    bool keyframe_asked = false;       // poll the leg of that source soon
    unsigned nacks = 0;
    unsigned byes = 0;
  };

  explicit LegRtcp(LegRtcpConfig config) : config_(std::move(config)) {}

  void add_source(VideoSource& source) { sources_.push_back(&source); }
  void remove_source(VideoSource& source) { std::erase(sources_, &source); }
  void add_receiver(rtp::ReceiveStatistics& audio) { receivers_.push_back(&audio); }
  void remove_receiver(rtp::ReceiveStatistics& audio) { std::erase(receivers_, &audio); }
  void add_watcher(VideoWatcher& watcher);
  void remove_watcher(VideoWatcher& watcher);
  void add_sender(rtp::SendStatistics& audio);
  void remove_sender(rtp::SendStatistics& audio);

  // Every decrypted RTP packet of the leg, audio too: notes its transport-wide sequence number.
  void on_rtp(const rtp::PacketView& packet, base::TimePoint now);
  // A decrypted RTCP compound. Retransmissions go to `sink` at once.
  Seen on_rtcp(base::ByteView compound, base::TimePoint now, ForwardSink& sink);

  // One compound into `out`, its size, 0 when nothing is due: call until 0, every 5 to 20 ms, and after anything that
  // wants a keyframe. REQUIRES: out.size() >= kMinBuffer.
  std::size_t poll(base::TimePoint now, base::WallTime wall, base::MutableByteView out);

  // The goodbye of streams that end here; size, 0 when it does not fit.
  std::size_t bye(std::span<const rtp::Ssrc> ssrcs, base::MutableByteView out) const;

  // To the leg's peer and back, by its reports about what we send.
  std::optional<base::Duration> round_trip() const { return round_trip_; }
  // Share of packets that the peer's last transport-wide feedback misses; 0 without such feedback.
  double transport_loss() const { return transport_loss_; }

 private:
  struct Sender {
    rtp::SendStatistics* statistics;
    VideoWatcher* watcher;             // null: audio
  };

  void on_report(const rtp::RtcpPacket& packet, base::TimePoint now);
  void on_sender_info(const rtp::SenderInfo& info, base::TimePoint now);
  void on_transport_feedback(const rtp::RtcpPacket& packet, base::TimePoint now, ForwardSink& sink, Seen& seen);
  void on_payload_feedback(const rtp::RtcpPacket& packet, base::TimePoint now, Seen& seen);
  void on_remb(const rtp::Remb& remb);

  bool feedback_due(base::TimePoint now);
  void write_reports(base::TimePoint now, base::WallTime wall, rtp::RtcpWriter& writer);
  void write_feedback(base::TimePoint now, rtp::RtcpWriter& writer);
  std::size_t collect_blocks(base::TimePoint now);
  void write_remb(rtp::RtcpWriter& writer) const;

  LegRtcpConfig config_;
  std::vector<VideoSource*> sources_;
  std::vector<rtp::ReceiveStatistics*> receivers_;
  std::vector<Sender> senders_;
  std::unordered_map<rtp::Ssrc, Sender> by_ssrc_;
  std::array<rtp::ReportBlock, 31> blocks_{};

  rtp::TwccReceiver twcc_;
  rtp::Ssrc twcc_media_ = 0;
  base::TimePoint next_report_{};
  enum class Round : std::uint8_t { kNone, kBlocks, kSenders } round_ = Round::kNone;   // of reports, and
  std::size_t report_at_ = 0;          // the sender that it has come to
  std::optional<base::Duration> round_trip_;
  double transport_loss_ = 0;
};

}  // namespace media
