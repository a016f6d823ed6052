#include "verifier/session.h"

#include <gtest/gtest.h>

#include "certificate/issue/format.h"
#include "crypto/dsse.h"
#include "tests/end_to_end/lab.h"

namespace ginn::verifier {
namespace {

using test::contents;
using test::never;
using test::RawWorker;

// Every behaviour towards a lying worker is in tests/end_to_end; here is what a session leaves
// behind.
class SessionTest : public testing::Test {
 protected:
  static const test::Honest& honest() {
    static const test::Honest run = test::honest_run(test::Coverage::kSample, "lenet", 9);
    return run;
  }
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(out_)) {
      names.push_back(entry.path().filename());
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  crypto::Json payload(std::string_view file) const {
    const Bytes text = contents(out_ / file);
    const auto envelope = crypto::parse_envelope(as_text(text), certificate::kMaxStatementBytes);
    GINN_CHECK(envelope.ok());
    return crypto::parse_json(as_text(envelope->payload)).value();
  }
  std::filesystem::path make_out() {
    std::filesystem::create_directory(folder_ / "run");
    return folder_ / "run";
  }

  test::Folder folder_;
  std::filesystem::path records_ = test::write_records(honest(), folder_);
  std::filesystem::path out_ = make_out();
};

TEST_F(SessionTest, TranscriptEvery64StepsAndAtTheEnd) {
  RawWorker worker(honest(), records_, out_, never);
  ASSERT_TRUE(worker.shake_hands());
  worker.contributions(0, honest().payloads.size());
  worker.end();
  ASSERT_EQ(worker.code(), "accepted");
  EXPECT_EQ(worker.outcome()->message, "every check passed");
  const std::vector<std::string> expected = {
      "certificate.json", "job.json", "model.safetensors", "transcript.jsonl"};
  EXPECT_EQ(files(), expected);
  ASSERT_EQ(honest().job.steps, 72u);
  const std::string transcript(as_text(contents(out_ / "transcript.jsonl")));
  EXPECT_TRUE(transcript.starts_with("{\"step\":\"64\","));
  EXPECT_NE(transcript.find("\n{\"step\":\"72\","), std::string::npos);
  EXPECT_EQ(std::count(transcript.begin(), transcript.end(), '\n'), 2);
}

TEST_F(SessionTest, ARejectionSaysHowFarItCame) {
  RawWorker worker(honest(), records_, out_, never);
  ASSERT_TRUE(worker.shake_hands());
  worker.contributions(0, 131);
  worker.contribution(0);
  ASSERT_EQ(worker.code(), "contribution_duplicate");
  EXPECT_FALSE(worker.outcome()->accepted);
  const std::vector<std::string> expected = {"job.json", "rejection.json", "transcript.jsonl"};
  EXPECT_EQ(files(), expected);
  const std::string statement = crypto::canonical_json(payload("rejection.json"));
  EXPECT_NE(statement.find("\"code\":\"contribution_duplicate\""), std::string::npos);
  EXPECT_NE(statement.find("\"step\":\"65\""), std::string::npos) << statement;
  EXPECT_NE(statement.find("\"microbatch\":\"1\""), std::string::npos);
  const std::string transcript(as_text(contents(out_ / "transcript.jsonl")));
  EXPECT_EQ(std::count(transcript.begin(), transcript.end(), '\n'), 1);
}

TEST_F(SessionTest, APeerThatNamesNoJobLeavesNothing) {
  RawWorker worker(honest(), records_, out_, never);
  worker.hello();
  worker.job("{}");
  EXPECT_NE(worker.code(), "accepted");
  EXPECT_FALSE(worker.outcome().ok());
  EXPECT_TRUE(files().empty());
}

TEST_F(SessionTest, NoTossBeforeTheBytesAreThere) {
  // The coin is asked once for each whole contribution, never for a part of one.
  std::atomic<int> tossed{0};
  RawWorker worker(honest(), records_, out_, [&] {
    ++tossed;
    return never();
  });
  ASSERT_TRUE(worker.shake_hands());
  worker.contributions(0, 3);
  const Bytes& payload = honest().payloads[3];
  worker.bytes(protocol::frame_header(protocol::FrameType::kContribution,
                                      static_cast<uint32_t>(payload.size())));
  worker.bytes(ByteView(payload).first(payload.size() - 1));
  EXPECT_EQ(worker.code(), "frame_truncated");
  EXPECT_EQ(tossed, 3);
}

}  // namespace
}  // namespace ginn::verifier
