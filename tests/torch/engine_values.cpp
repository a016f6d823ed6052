// What the engine computes, for comparison with PyTorch: one microbatch's tensors as raw files.
//
// usage: engine_values gradients MODEL SIDE IMAGES FORMAT FOLDER
//                                     at the initial weights, synthetic data (MODEL: or mini_edges)
//        engine_values logits RUN_FOLDER DATA IMAGES FOLDER  of a trained model, in evaluation
//        engine_values curve MODEL DATA STEPS FOLDER MICRO   a training's batches and losses
//
// Little-endian, without headers: images.f32 [N,H,W,C] (as quantised), labels.u32 [N], logits.f32
// [N,K]; of logits also pixels.u8 [N,H,W,C] and, of the networks that tests/oracle/reference64.h
// has, reference.f64 [N,K], by textbook formulas in float64 from the file's weights; of gradients
// also parameters.f32, gradients.f32 (all, in the graph's order), keptL.u8, dropout number L's mask
// [N, elements], and pathL.u8, the same of ReLU number L: 0 where it is 0, 1 where it is its input,
// 2 where a ReLU6 is 6 [N,H,W,C], and poolL.f32, the input of maximum number L [N,H,W,C]. Of a
// curve: parameters.f32 as it begins, images.f32 and labels.u32 of all steps' microbatches one
// behind the other, losses.f32 and rates.f32 (learning rates) by step.
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>

#include "arithmetic/format.h"
#include "base/file.h"
#include "base/text.h"
#include "data/augment.h"
#include "import/dataset_import.h"
#include "nn/activate.h"
#include "tests/oracle/reference64.h"
#include "tests/support/oracle_spec.h"
#include "tests/support/small_networks.h"
#include "tests/support/synthetic.h"
#include "training/training.h"

namespace ginn {
namespace {

constexpr uint64_t kMostBytes = uint64_t{1} << 32;

template <typename T>
Status write_values(const std::string& path, const T* values, size_t count) {
  Bytes bytes(count * sizeof(T));
  std::memcpy(bytes.data(), values, bytes.size());
  return write_file_atomic(path, bytes);
}

Status write_tensor(const std::string& path, const nn::Tensor& tensor, size_t count) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) {
    values[i] = static_cast<float>(tensor.q[i]) * pow2f(tensor.exponent);
  }
  return write_values(path, values.data(), count);
}

// The first step's first microbatch, forward and backward.
Status write_microbatch(const training::Training& training,
                        const data::RecordSource& records,
                        const float* parameters,
                        training::Workspace& workspace,
                        const std::string& folder) {
  GINN_ASSIGN(const nn::StepWeights weights, training.prepare(parameters));
  training::Contribution contribution(training.graph());
  GINN_TRY(training.contribution(records, weights, 0, 0, workspace, contribution));
  const nn::Run& run = workspace.run;
  const nn::Graph& graph = training.graph();
  GINN_TRY(write_tensor(folder + "/images.f32", run.value(nn::Graph::kInput), run.count(0)));
  GINN_TRY(write_values(folder + "/labels.u32", workspace.labels.data(), workspace.labels.size()));
  GINN_TRY(write_values(folder + "/logits.f32", run.logits().data(), run.logits().size()));
  GINN_TRY(write_values(folder + "/parameters.f32", parameters, graph.parameter_count()));
  const std::vector<float> gradients = workspace.run.gradients();
  GINN_TRY(write_values(folder + "/gradients.f32", gradients.data(), gradients.size()));
  return workspace.run.forward(weights, nn::Mode::kTrain, workspace.labels);  // values once more
}

bool has_path(const nn::Operation& operation) {
  const auto* activate = dynamic_cast<const nn::Activate*>(&operation);
  return activate != nullptr && activate->config().activation != nn::Activation::kNone;
}

// An element that is 0 before dropout passes no gradient on anyway: it counts as dropped.
Status write_paths(const nn::Graph& graph, const nn::Run& run, const std::string& folder) {
  size_t dropouts = 0;
  size_t activations = 0;
  size_t pools = 0;
  for (size_t i = 0; i < graph.operations().size(); ++i) {
    if (graph.operations()[i]->kind() == "max_pool") {
      const nn::ValueId input = graph.operations()[i]->inputs()[0];
      const std::string path = concat(folder, "/pool", pools++, ".f32");
      GINN_TRY(write_tensor(path, run.value(input), run.count(input)));
    }
    const bool dropout = graph.operations()[i]->kind() == "dropout";
    if (!dropout && !has_path(*graph.operations()[i])) continue;
    const auto* activate = dynamic_cast<const nn::Activate*>(graph.operations()[i].get());
    const bool six = !dropout && activate->config().activation == nn::Activation::kRelu6;
    const nn::ValueId output = static_cast<nn::ValueId>(i + 1);  // one value an operation
    const nn::Tensor& tensor = run.value(output);
    std::vector<uint8_t> path(run.count(output));
    for (size_t j = 0; j < path.size(); ++j) {
      path[j] = tensor.q[j] != 0 ? 1 : 0;
      if (six && static_cast<float>(tensor.q[j]) * pow2f(tensor.exponent) >= 6.0f) path[j] = 2;
    }
    const std::string name = dropout ? concat("/kept", dropouts++) : concat("/path", activations++);
    GINN_TRY(write_values(folder + name + ".u8", path.data(), path.size()));
  }
  return ok_status();
}

