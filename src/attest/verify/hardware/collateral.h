#pragma once

#include <optional>
#include <string_view>

#include "base/bytes.h"

namespace ginn::attest::verify {

// What the caller hands over beside the evidence, as bytes: nothing here is a path, and nothing is
// ever fetched. All of it is hostile. A part that a kind needs and that is absent is refused with
// "collateral_missing". File names are those of a collateral folder (docs/evidence.md).
struct Collateral {
  // Intel (Provisioning Certification Service, version 4): bodies as served, byte for byte.
  std::optional<Bytes> tcb_info;                  // tcb_info.json
  std::optional<Bytes> tcb_info_issuer_chain;     // tcb_info_issuer_chain.pem, leaf first
  std::optional<Bytes> qe_identity;               // qe_identity.json
  std::optional<Bytes> qe_identity_issuer_chain;  // qe_identity_issuer_chain.pem
  std::optional<Bytes> pck_crl;                   // pck_crl.der
  std::optional<Bytes> pck_crl_issuer_chain;      // pck_crl_issuer_chain.pem
  std::optional<Bytes> root_ca_crl;               // root_ca_crl.der

  // --chain FILE: PEM certificates or one DER certificate, leaf first, root last. AMD: VCEK or
  // VLEK, ASK or ASVK, ARK. NVIDIA: the device's chain. TPM: the attestation key's, if it has one.
  std::optional<Bytes> chain;

  // TPM 2.0 and Azure's vTPM.
  std::optional<Bytes> tpm_quote;  // tpm_quote.msg: TPMS_ATTEST (Azure; for "tpm" it is evidence)
  std::optional<Bytes> tpm_signature;  // tpm_quote.sig: raw, or TPMT_SIGNATURE
  std::optional<Bytes> tpm_pcrs;       // pcrs_sha256.bin: 24 values of 32 bytes
  std::optional<Bytes> ak_public;      // ak_pub.pem or ak_pub.der: SubjectPublicKeyInfo
  std::optional<Bytes> hcl_report;     // hcl_report.bin: Azure's report around the hardware's
};

// The parts by their names in a collateral folder, `chain` left out: the one table of them.
struct CollateralPart {
  std::string_view name;
  std::optional<Bytes> Collateral::*part;
};
inline constexpr CollateralPart kCollateralParts[] = {
    {"tcb_info.json", &Collateral::tcb_info},
    {"tcb_info_issuer_chain.pem", &Collateral::tcb_info_issuer_chain},
    {"qe_identity.json", &Collateral::qe_identity},
    {"qe_identity_issuer_chain.pem", &Collateral::qe_identity_issuer_chain},
    {"pck_crl.der", &Collateral::pck_crl},
    {"pck_crl_issuer_chain.pem", &Collateral::pck_crl_issuer_chain},
    {"root_ca_crl.der", &Collateral::root_ca_crl},
    {"tpm_quote.msg", &Collateral::tpm_quote},
    {"tpm_quote.sig", &Collateral::tpm_signature},
    {"pcrs_sha256.bin", &Collateral::tpm_pcrs},
    {"ak_pub.pem", &Collateral::ak_public},
    {"hcl_report.bin", &Collateral::hcl_report},
};

// Limits on what is read at all.
inline constexpr size_t kMaxCollateralBytes = size_t{1} << 20;  // of one part
inline constexpr size_t kMaxQuoteBytes = size_t{1} << 16;       // of one piece of evidence

}  // namespace ginn::attest::verify
