// Digits out of sound (ITU-T Q.24), for a peer that agreed on no telephone-events. One thread; by spandsp, whose state is made by
// the first sample.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

struct dtmf_rx_state_s;

namespace media {

class DtmfDetector {
 public:
  // 8 kHz, any number of samples. The digits that were found in it; valid until the next call.
  std::string_view push(std::span<const std::int16_t> samples);

 private:
  struct Free {
    void operator()(dtmf_rx_state_s* state) const;
  };
  std::unique_ptr<dtmf_rx_state_s, Free> state_;
  std::array<char, 8> found_{};
};

}  // namespace media
