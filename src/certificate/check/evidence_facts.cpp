// What hardware evidence that verified tells a policy.
#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "certificate/check/evidence_check.h"
#include "crypto/json.h"

namespace ginn::certificate {
namespace {

namespace av = attest::verify;
using crypto::Json;

// The number behind `name` in "bootloader 3, tee 0, snp 8, microcode 115".
std::optional<uint32_t> version_in(std::string_view text, std::string_view name) {
  const size_t at = text.find(concat(name, " "));
  if (at == std::string_view::npos) return std::nullopt;
  uint32_t value = 0;
  const char* begin = text.data() + at + name.size() + 1;
  const auto [end, error] = std::from_chars(begin, text.data() + text.size(), value);
  return error == std::errc() && end != begin ? std::optional(value) : std::nullopt;
}

std::optional<policy::SnpVersions> snp_versions(const av::EvidenceVerdict& verdict) {
  const std::string* text = verdict.find_field("tcb");
  if (text == nullptr) return std::nullopt;
  const auto bootloader = version_in(*text, "bootloader");
  const auto tee = version_in(*text, "tee");
  const auto snp = version_in(*text, "snp");
  const auto microcode = version_in(*text, "microcode");
  // What cannot be read meets no policy but "any".
  return policy::SnpVersions{
      bootloader.value_or(0), tee.value_or(0), snp.value_or(0), microcode.value_or(0)};
}

void note_issued(const av::UnixSeconds issued, policy::TeeFacts& facts) {
  facts.issued = facts.issued ? std::min(*facts.issued, issued) : issued;
}

// Of one of Intel's signed texts, whose signature has been verified: the oldest of both counts.
void add_intel(const std::optional<Bytes>& body, std::string_view member, policy::TeeFacts& facts) {
  if (!body) return;
  const auto json = crypto::parse_json(as_text(*body), {.bytes = av::kMaxCollateralBytes});
  const Json* text = json.ok() ? json->find(member) : nullptr;
  const Json* date = text == nullptr ? nullptr : text->find("issueDate");
  const Json* number = text == nullptr ? nullptr : text->find("tcbEvaluationDataNumber");
  if (date != nullptr && date->as_string() != nullptr) {
    const auto issued = av::parse_utc_time(*date->as_string());
    if (issued.ok()) note_issued(*issued, facts);
  }
  const double found =
      number != nullptr && number->as_number() != nullptr ? *number->as_number() : 0;
  const uint64_t evaluation = found >= 0 && found < 1e15 ? static_cast<uint64_t>(found) : 0;
  facts.tcb_evaluation = std::min(facts.tcb_evaluation.value_or(evaluation), evaluation);
}

// A register that the evidence does not show stays empty, and meets no value.
void add_runtime(const av::EvidenceVerdict& verdict, policy::TeeFacts& facts) {
  const auto add = [&](const std::string& name) {
    const std::string* value = verdict.find_field(name);
    facts.runtime.push_back(concat(name, "=", value == nullptr ? "" : *value));
  };
  if (verdict.kind == av::EvidenceKind::kTdx) {
    for (int i = 0; i < 4; ++i) add(concat("rtmr", i));
  }
  if (verdict.kind == av::EvidenceKind::kTpm || verdict.kind == av::EvidenceKind::kAzureSnp ||
      verdict.kind == av::EvidenceKind::kAzureTdx) {
    add("pcr_digest");
  }
}

}  // namespace

policy::TeeFacts facts_of(const av::EvidenceVerdict& verdict,
                          const av::Collateral& collateral,
                          av::UnixSeconds at) {
  policy::TeeFacts facts;
  facts.kind = av::kind_name(verdict.kind);
  facts.isolates_memory = verdict.isolation == av::Isolation::kTee;
  facts.measurement = verdict.measurement;
  facts.tcb = verdict.tcb_status;
  facts.advisories = verdict.advisories;
  facts.at = at;
  add_runtime(verdict, facts);
  if (verdict.kind == av::EvidenceKind::kSnp || verdict.kind == av::EvidenceKind::kAzureSnp) {
    facts.snp_tcb = snp_versions(verdict).value_or(policy::SnpVersions{});
  }
  if (verdict.tcb_status) {
    add_intel(collateral.tcb_info, "tcbInfo", facts);
    add_intel(collateral.qe_identity, "enclaveIdentity", facts);
  }
  if (const std::string* timestamp = verdict.find_field("timestamp")) {
    const auto issued = av::parse_utc_time(*timestamp);
    if (issued.ok()) note_issued(*issued, facts);
  }
  return facts;
}

}  // namespace ginn::certificate
