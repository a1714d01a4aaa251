#include "net/connection_table.hpp"

#include <vector>

#include "net/stream.hpp"

namespace net {

bool ConnectionTable::admit(const base::SocketAddress& remote) {
  const std::lock_guard lock(mutex_);
  if (closed_ || admitted_ >= limits_.total) return false;
  if (!count(remote)) return false;
  ++admitted_;
  return true;
}

void ConnectionTable::release(const base::SocketAddress& remote) {
  const std::lock_guard lock(mutex_);
  --admitted_;
  uncount(remote);
  if (admitted_ == 0) emptied_.notify_all();
}

bool ConnectionTable::count(const base::SocketAddress& remote) {
  if (!counted(remote)) return true;
  const auto it = per_ip_.try_emplace(remote.network(), 0).first;
  if (it->second >= limits_.per_ip) return false;
  ++it->second;
  return true;
}

void ConnectionTable::uncount(const base::SocketAddress& remote) {
  if (!counted(remote)) return;
  const auto it = per_ip_.find(remote.network());
  if (it != per_ip_.end() && --it->second == 0) per_ip_.erase(it);
}

std::shared_ptr<void> ConnectionTable::hold(const std::shared_ptr<ConnectionTable>& table, const base::SocketAddress& client) {
  {
    const std::lock_guard lock(table->mutex_);
    if (!table->count(client)) return nullptr;
  }
  return {table.get(), [table, client](void*) {
            const std::lock_guard lock(table->mutex_);
            table->uncount(client);
          }};
}

void ConnectionTable::add(std::shared_ptr<StreamConnection> connection) {
  bool close = false;
  {
    const std::lock_guard lock(mutex_);
    close = closed_;
    open_.emplace(connection.get(), connection);
  }
  if (close) connection->post_close();
}

void ConnectionTable::remove(StreamConnection* connection) {
  std::shared_ptr<StreamConnection> last;   // let go outside the lock
  const std::lock_guard lock(mutex_);
  if (const auto it = open_.find(connection); it != open_.end()) {
    last = std::move(it->second);
    open_.erase(it);
  }
}

std::size_t ConnectionTable::size() const {
  const std::lock_guard lock(mutex_);
  return admitted_;
}

bool ConnectionTable::close_all(base::Duration limit) {
  std::vector<std::shared_ptr<StreamConnection>> all;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    for (const auto& [key, connection] : open_) all.push_back(connection);
  }
  for (const auto& connection : all) connection->post_close();
  all.clear();
  std::unique_lock lock(mutex_);
  if (emptied_.wait_for(lock, limit / 2, [&] { return admitted_ == 0; })) return true;
  for (const auto& [key, connection] : open_) all.push_back(connection);
  lock.unlock();
  for (const auto& connection : all) connection->post_abort();   // those whose peers don't read
  all.clear();
  lock.lock();
  return emptied_.wait_for(lock, limit / 2, [&] { return admitted_ == 0; });
}

}  // namespace net
