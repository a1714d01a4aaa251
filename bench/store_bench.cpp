// What durability costs: messages a second and the time until one may be answered 202, with 1, 10 and 100 on their way at
// once; and the floor, the same bytes appended to a file that is synced once for as many. The folder is TMPDIR's: put it on
// the disk in question.
#include <benchmark/benchmark.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <string>
#include <vector>

#include "store/message_store_sqlite.hpp"

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kBody = 200;   // bytes

class Folder {
 public:
  Folder() {
    path_ = (std::filesystem::temp_directory_path() / "parley-bench-XXXXXX").string();
    if (::mkdtemp(path_.data()) == nullptr) std::abort();
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

void report(benchmark::State& state, std::vector<double>& microseconds) {
  std::ranges::sort(microseconds);
  const auto at = [&](double part) { return microseconds[static_cast<std::size_t>(part * static_cast<double>(microseconds.size() - 1))]; };
  state.counters["p50_us"] = at(0.5);
  state.counters["p99_us"] = at(0.99);
  state.SetItemsProcessed(static_cast<std::int64_t>(microseconds.size()));
}

double microseconds_since(Clock::time_point start) { return std::chrono::duration<double, std::micro>(Clock::now() - start).count(); }

store::StoredMessage message(std::uint64_t sequence, const base::SharedBytes& body) {
  store::StoredMessage m;
  m.conversation = "room:bench";
  m.sequence = sequence;
  m.message_id = "0123456789abcdef-" + std::to_string(sequence);
  m.time = std::chrono::system_clock::now();
  m.sender = {"3f0c2d3e-6a37-4c6d-9a8b-0c1d2e3f4a5b", "alice"};
  m.display_name = "Alice";
  m.content_type = "text/plain";
  m.body = body;
  return m;
}

// A closed loop: each answer is followed by the next message, as from that many people who type without pause.
// Writers of the results: the store's thread alone, since Post runs its work at once there.
void append(benchmark::State& state) {
  const auto concurrent = static_cast<std::uint64_t>(state.range(0));
  const Folder folder;
  const auto body = base::share(std::string(kBody, 'x'));
  std::vector<double> latency;
  std::mutex mutex;
  std::condition_variable idle;
  std::uint64_t sequence = 0, on_the_way = 0, left = 0;
  auto store = store::open_sqlite_messages(folder.path(), [](std::function<void()> work) { work(); });
  if (!store) return state.SkipWithError(store.error().detail.c_str());
  std::function<void()> send = [&] {   // under the mutex
    ++on_the_way, --left;
    const auto start = Clock::now();
    const auto queued = (*store)->append(message(++sequence, body), [&, start](base::Status status) {
      if (!status) std::abort();
      const std::lock_guard lock(mutex);
      latency.push_back(microseconds_since(start));
      --on_the_way;
      if (left > 0) send();
      else if (on_the_way == 0) idle.notify_one();
    });
    if (!queued) std::abort();
  };
  for (auto _ : state) {   // 20 turns for each of them
    std::unique_lock lock(mutex);
    left = concurrent * 20;
    while (left > 0 && on_the_way < concurrent) send();
    idle.wait(lock, [&] { return on_the_way == 0 && left == 0; });
  }
  (*store)->close();
  report(state, latency);
}

// The floor: as many bodies in one write and one fdatasync.
void floor(benchmark::State& state) {
  const auto concurrent = static_cast<std::size_t>(state.range(0));
  const Folder folder;
  const int fd = ::open((folder.path() + "/floor").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  // The file has its size already, as the journal mostly has: no metadata to write.
  constexpr std::size_t kSize = 4 * 1024 * 1024;
  const std::string blank(kSize, '\0'), bodies(concurrent * kBody, 'x');
  if (::write(fd, blank.data(), kSize) != static_cast<ssize_t>(kSize) || ::fsync(fd) != 0) std::abort();
  std::vector<double> latency;
  std::size_t offset = 0;
  for (auto _ : state) {
    for (int turn = 0; turn < 20; ++turn) {
      const auto start = Clock::now();
      if (::pwrite(fd, bodies.data(), bodies.size(), static_cast<off_t>(offset)) < 0 || ::fdatasync(fd) != 0) std::abort();
      offset = (offset + bodies.size()) % (kSize - bodies.size());
      latency.insert(latency.end(), concurrent, microseconds_since(start));
    }
  }
  ::close(fd);
  report(state, latency);
}

// One page of fifty of the newest, while nothing is written.
void read_page(benchmark::State& state) {
  const Folder folder;
  const auto body = base::share(std::string(kBody, 'x'));
  std::mutex mutex;
  std::condition_variable wake;
  std::uint64_t done = 0, asked = 0;
  auto store = store::open_sqlite_messages(folder.path(), [](std::function<void()> work) { work(); }, {.max_waiting_writes = 20'000});
  if (!store) return state.SkipWithError(store.error().detail.c_str());
  const auto answered = [&](const auto&) {
    const std::lock_guard lock(mutex);
    ++done;
    wake.notify_one();
  };
  const auto wait = [&] {
    std::unique_lock lock(mutex);
    wake.wait(lock, [&] { return done == asked; });
  };
  for (; asked < 10'000; ++asked) {
    if (!(*store)->append(message(asked + 1, body), answered)) std::abort();
  }
  wait();
  for (auto _ : state) {
    ++asked;
    if (!(*store)->last("room:bench", 50, {}, answered)) std::abort();
    wait();
  }
}

BENCHMARK(floor)->Arg(1)->Arg(10)->Arg(100)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(append)->Arg(1)->Arg(10)->Arg(100)->UseRealTime()->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond);
BENCHMARK(read_page)->UseRealTime()->Unit(benchmark::kMicrosecond);

}  // namespace
