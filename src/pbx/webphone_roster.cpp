#include "pbx/webphone_roster.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"

namespace pbx {
namespace {

constexpr std::chrono::milliseconds kMoment{50};   // changes within it go out together, the first at once
constexpr std::size_t kMaxLog = 64;                // versions; who is further behind gets the whole

void put(std::vector<std::pair<std::string, std::string>>& changes, const std::string& number, const std::string& state) {
  const auto found = std::find_if(changes.begin(), changes.end(), [&](const auto& c) { return c.first == number; });
  if (found == changes.end()) changes.emplace_back(number, state);
  else found->second = state;
}

}  // namespace

WebphoneRoster::~WebphoneRoster() {
  for (auto& [name, line] : lines_) timeline_.cancel(line.timer);
}

sip::SubscriptionHandler* WebphoneRoster::subscribe(sip::Subscription& subscription, const WebphoneClient& client, std::string_view target) {
  const auto refuse = [&](int status) {
    subscription.reject({.status = status});
    return nullptr;
  };
  if (target != client.number && !base::equals_ignoring_case(target, client.line)) return refuse(403);
  if (!subscription.accepts(kType)) return refuse(406);
  if (!make_room(client.number)) return refuse(503);
  auto& line = lines_[client.line];
  auto& added = subscribers_[subscription.id()];
  added = {.subscription = &subscription, .number = client.number, .line = client.line};
  line.subscribers.emplace(subscription.id(), &added);
  by_number_.emplace(added.number, &added);
  subscription.accept();
  send_full(added);
  return this;
}

// A page that came back by a new connection has subscribed anew: its old subscription waits for nobody.
bool WebphoneRoster::make_room(const std::string& number) {
  std::size_t alive = 0;
  for (auto* subscriber : of(number)) {
    if (subscriber->lost) subscriber->subscription->terminate("giveup");
    else ++alive;
  }
  return alive < kMaxSubscriptions;
}

std::vector<WebphoneRoster::Subscriber*> WebphoneRoster::of(const std::string& number) const {
  std::vector<Subscriber*> result;
  const auto [first, last] = by_number_.equal_range(number);
  for (auto it = first; it != last; ++it) result.push_back(it->second);
  return result;
}

// A line whose clients are nothing to each other, as a site's visitors.
bool WebphoneRoster::hides(const std::string& line) const {
  const auto* config = webphone_.find_line(line);
  return config && config->roster == LineConfig::Roster::kNobody;
}

void WebphoneRoster::on_changed(const WebphoneClient& client) {
  const auto found = lines_.find(client.line);
  if (found == lines_.end() || hides(client.line)) return;   // nobody looks, or may
  auto& line = found->second;
  put(line.pending, client.number, client.description);
  if (line.timer != 0) return;
  const auto due = line.last_publish + kMoment;
  if (line.last_publish == base::TimePoint{} || due <= timeline_.now()) return publish(line);
  line.timer = timeline_.after(due - timeline_.now(), [this, &line](base::TimePoint) {
    line.timer = 0;
    publish(line);
  });
}

void WebphoneRoster::publish(Line& line) {
  line.last_publish = timeline_.now();
  ++line.version;
  line.bodies.clear();
  line.log.push_back(std::exchange(line.pending, {}));
  if (line.log.size() > kMaxLog) line.log.pop_front();
  for (const auto& [id, subscriber] : line.subscribers) {
    if (!subscriber->busy) send_changes(line, *subscriber);
  }
}

// What waits to be told is in it, and is not told again afterwards.
void WebphoneRoster::send_full(Subscriber& subscriber) {
  if (auto& line = lines_[subscriber.line]; !line.pending.empty()) {
    timeline_.cancel(line.timer);
    subscriber.busy = true;
    publish(line);
  }
  std::string list;
  const auto shown = hides(subscriber.line) ? std::vector<const WebphoneClient*>{} : webphone_.online(subscriber.line);
  for (const auto* client : shown) {
    if (client->number == subscriber.number) continue;
    const auto& text = client->description;
    if (list.size() + text.size() > kMaxBody) break;
    list.append(list.empty() ? "" : ",").append(text);
  }
  subscriber.version = lines_[subscriber.line].version;
  give(subscriber, base::share(fmt::format(R"({{"version":{},"full":true,"clients":[{}]}})", subscriber.version, list)));
}

void WebphoneRoster::send_changes(Line& line, Subscriber& subscriber) {
  const auto behind = line.version - subscriber.version;
  if (behind == 0) return;
  if (behind > line.log.size()) return send_full(subscriber);
  const auto since = std::exchange(subscriber.version, line.version);
  const auto own = std::any_of(line.log.end() - static_cast<std::ptrdiff_t>(behind), line.log.end(), [&](const Changes& changes) {
    return std::any_of(changes.begin(), changes.end(), [&](const auto& c) { return c.first == subscriber.number; });
  });
  if (own) return give(subscriber, base::share(changes_body(line, since, subscriber.number)));
  auto& body = line.bodies[since];
  if (!body) body = base::share(changes_body(line, since, {}));
  give(subscriber, body);
}

// Without the client whose number is `but`.
std::string WebphoneRoster::changes_body(const Line& line, std::uint64_t since, std::string_view but) {
  Changes all;
  const auto first = line.log.end() - static_cast<std::ptrdiff_t>(line.version - since);
  if (std::next(first) == line.log.end()) {
    all = *first;
  } else {
    std::unordered_map<std::string_view, std::size_t> places;
    for (auto it = first; it != line.log.end(); ++it) {
      for (const auto& change : *it) {
        const auto [place, is_new] = places.emplace(change.first, all.size());
        if (is_new) all.push_back(change);
        else all[place->second].second = change.second;
      }
    }
  }
  std::string list;
  for (const auto& [number, state] : all) {
    if (number != but) list.append(list.empty() ? "" : ",").append(state);
  }
  return fmt::format(R"({{"version":{},"since":{},"full":false,"clients":[{}]}})", line.version, since, list);
}

void WebphoneRoster::give(Subscriber& subscriber, const base::SharedBytes& body) {
  subscriber.busy = true;
  if (const auto given = subscriber.subscription->notify(kType, body); !given && given.error().code == base::ErrorCode::kTooLarge) {
    subscriber.subscription->terminate("giveup");
  }
}

void WebphoneRoster::on_refresh(sip::Subscription& subscription, std::chrono::seconds) {
  if (const auto found = subscribers_.find(subscription.id()); found != subscribers_.end()) send_full(found->second);
}

void WebphoneRoster::on_flow_lost(sip::Subscription& subscription) {
  if (const auto found = subscribers_.find(subscription.id()); found != subscribers_.end()) found->second.lost = found->second.busy = true;
}

void WebphoneRoster::on_delivered(sip::Subscription& subscription) {
  const auto found = subscribers_.find(subscription.id());
  if (found == subscribers_.end()) return;
  found->second.busy = false;
  send_changes(lines_[found->second.line], found->second);
}

void WebphoneRoster::on_client_gone(const WebphoneClient& client) {
  for (auto* subscriber : of(client.number)) subscriber->subscription->terminate("noresource");
}

void WebphoneRoster::on_terminated(sip::Subscription& subscription, const sip::SubscriptionEnd&) {
  const auto found = subscribers_.find(subscription.id());
  if (found == subscribers_.end()) return;
  const auto line = found->second.line;
  lines_[line].subscribers.erase(subscription.id());
  const auto [first, last] = by_number_.equal_range(found->second.number);
  by_number_.erase(std::find_if(first, last, [&](const auto& e) { return e.second == &found->second; }));
  subscribers_.erase(found);
  drop_idle(line);
}

// The next subscriber starts with a whole again, whatever its version is.
void WebphoneRoster::drop_idle(const std::string& name) {
  const auto found = lines_.find(name);
  if (found == lines_.end() || !found->second.subscribers.empty()) return;
  timeline_.cancel(found->second.timer);
  lines_.erase(found);
}

}  // namespace pbx
