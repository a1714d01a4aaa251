#include "api/static_files.hpp"

#include <openssl/evp.h>

#include <array>
#include <filesystem>
#include <fstream>

#include "base/text.hpp"

namespace api {

namespace {

constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob: mediastream:; "
    "connect-src 'self' ws: wss:; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

// A published program as it stands: its handlers are attributes, its timers are given strings, and what others write becomes its
// HTML. So it is no page of this origin: script in it reads no storage and touches no page of ours.
constexpr std::string_view kPublishedExample = "/examples/ozeki-livechat/";
const std::string kPublishedPolicy = [] {
  std::string policy(kPolicy);
  constexpr std::string_view strict = "script-src 'self'";
  policy.insert(policy.find(strict) + strict.size(), " 'unsafe-inline' 'unsafe-eval'");
  return policy + "; sandbox allow-scripts allow-forms allow-modals";
}();

std::string_view type_of(std::string_view extension) {
  static constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
      {".html", "text/html; charset=utf-8"},   {".js", "text/javascript; charset=utf-8"},
      {".mjs", "text/javascript; charset=utf-8"}, {".css", "text/css; charset=utf-8"},
      {".json", "application/json"},           {".map", "application/json"},
      {".webmanifest", "application/manifest+json"}, {".svg", "image/svg+xml"},
      {".png", "image/png"},                   {".jpg", "image/jpeg"},
      {".jpeg", "image/jpeg"},                 {".webp", "image/webp"},
      {".gif", "image/gif"},                   {".ico", "image/x-icon"},
      {".woff2", "font/woff2"},                {".woff", "font/woff"},
      {".wasm", "application/wasm"},           {".mp3", "audio/mpeg"},
      {".ogg", "audio/ogg"},                   {".wav", "audio/wav"},
      {".txt", "text/plain; charset=utf-8"},   {".md", "text/plain; charset=utf-8"},
      {".d.ts", "text/plain; charset=utf-8"},
  };
  for (const auto& [known, type] : kTypes) {
    if (base::equals_ignoring_case(extension, known)) return type;
  }
  return "application/octet-stream";
}

std::string etag_of(std::string_view content) {
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(content.data(), content.size(), digest.data(), &size, EVP_sha256(), nullptr);
  return "\"" + base::to_hex({digest.data(), 16}) + "\"";
}

// "app-3FA9C2D1.js", as bundlers name them: a dash or dot, eight or more letters and digits with one digit at least.
bool named_by_hash(std::string_view stem) {
  const auto mark = stem.find_last_of("-.");
  if (mark == stem.npos || stem.size() - mark < 9) return false;
  const auto hash = stem.substr(mark + 1);
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  const auto hex = [&](char c) { return digit(c) || (c >= 'a' && c <= 'f'); };
  const bool base32 = std::all_of(hash.begin(), hash.end(), [&](char c) { return digit(c) || upper(c); });
  return (base32 || std::all_of(hash.begin(), hash.end(), hex)) && std::any_of(hash.begin(), hash.end(), digit);
}

// RFC 9110 section 13.1.2, weak comparison.
bool etag_listed(std::string_view list, std::string_view etag) {
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    auto one = base::trim(list.substr(0, comma));
    if (one.starts_with("W/")) one.remove_prefix(2);
    if (one == "*" || one == etag) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

base::Result<std::string> read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::string content{std::istreambuf_iterator<char>(in), {}};
  if (!in.good() && !in.eof()) return base::fail(base::ErrorCode::kUnavailable, path.string() + ": can't be read");
  if (!in.is_open()) return base::fail(base::ErrorCode::kUnavailable, path.string() + ": can't be opened");
  return content;
}

net::HttpResponse plain(int status, std::string_view text) {
  auto response = net::HttpResponse::text(status, text);
  response.header("Cache-Control", "no-store");
  add_security_headers(response);
  return response;
}

}  // namespace

