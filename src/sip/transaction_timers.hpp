// Timers of transactions. All of them last one of a dozen constant times (RFC 3261 table 4), so each length is a list
// in order of deadline: start and stop are O(1) and allocate nothing, and the whole layer needs one timer of the
// Timeline. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "base/timeline.hpp"

namespace sip {

// Part of the object that waits; must stay where it is in memory, and be stopped before it goes away.
struct TimerLink {
  TimerLink* previous = nullptr;
  TimerLink* next = nullptr;
  base::TimePoint deadline{};
  std::uint64_t id = 0;      // the owner's, for the one who is told
  std::int16_t list = -1;    // -1: not running
  std::uint8_t kind = 0;     // the owner's
  bool running() const { return list >= 0; }
};

class TimerLists {
 public:
  using Fire = std::function<void(TimerLink&)>;
  TimerLists(base::Timeline& timeline, Fire fire) : timeline_(timeline), fire_(std::move(fire)) {}
  ~TimerLists() { timeline_.cancel(armed_); }
  TimerLists(const TimerLists&) = delete;
  TimerLists& operator=(const TimerLists&) = delete;

  void start(TimerLink& link, base::Duration length) {
    stop(link);
    const std::size_t index = list_for(length);
    List& list = lists_[index];
    link.deadline = timeline_.now() + length;
    link.list = static_cast<std::int16_t>(index);
    link.previous = list.last;
    link.next = nullptr;
    (list.last != nullptr ? list.last->next : list.first) = &link;
    list.last = &link;
    if (link.deadline < armed_for_) arm(link.deadline);
  }
  void stop(TimerLink& link) {
    if (!link.running()) return;
    List& list = lists_[static_cast<std::size_t>(link.list)];
    (link.previous != nullptr ? link.previous->next : list.first) = link.next;
    (link.next != nullptr ? link.next->previous : list.last) = link.previous;
    link.previous = link.next = nullptr;
    link.list = -1;
  }

 private:
  struct List {
    base::Duration length;
    TimerLink* first = nullptr;
    TimerLink* last = nullptr;
  };

  std::size_t list_for(base::Duration length) {
    for (std::size_t i = 0; i < lists_.size(); ++i) {
      if (lists_[i].length == length) return i;
    }
    lists_.push_back({length});
    return lists_.size() - 1;
  }
  TimerLink* earliest() const {
    TimerLink* best = nullptr;
    for (const List& list : lists_) {
      if (list.first != nullptr && (best == nullptr || list.first->deadline < best->deadline)) best = list.first;
    }
    return best;
  }
  void arm(base::TimePoint deadline) {
    timeline_.cancel(armed_);
    armed_for_ = deadline;
    armed_ = timeline_.timers().add(deadline, [this](base::TimePoint now) { run(now); });
  }
  void run(base::TimePoint now) {
    armed_ = 0;
    armed_for_ = base::TimePoint::min();   // nothing started meanwhile arms
    TimerLink* link = earliest();
    for (; link != nullptr && link->deadline <= now; link = earliest()) {
      stop(*link);
      fire_(*link);
    }
    armed_for_ = base::kNever;
    if (link != nullptr) arm(link->deadline);
  }

  base::Timeline& timeline_;
  Fire fire_;
  std::vector<List> lists_;
  base::TimerQueue::Id armed_ = 0;
  base::TimePoint armed_for_ = base::kNever;
};

}  // namespace sip
