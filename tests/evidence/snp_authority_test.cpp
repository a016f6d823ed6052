// Chains and reports of a made-up AMD, whole and with one defect each.
#include <gtest/gtest.h>

#include <functional>

#include "attest/verify/hardware/amd/check_report.h"
#include "attest/verify/hardware/amd/snp_report.h"
#include "attest/verify/hardware/certificates.h"
#include "tests/support/test_authority.h"

namespace ginn::test {
namespace {

using namespace attest::verify;

constexpr const char* kOid = "1.3.6.1.4.1.3704.1.";
constexpr UnixSeconds kAt = 1700000000;
constexpr size_t kTcb[] = {0x38, 0x180, 0x1e0, 0x1f0};

Bytes ia5(std::string_view text) {
  ByteWriter out;
  out.u8(0x16);
  out.u8(static_cast<uint8_t>(text.size()));
  out.text(text);
  return out.finish();
}
Bytes small_integer(uint8_t value) {
  return value < 0x80 ? Bytes{2, 1, value} : Bytes{2, 2, 0, value};
}

// An ARK, an ASK or ASVK, and chips whose reports it can sign. Tests change what they want wrong.
struct FakeAmd {
  TestKey ark_key, ask_key, vek_key = TestKey::p384();
  CertificateSpec ark, ask, vek;
  Bytes report = Bytes(kSnpReportBytes);
  bool ark_last = true;

  FakeAmd(const TestKey& root, const TestKey& issuer) : ark_key(root), ask_key(issuer) {
    ark = {.subject = "ARK-Milan",
           .issuer = "ARK-Milan",
           .basic_constraints = "critical,CA:TRUE",
           .key_usage = "critical,keyCertSign,cRLSign",
           .signature = CertificateSignature::kRsaPssSha384};
    ask = {.subject = "SEV-Milan",
           .issuer = "ARK-Milan",
           .basic_constraints = "critical,CA:TRUE,pathlen:0",
           .key_usage = "critical,keyCertSign",
           .signature = CertificateSignature::kRsaPssSha384};
    vek = {.subject = "SEV-VCEK",
           .issuer = "SEV-Milan",
           .signature = CertificateSignature::kRsaPssSha384};
    set("2", ia5("Milan-B0"));
    set("3.1", small_integer(4));
    set("3.2", small_integer(0));
    set("3.3", small_integer(24));
    set("3.8", small_integer(219));
    set("4", Bytes(64, 0xab));
    report[0] = 3;
    report[10] = 2;    // POLICY bit 17
    report[0x34] = 1;  // SIGNATURE_ALGO
    report[0x188] = 0x19;
    report[0x189] = 0x01;
    std::fill_n(report.begin() + 0x1a0, 64, uint8_t{0xab});
    for (const size_t at : kTcb) {
      report[at] = 4;
      report[at + 6] = 24;
      report[at + 7] = 219;
    }
  }

  void set(const std::string& oid, Bytes value) {
    for (auto& [name, contents] : vek.extensions) {
      if (name == kOid + oid) {
        contents = std::move(value);
        return;
      }
    }
    vek.extensions.emplace_back(kOid + oid, std::move(value));
  }
  void drop(const std::string& oid) {
    std::erase_if(vek.extensions, [&](const auto& one) { return one.first == kOid + oid; });
  }
  void become_vlek() {
    vek.subject = "SEV-VLEK";
    vek.issuer = ask.subject = "SEV-VLEK-Milan";
    drop("4");
    set("5", ia5("CN=cloud.example"));
    set("2", ia5("Milan"));
    report[0x48] = 4;  // SIGNING_KEY 1
    std::fill_n(report.begin() + 0x1a0, 64, uint8_t{0});
  }
  void become_turin() {
    ark.subject = ark.issuer = ask.issuer = "ARK-Turin";
    ask.subject = vek.issuer = "SEV-Turin";
    set("2", ia5("Turin"));
    set("3.9", small_integer(1));
    set("4", Bytes(8, 0xab));
    report[0] = 5;
    report[0x188] = 0x1a;
    report[0x189] = 0x02;
    std::fill_n(report.begin() + 0x1a8, 56, uint8_t{0});
    for (const size_t at : kTcb) {
      const uint8_t tcb[] = {1, 4, 0, 24, 0, 0, 0, 219};
      std::copy(std::begin(tcb), std::end(tcb), report.begin() + static_cast<ptrdiff_t>(at));
    }
  }

