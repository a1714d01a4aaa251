// What RFC 3261 section 8.2 has a server check of every request beyond its grammar, before anybody acts on
// it. Pure functions; any thread. 405 (method), 401 and 407 belong to who knows the methods and accounts.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "sip/message.hpp"

namespace sip {

struct RequestChecks {
  // Option tags that Require may name (section 8.2.2.3).
  std::span<const std::string_view> extensions;
  // Schemes that the Request-URI may have, lower case (section 8.2.2.1).
  std::span<const std::string_view> schemes;
  // Media types, lower case, that the body may have (section 8.2.3); empty: whoever takes the request
  // decides.
  std::span<const std::string_view> content_types;
  // The request will be passed on: Max-Forwards 0 is 483 and Proxy-Require counts (section 16.3).
  bool forwarding = false;

  static RequestChecks defaults();  // what Parley's user agent supports, any content type
};

// Empty: the request may be taken. Otherwise what to answer (by start_response(), with the failure's header
// added); an ACK that fails is dropped. Checks Require, Proxy-Require, the schemes of Request-URI and of
// REGISTER's To, the grammar of Contact, Route, Record-Route and Date, content type and encoding, Accept of
// an INVITE, and Max-Forwards.
std::optional<ParseFailure> check_request(const Message& request);
std::optional<ParseFailure> check_request(const Message& request, const RequestChecks& checks);

}  // namespace sip
