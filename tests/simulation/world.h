#pragma once

#include <optional>
#include <string>

#include "tests/simulation/judge.h"
#include "tests/simulation/worker.h"
#include "verifier/session.h"

namespace ginn::simulation {

// What a test changes in a world, to see that its judge can find something.
struct Settings {
  std::optional<Kind> kind{};
  std::optional<Lie> lie{};
  bool never_pick = false;   // a coin that picks nothing
  bool wrong_model = false;  // the judge expects another model than the job's function gives
  bool faults = true;
  bool machine_faults = true;  // of the verifier's disk and process
  bool relying_party = false;  // check an accepted folder over a real disk, too
};

enum class End { kAccepted, kRejected, kOutOfLives };

struct Ended {
  End end = End::kOutOfLives;
  bool lied = false;
  std::optional<std::string> violation;
  Events events;
};

// One run from its first session to its end, decided by the seed alone.
Ended simulate(uint64_t seed, const Settings& settings = {});

// The trace of one world, a line an event.
std::string trace_text(const Ended& ended);

}  // namespace ginn::simulation
