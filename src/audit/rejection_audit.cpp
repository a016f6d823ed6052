#include <cstring>

#include "audit/audit.h"
#include "audit/evidence_records.h"
#include "base/text.h"
#include "base/version.h"
#include "certificate/check/statement.h"
#include "certificate/issue/format.h"

namespace ginn::audit {
namespace {

using certificate::RejectionStatement;
using model_file::Dtype;

Status check_names_a_deviation(const RejectionStatement& statement, ByteView evidence) {
  if (statement.code != "deviation" || !statement.received || !statement.expected ||
      statement.head.subjects.empty()) {
    return refused("audit_not_a_deviation",
                   concat("the run was rejected with the code \"",
                          printable(statement.code, 80),
                          "\", which names no contribution to compute again"));
  }
  if (crypto::sha256(evidence) == statement.head.subjects[0].sha256) return ok_status();
  return refused("audit_evidence",
                 concat(certificate::kRejectionEvidenceFile, " is not the file that was signed"));
}

Status check_version(const model_file::TensorFile& file) {
  constexpr std::string_view kFormat = "rejection-evidence/v1";
  const auto version = file.metadata.find("ginn");
  if (version == file.metadata.end()) return refused("audit_evidence", "no version in its header");
  GINN_TRY(refuse_newer_type("audit_version", "rejection evidence", version->second, kFormat));
  if (version->second == kFormat) return ok_status();
  return refused("audit_evidence", concat("version \"", printable(version->second), "\" in it"));
}

Result<std::vector<float>> weights_of(const nn::Graph& graph, const model_file::TensorFile& file) {
  std::vector<float> weights(graph.parameter_count());
  for (const nn::Parameter& p : graph.parameters()) {
    const auto name = concat("weights/", p.name);
    const auto* tensor = find_tensor(file, name, Dtype::kF32, p.count * sizeof(float));
    if (tensor == nullptr) {
      return refused("audit_evidence",
                     concat("tensor \"", name, "\": expected ", p.count, " numbers of type F32"));
    }
    std::memcpy(weights.data() + p.offset, tensor->data.data(), tensor->data.size());
  }
  return weights;
}

}  // namespace

Result<RejectionAudit> audit_rejection(const certificate::Bundle& bundle,
                                       ByteView evidence,
                                       device::Level level) {
  GINN_ASSIGN(const std::string payload,
              certificate::statement_payload(bundle, certificate::kRejectionFile));
  GINN_ASSIGN(const RejectionStatement statement, certificate::parse_rejection_statement(payload));
  GINN_TRY(check_names_a_deviation(statement, evidence));
  GINN_ASSIGN(const job::Job job, job::parse(statement.head.job));
  if (statement.step >= job.steps || statement.microbatch >= job.microbatches()) {
    return refused(
        "audit_evidence",
        concat(
            "the job has no step ", statement.step, " with a microbatch ", statement.microbatch));
  }
  GINN_ASSIGN(const auto training, training::Training::create(job, level));
  RejectionAudit audit{statement.step,
                       static_cast<uint32_t>(statement.microbatch),
                       *statement.received,
                       *statement.expected,
                       {}};
  const auto indices = training->record_indices(audit.step, audit.microbatch);
  if (indices != statement.records) {
    return refused("audit_evidence",
                   "the records that the rejection names are not those of its microbatch");
  }
  GINN_ASSIGN(const model_file::TensorFile file, model_file::parse_safetensors(evidence));
  GINN_TRY(check_version(file));
  GINN_ASSIGN(const auto records, EvidenceRecords::create(job.data, indices, file));
  GINN_ASSIGN(const std::vector<float> weights, weights_of(training->graph(), file));
  GINN_ASSIGN(const nn::StepWeights packed, training->prepare(weights.data()));
  const auto workspace = training->workspace();
  training::Contribution contribution(training->graph());
  GINN_TRY(training->contribution(
      records, packed, audit.step, audit.microbatch, *workspace, contribution));
  Bytes encoded(training::encoded_size(training->graph()));
  training::encode(training->graph(), contribution, encoded);
  audit.computed = crypto::sha256(encoded);
  return audit;
}

}  // namespace ginn::audit
