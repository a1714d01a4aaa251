// RTP packets of any shape: the view's parts lie within the packet, edits keep it valid, and a source that forwards
// takes them. Input: packets, each behind its length in two bytes.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "media/forwarder_source.hpp"
#include "rtp/packet.hpp"
#include "rtp/rtx.hpp"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

class CheckingSink : public media::ForwardSink {
 public:
  void emit(media::VideoWatcher&, base::ByteView header, base::ByteView payload) override {
    bytes_.assign(header.begin(), header.end());
    bytes_.insert(bytes_.end(), payload.begin(), payload.end());
    require(rtp::PacketView::parse(bytes_).has_value());
  }

 private:
  base::Bytes bytes_;
};

rtp::ExtensionIds ids() {
  rtp::ExtensionIds ids;
  ids.set(rtp::Extension::kMid, 4);
  ids.set(rtp::Extension::kAbsSendTime, 2);
  ids.set(rtp::Extension::kVideoOrientation, 13);
  ids.set(rtp::Extension::kColorSpace, 8);
  return ids;
}

media::SourceConfig source_config() {
  media::SourceConfig config;
  config.formats = {{96, 97, media::VideoCodec::kVp8}, {98, 99, media::VideoCodec::kVp9},
                    {102, 103, media::VideoCodec::kH264}, {45, 46, media::VideoCodec::kAv1}};
  config.extensions = ids();
  return config;
}

void check_view(base::ByteView bytes) {
  const auto view = rtp::PacketView::parse(bytes);
  if (!view) return;
  require(view->header_size() + view->payload().size() + view->padding_size() == bytes.size());
  view->for_each_extension([&](std::uint8_t id, base::ByteView data) {
    require(id != 0);
    require(data.data() + data.size() <= bytes.data() + view->header_size());
  });
  (void)rtp::read_rtx(*view);
  base::Bytes copy(bytes.begin(), bytes.end());
  std::array<std::uint8_t, 256> names{};
  for (std::size_t i = 1; i < 15; ++i) names[i] = static_cast<std::uint8_t>(15 - i);
  rtp::rename_extensions(copy, names);
  rtp::set_sequence(copy, 1);
  require(rtp::PacketView::parse(copy).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  media::VideoSource source(source_config());
  media::VideoWatcher watcher({.ssrc = 5, .rtx_ssrc = 6, .extensions = ids(), .mid = "v"});
  const std::array<media::FormatMap, 4> formats = {{{96, 96, 97}, {98, 98, 99}, {102, 102, 0}, {45, 45, 46}}};
  CheckingSink sink;
  base::TimePoint now{std::chrono::seconds(100)};
  source.add_watcher(watcher, formats, now);
  check_view({data, size});
  while (size >= 2) {
    const std::size_t length = std::min<std::size_t>(base::load_be16(data), size - 2);
    const base::Bytes packet(data + 2, data + 2 + length);
    data += 2 + length;
    size -= 2 + length;
    check_view(packet);
    now += std::chrono::milliseconds(7);
    if (const auto view = rtp::PacketView::parse(packet)) source.on_packet(*view, now, sink);
    source.tick(now);
    source.nacks_sent(source.pending_nacks().size());
    watcher.on_nack({packet.data(), packet.size()}, now, sink);
  }
  return 0;
}