void add_security_headers(net::HttpResponse& response) {
  const auto add = [&](std::string_view name, std::string_view value) {
    for (const auto& [key, present] : response.headers) {
      if (base::equals_ignoring_case(key, name)) return;
    }
    response.header(std::string(name), std::string(value));
  };
  add("Content-Security-Policy", kPolicy);
  add("X-Content-Type-Options", "nosniff");
  add("X-Frame-Options", "DENY");
  add("Referrer-Policy", "no-referrer");
  add("Permissions-Policy", "camera=(self), microphone=(self), display-capture=(self), geolocation=(), payment=(), usb=()");
  add("Cross-Origin-Opener-Policy", "same-origin");
}

base::Result<StaticFiles> StaticFiles::load(const std::string& directory, Limits limits) {
  namespace fs = std::filesystem;
  StaticFiles result;
  std::error_code error;
  const auto root = fs::canonical(directory, error);
  if (error) return base::fail(base::ErrorCode::kNotFound, directory + ": " + error.message());
  std::size_t total = 0;
  fs::recursive_directory_iterator it(root, error), end;   // does not follow links to directories
  for (; !error && it != end; it.increment(error)) {
    const auto& path = it->path();
    if (path.filename().string().starts_with('.')) {
      if (it->is_directory()) it.disable_recursion_pending();
      continue;
    }
    std::error_code ignored;
    if (!it->is_regular_file(ignored)) continue;
    const auto real = fs::canonical(path, ignored);
    if (ignored || !real.string().starts_with(root.string() + "/")) continue;
    auto content = read_file(real);
    if (!content) return std::unexpected(content.error());
    total += content->size();
    if (content->size() > limits.file || total > limits.total) {
      return base::fail(base::ErrorCode::kTooLarge, path.string() + ": too much to be kept in memory");
    }
    File file;
    file.type = type_of(path.extension().string());
    file.etag = etag_of(*content);
    file.immutable = path.extension() != ".html" && named_by_hash(path.stem().string());
    file.content = base::share(std::move(*content));
    result.files_.emplace("/" + path.lexically_relative(root).generic_string(), std::move(file));
  }
  if (error) return base::fail(base::ErrorCode::kUnavailable, directory + ": " + error.message());
  return result;
}

const StaticFiles::File* StaticFiles::find(std::string_view path) const {
  std::string name(path);
  if (name.ends_with('/')) name += "index.html";
  const auto it = files_.find(name);
  return it == files_.end() ? nullptr : &it->second;
}

bool StaticFiles::has(std::string_view path) const { return path == "/healthz" || find(path) != nullptr; }

net::HttpResponse StaticFiles::serve(const net::HttpRequest& request) const {
  const File* file = find(request.path);
  const bool health = request.path == "/healthz";
  if (file == nullptr && !health && !request.path.empty() && !request.path.ends_with('/') && find(request.path + "/index.html") != nullptr) {
    auto moved = plain(308, "It is there with a slash at the end.\n");
    moved.header("Location", request.path + "/" + (request.query.empty() ? "" : "?" + request.query));
    return moved;
  }
  if (file == nullptr && !health) return plain(404, "There is nothing here.\n");
  if (request.method != "GET" && request.method != "HEAD") {
    auto refused = plain(405, "This can be read only.\n");
    refused.header("Allow", "GET, HEAD");
    return refused;
  }
  if (health) return plain(200, "ok\n");
  net::HttpResponse response;
  const bool same = etag_listed(request.header("If-None-Match"), file->etag);
  response.status = same ? 304 : 200;
  response.header("ETag", file->etag).header("Cache-Control", file->immutable ? "public, max-age=31536000, immutable" : "no-cache");
  if (!same) {
    response.header("Content-Type", file->type);
    response.body = file->content;
  }
  // A sandboxed page with an opener policy is not shown at all (HTML, 7.1.3.1).
  if (request.path.starts_with(kPublishedExample)) response.header("Content-Security-Policy", kPublishedPolicy).header("Cross-Origin-Opener-Policy", "unsafe-none");
  // Pages of every origin may load it; it holds nothing that is not public.
  if (request.path.starts_with("/sdk/")) response.header("Access-Control-Allow-Origin", "*").header("Cross-Origin-Resource-Policy", "cross-origin");
  add_security_headers(response);
  return response;
}

}  // namespace api
