// Offers within a dialog: re-INVITE and UPDATE both ways (RFC 3261 section 14, RFC 3311), and the session timers that ride on
// them (RFC 4028).
#include <algorithm>

#include "base/random.hpp"
#include "base/text.hpp"
#include "sip/session.hpp"

namespace sip {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kMaxOfferRetries = 10;     // of 403 and 500; 491 has no limit
constexpr seconds kReinviteGuard{60};    // a re-INVITE that only gets 1xx is cancelled then

// Section 14.1: the owner of the Call-ID waits 2.1 to 4 s, the other 0 to 2 s, in steps of 10 ms.
milliseconds glare_delay(bool owner) {
  const std::uint32_t random = base::random_u32();
  return owner ? milliseconds(2100 + 10 * (random % 191)) : milliseconds(10 * (random % 201));
}

std::optional<seconds> retry_after(const Message& response) {
  const std::string_view value = response.value(HeaderId::kRetryAfter);
  const auto number = base::parse_decimal(base::trim(value.substr(0, value.find_first_of(" ;("))));
  if (!number) return std::nullopt;
  return seconds(std::min<std::uint64_t>(*number, 30));
}

}  // namespace

void SessionImpl::reoffer() {
  offer_wanted_ = true;
  try_offer();
}

// One at a time: nothing outstanding in either direction, the dialog confirmed and its peer within reach.
void SessionImpl::try_offer() {
  if (finished_ || state_ != State::kConfirmed || reinvite_ != 0 || accepted_ || offer_timer_ != 0) return;
  if ((!offer_wanted_ && !refresh_by_offer_) || !dialog_->reachable()) return send_identity();
  offer_wanted_ = false;
  const auto sdp = handler_->make_offer();
  if (finished_ || reinvite_ != 0) return;
  if (!sdp && !refresh_by_offer_) return send_identity();
  refresh_by_offer_ = false;
  std::string lines = "Contact: " + dialog_->contact(core_.network) + "\r\nAllow: " + core_.config.allow + "\r\nSupported: timer\r\n";
  if (session_timer_.active()) lines += session_timer_.request_lines(false);
  lines += identity_lines_;
  InDialog invite;
  invite.kind = RequestKind::kReinvite;
  invite.method = Method::kInvite;
  invite.method_text = "INVITE";
  invite.headers = lines;
  if (sdp) {
    invite.content_type = "application/sdp";
    invite.body = base::share(*sdp);
    invite.utf8 = base::valid_utf8(*sdp);
  }
  reinvite_offered_ = sdp.has_value();
  reinvite_ = send(*dialog_, invite, nullptr, &reinvite_cseq_);
  if (reinvite_ == 0) return retry_offer(seconds(1));   // no room for a transaction
  identity_due_ = false;
  core_.timeline.cancel(guard_timer_);
  guard_timer_ = core_.after(std::max(kReinviteGuard, patience_), [this] {
    guard_timer_ = 0;
    core_.transactions().cancel(reinvite_, {});
  });
}

void SessionImpl::retry_offer(base::Duration delay) {
  offer_wanted_ = true;
  core_.timeline.cancel(offer_timer_);
  offer_timer_ = core_.after(delay, [this] {
    offer_timer_ = 0;
    try_offer();
  });
}

void SessionImpl::on_reinvite_response(const MessagePtr& response) {
  const int status = response->status();
  if (status < 200) return;
  if (status / 100 == 2) return on_reinvite_2xx(response);
  on_reinvite_refused(status, response.get());
}

void SessionImpl::on_reinvite_2xx(const MessagePtr& response) {
  if (reinvite_ == 0 || response->cseq().number != reinvite_cseq_) {
    if (response->cseq().number == ack_cseq_ && ack_.head && dialog_->reachable()) {
      core_.network.send(dialog_->next_hop(core_.network), ack_);
    }
    return;
  }
  reinvite_ = 0;
  core_.timeline.cancel(guard_timer_);
  if (finished_) return send_ack(*dialog_, reinvite_cseq_, {}, true);
  offer_retries_ = 0;
  dialog_->refresh_target(*response);
  take_peer_abilities(*response);
  if (session_timer_.active()) {
    session_timer_.take_response(*response);
    start_session_timer();
  }
  const std::string_view sdp = response->media_type() == "application/sdp" ? response->body() : std::string_view{};
  if (reinvite_offered_) {
    send_ack(*dialog_, reinvite_cseq_, {}, true);
    if (sdp.empty()) {
      handler_->on_offer_failed(488);
    } else {
      handler_->on_answer(sdp);
    }
  } else {
    const auto answer = sdp.empty() ? base::fail(base::ErrorCode::kMalformed) : handler_->on_offer(sdp);
    if (finished_) return;
    send_ack(*dialog_, reinvite_cseq_, answer.value_or(""), true);
    if (!answer) return end_by_bye(EndCause::kRejected, 488, "refresh", "Reason: SIP;cause=488\r\n");
  }
  if (!finished_) try_offer();
}

