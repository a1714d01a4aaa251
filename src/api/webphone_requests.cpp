// What signed-in webphones ask: directory, history, and what supervisors do to calls.
#include <ctime>

#include "api/rest_route.hpp"
#include "api/webphone_api.hpp"
#include "base/text.hpp"
#include "pbx/session_feed.hpp"

namespace api {
namespace {

using Json = nlohmann::ordered_json;
using Kind = pbx::SessionAction::Kind;

constexpr std::string_view kPrefix = "/api/webphone/";
constexpr std::size_t kMaxListed = 10'000;
constexpr std::size_t kMaxNumber = 128;
constexpr std::size_t kPage = 100;

net::HttpResponse refusal(const base::Error& error) {
  switch (error.code) {
    case base::ErrorCode::kNotFound: return problem(404, "Not found", error.detail);
    case base::ErrorCode::kDenied: return problem(403, "Access denied", error.detail);
    case base::ErrorCode::kConflict: return problem(409, "Not in this state", error.detail);
    case base::ErrorCode::kUnavailable: return problem(503, "Not now", error.detail);
    default: return problem(400, "Bad request", error.detail);
  }
}

// The user of "sip:user@host".
std::string user_of(const std::string& uri_text) {
  const auto uri = sip::Uri::parse(uri_text);
  return uri && uri->is_sip() ? sip::unescape(uri->user) : uri_text;
}

// As the classic API's programs read them, and the SDK.
Json record_json(const store::CallRecord& record) {
  const auto callee = user_of(record.to_uri);
  Json json{{"id", record.id}, {"caller", user_of(record.from_uri)}, {"callerName", record.from_display}, {"callee", callee}, {"calleeName", callee}, {"started", rest_time(record.start)}};
  if (record.legs.size() > 1) {
    json["calleeName"] = record.legs[1].display_name;
    if (record.kind == store::CallKind::kQueue) json["agent"] = record.legs[1].account;
  }
  const auto seconds = [](base::WallTime from, base::WallTime to) { return std::chrono::duration_cast<std::chrono::seconds>(to - from).count(); };
  if (record.answer) json["answered"] = rest_time(*record.answer);
  if (record.end) json["ended"] = rest_time(*record.end);
  json["durationSeconds"] = record.answer && record.end ? seconds(*record.answer, *record.end) : 0;
  if (record.kind == store::CallKind::kQueue) {
    json["queue"] = callee;
    if (const auto until = record.answer ? record.answer : record.end) json["waitedSeconds"] = seconds(record.start, *until);
  }
  json["state"] = record.answer ? "Completed" : pbx::session_state({.id = {}, .state = pbx::CallInfo::State::kEnded, .from = {}, .to = {}, .started = {}, .answered = {},
                                                                     .status = record.status, .queue = {}});
  json["status"] = record.status;
  return json;
}

Json directory(pbx::Pbx& pbx, const pbx::WebphoneClient& client) {
  Json extensions = Json::array(), users = Json::array(), lines = Json::array();
  const auto add = [&](const std::string& name, const std::string& display, std::string_view type) {
    const auto shown = display.empty() ? name : display;
    extensions.push_back({{"id", name}, {"type", type}, {"displayName", shown}, {"online", !pbx.registrar().find(name, pbx.now()).empty()}});
    users.push_back({{"id", name}, {"fullName", shown}, {"extensions", Json::array({name})}});
  };
  // A line's client without the privilege learns of nobody but itself.
  if (!client.may.supervise && !client.extension) {
    add(client.number, client.display_name, "Webphone");
  } else {
    for (const auto& [name, account] : pbx.accounts().all()) {
      if (extensions.size() >= kMaxListed) break;
      add(name, account.display_name, "SIP");
    }
    for (const auto& line : pbx.webphone().lines()) {
      if (!client.may.supervise) break;
      for (const auto* other : pbx.webphone().online(line.name)) {
        if (extensions.size() < kMaxListed) add(other->number, other->display_name, "Webphone");
      }
    }
    for (const auto& trunk : pbx.config().trunks) lines.push_back({{"id", trunk.name}, {"type", "Trunk"}, {"displayName", trunk.name}});
    for (const auto& queue : pbx.config().queues) extensions.push_back({{"id", queue.name}, {"type", "Queue"}, {"displayName", queue.name}, {"online", true}, {"agents", queue.agents}});
  }
  return {{"extensions", std::move(extensions)}, {"outsideLines", std::move(lines)}, {"users", std::move(users)}};
}

struct Question {
  enum class What { kNothing, kDirectory, kHistory, kAction } what = What::kNothing;
  std::string method, extension, session;
  std::optional<base::WallTime> before;
  pbx::SessionAction action;
};

std::optional<Kind> action_of(std::string_view word) {
  static constexpr std::pair<std::string_view, Kind> kWords[] = {
      {"blindTransfer", Kind::kTransfer}, {"close", Kind::kHangUp}, {"hangup", Kind::kHangUp}, {"forward", Kind::kForward}, {"hold", Kind::kHold},
      {"unhold", Kind::kUnhold}, {"sendDtmf", Kind::kDtmf}, {"startListen", Kind::kListen}, {"stopListen", Kind::kStopListen}};
  for (const auto& [name, kind] : kWords) {
    if (name == word) return kind;
  }
  return std::nullopt;
}

// "" : it is understood.
std::string read_action(std::string_view body, pbx::SessionAction& action) {
  const auto json = body.empty() ? Json::object() : read_json_object(body);
  if (!json.is_object()) return "expected a JSON object";
  const auto text = [&](const char* name) {
    const auto found = json.find(name);
    const auto value = found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
    return value.size() <= kMaxNumber ? value : std::string();
  };
  action.number = text("phoneNumber");
  action.transferor = text("transferor");
  action.keys = text("key");
  const bool wants_number = action.kind == Kind::kTransfer || action.kind == Kind::kForward || action.kind == Kind::kDtmf;
  if (wants_number && action.number.empty()) return "expected \"phoneNumber\"";
  if (action.kind == Kind::kTransfer && action.transferor.empty()) return "expected \"transferor\", the number of the one who leaves";
  if (action.kind == Kind::kDtmf && action.keys.empty()) return "expected \"key\"";
  return {};
}

// What it asks, without who it is. A response: it asks for nothing that there is.
std::optional<net::HttpResponse> read_question(const net::HttpRequest& request, Question& question) {
  auto rest = std::string_view(request.path).substr(kPrefix.size());
  std::string_view method = "GET";
  if (rest == "directory") {
    question.what = Question::What::kDirectory;
  } else if (rest == "history") {
    question.what = Question::What::kHistory;
    question.extension = net::query_value(request.query, "extension").value_or("");
    const auto before = net::query_value(request.query, "before").value_or("");
    if (!before.empty() && !(question.before = read_rest_time(before))) return problem(400, "Bad request", "\"before\" is no time as 2026-01-02T03:04:05Z");
  } else if (const auto slash = rest.rfind('/'); rest.starts_with("sessions/") && slash > 9) {
    const auto kind = action_of(rest.substr(slash + 1));
    if (!kind) return problem(404, "Not found", "there is no such action");
    question.what = Question::What::kAction;
    question.session = rest.substr(9, slash - 9);
    question.action.kind = *kind;
    method = "POST";
  } else {
    return problem(404, "Not found", "there are connect, directory, history, and sessions/ID/ACTION");
  }
  if (request.method != method) {
    auto response = problem(405, "Method not allowed", fmt::format("this path takes {}", method));
    response.header("Allow", std::string(method) + ", OPTIONS");
    return response;
  }
  if (question.what == Question::What::kAction) {
    if (const auto wrong = read_action(request.body, question.action); !wrong.empty()) return problem(400, "Bad request", wrong);
  }
  return std::nullopt;
}

void history(pbx::Pbx& pbx, const pbx::WebphoneClient& client, const Question& question, const std::function<void(net::HttpResponse)>& answer) {
  const auto& whose = question.extension.empty() ? client.number : question.extension;
  if (!client.may.history && !client.may.supervise) return answer(problem(403, "Access denied", "the privilege \"call_history\" is missing"));
  if (whose != client.number && !client.may.supervise) return answer(problem(403, "Access denied", "the history of others needs the privilege \"supervise\""));
  auto* store = pbx.config().rooms.store;
  if (!store) return answer(json_response(200, Json::array()));
  const auto asked = store->call_records({.account = whose, .kind = {}, .from = {}, .until = question.before, .before = {}, .limit = kPage},
                                         [answer](base::Result<store::CallPage> page) {
    if (!page) return answer(problem(503, "Not now", "the records can't be read"));
    auto all = Json::array();
    for (const auto& record : page->records) all.push_back(record_json(record));
    answer(json_response(200, all));
  });
  if (!asked) answer(problem(503, "Not now", "too much waits for the records"));
}

}  // namespace

void WebphoneApi::ask(const net::HttpRequest& request, const Answer& answer) const {
  Question question;
  if (auto refused = read_question(request, question)) return answer(std::move(*refused));
  const auto authorization = request.header("Authorization");
  constexpr std::string_view kBearer = "Bearer ";
  const bool bears = authorization.size() > kBearer.size() && base::equals_ignoring_case(authorization.substr(0, kBearer.size()), kBearer);
  on_pbx_([answer, remote = request.remote, question = std::move(question), bearer = bears ? std::string(authorization.substr(kBearer.size())) : std::string()](pbx::Pbx& pbx) {
    const auto client = pbx.find_bearer(bearer, remote);
    if (!client) {
      if (client.error().code == base::ErrorCode::kUnavailable) return answer(refusal(client.error()).header("Retry-After", "2"));
      return answer(problem(401, "Not signed in", "send the \"bearer\" that connect gave").header("WWW-Authenticate", "Bearer realm=\"webphone\""));
    }
    const auto& by = **client;
    switch (question.what) {
      case Question::What::kDirectory:
        if (!by.may.supervise && !by.may.history) return answer(problem(403, "Access denied", "the privilege \"call_history\" or \"supervise\" is missing"));
        return answer(json_response(200, directory(pbx, by)));
      case Question::What::kHistory: return history(pbx, by, question, answer);
      case Question::What::kAction: {
        const auto done = pbx.supervise(by, question.session, question.action);
        return answer(done ? json_response(200, Json::object()) : refusal(done.error()));
      }
      case Question::What::kNothing: return;
    }
  });
}

}  // namespace api
