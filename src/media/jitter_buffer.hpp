// An adaptive jitter buffer for one received audio stream (RFC 3550 6.4.1, A.1), drained by pulling. One thread.
//
// Delay is measured, not counted in packets: transit is arrival less RTP timestamp, its least value over ten seconds is
// the path's own delay (so a drifting sender clock is followed), and what 97 % of packets exceed it by is the
// target, 20 to 200 ms. A packet is due at (least transit + timestamp + target). An empty buffer conceals and so
// delays what follows; a buffer that lags behind its target says so in `excess`, and its user shortens the sound.
// Bounded: 64 packets of at most 1,500 bytes. Starts with 8 slots; allocates only when a burst needs more.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/time.hpp"
#include "media/audio_codec.hpp"

namespace media {

struct JitterFrame {
  enum class Kind : std::uint8_t {
    kNothing,    // not begun, between talk-spurts, or the peer stopped sending: silence until the next interval
    kPacket,     // decode `payload`
    kRecovered,  // one packet was lost and `payload` is the next one: use its FEC, if the codec has any
    kLost,       // conceal `duration`
  };
  Kind kind = Kind::kNothing;
  base::ByteView payload;       // valid until the next call of push()
  std::uint32_t duration = 0;   // ticks of the RTP clock
  base::Duration excess{};      // > 0: playing this much later than the target asks for
};

class JitterBuffer {
 public:
  static constexpr base::Duration kMinTarget = std::chrono::milliseconds(20);
  static constexpr base::Duration kMaxTarget = std::chrono::milliseconds(200);
  static constexpr std::size_t kMaxSlots = 64;
  static constexpr std::size_t kMaxPayload = 1500;

  explicit JitterBuffer(std::uint32_t clock_rate) : clock_rate_(clock_rate) {}

  enum class Push : std::uint8_t { kStored, kDuplicate, kLate, kRefused };
  // `duration`: the packet's length in ticks, not 0.
  Push push(const AudioPacket& packet, std::uint32_t duration, base::TimePoint now);
  // A packet of this stream that carries no audio (telephone-event, comfort noise) and only fills its sequence number.
  void push_other(std::uint32_t ssrc, std::uint16_t seq);
  // The next packet's worth of audio; called whenever the user's own store is short of an interval.
  JitterFrame pull(base::TimePoint now);
  void reset();

  base::Duration target() const { return target_; }
  base::Duration depth() const;  // of audio that waits
  std::size_t packets() const { return count_; }
  struct Counters {
    std::uint64_t received = 0, late = 0, duplicate = 0, refused = 0, lost = 0, recovered = 0, underrun = 0,
                  restarted = 0, skipped = 0;
  };
  const Counters& counters() const { return counters_; }

 private:
  static constexpr std::int64_t kNoSeq = -1;
  static constexpr int kBuckets = 8;
  static constexpr int kBins = 21;  // 10 ms each, the last open
  struct Slot {
    std::int64_t seq = kNoSeq;
    std::int64_t timestamp = 0;
    std::uint32_t duration = 0;  // 0: no audio
    base::Bytes payload;
  };
  struct Bucket {
    std::int64_t epoch = -1;
    base::Duration least{};
  };

  Slot& at(std::int64_t seq) { return slots_[static_cast<std::size_t>(seq) & (slots_.size() - 1)]; }
  bool holds(std::int64_t seq) { return !slots_.empty() && at(seq).seq == seq; }
  bool make_room(std::int64_t seq);
  Slot* first_stored();
  void begin(const AudioPacket& packet, base::TimePoint now);
  bool out_of_order_run(std::int64_t seq);
  enum class Timing : std::uint8_t { kFits, kOdd, kNewClock };
  Timing timing(bool marker, std::int64_t timestamp, base::TimePoint now);
  void store(const AudioPacket& packet, std::int64_t seq, std::int64_t timestamp, std::uint32_t duration);
  void measure(base::Duration transit, base::TimePoint now);
  void count_delay(base::Duration late);
  base::Duration transit(std::int64_t timestamp, base::TimePoint now) const;
  base::Duration delay(std::int64_t timestamp, base::TimePoint now) const { return transit(timestamp, now) - least_; }
  base::Duration ticks(std::int64_t n) const;
  void drop_others();
  JitterFrame starved();
  JitterFrame missing(Slot& later, base::TimePoint now);
  JitterFrame take(Slot* slot, base::TimePoint now);
  void release(Slot& slot);

  std::uint32_t clock_rate_;
  std::uint32_t ssrc_ = 0;
  bool begun_ = false;
  bool playing_ = false;
  bool played_ = false;  // anything since begin()
  std::vector<Slot> slots_;
  std::size_t count_ = 0;
  std::int64_t next_seq_ = 0;       // the next to be played
  std::int64_t highest_seq_ = 0;
  std::int64_t next_timestamp_ = 0;
  std::int64_t last_timestamp_ = 0;   // of the last packet accepted, for unwrapping
  std::uint32_t last_raw_timestamp_ = 0;
  std::uint32_t last_duration_ = 0;
  base::Duration concealed_{};      // without a packet used up, since the last one was
  std::int64_t run_seq_ = kNoSeq;   // packets that fit nowhere: where the next of such a run would be
  int run_ = 0;
  int jumps_ = 0;

  base::TimePoint epoch_{};
  base::Duration least_{};
  std::array<Bucket, kBuckets> buckets_{};
  std::array<float, kBins> histogram_{};
  float weight_ = 1;
  float total_ = 0;
  base::Duration target_ = std::chrono::milliseconds(40);
  Counters counters_;
};

}  // namespace media
