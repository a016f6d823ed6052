#include "verifier/session.h"

#include <gtest/gtest.h>
#include <unistd.h>

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

  test::TemporaryFolder folder_;
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
  EXPECT_TRUE(worker.outcome()->simulated);
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
  EXPECT_EQ(worker.outcome()->kind, Outcome::Kind::kRejected);
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
  const Bytes frame = worker.framed(protocol::FrameType::kContribution, payload);
  worker.bytes(ByteView(frame).first(frame.size() - 1));
  EXPECT_EQ(worker.code(), "frame_truncated");
  EXPECT_EQ(tossed, 3);
}

TEST_F(SessionTest, ExhaustedMemoryAccusesNobody) {
  RawWorker worker(honest(), records_, out_, []() -> uint64_t { throw std::bad_alloc(); });
  ASSERT_TRUE(worker.shake_hands());
  worker.contribution(0);
  EXPECT_EQ(worker.code(), "out_of_memory");
  ASSERT_FALSE(worker.outcome().ok());
  EXPECT_EQ(worker.outcome().error().kind, ErrorClass::kEnvironment);
  EXPECT_EQ(worker.verdict(), "out_of_memory");
  EXPECT_TRUE(worker.environment());
  EXPECT_TRUE(files().empty());
}

TEST_F(SessionTest, TheFolderIsCheckedBeforeTheRun) {
  const auto code = [](const std::filesystem::path& out) -> std::string {
    const Status status = check_out_folder(out, false);
    return status.ok() ? "" : status.error().code;
  };
  EXPECT_EQ(code(out_), "");
  test::write(out_ / "verifier.log", as_bytes("of the program that starts the verifier"));
  EXPECT_EQ(code(out_), "");
  EXPECT_EQ(code(out_ / "nowhere"), "not_a_folder");
  EXPECT_EQ(code(out_ / "verifier.log"), "not_a_folder");
  for (const char* file : {"job.json",
                           "transcript.jsonl",
                           "model.safetensors",
                           "certificate.json",
                           "rejection.json",
                           "rejection-evidence.safetensors",
                           "checkpoint.sealed"}) {
    test::write(out_ / file, {});
    EXPECT_EQ(code(out_), "out_exists") << file;
    EXPECT_NE(check_out_folder(out_, false).error().message.find(file), std::string::npos);
    std::filesystem::remove(out_ / file);
    std::filesystem::create_symlink("nowhere", out_ / file);
    EXPECT_EQ(code(out_), "out_exists") << "a dangling link: " << file;
    std::filesystem::remove(out_ / file);
  }
  if (::geteuid() == 0) return;  // root may write everywhere
  std::filesystem::permissions(
      out_, std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
  EXPECT_EQ(code(out_), "write_failed");
  std::filesystem::permissions(out_, std::filesystem::perms::owner_all);
}

TEST_F(SessionTest, ARunThatIsOverIsNotResumed) {
  const auto code = [&]() -> std::string {
    const Status status = check_out_folder(out_, true);
    return status.ok() ? "" : status.error().code;
  };
  for (const char* file : {"checkpoint.sealed", "job.json", "model.safetensors"}) {
    test::write(out_ / file, {});
    EXPECT_EQ(code(), "") << file << ": left over by a run that was killed";
  }
  for (const char* verdict : {"certificate.json", "rejection.json"}) {
    test::write(out_ / verdict, {});
    EXPECT_EQ(code(), "out_exists") << verdict;
    std::filesystem::remove(out_ / verdict);
  }
}

}  // namespace
}  // namespace ginn::verifier
