#include "media/sound_file.hpp"

#include <sndfile.h>
#include <speex/speex_resampler.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

namespace media {
namespace {

constexpr int kMaxChannels = 8;
constexpr int kQuality = 6;          // of speexdsp, 0 to 10
constexpr sf_count_t kChunk = 4096;  // frames

struct CloseFile {
  void operator()(SNDFILE* file) const { sf_close(file); }
};
struct FreeResampler {
  void operator()(SpeexResamplerState* state) const { speex_resampler_destroy(state); }
};

// Takes one channel at the file's rate, keeps 48 kHz.
class Clip {
 public:
  explicit Clip(int rate) : rate_(rate) {
    int error = 0;
    if (rate != kMixRate) resampler_.reset(speex_resampler_init(1, static_cast<unsigned>(rate), kMixRate, kQuality, &error));
    if (resampler_) speex_resampler_skip_zeros(resampler_.get());
  }
  bool usable() const { return rate_ == kMixRate || resampler_; }
  void add(std::span<float> in) {
    if (!resampler_) return keep(in);
    std::array<float, kChunk> out;
    while (!in.empty()) {
      auto taken = static_cast<unsigned>(in.size());
      auto made = static_cast<unsigned>(out.size());
      speex_resampler_process_float(resampler_.get(), 0, in.data(), &taken, out.data(), &made);
      keep(std::span(out).first(made));
      if (taken == 0 && made == 0) return;
      in = in.subspan(taken);
    }
  }
  // What the filter still holds.
  void finish() {
    if (!resampler_) return;
    std::vector<float> rest(static_cast<std::size_t>(speex_resampler_get_input_latency(resampler_.get())), 0.0F);
    add(rest);
  }
  std::vector<std::int16_t>& samples() { return samples_; }

 private:
  void keep(std::span<const float> in) {
    for (const float value : in) {
      const float scaled = std::isfinite(value) ? std::clamp(value * 32767.0F, -32768.0F, 32767.0F) : 0.0F;
      samples_.push_back(static_cast<std::int16_t>(std::lrintf(scaled)));
    }
  }
  int rate_;
  std::unique_ptr<SpeexResamplerState, FreeResampler> resampler_;
  std::vector<std::int16_t> samples_;
};

}  // namespace

base::Result<SoundClip> read_sound_file(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return base::fail(base::ErrorCode::kNotFound, path + " is not a file");
  SF_INFO info{};
  const std::unique_ptr<SNDFILE, CloseFile> file(sf_open(path.c_str(), SFM_READ, &info));
  if (!file) return base::malformed(path + " is not a sound file");
  if (info.channels < 1 || info.channels > kMaxChannels || info.samplerate < 4000 || info.samplerate > 384'000) {
    return base::malformed(path + " has a rate or channels that no sound has");
  }
  Clip clip(info.samplerate);
  if (!clip.usable()) return base::fail(base::ErrorCode::kInternal, "no resampler");
  const auto most = static_cast<std::int64_t>(kMaxClipSeconds) * info.samplerate;
  if (info.frames > most) return base::fail(base::ErrorCode::kTooLarge, path + " is longer than ten minutes");
  // A header may say anything: what is reserved stays small, what is kept is what could be read.
  clip.samples().reserve(static_cast<std::size_t>(std::clamp<std::int64_t>(info.frames, 0, most) * kMixRate / info.samplerate + kMixRate / 10));
  const auto channels = static_cast<std::size_t>(info.channels);
  std::vector<float> chunk(static_cast<std::size_t>(kChunk) * channels), mono(kChunk);
  std::int64_t total = 0;
  for (sf_count_t count; (count = sf_readf_float(file.get(), chunk.data(), kChunk)) > 0;) {
    total += count;
    if (total > most) return base::fail(base::ErrorCode::kTooLarge, path + " is longer than ten minutes");
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
      float sum = 0;
      for (std::size_t c = 0; c < channels; ++c) sum += chunk[i * channels + c];
      mono[i] = sum / static_cast<float>(channels);
    }
    clip.add(std::span(mono).first(static_cast<std::size_t>(count)));
  }
  clip.finish();
  if (clip.samples().empty()) return base::malformed(path + " holds no sound");
  clip.samples().shrink_to_fit();
  return std::make_shared<const std::vector<std::int16_t>>(std::move(clip.samples()));
}

}  // namespace media
