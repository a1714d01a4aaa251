#include "sip/refer.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "sip/dialog.hpp"
#include "sip/scan.hpp"
#include "sip/subscription_server.hpp"

namespace sip {
namespace {

using std::chrono::seconds;

constexpr seconds kDuration{300};
constexpr std::size_t kMaxCallId = 1024, kMaxTag = 256, kMaxTarget = 1024;

Reply refusal(int status, std::string reason) { return {status, std::move(reason), {}, {}, {}}; }

// Unescaped text may hold anything: it must not end a line of ours, nor a word.
bool printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

// Without headers and the method parameter (RFC 3261 section 19.1.5: a header of a URI may be anything).
std::string bare(const Uri& uri) {
  std::size_t end = uri.text.size();
  if (!uri.headers.empty()) end = static_cast<std::size_t>(uri.headers.data() - uri.text.data()) - 1;
  const std::string_view whole = uri.text.substr(0, end);
  if (!uri.is_sip() || !uri.params.has("method")) return one_line(whole);
  std::string out = one_line(whole.substr(0, static_cast<std::size_t>(uri.params.text().data() - uri.text.data())));
  uri.params.for_each([&](const Param& param) {
    if (base::equals_ignoring_case(param.name, "method")) return;
    out.append(";").append(param.name);
    if (param.value) out.append("=").append(*param.value);
  });
  return out;
}

// Empty: there is none.
std::expected<std::optional<Replaces>, Reply> embedded_replaces(std::string_view headers) {
  std::optional<Replaces> out;
  while (!headers.empty()) {
    const std::size_t end = headers.find('&');
    const std::string_view one = headers.substr(0, end);
    headers.remove_prefix(end == std::string_view::npos ? headers.size() : end + 1);
    const std::size_t equals = one.find('=');
    if (equals == std::string_view::npos || !base::equals_ignoring_case(unescape(one.substr(0, equals)), "Replaces")) continue;
    auto parsed = Replaces::parse(unescape(one.substr(equals + 1)));
    if (out || !parsed) return std::unexpected(refusal(400, "Malformed Replaces In Refer-To"));
    out = std::move(*parsed);
  }
  return out;
}

}  // namespace

base::Result<Replaces> Replaces::parse(std::string_view text) {
  const std::size_t semicolon = text.find(';');
  if (semicolon == std::string_view::npos) return base::malformed("no tags");
  Replaces out;
  out.call_id = scan::trim(text.substr(0, semicolon));
  const std::string_view params = text.substr(semicolon);
  if (out.call_id.empty() || out.call_id.size() > kMaxCallId || !printable(out.call_id) || out.call_id.find(',') != std::string::npos ||
      !scan::valid_header_params(params)) {
    return base::malformed("Replaces");
  }
  int to_tags = 0, from_tags = 0;
  Params(params).for_each([&](const Param& param) {
    const std::string_view value = param.value.value_or("");
    if (base::equals_ignoring_case(param.name, "to-tag")) {
      out.to_tag = value;
      ++to_tags;
    } else if (base::equals_ignoring_case(param.name, "from-tag")) {
      out.from_tag = value;
      ++from_tags;
    } else if (base::equals_ignoring_case(param.name, "early-only")) {
      out.early_only = true;
    }
  });
  const auto good = [](const std::string& tag) { return scan::is_token(tag) && tag.size() <= kMaxTag; };
  if (to_tags != 1 || from_tags != 1 || !good(out.to_tag) || !good(out.from_tag)) return base::malformed("Replaces needs one tag of each");
  return out;
}

std::string Replaces::to_string() const {
  return call_id + ";to-tag=" + to_tag + ";from-tag=" + from_tag + (early_only ? ";early-only" : "");
}

std::expected<ReferRequest, Reply> parse_refer(const Message& request) {
  const Header* header = request.find(HeaderId::kReferTo);
  if (header == nullptr) return std::unexpected(refusal(400, "No Refer-To"));   // RFC 3515 section 2.4.2: exactly one
  const auto to = NameAddr::parse(header->value);
  if (!to) return std::unexpected(refusal(400, "Malformed Refer-To"));
  ReferRequest refer;
  if (to->uri.is_sip()) {
    const std::string_view method = to->uri.params.value("method");
    refer.bye = method == "BYE";
    if (!method.empty() && !refer.bye && method != "INVITE") return std::unexpected(refusal(403, "Only INVITE And BYE Can Be Referred"));
    auto replaces = embedded_replaces(to->uri.headers);
    if (!replaces) return std::unexpected(std::move(replaces.error()));
    refer.replaces = std::move(*replaces);
  }
  refer.target = bare(to->uri);
  if (refer.target.size() > kMaxTarget) return std::unexpected(refusal(414, {}));
  refer.display_name = to->display();
  if (const Header* by = request.find(HeaderId::kReferredBy)) {
    const auto address = NameAddr::parse(by->value);
    if (!address) return std::unexpected(refusal(400, "Malformed Referred-By"));
    refer.referred_by = bare(address->uri);
  }
  const std::string_view wanted = request.value("Refer-Sub");
  refer.subscribe = !base::equals_ignoring_case(scan::trim(wanted.substr(0, wanted.find(';'))), "false");
  return refer;
}

// What survives of it in callbacks of the session, when the notifier is gone.
class ReferNotifier::State : public std::enable_shared_from_this<State> {
 public:
  State(Session& session, base::Timeline& timeline, std::uint32_t cseq)
      : session_(session), timeline_(timeline), event_("refer;id=" + std::to_string(cseq)), id_(std::to_string(cseq)) {}

