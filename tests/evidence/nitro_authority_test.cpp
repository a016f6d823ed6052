// Documents of a made-up AWS, whole and with one defect each.
#include <gtest/gtest.h>

#include <functional>

#include "attest/verify/hardware/aws/check_document.h"
#include "attest/verify/hardware/certificates.h"
#include "tests/support/test_authority.h"

namespace ginn::test {
namespace {

using namespace attest::verify;

constexpr UnixSeconds kAt = 1700000000;

void append(Bytes& out, ByteView more) { out.insert(out.end(), more.begin(), more.end()); }
void append_head(Bytes& out, uint8_t major, uint64_t argument, int width) {
  static constexpr uint8_t kLow[] = {0, 24, 25, 0, 26, 0, 0, 0, 27};
  const auto first = static_cast<uint8_t>(major << 5);
  if (width == 0) {
    out.push_back(static_cast<uint8_t>(first | argument));
    return;
  }
  out.push_back(static_cast<uint8_t>(first | kLow[width]));
  for (int i = width - 1; i >= 0; --i) out.push_back(static_cast<uint8_t>(argument >> 8 * i));
}
void append_head(Bytes& out, uint8_t major, uint64_t argument) {
  append_head(out,
              major,
              argument,
              argument < 24      ? 0
              : argument < 256   ? 1
              : argument < 65536 ? 2
                                 : 8);
}
void append_text(Bytes& out, std::string_view text) {
  append_head(out, 3, text.size());
  append(out, as_bytes(text));
}
void append_bytes(Bytes& out, ByteView bytes) {
  append_head(out, 2, bytes.size());
  append(out, bytes);
}

struct FakeAws {
  TestKey root_key = TestKey::p384(), issuer_key = TestKey::p384(), leaf_key = TestKey::p384();
  CertificateSpec root, issuer, leaf;
  bool swapped = false;  // cabundle with the root last
  Bytes protected_header = {0xa1, 0x01, 0x38, 0x22};
  Bytes unprotected = {0xa0};
  Bytes tail;  // after the document
  std::string digest = "SHA384", module_id = "i-0123-enc4567";
  uint64_t timestamp_ms = uint64_t{kAt} * 1000;
  Bytes pcr = Bytes(48, 7);
  std::vector<uint64_t> pcr_indices = {0, 1, 2, 4};
  Bytes extra;          // more entries of the map
  std::string skipped;  // key that is left out

  FakeAws() {
    root = {.subject = "aws.test",
            .issuer = "aws.test",
            .basic_constraints = "critical,CA:TRUE",
            .key_usage = "critical,keyCertSign,cRLSign"};
    issuer = {.subject = "instance.test",
              .issuer = "aws.test",
              .basic_constraints = "critical,CA:TRUE,pathlen:0",
              .key_usage = "critical,keyCertSign"};
    leaf = {.subject = "enclave.test",
            .issuer = "instance.test",
            .basic_constraints = "critical,CA:FALSE",
            .key_usage = "digitalSignature,nonRepudiation"};
  }

  Bytes root_der() const { return root_; }

  Bytes payload() {
    root_ = make_certificate(root, root_key, root_key);
    const Bytes issuer_der = make_certificate(issuer, issuer_key, root_key);
    Bytes out = {0xbf};
    const auto key = [&](std::string_view name) {
      if (name == skipped) return false;
      append_text(out, name);
      return true;
    };
    if (key("module_id")) append_text(out, module_id);
    if (key("digest")) append_text(out, digest);
    if (key("timestamp")) append_head(out, 0, timestamp_ms, 8);
    if (key("pcrs")) {
      append_head(out, 5, pcr_indices.size());
      for (const uint64_t index : pcr_indices) {
        append_head(out, 0, index);
        append_bytes(out, pcr);
      }
    }
    if (key("certificate")) append_bytes(out, make_certificate(leaf, leaf_key, issuer_key));
    if (key("cabundle")) {
      append_head(out, 4, 2);
      append_bytes(out, swapped ? issuer_der : root_);
      append_bytes(out, swapped ? root_ : issuer_der);
    }
    if (key("user_data")) append_bytes(out, Bytes(64, 9));
    append(out, extra);
    out.push_back(0xff);
    return out;
  }

  Bytes document() {
    const Bytes content = payload();
    Bytes signed_bytes = {0x84};
    append_text(signed_bytes, "Signature1");
    append_bytes(signed_bytes, protected_header);
    append_bytes(signed_bytes, {});
    append_bytes(signed_bytes, content);
    Bytes out = {0x84};
    append_bytes(out, protected_header);
    append(out, unprotected);
    append_bytes(out, content);
    append_bytes(out, sign_ecdsa(leaf_key, signed_bytes));
    append(out, tail);
    return out;
  }

