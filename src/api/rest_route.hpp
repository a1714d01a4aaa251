// One route of the REST API: what it is called by, what it takes and gives, and who may. The server's table of them and the
// description at /api/openapi.json are the same thing.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "api/rest_store.hpp"
#include "api/rest_token.hpp"
#include "api/webphone_api.hpp"
#include "net/http.hpp"
#include "store/message_store.hpp"

namespace api {

using RestJson = nlohmann::ordered_json;
class EventStream;

// An error (RFC 9457) with a `reason` for programs: a word that stays, such as "unknown-room".
net::HttpResponse rest_problem(int status, std::string_view reason, std::string_view detail);
net::HttpResponse rest_answer(int status, const RestJson& json);
net::HttpResponse rest_no_content();
net::HttpResponse rest_problem(const base::Error& error, std::string_view not_found_reason);
// "2026-01-02T03:04:05.678Z" (RFC 3339).
std::string rest_time(base::WallTime time);
std::optional<base::WallTime> read_rest_time(std::string_view text);

// Where the answer goes. Whoever lets it go without one has it answered 503: a full queue, or work that ended with the server.
class RestAnswer {
 public:
  explicit RestAnswer(net::HttpRespond respond) : respond_(std::move(respond)) {}
  ~RestAnswer();
  RestAnswer(const RestAnswer&) = delete;
  void send(net::HttpResponse response);

 private:
  net::HttpRespond respond_;
};

// A request that was let in: its scope, query and body are as the route has them. Handed from thread to thread, one at a time.
struct RestCall {
  explicit RestCall(net::HttpRespond respond) : answer(std::move(respond)) {}
  net::HttpRequest request;
  std::vector<std::string> path;                 // the values of the path's parameters, decoded
  std::map<std::string, std::string> query;      // decoded
  RestJson body;
  std::shared_ptr<const ApiToken> token;
  RestAnswer answer;

  std::string text(const char* member) const { return body.value(member, std::string()); }
  std::optional<std::uint64_t> number(const char* parameter) const;
};
using RestCallPtr = std::shared_ptr<RestCall>;

struct RestParameter {
  enum class Type { kText, kInteger, kTime };
  std::string name{}, description{};
  Type type = Type::kText;
  std::uint64_t minimum = 0, maximum = UINT64_MAX;   // of an integer
};

struct RestRoute {
  std::string method{}, path{};                  // "/rooms/{room}", behind /api/v1
  Scopes scope = scope::kNone;                   // none: any token
  std::string operation{}, tag{}, summary{}, description{};
  std::vector<RestParameter> query{};
  std::string body{}, result{};                  // names of schemas; "" : none
  int success = 200;
  std::vector<std::pair<int, std::string>> failures{}; // beyond those that every route has
  std::function<void(RestCallPtr)> handler{};    // on an I/O thread: must not wait
};

// What the routes work with. What is null leaves its routes out.
struct RestBackend {
  OnPbx on_pbx;
  std::shared_ptr<RestStore> store;                   // always there
  std::shared_ptr<EventStream> events;
  store::MessageStore* messages = nullptr;            // outlives the routes
  const pbx::TokenKeys* webphone_keys = nullptr;
  std::string realm = "parley", version;
};

void add_token_routes(std::vector<RestRoute>& routes, const RestBackend& backend);
void add_account_routes(std::vector<RestRoute>& routes, const RestBackend& backend);
void add_trunk_routes(std::vector<RestRoute>& routes, const RestBackend& backend);
void add_line_routes(std::vector<RestRoute>& routes, const RestBackend& backend);
void add_room_routes(std::vector<RestRoute>& routes, const RestBackend& backend);
void add_message_routes(std::vector<RestRoute>& routes, const RestBackend& backend);
void add_supervision_routes(std::vector<RestRoute>& routes, const RestBackend& backend);
void add_call_routes(std::vector<RestRoute>& routes, const RestBackend& backend);
void add_event_routes(std::vector<RestRoute>& routes, const RestBackend& backend);
void add_status_routes(std::vector<RestRoute>& routes, const RestBackend& backend);

}  // namespace api
