#include <fmt/format.h>

#include <array>
#include <filesystem>

#include "attest/verify/hardware/check/check_evidence.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "crypto/json.h"

namespace ginn::cli {
namespace {

namespace fs = std::filesystem;
using attest::verify::Check;
using attest::verify::CheckOutcome;
using attest::verify::Collateral;
using attest::verify::EvidenceKind;
using attest::verify::EvidenceVerdict;

// Nothing when there is no such file. Other files of a collateral folder are not read.
Status read_part(const fs::path& path, std::optional<Bytes>& part) {
  std::error_code error;
  if (!fs::exists(path, error)) return ok_status();
  if (part.has_value()) {
    return input_error("collateral_twice",
                       concat(printable(path.string()),
                              ": this part of the collateral has been read already; leave one"));
  }
  GINN_ASSIGN(part, read_file(path, attest::verify::kMaxCollateralBytes));
  return ok_status();
}

Status read_folder(const std::string& folder, Collateral& collateral) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    return input_error("not_found",
                       concat("--collateral: ", printable(folder), " is no folder; expected one"));
  }
  for (const auto& [name, part] : attest::verify::kCollateralParts) {
    GINN_TRY(read_part(fs::path(folder) / name, collateral.*part));
  }
  return read_part(fs::path(folder) / "ak_pub.der", collateral.ak_public);
}

Result<Collateral> read_collateral(const AttestCheckOptions& options) {
  Collateral collateral;
  for (const std::string& folder : options.collateral) GINN_TRY(read_folder(folder, collateral));
  if (!options.chain.empty()) {
    GINN_ASSIGN(collateral.chain, read_file(options.chain, attest::verify::kMaxCollateralBytes));
  }
  return collateral;
}

Result<std::optional<EvidenceKind>> claimed_kind(const std::string& name) {
  if (name.empty()) return std::optional<EvidenceKind>();
  const auto kind = attest::verify::parse_kind(name);
  if (kind) return kind;
  std::string known;
  for (const EvidenceKind one : attest::verify::kEvidenceKinds) {
    known += concat(known.empty() ? "" : ", ", attest::verify::kind_name(one));
  }
  return input_error(
      "usage", concat("--kind: found \"", printable(name, 40), "\"; expected one of ", known));
}

const char* outcome_name(CheckOutcome outcome) {
  switch (outcome) {
    case CheckOutcome::kOk:
      return "ok";
    case CheckOutcome::kFailed:
      return "failed";
    case CheckOutcome::kNotMade:
      return "not made";
  }
  return "";
}

crypto::Json checks_json(const EvidenceVerdict& verdict) {
  crypto::Json::Array checks;
  for (const Check& check : verdict.checks) {
    crypto::Json::Object item;
    item["name"] = check.name;
    item["outcome"] = outcome_name(check.outcome);
    item["code"] = check.code;
    item["detail"] = check.detail;
    checks.emplace_back(std::move(item));
  }
  return checks;
}

std::string to_json(const EvidenceVerdict& verdict) {
  crypto::Json::Array advisories;
  for (const std::string& name : verdict.advisories) advisories.emplace_back(name);
  crypto::Json::Object fields;
  for (const auto& [name, value] : verdict.fields) fields[name] = printable(value, 4096);
  crypto::Json::Object json;
  json["verdict"] = verdict.ok ? "ok" : "refused";
  json["code"] = verdict.code;
  json["message"] = verdict.message;
  json["kind"] = attest::verify::kind_name(verdict.kind);
  json["isolation"] = attest::verify::isolation_name(verdict.isolation);
  json["tcb_status"] = verdict.tcb_status
                           ? crypto::Json(attest::verify::tcb_status_name(*verdict.tcb_status))
                           : crypto::Json(nullptr);
  json["advisories"] = std::move(advisories);
  json["measurement"] = to_hex(verdict.measurement);
  json["report_data"] = to_hex(verdict.report_data);
  json["fields"] = std::move(fields);
  json["checks"] = checks_json(verdict);
  return crypto::pretty_json(json);
}

void print(const EvidenceVerdict& verdict) {
  for (const Check& check : verdict.checks) {
    const char* mark = check.outcome == CheckOutcome::kOk       ? "ok  "
                       : check.outcome == CheckOutcome::kFailed ? "FAIL"
                                                                : "-   ";
    fmt::print("{}  {:<32} {}\n", mark, check.name, printable(check.detail, 400));
  }
  fmt::print("\nkind         {}, {}\n",
             attest::verify::kind_name(verdict.kind),
             attest::verify::isolation_name(verdict.isolation));
  if (verdict.tcb_status) {
    fmt::print("TCB status   {}\n", attest::verify::tcb_status_name(*verdict.tcb_status));
  }
  fmt::print("measurement  {}\nreport data  {}\n\n{}: {}\n",
             to_hex(verdict.measurement),
             to_hex(verdict.report_data),
             verdict.ok ? "ok" : concat("refused, ", verdict.code),
             printable(verdict.message, 400));
}

}  // namespace

Result<int> attest_check_verb(const AttestCheckOptions& options) {
  const auto at = attest::verify::parse_utc_time(options.at);
  if (!at.ok()) return input_error(at.error().code, concat("--at: ", at.error().message));
  GINN_ASSIGN(const std::optional<EvidenceKind> claimed, claimed_kind(options.kind));
  GINN_ASSIGN(const Bytes evidence, read_file(options.evidence, attest::verify::kMaxQuoteBytes));
  GINN_ASSIGN(const Collateral collateral, read_collateral(options));
  const attest::verify::Policy policy;
  GINN_ASSIGN(const EvidenceVerdict verdict,
              attest::verify::check_evidence(
                  evidence, claimed, {collateral, attest::verify::pinned_roots(), policy, *at}));
  if (options.json) {
    fmt::print("{}\n", to_json(verdict));
  } else {
    print(verdict);
  }
  return verdict.ok ? 0 : 1;
}

}  // namespace ginn::cli
