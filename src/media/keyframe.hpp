// Where a keyframe starts in a video stream, told from the RTP payload alone. Pure functions, any thread.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"

namespace media {

enum class VideoCodec : std::uint8_t { kVp8, kVp9, kH264, kAv1 };

// True when `payload` is the first packet of a picture from which a decoder can start: RFC 7741 (VP8), RFC 9628 (VP9, lowest
// spatial layer), RFC 6184 (H.264: parameter set or first slice of an IDR picture, also within STAP-A and FU-A),
// the AV1 RTP payload specification (aggregation header's N bit). False for anything malformed.
bool starts_keyframe(VideoCodec codec, base::ByteView payload);

}  // namespace media