// `response` null: a time-out or a lost connection.
void SessionImpl::on_reinvite_refused(int status, const Message* response) {
  reinvite_ = 0;
  core_.timeline.cancel(guard_timer_);
  if (finished_) return;
  const bool refresh = !reinvite_offered_;
  if (status == 481 && response != nullptr) return;   // the caller ends the session
  if (status == 491) return retry_offer(glare_delay(dialog_->we_called()));
  if (status == 422 && response != nullptr && ++offer_retries_ <= kMaxOfferRetries && session_timer_.raise(*response)) {
    return retry_offer(base::Duration::zero());
  }
  const auto wait = response != nullptr ? retry_after(*response) : std::nullopt;
  // 500 is one that the peer has not answered yet, 403 JsSIP's way to say that its own is not acknowledged yet.
  if ((status == 500 || status == 403 || (status == 503 && wait)) && offer_retries_ < kMaxOfferRetries && response != nullptr &&
      (status != 403 || offer_retries_ < 5)) {
    ++offer_retries_;
    const milliseconds own = milliseconds(400) * offer_retries_;
    return retry_offer(wait && *wait > seconds(0) ? base::Duration(*wait) : base::Duration(own));
  }
  offer_retries_ = 0;
  if (refresh) return on_refresh_response(status, nullptr);
  handler_->on_offer_failed(status);
  if (!finished_) try_offer();
}

// Section 14.2.
void SessionImpl::on_reinvite(ServerId tx, const MessagePtr& request) {
  const bool acknowledges = accepted_ && !accepted_->we_offered && state_ != State::kProceeding;
  if (acknowledges) take_as_ack(*request);
  if (finished_) return answer(tx, 487);
  answer_reinvite(tx, request);
  if (!acknowledges || finished_) return;
  flush_messages();
  try_offer();
}

// RFC 5407 section 3.1.4: who asks anew has our 2xx, though its ACK was lost or is late; refused with 500, it would ask in vain until
// an ACK came through. (One that has to bring an answer is waited for.)
void SessionImpl::take_as_ack(const Message& request) {
  core_.timeline.cancel(accept_timer_);
  if (state_ == State::kWaitAck) {
    state_ = State::kConfirmed;
    handler_->on_established(request);   // what it offers meanwhile waits for the answer to this
  }
  accepted_.reset();
}

void SessionImpl::answer_reinvite(ServerId tx, const MessagePtr& request) {
  if (state_ == State::kProceeding || accepted_) {
    return answer(tx, 500, "Retry-After: " + std::to_string(base::random_u32() % 3 + 1) + "\r\n");
  }
  if (reinvite_ != 0 || state_ == State::kCalling) return answer(tx, 491);
  if (has_other_body(*request)) return answer(tx, 415, "Accept: application/sdp\r\n");
  if (session_timer_.too_short(*request)) {
    return answer(tx, 422, "Min-SE: " + std::to_string(session_timer_.min_se().count()) + "\r\n");
  }
  core_.transactions().set_owner(tx, id_);
  std::string sdp;
  const bool we_offer = request->body().empty();
  if (we_offer) {
    auto offer = handler_->make_offer();
    if (!offer && !finished_) return answer(tx, 488);
    if (offer) sdp = std::move(*offer);
  } else {
    auto answer_to_it = handler_->on_offer(request->body());
    if (!answer_to_it && !finished_) return answer_refused_offer(tx, answer_to_it.error());
    if (answer_to_it) sdp = std::move(*answer_to_it);
  }
  if (finished_) return answer(tx, 487);
  dialog_->refresh_target(*request);
  take_peer_abilities(*request);
  send_2xx(tx, *request, sdp, {}, we_offer);
}

