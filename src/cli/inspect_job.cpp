#include <fmt/format.h>

#include "base/text.h"
#include "cli/inspect.h"
#include "nn/activate.h"
#include "nn/models.h"

namespace ginn::cli {
namespace {

// A contraction has its weight and bias, an activation the scale and shift of its batch norms:
// every parameter is counted once.
size_t parameters_of(const nn::Graph& graph, const nn::Operation& operation) {
  size_t count = 0;
  if (operation.kind() == "conv2d" || operation.kind() == "linear") {
    for (const nn::Parameter& p : graph.parameters()) {
      if (p.name.substr(0, p.name.rfind('.')) == operation.name()) count += p.count;
    }
  }
  if (const auto* activate = dynamic_cast<const nn::Activate*>(&operation)) {
    for (const nn::Term& term : activate->config().terms) {
      if (term.kind != nn::Term::Kind::kBatchNorm) continue;
      count += graph.parameters()[term.parameter].count;
      count += graph.parameters()[term.parameter + 1].count;
    }
  }
  return count;
}

struct Layer {
  std::string name, kind, output;
  size_t parameters = 0;
  uint64_t macs = 0;
};

std::vector<Layer> layers_of(const nn::Graph& graph) {
  std::vector<Layer> layers;
  nn::ValueId output = 1;  // operations but the loss make one value each, in order
  for (const auto& operation : graph.operations()) {
    Layer layer{operation->name(), std::string(operation->kind()), "-", 0, operation->macs()};
    layer.parameters = parameters_of(graph, *operation);
    if (operation->kind() != "loss") {
      const nn::Extent e = graph.values()[output++].extent;
      layer.output = fmt::format("{}x{}x{}", e.h, e.w, e.c);
    }
    layers.push_back(std::move(layer));
  }
  return layers;
}

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

Result<int> inspect_job(const std::string& name, const job::Job& job, bool json) {
  GINN_ASSIGN(
      const nn::Graph graph,
      nn::build_model(
          job.model, job.input_height(), job.input_width(), job.data.channels, job.data.classes));
  const std::vector<Layer> layers = layers_of(graph);
  if (json) {
    crypto::Json::Array rows;
    for (const Layer& layer : layers) {
      rows.emplace_back(crypto::Json::Object{{"name", layer.name},
                                             {"kind", layer.kind},
                                             {"output", layer.output},
                                             {"parameters", static_cast<double>(layer.parameters)},
                                             {"macs", static_cast<double>(layer.macs)}});
    }
    const crypto::Json::Object document{{"job", job::to_json(job)},
                                        {"job_digest", crypto::tagged(job::digest(job))},
                                        {"layers", std::move(rows)}};
    fmt::print("{}\n", crypto::pretty_json(document));
    return 0;
  }
  print_summary(name, job);
  constexpr const char* kRow = "  {:<24} {:<9} {:>12} {:>12} {:>16}\n";
  fmt::print("\n");
  fmt::print(fmt::runtime(kRow), "layer", "kind", "output", "parameters", "multiply-adds");
  for (const Layer& l : layers) {
    fmt::print(fmt::runtime(kRow), l.name, l.kind, l.output, l.parameters, l.macs);
  }
  fmt::print(fmt::runtime(kRow), "total", "", "", graph.parameter_count(), graph.macs());
  return 0;
}

}  // namespace ginn::cli
