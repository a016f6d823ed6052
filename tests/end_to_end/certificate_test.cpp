// The whole way: a run in this process, its folder, and the relying party's check of it.
#include <gtest/gtest.h>

#include "certificate/check/run_check.h"
#include "certificate/issue/format.h"
#include "tests/end_to_end/lab.h"

namespace ginn::test {
namespace {

using certificate::Verdict;

const Honest& honest() {
  static const Honest run = honest_run(Coverage::kAll);
  return run;
}

class Certificate : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(verified_run(honest(), folder_, never), "accepted"); }
  Verdict verdict(const certificate::RelyingParty& party) {
    const auto outcome = certificate::check_run(run_, party);
    EXPECT_TRUE(outcome.ok());
    if (outcome.ok() && outcome->verdict == Verdict::kAccepted) {
      EXPECT_TRUE(outcome->simulated);
    }
    return outcome.ok() ? outcome->verdict : Verdict::kRejected;
  }
  certificate::RelyingParty mine() const { return {job::digest(honest().job), true, {}}; }

  TemporaryFolder folder_;
  std::filesystem::path run_ = folder_ / "run";
};

TEST_F(Certificate, Verdicts) {
  EXPECT_EQ(verdict(mine()), Verdict::kAccepted);
  certificate::RelyingParty party = mine();
  party.allow_simulated = false;
  EXPECT_EQ(verdict(party), Verdict::kRejected);
  party = mine();
  party.job_digest.reset();
  EXPECT_EQ(verdict(party), Verdict::kConsistent);
  party = mine();
  (*party.job_digest)[0] ^= 1;
  EXPECT_EQ(verdict(party), Verdict::kRejected);
  EXPECT_FALSE(exists(run_ / certificate::kRejectionFile));
}

TEST_F(Certificate, AnyAlteredByteIsNotAccepted) {
  const struct {
    std::string_view file;
    size_t stride;
  } files[] = {{certificate::kCertificateFile, 41},
               {certificate::kTranscriptFile, 7},
               {certificate::kJobFile, 11},
               {certificate::kModelFile, 1999}};
  for (const auto& [file, stride] : files) {
    const auto path = run_ / file;
    const Bytes good = contents(path);
    ASSERT_GT(good.size(), 100u);
    for (size_t at = 0; at < good.size(); at += stride) {
      Bytes changed = good;
      changed[at] ^= 1;
      write(path, changed);
      ASSERT_NE(verdict(mine()), Verdict::kAccepted) << file << " byte " << at;
    }
    write(path, ByteView(good).first(good.size() - 1));
    EXPECT_NE(verdict(mine()), Verdict::kAccepted) << file << " truncated";
    Bytes longer = good;
    // The envelope's own JSON is not signed: blanks behind it change nothing.
    longer.push_back(file == certificate::kCertificateFile ? '0' : '\n');
    write(path, longer);
    EXPECT_NE(verdict(mine()), Verdict::kAccepted) << file << " longer";
    std::filesystem::remove(path);
    EXPECT_NE(verdict(mine()), Verdict::kAccepted) << file << " missing";
    write(path, good);
    ASSERT_EQ(verdict(mine()), Verdict::kAccepted) << file << " restored";
  }
}

TEST_F(Certificate, OfAnotherRunOfTheSameJob) {
  // Keys are fresh in every run: files of two runs do not mix, though the models are equal.
  TemporaryFolder other;
  ASSERT_EQ(verified_run(honest(), other, never), "accepted");
  const auto theirs = other / "run";
  EXPECT_EQ(contents(theirs / certificate::kModelFile), contents(run_ / certificate::kModelFile));
  EXPECT_NE(contents(theirs / certificate::kTranscriptFile),
            contents(run_ / certificate::kTranscriptFile));
  write(run_ / certificate::kTranscriptFile, contents(theirs / certificate::kTranscriptFile));
  EXPECT_EQ(verdict(mine()), Verdict::kRejected);
}

}  // namespace
}  // namespace ginn::test
