#include "sip/request_check.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "sip/scan.hpp"

namespace sip {
namespace {

constexpr std::array<std::string_view, 5> kExtensions = {"100rel", "timer", "outbound", "path", "ice"};
constexpr std::array<std::string_view, 3> kSchemes = {"sip", "sips", "tel"};

bool contains(std::span<const std::string_view> list, std::string_view value) {
  return std::ranges::any_of(list, [&](std::string_view v) { return base::equals_ignoring_case(v, value); });
}

std::string joined(std::span<const std::string_view> list) {
  std::string result;
  for (const std::string_view one : list) {
    if (!result.empty()) result += ", ";
    result += one;
  }
  return result;
}

// RFC 3261 section 25.1, rfc1123-date: "Sat, 13 Nov 2010 23:29:00 GMT".
bool valid_date(std::string_view text) {
  static constexpr std::string_view kPattern = "Aaa, 00 Aaa 0000 00:00:00 GMT";
  static constexpr std::string_view kDays = "MonTueWedThuFriSatSun";
  static constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  if (text.size() != kPattern.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char want = kPattern[i];
    const bool right = want == '0'                     ? scan::is_digit(text[i])
                       : (i < 3 || (i >= 8 && i < 11)) ? scan::is_alpha(text[i])
                                                       : text[i] == want;
    if (!right) return false;
  }
  const auto number = [&](std::size_t at) { return (text[at] - '0') * 10 + (text[at + 1] - '0'); };
  const auto named = [](std::string_view names, std::string_view name) {
    const std::size_t at = names.find(name);
    return at != std::string_view::npos && at % 3 == 0;
  };
  return named(kDays, text.substr(0, 3)) && named(kMonths, text.substr(8, 3)) && number(5) >= 1 &&
         number(5) <= 31 && number(17) < 24 && number(20) < 60 && number(23) <= 60;
}

std::optional<ParseFailure> check_extensions(const Message& request, HeaderId id,
                                             std::span<const std::string_view> known) {
  std::vector<std::string_view> unknown;
  for (const std::string_view tag : request.values(id)) {
    if (!contains(known, tag)) unknown.push_back(tag);
  }
  if (unknown.empty()) return std::nullopt;
  return ParseFailure{420, "Bad Extension", HeaderId::kUnsupported, joined(unknown)};
}

std::optional<ParseFailure> check_addresses(const Message& request) {
  for (const Header& header : request.headers()) {
    const bool contact = header.id == HeaderId::kContact;
    if (!contact && header.id != HeaderId::kRoute && header.id != HeaderId::kRecordRoute) continue;
    if (contact && header.value == "*" && request.method() == Method::kRegister) continue;
    std::string_view rest = header.value;
    std::string_view element;
    while (scan::next_element(rest, element)) {
      const auto address = NameAddr::parse(element);
      if (!address) {
        return ParseFailure{400,
                            "Malformed " + std::string(to_string(header.id)) + ": " + address.error().detail};
      }
    }
  }
  return std::nullopt;
}

std::optional<ParseFailure> check_content(const Message& request, const RequestChecks& checks) {
  if (request.body().empty()) return std::nullopt;
  const auto disposition = Params(request.value(HeaderId::kContentDisposition));
  if (base::equals_ignoring_case(disposition.value("handling"), "optional")) return std::nullopt;
  for (const std::string_view coding : request.values(HeaderId::kContentEncoding)) {
    if (!base::equals_ignoring_case(coding, "identity"))
      return ParseFailure{415, "Unsupported Content-Encoding"};
  }
  if (checks.content_types.empty()) return std::nullopt;
  const std::string type = request.media_type();
  if (contains(checks.content_types, type)) return std::nullopt;
  return ParseFailure{415, "Unsupported Media Type", HeaderId::kAccept, joined(checks.content_types)};
}

// Section 8.2.5 and 20.1: an answer will be SDP; the default, without Accept, is just that.
bool accepts_sdp(const Message& request) {
  if (!request.find(HeaderId::kAccept)) return true;
  for (const std::string_view range : request.values(HeaderId::kAccept)) {
    const std::string_view type = scan::trim(range.substr(0, range.find(';')));
    for (const std::string_view good : {"application/sdp", "application/*", "*/*"}) {
      if (base::equals_ignoring_case(type, good)) return true;
    }
  }
  return false;
}

}  // namespace

RequestChecks RequestChecks::defaults() {
  return {.extensions = kExtensions, .schemes = kSchemes, .content_types = {}, .forwarding = false};
}

std::optional<ParseFailure> check_request(const Message& request) {
  return check_request(request, RequestChecks::defaults());
}

std::optional<ParseFailure> check_request(const Message& request, const RequestChecks& checks) {
  if (!contains(checks.schemes, request.request_uri().scheme))
    return ParseFailure{416, "Unsupported URI Scheme"};
  // Section 10.3: an address of record is a SIP or SIPS URI.
  if (request.method() == Method::kRegister && !request.to().uri.is_sip()) {
    return ParseFailure{400, "To of REGISTER is not a SIP URI"};
  }
  if (checks.forwarding && request.max_forwards() == 0) return ParseFailure{483, "Too Many Hops"};
  // Section 8.2.2.3: neither CANCEL nor ACK is refused for an extension.
  if (request.method() != Method::kCancel && request.method() != Method::kAck) {
    if (auto failure = check_extensions(request, HeaderId::kRequire, checks.extensions)) return failure;
    if (checks.forwarding) {
      if (auto failure = check_extensions(request, HeaderId::kProxyRequire, checks.extensions))
        return failure;
    }
  }
  if (auto failure = check_addresses(request)) return failure;
  if (const Header* date = request.find(HeaderId::kDate); date && !valid_date(date->value)) {
    return ParseFailure{400, "Malformed Date"};
  }
  if (auto failure = check_content(request, checks)) return failure;
  if (request.method() == Method::kInvite && !accepts_sdp(request))
    return ParseFailure{406, "Not Acceptable"};
  return std::nullopt;
}

}  // namespace sip
