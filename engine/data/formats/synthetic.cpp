// A made set in the manner of body-worn inertial sensors, to learn on without any file. What tells
// two classes apart is never a level a linear model could read off: the rate of a rhythm, which of
// the channels runs ahead, or a gesture somewhere in the window. People differ in tempo, gain,
// bias and posture, and those of the test part are seen nowhere else.
#include <fmt/core.h>

#include <cmath>
#include <numbers>

#include "engine/data/reader.h"
#include "kernels/core/random.h"
#include "kernels/core/threads.h"

namespace paretiny::data {
namespace {

constexpr double kTurn = 2 * std::numbers::pi;

struct Recipe {
  std::int64_t classes, channels, length, subjects;
  double noise;
  std::uint64_t seed;
};

/// How one person wears and moves the sensors.
struct Person {
  double tempo = 1;
  double overtone = 0;  ///< strength and phase of the second harmonic
  double overtone_phase = 0;
  std::vector<double> gain, bias;
};

Person make_person(const Recipe& recipe, std::int64_t id) {
  Random random(recipe.seed, "synthetic person", static_cast<std::uint64_t>(id));
  Person person;
  person.tempo = std::exp(0.08 * random.normal());
  person.overtone = random.uniform(0.2, 0.6);
  person.overtone_phase = random.uniform(0, kTurn);
  for (std::int64_t c = 0; c < recipe.channels; ++c) {
    person.gain.push_back(std::exp(0.25 * random.normal()));
    person.bias.push_back(0.6 * random.normal());
  }
  return person;
}

enum class Kind { ahead, behind, gesture };

/// Class k moves in the k % 3-th way, at a rate that rises with k / 3.
Kind kind_of(std::int64_t label) {
  return static_cast<Kind>(label % 3);
}

/// Cycles in one window before the person's tempo.
double cycles_of(std::int64_t label) {
  const std::int64_t rate = label / 3;
  return 5 * std::pow(1.6, static_cast<double>(rate));
}

/// One sample, [length][channels].
void write_sample(const Recipe& recipe, const Person& person, std::int64_t label, Random& random,
                  float* values) {
  const Kind kind = kind_of(label);
  const double length = static_cast<double>(recipe.length);
  const double rate =
      kTurn * cycles_of(label) * person.tempo * std::exp(0.06 * random.normal()) / length;
  const double phase = random.uniform(0, kTurn);
  const double strength = std::exp(0.3 * random.normal());
  const double lag = (kind == Kind::behind ? -1 : 1) * random.uniform(0.7, 1.3);
  // A gesture fills about a quarter of the window; the rhythms go on throughout but swell and ebb.
  const double centre = random.uniform(0.2, 0.8) * length;
  const double width = (kind == Kind::gesture ? 0.12 : 0.45) * length;
  const double posture = 0.3 * random.normal();
  for (std::int64_t t = 0; t < recipe.length; ++t) {
    const double off = (static_cast<double>(t) - centre) / width;
    const double swell = strength * std::exp(-0.5 * off * off);
    const double angle = rate * static_cast<double>(t) + phase;
    for (std::int64_t c = 0; c < recipe.channels; ++c) {
      const auto i = static_cast<std::size_t>(c);
      const double at = angle + lag * static_cast<double>(c);
      const double motion =
          swell * (std::sin(at) + person.overtone * std::sin(2 * at + person.overtone_phase));
      values[t * recipe.channels + c] = static_cast<float>(
          person.gain[i] * (motion + posture) + person.bias[i] + recipe.noise * random.normal());
    }
  }
}

}  // namespace

ReadDataset make_synthetic(const DatasetSpec& spec, const DatasetOptions& options) {
  const std::int64_t samples = options.integer("samples", 4000, 100, 1000000);
  const Recipe recipe{
      options.integer("classes", 6, 2, 12),     options.integer("channels", 6, 2, 64),
      options.integer("length", 128, 64, 4096), options.integer("subjects", 20, 4, 100),
      options.real("noise", 1.0, 0, 100),       spec.seed};
  std::vector<Person> people;
  for (std::int64_t id = 0; id < recipe.subjects; ++id) people.push_back(make_person(recipe, id));
  // The last quarter of the people is the test part.
  const std::int64_t training_people = recipe.subjects - recipe.subjects / 4;

  ReadDataset set;
  for (std::int64_t k = 0; k < recipe.classes; ++k) {
    const char* names[] = {"ahead", "behind", "gesture"};
    set.classes.push_back(fmt::format("{} {}", names[k % 3], k / 3 + 1));
  }
  struct Place {
    Samples* part;
    std::size_t index;
  };
  std::vector<Place> places;
  for (Samples* part : {&set.train, &set.test}) {
    part->sample = {1, 1, recipe.length, recipe.channels};
  }
  for (std::int64_t i = 0; i < samples; ++i) {
    const std::int64_t person = i % recipe.subjects;
    Samples& part = person < training_people ? set.train : set.test;
    if (&part == &set.train) set.people.push_back(static_cast<std::int32_t>(person + 1));
    places.push_back({&part, part.labels.size()});
    part.labels.push_back(static_cast<std::int32_t>(i / recipe.subjects % recipe.classes));
  }
  for (Samples* part : {&set.train, &set.test}) {
    part->values.resize(part->labels.size() * part->sample_bytes());
  }
  parallel_for(samples, true, [&](std::int64_t i) {
    const auto [part, index] = places[static_cast<std::size_t>(i)];
    Random random(spec.seed, "synthetic sample", static_cast<std::uint64_t>(i));
    write_sample(recipe, people[static_cast<std::size_t>(i % recipe.subjects)], part->labels[index],
                 random,
                 reinterpret_cast<float*>(part->values.data() + index * part->sample_bytes()));
  });
  return set;
}

}  // namespace paretiny::data
