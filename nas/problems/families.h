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
/// A stand-in for the two-dimensional function of the ARS-MOBOpt paper's pictures, which says no
/// more than that it lives on [0, 32]^2 and is least at (15, 5). Ours: Ackley's function (many
/// local minima) and the squared distance, in units of the farthest corner's, both about that
/// point. The front is that one point.
Problem synthetic_2d();

}  // namespace paretiny::problems
