#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/file.h"
#include "base/text.h"
#include "cli/job_source.h"
#include "cli/verbs.h"
#include "crypto/dsse.h"
#include "crypto/json.h"
#include "import/dataset_import.h"
#include "model_file/safetensors.h"
#include "nn/models.h"

namespace ginn::cli {
namespace {

constexpr uint64_t kMaxFileBytes = uint64_t{1} << 32;
constexpr size_t kMaxTextBytes = size_t{1} << 26;

// Text from a file is hostile to a terminal: what is not printable ASCII is escaped, line by line.
void print_escaped(std::string_view text) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    fmt::print("{}\n", printable(text.substr(0, end), 4000));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

Result<int> inspect_envelope(const std::string& name, std::string_view text, bool json) {
  GINN_ASSIGN(const crypto::Envelope envelope, crypto::parse_envelope(text, kMaxTextBytes));
  crypto::JsonLimits limits;
  limits.bytes = kMaxTextBytes;
  GINN_ASSIGN(const crypto::Json payload, crypto::parse_json(as_text(envelope.payload), limits));
  if (json) {
    crypto::Json::Object document;
    document["payloadType"] = envelope.payload_type;
    document["keyid"] = envelope.key_id;
    document["payload"] = payload;
    document["signatureChecked"] = false;
    fmt::print("{}\n", crypto::pretty_json(document));
    return 0;
  }
  fmt::print("{}: a signed envelope (DSSE); the signature is NOT checked here: ginn verify does that\n",
             printable(name));
  fmt::print("payload type  {}\nkey           {}\n\n", printable(envelope.payload_type),
             printable(envelope.key_id));
  print_escaped(crypto::pretty_json(payload));
  return 0;
}

void print_layers(const nn::Graph& graph) {
  fmt::print("\n  {:<24} {:<9} {:>16} {:>12} {:>16}\n", "layer", "kind", "output", "parameters",
             "multiply-adds");
  std::vector<size_t> parameters(graph.operations().size(), 0);
  for (size_t i = 0; i < graph.operations().size(); ++i) {
    const std::string& name = graph.operations()[i]->name();
    for (const nn::Parameter& p : graph.parameters()) {
      if (p.name.substr(0, p.name.rfind('.')) == name) parameters[i] += p.count;
    }
  }
  nn::ValueId output = 1;   // operations but the loss make one value each, in order
  for (size_t i = 0; i < graph.operations().size(); ++i) {
    const nn::Operation& operation = *graph.operations()[i];
    std::string shape = "-";
    if (operation.kind() != "loss") {
      const nn::Extent e = graph.values()[output++].extent;
      shape = fmt::format("{}x{}x{}", e.h, e.w, e.c);
    }
    fmt::print("  {:<24} {:<9} {:>16} {:>12} {:>16}\n", operation.name(), operation.kind(), shape,
               operation.kind() == "loss" ? 0 : parameters[i], operation.macs());
  }
  fmt::print("  {} parameters, {} multiply-adds an image\n", graph.parameter_count(), graph.macs());
}

Result<int> inspect_job(const std::string& name, const job::Job& job, bool json) {
  if (json) {
    fmt::print("{}\n", crypto::pretty_json(job::to_json(job)));
    return 0;
  }
  GINN_ASSIGN(const nn::Graph graph, nn::build_model(job.model, job.input_height(),
                                                     job.input_width(), job.data.channels,
                                                     job.data.classes));
  fmt::print("{}: a job\n\ndigest        {}\n", printable(name), crypto::tagged(job::digest(job)));
  fmt::print("data          {} records of {} x {} x {}, {} classes, root {}\n", job.data.records,
             job.data.height, job.data.width, job.data.channels, job.data.classes,
             crypto::tagged(job.data.root()));
  fmt::print("training      {} steps of {} images, {} contributions of {}\n", job.steps, job.batch,
             job.contributions(), job.microbatch);
  fmt::print("model         {}\n", job.model);
  print_layers(graph);
  return 0;
}

struct TensorSummary {
  double low = 0, high = 0, norm = 0;
};

TensorSummary summarize(const model_file::NamedTensor& tensor) {
  TensorSummary s;
  double squares = 0;
  const size_t count = tensor.data.size() / model_file::dtype_bytes(tensor.dtype);
  for (size_t i = 0; i < count; ++i) {
    double value = 0;
    const uint8_t* at = tensor.data.data() + i * model_file::dtype_bytes(tensor.dtype);
    const auto load = [&]<typename T>(T v) {
      std::memcpy(&v, at, sizeof v);
      value = static_cast<double>(v);
    };
    switch (tensor.dtype) {
      case model_file::Dtype::kF32:
        load(float{});
        break;
      case model_file::Dtype::kI64:
        load(int64_t{});
        break;
      case model_file::Dtype::kI16:
        load(int16_t{});
        break;
      case model_file::Dtype::kI8:
        load(int8_t{});
        break;
    }
    s.low = i == 0 ? value : std::min(s.low, value);
    s.high = i == 0 ? value : std::max(s.high, value);
    squares += value * value;
  }
  s.norm = std::sqrt(squares);
  return s;
}

Result<int> inspect_tensors(const std::string& name, ByteView bytes, bool json) {
  GINN_ASSIGN(const model_file::TensorFile file, model_file::parse_safetensors(bytes));
  crypto::Json::Array array;
  if (!json) {
    fmt::print("{}: safetensors, SHA-256 {}\n\n  {:<36} {:<5} {:<18} {:>12} {:>12} {:>12}\n",
               printable(name), crypto::hex(crypto::sha256(bytes)), "tensor", "type", "shape",
               "smallest", "largest", "norm");
  }
  for (const model_file::NamedTensor& tensor : file.tensors) {
    std::string shape;
    for (uint64_t size : tensor.shape) shape += concat(shape.empty() ? "" : "x", size);
    const TensorSummary s = summarize(tensor);
    if (json) {
      crypto::Json::Object item;
      item["name"] = tensor.name;
      item["dtype"] = model_file::dtype_name(tensor.dtype);
      item["shape"] = shape;
      array.emplace_back(std::move(item));
    } else {
      fmt::print("  {:<36} {:<5} {:<18} {:>12.5g} {:>12.5g} {:>12.5g}\n", printable(tensor.name),
                 model_file::dtype_name(tensor.dtype), shape, s.low, s.high, s.norm);
    }
  }
  if (json) fmt::print("{}\n", crypto::pretty_json(crypto::Json(std::move(array))));
  return 0;
}

bool looks_like_safetensors(ByteView bytes) {
  if (bytes.size() < 10) return false;
  uint64_t header = 0;
  std::memcpy(&header, bytes.data(), sizeof header);
  return header <= model_file::kMaxHeaderBytes && bytes[8] == '{';
}

Result<int> inspect_json(const std::string& name, std::string_view text, bool json) {
  if (text.find("\"payloadType\"") != std::string_view::npos) {
    return inspect_envelope(name, text, json);
  }
  if (const Result<job::Job> job = job::parse(text); job.ok()) return inspect_job(name, *job, json);
  crypto::JsonLimits limits;
  limits.bytes = kMaxTextBytes;
  // A transcript, or metrics as JSON lines: each line a document.
  const Result<crypto::Json> whole = crypto::parse_json(text, limits);
  if (whole.ok()) {
    print_escaped(crypto::pretty_json(*whole));
    return 0;
  }
  const size_t line = std::min(text.find('\n'), text.size());
  if (crypto::parse_json(text.substr(0, line), limits).ok() && line < text.size()) {
    fmt::print("{}: {} lines of JSON\n\n", printable(name),
               std::count(text.begin(), text.end(), '\n'));
    print_escaped(text);
    return 0;
  }
  return whole.error();
}

}  // namespace

Result<int> inspect_verb(const InspectOptions& options) {
  GINN_ASSIGN(const Bytes bytes, read_file(options.file, kMaxFileBytes));
  const std::string_view text = as_text(bytes);
  if (looks_like_safetensors(bytes)) return inspect_tensors(options.file, bytes, options.json);
  if (text.size() > kMaxTextBytes) {
    return input_error("unknown_file", concat(options.file, ": neither safetensors nor text"));
  }
  if (text.starts_with('{')) return inspect_json(options.file, text, options.json);
  if (std::string_view(options.file).ends_with(".toml")) {
    GINN_ASSIGN(const LoadedJob loaded, load_job(options.file));
    return inspect_job(options.file, loaded.resolved.job, options.json);
  }
  return input_error("unknown_file",
                     concat(options.file, ": not a job (.toml, job.json), a certificate, a rejection, "
                                          "a transcript or safetensors"));
}

}  // namespace ginn::cli
