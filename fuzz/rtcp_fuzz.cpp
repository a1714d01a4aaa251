// RTCP compounds of any shape, into a leg that publishes and watches: readers stay within bounds, and what comes out is
// well-formed and has an end.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "media/forwarder_leg.hpp"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

class NoSink : public media::ForwardSink {
 public:
  void emit(media::VideoWatcher&, base::ByteView, base::ByteView) override { ++count; }
  int count = 0;
};

void walk(base::ByteView bytes) {
  rtp::CompoundReader reader(bytes);
  while (const auto packet = reader.next()) {
    require(packet->body.size() + 4 <= bytes.size());
    rtp::for_each_report_block(*packet, [](const rtp::ReportBlock&) {});
    rtp::for_each_bye(*packet, [](rtp::Ssrc) {});
    if (const auto cname = rtp::read_cname(*packet)) require(cname->text.size() <= 255);
    (void)rtp::read_sender_info(*packet);
    const auto feedback = rtp::read_feedback(*packet);
    if (!feedback) continue;
    std::size_t asked = 0;
    rtp::for_each_nack(feedback->control, [&](std::uint16_t) { ++asked; });
    require(asked <= feedback->control.size() / 4 * 17);
    rtp::for_each_fir(feedback->control, [](rtp::Ssrc, std::uint8_t) {});
    (void)rtp::read_remb(feedback->control);
    if (const auto twcc = rtp::TwccReader::parse(feedback->control)) {
      std::size_t statuses = 0;
      twcc->for_each([&](std::uint16_t, bool, std::int32_t) { ++statuses; });
      require(statuses == twcc->header().status_count);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const base::Bytes bytes(data, data + size);
  walk(bytes);
  media::SourceConfig config;
  config.ssrc = 1111;
  config.formats = {{96, 97, media::VideoCodec::kVp8}};
  media::VideoSource source(config);
  media::VideoWatcher watcher({.ssrc = 5000, .rtx_ssrc = 5001});
  const std::array<media::FormatMap, 1> formats = {{{96, 96, 97}}};
  media::LegRtcp leg({.ssrc = 1, .cname = "x"});
  NoSink sink;
  base::TimePoint now{std::chrono::seconds(100)};
  source.add_watcher(watcher, formats, now);
  leg.add_source(source);
  leg.add_watcher(watcher);
  std::array<std::uint8_t, 64> packet{};
  const std::array<std::uint8_t, 4> payload = {0x10, 0, 0, 0};
  for (std::uint16_t i = 0; i < 40; i = static_cast<std::uint16_t>(i + 1 + i % 3)) {
    const std::size_t length = rtp::write_packet(packet, {96, true, i, i * 3000u, 1111}, payload);
    source.on_packet(*rtp::PacketView::parse(base::ByteView(packet).first(length)), now, sink);
  }
  sink.count = 0;
  for (int round = 0; round < 3; ++round) {
    now += std::chrono::milliseconds(400);
    leg.on_rtcp(bytes, now, sink);
    std::array<std::uint8_t, 1200> out;
    int compounds = 0;
    while (const std::size_t length = leg.poll(now, base::WallTime(std::chrono::seconds(1)), out)) {
      walk(base::ByteView(out).first(length));
      require(++compounds < 20);
    }
  }
  require(sink.count <= 3 * 40);
  leg.remove_watcher(watcher);
  leg.remove_source(source);
  return 0;
}
