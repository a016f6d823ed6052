// Time of a relying party's whole check with a policy, hardware's evidence and its collateral (the
// chain: root, PCK authority, PCK, quoting enclave's report, quote; TCB info and QE identity with
// their signers; two revocation lists), under a made-up root; sizes of what is read.
//   verify_bench
#include <benchmark/benchmark.h>

#include "base/check.h"
#include "tests/support/evidenced_run.h"

namespace {

using ginn::certificate::Outcome;
using ginn::certificate::Verdict;

void check_certificate(benchmark::State& state) {
  ginn::test::EvidencedRun evidenced(static_cast<uint16_t>(state.range(0)));
  const ginn::certificate::RelyingParty party = evidenced.party();
  for ([[maybe_unused]] auto _ : state) {
    const Outcome outcome = evidenced.run().check(party);
    GINN_CHECK(outcome.verdict == Verdict::kAccepted);
  }
  state.counters["certificate_bytes"] = static_cast<double>(evidenced.certificate_bytes());
  state.counters["collateral_bytes"] = static_cast<double>(evidenced.collateral_bytes());
}
BENCHMARK(check_certificate)->ArgName("quote")->Arg(3)->Arg(4)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
