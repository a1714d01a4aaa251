// The cost of one mixing interval (20 ms) of a room: N participants, K of them talking. Each is sent a packet and gets one;
// no SRTP, no socket. Share of a core: time / 20 ms.
#include <benchmark/benchmark.h>

#include <vector>

#include "media/audio_mixer.hpp"
#include "media/g711.hpp"

namespace {

using namespace media;

class Discard : public AudioMixerSink {
 public:
  void on_audio(ParticipantId, const EncodedAudio& audio) override { bytes += audio.payload.size(); }
  std::uint64_t bytes = 0;
};

void mix(benchmark::State& state, AudioCodec codec, bool levels) {
  const auto participants = static_cast<std::size_t>(state.range(0));
  const auto talkers = static_cast<std::size_t>(state.range(1));
  Discard sink;
  AudioMixer mixer({}, sink);
  const bool opus = codec == AudioCodec::kOpus;
  ParticipantAudio audio;
  audio.codec = codec;
  audio.payload_type = opus ? 111 : 0;
  for (std::size_t i = 1; i <= participants; ++i) mixer.add(i, audio);

  // Half a second of noise with an envelope, encoded once; and silence.
  constexpr std::size_t kLoop = 25;
  const std::size_t samples = clock_rate(codec) / 50;
  OpusMonoEncoder encoder;
  std::vector<base::Bytes> loud, quiet;
  std::uint32_t random = 1;
  for (std::size_t k = 0; k < 4 * kLoop; ++k) {
    std::vector<std::int16_t> pcm(samples);
    for (auto& s : pcm) {
      random = random * 1664525 + 1013904223;
      s = k < kLoop ? static_cast<std::int16_t>(static_cast<std::int32_t>(random) >> 18) : std::int16_t{0};
    }
    base::Bytes payload(1275);
    if (opus) {
      payload.resize(encoder.encode(pcm, payload));
    } else {
      payload.resize(samples);
      g711::encode(codec, pcm, payload);
    }
    if (k < kLoop) loud.push_back(payload);
    if (k >= 3 * kLoop) quiet.push_back(payload);  // when the codec has forgotten the noise
  }

  base::TimePoint now(std::chrono::hours(1));
  std::uint32_t n = 0;
  for (auto _ : state) {
    for (std::size_t i = 1; i <= participants; ++i) {
      const bool talks = i <= talkers;
      AudioPacket packet{.payload_type = audio.payload_type, .seq = static_cast<std::uint16_t>(n),
                         .timestamp = n * static_cast<std::uint32_t>(samples), .ssrc = static_cast<std::uint32_t>(i),
                         .payload = talks ? loud[n % kLoop] : quiet[n % kLoop]};
      if (levels) packet.audio_level = talks ? std::uint8_t{25} : std::uint8_t{100};
      mixer.push(i, packet, now);
    }
    mixer.tick(now);
    now += std::chrono::milliseconds(20);
    ++n;
  }
  benchmark::DoNotOptimize(sink.bytes);
  state.counters["per_participant"] = benchmark::Counter(
      static_cast<double>(state.iterations()) * static_cast<double>(participants),
      benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void mix_g711(benchmark::State& state) { mix(state, AudioCodec::kPcmu, false); }
void mix_opus_levels(benchmark::State& state) { mix(state, AudioCodec::kOpus, true); }
void mix_opus_no_levels(benchmark::State& state) { mix(state, AudioCodec::kOpus, false); }

void rooms(benchmark::internal::Benchmark* b) {
  for (const int n : {2, 10, 50, 200}) {
    for (const int talkers : {0, 1, 3}) {
      if (talkers <= n) b->Args({n, talkers});
    }
  }
  b->Args({200, 200})->Unit(benchmark::kMicrosecond);
}
BENCHMARK(mix_g711)->Apply(rooms);
BENCHMARK(mix_opus_levels)->Apply(rooms);
BENCHMARK(mix_opus_no_levels)->Apply(rooms);

}  // namespace

BENCHMARK_MAIN();
