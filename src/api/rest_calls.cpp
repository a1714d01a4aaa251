// /calls and /call-records.
#include "api/event_source.hpp"
#include "api/rest_route.hpp"

namespace api {
namespace {

constexpr std::size_t kPage = 50;
constexpr std::size_t kMaxLegsShown = 100;   // of one record

void list(const RestBackend& backend, const RestCallPtr& call) {
  backend.on_pbx([call](pbx::Pbx& pbx) {
    auto all = RestJson::array();
    for (const auto& info : pbx.list_calls()) all.push_back(rest_json(info));
    call->answer.send(rest_answer(200, {{"calls", std::move(all)}}));
  });
}

void one(const RestBackend& backend, const RestCallPtr& call) {
  backend.on_pbx([call](pbx::Pbx& pbx) {
    for (const auto& info : pbx.list_calls()) {
      if (info.id == call->path[0]) return call->answer.send(rest_answer(200, rest_json(info)));
    }
    call->answer.send(rest_problem(404, "unknown-call", "there is no call of that id under way: /call-records has those that were"));
  });
}

void originate(const RestBackend& backend, const RestCallPtr& call) {
  if (call->text("from") == call->text("to")) return call->answer.send(rest_problem(400, "same-number", "\"from\" and \"to\" are the same"));
  backend.on_pbx([call](pbx::Pbx& pbx) {
    const auto info = pbx.originate(call->text("from"), call->text("to"));
    if (info) return call->answer.send(rest_answer(201, rest_json(*info)).header("Location", "/api/v1/calls/" + info->id));
    // Whether there is no such number or nobody is there: the same.
    if (info.error().code == base::ErrorCode::kNotFound) return call->answer.send(rest_problem(404, "unreachable", info.error().detail));
    call->answer.send(rest_problem(503, "too-many-calls", info.error().detail));
  });
}

void hang_up(const RestBackend& backend, const RestCallPtr& call) {
  backend.on_pbx([call](pbx::Pbx& pbx) {
    call->answer.send(pbx.hang_up(call->path[0]) ? rest_no_content() : rest_problem(404, "unknown-call", "there is no call of that id"));
  });
}

void transfer(const RestBackend& backend, const RestCallPtr& call) {
  backend.on_pbx([call](pbx::Pbx& pbx) {
    const auto party = call->body.contains("party") ? call->text("party") : "from";
    const auto info = pbx.transfer(call->path[0], party, call->text("to"));
    if (info) return call->answer.send(rest_answer(202, rest_json(*info)));
    if (info.error().code == base::ErrorCode::kConflict) return call->answer.send(rest_problem(409, "not-transferable", info.error().detail));
    call->answer.send(rest_problem(404, pbx.has_call(call->path[0]) ? "unreachable" : "unknown-call", info.error().detail));
  });
}

RestJson to_json(const store::CallRecord& record) {
  RestJson json{{"id", record.id}, {"kind", record.kind == store::CallKind::kRoom ? "room" : record.kind == store::CallKind::kQueue ? "queue" : "call"}, {"from", record.from_uri},
                {"fromDisplayName", record.from_display}, {"to", record.to_uri}, {"started", rest_time(record.start)}};
  if (record.answer) json["answered"] = rest_time(*record.answer);
  if (record.end) json["ended"] = rest_time(*record.end);
  json["status"] = record.status;
  json["cause"] = record.cause;
  auto& legs = json["legs"] = RestJson::array();
  for (const auto& leg : record.legs) {
    if (legs.size() == kMaxLegsShown) break;
    RestJson one{{"uri", leg.uri}, {"displayName", leg.display_name}};
    if (!leg.account.empty()) one["account"] = leg.account;
    if (leg.answer) one["answered"] = rest_time(*leg.answer);
    if (leg.end) one["ended"] = rest_time(*leg.end);
    legs.push_back(std::move(one));
  }
  return json;
}

void records(const RestBackend& backend, const RestCallPtr& call) {
  store::CallFilter filter;
  filter.account = call->query["account"];
  if (const auto& from = call->query["from"]; !from.empty()) filter.from = read_rest_time(from);
  if (const auto& until = call->query["until"]; !until.empty()) filter.until = read_rest_time(until);
  filter.before = call->number("before");
  filter.limit = call->number("limit").value_or(kPage);
  const auto asked = backend.messages->call_records(std::move(filter), [call](base::Result<store::CallPage> page) {
    if (!page) return call->answer.send(rest_problem(page.error(), {}));
    auto all = RestJson::array();
    for (const auto& record : page->records) all.push_back(to_json(record));
    RestJson result{{"callRecords", std::move(all)}};
    if (page->next) result["next"] = *page->next;
    call->answer.send(rest_answer(200, result));
  });
  if (!asked) call->answer.send(rest_problem(asked.error(), {}));
}

}  // namespace

void add_call_routes(std::vector<RestRoute>& routes, const RestBackend& backend) {
  const auto with = [&backend](auto handler) { return [&backend, handler](const RestCallPtr& call) { handler(backend, call); }; };
  routes.push_back({.method = "GET", .path = "/calls", .scope = scope::kCallsRead, .operation = "listCalls", .tag = "calls",
                    .summary = "Calls of two that are under way", .result = "CallList", .handler = with(list)});
  routes.push_back({.method = "POST", .path = "/calls", .scope = scope::kCalls, .operation = "makeCall", .tag = "calls", .summary = "Make a call between two numbers",
                    .description = "Both go by the dial plan, as programs' calls. `from` rings first: an account, a webphone client, a group or a number at a trunk. When "
                                   "it has answered, `to` is called, which may also be a room, a queue, the echo test, a tone or a file. A room is made for it only where a "
                                   "rule of the dial plan names it.",
                    .body = "NewCall", .result = "Call", .success = 201, .failures = {{404, "One of them can't be reached, or can't be rung."}}, .handler = with(originate)});
  routes.push_back({.method = "GET", .path = "/calls/{call}", .scope = scope::kCallsRead, .operation = "readCall", .tag = "calls", .summary = "One call that is under way",
                    .result = "Call", .failures = {{404, "There is no such call, or it is over."}}, .handler = with(one)});
  routes.push_back({.method = "DELETE", .path = "/calls/{call}", .scope = scope::kCalls, .operation = "endCall", .tag = "calls", .summary = "Hang up a call",
                    .success = 204, .failures = {{404, "There is no such call."}}, .handler = with(hang_up)});
  routes.push_back({.method = "POST", .path = "/calls/{call}/transfer", .scope = scope::kCalls, .operation = "transferCall", .tag = "calls",
                    .summary = "Send one party of a call to somebody else",
                    .description = "`to` is whatever the dial plan has for programs: a number, a group, a room, a queue, a service, a trunk's number. The other party "
                                   "stays in the call until somebody answers there, and is hung up then; if nobody does, the call goes on as it was.",
                    .body = "CallTransfer", .result = "Call", .success = 202,
                    .failures = {{404, "There is no such call, the party is none of its two, or nobody can be reached."}, {409, "The call is not answered, or is being transferred."}},
                    .handler = with(transfer)});
  if (!backend.messages) return;
  const auto time = RestParameter::Type::kTime;
  const auto integer = RestParameter::Type::kInteger;
  routes.push_back({.method = "GET", .path = "/call-records", .scope = scope::kCallsRead, .operation = "listCallRecords", .tag = "calls",
                    .summary = "Calls that were, the newest first",
                    .query = {{.name = "account", .description = "Those that this account was in."},
                              {.name = "from", .description = "That began then or later.", .type = time},
                              {.name = "until", .description = "That began before.", .type = time},
                              {.name = "before", .description = "The page before's `next`.", .type = integer},
                              {.name = "limit", .description = "At most so many; absent: 50.", .type = integer, .minimum = 1, .maximum = store::kMaxPage}},
                    .result = "CallRecordList", .handler = with(records)});
}

}  // namespace api
