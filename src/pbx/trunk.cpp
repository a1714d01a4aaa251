#include "pbx/trunk.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "base/random.hpp"
#include "base/text.hpp"

namespace pbx {
namespace {

using namespace std::chrono_literals;

constexpr base::Duration kLookupAgain = 5min;       // of a name that was found
constexpr base::Duration kFirstLookupRetry = 5s, kLastLookupRetry = 5min;
constexpr auto kLastRegistrationRetry = 5min;
constexpr base::Duration kProbeInterval = 30s;      // a NAT's binding lives as long, too
constexpr base::Duration kConnectFailure = 15s;     // before a request's own time is over
constexpr base::Duration kSilence = 2min;           // for each address: it is asked again meanwhile
constexpr base::Duration kSilenceOfCall = 30s;
constexpr base::Duration kRefreshInterval = 30s;    // at the most, of a registration whose connection closes
constexpr std::size_t kMaxAddresses = 16;
constexpr std::size_t kMaxOthers = 3;               // that one call is tried at after its first
constexpr std::size_t kMaxNumber = 128;

sip::Transport transport_of(const std::string& name) {
  if (base::equals_ignoring_case(name, "tls")) return sip::Transport::kTls;
  return base::equals_ignoring_case(name, "tcp") ? sip::Transport::kTcp : sip::Transport::kUdp;
}

// "provider.example" of "provider.example:5080"; an IPv6 address in brackets.
std::string host_of(const std::string& server) {
  const auto literal = base::SocketAddress::parse(server, 5060);
  if (literal) return literal->host();
  const auto text = "sip:" + server;
  const auto uri = sip::Uri::parse(text);   // views into it
  return uri ? base::to_lower(uri->host) : std::string();
}

bool is_number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  return !text.empty() && text.size() <= 32 && text.find_first_not_of("0123456789") == text.npos;
}

bool can_be_dialled(std::string_view number) {
  const auto control = [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 0x7f; };
  return !number.empty() && number.size() <= kMaxNumber && std::ranges::none_of(number, control);
}

}  // namespace

Trunks::Trunk::Trunk(TrunkConfig config, base::Timeline& timeline, const ResolveTarget& resolve)
    : config_(std::move(config)), timeline_(timeline), resolve_(resolve), transport_(transport_of(config_.transport)),
      contact_user_("trunk-" + base::random_token(24)), host_(host_of(config_.server)),
      domain_(config_.domain.empty() ? host_ : config_.domain), lookup_delay_(kFirstLookupRetry) {
  if (!config_.outbound_proxy.empty()) {
    const std::string_view parameter = transport_ == sip::Transport::kTcp ? ";transport=tcp" : transport_ == sip::Transport::kTls ? ";transport=tls" : "";
    const auto literal = base::SocketAddress::parse(config_.outbound_proxy, 5060);
    route_.append("<sip:").append(literal ? literal->host() : config_.outbound_proxy).append(parameter).append(";lr>");
  }
  // Survival item 6: for that realm, and the addresses that requests are sent to.
  if (!config_.username.empty()) {
    credentials_ = std::make_shared<sip::PeerCredentials>(config_.realm.empty() ? host_ : config_.realm,
                                                          sip::PasswordCredentials{config_.username, config_.password}, std::vector<base::SocketAddress>{});
    auth_ = std::make_shared<sip::ClientAuth>(credentials_);
  }
}

Trunks::Trunk::~Trunk() {
  *alive_ = false;
  timeline_.cancel(lookup_timer_);
  timeline_.cancel(probe_timer_);
  timeline_.cancel(refresh_timer_);
}

void Trunks::Trunk::begin(sip::UserAgent& agent) {
  agent_ = &agent;
  look_up();
}

void Trunks::Trunk::close() {
  if (closing_) return;
  closing_ = true;
  timeline_.cancel(lookup_timer_);
  timeline_.cancel(probe_timer_);
  timeline_.cancel(refresh_timer_);
  if (registration_) registration_->close();
}

