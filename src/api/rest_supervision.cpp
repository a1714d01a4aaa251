// /queues, and what is done to calls of two from outside.
#include "api/event_source.hpp"
#include "api/rest_route.hpp"

namespace api {
namespace {

using Kind = pbx::SessionAction::Kind;

void queues(const RestBackend& backend, const RestCallPtr& call) {
  backend.on_pbx([call](pbx::Pbx& pbx) {
    auto all = RestJson::array();
    for (const auto& queue : pbx.list_queues()) {
      auto waiting = RestJson::array();
      for (const auto& info : queue.waiting) waiting.push_back(rest_json(info));
      all.push_back({{"name", queue.name}, {"agents", queue.agents}, {"waiting", std::move(waiting)}});
    }
    call->answer.send(rest_answer(200, {{"queues", std::move(all)}}));
  });
}

// `there`: it is not the call that was not found.
net::HttpResponse refusal(const base::Error& error, bool there) {
  switch (error.code) {
    case base::ErrorCode::kNotFound: return rest_problem(404, there ? "unreachable" : "unknown-call", error.detail);
    case base::ErrorCode::kDenied: return rest_problem(403, "denied", error.detail);
    case base::ErrorCode::kConflict: return rest_problem(409, "wrong-state", error.detail);
    case base::ErrorCode::kMalformed: return rest_problem(400, "bad-body", error.detail);
    default: return rest_problem(503, "no-media", error.detail);
  }
}

void act(const RestBackend& backend, const RestCallPtr& call, Kind kind) {
  pbx::SessionAction action{.kind = kind, .number = call->body.is_object() ? call->text("number") : std::string(), .transferor = {},
                            .keys = call->body.is_object() ? call->text("keys") : std::string()};
  backend.on_pbx([call, action = std::move(action)](pbx::Pbx& pbx) {
    const auto done = pbx.act_on_call(call->path[0], action);
    call->answer.send(done ? rest_no_content() : refusal(done.error(), pbx.has_call(call->path[0])));
  });
}

}  // namespace

void add_supervision_routes(std::vector<RestRoute>& routes, const RestBackend& backend) {
  routes.push_back({.method = "GET", .path = "/queues", .scope = scope::kCallsRead, .operation = "listQueues", .tag = "calls", .summary = "Queues, their agents, and who waits",
                    .result = "QueueList", .handler = [&backend](const RestCallPtr& call) { queues(backend, call); }});
  struct Action {
    const char *name, *operation, *summary, *body;
    Kind kind;
    Scopes scope = scope::kCalls;
  };
  static constexpr Action kActions[] = {
      {"hold", "holdCall", "Hold both parties: they hear music, and not each other", "", Kind::kHold},
      {"unhold", "unholdCall", "Take both off hold", "", Kind::kUnhold},
      {"forward", "forwardCall", "Send a call that rings on to another number, as the dial plan has it for programs", "CallForward", Kind::kForward},
      {"dtmf", "pressKeys", "Press keys towards one party", "CallKeys", Kind::kDtmf},
      {"listen", "listenToCall", "Call somebody, who then hears the call unnoticed", "CallListener", Kind::kListen, scope::kSupervise},
      {"unlisten", "ceaseToListen", "End that", "CallListener", Kind::kStopListen, scope::kSupervise}};
  for (const auto& action : kActions) {
    routes.push_back({.method = "POST", .path = std::string("/calls/{call}/") + action.name, .scope = action.scope, .operation = action.operation, .tag = "calls",
                      .summary = action.summary, .body = action.body, .success = 204,
                      .failures = {{404, "There is no such call, or nobody of that number."}, {409, "The call is in no state for it."}},
                      .handler = [&backend, kind = action.kind](const RestCallPtr& call) { act(backend, call, kind); }});
  }
}

}  // namespace api
