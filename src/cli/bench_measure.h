#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "arithmetic/format.h"
#include "cli/bench_machine.h"
#include "cli/bench_timing.h"
#include "cli/synthetic.h"
#include "cli/verbs.h"
#include "crypto/json.h"
#include "nn/conv2d.h"
#include "training/training.h"

namespace ginn::cli {

// One row of a report. `more`: further columns; a key that starts with "share_" is a ratio to 1.
struct Measured {
  std::string group;
  std::string name;
  double value = 0;
  std::string unit;
  std::vector<std::pair<std::string, crypto::Json>> more;
};

struct BenchReport {
  device::Level level = device::Level::kPortable;
  Machine machine;
  BenchOptions options;
  double peak_memory_bytes = 0;
  std::vector<Measured> results;
};
crypto::Json bench_json(const BenchReport& report);
// A table for each group.
std::string bench_text(const BenchReport& report);

// What the groups share, made when it is first asked for, and where they put their rows.
class Bench {
 public:
  Bench(const BenchOptions& options, device::Level level) {
    report_.options = options;
    report_.level = level;
  }
  const BenchOptions& options() const { return report_.options; }
  device::Level level() const { return report_.level; }
  OperandFormat operands() const { return operand_format(options().format).value(); }
  BenchReport& report() { return report_; }
  // For `--pin`: the CPUs, as many as the most threads of a group.
  void pin(std::vector<int> cpus) { cpus_ = std::move(cpus); }
  std::vector<int> cpus(uint32_t threads) const;  // of so many threads; none without `--pin`

  // Codes: "usage" when the options give no job or too many data.
  Result<const SyntheticRun*> run();
  Result<const training::Training*> training();
  Result<double> contribution_seconds();  // of one contribution, on one thread
  // GMAC/s of one thread; null at a level without a loop for it.
  std::optional<double> int16_peak();
  double memory_copy();                      // GB/s
  crypto::Json share_of_peak(double gmacs);  // null where there is no peak

  void add(Measured row) { report_.results.push_back(std::move(row)); }

 private:
  BenchReport report_;
  std::vector<int> cpus_;
  std::optional<SyntheticRun> run_;
  std::unique_ptr<training::Training> training_;
  std::optional<double> contribution_seconds_;
};

// Seconds of a layer's three contractions on one thread, packing of the weights not included.
struct ContractionSeconds {
  double fprop = 0, wgrad = 0;
  std::optional<double> dgrad;
};
// "3x3/2, 32x32, 16 to 32", of one image.
std::string shape_text(const nn::Conv2d::Config& config);
Result<ContractionSeconds> time_contractions(device::Level level,
                                             const device::ConvShape& shape,
                                             bool with_dgrad,
                                             double seconds);

// The groups, each on one thread except bench_train.
Status bench_primitives(Bench& bench);  // contractions, maps, hash, copy: fixed shapes
Status bench_layers(Bench& bench);      // contractions of every layer of the model
Status bench_operations(Bench& bench);  // every operation of the model within a contribution
Status bench_step(Bench& bench);        // one contribution
Status bench_train(Bench& bench);       // whole steps, for each number of threads
Status bench_intake(Bench& bench);      // the verifier takes contributions in
Status bench_replay(Bench& bench);      // the verifier computes a contribution again
Status bench_checkpoint(Bench& bench);  // the verifier seals its state

struct BenchGroup {
  std::string_view name;
  Status (*run)(Bench&);
};
inline constexpr BenchGroup kBenchGroups[] = {{"primitives", bench_primitives},
                                              {"layers", bench_layers},
                                              {"operations", bench_operations},
                                              {"step", bench_step},
                                              {"train", bench_train},
                                              {"intake", bench_intake},
                                              {"replay", bench_replay},
                                              {"checkpoint", bench_checkpoint}};

}  // namespace ginn::cli
