"""Chance that repeats: a generator a purpose, draws by weight, identifiers.

Owns how a seed becomes random numbers. Refuses the process's global generator and the system's entropy: the same
seed must give the same township to the last identifier.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from uuid import UUID


def generator(seed: int, purpose: str) -> Random:
    """The generator of one purpose of a seed; purposes do not disturb each other."""
    return Random(f"{seed}:{purpose}")  # noqa: S311 - invented people, no secrets


def drawn(rng: Random, weights: Mapping[str, int]) -> str:
    """One key, each as likely as its weight."""
    return rng.choices(list(weights), list(weights.values()))[0]


def new_id(rng: Random) -> str:
    """A version 4 UUID drawn from the generator."""
    return str(UUID(int=rng.getrandbits(128), version=4))
