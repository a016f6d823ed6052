#include "cli/bench_machine.h"

#include <cpuid.h>
#include <sched.h>

#include <cstring>

#include "cli/bench_timing.h"
#include "device/scratch.h"

namespace ginn::cli {
namespace {

constexpr double kSeconds = 0.25;  // of each measurement
constexpr int kSums = 12;          // independent, more than a multiply-add's latency needs

// One step adds a product to each of the sums. In assembly: the compiler would see that every step
// is the same.
#define GINN_SUMS(X) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
#define GINN_MADD(i) "vpmaddwd %%ymm0, %%ymm1, %%ymm2\n vpaddd %%ymm2, %%ymm" #i ", %%ymm" #i "\n"
#define GINN_DOT(i) "%{vex%} vpdpwssd %%ymm0, %%ymm1, %%ymm" #i "\n"
#define GINN_DOT_WIDE(i) "vpdpwssd %%zmm0, %%zmm1, %%zmm" #i "\n"
#define GINN_NAME(i) "xmm" #i,
#define GINN_REGISTERS GINN_SUMS(GINN_NAME) "xmm2"

// Multiply-adds of a step; 0: a level without a loop.
int macs_of_step(device::Level level) {
  if (level == device::Level::kAvx2 || level == device::Level::kAvxVnni) return kSums * 16;
  return level == device::Level::kAvx512Vnni ? kSums * 32 : 0;
}

void peak_steps(device::Level level, int steps) {
  for (int step = 0; step < steps; ++step) {
    if (level == device::Level::kAvx2) {
      asm volatile(GINN_SUMS(GINN_MADD)::: GINN_REGISTERS);
    } else if (level == device::Level::kAvxVnni) {
      asm volatile(GINN_SUMS(GINN_DOT)::: GINN_REGISTERS);
    } else {
      asm volatile(GINN_SUMS(GINN_DOT_WIDE)::: GINN_REGISTERS);
    }
  }
  asm volatile("vzeroupper" ::: GINN_REGISTERS);
}

// Leaves 0x80000002 to 0x80000004: 48 bytes, padded with blanks or zeros.
std::string cpu_name() {
  char name[49] = {};
  for (unsigned i = 0; i < 3; ++i) {
    unsigned words[4] = {};
    if (__get_cpuid(0x80000002 + i, &words[0], &words[1], &words[2], &words[3]) == 0) return "?";
    std::memcpy(name + 16 * i, words, sizeof words);
  }
  std::string text(name);
  text.erase(text.find_last_not_of(' ') + 1);
  return text.substr(std::min(text.size(), text.find_first_not_of(' ')));
}

// A body that cannot fail.
template <typename Body>
double seconds_of_one(const Body& body) {
  const auto time = median_seconds(ClockKind::kThread, kSeconds, [&]() -> Status {
    body();
    return ok_status();
  });
  return time.value();
}

}  // namespace

Machine this_machine() {
  Machine machine;
  machine.cpu = cpu_name();
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof set, &set) == 0) {
    machine.cores = static_cast<unsigned>(CPU_COUNT(&set));
  }
  return machine;
}

std::optional<double> measure_int16_peak(device::Level level) {
  const int macs = macs_of_step(level);
  if (macs == 0) return std::nullopt;
  constexpr int kSteps = 4096;
  const double time = seconds_of_one([&] { peak_steps(level, kSteps); });
  return static_cast<double>(macs) * kSteps / time * 1e-9;
}

double measure_memory_copy() {
  constexpr size_t kBytes = size_t{64} << 20;  // each: beyond the last level of cache
  device::Buffer<uint8_t> from(kBytes), to(kBytes);
  std::memset(from.data(), 1, kBytes);
  const double time = seconds_of_one([&] {
    std::memcpy(to.data(), from.data(), kBytes);
    asm volatile("" ::"r"(to.data()) : "memory");  // the copy is used
  });
  return 2.0 * static_cast<double>(kBytes) / time * 1e-9;
}

}  // namespace ginn::cli
