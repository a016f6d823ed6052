#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "job/job.h"

namespace ginn::import {

// A job file whose keys and types are good; ranges are for resolve_job, which knows the data.
struct JobFile {
  std::string file_name;
  job::Job job;            // keys of the file and defaults; `data` and `steps` are unset
  std::string train_path;  // as written: relative ones are relative to the job file's folder
  std::string test_path;   // empty: none given
  std::optional<crypto::Digest> root;
  std::string weights_path;  // empty: none given
  std::optional<crypto::Digest> weights_digest;
  std::vector<std::string> weights_except;
  std::map<std::string, int, std::less<>> lines;  // of the keys and tables in the file

  bool has(std::string_view key) const { return lines.contains(key); }
};

struct ResolvedJob {
  job::Job job;
  std::string train_path;
  std::string test_path;
  bool has_root = false;  // the file names the root: training refuses a job that does not
  std::string weights_path;
  bool has_weights_digest = false;  // the same for weights
};

inline constexpr size_t kJobFileBytesMax = size_t{1} << 20;

// `text`: TOML 1.0. Code "job_file"; the message has a line "file:line: key: message" for each
// problem: syntax, unknown keys (with what was probably meant), wrong types, missing keys, values
// out of range as far as they do not depend on the data.
Result<JobFile> parse_job_file(std::string_view text, std::string_view file_name);

// Fills in what follows from the data and checks every constraint of docs/job.md. `weights`: the
// digest of the file at weights_path, where that is at hand; otherwise weights_digest counts. Codes
// "dataset_root" (the file's root is not the data's), "weights_digest" (the same of the weights),
// "job_file" (message as above).
Result<ResolvedJob> resolve_job(const JobFile& file,
                                const data::DatasetFacts& facts,
                                const std::optional<crypto::Digest>& weights = std::nullopt);

// The commented job file that `ginn init` writes.
std::string job_template();

}  // namespace ginn::import
