#include "pbx/messages.hpp"

#include "base/text.hpp"

namespace pbx {
namespace {

constexpr std::size_t kMaxKnown = 100'000;
constexpr std::size_t kBatch = 20;
constexpr std::size_t kMaxBuckets = 20000;

}  // namespace

Messages::Messages(MessagesConfig config, base::Timeline& timeline, Registrar& registrar, store::MessageStore* store)
    : config_(std::move(config)), timeline_(timeline), registrar_(registrar), store_(store) {}

std::optional<sip::Reply> Messages::refuse(const std::string& sender, const sip::Message& message) {
  if (buckets_.size() >= kMaxBuckets) buckets_.clear();
  auto& bucket = buckets_.try_emplace(sender, config_.policy.rate, config_.policy.burst).first->second;
  return bridge::refuse_message(config_.policy, message, bucket, timeline_.now());
}

// The user part has been proven; the host that the sender wrote is nothing but his word.
store::OfflineMessage Messages::record(const Account& from, const std::string& to, const sip::Message& message) const {
  auto display = base::clean_display_name(message.from().display());
  if (display.empty()) display = from.display_name;
  auto age = std::chrono::duration_cast<std::chrono::seconds>(config_.max_age);
  if (const auto expires = base::parse_decimal(base::trim(message.value(sip::HeaderId::kExpires)))) {
    age = std::min(age, std::chrono::seconds(std::min<std::uint64_t>(*expires, 0xffffffff)));
  }
  const auto user = message.from().uri.user;
  std::string from_uri;
  from_uri.reserve(user.size() + domain_.size() + 5);
  from_uri = "sip:";
  if (!user.empty()) from_uri.append(sip::escape_user(sip::unescape(user))).append("@");
  from_uri += domain_;
  return {.id = 0, .account = to, .from_uri = std::move(from_uri), .from_display = std::move(display),
          .content_type = std::string(message.content_type()), .body = base::share(std::string(message.body())), .headers = {},
          .created = timeline_.wall(), .expires = timeline_.wall() + age};
}

void Messages::forward(const Binding& contact, const store::OfflineMessage& message, std::function<void(const sip::MessagePtr&)> done) {
  std::string headers;
  if (!contact.path.empty()) headers += "Route: " + contact.path + "\r\n";
  // By the domain that the receiver itself has here, where answers find the way back; also what an older version has kept.
  std::string_view uri = message.from_uri;
  const auto at = uri.rfind('@');
  if (contact.home) uri = at == uri.npos ? std::string_view("sip:") : uri.substr(0, at + 1);
  auto from = message.from_display.empty() ? std::string("<") : sip::quote(message.from_display) + " <";
  from.append(uri).append(contact.home ? std::string_view(*contact.home) : std::string_view()).append(">");
  agent_->send_request(contact.target, "MESSAGE", contact.contact, from, "<" + contact.contact + ">", headers, message.content_type, message.body, std::move(done));
}

void Messages::send(const Account& from, const std::string& to, bool may_wait, const sip::MessagePtr& message, Answer answer) {
  const auto contacts = registrar_.find(to, timeline_.now());
  auto fork = std::make_shared<Fork>(Fork{.waiting = contacts.size(), .taken = false, .answer = std::move(answer), .message = record(from, to, *message), .may_wait = may_wait});
  if (contacts.empty()) return keep(fork);
  for (const auto& contact : contacts) {
    forward(contact, fork->message, [weak = std::weak_ptr(alive_), this, fork](const sip::MessagePtr& response) {
      if (!weak.expired()) on_answer(fork, response);
    });
  }
}

void Messages::on_answer(const std::shared_ptr<Fork>& fork, const sip::MessagePtr& response) {
  --fork->waiting;
  const int status = response ? response->status() : 408;
  if (status >= 200 && status < 300 && !std::exchange(fork->taken, true)) fork->answer({.status = 202});
  if (fork->waiting == 0 && !fork->taken) keep(fork);
}

// Answered when it is on the disk: what was answered 202 outlives kill -9 (survival item 25).
void Messages::keep(const std::shared_ptr<Fork>& fork) {
  if (!store_ || !fork->may_wait) return fork->answer({.status = 480});
  if (fork->message.expires <= timeline_.wall()) return fork->answer({.status = 480, .reason = "Not Reachable, And Expired"});
  const auto account = fork->message.account;
  const auto queued = store_->append_offline(fork->message, [weak = std::weak_ptr(alive_), this, fork, account](base::Result<std::uint64_t> id) {
    if (weak.expired()) return;
    nothing_waits_.erase(account);
    if (!id) return fork->answer({.status = 503, .reason = "Can't Be Kept Now", .headers = {{"Retry-After", "5"}}});
    fork->answer({.status = 202});
    // It may have registered while this was written, and been looked up too early.
    if (delivering_.contains(account)) {
      kept_meanwhile_.insert(account);
    } else if (!registrar_.find(account, timeline_.now()).empty()) {
      on_reachable(account);
    }
  });
  if (!queued) fork->answer({.status = 503, .reason = "Can't Be Kept Now", .headers = {{"Retry-After", "5"}}});
}

void Messages::on_reachable(std::string_view account) {
  if (!store_ || nothing_waits_.contains(std::string(account)) || !delivering_.insert(std::string(account)).second) return;
  deliver_next(std::string(account), 0);
}

// One batch after the other, each message when the one before was taken: they arrive in the order that they were sent.
void Messages::deliver_next(const std::string& account, std::uint64_t after) {
  const auto asked = store_->pending_for(account, timeline_.wall(), after, kBatch, [weak = std::weak_ptr(alive_), this, account](base::Result<std::vector<store::OfflineMessage>> waiting) {
    if (weak.expired()) return;
    const auto contacts = registrar_.find(account, timeline_.now());
    if (!waiting || waiting->empty() || contacts.empty()) {
      const bool more = kept_meanwhile_.erase(account) != 0;
      if (more && waiting && !contacts.empty()) return deliver_next(account, 0);
      delivering_.erase(account);
      // A registration that is refreshed asks the disk nothing. What is kept from here on takes the account out again.
      if (waiting && waiting->empty() && !more) {
        if (nothing_waits_.size() >= kMaxKnown) nothing_waits_.clear();
        nothing_waits_.insert(account);
      }
      return;
    }
    forward(contacts.front(), waiting->front(), [weak, this, account, id = waiting->front().id](const sip::MessagePtr& response) {
      if (weak.expired()) return;
      const int status = response ? response->status() : 408;
      // A type that it does not take will not be taken later either.
      const bool settled = (status >= 200 && status < 300) || status == 405 || status == 415 || status == 501;
      if (!settled) return stop_delivery(account);
      const auto marked = store_->mark_delivered(id, [weak, this, account, id](base::Result<void>) {
        if (!weak.expired()) deliver_next(account, id);
      });
      if (!marked) stop_delivery(account);
    });
  });
  if (!asked) stop_delivery(account);
}

void Messages::forget(const std::string& account) {
  if (!store_) return;
  const auto asked = store_->pending_for(account, timeline_.wall(), 0, kBatch, [weak = std::weak_ptr(alive_), this, account](base::Result<std::vector<store::OfflineMessage>> waiting) {
    if (weak.expired() || !waiting || waiting->empty()) return;
    for (const auto& message : *waiting) {
      const bool last = &message == &waiting->back();
      const auto marked = store_->mark_delivered(message.id, [weak, this, account, last](base::Result<void> done) {
        if (done && last && !weak.expired()) forget(account);
      });
      if (!marked) return;
    }
  });
  static_cast<void>(asked);   // too busy: it expires
}

// Until it registers again.
void Messages::stop_delivery(const std::string& account) {
  delivering_.erase(account);
  kept_meanwhile_.erase(account);
}

}  // namespace pbx
