// What was published to us (RFC 3903): the checks of a PUBLISH and the states by their entity tags. Time comes in. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "sip/message.hpp"
#include "sip/reply.hpp"
#include "sip/transaction_hash.hpp"

namespace sip {

struct PublicationConfig {
  std::string events = "presence";                     // packages, as in Allow-Events
  std::string content_types = "application/pidf+xml";  // that are taken, as in Accept
  std::chrono::seconds min_expires{60}, default_expires{3600}, max_expires{3600};
  std::size_t max_body = 16 * 1024;                    // bytes; 413
  std::size_t max_per_resource = 10;                   // entity tags, then 503
  std::size_t max_total = 20000;
};

struct Publication {
  std::string resource;                                // whose state: the caller's name of it
  std::string package, content_type;
  base::SharedBytes body;
  base::TimePoint expires_at{};
};

enum class PublicationChange : std::uint8_t { kNone, kCreated, kModified, kRefreshed, kRemoved };

class PublicationStore {
 public:
  explicit PublicationStore(PublicationConfig config);

  struct Outcome {
    Reply reply;                                       // 200, 400, 412, 413, 415, 423, 489, 503
    PublicationChange change = PublicationChange::kNone;
  };
  // A PUBLISH whose sender may publish for `resource` (404 and 403 are the caller's), as RFC 3903 section 6 has it.
  Outcome publish(const Message& request, std::string_view resource, base::TimePoint now);

  // Those of a resource and a package that hold, the oldest first.
  std::vector<Publication> find(std::string_view resource, std::string_view package, base::TimePoint now) const;
  // All that was published for a resource.
  void remove(std::string_view resource);
  // Drops what has expired: the resources whose state changed, each once.
  std::vector<std::string> expire(base::TimePoint now);
  base::TimePoint next_expiry() const;                 // kNever: none
  std::size_t size() const { return by_tag_.size(); }

 private:
  using Tag = std::string;
  Outcome create(const Message& request, std::string_view resource, std::string_view package, std::chrono::seconds expires,
                 base::TimePoint now);
  Outcome change(const Tag& tag, const Message& request, std::chrono::seconds expires, base::TimePoint now);
  void insert(Tag tag, Publication publication);
  void erase(const Tag& tag);
  static Outcome refuse(int status, std::string reason = {});
  static Outcome taken(PublicationChange change, const Tag& tag, std::chrono::seconds expires);
  bool takes_type(std::string_view media_type) const;

  const PublicationConfig config_;
  std::vector<std::string> packages_, types_;
  std::unordered_map<Tag, Publication, TableHash, std::equal_to<>> by_tag_;
  std::unordered_map<std::string, std::vector<Tag>, TableHash, std::equal_to<>> by_resource_;
  std::set<std::pair<base::TimePoint, Tag>> by_expiry_;
};

}  // namespace sip
