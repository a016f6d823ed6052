// The builder's operations from activations to activations.
#include <algorithm>

#include "base/text.h"
#include "nn/concatenate.h"
#include "nn/copy_pixels.h"
#include "nn/dropout.h"
#include "nn/elementwise.h"
#include "nn/graph.h"
#include "nn/group_norm.h"
#include "nn/pooling.h"
#include "nn/softmax.h"

namespace ginn::nn {
namespace {

// `config` has its kind, rows, columns and copies.
ValueId copy_pixels(GraphBuilder& g, ValueId x, std::string name, CopyPixels::Config config) {
  config.name = std::move(name);
  config.input = x;
  config.in = g.extent(x);
  const Extent out{static_cast<uint32_t>(config.rows.size()),
                   static_cast<uint32_t>(config.columns.size()),
                   config.in.c};
  return g.add(out, g.needs_gradient(x), [&](ValueId output) {
    config.output = output;
    return std::make_unique<CopyPixels>(std::move(config));
  });
}

}  // namespace

ValueId GraphBuilder::pool(
    ValueId x, bool max, uint32_t kernel_h, uint32_t kernel_w, uint32_t stride, uint32_t padding) {
  if (!problem_.empty()) return Graph::kInput;
  const Extent in = extent(x);
  const uint64_t largest_window = max ? 1 << 14 : 1 << 16;  // int32 sums in pooling.cpp
  if (kernel_h == 0 || kernel_w == 0 || stride == 0 || padding > kernel_h / 2 ||
      padding > kernel_w / 2 || kernel_h > in.h + 2 * padding || kernel_w > in.w + 2 * padding ||
      uint64_t{kernel_h} * kernel_w > largest_window) {
    fail(concat("a pool over ",
                kernel_h,
                " x ",
                kernel_w,
                " does not fit an input of ",
                in.h,
                " x ",
                in.w));
    return Graph::kInput;
  }
  Pool::Config config;
  config.name = concat(max ? "max_pool" : "avg_pool", graph_.operations_.size());
  config.max = max;
  config.input = x;
  config.in = in;
  config.out = {(in.h + 2 * padding - kernel_h) / stride + 1,
                (in.w + 2 * padding - kernel_w) / stride + 1,
                in.c};
  config.kernel_h = kernel_h;
  config.kernel_w = kernel_w;
  config.stride = stride;
  config.padding = padding;
  config.output = add_value(config.out, graph_.values_[x].needs_gradient);
  const ValueId output = config.output;
  graph_.operations_.push_back(std::make_unique<Pool>(std::move(config)));
  return output;
}

ValueId GraphBuilder::max_pool(ValueId x, uint32_t kernel, uint32_t stride, uint32_t padding) {
  return pool(x, true, kernel, kernel, stride, padding);
}

ValueId GraphBuilder::average_pool(ValueId x, uint32_t kernel, uint32_t stride) {
  return pool(x, false, kernel, kernel, stride);
}

ValueId GraphBuilder::global_average_pool(ValueId x) {
  return pool(x, false, extent(x).h, extent(x).w, 1);
}

ValueId GraphBuilder::adaptive_average_pool(ValueId x, uint32_t height, uint32_t width) {
  if (!problem_.empty()) return Graph::kInput;
  const Extent in = extent(x);
  if (height > 0 && width > 0 && in.h % height == 0 && in.w % width == 0) {
    const uint32_t kernel_h = in.h / height;
    const uint32_t kernel_w = in.w / width;
    if (kernel_h == 1 && kernel_w == 1) return x;
    if (kernel_h == kernel_w) return pool(x, false, kernel_h, kernel_w, kernel_h);
    if (height == 1 && width == 1) return global_average_pool(x);
  } else if (height > 0 && width > 0 && height % in.h == 0 && width % in.w == 0) {
    return repeat(x, height / in.h, width / in.w);
  }
  fail(concat("adaptive average pooling of ",
              in.h,
              " x ",
              in.w,
              " to ",
              height,
              " x ",
              width,
              ": each side must be a multiple of the other, windows square"));
  return Graph::kInput;
}

ValueId GraphBuilder::repeat(ValueId x, uint32_t times_h, uint32_t times_w) {
  const Extent in = extent(x);
  CopyPixels::Config config;
  config.kind = "repeat";
  config.copies = uint64_t{times_h} * times_w;
  if (config.copies > CopyPixels::kMostCopies) {
    fail(concat(
        "a pixel repeated ", times_h, " x ", times_w, " times; at most ", CopyPixels::kMostCopies));
    return Graph::kInput;
  }
  config.rows = CopyPixels::repeated(in.h, times_h);
  config.columns = CopyPixels::repeated(in.w, times_w);
  return copy_pixels(*this, x, concat("repeat", graph_.operations_.size()), std::move(config));
}

ValueId GraphBuilder::dropout(ValueId x, double probability) {
  if (!problem_.empty()) return Graph::kInput;
  const Extent in = extent(x);
  GINN_CHECK(probability >= 0.0 && probability < 1.0 && graph_.values_[x].needs_gradient);
  if (in.count() > Dropout::kMostElements || dropouts_ == Dropout::kMostLayers) {
    fail(concat("dropout number ",
                dropouts_,
                " of ",
                in.count(),
                " elements an image; at most ",
                Dropout::kMostLayers,
                " dropouts of ",
                Dropout::kMostElements));
    return Graph::kInput;
  }
  Dropout::Config config;
  config.name = concat("dropout", dropouts_);
  config.input = x;
  config.probability = probability;
  config.layer = dropouts_++;
  config.output = add_value(in, true);
  const ValueId output = config.output;
  graph_.operations_.push_back(std::make_unique<Dropout>(std::move(config)));
  return output;
}

ValueId GraphBuilder::flatten(ValueId x) {
  if (!problem_.empty()) return Graph::kInput;
  const Extent in = extent(x);
  Flatten::Config config;
  config.name = concat("flatten", graph_.operations_.size());
  config.input = x;
  config.in = in;
  config.output =
      add_value({1, 1, static_cast<uint32_t>(in.count())}, graph_.values_[x].needs_gradient);
  const ValueId output = config.output;
  graph_.operations_.push_back(std::make_unique<Flatten>(std::move(config)));
  return output;
}

ValueId GraphBuilder::elementwise(ValueId x, Function function) {
  Elementwise::Config config;
  config.name = concat(Elementwise::function_name(function), graph_.operations_.size());
  config.function = function;
  config.input = x;
  return add(extent(x), needs_gradient(x), [&](ValueId output) {
    config.output = output;
    return std::make_unique<Elementwise>(config);
  });
}

ValueId GraphBuilder::group_norm(ValueId y, const std::string& name, uint32_t groups) {
  if (!problem_.empty()) return Graph::kInput;
  const Extent in = extent(y);
  GINN_CHECK(bias_of_[y] == kNoParameter);  // a convolution before it has none
  if (groups == 0 || in.c % groups != 0 || in.count() / groups > GroupNorm::kMostValues) {
    fail(concat("layer ",
                name,
                ": ",
                groups,
                " groups of ",
                in.h,
                " x ",
                in.w,
                " x ",
                in.c,
                "; expected a divisor of the channels and at most ",
                GroupNorm::kMostValues,
                " values in a group"));
    return Graph::kInput;
  }
  GroupNorm::Config config;
  config.name = name;
  config.input = y;
  config.operand = is_contraction(y);
  config.extent = in;
  config.groups = groups;
  config.parameter = add_scale_and_shift(name, in.c);
  return add(in, true, [&](ValueId output) {
    config.output = output;
    return std::make_unique<GroupNorm>(config);
  });
}

ValueId GraphBuilder::concatenate(const std::vector<ValueId>& inputs) {
  if (!problem_.empty()) return Graph::kInput;
  GINN_CHECK(!inputs.empty());
  Concatenate::Config config;
  config.name = concat("concatenate", graph_.operations_.size());
  config.inputs = inputs;
  Extent all = extent(inputs[0]);
  all.c = 0;
  bool gradient = false;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Extent one = extent(inputs[i]);
    const bool again = std::count(inputs.begin(), inputs.end(), inputs[i]) > 1;
    if (one.h != all.h || one.w != all.w || again) {
      fail(concat("concatenation, input ",
                  i,
                  again ? ": stands there twice" : ": another height or width than the first's",
                  " (",
                  one.h,
                  " x ",
                  one.w,
                  ")"));
      return Graph::kInput;
    }
    config.channels.push_back(one.c);
    all.c += one.c;
    gradient = gradient || needs_gradient(inputs[i]);
  }
  return add(all, gradient, [&](ValueId output) {
    config.output = output;
    return std::make_unique<Concatenate>(config);
  });
}

