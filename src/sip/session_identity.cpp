// Whom the peer speaks with now: told by what goes out anyway, else by an UPDATE or a re-INVITE of its own (RFC 3311, RFC 3325).
#include "sip/session.hpp"

namespace sip {
namespace {

constexpr std::chrono::milliseconds kIdentityDelay{100};   // for a re-INVITE that comes of the same change
constexpr std::chrono::seconds kIdentityAgain{2};
constexpr int kMaxIdentityTries = 3;

}  // namespace

void SessionImpl::tell_identity(std::string_view lines) {
  if (finished_ || lines == identity_lines_) return;
  identity_lines_ = lines;
  identity_tries_ = 0;
  identity_due_ = state_ != State::kProceeding;   // else the 2xx brings it
  if (identity_due_) wait_to_tell(kIdentityDelay);
}

void SessionImpl::wait_to_tell(base::Duration delay) {
  core_.timeline.cancel(identity_timer_);
  identity_timer_ = core_.after(delay, [this] {
    identity_timer_ = 0;
    send_identity();
  });
}

// When nothing is outstanding: a phone may well refuse an UPDATE in the midst of a re-INVITE.
void SessionImpl::send_identity() {
  if (!identity_due_ || identity_timer_ != 0 || finished_ || state_ != State::kConfirmed) return;
  if (reinvite_ != 0 || accepted_ || offer_timer_ != 0 || refreshing_ || !dialog_->reachable()) return;
  if (!peer_update_) {
    refresh_by_offer_ = true;
    return try_offer();
  }
  identity_due_ = false;
  identity_by_update_ = refreshing_ = send_update();
}

// A name that is not taken is no reason to end a call, whatever the answer.
void SessionImpl::on_identity_refused(int status, const Message* response) {
  if (session_timer_.active() && session_timer_.we_refresh() && refresh_timer_ == 0) start_session_timer();   // it fell due meanwhile
  if (status == 405 || status == 501) {
    peer_update_ = false;
    identity_due_ = true;
    return send_identity();
  }
  if (status == 422 && response != nullptr) session_timer_.raise(*response);
  // Busy with something else, or no answer at all. Anything else is a refusal.
  const bool again = status == 403 || status == 408 || status == 422 || status == 491 || status == 500 || status == 503 || status == 504;
  if (!again || ++identity_tries_ >= kMaxIdentityTries) return;
  identity_due_ = true;
  wait_to_tell(kIdentityAgain * identity_tries_);
}

}  // namespace sip
