// /accounts and /presence.
#include <fmt/format.h>

#include "api/rest_route.hpp"
#include "base/text.hpp"

namespace api {
namespace {

constexpr std::size_t kPage = 100, kMaxPage = 1000;

RestJson to_json(const store::AccountRecord& account) {
  return {{"name", account.name}, {"displayName", account.display_name}, {"created", rest_time(account.created)}};
}

net::HttpResponse unknown_account() { return rest_problem(404, "unknown-account", "there is no account of that name"); }

net::HttpResponse bad_display_name() {
  return rest_problem(400, "bad-display-name", "a display name has no control characters and no white space around it");
}

store::PasswordHashes stored(const sip::StoredHashes& made) {
  const auto of = [&](sip::DigestAlgorithm algorithm) { return made.ha1[static_cast<std::size_t>(algorithm)]; };
  return {of(sip::DigestAlgorithm::kMd5), of(sip::DigestAlgorithm::kSha256), of(sip::DigestAlgorithm::kSha512_256)};
}

void list(const RestBackend& backend, const RestCallPtr& call) {
  backend.store->run([call](store::Store& database) {
    const auto all = database.accounts();
    if (!all) return call->answer.send(rest_problem(all.error(), {}));
    const auto after = call->query.contains("after") ? call->query["after"] : std::string();
    const auto limit = call->number("limit").value_or(kPage);
    auto page = RestJson::array();
    RestJson result;
    for (const auto& account : *all) {
      if (!after.empty() && account.name <= after) continue;
      if (page.size() == limit) {
        result["next"] = page.back()["name"];
        break;
      }
      page.push_back(to_json(account));
    }
    result["accounts"] = std::move(page);
    call->answer.send(rest_answer(200, result));
  });
}

void one(const RestBackend& backend, const RestCallPtr& call) {
  backend.store->run([call](store::Store& database) {
    const auto account = database.account(call->path[0]);
    if (!account) return call->answer.send(rest_problem(account.error(), {}));
    call->answer.send(*account ? rest_answer(200, to_json(**account)) : unknown_account());
  });
}

// The disk first, then the PBX; the answer when both know.
void make(const RestBackend& backend, const RestCallPtr& call) {
  const auto name = call->text("name"), display_name = call->text("displayName");
  if (!store::is_account_name(name)) {
    return call->answer.send(rest_problem(400, "bad-name", "a name has 1 to 64 letters, digits and . _ - + and nothing else"));
  }
  if (base::clean_display_name(display_name) != display_name) {
    return call->answer.send(bad_display_name());
  }
  backend.store->run([call, name, display_name, realm = backend.realm, on_pbx = backend.on_pbx](store::Store& database) {
    const auto hashes = sip::StoredHashes::make(name, realm, call->text("password"));
    const store::AccountRecord record{name, display_name, realm, stored(hashes), std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now())};
    if (auto added = database.add_account(record); !added) {
      const bool there = added.error().code == base::ErrorCode::kConflict;
      return call->answer.send(there ? rest_problem(409, "account-exists", "there is an account of that name already") : rest_problem(added.error(), {}));
    }
    on_pbx([call, record, hashes](pbx::Pbx& pbx) {
      pbx.put_account({record.name, record.display_name, hashes});
      call->answer.send(rest_answer(201, to_json(record)).header("Location", "/api/v1/accounts/" + record.name));
    });
  });
}

void rename(const RestBackend& backend, const RestCallPtr& call) {
  const auto display_name = call->text("displayName");
  if (base::clean_display_name(display_name) != display_name) return call->answer.send(bad_display_name());
  backend.store->run([call, display_name, on_pbx = backend.on_pbx](store::Store& database) {
    if (auto set = database.set_display_name(call->path[0], display_name); !set) {
      return call->answer.send(set.error().code == base::ErrorCode::kNotFound ? unknown_account() : rest_problem(set.error(), {}));
    }
    const auto account = database.account(call->path[0]);
    if (!account || !*account) return call->answer.send(account ? unknown_account() : rest_problem(account.error(), {}));
    on_pbx([call, record = **account](pbx::Pbx& pbx) {
      if (const auto* known = pbx.accounts().find(record.name)) pbx.put_account({record.name, record.display_name, known->hashes});
      call->answer.send(rest_answer(200, to_json(record)));
    });
  });
}

void set_password(const RestBackend& backend, const RestCallPtr& call) {
  backend.store->run([call, realm = backend.realm, on_pbx = backend.on_pbx](store::Store& database) {
    const auto& name = call->path[0];
    const auto hashes = sip::StoredHashes::make(name, realm, call->text("password"));
    if (auto set = database.set_password(name, realm, stored(hashes)); !set) {
      return call->answer.send(set.error().code == base::ErrorCode::kNotFound ? unknown_account() : rest_problem(set.error(), {}));
    }
    const auto account = database.account(name);
    const auto display_name = account && *account ? (*account)->display_name : std::string();
    on_pbx([call, hashes, display_name](pbx::Pbx& pbx) {
      pbx.put_account({call->path[0], display_name, hashes});
      call->answer.send(rest_no_content());
    });
  });
}

void remove(const RestBackend& backend, const RestCallPtr& call) {
  backend.store->run([call, on_pbx = backend.on_pbx](store::Store& database) {
    if (auto removed = database.remove_account(call->path[0]); !removed) {
      return call->answer.send(removed.error().code == base::ErrorCode::kNotFound ? unknown_account() : rest_problem(removed.error(), {}));
    }
    on_pbx([call](pbx::Pbx& pbx) {
      pbx.remove_account(call->path[0]);   // rights end at once
      call->answer.send(rest_no_content());
    });
  });
}

std::string_view name_of_transport(sip::Transport transport) {
  switch (transport) {
    case sip::Transport::kUdp: return "udp";
    case sip::Transport::kTcp: return "tcp";
    case sip::Transport::kTls: return "tls";
    case sip::Transport::kWs: return "ws";
    case sip::Transport::kWss: return "wss";
  }
  return "udp";
}

void presence(const RestBackend& backend, const RestCallPtr& call) {
  backend.on_pbx([call](pbx::Pbx& pbx) {
    auto all = RestJson::array();
    const auto now = pbx.now();
    pbx.registrar().for_each([&](const std::string& account, const std::vector<pbx::Binding>& bindings) {
      auto contacts = RestJson::array();
      for (const auto& b : bindings) {
        if (b.expires <= now) continue;
        contacts.push_back({{"transport", name_of_transport(b.target.transport)}, {"address", b.target.remote.to_string()},
                            {"seconds", std::chrono::ceil<std::chrono::seconds>(b.expires - now).count()}});
      }
      if (contacts.empty()) return;
      const auto* known = pbx.accounts().find(account);
      const auto* client = pbx.webphone().find(account);
      RestJson entry{{"number", account}, {"displayName", client ? client->display_name : known ? known->display_name : std::string()}};
      if (client && !client->line.empty()) entry["line"] = client->line;
      entry["contacts"] = std::move(contacts);
      all.push_back(std::move(entry));
    });
    call->answer.send(rest_answer(200, {{"registered", std::move(all)}}));
  });
}

}  // namespace

