#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace ginn::attest::verify {

// Whose evidence it is and in which form; the names are those of --kind.
enum class EvidenceKind : uint8_t {
  kSgx,       // "sgx": Intel SGX quote, versions 3 to 5
  kTdx,       // "tdx": Intel TDX quote, versions 4 and 5
  kSnp,       // "snp": AMD SEV-SNP attestation report
  kNitro,     // "nitro": AWS Nitro Enclaves attestation document
  kTpm,       // "tpm": TPM 2.0 quote by itself
  kAzureSnp,  // "azure-snp": SNP report that binds a vTPM, and that vTPM's quote
  kAzureTdx,  // "azure-tdx": the same with a TDX quote
  kNvidia,    // "nvidia": SPDM measurements of an NVIDIA GPU or switch
};
inline constexpr EvidenceKind kEvidenceKinds[] = {EvidenceKind::kSgx,
                                                  EvidenceKind::kTdx,
                                                  EvidenceKind::kSnp,
                                                  EvidenceKind::kNitro,
                                                  EvidenceKind::kTpm,
                                                  EvidenceKind::kAzureSnp,
                                                  EvidenceKind::kAzureTdx,
                                                  EvidenceKind::kNvidia};

std::string_view kind_name(EvidenceKind kind);
std::optional<EvidenceKind> parse_kind(std::string_view name);

// What a relying party may conclude from evidence that verified.
enum class Isolation : uint8_t {
  kTee,                // "TEE": memory is kept from the host
  kNoMemoryIsolation,  // "no memory isolation": measured boot only
  kDevice,             // "device (recorded, not trusted)"
};
std::string_view isolation_name(Isolation isolation);
Isolation isolation_of(EvidenceKind kind);

}  // namespace ginn::attest::verify
