// Queues: callers who wait, with music, until an agent takes one of them. Text that they write meanwhile is kept for the agent.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/timeline.hpp"
#include "pbx/observer.hpp"

namespace pbx {

class Call;

struct QueueConfig {
  std::string name;                          // what is dialled; compared without case
  std::vector<std::string> agents;           // accounts that see who waits, and take them
  std::size_t max_waiting = 100;             // then 486
  std::chrono::seconds max_wait{0};          // then the caller is let go (480); 0: no limit
  std::string music;                         // a sound file; "" : the one of [sounds]
  friend bool operator==(const QueueConfig&, const QueueConfig&) = default;
};

// What those who wait are told in the call, webphones and those whose Accept names the type:
//   {"type":"waiting","queue":"support","position":2}
//   {"type":"taken","queue":"support","number":"1500","displayName":"Ann"}
constexpr std::string_view kQueueEventType = "application/vnd.parley.queue+json";

// Numbers that begin so are pickup numbers: an agent takes a waiting call by dialling its one. Secret, and new each time that a
// call begins to wait; once it is taken its number is gone (410).
constexpr std::string_view kPickupPrefix = "take~";

class QueueListener {
 public:
  virtual ~QueueListener() = default;
  /// called when `call` began to wait, was taken, or left without (its caller hung up, or waited for too long)
  virtual void on_queue_event(QueueEvent event, const std::string& queue, const Call& call) = 0;
};

// Who waits where, in order. Thread: the shard's.
class Queues {
 public:
  // `configs` outlive it.
  Queues(const std::vector<QueueConfig>& configs, base::Timeline& timeline, QueueListener& listener);
  ~Queues();

  const std::vector<QueueConfig>& configs() const { return configs_; }
  // Null: there is none of that name.
  const QueueConfig* find(std::string_view name) const;
  std::vector<const QueueConfig*> of_agent(std::string_view account) const;
  static bool is_agent(const QueueConfig& queue, std::string_view account);

  // In the order of their turns.
  std::vector<const Call*> waiting(const QueueConfig& queue) const;
  bool is_full(const QueueConfig& queue) const;
  // By its pickup number. Null: nobody waits behind it.
  Call* find_pickup(std::string_view number) const;
  static bool is_pickup(std::string_view number) { return number.starts_with(kPickupPrefix); }

  // The call may have begun or ceased to wait.
  void on_call_changed(Call& call);
  void on_call_over(const Call& call);

 private:
  struct Place {
    Call* call = nullptr;
    std::size_t told = 0;                    // the position that its caller was told last; 0: none
  };
  struct Queue {
    std::vector<Place> places;
    base::TimerQueue::Id timer = 0;
  };
  void tell_places(const std::string& key, base::Duration delay);
  void remove(const Call& call, QueueEvent event);

  const std::vector<QueueConfig>& configs_;
  base::Timeline& timeline_;
  QueueListener& listener_;
  std::map<std::string, Queue, std::less<>> queues_;          // by name, in lower case
  std::map<const Call*, std::string> queue_of_;               // of those that wait
};

}  // namespace pbx
