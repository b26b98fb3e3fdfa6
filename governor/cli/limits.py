"""Commands about limits: show them, change one, apply a whole policy."""

from pathlib import Path
from typing import Any

import click

from governor.cli.calls import call, print_answer, run, segment
from governor.cli.options import api_options, json_option


@click.command()
@api_options
@json_option
def status(url: str, token: str | None, *, as_json: bool) -> None:
    """Show every scope: who uses how much of what."""
    from governor.printing import print_json, print_status  # noqa: PLC0415 - see `governor.cli`
    from governor.service.bodies.status import StatusAnswer  # noqa: PLC0415

    answer = call(url, token, "GET", "/v1/status", shape=StatusAnswer)
    (print_json if as_json else print_status)(answer)


@click.command()
@click.option(
    "-f",
    "--file",
    "path",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    required=True,
    help="The policy, YAML or JSON.",
)
@click.option("--dry-run", is_flag=True, help="Show what would change and change nothing.")
@api_options
@json_option
def apply(path: Path, url: str, token: str | None, *, dry_run: bool, as_json: bool) -> None:
    """Make the policy in a file the pool's policy; show what changes."""
    from governor.printing import print_changes, print_json  # noqa: PLC0415 - see `governor.cli`
    from governor.service.bodies.limits import PolicyAnswer  # noqa: PLC0415

    kind = "json" if path.suffix == ".json" else "yaml"
    answer = call(
        url,
        token,
        "PUT",
        "/v1/policy",
        shape=PolicyAnswer,
        params={"dry_run": "true" if dry_run else "false"},
        data=path.read_bytes(),
        headers={"Content-Type": f"application/{kind}"},
    )
    (print_json if as_json else print_changes)(answer)


@click.group("set")
def set_() -> None:
    """Change some limits of a function, a group or the account; add it if it is new."""


@click.group("get")
def get() -> None:
    """Show the limits of a function, a group or the account."""


class Limit(click.ParamType[int | str]):
    """A number, or `none` for no limit."""

    name = "N|none"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | str:
        """Return the number, or "none"."""
        if value == "none":
            return "none"
        try:
            return int(value)
        except ValueError:
            self.fail(f"{value!r} is neither a number nor 'none'", param, ctx)


max_option = click.option("--max-concurrency", type=Limit(), help="Its Max Concurrency.")
headroom_option = click.option(
    "--headroom", type=click.IntRange(0), help="What only user-facing functions may take."
)
mode_option = click.option(
    "--mode", type=click.Choice(["enforce", "shadow"]), help="shadow: count, deny nothing."
)


@set_.command("function")
@click.argument("name")
@max_option
@click.option("--priority", type=click.Choice(["user-facing", "background"]))
@click.option("--group", "groups", multiple=True, metavar="NAME[=WEIGHT]", help="May be repeated.")
@click.option("--no-group", is_flag=True, help="Take it out of all groups that it names.")
@mode_option
@click.option("--max-attempts", type=Limit(), help="An attempt this high is never denied.")
@click.option("--shared/--not-shared", default=None, help="Whether it draws on the shared pool.")
@click.option("--share", type=click.IntRange(1), help="Its part of what background work gets.")
@click.option("--allow-pause/--no-allow-pause", default=None, help="Whether queues may be paused.")
@click.option("--max-batch-size", type=Limit(), help="How far its batches may grow.")
@api_options
def set_function(
    name: str,
    url: str,
    token: str | None,
    groups: tuple[str, ...],
    *,
    no_group: bool,
    **fields: Any,
) -> None:
    """Change limits of a function."""
    if groups and no_group:
        raise click.UsageError("--group and --no-group contradict each other")
    if groups or no_group:
        fields["groups"] = _weights(groups)
    _patch(url, token, f"/v1/functions/{segment(name)}", fields)


@set_.command("group")
@click.argument("name")
@max_option
@headroom_option
@mode_option
@click.option("--member", "members", multiple=True, metavar="GLOB", help="May be repeated.")
@api_options
def set_group(
    name: str, url: str, token: str | None, members: tuple[str, ...], **fields: Any
) -> None:
    """Change limits of a group."""
    if members:
        fields["members"] = {"functions": list(members)}
    _patch(url, token, f"/v1/groups/{segment(name)}", fields)


@set_.command("account")
@max_option
@headroom_option
@mode_option
@api_options
def set_account(url: str, token: str | None, **fields: Any) -> None:
    """Change limits of the account."""
    _patch(url, token, "/v1/account", fields)


@get.command("function")
@click.argument("name")
@api_options
def get_function(name: str, url: str, token: str | None) -> None:
    """Show a function's limits."""
    print_answer(call(url, token, "GET", f"/v1/functions/{segment(name)}"))


@get.command("group")
@click.argument("name")
@api_options
def get_group(name: str, url: str, token: str | None) -> None:
    """Show a group's limits."""
    print_answer(call(url, token, "GET", f"/v1/groups/{segment(name)}"))


@get.command("account")
@api_options
def get_account(url: str, token: str | None) -> None:
    """Show the account's limits."""
    print_answer(call(url, token, "GET", "/v1/account"))


@get.command("policy")
@api_options
def get_policy(url: str, token: str | None) -> None:
    """Show the whole policy."""
    print_answer(call(url, token, "GET", "/v1/policy"))


def _weights(groups: tuple[str, ...]) -> dict[str, int]:
    weights = {}
    for group in groups:
        name, _, weight = group.partition("=")
        try:
            weights[name] = int(weight or 1)
        except ValueError:
            raise click.BadParameter(
                f"{group!r}: the weight is no number", param_hint="--group"
            ) from None
    return weights


def _patch(url: str, token: str | None, path: str, given: dict[str, Any]) -> None:
    """Change the `given` fields of an entry, or make a new entry of them; print it."""
    fields = {name: value for name, value in given.items() if value is not None}
    if not fields:
        raise click.UsageError("nothing to change: name at least one option")
    patch = {name: None if value == "none" else value for name, value in fields.items()}
    print_answer(run(url, token, lambda api: api.change(path, patch)))
