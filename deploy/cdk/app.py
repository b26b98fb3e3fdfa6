"""An example: the governor in a VPC that is there, and a function under it.

governor layer build
cdk deploy -c image=… -c vpc=vpc-… -c subnets=subnet-…,subnet-… -c zones=eu-central-1a,…
"""

from pathlib import Path

from aws_cdk import App, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_lambda as lambda_
from governor_cdk import Governor

app = App()
stack = Stack(app, "governor")


def _context(name: str) -> str:
    value = app.node.try_get_context(name)
    if not value:
        raise SystemExit(f"say `-c {name}=…`")
    return str(value)


vpc = ec2.Vpc.from_vpc_attributes(
    stack,
    "Vpc",
    vpc_id=_context("vpc"),
    availability_zones=_context("zones").split(","),
    private_subnet_ids=_context("subnets").split(","),
)
governor = Governor(
    stack, "Governor", image=_context("image"), layer_zip=Path("governor-layer.zip"), vpc=vpc
)
governor.govern(
    lambda_.Function(
        stack,
        "Sample",
        runtime=lambda_.Runtime.PYTHON_3_13,
        handler="index.handler",
        code=lambda_.Code.from_inline("def handler(event, context):\n    return 'done'\n"),
        vpc=vpc,
    )
)
app.synth()
