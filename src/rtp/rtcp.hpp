// Reading RTCP (RFC 3550 6, RFC 4585, RFC 5104, REMB). Values over somebody else's bytes, any thread; nothing allocates.
//
//   CompoundReader reader(bytes);
//   while (const auto packet = reader.next()) switch (packet->type) { ... }
//
// A compound need not begin with a report (RFC 5506). Reading ends at the first packet that is not well-formed;
// malformed() then says so, and what came before it stands.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "rtp/sequence.hpp"

namespace rtp {

enum class RtcpType : std::uint8_t {
  kSenderReport = 200, kReceiverReport = 201, kSourceDescription = 202, kBye = 203, kApp = 204,
  kTransportFeedback = 205, kPayloadFeedback = 206, kExtendedReport = 207,
};
// Formats of kTransportFeedback and kPayloadFeedback, which stand in `count`.
constexpr std::uint8_t kFormatNack = 1;
constexpr std::uint8_t kFormatTwcc = 15;
constexpr std::uint8_t kFormatPli = 1;
constexpr std::uint8_t kFormatFir = 4;
constexpr std::uint8_t kFormatAfb = 15;   // REMB among others

struct RtcpPacket {
  RtcpType type{};
  std::uint8_t count = 0;    // report count, source count or feedback format
  base::ByteView body;       // after the 4-byte header, without padding
};

class CompoundReader {
 public:
  explicit CompoundReader(base::ByteView bytes) : rest_(bytes) {}
  std::optional<RtcpPacket> next();
  bool malformed() const { return malformed_; }

 private:
  base::ByteView rest_;
  bool malformed_ = false;
};

// RFC 3550 6.4.1
struct ReportBlock {
  Ssrc ssrc = 0;
  std::uint8_t fraction_lost = 0;        // of 256, since the last report
  std::int32_t cumulative_lost = 0;      // 24 bits, may be negative
  std::uint32_t highest_sequence = 0;    // extended
  std::uint32_t jitter = 0;              // timestamp units
  std::uint32_t last_sr = 0;             // compact NTP
  std::uint32_t delay_since_sr = 0;      // 1/65536 s
};
struct SenderInfo {
  Ssrc ssrc = 0;
  std::uint64_t ntp = 0;
  std::uint32_t rtp_timestamp = 0;
  std::uint32_t packets = 0;
  std::uint32_t octets = 0;
};

// REQUIRES: type kSenderReport.
std::optional<SenderInfo> read_sender_info(const RtcpPacket& packet);
ReportBlock read_report_block(const std::uint8_t* p);   // 24 bytes

// Calls fn(const ReportBlock&) for each block of a sender or receiver report, as many as are there.
template <typename Fn>
void for_each_report_block(const RtcpPacket& packet, Fn&& fn) {
  const std::size_t head = packet.type == RtcpType::kSenderReport ? 24 : 4;
  for (std::size_t i = 0; i < packet.count && head + 24 * (i + 1) <= packet.body.size(); ++i) {
    fn(read_report_block(packet.body.data() + head + 24 * i));
  }
}

// Calls fn(Ssrc) for each source of a BYE.
template <typename Fn>
void for_each_bye(const RtcpPacket& packet, Fn&& fn) {
  for (std::size_t i = 0; i < packet.count && 4 * (i + 1) <= packet.body.size(); ++i) {
    fn(base::load_be32(packet.body.data() + 4 * i));
  }
}

// The CNAME of a source description's first chunk that has one; empty when there is none.
struct Cname {
  Ssrc ssrc = 0;
  std::string_view text;
};
std::optional<Cname> read_cname(const RtcpPacket& packet);

// Feedback: sender and media SSRC; REQUIRES kTransportFeedback or kPayloadFeedback.
struct FeedbackHeader {
  Ssrc sender = 0;
  Ssrc media = 0;
  base::ByteView control;   // feedback control information
};
std::optional<FeedbackHeader> read_feedback(const RtcpPacket& packet);

// RFC 4585 6.2.1: calls fn(std::uint16_t sequence) for each packet asked for.
template <typename Fn>
void for_each_nack(base::ByteView control, Fn&& fn) {
  for (std::size_t at = 0; at + 4 <= control.size(); at += 4) {
    const std::uint16_t pid = base::load_be16(control.data() + at);
    std::uint32_t mask = base::load_be16(control.data() + at + 2);
    fn(pid);
    for (std::uint16_t i = 1; mask != 0; ++i, mask >>= 1) {
      if ((mask & 1) != 0) fn(static_cast<std::uint16_t>(pid + i));
    }
  }
}

// RFC 5104 4.3.1: calls fn(Ssrc, std::uint8_t command sequence).
template <typename Fn>
void for_each_fir(base::ByteView control, Fn&& fn) {
  for (std::size_t at = 0; at + 8 <= control.size(); at += 8) {
    fn(base::load_be32(control.data() + at), control[at + 4]);
  }
}

// draft-alvestrand-rmcat-remb-03; empty when the application-layer feedback is something else.
struct Remb {
  std::uint64_t bitrate = 0;            // bit/s
  std::size_t ssrc_count = 0;           // how many of `ssrcs` are set, the first 31 at most
  std::array<Ssrc, 31> ssrcs{};
};
std::optional<Remb> read_remb(base::ByteView control);

}  // namespace rtp
