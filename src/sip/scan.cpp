#include "sip/scan.hpp"

#include <cstring>
#include <string>

#include "base/address.hpp"

namespace sip::scan {
namespace {

// RFC 5118 section 4.10: the grammar of RFC 3261 let some write ":::" before an embedded IPv4 address.
bool valid_ipv6(std::string_view text) {
  if (text.size() > 48) return false;
  for (const char c : text) {
    if (!is_hex(c) && c != ':' && c != '.') return false;
  }
  const std::size_t colons = text.find(":::");
  if (colons != std::string_view::npos && text.find('.') != std::string_view::npos) {
    std::string repaired(text);
    repaired.erase(colons, 1);
    const auto address = base::SocketAddress::parse(repaired, 0);
    return address && address->is_v6();
  }
  // An IPv4-mapped address is IPv4 to SocketAddress, so only its being an address counts.
  return text.find(':') != std::string_view::npos && base::SocketAddress::parse(text, 0).has_value();
}

}  // namespace

std::size_t skip_quoted(std::string_view text, std::size_t at) {
  for (++at; at < text.size(); ++at) {
    if (text[at] == '"') return at + 1;
    if (text[at] == '\\') ++at;
  }
  return std::string_view::npos;
}

bool escaped_run(std::string_view text, int classes) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is(text[i], classes)) continue;
    if (text[i] != '%' || i + 2 >= text.size() || !is_hex(text[i + 1]) || !is_hex(text[i + 2])) return false;
    i += 2;
  }
  return true;
}

std::size_t skip_host(std::string_view text, std::size_t at) {
  if (at >= text.size()) return std::string_view::npos;
  if (text[at] == '[') {
    const std::size_t end = text.find(']', at);
    if (end == std::string_view::npos || !valid_ipv6(text.substr(at + 1, end - at - 1)))
      return std::string_view::npos;
    return end + 1;
  }
  const std::size_t end = skip(text, at, kHost);
  return end == at || text[at] == '.' ? std::string_view::npos : end;
}

std::uint16_t parse_port(std::string_view digits) {
  std::uint32_t port = 0;
  if (digits.empty()) return 0;
  for (const char c : digits) {
    if (!is_digit(c)) return 0;
    port = port * 10 + static_cast<std::uint32_t>(c - '0');
    if (port > 65535) return 0;
  }
  return static_cast<std::uint16_t>(port);
}

bool valid_header_params(std::string_view text) {
  std::size_t at = skip_space(text, 0);
  while (at < text.size()) {
    if (text[at] != ';') return false;
    at = skip_space(text, at + 1);
    const std::size_t name = at;
    at = skip(text, at, kToken);
    if (at == name) return false;
    at = skip_space(text, at);
    if (at == text.size() || text[at] != '=') continue;
    at = skip_space(text, at + 1);
    if (at < text.size() && text[at] == '"') {
      at = skip_quoted(text, at);
      if (at == std::string_view::npos) return false;
    } else {
      const std::size_t value = at;
      at = skip(text, at, kValue);
      if (at == value) return false;
    }
    at = skip_space(text, at);
  }
  return true;
}

bool next_element(std::string_view& rest, std::string_view& element) {
  while (!rest.empty()) {
    std::size_t at = 0;
    while (at < rest.size() && rest[at] != ',') {
      if (rest[at] == '"') {
        at = std::min(skip_quoted(rest, at), rest.size());
      } else if (rest[at] == '<') {
        at = std::min(rest.find('>', at), rest.size());
      } else {
        ++at;
      }
    }
    element = trim(rest.substr(0, at));
    rest.remove_prefix(std::min(at + 1, rest.size()));
    if (!element.empty()) return true;
  }
  return false;
}

}  // namespace sip::scan