// Of a built-in model, or of "mini_edges" (tests/support/small_networks.h).
Result<std::unique_ptr<training::Training>> training_of(const std::string& model,
                                                        const job::Job& job,
                                                        device::Level level) {
  if (model != "mini_edges") return training::Training::create(job, level);
  nn::GraphBuilder builder({job.input_height(), job.input_width(), job.data.channels});
  test::mini_edges(builder, job.data.classes);
  GINN_ASSIGN(nn::Graph graph, builder.finish());
  return training::Training::create(job, std::move(graph), level);
}

Status gradients(const std::string& model,
                 uint32_t side,
                 uint32_t images,
                 const std::string& format,
                 const std::string& out) {
  const auto records = test::synthetic_records({images, side, side, 3, 10, 12});
  job::Job job = test::synthetic_job(*records, model);
  job.preprocess = {};
  job.batch = job.microbatch = images;
  job.bn_samples = images;
  job.format = format;
  test::derive_steps(job);
  if (!operand_format(format)) return input_error("usage", concat("format ", format));
  GINN_ASSIGN(const device::Level level, device::choose_level());
  GINN_ASSIGN(const auto training, training_of(model, job, level));
  std::vector<float> parameters(training->graph().parameter_count());
  nn::initialise(training->graph(), job.seed, parameters.data());
  const auto workspace = training->workspace();
  GINN_TRY(write_microbatch(*training, *records, parameters.data(), *workspace, out));
  return write_paths(training->graph(), workspace->run, out);
}

Result<std::vector<uint8_t>> pixels_of(const training::Training& training,
                                       const data::RecordSource& records) {
  const job::Job& job = training.job();
  std::vector<uint8_t> record(job.data.record_bytes());
  std::vector<uint8_t> image(size_t{job.input_height()} * job.input_width() * job.data.channels);
  std::vector<uint8_t> pixels;
  for (const uint64_t index : training.record_indices(0, 0)) {
    GINN_TRY(records.read(index, record));
    data::prepare_image(
        job.data, job.preprocess, data::identity_augmentation(job.preprocess), record, image);
    pixels.insert(pixels.end(), image.begin(), image.end());
  }
  return pixels;
}

Status write_reference(const job::Job& job,
                       const nn::Graph& graph,
                       const training::LoadedModel& model,
                       const std::vector<uint8_t>& pixels,
                       const std::string& out) {
  if (!oracle::has_reference(job.model)) return ok_status();
  std::vector<oracle::Parameter> parameters;
  for (const nn::Parameter& p : graph.parameters()) {
    const auto first = model.parameters.begin() + static_cast<ptrdiff_t>(p.offset);
    oracle::Parameter& parameter = parameters.emplace_back();
    parameter.name = p.name;
    parameter.value.assign(first, first + static_cast<ptrdiff_t>(p.count));
  }
  oracle::Running running;
  for (const nn::BatchNorm& norm : graph.batch_norms()) {
    const auto channels = [&](const std::vector<float>& all) {
      const auto first = all.begin() + static_cast<ptrdiff_t>(norm.offset);
      return std::vector<float>(first, first + norm.channels);
    };
    running[norm.name] = {channels(model.statistics.mean), channels(model.statistics.var)};
  }
  const auto values = oracle::reference_logits(test::oracle_spec(job), parameters, running, pixels);
  return write_values(out + "/reference.f64", values.data(), values.size());
}

Status logits(const std::string& folder,
              const std::string& data,
              uint32_t images,
              const std::string& out) {
  GINN_ASSIGN(const Bytes text, read_file(folder + "/job.json", kMostBytes));
  GINN_ASSIGN(job::Job job, job::parse(as_text(text)));
  job.preprocess.crop = 0;
  job.preprocess.flip = false;
  job.batch = job.microbatch = images;
  GINN_ASSIGN(const auto records, import::load_dataset(data));
  GINN_ASSIGN(const device::Level level, device::choose_level());
  GINN_ASSIGN(const auto training, training::Training::create(job, level));
  GINN_ASSIGN(const Bytes file, read_file(folder + "/model.safetensors", kMostBytes));
  GINN_ASSIGN(const training::LoadedModel model, training::load_model(training->graph(), file));
  const auto workspace = training->workspace();
  const float* parameters = model.parameters.data();
  GINN_TRY(write_microbatch(*training, *records, parameters, *workspace, out));
  GINN_ASSIGN(nn::StepWeights weights, training->prepare(parameters));
  weights.running_mean = model.statistics.mean.data();
  weights.running_var = model.statistics.var.data();
  nn::Run& run = workspace->run;
  GINN_TRY(run.forward(weights, nn::Mode::kEvaluate, workspace->labels));
  GINN_ASSIGN(const auto pixels, pixels_of(*training, *records));
  GINN_TRY(write_values(out + "/pixels.u8", pixels.data(), pixels.size()));
  GINN_TRY(write_reference(job, training->graph(), model, pixels, out));
  return write_values(out + "/logits.f32", run.logits().data(), run.logits().size());
}

