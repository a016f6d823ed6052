#include "tests/support/intel_authority.h"

#include <openssl/x509.h>

#include "attest/verify/hardware/intel/check_quote.h"
#include "base/check.h"
#include "base/text.h"
#include "crypto/sha256.h"

namespace ginn::test {
namespace {

constexpr const char* kSgxExtension = "1.2.840.113741.1.13.1";

// Contents of 1.2.840.113741.1.13.1 as an OBJECT IDENTIFIER.
const Bytes kSgxOid = {0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01};

Bytes der(uint8_t tag, const Bytes& contents) {
  ByteWriter out;
  out.u8(tag);
  if (contents.size() >= 0x100) {
    out.u8(0x82);
    out.u8(static_cast<uint8_t>(contents.size() >> 8));
  } else if (contents.size() >= 0x80) {
    out.u8(0x81);
  }
  out.u8(static_cast<uint8_t>(contents.size()));
  out.bytes(contents);
  return out.finish();
}

void append(Bytes& out, const Bytes& more) { out.insert(out.end(), more.begin(), more.end()); }

Bytes member(std::initializer_list<uint8_t> arcs, const Bytes& value) {
  Bytes oid = kSgxOid;
  oid.insert(oid.end(), arcs.begin(), arcs.end());
  Bytes pair = der(0x06, oid);
  append(pair, value);
  return der(0x30, pair);
}

// A platform with every component at 5, PCESVN 11, FMSPC 000102030405.
Bytes sgx_extension() {
  Bytes tcb;
  for (uint8_t i = 1; i <= 16; ++i) append(tcb, member({2, i}, {0x02, 1, 5}));
  append(tcb, member({2, 17}, {0x02, 1, 11}));
  append(tcb, member({2, 18}, der(0x04, Bytes(16, 5))));
  Bytes all = member({1}, der(0x04, Bytes(16, 0)));
  append(all, member({2}, der(0x30, tcb)));
  append(all, member({3}, der(0x04, {0, 0})));
  append(all, member({4}, der(0x04, {0, 1, 2, 3, 4, 5})));
  return der(0x30, all);
}

std::string components(int svn) {
  std::string list;
  for (int i = 0; i < 16; ++i) list += concat(i == 0 ? "" : ",", "{\"svn\":", svn, "}");
  return list;
}

std::string tcb_level(int svn, std::string_view status, bool tdx) {
  return concat("{\"tcb\":{\"sgxtcbcomponents\":[",
                components(svn),
                "],\"pcesvn\":11",
                tdx ? concat(",\"tdxtcbcomponents\":[", components(svn), "]") : "",
                "},\"tcbStatus\":\"",
                status,
                "\",\"advisoryIDs\":[\"INTEL-SA-0000",
                svn,
                "\"]}");
}

constexpr std::string_view kDates =
    "\"issueDate\":\"2023-11-01T00:00:00Z\",\"nextUpdate\":\"2023-12-01T00:00:00Z\","
    "\"tcbEvaluationDataNumber\":17,";

std::string tcb_info_text(bool tdx) {
  const std::string zeros(96, '0');
  const std::string module = concat("\"mrsigner\":\"",
                                    zeros,
                                    "\",\"attributes\":\"0000000000000000\",\"attributesMask\":"
                                    "\"FFFFFFFFFFFFFFFF\"");
  return concat("{\"id\":\"",
                tdx ? "TDX" : "SGX",
                "\",\"version\":3,",
                kDates,
                "\"fmspc\":\"000102030405\",\"pceId\":\"0000\",\"tcbType\":0,",
                tdx ? concat("\"tdxModule\":{",
                             module,
                             "},\"tdxModuleIdentities\":[{\"id\":\"TDX_01\",",
                             module,
                             ",\"tcbLevels\":[{\"tcb\":{\"isvsvn\":4},\"tcbStatus\":\"UpToDate\"},"
                             "{\"tcb\":{\"isvsvn\":2},\"tcbStatus\":\"OutOfDate\"}]}],")
                    : "",
                "\"tcbLevels\":[",
                tcb_level(5, "UpToDate", tdx),
                ',',
                tcb_level(3, "OutOfDate", tdx),
                "]}");
}

std::string qe_identity_text(bool tdx) {
  return concat("{\"id\":\"",
                tdx ? "TD_QE" : "QE",
                "\",\"version\":2,",
                kDates,
                "\"miscselect\":\"00000000\",\"miscselectMask\":\"FFFFFFFF\",\"attributes\":"
                "\"11000000000000000000000000000000\",\"attributesMask\":"
                "\"FBFFFFFFFFFFFFFF0000000000000000\",\"mrsigner\":\"",
                std::string(64, 'A'),
                "\",\"isvprodid\":2,\"tcbLevels\":[{\"tcb\":{\"isvsvn\":4},\"tcbStatus\":"
                "\"UpToDate\"},{\"tcb\":{\"isvsvn\":1},\"tcbStatus\":\"Revoked\"}]}");
}

Bytes point(const TestKey& key) {
  const Bytes spki = public_key_der(key);
  return Bytes(spki.end() - 64, spki.end());
}

Bytes signed_body(std::string_view name, const std::string& text, const TestKey& key) {
  const std::string body = concat("{\"",
                                  name,
                                  "\":",
                                  text,
                                  ",\"signature\":\"",
                                  to_hex(sign_ecdsa(key, as_bytes(text))),
                                  "\"}");
  return Bytes(body.begin(), body.end());
}

Bytes pem_chain(const std::vector<Bytes>& chain) {
  std::string pem;
  for (const Bytes& certificate : chain) pem += certificate_pem(certificate);
  return Bytes(pem.begin(), pem.end());
}

CertificateSpec authority(const char* subject, const char* constraints) {
  return {.subject = subject,
          .issuer = "Intel SGX Root CA",
          .basic_constraints = constraints,
          .key_usage = "critical,keyCertSign,cRLSign",
          .signature = CertificateSignature::kEcdsaSha256};
}

CertificateSpec leaf(const char* subject, const char* issuer) {
  return {.subject = subject,
          .issuer = issuer,
          .basic_constraints = "critical,CA:FALSE",
          .key_usage = "critical,digitalSignature,nonRepudiation",
          .signature = CertificateSignature::kEcdsaSha256};
}

}  // namespace

Bytes make_crl(const CrlSpec& spec, const TestKey& issuer_key) {
  X509_CRL* crl = X509_CRL_new();
  GINN_CHECK(crl != nullptr && X509_CRL_set_version(crl, 1) == 1);
  X509_NAME* name = X509_NAME_new();  // as make_certificate() names an issuer
  const auto* organisation = reinterpret_cast<const unsigned char*>("Test");
  GINN_CHECK(X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC, organisation, -1, -1, 0) == 1);
  GINN_CHECK(X509_NAME_add_entry_by_txt(name,
                                        "CN",
                                        MBSTRING_ASC,
                                        reinterpret_cast<const unsigned char*>(spec.issuer.data()),
                                        static_cast<int>(spec.issuer.size()),
                                        -1,
                                        0) == 1);
  ASN1_TIME* last = ASN1_TIME_set(nullptr, spec.last_update);
  ASN1_TIME* next = ASN1_TIME_set(nullptr, spec.next_update);
  X509_CRL_set_issuer_name(crl, name);
  X509_CRL_set1_lastUpdate(crl, last);
  X509_CRL_set1_nextUpdate(crl, next);
  for (const int64_t serial : spec.revoked) {
    X509_REVOKED* entry = X509_REVOKED_new();
    ASN1_INTEGER* number = ASN1_INTEGER_new();
    GINN_CHECK(ASN1_INTEGER_set_int64(number, serial) == 1 &&
               X509_REVOKED_set_serialNumber(entry, number) == 1 &&
               X509_REVOKED_set_revocationDate(entry, last) == 1 &&
               X509_CRL_add0_revoked(crl, entry) == 1);
    ASN1_INTEGER_free(number);
  }
  GINN_CHECK(X509_CRL_sign(crl, issuer_key.handle(), EVP_sha256()) > 0);
  unsigned char* buffer = nullptr;
  const int size = i2d_X509_CRL(crl, &buffer);
  GINN_CHECK(size > 0);
  Bytes out(buffer, buffer + size);
  OPENSSL_free(buffer);
  ASN1_TIME_free(last);
  ASN1_TIME_free(next);
  X509_NAME_free(name);
  X509_CRL_free(crl);
  return out;
}

