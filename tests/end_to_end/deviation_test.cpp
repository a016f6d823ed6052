// Lies in the numbers, and a disk that lies: what a replay finds, and what it leaves to a third
// party.
#include <gtest/gtest.h>

#include <cstring>

#include "audit/audit.h"
#include "base/text.h"
#include "certificate/check/run_check.h"
#include "certificate/check/statement.h"
#include "certificate/issue/format.h"
#include "crypto/dsse.h"
#include "model_file/safetensors.h"
#include "tests/end_to_end/lab.h"

namespace ginn::test {
namespace {

using protocol::FrameType;

constexpr uint64_t kStep = 3;
constexpr uint32_t kMicrobatch = 1;

const Honest& honest() {
  static const Honest run = honest_run(Coverage::kSample);
  return run;
}

// The honest contribution of (kStep, kMicrobatch) with one integer of the last tensor one nearer to
// 0: form and norm stay good.
Bytes off_by_one() {
  training::Contribution c =
      decoded(honest(), honest().payloads[honest().index(kStep, kMicrobatch)]);
  for (size_t i = c.q.size(); i-- > 0;) {
    if (std::abs(c.q[i]) < 2) continue;
    c.q[i] = static_cast<int16_t>(c.q[i] + (c.q[i] > 0 ? -1 : 1));
    return encoded(honest(), kStep, kMicrobatch, c);
  }
  ADD_FAILURE() << "no integer to change";
  return {};
}

class Deviations : public testing::Test {
 protected:
  // Replays the contributions that `picked` says.
  std::string run(const Bytes& lie, const std::function<bool(uint64_t)>& picked) {
    uint64_t tossed = 0;
    RawWorker worker(
        honest(), records_, out_, [&] { return picked(tossed++) ? always() : never(); });
    EXPECT_TRUE(worker.shake_hands());
    const uint64_t at = honest().index(kStep, kMicrobatch);
    worker.contributions(0, at);
    worker.frame(FrameType::kContribution, lie);
    worker.contributions(at + 1, honest().payloads.size());
    worker.end();
    return worker.code();
  }
  std::filesystem::path make_out() {
    std::filesystem::create_directory(folder_ / "run");
    return folder_ / "run";
  }

