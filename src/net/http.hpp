// HTTP requests and responses as plain values.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/bytes.hpp"

namespace net {

class HttpStream;

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method;                 // "GET", as sent
  std::string target;                 // as sent
  std::string path;                   // percent-decoded, begins with '/'; "" for "*"
  std::string query;                  // after '?', as sent
  HttpHeaders headers;
  std::string body;
  base::SocketAddress remote;         // who asks: where a trusted proxy handed it on, whom that one names
  base::SocketAddress local;
  bool secure = false;                // came over TLS
  bool http10 = false;

  std::string_view header(std::string_view name) const;              // the first, any case; "" when absent
  bool header_lists(std::string_view name, std::string_view token) const;   // in a comma-separated list, without case
};

struct HttpResponse {
  int status = 200;
  HttpHeaders headers;                // Content-Length, Date and Connection are written by the server
  base::SharedBytes body;             // may be null
  std::shared_ptr<HttpStream> stream{};   // not null: the rest of the body, until its end (http_stream.hpp)

  static HttpResponse text(int status, std::string_view body);       // text/plain, with nosniff
  HttpResponse& header(std::string name, std::string value) {
    headers.emplace_back(std::move(name), std::move(value));
    return *this;
  }
};

// Once, from any thread; later calls, and calls after the connection closed, do nothing.
using HttpRespond = std::function<void(HttpResponse)>;

std::string_view http_reason(int status);
// %HH decoded; empty for a wrong escape or a NUL byte in it.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space = false);
// The value of `name` in a query or form ("a=1&b=2"), decoded; empty when absent.
std::optional<std::string> query_value(std::string_view query, std::string_view name);

}  // namespace net
