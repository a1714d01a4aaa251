// Who is subscribed, what is refused before anybody is asked, and the limits.
#include <algorithm>

#include "base/random.hpp"
#include "base/text.hpp"
#include "sip/scan.hpp"
#include "sip/subscription_server.hpp"

namespace sip {
namespace {

constexpr std::size_t kMaxPackage = 64, kMaxEventId = 128;
constexpr std::size_t kMaxAccept = 32, kMaxAcceptType = 128;
constexpr std::uint64_t kMaxExpires = 0xffffffff;   // RFC 3261 section 20.19

}  // namespace

void SubscriptionHandler::on_flow_lost(Subscription&) {}
void SubscriptionHandler::on_delivered(Subscription&) {}
FlowChange SubscriptionHandler::on_flow_change(Subscription&, const Message&, const Source&) { return FlowChange::kRefuse; }

std::optional<EventHeader> parse_event(std::string_view text) {
  const std::size_t semicolon = text.find(';');
  EventHeader event;
  event.package = scan::trim(text.substr(0, semicolon));
  if (!scan::is_token(event.package) || event.package.size() > kMaxPackage) return std::nullopt;
  if (semicolon == std::string_view::npos) return event;
  const std::string_view params = text.substr(semicolon);
  if (!scan::valid_header_params(params)) return std::nullopt;
  event.id = Params(params).value("id");
  if (event.id.size() > kMaxEventId || (!event.id.empty() && !scan::is_token(event.id))) return std::nullopt;
  return event;
}

SubscriptionTable::SubscriptionTable(SessionCore& core) : core_(core) {
  std::string_view rest = core.config.subscriptions.events;
  std::string_view package;
  while (scan::next_element(rest, package)) packages_.emplace_back(package);
}

SubscriptionTable::~SubscriptionTable() = default;

const SubscriptionConfig& SubscriptionTable::config() const { return core_.config.subscriptions; }

SubscriptionTable::Key SubscriptionTable::key_of(std::string_view call_id, std::string_view local_tag, std::string_view remote_tag) {
  std::string key;
  key.reserve(call_id.size() + local_tag.size() + remote_tag.size() + 2);
  return key.append(call_id).append("\n").append(local_tag).append("\n").append(remote_tag);
}

std::string SubscriptionTable::source_key(const Source& source) {
  return source.flow != 0 ? std::to_string(source.flow) : source.remote.ip();
}

SubscriptionImpl* SubscriptionTable::find(std::uint64_t id) {
  const auto found = all_.find(id);
  return found != all_.end() ? found->second.get() : nullptr;
}

// RFC 6665 section 4.2.1.1: a time below the minimum is refused only when it is below an hour too. 0 is always good.
std::optional<std::chrono::seconds> SubscriptionTable::take_expires(ServerId tx, const Message& request) {
  const Header* header = request.find(HeaderId::kExpires);
  if (header == nullptr) return config().default_expires;
  const auto number = base::parse_decimal(header->value);
  if (!number || *number > kMaxExpires) {
    refuse(tx, {400, "Malformed Expires", {}, {}, {}});
    return std::nullopt;
  }
  const std::chrono::seconds asked(*number);
  if (asked.count() > 0 && asked < config().min_expires && asked < std::chrono::hours(1)) {
    refuse(tx, {423, {}, {{"Min-Expires", std::to_string(config().min_expires.count())}}, {}, {}});
    return std::nullopt;
  }
  return asked;
}

std::optional<SubscriptionImpl::Asked> SubscriptionTable::take_asked(ServerId tx, const Message& request) {
  SubscriptionImpl::Asked asked;
  const Header* header = request.find(HeaderId::kEvent);
  const auto event = header != nullptr ? parse_event(header->value) : std::nullopt;
  if (header != nullptr && !event) {
    refuse(tx, {400, "Malformed Event", {}, {}, {}});
    return std::nullopt;
  }
  // RFC 6665 section 4.2.1.1; without Event there is no package to understand.
  if (!event || std::find(packages_.begin(), packages_.end(), event->package) == packages_.end()) {
    refuse(tx, {489, {}, {{"Allow-Events", config().events}}, {}, {}});
    return std::nullopt;
  }
  asked.package = event->package;
  asked.event_id = event->id;
  if (!request.body().empty() &&
      !base::equals_ignoring_case(Params(request.value(HeaderId::kContentDisposition)).value("handling"), "optional")) {
    refuse(tx, {415, {}, {}, {}, {}});   // filters (RFC 4660) and lists
    return std::nullopt;
  }
  for (const std::string_view range : request.values(HeaderId::kAccept)) {
    const std::string_view type = scan::trim(range.substr(0, range.find(';')));
    if (asked.accept.size() == kMaxAccept || type.size() > kMaxAcceptType) {
      refuse(tx, {400, "Too Many Accept", {}, {}, {}});
      return std::nullopt;
    }
    asked.accept.push_back(base::to_lower(type));
  }
  const auto expires = take_expires(tx, request);
  if (!expires) return std::nullopt;
  asked.expires = *expires;
  return asked;
}

bool SubscriptionTable::full(ServerId tx, const std::string& source) {
  const auto found = sources_.find(source);
  const bool too_many = found != sources_.end() && found->second >= config().max_per_source;
  if (!shutting_down_ && !too_many && all_.size() < config().max_total) return false;
  refuse(tx, {503, {}, {{"Retry-After", "30"}}, {}, {}});
  return true;
}

void SubscriptionTable::on_subscribe(ServerId tx, const MessagePtr& request, const Source& source, UserAgentHandler& handler) {
  auto asked = take_asked(tx, *request);
  if (!asked) return;
  std::string by = source_key(source);
  if (full(tx, by)) return;
  auto dialog = Dialog::called(*request, source, base::random_token(12));
  if (!dialog) return refuse(tx, {400, dialog.error().detail, {}, {}, {}});

  const std::uint64_t id = ++last_;
  auto& added = all_[id] = std::make_unique<SubscriptionImpl>(*this, id, tx, request, std::move(*dialog), std::move(*asked));
  SubscriptionImpl& subscription = *added;
  const Dialog& its = subscription.dialog();
  dialogs_.insert_or_assign(key_of(its.call_id(), its.local_tag(), its.remote_tag()), id);
  ++sources_[by];
  source_of_.emplace(id, std::move(by));
  watch_flow(id, 0, source.flow);
  SubscriptionHandler* taken = handler.on_subscribe(subscription, request, source);
  if (taken == nullptr && !subscription.answered()) subscription.reject({489, {}, {{"Allow-Events", config().events}}, {}, {}});
  subscription.set_handler(taken);
}

bool SubscriptionTable::on_request(ServerId tx, const MessagePtr& request, const Source& source) {
  const auto found = dialogs_.find(key_of(request->call_id(), request->to_tag(), request->from_tag()));
  SubscriptionImpl* subscription = found != dialogs_.end() ? find(found->second) : nullptr;
  if (subscription == nullptr) return false;
  subscription->on_request(tx, request, source);
  return true;
}

void SubscriptionTable::on_response(std::uint64_t id, const Message& response) {
  if (SubscriptionImpl* subscription = find(id)) subscription->on_response(response);
}

void SubscriptionTable::on_failure(std::uint64_t id, int status) {
  if (SubscriptionImpl* subscription = find(id)) subscription->on_failure(status);
}

void SubscriptionTable::on_flow_closed(std::uint64_t flow) {
  auto node = flows_.extract(flow);
  if (!node) return;
  for (const std::uint64_t id : node.mapped()) {
    if (SubscriptionImpl* subscription = find(id)) subscription->on_flow_closed();
  }
}

void SubscriptionTable::shut_down() {
  shutting_down_ = true;
  std::vector<std::uint64_t> ids;
  for (const auto& [id, subscription] : all_) ids.push_back(id);
  for (const std::uint64_t id : ids) {
    if (SubscriptionImpl* subscription = find(id)) subscription->terminate("probation", std::chrono::seconds(10));
  }
}

void SubscriptionTable::settle_later(std::uint64_t id) {
  core_.defer([this, id] {
    if (SubscriptionImpl* subscription = find(id)) subscription->settle();
  });
}

void SubscriptionTable::remove(std::uint64_t id) {
  const auto found = all_.find(id);
  if (found == all_.end()) return;
  const std::unique_ptr<SubscriptionImpl> gone = std::move(found->second);
  all_.erase(found);
  const Dialog& dialog = gone->dialog();
  const auto key = dialogs_.find(key_of(dialog.call_id(), dialog.local_tag(), dialog.remote_tag()));
  if (key != dialogs_.end() && key->second == id) dialogs_.erase(key);
  watch_flow(id, dialog.peer().flow, 0);
  const auto source = source_of_.extract(id);
  const auto count = source ? sources_.find(source.mapped()) : sources_.end();
  if (count != sources_.end() && --count->second == 0) sources_.erase(count);
}

void SubscriptionTable::watch_flow(std::uint64_t id, std::uint64_t before, std::uint64_t now) {
  if (const auto found = flows_.find(before); found != flows_.end()) {
    found->second.erase(id);
    if (found->second.empty()) flows_.erase(found);
  }
  if (now != 0) flows_[now].insert(id);
}

bool SubscriptionTable::valid_utf8(const base::SharedBytes& body) {
  if (!body) return true;
  if (body != last_body_) {
    last_body_ = body;
    last_utf8_ = base::valid_utf8(*body);
  }
  return last_utf8_;
}

}  // namespace sip
