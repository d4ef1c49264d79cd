"""Every probe, in the order in which a visit takes them."""

from typing import Final

from simulator.doctor.examination import Examine
from simulator.doctor.finding import Probe
from simulator.doctor.rehearsal.rules import RULES, Rule
from simulator.doctor.static import (
    contract,
    effects,
    equivalents,
    exploits,
    latency,
    lengthening,
    reachability,
    rightness,
    roughness,
    saturation,
    scores,
    shapes,
    steadiness,
    volume,
)
from simulator.doctor.visit import Judge

STATIC: Final[tuple[tuple[Probe, Examine], ...]] = (
    (contract.CONTRACT, contract.contract),
    (contract.IDS, contract.ids),
    # Where right answers stand and how they are written is settled here, before anything is asked that rests on it.
    (reachability.REACHABILITY, reachability.reachability),
    (shapes.WIRE, shapes.wire_shapes),
    (shapes.FIT, shapes.format_fit),
    (rightness.DISCRIMINATION, rightness.discrimination),
    (saturation.SIGNAL, saturation.signal),
    (equivalents.EQUIVALENTS, equivalents.equivalents),
    (exploits.EXPLOITS, exploits.exploits),
    (scores.RANGE, scores.score_range),
    (lengthening.LENGTH, lengthening.length),
    (roughness.ROUGHNESS, roughness.roughness),
    (scores.COMPONENTS, scores.components),
    (steadiness.COMPANY, steadiness.company),
    (latency.LATENCY, latency.latency),
    (volume.VOLUME, volume.volume),
    # After all else: it holds what was scored at first against what is scored now.
    (steadiness.DETERMINISM, steadiness.determinism),
    (effects.EFFECTS, effects.effects),
)


def _by_courses_alone(rule: Rule) -> Judge:
    return lambda _exam, courses: rule(courses)


TRAINING: Final[tuple[tuple[Probe, Judge], ...]] = tuple((probe, _by_courses_alone(rule)) for probe, rule in RULES)
