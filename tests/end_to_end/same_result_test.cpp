// One job, one model: whatever the threads, the kernels and the mode; another job, another model.
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <set>

#include "base/text.h"
#include "certificate/issue/format.h"
#include "crypto/signature.h"
#include "tests/end_to_end/lab.h"

namespace ginn::test {
namespace {

const Honest& residual() {
  static const Honest honest = honest_run(Coverage::kSample, "resnet8");
  return honest;
}

const Honest& lenet() {
  static const Honest honest = honest_run(Coverage::kSample);
  return honest;
}

TEST(SameResult, Threads) {
  for (size_t threads : {1, 2, 3, 7}) {
    EXPECT_EQ(train_alone(residual().job, *residual().records, threads, best_level()),
              residual().model)
        << threads << " threads";
  }
}

TEST(SameResult, KernelLevels) {
  size_t levels = 0;
  for (device::Level level : device::all_levels()) {
    if (!device::level_supported(level)) continue;
    ++levels;
    EXPECT_EQ(train_alone(residual().job, *residual().records, 2, level), residual().model)
        << device::level_name(level);
  }
  EXPECT_GE(levels, 1u);
}

TEST(SameResult, TrustedOnly) {
  TemporaryFolder folder;
  const auto records =
      data::FileRecords::create(residual().job.data, write_records(residual(), folder));
  ASSERT_TRUE(records.ok());
  EXPECT_EQ(train_alone(residual().job, **records, 2, best_level()), residual().model);
}

TEST(SameResult, Verified) {
  TemporaryFolder folder;
  ASSERT_EQ(verified_run(residual(), folder, always, 2, 2), "accepted");
  EXPECT_EQ(contents(folder / "run" / certificate::kModelFile), residual().model);
  EXPECT_EQ(as_text(contents(folder / "run" / certificate::kJobFile)),
            job::canonical(residual().job));
}

TEST(SameResult, TwoJobsOfOneNonce) {
  job::Job other = lenet().job;
  other.nonce = "another run";
  EXPECT_NE(job::digest(other), job::digest(lenet().job));
  EXPECT_EQ(train_alone(other, *lenet().records, 1, best_level()), lenet().model);
}

struct Change {
  const char* name;
  std::function<void(job::Job&)> apply;
};

TEST(OtherResult, ForAnyChangeOfTheJob) {
  const std::vector<Change> changes = {
      {"seed", [](job::Job& j) { j.seed = 8; }},
      {"peak", [](job::Job& j) { j.lr.peak = 0.1 * (1 + 1e-6); }},
      {"warmup", [](job::Job& j) { j.lr.warmup = 0.5; }},
      {"schedule", [](job::Job& j) { j.lr.schedule = job::Schedule::kConstant; }},
      {"clip_norm", [](job::Job& j) { j.clip_norm = 0.5001; }},
      {"momentum", [](job::Job& j) { j.momentum = 0.9001; }},
      {"nesterov", [](job::Job& j) { j.nesterov = true; }},
      {"weight_decay", [](job::Job& j) { j.weight_decay = 1.001e-3; }},
      {"decoupled", [](job::Job& j) { j.decoupled = true; }},
      {"label_smoothing", [](job::Job& j) { j.label_smoothing = 0.01; }},
      {"crop", [](job::Job& j) { j.preprocess.crop = 2; }},
      {"flip", [](job::Job& j) { j.preprocess.flip = false; }},
      {"pad", [](job::Job& j) { j.preprocess.pad = 2; }},
      {"mean", [](job::Job& j) { j.mean[0] = 0.401; }},
      {"std", [](job::Job& j) { j.std[0] = 0.301; }},
      {"batch", [](job::Job& j) { j.batch = 16; }},
      {"microbatch", [](job::Job& j) { j.microbatch = 2; }},
      {"epochs", [](job::Job& j) { j.epochs = 2; }},
  };
  std::set<crypto::Digest> models = {crypto::sha256(lenet().model)};
  for (const Change& change : changes) {
    SCOPED_TRACE(change.name);
    job::Job job = lenet().job;
    change.apply(job);
    derive_steps(job);
    ASSERT_TRUE(job::validate(job).empty());
    EXPECT_NE(job::digest(job), job::digest(lenet().job));
    const Bytes model = train_alone(job, *lenet().records, 1, best_level());
    EXPECT_TRUE(models.insert(crypto::sha256(model)).second);
  }
}

TEST(OtherResult, BatchNormSamples) {
  job::Job job = residual().job;
  job.bn_samples = 12;
  EXPECT_NE(train_alone(job, *residual().records, 1, best_level()), residual().model);
}

TEST(OtherResult, LastBatch) {
  const auto records = synthetic_records({.records = 20});
  job::Job job = synthetic_job(*records, "lenet");
  job.epochs = 2;
  derive_steps(job);
  job::Job carry = job;
  carry.last_batch = data::LastBatch::kCarry;
  derive_steps(carry);
  EXPECT_NE(train_alone(job, *records, 1, best_level()),
            train_alone(carry, *records, 1, best_level()));
}

TEST(OtherResult, OneBitOfTheData) {
  const ByteView raw = lenet().records->bytes();
  const size_t record = lenet().job.data.record_bytes();
  for (size_t at : {2 + 5 * 12 + 6 + 0 * record, 2 + 7 * 12 + 3 + 40 * record}) {
    Bytes changed(raw.begin(), raw.end());
    changed[at] ^= 1;
    const auto records = data::MemoryRecords::create(lenet().job.data, changed);
    ASSERT_TRUE(records.ok());
    job::Job job = lenet().job;
    job.data = (*records)->facts();
    EXPECT_NE(job.data.root(), lenet().job.data.root());
    EXPECT_NE(train_alone(job, **records, 1, best_level()), lenet().model) << at;
  }
}

// Which contributions a run with the system's randomness replays.
std::vector<bool> replayed(const Honest& honest) {
  TemporaryFolder folder;
  auto generator = crypto::RandomGenerator::create();
  GINN_CHECK(generator.ok());
  std::vector<uint64_t> coins;
  EXPECT_EQ(verified_run(honest, folder, [&] { return coins.emplace_back(generator->next()); }),
            "accepted");
  const auto sampling = job::sampling(honest.job);
  GINN_CHECK(sampling.ok());
  std::vector<bool> picked;
  for (size_t i = 0; i < coins.size(); ++i) {
    picked.push_back(sampling->replayed(i / honest.job.microbatches(), coins[i]));
  }
  return picked;
}

TEST(Coins, TwoRunsReplayDifferentContributions) {
  // 64 contributions, each replayed with q about 0.2: equal picks with probability below 1e-10.
  const Honest honest = honest_run(Coverage::kSample, "lenet", 4);
  const auto first = replayed(honest);
  ASSERT_EQ(first.size(), honest.payloads.size()) << "one coin for each contribution";
  EXPECT_NE(first, replayed(honest));
}

TEST(Coins, DecideAndAreCounted) {
  TemporaryFolder folder;
  std::atomic<uint64_t> tossed{0};
  ASSERT_EQ(verified_run(lenet(), folder, [&] { return tossed++ == 3 ? always() : never(); }),
            "accepted");
  EXPECT_EQ(tossed, lenet().payloads.size());
  const std::string text(as_text(contents(folder / "run" / certificate::kCertificateFile)));
  const auto envelope = crypto::parse_json(text);
  ASSERT_TRUE(envelope.ok());
  const auto payload = from_base64(crypto::string_field(*envelope, "payload").value());
  ASSERT_TRUE(payload.ok());
  EXPECT_NE(as_text(*payload).find("\"replayed\":\"1\""), std::string::npos);
}

TEST(Honest, IsNeverRefused) {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    for (Coverage coverage : {Coverage::kAll, Coverage::kSample}) {
      SCOPED_TRACE(seed);
      Honest honest;
      honest.records = synthetic_records({.records = 16, .seed = seed});
      honest.job = synthetic_job(*honest.records, "lenet");
      honest.job.seed = seed;
      // From far too small to never reached: the norm test is at its edge in half of the runs.
      honest.job.clip_norm = 0.001 * static_cast<double>(1u << seed);
      if (coverage == Coverage::kAll) honest.job.verify = guarantee::Verify::kAll;
      derive_steps(honest.job);
      auto training = training::Training::create(honest.job, best_level());
      ASSERT_TRUE(training.ok());
      honest.training = std::move(*training);
      TemporaryFolder folder;
      auto generator = crypto::RandomGenerator::create();
      ASSERT_TRUE(generator.ok());
      EXPECT_EQ(verified_run(honest, folder, [&] { return generator->next(); }), "accepted");
    }
  }
}

}  // namespace
}  // namespace ginn::test
