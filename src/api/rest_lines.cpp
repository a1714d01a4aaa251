// /lines: webphone lines, and tokens for their pages.
#include "api/rest_route.hpp"
#include "base/text.hpp"

namespace api {
namespace {

constexpr std::uint64_t kTokenSeconds = 300;

std::string_view access_name(pbx::LineConfig::Access access) {
  switch (access) {
    case pbx::LineConfig::Access::kOpen: return "open";
    case pbx::LineConfig::Access::kPassword: return "password";
    case pbx::LineConfig::Access::kToken: return "token";
  }
  return "token";
}

void list(const RestBackend& backend, const RestCallPtr& call) {
  backend.on_pbx([call](pbx::Pbx& pbx) {
    auto all = RestJson::array();
    for (const auto& line : pbx.webphone().lines()) {
      auto clients = RestJson::array();
      for (const auto* client : pbx.webphone().online(line.name)) clients.push_back({{"number", client->number}, {"displayName", client->display_name}});
      all.push_back({{"name", line.name}, {"access", access_name(line.access)}, {"origins", line.origins}, {"clients", std::move(clients)}});
    }
    call->answer.send(rest_answer(200, {{"lines", std::move(all)}}));
  });
}

void issue(const RestBackend& backend, const RestCallPtr& call) {
  pbx::TokenClaims claims{.line = {}, .display_name = call->text("displayName"), .room = call->text("room"), .may = {}, .expires = {}};
  if (base::clean_display_name(claims.display_name) != claims.display_name) {
    return call->answer.send(rest_problem(400, "bad-display-name", "a display name has no control characters and no white space around it"));
  }
  if (const auto privileges = call->body.find("privileges"); privileges != call->body.end()) {
    claims.may = pbx::Privileges::none();
    for (const auto& one : *privileges) {
      if (!pbx::add_privilege(one.get<std::string>(), claims.may)) return call->answer.send(rest_problem(400, "bad-body", "there is no privilege " + one.dump()));
    }
  }
  const auto now = std::chrono::system_clock::now();
  claims.expires = now + std::chrono::seconds(call->body.value("seconds", kTokenSeconds));
  backend.on_pbx([call, claims, now, keys = backend.webphone_keys](pbx::Pbx& pbx) mutable {
    const auto* line = pbx.webphone().find_line(call->path[0]);
    if (!line) return call->answer.send(rest_problem(404, "unknown-line", "there is no webphone line of that name"));
    claims.line = line->name;
    const auto token = keys->sign(claims, now);
    if (!token) return call->answer.send(rest_problem(token.error(), {}));
    call->answer.send(rest_answer(201, {{"token", *token}, {"expires", rest_time(std::chrono::floor<std::chrono::seconds>(claims.expires))}}));
  });
}

}  // namespace

void add_line_routes(std::vector<RestRoute>& routes, const RestBackend& backend) {
  routes.push_back({.method = "GET", .path = "/lines", .scope = scope::kLinesRead, .operation = "listLines", .tag = "lines",
                    .summary = "Webphone lines, and who is there", .result = "LineList",
                    .handler = [&backend](const RestCallPtr& call) { list(backend, call); }});
  // Without a secret of ours there is nothing to sign with.
  if (!backend.webphone_keys || !backend.webphone_keys->sign({.line = "x", .display_name = {}, .room = {}, .may = {}, .expires = {}}, {})) return;
  routes.push_back({.method = "POST", .path = "/lines/{line}/tokens", .scope = scope::kLines, .operation = "issueWebphoneToken", .tag = "lines",
                    .summary = "Issue a token for a page", .description = "With it a page connects to the line, as `line` or as its password. Ask for it in your own server and hand it to the page.",
                    .body = "NewWebphoneToken", .result = "WebphoneToken", .success = 201, .failures = {{404, "There is no such line."}},
                    .handler = [&backend](const RestCallPtr& call) { issue(backend, call); }});
}

}  // namespace api
