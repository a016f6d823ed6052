#include "tests/oracle/reference64.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace ginn::oracle {
namespace {

// A value and the gradient of the mean loss with respect to it, [N,H,W,C].
struct Blob {
  Blob(int images, int height, int width, int channels)
      : n(images), h(height), w(width), c(channels) {
    const size_t size = static_cast<size_t>(n) * h * w * c;
    v.assign(size, 0);
    g.assign(size, 0);
  }
  size_t at(int i, int y, int x, int k) const {
    return ((static_cast<size_t>(i) * h + y) * w + x) * c + k;
  }
  int n, h, w, c;
  std::vector<double> v, g;
};
using BlobPtr = std::shared_ptr<Blob>;

// Every operation computes its value at once and leaves its backward step on the tape.
class Tape {
 public:
  // `running` in evaluation, nothing in training.
  Tape(const std::vector<Parameter>& parameters, const Gates* gates, const Running* running)
      : gates_(gates), running_(running) {
    for (const Parameter& p : parameters) {
      names_.push_back(p.name);
      values_.emplace_back(p.value.begin(), p.value.end());
      gradients_.emplace_back(p.value.size(), 0.0);
    }
  }

  BlobPtr conv(const BlobPtr& x, const std::string& layer, int k, int size, int stride, int pad) {
    auto y = std::make_shared<Blob>(
        x->n, (x->h + 2 * pad - size) / stride + 1, (x->w + 2 * pad - size) / stride + 1, k);
    const size_t index = find(layer + ".weight");
    // visit(y index, x index, weight index) for every product of the convolution.
    auto each_product = [=](auto&& visit) {
      for (int i = 0; i < y->n; ++i)
        for (int p = 0; p < y->h; ++p)
          for (int q = 0; q < y->w; ++q)
            for (int r = 0; r < size; ++r)
              for (int s = 0; s < size; ++s) {
                const int a = p * stride + r - pad, b = q * stride + s - pad;
                if (a < 0 || b < 0 || a >= x->h || b >= x->w) continue;
                for (int f = 0; f < k; ++f)
                  for (int c = 0; c < x->c; ++c)
                    visit(y->at(i, p, q, f),
                          x->at(i, a, b, c),
                          ((static_cast<size_t>(f) * x->c + c) * size + r) * size + s);
              }
    };
    const std::vector<double>& weight = values_[index];
    each_product([&](size_t o, size_t i, size_t w) { y->v[o] += x->v[i] * weight[w]; });
    tape_.push_back([=, this] {
      const std::vector<double>& w_value = values_[index];
      std::vector<double>& w_gradient = gradients_[index];
      each_product([&](size_t o, size_t i, size_t w) {
        x->g[i] += y->g[o] * w_value[w];
        w_gradient[w] += y->g[o] * x->v[i];
      });
    });
    return y;
  }

  BlobPtr bias(const BlobPtr& x, const std::string& layer) {
    auto y = std::make_shared<Blob>(*x);
    const size_t index = find(layer + ".bias");
    const size_t channels = static_cast<size_t>(x->c);
    for (size_t i = 0; i < y->v.size(); ++i) y->v[i] += values_[index][i % channels];
    tape_.push_back([=, this] {
      for (size_t i = 0; i < y->g.size(); ++i) {
        x->g[i] += y->g[i];
        gradients_[index][i % channels] += y->g[i];
      }
    });
    return y;
  }

  BlobPtr linear(const BlobPtr& x, const std::string& layer, int k) {
    return bias(conv(x, layer, k, 1, 1, 0), layer);
  }

  BlobPtr batch_norm(const BlobPtr& x, const std::string& layer) {
    auto y = std::make_shared<Blob>(x->n, x->h, x->w, x->c);
    const size_t gamma = find(layer + ".weight"), beta = find(layer + ".bias");
    const size_t channels = static_cast<size_t>(x->c), size = x->v.size();
    const double m = static_cast<double>(size / channels);
    const auto [mean, deviation] = running_ != nullptr ? kept(layer) : of_batch(*x);
    auto normal = std::make_shared<std::vector<double>>(size);
    for (size_t i = 0; i < size; ++i) {
      const size_t c = i % channels;
      (*normal)[i] = (x->v[i] - mean[c]) / deviation[c];
      y->v[i] = values_[gamma][c] * (*normal)[i] + values_[beta][c];
    }
    tape_.push_back([=, this] {
      std::vector<double> sum(channels, 0), product(channels, 0);
      for (size_t i = 0; i < size; ++i) {
        sum[i % channels] += y->g[i];
        product[i % channels] += y->g[i] * (*normal)[i];
      }
      for (size_t i = 0; i < size; ++i) {
        const size_t c = i % channels;
        x->g[i] += values_[gamma][c] / deviation[c] *
                   (y->g[i] - sum[c] / m - (*normal)[i] * product[c] / m);
      }
      for (size_t c = 0; c < channels; ++c) {
        gradients_[beta][c] += sum[c];
        gradients_[gamma][c] += product[c];
      }
    });
    return y;
  }

