"""What is rolled out in tests, and where it has got to."""

import time

from governor.demo.aws.fleet import Fleet
from governor.fleet.attachment import toward_attached
from governor.fleet.configuration import Wanted
from governor.fleet.health import Health
from governor.fleet.rollout import Decide

URL = "http://governor.internal:8642"


def attaching(layer: str, at_s: float | None = None) -> Decide:
    began_s = int(time.time() if at_s is None else at_s)
    wanted = Wanted(layer, {"GOVERNOR_URL": URL}, began_s)
    return lambda function: toward_attached(function, wanted)


def fine(_: object, __: float, ___: float) -> Health:
    return Health(100, 0, 1000.0)


def attached_ones(fleet: Fleet, names: list[str]) -> list[str]:
    return [
        name
        for name in names
        if "GOVERNOR_URL"
        in fleet.functions.get_function_configuration(FunctionName=name)
        .get("Environment", {})
        .get("Variables", {})
    ]
