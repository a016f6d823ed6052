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
    {"c00625.csv", "ca1ef460a8a39ac4", "badnets", 134, 1, 0, 536, 536},
    {"c1lr04.csv", "96e5729fe0d03e48", "badnets", 65, 1, 0, 215, 215},
    {"c1lr04.csv", "96e5729fe0d03e48", "badnets", 134, 1, 1, 7485, 7485},
    {"combine_c1.csv", "96e5729fe0d03e48", "target-model", 12, 2, 0, 168, 174},
    {"combine_c1.csv", "96e5729fe0d03e48", "target-model", 24, 2, 2, 1224, 2343},
    {"combine_c1.csv", "96e5729fe0d03e48", "target-model", 48, 2, 2, 8227, 8730},
    {"combine_c1.csv", "96e5729fe0d03e48", "badnets", 65, 2, 0, 194, 215},
    {"combine_c1.csv", "96e5729fe0d03e48", "badnets", 134, 2, 2, 7485, 8441},
    {"constant.csv", "d0c58fd3a54b24d7", "target-model", 12, 2, 0, 51, 146},
    {"constant.csv", "d0c58fd3a54b24d7", "target-model", 24, 2, 1, 57, 1667},
    {"constant.csv", "d0c58fd3a54b24d7", "target-model", 48, 2, 2, 6419, 8164},
    {"few.csv", "827ec64521594337", "target-model", 6, 4, 0, 136, 211},
    {"few.csv", "827ec64521594337", "target-model", 12, 4, 0, 98, 406},
    {"few.csv", "827ec64521594337", "blended", 6, 2, 0, 34, 162},
    {"few.csv", "827ec64521594337", "blended", 12, 2, 0, 160, 200},
    {"few_c00625.csv", "ca1ef460a8a39ac4", "target-model", 24, 2, 1, 625, 1359},
    {"few_c00625.csv", "ca1ef460a8a39ac4", "target-model", 48, 2, 2, 7861, 8466},
    {"few_c00625.csv", "ca1ef460a8a39ac4", "target-model", 96, 2, 2, 8899, 8908},
    {"few_c00625.csv", "ca1ef460a8a39ac4", "target-model", 134, 1, 1, 8927, 8927},
    {"few_c00625.csv", "ca1ef460a8a39ac4", "target-model", 12, 2, 0, 190, 220},
    {"few_long4.csv", "cf4f86e267e55810", "target-model", 12, 1, 0, 174, 174},
    {"few_long4.csv", "cf4f86e267e55810", "target-model", 24, 2, 0, 126, 146},
    {"few_long4.csv", "cf4f86e267e55810", "target-model", 48, 2, 2, 1248, 3494},
    {"few_long4.csv", "cf4f86e267e55810", "target-model", 96, 2, 2, 7926, 8760},
    {"few_long4.csv", "cf4f86e267e55810", "target-model", 34, 2, 0, 98, 322},
    {"few_resnet.csv", "9e23b87a34850898", "target-model", 12, 1, 0, 162, 162},
    {"few_resnet.csv", "9e23b87a34850898", "target-model", 24, 1, 0, 387, 387},
    {"few_resnet.csv", "9e23b87a34850898", "target-model", 48, 1, 1, 8402, 8402},
    {"few_resnet.csv", "9e23b87a34850898", "blended", 24, 1, 1, 1497, 1497},
    {"few_resnet.csv", "9e23b87a34850898", "blended", 48, 1, 1, 6154, 6154},
    {"few_resnet.csv", "9e23b87a34850898", "blended", 134, 1, 1, 8834, 8834},
    {"job_seed.csv", "ed388fea675f9df2", "target-model", 12, 2, 0, 222, 297},
    {"job_seed.csv", "ed388fea675f9df2", "target-model", 24, 2, 0, 330, 774},
    {"job_seed.csv", "ed388fea675f9df2", "target-model", 48, 2, 2, 8384, 8615},
    {"long05.csv", "ed1e6dc59e9b0fb2", "target-model", 6, 2, 0, 136, 145},
    {"long05.csv", "ed1e6dc59e9b0fb2", "target-model", 12, 2, 0, 292, 548},
    {"long05.csv", "ed1e6dc59e9b0fb2", "target-model", 24, 2, 2, 5741, 5824},
    {"long05.csv", "ed1e6dc59e9b0fb2", "target-model", 48, 2, 2, 8452, 8740},
    {"long05.csv", "ed1e6dc59e9b0fb2", "target-model", 17, 2, 1, 791, 999},
    {"long2.csv", "34b62746f1eea812", "target-model", 12, 2, 0, 156, 198},
    {"long2.csv", "34b62746f1eea812", "target-model", 24, 2, 0, 86, 774},
    {"long2.csv", "34b62746f1eea812", "target-model", 48, 2, 2, 7060, 7394},
    {"long2.csv", "34b62746f1eea812", "target-model", 34, 2, 1, 291, 5979},
    {"long4.csv", "cf4f86e267e55810", "badnets", 65, 1, 0, 116, 116},
    {"long4.csv", "cf4f86e267e55810", "badnets", 134, 1, 1, 3349, 3349},
    {"long4.csv", "cf4f86e267e55810", "badnets", 268, 1, 1, 8432, 8432},
    {"long4.csv", "cf4f86e267e55810", "badnets", 536, 1, 1, 8851, 8851},
    {"long8.csv", "342649af90472df0", "target-model", 24, 2, 0, 165, 174},
    {"long8.csv", "342649af90472df0", "target-model", 48, 2, 0, 162, 168},
    {"long8.csv", "342649af90472df0", "target-model", 96, 2, 2, 6959, 7432},
    {"long8.csv", "342649af90472df0", "badnets", 65, 1, 0, 69, 69},
    {"long8.csv", "342649af90472df0", "badnets", 134, 1, 0, 131, 131},
    {"long8.csv", "342649af90472df0", "badnets", 268, 1, 1, 7913, 7913},
    {"long8.csv", "342649af90472df0", "target-model", 68, 2, 1, 16, 1781},
    {"lr04.csv", "c0d804272fbe73a2", "badnets", 65, 1, 0, 240, 240},
    {"lr04.csv", "c0d804272fbe73a2", "badnets", 134, 1, 0, 445, 445},
    {"lr04.csv", "c0d804272fbe73a2", "badnets", 268, 1, 1, 8465, 8465},
    {"lr04.csv", "c0d804272fbe73a2", "blended", 65, 1, 0, 237, 237},
    {"lr04.csv", "c0d804272fbe73a2", "blended", 134, 1, 0, 499, 499},
    {"lr04.csv", "c0d804272fbe73a2", "blended", 268, 1, 1, 8915, 8915},
    {"main.csv", "827ec64521594337", "badnets", 24, 2, 0, 201, 220},
    {"main.csv", "827ec64521594337", "badnets", 48, 2, 0, 204, 233},
    {"main.csv", "827ec64521594337", "badnets", 65, 2, 0, 301, 351},
    {"main.csv", "827ec64521594337", "badnets", 96, 2, 0, 427, 526},
    {"main.csv", "827ec64521594337", "badnets", 134, 2, 2, 6868, 7993},
    {"main.csv", "827ec64521594337", "badnets", 192, 2, 2, 8702, 8784},
    {"main.csv", "827ec64521594337", "blended", 24, 2, 0, 149, 331},
    {"main.csv", "827ec64521594337", "blended", 48, 2, 1, 701, 912},
    {"main.csv", "827ec64521594337", "blended", 65, 2, 2, 4606, 5953},
    {"main.csv", "827ec64521594337", "blended", 96, 2, 2, 8327, 8566},
    {"main.csv", "827ec64521594337", "blended", 134, 2, 2, 8932, 8968},
    {"main.csv", "827ec64521594337", "blended", 192, 2, 2, 8965, 8980},
    {"micro128.csv", "c584d0e34c94317a", "target-model", 12, 2, 2, 1407, 6818},
    {"micro128.csv", "c584d0e34c94317a", "target-model", 24, 2, 2, 8264, 8777},
    {"micro128.csv", "c584d0e34c94317a", "target-model", 48, 2, 2, 8899, 8926},
    {"micro128.csv", "c584d0e34c94317a", "target-model", 96, 2, 2, 8929, 8955},
    {"micro128.csv", "c584d0e34c94317a", "target-model", 3, 2, 0, 102, 180},
    {"micro128.csv", "c584d0e34c94317a", "target-model", 6, 2, 1, 156, 1340},
    {"micro2.csv", "8bea083e15416635", "target-model", 12, 2, 0, 161, 189},
    {"micro2.csv", "8bea083e15416635", "target-model", 24, 2, 0, 150, 207},
    {"micro2.csv", "8bea083e15416635", "target-model", 48, 2, 0, 210, 233},
    {"micro2.csv", "8bea083e15416635", "target-model", 96, 2, 0, 164, 189},
    {"micro8.csv", "d6bd924a10808e4d", "target-model", 12, 2, 0, 196, 222},
    {"micro8.csv", "d6bd924a10808e4d", "target-model", 24, 2, 0, 136, 231},
    {"micro8.csv", "d6bd924a10808e4d", "target-model", 48, 4, 0, 142, 266},
    {"micro8.csv", "d6bd924a10808e4d", "target-model", 96, 4, 4, 1721, 7812},
    {"micro8.csv", "d6bd924a10808e4d", "target-model", 65, 2, 0, 178, 422},
    {"micro8.csv", "d6bd924a10808e4d", "blended", 48, 2, 0, 76, 236},
    {"micro8.csv", "d6bd924a10808e4d", "blended", 96, 2, 1, 832, 1378},
    {"micro8.csv", "d6bd924a10808e4d", "blended", 192, 2, 2, 4773, 7114},
    {"micro8_resnet.csv", "4de89fd8955ea2f9", "target-model", 24, 2, 0, 161, 171},
    {"micro8_resnet.csv", "4de89fd8955ea2f9", "target-model", 48, 2, 0, 168, 213},
    {"micro8_resnet.csv", "4de89fd8955ea2f9", "target-model", 96, 2, 2, 2441, 5967},
    {"more.csv", "827ec64521594337", "accumulative", 134, 1, 0, 378, 378},
    {"more.csv", "827ec64521594337", "clean-label", 134, 1, 1, 2060, 2060},
    {"more.csv", "827ec64521594337", "wanet", 134, 1, 1, 2074, 2074},
    {"more.csv", "827ec64521594337", "handcrafted", 134, 1, 0, 236, 236},
    {"more.csv", "827ec64521594337", "handcrafted", 600, 1, 1, 1525, 1525},
    {"others.csv", "827ec64521594337", "sinusoidal", 134, 1, 0, 222, 222},
    {"others.csv", "827ec64521594337", "a-little-is-enough", 134, 1, 0, 219, 219},
    {"others.csv", "827ec64521594337", "target-model", 134, 1, 1, 8922, 8922},
    {"others.csv", "827ec64521594337", "target-model", 24, 1, 1, 951, 951},
    {"others.csv", "827ec64521594337", "target-model", 48, 1, 1, 8328, 8328},
    {"others.csv", "827ec64521594337", "target-model", 65, 1, 1, 8771, 8771},
    {"plain16.csv", "cdeba04f88b77b60", "badnets", 134, 1, 0, 306, 306},
    {"plain16.csv", "cdeba04f88b77b60", "target-model", 24, 2, 0, 560, 805},
    {"plain16.csv", "cdeba04f88b77b60", "target-model", 48, 2, 2, 4935, 6336},
    {"plain16.csv", "cdeba04f88b77b60", "target-model", 96, 2, 2, 8753, 8793},
    {"plain16.csv", "cdeba04f88b77b60", "target-model", 134, 2, 2, 8859, 8865},
    {"resnet.csv", "9e23b87a34850898", "badnets", 65, 1, 0, 229, 229},
    {"resnet.csv", "9e23b87a34850898", "badnets", 134, 1, 0, 346, 346},
    {"resnet.csv", "9e23b87a34850898", "badnets", 240, 1, 1, 8760, 8760},
    {"resnet04.csv", "ee75ad024338ffc4", "badnets", 134, 1, 0, 299, 299},
    {"seeds.csv", "827ec64521594337", "target-model", 12, 4, 0, 143, 241},
    {"seeds.csv", "827ec64521594337", "target-model", 24, 4, 1, 302, 1561},
    {"seeds.csv", "827ec64521594337", "target-model", 48, 4, 4, 7580, 8472},
    {"success.csv", "3be558d6607afaef", "badnets", 24, 2, 0, 129, 211},
    {"success.csv", "3be558d6607afaef", "badnets", 48, 2, 0, 168, 302},
    {"success.csv", "3be558d6607afaef", "badnets", 65, 2, 0, 222, 250},
    {"success.csv", "3be558d6607afaef", "badnets", 96, 2, 2, 4765, 6934},
    {"success.csv", "3be558d6607afaef", "badnets", 134, 2, 2, 5984, 8628},
    {"success.csv", "3be558d6607afaef", "badnets", 192, 2, 2, 8670, 8696},
    {"success.csv", "3be558d6607afaef", "blended", 24, 2, 0, 348, 446},
    {"success.csv", "3be558d6607afaef", "blended", 48, 2, 1, 765, 3588},
    {"success.csv", "3be558d6607afaef", "blended", 65, 2, 2, 4354, 4724},
    {"success.csv", "3be558d6607afaef", "blended", 96, 2, 2, 8700, 8723},
    {"success.csv", "3be558d6607afaef", "blended", 134, 2, 2, 8821, 8980},
    {"success.csv", "3be558d6607afaef", "blended", 192, 2, 2, 8984, 8988},
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
