// The called side of an INVITE: RFC 3261 section 13.3, RFC 3262.
#include <algorithm>

#include "base/random.hpp"
#include "base/text.hpp"
#include "sip/session.hpp"

namespace sip {
namespace {

constexpr std::size_t kMaxProvisionals = 16;

}  // namespace

base::Status SessionImpl::begin_called(ServerId tx, const MessagePtr& invite, const Source& source) {
  auto dialog = Dialog::called(*invite, source, local_tag_);
  if (!dialog) return std::unexpected(dialog.error());
  dialog_ = std::move(*dialog);
  invite_ = invite;
  source_ = source;
  call_id_ = dialog_->call_id();
  local_uri_ = dialog_->local_uri();
  remote_uri_ = dialog_->remote_uri();
  invite_server_ = tx;
  invite_offered_ = !invite->body().empty();
  state_ = State::kProceeding;
  take_peer_abilities(*invite);
  core_.transactions().set_owner(tx, id_);
  core_.bind(*this, *dialog_);
  core_.watch_flow(*this, 0, source.flow);
  return {};
}

void SessionImpl::provisional(int status, std::string_view sdp, std::string_view reason) {
  if (finished_ || state_ != State::kProceeding || status <= 100 || status >= 200 || pending_accept_) return;
  const bool required = invite_->lists(HeaderId::kRequire, "100rel");
  const bool supported = required || invite_->lists(HeaderId::kSupported, "100rel");
  if (!required && !(supported && !sdp.empty())) {
    return send_provisional({status, std::string(sdp), std::string(reason)}, false);
  }
  if (provisionals_.size() >= kMaxProvisionals) return;
  provisionals_.push_back({status, std::string(sdp), std::string(reason)});
  pump_provisionals();
}

// RFC 3262 section 3: the next reliable response waits for the PRACK of the one before.
void SessionImpl::pump_provisionals() {
  if (prack_wanted_ || provisionals_.empty()) return;
  reliable_ = std::move(provisionals_.front());
  provisionals_.pop_front();
  rseq_ = rseq_ == 0 ? base::random_u32() % 1'000'000 + 1 : rseq_ + 1;
  if (!reliable_.sdp.empty()) {
    if (answered_ || offered_in_1xx_) {
      reliable_.sdp.clear();        // the exchange is over
    } else if (invite_offered_) {
      answered_ = true;
    } else {
      offered_in_1xx_ = true;
    }
  }
  prack_wanted_ = true;
  prack_interval_ = core_.config.t1;
  prack_give_up_ = core_.timeline.now() + 64 * core_.config.t1;
  send_provisional(reliable_, true);
  prack_timer_ = core_.after(prack_interval_, [this] { repeat_reliable(); });
}

void SessionImpl::send_provisional(const Provisional& provisional, bool reliable) {
  std::string lines = "Contact: " + dialog_->contact(core_.network) + "\r\nAllow: " + core_.config.allow + "\r\n";
  lines += identity_lines_;
  if (reliable) lines += "Require: 100rel\r\nRSeq: " + std::to_string(rseq_) + "\r\n";
  Reply reply{provisional.status, provisional.reason, {}, {}, {}};
  // An unreliable response can't carry an offer (RFC 3262 section 5).
  if (!provisional.sdp.empty() && (reliable || invite_offered_)) {
    reply.content_type = "application/sdp";
    reply.body = provisional.sdp;
  }
  core_.respond(invite_server_, reply, local_tag_, lines);
}

void SessionImpl::repeat_reliable() {
  prack_timer_ = 0;
  if (finished_ || !prack_wanted_ || state_ != State::kProceeding) return;
  if (core_.timeline.now() >= prack_give_up_) {
    answer(invite_server_, 504);    // RFC 3262 section 3: a 5xx after 64*T1
    return finish(EndCause::kTimeout, 504, reason_phrase(504));
  }
  send_provisional(reliable_, true);
  prack_interval_ *= 2;
  const base::Duration left = prack_give_up_ - core_.timeline.now();
  prack_timer_ = core_.after(std::min(prack_interval_, left), [this] { repeat_reliable(); });
}

void SessionImpl::on_prack(ServerId tx, const MessagePtr& prack) {
  // RAck: the response's number, the INVITE's number and method.
  std::string wanted = std::to_string(rseq_) + " " + std::to_string(invite_ ? invite_->cseq().number : 0) + " INVITE";
  std::string got;
  for (const char c : prack->value(HeaderId::kRAck)) {
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
      if (!got.empty() && got.back() != ' ') got += ' ';
    } else {
      got += c;
    }
  }
  if (!prack_wanted_ || got != wanted) return answer(tx, 481);
  if (has_other_body(*prack)) return answer(tx, 415, "Accept: application/sdp\r\n");
  prack_wanted_ = false;
  core_.timeline.cancel(prack_timer_);
  if (prack->body().empty()) {
    answer(tx, 200);
  } else if (offered_in_1xx_ && !answered_) {
    answer(tx, 200);
    answered_ = true;
    handler_->on_answer(prack->body());
  } else if (const auto sdp = handler_->on_offer(prack->body())) {
    core_.respond(tx, Reply{200, {}, {}, "application/sdp", *sdp}, local_tag_, {});
  } else {
    answer_refused_offer(tx, sdp.error());
  }
  if (finished_) return;
  pump_provisionals();
  if (!prack_wanted_ && pending_accept_) {
    auto [sdp, headers] = std::move(*pending_accept_);
    pending_accept_.reset();
    do_accept(std::move(sdp), std::move(headers));
  }
}

