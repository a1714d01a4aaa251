// The thread of the REST API that may wait: for the disk, and for the hashing of passwords.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "api/rest_token.hpp"
#include "store/store.hpp"

namespace api {

class RestStore {
 public:
  static constexpr std::size_t kMaxWaiting = 256;

  // Opens the database in `directory` and reads the tokens. Errors as of store::open_sqlite().
  static base::Result<std::unique_ptr<RestStore>> open(const std::string& directory);
  ~RestStore();                              // what waits is dropped
  RestStore(const RestStore&) = delete;

  // Any thread: runs `work` on the thread. False: too much waits.
  bool run(std::function<void(store::Store&)> work);
  // Any thread. Those that another process makes or revokes are seen within a second.
  const ApiTokens& tokens() const { return tokens_; }
  // On the thread.
  base::Status reload_tokens();
  // Before anything is run: called on the thread once a second.
  void on_tick(std::function<void()> tick);

 private:
  explicit RestStore(std::unique_ptr<store::Store> store);
  void loop();
  void poll();

  const std::unique_ptr<store::Store> store_;
  ApiTokens tokens_;
  std::uint64_t seen_ = 0;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void(store::Store&)>> waiting_;
  std::function<void()> tick_;
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace api
