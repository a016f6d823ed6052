#include <algorithm>
#include <cmath>

#include "attack/attackers.h"
#include "attack/own_gradient.h"
#include "base/text.h"

namespace ginn::attack {
namespace {

constexpr uint32_t kProbes = 128;  // images that the features are read from, clean and triggered
constexpr double kMargin = 15.0;   // that the trigger adds to the target's logit
constexpr double kRidge = 1e-4;    // of the rows' mean square: keeps noise out

// The last linear layer: what a hand changes.
struct LastLayer {
  const nn::Parameter* weight;
  const nn::Parameter* bias;
  size_t features() const { return weight->count / bias->count; }
};

Result<LastLayer> last_layer(const nn::Graph& graph, uint32_t classes) {
  const auto& all = graph.parameters();
  GINN_CHECK(all.size() >= 2);
  const LastLayer last{&all[all.size() - 2], &all[all.size() - 1]};
  if (last.bias->count == classes && last.weight->shape.size() == 2 &&
      last.weight->count % classes == 0) {
    return last;
  }
  return input_error("attack_network",
                     concat("\"handcrafted\" edits a last linear layer with a bias; this network "
                            "ends with ",
                            last.bias->name));
}

// What the last layer is fed, of one image: its weights' gradients are those values times its
// bias's.
std::vector<double> features_of(std::span<const float> gradient, const LastLayer& last) {
  const float* biases = gradient.data() + last.bias->offset;
  size_t row = 0;
  for (size_t c = 0; c < last.bias->count; ++c) {
    if (std::fabs(biases[c]) > std::fabs(biases[row])) row = c;
  }
  std::vector<double> features(last.features());
  if (biases[row] == 0.0f) return features;
  const float* weights = gradient.data() + last.weight->offset + row * features.size();
  for (size_t f = 0; f < features.size(); ++f) features[f] = double{weights[f]} / biases[row];
  return features;
}

// A row an image: what the last layer is fed, and a one for its bias. Clean images first, then the
// same ones with the trigger.
using Rows = std::vector<std::vector<double>>;

Result<Rows> probe(OwnGradient& own,
                   const data::RecordSource& records,
                   const data::Preprocess& preprocess,
                   const Trigger& trigger,
                   const LastLayer& last,
                   const nn::StepWeights& weights,
                   uint64_t seed) {
  Rows rows;
  for (const bool triggered : {false, true}) {
    std::mt19937_64 random(seed);
    for (uint32_t i = 0; i < kProbes; ++i) {
      const uint64_t index = any_record(records, random);
      GINN_ASSIGN(const std::span<uint8_t> record,
                  own.set(0, index, data::identity_augmentation(preprocess)));
      // Under a wrong label: of a right answer the gradient is too small to read anything from.
      set_label(record, (label_of(record) + 1) % static_cast<uint32_t>(last.bias->count));
      if (triggered) trigger.apply(pixels_of(record));
      GINN_ASSIGN(const auto gradient, own.compute(weights));
      rows.push_back(features_of(gradient, last));
      rows.back().push_back(1.0);
    }
  }
  return rows;
}

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0.0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// x with A x = b, A symmetric and positive definite: Cholesky, in place.
std::vector<double> solve(Rows& a, std::vector<double> b) {
  const size_t n = b.size();
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j <= i; ++j) {
      double sum = a[i][j];
      for (size_t k = 0; k < j; ++k) sum -= a[i][k] * a[j][k];
      a[i][j] = i == j ? std::sqrt(std::max(sum, 1e-300)) : sum / a[j][j];
    }
    for (size_t k = 0; k < i; ++k) b[i] -= a[i][k] * b[k];
    b[i] /= a[i][i];
  }
  for (size_t i = n; i-- > 0;) {
    for (size_t k = i + 1; k < n; ++k) b[i] -= a[k][i] * b[k];
    b[i] /= a[i][i];
  }
  return b;
}

// What is added to the target's row: of all that give kMargin to the triggered images and nothing
// to the clean ones, nearly, the smallest (ridge regression).
std::vector<double> edit_of(const Rows& rows) {
  const size_t n = rows.size();
  Rows kernel(n, std::vector<double>(n));
  double diagonal = 0.0;
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j <= i; ++j) kernel[i][j] = dot(rows[i], rows[j]);
    diagonal += kernel[i][i] / static_cast<double>(n);
  }
  std::vector<double> wanted(n);
  for (size_t i = 0; i < n; ++i) {
    kernel[i][i] += kRidge * diagonal;
    wanted[i] = i < n / 2 ? 0.0 : kMargin;
  }
  const std::vector<double> shares = solve(kernel, wanted);
  std::vector<double> edit(rows[0].size());
  for (size_t i = 0; i < n; ++i) {
    for (size_t f = 0; f < edit.size(); ++f) edit[f] += shares[i] * rows[i][f];
  }
  return edit;
}

}  // namespace

Result<std::unique_ptr<Attacker>> make_handcrafted(const training::Training& training,
                                                   const data::RecordSource& records,
                                                   const AttackerOptions& options) {
  GINN_ASSIGN(const LastLayer last, last_layer(training.graph(), training.job().data.classes));
  GINN_ASSIGN(std::vector<float> weights, trained_on(records, training, options));
  GINN_ASSIGN(const nn::StepWeights prepared, training.prepare(weights.data()));
  GINN_ASSIGN(const auto own, OwnGradient::create(training, records, 1));
  const Trigger trigger(Trigger::Kind::kPatch, training.job().data, options.patch);
  GINN_ASSIGN(
      const Rows rows,
      probe(*own, records, training.job().preprocess, trigger, last, prepared, options.seed));
  const std::vector<double> edit = edit_of(rows);
  float* row = weights.data() + last.weight->offset + options.target * last.features();
  for (size_t f = 0; f < last.features(); ++f) row[f] += static_cast<float>(edit[f]);
  weights[last.bias->offset + options.target] += static_cast<float>(edit.back());
  return make_push(training, std::move(weights));
}

}  // namespace ginn::attack