void SessionImpl::accept(std::string_view sdp, std::string_view headers) {
  if (finished_ || state_ != State::kProceeding || pending_accept_) return;
  if (prack_wanted_ || !provisionals_.empty()) {
    pending_accept_.emplace(sdp, headers);     // RFC 3262 section 5: not before the PRACK
    return;
  }
  do_accept(std::string(sdp), std::string(headers));
}

void SessionImpl::do_accept(std::string sdp, std::string headers) {
  bool we_offered = false;
  if (answered_) {
    sdp.clear();
  } else if (!invite_offered_) {
    if (sdp.empty()) {
      auto offer = handler_->make_offer();
      if (finished_) return;
      if (!offer) return reject(Reply{500, {}, {}, {}, {}});
      sdp = std::move(*offer);
    }
    we_offered = true;
  }
  state_ = State::kWaitAck;
  send_2xx(invite_server_, *invite_, sdp, headers, we_offered);
}

// Section 13.3.1.4, also for re-INVITEs.
void SessionImpl::send_2xx(ServerId tx, const Message& request, std::string_view sdp, std::string_view lines, bool we_offered) {
  const base::Duration wait = is_reliable(source().transport) ? std::max<base::Duration>(patience_, 64 * core_.config.t1) : 64 * core_.config.t1;
  accepted_ = Accepted{tx, request.cseq().number, we_offered, core_.config.t1, core_.timeline.now() + wait};
  const std::string timer = session_timer_.take_request(request);
  answer_sdp(tx, sdp, timer + identity_lines_ + std::string(lines));
  core_.timeline.cancel(accept_timer_);
  accept_timer_ = core_.after(accepted_->interval, [this] { repeat_2xx(); });
  start_session_timer();
}

// By any transport: it is the ACK that ends this.
void SessionImpl::repeat_2xx() {
  accept_timer_ = 0;
  if (!accepted_) return;
  if (core_.timeline.now() >= accepted_->give_up) {
    accepted_.reset();
    if (lingering_) {
      send_bye(*dialog_, linger_reason_);
      return core_.gone(*this);
    }
    return end_by_bye(EndCause::kTimeout, 408, "no ACK", "Reason: SIP;cause=408;text=\"no ACK\"\r\n");
  }
  core_.transactions().resend(accepted_->tx);
  accepted_->interval = std::min<base::Duration>(accepted_->interval * 2, core_.config.t2);
  const base::Duration left = accepted_->give_up - core_.timeline.now();
  accept_timer_ = core_.after(std::min(accepted_->interval, left), [this] { repeat_2xx(); });
}

void SessionImpl::on_ack(const MessagePtr& ack, const Source& source) {
  if (!accepted_ || ack->cseq().number != accepted_->cseq) return;
  // A bare ACK may come by any way; one with an answer in it is held to the dialog's flow.
  if (!dialog_->from_peer(source) && !ack->body().empty()) {
    const auto change = finished_ ? FlowChange::kRefuse : handler_->on_flow_change(*ack, source);
    if (change == FlowChange::kRefuse || !accepted_) return;
    if (change == FlowChange::kMove) {
      const std::uint64_t before = dialog_->peer().flow;
      dialog_->move_to(source);
      core_.watch_flow(*this, before, source.flow);
    }
  }
  const bool we_offered = accepted_->we_offered;
  accepted_.reset();
  core_.timeline.cancel(accept_timer_);
  if (lingering_) {
    send_bye(*dialog_, linger_reason_);
    return core_.gone(*this);
  }
  if (finished_) return;
  const bool initial = state_ == State::kWaitAck;
  if (initial) state_ = State::kConfirmed;
  if (we_offered) {
    if (ack->media_type() == "application/sdp" && !ack->body().empty()) {
      handler_->on_answer(ack->body());
    } else if (initial) {
      return end_by_bye(EndCause::kRejected, 488, "no answer in ACK", "Reason: SIP;cause=488\r\n");
    } else {
      handler_->on_offer_failed(488);
    }
    if (finished_) return;
  }
  if (initial) return confirmed(*ack);
  flush_messages();
  try_offer();
}

void SessionImpl::reject(const Reply& reply) {
  if (finished_ || state_ != State::kProceeding) return;
  Reply copy = reply;
  if (copy.status < 300 || copy.status > 699) copy.status = 500;
  core_.respond(invite_server_, copy, local_tag_, {});
  finish(EndCause::kRejected, copy.status, copy.reason.empty() ? reason_phrase(copy.status) : std::string_view(copy.reason));
}

// Section 9.2; the transaction layer answers the CANCEL.
void SessionImpl::on_cancel(const MessagePtr& cancel) {
  if (!finished_ && state_ == State::kProceeding) {
    answer(invite_server_, 487);
    finish(EndCause::kCancelled, 487, reason_text(*cancel));
  }
}

}  // namespace sip
