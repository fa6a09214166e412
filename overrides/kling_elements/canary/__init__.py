"""Does the live service still answer as the document says? Asked without creating a task.

What is asked: the lists, a task that does not exist, without a key, with a wrong one and with one's own;
and creates whose body no service could take as valid. Each such body breaks the document's schema in every
field it has, the required ones included: a server that ignored types would still have no image to make a
video from. What a server would do that ignores its input altogether can't be known from outside; if one takes
such a body, that is reported as the worst deviation there is, with what to do.

Deciding what to ask (`plan`) and what an answer means (`judge`) is pure; `examine` sends.
"""

from kling_elements.canary.bodies import impossible_bodies
from kling_elements.canary.gate import UnsafeProbeError, refuse_if_unsafe
from kling_elements.canary.judgement import Deviation, judge
from kling_elements.canary.probes import UNKNOWN_ID, WRONG_KEY, Key, Probe, plan
from kling_elements.canary.sending import examine

__all__ = [
    "UNKNOWN_ID",
    "WRONG_KEY",
    "Deviation",
    "Key",
    "Probe",
    "UnsafeProbeError",
    "examine",
    "impossible_bodies",
    "judge",
    "plan",
    "refuse_if_unsafe",
]
