"""CloudWatch's embedded metrics: a line on standard output that it makes metrics of.

Its format is specified in the CloudWatch user guide ("Embedded metric format").
"""

import time

from . import journal

NAMESPACE = "Governor"
COUNT = "Count"
MILLISECONDS = "Milliseconds"


def write(function: str, values: "dict[str, float]") -> None:
    """Write the metrics of one invocation of `function`; those in `_ms` are milliseconds."""
    metrics = [
        {"Name": name, "Unit": MILLISECONDS if name.endswith("_ms") else COUNT} for name in values
    ]
    directive = {"Namespace": NAMESPACE, "Dimensions": [["FunctionName"]], "Metrics": metrics}
    journal.put(
        {
            "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]},
            "FunctionName": function,
            **values,
        }
    )
