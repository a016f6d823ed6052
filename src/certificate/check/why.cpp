#include <array>

#include "certificate/check/run_check.h"

namespace ginn::certificate {
namespace {

struct Why {
  std::string_view check;
  std::string_view sentence;
};

constexpr Why kWhy[] = {
    {"folder", "A run leaves a few files; what cannot be listed cannot be checked."},
    {"certificate", "Without one certificate, and one only, nobody vouches for anything."},
    {"rejection", "The verifier's reason for stopping the run."},
    {"envelope", "One signature over one text: nothing may be read in two ways."},
    {"payload_type", "A signature made for another kind of document must not count for this one."},
    {"statement", "Each field is known and in its one form, so that all programs read the same."},
    {"signature", "Only who holds the verifier's key can have written the statement."},
    {"evidence",
     "A TEE vouches that the program with this measurement made the key, for this job and this "
     "start: a host that made the key itself, or took it from another run, fails here."},
    {"job", "The job that was run is shown in full, and all else is bound to its digest."},
    {"job_file", "The job that you read in the folder is the one that was run."},
    {"guarantee", "The promised numbers follow from the job and are not somebody's wording."},
    {"replayed", "Fewer replays than the job demands would make the promise void."},
    {"transcript", "The states that the run went through, in a chain that ends at the last step."},
    {"model", "The files that you deploy are those that the verifier computed, byte for byte."},
    {"rejection_evidence", "What anybody needs to compute the rejected contribution again."},
    {"grants", "Each start is another try for an attacker: the owner permitted every one."},
    {"your_job", "Training that you did not ask for proves nothing about what you asked for."},
    {"simulated", "A simulated TEE signs with a key that everybody has."},
    {"policy_job", "Your policy is for this job and no other."},
    {"policy_data", "The model learned from the records that you vetted and from no others."},
    {"policy_probability", "With at least this probability a run tampered with is not accepted."},
    {"policy_budget", "What may stay undetected: the smaller, the less an attacker can do."},
    {"policy_lives", "An attacker may end a run that goes badly and start again, this often."},
    {"policy_tee", "Whose promise it is that the host did not touch the verifier's memory."},
    {"policy_measurement", "The verifier is the program that you reviewed or built yourself."},
    {"policy_runtime",
     "Where the launch measures the firmware alone, kernel and program are in these registers."},
    {"policy_tcb", "Known holes in the platform's firmware and microcode were closed."},
    {"policy_advisories", "Known holes that are open although the platform is up to date."},
    {"policy_debug", "A TEE in debug mode lets its host read and change everything."},
    {"policy_freshness", "What the maker said about the platform is recent, and not yet revoked."},
    {"policy_grants", "It was your owner who permitted the starts, not the training host."},
};

}  // namespace

std::string_view why_it_matters(std::string_view check) {
  for (const Why& why : kWhy) {
    if (why.check == check) return why.sentence;
  }
  return {};
}

}  // namespace ginn::certificate
