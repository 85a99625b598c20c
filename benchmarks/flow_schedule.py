"""Which schedule a benchmark solves the flow by, and names beside its figures.

On seeded weights, whose calibration says nothing of speech, it is what `auto` takes for the demonstration voice.
"""

from indextts2_multitalk.indextts.flow_calibration import choose_schedule, known_schedule
from indextts2_multitalk.indextts.loading.find import find_checkpoint
from indextts2_multitalk.indextts.loading.layouts import DEMO_FOLDER
from indextts2_multitalk.indextts.options import SpeakOptions
from indextts2_multitalk.s2mel.solver import FlowSchedule
from measure import Refused


def demo_schedule() -> FlowSchedule:
    """What `auto` takes for the demonstration voice, which brings its calibration."""
    schedule = known_schedule(find_checkpoint([DEMO_FOLDER]), SpeakOptions())
    if schedule is None:
        raise Refused("the demonstration voice has no calibration of the flow; docs/ADDING.md says how it gets one")
    return schedule


def flow_solver(seeded: bool) -> str:
    """`auto`; on seeded weights the solver whose schedule is the demonstration voice's."""
    if not seeded:
        return "auto"
    fast, wanted = choose_schedule(SpeakOptions(flow_solver="fast"), None), demo_schedule()
    if fast is None or (fast.steps, fast.solver) != (wanted.steps, wanted.solver):
        raise Refused(f"fast is {fast and fast.description}, the demonstration voice's auto {wanted.description}")
    return "fast"
