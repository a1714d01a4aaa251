// TLS contexts (OpenSSL): a server's certificate that can be replaced while it runs, and one that is made here.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.hpp"

struct ssl_ctx_st;

namespace net {

using SslContext = std::shared_ptr<ssl_ctx_st>;

struct CertificateFiles {
  std::string certificate;   // PEM, the chain, the server's own first
  std::string key;           // PEM
};

// Any thread. New connections use what was read last; those that are open keep theirs.
class TlsServer {
 public:
  // Errors name the file and what is wrong with it: unreadable, not PEM, expired, not yet valid, key of another.
  static base::Result<std::shared_ptr<TlsServer>> load(CertificateFiles files);
  // Reads the files again (SIGHUP). On an error the old certificate stays in use.
  base::Status reload();
  SslContext context() const;
  const CertificateFiles& files() const { return files_; }

 private:
  explicit TlsServer(CertificateFiles files) : files_(std::move(files)) {}
  const CertificateFiles files_;
  mutable std::mutex mutex_;
  SslContext context_;
};

// For connections that we make. `verify`: the peer's chain and name are checked, by the system's roots or `ca_file`.
base::Result<SslContext> make_tls_client(bool verify, const std::string& ca_file = {});

// The certificate kept in `directory` ("tls-certificate.pem", "tls-key.pem", mode 0600), made by itself for `names`
// (DNS names or IP addresses) where there is none that is good for another week and for those names.
base::Result<CertificateFiles> make_self_signed(const std::vector<std::string>& names, const std::string& directory);

}  // namespace net
