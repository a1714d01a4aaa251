// The built pages (web/dist), read into memory once and served with strict headers.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "base/result.hpp"
#include "net/http.hpp"

namespace api {

// After load() immutable: any thread. Nothing outside the directory can be named: a request is looked up among the
// files that were found, it never reaches the file system.
class StaticFiles {
 public:
  struct Limits {
    std::size_t file = 32 << 20;
    std::size_t total = 256 << 20;
  };
  // Every regular file below `directory`; hidden ones and links that lead out of it are left out. The error names
  // what can't be read.
  static base::Result<StaticFiles> load(const std::string& directory, Limits limits);
  static base::Result<StaticFiles> load(const std::string& directory) { return load(directory, Limits{}); }

  // GET and HEAD of a file, of "/" and "/name/" by their index.html ("/name" is sent there), and of /healthz. Anything else is a 404 or 405.
  net::HttpResponse serve(const net::HttpRequest& request) const;
  // Would serve() find it? For those who ask several handlers.
  bool has(std::string_view path) const;
  std::size_t size() const { return files_.size(); }

 private:
  struct File {
    std::string type;
    std::string etag;
    bool immutable = false;      // its name holds a hash of its content: kept for a year
    base::SharedBytes content;
  };
  const File* find(std::string_view path) const;
  std::unordered_map<std::string, File> files_;   // by "/path"
};

// Headers that every page and answer of ours gets: Content-Security-Policy without inline script, no sniffing, no
// framing, camera and microphone for ourselves alone.
void add_security_headers(net::HttpResponse& response);

}  // namespace api
