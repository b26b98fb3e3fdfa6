"""The command that tells a governor of the functions' tags."""

from typing import TYPE_CHECKING, Final

import click

from governor.cli.calls import call, print_answer
from governor.cli.options import DONE, FINDING, api_options, json_option
from governor.errors import GovernorError, SettingsError

if TYPE_CHECKING:
    from types_boto3_resourcegroupstaggingapi import ResourceGroupsTaggingAPIClient

    from governor.facts import Tags

_ATTEMPTS: Final = 8
_PAGES_AT_ONCE: Final = 1_000


class NoTagsError(GovernorError):
    """AWS shows no tagged function where the governor knows of some: it may be the wrong place."""


@click.command()
@click.option("--dry-run", is_flag=True, help="Show what would move and change nothing.")
@api_options
@json_option
def sync(*, url: str, token: str | None, dry_run: bool, as_json: bool) -> int:
    """Read the functions' tags from AWS and have the governor go by them.

    They put functions into groups (`members.tags`, `members.stack`), and say what functions want
    themselves where the policy has `tags: trusted`. A controller does the same every few minutes.
    AWS lists tags from an index that is some time behind; functions without any are not in it.
    Needs tag:GetResources, and a token with the role admin.

    Exit status 1: a wish makes no sense. 2: not all tags could be read, so nothing was sent.
    """
    from governor.printing import print_sync  # noqa: PLC0415 - see `governor.cli`
    from governor.service.bodies.facts import FactsAnswer, TagsAnswer  # noqa: PLC0415

    tags, region = _read()
    if not tags and (known := call(url, token, "GET", "/v1/facts", shape=FactsAnswer)["tags"]):
        raise NoTagsError(
            f"AWS shows no tagged function in {region}, the governor knows of {len(known)}: check "
            "Region and account. If there are none any more, PUT /v1/facts/tags with no tags"
        )
    answer = call(
        url,
        token,
        "PUT",
        "/v1/facts/tags",
        shape=TagsAnswer,
        params={"dry_run": "true" if dry_run else "false"},
        json={"tags": tags},
    )
    (print_answer if as_json else print_sync)(answer)
    return FINDING if any(each["fate"] == "senseless" for each in answer["wishes"]) else DONE


def _read() -> "tuple[Tags, str]":
    """Return what counts of all functions' tags, and the Region that they are of."""
    from governor.aws.calls import Calls  # noqa: PLC0415 - see `governor.cli`
    from governor.aws.errors import CallError  # noqa: PLC0415
    from governor.aws.session import config, connect  # noqa: PLC0415
    from governor.aws.tagged import TagReader  # noqa: PLC0415
    from governor.facts import kept  # noqa: PLC0415

    patience = config(attempts=_ATTEMPTS, threads=1, mode="adaptive")
    client: ResourceGroupsTaggingAPIClient = connect(
        lambda session: session.client("resourcegroupstaggingapi", config=patience)
    )
    reader, tags = TagReader(client, Calls().make), None
    try:
        while tags is None:
            tags = reader.read(_PAGES_AT_ONCE)
    except CallError as error:
        raise SettingsError(f"{error}; the Region is {client.meta.region_name}") from error
    finally:
        client.close()
    return kept(tags), client.meta.region_name
