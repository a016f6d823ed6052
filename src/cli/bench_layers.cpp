#include <map>
#include <tuple>

#include "base/text.h"
#include "cli/bench_measure.h"

namespace ginn::cli {
namespace {

using crypto::Json;

constexpr const char* kGroup = "layers";

device::ConvShape shape_of(const nn::Conv2d::Config& config, const Bench& bench) {
  const uint32_t images = bench.options().microbatch;
  device::ConvShape shape = config.shape;
  shape.operands = bench.operands();
  (config.linear ? shape.w : shape.n) = images;
  return shape;
}

// Layers of one shape take one time: each is measured once.
class Timer {
 public:
  explicit Timer(const Bench& bench) : bench_(bench) {}

  Result<ContractionSeconds> time(const nn::Conv2d::Config& config) {
    const device::ConvShape s = shape_of(config, bench_);
    const Key key(config.linear,
                  config.input_gradient,
                  s.h,
                  s.c,
                  s.k,
                  s.kernel_h,
                  s.kernel_w,
                  s.stride,
                  s.padding,
                  s.w);
    if (const auto found = times_.find(key); found != times_.end()) return found->second;
    GINN_ASSIGN(
        const ContractionSeconds made,
        time_contractions(bench_.level(), s, config.input_gradient, bench_.options().seconds / 8));
    times_.emplace(key, made);
    return made;
  }

 private:
  using Key = std::tuple<bool,
                         bool,
                         uint32_t,
                         uint32_t,
                         uint32_t,
                         uint32_t,
                         uint32_t,
                         uint32_t,
                         uint32_t,
                         uint32_t>;
  const Bench& bench_;
  std::map<Key, ContractionSeconds> times_;
};

// Adds the layer's row; returns its seconds.
double add_layer(Bench& bench,
                 const nn::Conv2d::Config& config,
                 const ContractionSeconds& time,
                 double step) {
  const device::ConvShape shape = shape_of(config, bench);
  const double gmac = static_cast<double>(shape.macs()) * 1e-9;
  const double total = time.fprop + time.dgrad.value_or(0) + time.wgrad;
  const double gmacs = gmac * (time.dgrad ? 3.0 : 2.0) / total;
  Measured row{kGroup, config.name, total * 1e3, "ms", {}};
  row.more = {{"shape", shape_text(config)},
              {"gmac", gmac},  // of one contraction
              {"fprop_ms", time.fprop * 1e3},
              {"dgrad_ms", time.dgrad ? Json(*time.dgrad * 1e3) : Json()},
              {"wgrad_ms", time.wgrad * 1e3},
              {"fprop_gmacs", gmac / time.fprop},
              {"dgrad_gmacs", time.dgrad ? Json(gmac / *time.dgrad) : Json()},
              {"wgrad_gmacs", gmac / time.wgrad},
              {"gmacs", gmacs},
              {"share_of_peak", bench.share_of_peak(gmacs)},
              {"share_of_step", total / step},
              {"input_elements", static_cast<double>(shape.input_count())},
              {"weight_elements", static_cast<double>(shape.weight_count())},
              {"output_elements", static_cast<double>(shape.output_count())}};
  bench.add(std::move(row));
  return total;
}

}  // namespace

std::string shape_text(const nn::Conv2d::Config& config) {
  const device::ConvShape& s = config.shape;
  if (config.linear) return concat("linear, ", s.c, " to ", s.k);
  return concat(s.kernel_h,
                "x",
                s.kernel_w,
                s.stride == 1 ? "" : concat("/", s.stride),
                ", ",
                s.h,
                "x",
                s.w,
                ", ",
                s.c,
                " to ",
                s.k);
}

Status bench_layers(Bench& bench) {
  GINN_ASSIGN(const training::Training* training, bench.training());
  GINN_ASSIGN(const double step, bench.contribution_seconds());
  bench.memory_copy();  // for the report's "machine"
  Timer timer(bench);
  double layers = 0;
  for (const auto& operation : training->graph().operations()) {
    const auto* layer = dynamic_cast<const nn::Conv2d*>(operation.get());
    if (layer == nullptr) continue;
    GINN_ASSIGN(const ContractionSeconds time, timer.time(layer->config()));
    layers += add_layer(bench, layer->config(), time, step);
  }
  const auto add = [&](const char* name, double seconds) {
    bench.add({kGroup, name, seconds * 1e3, "ms", {{"share_of_step", seconds / step}}});
  };
  add("(all layers)", layers);
  add("(the rest: maps)", step - layers);
  add("(step: one contribution)", step);
  return ok_status();
}

Status bench_step(Bench& bench) {
  GINN_ASSIGN(const training::Training* training, bench.training());
  GINN_ASSIGN(const double step, bench.contribution_seconds());
  double macs = 0;  // the first layer has no dgrad
  for (const auto& operation : training->graph().operations()) {
    const auto* layer = dynamic_cast<const nn::Conv2d*>(operation.get());
    if (layer == nullptr) continue;
    macs += static_cast<double>(layer->macs()) * (layer->config().input_gradient ? 3.0 : 2.0);
  }
  const double images = bench.options().microbatch;
  const double gmacs = macs * images / step * 1e-9;
  bench.add({"step", "contribution", step * 1e3, "ms", {}});
  bench.add({"step", "images on one thread", images / step, "images/s", {}});
  bench.add({"step",
             "contractions over the whole time",
             gmacs,
             "GMAC/s",
             {{"share_of_peak", bench.share_of_peak(gmacs)}}});
  return ok_status();
}

}  // namespace ginn::cli
