// The threads that move bytes of the signalling side, each with an event loop of its own (Boost.Asio).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/time.hpp"

namespace boost::asio {
class io_context;
}

namespace net {

// Runs until destroyed. SIGPIPE is ignored in the whole process from the first one on.
class IoThread {
 public:
  explicit IoThread(const std::string& name);
  ~IoThread();                                   // stops and joins; what was posted and has not run is dropped
  IoThread(const IoThread&) = delete;
  IoThread& operator=(const IoThread&) = delete;

  void post(std::function<void()> work);         // any thread; runs in order
  bool is_current() const { return std::this_thread::get_id() == id_; }
  // Runs `work` there and waits for it; runs it at once when called there. False: the thread has ended or is stuck.
  bool run_and_wait(std::function<void()> work, base::Duration limit = std::chrono::seconds(5));
  boost::asio::io_context& context() { return *context_; }

 private:
  std::unique_ptr<boost::asio::io_context> context_;
  std::thread thread_;
  std::thread::id id_;
};

class IoThreads {
 public:
  explicit IoThreads(std::size_t count = 1, const std::string& name = "io");
  std::size_t size() const { return threads_.size(); }
  IoThread& at(std::size_t index) { return *threads_[index % threads_.size()]; }

 private:
  std::vector<std::unique_ptr<IoThread>> threads_;
};

// Waits for a file descriptor, which it owns. On its I/O thread alone; the callbacks come there and may destroy it.
class FdWatch {
 public:
  FdWatch(IoThread& thread, int fd, std::function<void()> on_readable, std::function<void()> on_writable = {});
  ~FdWatch();                                    // closes the descriptor
  FdWatch(const FdWatch&) = delete;
  FdWatch& operator=(const FdWatch&) = delete;
  int fd() const;
  int release();                                 // watches no more, and gives the descriptor back
  // One callback each, then again when asked again; asking twice is asking once.
  void watch_read();
  void watch_write();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// One deadline. On its I/O thread alone; the callback may destroy it.
class Timer {
 public:
  Timer(IoThread& thread, std::function<void()> callback);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  void arm(base::Duration delay);                // replaces an earlier one
  void cancel();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace net
