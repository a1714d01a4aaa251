// Pieces of RFC 3261's grammar (section 25.1) that its parsers share. All of them work on views and allocate
// nothing.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace sip::scan {

enum Class : std::uint8_t {
  kToken = 1,  // token
  kUser = 2,   // user, without escapes; '#' is let pass, since phones dial it unescaped
  kPassword = 4,
  kUriParam = 8,    // paramchar, without escapes
  kUriHeader = 16,  // hname and hvalue, '&' and '=' between them, without escapes
  kHost = 32,       // hostname and IPv4address, '_' let pass
  kScheme = 64,
  kValue = 128,  // an unquoted header parameter's value: more than the token and host of the RFC, since "="
                 // and "@" occur
};

constexpr std::array<std::uint8_t, 256> make_classes() {
  std::array<std::uint8_t, 256> table{};
  const auto add = [&](std::string_view characters, int classes) {
    for (const char c : characters) {
      auto& entry = table[static_cast<std::uint8_t>(c)];
      entry = static_cast<std::uint8_t>(entry | classes);
    }
  };
  add("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
      kToken | kUser | kPassword | kUriParam | kUriHeader | kHost | kScheme | kValue);
  add("-.!%*_+`'~", kToken);
  add("-_.!~*'()", kUser | kPassword | kUriParam | kUriHeader);
  add("&=+$,;?/#", kUser);
  add("&=+$,", kPassword);
  add("[]/:&+$", kUriParam);
  add("[]/?:+$&=", kUriHeader);
  add("-._", kHost);
  add("+-.", kScheme);
  for (int c = 0x21; c < 0x7f; ++c) {
    if (c != ';' && c != ',' && c != '"' && c != '<' && c != '>') {
      const auto i = static_cast<std::size_t>(c);
      table[i] = static_cast<std::uint8_t>(table[i] | kValue);
    }
  }
  return table;
}
inline constexpr std::array<std::uint8_t, 256> kClasses = make_classes();

constexpr bool is(char c, int classes) {
  return (kClasses[static_cast<std::uint8_t>(c)] & classes) != 0;
}
constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
constexpr bool is_alpha(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
// LWS; CR and LF stand in a header's value only as folds.
constexpr bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

inline std::size_t skip_space(std::string_view text, std::size_t at) {
  while (at < text.size() && is_space(text[at])) ++at;
  return at;
}
inline std::size_t skip(std::string_view text, std::size_t at, int classes) {
  while (at < text.size() && is(text[at], classes)) ++at;
  return at;
}
inline bool is_token(std::string_view text) {
  return !text.empty() && skip(text, 0, kToken) == text.size();
}
inline std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

// `text[at]` is the opening quote: the index after the closing one, npos when there is none.
std::size_t skip_quoted(std::string_view text, std::size_t at);

// Characters of `classes` and well-formed %HH alone.
bool escaped_run(std::string_view text, int classes);

// The host at `at` (IPv6 in brackets): the index after it, npos when there is none or it is malformed.
std::size_t skip_host(std::string_view text, std::size_t at);

// 1..65535, digits alone; 0 when it isn't that.
std::uint16_t parse_port(std::string_view digits);

// The whole of `text` is *(SEMI generic-param), maybe nothing (RFC 3261 section 25.1).
bool valid_header_params(std::string_view text);

// Takes the next element off a comma-separated list, trimmed; empty elements are left out. False at the end.
bool next_element(std::string_view& rest, std::string_view& element);

}  // namespace sip::scan
