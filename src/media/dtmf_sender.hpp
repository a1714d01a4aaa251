// Digits to be sent, one after the other: as telephone-events (RFC 4733 2.5) or, to a peer that takes none, as tones (ITU-T Q.23).
// Each lasts 100 ms with 60 ms behind it. One thread; bounded; no allocation.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/time.hpp"

namespace media {

class DtmfSender {
 public:
  static constexpr std::size_t kMaxQueued = 64;
  static constexpr base::Duration kOn = std::chrono::milliseconds(100);
  static constexpr base::Duration kGap = std::chrono::milliseconds(60);

  // 0-9 * # A-D (a-d too); others are left out, and so is what doesn't fit. How many were taken.
  std::size_t queue(std::string_view digits);
  bool idle() const { return count_ == 0 && digit_ == 0; }

  enum class Step : std::uint8_t {
    kAudio,      // no digit: audio goes on
    kEvent,      // send event() now, and no audio
    kNothing,    // between two digits: neither
  };
  struct Event {
    std::array<std::uint8_t, 4> payload{};
    bool marker = false;
    std::uint32_t timestamp = 0;           // the event's beginning, the same in all of its packets
  };
  // The next interval, which begins at `timestamp`; `clock_rate` is the telephone-event's.
  Step step(base::Duration interval, std::uint32_t timestamp, std::uint32_t clock_rate);
  const Event& event() const { return event_; }

  // The next out.size() samples at 48 kHz, of the tone or the pause behind it; overwrites `out`.
  void tone(std::span<float> out);

 private:
  bool next();

  std::array<char, kMaxQueued> queue_{};
  std::size_t first_ = 0, count_ = 0;
  char digit_ = 0;                         // 0: none is being sent
  base::Duration elapsed_{};
  int ends_ = 0;                           // end packets that were sent: three, as they may be lost
  std::uint16_t duration_ = 0;
  Event event_;
  std::size_t position_ = 0;               // samples of the tone
  double low_ = 0, high_ = 0;              // phases
};

}  // namespace media
