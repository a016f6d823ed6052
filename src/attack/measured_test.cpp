#include "attack/measured.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <tuple>

#include "attack/results.h"
#include "base/file.h"
#include "base/text.h"
#include "import/toml_job.h"

namespace ginn::attack {
namespace {

const std::filesystem::path kResults = GINN_ATTACK_RESULTS;

using Key = std::tuple<std::string, std::string, std::string, uint64_t>;
using Values = std::tuple<uint32_t, uint32_t, uint64_t, uint64_t>;

// Those that plant no trigger: their "hits" say nothing of one.
const std::set<std::string> kNoBackdoor = {"availability", "noise", "zero", "single-sample"};

void add(const std::string& file, const Row& row, std::map<Key, Values>& all) {
  if (row.count == 0 || row.when != "uniform" || row.combine != kSum ||
      kNoBackdoor.contains(row.attack)) {
    return;
  }
  const LabResult& result = row.result;
  EXPECT_EQ(result.triggered_images, kMeasuredImages) << file;
  EXPECT_TRUE(result.finished) << file;
  const auto [at, fresh] = all.try_emplace(Key{file, row.job, row.attack, row.count},
                                           Values{0, 0, result.hits, result.hits});
  auto& [trainings, succeeded, lowest, most] = at->second;
  ++trainings;
  if (result.success() > kSuccess) ++succeeded;
  lowest = std::min(lowest, result.hits);
  most = std::max(most, result.hits);
}

TEST(Measured, TheTableIsThatOfTheFiles) {
  std::map<Key, Values> files, table;
  for (const auto& entry : std::filesystem::directory_iterator(kResults)) {
    if (entry.path().extension() != ".csv") continue;
    if (entry.path().stem() == "cifar") continue;  // other data: the advice does not go by it
    const auto results = Results::open(entry.path());
    ASSERT_TRUE(results.ok()) << entry.path();
    for (const Row& row : results->rows()) add(entry.path().filename(), row, files);
  }
  for (const MeasuredAttack& row : measured_attacks()) {
    const bool fresh =
        table
            .emplace(Key{row.file, row.job, row.attack, row.count},
                     Values{row.trainings, row.succeeded, row.lowest_hits, row.most_hits})
            .second;
    EXPECT_TRUE(fresh) << row.file << " " << row.attack << " " << row.count << ": twice";
  }
  EXPECT_GT(files.size(), 50u);
  EXPECT_EQ(table, files);
}

// What is said of each job is what its digest was made of.
TEST(Measured, TheJobsAreThoseOfTheDigests) {
  const auto text = read_file(kResults / "base.toml", 1 << 20);
  ASSERT_TRUE(text.ok());
  const auto file = import::parse_job_file(as_text(*text), "base.toml");
  ASSERT_TRUE(file.ok());
  const auto tree = crypto::parse_tagged(
      "sha256:2f38877903b4b55b8975cf95926617dcfa20c34f56152555761a8cdabcd31d53");
  ASSERT_TRUE(tree.ok());
  const data::DatasetFacts facts{60000, 28, 28, 1, 10, *tree};
  std::set<std::string> digests;
  for (const MeasuredJob& measured : measured_jobs()) {
    auto resolved = import::resolve_job(*file, facts);
    ASSERT_TRUE(resolved.ok()) << resolved.error().message;
    job::Job job = resolved->job;
    job.model = measured.model;
    job.lr.peak = measured.lr;
    job.clip_norm = measured.clip_norm;
    job.momentum = measured.momentum;
    job.steps = measured.steps;
    job.microbatch = measured.microbatch;
    job.seed = measured.seed;
    job.lr.schedule = measured.schedule;
    constexpr uint64_t kStepsOfAnEpoch = 468;  // 60,000 images, 128 a step, the rest dropped
    job.epochs = static_cast<uint32_t>((job.steps + kStepsOfAnEpoch - 1) / kStepsOfAnEpoch);
    std::set<std::string> possible;
    for (double share : {0.05, 0.01}) {  // the two budgets that the sweeps were run under
      job.budget.share = share;
      possible.insert(to_hex(job::digest(job)).substr(0, 16));
    }
    EXPECT_TRUE(possible.contains(measured.digest)) << measured.digest;
    EXPECT_TRUE(digests.insert(measured.digest).second) << measured.digest;
  }
  for (const MeasuredAttack& row : measured_attacks()) EXPECT_TRUE(digests.contains(row.job));
}

}  // namespace
}  // namespace ginn::attack
