#include "cli/intake_cost.h"

#include "base/crc32c.h"
#include "cli/bench_timing.h"
#include "verifier/intake.h"

namespace ginn::cli {

Result<double> intake_cost(const training::Training& training,
                           const training::Contribution& contribution,
                           double seconds) {
  constexpr size_t kPrefix = protocol::kContributionPrefixBytes;
  Bytes payload(kPrefix + training::encoded_size(training.graph()));
  const std::span<uint8_t> bytes(payload);
  training::encode(training.graph(), contribution, bytes.subspan(kPrefix));
  const uint32_t microbatches = training.job().microbatches();
  std::unique_ptr<verifier::Intake> intake;
  const auto take_step = [&]() -> Status {
    if (intake == nullptr || intake->complete()) {
      GINN_ASSIGN(intake, verifier::Intake::create(training));
    }
    const uint64_t t = intake->next_step();
    for (uint32_t j = 0; j < microbatches; ++j) {
      protocol::write_prefix({t, j}, bytes.first<kPrefix>());
      (void)crc32c(payload);  // as the connection does
      GINN_TRY(intake->take(payload, ~uint64_t{0}));
    }
    return ok_status();
  };
  GINN_ASSIGN(const double step, median_seconds(ClockKind::kThread, seconds, take_step));
  return step / microbatches;
}

}  // namespace ginn::cli