// As examples/cifar10.toml, but at one learning rate after a short start.
job::Job curve_job(const std::string& model,
                   const data::MemoryRecords& records,
                   uint32_t microbatch) {
  job::Job job = test::synthetic_job(records, model);
  job.preprocess = {0, 4, true};
  job.mean.assign(job.data.channels, 0.47);
  job.std.assign(job.data.channels, 0.25);
  job.batch = 128;
  job.microbatch = microbatch;
  job.weight_decay = 5e-4;
  job.clip_norm = 1.0;
  job.lr = {job::Schedule::kConstant, 0.1, 0.1, {}, 0.1};
  test::derive_steps(job);
  return job;
}

class Curve {
 public:
  Curve(const training::Training& training, const data::RecordSource& records, std::string folder)
      : training_(training),
        records_(records),
        folder_(std::move(folder)),
        state_(training),
        workspace_(training.workspace()),
        contribution_(training.graph()),
        images_(folder_ + "/images.f32", std::ios::binary) {}

  Status run(uint64_t steps) {
    GINN_TRY(write_values(
        folder_ + "/parameters.f32", state_.weights(), training_.graph().parameter_count()));
    for (uint64_t t = 0; t < steps; ++t) GINN_TRY(step(t));
    if (!images_.flush()) return environment_error("write_failed", folder_ + "/images.f32");
    GINN_TRY(write_values(folder_ + "/labels.u32", labels_.data(), labels_.size()));
    GINN_TRY(write_values(folder_ + "/rates.f32", rates_.data(), rates_.size()));
    return write_values(folder_ + "/losses.f32", losses_.data(), losses_.size());
  }

 private:
  Status step(uint64_t t) {
    constexpr double kLossUnit = 1.0 / 16777216.0;  // of Run::loss_sum
    double loss = 0;
    GINN_ASSIGN(const nn::StepWeights weights, training_.prepare(state_.weights()));
    for (uint32_t j = 0; j < training_.job().microbatches(); ++j) {
      GINN_TRY(training_.contribution(records_, weights, t, j, *workspace_, contribution_));
      append_images();
      labels_.insert(labels_.end(), workspace_->labels.begin(), workspace_->labels.end());
      loss += static_cast<double>(workspace_->run.loss_sum()) * kLossUnit;
      state_.add(training_.maps(), contribution_);
    }
    losses_.push_back(static_cast<float>(loss / training_.job().batch));
    rates_.push_back(training::learning_rate(training_.job(), t));
    return state_.apply(training_.maps());
  }

  void append_images() {
    const nn::Tensor& images = workspace_->run.value(nn::Graph::kInput);
    std::vector<float> values(workspace_->run.count(nn::Graph::kInput));
    for (size_t i = 0; i < values.size(); ++i) {
      values[i] = static_cast<float>(images.q[i]) * pow2f(images.exponent);
    }
    images_.write(reinterpret_cast<const char*>(values.data()),
                  static_cast<std::streamsize>(values.size() * sizeof(float)));
  }

  const training::Training& training_;
  const data::RecordSource& records_;
  const std::string folder_;
  training::State state_;
  std::unique_ptr<training::Workspace> workspace_;
  training::Contribution contribution_;
  std::ofstream images_;
  std::vector<uint32_t> labels_;
  std::vector<float> losses_, rates_;
};

Status curve(const std::string& model,
             const std::string& data,
             uint64_t steps,
             const std::string& out,
             uint32_t microbatch) {
  GINN_ASSIGN(const auto records, import::load_dataset(data));
  GINN_ASSIGN(const device::Level level, device::choose_level());
  const job::Job job = curve_job(model, *records, microbatch);
  GINN_ASSIGN(const auto training, training::Training::create(job, level));
  if (steps > training->job().steps) {
    return input_error("usage", concat("at most ", training->job().steps, " steps"));
  }
  return Curve(*training, *records, out).run(steps);
}

}  // namespace
}  // namespace ginn

int main(int count, char** words) {
  const std::vector<std::string> w(words, words + count);
  ginn::Status status = ginn::input_error("usage", "see the head of tests/torch/engine_values.cpp");
  const auto number = [](const std::string& text) {
    return static_cast<uint32_t>(std::strtoul(text.c_str(), nullptr, 10));
  };
  if (w.size() == 7 && w[1] == "gradients") {
    status = ginn::gradients(w[2], number(w[3]), number(w[4]), w[5], w[6]);
  } else if (w.size() == 6 && w[1] == "logits") {
    status = ginn::logits(w[2], w[3], number(w[4]), w[5]);
  } else if (w.size() == 7 && w[1] == "curve") {
    status = ginn::curve(w[2], w[3], number(w[4]), w[5], number(w[6]));
  }
  if (status.ok()) return 0;
  std::fprintf(stderr, "engine_values: %s\n", status.error().message.c_str());
  return 2;
}