FakeIntel::FakeIntel(uint16_t quote_version) : version(quote_version) {
  const bool tdx = version > 3;
  root = authority("Intel SGX Root CA", "critical,CA:TRUE,pathlen:1");
  ca = authority("Intel SGX PCK Platform CA", "critical,CA:TRUE,pathlen:0");
  pck = leaf("Intel SGX PCK Certificate", "Intel SGX PCK Platform CA");
  pck.extensions = {{kSgxExtension, sgx_extension()}};
  signing = leaf("Intel SGX TCB Signing", "Intel SGX Root CA");
  ca_crl.issuer = ca.subject;
  root_crl.issuer = root.subject;
  body = Bytes(version == 3 ? 384 : version == 4 ? 584 : 648);
  if (tdx) {
    std::fill(body.begin(), body.begin() + 16, uint8_t{5});  // TEE_TCB_SVN
    body[1] = 1;                                             // module TDX_01
    body[136] = 0x77;                                        // MRTD
  } else {
    body[48] = 5;  // INIT, MODE64BIT
    body[64] = 0x77;
  }
  qe_report = Bytes(384);
  qe_report[48] = 0x15;
  std::fill(qe_report.begin() + 128, qe_report.begin() + 160, uint8_t{0xaa});
  qe_report[256] = 2;  // ISVPRODID
  qe_report[258] = 6;  // ISVSVN
  tcb_info = tcb_info_text(tdx);
  qe_identity = qe_identity_text(tdx);
}

