"""Every probe, in the order in which a visit takes them."""

from typing import Final

from simulator.doctor.doctor_report import TrainingCheck
from simulator.doctor.finding import Probe
from simulator.doctor.probe_context import ProbeFunction
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
from simulator.doctor.probes.training.registry import TRACE_CHECKS, TraceCheck

STATIC_PROBES: Final[tuple[tuple[Probe, ProbeFunction], ...]] = (
    (contract.CONTRACT, contract.check_contract),
    (contract.IDS, contract.check_ids),
    # Where right answers stand and how they are written is settled here, before anything is asked that rests on it.
    (reachability.REACHABILITY, reachability.check_reachability),
    (shapes.WIRE_SHAPES, shapes.check_wire_shapes),
    (shapes.FORMAT_FIT, shapes.check_format_fit),
    (rightness.DISCRIMINATION, rightness.check_discrimination),
    (saturation.SATURATION, saturation.check_saturation),
    (equivalents.FALSE_NEGATIVES, equivalents.check_false_negatives),
    (exploits.EXPLOITS, exploits.check_exploits),
    (scores.RANGE, scores.check_range),
    (lengthening.LENGTH_SENSITIVITY, lengthening.check_length_sensitivity),
    (roughness.MALFORMED_INPUT, roughness.check_malformed_input),
    (scores.COMPONENTS, scores.check_components),
    (steadiness.ORDER_AND_BATCH, steadiness.check_order_and_batch),
    (latency.LATENCY, latency.check_latency),
    (volume.LOG_AND_PAYLOAD_SIZE, volume.check_log_and_payload_size),
    # After all else: it holds what was scored at first against what is scored now.
    (steadiness.DETERMINISM, steadiness.check_determinism),
    (effects.SIDE_EFFECTS, effects.check_side_effects),
)


def _ignoring_context(rule: TraceCheck) -> TrainingCheck:
    return lambda _exam, courses: rule(courses)


TRAINING_PROBES: Final[tuple[tuple[Probe, TrainingCheck], ...]] = tuple(
    (probe, _ignoring_context(rule)) for probe, rule in TRACE_CHECKS
)
