#include "api/event_stream.hpp"

#include <fmt/format.h>

#include "base/random.hpp"
#include "base/text.hpp"

namespace api {

EventStream::EventStream(Limits limits) : limits_(limits), epoch_(base::random_token(6)) {}

bool EventStream::asks_for(const Client& client, std::string_view type) {
  const auto& types = client.request.types;
  return types.empty() || std::any_of(types.begin(), types.end(), [&](const auto& t) { return type.substr(0, type.find('.')) == t || type == t; });
}

void EventStream::give(const Client& client, const Event& event) {
  if (!asks_for(client, event.type)) return;
  const bool details = (client.request.token->scopes & scope::kMessagesRead) != 0;
  client.stream->write(details ? event.detailed : event.plain);
}

void EventStream::publish(std::string_view type, std::string data, std::string details) {
  if (!wanted()) return;
  const std::lock_guard lock(mutex_);
  const auto frame = [&](const std::string& text) { return base::share(fmt::format("id: {}-{}\nevent: {}\ndata: {}\n\n", epoch_, last_, type, text)); };
  ++last_;
  Event event{.number = last_, .type = std::string(type), .plain = frame(data), .detailed = nullptr};
  event.detailed = details.empty() ? event.plain : frame(details);
  for (const auto& client : clients_) give(client, event);
  bytes_ += event.detailed->size();
  events_.push_back(std::move(event));
  while (events_.size() > limits_.events || (bytes_ > limits_.bytes && events_.size() > 1)) {
    bytes_ -= events_.front().detailed->size();
    events_.pop_front();
  }
}

// Nothing is said to one who is new, or has missed nothing.
void EventStream::replay(const Client& client) const {
  const auto& id = client.request.last_event_id;
  if (id.empty()) return;
  const auto dash = id.rfind('-');
  const auto number = dash == id.npos ? std::nullopt : base::parse_decimal(std::string_view(id).substr(dash + 1));
  const auto first = events_.empty() ? last_ + 1 : events_.front().number;
  if (!number || id.substr(0, dash) != epoch_ || *number > last_ || *number + 1 < first) {
    client.stream->write(base::share("event: reset\ndata: {\"reason\":\"what happened since is not known any more\"}\n\n"));
    return;
  }
  for (const auto& event : events_) {
    if (event.number > *number) give(client, event);
  }
}

base::Result<std::shared_ptr<net::HttpStream>> EventStream::open(Request request, base::TimePoint now) {
  const std::lock_guard lock(mutex_);
  forget_closed();
  const auto own = static_cast<std::size_t>(
      std::count_if(clients_.begin(), clients_.end(), [&](const auto& c) { return c.request.token->id == request.token->id; }));
  if (closed_ || clients_.size() >= limits_.clients || own >= limits_.clients_of_token) {
    return base::fail(base::ErrorCode::kUnavailable, own >= limits_.clients_of_token ? "too many event streams of this token" : "too many event streams");
  }
  Client client{std::move(request), std::make_shared<net::HttpStream>(limits_.waiting)};
  client.stream->write(base::share(fmt::format("retry: 2000\nid: {}-{}\n: the events of Parley\n\n", epoch_, last_)));
  replay(client);
  // What was to be replayed may be more than may wait.
  if (!client.stream->is_open()) return base::fail(base::ErrorCode::kUnavailable, "too much has happened since: come without Last-Event-ID");
  auto stream = client.stream;
  clients_.push_back(std::move(client));
  last_client_ = now;
  wanted_ = true;
  return stream;
}

void EventStream::forget_closed() {
  std::erase_if(clients_, [](const auto& c) { return !c.stream->is_open(); });
}

void EventStream::tick(const ApiTokens& tokens, base::TimePoint now) {
  const std::lock_guard lock(mutex_);
  for (const auto& client : clients_) {
    if (!tokens.holds(client.request.token->id)) client.stream->end();
  }
  forget_closed();
  if (now - last_heartbeat_ >= limits_.heartbeat) {
    last_heartbeat_ = now;
    static const auto beat = base::share(": \n\n");
    for (const auto& client : clients_) client.stream->write(beat);
  }
  if (!clients_.empty()) last_client_ = now;
  if (wanted() && clients_.empty() && now - last_client_ > limits_.linger) {
    // From here on events are not kept: nobody may believe that he missed none.
    ++last_;
    events_.clear();
    bytes_ = 0;
    wanted_ = false;
  }
}

void EventStream::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  for (const auto& client : clients_) client.stream->end();
  clients_.clear();
  wanted_ = false;
}

std::size_t EventStream::clients() const {
  const std::lock_guard lock(mutex_);
  return clients_.size();
}

}  // namespace api
