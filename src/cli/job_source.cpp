#include "cli/job_source.h"

#include <algorithm>
#include <thread>

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

}  // namespace

Result<LoadedJob> load_job(const std::string& path) {
  GINN_ASSIGN(const import::JobFile file, read_job_file(path));
  LoadedJob loaded;
  GINN_ASSIGN(loaded.train, import::load_dataset(beside(path, file.train_path)));
  GINN_ASSIGN(loaded.resolved, import::resolve_job(file, loaded.train->facts()));
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
  return OwnJob(std::move(file));
}

Result<job::Job> load_run_job(const std::filesystem::path& dir) {
  constexpr uint64_t kMaxJobBytes = 1 << 16;
  GINN_ASSIGN(const Bytes text, read_file(dir / "job.json", kMaxJobBytes, false));
  return job::parse(as_text(text));
}

uint32_t thread_count(uint32_t asked) {
  constexpr uint32_t kMost = 256;
  if (asked != 0) return std::min(asked, kMost);
  return std::clamp(std::thread::hardware_concurrency(), 1u, kMost);
}

}  // namespace ginn::cli
