// G.722 at 64 kbit/s: 16 kHz, two samples an octet, with an RTP clock of 8000 (RFC 3551 4.5.2, an error that stayed). One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "base/bytes.hpp"

struct g722_decode_state_s;
struct g722_encode_state_s;

namespace media {

class G722Decoder {
 public:
  G722Decoder();
  // Two samples an octet; samples written, never more than fit.
  std::size_t decode(base::ByteView packet, std::span<std::int16_t> out);
  void reset();

 private:
  struct Free {
    void operator()(g722_decode_state_s* state) const;
  };
  std::unique_ptr<g722_decode_state_s, Free> state_;
};

class G722Encoder {
 public:
  G722Encoder();
  // Octets written: half as many as samples.
  std::size_t encode(std::span<const std::int16_t> in, std::span<std::uint8_t> out);
  void copy_state(const G722Encoder& other);
  void reset();

 private:
  struct Free {
    void operator()(g722_encode_state_s* state) const;
  };
  std::unique_ptr<g722_encode_state_s, Free> state_;
};

}  // namespace media
