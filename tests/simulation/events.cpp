#include "tests/simulation/events.h"

#include <iterator>

namespace ginn::simulation {

const char* event_name(Event event) {
  static constexpr const char* kNames[] = {"session",
                                           "resume",
                                           "connected",
                                           "ready",
                                           "taken",
                                           "replayed",
                                           "queue full",
                                           "checkpoint",
                                           "lied",
                                           "stop request",
                                           "crash",
                                           "crash in write",
                                           "torn write",
                                           "lost write",
                                           "disk full",
                                           "counter failed",
                                           "cut",
                                           "half open",
                                           "flipped",
                                           "frame lost",
                                           "frame duplicated",
                                           "frames reordered",
                                           "answer flipped",
                                           "answer lost",
                                           "worker crash",
                                           "record unreadable",
                                           "record mismatch",
                                           "suspended",
                                           "failed",
                                           "accepted",
                                           "rejected",
                                           "out of lives",
                                           "escaped"};
  static_assert(std::size(kNames) == static_cast<size_t>(Event::kCount));
  return kNames[static_cast<size_t>(event)];
}

}  // namespace ginn::simulation
