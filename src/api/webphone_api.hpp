// What a webphone asks before it opens its socket: POST /api/webphone/connect, for pages of other origins too (CORS).
#pragma once

#include <functional>
#include <string>

#include "net/http.hpp"
#include "pbx/pbx.hpp"

namespace api {

// Runs work on the thread of the PBX.
using OnPbx = std::function<void(std::function<void(pbx::Pbx&)>)>;

// An error as RFC 9457 has it.
net::HttpResponse problem(int status, std::string_view title, std::string_view detail);

// Any thread. Nothing ambient counts as a credential: no cookie is read or set.
class WebphoneApi {
 public:
  static constexpr std::size_t kMaxBody = 16 * 1024;

  WebphoneApi(OnPbx on_pbx, std::string realm, std::string websocket_path)
      : on_pbx_(std::move(on_pbx)), realm_(std::move(realm)), websocket_path_(std::move(websocket_path)) {}

  static bool is_for(const net::HttpRequest& request) { return request.path.starts_with("/api/webphone/"); }
  void handle(const net::HttpRequest& request, net::HttpRespond respond) const;

 private:
  OnPbx on_pbx_;
  std::string realm_, websocket_path_;
};

}  // namespace api