// RFC 3311 section 5.2.
void SessionImpl::on_update(ServerId tx, const MessagePtr& request) {
  if (has_other_body(*request)) return answer(tx, 415, "Accept: application/sdp\r\n");
  if (session_timer_.too_short(*request)) {
    return answer(tx, 422, "Min-SE: " + std::to_string(session_timer_.min_se().count()) + "\r\n");
  }
  std::string sdp;
  if (!request->body().empty()) {
    const bool ours_is_out = (reinvite_ != 0 && reinvite_offered_) || (accepted_ && accepted_->we_offered) ||
                             (state_ == State::kCalling && invite_offered_ && !answered_) ||
                             (state_ == State::kProceeding && offered_in_1xx_ && !answered_);
    const bool theirs_is_out = state_ == State::kProceeding && invite_offered_ && !answered_;
    if (ours_is_out) return answer(tx, 491);
    if (theirs_is_out) return answer(tx, 500, "Retry-After: " + std::to_string(base::random_u32() % 10) + "\r\n");
    auto answer_to_it = handler_->on_offer(request->body());
    if (!answer_to_it && !finished_) return answer_refused_offer(tx, answer_to_it.error());
    if (finished_) return answer(tx, 487);
    sdp = std::move(*answer_to_it);
  }
  dialog_->refresh_target(*request);
  take_peer_abilities(*request);
  std::string lines;
  if (state_ == State::kConfirmed || state_ == State::kWaitAck) {
    lines = session_timer_.take_request(*request);
    start_session_timer();
  }
  lines += identity_lines_;
  answer_sdp(tx, sdp, lines);
}

// RFC 4028 section 10.
void SessionImpl::start_session_timer() {
  core_.timeline.cancel(refresh_timer_);
  core_.timeline.cancel(expire_timer_);
  if (!session_timer_.active() || finished_) return;
  if (session_timer_.we_refresh()) {
    refresh_timer_ = core_.after(session_timer_.refresh_after(), [this] {
      refresh_timer_ = 0;
      refresh();
    });
  }
  expire_timer_ = core_.after(session_timer_.expire_after(), [this] {
    expire_timer_ = 0;
    if (state_ == State::kConfirmed) {
      end_by_bye(EndCause::kSessionExpired, 408, "session expired", "Reason: SIP;cause=408;text=\"Session expired\"\r\n");
    }
  });
}

void SessionImpl::refresh() {
  if (finished_ || state_ != State::kConfirmed || refreshing_) return;
  if (!peer_update_) {
    refresh_by_offer_ = true;
    return try_offer();
  }
  refreshing_ = send_update();
}

// Without an offer. What it says of the session timer holds as in any other (RFC 4028 section 7.4).
bool SessionImpl::send_update() {
  const std::string lines = "Contact: " + dialog_->contact(core_.network) + "\r\nAllow: " + core_.config.allow + "\r\nSupported: timer\r\n" +
                            (session_timer_.active() ? session_timer_.request_lines(false) : std::string()) + identity_lines_;
  InDialog update;
  update.kind = RequestKind::kRefresh;
  update.method = Method::kUpdate;
  update.method_text = "UPDATE";
  update.headers = lines;
  return send(*dialog_, update) != 0;
}

void SessionImpl::on_refresh_response(int status, const Message* response) {
  refreshing_ = false;
  const bool of_identity = std::exchange(identity_by_update_, false);
  if (finished_) return;
  if (response != nullptr && status / 100 == 2) {
    dialog_->refresh_target(*response);
    if (session_timer_.active()) {
      session_timer_.take_response(*response);
      start_session_timer();
    }
    return send_identity();   // another may have come meanwhile
  }
  if (of_identity && status != 481) return on_identity_refused(status, response);
  if (!session_timer_.active()) return;
  if (status == 481) return;   // the caller ends the session
  if (status == 408) return end_by_bye(EndCause::kDialogGone, 408, "refresh timed out", "Reason: SIP;cause=408\r\n");
  if (status == 405 || status == 501) {
    peer_update_ = false;
    return refresh();
  }
  if (status == 422 && response != nullptr && session_timer_.raise(*response)) return refresh();
  // Busy with something else: again soon; expiry is the judge.
  core_.timeline.cancel(refresh_timer_);
  refresh_timer_ = core_.after(seconds(3), [this] {
    refresh_timer_ = 0;
    refresh();
  });
}

}  // namespace sip
