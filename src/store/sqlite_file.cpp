#include "store/sqlite_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace store {
namespace {

base::Error system_error(const std::string& path, int error) {
  return {base::ErrorCode::kUnavailable, fmt::format("{}: {}", path, std::strerror(error))};
}

// Mode 0700 for the last folder alone: those above it are somebody else's.
base::Status make_directory(const std::string& directory) {
  std::error_code error;
  if (std::filesystem::is_directory(directory, error)) return {};
  const auto parent = std::filesystem::path(directory).lexically_normal().parent_path();
  if (!parent.empty()) std::filesystem::create_directories(parent, error);
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) return std::unexpected(system_error(directory, errno));
  if (!std::filesystem::is_directory(directory, error)) return std::unexpected(system_error(directory, ENOTDIR));
  return {};
}

}  // namespace

base::Result<std::string> make_sqlite_file(const std::string& directory, const std::string& name) {
  if (auto made = make_directory(directory); !made) return std::unexpected(made.error());
  auto path = (std::filesystem::path(directory) / name).string();
  // A file that is there is never opened here: closing it again would drop the POSIX locks of this process's other connections,
  // and the next program to leave would take itself for the last and remove the log that they write to.
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd >= 0) {
    ::close(fd);
  } else if (errno != EEXIST) {
    return std::unexpected(system_error(path, errno));
  }
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & 077) != 0) (void)::chmod(path.c_str(), 0600);
  return path;
}

base::Error sqlite_error(const std::string& path, const SQLite::Exception& e) {
  const auto make = [&](base::ErrorCode code, std::string_view what) { return base::Error{code, fmt::format("{}: {}", path, what)}; };
  switch (e.getErrorCode() & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return make(base::ErrorCode::kUnavailable, "the database is locked by another process");
    case SQLITE_FULL: return make(base::ErrorCode::kUnavailable, "the disk is full");
    case SQLITE_READONLY: return make(base::ErrorCode::kUnavailable, "the database or its folder is read-only");
    case SQLITE_CANTOPEN: return make(base::ErrorCode::kUnavailable, "the database can't be opened");
    case SQLITE_IOERR: return make(base::ErrorCode::kUnavailable, fmt::format("reading or writing failed ({})", e.what()));
    case SQLITE_NOMEM: return make(base::ErrorCode::kUnavailable, "out of memory");
    case SQLITE_CONSTRAINT: {
      const bool taken = e.getExtendedErrorCode() == SQLITE_CONSTRAINT_PRIMARYKEY || e.getExtendedErrorCode() == SQLITE_CONSTRAINT_UNIQUE;
      return make(taken ? base::ErrorCode::kConflict : base::ErrorCode::kInternal, e.what());
    }
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return make(base::ErrorCode::kInternal, "the database is damaged, or the file is none");
    default: return make(base::ErrorCode::kInternal, e.what());
  }
}

}  // namespace store
