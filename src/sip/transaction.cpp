// What client and server transactions share: dispatch, timers, and who is on which connection.
#include "sip/transaction.hpp"

#include <utility>

namespace sip {

TransactionLayer::TransactionLayer(const TransactionConfig& config, base::Timeline& timeline, Network& network,
                                   TransactionUser& user)
    : config_(config), timeline_(timeline), network_(network), user_(user),
      timers_(timeline, [this](TimerLink& link) { fire(link); }) {}

void TransactionLayer::on_message(const MessagePtr& message, const Source& source) {
  if (message->is_request()) {
    on_request(message, source);
  } else {
    on_response(message, source);
  }
}

void TransactionLayer::fire(TimerLink& link) {
  const std::uint64_t id = link.id;
  switch (link.kind) {
    case kClientRetransmit: return fire_client_retransmit(id);
    case kClientLife: return fire_client_life(id);
    case kServerRetransmit: return fire_server_retransmit(id);
    case kServerTrying:
      // Section 17.2.1: 100 when the user has said nothing for 200 ms.
      if (Server* tx = servers_.get(id); tx != nullptr && tx->state == State::kTrying) {
        respond(id, 100, start_response(*tx->request, tx->source, 100, {}).finish());
      }
      return;
    default: return remove_server(id);   // timers H, I, J, L, and a request that nobody answered
  }
}

void TransactionLayer::on_flow_closed(std::uint64_t flow) {
  if (flow == 0) return;
  for (const std::uint64_t id : ids_of(server_paths_, flow)) {
    if (Server* tx = servers_.get(id)) tx->flow_gone = true;
  }
  for (const std::uint64_t id : ids_of(client_paths_, flow)) fail_client(id, 503);
}

void TransactionLayer::on_send_failed(const Target& target) {
  const std::uint64_t path = path_of(target);
  for (const std::uint64_t id : ids_of(client_paths_, path)) fail_client(id, 503);
}

// Flows are small numbers; an address becomes a number with the top bit set.
std::uint64_t TransactionLayer::path_of(const Target& target) const {
  if (target.flow != 0) return target.flow;
  const std::uint64_t mixed = target.remote.hash() * 31 + static_cast<std::uint64_t>(target.transport);
  return mac_(mixed) | std::uint64_t{1} << 63;
}

void TransactionLayer::link_path(PathIndex& index, PathLink& link, std::uint64_t id, std::uint64_t path) {
  PathLink*& first = index[path];
  link.id = id;
  link.path = path;
  link.next = first;
  if (first != nullptr) first->previous = &link;
  first = &link;
}

void TransactionLayer::unlink_path(PathIndex& index, PathLink& link) {
  if (link.path == 0) return;
  if (link.next != nullptr) link.next->previous = link.previous;
  if (link.previous != nullptr) {
    link.previous->next = link.next;
  } else if (link.next != nullptr) {
    index[link.path] = link.next;
  } else {
    index.erase(link.path);
  }
  link = PathLink{};
}

std::vector<std::uint64_t> TransactionLayer::ids_of(const PathIndex& index, std::uint64_t path) {
  std::vector<std::uint64_t> ids;
  const auto found = index.find(path);
  if (found == index.end()) return ids;
  for (const PathLink* link = found->second; link != nullptr; link = link->next) ids.push_back(link->id);
  // The newest is first in the list; failures are told in the order of sending.
  return {ids.rbegin(), ids.rend()};
}

}  // namespace sip
