// A media engine that moves no byte: it remembers what was asked of it.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/media_engine.hpp"

namespace test_support {

class FakeMediaEngine final : public bridge::MediaEngine {
 public:
  struct Leg {
    bridge::BridgeId bridge;
    bool webrtc = false, joined = false, muted = false, removed = false;
    int restarts = 0;
    std::vector<bridge::Sound> played;          // those that were begun
    bool sounding = false, echo = false;
    std::string digits;                         // sent to the peer
    std::vector<bridge::LegMedia> configured;   // the last is what holds
    const bridge::LegMedia& media() const { return configured.back(); }
  };

  bridge::BridgeId create_bridge(const bridge::MixOptions&) override {
    ++bridges_alive;
    return {++last_bridge_};
  }
  void remove_bridge(bridge::BridgeId id) override {
    --bridges_alive;
    for (const auto& [leg, state] : legs) {
      if (state.bridge == id && !state.removed) misuse = "a bridge was removed before its legs";
    }
  }
  base::Result<bridge::WebRtcEndpoint> create_webrtc_leg(bridge::LegId id, bridge::BridgeId bridge) override {
    if (full) return base::fail(base::ErrorCode::kUnavailable, "no media thread takes more");
    legs[id] = {.bridge = bridge, .webrtc = true};
    return bridge::WebRtcEndpoint{.ufrag = "ufrag" + std::to_string(id.value),
                                  .pwd = "passwordpasswordpassword" + std::to_string(id.value),
                                  .fingerprint_hash = "sha-256",
                                  .fingerprint = "AA:AB:DE:7A:E9:9B:AE:58:68:07:98:B1:4A:93:6D:E4:7E:93:9C:3A:26:C2:76:76:2E:E9:35:96:16:72:76:5F",
                                  .candidates = {"1 1 udp 2130706431 198.51.100.1 7000 typ host"},
                                  .address = *base::SocketAddress::parse("198.51.100.1", 7000)};
  }
  base::Result<bridge::RtpEndpoint> create_rtp_leg(bridge::LegId id, bridge::BridgeId bridge, const base::SocketAddress&) override {
    if (full) return base::fail(base::ErrorCode::kUnavailable, "no port is left");
    legs[id] = {.bridge = bridge};
    const auto port = static_cast<std::uint16_t>(8000 + 2 * id.value);
    return bridge::RtpEndpoint{.rtp = *base::SocketAddress::parse("198.51.100.1", port), .rtcp_port = static_cast<std::uint16_t>(port + 1)};
  }
  std::pair<std::string, std::string> restart_ice(bridge::LegId id) override {
    auto& leg = live(id);
    return {"again" + std::to_string(++leg.restarts), "newpasswordnewpasswordnew" + std::to_string(leg.restarts)};
  }
  void configure(bridge::LegId id, const bridge::LegMedia& media) override { live(id).configured.push_back(media); }
  void join(bridge::LegId id) override { live(id).joined = true; }
  void set_muted(bridge::LegId id, bool muted) override { live(id).muted = muted; }
  void remove_leg(bridge::LegId id) override { live(id).removed = true; }
  void move_leg(bridge::LegId id, bridge::BridgeId to) override {
    live(id).bridge = to;
    live(id).joined = false;
  }
  void play(bridge::LegId id, const bridge::Sound& sound) override {
    live(id).played.push_back(sound);
    live(id).sounding = true;
  }
  void stop_sound(bridge::LegId id) override { live(id).sounding = false; }
  void set_echo(bridge::LegId id, bool echo) override { live(id).echo = echo; }
  void send_dtmf(bridge::LegId id, std::string_view digits) override { live(id).digits += digits; }

  std::size_t legs_alive() const {
    std::size_t count = 0;
    for (const auto& [id, leg] : legs) count += !leg.removed;
    return count;
  }

  std::map<bridge::LegId, Leg> legs;
  int bridges_alive = 0;
  bool full = false;
  std::string misuse;   // of the contract; "" : none

 private:
  Leg& live(bridge::LegId id) {
    const auto found = legs.find(id);
    if (found == legs.end() || found->second.removed) misuse = "a leg that is not there";
    return legs[id];
  }
  std::uint64_t last_bridge_ = 0;
};

}  // namespace test_support
