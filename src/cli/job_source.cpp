#include "cli/job_source.h"

#include <algorithm>
#include <thread>

#include "base/affinity.h"
#include "base/file.h"
#include "base/text.h"
#include "import/dataset_import.h"

namespace ginn::cli {
namespace {

std::filesystem::path beside(const std::string& job_path, const std::string& data_path) {
  const std::filesystem::path path(data_path);
  if (path.is_absolute()) return path;
  return std::filesystem::absolute(job_path).parent_path() / path;
}

Result<import::JobFile> read_job_file(const std::string& path) {
  GINN_ASSIGN(const Bytes text, read_file(path, import::kJobFileBytesMax));
  return import::parse_job_file(as_text(text), path);
}

// A file that is to be converted or cut first is found out when it is parsed.
Result<Bytes> read_weights(const std::string& path) {
  constexpr uint64_t kMost = uint64_t{1} << 32;
  auto bytes = read_file(path, kMost);
  if (bytes.ok()) return bytes;
  return Error{
      bytes.error().kind, bytes.error().code, concat("model.weights: ", bytes.error().message)};
}

}  // namespace

Result<LoadedJob> load_job(const std::string& path) {
  GINN_ASSIGN(const import::JobFile file, read_job_file(path));
  LoadedJob loaded;
  GINN_ASSIGN(loaded.train, import::load_dataset(beside(path, file.train_path)));
  std::optional<crypto::Digest> weights;
  std::string weights_path;
  if (!file.weights_path.empty()) {
    weights_path = beside(path, file.weights_path).lexically_normal().string();
    GINN_ASSIGN(loaded.weights, read_weights(weights_path));
    weights = crypto::sha256(loaded.weights);
  }
  GINN_ASSIGN(loaded.resolved, import::resolve_job(file, loaded.train->facts(), weights));
  loaded.resolved.weights_path = weights_path;
  loaded.resolved.train_path = beside(path, file.train_path).lexically_normal().string();
  if (!file.test_path.empty()) {
    loaded.test_path = beside(path, file.test_path).lexically_normal();
  }
  return loaded;
}

Result<OwnJob> load_own_job(const std::string& path) {
  GINN_ASSIGN(const Bytes text, read_file(path, import::kJobFileBytesMax));
  if (!text.empty() && text.front() == '{') {
    GINN_ASSIGN(job::Job job, job::parse(as_text(text)));
    return OwnJob(std::move(job));
  }
  GINN_ASSIGN(import::JobFile file, import::parse_job_file(as_text(text), path));
  if (!file.root) {
    return input_error("job_without_root",
                       concat(path,
                              ": data.root is missing. It binds the training data; `ginn plan ",
                              path,
                              "` prints it on a machine that has the data"));
  }
  if (!file.weights_path.empty() && !file.weights_digest) {
    return input_error("job_without_root",
                       concat(path,
                              ": model.weights_digest is missing. It binds the file that the job "
                              "starts from; `ginn plan ",
                              path,
                              "` prints it on a machine that has the file"));
  }
  return OwnJob(std::move(file));
}

Result<job::Job> load_run_job(const std::filesystem::path& dir) {
  constexpr uint64_t kMaxJobBytes = 1 << 16;
  GINN_ASSIGN(const Bytes text, read_file(dir / "job.json", kMaxJobBytes, false));
  return job::parse(as_text(text));
}

Status require_weights_digest(const std::string& path, const import::ResolvedJob& job) {
  if (!job.job.weights || job.has_weights_digest) return ok_status();
  return input_error("job_without_root",
                     concat(printable(path, 400),
                            ": model.weights_digest is missing: it binds the weights that the job "
                            "starts from. On a machine you trust, put this line into [model]:\n  "
                            "weights_digest = \"",
                            crypto::tagged(job.job.weights->sha256),
                            "\""));
}

Result<std::unique_ptr<training::Training>> make_training(const LoadedJob& job,
                                                          device::Level level) {
  const auto read = [&job](uint64_t limit) -> Result<Bytes> {
    if (job.weights.size() <= limit) return job.weights;
    return input_error("too_large",
                       concat(job.resolved.weights_path,
                              " has ",
                              job.weights.size(),
                              " bytes; weights of this network have at most ",
                              limit));
  };
  auto training = training::Training::create(job.resolved.job, level, read);
  if (training.ok() || job.resolved.weights_path.empty()) return training;
  return Error{training.error().kind,
               training.error().code,
               concat(printable(job.resolved.weights_path, 400), ": ", training.error().message)};
}

uint32_t thread_count(uint32_t asked) {
  constexpr uint32_t kMost = 256;
  if (asked != 0) return std::min(asked, kMost);
  return std::clamp(std::thread::hardware_concurrency(), 1u, kMost);
}

Result<PinnedCpus> cpus_to_pin(uint32_t threads) {
  std::vector<int> cpus = usable_cpus();
  if (cpus.size() < threads) {
    return environment_error("too_few_cpus",
                             concat("--pin: ",
                                    threads,
                                    " threads, but this process may use ",
                                    cpus.size(),
                                    cpus.size() == 1 ? " CPU" : " CPUs",
                                    ": take fewer --threads, or leave --pin out"));
  }
  const auto end = cpus.begin() + threads;
  return PinnedCpus{{cpus.begin(), end}, {end, cpus.end()}};
}

}  // namespace ginn::cli
