#include <gtest/gtest.h>

#include "base/text.h"
#include "certificate/check/fake_run.h"

namespace ginn::certificate {
namespace {

// Every `stride`-th byte of a file, changed: the run is never accepted, nor consistent.
void expect_no_flip_passes(const std::string& name, size_t stride) {
  FakeRun run;
  const std::string good = run.read(name);
  ASSERT_EQ(run.check().verdict, Verdict::kAccepted);  // the harness tests something
  for (size_t at = 0; at < good.size(); at += stride) {
    for (int mask : {0x01, 0x20, 0x80}) {
      std::string changed = good;
      changed[at] = static_cast<char>(changed[at] ^ mask);
      run.write(name, changed);
      EXPECT_EQ(run.check().verdict, Verdict::kRejected) << name << " byte " << at << " " << mask;
    }
  }
  for (size_t size : {size_t{0}, good.size() / 2, good.size() - 1}) {
    run.write(name, std::string_view(good).substr(0, size));
    EXPECT_EQ(run.check().verdict, Verdict::kRejected) << name << " cut to " << size;
  }
  run.write(name, good);
  EXPECT_EQ(run.check().verdict, Verdict::kAccepted);
}

TEST(Flips, Certificate) { expect_no_flip_passes("certificate.json", 29); }
TEST(Flips, Model) { expect_no_flip_passes("model.safetensors", 101); }
TEST(Flips, Job) { expect_no_flip_passes("job.json", 31); }
TEST(Flips, Transcript) { expect_no_flip_passes("transcript.jsonl", 37); }

}  // namespace
}  // namespace ginn::certificate
