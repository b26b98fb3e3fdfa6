"""Commands about the Lambda layer."""

from dataclasses import asdict
from pathlib import Path

import click

from governor.cli.calls import print_answer
from governor.cli.options import json_option


@click.group()
def layer() -> None:
    """Build the Lambda layer, or publish it to AWS."""


@layer.command("build")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    default=Path("governor-layer.zip"),
    show_default=True,
    help="The file to write.",
)
@json_option
def layer_build(output: Path, *, as_json: bool) -> None:
    """Write the layer as a zip file: the same bytes from the same sources."""
    from governor.layer.archive import build, sources  # noqa: PLC0415 - see `governor.cli`

    archive = build(sources())
    try:
        output.write_bytes(archive.content)
    except OSError as error:
        raise click.FileError(str(output), error.strerror) from error
    size, sha256 = len(archive.content), archive.sha256
    if as_json:
        print_answer({"path": str(output), "size": size, "sha256": sha256})
    else:
        click.echo(f"{output}: {size:,} bytes, sha256 {sha256}")


@layer.command("publish")
@click.option("--name", default="governor", show_default=True, help="The layer's name in AWS.")
@click.option("--dry-run", is_flag=True, help="Show the call as JSON and make none.")
@json_option
def layer_publish(name: str, *, dry_run: bool, as_json: bool) -> None:
    """Upload the layer as a new version, unless its latest version is the same.

    Access to AWS is boto3's own: AWS_* variables, profiles, AWS_ENDPOINT_URL.
    """
    from governor.layer.archive import build, sources  # noqa: PLC0415 - see `governor.cli`
    from governor.layer.publish import publish, request  # noqa: PLC0415 - see `governor.cli`

    archive = build(sources())
    if dry_run:
        zip_file = {"size": len(archive.content), "sha256": archive.sha256}
        arguments = {**request(archive, name), "Content": {"ZipFile": zip_file}}
        print_answer({"call": "lambda:PublishLayerVersion", "arguments": arguments})
        return
    published = publish(archive, name)
    if as_json:
        print_answer({**asdict(published), "sha256": archive.sha256})
    else:
        click.echo(f"{published.arn} {'is published' if published.new else 'is up to date'}")
