#include "rtp/rtcp_writer.hpp"

#include <algorithm>

namespace rtp {
namespace {

constexpr std::size_t kMaxBlocks = 31;

void write_block(std::uint8_t* p, const ReportBlock& block) {
  base::store_be32(p, block.ssrc);
  p[4] = block.fraction_lost;
  base::store_be24(p + 5, static_cast<std::uint32_t>(block.cumulative_lost) & 0xFFFFFF);
  base::store_be32(p + 8, block.highest_sequence);
  base::store_be32(p + 12, block.jitter);
  base::store_be32(p + 16, block.last_sr);
  base::store_be32(p + 20, block.delay_since_sr);
}

}  // namespace

std::uint8_t* RtcpWriter::begin(RtcpType type, std::size_t count, std::size_t body) {
  if (room() < 4 + body) return nullptr;
  std::uint8_t* p = out_.data() + at_;
  p[0] = static_cast<std::uint8_t>(0x80 | count);
  p[1] = static_cast<std::uint8_t>(type);
  base::store_be16(p + 2, static_cast<std::uint16_t>(body / 4));
  at_ += 4 + body;
  return p + 4;
}

bool RtcpWriter::sender_report(const SenderInfo& info, std::span<const ReportBlock> blocks) {
  const std::size_t count = std::min(blocks.size(), kMaxBlocks);
  std::uint8_t* p = begin(RtcpType::kSenderReport, count, 24 + 24 * count);
  if (p == nullptr) return false;
  base::store_be32(p, info.ssrc);
  base::store_be64(p + 4, info.ntp);
  base::store_be32(p + 12, info.rtp_timestamp);
  base::store_be32(p + 16, info.packets);
  base::store_be32(p + 20, info.octets);
  for (std::size_t i = 0; i < count; ++i) write_block(p + 24 + 24 * i, blocks[i]);
  return true;
}

bool RtcpWriter::receiver_report(Ssrc sender, std::span<const ReportBlock> blocks) {
  const std::size_t count = std::min(blocks.size(), kMaxBlocks);
  std::uint8_t* p = begin(RtcpType::kReceiverReport, count, 4 + 24 * count);
  if (p == nullptr) return false;
  base::store_be32(p, sender);
  for (std::size_t i = 0; i < count; ++i) write_block(p + 4 + 24 * i, blocks[i]);
  return true;
}

bool RtcpWriter::cname(Ssrc ssrc, std::string_view name) {
  name = name.substr(0, 255);
  // SSRC, item head, text, at least one null octet, up to a whole word (RFC 3550 6.5).
  const std::size_t body = (4 + 2 + name.size() + 1 + 3) & ~std::size_t{3};
  std::uint8_t* p = begin(RtcpType::kSourceDescription, 1, body);
  if (p == nullptr) return false;
  std::memset(p, 0, body);
  base::store_be32(p, ssrc);
  p[4] = 1;
  p[5] = static_cast<std::uint8_t>(name.size());
  if (!name.empty()) std::memcpy(p + 6, name.data(), name.size());
  return true;
}

bool RtcpWriter::bye(std::span<const Ssrc> ssrcs) {
  const std::size_t count = std::min(ssrcs.size(), kMaxBlocks);
  std::uint8_t* p = begin(RtcpType::kBye, count, 4 * count);
  if (p == nullptr) return false;
  for (std::size_t i = 0; i < count; ++i) base::store_be32(p + 4 * i, ssrcs[i]);
  return true;
}

bool RtcpWriter::nack(Ssrc sender, Ssrc media, std::span<const std::uint16_t> sequences) {
  const auto pair_at = [&](std::size_t i, std::uint16_t& mask) {
    mask = 0;
    std::size_t next = i + 1;
    for (; next < sequences.size(); ++next) {
      const int ahead = sequence_distance(sequences[next], sequences[i]);
      if (ahead < 1 || ahead > 16) break;
      mask = static_cast<std::uint16_t>(mask | 1u << (ahead - 1));
    }
    return next;
  };
  std::uint16_t mask = 0;
  std::size_t pairs = 0;
  for (std::size_t i = 0; i < sequences.size(); ++pairs) i = pair_at(i, mask);
  if (pairs == 0) return false;
  std::uint8_t* p = begin(RtcpType::kTransportFeedback, kFormatNack, 8 + 4 * pairs);
  if (p == nullptr) return false;
  base::store_be32(p, sender);
  base::store_be32(p + 4, media);
  p += 8;
  for (std::size_t i = 0; i < sequences.size(); p += 4) {
    base::store_be16(p, sequences[i]);
    i = pair_at(i, mask);
    base::store_be16(p + 2, mask);
  }
  return true;
}

bool RtcpWriter::pli(Ssrc sender, Ssrc media) {
  std::uint8_t* p = begin(RtcpType::kPayloadFeedback, kFormatPli, 8);
  if (p == nullptr) return false;
  base::store_be32(p, sender);
  base::store_be32(p + 4, media);
  return true;
}

bool RtcpWriter::fir(Ssrc sender, Ssrc media, std::uint8_t command_sequence) {
  std::uint8_t* p = begin(RtcpType::kPayloadFeedback, kFormatFir, 16);
  if (p == nullptr) return false;
  base::store_be32(p, sender);
  base::store_be32(p + 4, 0);   // RFC 5104 4.3.1.2: the media SSRC stands in the entry
  base::store_be32(p + 8, media);
  base::store_be32(p + 12, std::uint32_t{command_sequence} << 24);
  return true;
}

bool RtcpWriter::remb(Ssrc sender, std::uint64_t bitrate, std::span<const Ssrc> ssrcs) {
  const std::size_t count = std::min(ssrcs.size(), std::size_t{255});
  std::uint8_t* p = begin(RtcpType::kPayloadFeedback, kFormatAfb, 16 + 4 * count);
  if (p == nullptr) return false;
  std::uint32_t exponent = 0;
  while (bitrate > 0x3FFFF) {
    bitrate >>= 1;
    ++exponent;
  }
  base::store_be32(p, sender);
  base::store_be32(p + 4, 0);
  base::store_be32(p + 8, 0x52454D42);
  p[12] = static_cast<std::uint8_t>(count);
  base::store_be24(p + 13, exponent << 18 | static_cast<std::uint32_t>(bitrate));
  for (std::size_t i = 0; i < count; ++i) base::store_be32(p + 16 + 4 * i, ssrcs[i]);
  return true;
}

bool RtcpWriter::append(base::ByteView packet) {
  if (packet.size() > room() || packet.empty()) return false;
  std::memcpy(out_.data() + at_, packet.data(), packet.size());
  at_ += packet.size();
  return true;
}

}  // namespace rtp
