// A verifier that replays more slowly than the worker trains.
#include <gtest/gtest.h>

#include "certificate/check/run_check.h"
#include "certificate/issue/format.h"
#include "tests/end_to_end/lab.h"

namespace ginn::test {
namespace {

// Contributions come faster than one thread replays them: the queue fills, nothing is dropped.
TEST(Queue, AtItsLimitBlocksAndDropsNothing) {
  const Honest run = honest_run(Coverage::kAll, "lenet", 10);
  const size_t limit = verifier::ReplayQueue::limit(run.training->graph());
  ASSERT_GT(run.payloads.size(), 2 * limit);
  TemporaryFolder folder;
  const auto out = folder / "run";
  std::filesystem::create_directory(out);
  RawWorker worker(run, write_records(run, folder), out, never);
  ASSERT_TRUE(worker.shake_hands());
  worker.contributions(0, run.payloads.size());
  worker.end();
  ASSERT_EQ(worker.code(), "accepted");
  EXPECT_EQ(worker.verdict(), "accepted");
  EXPECT_LE(worker.most_queued(), limit + 1);
  EXPECT_EQ(contents(out / certificate::kModelFile), run.model);
  const auto outcome = certificate::check_run(out, {job::digest(run.job), true, {}});
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome->verdict, certificate::Verdict::kAccepted) << outcome->summary;
}

}  // namespace
}  // namespace ginn::test
