#include "net/tls.hpp"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "base/address.hpp"
#include "base/random.hpp"

namespace net {

namespace {

using X509Ptr = std::unique_ptr<X509, decltype(&X509_free)>;
using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

// What OpenSSL says went wrong last; its queue is left empty.
std::string ssl_reason(const std::string& otherwise) {
  const auto code = ERR_peek_last_error();
  const char* reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
  std::string text = reason != nullptr ? reason : otherwise;
  ERR_clear_error();
  return text;
}

base::Status check_dates(const std::string& file, X509* certificate) {
  if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0) {
    return base::fail(base::ErrorCode::kUnavailable, file + ": the certificate has expired");
  }
  if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0) {
    return base::fail(base::ErrorCode::kUnavailable, file + ": the certificate is not valid yet");
  }
  return {};
}

void set_common_options(SSL_CTX* context) {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                   SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:!aNULL:!MD5");
}

base::Result<SslContext> load_context(const CertificateFiles& files) {
  ERR_clear_error();
  for (const auto& file : {files.certificate, files.key}) {
    if (::access(file.c_str(), R_OK) != 0) {
      return base::fail(base::ErrorCode::kUnavailable, file + ": " + std::generic_category().message(errno));
    }
  }
  SslContext context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (!context) return base::fail(base::ErrorCode::kInternal, ssl_reason("no TLS context"));
  set_common_options(context.get());
  // Sessions are resumed by tickets, so that no table of them grows here.
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  if (SSL_CTX_use_certificate_chain_file(context.get(), files.certificate.c_str()) != 1) {
    return base::fail(base::ErrorCode::kMalformed, files.certificate + ": no certificate can be read (" + ssl_reason("PEM") + ")");
  }
  if (SSL_CTX_use_PrivateKey_file(context.get(), files.key.c_str(), SSL_FILETYPE_PEM) != 1) {
    return base::fail(base::ErrorCode::kMalformed, files.key + ": no key for this certificate can be read (" + ssl_reason("PEM") + ")");
  }
  if (SSL_CTX_check_private_key(context.get()) != 1) {
    return base::fail(base::ErrorCode::kMalformed, files.key + ": not the key of " + files.certificate + " (" + ssl_reason("mismatch") + ")");
  }
  if (auto dates = check_dates(files.certificate, SSL_CTX_get0_certificate(context.get())); !dates) {
    return std::unexpected(dates.error());
  }
  return context;
}

bool add_extension(X509* certificate, int id, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str());
  if (extension == nullptr) return false;
  const bool added = X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added;
}

X509Ptr build_certificate(EVP_PKEY* key, const std::vector<std::string>& names) {
  X509Ptr certificate(X509_new(), X509_free);
  if (!certificate) return certificate;
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()), base::random_u64() >> 1 | 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 60L * 60 * 24 * 397);
  X509_set_pubkey(certificate.get(), key);
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  const std::string common = names.empty() ? "parley" : names.front().substr(0, 64);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(common.c_str()), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), subject);
  std::string alternatives;
  for (const auto& name : names) {
    if (name.find_first_of(",\r\n") != name.npos) continue;   // would be read as further entries
    if (!alternatives.empty()) alternatives += ',';
    const auto address = base::SocketAddress::parse(name, 0);
    alternatives += address ? "IP:" + address->ip() : "DNS:" + name;
  }
  bool good = add_extension(certificate.get(), NID_basic_constraints, "critical,CA:TRUE");
  good = good && add_extension(certificate.get(), NID_ext_key_usage, "serverAuth");
  if (!alternatives.empty()) good = good && add_extension(certificate.get(), NID_subject_alt_name, alternatives);
  good = good && X509_sign(certificate.get(), key, EVP_sha256()) > 0;
  return good ? std::move(certificate) : X509Ptr(nullptr, X509_free);
}

// Written under another name first, so that no half-written file is ever found.
base::Status write_file(const std::string& path, mode_t mode, const std::function<bool(std::FILE*)>& write) {
  const std::string temporary = path + ".new";
  ::unlink(temporary.c_str());
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  const auto failed = [&](int error) {
    return base::fail(base::ErrorCode::kUnavailable, path + ": " + std::generic_category().message(error));
  };
  if (fd < 0) return failed(errno);
  std::FILE* file = ::fdopen(fd, "w");
  if (file == nullptr) {
    ::close(fd);
    return failed(errno);
  }
  const bool written = write(file);
  const bool closed = std::fclose(file) == 0;
  if (!written || !closed || std::rename(temporary.c_str(), path.c_str()) != 0) {
    const int error = errno;
    ::unlink(temporary.c_str());
    return failed(error);
  }
  return {};
}

// Is what is there good for those names and another week?
bool still_good(const CertificateFiles& files, const std::vector<std::string>& names) {
  const auto context = load_context(files);
  if (!context) return false;
  X509* certificate = SSL_CTX_get0_certificate(context->get());
  time_t in_a_week = ::time(nullptr) + 7L * 24 * 3600;
  if (X509_cmp_time(X509_get0_notAfter(certificate), &in_a_week) < 0) return false;
  for (const auto& name : names) {
    const auto address = base::SocketAddress::parse(name, 0);
    const bool listed = address ? X509_check_ip_asc(certificate, address->ip().c_str(), 0) == 1
                                : X509_check_host(certificate, name.c_str(), name.size(), 0, nullptr) == 1;
    if (!listed) return false;
  }
  return true;
}

}  // namespace

base::Result<std::shared_ptr<TlsServer>> TlsServer::load(CertificateFiles files) {
  std::shared_ptr<TlsServer> server(new TlsServer(std::move(files)));
  if (auto status = server->reload(); !status) return std::unexpected(status.error());
  return server;
}

base::Status TlsServer::reload() {
  auto context = load_context(files_);
  if (!context) return std::unexpected(context.error());
  const std::lock_guard lock(mutex_);
  context_ = std::move(*context);
  return {};
}

SslContext TlsServer::context() const {
  const std::lock_guard lock(mutex_);
  return context_;
}

base::Result<SslContext> make_tls_client(bool verify, const std::string& ca_file) {
  ERR_clear_error();
  SslContext context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  if (!context) return base::fail(base::ErrorCode::kInternal, ssl_reason("no TLS context"));
  set_common_options(context.get());
  if (!verify) return context;
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  const bool loaded = ca_file.empty() ? SSL_CTX_set_default_verify_paths(context.get()) == 1
                                      : SSL_CTX_load_verify_locations(context.get(), ca_file.c_str(), nullptr) == 1;
  if (!loaded) return base::fail(base::ErrorCode::kUnavailable, ca_file + ": " + ssl_reason("no certificates"));
  return context;
}

base::Result<CertificateFiles> make_self_signed(const std::vector<std::string>& names, const std::string& directory) {
  const CertificateFiles files{directory + "/tls-certificate.pem", directory + "/tls-key.pem"};
  if (still_good(files, names)) return files;
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  const KeyPtr key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const X509Ptr certificate = key ? build_certificate(key.get(), names) : X509Ptr(nullptr, X509_free);
  if (!certificate) return base::fail(base::ErrorCode::kInternal, "a certificate could not be made: " + ssl_reason("unknown"));
  const auto key_written = write_file(files.key, 0600, [&](std::FILE* file) {
    return PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1;
  });
  if (!key_written) return std::unexpected(key_written.error());
  const auto written = write_file(files.certificate, 0644, [&](std::FILE* file) { return PEM_write_X509(file, certificate.get()) == 1; });
  if (!written) return std::unexpected(written.error());
  return files;
}

}  // namespace net
