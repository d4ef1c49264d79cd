"""What a report says beside the doctor's findings: what a baseline knows, and how to reproduce a finding."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from simulator.doctor.finding import Finding
from simulator.doctor.report.baseline import BaselineComparison
from simulator.doctor.source_location import SourceLocation


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotations:
    """What the command line knows beside the findings.

    Attributes:
        source: where the handler is defined, if it has a file on this machine.
        data_path: the data file as the user named it.
        comparison: the comparison with a baseline, if there is one.
        repro_commands: the command that reproduces a finding, by the finding.
    """

    source: SourceLocation | None = None
    data_path: str = ""
    comparison: BaselineComparison | None = None
    repro_commands: Mapping[Finding, str] = field(default_factory=dict)

    def is_known(self, finding: Finding) -> bool:
        """Whether a baseline has the finding."""
        return self.comparison is not None and finding in self.comparison.known

    def is_new(self, finding: Finding) -> bool:
        """Whether there is a baseline, and it does not have the finding."""
        return self.comparison is not None and finding in self.comparison.new


NO_ANNOTATIONS: Final = Annotations()
