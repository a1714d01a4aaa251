#include "sip/publication.hpp"

#include <algorithm>

#include "base/random.hpp"
#include "base/text.hpp"
#include "sip/scan.hpp"
#include "sip/subscription_server.hpp"

namespace sip {
namespace {

using std::chrono::seconds;

std::vector<std::string> elements(std::string_view list) {
  std::vector<std::string> out;
  std::string_view element;
  while (scan::next_element(list, element)) out.emplace_back(element);
  return out;
}

}  // namespace

PublicationStore::PublicationStore(PublicationConfig config)
    : config_(std::move(config)), packages_(elements(config_.events)), types_(elements(config_.content_types)) {}

PublicationStore::Outcome PublicationStore::refuse(int status, std::string reason) {
  return {{status, std::move(reason), {}, {}, {}}, PublicationChange::kNone};
}

// Section 11.3.1: each 200 brings a new tag.
PublicationStore::Outcome PublicationStore::taken(PublicationChange change, const Tag& tag, seconds expires) {
  return {{200, {}, {{"SIP-ETag", tag}, {"Expires", std::to_string(expires.count())}}, {}, {}}, change};
}

bool PublicationStore::takes_type(std::string_view media_type) const {
  return std::ranges::any_of(types_, [&](const std::string& type) { return base::equals_ignoring_case(type, media_type); });
}

// Section 6, in its order.
PublicationStore::Outcome PublicationStore::publish(const Message& request, std::string_view resource, base::TimePoint now) {
  const auto event = parse_event(request.value(HeaderId::kEvent));
  if (!event || std::find(packages_.begin(), packages_.end(), event->package) == packages_.end()) {
    Outcome outcome = refuse(489);
    outcome.reply.headers.emplace_back("Allow-Events", config_.events);
    return outcome;
  }
  std::string_view tag;
  int tags = 0;
  for (const Header& header : request.headers()) {
    if (!base::equals_ignoring_case(header.name, "SIP-If-Match")) continue;
    tag = header.value;
    ++tags;
  }
  if (tags > 1 || (tags == 1 && !scan::is_token(tag))) return refuse(400, "Malformed SIP-If-Match");
  const auto found = by_tag_.find(tag);
  if (tags == 1 && (found == by_tag_.end() || found->second.resource != resource || found->second.package != event->package ||
                    found->second.expires_at <= now)) {
    return refuse(412);
  }
  seconds expires = config_.default_expires;
  if (const Header* header = request.find(HeaderId::kExpires)) {
    const auto number = base::parse_decimal(header->value);
    if (!number || *number > 0xffffffff) return refuse(400, "Malformed Expires");
    expires = seconds(*number);
    if (expires.count() > 0 && expires < config_.min_expires) {
      Outcome outcome = refuse(423);
      outcome.reply.headers.emplace_back("Min-Expires", std::to_string(config_.min_expires.count()));
      return outcome;
    }
  }
  expires = std::min(expires, config_.max_expires);
  if (request.body().size() > config_.max_body) return refuse(413);
  if (!request.body().empty() && !takes_type(request.media_type())) {
    Outcome outcome = refuse(415);
    outcome.reply.headers.emplace_back("Accept", config_.content_types);
    return outcome;
  }
  if (tags == 0) return create(request, resource, event->package, expires, now);
  return change(Tag(tag), request, expires, now);
}

PublicationStore::Outcome PublicationStore::create(const Message& request, std::string_view resource, std::string_view package,
                                                   seconds expires, base::TimePoint now) {
  if (request.body().empty()) return refuse(400, "Nothing Is Published");
  Tag tag = base::random_token(16);
  if (expires.count() == 0) return taken(PublicationChange::kNone, tag, expires);
  const auto own = by_resource_.find(resource);
  if (by_tag_.size() >= config_.max_total || (own != by_resource_.end() && own->second.size() >= config_.max_per_resource)) {
    Outcome outcome = refuse(503);
    outcome.reply.headers.emplace_back("Retry-After", "60");
    return outcome;
  }
  Outcome outcome = taken(PublicationChange::kCreated, tag, expires);
  insert(std::move(tag), {std::string(resource), std::string(package), std::string(request.content_type()),
                          base::share(std::string(request.body())), now + expires});
  return outcome;
}

PublicationStore::Outcome PublicationStore::change(const Tag& tag, const Message& request, seconds expires, base::TimePoint now) {
  Publication publication = by_tag_.find(tag)->second;
  erase(tag);
  Tag next = base::random_token(16);
  if (expires.count() == 0) return taken(PublicationChange::kRemoved, next, expires);
  const bool modified = !request.body().empty();
  if (modified) {
    publication.content_type = request.content_type();
    publication.body = base::share(std::string(request.body()));
  }
  publication.expires_at = now + expires;
  Outcome outcome = taken(modified ? PublicationChange::kModified : PublicationChange::kRefreshed, next, expires);
  insert(std::move(next), std::move(publication));
  return outcome;
}

void PublicationStore::insert(Tag tag, Publication publication) {
  by_resource_[publication.resource].push_back(tag);
  by_expiry_.emplace(publication.expires_at, tag);
  by_tag_.emplace(std::move(tag), std::move(publication));
}

void PublicationStore::erase(const Tag& tag) {
  const auto found = by_tag_.find(tag);
  if (found == by_tag_.end()) return;
  const auto own = by_resource_.find(found->second.resource);
  std::erase(own->second, tag);
  if (own->second.empty()) by_resource_.erase(own);
  by_expiry_.erase({found->second.expires_at, tag});
  by_tag_.erase(found);
}

std::vector<Publication> PublicationStore::find(std::string_view resource, std::string_view package, base::TimePoint now) const {
  std::vector<Publication> out;
  const auto own = by_resource_.find(resource);
  if (own == by_resource_.end()) return out;
  for (const Tag& tag : own->second) {
    const Publication& one = by_tag_.find(tag)->second;
    if (one.package == package && one.expires_at > now) out.push_back(one);
  }
  return out;
}

void PublicationStore::remove(std::string_view resource) {
  const auto own = by_resource_.find(resource);
  if (own == by_resource_.end()) return;
  const auto tags = own->second;   // the last one takes it away
  for (const Tag& tag : tags) erase(tag);
}

std::vector<std::string> PublicationStore::expire(base::TimePoint now) {
  std::vector<std::string> changed;
  while (!by_expiry_.empty() && by_expiry_.begin()->first <= now) {
    const Tag tag = by_expiry_.begin()->second;
    changed.push_back(by_tag_.find(tag)->second.resource);
    erase(tag);
  }
  std::ranges::sort(changed);
  changed.erase(std::unique(changed.begin(), changed.end()), changed.end());
  return changed;
}

base::TimePoint PublicationStore::next_expiry() const { return by_expiry_.empty() ? base::kNever : by_expiry_.begin()->first; }

}  // namespace sip
