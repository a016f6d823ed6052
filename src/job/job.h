#pragma once

#include <optional>
#include <string>
#include <vector>

#include "arithmetic/format.h"
#include "crypto/json.h"
#include "data/augment.h"
#include "data/dataset.h"
#include "data/order.h"
#include "guarantee/guarantee.h"

namespace ginn::job {

// A longer run's transcript would be too large for a relying party to read (the verifier asserts
// it).
inline constexpr uint64_t kStepsMax = uint64_t{1} << 24;

enum class Schedule { kConstant, kStep, kCosine };

struct LearningRate {
  Schedule schedule = Schedule::kCosine;
  double peak = 0.1;
  double warmup = 0.0;             // share of the steps, in [0, 1)
  std::vector<double> milestones;  // kStep: shares of the steps, ascending, in (0, 1)
  double gamma = 0.1;              // kStep: factor at each milestone
};

// Parameters that are trained otherwise than the rest, as PyTorch's parameter groups.
struct ParameterGroup {
  std::vector<std::string> parameters;  // patterns, see selection.h
  double lr_scale = 1.0;                // times the learning rate, in [1e-6, 1000]
};

// The file whose parameters a job starts with, but those that patterns except.
struct StartWeights {
  crypto::Digest sha256{};  // of the file
  std::vector<std::string> except;
};

// A resolved job: everything the result or the guarantee depends on. Only made by parse() (from the
// canonical JSON) and by import::resolve_job (from TOML), both of which end in validate().
struct Job {
  std::string model;  // one of nn::model_names()
  std::optional<StartWeights> weights;
  data::DatasetFacts data;
  data::Preprocess preprocess;
  std::vector<double> mean;  // per channel, of pixels scaled to [0, 1]
  std::vector<double> std;   // > 0
  uint32_t epochs = 1;
  uint64_t steps = 0;        // derived from epochs, records, batch, last_batch
  uint32_t batch = 128;      // images a step
  uint32_t microbatch = 32;  // images a contribution; divides batch
  data::LastBatch last_batch = data::LastBatch::kDrop;
  double momentum = 0.9;
  bool nesterov = false;
  double weight_decay = 0.0;
  bool decoupled = false;
  double clip_norm = 1.0;        // C, in [2^-20, 2^22 / microbatches]
  double label_smoothing = 0.0;  // in [0, 1)
  uint64_t seed = 1;
  std::vector<std::string> freeze;  // patterns of parameters that keep their values
  std::vector<ParameterGroup> groups;
  LearningRate lr;
  uint64_t bn_samples = 2048;  // training records for the batch-norm statistics (see below)
  double probability = 0.999;
  guarantee::Budget budget;
  double verify_last = 0.0;
  guarantee::Verify verify = guarantee::Verify::kSample;
  uint32_t lives = 1;
  // lives = "unlimited": nobody counts the starts. Each one from nothing is an attempt of its own,
  // of one life (`lives` is 1), and needs no grant.
  bool unlimited_attempts = false;
  std::string nonce;             // owner's, 0 to 64 printable ASCII characters
  std::string format = "dfp14";  // of the operands of contractions; "dfp16" too

  OperandFormat operands() const;                                    // of a valid job
  uint32_t microbatches() const { return batch / microbatch; }       // M
  uint64_t contributions() const { return steps * microbatches(); }  // N
  uint32_t input_height() const { return data.height + 2 * preprocess.pad; }
  uint32_t input_width() const { return data.width + 2 * preprocess.pad; }
};

// Every violated constraint of a resolved job, each naming its key as in the TOML file
// ("train.clip_norm"), what was found and what is allowed. Empty: the job is good.
struct Problem {
  std::string key;
  std::string message;
};
std::vector<Problem> validate(const Job& job);

// Steps as epochs, batch, last batch and records give them; 0 when one of these is out of range.
uint64_t derived_steps(const Job& job);

crypto::Json to_json(const Job& job);
// The canonical bytes whose SHA-256 is the job digest.
std::string canonical(const Job& job);
crypto::Digest digest(const Job& job);

// From canonical bytes; hostile input. The bytes must be exactly canonical(result). Codes:
// parse_json's, "json_field", "job_version", "job_not_canonical", "job_invalid".
Result<Job> parse(std::string_view text);

Result<guarantee::Sampling> sampling(const Job& job);

}  // namespace ginn::job
