// Errors as values.
#pragma once

#include <expected>
#include <string>
#include <utility>

namespace base {

// What went wrong, coarse enough to act on; `detail` is for a log or a developer, in plain ASCII.
enum class ErrorCode {
  kMalformed,     // bytes that are not what their grammar says
  kUnsupported,   // well-formed, but nothing that we do
  kTooLarge,      // over a limit of ours
  kNotFound,
  kDenied,        // wrong credentials, or no right
  kConflict,      // not in this state (busy, exists, glare)
  kUnavailable,   // a resource that fails now and may work later
  kInternal,
};

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string detail;
};

template <typename T>
using Result = std::expected<T, Error>;

using Status = Result<void>;

inline std::unexpected<Error> fail(ErrorCode code, std::string detail = {}) {
  return std::unexpected(Error{code, std::move(detail)});
}
inline std::unexpected<Error> malformed(std::string detail) { return fail(ErrorCode::kMalformed, std::move(detail)); }

}  // namespace base
