// A second run that starts from the model of a first one: what both sides take as that file, what
// the certificate's job binds, and what frozen parameters are.
#include <gtest/gtest.h>

#include <cstring>

#include "audit/audit.h"
#include "base/text.h"
#include "certificate/check/run_check.h"
#include "certificate/issue/format.h"
#include "model_file/safetensors.h"
#include "tests/end_to_end/lab.h"

namespace ginn::test {
namespace {

using protocol::FrameType;

training::WeightsReader giving(const Bytes& file) {
  return [file](uint64_t limit) -> Result<Bytes> {
    EXPECT_GE(limit, file.size());
    return file;
  };
}

const Honest& first() {
  static const Honest run = honest_run(Coverage::kSample, "resnet8");
  return run;
}

// On other images of more classes: a frozen trunk, a new head that learns faster.
const Honest& second() {
  static const Honest run = [] {
    auto records = synthetic_records({.records = 48, .classes = 6, .seed = 5});
    job::Job job = synthetic_job(*records, "resnet8");
    job.verify = guarantee::Verify::kAll;
    job.weights = job::StartWeights{crypto::sha256(first().model), {"fc.*"}};
    job.freeze = {"conv1.*", "bn1.*", "layer1.*", "layer2.*", "layer3.0.conv1.*"};
    job.groups = {{{"fc.*"}, 4.0}};
    return honest_run_of(job, std::move(records), giving(first().model));
  }();
  return run;
}

class Transfer : public testing::Test {
 protected:
  Transfer() { std::filesystem::create_directory(out_); }

  // A verifier that is given `weights`, and a worker of second().
  std::unique_ptr<RawWorker> worker(training::WeightsReader weights) {
    VerifierOptions options;
    options.records = write_records(second(), folder_);
    options.out = out_;
    options.coin = never;
    options.weights = std::move(weights);
    return std::make_unique<RawWorker>(second(), std::move(options));
  }
  // How a handshake ends that is refused.
  std::string refused(RawWorker& w) {
    w.hello();
    w.job(job::canonical(second().job));
    EXPECT_FALSE(w.start()) << "refused before anything is signed";
    const std::string code = w.code();
    EXPECT_TRUE(std::filesystem::is_empty(out_)) << "no word against anybody";
    return code;
  }
  std::string honest_run() {
    const auto w = worker(giving(first().model));
    EXPECT_TRUE(w->shake_hands());
    w->contributions(0, second().payloads.size());
    w->end();
    return w->code();
  }

