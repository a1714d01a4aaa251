// Webphone lines and their clients: pages that are connected, each by a number of its own, and who of them is there.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "base/timeline.hpp"
#include "pbx/accounts.hpp"

namespace pbx {

struct LineConfig {
  std::string name;                              // "Webphone1"
  enum class Access { kOpen, kPassword, kToken } access = Access::kOpen;
  std::string password;                          // for kPassword
  std::vector<std::string> origins;              // of pages that may connect; empty: every one for an open line, none else
  std::string default_target;                    // where a call without a number goes; "" : nowhere (404)
  bool call_clients = true, call_accounts = true, call_rooms = true;
  std::size_t number_length = 6;                 // of generated numbers: letters and digits, 5.95 bits each
  std::size_t max_clients = 5000;
  std::chrono::seconds grace{10};                // a client whose connection is lost keeps number and call for this long
};

using ClientProperties = std::vector<std::pair<std::string, std::string>>;   // keys' case kept; in order

struct WebphoneClient {
  std::string number, line, display_name;
  ClientProperties properties;
  std::string secret, resume_token;              // secrets of the page alone
  bool online = false;
  base::TimePoint last_seen{};
  base::TimerQueue::Id timer = 0;                // to be there by, or back
};

// What a line's clients are told of each other.
class RosterListener {
 public:
  virtual ~RosterListener() = default;
  /// called when a client of `line` came (online) or went; never twice in a row the same for one
  virtual void on_roster_changed(std::string_view line, const WebphoneClient& client) = 0;
  /// called when a client is gone for good: its calls end, its contacts are forgotten
  virtual void on_client_gone(const WebphoneClient& client) = 0;
};

// Thread: the shard's.
class Webphone {
 public:
  Webphone(std::vector<LineConfig> lines, std::string realm, Accounts& accounts, base::Timeline& timeline);
  ~Webphone();
  void set_listener(RosterListener& listener) { listener_ = &listener; }

  struct ConnectRequest {
    std::string line, display_name, password, resume, origin;
    ClientProperties properties;
    bool authorized = false;                     // by a token that was checked for this line
  };
  // kNotFound: no such line; kDenied: origin, password or token; kUnavailable: the line is full. The client is listed
  // when it has registered.
  base::Result<const WebphoneClient*> connect(const ConnectRequest& request);

  const LineConfig* find_line(std::string_view name) const;
  const WebphoneClient* find(std::string_view number) const;
  // May a page of `origin` speak to `line`?
  static bool origin_allowed(const LineConfig& line, std::string_view origin);

  // From the registrar: the client's contact came, went in order, or was lost with its connection.
  void on_registered(std::string_view number);
  void on_unregistered(std::string_view number, bool orderly);

  // {"version":n,"full":true,"clients":[...]} of `line` for `viewer` (never itself), and for one change.
  std::string full_roster(std::string_view line, std::string_view viewer) const;
  std::string roster_change(const WebphoneClient& client);
  std::size_t clients() const { return clients_.size(); }

 private:
  std::string new_number(const LineConfig& line) const;
  void set_online(WebphoneClient& client, bool online);
  void remove(std::string number);
  void give_grace(WebphoneClient& client, std::chrono::seconds grace);

  const std::vector<LineConfig> lines_;
  const std::string realm_;
  Accounts& accounts_;
  base::Timeline& timeline_;
  RosterListener* listener_ = nullptr;
  std::map<std::string, std::unique_ptr<WebphoneClient>, std::less<>> clients_;   // by number
  std::uint64_t version_ = 0;
};

}  // namespace pbx
