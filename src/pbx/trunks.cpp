#include "pbx/trunks.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "pbx/trunk.hpp"

namespace pbx {

Trunks::Trunks(std::vector<TrunkConfig> trunks, base::Timeline& timeline, ResolveTarget resolve) : resolve_(std::move(resolve)) {
  for (auto& one : trunks) trunks_.push_back(std::make_unique<Trunk>(std::move(one), timeline, resolve_));
}

Trunks::~Trunks() = default;

void Trunks::attach(sip::UserAgent& agent) {
  for (const auto& trunk : trunks_) trunk->begin(agent);
}

void Trunks::close() {
  for (const auto& trunk : trunks_) trunk->close();
}

bool Trunks::closed() const {
  return std::ranges::all_of(trunks_, [](const auto& trunk) { return trunk->closed(); });
}

Trunks::Trunk* Trunks::trunk_of(std::string_view name) const {
  const auto found = std::ranges::find_if(trunks_, [&](const auto& trunk) { return base::equals_ignoring_case(trunk->config().name, name); });
  return found != trunks_.end() ? found->get() : nullptr;
}

const TrunkConfig* Trunks::find(std::string_view name) const {
  const auto* trunk = trunk_of(name);
  return trunk ? &trunk->config() : nullptr;
}

std::string Trunks::number_called(std::string_view trunk, const sip::Message& invite) const {
  auto user = sip::unescape(invite.request_uri().user);
  const auto* one = trunk_of(trunk);
  return one && one->is_contact(user) ? sip::unescape(invite.to().uri.user) : user;
}

base::Result<TrunkCall> Trunks::prepare(std::string_view trunk, std::string_view number, const bridge::Party& from, std::string_view caller_number) const {
  const auto* one = trunk_of(trunk);
  if (!one) return base::fail(base::ErrorCode::kNotFound, "no trunk " + std::string(trunk));
  return one->prepare(number, from, caller_number);
}

// The Contact says most; of several trunks at one address, the one whose account is called; else the first.
const TrunkConfig* Trunks::identify(const sip::Message& request, const sip::Source& source) const {
  if (trunks_.empty()) return nullptr;
  const auto user = sip::unescape(request.request_uri().user);
  const Trunk* by_address = nullptr;
  bool by_user = false;
  for (const auto& trunk : trunks_) {
    if (trunk->is_contact(user)) return &trunk->config();
    if (by_user || !trunk->has_address(source)) continue;
    by_user = trunk->is_user(user);
    if (by_user || by_address == nullptr) by_address = trunk.get();
  }
  return by_address ? &by_address->config() : nullptr;
}

void Trunks::note_call(std::string_view trunk, int change) {
  if (auto* one = trunk_of(trunk)) one->note_call(change);
}

void Trunks::note_silence(std::string_view trunk, const base::SocketAddress& address) {
  if (auto* one = trunk_of(trunk)) one->note_silence(address);
}

void Trunks::on_connection_closed(const sip::Source& source) {
  if (source.transport == sip::Transport::kUdp) return;
  for (const auto& trunk : trunks_) trunk->on_connection_closed(source);
}

std::vector<TrunkStatus> Trunks::status() const {
  std::vector<TrunkStatus> all;
  for (const auto& trunk : trunks_) all.push_back(trunk->status());
  return all;
}

}  // namespace pbx
