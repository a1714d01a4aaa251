#include "pbx/registrar.hpp"

#include <fmt/format.h>

#include "base/text.hpp"

namespace pbx {
namespace {

using sip::HeaderId;

constexpr std::size_t kMaxHomes = 1000, kMaxHome = 255;   // 255: bytes of one

void drop_expired(std::vector<Binding>& bindings, base::TimePoint now) {
  std::erase_if(bindings, [&](const Binding& b) { return b.expires <= now; });
}

// Is `b` the contact that `old` was? By instance and reg-id where both have them (RFC 5626 section 6), else by URI.
bool same_contact(const Binding& old, const Binding& b) {
  if (b.reg_id != 0 && old.reg_id != 0 && !b.instance.empty()) return old.instance == b.instance && old.reg_id == b.reg_id;
  const auto x = sip::Uri::parse(old.contact), y = sip::Uri::parse(b.contact);
  return x && y && sip::equivalent(*x, *y);
}

// Expires of one contact: its parameter, else the header, else the default. What is malformed counts as the default
// (section 10.2.1.1).
std::chrono::seconds wanted_expiry(const sip::NameAddr& contact, const sip::Message& request, std::chrono::seconds fallback) {
  const auto read = [&](std::string_view text) {
    const auto value = base::parse_decimal(base::trim(text));
    return value ? std::chrono::seconds(std::min<std::uint64_t>(*value, 0xffffffff)) : fallback;
  };
  if (contact.params.has("expires")) return read(contact.params.value("expires"));
  if (const auto* header = request.find(HeaderId::kExpires)) return read(header->value);
  return fallback;
}

// qvalue of RFC 3261 section 25.1, 0 to 1 with at most three decimals. Anything else ("nan" above all, which nothing can be
// sorted by) counts as not written.
double read_q(std::string_view text) {
  const auto digits = text.substr(std::min<std::size_t>(text.size(), 2));
  const bool shape = (text[0] == '0' || text[0] == '1') && (text.size() == 1 || text[1] == '.') && digits.size() <= 3;
  if (!shape || digits.find_first_not_of("0123456789") != digits.npos) return 1.0;
  double q = text[0] - '0', weight = 0.1;
  for (const char digit : digits) {
    q += weight * (digit - '0');
    weight /= 10;
  }
  return std::min(q, 1.0);
}

// Where requests to this contact go. A connection is used again (RFC 5626, RFC 7118); over UDP the contact's own address
// is believed only when it is the sender's, or else it is behind a NAT.
sip::Target target_of(const sip::NameAddr& contact, const sip::Source& source) {
  auto target = sip::Target::back_to(source);
  if (source.transport != sip::Transport::kUdp) return target;
  const auto address = base::SocketAddress::parse(contact.uri.host, contact.uri.port ? contact.uri.port : 5060);
  if (address && address->same_ip(source.remote)) {
    target.remote = *address;
    if (base::equals_ignoring_case(contact.uri.params.value("transport"), "tcp")) target = {sip::Transport::kTcp, *address, 0, 0};
  }
  return target;
}

}  // namespace

base::Result<std::vector<Binding>> Registrar::read_contacts(const sip::Message& request, const sip::Source& source, base::TimePoint now,
                                                            sip::Reply& refusal) const {
  std::vector<Binding> result;
  std::string path;
  for (const auto value : request.values(HeaderId::kPath)) path.append(path.empty() ? "" : ", ").append(value);
  for (const auto value : request.values(HeaderId::kContact)) {
    const auto contact = sip::NameAddr::parse(value);
    if (!contact || !contact->uri.is_sip() || contact->uri.host.empty()) {
      refusal = {.status = 400, .reason = "Bad Contact"};
      return base::malformed("contact");
    }
    auto expires = wanted_expiry(*contact, request, config_.default_expires);
    if (expires.count() > 0 && expires < config_.min_expires) {
      refusal = {.status = 423, .headers = {{"Min-Expires", std::to_string(config_.min_expires.count())}}};
      return base::fail(base::ErrorCode::kUnsupported);
    }
    expires = std::min(expires, config_.max_expires);
    Binding b{.contact = std::string(contact->uri_text), .target = target_of(*contact, source), .path = path, .expires = now + expires,
              .call_id = std::string(request.call_id()), .cseq = request.cseq().number};
    b.instance = contact->params.value("+sip.instance");
    b.reg_id = static_cast<std::uint32_t>(base::parse_decimal(contact->params.value("reg-id")).value_or(0));
    if (const auto q = contact->params.value("q"); !q.empty()) b.q = read_q(q);
    const bool websocket = source.transport == sip::Transport::kWs || source.transport == sip::Transport::kWss;
    b.bound_to_flow = source.flow != 0 && (websocket || b.reg_id != 0 || contact->uri.params.has("ob") || contact->uri.host.ends_with(".invalid") ||
                                           b.target.flow != 0);
    result.push_back(std::move(b));
  }
  return result;
}

sip::Reply Registrar::handle(std::string_view account, const sip::Message& request, const sip::Source& source, base::TimePoint now) {
  auto& bindings = bindings_[std::string(account)];
  drop_expired(bindings, now);
  auto reply = update(account, bindings, request, source, now);
  const bool reachable = !bindings.empty();
  if (!reachable) bindings_.erase(std::string(account));
  if (listener_ && reply.status == 200 && request.find(HeaderId::kContact)) {
    reachable ? listener_->on_reachable(account) : listener_->on_unreachable(account, true);
  }
  return reply;
}

sip::Reply Registrar::update(std::string_view account, Bindings& bindings, const sip::Message& request, const sip::Source& source,
                             base::TimePoint now) {
  const auto contacts = request.values(HeaderId::kContact);
  if (contacts.empty()) return fetch(bindings, request, now);

  const auto older = [&](const Binding& b) { return b.call_id == request.call_id() && request.cseq().number <= b.cseq; };
  const sip::Reply out_of_order{.status = 500, .reason = "CSeq Out Of Order"};
  if (std::find(contacts.begin(), contacts.end(), "*") != contacts.end()) {
    if (contacts.size() != 1 || base::trim(request.value(HeaderId::kExpires)) != "0") return {.status = 400, .reason = "Contact * Needs Expires 0 And No Other"};
    if (std::any_of(bindings.begin(), bindings.end(), older)) return out_of_order;
    bindings.clear();
    return fetch(bindings, request, now);
  }

  sip::Reply refusal;
  auto wanted = read_contacts(request, source, now, refusal);
  if (!wanted) return refusal;
  const auto* home = home_of(request.to().uri);
  Bindings next = bindings;   // worked out apart: all or nothing
  for (auto& b : *wanted) {
    b.home = home;
    const auto old = std::find_if(next.begin(), next.end(), [&](const Binding& o) { return same_contact(o, b); });
    if (old != next.end()) {
      if (older(*old)) return out_of_order;
      next.erase(old);
    }
    if (b.expires > now) next.push_back(std::move(b));
  }
  if (next.size() > config_.max_contacts) return {.status = 403, .reason = "Too Many Contacts"};
  bindings = std::move(next);
  if (source.flow != 0) {
    const auto [first, last] = accounts_of_flow_.equal_range(source.flow);
    if (std::none_of(first, last, [&](const auto& e) { return e.second == account; })) accounts_of_flow_.emplace(source.flow, account);
  }
  return fetch(bindings, request, now);
}

const std::string* Registrar::home_of(const sip::Uri& address_of_record) {
  const auto host = address_of_record.host;
  if (host.empty()) return nullptr;
  const auto behind = static_cast<std::size_t>(host.data() + host.size() - address_of_record.text.data());
  const auto port = address_of_record.port == 0 ? behind : address_of_record.text.find_first_not_of("0123456789", behind + 1);
  const auto end = std::min(port, address_of_record.text.size());
  const std::string_view text(host.data(), host.size() + end - behind);
  if (text.size() > kMaxHome) return nullptr;
  if (const auto known = homes_.find(text); known != homes_.end()) return &*known;
  return homes_.size() < kMaxHomes ? &*homes_.emplace(text).first : nullptr;
}

sip::Reply Registrar::fetch(const Bindings& bindings, const sip::Message& request, base::TimePoint now) const {
  sip::Reply reply;
  bool outbound = false;
  for (const auto& b : bindings) {
    const auto left = std::chrono::ceil<std::chrono::seconds>(b.expires - now).count();
    auto value = fmt::format("<{}>;expires={}", b.contact, left);
    if (b.q != 1.0) value += fmt::format(";q={:.3g}", b.q);
    if (!b.instance.empty()) value += ";+sip.instance=" + b.instance;
    if (b.reg_id != 0) value += fmt::format(";reg-id={}", b.reg_id);
    outbound |= b.reg_id != 0 && b.call_id == request.call_id();
    reply.headers.emplace_back("Contact", std::move(value));
  }
  // RFC 5626 section 6: the client learns that its flow is what it is reached by.
  if (outbound && request.lists(HeaderId::kSupported, "outbound")) reply.headers.emplace_back("Require", "outbound");
  for (const auto value : request.values(HeaderId::kPath)) reply.headers.emplace_back("Path", std::string(value));
  return reply;
}

bool Registrar::signs_off(std::string_view account, const sip::Message& request, const sip::Source& source) const {
  const bool websocket = source.transport == sip::Transport::kWs || source.transport == sip::Transport::kWss;
  const auto found = bindings_.find(std::string(account));
  const auto contacts = request.values(HeaderId::kContact);
  if (!websocket || source.flow == 0 || found == bindings_.end() || contacts.empty()) return false;
  return std::all_of(contacts.begin(), contacts.end(), [&](std::string_view text) {
    const auto contact = sip::NameAddr::parse(text);
    if (!contact || wanted_expiry(*contact, request, config_.default_expires).count() != 0) return false;
    return std::any_of(found->second.begin(), found->second.end(), [&](const Binding& b) {
      const auto uri = sip::Uri::parse(b.contact);
      return b.target.flow == source.flow && b.call_id == request.call_id() && uri && sip::equivalent(*uri, contact->uri);
    });
  });
}

std::vector<Binding> Registrar::find(std::string_view account, base::TimePoint now) {
  const auto found = bindings_.find(std::string(account));
  if (found == bindings_.end()) return {};
  drop_expired(found->second, now);
  auto result = found->second;
  std::sort(result.begin(), result.end(), [](const Binding& a, const Binding& b) {
    return std::tie(b.q, b.expires, a.contact) < std::tie(a.q, a.expires, b.contact);
  });
  if (result.empty()) bindings_.erase(found);
  return result;
}

void Registrar::on_flow_closed(std::uint64_t flow) {
  std::vector<std::string> lost;
  const auto [first, last] = accounts_of_flow_.equal_range(flow);
  for (auto it = first; it != last; ++it) {
    const auto found = bindings_.find(it->second);
    if (found == bindings_.end()) continue;
    std::erase_if(found->second, [&](const Binding& b) { return b.bound_to_flow && b.target.flow == flow; });
    if (!found->second.empty()) continue;
    bindings_.erase(found);
    lost.push_back(it->second);
  }
  accounts_of_flow_.erase(first, last);
  for (const auto& account : lost) {
    if (listener_) listener_->on_unreachable(account, false);
  }
}

bool Registrar::has_flow(std::uint64_t flow) const {
  const auto [first, last] = accounts_of_flow_.equal_range(flow);
  return std::any_of(first, last, [&](const auto& entry) {
    const auto found = bindings_.find(entry.second);
    return found != bindings_.end() && std::any_of(found->second.begin(), found->second.end(), [&](const Binding& b) { return b.target.flow == flow; });
  });
}

std::size_t Registrar::size() const {
  std::size_t count = 0;
  for (const auto& [account, bindings] : bindings_) count += bindings.size();
  return count;
}

}  // namespace pbx
