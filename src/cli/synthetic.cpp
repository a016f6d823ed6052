#include "cli/synthetic.h"

#include <algorithm>

#include "arithmetic/format.h"
#include "arithmetic/philox.h"
#include "base/text.h"

namespace ginn::cli {
namespace {

constexpr uint64_t kSeed = 20010855;

PhiloxBlock words(uint64_t stream, size_t index) {
  return Random(kSeed, Purpose::kInit).block(index, static_cast<uint32_t>(stream), 0);
}

int32_t in_range(uint32_t word, int32_t limit) {
  const auto span = static_cast<uint32_t>(2 * limit + 1);
  return static_cast<int32_t>(word % span) - limit;
}

Bytes synthetic_records(const data::DatasetFacts& facts) {
  Bytes bytes(facts.records * facts.record_bytes());
  for (size_t i = 0; i < bytes.size(); i += 4) {
    const PhiloxBlock block = words(1, i / 4);
    const size_t count = std::min<size_t>(4, bytes.size() - i);
    for (size_t j = 0; j < count; ++j) bytes[i + j] = static_cast<uint8_t>(block[j] >> 24);
  }
  for (uint64_t r = 0; r < facts.records; ++r) {
    const auto label = static_cast<uint16_t>(words(2, r)[0] % facts.classes);
    uint8_t* record = bytes.data() + r * facts.record_bytes();
    record[0] = static_cast<uint8_t>(label);
    record[1] = static_cast<uint8_t>(label >> 8);
    // A bright quarter that tells the class, so that there is something to learn.
    const size_t pixels = facts.record_bytes() - 2;
    const size_t begin = pixels * label / facts.classes;
    for (size_t i = begin; i < pixels && i < begin + pixels / 4; ++i) record[2 + i] |= 0xc0;
  }
  return bytes;
}

}  // namespace

Result<SyntheticRun> synthetic_run(const SyntheticSize& size) {
  data::DatasetFacts facts;
  facts.records = size.records;
  facts.height = size.height;
  facts.width = size.width;
  facts.channels = size.channels;
  facts.classes = size.classes;
  GINN_TRY(data::check_limits(facts));
  SyntheticRun run;
  GINN_ASSIGN(run.records, data::MemoryRecords::create(facts, synthetic_records(facts)));

  job::Job& job = run.job;
  job.model = size.model;
  job.data = run.records->facts();
  job.preprocess.crop = size.height >= 4 && size.width >= 4 ? 2 : 0;
  job.preprocess.flip = true;
  job.mean.assign(size.channels, 0.5);
  job.std.assign(size.channels, 0.25);
  job.batch = size.batch;
  job.microbatch = size.microbatch;
  job.weight_decay = 5e-4;
  job.clip_norm = 0.5;
  job.label_smoothing = 0.1;
  job.bn_samples = size.microbatch;
  job.steps = job::derived_steps(job);
  const std::vector<job::Problem> problems = job::validate(job);
  if (problems.empty()) return run;
  std::string message;
  for (const job::Problem& problem : problems) {
    message += concat(message.empty() ? "" : "; ", problem.key, ": ", problem.message);
  }
  return input_error("job_invalid", message);
}

void fill_uniform(uint64_t stream, int32_t limit, std::span<int16_t> out) {
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<int16_t>(in_range(words(stream, i / 4)[i % 4], limit));
  }
}

void fill_bell(uint64_t stream, int32_t limit, std::span<int16_t> out) {
  for (size_t i = 0; i < out.size(); ++i) {
    int32_t sum = 0;
    for (const uint32_t word : words(stream, i)) sum += in_range(word, limit / 4);
    out[i] = static_cast<int16_t>(sum);
  }
}

void fill_floats(uint64_t stream, int spread, std::span<float> out) {
  for (size_t i = 0; i < out.size(); ++i) {
    const PhiloxBlock block = words(stream, i);
    const float unit = static_cast<float>(static_cast<int32_t>(block[0] >> 8)) * pow2f(-23) - 1.0f;
    out[i] = unit * pow2f(-static_cast<int>(block[1] % static_cast<uint32_t>(spread + 1)));
  }
}

}  // namespace ginn::cli
