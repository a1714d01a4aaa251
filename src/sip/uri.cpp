#include "sip/uri.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "base/text.hpp"
#include "sip/scan.hpp"

namespace sip {
namespace {

constexpr std::size_t kMaxUri = 8192;
constexpr std::size_t kMaxUriParams = 64;  // comparing two URIs looks each up in the other
constexpr std::string_view kHexDigits = "0123456789ABCDEF";

int hex_value(char c) {
  if (scan::is_digit(c)) return c - '0';
  return base::to_lower(c) - 'a' + 10;
}

bool escape_at(std::string_view text, std::size_t i) {
  return text[i] == '%' && i + 2 < text.size() && scan::is_hex(text[i + 1]) && scan::is_hex(text[i + 2]);
}

// RFC 3261 section 19.1.4: a character is as good as its escape, except where it is a reserved one.
std::string normalized(std::string_view text) {
  static constexpr std::string_view kReserved = ";/?:@&=+$,%";
  std::string result;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!escape_at(text, i)) {
      result += text[i];
      continue;
    }
    const auto byte = static_cast<unsigned>(hex_value(text[i + 1]) << 4 | hex_value(text[i + 2]));
    if (kReserved.find(static_cast<char>(byte)) == std::string_view::npos) {
      result += static_cast<char>(byte);
    } else {
      result += '%';
      result += kHexDigits[byte >> 4];
      result += kHexDigits[byte & 15];
    }
    i += 2;
  }
  return result;
}

bool same(std::string_view a, std::string_view b) {
  return a == b || normalized(a) == normalized(b);
}
bool same_ignoring_case(std::string_view a, std::string_view b) {
  return base::equals_ignoring_case(a, b) || base::equals_ignoring_case(normalized(a), normalized(b));
}

// `params` starts with ';' or is empty. No name comes twice (RFC 3261 section 19.1.1) with different values: two readers
// could take different ones. The same again does no harm: baresip adds its account's ";transport=tcp" to what is dialled.
bool valid_uri_params(std::string_view params) {
  const Params all(params);
  std::size_t count = 0;
  while (!params.empty()) {
    params.remove_prefix(1);
    const std::string_view one = params.substr(0, params.find(';'));
    params.remove_prefix(one.size());
    if (++count > kMaxUriParams) return false;
    const std::size_t equals = one.find('=');
    const std::string_view name = one.substr(0, equals);
    if (name.empty() || !scan::escaped_run(name, scan::kUriParam)) return false;
    const auto first = all.find(name);
    if (!first) return false;
    if (equals == std::string_view::npos) {
      if (first->value) return false;
      continue;
    }
    const std::string_view value = one.substr(equals + 1);
    if (!first->value || !base::equals_ignoring_case(*first->value, value)) return false;
    if (value.empty() || !scan::escaped_run(value, scan::kUriParam)) return false;
  }
  return true;
}

std::vector<std::string> header_set(std::string_view headers) {
  std::vector<std::string> result;
  while (!headers.empty()) {
    const std::string_view one = headers.substr(0, headers.find('&'));
    headers.remove_prefix(std::min(one.size() + 1, headers.size()));
    const std::size_t equals = std::min(one.find('='), one.size());
    result.push_back(base::to_lower(normalized(one.substr(0, equals))) + normalized(one.substr(equals)));
  }
  std::ranges::sort(result);
  return result;
}

bool params_match(const Params& a, const Params& b) {
  for (const std::string_view name : {"user", "ttl", "method", "maddr", "transport"}) {
    if (a.has(name) != b.has(name)) return false;
  }
  bool equal = true;
  a.for_each([&](const Param& param) {
    const auto other = b.find(param.name);
    if (!equal || !other) return;
    equal = param.value.has_value() == other->value.has_value() &&
            same_ignoring_case(param.value.value_or(""), other->value.value_or(""));
  });
  return equal;
}

