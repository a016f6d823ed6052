// GMAC/s of the contractions of the built-in networks' layers, the worst case and packing, one
// thread; the machine's int16 peak is in the context. GINN_CPU chooses the level.
//   contraction_bench --benchmark_filter=wgrad
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "base/text.h"
#include "cli/bench_machine.h"
#include "device/convolution.h"
#include "operands.h"

namespace {

using ginn::concat;
using ginn::bench::fill;
using ginn::device::Buffer;
using ginn::device::Convolution;
using ginn::device::ConvShape;
using ginn::device::Level;
using ginn::device::PackedWeights;
using ginn::device::Scratch;

void count_macs(benchmark::State& state, double macs) {
  state.counters["GMAC/s"] = benchmark::Counter(
      macs * 1e-9 * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}

struct Layer {
  const char* name;
  ConvShape shape;
};

class Work {
 public:
  Work(Level level, const ConvShape& shape, bool worst)
      : conv_(level, shape),
        x_(shape.input_count()),
        w_(shape.weight_count()),
        y_(shape.output_count()),
        dw_(shape.weight_count()) {
    fill(x_, 1, worst ? 1 : 0);
    fill(w_, 2, worst ? 1 : 0);
    fill(y_, 3, worst ? 1 : 0);
    packed_.pack(level, shape, w_.data(), true);
    out_ = Buffer<int16_t>(std::max(x_.size(), y_.size()));
  }
  void fprop() { conv_.fprop(x_.data(), packed_, out_.data(), scratch_); }
  void dgrad() { conv_.dgrad(y_.data(), packed_, out_.data(), scratch_); }
  void wgrad() { conv_.wgrad(x_.data(), y_.data(), dw_.data(), scratch_); }

 private:
  Convolution conv_;
  Buffer<int16_t> x_, w_, y_, out_;
  Buffer<int64_t> dw_;
  PackedWeights packed_;
  Scratch scratch_;
};

template <void (Work::*kRun)()>
void contraction(benchmark::State& state, Level level, ConvShape shape, bool worst) {
  Work work(level, shape, worst);
  for (auto _ : state) (work.*kRun)();
  count_macs(state, static_cast<double>(shape.macs()));
}

void pack(benchmark::State& state, Level level, ConvShape shape) {
  Buffer<int16_t> w(shape.weight_count());
  fill(w, 1);
  PackedWeights packed;
  for (auto _ : state) packed.pack(level, shape, w.data(), true);
}

ConvShape square(uint32_t size, uint32_t c, uint32_t k, uint32_t kernel, uint32_t stride) {
  return {32, size, size, c, k, kernel, kernel, stride, kernel / 2};
}

std::vector<Layer> layers() {
  return {{"28_1to16", square(28, 1, 16, 3, 1)},
          {"28_16to16", square(28, 16, 16, 3, 1)},
          {"28_16to32_s2", square(28, 16, 32, 3, 2)},
          {"14_32to32", square(14, 32, 32, 3, 1)},
          {"14_32to64_s2", square(14, 32, 64, 3, 2)},
          {"7_64to64", square(7, 64, 64, 3, 1)},
          {"28_16to32_1x1_s2", square(28, 16, 32, 1, 2)},
          {"14_32to64_1x1_s2", square(14, 32, 64, 1, 2)},
          {"32_3to16", square(32, 3, 16, 3, 1)},
          {"32_16to16", square(32, 16, 16, 3, 1)},
          {"16_32to32", square(16, 32, 32, 3, 1)},
          {"8_64to64", square(8, 64, 64, 3, 1)},
          {"linear_64to10", {1, 1, 32, 64, 10, 1, 1, 1, 0}},
          {"linear_784to512", {1, 1, 32, 784, 512, 1, 1, 1, 0}}};
}

template <typename Function, typename... Args>
void add(const std::string& name, Function function, Args... args) {
  benchmark::RegisterBenchmark(name.c_str(), function, args...)->Unit(benchmark::kMicrosecond);
}

}  // namespace

int main(int argc, char** argv) {
  const ginn::Result<Level> level = ginn::device::choose_level();
  if (!level.ok()) {
    std::fprintf(stderr, "%s\n", level.error().message.c_str());
    return 3;
  }
  if (const auto peak = ginn::cli::measure_int16_peak(*level)) {
    benchmark::AddCustomContext("int16 peak", concat(*peak, " GMAC/s"));
  }
  for (const Layer& layer : layers()) {
    add(concat("fprop/", layer.name), contraction<&Work::fprop>, *level, layer.shape, false);
    add(concat("dgrad/", layer.name), contraction<&Work::dgrad>, *level, layer.shape, false);
    add(concat("wgrad/", layer.name), contraction<&Work::wgrad>, *level, layer.shape, false);
  }
  const ConvShape worst = square(7, 64, 64, 3, 1);
  add("worst/fprop_7_64to64", contraction<&Work::fprop>, *level, worst, true);
  add("worst/dgrad_7_64to64", contraction<&Work::dgrad>, *level, worst, true);
  add("worst/wgrad_7_64to64", contraction<&Work::wgrad>, *level, worst, true);
  add("pack/7_64to64", pack, *level, worst);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
