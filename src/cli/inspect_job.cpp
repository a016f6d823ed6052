#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "cli/inspect.h"
#include "cli/layers.h"
#include "cli/memory.h"
#include "cli/terminal.h"
#include "nn/models.h"
#include "training/training.h"

namespace ginn::cli {
namespace {

void print_summary(const std::string& name, const job::Job& job) {
  const auto line = [](const char* key, const std::string& value) {
    fmt::print("{:<14}{}\n", key, value);
  };
  fmt::print("{}: a job\n\n", printable(name));
  line("digest", crypto::tagged(job::digest(job)));
  line("data root", crypto::tagged(job.data.root()));
  line("data",
       fmt::format("{} records of {} x {} x {}, {} classes",
                   job.data.records,
                   job.data.height,
                   job.data.width,
                   job.data.channels,
                   job.data.classes));
  line("training",
       fmt::format("{} epochs: {} steps of {} images, {} contributions of {}",
                   job.epochs,
                   job.steps,
                   job.batch,
                   job.contributions(),
                   job.microbatch));
  line("optimizer",
       fmt::format("sgd, peak rate {}, momentum {}{}, weight decay {}{}",
                   job.lr.peak,
                   job.momentum,
                   job.nesterov ? " (nesterov)" : "",
                   job.weight_decay,
                   job.decoupled ? " (decoupled)" : ""));
  if (job.weights) line("starts from", crypto::tagged(job.weights->sha256));
  for (const std::string& pattern : job.freeze) line("frozen", printable(pattern));
  for (const job::ParameterGroup& group : job.groups) {
    for (const std::string& pattern : group.parameters) {
      line("group", fmt::format("{}: learning rate x {}", printable(pattern), group.lr_scale));
    }
  }
  line("clip norm", fmt::format("{}", job.clip_norm));
  const std::string budget = job.budget.is_share
                                 ? fmt::format("a share of {}", job.budget.share)
                                 : fmt::format("{} contributions", job.budget.count);
  line("integrity",
       fmt::format("probability {}, budget {}, {}, {}",
                   job.probability,
                   budget,
                   job.verify == guarantee::Verify::kAll ? "everything replayed" : "sampled",
                   job.unlimited_attempts
                       ? "attempts not limited"
                       : concat("at most ", job.lives, job.lives == 1 ? " life" : " lives")));
  line("model", printable(job.model));
}

}  // namespace

Result<int> inspect_job(const InspectOptions& options, const job::Job& job) {
  // Without the weights that it may start from: nothing of a start is shown.
  GINN_ASSIGN(const auto training, training::Training::create(job, device::Level::kPortable));
  const nn::Graph& graph = training->graph();
  const uint64_t worker = worker_memory(*training).total(1);
  const uint64_t verifier = verifier_memory(*training).total(1);
  if (options.json) {
    crypto::Json::Object document{{"job", job::to_json(job)},
                                  {"job_digest", crypto::tagged(job::digest(job))},
                                  {"worker_bytes", static_cast<double>(worker)},
                                  {"verifier_bytes", static_cast<double>(verifier)}};
    add_layers(graph, job.microbatch, document);
    fmt::print("{}\n", crypto::pretty_json(document));
    return 0;
  }
  print_summary(options.file, job);
  fmt::print("\n");
  if (options.parameters) {
    print_parameters(graph);
    return 0;
  }
  print_layers(graph, job.microbatch);
  fmt::print("processes     worker {}, verifier {} with one thread, about\n",
             bytes_text(static_cast<double>(worker)),
             bytes_text(static_cast<double>(verifier)));
  return 0;
}

namespace {

// What a model is usually given: torchvision's networks ImageNet's images, the small residual ones
// CIFAR's, the others MNIST's.
struct Usual {
  nn::Extent input;
  uint32_t classes;
};
Usual usual_for(std::string_view model) {
  constexpr std::string_view kLarge[] = {
      "resnet18", "resnet34", "resnet50", "resnet101", "resnet152"};
  if (model.starts_with("vgg") ||
      std::find(std::begin(kLarge), std::end(kLarge), model) != std::end(kLarge)) {
    return {{224, 224, 3}, 1000};
  }
  if (model.starts_with("resnet")) return {{32, 32, 3}, 10};
  return {{28, 28, 1}, 10};
}

// "HxWxC", each from 1 to 4096.
Result<nn::Extent> parse_input(const std::string& text) {
  uint32_t sides[3] = {};
  const char* at = text.data();
  const char* end = at + text.size();
  for (size_t i = 0; i < 3; ++i) {
    const auto read = std::from_chars(at, end, sides[i]);
    const bool separated = i == 2 ? read.ptr == end : read.ptr != end && *read.ptr == 'x';
    if (read.ec != std::errc() || sides[i] < 1 || sides[i] > 4096 || !separated) {
      return input_error("usage",
                         concat("--input: found \"",
                                printable(text, 60),
                                "\"; expected HEIGHTxWIDTHxCHANNELS, such as 28x28x1, each 1 to "
                                "4096"));
    }
    at = read.ptr + 1;
  }
  return nn::Extent{sides[0], sides[1], sides[2]};
}

}  // namespace

bool is_model(std::string_view name) {
  const auto names = nn::model_names();
  return std::find(names.begin(), names.end(), name) != names.end();
}

Result<int> inspect_model(const InspectOptions& options) {
  Usual given = usual_for(options.file);
  if (!options.input.empty()) {
    GINN_ASSIGN(given.input, parse_input(options.input));
  }
  if (options.classes != 0) given.classes = options.classes;
  const auto& [h, w, c] = given.input;
  GINN_ASSIGN(const nn::Graph graph, nn::build_model(options.file, h, w, c, given.classes));
  if (options.json) {
    crypto::Json::Object document{{"model", options.file},
                                  {"input", fmt::format("{}x{}x{}", h, w, c)},
                                  {"classes", static_cast<double>(given.classes)}};
    add_layers(graph, options.images, document);
    fmt::print("{}\n", crypto::pretty_json(document));
    return 0;
  }
  fmt::print("{}: a model, for images of {} x {} x {} in {} classes\n\n",
             options.file,
             h,
             w,
             c,
             given.classes);
  if (options.parameters) {
    print_parameters(graph);
  } else {
    print_layers(graph, options.images);
  }
  return 0;
}

}  // namespace ginn::cli
