#include "pbx/session_feed.hpp"

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>

#include <fmt/format.h>

namespace pbx {
namespace {

constexpr std::chrono::milliseconds kMoment{30};   // changes within it go out together

// RFC 3339, to the millisecond: those who wait are shown in the order of their turns.
std::string time_text(base::WallTime time) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(time);
  const auto millis = std::chrono::floor<std::chrono::milliseconds>(time - whole).count();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(whole);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, millis);
}

std::string describe(const CallInfo& call, const ClientProperties& shown, const std::vector<std::string>& texts) {
  nlohmann::ordered_json json{{"sessionId", call.id}, {"sessionState", session_state(call)}, {"caller", call.from.number}, {"callee", call.to.number},
                              {"callerName", call.from.display_name}, {"calleeName", call.to.display_name}, {"started", time_text(call.started)}};
  if (call.answered) json["answered"] = time_text(*call.answered);
  if (!call.queue.empty()) json["queue"] = call.queue;
  if (!shown.empty()) {
    auto& properties = json["properties"] = nlohmann::ordered_json::object();
    for (const auto& [key, value] : shown) properties[key] = value;
  }
  if (!texts.empty()) json["texts"] = texts;
  auto text = json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  text.pop_back();
  return text;
}

}  // namespace

std::string_view session_state(const CallInfo& call) {
  using State = CallInfo::State;
  switch (call.state) {
    case State::kDialing: return "Setup";
    case State::kRinging: return "Ringing";
    case State::kWaiting: return "Waiting";
    case State::kAnswered: return call.held ? "OnHold" : "InCall";
    case State::kEnded: break;
  }
  if (call.answered) return "Completed";
  switch (call.status) {
    case 404: case 604: return "NotFound";
    case 486: case 600: return "Busy";
    case 403: case 603: return "Rejected";
    case 487: return "Cancelled";
    default: return "NotAnswered";
  }
}

SessionFeed::~SessionFeed() { timeline_.cancel(timer_); }

sip::SubscriptionHandler* SessionFeed::subscribe(sip::Subscription& subscription, const std::string& account) {
  const auto refuse = [&](int status) {
    subscription.reject({.status = status});
    return nullptr;
  };
  if (scope_(account).nothing()) return refuse(403);
  if (!subscription.accepts(kType)) return refuse(406);
  // A page that came back by a new connection has subscribed anew: its old subscription waits for nobody.
  std::vector<sip::Subscription*> lost;
  std::size_t alive = 0;
  for (const auto& [id, subscriber] : subscribers_) {
    if (subscriber.account != account) continue;
    if (subscriber.lost) lost.push_back(subscriber.subscription);
    else ++alive;
  }
  for (auto* old : lost) old->terminate("giveup");
  if (alive >= kMaxSubscriptions) return refuse(503);
  auto& added = subscribers_[subscription.id()];
  added.subscription = &subscription;
  added.account = account;
  subscription.accept();
  send_full(added);
  return this;
}

bool SessionFeed::sees(const SessionScope& scope, const std::string& account, const CallInfo& call) {
  if (scope.all) return true;
  if (!scope.agent_of(call.queue)) return false;
  return call.state == CallInfo::State::kWaiting || call.from.account == account || call.to.account == account;
}

const std::string& SessionFeed::text_of(Session& session) {
  if (session.text.empty()) session.text = describe(session.info, session.properties, session.texts);
  return session.text;
}

std::string SessionFeed::entry(Session& session, const SessionScope& scope) {
  auto text = text_of(session);
  // Pickup numbers are made of letters and digits.
  if (!session.pickup.empty() && scope.agent_of(session.info.queue)) text += fmt::format(R"(,"take":"{}")", session.pickup);
  return text + "}";
}

void SessionFeed::on_call_changed(const CallInfo& call, const SessionDetails& details) {
  const bool ended = call.state == CallInfo::State::kEnded;
  if (ended && !sessions_.contains(call.id)) return;
  Session next{.info = call, .pickup = details.pickup, .properties = details.properties ? *details.properties : ClientProperties(),
               .texts = details.texts, .text = {}};
  // Nobody follows, as a rule: then nothing is written.
  auto text = subscribers_.empty() ? std::string() : text_of(next);
  if (ended) {
    sessions_.erase(call.id);
  } else {
    auto& session = sessions_[call.id];
    const bool same = !text.empty() && session.text == text && session.pickup == next.pickup;
    session = std::move(next);
    if (same) return;
  }
  const auto closing = text + R"(,"closed":true})";
  for (auto& [id, subscriber] : subscribers_) {
    const bool shown = !ended && sees(scope_(subscriber.account), subscriber.account, call);
    if (shown || subscriber.known.contains(call.id)) note(subscriber, call.id, shown ? std::string() : closing);
  }
}

