// What a webphone asks by HTTP, for pages of other origins too (CORS). Before it opens its socket: POST /api/webphone/connect. Signed in,
// with "Authorization: Bearer NUMBER.SECRET" of what connect gave ("bearer"):
//   GET  directory                          {"extensions":[{"id","type","displayName","online"}],"outsideLines":[...],"users":[...]}
//   GET  history[?extension=N][&before=T]   call records, the newest first
//   POST sessions/ID/ACTION                 blindTransfer {transferor, phoneNumber}, close, hangup, forward {phoneNumber}, hold, unhold,
//                                           sendDtmf {key, phoneNumber}, startListen, stopListen
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "net/http.hpp"
#include "pbx/pbx.hpp"

namespace api {

// Runs work on the thread of the PBX.
using OnPbx = std::function<void(std::function<void(pbx::Pbx&)>)>;

// An error as RFC 9457 has it.
net::HttpResponse problem(int status, std::string_view title, std::string_view detail);
net::HttpResponse json_response(int status, const nlohmann::ordered_json& json);
// An object out of what a stranger has sent; null: it is none, or too deep.
nlohmann::ordered_json read_json_object(std::string_view text);

// Any thread. Nothing ambient counts as a credential: no cookie is read or set.
class WebphoneApi {
 public:
  static constexpr std::size_t kMaxBody = 16 * 1024;

  WebphoneApi(OnPbx on_pbx, std::string realm, std::string websocket_path)
      : on_pbx_(std::move(on_pbx)), realm_(std::move(realm)), websocket_path_(std::move(websocket_path)) {}

  static bool is_for(const net::HttpRequest& request) { return request.path.starts_with("/api/webphone/"); }
  static net::HttpResponse too_large(const net::HttpRequest& header);
  void handle(const net::HttpRequest& request, net::HttpRespond respond) const;

 private:
  using Answer = std::function<void(net::HttpResponse)>;
  void connect(const net::HttpRequest& request, const Answer& answer) const;
  // webphone_requests.cpp: of those who are signed in.
  void ask(const net::HttpRequest& request, const Answer& answer) const;

  OnPbx on_pbx_;
  std::string realm_, websocket_path_;
};

}  // namespace api
