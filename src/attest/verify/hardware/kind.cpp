#include "attest/verify/hardware/kind.h"

namespace ginn::attest::verify {

std::string_view kind_name(EvidenceKind kind) {
  switch (kind) {
    case EvidenceKind::kSgx:
      return "sgx";
    case EvidenceKind::kTdx:
      return "tdx";
    case EvidenceKind::kSnp:
      return "snp";
    case EvidenceKind::kNitro:
      return "nitro";
    case EvidenceKind::kTpm:
      return "tpm";
    case EvidenceKind::kAzureSnp:
      return "azure-snp";
    case EvidenceKind::kAzureTdx:
      return "azure-tdx";
    case EvidenceKind::kNvidia:
      return "nvidia";
  }
  return "";
}

std::optional<EvidenceKind> parse_kind(std::string_view name) {
  for (const EvidenceKind kind : kEvidenceKinds) {
    if (kind_name(kind) == name) return kind;
  }
  return std::nullopt;
}

std::string_view isolation_name(Isolation isolation) {
  switch (isolation) {
    case Isolation::kTee:
      return "TEE";
    case Isolation::kNoMemoryIsolation:
      return "no memory isolation";
    case Isolation::kDevice:
      return "device (recorded, not trusted)";
  }
  return "";
}

Isolation isolation_of(EvidenceKind kind) {
  switch (kind) {
    case EvidenceKind::kSgx:
    case EvidenceKind::kTdx:
    case EvidenceKind::kSnp:
    case EvidenceKind::kNitro:
    case EvidenceKind::kAzureSnp:
    case EvidenceKind::kAzureTdx:
      return Isolation::kTee;
    case EvidenceKind::kTpm:
      return Isolation::kNoMemoryIsolation;
    case EvidenceKind::kNvidia:
      return Isolation::kDevice;
  }
  return Isolation::kNoMemoryIsolation;
}

}  // namespace ginn::attest::verify
