// /rooms and /rooms/{room}/participants.
#include "api/event_source.hpp"
#include "api/rest_route.hpp"

namespace api {
namespace {

net::HttpResponse unknown_room() { return rest_problem(404, "unknown-room", "nobody is in a room of that name"); }
net::HttpResponse unknown_participant() { return rest_problem(404, "unknown-participant", "there is no participant of that id in that room"); }

// `work` on the shard, where there is such a room with somebody in it.
void in_room(const RestBackend& backend, const RestCallPtr& call, std::function<net::HttpResponse(conference::Room&)> work) {
  backend.on_pbx([call, work = std::move(work)](pbx::Pbx& pbx) {
    auto* room = pbx.rooms().find(call->path[0]);
    call->answer.send(room && !room->empty() ? work(*room) : unknown_room());
  });
}

void list(const RestBackend& backend, const RestCallPtr& call) {
  backend.on_pbx([call](pbx::Pbx& pbx) {
    auto all = RestJson::array();
    pbx.rooms().for_each([&](conference::Room& room) {
      if (!room.empty()) all.push_back(rest_json(room));
    });
    call->answer.send(rest_answer(200, {{"rooms", std::move(all)}}));
  });
}

void one(const RestBackend& backend, const RestCallPtr& call) {
  in_room(backend, call, [](conference::Room& room) { return rest_answer(200, rest_json(room)); });
}

void participants(const RestBackend& backend, const RestCallPtr& call) {
  in_room(backend, call, [](conference::Room& room) {
    auto all = RestJson::array();
    room.for_each([&](const conference::Participant& participant) {
      if (participant.present) all.push_back(rest_json(participant));
    });
    return rest_answer(200, {{"participants", std::move(all)}});
  });
}

void participant(const RestBackend& backend, const RestCallPtr& call) {
  in_room(backend, call, [call](conference::Room& room) {
    const auto* found = room.find_participant(call->path[1]);
    return found ? rest_answer(200, rest_json(*found)) : unknown_participant();
  });
}

void set_muted(const RestBackend& backend, const RestCallPtr& call, bool muted) {
  in_room(backend, call, [call, muted](conference::Room& room) {
    if (!room.mute(call->path[1], muted)) return unknown_participant();
    return rest_answer(200, rest_json(*room.find_participant(call->path[1])));
  });
}
void mute(const RestBackend& backend, const RestCallPtr& call) { set_muted(backend, call, true); }
void unmute(const RestBackend& backend, const RestCallPtr& call) { set_muted(backend, call, false); }

void kick(const RestBackend& backend, const RestCallPtr& call) {
  in_room(backend, call, [call](conference::Room& room) { return room.remove(call->path[1]) ? rest_no_content() : unknown_participant(); });
}

}  // namespace

void add_room_routes(std::vector<RestRoute>& routes, const RestBackend& backend) {
  const auto with = [&backend](auto handler) { return [&backend, handler](const RestCallPtr& call) { handler(backend, call); }; };
  const std::vector<std::pair<int, std::string>> no_room{{404, "Nobody is in that room."}}, nobody{{404, "Nobody is in that room, or not that one."}};
  routes.push_back({.method = "GET", .path = "/rooms", .scope = scope::kRoomsRead, .operation = "listRooms", .tag = "rooms", .summary = "Rooms that somebody is in",
                    .result = "RoomList", .handler = with(list)});
  routes.push_back({.method = "GET", .path = "/rooms/{room}", .scope = scope::kRoomsRead, .operation = "readRoom", .tag = "rooms", .summary = "One room",
                    .result = "Room", .failures = no_room, .handler = with(one)});
  routes.push_back({.method = "GET", .path = "/rooms/{room}/participants", .scope = scope::kRoomsRead, .operation = "listParticipants", .tag = "rooms",
                    .summary = "Who is in a room", .result = "ParticipantList", .failures = no_room, .handler = with(participants)});
  routes.push_back({.method = "GET", .path = "/rooms/{room}/participants/{participant}", .scope = scope::kRoomsRead, .operation = "readParticipant",
                    .tag = "rooms", .summary = "One participant", .result = "Participant", .failures = nobody, .handler = with(participant)});
  routes.push_back({.method = "POST", .path = "/rooms/{room}/participants/{participant}/mute", .scope = scope::kRooms, .operation = "muteParticipant",
                    .tag = "rooms", .summary = "Mute a participant", .description = "All are told; a page may unmute itself again.", .result = "Participant",
                    .failures = nobody, .handler = with(mute)});
  routes.push_back({.method = "POST", .path = "/rooms/{room}/participants/{participant}/unmute", .scope = scope::kRooms, .operation = "unmuteParticipant",
                    .tag = "rooms", .summary = "Unmute a participant", .result = "Participant", .failures = nobody, .handler = with(unmute)});
  routes.push_back({.method = "DELETE", .path = "/rooms/{room}/participants/{participant}", .scope = scope::kRooms, .operation = "removeParticipant",
                    .tag = "rooms", .summary = "Remove a participant", .description = "It is hung up, and may come again.", .success = 204, .failures = nobody,
                    .handler = with(kick)});
}

}  // namespace api
