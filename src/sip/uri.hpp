// SIP, SIPS and TEL URIs (RFC 3261 section 19.1, RFC 3966), as views into the text they were parsed from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace sip {

// One `;name=value` or `;name`; views, as written.
struct Param {
  std::string_view name;
  std::optional<std::string_view> value;  // a quoted string with its quotes
};

// Parameters kept as their text (";a=b;c"), searched at need: most are never asked for.
class Params {
 public:
  Params() = default;
  explicit Params(std::string_view text) : text_(text) {}
  std::string_view text() const { return text_; }
  bool empty() const { return text_.empty(); }
  bool has(std::string_view name) const { return find(name).has_value(); }
  std::optional<Param> find(std::string_view name) const;   // name without regard to case
  std::string_view value(std::string_view name) const;      // "" when absent or without a value
  // Calls f(Param) for each, in order.
  template <typename F>
  void for_each(F&& f) const {
    std::string_view rest = text_;
    Param param;
    while (next(rest, param)) f(param);
  }

 private:
  static bool next(std::string_view& rest, Param& param);
  std::string_view text_;
};

// Views: valid as long as the text is. `Uri` of a tel: or other scheme has only scheme and opaque.
struct Uri {
  std::string_view text;      // the whole
  std::string_view scheme;    // as written; compare without case
  std::string_view user;      // escaped, as written
  std::string_view password;
  std::string_view host;      // IPv6 in brackets
  std::uint16_t port = 0;     // 0: none written
  Params params;
  std::string_view headers;   // after '?', without it
  std::string_view opaque;    // all after the scheme's colon, for schemes other than sip and sips

  bool is_sip() const;        // sip or sips
  bool is_sips() const;

  static base::Result<Uri> parse(std::string_view text);
};

// RFC 3261 19.1.4: equality as the RFC defines it (escapes, parameter rules, headers).
bool equivalent(const Uri& a, const Uri& b);

std::string unescape(std::string_view text);      // %HH -> byte; a wrong escape is kept as it is
std::string escape_user(std::string_view text);   // what `user` may not hold becomes %HH

// name-addr or addr-spec with header parameters: From, To, Contact, Route ... (RFC 3261 section 20.10).
struct NameAddr {
  std::string_view display_name;   // raw: a quoted string keeps its quotes and escapes
  std::string_view uri_text;
  Uri uri;
  Params params;                   // header parameters (tag, expires, q ...)

  std::string_view tag() const { return params.value("tag"); }
  std::string display() const;     // unquoted and unescaped, not yet cleaned
  static base::Result<NameAddr> parse(std::string_view text);
};

std::string quote(std::string_view text);         // as a quoted-string, with \" and \\ escaped

}  // namespace sip
