#include "media/talk_detector.hpp"

#include <algorithm>

namespace media {

std::optional<bool> TalkDetector::update(std::uint8_t level, base::Duration length, base::TimePoint now) {
  if (level > options_.talking_threshold) {
    loud_ = std::max(base::Duration{}, loud_ - length / 4);
    return tick(now);
  }
  last_loud_ = now;
  if (talking_) return std::nullopt;
  loud_ += length;
  if (loud_ < options_.onset) return std::nullopt;
  talking_ = true;
  return true;
}

std::optional<bool> TalkDetector::tick(base::TimePoint now) {
  if (!talking_) {
    if (now - last_loud_ > std::chrono::milliseconds(300)) loud_ = {};
    return std::nullopt;
  }
  return now - last_loud_ >= options_.silence_threshold ? stop() : std::nullopt;
}

std::optional<bool> TalkDetector::stop() {
  loud_ = {};
  if (!talking_) return std::nullopt;
  talking_ = false;
  return false;
}

bool DominantSpeaker::update(Id loudest, float margin_db, base::TimePoint now) {
  if (loudest == 0 || loudest == current_ || (current_ != 0 && margin_db < kMargin)) {
    challenger_ = 0;
    return false;
  }
  if (current_ != 0) {
    if (challenger_ == 0) since_ = now;  // two who take turns in being louder challenge together
    challenger_ = loudest;
    if (now - since_ < kPatience) return false;
  }
  current_ = loudest;
  challenger_ = 0;
  return true;
}

bool DominantSpeaker::remove(Id id) {
  if (challenger_ == id) challenger_ = 0;
  if (current_ != id) return false;
  current_ = 0;
  return true;
}

}  // namespace media
