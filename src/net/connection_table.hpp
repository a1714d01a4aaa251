// The open connections of a server: how many there may be, altogether and from one address, and a way to close all.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "base/address.hpp"
#include "base/time.hpp"

namespace net {

class StreamConnection;

// Any thread. Owns the connections while they are open.
class ConnectionTable {
 public:
  struct Limits {
    std::size_t total = 20000;
    std::size_t per_ip = 1000;     // loopback is not counted: tests and proxies on this machine
    bool limit_loopback = false;
    std::function<bool(const base::SocketAddress&)> uncounted{};   // by address: proxies, for many; null: nobody
  };
  explicit ConnectionTable(Limits limits) : limits_(std::move(limits)) {}

  // Takes a place for one more from `remote`, given back by release(); false: no room.
  bool admit(const base::SocketAddress& remote);
  void release(const base::SocketAddress& remote);
  // Counts a connection that was admitted for a proxy for its `client`, until the result is gone. Null: the client has as many as it may.
  static std::shared_ptr<void> hold(const std::shared_ptr<ConnectionTable>& table, const base::SocketAddress& client);
  void add(std::shared_ptr<StreamConnection> connection);
  void remove(StreamConnection* connection);
  std::size_t size() const;
  // Asks all to close and waits until they have; no new ones are admitted from here on. False: not in that time.
  bool close_all(base::Duration limit = std::chrono::seconds(3));

 private:
  bool counted(const base::SocketAddress& remote) const {
    return (limits_.limit_loopback || !remote.is_loopback()) && !(limits_.uncounted && limits_.uncounted(remote));
  }
  bool count(const base::SocketAddress& remote);
  void uncount(const base::SocketAddress& remote);
  const Limits limits_;
  mutable std::mutex mutex_;
  std::condition_variable emptied_;
  std::size_t admitted_ = 0;
  bool closed_ = false;
  std::unordered_map<base::SocketAddress, std::size_t> per_ip_;
  std::unordered_map<StreamConnection*, std::shared_ptr<StreamConnection>> open_;
};

}  // namespace net
