// Unguessable values from the system's generator (OpenSSL's DRBG). Any thread.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.hpp"

namespace base {

void random_bytes(MutableByteView out);
std::uint32_t random_u32();
std::uint64_t random_u64();
// `length` characters of [A-Za-z0-9]: 5.95 bits each.
std::string random_token(std::size_t length);
std::string random_uuid();  // RFC 9562 version 4

}  // namespace base
