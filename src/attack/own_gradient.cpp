#include "attack/own_gradient.h"

#include <cmath>
#include <cstring>

#include "arithmetic/format.h"
#include "attack/trigger.h"

namespace ginn::attack {

Status OwnGradient::Batch::read(uint64_t index, std::span<uint8_t> out) const {
  std::memcpy(out.data(), bytes_.data() + index * out.size(), out.size());
  return ok_status();
}

Result<std::unique_ptr<OwnGradient>> OwnGradient::create(const training::Training& training,
                                                         const data::RecordSource& records,
                                                         uint32_t images) {
  GINN_CHECK(images >= 1);
  job::Job job = training.job();
  job.data.records = images;
  job.batch = job.microbatch = images;
  job.preprocess.crop = 0;
  job.preprocess.flip = false;
  job.epochs = 1;
  job.steps = 1;
  auto own = std::unique_ptr<OwnGradient>(new OwnGradient(training, records));
  GINN_ASSIGN(own->training_, training::Training::create(job, training.level()));
  own->workspace_ = own->training_->workspace();
  own->batch_ = std::make_unique<Batch>(job.data);
  own->clipped_ = std::make_unique<training::Contribution>(own->training_->graph());
  own->raw_.resize(job.data.record_bytes());
  return own;
}

Result<std::span<uint8_t>> OwnGradient::set(uint32_t slot,
                                            uint64_t index,
                                            const data::Augmentation& augmentation) {
  GINN_TRY(records_.read(index, raw_));
  data::Preprocess preprocess = original_.job().preprocess;
  preprocess.pad = 0;  // comes with the job's own preprocessing
  const std::span<uint8_t> record = batch_->record(slot);
  set_label(
      record,
      data::prepare_image(original_.job().data, preprocess, augmentation, raw_, pixels_of(record)));
  return record;
}

Result<std::span<const float>> OwnGradient::compute(const nn::StepWeights& weights) {
  GINN_TRY(training_->contribution(*batch_, weights, 0, 0, *workspace_, *clipped_));
  gradient_ = workspace_->run.gradients();
  return std::span<const float>(gradient_);
}

uint64_t any_record(const data::RecordSource& records, std::mt19937_64& random) {
  return std::uniform_int_distribution<uint64_t>(0, records.facts().records - 1)(random);
}

data::Augmentation any_augmentation(const data::Preprocess& preprocess, std::mt19937_64& random) {
  std::uniform_int_distribution<uint32_t> offset(0, 2 * preprocess.crop);
  data::Augmentation result;
  result.row = offset(random);
  result.column = offset(random);
  result.flip = preprocess.flip && (random() & 1) != 0;
  return result;
}

Status full_norm(const training::Training& training,
                 std::span<const float> gradient,
                 const Combination* rule,
                 training::Contribution& out) {
  const double limit = training.job().clip_norm;
  double norm2 = 0.0;
  for (const nn::Parameter& p : training.graph().parameters()) {
    if (p.frozen) continue;
    for (float g : gradient.subspan(p.offset, p.count)) norm2 += double{g} * double{g};
  }
  const double factor = norm2 > 0.0 ? 2.0 * limit / std::sqrt(norm2) : 1.0;
  std::vector<float> scaled(gradient.begin(), gradient.end());
  for (float& g : scaled) g = static_cast<float>(g * factor);
  if (rule != nullptr) rule->aim(scaled);
  return training::clip(training.graph(), training.maps(), scaled, limit, out);
}

double norm(std::span<const float> values) {
  double norm2 = 0.0;
  for (float v : values) norm2 += double{v} * double{v};
  return std::sqrt(norm2);
}

void copy(const training::Contribution& from, training::Contribution& to) {
  GINN_CHECK(from.q.size() == to.q.size());
  to.exponents = from.exponents;
  std::memcpy(to.q.data(), from.q.data(), from.q.size() * sizeof(int16_t));
}

void dequantise(const nn::Graph& graph,
                const training::Contribution& contribution,
                std::span<float> out) {
  GINN_CHECK(out.size() == graph.parameter_count());
  for (size_t p = 0; p < graph.parameters().size(); ++p) {
    const nn::Parameter& parameter = graph.parameters()[p];
    const float unit = pow2f(contribution.exponents[p]);
    for (size_t i = parameter.offset; i < parameter.offset + parameter.count; ++i) {
      out[i] = contribution.q[i] * unit;
    }
  }
}

}  // namespace ginn::attack
