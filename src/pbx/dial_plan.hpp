// Where a dialled number goes: ordered rules, then the default (an account, a group, a queue or a room of that name). A pure
// function of who calls, what is dialled and when; nothing of it reaches a command or a file name that isn't configured.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "pbx/time_zone.hpp"

namespace pbx {

// Who asks. Of a transfer or a forward: the one who transfers or forwards.
struct DialCaller {
  enum class Kind { kGuest, kAccount, kClient /* of a webphone line */, kTrunk, kApi };
  Kind kind = Kind::kGuest;
  std::string name;                    // account, client's number or trunk; "" : a guest, the API
  std::string line;                    // of a client
  bool may_external = true;            // a client's privilege
};

struct Destination {
  enum class Kind { kDefault, kRoom, kAccount, kGroup, kQueue, kTrunk, kEcho, kTone, kPlay, kRefuse };
  Kind kind = Kind::kDefault;
  std::string name;                    // of room, account (or client), group, queue, trunk; file of kPlay; kDefault: what was dialled
  std::string number;                  // at the trunk
  std::string caller_number;           // towards a trunk; "" : by the trunk's own rule
  int tone = 440;                      // Hz, of kTone
  int status = 404;                    // of kRefuse, 400 to 699
  std::string reason;                  // "" : the status's own
  std::string rule;                    // which one took it; "" : none
};

struct DialRuleConfig {
  std::string name;
  std::string pattern;                 // RE2, of the whole number, without case as names are; (?P<name>...) captures
  std::vector<std::string> from;       // "accounts", "guests", "clients", "trunks", "api", "account:NAME", "line:NAME", "trunk:NAME"; empty: everybody
  std::vector<std::string> times;      // "mon-fri 08:00-18:00", "sat", "22:00-06:00"; empty: always
  // "room:NAME", "account:NAME", "group:NAME", "queue:NAME", "trunk:NAME", "echo", "tone", "tone:HZ", "play:FILE", "refuse:STATUS",
  // "refuse:STATUS REASON". {name} stands for a capture, {number} for what was dialled, unless a capture has that name; what a
  // caller dialled names no file, tone or status.
  std::string to;
  std::string number;                  // to a trunk; as `to`; "" : {number}
  std::string caller_number;           // to a trunk; as `to`
  friend bool operator==(const DialRuleConfig&, const DialRuleConfig&) = default;
};

struct DialPlanConfig {
  std::vector<DialRuleConfig> rules;
  std::string time_zone;               // of `times`, as "Europe/Berlin"; "" : the machine's
  friend bool operator==(const DialPlanConfig&, const DialPlanConfig&) = default;
};

// Thread: any; it never changes.
class DialPlan {
 public:
  static constexpr std::size_t kMaxNumber = 256;     // bytes; longer ones are refused, 404
  static constexpr std::size_t kNoRule = ~std::size_t{0};

  struct Fault {
    std::size_t rule = kNoRule;                      // its index; kNoRule: the time zone
    std::string key;                                 // of the rule, as "pattern"
    std::string detail;
  };
  // kMalformed: a rule that can't be; the detail names it and the fault. Its index goes to `at` where not null, kNoRule where
  // it is the time zone; to `all`, of each rule the first fault.
  static base::Result<DialPlan> make(const DialPlanConfig& config, std::size_t* at = nullptr, std::vector<Fault>* all = nullptr);
  DialPlan();                                        // no rules
  DialPlan(DialPlan&&) noexcept;
  DialPlan& operator=(DialPlan&&) noexcept;
  ~DialPlan();

  // A rule to a trunk counts for guests and for callers from a trunk only where its `from` names them (toll fraud, survival
  // item 24), and for clients only with the privilege of external calls. What is dialled is cleaned first, as rooms' names are
  // (base::clean_display_name): nobody gets past a rule by a character that isn't seen. A text that this leaves nothing of,
  // or too long, is refused.
  Destination find(const DialCaller& caller, std::string_view number, base::WallTime when) const;

  // For people: one line for each rule, in order, up to the one that takes the call: why it does or doesn't.
  std::vector<std::string> explain(const DialCaller& caller, std::string_view number, base::WallTime when) const;

  // Where a rule leads, whatever is dialled: `name` is "" where it depends on that.
  Destination target(std::size_t rule) const;
  const TimeZone& time_zone() const { return zone_; }

 private:
  struct Rule;
  struct Moment;
  std::vector<std::unique_ptr<Rule>> rules_;
  TimeZone zone_;
};

struct GroupConfig {
  std::string name;                    // compared without case
  std::vector<std::string> members;    // accounts or clients' numbers
  enum class Strategy { kAll, kInOrder } strategy = Strategy::kAll;
  std::chrono::seconds ring_time{20};  // of each member, in order
  friend bool operator==(const GroupConfig&, const GroupConfig&) = default;
};

}  // namespace pbx
