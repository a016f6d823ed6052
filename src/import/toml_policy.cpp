#include "import/toml_policy.h"

#include <array>

#include "attest/verify/hardware/kind.h"
#include "base/text.h"
#include "base/version.h"
#include "import/toml_reader.h"

namespace ginn::import {
namespace {

using attest::verify::EvidenceKind;
using policy::Demand;
using policy::Policy;

constexpr size_t kNameBytesMax = 64;
constexpr uint64_t kDaysMax = 36500;
constexpr uint32_t kLivesMax = 64;

// read(value, T&) reports problems itself; "any" gives the demand up.
template <typename T, typename Read>
void read_demand(const TomlValue& value, Demand<T>& out, Read read) {
  if (value.is_text("any")) {
    out = Demand<T>::any();
    return;
  }
  T read_value{};
  read(value, read_value);
  out = std::move(read_value);
}

void read_digest(const TomlValue& value, Demand<crypto::Digest>& out) {
  read_demand(value, out, [](const TomlValue& v, crypto::Digest& digest) {
    std::optional<crypto::Digest> read;
    v.read(read);
    digest = read.value_or(crypto::Digest{});
  });
}

void read_probability(const TomlValue& value, Policy& policy) {
  read_demand(value, policy.probability, [](const TomlValue& v, double& out) {
    out = 1.0;
    v.read(out);
    if (!(out >= 0.0 && out <= 1.0)) v.problem(concat("found ", out, "; allowed: 0 to 1"));
  });
}

void read_budget(const TomlValue& value, Policy& policy) {
  read_demand(value, policy.budget, [](const TomlValue& v, guarantee::Budget& out) {
    out.is_share = !v.is_integer();
    if (out.is_share) {
      out.share = 1.0;
      v.read(out.share);
      if (!(out.share > 0.0 && out.share <= 1.0)) {
        v.problem(concat("found ", out.share, "; allowed: a share above 0, at most 1, or a count"));
      }
    } else {
      v.read(out.count);
      if (out.count == 0) v.problem("found 0; allowed: a share, or a count from 1");
    }
  });
}

void read_lives(const TomlValue& value, Policy& policy) {
  read_demand(value, policy.lives, [](const TomlValue& v, uint32_t& out) {
    out = 1;
    v.read(out);
    if (out < 1 || out > kLivesMax) {
      v.problem(concat("found ", out, "; allowed: 1 to ", kLivesMax));
    }
  });
}

bool is_tee(std::string_view name) {
  if (name == policy::kSimulatedTee) return true;
  const auto kind = attest::verify::parse_kind(name);
  return kind && attest::verify::isolation_of(*kind) != attest::verify::Isolation::kDevice;
}

std::string tee_names() {
  std::string names(policy::kSimulatedTee);
  for (const EvidenceKind kind : attest::verify::kEvidenceKinds) {
    if (is_tee(attest::verify::kind_name(kind))) {
      names += concat(", ", attest::verify::kind_name(kind));
    }
  }
  return names;
}

void read_kinds(const TomlValue& value, Policy& policy) {
  read_demand(value, policy.kinds, [](const TomlValue& v, std::vector<std::string>& out) {
    v.read(out);
    for (const std::string& name : out) {
      if (is_tee(name)) continue;
      v.problem(concat("found \"", printable(name, 40), "\"; known kinds: ", tee_names()));
    }
  });
}

void read_measurements(const TomlValue& value, Policy& policy) {
  read_demand(value, policy.measurements, [](const TomlValue& v, std::vector<Bytes>& out) {
    std::vector<std::string> texts;
    v.read(texts);
    for (const std::string& text : texts) {
      if (auto bytes = parse_measurement(text)) {
        out.push_back(std::move(*bytes));
      } else {
        v.problem(concat("found \"",
                         printable(text, 120),
                         "\"; expected sha256: and 64, or sha384: and 96 lower-case hexadecimal "
                         "digits"));
      }
    }
  });
}

bool is_runtime(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos) return false;
  const std::string_view name = std::string_view(text).substr(0, equals);
  const std::string_view hex = std::string_view(text).substr(equals + 1);
  const bool rtmr = name == "rtmr0" || name == "rtmr1" || name == "rtmr2" || name == "rtmr3";
  if (!rtmr && name != "pcr_digest") return false;
  const bool digits = hex.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  return hex == "any" || (digits && hex.size() == (rtmr ? 96u : 64u));
}

void read_runtime(const TomlValue& value, Policy& policy) {
  read_demand(value, policy.runtime, [](const TomlValue& v, std::vector<std::string>& out) {
    v.read(out);
    for (const std::string& text : out) {
      if (is_runtime(text)) continue;
      v.problem(concat("found \"",
                       printable(text, 120),
                       "\"; expected rtmr0= to rtmr3= and 96, or pcr_digest= and 64 lower-case "
                       "hexadecimal digits, or any"));
    }
  });
}

void read_tcb(const TomlValue& value, Policy& policy) {
  using attest::verify::TcbStatus;
  read_demand(value, policy.tcb, [](const TomlValue& v, std::vector<TcbStatus>& out) {
    std::vector<std::string> texts;
    v.read(texts);
    for (const std::string& text : texts) {
      if (const auto status = attest::verify::parse_tcb_status(text)) {
        out.push_back(*status);
      } else {
        v.problem(concat("found \"",
                         printable(text, 60),
                         "\"; expected Intel's words, such as UpToDate, SWHardeningNeeded, "
                         "ConfigurationAndSWHardeningNeeded"));
      }
    }
  });
}

void read_snp_tcb(const TomlValue& value, Policy& policy) {
  read_demand(value, policy.snp_tcb, [](const TomlValue& v, policy::SnpVersions& out) {
    std::vector<int64_t> numbers;
    v.read(numbers);
    bool good = numbers.size() == 4;
    for (const int64_t number : numbers) good = good && number >= 0 && number <= 255;
    if (!good) {
      v.problem("expected [bootloader, tee, snp, microcode], four integers from 0 to 255");
      return;
    }
    out = {static_cast<uint32_t>(numbers[0]),
           static_cast<uint32_t>(numbers[1]),
           static_cast<uint32_t>(numbers[2]),
           static_cast<uint32_t>(numbers[3])};
  });
}

void read_advisories(const TomlValue& value, Policy& policy) {
  read_demand(value, policy.advisories, [](const TomlValue& v, std::vector<std::string>& out) {
    v.read(out);
    for (const std::string& name : out) {
      if (name.empty() || name.size() > kNameBytesMax) {
        v.problem(concat("found \"", printable(name, 80), "\"; expected a name: INTEL-SA-00289"));
      }
    }
  });
}

void read_days(const TomlValue& value, Policy& policy) {
  read_demand(value, policy.collateral_days, [](const TomlValue& v, uint64_t& out) {
    v.read(out);
    if (out > kDaysMax) v.problem(concat("found ", out, "; allowed: 0 to ", kDaysMax));
  });
}

std::optional<crypto::PublicKey> owner_key(std::string_view text) {
  constexpr std::string_view kPrefix = "ed25519:";
  crypto::PublicKey key{};
  if (!text.starts_with(kPrefix) || text.size() != kPrefix.size() + 2 * key.size()) {
    return std::nullopt;
  }
  const auto bytes = from_hex(text.substr(kPrefix.size()));
  if (!bytes.ok()) return std::nullopt;
  std::copy(bytes->begin(), bytes->end(), key.begin());
  return key;
}

void read_owners(const TomlValue& value, Policy& policy) {
  read_demand(value, policy.owners, [](const TomlValue& v, std::vector<crypto::PublicKey>& out) {
    std::vector<std::string> texts;
    v.read(texts);
    for (const std::string& text : texts) {
      if (const auto key = owner_key(text)) {
        out.push_back(*key);
      } else {
        v.problem(concat("found \"",
                         printable(text, 80),
                         "\"; expected ed25519: and 64 lower-case hexadecimal digits"));
      }
    }
  });
}

// There is no other answer, but whoever reads the file must see that it was given.
void read_debug(const TomlValue& value, Policy&) {
  std::string text = "never";
  value.read(text);
  if (text != "never") {
    value.problem(concat("found \"", printable(text, 40), "\"; allowed: \"never\""));
  }
}

void read_version(const TomlValue& value, Policy&) {
  constexpr uint32_t kVersion = 1;
  uint32_t version = kVersion;
  value.read(version);
  if (version == 0) value.problem("found 0; versions begin with 1");
  if (version > kVersion) value.problem(newer_version("policy", version, kVersion));
}

constexpr std::array<std::string_view, 5> kTables = {"job", "data", "guarantee", "tee", "grants"};

constexpr TomlKey<Policy> kKeys[] = {
    {"", "version", read_version, true},
    {"job", "digest", [](const TomlValue& v, Policy& p) { read_digest(v, p.job_digest); }, true},
    {"data", "root", [](const TomlValue& v, Policy& p) { read_digest(v, p.dataset_root); }, true},
    {"guarantee", "probability", read_probability, true},
    {"guarantee", "budget", read_budget, true},
    {"guarantee", "lives", read_lives, true},
    {"tee", "kinds", read_kinds, true},
    {"tee", "measurements", read_measurements, true},
    {"tee", "runtime", read_runtime, true},
    {"tee", "tcb", read_tcb, true},
    {"tee",
     "tcb_evaluation",
     [](const TomlValue& v, Policy& p) {
       read_demand(v, p.tcb_evaluation, [](const TomlValue& n, uint64_t& out) { n.read(out); });
     },
     true},
    {"tee", "snp_tcb", read_snp_tcb, true},
    {"tee", "advisories", read_advisories, true},
    {"tee", "debug", read_debug, true},
    {"tee", "collateral_days", read_days, true},
    {"grants", "owners", read_owners, true},
};

constexpr TomlSchema<Policy> kSchema = {kTables, kKeys, "docs/policy.md"};

}  // namespace

std::optional<Bytes> parse_measurement(std::string_view text) {
  const bool sha256 = text.starts_with("sha256:") && text.size() == 7 + 64;
  const bool sha384 = text.starts_with("sha384:") && text.size() == 7 + 96;
  if (!sha256 && !sha384) return std::nullopt;
  auto bytes = from_hex(text.substr(7));
  return bytes.ok() ? std::optional(std::move(*bytes)) : std::nullopt;
}

Result<policy::Policy> parse_policy_file(std::string_view text, std::string_view file_name) {
  GINN_ASSIGN(const toml::table table,
              parse_toml(text, file_name, kPolicyFileBytesMax, "policy_file"));
  Policy policy;
  TomlReader<Policy> reader(kSchema, policy);
  reader.read_table(table, "");
  std::vector<FileProblem> problems = reader.finish();
  if (!problems.empty()) return problems_error("policy_file", file_name, std::move(problems));
  return policy;
}

}  // namespace ginn::import