// What stands before a name-addr's '<': tokens and white space, and UTF-8 that some write without quotes.
std::size_t skip_display_tokens(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size() && (scan::is(text[at], scan::kToken) || scan::is_space(text[at]) ||
                              static_cast<unsigned char>(text[at]) >= 0x80)) {
    ++at;
  }
  return at;
}

}  // namespace

bool Params::next(std::string_view& rest, Param& param) {
  std::size_t at = 0;
  while (at < rest.size() && (scan::is_space(rest[at]) || rest[at] == ';')) ++at;
  const std::size_t name = at;
  while (at < rest.size() && rest[at] != ';' && rest[at] != '=' && !scan::is_space(rest[at])) ++at;
  param.name = rest.substr(name, at - name);
  param.value.reset();
  at = scan::skip_space(rest, at);
  if (at < rest.size() && rest[at] == '=') {
    at = scan::skip_space(rest, at + 1);
    const std::size_t value = at;
    if (at < rest.size() && rest[at] == '"') {
      at = std::min(scan::skip_quoted(rest, at), rest.size());
    } else {
      while (at < rest.size() && rest[at] != ';' && !scan::is_space(rest[at])) ++at;
    }
    param.value = rest.substr(value, at - value);
  }
  const bool found = !param.name.empty() || param.value.has_value();
  rest.remove_prefix(at);
  return found;
}

std::optional<Param> Params::find(std::string_view name) const {
  std::string_view rest = text_;
  Param param;
  while (next(rest, param)) {
    if (base::equals_ignoring_case(param.name, name)) return param;
  }
  return std::nullopt;
}

std::string_view Params::value(std::string_view name) const {
  const auto param = find(name);
  return param && param->value ? *param->value : std::string_view{};
}

bool Uri::is_sip() const {
  return base::equals_ignoring_case(scheme, "sip") || is_sips();
}
bool Uri::is_sips() const {
  return base::equals_ignoring_case(scheme, "sips");
}

base::Result<Uri> Uri::parse(std::string_view text) {
  if (text.size() > kMaxUri) return base::fail(base::ErrorCode::kTooLarge, "URI too long");
  Uri uri;
  uri.text = text;
  const std::size_t colon = scan::skip(text, 0, scan::kScheme);
  if (colon == 0 || colon >= text.size() || text[colon] != ':' || !scan::is_alpha(text[0])) {
    return base::malformed("no URI scheme");
  }
  uri.scheme = text.substr(0, colon);
  std::string_view rest = text.substr(colon + 1);
  if (!uri.is_sip()) {
    for (const char c : rest) {
      if (c <= ' ' || c >= 0x7f || c == '<' || c == '>' || c == '"')
        return base::malformed("wrong character in URI");
    }
    if (rest.empty()) return base::malformed("empty URI");
    uri.opaque = rest;
    return uri;
  }
  // '@' may stand nowhere else unescaped, while ';' and '?' may stand in the user part.
  if (const std::size_t at = rest.find('@'); at != std::string_view::npos) {
    const std::string_view info = rest.substr(0, at);
    const std::size_t password = info.find(':');
    uri.user = info.substr(0, password);
    if (password != std::string_view::npos) uri.password = info.substr(password + 1);
    if (uri.user.empty() || !scan::escaped_run(uri.user, scan::kUser))
      return base::malformed("wrong user in URI");
    if (!scan::escaped_run(uri.password, scan::kPassword)) return base::malformed("wrong password in URI");
    rest.remove_prefix(at + 1);
  }
  const std::size_t host = scan::skip_host(rest, 0);
  if (host == std::string_view::npos) return base::malformed("wrong host in URI");
  uri.host = rest.substr(0, host);
  rest.remove_prefix(host);
  if (!rest.empty() && rest.front() == ':') {
    const std::string_view digits = rest.substr(1, rest.find_first_of(";?") - 1);
    uri.port = scan::parse_port(digits);
    if (uri.port == 0) return base::malformed("wrong port in URI");
    rest.remove_prefix(digits.size() + 1);
  }
  const std::size_t question = std::min(rest.find('?'), rest.size());
  const std::string_view params = rest.substr(0, question);
  if ((!params.empty() && params.front() != ';') || !valid_uri_params(params)) {
    return base::malformed("wrong parameters in URI");
  }
  uri.params = Params(params);
  if (question < rest.size()) {
    uri.headers = rest.substr(question + 1);
    if (uri.headers.empty() || !scan::escaped_run(uri.headers, scan::kUriHeader)) {
      return base::malformed("wrong headers in URI");
    }
  }
  return uri;
}

