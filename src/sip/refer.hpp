// Transfers: REFER in a dialog (RFC 3515, RFC 4488, RFC 3892) and calls that take another's place (RFC 3891). One thread (the
// agent's). Whether somebody may transfer, or may replace that call, is for the caller to decide.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/timeline.hpp"
#include "sip/user_agent.hpp"

namespace sip {

// RFC 3891 section 6.1.
struct Replaces {
  std::string call_id, to_tag, from_tag;
  bool early_only = false;
  static base::Result<Replaces> parse(std::string_view text);
  std::string to_string() const;         // a header's value again
};

struct ReferRequest {
  std::string target;                    // URI of whom to call: without headers and method parameter; any scheme
  std::string display_name;              // as written, not cleaned
  std::optional<Replaces> replaces;      // attended: whom that call replaces. Other headers of the URI are not taken
  std::string referred_by;               // URI; "" : not said. Claimed, not proven
  bool bye = false;                      // ;method=BYE: whoever is at `target` is to leave (RFC 4579 section 5.11)
  bool subscribe = true;                 // false: Refer-Sub: false, no NOTIFY
};
// What is asked, or what to answer.
std::expected<ReferRequest, Reply> parse_refer(const Message& request);

// The implicit subscription of a REFER: tells the transferor how the call to the target goes, in the same dialog. Destroy it
// in SessionHandler::on_ended() at the latest.
class ReferNotifier {
 public:
  // Answers the REFER with 202; "100 Trying" goes out at once (RFC 3515 section 2.4.4).
  ReferNotifier(Session& session, base::Timeline& timeline, RequestId id, const Message& request, const ReferRequest& refer);
  ~ReferNotifier();
  ReferNotifier(const ReferNotifier&) = delete;
  ReferNotifier& operator=(const ReferNotifier&) = delete;

  void progress(int status, std::string_view reason = {});   // 1xx of the new call
  void finish(int status, std::string_view reason = {});     // its end: 200, or why it failed. Nothing follows
  // A SUBSCRIBE in the session's dialog: answered, and true, when it is this one's refresh or end.
  bool on_subscribe(RequestId id, const Message& subscribe);
  bool active() const;                   // somebody still listens

 private:
  class State;
  std::shared_ptr<State> state_;
};

// What an INVITE's Replaces means (RFC 3891 section 3). Without that header, neither.
struct ReplacedCall {
  Session* session = nullptr;            // to be ended when the new call is accepted; early: cancelled
  std::optional<Reply> refusal;          // 400, 481, 486, 603
};
ReplacedCall find_replaced(UserAgent& agent, const Message& invite);

}  // namespace sip
