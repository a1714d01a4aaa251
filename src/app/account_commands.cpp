#include "app/account_commands.hpp"

#include <iostream>

#include "base/log.hpp"
#include "base/text.hpp"
#include "sip/digest.hpp"
#include "store/sqlite_store.hpp"

namespace app {
namespace {

constexpr std::size_t kMaxPassword = 1024;

store::PasswordHashes hashes_of(const Config& config, const AccountRequest& request) {
  const auto made = sip::StoredHashes::make(request.name, config.realm, request.password);
  const auto of = [&](sip::DigestAlgorithm algorithm) { return made.ha1[static_cast<std::size_t>(algorithm)]; };
  return {of(sip::DigestAlgorithm::kMd5), of(sip::DigestAlgorithm::kSha256), of(sip::DigestAlgorithm::kSha512_256)};
}

base::Status check_display_name(const std::string& name) {
  if (base::clean_display_name(name) == name) return {};
  return base::malformed("a display name has at most 80 characters of UTF-8, no control characters and no white space around it");
}

base::Status add(store::Store& store, const Config& config, const AccountRequest& request, std::ostream& out) {
  if (auto good = check_display_name(request.display_name); !good) return good;
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  auto added = store.add_account({request.name, request.display_name, config.realm, hashes_of(config, request), now});
  if (added) out << "account " << request.name << " made\n";
  return added;
}

base::Status list(store::Store& store, const Config& config, std::ostream& out) {
  const auto all = store.accounts();
  if (!all) return std::unexpected(all.error());
  for (const auto& a : *all) {
    out << a.name << "\t" << a.display_name;
    if (a.realm != config.realm) out << "\t(password set for realm " << base::for_log(a.realm) << ": it does not hold for " << config.realm << ")";
    out << "\n";
  }
  return {};
}

}  // namespace

base::Result<std::string> read_password(std::istream& in) {
  // One character at a time, so that a file without line breaks is not read to its end.
  std::string line;
  for (int c = in.get(); c != std::istream::traits_type::eof() && c != '\n'; c = in.get()) {
    if (line.size() > kMaxPassword) return base::malformed("parley: the password is longer than 1024 bytes");
    line.push_back(static_cast<char>(c));
  }
  if (line.ends_with('\r')) line.pop_back();
  if (line.size() > kMaxPassword) return base::malformed("parley: the password is longer than 1024 bytes");
  if (line.empty()) return base::malformed("parley: no password on standard input");
  return line;
}

base::Status run_account_command(const Config& config, const AccountRequest& request, std::ostream& out) {
  if (request.action != AccountAction::kList && !store::is_account_name(request.name)) {
    return base::malformed("parley: a name has 1 to 64 letters, digits and . _ - + and nothing else");
  }
  auto opened = store::open_sqlite(config.data_directory);
  if (!opened) return std::unexpected(opened.error());
  auto& store = **opened;
  base::Status done;
  switch (request.action) {
    case AccountAction::kAdd: done = add(store, config, request, out); break;
    case AccountAction::kList: done = list(store, config, out); break;
    case AccountAction::kRemove:
      done = store.remove_account(request.name);
      if (done) out << "account " << request.name << " removed\n";
      break;
    case AccountAction::kPassword:
      done = store.set_password(request.name, config.realm, hashes_of(config, request));
      if (done) out << "password of " << request.name << " changed\n";
      break;
    case AccountAction::kDisplayName:
      done = check_display_name(request.display_name);
      if (done) done = store.set_display_name(request.name, request.display_name);
      if (done) out << "display name of " << request.name << " changed\n";
      break;
  }
  if (!done) done.error().detail.insert(0, "parley: ");
  return done;
}

}  // namespace app
