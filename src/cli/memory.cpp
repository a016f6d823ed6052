#include "cli/memory.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <string>

#include "worker/loop.h"

namespace ginn::cli {
namespace {

constexpr uint64_t kProgramBytes = uint64_t{16} << 20;
constexpr uint64_t kPackingBytes = uint64_t{16} << 20;  // a layer's integers, or 64 filters of it

// Elements of the parameters whose gradients a microbatch stores, and of the largest of them.
struct StoredGradients {
  uint64_t count = 0, largest = 0;
};
StoredGradients stored_gradients(const nn::Graph& graph, uint32_t microbatch) {
  StoredGradients stored;
  for (const auto& operation : graph.operations()) {
    if (operation->recomputes_gradient(microbatch)) continue;
    for (const size_t p : operation->parameters()) {
      const uint64_t count = graph.parameters()[p].count;
      stored.count += count;
      stored.largest = std::max(stored.largest, count);
    }
  }
  return stored;
}

// A microbatch: every value in 16 bits, gradients for which dead values leave no room (of networks
// with shortcuts at most four of the largest), f32 parameter gradients, int64 sums of the largest
// layer and its transposed line.
uint64_t microbatch_bytes(const training::Training& training) {
  const nn::Graph& graph = training.graph();
  const uint64_t images = training.job().microbatch;
  uint64_t all = 0;
  uint64_t largest = 0;
  uint64_t passing = 0;  // share one tensor
  for (nn::ValueId id = 0; id < graph.values().size(); ++id) {
    const uint64_t count = graph.values()[id].extent.count();
    largest = std::max(largest, count);
    if (graph.passes_by(id)) {
      passing = std::max(passing, count);
    } else {
      all += count;
    }
  }
  all += passing;
  const StoredGradients stored = stored_gradients(graph, training.job().microbatch);
  return (all + 4 * largest) * images * sizeof(int16_t) + stored.count * sizeof(float) +
         stored.largest * sizeof(int64_t);
}

// Weights and velocities; with the step's sum, of the verifier.
uint64_t values_bytes(const nn::Graph& graph) {
  return graph.parameter_count() * 2 * sizeof(float);
}
uint64_t state_bytes(const nn::Graph& graph) {
  return values_bytes(graph) + graph.parameter_count() * sizeof(int64_t);
}
// Kept of the weights that a job starts from.
uint64_t start_bytes(const training::Training& training) {
  return training.job().weights ? training.graph().parameter_count() * sizeof(float) : 0;
}
// For fprop and dgrad; a convolution's integers exist once more while it is packed.
uint64_t packed_bytes(const nn::Graph& graph) {
  return 2 * sizeof(int16_t) * graph.parameter_count() + kPackingBytes;
}

std::optional<uint64_t> number_in(const std::string& path) {
  std::ifstream file(path);
  uint64_t value = 0;
  if (!(file >> value)) return std::nullopt;  // "max", too
  return value;
}

std::optional<uint64_t> machine_available() {
  std::ifstream file("/proc/meminfo");
  std::string key;
  uint64_t kibibytes = 0;
  std::string unit;
  while (file >> key >> kibibytes) {
    std::getline(file, unit);
    if (key == "MemAvailable:") return kibibytes * 1024;
  }
  return std::nullopt;
}

std::optional<uint64_t> group_available() {
  const auto limit = number_in("/sys/fs/cgroup/memory.max");
  const auto used = number_in("/sys/fs/cgroup/memory.current");
  if (!limit || !used) return std::nullopt;
  return *limit > *used ? *limit - *used : 0;
}

std::optional<uint64_t> address_space_available() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return std::nullopt;
  constexpr uint64_t kPage = 4096;
  const uint64_t used = number_in("/proc/self/statm").value_or(0) * kPage;
  return limit.rlim_cur > used ? limit.rlim_cur - used : 0;
}

}  // namespace

MemoryNeed worker_memory(const training::Training& training, bool hands_over) {
  const nn::Graph& graph = training.graph();
  // The step's sum: 32 bits an element (worker/step_sum.h).
  MemoryNeed need{kProgramBytes + start_bytes(training) + values_bytes(graph) +
                      graph.parameter_count() * sizeof(int32_t) + packed_bytes(graph),
                  microbatch_bytes(training)};
  if (!hands_over) return need;
  constexpr uint64_t kQueueBytes = uint64_t{256} << 20;
  const uint64_t contribution = training::encoded_size(graph);
  const uint64_t all = training.job().microbatches();
  need.shared +=
      std::max<uint64_t>(std::min<uint64_t>(64 * contribution, kQueueBytes), 2 * contribution);
  if (worker::computed_at_once(training, 1) == all) {
    need.shared += all * contribution;
  } else {
    need.per_thread += contribution;
  }
  return need;
}

MemoryNeed verifier_memory(const training::Training& training) {
  const nn::Graph& graph = training.graph();
  const uint64_t contribution = training::encoded_size(graph);
  const uint64_t snapshot = graph.parameter_count() * sizeof(float) + packed_bytes(graph);
  // A checkpoint: what it holds, and that sealed (a begun step has its sums, too).
  const uint64_t checkpoint = 2 * state_bytes(graph);
  return {kProgramBytes + start_bytes(training) + state_bytes(graph) + snapshot + 3 * contribution +
              checkpoint + training.job().data.records * sizeof(crypto::Digest),
          microbatch_bytes(training) + 2 * contribution};
}

std::optional<uint64_t> available_memory() {
  std::optional<uint64_t> least;
  for (const auto& found : {machine_available(), group_available(), address_space_available()}) {
    if (found) least = std::min(least.value_or(*found), *found);
  }
  return least;
}

Status check_memory(uint64_t need) {
  const auto available = available_memory();
  if (!available || need <= *available) return ok_status();
  constexpr double kGigabyte = 1e9;
  return environment_error(
      "not_enough_memory",
      fmt::format("this run takes about {:.2f} GB, {:.2f} GB are available: take fewer threads, a "
                  "smaller microbatch or a smaller model, or raise the limit",
                  static_cast<double>(need) / kGigabyte,
                  static_cast<double>(*available) / kGigabyte));
}

}  // namespace ginn::cli
