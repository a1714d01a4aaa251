// Rooms and calls, watched for the event stream.
#pragma once

#include <string>

#include "api/event_stream.hpp"
#include "api/rest_route.hpp"
#include "pbx/pbx.hpp"

namespace api {

RestJson rest_json(const conference::Room& room);
RestJson rest_json(const conference::Participant& participant);
RestJson rest_json(const pbx::CallInfo& call);

// Thread: the shard's. Costs nothing while nobody listens.
class EventSource final : public pbx::PbxObserver {
 public:
  // Both outlive it.
  EventSource(EventStream& stream, base::Timeline& timeline) : stream_(stream), timeline_(timeline) {}

  void on_room_opened(const conference::Room& room) override;
  void on_room_closed(const conference::Room& room) override;
  void on_room_event(const conference::Room& room, conference::EventType type, const conference::Participant& about, std::string_view reason) override;
  void on_room_message(const conference::Room& room, const bridge::RelayedMessage& message) override;
  void on_call(const pbx::CallInfo& call) override;
  void on_queue(pbx::QueueEvent event, const std::string& queue, const pbx::CallInfo& call, std::size_t waiting) override;

 private:
  RestJson event() const;
  void publish(std::string_view type, const RestJson& json, const RestJson& details = nullptr);

  EventStream& stream_;
  base::Timeline& timeline_;
};

}  // namespace api
