#include "app/api_token_commands.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <ostream>

#include "api/rest_token.hpp"
#include "base/log.hpp"
#include "store/sqlite_store.hpp"

namespace app {
namespace {

std::chrono::sys_seconds seconds_now() { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }

base::Status add(store::Store& store, const ApiTokenRequest& request, std::ostream& out) {
  std::string words;
  for (const auto& scope : request.scopes) words += scope + " ";
  const auto scopes = api::parse_scopes(words);
  if (!scopes) return std::unexpected(scopes.error());
  auto made = api::make_api_token(request.name, *scopes, seconds_now());
  if (!made) return std::unexpected(made.error());
  if (auto added = store.add_api_token(made->record); !added) return added;
  out << made->token << "\n";
  return {};
}

base::Status list(store::Store& store, std::ostream& out) {
  const auto all = store.api_tokens();
  if (!all) return std::unexpected(all.error());
  for (const auto& t : *all) out << t.id << "\t" << t.name << "\t" << t.scopes << "\n";
  return {};
}

// Whole or not at all, on the disk when it returns, and never in the place of another's or through a link.
base::Status write_secret(const std::string& path, const std::string& text) {
  const auto fail = [&] { return base::fail(base::ErrorCode::kUnavailable, fmt::format("{}: {}", path, std::strerror(errno))); };
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return fail();
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
  const int error = errno;
  ::close(fd);
  if (written) return {};
  ::unlink(path.c_str());
  errno = error;
  return fail();
}

}  // namespace

base::Status run_api_token_command(const Config& config, const ApiTokenRequest& request, std::ostream& out) {
  auto opened = store::open_sqlite(config.data_directory);
  if (!opened) return std::unexpected(opened.error());
  auto& store = **opened;
  base::Status done;
  switch (request.action) {
    case ApiTokenAction::kAdd: done = add(store, request, out); break;
    case ApiTokenAction::kList: done = list(store, out); break;
    case ApiTokenAction::kRemove:
      done = store.remove_api_token(request.id);
      if (done) out << "API token " << request.id << " revoked\n";
      break;
  }
  if (!done) done.error().detail.insert(0, "parley: ");
  return done;
}

std::string admin_token_file(const Config& config) { return (std::filesystem::path(config.data_directory) / "admin-token").string(); }

base::Status ensure_admin_token(const Config& config) {
  auto store = store::open_sqlite(config.data_directory);
  if (!store) return std::unexpected(store.error());
  const auto all = (*store)->api_tokens();
  if (!all) return std::unexpected(all.error());
  const auto path = admin_token_file(config);
  std::error_code ignored;
  if (std::any_of(all->begin(), all->end(), [](const auto& t) { return t.scopes == "admin"; })) return {};
  if (std::filesystem::exists(std::filesystem::symlink_status(path, ignored))) {
    spdlog::warn("no API token for everything holds any more; {} is of no use: remove it and start again, or run parley api-token add", path);
    return {};
  }
  auto made = api::make_api_token("first admin token", api::scope::kAdmin, seconds_now());
  if (!made) return std::unexpected(made.error());
  // What stands in the file must hold, so the store comes first; a file that can't be written takes it back.
  if (auto added = (*store)->add_api_token(made->record); !added) return added;
  if (auto written = write_secret(path, made->token + "\n"); !written) {
    static_cast<void>((*store)->remove_api_token(made->record.id));
    return written;
  }
  return {};
}

}  // namespace app