  TemporaryFolder folder_;
  std::filesystem::path records_ = write_records(honest(), folder_);
  std::filesystem::path out_ = make_out();
};

const model_file::NamedTensor* find(const model_file::TensorFile& file, const std::string& name) {
  for (const auto& tensor : file.tensors) {
    if (tensor.name == name) return &tensor;
  }
  return nullptr;
}

void expect_tensors(const model_file::TensorFile& file,
                    const std::string& prefix,
                    const training::Contribution& c) {
  const auto* exponents = find(file, prefix + ".exponents");
  ASSERT_NE(exponents, nullptr);
  EXPECT_EQ(0, std::memcmp(exponents->data.data(), c.exponents.data(), c.exponents.size()));
  for (const nn::Parameter& p : honest().training->graph().parameters()) {
    const auto* tensor = find(file, prefix + "/" + p.name);
    ASSERT_NE(tensor, nullptr) << p.name;
    ASSERT_EQ(tensor->data.size(), 2 * p.count);
    EXPECT_EQ(0, std::memcmp(tensor->data.data(), c.q.data() + p.offset, 2 * p.count)) << p.name;
  }
}

TEST_F(Deviations, OneIntegerOffByOneIsFound) {
  const Bytes lie = off_by_one();
  ASSERT_EQ(run(lie, [](uint64_t i) { return i == honest().index(kStep, kMicrobatch); }),
            "deviation");
  EXPECT_FALSE(exists(out_ / certificate::kCertificateFile));
  EXPECT_FALSE(exists(out_ / certificate::kModelFile));

  // The evidence: weights of the step, what came, and what an honest computation gives.
  const auto file =
      model_file::parse_safetensors(contents(out_ / certificate::kRejectionEvidenceFile));
  ASSERT_TRUE(file.ok()) << file.error().message;
  const Bytes& right = honest().payloads[honest().index(kStep, kMicrobatch)];
  expect_tensors(*file, "received", decoded(honest(), lie));
  expect_tensors(*file, "expected", decoded(honest(), right));
  EXPECT_NE(lie, right);
  for (const nn::Parameter& p : honest().training->graph().parameters()) {
    const auto* tensor = find(*file, "weights/" + p.name);
    ASSERT_NE(tensor, nullptr);
    EXPECT_EQ(0,
              std::memcmp(tensor->data.data(),
                          honest().weights[kStep].data() + p.offset,
                          p.count * sizeof(float)))
        << p.name;
  }

  // The rejection is signed and binds all of it.
  const std::string text(as_text(contents(out_ / certificate::kRejectionFile)));
  const auto envelope = crypto::parse_envelope(text, certificate::kMaxStatementBytes);
  ASSERT_TRUE(envelope.ok());
  const auto statement = certificate::parse_rejection_statement(as_text(envelope->payload));
  ASSERT_TRUE(statement.ok()) << statement.error().message;
  EXPECT_EQ(statement->code, "deviation");
  EXPECT_EQ(statement->step, kStep);
  EXPECT_EQ(statement->microbatch, kMicrobatch);
  EXPECT_TRUE(crypto::verify_envelope(*envelope, statement->head.key));
  const ByteView bytes(right);
  const auto expected = crypto::sha256(bytes.subspan(protocol::kContributionPrefixBytes));
  EXPECT_NE(as_text(envelope->payload).find(crypto::hex(expected)), std::string::npos);
  for (uint64_t record : honest().training->record_indices(kStep, kMicrobatch)) {
    EXPECT_NE(as_text(envelope->payload).find(concat('"', record, '"')), std::string::npos);
  }

  const auto outcome = certificate::check_run(out_, {job::digest(honest().job), true, {}});
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome->verdict, certificate::Verdict::kRejected);
  EXPECT_TRUE(outcome->simulated);
  for (const certificate::Check& check : outcome->checks) {
    EXPECT_TRUE(check.ok) << check.name << ": " << check.detail;
  }
}

TEST_F(Deviations, ARejectionIsComputedAgainFromItsFolderAlone) {
  ASSERT_EQ(run(off_by_one(), [](uint64_t i) { return i == honest().index(kStep, kMicrobatch); }),
            "deviation");
  std::filesystem::remove(records_);
  const auto text = certificate::make_bundle(out_);
  ASSERT_TRUE(text.ok()) << text.error().message;
  const certificate::Bundle bundle = certificate::parse_bundle(as_bytes(*text)).value();
  Bytes evidence = contents(out_ / certificate::kRejectionEvidenceFile);
  const auto audit = audit::audit_rejection(bundle, evidence, device::Level::kPortable);
  ASSERT_TRUE(audit.ok()) << audit.error().message;
  EXPECT_TRUE(audit->confirmed());
  EXPECT_EQ(audit->computed, audit->expected);
  EXPECT_EQ(audit->step, kStep);
  EXPECT_EQ(audit->microbatch, kMicrobatch);
  evidence[evidence.size() / 2] ^= 1;
  const auto harmed = audit::audit_rejection(bundle, evidence, device::Level::kPortable);
  ASSERT_FALSE(harmed.ok());
  EXPECT_EQ(std::string_view(harmed.error().code), "audit_evidence");
}

// A lie that no coin found is accepted; whoever computes the run again sees it.
TEST_F(Deviations, AnAuditFindsWhatNoCoinDid) {
  ThreadPool pool(1);
  const uint64_t steps = honest().job.steps;
  const auto audited = [&](const Bytes& contribution) -> std::string {
    EXPECT_EQ(run(contribution, [](uint64_t) { return false; }), "accepted");
    const auto bundle = certificate::parse_bundle(as_bytes(certificate::make_bundle(out_).value()));
    const auto audit =
        audit::RunAudit::create(*bundle, *honest().records, nullptr, device::Level::kPortable);
    EXPECT_TRUE(audit.ok());
    EXPECT_EQ((*audit)->entries().size(), 1u);
    EXPECT_EQ(std::string_view((*audit)->check({0, steps - 1}).error().code), "audit_steps");
    uint64_t done = 0;
    const auto computed = (*audit)->compute({0, steps}, {}, pool, [&] {
      ++done;
      return ok_status();
    });
    if (!computed.ok()) return computed.error().code;
    EXPECT_EQ(done, steps);
    EXPECT_TRUE(computed->model);
    EXPECT_EQ(computed->states, 1u);
    std::filesystem::remove_all(out_);
    std::filesystem::create_directory(out_);
    return "ok";
  };
  EXPECT_EQ(audited(honest().payloads[honest().index(kStep, kMicrobatch)]), "ok");
  EXPECT_EQ(audited(off_by_one()), "audit_state");
}

// A worker that goes on from the weights that its lie gave: only the lie itself deviates.
void lie_once(uint64_t t, uint32_t j, training::Contribution& c) {
  if (t == kStep && j == kMicrobatch) c = decoded(honest(), off_by_one());
}

// Nothing comes after it that would give its replay time: the verdict waits.
TEST_F(Deviations, TheLastContribution) {
  const uint64_t last = honest().payloads.size() - 1;
  training::Contribution c = decoded(honest(), honest().payloads[last]);
  c.q[0] = static_cast<int16_t>(c.q[0] == 0 ? 1 : 0);
  uint64_t tossed = 0;
  RawWorker worker(
      honest(), records_, out_, [&] { return tossed++ == last ? always() : never(); }, 1, slowly);
  ASSERT_TRUE(worker.shake_hands());
  worker.contributions(0, last);
  worker.frame(FrameType::kContribution,
               encoded(honest(), honest().job.steps - 1, honest().job.microbatches() - 1, c));
  worker.end();
  EXPECT_EQ(worker.code(), "deviation");
  EXPECT_FALSE(exists(out_ / certificate::kCertificateFile));
}

TEST(LyingWorker, EverythingElseIsInOrder) {
  const uint64_t lie = honest().index(kStep, kMicrobatch);
  for (uint64_t picked : {lie - 1, lie, lie + 1}) {
    TemporaryFolder folder;
    uint64_t tossed = 0;
    const auto coin = [&] { return tossed++ == picked ? always() : never(); };
    EXPECT_EQ(verified_run(honest(), folder, coin, 1, 1, lie_once),
              picked == lie ? "deviation" : "accepted")
        << picked;
  }
}

TEST(LyingWorker, WhatNoCoinPicksIsNotFound) {
  // The guarantee is a probability: this is the share of runs that it leaves.
  TemporaryFolder folder;
  uint64_t tossed = 0;
  const auto all_others = [&] {
    return tossed++ == honest().index(kStep, kMicrobatch) ? never() : always();
  };
  EXPECT_EQ(verified_run(honest(), folder, all_others, 1, 1, lie_once), "accepted");
  EXPECT_NE(contents(folder / "run" / certificate::kModelFile), honest().model);
}

TEST_F(Deviations, AnExponentAndItsIntegersShifted) {
  // The same values in another form are a deviation too.
  training::Contribution c =
      decoded(honest(), honest().payloads[honest().index(kStep, kMicrobatch)]);
  const auto& parameters = honest().training->graph().parameters();
  bool changed = false;
  for (size_t p = 0; p < parameters.size() && !changed; ++p) {
    const auto each = std::span(c.q.data() + parameters[p].offset, parameters[p].count);
    bool fits = c.exponents[p] > -40;
    for (int16_t q : each) fits = fits && std::abs(q) <= 16383;
    if (!fits) {
      for (int16_t& q : each) fits = fits && (q % 2 == 0);
    }
    if (!fits) continue;
    for (int16_t& q : each) q = static_cast<int16_t>(q * 2);
    --c.exponents[p];
    changed = true;
  }
  if (!changed) {
    // Every tensor uses its 15 bits: halve one instead, values nearly kept.
    for (size_t i = 0; i < parameters[0].count; ++i) c.q[i] = static_cast<int16_t>(c.q[i] / 2);
    ++c.exponents[0];
  }
  EXPECT_EQ(run(encoded(honest(), kStep, kMicrobatch, c),
                [](uint64_t i) { return i == honest().index(kStep, kMicrobatch); }),
            "deviation");
}

class Disk : public Deviations {
 protected:
  // Honest bytes from the worker; `harm` happens after the verifier has read the data.
  std::string run_harmed(const std::function<void()>& harm, VerifierThread::Coin coin) {
    RawWorker worker(honest(), records_, out_, std::move(coin));
    if (worker.shake_hands()) {
      harm();
      worker.contributions(0, honest().payloads.size());
      worker.end();
    }
    const std::string code = worker.code();
    // The machine's failure accuses nobody: an error, told to the worker, and nothing signed.
    environment_ =
        !worker.outcome().ok() && worker.outcome().error().kind == ErrorClass::kEnvironment;
    EXPECT_EQ(environment_, !worker.outcome().ok());
    EXPECT_EQ(exists(out_ / certificate::kRejectionFile), !environment_ && code != "accepted");
    if (!worker.verdict().empty()) {
      EXPECT_EQ(worker.verdict(), code);
      EXPECT_EQ(worker.environment(), environment_);
    }
    EXPECT_EQ(exists(out_ / certificate::kCertificateFile), code == "accepted");
    EXPECT_EQ(exists(out_ / certificate::kModelFile), code == "accepted");
    return code;
  }
  bool environment_ = false;
  size_t pixel(uint64_t record) const { return record * honest().job.data.record_bytes() + 20; }
};

TEST_F(Disk, BitFlippedBeforeTheStart) {
  for (uint64_t record : {0, 33, 63}) {
    flip(records_, pixel(record));
    EXPECT_EQ(run_harmed([] {}, always), "dataset_root_mismatch") << record;
    EXPECT_FALSE(environment_);
    std::filesystem::remove(out_ / certificate::kRejectionFile);
    flip(records_, pixel(record));
  }
  EXPECT_EQ(run_harmed([] {}, always), "accepted");
}

TEST_F(Disk, LabelOutOfRangeBeforeTheStart) {
  flip(records_, 1);  // the high byte of record 0's label
  EXPECT_EQ(run_harmed([] {}, always), "label_range");
}

TEST_F(Disk, BitFlippedDuringTheRun) {
  const uint64_t record = honest().training->record_indices(2, 0)[1];
  EXPECT_EQ(run_harmed([&] { flip(records_, pixel(record)); }, always), "record_mismatch");
}

TEST_F(Disk, TruncatedFile) {
  const Bytes all = contents(records_);
  write(records_, ByteView(all).first(all.size() - 1));
  EXPECT_EQ(run_harmed([] {}, always), "dataset_size");
  std::filesystem::remove(out_ / certificate::kRejectionFile);
  write(records_, all);
  // Record 63 is in the last epoch's permutation and in the statistics or a replay.
  EXPECT_EQ(run_harmed([&] { std::filesystem::resize_file(records_, 10); }, always),
            "record_unreadable");
  EXPECT_TRUE(environment_);
}

TEST_F(Disk, EmptyOrMissingFile) {
  write(records_, {});
  EXPECT_EQ(run_harmed([] {}, always), "dataset_size");
  EXPECT_FALSE(environment_);
  std::filesystem::remove(out_ / certificate::kRejectionFile);
  std::filesystem::remove(records_);
  EXPECT_EQ(run_harmed([] {}, always), "record_unreadable");
  EXPECT_TRUE(environment_);
}

TEST_F(Disk, OutputFolderGone) {
  std::filesystem::remove_all(out_);
  EXPECT_EQ(run_harmed([] {}, always), "write_failed");
  EXPECT_TRUE(environment_);
}

TEST_F(Disk, ADeviationWhoseRejectionCannotBeWritten) {
  const uint64_t at = honest().index(kStep, kMicrobatch);
  RawWorker worker(honest(), records_, out_, always);
  ASSERT_TRUE(worker.shake_hands());
  std::filesystem::remove_all(out_);
  worker.contributions(0, at);
  worker.frame(FrameType::kContribution, off_by_one());
  worker.contributions(at + 1, honest().payloads.size());
  worker.end();
  EXPECT_EQ(worker.code(), "write_failed") << "nothing is left: an error";
  EXPECT_EQ(worker.verdict(), "deviation") << "the worker is told the truth";
  EXPECT_FALSE(worker.environment());
}

}  // namespace
}  // namespace ginn::test
