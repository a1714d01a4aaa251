// Webphone lines and their clients: pages that are connected, each by a number of its own, and who of them is there.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "base/timeline.hpp"
#include "pbx/accounts.hpp"
#include "pbx/tokens.hpp"

namespace pbx {

struct LineConfig {
  std::string name;                              // "Webphone1"; compared without case
  enum class Access { kOpen, kPassword, kToken } access = Access::kOpen;
  std::string password;                          // for kPassword
  std::vector<std::string> origins;              // of pages that may connect; empty: every one for an open line, else the server's own
  std::string default_target;                    // where a call without a number goes; "" : nowhere (404)
  bool call_clients = true, call_accounts = true, call_rooms = true;   // queues may be called in any case
  enum class Roster { kEverybody, kNobody } roster = Roster::kEverybody;   // whom its clients are told of
  std::size_t number_length = 6;                 // of generated numbers: letters and digits, 5.95 bits each
  std::uint32_t number_min = 0, number_max = 0;  // not 0: numbers out of this range instead, which can be guessed
  std::size_t max_clients = 5000;
  std::chrono::seconds grace{10};                // a client whose connection is lost keeps number and call for this long
};

using ClientProperties = std::vector<std::pair<std::string, std::string>>;   // keys' case kept; in order

struct WebphoneClient {
  std::string number, line, display_name;        // line "" : an extension's
  std::string room;                              // "" : any; else the only one that it may call
  Privileges may;
  ClientProperties properties;
  std::string secret, resume_token;              // secrets of the page alone: with it a line's client registers, and any asks by HTTP
  bool extension = false;                        // signed in as an account, by whose name it is called
  std::string proven;                            // an extension's: the hash of the password that it knew
  bool online = false;
  base::TimePoint lost_at = base::kNever;        // its connection is gone since; kNever: it is there, or never was
  base::TimerQueue::Id timer = 0;                // to be there by, or back
  std::string description;                       // {"phoneNumber":...,"displayName":...,"status":...,"properties":{...}}
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
  Webphone(std::vector<LineConfig> lines, TokenKeys tokens, std::string realm, Accounts& accounts, base::Timeline& timeline);
  ~Webphone();
  void set_listener(RosterListener& listener) { listener_ = &listener; }
  // Called for each page that connect() refuses for its origin.
  void on_refused_origin(std::function<void(const LineConfig& line, std::string_view origin)> report) { report_origin_ = std::move(report); }
  // Accounts that may supervise when they sign in as extensions.
  void set_supervisors(std::vector<std::string> accounts) { supervisors_ = std::move(accounts); }
  bool is_supervisor(std::string_view account) const { return std::find(supervisors_.begin(), supervisors_.end(), account) != supervisors_.end(); }

  struct ConnectRequest {
    std::string line, display_name, password, token, resume;
    std::string origin;                          // "" : no page, or one of the server's own
    ClientProperties properties;
  };
  // kNotFound: no such line; kDenied: origin, password or token; kUnavailable: the line is full. The client is listed
  // when it has registered. `line` is a line's name, an account's (with its password), or a token; with `token` it may be "".
  base::Result<const WebphoneClient*> connect(const ConnectRequest& request);

  const LineConfig* find_line(std::string_view name) const;
  const WebphoneClient* find(std::string_view number) const;
  // A number that was a client's not long ago, and is nobody's now.
  bool is_gone(std::string_view number) const { return gone_numbers_.contains(std::string(number)); }
  // May a page of `origin` speak to `line`?
  static bool origin_allowed(const LineConfig& line, std::string_view origin);
  // Who sends "NUMBER.SECRET" as a bearer of the HTTP API. Null: nobody. An extension gets its secret by connect(), too; it holds
  // no longer than the account and its password do.
  const WebphoneClient* bearer(std::string_view credentials) const;

  // The account's password holds no more: its client, secret included, is gone.
  void sign_off(const std::string& account);

  // From the registrar: the client's contact came, went in order, or was lost with its connection.
  void on_registered(std::string_view number);
  void on_unregistered(std::string_view number, bool orderly);

  // Those of `line` that are online.
  std::vector<const WebphoneClient*> online(std::string_view line) const;
  std::size_t clients() const { return clients_.size(); }
  const std::vector<LineConfig>& lines() const { return lines_; }

 private:
  using Connected = base::Result<const WebphoneClient*>;
  Connected connect_to(const LineConfig& line, const ConnectRequest& request, const TokenClaims* token);
  Connected connect_extension(const ConnectRequest& request);
  WebphoneClient* resumed(std::string_view token, std::string_view line);
  WebphoneClient& add(std::unique_ptr<WebphoneClient> client, const ConnectRequest& request);
  std::string new_number(const LineConfig& line) const;
  bool is_free(const std::string& number) const;
  std::size_t clients_of(std::string_view line) const;
  void set_online(WebphoneClient& client, bool online);
  void remove(std::string number);
  void give_grace(WebphoneClient& client, base::Duration grace);

  const std::vector<LineConfig> lines_;
  const TokenKeys tokens_;
  std::vector<std::string> supervisors_;
  const std::string realm_;
  Accounts& accounts_;
  base::Timeline& timeline_;
  RosterListener* listener_ = nullptr;
  std::function<void(const LineConfig&, std::string_view)> report_origin_;
  std::map<std::string, std::unique_ptr<WebphoneClient>, std::less<>> clients_;                        // by number
  std::deque<std::string> gone_;                                                                       // numbers; bounded
  std::unordered_set<std::string> gone_numbers_;                                                       // the same
  std::unordered_map<std::string, std::string> numbers_;                                               // by resume token
  std::map<std::string, std::map<std::string, const WebphoneClient*, std::less<>>, std::less<>> by_line_;
};

}  // namespace pbx
