// Where a number leads, for whoever dials it: by the dial plan, else what is called so.
#include "base/text.hpp"
#include "pbx/pbx.hpp"

namespace pbx {
namespace {

using conference::Rooms;

// A file that rules play: below the directory of sounds, unless the configuration says where it is.
std::string sound_file(const std::string& directory, const std::string& name) {
  if (name.starts_with('/') || directory.empty()) return name;
  return directory + "/" + name;
}

}  // namespace

std::string Pbx::uri_of(std::string_view number) const { return "sip:" + sip::escape_user(number) + "@" + config_.realm; }

// Whose rights hold for what `by` dials, transfers or forwards.
DialCaller Pbx::dial_caller(const bridge::Party& by) const {
  using Kind = DialCaller::Kind;
  if (!by.trunk.empty()) return {.kind = Kind::kTrunk, .name = by.trunk, .line = {}};
  if (by.account.empty() || accounts_.find(by.account) == nullptr) return {};
  const auto* client = webphone_.find(by.account);
  if (client && !client->extension) return {.kind = Kind::kClient, .name = client->number, .line = client->line, .may_external = client->may.external};
  return {.kind = Kind::kAccount, .name = by.account, .line = {}};
}

// A transfer or a forward to a number that nobody has makes no room.
CallTarget Pbx::find_target(const bridge::Party& by, std::string_view number) {
  if (!by.account.empty() && accounts_.find(by.account) == nullptr) return CallTarget::refused(403, "The Account Is Gone");
  auto target = resolve(dial_caller(by), by, number);
  if (target.kind == CallTarget::Kind::kRoom && target.makes_room) return CallTarget::refused(404);
  return refuse_full(std::move(target));
}

// Of a target that a party is led to: without a place there it is refused now, before a caller's INVITE has been answered for it.
CallTarget Pbx::refuse_full(CallTarget target) {
  if (target.kind == CallTarget::Kind::kQueue) {
    const auto* queue = queues_.find(target.name);
    if (!queue) return CallTarget::refused(404);
    if (queues_.is_full(*queue)) return CallTarget::refused(486, "The Queue Is Full");
    if (calls_.size() >= config_.max_calls) return CallTarget::refused(503);
  } else if (target.kind == CallTarget::Kind::kRoom) {
    const auto* room = rooms_.find(target.name);
    if (room && !room->has_place()) return CallTarget::refused(486, "The Room Is Full");
    if (!room && rooms_.size() >= config_.rooms.max_rooms) return CallTarget::refused(503, "Too Many Rooms");
  }
  return target;
}

CallTarget Pbx::resolve(const DialCaller& who, const bridge::Party& by, std::string_view number) {
  std::string dialled(number);
  const auto* client = who.kind == DialCaller::Kind::kClient ? webphone_.find(who.name) : nullptr;
  const auto* line = client ? webphone_.find_line(client->line) : nullptr;
  if (dialled == kDefaultTarget) dialled = !client ? std::string() : !client->room.empty() ? client->room : line ? line->default_target : std::string();
  const bool one_room = client && !client->room.empty();
  if (client && (dialled.empty() || !line)) return CallTarget::refused(client->may.internal ? 404 : 403);
  if (dialled.empty()) return CallTarget::refused(404, "Nothing Was Dialled");
  auto where = one_room ? Destination{.kind = Destination::Kind::kRoom, .name = dialled, .number = {}, .caller_number = {}, .reason = {}, .rule = {}}
                        : dial_plan_.find(who, dialled, environment_.timeline.wall());
  if (where.kind == Destination::Kind::kDefault) where = default_destination(where.name);
  if (client) {
    if (const int status = refuse_client(*client, *line, where, dialled); status != 0) return CallTarget::refused(status);
  }
  return target_at(who, by, dialled, where);
}

// Without a rule: who or what is called so.
Destination Pbx::default_destination(const std::string& dialled) const {
  Destination where{.name = dialled, .number = {}, .caller_number = {}, .reason = {}, .rule = {}};
  using Kind = Destination::Kind;
  where.kind = accounts_.find(dialled) ? Kind::kAccount : find_group(dialled) ? Kind::kGroup : find_queue(dialled) ? Kind::kQueue : Kind::kRoom;
  return where;
}

const GroupConfig* Pbx::find_group(std::string_view name) const {
  const auto found = std::find_if(config_.groups.begin(), config_.groups.end(), [&](const auto& g) { return base::equals_ignoring_case(g.name, name); });
  return found == config_.groups.end() ? nullptr : &*found;
}

const QueueConfig* Pbx::find_queue(std::string_view name) const {
  const auto found = std::find_if(config_.queues.begin(), config_.queues.end(), [&](const auto& q) { return base::equals_ignoring_case(q.name, name); });
  return found == config_.queues.end() ? nullptr : &*found;
}

bool Pbx::room_is_there(const std::string& name) {
  return rooms_.find(name) != nullptr || (config_.rooms.configured && config_.rooms.configured(Rooms::key_of(name)));
}

// A webphone's client calls what its line lets it, and never makes a room: what is not there is 404. 0: it may.
int Pbx::refuse_client(const WebphoneClient& client, const LineConfig& line, const Destination& where, const std::string& dialled) {
  using Kind = Destination::Kind;
  if (where.kind == Kind::kRefuse) return 0;
  if (where.kind == Kind::kTrunk) return client.may.external ? 0 : 403;
  if (!client.may.internal) return 403;
  const auto name = where.kind == Kind::kRoom ? Rooms::clean_name(where.name) : std::string();
  const auto only = client.room.empty() ? std::string() : Rooms::key_of(Rooms::clean_name(client.room));
  if (!client.room.empty() && (where.kind != Kind::kRoom || name.empty() || Rooms::key_of(name) != only)) return 403;
  switch (where.kind) {
    case Kind::kAccount: {
      const auto* other = webphone_.find(where.name);
      const bool page = other && !other->extension;
      return (page ? line.call_clients : line.call_accounts) ? 0 : 403;
    }
    case Kind::kRoom:
      if (name.empty() || !room_is_there(name)) return 404;
      return line.call_rooms ? 0 : 403;
    case Kind::kGroup:
    case Kind::kQueue:
      // Those behind it are accounts; where the line itself leads there, it may.
      return line.call_accounts || base::equals_ignoring_case(dialled, line.default_target) ? 0 : 403;
    default:
      return 0;
  }
}

CallTarget Pbx::target_at(const DialCaller& who, const bridge::Party& by, const std::string& dialled, const Destination& where) {
  using Kind = Destination::Kind;
  const auto service = [&](CallService what, std::string display) {
    CallTarget target{.kind = CallTarget::Kind::kService, .status = 200, .uri = uri_of(dialled), .service = std::move(what)};
    target.party = new_party();
    target.party.number = dialled;
    target.party.display_name = std::move(display);
    return target;
  };
  switch (where.kind) {
    case Kind::kRefuse: return CallTarget::refused(where.status, where.reason);
    case Kind::kEcho: return service({.kind = CallService::Kind::kEcho, .file = {}}, "Echo");
    case Kind::kTone: return service({.kind = CallService::Kind::kTone, .hertz = static_cast<std::uint32_t>(where.tone), .file = {}}, "Tone");
    case Kind::kPlay: return service({.kind = CallService::Kind::kPlay, .file = sound_file(config_.sounds_directory, where.name)}, "Announcement");
    case Kind::kAccount: {
      const auto* callee = accounts_.find(where.name);
      return callee ? target_account(*callee) : CallTarget::refused(404);
    }
    case Kind::kGroup: {
      const auto* group = find_group(where.name);
      return group ? target_group(*group, by) : CallTarget::refused(404);
    }
    case Kind::kTrunk: return target_trunk(by, where);
    case Kind::kQueue: {
      const auto* queue = find_queue(where.name);
      if (!queue) return CallTarget::refused(404);
      return {.kind = CallTarget::Kind::kQueue, .status = 200, .uri = uri_of(queue->name), .name = queue->name};
    }
    case Kind::kRoom:
    case Kind::kDefault: break;
  }
  const auto name = Rooms::clean_name(where.name);
  if (name.empty()) return CallTarget::refused(404, "No Name For A Room");
  // What a rule names may be made; else by those who may make rooms. Clients have been held against their line; a number that the
  // API got wrong makes none.
  const bool there = room_is_there(name);
  using Who = DialCaller::Kind;
  const bool makes = !where.rule.empty() || who.kind == Who::kAccount || (who.kind == Who::kGuest && config_.guests_create_rooms);
  if (!makes && !there) return CallTarget::refused(404);
  return {.kind = CallTarget::Kind::kRoom, .status = 200, .uri = uri_of(name), .name = name, .makes_room = !there && where.rule.empty()};
}

bool Pbx::is_busy(const std::string& account) const { return !config_.call.call_waiting && presence_.in_call(account); }

// The contacts of an account or client, as branches of one stage. 200, or why there are none.
int Pbx::add_branches(const Account& callee, int stage, std::chrono::seconds ring_time, std::vector<CallBranch>& to) {
  const auto contacts = registrar_.find(callee.name, environment_.timeline.now());
  if (contacts.empty()) return 480;
  const auto* client = webphone_.find(callee.name);
  const bool page = client && !client->extension;
  if (!page && is_busy(callee.name)) return 486;
  if (ring_time.count() == 0 && client) ring_time = config_.webphone_ring_timeout;
  const auto party = party_of(callee);
  for (const auto& contact : contacts) to.push_back({.party = party, .contact = contact, .uri = uri_of(callee.name), .stage = stage, .ring_time = ring_time});
  return 200;
}

CallTarget Pbx::target_account(const Account& callee) {
  CallTarget target{.kind = CallTarget::Kind::kBranches, .status = 200, .uri = uri_of(callee.name)};
  const int status = add_branches(callee, 0, {}, target.branches);
  if (status != 200) return CallTarget::refused(status);
  target.party = target.branches.front().party;
  return target;
}

// Who can't be reached is passed over, and so is who calls the group.
CallTarget Pbx::target_group(const GroupConfig& group, const bridge::Party& by) {
  CallTarget target{.kind = CallTarget::Kind::kBranches, .status = 200, .uri = uri_of(group.name)};
  const bool in_order = group.strategy == GroupConfig::Strategy::kInOrder;
  int failure = 480, stage = 0;
  for (const auto& name : group.members) {
    const auto* member = accounts_.find(name);
    if (!member || name == by.account) continue;
    const int status = add_branches(*member, stage, in_order ? group.ring_time : std::chrono::seconds(0), target.branches);
    if (status != 200) failure = better_failure(failure, status);
    if (status == 200 && in_order) ++stage;
  }
  if (target.branches.empty()) return CallTarget::refused(failure);
  target.party = new_party();
  target.party.number = target.party.display_name = group.name;
  return target;
}

}  // namespace pbx
