// The calling side of an INVITE: RFC 3261 sections 13.2 and 9.1, RFC 3262 section 4, forking (section 13.2.2.4).
#include <algorithm>

#include "base/random.hpp"
#include "base/text.hpp"
#include "sip/session.hpp"

namespace sip {
namespace {

constexpr std::size_t kMaxForks = 16;

}  // namespace

void SessionImpl::begin_calling(const OutgoingInvite& invite) {
  outgoing_ = invite;
  patience_ = invite.timeout;
  state_ = State::kCalling;
  source_ = Source{invite.target.transport, invite.target.remote, {}, invite.target.flow, invite.target.listener};
  call_id_ = base::random_token(22);
  local_uri_ = one_line(invite.from_uri);
  remote_uri_ = one_line(invite.to_uri);
  invite_offered_ = !invite.sdp.empty();
  invite_cseq_ = base::random_u32() % 1'000'000;
  if (invite.first_answer.count() > 0) first_answer_timer_ = core_.after(invite.first_answer, [this] { miss_first_answer(); });
  send_initial_invite();
}

// RFC 3263 section 4.3: the caller asks somewhere else. Who answers this after all gets CANCEL, or ACK and BYE, till timer B.
void SessionImpl::miss_first_answer() {
  first_answer_timer_ = 0;
  if (finished_ || state_ != State::kCalling || invite_client_ == 0) return;
  lingering_ = true;
  core_.transactions().cancel(invite_client_, "Reason: SIP;cause=408\r\n");
  finish(EndCause::kTimeout, 408, reason_phrase(408));
}

void SessionImpl::send_initial_invite() {
  TransactionLayer& transactions = core_.transactions();
  invite_client_ = transactions.reserve(Method::kInvite);
  if (invite_client_ == 0) return finish(EndCause::kRejected, 503, reason_phrase(503));
  ++invite_cseq_;
  const Target& target = outgoing_.target;
  std::string head;
  head.reserve(1024 + outgoing_.headers.size() + outgoing_.sdp.size());
  head.append("INVITE ").append(one_line(outgoing_.request_uri)).append(" SIP/2.0\r\nVia: SIP/2.0/");
  head.append(to_string(target.transport)).append(" ").append(core_.network.local_host(target)).append(";rport;branch=");
  transactions.append_branch(invite_client_, head);
  head.append("\r\nMax-Forwards: 70\r\n");
  if (!outgoing_.route.empty()) head.append("Route: ").append(one_line(outgoing_.route)).append("\r\n");
  head.append("From: ");
  Dialog::append_display(head, outgoing_.from_display);
  head.append("<").append(local_uri_).append(">;tag=").append(local_tag_).append("\r\nTo: ");
  Dialog::append_display(head, outgoing_.to_display);
  head.append("<").append(remote_uri_).append(">\r\nCall-ID: ").append(call_id_);
  head.append("\r\nCSeq: ").append(std::to_string(invite_cseq_)).append(" INVITE\r\nContact: ");
  head.append(Dialog::contact_value(core_.network, target)).append("\r\nUser-Agent: ").append(core_.config.product);
  head.append("\r\n").append(core_.abilities);
  if (outgoing_.session_timer) head.append(session_timer_.request_lines(true));
  head.append(outgoing_.headers);
  if (outgoing_.auth) head.append(invite_auth_ = outgoing_.auth->lines(target, "INVITE", outgoing_.request_uri));
  if (invite_offered_) head.append("Content-Type: application/sdp\r\n");
  head.append("Content-Length: ").append(std::to_string(outgoing_.sdp.size())).append("\r\n\r\n");
  const bool utf8 = base::valid_utf8(head) && base::valid_utf8(outgoing_.sdp);
  Packet packet{base::share(std::move(head)), invite_offered_ ? base::share(outgoing_.sdp) : nullptr, utf8};
  transactions.start(invite_client_, target, std::move(packet), id_ | std::uint64_t(RequestKind::kInvite) << 56, 0, patience_);
}

void SessionImpl::on_invite_response(const ClientRef& ref, const MessagePtr& response, const Source& source) {
  const int status = response->status();
  core_.timeline.cancel(first_answer_timer_);
  if (status / 100 == 2) return on_invite_2xx(response, source);
  if (ref.id != invite_client_ || state_ != State::kCalling) return;
  if (status < 200) return on_invite_progress(response, source);
  invite_client_ = 0;
  if (finished_) return lingering_ ? core_.gone(*this) : void();
  const bool challenged = outgoing_.auth && outgoing_.auth->take_challenge(*response, source, outgoing_.target, auth_attempts_);
  if (challenged || (status == 422 && ++invite_retries_ <= 3 && session_timer_.raise(*response))) {
    if (dialog_) core_.unbind(*this, *dialog_);
    dialog_.reset();
    forks_.clear();
    return send_initial_invite();
  }
  const std::string reason = reason_text(*response);
  if (const auto contact = response->contact(); status / 100 == 3 && contact) end_.redirect = contact->uri_text;
  finish(EndCause::kRejected, status, reason.empty() ? response->reason() : std::string_view(reason));
}

// Section 12.1.2: each To tag is a dialog of its own; that of the first is the session's until a 2xx decides.
SessionImpl::Fork* SessionImpl::fork_of(const Message& response, const Source& source) {
  for (Fork& fork : forks_) {
    if (fork.dialog.remote_tag() == response.to_tag()) return &fork;
  }
  if (response.to_tag().empty() || forks_.size() >= kMaxForks) return nullptr;
  auto dialog = Dialog::calling(response, source, local_uri_, remote_uri_, invite_cseq_);
  if (!dialog) return nullptr;
  forks_.push_back({std::move(*dialog), 0});
  if (!dialog_) {
    dialog_ = forks_.back().dialog;
    core_.bind(*this, *dialog_);
    core_.watch_flow(*this, 0, source.flow);
  }
  return &forks_.back();
}

void SessionImpl::on_invite_progress(const MessagePtr& response, const Source& source) {
  if (response->status() == 100 || finished_) return;
  Fork* fork = fork_of(*response, source);
  take_peer_abilities(*response);
  if (fork != nullptr && response->lists(HeaderId::kRequire, "100rel")) {
    const auto number = base::parse_decimal(response->value(HeaderId::kRSeq));
    // RFC 3262 section 4: in order; one that came again has its PRACK on the way.
    if (!number || *number == 0 || *number > 0xffffffffU || (fork->rseq != 0 && *number != fork->rseq + 1ULL)) return;
    fork->rseq = static_cast<std::uint32_t>(*number);
    const bool sdp = !response->body().empty() && response->media_type() == "application/sdp";
    const std::string tag = fork->dialog.remote_tag();
    std::string prack_sdp;
    if (sdp && !answered_) {
      if (invite_offered_) {
        handler_->on_answer(response->body());
      } else if (auto answer = handler_->on_offer(response->body())) {
        prack_sdp = std::move(*answer);
      }
      answered_ = true;
    }
    if (finished_) return;
    fork = fork_of(*response, source);
    send_prack(*fork, *response, prack_sdp);
  }
  handler_->on_progress(*response);
}

void SessionImpl::send_prack(Fork& fork, const Message& response, const std::string& sdp) {
  const std::string line = "RAck: " + std::to_string(fork.rseq) + " " + std::to_string(response.cseq().number) + " INVITE\r\n";
  InDialog prack;
  prack.kind = RequestKind::kPrack;
  prack.method = Method::kPrack;
  prack.method_text = "PRACK";
  prack.headers = line;
  if (!sdp.empty()) {
    prack.content_type = "application/sdp";
    prack.body = base::share(sdp);
  }
  send(fork.dialog, prack);
  if (dialog_ && dialog_->remote_tag() == fork.dialog.remote_tag()) {
    while (dialog_->local_cseq() < fork.dialog.local_cseq()) dialog_->next_cseq();
  }
}

// Section 13.2.2.4. Not a transaction: sent again for each 2xx that comes again.
void SessionImpl::send_ack(Dialog& dialog, std::uint32_t cseq, const std::string& sdp, bool remember) {
  if (!dialog.reachable()) return;
  std::string head;
  const Target target = dialog.next_hop(core_.network);
  dialog.append_head(head, {"ACK", cseq, {}, {}}, core_.network, target,
                     [&](std::string& out) { core_.transactions().append_fresh_branch(out); });
  head.append(invite_auth_);   // section 22.1
  if (!sdp.empty()) head.append("Content-Type: application/sdp\r\n");
  head.append("Content-Length: ").append(std::to_string(sdp.size())).append("\r\n\r\n").append(sdp);
  const bool utf8 = base::valid_utf8(head);
  Packet packet{base::share(std::move(head)), nullptr, utf8};
  core_.network.send(target, packet);
  if (!remember) return;
  ack_ = std::move(packet);
  ack_cseq_ = cseq;
}

void SessionImpl::on_invite_2xx(const MessagePtr& response, const Source& source) {
  if (state_ == State::kCalling) {
    if (!finished_) return take_first_2xx(response, source);
    // Section 9.1: the CANCEL crossed the 2xx.
    invite_client_ = 0;
    refuse_fork(response, source);
    return lingering_ ? core_.gone(*this) : void();
  }
  on_stray_2xx(response, source);
}

void SessionImpl::on_stray_2xx(const MessagePtr& response, const Source& source) {
  if (!dialog_) return;
  if (response->to_tag() == dialog_->remote_tag()) {
    if (response->cseq().number == ack_cseq_ && ack_.head && dialog_->reachable()) {
      core_.network.send(dialog_->next_hop(core_.network), ack_);
    }
    return;
  }
  if (response->cseq().number == invite_cseq_ && outgoing_.request_uri.size() > 0) refuse_fork(response, source);
}

// Another fork answered too: ACK it, then end it, once.
void SessionImpl::refuse_fork(const MessagePtr& response, const Source& source) {
  auto dialog = Dialog::calling(*response, source, local_uri_, remote_uri_, invite_cseq_);
  if (!dialog) return;
  send_ack(*dialog, response->cseq().number, {}, false);
  const std::string tag(response->to_tag());
  if (std::find(refused_forks_.begin(), refused_forks_.end(), tag) != refused_forks_.end()) return;
  if (refused_forks_.size() >= kMaxForks) return;
  refused_forks_.push_back(tag);
  send_bye(*dialog, {});
}

void SessionImpl::take_first_2xx(const MessagePtr& response, const Source& source) {
  std::uint32_t cseq = invite_cseq_;
  for (const Fork& fork : forks_) {
    if (fork.dialog.remote_tag() == response->to_tag()) cseq = std::max(cseq, fork.dialog.local_cseq());
  }
  auto dialog = Dialog::calling(*response, source, local_uri_, remote_uri_, cseq);
  if (!dialog) {
    invite_client_ = 0;
    return finish(EndCause::kRejected, 500, dialog.error().detail);
  }
  const std::uint64_t before = dialog_ ? dialog_->peer().flow : 0;
  if (dialog_) core_.unbind(*this, *dialog_);
  dialog_ = std::move(*dialog);
  forks_.clear();
  core_.bind(*this, *dialog_);
  core_.watch_flow(*this, before, source.flow);
  take_peer_abilities(*response);
  auth_attempts_ = {};
  state_ = State::kConfirmed;
  session_timer_.take_response(*response);
  start_session_timer();

  const std::string_view sdp = response->media_type() == "application/sdp" ? response->body() : std::string_view{};
  if (invite_offered_ || answered_) {
    send_ack(*dialog_, invite_cseq_, {}, true);
    if (!answered_ && sdp.empty()) return end_by_bye(EndCause::kRejected, 488, "no answer in 2xx", "Reason: SIP;cause=488\r\n");
    if (!answered_) handler_->on_answer(sdp);
    answered_ = true;
  } else {
    const auto answer = sdp.empty() ? base::fail(base::ErrorCode::kMalformed, "no offer in 2xx") : handler_->on_offer(sdp);
    if (finished_) return;
    send_ack(*dialog_, invite_cseq_, answer.value_or(""), true);
    if (!answer) return end_by_bye(EndCause::kRejected, 488, answer.error().detail, "Reason: SIP;cause=488\r\n");
  }
  if (!finished_) confirmed(*response);
}

}  // namespace sip
