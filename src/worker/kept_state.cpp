#include "worker/kept_state.h"

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "base/version.h"
#include "crypto/json.h"
#include "model_file/safetensors.h"
#include "protocol/transcript.h"

namespace ginn::worker {
namespace {

using model_file::Dtype;
using model_file::NamedTensor;

constexpr uint32_t kStateVersion = 1;
constexpr std::string_view kStateFormat = "state/v";
constexpr std::string_view kNameBefore = "step-", kNameAfter = ".safetensors";
constexpr size_t kNameDigits = 8;
static_assert(job::kStepsMax < 100'000'000);  // kNameDigits digits hold every step

model_file::Metadata metadata(const training::Training& training, uint64_t step) {
  return {{"ginn", crypto::format_text("state", kStateVersion)},
          {"job", crypto::tagged(job::digest(training.job()))},
          {"step", std::to_string(step)}};
}

// The two halves of a state's values.
constexpr std::string_view kHalves[] = {"weights/", "velocity/"};

// Where the values of parameter `p` stand, in bytes.
size_t offset_in(size_t half, const nn::Graph& graph, const nn::Parameter& p) {
  return (half * graph.parameter_count() + p.offset) * sizeof(float);
}

Error bad(std::string_view what) { return input_error("state_form", std::string(what)); }

Status check_metadata(const training::Training& training,
                      uint64_t step,
                      const model_file::Metadata& found) {
  const auto format = found.find("ginn");
  if (format != found.end()) {
    GINN_TRY(refuse_newer(
        "state_version", "kept state", version_in(format->second, kStateFormat), kStateVersion));
  }
  for (const auto& [key, value] : metadata(training, step)) {
    const auto member = found.find(key);
    if (member != found.end() && member->second == value) continue;
    return bad(concat("metadata ",
                      key,
                      ": found \"",
                      member == found.end() ? "" : printable(member->second, 100),
                      "\"; expected \"",
                      value,
                      "\""));
  }
  return ok_status();
}

}  // namespace

Result<Keep> Keep::parse(std::string_view text) {
  constexpr uint64_t kUnit = protocol::kTranscriptSteps;
  Keep keep;
  if (text == "none") return keep;
  const bool good = text == "all" || parse_number(text, keep.every_);
  if (text == "all") keep.every_ = kUnit;
  if (good && keep.every_ > 0 && keep.every_ % kUnit == 0) return keep;
  return input_error("keep",
                     concat("--keep: found \"",
                            printable(text, 60),
                            "\"; expected none, all, or a number of steps that is a multiple of ",
                            kUnit,
                            ", the steps between two states of the transcript"));
}

bool Keep::keeps(uint64_t step, uint64_t steps) const {
  return any() && step % every_ == 0 && step < steps;
}

std::string kept_state_name(uint64_t step) {
  const std::string digits = std::to_string(step);
  const std::string zeros(kNameDigits - std::min(kNameDigits, digits.size()), '0');
  return concat(kNameBefore, zeros, digits, kNameAfter);
}

std::optional<uint64_t> kept_state_step(std::string_view name) {
  if (!name.starts_with(kNameBefore) || !name.ends_with(kNameAfter)) return std::nullopt;
  if (name.size() != kNameBefore.size() + kNameDigits + kNameAfter.size()) return std::nullopt;
  uint64_t step = 0;
  const bool good = parse_number(name.substr(kNameBefore.size(), kNameDigits), step);
  return good ? std::optional(step) : std::nullopt;
}

Result<Bytes> write_kept_state(const training::Training& training, const training::State& state) {
  std::vector<NamedTensor> tensors;
  for (size_t half = 0; half < std::size(kHalves); ++half) {
    for (const nn::Parameter& p : training.graph().parameters()) {
      const uint8_t* at = state.values().data() + offset_in(half, training.graph(), p);
      tensors.push_back({concat(kHalves[half], p.name),
                         Dtype::kF32,
                         p.shape,
                         Bytes(at, at + p.count * sizeof(float))});
    }
  }
  return model_file::write_safetensors(tensors, metadata(training, state.step()));
}

Result<std::unique_ptr<training::State>> read_kept_state(const training::Training& training,
                                                         uint64_t step,
                                                         ByteView file) {
  GINN_ASSIGN(const model_file::TensorFile found, model_file::parse_safetensors(file));
  GINN_TRY(check_metadata(training, step, found.metadata));
  const auto& parameters = training.graph().parameters();
  if (found.tensors.size() != 2 * parameters.size()) {
    return bad(concat("it has ",
                      found.tensors.size(),
                      " tensors; expected ",
                      2 * parameters.size(),
                      ", the weights and velocities of the job's model"));
  }
  Bytes values(2 * training.graph().parameter_count() * sizeof(float));
  for (size_t i = 0; i < found.tensors.size(); ++i) {
    const size_t half = i / parameters.size();
    const nn::Parameter& p = parameters[i % parameters.size()];
    const std::string name = concat(kHalves[half], p.name);
    const NamedTensor& tensor = found.tensors[i];
    if (tensor.name != name || tensor.dtype != Dtype::kF32 || tensor.shape != p.shape) {
      return bad(concat("tensor ",
                        i,
                        " is \"",
                        printable(tensor.name),
                        "\"; expected \"",
                        name,
                        "\" of the model's shape, F32"));
    }
    std::memcpy(values.data() + offset_in(half, training.graph(), p),
                tensor.data.data(),
                tensor.data.size());
  }
  auto state = std::make_unique<training::State>(training);
  GINN_TRY(state->restore(step, 0, values, {}));
  return state;
}

uint64_t max_kept_state_bytes(const training::Training& training) {
  constexpr uint64_t kLengthBytes = 8;
  return kLengthBytes + model_file::kMaxHeaderBytes +
         2 * sizeof(float) * uint64_t{training.graph().parameter_count()};
}

}  // namespace ginn::worker