void SessionFeed::on_revoked(const RevokedAccounts& revoked) {
  std::vector<std::pair<sip::Subscription*, bool>> ending;
  for (const auto& [id, subscriber] : subscribers_) {
    if (const auto own = revoked.find(subscriber.account); own != revoked.end()) ending.emplace_back(subscriber.subscription, own->second);
  }
  for (const auto& [subscription, gone] : ending) subscription->terminate(gone ? "rejected" : "deactivated");
}

void SessionFeed::note(Subscriber& subscriber, const std::string& id, std::string closing) {
  if (closing.empty()) subscriber.known.insert(id);
  else subscriber.known.erase(id);
  if (subscriber.changes.size() < kMaxChanges || subscriber.changes.contains(id)) subscriber.changes.insert_or_assign(id, std::move(closing));
  flush_soon();
}

void SessionFeed::flush_soon() {
  if (timer_ != 0) return;
  timer_ = timeline_.after(kMoment, [this](base::TimePoint) {
    timer_ = 0;
    std::vector<sip::Subscription*> refused;
    for (auto& [id, subscriber] : subscribers_) {
      if (scope_(subscriber.account).nothing()) refused.push_back(subscriber.subscription);
      else if (!subscriber.busy) send_changes(subscriber);
    }
    for (auto* subscription : refused) subscription->terminate("rejected");
  });
}

void SessionFeed::send_full(Subscriber& subscriber) {
  const auto scope = scope_(subscriber.account);
  subscriber.changes.clear();
  subscriber.known.clear();
  std::string list;
  for (auto& [id, session] : sessions_) {
    if (!sees(scope, subscriber.account, session.info)) continue;
    subscriber.known.insert(id);
    if (list.size() + text_of(session).size() > kMaxBody - 1024) continue;   // known, so that its end is told
    list.append(list.empty() ? "" : ",").append(entry(session, scope));
  }
  give(subscriber, true, list);
}

void SessionFeed::send_changes(Subscriber& subscriber) {
  if (subscriber.changes.empty()) return;
  if (subscriber.changes.size() >= kMaxChanges) return send_full(subscriber);
  const auto scope = scope_(subscriber.account);
  std::string list;
  for (const auto& [id, closing] : std::exchange(subscriber.changes, {})) {
    const auto session = sessions_.find(id);
    if (closing.empty() && session == sessions_.end()) continue;
    list.append(list.empty() ? "" : ",").append(closing.empty() ? entry(session->second, scope) : closing);
  }
  if (!list.empty()) give(subscriber, false, list);
}

void SessionFeed::give(Subscriber& subscriber, bool full, const std::string& list) {
  subscriber.busy = true;
  const auto body = base::share(fmt::format(R"({{"version":{},"full":{},"sessions":[{}]}})", ++subscriber.version, full, list));
  if (const auto given = subscriber.subscription->notify(kType, body); !given && given.error().code == base::ErrorCode::kTooLarge) {
    subscriber.subscription->terminate("giveup");
  }
}

void SessionFeed::on_refresh(sip::Subscription& subscription, std::chrono::seconds) {
  const auto found = subscribers_.find(subscription.id());
  if (found != subscribers_.end()) send_full(found->second);
}

void SessionFeed::on_flow_lost(sip::Subscription& subscription) {
  if (const auto found = subscribers_.find(subscription.id()); found != subscribers_.end()) found->second.lost = found->second.busy = true;
}

void SessionFeed::on_delivered(sip::Subscription& subscription) {
  const auto found = subscribers_.find(subscription.id());
  if (found == subscribers_.end()) return;
  found->second.busy = false;
  flush_soon();
}

void SessionFeed::on_terminated(sip::Subscription& subscription, const sip::SubscriptionEnd&) { subscribers_.erase(subscription.id()); }

}  // namespace pbx
