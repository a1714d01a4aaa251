#include "sip/registration.hpp"

#include <algorithm>

#include "base/random.hpp"
#include "base/text.hpp"

namespace sip {
namespace {

using std::chrono::seconds;

constexpr std::uint64_t kMaxMinExpires = 86400;
constexpr std::uint64_t kMaxRetryAfter = 3600;
constexpr int kMaxRaises = 2;                  // of 423
constexpr std::uint32_t kCseqOfChallenges = 8;  // room for requests sent again, whose answers never came

// A little before its end, so that a failure can be mended.
seconds refresh_after(seconds granted) {
  const seconds early = std::max(granted / 10, seconds(10));
  return granted > 2 * early ? granted - early : std::max(granted / 2, seconds(1));
}

}  // namespace

Registration::Registration(UserAgent& agent, base::Timeline& timeline, RegistrationConfig config, RegistrationHandler& handler)
    : agent_(agent), timeline_(timeline), config_(std::move(config)), handler_(handler), alive_(std::make_shared<bool>(true)),
      call_id_(base::random_token(22)), asked_(config_.expires) {
  cseq_ = base::random_u32() % 1'000'000;
}

Registration::~Registration() {
  *alive_ = false;
  timeline_.cancel(timer_);
}

void Registration::start() {
  if (!sent_ && !closing_) send();
}

void Registration::refresh() {
  if (closing_) return;
  again_ = busy_;
  if (!busy_) send();
}

void Registration::set_target(const Target& target) {
  config_.target = target;
  refresh();
}

void Registration::close() {
  if (closing_) return;
  closing_ = true;
  again_ = false;
  timeline_.cancel(timer_);
  if (busy_) return;   // its answer first (RFC 3261 section 10.2: one at a time)
  if (!sent_) return again_after(base::Duration::zero());
  unregistering_ = true;
  send();
}

void Registration::again_after(base::Duration delay) {
  timeline_.cancel(timer_);
  timer_ = timeline_.after(delay, [this](base::TimePoint) {
    timer_ = 0;
    if (!closing_) return send();
    closed_ = true;
    handler_.on_unregistered();
  });
}

// Section 10.2: all of them with one Call-ID and rising CSeq.
void Registration::send() {
  timeline_.cancel(timer_);
  busy_ = sent_ = true;
  contact_ = agent_.contact(config_.target, config_.contact_user);
  cseq_ += kCseqOfChallenges;
  OutgoingRequest request;
  request.target = config_.target;
  request.method = "REGISTER";
  request.request_uri = config_.registrar;
  request.from = "<" + config_.aor + ">;tag=" + base::random_token(10);
  request.to = "<" + config_.aor + ">";
  request.call_id = call_id_;
  request.cseq = cseq_;
  request.route = config_.route;
  request.headers = "Contact: " + contact_ + "\r\nExpires: " + std::to_string(unregistering_ ? 0 : asked_.count()) + "\r\n";
  request.auth = config_.auth;
  agent_.send_request(request, [this, alive = alive_](const MessagePtr& response) {
    if (*alive) on_response(response);
  });
}

void Registration::on_response(const MessagePtr& response) {
  const int status = response != nullptr ? response->status() : 408;
  if (status < 200) return;
  busy_ = false;
  if (closing_) {
    if (status / 100 == 2 && unregistering_) expires_at_ = timeline_.now();
    if (unregistering_) return again_after(base::Duration::zero());
    unregistering_ = true;
    return send();
  }
  if (status / 100 == 2) return on_ok(*response);
  // Section 10.2.8: 423 names the least that is taken.
  const auto least = status == 423 ? base::parse_decimal(response->value(HeaderId::kMinExpires)) : std::nullopt;
  if (least && *least > static_cast<std::uint64_t>(asked_.count()) && *least <= kMaxMinExpires && ++raises_ <= kMaxRaises) {
    asked_ = seconds(*least);
    return send();
  }
  retry(status, response.get());
}

// Section 10.2.4: our Contact's own parameter, else Expires, else what we asked for.
seconds Registration::granted(const Message& response) const {
  auto number = base::parse_decimal(response.value(HeaderId::kExpires));
  const auto ours = NameAddr::parse(contact_);
  for (const std::string_view value : response.values(HeaderId::kContact)) {
    const auto contact = NameAddr::parse(value);
    if (!contact || !ours || !equivalent(contact->uri, ours->uri)) continue;
    if (const auto own = base::parse_decimal(contact->params.value("expires"))) number = own;
  }
  if (!number) return asked_;
  return seconds(std::clamp<std::uint64_t>(*number, 1, kMaxMinExpires));
}

void Registration::on_ok(const Message& response) {
  failures_ = raises_ = 0;
  const seconds time = granted(response);
  expires_at_ = timeline_.now() + time;
  service_route_.clear();
  for (const std::string_view route : response.values(HeaderId::kServiceRoute)) {
    if (service_route_.size() + route.size() > 2048) break;
    service_route_.append(service_route_.empty() ? "" : ", ").append(route);
  }
  again_after(std::exchange(again_, false) ? seconds(0) : refresh_after(time));
  handler_.on_registered(time);
}

// RFC 5626 section 4.5: twice as long with each failure, and not all clients of a server that restarts at once.
void Registration::retry(int status, const Message* response) {
  raises_ = 0;
  asked_ = config_.expires;
  failures_ = std::min(failures_ + 1, 16);
  std::chrono::milliseconds wait = std::min<seconds>(config_.retry_base * (1 << std::min(failures_ - 1, 10)), config_.retry_max);
  wait = wait / 2 + wait * (base::random_u32() % 1000) / 2000;
  const bool passing = status == 408 || status == 423 || status == 480 || status == 486 || status / 100 == 5;
  if (!passing) wait = std::max<std::chrono::milliseconds>(wait, config_.refused_retry);
  if (response != nullptr) {
    const std::string_view value = response->value(HeaderId::kRetryAfter);
    const auto number = base::parse_decimal(base::trim(value.substr(0, value.find_first_of(" ;("))));
    if (number) wait = std::max<std::chrono::milliseconds>(wait, seconds(std::min(*number, kMaxRetryAfter)));
  }
  if (std::exchange(again_, false) && passing) wait = seconds(1);
  again_after(wait);
  const std::string reason(response != nullptr ? response->reason() : reason_phrase(status));
  handler_.on_registration_failed(status, reason, std::chrono::ceil<seconds>(wait));
}

}  // namespace sip
