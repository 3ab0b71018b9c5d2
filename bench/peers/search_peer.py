#!/usr/bin/env python3
"""Other people's samplers on the problems of `paretiny optimize`: BoTorch (qLogNEHVI, qParEGO),
Optuna (TPE, NSGA-II, Gaussian processes) and pymoo (NSGA-II), from the same initial points, with
the same budget and seeds. Adds its runs to the CSV that optimize wrote; the next optimize into the
same folder lays all of them side by side.

    paretiny optimize --problem CarSideImpact --sampler ars+ --trials 100 --seeds 0..4 --out results
    search_peer.py results/CarSideImpact.csv --peers botorch-qlognehvi,optuna-tpe --seeds 0..4
    paretiny optimize --problem CarSideImpact --sampler ars+ --trials 100 --seeds 0..4 --out results
"""

import argparse
import collections
import csv
import math
import random
import sys
import time
import warnings
from pathlib import Path

import moocore
import numpy

POPULATION = 20


Task = collections.namedtuple("Task", "dimensions reference low high evaluate")


def make_problem(name):
    """A task: evaluate takes a point of the unit cube to its objectives, all minimised."""
    import torch
    from botorch.test_functions import multi_objective as suite

    family, _, sizes = name.partition(":")
    sizes = {key: int(value) for key, value in (s.split("=") for s in sizes.split(",") if s)}
    options = {}
    if "d" in sizes:
        options["dim"] = sizes["d"]
    if "m" in sizes:
        options["num_objectives"] = sizes["m"]
    problem = getattr(suite, family)(**options)
    low, high = problem.bounds.double()

    def evaluate(u):
        x = torch.tensor(low + (high - low) * u, dtype=torch.double)
        return problem.evaluate_true(x.unsqueeze(0))[0].numpy().astype(float)

    low, high = low.numpy(), high.numpy()
    return Task(problem.dim, [float(r) for r in problem._ref_point], low, high, evaluate)


class Botorch:
    """BoTorch's defaults: a SingleTaskGP an objective with its standard priors."""

    def __init__(self, dimensions, reference, seed, kind):
        import torch

        torch.manual_seed(seed)
        self.torch, self.kind = torch, kind
        self.bounds = torch.stack([torch.zeros(dimensions), torch.ones(dimensions)]).double()
        self.reference = -torch.tensor(reference, dtype=torch.double)

    def ask(self, points, objectives):
        from botorch.acquisition.logei import qLogNoisyExpectedImprovement
        from botorch.acquisition.multi_objective.logei import (
            qLogNoisyExpectedHypervolumeImprovement,
        )
        from botorch.acquisition.objective import GenericMCObjective
        from botorch.fit import fit_gpytorch_mll
        from botorch.models import ModelListGP, SingleTaskGP
        from botorch.models.transforms import Standardize
        from botorch.optim import optimize_acqf
        from botorch.sampling.normal import SobolQMCNormalSampler
        from botorch.utils.multi_objective.scalarization import get_chebyshev_scalarization
        from botorch.utils.sampling import sample_simplex
        from gpytorch.mlls import SumMarginalLogLikelihood

        torch = self.torch
        x = torch.tensor(numpy.array(points), dtype=torch.double)
        y = -torch.tensor(numpy.array(objectives), dtype=torch.double)
        models = [
            SingleTaskGP(x, y[:, k : k + 1], outcome_transform=Standardize(m=1))
            for k in range(y.shape[1])
        ]
        model = ModelListGP(*models)
        fit_gpytorch_mll(SumMarginalLogLikelihood(model.likelihood, model))
        sampler = SobolQMCNormalSampler(torch.Size([128]))
        if self.kind == "qlognehvi":
            acquisition = qLogNoisyExpectedHypervolumeImprovement(
                model, self.reference, x, sampler=sampler, prune_baseline=True
            )
        else:
            weights = sample_simplex(y.shape[1], dtype=torch.double).squeeze()
            with torch.no_grad():
                known = model.posterior(x).mean
            scalarise = get_chebyshev_scalarization(weights, known)
            acquisition = qLogNoisyExpectedImprovement(
                model, x, objective=GenericMCObjective(scalarise), sampler=sampler,
                prune_baseline=True,
            )
        candidate, _ = optimize_acqf(
            acquisition, self.bounds, q=1, num_restarts=10, raw_samples=512,
            options={"batch_limit": 5, "maxiter": 200},
        )
        return candidate[0].numpy()


class Optuna:
    def __init__(self, dimensions, objectives, seed, kind, initial):
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        makers = {
            "tpe": lambda: optuna.samplers.TPESampler(seed=seed, n_startup_trials=initial),
            "nsga2": lambda: optuna.samplers.NSGAIISampler(seed=seed, population_size=POPULATION),
            "gp": lambda: optuna.samplers.GPSampler(seed=seed, n_startup_trials=initial),
        }
        self.study = optuna.create_study(directions=["minimize"] * objectives,
                                         sampler=makers[kind]())
        self.names = [f"x{i}" for i in range(dimensions)]
        self.space = {n: optuna.distributions.FloatDistribution(0, 1) for n in self.names}

    def tell_initial(self, points, objectives):
        import optuna

        for point, values in zip(points, objectives):
            self.study.add_trial(optuna.trial.create_trial(
                params=dict(zip(self.names, map(float, point))), distributions=self.space,
                values=list(map(float, values))))

    def ask(self, points, objectives):
        self.trial = self.study.ask(self.space)
        return numpy.array([self.trial.params[name] for name in self.names])

    def tell(self, values):
        self.study.tell(self.trial, list(map(float, values)))


