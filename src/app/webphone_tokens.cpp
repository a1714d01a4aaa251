#include "app/webphone_tokens.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "base/random.hpp"
#include "base/text.hpp"

namespace app {
namespace {

constexpr auto kFile = "webphone-token-secret";
constexpr std::size_t kSecret = 64;          // characters, 5.95 bits each
constexpr std::size_t kMaxFile = 64 * 1024;

base::Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return base::fail(base::ErrorCode::kUnavailable, fmt::format("{}: {}", path, std::strerror(errno)));
  std::string text(kMaxFile, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

// Whole or not at all, and never in the place of another's.
base::Status make_secret(const std::string& path) {
  const auto temporary = path + "." + base::random_token(8);
  const auto fail = [&] { return base::fail(base::ErrorCode::kUnavailable, fmt::format("{}: {}", path, std::strerror(errno))); };
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return fail();
  const auto secret = base::random_token(kSecret) + "\n";
  const bool written = ::write(fd, secret.data(), secret.size()) == static_cast<ssize_t>(secret.size()) && ::fsync(fd) == 0;
  ::close(fd);
  const bool linked = written && (::link(temporary.c_str(), path.c_str()) == 0 || errno == EEXIST);
  const auto result = linked ? base::Status{} : base::Status(fail());
  ::unlink(temporary.c_str());
  return result;
}

base::Result<std::string> kept_secret(const std::string& folder) {
  std::error_code ignored;
  if (std::filesystem::create_directories(folder, ignored)) ::chmod(folder.c_str(), 0700);
  const auto path = (std::filesystem::path(folder) / kFile).string();
  if (!std::filesystem::exists(path, ignored)) {
    if (auto made = make_secret(path); !made) return std::unexpected(made.error());
  }
  auto text = read_file(path);
  if (text) *text = std::string(base::trim(*text));
  return text;
}

base::Result<pbx::TokenKeys> make_keys(const Config& config, std::string secret) {
  std::string key;
  if (!config.tokens.public_key.empty()) {
    auto text = read_file(config.tokens.public_key);
    if (!text) return std::unexpected(text.error());
    key = std::move(*text);
  }
  auto keys = pbx::TokenKeys::make(std::move(secret), key);
  if (!keys) keys.error().detail.insert(0, (key.empty() ? config.data_directory + "/" + kFile : config.tokens.public_key) + ": ");
  return keys;
}

}  // namespace

base::Result<pbx::TokenKeys> load_token_keys(const Config& config) {
  auto secret = config.tokens.secret.empty() ? kept_secret(config.data_directory) : base::Result<std::string>(config.tokens.secret);
  return secret ? make_keys(config, std::move(*secret)) : std::unexpected(secret.error());
}

base::Status check_token_keys(const Config& config) {
  if (auto keys = make_keys(config, config.tokens.secret); !keys) return std::unexpected(keys.error());
  return {};
}

std::vector<WebphoneLineSettings> webphone_lines(const Config& config) {
  if (!config.webphone_lines.empty() || !config.guests) return config.webphone_lines;
  WebphoneLineSettings line;
  line.name = "Webphone1";
  return {line};
}

base::Status run_token_command(const Config& config, const TokenRequest& request, std::ostream& out) {
  const auto lines = webphone_lines(config);
  const auto line = std::find_if(lines.begin(), lines.end(), [&](const auto& l) { return base::equals_ignoring_case(l.name, request.line); });
  if (line == lines.end()) return base::malformed(fmt::format("parley: there is no webphone line \"{}\"", request.line));
  pbx::TokenClaims claims{.line = line->name, .display_name = request.name, .room = request.room, .may = {}, .expires = {}};
  if (!request.may.empty()) claims.may = pbx::Privileges::none();
  for (const auto& one : request.may) {
    if (!pbx::add_privilege(one, claims.may)) {
      return base::malformed(fmt::format("parley: \"{}\" is none of message, call_internal, call_external, call_history, supervise", one));
    }
  }
  const auto keys = load_token_keys(config);
  if (!keys) return base::fail(keys.error().code, "parley: " + keys.error().detail);
  const auto now = std::chrono::system_clock::now();
  claims.expires = now + request.expires;
  const auto token = keys->sign(claims, now);
  if (!token) return base::fail(token.error().code, "parley: " + token.error().detail);
  out << *token << "\n";
  return {};
}

}  // namespace app
