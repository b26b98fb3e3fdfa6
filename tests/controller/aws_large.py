"""Accounts that would take moto minutes to make: the stand-in itself answers for them."""

from governor.demo.aws.fleet import ACCOUNT_ID, REGION
from governor.demo.aws.lacking import Answer
from governor.demo.aws.listener import Request
from governor.demo.aws.standin import StandIn

LAMBDA = f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}"


def large(  # noqa: PLR0913 - so many things are large
    standin: StandIn,
    *,
    mappings: int,
    functions: int,
    queues: int,
    waiting: int = 0,
    maximum: int | None = None,
) -> None:
    """Let there be so many of them; each queue has `waiting` messages."""
    listed = [
        {
            "UUID": f"{number:08}-0000-4000-8000-000000000000",
            "EventSourceMappingArn": f"{LAMBDA}:event-source-mapping:{number:08}",
            "FunctionArn": f"{LAMBDA}:function:f{number % functions}",
            "EventSourceArn": f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:q{number % queues}",
            "State": "Enabled",
            "BatchSize": 10,
            "ScalingConfig": {} if maximum is None else {"MaximumConcurrency": maximum},
        }
        for number in range(mappings)
    ]
    attributes = {
        "ApproximateNumberOfMessages": str(waiting),
        "ApproximateNumberOfMessagesNotVisible": "0",
    }

    def page(request: Request) -> Answer:
        return standin.state.page(listed, request.query.get("Marker", [None])[0], 100)

    def function(request: Request) -> Answer:
        arn = f"{LAMBDA}:function:{request.subject}"
        return Answer(200, {"Configuration": {"FunctionArn": arn, "Timeout": 30}})

    standin.trouble("lambda:ListEventSourceMappings", page)
    standin.trouble("lambda:GetFunction", function)
    standin.trouble("lambda:ListTags", lambda _: Answer(200, {"Tags": {}}))
    standin.trouble("sqs:GetQueueAttributes", lambda _: Answer(200, {"Attributes": attributes}))
