#include "pbx/queue.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "pbx/call.hpp"

namespace pbx {
namespace {

constexpr std::chrono::milliseconds kMoment{300};   // positions that change within it are told once

}  // namespace

Queues::Queues(const std::vector<QueueConfig>& configs, base::Timeline& timeline, QueueListener& listener)
    : configs_(configs), timeline_(timeline), listener_(listener) {}

Queues::~Queues() {
  for (auto& [key, queue] : queues_) timeline_.cancel(queue.timer);
}

const QueueConfig* Queues::find(std::string_view name) const {
  const auto found = std::find_if(configs_.begin(), configs_.end(), [&](const auto& q) { return base::equals_ignoring_case(q.name, name); });
  return found == configs_.end() ? nullptr : &*found;
}

bool Queues::is_agent(const QueueConfig& queue, std::string_view account) {
  return !account.empty() && std::find(queue.agents.begin(), queue.agents.end(), account) != queue.agents.end();
}

std::vector<const QueueConfig*> Queues::of_agent(std::string_view account) const {
  std::vector<const QueueConfig*> result;
  for (const auto& queue : configs_) {
    if (is_agent(queue, account)) result.push_back(&queue);
  }
  return result;
}

std::vector<const Call*> Queues::waiting(const QueueConfig& queue) const {
  std::vector<const Call*> result;
  if (const auto found = queues_.find(queue.name); found != queues_.end()) {
    for (const auto& place : found->second.places) result.push_back(place.call);
  }
  return result;
}

bool Queues::is_full(const QueueConfig& queue) const {
  const auto found = queues_.find(queue.name);
  return found != queues_.end() && found->second.places.size() >= queue.max_waiting;
}

Call* Queues::find_pickup(std::string_view number) const {
  for (const auto& [key, queue] : queues_) {
    for (const auto& place : queue.places) {
      if (place.call->pickup() == number) return place.call;
    }
  }
  return nullptr;
}

void Queues::on_call_changed(Call& call) {
  const auto* config = call.waiting_in();
  const auto before = queue_of_.find(&call);
  if (before != queue_of_.end() && (!config || before->second != config->name)) remove(call, call.info().answered ? QueueEvent::kTaken : QueueEvent::kLeft);
  if (!config || queue_of_.contains(&call)) return;
  queue_of_[&call] = config->name;
  queues_[config->name].places.push_back({&call});
  tell_places(config->name, base::Duration::zero());
  listener_.on_queue_event(QueueEvent::kWaiting, config->name, call);
}

void Queues::on_call_over(const Call& call) {
  if (queue_of_.contains(&call)) remove(call, QueueEvent::kLeft);
}

void Queues::remove(const Call& call, QueueEvent event) {
  const auto node = queue_of_.extract(&call);
  const auto& name = node.mapped();
  std::erase_if(queues_[name].places, [&](const auto& place) { return place.call == &call; });
  tell_places(name, kMoment);
  listener_.on_queue_event(event, name, call);
}

void Queues::tell_places(const std::string& key, base::Duration delay) {
  auto& queue = queues_[key];
  if (queue.timer != 0) return;
  queue.timer = timeline_.after(delay, [&queue](base::TimePoint) {
    queue.timer = 0;
    std::size_t position = 0;
    for (auto& place : queue.places) {
      ++position;
      if (std::exchange(place.told, position) != position) place.call->tell_place(position);
    }
  });
}

}  // namespace pbx
