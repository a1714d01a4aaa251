#include "runtime/sound_loader.hpp"

#include <pthread.h>

#include <algorithm>

namespace runtime {
namespace {

constexpr std::size_t kMaxKept = 200;

std::size_t bytes_of(const base::Result<media::SoundClip>& clip) { return clip ? (*clip)->size() * sizeof(std::int16_t) : 0; }

}  // namespace

SoundLoader::~SoundLoader() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool SoundLoader::load(std::string path, std::function<void(base::Result<media::SoundClip>)> done) {
  const std::lock_guard lock(mutex_);
  if (waiting_.size() >= kMaxWaiting) return false;
  waiting_.push_back({std::move(path), std::move(done)});
  if (!thread_.joinable()) {
    thread_ = std::thread([this] {
      ::pthread_setname_np(::pthread_self(), "sounds");
      run();
    });
  }
  wake_.notify_one();
  return true;
}

void SoundLoader::run() {
  for (std::unique_lock lock(mutex_);;) {
    wake_.wait(lock, [this] { return stopped_ || !waiting_.empty(); });
    if (stopped_) return;
    auto request = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    request.done(find(request.path));
    lock.lock();
  }
}

base::Result<media::SoundClip> SoundLoader::find(const std::string& path) {
  std::error_code error;
  const auto changed = path.empty() ? std::filesystem::file_time_type{} : std::filesystem::last_write_time(path, error);
  const auto size = path.empty() ? 0 : std::filesystem::file_size(path, error);
  const auto there = std::ranges::find(kept_, path, &Kept::path);
  if (there != kept_.end()) {
    if (there->changed == changed && there->size == size) {
      kept_.splice(kept_.begin(), kept_, there);
      return there->clip;
    }
    if (is_heard(*there)) {
      there->path += '\n';   // counted still, and not found again
    } else {
      kept_.erase(there);
    }
  }
  auto clip = path.empty() ? base::Result<media::SoundClip>(media::make_hold_music()) : media::read_sound_file(path);
  if (error && !path.empty()) return clip;   // not there
  if (auto room = make_room(bytes_of(clip)); !room) return std::unexpected(room.error());
  kept_.push_front({path, changed, size, clip});
  return clip;
}

// The least lately used go first, and never those that are heard: they would stay in memory all the same.
base::Status SoundLoader::make_room(std::size_t bytes) {
  std::size_t kept = 0;
  for (const auto& entry : kept_) kept += bytes_of(entry.clip);
  for (auto it = kept_.end(); (kept + bytes > max_bytes_ || kept_.size() >= kMaxKept) && it != kept_.begin();) {
    --it;
    if (is_heard(*it)) continue;
    kept -= bytes_of(it->clip);
    it = kept_.erase(it);
  }
  if (kept + bytes > max_bytes_) return base::fail(base::ErrorCode::kTooLarge, "no room for another sound");
  return {};
}

}  // namespace runtime
