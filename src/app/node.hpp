// One running Parley: the parts picked, joined and started. No logic of its own.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/rest.hpp"
#include "base/result.hpp"
#include "bridge/leg.hpp"
#include "net/http_server.hpp"
#include "net/resolver.hpp"
#include "pbx/pbx.hpp"
#include "runtime/media_pool.hpp"
#include "runtime/sip_endpoint.hpp"
#include "sip/user_agent.hpp"

namespace app {

class OriginLog;

struct NodeConfig {
  std::size_t io_threads = 1;
  runtime::SipEndpointConfig sip;
  net::HttpServerConfig http;                       // listeners, limits, host names; handler and routes are set here
  std::vector<std::string> websocket_paths{"/ws"};
  // By HTTP listener: pages of which origins may open its WebSockets, beside its own; "*": every one. Empty: its own, on
  // loopback every one, so that a page from any web server on the developer's machine works (survival item 19).
  std::vector<std::vector<std::string>> allowed_origins;
  std::string web_directory;                        // "" : no pages
  std::vector<base::SocketAddress> banned;          // ports ignored
  std::vector<pbx::Account> accounts;               // known before anybody is listened to: who comes back after a restart is not refused
  std::string data_directory;                       // of accounts, history and messages that wait; "" : nothing is kept, and no REST API
  std::chrono::hours history_age{24 * 365};         // older messages are deleted
  std::map<std::string, std::chrono::hours> history_ages;   // of rooms, by Rooms::key_of(), that have another one
  std::optional<std::chrono::hours> record_age;     // of call records; empty: they are kept for ever
  runtime::MediaConfig media;
  bridge::LegConfig legs;
  sip::UserAgentConfig agent;
  pbx::PbxConfig pbx;                               // resolve is set here
  net::ResolverConfig resolver;                     // of trunks' names
  api::RestLimits api_limits;
};

// What it is at, for people and metrics.
struct NodeStatus {
  std::size_t rooms = 0, calls = 0, sessions = 0, bindings = 0, flows = 0, web_connections = 0;
};

// Thread: made, used and destroyed by one thread that is none of its own.
class Node {
 public:
  static base::Result<std::unique_ptr<Node>> start(NodeConfig config);
  ~Node();
  Node(const Node&) = delete;

  // pbx::Accounts::update(): as_of is what account_changes() said before they were read.
  void set_accounts(std::vector<pbx::Account> accounts, std::uint64_t as_of);
  std::uint64_t account_changes() const;
  NodeStatus status();
  const base::SocketAddress& sip_address(std::size_t listener) const;
  const base::SocketAddress& http_address(std::size_t listener) const;

  // Takes no more work, ends all calls with BYE and waits until they have ended, `limit` at the most.
  void shut_down(std::chrono::milliseconds limit);

 private:
  class Core;
  explicit Node(NodeConfig config);
  base::Status open();
  base::Status open_http(const std::shared_ptr<OriginLog>& origins);
  base::Status open_trunks();
  using OnPbx = std::function<void(std::function<void(pbx::Pbx&)>)>;
  base::Result<std::shared_ptr<api::RestApi>> make_rest(const OnPbx& on_pbx);

  NodeConfig config_;
  std::unique_ptr<net::IoThreads> threads_;
  std::unique_ptr<runtime::Shard> shard_;
  std::unique_ptr<store::MessageStore> messages_;
  std::shared_ptr<api::EventStream> events_;
  std::unique_ptr<runtime::MediaPool> media_;
  std::unique_ptr<Core> core_;
  std::unique_ptr<runtime::SipEndpoint> sip_;
  std::unique_ptr<net::HttpServer> http_;
  std::unique_ptr<net::Resolver> resolver_;         // null: there are no trunks
};

}  // namespace app