  void start() { arm(kDuration); }
  void stop() {
    active_ = false;
    timeline_.cancel(timer_);
  }
  bool active() const { return active_; }

  void say(int status, std::string_view reason, std::string_view end) {
    if (!active_ || closing_) return;
    line_ = "SIP/2.0 " + std::to_string(status) + " " + one_line(reason.empty() ? reason_phrase(status) : reason) + "\r\n";
    if (!end.empty()) close(end);
    waiting_ = true;
    pump();
  }

  bool on_subscribe(RequestId id, const Message& subscribe) {
    const auto event = parse_event(subscribe.value(HeaderId::kEvent));
    if (!active_ || closing_ || !event || event->package != "refer" || (!event->id.empty() && event->id != id_)) return false;
    const Header* header = subscribe.find(HeaderId::kExpires);
    const auto number = header != nullptr ? base::parse_decimal(header->value) : static_cast<std::uint64_t>(kDuration.count());
    if (!number) {
      session_.respond(id, refusal(400, "Malformed Expires"));
      return true;
    }
    const seconds granted(std::min<std::uint64_t>(*number, static_cast<std::uint64_t>(kDuration.count())));
    session_.respond(id, {200, {}, {{"Expires", std::to_string(granted.count())}, {"Contact", session_.contact()}}, {}, {}});
    if (granted.count() == 0) {
      close("timeout");
    } else {
      arm(granted);
    }
    waiting_ = true;
    pump();
    return true;
  }

 private:
  void arm(seconds duration) {
    timeline_.cancel(timer_);
    expires_at_ = timeline_.now() + duration;
    timer_ = timeline_.after(duration, [this](base::TimePoint) {
      timer_ = 0;
      close("timeout");
      waiting_ = true;
      pump();
    });
  }
  void close(std::string_view reason) {
    closing_ = true;
    state_ = "terminated;reason=" + std::string(reason);
    timeline_.cancel(timer_);
  }
  // One at a time, so that they can't overtake each other; the newest alone is worth telling.
  void pump() {
    if (!active_ || outstanding_ || !waiting_) return;
    if (session_.ended()) return stop();
    waiting_ = false;
    outstanding_ = true;
    const auto left = std::max(std::chrono::ceil<seconds>(expires_at_ - timeline_.now()), seconds(0));
    const std::string state = closing_ ? state_ : "active;expires=" + std::to_string(left.count());
    const std::string headers = "Contact: " + session_.contact() + "\r\nEvent: " + event_ + "\r\nSubscription-State: " + state + "\r\n";
    session_.send_request("NOTIFY", headers, "message/sipfrag;version=2.0", line_,
                          [self = shared_from_this(), last = closing_](const MessagePtr& response) { self->answered(response, last); });
  }
  // RFC 6665 section 4.2.2: who refuses a NOTIFY, or does not answer it, listens no more.
  void answered(const MessagePtr& response, bool last) {
    outstanding_ = false;
    if (!active_) return;
    if (last || response == nullptr || response->status() / 100 != 2) return stop();
    pump();
  }

  Session& session_;
  base::Timeline& timeline_;
  const std::string event_, id_;
  std::string line_, state_;
  base::TimePoint expires_at_{};
  base::TimerQueue::Id timer_ = 0;
  bool active_ = true, closing_ = false, outstanding_ = false, waiting_ = false;
};

ReferNotifier::ReferNotifier(Session& session, base::Timeline& timeline, RequestId id, const Message& request, const ReferRequest& refer)
    : state_(std::make_shared<State>(session, timeline, request.cseq().number)) {
  Reply reply{202, {}, {{"Contact", session.contact()}}, {}, {}};
  if (!refer.subscribe) {
    reply.headers.emplace_back("Refer-Sub", "false");   // RFC 4488 section 4
    state_->stop();
  }
  session.respond(id, reply);
  if (!refer.subscribe) return;
  state_->start();
  state_->say(100, {}, {});
}

ReferNotifier::~ReferNotifier() { state_->stop(); }

void ReferNotifier::progress(int status, std::string_view reason) {
  if (status >= 100 && status < 200) state_->say(status, reason, {});
}
void ReferNotifier::finish(int status, std::string_view reason) { state_->say(status, reason, "noresource"); }
bool ReferNotifier::on_subscribe(RequestId id, const Message& subscribe) { return state_->on_subscribe(id, subscribe); }
bool ReferNotifier::active() const { return state_->active(); }

ReplacedCall find_replaced(UserAgent& agent, const Message& invite) {
  const Header* header = invite.find(HeaderId::kReplaces);
  if (header == nullptr) return {};
  const auto replaces = Replaces::parse(header->value);
  if (!replaces || invite.find("Join") != nullptr) return {nullptr, refusal(400, "Malformed Replaces")};
  Session* session = agent.find(replaces->call_id, replaces->to_tag, replaces->from_tag);
  // A tag of "0" is also that of an RFC 2543 peer, who has none.
  if (session == nullptr && replaces->from_tag == "0") session = agent.find(replaces->call_id, replaces->to_tag, {});
  if (session == nullptr) return {nullptr, refusal(481, {})};
  if (session->ended()) return {nullptr, refusal(603, {})};
  if (session->early()) {
    if (session->invite() != nullptr) return {nullptr, refusal(481, {})};   // one that the peer began
    return {session, std::nullopt};
  }
  if (replaces->early_only) return {nullptr, refusal(486, {})};
  return {session, std::nullopt};
}

}  // namespace sip