ValueId GraphBuilder::softmax(ValueId x) {
  Softmax::Config config;
  config.name = concat("softmax", graph_.operations_.size());
  if (!problem_.empty()) return Graph::kInput;
  const Extent in = extent(x);
  if (in.c > Softmax::kMostChannels) {
    fail(concat("layer ",
                config.name,
                ": over ",
                in.c,
                " channels; expected at most ",
                Softmax::kMostChannels));
    return Graph::kInput;
  }
  config.input = x;
  config.channels = in.c;
  return add(in, needs_gradient(x), [&](ValueId output) {
    config.output = output;
    return std::make_unique<Softmax>(config);
  });
}

ValueId GraphBuilder::pad(ValueId x, PadMode mode, const Borders& borders) {
  const std::string name = concat("pad", graph_.operations_.size());
  if (!problem_.empty()) return Graph::kInput;
  CopyPixels::Config config;
  config.kind = "pad";
  const Extent in = extent(x);
  const auto [left, right, top, bottom] = borders;
  if (CopyPixels::pad_fits(mode, in.w, left, right) &&
      CopyPixels::pad_fits(mode, in.h, top, bottom)) {
    config.rows = CopyPixels::padded(mode, in.h, top, bottom);
    config.columns = CopyPixels::padded(mode, in.w, left, right);
    config.copies = CopyPixels::most_copies(config.rows) * CopyPixels::most_copies(config.columns);
  }
  if (config.copies == 0 || config.copies > CopyPixels::kMostCopies) {
    fail(concat("a ",
                CopyPixels::mode_name(mode),
                " pad by (left ",
                left,
                ", right ",
                right,
                ", top ",
                top,
                ", bottom ",
                bottom,
                ") does not fit an input of ",
                in.h,
                " x ",
                in.w,
                "; expected borders smaller than the side to reflect, none larger in a circular "
                "pad, at most ",
                CopyPixels::kMostCopies,
                " copies of a pixel"));
    return Graph::kInput;
  }
  return copy_pixels(*this, x, name, std::move(config));
}

}  // namespace ginn::nn
