#include "media/dtmf_detector.hpp"

#include <spandsp.h>

#include <new>

namespace media {

void DtmfDetector::Free::operator()(dtmf_rx_state_s* state) const { dtmf_rx_free(state); }

std::string_view DtmfDetector::push(std::span<const std::int16_t> samples) {
  if (!state_) {
    state_.reset(dtmf_rx_init(nullptr, nullptr, nullptr));
    if (!state_) throw std::bad_alloc();
  }
  dtmf_rx(state_.get(), samples.data(), static_cast<int>(samples.size()));
  return {found_.data(), dtmf_rx_get(state_.get(), found_.data(), static_cast<int>(found_.size()) - 1)};
}

}  // namespace media