bool equivalent(const Uri& a, const Uri& b) {
  if (!base::equals_ignoring_case(a.scheme, b.scheme)) return false;
  if (!a.is_sip()) return a.opaque == b.opaque;
  return same(a.user, b.user) && same(a.password, b.password) && base::equals_ignoring_case(a.host, b.host) &&
         a.port == b.port && params_match(a.params, b.params) && params_match(b.params, a.params) &&
         (a.headers == b.headers || header_set(a.headers) == header_set(b.headers));
}

std::string unescape(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (escape_at(text, i)) {
      result += static_cast<char>(hex_value(text[i + 1]) << 4 | hex_value(text[i + 2]));
      i += 2;
    } else {
      result += text[i];
    }
  }
  return result;
}

std::string escape_user(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (const char c : text) {
    if (scan::is(c, scan::kUser) && c != '#') {
      result += c;
    } else {
      const auto byte = static_cast<std::uint8_t>(c);
      result += '%';
      result += kHexDigits[byte >> 4];
      result += kHexDigits[byte & 15];
    }
  }
  return result;
}

std::string NameAddr::display() const {
  std::string result;
  const bool quoted = display_name.size() >= 2 && display_name.front() == '"';
  const std::string_view text = quoted ? display_name.substr(1, display_name.size() - 2) : display_name;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r' || text[i] == '\n') continue;  // a fold: its white space stays
    if (quoted && text[i] == '\\' && i + 1 < text.size()) ++i;
    result += text[i];
  }
  return result;
}

base::Result<NameAddr> NameAddr::parse(std::string_view text) {
  text = scan::trim(text);
  NameAddr result;
  std::size_t open;
  if (!text.empty() && text.front() == '"') {
    const std::size_t end = scan::skip_quoted(text, 0);
    if (end == std::string_view::npos) return base::malformed("unbalanced quotes");
    result.display_name = text.substr(0, end);
    open = scan::skip_space(text, end);
    if (open >= text.size() || text[open] != '<') return base::malformed("no address after display name");
  } else {
    open = skip_display_tokens(text);
    if (open < text.size() && text[open] == '<') result.display_name = scan::trim(text.substr(0, open));
  }
  std::string_view rest;
  if (open < text.size() && text[open] == '<') {
    const std::size_t close = text.find('>', open);
    if (close == std::string_view::npos) return base::malformed("unbalanced angle brackets");
    result.uri_text = text.substr(open + 1, close - open - 1);
    rest = text.substr(close + 1);
  } else {
    // Without brackets what follows ';' belongs to the header, and '?' and ',' may not occur (section 20.10).
    std::size_t end = 0;
    while (end < text.size() && text[end] != ';' && !scan::is_space(text[end])) ++end;
    result.uri_text = text.substr(0, end);
    rest = text.substr(end);
    if (result.uri_text.find_first_of(",?") != std::string_view::npos)
      return base::malformed("address needs brackets");
  }
  auto uri = Uri::parse(result.uri_text);
  if (!uri) return std::unexpected(std::move(uri.error()));
  result.uri = *uri;
  if (!scan::valid_header_params(rest)) return base::malformed("wrong header parameters");
  result.params = Params(scan::trim(rest));
  return result;
}

std::string quote(std::string_view text) {
  std::string result = "\"";
  result.reserve(text.size() + 2);
  for (const char c : text) {
    if (c == '\r' || c == '\n' || c == '\0') continue;
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  result += '"';
  return result;
}

}  // namespace sip
