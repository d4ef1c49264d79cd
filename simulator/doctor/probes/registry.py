"""Every probe, in the order in which a visit takes them."""

from typing import Final

from simulator.doctor.doctor_report import Judge
from simulator.doctor.finding import Probe
from simulator.doctor.probe_context import Examine
from simulator.doctor.probes.static import s01_contract as contract
from simulator.doctor.probes.static import s03_reachability as reachability
from simulator.doctor.probes.static import s04_wire_shapes as shapes
from simulator.doctor.probes.static import s05_discrimination as rightness
from simulator.doctor.probes.static import s06_saturation as saturation
from simulator.doctor.probes.static import s07_false_negatives as equivalents
from simulator.doctor.probes.static import s09_exploits as exploits
from simulator.doctor.probes.static import s10_determinism as steadiness
from simulator.doctor.probes.static import s12_range as scores
from simulator.doctor.probes.static import s13_length_sensitivity as lengthening
from simulator.doctor.probes.static import s14_malformed_input as roughness
from simulator.doctor.probes.static import s15_latency as latency
from simulator.doctor.probes.static import s16_log_and_payload_size as volume
from simulator.doctor.probes.static import s17_side_effects as effects
from simulator.doctor.probes.training.registry import RULES, Rule

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
