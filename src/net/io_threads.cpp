#include "net/io_threads.hpp"

#include <pthread.h>
#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <future>

namespace net {

namespace asio = boost::asio;

IoThread::IoThread(const std::string& name) : context_(std::make_unique<asio::io_context>(1)) {
  static const auto ignored = std::signal(SIGPIPE, SIG_IGN);
  static_cast<void>(ignored);
  std::promise<void> started;
  thread_ = std::thread([this, name, &started] {
    pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
    const auto guard = asio::make_work_guard(*context_);
    started.set_value();
    context_->run();
  });
  id_ = thread_.get_id();
  started.get_future().wait();
}

IoThread::~IoThread() {
  context_->stop();
  thread_.join();
}

void IoThread::post(std::function<void()> work) { asio::post(*context_, std::move(work)); }

bool IoThread::run_and_wait(std::function<void()> work, base::Duration limit) {
  if (is_current()) {
    work();
    return true;
  }
  const auto done = std::make_shared<std::promise<void>>();
  auto future = done->get_future();
  post([done, work = std::move(work)] {
    work();
    done->set_value();
  });
  return future.wait_for(limit) == std::future_status::ready;
}

IoThreads::IoThreads(std::size_t count, const std::string& name) {
  for (std::size_t i = 0; i < std::max<std::size_t>(count, 1); ++i) {
    threads_.push_back(std::make_unique<IoThread>(name + "-" + std::to_string(i)));
  }
}

struct FdWatch::State {
  State(asio::io_context& context, int fd) : descriptor(context, fd) {}
  asio::posix::stream_descriptor descriptor;
  std::function<void()> readable, writable;
  bool reading = false, writing = false, closed = false;
};

FdWatch::FdWatch(IoThread& thread, int fd, std::function<void()> on_readable, std::function<void()> on_writable)
    : state_(std::make_shared<State>(thread.context(), fd)) {
  state_->readable = std::move(on_readable);
  state_->writable = std::move(on_writable);
}

// Released first: closing alone would leave it with epoll while another descriptor of the same socket is open.
FdWatch::~FdWatch() {
  if (const int fd = release(); fd >= 0) ::close(fd);
}

int FdWatch::release() {
  state_->closed = true;
  return state_->descriptor.release();
}

int FdWatch::fd() const { return state_->descriptor.native_handle(); }

void FdWatch::watch_read() {
  if (std::exchange(state_->reading, true)) return;
  state_->descriptor.async_wait(asio::posix::stream_descriptor::wait_read, [state = state_](boost::system::error_code) {
    state->reading = false;
    if (!state->closed) state->readable();
  });
}

void FdWatch::watch_write() {
  if (std::exchange(state_->writing, true)) return;
  state_->descriptor.async_wait(asio::posix::stream_descriptor::wait_write, [state = state_](boost::system::error_code) {
    state->writing = false;
    if (!state->closed && state->writable) state->writable();
  });
}

struct Timer::State {
  explicit State(asio::io_context& context) : timer(context) {}
  asio::steady_timer timer;
  std::function<void()> callback;
  std::uint64_t round = 0;   // a timer that fired before it was cancelled is told by this
};

Timer::Timer(IoThread& thread, std::function<void()> callback) : state_(std::make_shared<State>(thread.context())) {
  state_->callback = std::move(callback);
}

Timer::~Timer() { cancel(); }

void Timer::arm(base::Duration delay) {
  const auto round = ++state_->round;
  state_->timer.expires_after(delay);
  state_->timer.async_wait([state = state_, round](boost::system::error_code error) {
    if (!error && state->round == round) state->callback();
  });
}

void Timer::cancel() {
  ++state_->round;
  state_->timer.cancel();
}

}  // namespace net