 private:
  Bytes root_;
};

std::string code_of(FakeAws& aws, UnixSeconds at = kAt) {
  const Bytes document = aws.document();
  RootSet roots;
  roots.aws_nitro = {Certificate::from_der(aws.root_der())->fingerprint()};
  const Collateral none;
  const Policy policy;
  const auto verdict = check_nitro_document(document, {none, roots, policy, at});
  if (!verdict.ok()) return verdict.error().code;
  EXPECT_EQ(verdict->ok, verdict->code == "ok");
  return verdict->code;
}

struct Defect {
  const char* name;
  const char* code;
  std::function<void(FakeAws&)> make;
};

void expect_all(const std::vector<Defect>& defects) {
  for (const Defect& defect : defects) {
    FakeAws aws;
    defect.make(aws);
    EXPECT_EQ(code_of(aws), defect.code) << defect.name;
  }
}

TEST(FakeAws, Certificates) {
  using Signature = CertificateSignature;
  expect_all({
      {"sound", "ok", [](FakeAws&) {}},
      {"leaf by another",
       "cert_chain_invalid",
       [](FakeAws& aws) { aws.leaf.issuer = std::string("x"); }},
      {"bundle swapped", "root_not_pinned", [](FakeAws& aws) { aws.swapped = true; }},
      {"issuer is none", "cert_not_ca", [](FakeAws& aws) { aws.issuer.basic_constraints.clear(); }},
      {"issuer without usage",
       "cert_key_usage",
       [](FakeAws& aws) { aws.issuer.key_usage.clear(); }},
      {"leaf without usage", "cert_key_usage", [](FakeAws& aws) { aws.leaf.key_usage.clear(); }},
      {"leaf for encryption",
       "cert_key_usage",
       [](FakeAws& aws) { aws.leaf.key_usage = std::string("keyEncipherment"); }},
      {"root's path length",
       "cert_path_length",
       [](FakeAws& aws) {
         aws.root.basic_constraints = std::string("critical,CA:TRUE,pathlen:0");
       }},
      {"SHA-256",
       "cert_algorithm",
       [](FakeAws& aws) { aws.leaf.signature = Signature::kEcdsaSha256; }},
      {"issuer of P-256", "cert_key", [](FakeAws& aws) { aws.issuer_key = TestKey::p256(); }},
      {"leaf expired", "cert_expired", [](FakeAws& aws) { aws.leaf.not_after = kAt - 1; }},
      {"issuer expired", "cert_expired", [](FakeAws& aws) { aws.issuer.not_after = kAt - 1; }},
      {"leaf of tomorrow", "not_yet_valid", [](FakeAws& aws) { aws.leaf.not_before = kAt + 9999; }},
      {"of the future", "not_yet_valid", [](FakeAws& aws) { aws.timestamp_ms += 2000; }},
      {"debug", "debug_enabled", [](FakeAws& aws) { aws.pcr = Bytes(48); }},
  });
  FakeAws aws;
  const Bytes document = aws.document();
  const Collateral none;
  const Policy policy;
  const auto foreign = check_nitro_document(document, {none, pinned_roots(), policy, kAt});
  ASSERT_TRUE(foreign.ok());
  EXPECT_EQ(foreign->code, "root_not_pinned");
}

TEST(FakeAws, Documents) {
  const auto entry = [](std::string_view name, const Bytes& value) {
    Bytes out;
    append_text(out, name);
    append(out, value);
    return out;
  };
  expect_all({
      {"nonce null", "ok", [&](FakeAws& aws) { aws.extra = entry("nonce", {0xf6}); }},
      {"nonce",
       "ok",
       [&](FakeAws& aws) {
         aws.extra = entry("nonce", {0x41, 0});
       }},
      {"unknown key", "nitro_unknown_key", [&](FakeAws& aws) { aws.extra = entry("x", {0xf6}); }},
      {"key twice",
       "nitro_duplicate_key",
       [&](FakeAws& aws) { aws.extra = entry("digest", {0x60}); }},
      {"no PCRs", "nitro_missing_key", [](FakeAws& aws) { aws.skipped = std::string("pcrs"); }},
      {"no bundle",
       "nitro_missing_key",
       [](FakeAws& aws) { aws.skipped = std::string("cabundle"); }},
      {"no PCR1",
       "nitro_missing_key",
       [](FakeAws& aws) {
         aws.pcr_indices = {0, 2};
       }},
      {"PCR twice",
       "nitro_duplicate_key",
       [](FakeAws& aws) {
         aws.pcr_indices = {0, 1, 2, 2};
       }},
      {"PCR 32",
       "nitro_pcr",
       [](FakeAws& aws) {
         aws.pcr_indices = {0, 1, 2, 32};
       }},
      {"PCR of 32 bytes", "nitro_pcr", [](FakeAws& aws) { aws.pcr = Bytes(32, 7); }},
      {"digest", "nitro_digest", [](FakeAws& aws) { aws.digest = std::string("SHA256"); }},
      {"no name", "nitro_module_id", [](FakeAws& aws) { aws.module_id.clear(); }},
      {"escape in the name",
       "nitro_module_id",
       [](FakeAws& aws) { aws.module_id = std::string("\x1b[2J"); }},
      {"time in short form", "cbor_not_shortest", [](FakeAws& aws) { aws.timestamp_ms = 1; }},
      {"time too late",
       "nitro_timestamp",
       [](FakeAws& aws) { aws.timestamp_ms = uint64_t{1} << 60; }},
      {"ES256",
       "cose_algorithm",
       [](FakeAws& aws) {
         aws.protected_header = {0xa1, 1, 0x26};
       }},
      {"two parameters",
       "cose_algorithm",
       [](FakeAws& aws) {
         aws.protected_header = {0xa2, 1, 0x38, 0x22, 4, 0x40};
       }},
      {"unprotected header",
       "cose_form",
       [](FakeAws& aws) {
         aws.unprotected = {0xa1, 4, 0x40};
       }},
      {"a byte more", "cbor_trailing", [](FakeAws& aws) { aws.tail = {0}; }},
  });
}

TEST(FakeAws, SignatureOfAnother) {
  FakeAws aws;
  Bytes document = aws.document();
  document.back() ^= 1;
  RootSet roots;
  roots.aws_nitro = {Certificate::from_der(aws.root_der())->fingerprint()};
  const Collateral none;
  const Policy policy;
  const auto verdict = check_nitro_document(document, {none, roots, policy, kAt});
  ASSERT_TRUE(verdict.ok());
  EXPECT_EQ(verdict->code, "signature_invalid");
}

}  // namespace
}  // namespace ginn::test
