// Legs that move to another bridge, also to one of another thread: the leg with its transport goes there, while the port
// that its peer speaks to stays where it is and passes on what comes (docs/decisions/0006-legs-move-between-media-threads.md).
#include <sys/epoll.h>

#include "runtime/media_guest.hpp"

namespace runtime {

void MediaWorker::run_for(bridge::LegId id, std::function<void(MediaWorker&)> command) {
  if (!expected_.empty()) {
    if (const auto found = expected_.find(id); found != expected_.end()) return found->second.push_back(std::move(command));
  }
  command(*this);
}

void MediaWorker::move_within(bridge::LegId id, bridge::BridgeId bridge) {
  auto* leg = find(id);
  const auto to = bridges_.find(bridge);
  if (!leg || to == bridges_.end()) return;
  const auto guest = guests_.find(id);
  leg->leave();
  leg->enter(*to->second, *this, guest == guests_.end() ? static_cast<MediaWay&>(*this) : *guest->second);
  rewire_ = true;
}

void MediaWorker::depart(bridge::LegId id, bridge::BridgeId bridge, MediaWorker& to) {
  auto node = legs_.extract(id);
  auto travel = std::make_shared<Travel>();   // a std::function wants a copyable closure
  travel->bridge = bridge;
  if (!node.empty()) {
    flush();
    auto& leg = *node.mapped();
    leg.leave();
    rewire_ = true;
    load_ = legs_.size();
    if (leg.is_webrtc()) {
      travel->home = this;
      if (const auto guest = guests_.find(id); guest != guests_.end()) {
        travel->home = &guest->second->home();
        travel->tcp = std::move(guest->second->tcp());
        guests_.erase(guest);
      } else if (const auto& peer = leg.transport().selected_address(); tcp_ && tcp_->has(peer)) {
        travel->tcp = {peer};
      }
      // Before it arrives: from there it may be told to go on, and the home must hear of its stations in their order.
      if (travel->home != &to) {
        const auto turn = [id, next = &to](MediaWorker& home) {
          if (const auto route = home.routes_.find(id); route != home.routes_.end()) route->second = {id, nullptr, &home.lane_to(*next)};
        };
        travel->home == this ? turn(*this) : travel->home->post(turn);
      }
    } else {
      ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, leg.plain().rtp.fd(), nullptr);
      if (leg.plain().rtcp.is_open()) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, leg.plain().rtcp.fd(), nullptr);
    }
    travel->leg = std::move(node.mapped());
  }
  to.post([id, travel](MediaWorker& there) { there.arrive(id, std::move(*travel)); });
}

void MediaWorker::arrive(bridge::LegId id, Travel travel) {
  if (travel.leg) {
    auto& leg = *legs_.emplace(id, std::move(travel.leg)).first->second;
    load_ = legs_.size();
    MediaWay* way = this;
    if (!leg.is_webrtc()) {
      watch_plain(leg);
    } else if (travel.home == this) {
      if (const auto route = routes_.find(id); route != routes_.end()) route->second = {id, &leg, nullptr};
    } else {
      auto& output = outputs_[travel.home];
      if (!output) output = std::make_unique<MediaOutput>(travel.home->socket_);
      way = guests_.emplace(id, std::make_unique<Guest>(id, *this, *travel.home, *output, std::move(travel.tcp))).first->second.get();
    }
    if (leg.is_webrtc()) next_dtls_ = std::min(next_dtls_, leg.transport().deadline());
    // Without a bridge it is only passing through, or on its way out.
    if (const auto to = bridges_.find(travel.bridge); to != bridges_.end()) leg.enter(*to->second, *this, *way);
  }
  auto waiting = expected_.extract(id);
  if (!waiting.empty()) {
    for (auto& command : waiting.mapped()) run_for(id, std::move(command));
  }
  if (auto* leg = find(id); leg && !leg->bridge()) remove_leg(id);
}

MediaLane& MediaWorker::lane_to(MediaWorker& other) {
  auto& lane = lanes_out_[&other];
  if (!lane) {
    lane = std::make_shared<MediaLane>();
    other.post([lane](MediaWorker& there) { there.lanes_in_.push_back(lane); });
  }
  return *lane;
}

void MediaWorker::take_lane(MediaLane& lane, std::size_t until) {
  lane.take(until, [this](MediaLane::Item& item) {
    if (item.kind == MediaLane::Kind::kToTcp) {
      if (tcp_) tcp_->send(item.address, item.data());
      return;
    }
    const auto guest = guests_.find(item.leg);
    auto* leg = guest == guests_.end() ? nullptr : find(item.leg);
    if (!leg) return;   // gone, or on its way elsewhere
    if (item.kind == MediaLane::Kind::kTcp) guest->second->note_tcp(item.address);
    give(*leg, item.data(), item.address);
    const bool check = item.size != 0 && item.bytes[0] < 4;
    if (!check || !leg->transport().is_validated(item.address) || !guest->second->wants_telling(item.address, now_)) return;
    guest->second->home().post([id = item.leg, from = item.address](MediaWorker& home) {
      if (const auto route = home.routes_.find(id); route != home.routes_.end()) home.by_address_[from] = &route->second;
    });
  });
}

void MediaWorker::flush() {
  output_->flush();
  for (auto& [home, output] : outputs_) output->flush();
  for (auto& [to, lane] : lanes_out_) {
    if (lane->wants_wake()) to->wake();
  }
}

void MediaWorker::add_route(MediaLeg& leg, const std::string& ufrag) {
  if (const auto guest = guests_.find(leg.id()); guest != guests_.end()) {
    guest->second->home().post([id = leg.id(), ufrag](MediaWorker& home) {
      if (const auto route = home.routes_.find(id); route != home.routes_.end()) home.by_ufrag_[ufrag] = &route->second;
    });
    return;
  }
  auto& route = routes_.try_emplace(leg.id(), Route{leg.id(), &leg, nullptr}).first->second;
  by_ufrag_[ufrag] = &route;
}

void MediaWorker::forget_route(bridge::LegId id) {
  const auto route = routes_.find(id);
  if (route == routes_.end()) return;
  std::erase_if(by_ufrag_, [&](const auto& entry) { return entry.second == &route->second; });
  std::erase_if(by_address_, [&](const auto& entry) { return entry.second == &route->second; });
  routes_.erase(route);
}

}  // namespace runtime
