#include "app/config_values.hpp"

#include "base/text.hpp"
#include "pbx/tokens.hpp"

namespace app::values {
namespace {

bool is_alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }
bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// RFC 9110 section 5.6.2
bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return is_alnum(c) || std::string_view("!#$%&'*+-.^_`|~").contains(c); });
}

bool is_dns_name(std::string_view text) {
  if (text.empty() || text.size() > 253 || text.front() == '.' || text.front() == '-') return false;
  return !text.contains("..") && std::ranges::all_of(text, [](char c) { return is_alnum(c) || c == '-' || c == '.' || c == '_'; });
}

}  // namespace

std::string no_check(std::string_view text) {
  return std::ranges::any_of(text, is_control) ? "must not hold control characters" : "";
}

std::string check_not_empty(std::string_view text) { return text.empty() ? "must not be empty" : no_check(text); }

std::string check_realm(std::string_view text) {
  if (text.empty() || text.size() > 255) return "must have 1 to 255 characters";
  // A colon would be ambiguous in what is hashed; a quote or backslash in what clients send back.
  if (text.find_first_of(":\"\\") != text.npos) return "must not hold a colon, a quote or a backslash";
  return no_check(text);
}

std::string check_host(std::string_view text) {
  base::SocketAddress ip;
  return is_dns_name(text) || read_ip(text, ip).empty() ? "" : "must be a host name or an IP address, without a port";
}

std::string check_host_port(std::string_view text) {
  if (text.empty() || check_host(text).empty() || base::SocketAddress::parse_with_port(text)) return {};
  const auto colon = text.rfind(':');
  if (colon != text.npos && is_dns_name(text.substr(0, colon))) {
    const auto port = base::parse_decimal(text.substr(colon + 1));
    if (port && *port > 0 && *port <= 65535) return {};
  }
  return "must be HOST or HOST:PORT";
}

std::string check_origin(std::string_view text) {
  if (text == "*" || text == "null") return {};
  const auto scheme = text.starts_with("https://") ? 8u : text.starts_with("http://") ? 7u : 0u;
  if (scheme == 0 || text.size() == scheme || !check_host_port(text.substr(scheme)).empty()) {
    return "must be an origin as browsers send it, as https://example.org, or \"*\"";
  }
  return {};
}

std::string check_path(std::string_view text) {
  const bool good = text.starts_with('/') && text.size() <= 200 &&
                    std::ranges::all_of(text, [](char c) { return is_alnum(c) || std::string_view("/-._~").contains(c); });
  return good ? "" : "must be a path, as /ws";
}

std::string check_line_name(std::string_view text) {
  if (text.empty() || text.size() > 64) return "must have 1 to 64 characters";
  const bool good = std::ranges::all_of(text, [](char c) { return is_alnum(c) || std::string_view("-_.").contains(c); });
  return good ? "" : "must have letters, digits and - _ . alone";
}

std::string check_token_secret(std::string_view text) {
  return !text.empty() && text.size() < pbx::TokenKeys::kMinSecret ? "must have at least 32 bytes" : no_check(text);
}

std::string check_media_type(std::string_view text) {
  const auto slash = text.find('/');
  const bool good = slash != text.npos && is_token(text.substr(0, slash)) && is_token(text.substr(slash + 1));
  return good ? "" : "must be a media type, as text/plain or text/*";
}

std::string read_address(std::string_view text, base::SocketAddress& out) {
  const auto address = base::SocketAddress::parse_with_port(text);
  if (!address) {
    return fmt::format("must be an IP address and a port, as 127.0.0.1:7777 or [::]:7777, not \"{}\"", text);
  }
  out = *address;
  return {};
}

std::string read_ip(std::string_view text, base::SocketAddress& out) {
  const auto address = base::SocketAddress::parse(text, 0);
  if (!address) return fmt::format("must be an IP address, not \"{}\"", text);
  out = *address;
  return {};
}

std::string read_range(std::string_view text, std::uint32_t& min, std::uint32_t& max) {
  const auto dash = text.find('-');
  const auto low = base::parse_decimal(base::trim(text.substr(0, dash)));
  const auto high = dash == text.npos ? std::nullopt : base::parse_decimal(base::trim(text.substr(dash + 1)));
  if (!low || !high || *low < 1 || *high > 999'999'999 || *high < *low || *high - *low >= 1'000'000) {
    return fmt::format("must be a range of at most a million numbers, as 2000-2999, not \"{}\"", text);
  }
  min = static_cast<std::uint32_t>(*low);
  max = static_cast<std::uint32_t>(*high);
  return {};
}

std::string read_ports(std::string_view text, std::uint16_t& min, std::uint16_t& max) {
  const auto dash = text.find('-');
  const auto low = base::parse_decimal(base::trim(text.substr(0, dash)));
  const auto high = dash == text.npos ? std::nullopt : base::parse_decimal(base::trim(text.substr(dash + 1)));
  if (!low || !high || *low < 1024 || *high > 65535 || *high < *low + 1) {
    return fmt::format("must be two ports from 1024 to 65535 with room for a pair, as 20000-29999, not \"{}\"", text);
  }
  min = static_cast<std::uint16_t>(*low);
  max = static_cast<std::uint16_t>(*high);
  return {};
}

}  // namespace app::values
