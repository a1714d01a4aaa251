// Small pieces of text handling: ASCII case, trimming, UTF-8, names that people typed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace base {

constexpr char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
std::string to_lower(std::string_view text);
bool equals_ignoring_case(std::string_view a, std::string_view b);     // ASCII only
bool starts_with_ignoring_case(std::string_view text, std::string_view prefix);
std::string_view trim(std::string_view text);                          // SP, HT, CR, LF

// Decimal digits alone, the whole of `text`, no sign; empty when it does not fit.
std::optional<std::uint64_t> parse_decimal(std::string_view text);

std::string to_hex(ByteView bytes);
std::optional<Bytes> from_hex(std::string_view text);
std::string to_base64(ByteView bytes);                                 // RFC 4648 section 4, padded
std::optional<Bytes> from_base64(std::string_view text);               // likewise and strictly: padded, no spare bits, nothing else

bool valid_utf8(std::string_view text);
// For display: control characters and bidirectional controls (U+202A..E, U+2066..9, U+200E/F, U+061C)
// removed, invalid UTF-8 replaced by U+FFFD, at most `max_characters` kept, outer white space trimmed.
std::string clean_display_name(std::string_view text, std::size_t max_characters = 80);

}  // namespace base