Bytes FakeIntel::quote(const Bytes& root_der) const {
  ByteWriter out;
  out.u16(version);
  out.u16(2);
  out.u32(version == 3 ? 0 : 0x81);
  out.u32(0);
  out.bytes(from_hex("939a7233f79c4ca9940a0db3957f0607").value());
  out.bytes(Bytes(20));
  if (version == 5) {
    out.u16(3);
    out.u32(648);
  }
  out.bytes(body);
  const Bytes signature = sign_ecdsa(attestation_key, out.view());
  const Bytes key = point(attestation_key);
  Bytes report = qe_report;
  const crypto::Digest bound = crypto::Sha256().update(key).update(auth_data).finish();
  std::copy(bound.begin(), bound.end(), report.begin() + 320);
  const std::vector<Bytes> certificates = {
      make_certificate(pck, pck_key, ca_key), make_certificate(ca, ca_key, root_key), root_der};
  std::vector<Bytes> chain;
  for (const int i : pck_order) chain.push_back(certificates[static_cast<size_t>(i)]);
  const Bytes pem = pem_chain(chain);
  ByteWriter qe;
  qe.bytes(report);
  qe.bytes(sign_ecdsa(pck_key, report));
  qe.u16(static_cast<uint16_t>(auth_data.size()));
  qe.bytes(auth_data);
  qe.u16(5);
  qe.u32(static_cast<uint32_t>(pem.size()));
  qe.bytes(pem);
  ByteWriter data;
  data.bytes(signature);
  data.bytes(key);
  if (version > 3) {
    data.u16(6);
    data.u32(static_cast<uint32_t>(qe.view().size()));
  }
  data.bytes(qe.view());
  out.u32(static_cast<uint32_t>(data.view().size()));
  out.bytes(data.view());
  return out.finish();
}

attest::verify::Collateral FakeIntel::collateral(const Bytes& root_der) const {
  attest::verify::Collateral out;
  const Bytes chain = pem_chain({make_certificate(signing, signing_key, root_key), root_der});
  out.tcb_info = signed_body("tcbInfo", tcb_info, signing_key);
  out.tcb_info_issuer_chain = chain;
  out.qe_identity = signed_body("enclaveIdentity", qe_identity, signing_key);
  out.qe_identity_issuer_chain = chain;
  out.pck_crl = make_crl(ca_crl, ca_key);
  out.root_ca_crl = make_crl(root_crl, root_key);
  return out;
}

// ECDSA signatures are never the same twice, so quote, collateral and pinned set share one root.
IntelSet FakeIntel::build() const {
  const Bytes root_der = make_certificate(root, root_key, root_key);
  IntelSet set{quote(root_der), collateral(root_der), {}};
  set.roots.intel_sgx = {crypto::sha256(root_der)};
  return set;
}

Result<attest::verify::EvidenceVerdict> FakeIntel::check(
    const attest::verify::Policy& policy) const {
  const IntelSet set = build();
  return attest::verify::check_intel_quote(set.quote, {set.collateral, set.roots, policy, at});
}

std::string FakeIntel::code(const attest::verify::Policy& policy) const {
  const auto verdict = check(policy);
  return verdict.ok() ? verdict->code : verdict.error().code;
}

void replace_text(std::string& text, std::string_view from, std::string_view to) {
  const size_t at = text.find(from);
  GINN_CHECK(at != std::string::npos);
  text.replace(at, from.size(), to);
}

}  // namespace ginn::test
