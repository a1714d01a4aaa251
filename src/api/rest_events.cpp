// /events.
#include "api/event_stream.hpp"
#include "api/rest_route.hpp"
#include "api/static_files.hpp"

namespace api {
namespace {

constexpr std::string_view kDescription =
    "Server-Sent Events, each with an id; `data` is a JSON object with `time`. What there is:\n\n"
    "- `room.opened`, `room.closed`: `room`\n"
    "- `participant.joined`, `participant.left` (with `reason`), `participant.muted`, `participant.unmuted`, `participant.talking`: `room`, `participant`\n"
    "- `message.sent`: `room`, `message`; with the scope `messages:read` its text too, of private ones never\n"
    "- `call.dialing`, `call.ringing`, `call.waiting`, `call.answered`, `call.ended`: `call`\n"
    "- `queue.waiting`, `queue.taken`, `queue.left`: `queue` (with how many wait now), `call`\n"
    "- `reset`: what happened since Last-Event-ID is not known any more; read the state anew\n\n"
    "A client that comes back sends the last id in Last-Event-ID and gets what it missed. One that reads too slowly is cut off. "
    "The stream ends when its token is revoked. Lines that begin with a colon keep the connection alive.";

void open(const RestBackend& backend, const RestCallPtr& call) {
  EventStream::Request request{.token = call->token, .last_event_id = std::string(call->request.header("Last-Event-ID")), .types = {}};
  if (request.last_event_id.size() > 100) return call->answer.send(rest_problem(400, "bad-event-id", "Last-Event-ID is none of this server"));
  std::string_view types = call->query["types"];
  while (!types.empty()) {
    const auto end = std::min(types.find(','), types.size());
    if (end > 0) request.types.emplace_back(types.substr(0, end));
    types.remove_prefix(std::min(end + 1, types.size()));
    if (request.types.size() > 20) return call->answer.send(rest_problem(400, "bad-query", "\"types\" has at most 20 items"));
  }
  auto stream = backend.events->open(std::move(request), std::chrono::steady_clock::now());
  if (!stream) return call->answer.send(rest_problem(503, "too-many-streams", stream.error().detail));
  net::HttpResponse response;
  response.header("Content-Type", "text/event-stream").header("Cache-Control", "no-store").header("X-Accel-Buffering", "no");
  add_security_headers(response);
  response.stream = std::move(*stream);
  call->answer.send(std::move(response));
}

}  // namespace

void add_event_routes(std::vector<RestRoute>& routes, const RestBackend& backend) {
  if (!backend.events) return;
  routes.push_back({.method = "GET", .path = "/events", .scope = scope::kEvents, .operation = "readEvents", .tag = "events",
                    .summary = "What happens, as it happens", .description = std::string(kDescription),
                    .query = {{.name = "types", .description = "Events of these types or groups alone, with commas: room,participant,message,call,call.ended"}},
                    .handler = [&backend](const RestCallPtr& call) { open(backend, call); }});
}

}  // namespace api
