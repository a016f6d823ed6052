#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "data/dataset.h"
#include "import/toml_job.h"
#include "training/training.h"

namespace ginn::cli {

// A job as a verb was given it: a TOML file resolved against its data.
struct LoadedJob {
  import::ResolvedJob resolved;
  std::unique_ptr<data::MemoryRecords> train;
  Bytes weights;                    // the file that it starts from; empty: none
  std::filesystem::path test_path;  // empty: none
};

// Reads the TOML file and its training data. Relative data paths are relative to the job file's
// folder.
Result<LoadedJob> load_job(const std::string& path);

// A relying party's own copy of a job: the canonical JSON of a resolved one, or a TOML file, which
// names the root of its data and needs the data's facts to become a job.
using OwnJob = std::variant<job::Job, import::JobFile>;
// Codes: those of parsing, "job_without_root" when a TOML file names none.
Result<OwnJob> load_own_job(const std::string& path);

// Of a run's folder: job.json. Codes: read_file's, job::parse's.
Result<job::Job> load_run_job(const std::filesystem::path& dir);

// That a job file with weights binds them: training refuses one that does not, and so does whoever
// signs or writes something for the job. Code "job_without_root".
Status require_weights_digest(const std::string& path, const import::ResolvedJob& job);

// The job's functions, with the weights that it starts from. Codes: Training::create's.
Result<std::unique_ptr<training::Training>> make_training(const LoadedJob& job,
                                                          device::Level level);

uint32_t thread_count(uint32_t asked);  // 0: all cores; at most 256

// For `--pin`: the first `threads` of the CPUs that this process may use, and the rest of them.
// Code "too_few_cpus".
struct PinnedCpus {
  std::vector<int> threads, rest;
};
Result<PinnedCpus> cpus_to_pin(uint32_t threads);

}  // namespace ginn::cli
