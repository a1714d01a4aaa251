// Who is on a webphone line, as a subscription (RFC 6665, package "parley-roster"): first the whole, then what changes.
//   {"version":7,"full":true,"clients":[{"phoneNumber":"Qdb3Wx","displayName":"Ann","status":"ONLINE","properties":{}}]}
//   {"version":8,"since":7,"full":false,"clients":[...]}    what is another than at version `since`
// A subscriber is never told of itself. Changes within a moment go out together; one body is shared by all whom it goes to.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/timeline.hpp"
#include "pbx/webphone.hpp"
#include "sip/subscription.hpp"

namespace pbx {

// Thread: the shard's.
class WebphoneRoster final : public sip::SubscriptionHandler {
 public:
  static constexpr std::string_view kPackage = "parley-roster";
  static constexpr std::string_view kType = "application/vnd.parley.roster+json";
  static constexpr std::size_t kMaxBody = 2 << 20;             // bytes; of a fuller line the whole is cut there
  static constexpr std::size_t kMaxSubscriptions = 10;         // of one client: those without a connection go first, then 503

  WebphoneRoster(const Webphone& webphone, base::Timeline& timeline) : webphone_(webphone), timeline_(timeline) {}
  ~WebphoneRoster() override;

  // A SUBSCRIBE of `client` to `target` (a user part); refused when it is not its own line or itself.
  sip::SubscriptionHandler* subscribe(sip::Subscription& subscription, const WebphoneClient& client, std::string_view target);
  void on_changed(const WebphoneClient& client);
  void on_client_gone(const WebphoneClient& client);

  // sip::SubscriptionHandler
  void on_refresh(sip::Subscription& subscription, std::chrono::seconds expires) override;
  void on_flow_lost(sip::Subscription& subscription) override;
  void on_delivered(sip::Subscription& subscription) override;
  void on_terminated(sip::Subscription& subscription, const sip::SubscriptionEnd& end) override;

 private:
  using Changes = std::vector<std::pair<std::string, std::string>>;   // number, what it is now; each number once
  struct Subscriber {
    sip::Subscription* subscription = nullptr;
    std::string number, line;
    std::uint64_t version = 0;           // that it has, or will have when what is on its way has come
    bool busy = false;                   // something is on its way
    bool lost = false;
  };
  struct Line {
    std::uint64_t version = 0;
    Changes pending;
    std::deque<Changes> log;             // the last ones: the newest leads to `version`
    std::map<std::uint64_t, base::SharedBytes> bodies;   // from an older version to this one
    std::unordered_map<std::uint64_t, Subscriber*> subscribers;
    base::TimePoint last_publish{};
    base::TimerQueue::Id timer = 0;
  };

  bool hides(const std::string& line) const;
  void publish(Line& line);
  void send_full(Subscriber& subscriber);
  void send_changes(Line& line, Subscriber& subscriber);
  std::vector<Subscriber*> of(const std::string& number) const;
  static std::string changes_body(const Line& line, std::uint64_t since, std::string_view but);
  void give(Subscriber& subscriber, const base::SharedBytes& body);
  bool make_room(const std::string& number);
  void drop_idle(const std::string& line);

  const Webphone& webphone_;
  base::Timeline& timeline_;
  std::map<std::string, Line, std::less<>> lines_;
  std::unordered_map<std::uint64_t, Subscriber> subscribers_;          // by subscription
  std::unordered_multimap<std::string, Subscriber*> by_number_;
};

}  // namespace pbx
