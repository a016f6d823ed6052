#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "attest/verify/hardware/certificates.h"
#include "attest/verify/hardware/openssl_pointer.h"
#include "base/text.h"

namespace ginn::attest::verify {
namespace {

using Store = OpensslPointer<X509_STORE, X509_STORE_free>;
using StoreContext = OpensslPointer<X509_STORE_CTX, X509_STORE_CTX_free>;

void free_stack(STACK_OF(X509) * stack) { sk_X509_free(stack); }
using Stack = OpensslPointer<STACK_OF(X509), free_stack>;

// SHA-384 for the hash and for MGF1, and a salt as long as the hash: the one form AMD uses. OpenSSL
// marks exactly that (with SHA-256 and SHA-512) as fit for TLS 1.3.
bool is_rsa_pss_sha384(X509* certificate) {
  int digest = NID_undef;
  uint32_t flags = 0;
  return X509_get_signature_info(certificate, &digest, nullptr, nullptr, &flags) == 1 &&
         digest == NID_sha384 && (flags & X509_SIG_INFO_TLS) != 0;
}

SignatureAlgorithm signature_algorithm(X509* certificate) {
  switch (X509_get_signature_nid(certificate)) {
    case NID_ecdsa_with_SHA256:
      return SignatureAlgorithm::kEcdsaSha256;
    case NID_ecdsa_with_SHA384:
      return SignatureAlgorithm::kEcdsaSha384;
    case NID_rsassaPss:
      return is_rsa_pss_sha384(certificate) ? SignatureAlgorithm::kRsaPssSha384
                                            : SignatureAlgorithm::kOther;
    default:
      return SignatureAlgorithm::kOther;
  }
}

std::string place(const Chain& chain, size_t i) {
  return concat("certificate ", i + 1, " of ", chain.size(), " (", chain[i].subject(), ")");
}

Status check_root(const Chain& chain,
                  const std::vector<Fingerprint>& roots,
                  const ChainRules& rules) {
  if (chain.size() < rules.certificates_min || chain.size() > rules.certificates_max) {
    return refused("cert_chain_length",
                   concat("a chain of ",
                          chain.size(),
                          " certificates; expected ",
                          rules.certificates_min,
                          " to ",
                          rules.certificates_max,
                          ", leaf first, root last"));
  }
  const Fingerprint found = chain.back().fingerprint();
  if (std::find(roots.begin(), roots.end(), found) != roots.end()) return ok_status();
  return refused("root_not_pinned",
                 concat("the chain ends in ",
                        chain.back().subject(),
                        " with SHA-256 ",
                        to_hex(found),
                        ", which is no pinned root"));
}

// Each is signed by the one after it, the root by itself.
Status check_links(const Chain& chain) {
  for (size_t i = 0; i < chain.size(); ++i) {
    const size_t issuer = std::min(i + 1, chain.size() - 1);
    X509* certificate = chain[i].handle();
    X509* by = chain[issuer].handle();
    if (X509_NAME_cmp(X509_get_issuer_name(certificate), X509_get_subject_name(by)) != 0) {
      return refused("cert_chain_invalid",
                     concat(place(chain, i), " was not issued by ", place(chain, issuer)));
    }
    if (X509_verify(certificate, X509_get0_pubkey(by)) != 1) {
      return refused(
          "cert_chain_invalid",
          concat("the key of ", place(chain, issuer), " did not sign ", place(chain, i)));
    }
  }
  return ok_status();
}

Status check_algorithms(const Chain& chain, const ChainRules& rules) {
  for (size_t i = 0; i < chain.size(); ++i) {
    if (signature_algorithm(chain[i].handle()) != rules.signatures) {
      return refused(
          "cert_algorithm",
          concat(place(chain, i), " is signed by an algorithm that is not allowed here"));
    }
  }
  for (size_t i = 0; i < chain.size(); ++i) {
    GINN_ASSIGN(const VerifyKey key, chain[i].public_key());
    const KeyType expected = i == 0 ? rules.leaf_key : rules.issuer_keys;
    if (key.type() != expected) {
      return refused("cert_key",
                     concat(place(chain, i),
                            " has a key of ",
                            key_type_name(key.type()),
                            "; expected ",
                            key_type_name(expected)));
    }
  }
  return ok_status();
}

// RFC 5280, sections 4.2.1.3 and 4.2.1.9, without OpenSSL's leniency for old certificates.
Status check_issuer(const Chain& chain, size_t i) {
  X509* certificate = chain[i].handle();
  const uint32_t flags = X509_get_extension_flags(certificate);
  if ((flags & EXFLAG_BCONS) == 0 || (flags & EXFLAG_CA) == 0) {
    return refused("cert_not_ca", concat(place(chain, i), " is no certificate authority"));
  }
  if ((flags & EXFLAG_KUSAGE) == 0 ||
      (X509_get_key_usage(certificate) & X509v3_KU_KEY_CERT_SIGN) == 0) {
    return refused("cert_key_usage", concat(place(chain, i), " may not sign certificates"));
  }
  return ok_status();
}

Status check_leaf(const Chain& chain, const ChainRules& rules) {
  X509* certificate = chain[0].handle();
  const uint32_t flags = X509_get_extension_flags(certificate);
  const bool usage = (flags & EXFLAG_KUSAGE) != 0;
  if (usage ? (X509_get_key_usage(certificate) & X509v3_KU_DIGITAL_SIGNATURE) == 0
            : rules.leaf_needs_key_usage) {
    return refused("cert_key_usage", concat(place(chain, 0), " may not sign data"));
  }
  if ((flags & EXFLAG_CA) != 0) {
    return refused("cert_key_usage",
                   concat(place(chain, 0), " is a certificate authority, not a device's"));
  }
  return ok_status();
}

Status check_usage(const Chain& chain, const ChainRules& rules) {
  for (size_t i = 1; i < chain.size(); ++i) GINN_TRY(check_issuer(chain, i));
  GINN_TRY(check_leaf(chain, rules));
  for (size_t i = 1; i < chain.size(); ++i) {
    const long most = X509_get_pathlen(chain[i].handle());  // -1: not limited
    if (most >= 0 && i - 1 > static_cast<size_t>(most)) {
      return refused(
          "cert_path_length",
          concat(place(chain, i), " may have ", most, " authorities below it, has ", i - 1));
    }
  }
  return ok_status();
}

// What OpenSSL finds while it verifies; validity in time is noted and passed over.
struct Findings {
  Status time = ok_status();
};

int findings_index() {
  static const int index = X509_STORE_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

const char* time_code(int error) {
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return "cert_expired";
    case X509_V_ERR_CERT_NOT_YET_VALID:
    case X509_V_ERR_CRL_NOT_YET_VALID:
      return "not_yet_valid";
    case X509_V_ERR_CRL_HAS_EXPIRED:
      return "collateral_expired";
    default:
      return nullptr;
  }
}

std::string finding_text(X509_STORE_CTX* context) {
  const int error = X509_STORE_CTX_get_error(context);
  return concat("certificate ",
                X509_STORE_CTX_get_error_depth(context) + 1,
                ": ",
                X509_verify_cert_error_string(error));
}

int note_finding(int ok, X509_STORE_CTX* context) {
  if (ok == 1) return 1;
  const char* code = time_code(X509_STORE_CTX_get_error(context));
  if (code == nullptr) return 0;
  auto* findings = static_cast<Findings*>(X509_STORE_CTX_get_ex_data(context, findings_index()));
  if (findings->time.ok()) findings->time = refused(code, finding_text(context));
  return 1;
}

Status trust_finding(X509_STORE_CTX* context) {
  switch (X509_STORE_CTX_get_error(context)) {
    case X509_V_ERR_CERT_REVOKED:
      return refused("cert_revoked", finding_text(context));
    case X509_V_ERR_UNABLE_TO_GET_CRL:
      return refused("crl_missing", finding_text(context));
    case X509_V_ERR_CRL_SIGNATURE_FAILURE:
    case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
    case X509_V_ERR_KEYUSAGE_NO_CRL_SIGN:
    case X509_V_ERR_ERROR_IN_CRL_LAST_UPDATE_FIELD:
    case X509_V_ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD:
    case X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION:
    case X509_V_ERR_DIFFERENT_CRL_SCOPE:
      return refused("crl_invalid", finding_text(context));
    default:
      return refused("cert_chain_invalid", finding_text(context));
  }
}

// The whole path once more by OpenSSL's rules: extensions, time, revocation.
ChainVerdict verify_by_store(const Chain& chain,
                             const std::vector<RevocationList>& crls,
                             UnixSeconds at,
                             const ChainRules& rules) {
  const Error no_memory = environment_error("out_of_memory", "OpenSSL has no memory");
  const Store store(X509_STORE_new());
  const StoreContext context(X509_STORE_CTX_new());
  const Stack untrusted(sk_X509_new_null());
  if (store == nullptr || context == nullptr || untrusted == nullptr) return {no_memory};
  bool built = X509_STORE_add_cert(store.get(), chain.back().handle()) == 1;
  for (const RevocationList& crl : crls) {
    built = built && X509_STORE_add_crl(store.get(), crl.handle()) == 1;
  }
  for (size_t i = 1; i + 1 < chain.size(); ++i) {
    built = built && sk_X509_push(untrusted.get(), chain[i].handle()) > 0;
  }
  Findings findings;
  if (!built ||
      X509_STORE_CTX_init(context.get(), store.get(), chain.front().handle(), untrusted.get()) !=
          1 ||
      X509_STORE_CTX_set_ex_data(context.get(), findings_index(), &findings) != 1) {
    return {no_memory};
  }
  X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_time(parameters, at);
  X509_VERIFY_PARAM_set_depth(parameters, static_cast<int>(kMaxCertificates));
  unsigned long flags = X509_V_FLAG_CHECK_SS_SIGNATURE;
  if (rules.needs_crls) flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
  X509_VERIFY_PARAM_set_flags(parameters, flags);
  X509_STORE_CTX_set_verify_cb(context.get(), note_finding);
  if (X509_verify_cert(context.get()) != 1) {
    return {trust_finding(context.get()), findings.time};
  }
  return {ok_status(), findings.time};
}

// A list without a next update would be current for ever.
Status check_crls(const std::vector<RevocationList>& crls) {
  for (const RevocationList& crl : crls) {
    if (X509_CRL_get0_nextUpdate(crl.handle()) == nullptr) {
      return refused("crl_invalid", "a revocation list that does not say until when it holds");
    }
  }
  return ok_status();
}

Status check_form(const Chain& chain,
                  const std::vector<Fingerprint>& roots,
                  const std::vector<RevocationList>& crls,
                  const ChainRules& rules) {
  GINN_TRY(check_root(chain, roots, rules));
  GINN_TRY(check_links(chain));
  GINN_TRY(check_algorithms(chain, rules));
  GINN_TRY(check_usage(chain, rules));
  return check_crls(crls);
}

}  // namespace

ChainVerdict verify_chain(const Chain& chain,
                          const std::vector<Fingerprint>& roots,
                          const std::vector<RevocationList>& crls,
                          UnixSeconds at,
                          const ChainRules& rules) {
  const QuietErrors quiet;
  GINN_CHECK(!chain.empty());
  const Status form = check_form(chain, roots, crls, rules);
  if (!form.ok()) return {form};
  return verify_by_store(chain, crls, at, rules);
}

}  // namespace ginn::attest::verify
