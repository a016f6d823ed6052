// simulate SEEDS [FIRST]: that many worlds, one after the other. A failing seed is printed with its
// trace and replays with `simulate 1 SEED`.
#include <charconv>
#include <cstdio>
#include <string_view>

#include "tests/simulation/world.h"

namespace {

bool number(std::string_view text, uint64_t& out) {
  const auto end = std::from_chars(text.data(), text.data() + text.size(), out);
  return end.ec == std::errc() && end.ptr == text.data() + text.size();
}

}  // namespace

int main(int argc, char** argv) {
  using ginn::simulation::Event;
  uint64_t seeds = 0;
  uint64_t first = 1;
  if (argc < 2 || argc > 3 || !number(argv[1], seeds) || (argc == 3 && !number(argv[2], first))) {
    std::fputs("usage: simulate SEEDS [FIRST]\n", stderr);
    return 2;
  }
  constexpr auto kEvents = static_cast<size_t>(Event::kCount);
  uint64_t counts[kEvents] = {};
  uint64_t failed = 0;
  for (uint64_t seed = first; seed < first + seeds; ++seed) {
    ginn::simulation::Settings settings;
    settings.relying_party = seed % 50 == 0;
    settings.machine_faults = seed % 4 != 0;
    const auto ended = ginn::simulation::simulate(seed, settings);
    for (size_t i = 0; i < kEvents; ++i) counts[i] += ended.events.count(static_cast<Event>(i));
    const bool bad = ended.violation.has_value();
    if (bad || seeds == 1) std::fputs(trace_text(ended).c_str(), stdout);
    if (!bad) continue;
    ++failed;
    std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed), ended.violation->c_str());
  }
  for (size_t i = 0; i < kEvents; ++i) {
    std::printf("%-18s %llu\n",
                event_name(static_cast<Event>(i)),
                static_cast<unsigned long long>(counts[i]));
  }
  std::printf("%llu seeds, %llu failed\n",
              static_cast<unsigned long long>(seeds),
              static_cast<unsigned long long>(failed));
  return failed == 0 ? 0 : 1;
}
