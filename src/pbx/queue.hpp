// Queues: callers who wait, with music, until an agent takes one of them. Text that they write meanwhile is kept for the agent.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace pbx {

struct QueueConfig {
  std::string name;                          // what is dialled; compared without case
  std::vector<std::string> agents;           // accounts that see who waits, and take them
  std::size_t max_waiting = 100;             // then 486
  std::chrono::seconds max_wait{0};          // then the caller is let go (480); 0: no limit
  std::string music;                         // a sound file; "" : the one of [sounds]
};

}  // namespace pbx
