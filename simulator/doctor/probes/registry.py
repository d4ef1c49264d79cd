"""Every probe, in the order in which the doctor runs them."""

from typing import Final

from simulator.doctor.finding import Probe
from simulator.doctor.probe_context import ProbeFunction
from simulator.doctor.probe_runner import TrainingCheck
from simulator.doctor.probes.static.s01_contract import CONTRACT, check_contract
from simulator.doctor.probes.static.s02_ids import IDS, check_ids
from simulator.doctor.probes.static.s03_reachability import REACHABILITY, check_reachability
from simulator.doctor.probes.static.s04_wire_shapes import WIRE_SHAPES, check_wire_shapes
from simulator.doctor.probes.static.s05_discrimination import DISCRIMINATION, check_discrimination
from simulator.doctor.probes.static.s06_saturation import SATURATION, check_saturation
from simulator.doctor.probes.static.s07_false_negatives import FALSE_NEGATIVES, check_false_negatives
from simulator.doctor.probes.static.s08_format_fit import FORMAT_FIT, check_format_fit
from simulator.doctor.probes.static.s09_exploits import EXPLOITS, check_exploits
from simulator.doctor.probes.static.s10_determinism import DETERMINISM, check_determinism
from simulator.doctor.probes.static.s11_order_and_batch import ORDER_AND_BATCH, check_order_and_batch
from simulator.doctor.probes.static.s12_range import RANGE, check_range
from simulator.doctor.probes.static.s13_length_sensitivity import LENGTH_SENSITIVITY, check_length_sensitivity
from simulator.doctor.probes.static.s14_malformed_input import MALFORMED_INPUT, check_malformed_input
from simulator.doctor.probes.static.s15_latency import LATENCY, check_latency
from simulator.doctor.probes.static.s16_log_and_payload_size import LOG_AND_PAYLOAD_SIZE, check_log_and_payload_size
from simulator.doctor.probes.static.s17_side_effects import SIDE_EFFECTS, check_side_effects
from simulator.doctor.probes.static.s18_components import COMPONENTS, check_components
from simulator.doctor.probes.training.registry import TRACE_CHECKS, TraceCheck

STATIC_PROBES: Final[tuple[tuple[Probe, ProbeFunction], ...]] = (
    (CONTRACT, check_contract),
    (IDS, check_ids),
    # It decides which field holds the right answer and how it is written. All later probes depend on that.
    (REACHABILITY, check_reachability),
    (WIRE_SHAPES, check_wire_shapes),
    (FORMAT_FIT, check_format_fit),
    (DISCRIMINATION, check_discrimination),
    (SATURATION, check_saturation),
    (FALSE_NEGATIVES, check_false_negatives),
    (EXPLOITS, check_exploits),
    (RANGE, check_range),
    (LENGTH_SENSITIVITY, check_length_sensitivity),
    (MALFORMED_INPUT, check_malformed_input),
    (COMPONENTS, check_components),
    (ORDER_AND_BATCH, check_order_and_batch),
    (LATENCY, check_latency),
    (LOG_AND_PAYLOAD_SIZE, check_log_and_payload_size),
    # Last, because they compare the first scores with new ones.
    (DETERMINISM, check_determinism),
    (SIDE_EFFECTS, check_side_effects),
)


def _ignore_context(check: TraceCheck) -> TrainingCheck:
    return lambda _context, traces: check(traces)


TRAINING_PROBES: Final[tuple[tuple[Probe, TrainingCheck], ...]] = tuple(
    (probe, _ignore_context(check)) for probe, check in TRACE_CHECKS
)
