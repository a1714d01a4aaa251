// Reads sounds from files, away from every thread that must not wait, and keeps what was read lately.
#pragma once

#include <condition_variable>
#include <deque>
#include <filesystem>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <thread>

#include "media/sound_file.hpp"

namespace runtime {

// Any thread. Its own thread begins with the first sound that is asked for. What is kept is bounded, sounds that are being heard
// included: when these leave no room, another can't be loaded.
class SoundLoader {
 public:
  static constexpr std::size_t kMaxWaiting = 1000;
  explicit SoundLoader(std::size_t max_bytes = std::size_t{64} << 20) : max_bytes_(max_bytes) {}
  ~SoundLoader();

  // `path`: a file; "" : the built-in music. `done` is called on the loader's thread, in the order of the calls, with an
  // error when it can't be played; never after this object's end. False, and `done` isn't called: too many wait already.
  bool load(std::string path, std::function<void(base::Result<media::SoundClip>)> done);

 private:
  struct Request {
    std::string path;
    std::function<void(base::Result<media::SoundClip>)> done;
  };
  struct Kept {
    std::string path;
    std::filesystem::file_time_type changed;
    std::uintmax_t size = 0;
    base::Result<media::SoundClip> clip;  // what can't be read is not tried again until it changes
  };
  void run();
  base::Result<media::SoundClip> find(const std::string& path);
  base::Status make_room(std::size_t bytes);
  static bool is_heard(const Kept& kept) { return kept.clip && kept.clip->use_count() != 1; }

  const std::size_t max_bytes_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Request> waiting_;
  bool stopped_ = false;
  std::thread thread_;
  std::list<Kept> kept_;                 // its thread's alone; the latest first
};

}  // namespace runtime
