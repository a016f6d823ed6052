// What a host may ask the owner for, and what it gets: the lives of a job are counted here.
#include "certificate/issue/grant.h"

#include <gtest/gtest.h>

#include "attest/produce/attester.h"
#include "attest/report_data.h"
#include "base/file.h"
#include "base/text.h"
#include "certificate/issue/format.h"
#include "cli/job_source.h"
#include "cli/verbs.h"
#include "import/dataset_import.h"
#include "import/import_test_files.h"

namespace ginn::cli {
namespace {

namespace files = import::testing;
using certificate::StartRequest;

constexpr std::string_view kJob = R"([model]
name = "mlp"
[data]
train = "d"
root = "@"
[train]
epochs = 1
batch = 8
microbatch = 4
bn_samples = 8
lr = {peak = 0.1}
[integrity]
budget = 0.5
lives = 2
nonce = "mine"
)";

class OwnersGrant : public testing::Test {
 protected:
  OwnersGrant() {
    folder_.write("d-images-idx3-ubyte", files::idx_bytes({16, 8, 8}, files::counting(16 * 64)));
    folder_.write("d-labels-idx1-ubyte", files::idx_bytes({16}, Bytes(16, 1)));
    const auto data = import::load_dataset(folder_ / "d");
    GINN_CHECK(data.ok());
    std::string text(kJob);
    text.replace(text.find('@'), 1, crypto::tagged((*data)->facts().root()));
    write("job.toml", text);
    auto loaded = load_job((folder_ / "job.toml").string());
    GINN_CHECK(loaded.ok());
    job_ = loaded->resolved.job;
    testing::internal::CaptureStdout();
    GrantOptions options;
    options.new_key = (folder_ / "key.pem").string();
    GINN_CHECK(grant_verb(options).ok());
    owner_ = testing::internal::GetCapturedStdout();
  }
  void write(const std::string& name, std::string_view text) const {
    folder_.write(name, Bytes(text.begin(), text.end()));
  }

  // What an honest verifier of this life asks for.
  StartRequest request(uint32_t life) const {
    StartRequest asked;
    const auto key = crypto::SigningKey::from_seed(Bytes(32, static_cast<uint8_t>(life)));
    asked.start = {"mine", job::digest(job_), key->public_key(), life, std::nullopt};
    if (life > 1) asked.start.checkpoint = crypto::sha256(as_bytes("checkpoint"));
    asked.evidence = evidence(asked.start);
    return asked;
  }
  static std::string evidence(const certificate::StartStatement& start) {
    const auto attester = attest::simulated_attester(crypto::sha256(as_bytes("program")));
    const auto data = attest::report_data(start.verifier_key, start.job_digest, start.life);
    return attester->evidence(data).value();
  }

  // "" when the owner's tool grants it.
  std::string answer(const StartRequest& asked) {
    write("start.json", certificate::write_request(asked));
    const auto path = [&](const char* name) { return (folder_ / name).string(); };
    GrantOptions options;
    options.start = path("start.json");
    options.key = path("key.pem");
    options.log = path("log.jsonl");
    options.job = path("job.toml");
    options.out = path("grant.json");
    const auto granted = grant_verb(options);
    if (!granted.ok()) return granted.error().code;
    std::string grant(as_text(read_file(path("grant.json"), 1 << 16).value()));
    grant.pop_back();
    const auto checked = certificate::check_grant_for(grant, asked.start);
    EXPECT_TRUE(checked.ok());
    EXPECT_EQ(certificate::key_text(checked->owner) + "\n", owner_);
    EXPECT_FALSE(checked->local);
    return "";
  }
  size_t logged() const {
    const auto log = read_file(folder_ / "log.jsonl", 1 << 20);
    if (!log.ok()) return 0;
    return static_cast<size_t>(std::count(log->begin(), log->end(), '\n'));
  }

  files::Folder folder_;
  job::Job job_;
  std::string owner_;
};

TEST_F(OwnersGrant, EachLifeOnce) {
  EXPECT_EQ(answer(request(1)), "");
  EXPECT_EQ(answer(request(1)), "grant_spent") << "to the same verifier";
  StartRequest other = request(1);
  other.start.verifier_key = request(7).start.verifier_key;
  other.evidence = evidence(other.start);
  EXPECT_EQ(answer(other), "grant_spent") << "to another one";
  EXPECT_EQ(logged(), 1u);
  EXPECT_EQ(answer(request(2)), "");
  EXPECT_EQ(answer(request(2)), "grant_spent");
  EXPECT_EQ(logged(), 2u);
}

TEST_F(OwnersGrant, NoLifeBeyondTheJobs) {
  EXPECT_EQ(answer(request(3)), "grant_lives");
  EXPECT_EQ(logged(), 0u);
}

// Lives that were granted for this nonce when the job had more of them, or others, count.
TEST_F(OwnersGrant, NoMoreThanTheJobsLivesForANonce) {
  const auto owner = crypto::SigningKey::from_seed(Bytes(32, 9)).value();
  std::string log;
  for (const uint32_t life : {4u, 5u}) {
    log += certificate::issue_grant(owner, request(life).start, false) + "\n";
  }
  write("log.jsonl", log);
  EXPECT_EQ(answer(request(1)), "grant_spent");
  EXPECT_EQ(logged(), 2u);
}

TEST_F(OwnersGrant, OnlyForTheOwnersJob) {
  StartRequest asked = request(1);
  asked.start.job_digest[0] ^= 1;
  asked.evidence = evidence(asked.start);
  EXPECT_EQ(answer(asked), "grant_job");
  asked = request(1);
  asked.start.nonce = "another";
  EXPECT_EQ(answer(asked), "grant_job");
  EXPECT_EQ(logged(), 0u);
}

TEST_F(OwnersGrant, OnlyForAVerifierWithEvidence) {
  StartRequest asked = request(1);
  asked.start.verifier_key[0] ^= 1;  // a key that the host made
  EXPECT_EQ(answer(asked), "grant_evidence");
  asked = request(1);
  asked.evidence = request(2).evidence;  // of another life
  EXPECT_EQ(answer(asked), "grant_evidence");
  asked = request(1);
  asked.evidence[asked.evidence.find("\"sig\":\"") + 9] ^= 1;
  EXPECT_NE(answer(asked), "");
  asked.evidence = "";
  EXPECT_NE(answer(asked), "");
  EXPECT_EQ(logged(), 0u);
}

TEST_F(OwnersGrant, ALogThatWasHarmedGrantsNothing) {
  EXPECT_EQ(answer(request(1)), "");
  Bytes log = read_file(folder_ / "log.jsonl", 1 << 20).value();
  log[log.size() / 2] ^= 1;
  folder_.write("log.jsonl", log);
  EXPECT_NE(answer(request(2)), "");
  folder_.write("log.jsonl", Bytes(log.begin(), log.begin() + static_cast<long>(log.size() / 2)));
  EXPECT_NE(answer(request(2)), "");
}

}  // namespace
}  // namespace ginn::cli
