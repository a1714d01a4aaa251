// Who talks: on and off with hysteresis for one participant, and one dominant speaker for a bridge. One thread.
// Levels are RFC 6464's: -dBov, 0 is loudest.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.hpp"

namespace media {

struct TalkOptions {
  std::uint8_t talking_threshold = 45;                          // this level or louder is talk
  base::Duration silence_threshold = std::chrono::milliseconds(2500);
  base::Duration onset = std::chrono::milliseconds(60);         // of talk within 300 ms: a click of the tongue is none
};

class TalkDetector {
 public:
  explicit TalkDetector(const TalkOptions& options = {}) : options_(options) {}

  // `length` of audio at `level`. True or false when that begins or ends talking.
  std::optional<bool> update(std::uint8_t level, base::Duration length, base::TimePoint now);
  // Without audio (no packets come): ends talking when it is time.
  std::optional<bool> tick(base::TimePoint now);
  // Muted, held: false when that ends talking.
  std::optional<bool> stop();
  bool talking() const { return talking_; }

 private:
  TalkOptions options_;
  bool talking_ = false;
  base::TimePoint last_loud_{};
  base::Duration loud_{};
};

// The dominant speaker changes when another has been clearly louder for a while, or when he is silent and another
// talks; it stays when nobody talks. `Id` 0 is nobody.
class DominantSpeaker {
 public:
  using Id = std::uint64_t;
  // Once an interval: the loudest of those who talk (0: none), how many dB he is above the present one (any
  // large number if that one doesn't talk). True when the speaker changed.
  bool update(Id loudest, float margin_db, base::TimePoint now);
  bool remove(Id id);
  Id current() const { return current_; }

 private:
  static constexpr float kMargin = 3;
  static constexpr base::Duration kPatience = std::chrono::milliseconds(400);
  Id current_ = 0;
  Id challenger_ = 0;
  base::TimePoint since_{};
};

}  // namespace media