void add_account_routes(std::vector<RestRoute>& routes, const RestBackend& backend) {
  const auto with = [&backend](auto handler) { return [&backend, handler](const RestCallPtr& call) { handler(backend, call); }; };
  const std::vector<std::pair<int, std::string>> unknown{{404, "There is no such account."}};
  routes.push_back({.method = "GET", .path = "/accounts", .scope = scope::kAccountsRead, .operation = "listAccounts", .tag = "accounts",
                    .summary = "Accounts, by name",
                    .query = {{.name = "after", .description = "Names behind this one."},
                              {.name = "limit", .description = "At most so many; absent: 100.", .type = RestParameter::Type::kInteger, .minimum = 1, .maximum = kMaxPage}},
                    .result = "AccountList", .handler = with(list)});
  routes.push_back({.method = "POST", .path = "/accounts", .scope = scope::kAccounts, .operation = "makeAccount", .tag = "accounts",
                    .summary = "Make an account", .description = "It can register and be called when the answer comes.", .body = "NewAccount", .result = "Account",
                    .success = 201, .failures = {{409, "There is one of that name."}}, .handler = with(make)});
  routes.push_back({.method = "GET", .path = "/accounts/{account}", .scope = scope::kAccountsRead, .operation = "readAccount", .tag = "accounts",
                    .summary = "One account", .result = "Account", .failures = unknown, .handler = with(one)});
  routes.push_back({.method = "PATCH", .path = "/accounts/{account}", .scope = scope::kAccounts, .operation = "changeAccount", .tag = "accounts",
                    .summary = "Give an account another display name", .description = "Calls that are under way keep the old one.", .body = "AccountChange", .result = "Account",
                    .failures = unknown, .handler = with(rename)});
  routes.push_back({.method = "PUT", .path = "/accounts/{account}/password", .scope = scope::kAccounts, .operation = "setPassword", .tag = "accounts",
                    .summary = "Give an account another password",
                    .description = "What stands on the old one ends at once: its phones and pages have to register anew, its subscriptions and "
                                   "listening end. Calls that are under way go on.", .body = "NewPassword", .success = 204,
                    .failures = unknown, .handler = with(set_password)});
  routes.push_back({.method = "DELETE", .path = "/accounts/{account}", .scope = scope::kAccounts, .operation = "deleteAccount", .tag = "accounts",
                    .summary = "Delete an account", .description = "Its registrations, its subscriptions and those to it, and its listening end at once, and messages that wait for it are "
                                   "deleted. Calls that are under way go on.", .success = 204,
                    .failures = unknown, .handler = with(remove)});
  routes.push_back({.method = "GET", .path = "/presence", .scope = scope::kAccountsRead, .operation = "listPresence", .tag = "presence",
                    .summary = "Who is registered, and where", .result = "PresenceList", .handler = with(presence)});
}

}  // namespace api