class Pymoo:
    def __init__(self, dimensions, objectives, seed, initial):
        from pymoo.algorithms.moo.nsga2 import NSGA2
        from pymoo.core.problem import Problem

        generator = numpy.random.default_rng(seed)
        missing = max(0, POPULATION - len(initial))
        first = numpy.vstack([initial, generator.random((missing, dimensions))])
        self.problem = Problem(n_var=dimensions, n_obj=objectives, xl=0.0, xu=1.0)
        self.algorithm = NSGA2(pop_size=POPULATION, sampling=first)
        self.algorithm.setup(self.problem, termination=("n_gen", 10**6), seed=seed)
        self.population, self.told = None, []

    def ask(self, points, objectives):
        if self.population is None:
            self.population = self.algorithm.ask()
            self.told = []
        return self.population[len(self.told)].X

    def tell(self, values):
        self.told.append(values)
        if len(self.told) == len(self.population):
            self.population.set("F", numpy.array(self.told))
            for individual in self.population:
                individual.evaluated.update({"F", "G", "H"})
            self.algorithm.tell(infills=self.population)
            self.population = None


PEERS = ("botorch-qlognehvi", "botorch-qparego", "optuna-tpe", "optuna-nsga2", "optuna-gp",
         "pymoo-nsga2")


def run(peer, task, seed, initial, trials, limit):
    """Rows (hypervolume, seconds, point) of one run; fewer where the limit of seconds ends it."""
    dimensions, reference, low, high, evaluate = task
    random.seed(seed)
    numpy.random.seed(seed)
    points = [numpy.array(p) for p in initial]
    objectives = [evaluate(p) for p in points]
    library, kind = peer.split("-")
    if library == "botorch":
        sampler = Botorch(dimensions, reference, seed, kind)
    elif library == "optuna":
        sampler = Optuna(dimensions, len(reference), seed, kind, len(points))
        sampler.tell_initial(points, objectives)
    else:
        sampler = Pymoo(dimensions, len(reference), seed, numpy.array(points))
        for values in objectives:
            sampler.ask(None, None)
            sampler.tell(values)
    seconds = [0.0] * len(points)
    began = time.monotonic()
    while len(points) < trials and time.monotonic() - began < limit:
        start = time.monotonic()
        point = numpy.clip(sampler.ask(points, objectives), 0, 1)
        seconds.append(time.monotonic() - start)
        points.append(point)
        objectives.append(evaluate(point))
        if hasattr(sampler, "tell"):
            sampler.tell(objectives[-1])
    volumes = [moocore.hypervolume(numpy.array(objectives[: n + 1]), ref=reference)
               for n in range(len(points))]
    return list(zip(volumes, seconds, [low + (high - low) * p for p in points]))


def seeds_of(text):
    first, _, last = text.partition("..")
    return range(int(first), int(last or first) + 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("csv", type=Path, help="what paretiny optimize wrote")
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--trials", type=int, help="as many as the CSV holds, unless given")
    parser.add_argument("--initial", type=int, help="as optimize's; 2 (inputs + 1) unless given")
    parser.add_argument("--seeds", default="0..4")
    parser.add_argument("--limit", type=float, default=math.inf, metavar="SECONDS",
                        help="of a run; one that takes longer is left out")
    options = parser.parse_args()
    peers = options.peers.split(",")
    for peer in peers:
        if peer not in PEERS:
            parser.error(f"there is no peer '{peer}'; there are {', '.join(PEERS)}")
    with options.csv.open(newline="") as file:
        reader = csv.DictReader(file)
        columns, rows = reader.fieldnames, list(reader)
    if not rows:
        parser.error(f"{options.csv} holds no runs")
    inputs = [c for c in columns if c.startswith("x")]
    name = rows[0]["problem"]
    task = make_problem(name)
    first = options.initial or 2 * (task.dimensions + 1)
    trials = options.trials or 1 + max(int(row["trial"]) for row in rows)
    warnings.filterwarnings("ignore")
    for seed in seeds_of(options.seeds):
        own = [r for r in rows if int(r["seed"]) == seed and r["sampler"] not in PEERS]
        own = [r for r in own if r["sampler"] == own[0]["sampler"] and int(r["trial"]) < first]
        if len(own) != first:
            parser.error(f"{options.csv} holds no run of seed {seed} to take initial points from")
        initial = [(numpy.array([float(r[c]) for c in inputs]) - task.low) / (task.high - task.low)
                   for r in own]
        for peer in peers:
            made = run(peer, task, seed, initial, trials, options.limit)
            mean = sum(row[1] for row in made) / max(1, len(made) - first)
            print(f"{name} {peer} seed {seed}: {len(made)} trials, hypervolume {made[-1][0]:.6g}, "
                  f"{mean:.3g} s a suggestion", flush=True)
            if len(made) < trials:
                print(f"{peer}, seed {seed}: left out, over {options.limit} s", file=sys.stderr)
                continue
            with options.csv.open("a", newline="") as file:
                writer = csv.writer(file, lineterminator="\n")
                for trial, (volume, took, point) in enumerate(made):
                    writer.writerow([name, peer, seed, trial, repr(float(volume)), "nan", f"{took:.6f}",
                                     *map(repr, map(float, point))])


if __name__ == "__main__":
    main()
