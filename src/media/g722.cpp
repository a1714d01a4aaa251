#include "media/g722.hpp"

#include <spandsp.h>
#include <spandsp/expose.h>

#include <algorithm>
#include <new>

namespace media {
namespace {

constexpr int kRate = 64'000;

}  // namespace

void G722Decoder::Free::operator()(g722_decode_state_s* state) const { g722_decode_free(state); }
void G722Encoder::Free::operator()(g722_encode_state_s* state) const { g722_encode_free(state); }

G722Decoder::G722Decoder() : state_(g722_decode_init(nullptr, kRate, 0)) {
  if (!state_) throw std::bad_alloc();
}

std::size_t G722Decoder::decode(base::ByteView packet, std::span<std::int16_t> out) {
  const auto octets = std::min(packet.size(), out.size() / 2);
  const int n = g722_decode(state_.get(), out.data(), packet.data(), static_cast<int>(octets));
  return n > 0 ? static_cast<std::size_t>(n) : 0;
}

void G722Decoder::reset() { g722_decode_init(state_.get(), kRate, 0); }

G722Encoder::G722Encoder() : state_(g722_encode_init(nullptr, kRate, 0)) {
  if (!state_) throw std::bad_alloc();
}

std::size_t G722Encoder::encode(std::span<const std::int16_t> in, std::span<std::uint8_t> out) {
  const auto samples = std::min(in.size(), out.size() * 2) & ~std::size_t{1};
  const int n = g722_encode(state_.get(), out.data(), in.data(), static_cast<int>(samples));
  return n > 0 ? static_cast<std::size_t>(n) : 0;
}

void G722Encoder::copy_state(const G722Encoder& other) { *state_ = *other.state_; }
void G722Encoder::reset() { g722_encode_init(state_.get(), kRate, 0); }

}  // namespace media
