// A response's body that is written piece by piece while the connection lives (Server-Sent Events).
#pragma once

#include <cstddef>
#include <functional>
#include <mutex>
#include <vector>

#include "base/bytes.hpp"

namespace net {

// Any thread. It is the body of one HttpResponse; the connection closes behind its end (RFC 9112 section 6.3, rule 8).
// Bounded: a client that lets more than `max_waiting` bytes wait here, or as many again in its connection, is cut off.
class HttpStream {
 public:
  explicit HttpStream(std::size_t max_waiting = 256 * 1024) : max_waiting_(max_waiting) {}

  // False: over, by either side.
  bool write(base::SharedBytes piece);
  void end();                           // what has been written goes out before it
  bool is_open() const;
  std::size_t max_waiting() const { return max_waiting_; }

  // The server's side. `wake` is called, on any thread, when there is something to take; once until take().
  void attach(std::function<void()> wake);
  enum class State { kOpen, kEnded, kOverflowed };
  State take(std::vector<base::SharedBytes>& out);
  void close();                         // the connection has gone

 private:
  bool note(std::unique_lock<std::mutex>& lock);
  const std::size_t max_waiting_;
  mutable std::mutex mutex_;
  std::function<void()> wake_;
  std::vector<base::SharedBytes> waiting_;
  std::size_t bytes_ = 0;
  State state_ = State::kOpen;
  bool closed_ = false, woken_ = false;
};

}  // namespace net
