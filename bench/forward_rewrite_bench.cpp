// What one forwarded copy costs before SRTP and the socket: header rewritten, header and payload copied into a send buffer.
#include <benchmark/benchmark.h>

#include <memory>
#include <vector>

#include "media/forwarder_source.hpp"

namespace {

class BufferSink : public media::ForwardSink {
 public:
  void emit(media::VideoWatcher&, base::ByteView header, base::ByteView payload) override {
    std::uint8_t* p = buffer_.data() + next_++ % 64 * 1500;
    std::memcpy(p, header.data(), header.size());
    std::memcpy(p + header.size(), payload.data(), payload.size());
    benchmark::DoNotOptimize(p);
  }

 private:
  std::vector<std::uint8_t> buffer_ = std::vector<std::uint8_t>(64 * 1500);
  std::size_t next_ = 0;
};

// Items are copies.
void forward(benchmark::State& state) {
  rtp::ExtensionIds ids;
  ids.set(rtp::Extension::kMid, 4);
  ids.set(rtp::Extension::kAbsSendTime, 2);
  ids.set(rtp::Extension::kTransportSequence, 3);
  media::TransportSequence transport;
  media::SourceConfig config;
  config.formats = {{96, 97, media::VideoCodec::kVp8}};
  config.extensions = ids;
  media::VideoSource source(config);
  const std::vector<media::FormatMap> formats = {{96, 96, 97}};
  std::vector<std::unique_ptr<media::VideoWatcher>> watchers;
  base::TimePoint now{std::chrono::seconds(100)};
  for (int i = 0; i < state.range(0); ++i) {
    media::WatcherConfig c;
    c.ssrc = static_cast<rtp::Ssrc>(1000 + i);
    c.extensions = ids;
    c.mid = "video-2";
    c.transport_sequence = &transport;
    watchers.push_back(std::make_unique<media::VideoWatcher>(c));
    source.add_watcher(*watchers.back(), formats, now);
  }
  std::vector<std::uint8_t> packet(1100);
  std::vector<std::uint8_t> payload(1080);
  payload[0] = 0x10;
  BufferSink sink;
  std::uint16_t sequence = 0;
  for (auto _ : state) {
    now += std::chrono::milliseconds(3);
    rtp::write_packet(packet, {96, false, sequence, sequence * 300u, 7}, payload);
    ++sequence;
    source.on_packet(*rtp::PacketView::parse(packet), now, sink);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(forward)->Arg(1)->Arg(7)->Arg(100);

}  // namespace

BENCHMARK_MAIN();