  TemporaryFolder folder_;
  const std::filesystem::path out_ = folder_ / "run";
};

std::map<std::string, Bytes> tensors_of(const Bytes& file) {
  std::map<std::string, Bytes> out;
  const auto parsed = model_file::parse_safetensors(file);
  GINN_CHECK(parsed.ok());
  for (const model_file::NamedTensor& tensor : parsed->tensors) out[tensor.name] = tensor.data;
  return out;
}

TEST_F(Transfer, AcceptedWithTheFirstModelsDigestInItsJob) {
  ASSERT_EQ(honest_run(), "accepted");
  const Bytes model = contents(out_ / certificate::kModelFile);
  EXPECT_EQ(model, second().model);
  const auto before = tensors_of(first().model);
  const auto after = tensors_of(model);
  for (const nn::Parameter& p : second().training->graph().parameters()) {
    if (p.frozen) {
      EXPECT_EQ(after.at(p.name), before.at(p.name)) << p.name;
    } else {
      EXPECT_NE(after.at(p.name), before.at(p.name)) << p.name;
    }
  }
  EXPECT_NE(after.at("bn1.running_mean"), before.at("bn1.running_mean"))
      << "statistics are of the new images, in frozen layers too";

  certificate::RelyingParty party;
  party.allow_simulated = true;
  party.job_digest = job::digest(second().job);
  const auto checked = certificate::check_run(out_, party);
  ASSERT_TRUE(checked.ok());
  EXPECT_EQ(checked->verdict, certificate::Verdict::kAccepted) << checked->summary;
  job::Job other = second().job;
  other.weights->sha256[0] ^= 1;
  party.job_digest = job::digest(other);
  EXPECT_EQ(certificate::check_run(out_, party)->verdict, certificate::Verdict::kRejected);
}

TEST_F(Transfer, AVerifierWithoutTheFileDoesNotBegin) {
  const auto w = worker(nullptr);
  EXPECT_EQ(refused(*w), "no_weights");
  EXPECT_TRUE(w->outcome().error().kind == ErrorClass::kEnvironment);
}

TEST_F(Transfer, AVerifierTakesNoOtherFile) {
  Bytes other = first().model;
  other.back() ^= 1;
  EXPECT_EQ(refused(*worker(giving(other))), "weights_digest");
}

TEST_F(Transfer, AFileThatCannotBeReadIsTheMachinesFault) {
  const auto missing = verifier::weights_on_disk(folder_ / "missing")(100);
  ASSERT_FALSE(missing.ok());
  EXPECT_STREQ(missing.error().code, "not_found");
  EXPECT_EQ(missing.error().kind, ErrorClass::kEnvironment);
  write(folder_ / "file", Bytes(101));
  EXPECT_STREQ(verifier::weights_on_disk(folder_ / "file")(100).error().code, "too_large");
  EXPECT_EQ(verifier::weights_on_disk(folder_ / "file")(101).value(), Bytes(101));
}

Bytes file_with(std::string_view header, size_t data) {
  ByteWriter writer;
  writer.u64(header.size());
  writer.text(header);
  writer.bytes(Bytes(data));
  return writer.finish();
}

// Files that the job names, so that they come as far as they can.
TEST_F(Transfer, BadFilesAreRefusedBeforeAnythingIsSigned) {
  const auto tensors = [](std::string_view dtype, int b0, int e0, int b1, int e1) {
    return file_with(concat(R"({"a":{"dtype":")",
                            dtype,
                            R"(","shape":[2],"data_offsets":[)",
                            b0,
                            ",",
                            e0,
                            R"(]},"b":{"dtype":"I8","shape":[2],"data_offsets":[)",
                            b1,
                            ",",
                            e1,
                            "]}}"),
                     4);
  };
  Bytes huge = first().model;
  huge[7] = 0x40;  // of the header's length
  Bytes cut = first().model;
  cut.resize(cut.size() - 1);
  Bytes longer = first().model;
  longer.push_back(0);
  const std::pair<Bytes, std::string_view> cases[] = {
      {{}, "safetensors_truncated"},
      {huge, "safetensors_header_size"},
      {cut, "safetensors_offsets"},
      {longer, "safetensors_offsets"},
      {tensors("I8", 0, 2, 1, 3), "safetensors_offsets"},   // overlap
      {tensors("I8", 0, 2, 2, 99), "safetensors_offsets"},  // out of range
      {tensors("I8", 0, 3, 3, 4), "safetensors_size"},
      {tensors("F8", 0, 2, 2, 4), "safetensors_dtype"},
      {file_with(R"({"a":{},"a":{}})", 0), "json_duplicate_key"},
      {file_with(R"({"a":{"dtype":"I8","shape":[4294967296,4294967296],"data_offsets":[0,1]}})", 1),
       "safetensors_shape"},
      {tensors("I8", 0, 2, 2, 4), "weights_tensors"},
  };
  for (const auto& [file, code] : cases) {
    job::Job job = second().job;
    job.weights->sha256 = crypto::sha256(file);
    const auto w = worker(giving(file));
    w->hello();
    w->job(job::canonical(job));
    EXPECT_FALSE(w->start());
    EXPECT_EQ(w->code(), code);
    EXPECT_EQ(w->outcome().error().kind, ErrorClass::kInput);
    EXPECT_TRUE(std::filesystem::is_empty(out_));
  }
}

// A contribution has no place for frozen parameters.
TEST_F(Transfer, FrozenParametersAreNotHandedOver) {
  const nn::Graph& graph = second().training->graph();
  ASSERT_LT(training::encoded_size(graph), 2 * graph.parameter_count());
  const auto w = worker(giving(first().model));
  ASSERT_TRUE(w->shake_hands());
  Bytes longer = second().payloads[0];
  longer.resize(longer.size() + 1 + 2 * graph.parameters()[0].count);
  w->frame(FrameType::kContribution, longer);
  EXPECT_EQ(w->code(), "frame_length");
}

// Of what is trained; the rejection's evidence has the weights, so that nobody needs the file.
TEST_F(Transfer, ALieIsFoundAndComputedAgain) {
  constexpr uint64_t kStep = 2;
  const uint64_t at = second().index(kStep, 1);
  training::Contribution lie = decoded(second(), second().payloads[at]);
  const nn::Parameter& head = second().training->graph().parameters().back();
  ASSERT_FALSE(head.frozen);
  int16_t& q = lie.q[head.offset];
  ASSERT_GT(std::abs(q), 1);
  q = static_cast<int16_t>(q + (q > 0 ? -1 : 1));
  const auto w = worker(giving(first().model));
  ASSERT_TRUE(w->shake_hands());
  w->contributions(0, at);
  w->frame(FrameType::kContribution, encoded(second(), kStep, 1, lie));
  w->contributions(at + 1, second().payloads.size());
  w->end();
  ASSERT_EQ(w->code(), "deviation");
  const auto bundle = certificate::parse_bundle(as_bytes(certificate::make_bundle(out_).value()));
  const auto audit = audit::audit_rejection(
      *bundle, contents(out_ / certificate::kRejectionEvidenceFile), device::Level::kPortable);
  ASSERT_TRUE(audit.ok()) << audit.error().message;
  EXPECT_TRUE(audit->confirmed());
  EXPECT_EQ(audit->step, kStep);
}

TEST_F(Transfer, AuditsFromTheSameFileOnly) {
  ASSERT_EQ(honest_run(), "accepted");
  ThreadPool pool(1);
  const auto bundle = certificate::parse_bundle(as_bytes(certificate::make_bundle(out_).value()));
  const auto audit = [&](const training::WeightsReader& weights) -> std::string {
    const auto run = audit::RunAudit::create(*bundle, *second().records, weights, best_level());
    if (!run.ok()) return run.error().code;
    const auto found =
        (*run)->compute({0, second().job.steps}, {}, pool, [] { return ok_status(); });
    if (!found.ok()) return found.error().code;
    return found->model ? "equal" : "no model";
  };
  EXPECT_EQ(audit(giving(first().model)), "equal");
  EXPECT_EQ(audit(nullptr), "audit_weights");
  EXPECT_EQ(audit(giving(second().model)), "weights_digest");
}

}  // namespace
}  // namespace ginn::test
