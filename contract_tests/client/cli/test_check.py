"""`check` shows of each image what is known and what is wrong, over files and URLs, without spending."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import respx
from inline_snapshot import snapshot

from contract_tests.client.cli.conftest import plain
from contract_tests.support.answers import png

if TYPE_CHECKING:
    from contract_tests.client.cli.conftest import Cli

PICTURE = png()
HOST = "https://pictures.example"
IMAGES = [
    "a.png", "small.png", "none.png", f"{HOST}/atlas.png?size=all", f"{HOST}/long.png", f"{HOST}/small.png",
    "http://127.0.0.1/a.png", "http://printer.local/a.png",
]  # fmt: skip


def answer(request: httpx.Request) -> httpx.Response:
    """Answer as the host of each picture."""
    match request.url.host, request.url.path:
        case ("127.0.0.1", _) | (_, "/atlas.png"):
            return httpx.Response(200, content=PICTURE)
        case _, "/long.png":
            return httpx.Response(200, content=iter([PICTURE, b"\0" * 100_000]))  # of unknown length
        case _, "/small.png":
            return httpx.Response(200, content=png(200, 150))
    return httpx.Response(404)


def test_images_are_shown_in_their_order(cli: Cli) -> None:
    """Each image is a line: what is known of it, why it is unfit, what else to know. One unfit is code 2."""
    cli.environ(KLING_ELEMENTS_API_KEY=None)
    Path("a.png").write_bytes(PICTURE)
    Path("small.png").write_bytes(png(200, 150))
    with respx.mock(assert_all_called=False) as router:
        router.route().mock(side_effect=answer)
        ended, as_json = cli("check", *IMAGES), cli("check", "--json", *IMAGES)
    assert (ended.code, ended.err, as_json.code, as_json.err) == (2, "", 2, "")
    assert plain(ended.out, **{"N bytes": f"{len(PICTURE):,} bytes"}) == snapshot("""\
ok    a.png: PNG, 320x320 px, N bytes
unfit small.png is 200x150 px: at least 300x300 is needed
unfit none.png does not exist
ok    https://pictures.example/atlas.png?…: PNG, 320x320 px, N bytes
ok    https://pictures.example/long.png: PNG, 320x320 px
unfit https://pictures.example/small.png is 200x150 px: at least 300x300 is needed
ok    http://127.0.0.1/a.png: PNG, 320x320 px, N bytes (warning: the service can't fetch an address
      of this machine or a private network)
unfit http://printer.local/a.png can't be fetched: its host answers HTTP 404; the service can't
      fetch an address of this machine or a private network
""")
    rows = as_json.json["images"]
    assert [(row["ok"], len(row["warnings"])) for row in rows] == [
        (True, 0), (False, 0), (False, 0), (True, 0), (True, 0), (False, 0), (True, 1), (False, 1),
    ]  # fmt: skip
    assert all(bool(row["problems"]) is not row["ok"] for row in rows)
    facts = ("format", "width", "height", "bytes")
    assert [tuple(row[fact] for fact in facts) for row in rows[2:5]] == [
        (None, None, None, None),
        ("png", 320, 320, len(PICTURE)),
        ("png", 320, 320, None),
    ]
    assert rows[3]["image"] == f"{HOST}/atlas.png?…"
    assert cli("check", "--", "a.png").code == 0
