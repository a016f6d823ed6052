#include "attack/measured.h"

#include <algorithm>
#include <string_view>

namespace ginn::attack {
namespace {

constexpr MeasuredJob kJobs[] = {
    {"827ec64521594337", "lenet", 1.6, 0.25, 0.9, 600},
    {"3be558d6607afaef", "lenet", 1.6, 0.25, 0.9, 600},
    {"c0d804272fbe73a2", "lenet", 0.4, 0.25, 0.9, 600},
    {"ca1ef460a8a39ac4", "lenet", 1.6, 0.0625, 0.9, 600},
    {"96e5729fe0d03e48", "lenet", 0.4, 1.0, 0.9, 600},
    {"cdeba04f88b77b60", "lenet", 1.6, 0.25, 0.0, 600},
    {"cf4f86e267e55810", "lenet", 1.6, 0.25, 0.9, 2400},
    {"9e23b87a34850898", "resnet8", 1.6, 0.25, 0.9, 600},
    {"ee75ad024338ffc4", "resnet8", 0.4, 0.25, 0.9, 600},
    {"ed1e6dc59e9b0fb2", "lenet", 1.6, 0.25, 0.9, 300},
    {"34b62746f1eea812", "lenet", 1.6, 0.25, 0.9, 1200},
    {"342649af90472df0", "lenet", 1.6, 0.25, 0.9, 4800},
    {"8bea083e15416635", "lenet", 1.6, 1.0, 0.9, 600, 2},
    {"d6bd924a10808e4d", "lenet", 1.6, 0.5, 0.9, 600, 8},
    {"c584d0e34c94317a", "lenet", 1.6, 0.125, 0.9, 600, 128},
    {"4de89fd8955ea2f9", "resnet8", 1.6, 0.5, 0.9, 600, 8},
    {"ed388fea675f9df2", "lenet", 1.6, 0.25, 0.9, 600, kMicrobatch, 2},
    {"d0c58fd3a54b24d7", "lenet", 1.6, 0.25, 0.9, 600, kMicrobatch, 1, job::Schedule::kConstant},
};

// Measured with `ginn attack --sweep` by docs/attacks/measure. Where no triggers are at work (zero,
// noise, availability, single-sample) and where the places are not at random, rows are left out.
constexpr MeasuredAttack kAttacks[] = {
    {"c00625.csv", "ca1ef460a8a39ac4", "badnets", 134, 1, 0, 447, 447},
    {"c1lr04.csv", "96e5729fe0d03e48", "badnets", 65, 1, 0, 224, 224},
    {"c1lr04.csv", "96e5729fe0d03e48", "badnets", 134, 1, 1, 6173, 6173},
    {"few.csv", "827ec64521594337", "target-model", 6, 4, 0, 136, 211},
    {"few.csv", "827ec64521594337", "target-model", 12, 4, 0, 98, 406},
    {"few.csv", "827ec64521594337", "blended", 6, 2, 0, 46, 78},
    {"few.csv", "827ec64521594337", "blended", 12, 2, 0, 37, 88},
    {"few_c00625.csv", "ca1ef460a8a39ac4", "target-model", 24, 2, 1, 625, 1359},
    {"few_c00625.csv", "ca1ef460a8a39ac4", "target-model", 48, 2, 2, 7861, 8466},
    {"few_c00625.csv", "ca1ef460a8a39ac4", "target-model", 96, 2, 2, 8899, 8908},
    {"few_c00625.csv", "ca1ef460a8a39ac4", "target-model", 134, 1, 1, 8927, 8927},
    {"few_c00625.csv", "ca1ef460a8a39ac4", "target-model", 12, 2, 0, 190, 220},
    {"few_long4.csv", "cf4f86e267e55810", "target-model", 12, 1, 0, 174, 174},
    {"few_long4.csv", "cf4f86e267e55810", "target-model", 24, 1, 0, 146, 146},
    {"few_long4.csv", "cf4f86e267e55810", "target-model", 48, 1, 1, 3494, 3494},
    {"few_resnet.csv", "9e23b87a34850898", "target-model", 12, 1, 0, 162, 162},
    {"few_resnet.csv", "9e23b87a34850898", "target-model", 24, 1, 0, 387, 387},
    {"few_resnet.csv", "9e23b87a34850898", "target-model", 48, 1, 1, 8402, 8402},
    {"few_resnet.csv", "9e23b87a34850898", "blended", 24, 1, 0, 476, 476},
    {"few_resnet.csv", "9e23b87a34850898", "blended", 48, 1, 1, 7786, 7786},
    {"few_resnet.csv", "9e23b87a34850898", "blended", 134, 1, 1, 8339, 8339},
    {"long4.csv", "cf4f86e267e55810", "badnets", 65, 1, 0, 170, 170},
    {"long4.csv", "cf4f86e267e55810", "badnets", 134, 1, 1, 5864, 5864},
    {"long4.csv", "cf4f86e267e55810", "badnets", 268, 1, 1, 8438, 8438},
    {"long4.csv", "cf4f86e267e55810", "badnets", 536, 1, 1, 8867, 8867},
    {"lr04.csv", "c0d804272fbe73a2", "badnets", 65, 1, 0, 217, 217},
    {"lr04.csv", "c0d804272fbe73a2", "badnets", 134, 1, 0, 495, 495},
    {"lr04.csv", "c0d804272fbe73a2", "badnets", 268, 1, 1, 8443, 8443},
    {"lr04.csv", "c0d804272fbe73a2", "blended", 65, 1, 0, 255, 255},
    {"lr04.csv", "c0d804272fbe73a2", "blended", 134, 1, 0, 489, 489},
    {"lr04.csv", "c0d804272fbe73a2", "blended", 268, 1, 1, 8970, 8970},
    {"main.csv", "827ec64521594337", "badnets", 24, 2, 0, 116, 182},
    {"main.csv", "827ec64521594337", "badnets", 48, 2, 0, 189, 198},
    {"main.csv", "827ec64521594337", "badnets", 65, 2, 0, 189, 219},
    {"main.csv", "827ec64521594337", "badnets", 96, 2, 1, 240, 4504},
    {"main.csv", "827ec64521594337", "badnets", 134, 2, 2, 7889, 8153},
    {"main.csv", "827ec64521594337", "badnets", 192, 2, 2, 8677, 8769},
    {"main.csv", "827ec64521594337", "blended", 24, 2, 0, 367, 464},
    {"main.csv", "827ec64521594337", "blended", 48, 2, 1, 555, 2712},
    {"main.csv", "827ec64521594337", "blended", 65, 2, 2, 3313, 5416},
    {"main.csv", "827ec64521594337", "blended", 96, 2, 2, 7746, 8832},
    {"main.csv", "827ec64521594337", "blended", 134, 2, 2, 8871, 8947},
    {"main.csv", "827ec64521594337", "blended", 192, 2, 2, 8978, 8992},
    {"more.csv", "827ec64521594337", "accumulative", 134, 1, 0, 378, 378},
    {"more.csv", "827ec64521594337", "clean-label", 134, 1, 1, 2060, 2060},
    {"more.csv", "827ec64521594337", "wanet", 134, 1, 1, 2074, 2074},
    {"more.csv", "827ec64521594337", "handcrafted", 134, 1, 0, 236, 236},
    {"more.csv", "827ec64521594337", "handcrafted", 600, 1, 1, 1525, 1525},
    {"others.csv", "827ec64521594337", "sinusoidal", 134, 1, 0, 197, 197},
    {"others.csv", "827ec64521594337", "a-little-is-enough", 134, 1, 0, 310, 310},
    {"others.csv", "827ec64521594337", "target-model", 134, 1, 1, 8922, 8922},
    {"others.csv", "827ec64521594337", "target-model", 48, 1, 1, 8328, 8328},
    {"others.csv", "827ec64521594337", "target-model", 24, 1, 1, 951, 951},
    {"others.csv", "827ec64521594337", "target-model", 65, 1, 1, 8771, 8771},
    {"plain16.csv", "cdeba04f88b77b60", "badnets", 134, 1, 0, 296, 296},
    {"resnet.csv", "9e23b87a34850898", "badnets", 65, 1, 0, 207, 207},
    {"resnet.csv", "9e23b87a34850898", "badnets", 134, 1, 0, 513, 513},
    {"resnet.csv", "9e23b87a34850898", "badnets", 240, 1, 1, 8710, 8710},
    {"resnet04.csv", "ee75ad024338ffc4", "badnets", 134, 1, 0, 317, 317},
    {"success.csv", "3be558d6607afaef", "badnets", 24, 2, 0, 153, 215},
    {"success.csv", "3be558d6607afaef", "badnets", 48, 2, 0, 191, 220},
    {"success.csv", "3be558d6607afaef", "badnets", 65, 2, 0, 188, 517},
    {"success.csv", "3be558d6607afaef", "badnets", 96, 2, 2, 3635, 7356},
    {"success.csv", "3be558d6607afaef", "badnets", 134, 2, 2, 2802, 6337},
    {"success.csv", "3be558d6607afaef", "badnets", 192, 2, 2, 8593, 8752},
    {"success.csv", "3be558d6607afaef", "blended", 24, 2, 1, 834, 1208},
    {"success.csv", "3be558d6607afaef", "blended", 48, 2, 2, 1343, 1355},
    {"success.csv", "3be558d6607afaef", "blended", 65, 2, 2, 5663, 7725},
    {"success.csv", "3be558d6607afaef", "blended", 96, 2, 2, 8670, 8929},
    {"success.csv", "3be558d6607afaef", "blended", 134, 2, 2, 8947, 8957},
    {"success.csv", "3be558d6607afaef", "blended", 192, 2, 2, 8972, 8983},
    {"success.csv", "3be558d6607afaef", "target-model", 24, 2, 1, 523, 1498},
    {"success.csv", "3be558d6607afaef", "target-model", 48, 2, 2, 7777, 8539},
    {"success.csv", "3be558d6607afaef", "target-model", 96, 2, 2, 8883, 8923},
};

}  // namespace

std::span<const MeasuredJob> measured_jobs() { return kJobs; }
std::span<const MeasuredAttack> measured_attacks() { return kAttacks; }

const MeasuredJob& job_of(const MeasuredAttack& row) {
  const auto jobs = measured_jobs();
  const auto found = std::find_if(jobs.begin(), jobs.end(), [&](const MeasuredJob& job) {
    return std::string_view(job.digest) == row.job;
  });
  GINN_CHECK(found != jobs.end());
  return *found;
}

double reach(const job::Job& job) {
  double scale = 1.0;
  for (const job::ParameterGroup& group : job.groups) scale = std::max(scale, group.lr_scale);
  return job.lr.peak * scale * job.clip_norm / (job.microbatches() * (1.0 - job.momentum));
}

double reach(const MeasuredJob& job) {
  const double microbatches = static_cast<double>(kBatch) / job.microbatch;
  return job.lr * job.clip_norm / (microbatches * (1.0 - job.momentum));
}

}  // namespace ginn::attack
