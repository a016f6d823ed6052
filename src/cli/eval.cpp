#include <fmt/format.h>

#include "base/file.h"
#include "base/text.h"
#include "certificate/issue/format.h"
#include "cli/job_source.h"
#include "cli/run_folder.h"
#include "cli/verbs.h"
#include "crypto/json.h"
#include "import/dataset_import.h"
#include "training/training.h"

namespace ginn::cli {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMaxRecordBytes = 1 << 16;  // of run.json
constexpr uint64_t kMaxModelBytes = uint64_t{1} << 32;

Error no_test_data(const std::string& dir, std::string_view why) {
  return input_error("no_test_data",
                     concat(printable(dir),
                            ": ",
                            why,
                            "; pass the test data: --test PATH, as for data.test in a job file"));
}

// A convenience that nothing vouches for: it only says where to look for test data.
Result<fs::path> recorded_test_path(const std::string& dir) {
  const auto file = read_file(fs::path(dir) / "run.json", kMaxRecordBytes);
  if (!file.ok()) return no_test_data(dir, "there is no readable run.json");
  const auto json = crypto::parse_json(as_text(*file));
  if (json.ok()) GINN_TRY(crypto::check_format(*json, "run", kRunRecordVersion, "run_version"));
  const auto path = json.ok() ? crypto::string_field(*json, "test") : json.error();
  if (!path.ok() || path->empty()) return no_test_data(dir, "run.json names no test data");
  return fs::path(*path);
}

}  // namespace

Result<int> eval_verb(const EvalOptions& options) {
  GINN_ASSIGN(const job::Job job, load_run_job(options.dir));
  GINN_ASSIGN(const Bytes file,
              read_file(fs::path(options.dir) / certificate::kModelFile, kMaxModelBytes));
  GINN_ASSIGN(const device::Level level, device::choose_level());
  GINN_ASSIGN(const auto training, training::Training::create(job, level));
  GINN_ASSIGN(const training::LoadedModel model, training::load_model(training->graph(), file));

  fs::path test_path = options.test;
  if (options.test.empty()) {
    GINN_ASSIGN(test_path, recorded_test_path(options.dir));
  }
  GINN_ASSIGN(const auto test, import::load_dataset(test_path));
  ThreadPool pool(thread_count(options.threads));
  GINN_ASSIGN(const training::Evaluation result,
              training->evaluate(*test, model.parameters.data(), model.statistics, pool));
  const double accuracy =
      result.images == 0 ? 0.0
                         : static_cast<double>(result.correct) / static_cast<double>(result.images);
  if (options.json) {
    crypto::Json::Object json;
    json["accuracy"] = accuracy;
    json["correct"] = static_cast<double>(result.correct);
    json["images"] = static_cast<double>(result.images);
    json["loss"] = result.loss;
    fmt::print("{}\n", crypto::pretty_json(json));
  } else {
    fmt::print("accuracy {:.2f} % ({} of {} images), loss {:.4f}\n",
               100.0 * accuracy,
               result.correct,
               result.images,
               result.loss);
  }
  return 0;
}

}  // namespace ginn::cli
