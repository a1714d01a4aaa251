#include "runtime/shard.hpp"

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <future>
#include <system_error>

namespace runtime {

namespace {

std::shared_ptr<net::Fd> make_event() {
  auto fd = std::make_shared<net::Fd>(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!*fd) throw std::system_error(errno, std::generic_category(), "eventfd");   // as where there is no thread to be had
  return fd;
}

void ring(const net::Fd& event) {
  const std::uint64_t one = 1;
  static_cast<void>(!::write(event.get(), &one, sizeof one));
}

}  // namespace

Shard::Shard(const std::string& name, std::size_t capacity)
    : timeline_(std::chrono::steady_clock::now(), std::chrono::system_clock::now()), capacity_(capacity), wake_(make_event()), polled_{{wake_->get(), POLLIN, 0}} {
  std::promise<void> ready;   // is_current() reads thread_, so nothing runs before it is set
  auto go = ready.get_future();
  thread_ = std::thread([this, name, go = std::move(go)]() mutable {
    pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
    go.wait();
    run();
  });
  ready.set_value();
}

Shard::~Shard() { stop(); }

void Shard::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    ring(*wake_);
  }
  if (thread_.joinable() && !is_current()) thread_.join();
}

bool Shard::post(std::function<void()> work) {
  std::shared_ptr<net::Fd> wake;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_ || queue_.size() >= capacity_) return false;
    queue_.push_back(std::move(work));
    if (std::exchange(sleeping_, false)) wake = wake_;
  }
  // After the lock, which who is woken takes first.
  if (wake) ring(*wake);
  return true;
}

bool Shard::run_and_wait(std::function<void()> work, base::Duration limit) {
  if (is_current()) {
    work();
    return true;
  }
  const auto done = std::make_shared<std::promise<void>>();
  auto future = done->get_future();
  const bool posted = post([done, work = std::move(work)] {
    work();
    done->set_value();
  });
  return posted && future.wait_for(limit) == std::future_status::ready;
}

Shard::HookId Shard::on_turn_end(std::function<void()> hook) {
  hooks_.emplace_back(++last_hook_, std::move(hook));
  return last_hook_;
}

void Shard::remove_hook(HookId id) {
  // Emptied, not erased: a hook may remove itself or another while they run.
  for (auto& [key, hook] : hooks_) {
    if (key == id) hook = nullptr;
  }
}

void Shard::run_hooks() {
  for (std::size_t i = 0; i < hooks_.size(); ++i) {
    if (const auto hook = hooks_[i].second) hook();
  }
  std::erase_if(hooks_, [](const auto& entry) { return !entry.second; });
}

void Shard::watch(int fd, std::function<void()> readable) {
  watches_.push_back(std::make_shared<Watch>(fd, std::move(readable)));
  polled_.push_back({fd, POLLIN, 0});
}

void Shard::unwatch(int fd) {
  for (std::size_t i = 0; i < watches_.size(); ++i) {
    if (watches_[i]->fd != fd) continue;
    watches_[i]->on = false;   // not destroyed here: it may be what runs
    watches_.erase(watches_.begin() + static_cast<std::ptrdiff_t>(i));
    polled_.erase(polled_.begin() + static_cast<std::ptrdiff_t>(i) + 1);
    return;
  }
}

void Shard::poll(base::TimePoint until) {
  timespec limit{};
  if (until != base::kNever && until > base::TimePoint{}) {
    const auto left = std::max(base::Duration::zero(), until - std::chrono::steady_clock::now());
    const auto whole = std::chrono::duration_cast<std::chrono::seconds>(left);
    limit = {static_cast<time_t>(whole.count()), static_cast<long>(std::chrono::nanoseconds(left - whole).count())};
  }
  const int count = ::ppoll(polled_.data(), polled_.size(), until == base::kNever ? nullptr : &limit, nullptr);
  if (count <= 0) return;   // time, or a signal: a turn too many does no harm
  if (polled_[0].revents != 0) {
    std::uint64_t rung = 0;
    static_cast<void>(!::read(wake_->get(), &rung, sizeof rung));
  }
  for (std::size_t i = 0; i < watches_.size(); ++i) {
    if (polled_[i + 1].revents != 0) readable_.push_back(watches_[i]);
  }
}

bool Shard::wait(std::vector<std::function<void()>>& work) {
  const auto next = timeline_.timers().next();
  bool idle = false;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return false;
    idle = sleeping_ = queue_.empty();
  }
  if (idle || !watches_.empty()) poll(idle ? next : base::TimePoint{});
  const std::lock_guard lock(mutex_);
  sleeping_ = false;
  if (stopped_) return false;
  queue_.swap(work);
  return true;
}

void Shard::run_watches() {
  for (const auto& watch : readable_) {
    if (watch->on) watch->readable();
  }
  readable_.clear();
}

void Shard::run() {
  std::vector<std::function<void()>> work;
  while (wait(work)) {
    timeline_.set(std::chrono::steady_clock::now(), std::chrono::system_clock::now());
    for (auto& piece : work) {
      piece();
      piece = nullptr;   // what it holds is let go before the next begins
    }
    work.clear();
    run_watches();
    run_hooks();
  }
  // What was never run is destroyed here, on the thread that its captures may belong to.
  const std::lock_guard lock(mutex_);
  work.swap(queue_);
}

}  // namespace runtime
