"""The governor as a CDK construct.

What it makes is said once, in ../cloudformation/governor.yaml: take both folders, side by side.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from aws_cdk import Token
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3_assets as assets
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sns as sns
from aws_cdk.cloudformation_include import CfnInclude
from constructs import Construct

TEMPLATE: Final = Path(__file__).parents[1] / "cloudformation" / "governor.yaml"


class Governor(Construct):
    """The service with its controller, its store and its layer, in a VPC. One to a stack."""

    def __init__(  # noqa: PLR0913 - a construct's properties are its arguments
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's name for it
        *,
        image: str,
        layer_zip: Path,
        vpc: ec2.IVpc,
        alarm_topic: sns.ITopic | None = None,
        parameters: Mapping[str, str | int] = MappingProxyType({}),
    ) -> None:
        """Run `image` in the private subnets of `vpc`.

        `layer_zip` is what `governor layer build` has written. `parameters` are others of the
        template's, by their names there: `{"StoreKind": "serverless"}`.
        """
        super().__init__(scope, id)
        zipped = assets.Asset(self, "LayerZip", path=str(layer_zip))
        self.template = CfnInclude(
            self,
            "Template",
            template_file=str(TEMPLATE),
            parameters={
                "Image": image,
                "LayerBucket": zipped.s3_bucket_name,
                "LayerKey": zipped.s3_object_key,
                "VpcId": vpc.vpc_id,
                "SubnetIds": [subnet.subnet_id for subnet in vpc.private_subnets],
                **({} if alarm_topic is None else {"AlarmTopicArn": alarm_topic.topic_arn}),
                **{name: str(value) for name, value in parameters.items()},
            },
        )
        self.url = self._output("Url")
        self.layer_token = self._secret("LayerToken")
        self.reader_token = self._secret("ReaderToken")
        self.admin_token = self._secret("AdminToken")
        self.layer = lambda_.LayerVersion.from_layer_version_arn(
            self, "Layer", self._output("LayerArn")
        )
        self.function_policy = iam.ManagedPolicy.from_managed_policy_arn(
            self, "FunctionPolicy", self._output("FunctionPolicyArn")
        )
        self.connections = ec2.Connections(
            default_port=ec2.Port.tcp(443 if parameters.get("CertificateArn") else 80),
            security_groups=[
                ec2.SecurityGroup.from_security_group_id(
                    self,
                    "LoadBalancer",
                    self.template.get_resource("LoadBalancerSecurityGroup").ref,
                )
            ],
        )

    def govern(self, function: lambda_.Function) -> None:
        """Attach `function`, which is in the governor's VPC: layer, variables, token, way there."""
        function.add_layers(self.layer)
        function.add_environment("AWS_LAMBDA_EXEC_WRAPPER", "/opt/governor")
        function.add_environment("GOVERNOR_URL", self.url)
        function.add_environment("GOVERNOR_TOKEN_SECRET", self.layer_token.secret_arn)
        function.role.add_managed_policy(self.function_policy)
        self.connections.allow_default_port_from(function)

    def _output(self, name: str) -> str:
        return Token.as_string(self.template.get_output(name).value)

    def _secret(self, name: str) -> secretsmanager.ISecret:
        arn = self._output(f"{name}Arn")
        return secretsmanager.Secret.from_secret_complete_arn(self, name, arn)