void Trunks::Trunk::look_up() {
  if (!resolve_ || closing_) return;
  resolve_(next_hop(), transport_, [this, alive = alive_](std::vector<base::SocketAddress> found) {
    if (*alive && !closing_) on_found(std::move(found));
  });
  if (config_.outbound_proxy.empty()) return;
  resolve_(config_.server, transport_, [this, alive = alive_](std::vector<base::SocketAddress> found) {
    if (*alive && !found.empty()) server_addresses_ = std::move(found);
  });
}

void Trunks::Trunk::look_up_after(base::Duration delay) {
  timeline_.cancel(lookup_timer_);
  lookup_timer_ = timeline_.after(delay, [this](base::TimePoint) {
    lookup_timer_ = 0;
    look_up();
  });
}

// A name server that fails takes nothing away: what was found before still counts.
void Trunks::Trunk::on_found(std::vector<base::SocketAddress> found) {
  if (found.empty()) {
    if (!std::exchange(told_unresolved_, true)) spdlog::warn("Trunk {}: no address of {} is found", config_.name, next_hop());
    look_up_after(lookup_delay_);
    lookup_delay_ = std::min(lookup_delay_ * 2, kLastLookupRetry);
    return;
  }
  if (std::exchange(told_unresolved_, false)) spdlog::info("Trunk {}: {} is found again", config_.name, next_hop());
  lookup_delay_ = kFirstLookupRetry;
  look_up_after(kLookupAgain);
  if (found.size() > kMaxAddresses) found.resize(kMaxAddresses);
  // Another order is no reason to move.
  const auto before = addresses_.empty() ? base::SocketAddress{} : addresses_[current_].where;
  std::vector<Address> addresses;
  for (const auto& one : found) {
    const auto known = std::ranges::find(addresses_, one, &Address::where);
    addresses.push_back({one, known != addresses_.end() ? known->silent_until : base::TimePoint{}});
  }
  addresses_ = std::move(addresses);
  const auto same = std::ranges::find(addresses_, before, &Address::where);
  current_ = same != addresses_.end() ? static_cast<std::size_t>(same - addresses_.begin()) : 0;
  if (credentials_) credentials_->set_peers(found);
  if (config_.registers && !registration_) {
    start_registration();
  } else if (registration_ && same == addresses_.end()) {
    registration_->set_target(target(addresses_[current_].where));
  }
  if (probe_timer_ == 0 && !probing_) probe_after(config_.registers ? kProbeInterval : base::Duration::zero());
}

void Trunks::Trunk::start_registration() {
  sip::RegistrationConfig config;
  config.target = target(addresses_[current_].where);
  config.registrar = "sip:" + domain_;
  config.aor = "sip:" + sip::escape_user(config_.username) + "@" + domain_;
  config.contact_user = contact_user_;
  config.route = route_;
  config.expires = config_.expires;
  config.auth = auth_;
  config.retry_max = kLastRegistrationRetry;
  registration_ = std::make_unique<sip::Registration>(*agent_, timeline_, std::move(config), *this);
  registration_->start();
}

void Trunks::Trunk::on_registered(std::chrono::seconds expires) {
  last_status_ = 0;
  tried_ = 0;
  // It answers this, but no OPTIONS: they say nothing then.
  auto& address = addresses_[current_];
  if (is_silent(address)) answered_probe_ = false;
  set_answering(address.where);
  if (std::exchange(told_registered_, true)) return;
  spdlog::info("Trunk {}: registered at {} for {} s", config_.name, address.where.to_string(), expires.count());
}

