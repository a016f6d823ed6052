#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace ginn::simulation {

// What happened in a world; each is counted, and is a line of a failing seed's trace.
enum class Event {
  kSession,
  kResume,
  kConnected,
  kReady,
  kTaken,
  kReplayed,
  kQueueFull,
  kCheckpoint,
  kLied,
  kStopRequest,
  kCrash,
  kCrashInWrite,
  kTornWrite,
  kLostWrite,
  kDiskFull,
  kCounterFailed,
  kCut,
  kHalfOpen,
  kFlipped,
  kFrameLost,
  kFrameDuplicated,
  kFramesReordered,
  kAnswerFlipped,
  kAnswerLost,
  kWorkerCrash,
  kRecordUnreadable,
  kRecordMismatch,
  kSuspended,
  kFailed,
  kAccepted,
  kRejected,
  kOutOfLives,
  kEscaped,  // accepted with a deviation that no coin picked
  kCount
};

const char* event_name(Event event);

struct Happened {
  uint64_t turn = 0;
  Event event{};
  uint64_t detail = 0;
  std::string text;
};

class Events {
 public:
  void note(Event event, uint64_t detail = 0, std::string text = {}) {
    ++counts_[static_cast<size_t>(event)];
    trace_.push_back({turn, event, detail, std::move(text)});
  }
  uint64_t count(Event event) const { return counts_[static_cast<size_t>(event)]; }
  const std::vector<Happened>& trace() const { return trace_; }

  uint64_t turn = 0;  // now

 private:
  std::array<uint64_t, static_cast<size_t>(Event::kCount)> counts_{};
  std::vector<Happened> trace_;
};

// Unwind a session; neither is a std::exception, so that no handler of the program takes them.
struct Crash {};
struct Violation {
  std::string what;
};

// How often each fault comes: once in so many chances, 0 for never.
struct Faults {
  uint32_t cut = 0, half_open = 0, flip = 0, lose = 0, duplicate = 0, reorder = 0, answer = 0;
  uint32_t disk_full = 0, crash_in_write = 0, lost_write = 0, counter = 0;
  uint32_t unreadable = 0, mismatch = 0;
  uint32_t crash = 0, stop = 0, worker_crash = 0;
};

}  // namespace ginn::simulation
