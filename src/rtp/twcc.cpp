#include "rtp/twcc.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "rtp/rtcp.hpp"

namespace rtp {
namespace {

constexpr std::int64_t kTick = 250'000;           // ns
constexpr std::int64_t kTicksPerReference = 256;  // 64 ms
constexpr std::size_t kHead = 20;                 // RTCP header, two SSRCs, the feedback's own 8 bytes

enum Symbol : std::uint8_t { kNotReceived = 0, kSmallDelta = 1, kLargeDelta = 2 };

// Status chunks (3.1.3, 3.1.4) for `symbols` at `out`; how many bytes.
std::size_t write_chunks(std::span<const std::uint8_t> symbols, std::uint8_t* out) {
  std::size_t at = 0;
  for (std::size_t i = 0; i < symbols.size(); at += 2) {
    const std::size_t left = symbols.size() - i;
    std::size_t run = 1;
    while (run < left && run < 0x1FFF && symbols[i + run] == symbols[i]) ++run;
    const auto next = symbols.subspan(i, std::min<std::size_t>(14, left));
    const bool one_bit = std::ranges::none_of(next, [](std::uint8_t s) { return s == kLargeDelta; });
    unsigned chunk = 0;
    if (run >= (one_bit ? 14u : 7u) || run == left) {
      chunk = static_cast<unsigned>(symbols[i]) << 13 | static_cast<unsigned>(run);
      i += run;
    } else if (one_bit) {
      chunk = 0x8000;
      for (std::size_t k = 0; k < next.size(); ++k) chunk |= static_cast<unsigned>(next[k]) << (13 - k);
      i += next.size();
    } else {
      chunk = 0xC000;
      const std::size_t take = std::min<std::size_t>(7, left);
      for (std::size_t k = 0; k < take; ++k) chunk |= static_cast<unsigned>(symbols[i + k]) << (12 - 2 * k);
      i += take;
    }
    base::store_be16(out + at, static_cast<std::uint16_t>(chunk));
  }
  return at;
}

}  // namespace

void TwccReceiver::on_packet(std::uint16_t transport_sequence, base::TimePoint now) {
  if (arrivals_.empty()) arrivals_.assign(kWindow, -1);
  const std::int64_t ticks = now.time_since_epoch().count() / kTick;
  const bool first = !sequence_.started();
  const std::int64_t before = sequence_.highest();
  const std::int64_t s = sequence_.peek(transport_sequence);
  if (!first && s <= before - static_cast<std::int64_t>(kWindow)) return;
  if (!pending()) next_ = std::max(next_, now + kInterval);
  sequence_.unwrap(transport_sequence);
  if (first || s - before >= static_cast<std::int64_t>(kWindow)) {
    std::ranges::fill(arrivals_, -1);
    base_ = s;
  } else {
    for (std::int64_t i = before + 1; i < s; ++i) arrival(i) = -1;
    if (s <= before && arrival(s) >= 0) return;   // a duplicate: the first arrival counts
    base_ = std::max(base_, s - static_cast<std::int64_t>(kWindow) + 1);
    // One that comes after it was reported missing is reported again, with those after it.
    base_ = std::min(base_, s);
  }
  arrival(s) = ticks;
}

std::size_t TwccReceiver::build(Ssrc sender, Ssrc media, base::TimePoint now, base::MutableByteView out) {
  if (!pending() || out.size() < kMinBuffer) return 0;
  next_ = now + kInterval;
  // At worst a status costs two bytes of delta and two bits of chunk.
  const std::size_t most = std::min(kMaxStatuses, (out.size() - kHead - 8) * 7 / 16);
  std::array<std::uint8_t, kMaxStatuses> symbols;
  std::array<std::int16_t, kMaxStatuses> deltas;
  std::size_t statuses = 0;
  std::size_t received = 0;
  std::int64_t reference = 0;
  std::int64_t previous = 0;
  std::int64_t s = base_;
  for (; s <= sequence_.highest() && statuses < most; ++s) {
    const std::int64_t ticks = arrival(s);
    if (ticks < 0) {
      symbols[statuses++] = kNotReceived;
      continue;
    }
    if (received == 0) {
      reference = ticks / kTicksPerReference;
      previous = reference * kTicksPerReference;
    }
    const std::int64_t delta = ticks - previous;
    if (delta > INT16_MAX || delta < INT16_MIN) break;   // the next feedback takes a new reference
    previous = ticks;
    deltas[received++] = static_cast<std::int16_t>(delta);
    symbols[statuses] = delta >= 0 && delta <= 255 ? kSmallDelta : kLargeDelta;
    ++statuses;
  }
  const std::uint16_t first = static_cast<std::uint16_t>(base_);
  base_ = s;
  if (received == 0) return build(sender, media, now, out);   // a long gap: go on behind it

  std::uint8_t* p = out.data();
  std::size_t at = kHead + write_chunks({symbols.data(), statuses}, p + kHead);
  std::size_t delta = 0;
  for (std::size_t i = 0; i < statuses; ++i) {
    if (symbols[i] == kSmallDelta) p[at++] = static_cast<std::uint8_t>(deltas[delta++]);
    if (symbols[i] == kLargeDelta) {
      base::store_be16(p + at, static_cast<std::uint16_t>(deltas[delta++]));
      at += 2;
    }
  }
  const std::size_t padding = (4 - at % 4) % 4;
  for (std::size_t i = 1; i <= padding; ++i) p[at++] = static_cast<std::uint8_t>(i == padding ? padding : 0);
  p[0] = static_cast<std::uint8_t>(0x80 | (padding != 0 ? 0x20 : 0) | kFormatTwcc);
  p[1] = static_cast<std::uint8_t>(RtcpType::kTransportFeedback);
  base::store_be16(p + 2, static_cast<std::uint16_t>(at / 4 - 1));
  base::store_be32(p + 4, sender);
  base::store_be32(p + 8, media);
  base::store_be16(p + 12, first);
  base::store_be16(p + 14, static_cast<std::uint16_t>(statuses));
  base::store_be24(p + 16, static_cast<std::uint32_t>(reference) & 0xFFFFFF);
  p[19] = count_++;
  return at;
}

std::optional<TwccReader> TwccReader::parse(base::ByteView control) {
  if (control.size() < 8) return std::nullopt;
  TwccReader reader;
  reader.control_ = control;
  reader.header_.base_sequence = base::load_be16(control.data());
  reader.header_.status_count = base::load_be16(control.data() + 2);
  reader.header_.reference_time = static_cast<std::int32_t>(base::load_be24(control.data() + 4) << 8) >> 8;
  reader.header_.feedback_count = control[7];
  if (reader.header_.status_count > kMaxStatuses) return std::nullopt;
  std::size_t size = 0;
  reader.deltas_ = reader.walk([&](std::size_t, unsigned symbol) { size += symbol == 3 ? 0 : symbol; });
  if (reader.header_.status_count == 0) reader.deltas_ = 8;
  if (reader.deltas_ == 0 || size > control.size() - reader.deltas_) return std::nullopt;
  return reader;
}

}  // namespace rtp