void Trunks::Trunk::on_registration_failed(int status, const std::string& reason, std::chrono::seconds retry) {
  const bool changed = status != last_status_;
  last_status_ = status;
  if (changed) {
    told_registered_ = false;
    spdlog::warn("Trunk {}: not registered at {}: {} {}; next try in {} s", config_.name, addresses_[current_].where.to_string(), status,
                 base::for_log(reason), retry.count());
  }
  // Each of its addresses once, then the registration's own pause.
  const bool silent = status == 408 || status == 503;
  if (!silent) return;
  set_silent(addresses_[current_].where, retry + kLastRegistrationRetry + kSilence * addresses_.size());   // till its turn comes again
  if (++tried_ < addresses_.size()) return try_next();
  tried_ = 0;
}

void Trunks::Trunk::try_next() {
  current_ = (current_ + 1) % addresses_.size();
  if (registration_) registration_->set_target(target(addresses_[current_].where));
}

// RFC 3261 section 11: a trunk that has answered OPTIONS once is expected to go on so; one that never did is believed to be there.
void Trunks::Trunk::probe() {
  if (closing_ || addresses_.empty()) return;
  probing_ = true;
  const auto address = addresses_[current_].where;
  sip::OutgoingRequest request;
  request.target = target(address);
  request.method = "OPTIONS";
  request.request_uri = "sip:" + domain_;
  request.from = "<sip:" + (config_.username.empty() ? "parley" : sip::escape_user(config_.username)) + "@" + domain_ + ">";
  request.to = "<sip:" + domain_ + ">";
  request.route = route_;
  agent_->send_request(request, [this, alive = alive_, address, asked = timeline_.now()](const sip::MessagePtr& response) {
    if (!*alive || closing_) return;
    probing_ = false;
    // No answer so soon: there is no connection, which leaves nothing to believe.
    if (response == nullptr && timeline_.now() - asked < kConnectFailure) answered_probe_ = true;
    on_probed(address, response != nullptr && response->status() != 408 && response->status() != 503);
    probe_after(kProbeInterval);
  });
}

void Trunks::Trunk::probe_after(base::Duration delay) {
  timeline_.cancel(probe_timer_);
  probe_timer_ = timeline_.after(delay, [this](base::TimePoint) {
    probe_timer_ = 0;
    probe();
  });
}

void Trunks::Trunk::on_probed(const base::SocketAddress& address, bool answered) {
  if (answered) {
    answered_probe_ = true;
    set_answering(address);
    if (registration_ && last_status_ == 408) registration_->refresh();   // it is there again
    return;
  }
  if (!answered_probe_ || addresses_[current_].where != address) return;
  set_silent(address, kSilence * addresses_.size());
  if (addresses_.size() > 1) return try_next();
  if (registration_) registration_->refresh();   // its answer decides
}

void Trunks::Trunk::set_silent(const base::SocketAddress& address, base::Duration time) {
  const auto found = std::ranges::find(addresses_, address, &Address::where);
  if (found == addresses_.end()) return;
  found->silent_until = std::max(found->silent_until, timeline_.now() + time);
  if (answers() || std::exchange(told_silent_, true)) return;
  spdlog::warn("Trunk {}: {} does not answer", config_.name, next_hop());
}

void Trunks::Trunk::set_answering(const base::SocketAddress& address) {
  const auto found = std::ranges::find(addresses_, address, &Address::where);
  if (found == addresses_.end()) return;
  found->silent_until = {};
  if (std::exchange(told_silent_, false)) spdlog::info("Trunk {}: {} answers again", config_.name, next_hop());
}

bool Trunks::Trunk::answers() const { return usable() != nullptr; }

const Trunks::Trunk::Address* Trunks::Trunk::usable() const {
  for (std::size_t i = 0; i < addresses_.size(); ++i) {
    const auto& address = addresses_[(current_ + i) % addresses_.size()];
    if (!is_silent(address)) return &address;
  }
  return nullptr;
}

// After `first`, in the order in which they come, those that may answer.
std::vector<sip::Target> Trunks::Trunk::other_targets(const Address& first) const {
  std::vector<sip::Target> others;
  const auto at = static_cast<std::size_t>(&first - addresses_.data());
  for (std::size_t i = 1; i < addresses_.size() && others.size() < kMaxOthers; ++i) {
    const auto& address = addresses_[(at + i) % addresses_.size()];
    if (!is_silent(address)) others.push_back(target(address.where));
  }
  return others;
}

