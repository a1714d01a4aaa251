// The REST API: /api/v1/..., and its description at /api/openapi.json.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "api/rest_route.hpp"
#include "base/rate_limit.hpp"

namespace api {

struct RestLimits {
  double requests_per_second = 100, request_burst = 200;     // of one token
  double wrong_tokens_per_minute = 30;                       // from one IP address
  std::size_t body = 256 * 1024;
};

// Any thread. A bearer token is the only credential: no cookie is read or set, and no page of another origin may read an
// answer (no CORS).
class RestApi {
 public:
  explicit RestApi(RestBackend backend, RestLimits limits = {});

  static bool is_for(std::string_view path) { return path == "/api/openapi.json" || path == "/api/v1" || path.starts_with("/api/v1/"); }
  // A stranger's body is not waited for.
  std::size_t body_limit(const net::HttpRequest& header) const;
  static net::HttpResponse too_large();
  void handle(net::HttpRequest request, net::HttpRespond respond);
  const std::vector<RestRoute>& routes() const { return routes_; }

 private:
  struct Match {
    const RestRoute* route = nullptr;
    std::vector<std::string> values;
    std::string allowed;                         // methods of the path, where there is such a path
  };
  std::optional<net::HttpResponse> authenticate(RestCall& call);
  bool over_wrong_tokens(const base::SocketAddress& remote);
  bool over_rate(const std::string& token_id);
  // HEAD is GET without the body (RFC 9110 section 9.3.2), which the connection leaves out.
  Match match(std::string_view method, std::string_view target) const;
  std::optional<net::HttpResponse> admit(const Match& match, RestCall& call);

  const RestBackend backend_;
  const RestLimits limits_;
  std::vector<RestRoute> routes_;
  base::SharedBytes description_;
  std::mutex mutex_;
  std::unordered_map<base::SocketAddress, base::TokenBucket> wrong_;   // by SocketAddress::network(); bounded
  std::unordered_map<std::string, base::TokenBucket> rates_;           // by token; bounded
};

}  // namespace api