  Bytes signed_report() const {
    Bytes out = report;
    const Bytes r_s = sign_ecdsa(vek_key, ByteView(out).first(kSnpSignedBytes));
    std::reverse_copy(r_s.begin(), r_s.begin() + 48, out.begin() + 0x2a0);
    std::reverse_copy(r_s.begin() + 48, r_s.end(), out.begin() + 0x2a0 + 72);
    return out;
  }
};

struct Keys {
  TestKey ark = TestKey::rsa(4096), ask = TestKey::rsa(4096);
};
const Keys& keys() {
  static const Keys made;
  return made;
}
FakeAmd fake_amd() { return FakeAmd(keys().ark, keys().ask); }

std::string code_of(const FakeAmd& amd, const Bytes& report, UnixSeconds at = kAt) {
  const Bytes ark = make_certificate(amd.ark, amd.ark_key, amd.ark_key);
  std::string pem = certificate_pem(make_certificate(amd.vek, amd.vek_key, amd.ask_key));
  pem += certificate_pem(make_certificate(amd.ask, amd.ask_key, amd.ark_key));
  pem += certificate_pem(ark);
  Collateral collateral;
  collateral.chain.emplace(pem.begin(), pem.end());
  const Fingerprint root = Certificate::from_der(ark)->fingerprint();
  RootSet roots;
  (amd.ark.subject == "ARK-Turin" ? roots.amd_turin : roots.amd_milan) = {root};
  const Policy policy;
  const auto verdict = check_snp_report(report, {collateral, roots, policy, at});
  if (!verdict.ok()) return verdict.error().code;
  EXPECT_EQ(verdict->ok, verdict->code == "ok");
  return verdict->code;
}

struct Defect {
  const char* name;
  const char* code;
  std::function<void(FakeAmd&)> make;
};

void expect_all(const std::vector<Defect>& defects) {
  for (const Defect& defect : defects) {
    FakeAmd amd = fake_amd();
    defect.make(amd);
    EXPECT_EQ(code_of(amd, amd.signed_report()), defect.code) << defect.name;
  }
}

TEST(FakeAmd, SoundChainsAreAccepted) {
  expect_all({
      {"VCEK", "ok", [](FakeAmd&) {}},
      {"VLEK", "ok", [](FakeAmd& amd) { amd.become_vlek(); }},
      {"Turin", "ok", [](FakeAmd& amd) { amd.become_turin(); }},
      {"HWID in an OCTET STRING",
       "ok",
       [](FakeAmd& amd) {
         ByteWriter wrapped;
         wrapped.u16(64 << 8 | 0x04);
         wrapped.bytes(Bytes(64, 0xab));
         amd.set("4", wrapped.finish());
       }},
  });
}

TEST(FakeAmd, WrongCertificates) {
  using Signature = CertificateSignature;
  expect_all({
      {"VEK by another ASK",
       "cert_chain_invalid",
       [](FakeAmd& amd) { amd.vek.issuer = std::string("SEV-Genoa"); }},
      {"ASK as VLEK's issuer",
       "cert_chain_invalid",
       [](FakeAmd& amd) {
         amd.become_vlek();
         amd.ask.subject = std::string("SEV-Milan");
       }},
      {"ASK is no authority",
       "cert_not_ca",
       [](FakeAmd& amd) { amd.ask.basic_constraints.clear(); }},
      {"ASK without key usage", "cert_key_usage", [](FakeAmd& amd) { amd.ask.key_usage.clear(); }},
      {"ASK for data",
       "cert_key_usage",
       [](FakeAmd& amd) { amd.ask.key_usage = std::string("critical,digitalSignature"); }},
      {"VEK for encryption",
       "cert_key_usage",
       [](FakeAmd& amd) { amd.vek.key_usage = std::string("critical,keyEncipherment"); }},
      {"VEK is an authority",
       "cert_key_usage",
       [](FakeAmd& amd) { amd.vek.basic_constraints = std::string("critical,CA:TRUE"); }},
      {"ARK with path length 0",
       "cert_path_length",
       [](FakeAmd& amd) { amd.ark.basic_constraints = std::string("critical,CA:TRUE,pathlen:0"); }},
      {"PKCS#1 v1.5",
       "cert_algorithm",
       [](FakeAmd& amd) { amd.vek.signature = Signature::kRsaSha384; }},
      {"PSS with SHA-256",
       "cert_algorithm",
       [](FakeAmd& amd) { amd.ask.signature = Signature::kRsaPssSha256; }},
      {"VEK of P-256", "cert_key", [](FakeAmd& amd) { amd.vek_key = TestKey::p256(); }},
      {"ASK of 2048 bits", "cert_key", [](FakeAmd& amd) { amd.ask_key = TestKey::rsa(2048); }},
      {"VEK expired", "cert_expired", [](FakeAmd& amd) { amd.vek.not_after = kAt - 1; }},
      {"ASK expired", "cert_expired", [](FakeAmd& amd) { amd.ask.not_after = kAt - 1; }},
      {"ARK expired", "cert_expired", [](FakeAmd& amd) { amd.ark.not_after = kAt - 1; }},
      {"VEK of tomorrow", "not_yet_valid", [](FakeAmd& amd) { amd.vek.not_before = kAt + 86400; }},
  });
}

// P-256 signatures have another length than the report's; the chain's check comes first.
TEST(FakeAmd, WrongIdentity) {
  expect_all({
      {"another name", "vek_name", [](FakeAmd& amd) { amd.vek.subject = std::string("SEV-XCEK"); }},
      {"unknown product", "vek_product", [](FakeAmd& amd) { amd.set("2", ia5("Naples")); }},
      {"no product", "vek_extension", [](FakeAmd& amd) { amd.drop("2"); }},
      {"no HWID", "vek_extension", [](FakeAmd& amd) { amd.drop("4"); }},
      {"short HWID", "vek_extension", [](FakeAmd& amd) { amd.set("4", Bytes(63, 0xab)); }},
      {"HWID of another size", "vek_extension", [](FakeAmd& amd) { amd.set("4", Bytes(8, 0xab)); }},
      {"no microcode", "vek_extension", [](FakeAmd& amd) { amd.drop("3.8"); }},
      {"SVN above 255",
       "vek_extension",
       [](FakeAmd& amd) {
         amd.set("3.8", {2, 2, 1, 0});
       }},
      {"negative SVN",
       "bad_der",
       [](FakeAmd& amd) {
         amd.set("3.8", {2, 1, 0xff});
       }},
      {"product of Genoa", "product_mismatch", [](FakeAmd& amd) { amd.set("2", ia5("Genoa")); }},
      {"CPU of Genoa", "product_mismatch", [](FakeAmd& amd) { amd.report[0x189] = 0x11; }},
      {"Turin without FMC",
       "vek_extension",
       [](FakeAmd& amd) {
         amd.become_turin();
         amd.drop("3.9");
       }},
      {"Turin of another FMC",
       "tcb_mismatch",
       [](FakeAmd& amd) {
         amd.become_turin();
         amd.set("3.9", small_integer(2));
       }},
      {"report of a VLEK", "vek_mismatch", [](FakeAmd& amd) { amd.report[0x48] = 4; }},
      {"certificate of a VLEK",
       "vek_mismatch",
       [](FakeAmd& amd) {
         amd.become_vlek();
         amd.report[0x48] = 0;
       }},
      {"chip", "hwid_mismatch", [](FakeAmd& amd) { amd.set("4", Bytes(64, 0xac)); }},
      {"masked chip", "hwid_mismatch", [](FakeAmd& amd) { amd.report[0x1a0 + 63] = 0; }},
      {"Turin's chip longer than its HWID",
       "hwid_mismatch",
       [](FakeAmd& amd) {
         amd.become_turin();
         amd.report[0x1a8] = 1;
       }},
      {"bootloader", "tcb_mismatch", [](FakeAmd& amd) { amd.set("3.1", small_integer(5)); }},
      {"tee", "tcb_mismatch", [](FakeAmd& amd) { amd.set("3.2", small_integer(1)); }},
      {"snp", "tcb_mismatch", [](FakeAmd& amd) { amd.set("3.3", small_integer(23)); }},
      {"microcode", "tcb_mismatch", [](FakeAmd& amd) { amd.set("3.8", small_integer(220)); }},
      {"unused TCB byte", "snp_tcb_reserved", [](FakeAmd& amd) { amd.report[0x182] = 1; }},
      {"debug", "debug_enabled", [](FakeAmd& amd) { amd.report[10] = 0x0a; }},
  });
}

TEST(FakeAmd, SwappedAndForeign) {
  const FakeAmd amd = fake_amd();
  FakeAmd other = fake_amd();  // another chip of the same authority
  EXPECT_EQ(code_of(amd, other.signed_report()), "signature_invalid");
  Bytes unsigned_report = amd.report;
  EXPECT_EQ(code_of(amd, unsigned_report), "signature_invalid");

  const Bytes ark = make_certificate(amd.ark, amd.ark_key, amd.ark_key);
  const Bytes ask = make_certificate(amd.ask, amd.ask_key, amd.ark_key);
  const Bytes vek = make_certificate(amd.vek, amd.vek_key, amd.ask_key);
  RootSet roots;
  roots.amd_milan = {Certificate::from_der(ark)->fingerprint()};
  const Policy policy;
  const auto judged = [&](const std::vector<Bytes>& chain, const RootSet& with) {
    std::string pem;
    for (const Bytes& der : chain) pem += certificate_pem(der);
    Collateral collateral;
    collateral.chain.emplace(pem.begin(), pem.end());
    const auto verdict = check_snp_report(amd.signed_report(), {collateral, with, policy, kAt});
    return verdict.ok() ? verdict->code : std::string(verdict.error().code);
  };
  EXPECT_EQ(judged({vek, ask, ark}, roots), "ok");
  EXPECT_EQ(judged({vek, ask, ark}, pinned_roots()), "root_not_pinned");
  EXPECT_EQ(judged({vek, ask, ark}, {}), "root_not_pinned");
  EXPECT_EQ(judged({ask, vek, ark}, roots), "cert_chain_invalid");
  EXPECT_EQ(judged({vek, ark, ask}, roots), "root_not_pinned");
  EXPECT_EQ(judged({vek, ask}, roots), "cert_chain_length");
  EXPECT_EQ(judged({vek, ask, ark, ark}, roots), "cert_chain_length");
  roots.amd_genoa = std::exchange(roots.amd_milan, {});
  EXPECT_EQ(judged({vek, ask, ark}, roots), "product_mismatch");
}

}  // namespace
}  // namespace ginn::test