  // `layer`: the first contraction it follows.
  BlobPtr relu(const BlobPtr& x, const std::string& layer) {
    auto y = std::make_shared<Blob>(x->n, x->h, x->w, x->c);
    std::vector<bool> open(x->v.size());
    const Tensor16* gate = gate_of(layer + ".activate", x->v.size());
    for (size_t i = 0; i < x->v.size(); ++i) {
      y->v[i] = std::max(x->v[i], 0.0);
      open[i] = gate != nullptr ? gate->q[i] > 0 : x->v[i] > 0;
    }
    tape_.push_back([=] {
      for (size_t i = 0; i < x->v.size(); ++i)
        if (open[i]) x->g[i] += y->g[i];
    });
    return y;
  }

  BlobPtr add(const BlobPtr& a, const BlobPtr& b) {
    auto y = std::make_shared<Blob>(a->n, a->h, a->w, a->c);
    for (size_t i = 0; i < y->v.size(); ++i) y->v[i] = a->v[i] + b->v[i];
    tape_.push_back([=] {
      for (size_t i = 0; i < y->g.size(); ++i) {
        a->g[i] += y->g[i];
        b->g[i] += y->g[i];
      }
    });
    return y;
  }

  BlobPtr max_pool_2(const BlobPtr& x, const std::string& layer) {
    auto y = std::make_shared<Blob>(x->n, x->h / 2, x->w / 2, x->c);
    auto source = std::make_shared<std::vector<size_t>>(y->v.size());
    const Tensor16* gate = gate_of(layer + ".activate", x->v.size());
    for (int i = 0; i < y->n; ++i)
      for (int p = 0; p < y->h; ++p)
        for (int q = 0; q < y->w; ++q)
          for (int c = 0; c < y->c; ++c) {
            size_t best = x->at(i, 2 * p, 2 * q, c);
            for (size_t here : {x->at(i, 2 * p, 2 * q + 1, c),
                                x->at(i, 2 * p + 1, 2 * q, c),
                                x->at(i, 2 * p + 1, 2 * q + 1, c)})
              if (gate != nullptr ? gate->q[here] > gate->q[best] : x->v[here] > x->v[best])
                best = here;
            (*source)[y->at(i, p, q, c)] = best;
            y->v[y->at(i, p, q, c)] = x->v[best];
          }
    tape_.push_back([=] {
      for (size_t i = 0; i < y->g.size(); ++i) x->g[(*source)[i]] += y->g[i];
    });
    return y;
  }

  BlobPtr global_average(const BlobPtr& x) {
    auto y = std::make_shared<Blob>(x->n, 1, 1, x->c);
    const size_t channels = static_cast<size_t>(x->c);
    const size_t image = x->v.size() / static_cast<size_t>(x->n);
    const double area = static_cast<double>(image / channels);
    for (size_t i = 0; i < x->v.size(); ++i)
      y->v[i / image * channels + i % channels] += x->v[i] / area;
    tape_.push_back([=] {
      for (size_t i = 0; i < x->g.size(); ++i)
        x->g[i] += y->g[i / image * channels + i % channels] / area;
    });
    return y;
  }

  // To [N,1,1,C H W] in the order (C, H, W).
  BlobPtr flatten(const BlobPtr& x) {
    auto y = std::make_shared<Blob>(x->n, 1, 1, x->h * x->w * x->c);
    auto each = [=](auto&& visit) {
      for (int i = 0; i < x->n; ++i)
        for (int c = 0; c < x->c; ++c)
          for (int h = 0; h < x->h; ++h)
            for (int w = 0; w < x->w; ++w)
              visit(y->at(i, 0, 0, c * x->h * x->w + h * x->w + w), x->at(i, h, w, c));
    };
    each([&](size_t flat, size_t image) { y->v[flat] = x->v[image]; });
    tape_.push_back([=] { each([&](size_t flat, size_t image) { x->g[image] += y->g[flat]; }); });
    return y;
  }

