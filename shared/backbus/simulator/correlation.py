"""Noises that hang together: each asset's is a mix of independent ones, by a factor model or a matrix's root."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from backbus.jit.decorators import loop
from backbus.job import simulator as m
from backbus.market.panel import Floats
from backbus.simulator import random
from backbus.simulator.random import Numbers
from backbus.simulator.scratch import Scratch

FACTORS = 1 << 30
"""What factors count as among assets, where their numbers are looked up."""


@loop
def mix(loadings: Floats, common: Floats, own: Floats, noises: Floats) -> None:
    """``noises`` [assets, numbers] become own × noises + loadings [assets, factors] × common [factors, numbers]."""
    for asset in range(noises.shape[0]):
        for number in range(noises.shape[1]):
            noises[asset, number] *= own[asset]
        for factor in range(loadings.shape[1]):
            weight = loadings[asset, factor]
            if weight != 0.0:
                for number in range(noises.shape[1]):
                    noises[asset, number] += weight * common[factor, number]


@dataclass(frozen=True)
class Mixing:
    """How noises are mixed: own × its own + loadings × those that are common."""

    own: Floats
    loadings: Floats

    def noises(self, numbers: Numbers, scratch: Scratch, first_row: int, rows: int, steps: int) -> Floats:
        """Standard normals for each asset, [assets, steps, rows]."""
        assets, factors = self.loadings.shape
        found = scratch.floats("noises", assets, steps, rows)
        for asset in range(assets):
            if self.own[asset] != 0.0:
                numbers.normals(random.DIFFUSION, asset, first_row, rows, steps, found[asset])
            else:
                found[asset] = 0.0
        if factors:
            common = scratch.floats("common", factors, steps, rows)
            for factor in range(factors):
                numbers.normals(random.DIFFUSION, FACTORS + factor, first_row, rows, steps, common[factor])
            mix(self.loadings, common.reshape(factors, -1), self.own, found.reshape(assets, -1))
        return found


def mixing_of(correlation: m.Correlation | None, assets: int) -> Mixing:
    """For a correlation that fits so many assets."""
    if correlation is None or assets == 1 or correlation.every == 0.0:
        return Mixing(np.ones(assets), np.empty((assets, 0)))
    if correlation.every is not None:
        every = correlation.every
        if every > 0.0:
            return Mixing(np.full(assets, math.sqrt(1.0 - every)), np.full((assets, 1), math.sqrt(every)))
        matrix = np.full((assets, assets), every)
        np.fill_diagonal(matrix, 1.0)
    elif correlation.loadings is not None:
        loadings = np.array(correlation.loadings)
        return Mixing(np.sqrt(np.maximum(1.0 - (loadings * loadings).sum(axis=1), 0.0)), loadings)
    else:
        matrix = np.array(correlation.matrix)
    return Mixing(np.zeros(assets), root_of(matrix))


_NOTHING = 1e-10


def root_of(matrix: Floats) -> Floats:
    """Cholesky's root L of a positive semi-definite matrix, L Lᵀ = matrix, in plain order.

    Where the matrix is singular, an asset that is all made of those before it adds no noise of its own.
    """
    root = np.zeros(matrix.shape)
    find_root(np.ascontiguousarray(matrix), root)
    return root


@loop
def find_root(matrix: Floats, root: Floats) -> None:
    """Fill ``root``, which is zero, line by line."""
    for line in range(matrix.shape[0]):
        for column in range(line + 1):
            left = matrix[line, column]
            for k in range(column):
                left -= root[line, k] * root[column, k]
            if line == column:
                root[line, line] = math.sqrt(left) if left > _NOTHING else 0.0
            elif root[column, column] > 0.0:
                root[line, column] = left / root[column, column]
