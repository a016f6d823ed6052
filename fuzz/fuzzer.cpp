// One libFuzzer program for all targets: GINN_FUZZ_TARGET names the one to run.
#include <cstdio>
#include <cstdlib>

#include "fuzz/targets.h"

namespace {

const ginn::fuzz::Target& chosen() {
  const char* name = std::getenv("GINN_FUZZ_TARGET");
  const auto* target = name == nullptr ? nullptr : ginn::fuzz::find_target(name);
  if (target == nullptr) {
    std::fprintf(stderr, "GINN_FUZZ_TARGET: expected one of");
    for (const auto& known : ginn::fuzz::targets()) {
      std::fprintf(stderr, " %.*s", static_cast<int>(known.name.size()), known.name.data());
    }
    std::fprintf(stderr, "\n");
    std::exit(2);
  }
  return *target;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const ginn::fuzz::Target& target = chosen();
  target.run({data, size});
  return 0;
}