  // Mean cross-entropy with label smoothing; the gradient starts here.
  double cross_entropy(const BlobPtr& x, const std::vector<uint32_t>& labels, double smoothing) {
    const size_t classes = static_cast<size_t>(x->c);
    double total = 0;
    for (size_t i = 0; i < labels.size(); ++i) {
      const double* l = x->v.data() + i * classes;
      const double top = *std::max_element(l, l + classes);
      double sum = 0;
      for (size_t k = 0; k < classes; ++k) sum += std::exp(l[k] - top);
      for (size_t k = 0; k < classes; ++k) {
        const double target =
            smoothing / static_cast<double>(classes) + (k == labels[i] ? 1 - smoothing : 0);
        total -= target * (l[k] - top - std::log(sum));
        x->g[i * classes + k] = (std::exp(l[k] - top) / sum - target) / x->n;
      }
    }
    return total / x->n;
  }

  void run_backward() {
    for (size_t i = tape_.size(); i-- > 0;) tape_[i]();
  }
  std::vector<std::vector<double>> take_gradients() { return std::move(gradients_); }

 private:
  struct Statistics {
    std::vector<double> mean, deviation;  // by channel
  };

  static double deviation_of(double variance) { return std::sqrt(variance + 1e-5); }

  static Statistics of_batch(const Blob& x) {
    const size_t channels = static_cast<size_t>(x.c), size = x.v.size();
    const double m = static_cast<double>(size / channels);
    Statistics s{std::vector<double>(channels, 0), std::vector<double>(channels, 0)};
    for (size_t i = 0; i < size; ++i) s.mean[i % channels] += x.v[i] / m;
    for (size_t i = 0; i < size; ++i)
      s.deviation[i % channels] += std::pow(x.v[i] - s.mean[i % channels], 2) / m;
    for (double& d : s.deviation) d = deviation_of(d);
    return s;
  }

  Statistics kept(const std::string& layer) const {
    const Oracle::Running& r = running_->at(layer);
    Statistics s{{r.mean.begin(), r.mean.end()}, {}};
    for (float variance : r.var) s.deviation.push_back(deviation_of(static_cast<double>(variance)));
    return s;
  }

  size_t find(const std::string& name) const {
    const auto it = std::find(names_.begin(), names_.end(), name);
    if (it == names_.end()) std::abort();  // the caller's parameters are of another model
    return static_cast<size_t>(it - names_.begin());
  }

  const Tensor16* gate_of(const std::string& name, size_t size) const {
    if (gates_ == nullptr) return nullptr;
    const auto it = gates_->find(name);
    if (it == gates_->end() || it->second.q.size() != size) std::abort();
    return &it->second;
  }

