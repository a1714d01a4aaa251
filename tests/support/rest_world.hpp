// The REST API over a PBX in virtual time and a database in a folder of the test's own.
#pragma once

#include <future>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "api/event_source.hpp"
#include "api/event_stream.hpp"
#include "api/rest.hpp"
#include "support/memory_message_store.hpp"
#include "support/pbx_world.hpp"
#include "support/temporary_directory.hpp"

namespace test_support {

struct RestResponse {
  int status = 0;
  net::HttpHeaders headers;
  std::string text;
  nlohmann::ordered_json json;
  std::shared_ptr<net::HttpStream> stream;
  std::string header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
      if (base::equals_ignoring_case(key, name)) return value;
    }
    return {};
  }
  std::string reason() const { return json.is_object() ? json.value("reason", std::string()) : std::string(); }
  // What has come so far; takes it.
  std::string events() const {
    std::vector<base::SharedBytes> pieces;
    if (stream) stream->take(pieces);
    std::string all;
    for (const auto& piece : pieces) all += *piece;
    return all;
  }
};

struct RestRequest {
  std::string method, target, token;
  std::string body{};
  net::HttpHeaders headers{};
};

class RestWorld {
 public:
  explicit RestWorld(pbx::PbxConfig config = {}, api::RestLimits limits = {}) : world(with_store(std::move(config))) {
    store = std::move(*api::RestStore::open(folder.path("data")));
    events = std::make_shared<api::EventStream>();
    source = std::make_unique<api::EventSource>(*events, world.timeline);
    world.pbx.set_observer(*source);
    rest = std::make_unique<api::RestApi>(
        api::RestBackend{.on_pbx = [this](std::function<void(pbx::Pbx&)> work) { on_pbx(std::move(work)); }, .store = store, .events = events,
                         .messages = &messages, .webphone_keys = &keys, .realm = "parley", .version = "1.2.3"},
        limits);
    admin = token("admin");
  }
  ~RestWorld() {
    rest.reset();
    events->close();
  }

  // A token with those scopes, in the store.
  std::string token(std::string_view scopes, const std::string& name = "test") {
    const auto made = *api::make_api_token(name, *api::parse_scopes(scopes), {});
    std::promise<void> done;
    EXPECT_TRUE(store->run([&](store::Store& database) {
      EXPECT_TRUE(database.add_api_token(made.record));
      EXPECT_TRUE(store->reload_tokens());
      done.set_value();
    }));
    done.get_future().wait();
    return made.token;
  }

  RestResponse ask(RestRequest wanted) {
    net::HttpRequest request;
    request.method = wanted.method;
    request.target = wanted.target;
    const auto question = wanted.target.find('?');
    request.path = net::percent_decode(wanted.target.substr(0, question)).value_or("");
    if (question != std::string::npos) request.query = wanted.target.substr(question + 1);
    request.headers = std::move(wanted.headers);
    request.remote = remote;
    if (!wanted.token.empty()) request.headers.emplace_back("Authorization", "Bearer " + wanted.token);
    if (!wanted.body.empty() && request.header("Content-Type").empty()) request.headers.emplace_back("Content-Type", "application/json");
    request.body = std::move(wanted.body);
    auto promise = std::make_shared<std::promise<net::HttpResponse>>();
    auto answer = promise->get_future();
    rest->handle(std::move(request), [promise](net::HttpResponse response) { promise->set_value(std::move(response)); });
    // Work for the PBX is done here, whoever asked for it.
    for (int i = 0; i < 5000 && answer.wait_for(std::chrono::milliseconds(0)) != std::future_status::ready; ++i) {
      pump();
      answer.wait_for(std::chrono::milliseconds(1));
    }
    pump();
    world.settle();
    if (answer.wait_for(std::chrono::milliseconds(0)) != std::future_status::ready) return {};
    auto response = answer.get();
    RestResponse result{.status = response.status, .headers = response.headers, .text = response.body ? *response.body : "", .json = {}, .stream = response.stream};
    result.json = nlohmann::ordered_json::parse(result.text, nullptr, false);
    return result;
  }
  RestResponse get(const std::string& path) { return ask({.method = "GET", .target = "/api/v1" + path, .token = admin}); }
  RestResponse remove(const std::string& path) { return ask({.method = "DELETE", .target = "/api/v1" + path, .token = admin}); }
  RestResponse post(const std::string& path, const nlohmann::ordered_json& body = nullptr) {
    return ask({.method = "POST", .target = "/api/v1" + path, .token = admin, .body = body.is_null() ? "" : body.dump()});
  }
  RestResponse put(const std::string& path, const nlohmann::ordered_json& body) {
    return ask({.method = "PUT", .target = "/api/v1" + path, .token = admin, .body = body.dump()});
  }

  // Does what was asked of the PBX.
  void pump() {
    for (;;) {
      std::function<void(pbx::Pbx&)> next;
      {
        const std::lock_guard lock(mutex_);
        if (work_.empty()) return;
        next = std::move(work_.front());
        work_.pop_front();
      }
      next(world.pbx);
      world.settle();
    }
  }

  test::TemporaryDirectory folder;
  test::MemoryMessageStore messages;
  pbx::TokenKeys keys = *pbx::TokenKeys::make(std::string(40, 'k'), {});
  PbxWorld world;
  std::shared_ptr<api::RestStore> store;
  std::shared_ptr<api::EventStream> events;
  std::unique_ptr<api::EventSource> source;
  std::unique_ptr<api::RestApi> rest;
  std::string admin;
  base::SocketAddress remote = *base::SocketAddress::parse("203.0.113.9", 4000);
  bool full = false;                       // the PBX takes no more work

 private:
  pbx::PbxConfig with_store(pbx::PbxConfig config) {
    config.rooms.store = &messages;
    if (!config.rooms.profile) config.rooms.profile = [](std::string_view) { return conference::RoomProfile{.history = true}; };
    config.lines.push_back({.name = "Webphone1"});
    return config;
  }
  void on_pbx(std::function<void(pbx::Pbx&)> work) {
    if (full) return;
    const std::lock_guard lock(mutex_);
    work_.push_back(std::move(work));
  }
  std::mutex mutex_;
  std::deque<std::function<void(pbx::Pbx&)>> work_;
};

}  // namespace test_support
