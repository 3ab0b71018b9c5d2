// The problems themselves. Private to this folder.
#pragma once

#include "nas/problems/problem.h"

namespace paretiny::problems {

// Zitzler, Deb and Thiele, "Comparison of multiobjective evolutionary algorithms: empirical
// results", 2000. Two objectives; needs d >= 2.
Problem zdt1(std::size_t d);
Problem zdt2(std::size_t d);
/// Without the factor g in the second objective, as BoTorch has it; the front is the same.
Problem zdt3(std::size_t d);

// Deb, Thiele, Laumanns and Zitzler, "Scalable test problems for evolutionary multiobjective
// optimization", 2005. Need d >= m >= 2.
Problem dtlz1(std::size_t d, std::size_t m);
Problem dtlz2(std::size_t d, std::size_t m);
Problem dtlz3(std::size_t d, std::size_t m);
Problem dtlz5(std::size_t d, std::size_t m);
Problem dtlz7(std::size_t d, std::size_t m);
/// DTLZ2 with one constraint (Jain and Deb, 2014): near a corner of the front, or near its middle.
/// As BoTorch has it: radius 0.2 for every m, its square taken off once a summed term.
Problem c2dtlz2(std::size_t d, std::size_t m);

/// Branin and Currin's functions on one square (Belakaria, Deshwal and Doppa, 2019).
Problem branin_currin();
/// The same inside the disk of Gelbart, Snoek and Adams, 2014.
Problem constrained_branin_currin();

/// Crash design (Liao et al., 2008), RE34 of Tanabe and Ishibuchi, 2020.
Problem vehicle_safety();
/// Side impact (Jain and Deb, 2014), RE41 of Tanabe and Ishibuchi: the fourth objective is the sum
/// of ten violated constraints.
Problem car_side_impact();
/// Osyczka and Kundu, 1995; constraints not scaled.
Problem osy();
/// Deb, Pratap and Moitra, 2000: cost and deflection. BoTorch gives its slacks the other sign.
Problem welded_beam();
/// Ray and Liew, 2002, RE24's four constraints apart: mass and stopping time.
Problem disc_brake();
/// Fermentation step by step (Liang and Lai, 2021): yield (negated), CO2, time.
Problem penicillin();
// Tanabe and Ishibuchi, 2020 (RE21 to RE25, RE31, RE36, RE37). Broken limits are an objective.
Problem four_bar_truss();  ///< RE21 (Cheng and Li, 1999)
/// RE22 (Amir and Hasegawa, 1989): the first input is one of 76 sections, by its place. The suite's
/// code lists 3 and 10 in place of 3.10.
Problem concrete_beam();
Problem pressure_vessel();  ///< RE23 (Kannan and Kramer, 1994): two whole inputs; a heavy tail
Problem hatch_cover();      ///< RE24 (Amir and Hasegawa, 1989)
/// RE25 (Lampinen and Zelinka, 1999): whole coils, one of 19 wires by its place; a heavy tail.
Problem coil_spring();
Problem two_bar_truss();  ///< RE31 (Coello and Pulido, 2005); a heavy tail
/// CRE24 (Farhang-Mehr and Azarm, 2002): whole teeth, eleven constraints. Reference point: ours.
Problem speed_reducer();
Problem gear_train();       ///< RE36 (Deb and Srinivasan, 2006): four whole inputs
Problem rocket_injector();  ///< RE37 (Vaidyanathan et al., 2003)
/// CRE32 (Parsons and Scott, 2004): nine constraints. Days at sea are miles by speed, where the
/// suite's code multiplies. Reference point: ours.
Problem marine_design();
/// CRE31: CarSideImpact's first three objectives and its ten constraints; its reference point.
Problem constrained_car_side_impact();
/// Wang et al., 2020: five inputs among a few settings; as in Daulton et al., 2022.
Problem oil_sorbent();
/// Steel, cast iron, aluminium or brass, welded on two sides or on four (Deb and Goyal, 1996; as in
/// Daulton et al., 2022), two objectives and a reference point as in `welded_beam`.
Problem welded_beam_materials();

/// BraninCurrin as it is measured in BoTorch's tutorial on noisy objectives.
Problem noisy_branin_currin();
/// VehicleSafety with noise of a hundredth of each objective's range, as in Daulton et al., 2021.
Problem noisy_vehicle_safety();

/// A stand-in for the two-dimensional function of the ARS-MOBOpt paper's pictures, which says no
/// more than that it lives on [0, 32]^2 and is least at (15, 5). Ours: Ackley's function (many
/// local minima) and the squared distance, in units of the farthest corner's, both about that
/// point. The front is that one point.
Problem synthetic_2d();

/// Input number `number`, from 1, of a problem whose inputs are not all real.
space::Parameter real_input(std::size_t number, double low, double high);
space::Parameter whole_input(std::size_t number, double low, double high);
space::Parameter choice_input(std::size_t number, const std::vector<std::string>& choices);

}  // namespace paretiny::problems