  const Gates* gates_;
  const Running* running_;
  std::vector<std::string> names_;
  std::vector<std::vector<double>> values_, gradients_;
  std::vector<std::function<void()>> tape_;
};

BlobPtr mlp(Tape& tape, BlobPtr x, int classes) {
  x = tape.flatten(x);
  x = tape.relu(tape.linear(x, "fc1", 256), "fc1");
  x = tape.relu(tape.linear(x, "fc2", 128), "fc2");
  return tape.linear(x, "fc3", classes);
}

BlobPtr lenet(Tape& tape, BlobPtr x, int classes) {
  x = tape.relu(tape.bias(tape.conv(x, "conv1", 6, 5, 1, 2), "conv1"), "conv1");
  x = tape.max_pool_2(x, "conv1");
  x = tape.relu(tape.bias(tape.conv(x, "conv2", 16, 5, 1, 0), "conv2"), "conv2");
  x = tape.flatten(tape.max_pool_2(x, "conv2"));
  x = tape.relu(tape.linear(x, "fc1", 120), "fc1");
  x = tape.relu(tape.linear(x, "fc2", 84), "fc2");
  return tape.linear(x, "fc3", classes);
}

BlobPtr residual_block(Tape& tape, const BlobPtr& x, const std::string& at, int k, int stride) {
  BlobPtr y = tape.conv(x, at + "conv1", k, 3, stride, 1);
  y = tape.relu(tape.batch_norm(y, at + "bn1"), at + "conv1");
  y = tape.batch_norm(tape.conv(y, at + "conv2", k, 3, 1, 1), at + "bn2");
  if (stride == 1 && x->c == k) return tape.relu(tape.add(y, x), at + "conv2");
  const BlobPtr shortcut = tape.conv(x, at + "downsample.0", k, 1, stride, 0);
  return tape.relu(tape.add(y, tape.batch_norm(shortcut, at + "downsample.1")), at + "conv2");
}

// Blocks a stage.
template <int blocks>
BlobPtr resnet(Tape& tape, BlobPtr x, int classes) {
  x = tape.relu(tape.batch_norm(tape.conv(x, "conv1", 16, 3, 1, 1), "bn1"), "conv1");
  const int widths[] = {16, 32, 64};
  for (int stage = 0; stage < 3; ++stage)
    for (int block = 0; block < blocks; ++block) {
      const std::string at =
          "layer" + std::to_string(stage + 1) + "." + std::to_string(block) + ".";
      x = residual_block(tape, x, at, widths[stage], stage > 0 && block == 0 ? 2 : 1);
    }
  return tape.linear(tape.flatten(tape.global_average(x)), "fc", classes);
}

using Model = BlobPtr (*)(Tape& tape, BlobPtr x, int classes);

Model model_of(const std::string& name) {
  if (name == "mlp") return mlp;
  if (name == "lenet") return lenet;
  if (name == "resnet8") return resnet<1>;
  if (name == "resnet20") return resnet<3>;
  return nullptr;
}

BlobPtr logits_of(Tape& tape, const Spec& spec, const std::vector<uint8_t>& images) {
  const size_t image = size_t{spec.height} * spec.width * spec.channels;
  if (images.size() % image != 0) std::abort();
  auto x = std::make_shared<Blob>(static_cast<int>(images.size() / image),
                                  static_cast<int>(spec.height),
                                  static_cast<int>(spec.width),
                                  static_cast<int>(spec.channels));
  for (size_t i = 0; i < images.size(); ++i) {
    const size_t c = i % spec.channels;
    x->v[i] = (images[i] / 255.0 - spec.mean[c]) / spec.std[c];
  }
  const Model model = model_of(spec.model);
  if (model == nullptr) std::abort();
  return model(tape, x, static_cast<int>(spec.classes));
}

}  // namespace

bool has_reference(const std::string& model) { return model_of(model) != nullptr; }

ReferenceStep reference_step(const Spec& spec,
                             const std::vector<Parameter>& parameters,
                             const std::vector<uint8_t>& images,
                             const std::vector<uint32_t>& labels,
                             const Gates* gates) {
  Tape tape(parameters, gates, nullptr);
  const BlobPtr logits = logits_of(tape, spec, images);
  if (static_cast<size_t>(logits->n) != labels.size()) std::abort();
  ReferenceStep step;
  step.loss = tape.cross_entropy(logits, labels, spec.label_smoothing);
  step.logits = logits->v;
  tape.run_backward();
  step.gradients = tape.take_gradients();
  return step;
}

std::vector<std::vector<double>> reference_gradients(const Spec& spec,
                                                     const std::vector<Parameter>& parameters,
                                                     const std::vector<uint8_t>& images,
                                                     const std::vector<uint32_t>& labels,
                                                     const Gates* gates) {
  return reference_step(spec, parameters, images, labels, gates).gradients;
}

std::vector<double> reference_logits(const Spec& spec,
                                     const std::vector<Parameter>& parameters,
                                     const Running& running,
                                     const std::vector<uint8_t>& images) {
  Tape tape(parameters, nullptr, &running);
  return logits_of(tape, spec, images)->v;
}

double relative_error(const std::vector<float>& a, const std::vector<double>& b) {
  double difference = 0, norm = 0;
  for (size_t i = 0; i < b.size(); ++i) {
    const double d = static_cast<double>(i < a.size() ? a[i] : 0.0F) - b[i];
    difference += d * d;
    norm += b[i] * b[i];
  }
  return std::sqrt(norm > 0 ? difference / norm : difference);
}

}  // namespace ginn::oracle