void Trunks::Trunk::note_silence(const base::SocketAddress& address) {
  set_silent(address, kSilenceOfCall);
  if (addresses_.size() > 1 && !registration_ && addresses_[current_].where == address) try_next();
}

void Trunks::Trunk::on_connection_closed(const sip::Source& source) {
  if (closing_ || !registration_ || source.transport != transport_ || addresses_[current_].where != source.remote || refresh_timer_ != 0) return;
  // A server that closes each connection at once is not asked in a circle.
  const auto wait = std::max(base::Duration::zero(), refreshed_ + kRefreshInterval - timeline_.now());
  refresh_timer_ = timeline_.after(wait, [this](base::TimePoint now) {
    refresh_timer_ = 0;
    refreshed_ = now;
    registration_->refresh();
  });
}

void Trunks::Trunk::note_call(int change) {
  if (change < 0 && calls_ == 0) return;
  calls_ = change < 0 ? calls_ - 1 : calls_ + 1;
}

// What the caller is called there: by the rule, by the trunk, by his own number where that was proven to us, by the account.
std::string Trunks::Trunk::caller_user(const bridge::Party& from, std::string_view caller_number) const {
  if (can_be_dialled(caller_number)) return std::string(caller_number);
  if (!config_.caller_number.empty()) return config_.caller_number;
  const bool proven = !from.account.empty() || !from.trunk.empty();
  if (proven && is_number(from.number)) return from.number;
  return config_.username.empty() ? "anonymous" : config_.username;
}

base::Result<TrunkCall> Trunks::Trunk::prepare(std::string_view number, const bridge::Party& from, std::string_view caller_number) const {
  if (!can_be_dialled(number)) return base::malformed("no number to call by trunk " + config_.name);
  const auto unavailable = [&](std::string_view why) { return base::fail(base::ErrorCode::kUnavailable, "trunk " + config_.name + " " + std::string(why)); };
  if (closing_ || addresses_.empty()) return unavailable("has no address");
  if (config_.max_calls != 0 && calls_ >= config_.max_calls) return unavailable("has all the calls that it may have");
  if (config_.registers && !told_registered_ && last_status_ == 0) return unavailable("is not registered yet");
  const auto* address = usable();
  if (!address) return unavailable("does not answer");
  TrunkCall call;
  call.target = target(address->where);
  call.others = other_targets(*address);
  call.request_uri = call.to_uri = "sip:" + sip::escape_user(number) + "@" + domain_;
  call.from_uri = "sip:" + sip::escape_user(caller_user(from, caller_number)) + "@" + domain_;
  if (config_.show_caller_name) call.from_display = from.display_name;
  call.route = registration_ && registration_->registered() ? registration_->route() : route_;
  call.auth = auth_;
  return call;
}

bool Trunks::Trunk::has_address(const sip::Source& source) const {
  // A WebSocket is a page's, and may come by a proxy that has the address.
  if (source.transport == sip::Transport::kWs || source.transport == sip::Transport::kWss) return false;
  const bool ports = source.remote.is_loopback();
  const auto same = [&](const base::SocketAddress& one) { return one.same_ip(source.remote) && (!ports || one.port() == source.remote.port()); };
  return std::ranges::any_of(addresses_, same, &Address::where) || std::ranges::any_of(server_addresses_, same) ||
         std::ranges::any_of(config_.addresses, [&](const auto& one) { return one.same_ip(source.remote); });
}

TrunkStatus Trunks::Trunk::status() const {
  return {.name = config_.name, .server = config_.server, .registers = config_.registers, .registered = registration_ && registration_->registered(),
          .reachable = answers(), .last_status = last_status_, .calls = calls_};
}

}  // namespace pbx
