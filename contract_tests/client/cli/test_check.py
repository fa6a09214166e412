"""`check` tells of each image what is known and what is wrong: whole outputs, over files and addresses."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import respx

from contract_tests.support.answers import png
from kling_elements.cli.commands.check import Finding
from kling_elements.images import ImageInfo

if TYPE_CHECKING:
    from collections.abc import Callable

    from contract_tests.client.cli.conftest import Ended

PICTURE = png()
SIZE = len(PICTURE)
ATLAS = "https://pictures.example/atlas.png"
PRIVATE = "http://127.0.0.1/a.png"
NOWHERE = "http://printer.local/a.png"
SMALL = "is 200x150 px: at least 300x300 is needed"
UNREACHABLE = "the service can't fetch an address of this machine or a private network"
NOT_FOUND = "can't be fetched: its host answers HTTP 404"


def row(image: str, *facts: Any, problems: tuple[str, ...] = (), warnings: tuple[str, ...] = ()) -> Any:
    """What `--json` tells of an image: its facts are format, width, height and bytes."""
    known = dict(zip(("format", "width", "height", "bytes"), facts or (None,) * 4, strict=True))
    return {
        "image": image,
        "ok": not problems,
        **known,
        "problems": list(problems),
        "warnings": list(warnings),
    }


CASES = [
    ("a.png", f"ok    a.png: PNG, 320x320 px, {SIZE:,} bytes", row("a.png", "png", 320, 320, SIZE)),
    (
        "small.png",
        f"unfit small.png {SMALL}",
        row("small.png", "png", 200, 150, len(png(200, 150)), problems=(SMALL,)),
    ),
    ("none.png", "unfit none.png does not exist", row("none.png", problems=("does not exist",))),
    (
        f"{ATLAS}?size=all",
        f"ok    {ATLAS}?…: PNG, 320x320 px, {SIZE:,} bytes",
        row(f"{ATLAS}?…", "png", 320, 320, SIZE),
    ),
    (
        "https://pictures.example/long.png",
        "ok    https://pictures.example/long.png: PNG, 320x320 px",
        row("https://pictures.example/long.png", "png", 320, 320, None),
    ),
    (
        "https://pictures.example/small.png",
        f"unfit https://pictures.example/small.png {SMALL}",
        row("https://pictures.example/small.png", "png", 200, 150, len(png(200, 150)), problems=(SMALL,)),
    ),
    (
        PRIVATE,
        f"ok    {PRIVATE}: PNG, 320x320 px, {SIZE:,} bytes (warning: {UNREACHABLE})",
        row(PRIVATE, "png", 320, 320, SIZE, warnings=(UNREACHABLE,)),
    ),
    (
        NOWHERE,
        f"unfit {NOWHERE} {NOT_FOUND}; {UNREACHABLE}",
        row(NOWHERE, problems=(NOT_FOUND,), warnings=(UNREACHABLE,)),
    ),
]


def answer(request: httpx.Request) -> httpx.Response:
    """The host of each picture."""
    match request.url.host, request.url.path:
        case ("127.0.0.1", _) | (_, "/atlas.png"):
            return httpx.Response(200, content=PICTURE)
        case _, "/long.png":
            return httpx.Response(200, content=iter([PICTURE, b"\0" * 100_000]))  # of unknown length
        case _, "/small.png":
            return httpx.Response(200, content=png(200, 150))
    return httpx.Response(404)


@pytest.fixture
def check(run: Callable[..., Ended]) -> Callable[..., Ended]:
    """Run `check` where there are two files, and hosts of pictures."""
    Path("a.png").write_bytes(PICTURE)
    Path("small.png").write_bytes(png(200, 150))

    def call(*args: str) -> Ended:
        with respx.mock(assert_all_called=False) as router:
            router.route().mock(side_effect=answer)
            return run("check", *args)

    return call


@pytest.mark.parametrize(("image", "line", "told"), CASES, ids=[each[0] for each in CASES])
def test_what_is_told_of_an_image(
    check: Callable[..., Ended], image: str, line: str, told: dict[str, Any]
) -> None:
    """An image is one line, or one object: what is known of it, why it is unfit, what else is to be known."""
    code = 0 if told["ok"] else 2
    ended = check(image)
    assert (ended.code, ended.out, ended.err) == (code, f"{line}\n", "")
    ended = check(image, "--json")
    assert (ended.code, ended.json, ended.err) == (code, {"images": [told]}, "")


def test_images_are_told_in_their_order(check: Callable[..., Ended]) -> None:
    """Several images are told one by one, and one that is unfit is enough for exit code 2."""
    images, lines, rows = zip(*CASES, strict=True)
    ended = check(*images)
    assert (ended.code, ended.out.splitlines()) == (2, list(lines))
    assert check(*images, "--json").json == {"images": list(rows)}


@pytest.mark.parametrize(
    ("finding", "line"),
    [
        (Finding("a", ImageInfo("jpeg", 1, 2, 3456)), "a: JPEG, 1x2 px, 3,456 bytes"),
        (Finding("a", ImageInfo("jpeg")), "a: JPEG"),
        (Finding("a", ImageInfo("png", None, 2, 0)), "a: PNG, 0 bytes"),
        (Finding("a", ImageInfo("png", 1, None)), "a: PNG"),
        (Finding("a", ImageInfo(None, 1, 2)), "a: 1x2 px"),
        (Finding("a", ImageInfo("png"), (), ("b", "c")), "a: PNG (warning: b; c)"),
        (Finding("a", ImageInfo("png"), ("is b", "is c"), ("d",)), "a is b; is c; d"),
    ],
)
def test_what_is_not_known_is_left_out(finding: Finding, line: str) -> None:
    """A line holds what is known of an image and nothing else."""
    assert finding.as_line() == line
