// /api-tokens: the API's own keys.
#include "api/rest_route.hpp"

namespace api {
namespace {

RestJson to_json(const ApiToken& token) {
  RestJson scopes = RestJson::array();
  const auto words = to_string(token.scopes);
  for (std::size_t at = 0; at < words.size();) {
    const auto end = std::min(words.find(' ', at), words.size());
    scopes.push_back(words.substr(at, end - at));
    at = end + 1;
  }
  return {{"id", token.id}, {"name", token.name}, {"scopes", std::move(scopes)}, {"created", rest_time(token.created)}};
}

void list(const RestBackend& backend, const RestCallPtr& call) {
  auto all = RestJson::array();
  for (const auto& token : backend.store->tokens().all()) all.push_back(to_json(token));
  call->answer.send(rest_answer(200, {{"apiTokens", std::move(all)}}));
}

void make(const RestBackend& backend, const RestCallPtr& call) {
  std::string words;
  for (const auto& scope : call->body["scopes"]) words += scope.get<std::string>() + " ";
  const auto scopes = parse_scopes(words);
  if (!scopes) return call->answer.send(rest_problem(400, "bad-scope", scopes.error().detail));
  auto made = make_api_token(call->text("name"), *scopes, std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()));
  if (!made) return call->answer.send(rest_problem(made.error(), {}));
  backend.store->run([store = backend.store.get(), call, made = std::move(*made)](store::Store& database) {
    if (store->tokens().all().size() >= ApiTokens::kMax) return call->answer.send(rest_problem(409, "too-many-tokens", "revoke a token before another is made"));
    if (auto added = database.add_api_token(made.record); !added) return call->answer.send(rest_problem(added.error(), {}));
    if (auto read = store->reload_tokens(); !read) return call->answer.send(rest_problem(read.error(), {}));
    const auto& r = made.record;
    auto json = to_json({r.id, r.name, r.hash, *parse_scopes(r.scopes), r.created});
    json["token"] = made.token;
    call->answer.send(rest_answer(201, json).header("Location", "/api/v1/api-tokens/" + r.id));
  });
}

void revoke(const RestBackend& backend, const RestCallPtr& call) {
  backend.store->run([store = backend.store.get(), call](store::Store& database) {
    if (auto removed = database.remove_api_token(call->path[0]); !removed) {
      const bool unknown = removed.error().code == base::ErrorCode::kNotFound;
      return call->answer.send(unknown ? rest_problem(404, "unknown-token", "there is no API token of that id") : rest_problem(removed.error(), {}));
    }
    if (auto read = store->reload_tokens(); !read) return call->answer.send(rest_problem(read.error(), {}));
    call->answer.send(rest_no_content());
  });
}

}  // namespace

void add_token_routes(std::vector<RestRoute>& routes, const RestBackend& backend) {
  routes.push_back({.method = "GET", .path = "/api-tokens", .scope = scope::kAdmin, .operation = "listApiTokens", .tag = "api-tokens",
                    .summary = "The API's tokens", .result = "ApiTokenList",
                    .handler = [&backend](const RestCallPtr& call) { list(backend, call); }});
  routes.push_back({.method = "POST", .path = "/api-tokens", .scope = scope::kAdmin, .operation = "makeApiToken", .tag = "api-tokens",
                    .summary = "Make a token", .description = "The answer holds the secret, once.", .body = "NewApiToken", .result = "MadeApiToken", .success = 201,
                    .failures = {{409, "There are too many tokens."}}, .handler = [&backend](const RestCallPtr& call) { make(backend, call); }});
  routes.push_back({.method = "DELETE", .path = "/api-tokens/{token}", .scope = scope::kAdmin, .operation = "revokeApiToken", .tag = "api-tokens",
                    .summary = "Revoke a token", .description = "From then on it opens nothing, and its event streams end.", .success = 204,
                    .failures = {{404, "There is no such token."}}, .handler = [&backend](const RestCallPtr& call) { revoke(backend, call); }});
}

}  // namespace api
