// What happens in the server, as Server-Sent Events (HTML Living Standard, section 9.2).
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "api/rest_token.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "net/http_stream.hpp"

namespace api {

// Any thread. The last events are kept, so that a client that comes back with Last-Event-ID misses none; one that was away
// for longer gets an event "reset" first and reads the state anew.
class EventStream {
 public:
  struct Limits {
    std::size_t events = 2048, bytes = 4 * 1024 * 1024;     // that are kept
    std::size_t clients = 200, clients_of_token = 20;
    std::size_t waiting = 512 * 1024;                       // bytes that wait for one client; then it is cut off
    base::Duration linger = std::chrono::minutes(1);        // events are still kept when the last client has gone
    base::Duration heartbeat = std::chrono::seconds(15);
  };
  EventStream() : EventStream(Limits{}) {}
  explicit EventStream(Limits limits);

  // Is anybody listening, or expected back? Otherwise nothing need be published.
  bool wanted() const { return wanted_.load(std::memory_order_relaxed); }
  // `data`: JSON in one line. `details` goes instead of it to those whose token has messages:read; "" : nothing else.
  void publish(std::string_view type, std::string data, std::string details = {});

  struct Request {
    std::shared_ptr<const ApiToken> token;
    std::string last_event_id;
    std::vector<std::string> types;                         // "room", "message.sent" ...; empty: all
  };
  // kUnavailable: too many clients, of all or of that token.
  base::Result<std::shared_ptr<net::HttpStream>> open(Request request, base::TimePoint now);
  // Once a second or so: heartbeats; ends what belongs to a token that is revoked.
  void tick(const ApiTokens& tokens, base::TimePoint now);
  void close();
  std::size_t clients() const;

 private:
  struct Event {
    std::uint64_t number = 0;
    std::string type;
    base::SharedBytes plain, detailed;                      // the same where there are no details
  };
  struct Client {
    Request request;
    std::shared_ptr<net::HttpStream> stream;
  };
  static bool asks_for(const Client& client, std::string_view type);
  static void give(const Client& client, const Event& event);
  void replay(const Client& client) const;
  void forget_closed();

  const Limits limits_;
  const std::string epoch_;                                 // of this run of the server: a number of another one is unknown here
  std::atomic<bool> wanted_ = false;
  mutable std::mutex mutex_;
  std::deque<Event> events_;
  std::size_t bytes_ = 0;
  std::uint64_t last_ = 0;
  std::vector<Client> clients_;
  base::TimePoint last_client_{}, last_heartbeat_{};
  bool closed_ = false;
};

}  // namespace api
