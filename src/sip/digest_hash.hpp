// Hashes for Digest, by OpenSSL's fetched algorithms. Any thread.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "sip/digest.hpp"

namespace sip {

// The hex of H over the parts, with ":" between them.
std::string digest_hex(DigestAlgorithm algorithm, std::initializer_list<std::string_view> parts);
std::size_t digest_hex_size(DigestAlgorithm algorithm);

struct DigestInput {
  std::string_view ha1, method, uri, nonce, count, cnonce, qop;  // qop "": the response of RFC 2069
};
std::string digest_response(DigestAlgorithm algorithm, const DigestInput& input);

bool equal_in_constant_time(std::string_view a, std::string_view b);  // of equal sizes

}  // namespace sip
