#include <cmath>

#include "nas/problems/families.h"

namespace paretiny::problems {
namespace {

constexpr int kMostSteps = 2500;  // hours

/// Growth of biomass against temperature (K): Arrhenius terms of growth and of death.
double thermal(double temperature) {
  constexpr double kGas = 1.9872;  // cal / (mol K)
  return 7e3 * std::exp(-5100 / (kGas * temperature)) -
         1e33 * std::exp(-50000 / (kGas * temperature));
}

/// x: culture volume, biomass, temperature, glucose, feed rate, feed's glucose, pH. One explicit
/// step an hour, until the vessel is full, the glucose is used up or the yield falls.
Response ferment(const std::vector<double>& x) {
  double volume = x[0];
  double biomass = x[1];
  const double temperature = x[2];
  double glucose = x[3];
  const double feed = x[4];
  const double feed_glucose = x[5];
  const double acid = std::pow(10.0, -x[6]);
  double yield = 0;
  double carbon = 0;
  const double evaporation = 2.5e-4 * (std::exp(5 * ((temperature - 373) / (273 - 373.0))) - 1);
  const double climate = 0.092 / (1 + 1e-10 / acid + acid / 7e-5);
  const double heat = thermal(temperature);
  int step = 0;
  while (++step < kMostSteps) {
    const double d_volume = feed - volume * evaporation;
    const double growth = climate * (glucose / (0.15 * biomass + glucose)) * heat;
    const double d_biomass = growth * biomass - biomass / volume * d_volume;
    const double making = 0.005 * (glucose / (0.0002 + glucose + glucose * glucose / 0.10));
    const double d_glucose = -(growth / 0.45) * biomass - making / 0.90 * biomass -
                             0.014 * biomass + feed * feed_glucose / volume -
                             glucose / volume * d_volume;
    const double d_yield = making * biomass - 0.04 * yield - yield / volume * d_volume;
    carbon += 0.143 * d_biomass + 4e-7 * biomass + 1e-4;
    yield += d_yield;
    volume += d_volume;
    biomass += d_biomass;
    glucose += d_glucose;
    if (volume > 180 || glucose < 0 || d_yield < 10e-12) break;
  }
  return {{-yield, carbon, static_cast<double>(step)}};
}

}  // namespace

Problem penicillin() {
  return {"Penicillin",
          {60, 0.05, 293, 0.05, 0.01, 500, 5},
          {120, 18, 303, 18, 0.5, 700, 6.5},
          {25.935, 57.612, 935.5},
          0,
          ferment};
}

}  // namespace paretiny::problems
