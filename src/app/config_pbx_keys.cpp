// The keys of what rings: accounts, rules, groups, queues and trunks.
#include "app/config_keys.hpp"
#include "app/config_values.hpp"
#include "base/text.hpp"
#include "store/store.hpp"

namespace app {
namespace {

using namespace values;

constexpr std::size_t kMaxPassword = 1024;

const Choices<pbx::GroupConfig::Strategy> kStrategies = {{"all", pbx::GroupConfig::Strategy::kAll}, {"in_order", pbx::GroupConfig::Strategy::kInOrder}};
const Choices<TrunkSettings::Srtp> kSrtp = {{"off", TrunkSettings::Srtp::kOff}, {"offer", TrunkSettings::Srtp::kOffer}};
const Choices<std::string> kTransports = {{"udp", "udp"}, {"tcp", "tcp"}, {"tls", "tls"}};

std::string check_account_name(std::string_view text) {
  return store::is_account_name(text) ? "" : "must have 1 to 64 letters, digits and . _ - + and nothing else";
}

std::string check_display_name(std::string_view text) {
  return base::clean_display_name(text) == text ? "" : "must have at most 80 characters, no control characters and no white space around it";
}

std::string check_password(std::string_view text) {
  return text.empty() || text.size() > kMaxPassword ? "must have 1 to 1024 bytes" : no_check(text);
}

}  // namespace

const std::vector<ConfigKey<AccountSettings>>& account_keys() {
  using A = AccountSettings;
  static const std::vector<ConfigKey<A>> keys = {
      {"name", "string", "", "What it is called by, and signs in with: letters, digits and `. _ - +`; its case counts.", text(&A::name, check_account_name)},
      {"display_name", "string", "\"\"", "What others see.", text(&A::display_name, check_display_name)},
      {"password", "string", "", "Its password. A file with passwords is for its owner alone (mode 0600).", text(&A::password, check_password)},
  };
  return keys;
}

const std::vector<ConfigKey<pbx::DialRuleConfig>>& rule_keys() {
  using R = pbx::DialRuleConfig;
  static const std::vector<ConfigKey<R>> keys = {
      {"name", "string", "\"\"", "For people; empty: its place in the file.", text(&R::name)},
      {"pattern", "regular expression", "", "Of the whole number, without case ([RE2](https://github.com/google/re2/wiki/Syntax)); `(?P<x>...)` captures.", text(&R::pattern, check_not_empty)},
      {"from", "list of strings", "[]", "Who calls: `accounts`, `guests`, `clients` (of webphone lines), `trunks`, `api`, `account:NAME`, `line:NAME`, `trunk:NAME`. Empty: everybody.",
       texts(&R::from, 0, check_not_empty)},
      {"times", "list of strings", "[]", "When, as `\"mon-fri 08:00-18:00\"`, `\"sat,sun\"`, `\"22:00-06:00\"`; empty: always.", texts(&R::times, 0, check_not_empty)},
      {"to", "string", "",
       "`room:NAME`, `account:NAME`, `group:NAME`, `queue:NAME`, `trunk:NAME`, `echo`, `tone`, `tone:HZ`, `play:FILE`, `refuse:STATUS` or `refuse:STATUS REASON`. "
       "In names `{x}` stands for what `x` captured, `{number}` for what was dialled.",
       text(&R::to, check_not_empty)},
      {"number", "string", "\"\"", "What a trunk is asked for, as `\"+49{x}\"`; empty: what was dialled.", text(&R::number)},
      {"caller_number", "string", "\"\"", "What a trunk is told of the caller; empty: as the trunk has it.", text(&R::caller_number)},
  };
  return keys;
}

const std::vector<ConfigKey<pbx::GroupConfig>>& group_keys() {
  using G = pbx::GroupConfig;
  static const std::vector<ConfigKey<G>> keys = {
      {"name", "string", "", "What is dialled; compared without case.", text(&G::name, check_line_name)},
      {"members", "list of strings", "", "Accounts, or numbers of webphones.", texts(&G::members, 1, check_not_empty)},
      {"strategy", "string", "\"all\"", "`all` ring at once, or `in_order`, one after the other.", choice(&G::strategy, kStrategies)},
      {"ring_time", "seconds", "20", "How long each one rings, `in_order`, 3 to 600.", integer(&G::ring_time, 3, 600)},
  };
  return keys;
}

const std::vector<ConfigKey<pbx::QueueConfig>>& queue_keys() {
  using Q = pbx::QueueConfig;
  static const std::vector<ConfigKey<Q>> keys = {
      {"name", "string", "", "What is dialled; compared without case.", text(&Q::name, check_line_name)},
      {"agents", "list of strings", "[]", "Accounts that see who waits, and take them.", texts(&Q::agents, 0, check_not_empty)},
      {"max_waiting", "integer", "100", "Callers at a time, 1 to 10000; the next one is answered 486.", integer(&Q::max_waiting, 1, 10'000)},
      {"max_wait", "seconds", "0", "How long a caller waits before he is let go (480), 0 to 86400; 0: as long as he likes.", integer(&Q::max_wait, 0, 86'400)},
      {"music", "path", "\"\"", "What they hear meanwhile; empty: the music of `[sounds]`.", text(&Q::music)},
  };
  return keys;
}

const std::vector<ConfigKey<TrunkSettings>>& trunk_keys() {
  using T = TrunkSettings;
  static const std::vector<ConfigKey<T>> keys = {
      {"name", "string", "", "For rules and logs; compared without case.", text(&T::name, check_line_name)},
      {"server", "HOST or HOST:PORT", "", "The provider's SIP server; without a port its SRV records are looked up.", text(&T::server, check_host_port)},
      {"transport", "string", "\"udp\"", "`udp`, `tcp` or `tls`.", choice(&T::transport, kTransports)},
      {"outbound_proxy", "HOST or HOST:PORT", "\"\"", "Where requests are sent instead; empty: to the server.", text(&T::outbound_proxy, check_host_port)},
      {"username", "string", "\"\"", "Of our account there.", text(&T::username)},
      {"password", "string", "\"\"", "Its password, which is used for this provider and realm alone.", text(&T::password)},
      {"realm", "string", "\"\"", "Of its challenges; empty: the server's host name.", text(&T::realm)},
      {"domain", "string", "\"\"", "Of our address there; empty: the server's host name.", text(&T::domain)},
      {"register", "boolean", "false", "Register there, so that calls come?", boolean(&T::registers)},
      {"expires", "seconds", "600", "Of a registration, 60 to 86400.", integer(&T::expires, 60, 86'400)},
      {"addresses", "list of IP addresses", "[]", "From where its calls come, beside the addresses of `server`.", ips(&T::addresses)},
      {"caller_number", "string", "\"\"", "What it is told of every caller; empty: the caller's own number where that is one, else `username`.", text(&T::caller_number)},
      {"number", "string", "\"\"", "What calls from it are taken to dial where they name no number of ours; empty: what they dial.", text(&T::number)},
      {"show_caller_name", "boolean", "true", "Is it told the callers' names?", boolean(&T::show_caller_name)},
      {"max_calls", "integer", "0", "Calls at a time, out and in, 0 to 100000; 0: no limit.", integer(&T::max_calls, 0, 100'000)},
      {"verify_certificate", "boolean", "true", "Over TLS, must the server's certificate be for its name?", boolean(&T::verify_certificate)},
      {"ca_file", "path", "\"\"", "PEM file of who may have signed it; empty: whom the system trusts.", text(&T::ca_file)},
      {"srtp", "string", "\"off\"", "Calls to it: `off` offers plain RTP; `offer`, over TLS alone, SRTP with keys in the SDP (RFC 4568) and nothing else. `[media] sdes` does not count for them.",
       choice(&T::srtp, kSrtp)},
  };
  return keys;
}

}  // namespace app
