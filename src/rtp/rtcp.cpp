#include "rtp/rtcp.hpp"

#include <algorithm>

namespace rtp {

std::optional<RtcpPacket> CompoundReader::next() {
  if (rest_.empty()) return std::nullopt;
  const auto refuse = [this] {
    malformed_ = true;
    rest_ = {};
    return std::nullopt;
  };
  if (rest_.size() < 4 || rest_[0] >> 6 != 2) return refuse();
  const std::size_t size = 4 * (std::size_t{base::load_be16(rest_.data() + 2)} + 1);
  if (size > rest_.size() || rest_[1] < 192 || rest_[1] > 223) return refuse();
  RtcpPacket packet;
  packet.type = static_cast<RtcpType>(rest_[1]);
  packet.count = rest_[0] & 0x1F;
  packet.body = rest_.subspan(4, size - 4);
  if ((rest_[0] & 0x20) != 0) {
    // RFC 3550 6.4.1: padding stands in the last packet alone and counts itself.
    if (packet.body.empty()) return refuse();
    const std::size_t padding = packet.body.back();
    if (padding == 0 || padding > packet.body.size()) return refuse();
    packet.body = packet.body.first(packet.body.size() - padding);
  }
  rest_ = rest_.subspan(size);
  return packet;
}

std::optional<SenderInfo> read_sender_info(const RtcpPacket& packet) {
  if (packet.body.size() < 24) return std::nullopt;
  const std::uint8_t* p = packet.body.data();
  return SenderInfo{base::load_be32(p), base::load_be64(p + 4), base::load_be32(p + 12), base::load_be32(p + 16),
                    base::load_be32(p + 20)};
}

ReportBlock read_report_block(const std::uint8_t* p) {
  ReportBlock block;
  block.ssrc = base::load_be32(p);
  block.fraction_lost = p[4];
  block.cumulative_lost = static_cast<std::int32_t>(base::load_be24(p + 5) << 8) >> 8;
  block.highest_sequence = base::load_be32(p + 8);
  block.jitter = base::load_be32(p + 12);
  block.last_sr = base::load_be32(p + 16);
  block.delay_since_sr = base::load_be32(p + 20);
  return block;
}

std::optional<Cname> read_cname(const RtcpPacket& packet) {
  const base::ByteView body = packet.body;
  std::size_t at = 0;
  for (unsigned chunk = 0; chunk < packet.count && at + 4 <= body.size(); ++chunk) {
    const Ssrc ssrc = base::load_be32(body.data() + at);
    at += 4;
    while (at < body.size() && body[at] != 0) {
      if (at + 2 > body.size() || body[at + 1] > body.size() - at - 2) return std::nullopt;
      const std::size_t length = body[at + 1];
      if (body[at] == 1) return Cname{ssrc, base::as_text(body.subspan(at + 2, length))};
      at += 2 + length;
    }
    at = (at + 4) & ~std::size_t{3};   // at least one null octet, then to the next word
  }
  return std::nullopt;
}

std::optional<FeedbackHeader> read_feedback(const RtcpPacket& packet) {
  if (packet.body.size() < 8) return std::nullopt;
  return FeedbackHeader{base::load_be32(packet.body.data()), base::load_be32(packet.body.data() + 4),
                        packet.body.subspan(8)};
}

std::optional<Remb> read_remb(base::ByteView control) {
  if (control.size() < 8 || base::load_be32(control.data()) != 0x52454D42) return std::nullopt;   // "REMB"
  const std::uint32_t word = base::load_be24(control.data() + 5);
  const std::uint32_t exponent = word >> 18;
  const std::uint64_t mantissa = word & 0x3FFFF;
  Remb remb;
  // A shift that loses bits is no bit rate of this world.
  if (mantissa != 0 && exponent > 46) return std::nullopt;
  remb.bitrate = mantissa == 0 ? 0 : mantissa << exponent;
  const std::size_t there = (control.size() - 8) / 4;
  remb.ssrc_count = std::min({std::size_t{control[4]}, there, remb.ssrcs.size()});
  for (std::size_t i = 0; i < remb.ssrc_count; ++i) remb.ssrcs[i] = base::load_be32(control.data() + 8 + 4 * i);
  return remb;
}

}  // namespace rtp
