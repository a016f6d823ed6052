#include "tests/support/synthetic.h"

#include "arithmetic/philox.h"

namespace ginn::test {

std::unique_ptr<data::MemoryRecords> synthetic_records(const SyntheticOptions& o) {
  data::DatasetFacts facts;
  facts.records = o.records;
  facts.height = o.height;
  facts.width = o.width;
  facts.channels = o.channels;
  facts.classes = o.classes;
  const Random random(o.seed, Purpose::kDropout);
  Bytes bytes;
  for (uint64_t r = 0; r < o.records; ++r) {
    const uint32_t label = static_cast<uint32_t>(r % o.classes);
    bytes.push_back(static_cast<uint8_t>(label));
    bytes.push_back(0);
    const uint32_t column = (label + 1) * o.width / (o.classes + 1);
    uint32_t element = 0;
    for (uint32_t y = 0; y < o.height; ++y) {
      for (uint32_t x = 0; x < o.width; ++x) {
        for (uint32_t c = 0; c < o.channels; ++c, ++element) {
          const uint32_t noise = random.block(r, element, 0)[0] % 100;
          const bool bright = x + 1 >= column && x <= column + 1;
          bytes.push_back(static_cast<uint8_t>(noise + (bright ? 150 : 0)));
        }
      }
    }
  }
  auto records = data::MemoryRecords::create(facts, std::move(bytes));
  GINN_CHECK(records.ok());
  return std::move(records).value();
}

void derive_steps(job::Job& job) { job.steps = job::derived_steps(job); }

job::Job synthetic_job(const data::MemoryRecords& records, const std::string& model) {
  job::Job job;
  job.model = model;
  job.data = records.facts();
  job.preprocess = {0, 1, true};
  job.mean.assign(job.data.channels, 0.4);
  job.std.assign(job.data.channels, 0.3);
  job.batch = 8;
  job.microbatch = 4;
  job.weight_decay = 1e-3;
  job.clip_norm = 0.5;
  job.seed = 7;
  job.lr.peak = 0.1;
  job.lr.warmup = 0.25;
  job.bn_samples = 8;
  job.budget.share = 0.5;
  derive_steps(job);
  return job;
}

job::Job learnable_job(const data::MemoryRecords& records, const std::string& model) {
  job::Job job = synthetic_job(records, model);
  job.batch = 32;
  job.microbatch = 16;
  job.epochs = 10;
  job.preprocess.flip = false;
  derive_steps(job);
  return job;
}

}  // namespace ginn::test
