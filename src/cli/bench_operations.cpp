#include <vector>

#include "base/text.h"
#include "cli/bench_measure.h"

namespace ginn::cli {
namespace {

using crypto::Json;

constexpr const char* kGroup = "operations";

// Seconds of a contribution's parts, one element a contribution that was measured.
class Parts {
 public:
  explicit Parts(size_t operations) : forward_(operations), backward_(operations) {}

  void begin() {
    passes_ = 0;
    start_ = last_ = now();
  }
  void watch(std::optional<size_t> operation) {
    if (operation) {
      (passes_ == 1 ? forward_ : backward_)[*operation].push_back(lap());
    } else if (passes_++ == 0) {
      images.push_back(lap());
    } else {
      lap();
    }
  }
  void end() {
    clipping.push_back(lap());
    all.push_back(last_ - start_);
  }
  void forget() { *this = Parts(forward_.size()); }

  double forward(size_t operation) const { return median(forward_[operation]); }
  double backward(size_t operation) const {  // none where nothing before it is trained
    return backward_[operation].empty() ? 0.0 : median(backward_[operation]);
  }
  std::vector<double> images, clipping, all;

 private:
  static double now() { return seconds_of(ClockKind::kThread); }
  double lap() {
    const double time = now();
    return time - std::exchange(last_, time);
  }
  std::vector<std::vector<double>> forward_, backward_;
  int passes_ = 0;
  double start_ = 0, last_ = 0;
};

Status measure(Bench& bench, const training::Training& training, Parts& parts) {
  constexpr size_t kLeast = 3;
  GINN_ASSIGN(const SyntheticRun* run, bench.run());
  const training::State state(training.graph(), run->job);
  GINN_ASSIGN(const nn::StepWeights weights, training.prepare(state.weights()));
  const auto workspace = training.workspace();
  training::Contribution contribution(training.graph());
  workspace->run.set_watch([&](std::optional<size_t> operation) { parts.watch(operation); });
  const auto once = [&]() -> Status {
    parts.begin();
    GINN_TRY(training.contribution(*run->records, weights, 0, 0, *workspace, contribution));
    parts.end();
    return ok_status();
  };
  GINN_TRY(once());
  parts.forget();  // the first one makes the buffers
  const double start = wall_seconds();
  while (parts.all.size() < kLeast || wall_seconds() - start < bench.options().seconds) {
    GINN_TRY(once());
  }
  return ok_status();
}

// Elements of what the operation reads and of what it makes, and of a contraction's weights.
Measured row_of(const Bench& bench, const nn::Graph& graph, size_t index) {
  const nn::Operation& operation = *graph.operations()[index];
  const double images = bench.options().microbatch;
  const auto elements = [&](nn::ValueId id) {
    return static_cast<double>(graph.values()[id].extent.count()) * images;
  };
  double inputs = 0;
  for (const nn::ValueId id : operation.inputs()) inputs += elements(id);
  const bool last = index + 1 == graph.operations().size();  // the loss makes no value
  Measured row{kGroup, operation.name(), 0, "ms", {}};
  row.more = {{"kind", std::string(operation.kind())},
              {"input_elements", inputs},
              {"output_elements", last ? 0.0 : elements(static_cast<nn::ValueId>(index + 1))}};
  if (const auto* layer = dynamic_cast<const nn::Conv2d*>(&operation)) {
    row.more.push_back({"shape", shape_text(layer->config())});
    row.more.push_back({"gmac", static_cast<double>(layer->macs()) * images * 1e-9});
    row.more.push_back({"contractions", layer->config().input_gradient ? 3.0 : 2.0});
    row.more.push_back(
        {"weight_elements", static_cast<double>(layer->config().shape.weight_count())});
  } else {
    const nn::Extent e = graph.values()[last ? operation.inputs()[0] : index + 1].extent;
    row.more.push_back({"shape", concat(e.h, "x", e.w, "x", e.c)});
  }
  return row;
}

}  // namespace

Status bench_operations(Bench& bench) {
  GINN_ASSIGN(const training::Training* training, bench.training());
  const nn::Graph& graph = training->graph();
  bench.int16_peak();  // for the report's "machine", as the next
  bench.memory_copy();
  Parts parts(graph.operations().size());
  GINN_TRY(measure(bench, *training, parts));
  const double all = median(parts.all);
  double sum = 0;
  const auto add = [&](Measured row, double seconds) {
    sum += seconds;
    row.value = seconds * 1e3;
    row.more.push_back({"share_of_step", seconds / all});
    bench.add(std::move(row));
  };
  for (size_t i = 0; i < graph.operations().size(); ++i) {
    Measured row = row_of(bench, graph, i);
    row.more.push_back({"forward_ms", parts.forward(i) * 1e3});
    row.more.push_back({"backward_ms", parts.backward(i) * 1e3});
    add(std::move(row), parts.forward(i) + parts.backward(i));
  }
  add({kGroup, "(images read and quantised)", 0, "ms", {}}, median(parts.images));
  add({kGroup, "(gradient clipped and quantised)", 0, "ms", {}}, median(parts.clipping));
  add({kGroup, "(all of these)", 0, "ms", {}}, sum);
  add({kGroup, "(one contribution)", 0, "ms", {}}, all);
  return ok_status();
}

}  // namespace ginn::cli
