"""Jobs out of a file: each line by itself, and what is said of one that can't be used."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from contract_tests.client.batch.conftest import URL
from kling_elements import ValidationError
from kling_elements.batch import job_sources as reading
from kling_elements.batch.job_sources import located, numbered_lines, opened, parse_line

if TYPE_CHECKING:
    from pathlib import Path

    from contract_tests.client.batch.conftest import Open, Service

TOO_LONG = "the line has more than 4 bytes"


def told(stream: Any) -> list[tuple[int, bytes | str]]:
    """Each line, or what is said of it."""
    return [
        (number, line if isinstance(line, bytes) else str(line)) for number, line in numbered_lines(stream)
    ]


@pytest.mark.parametrize("is_text", [True, False], ids=["text", "bytes"])
@pytest.mark.parametrize(
    ("content", "lines"),
    [
        ("", []),
        ("a\nb", [(1, b"a\n"), (2, b"b")]),
        ("a\n\n \t\nb\r\n", [(1, b"a\n"), (4, b"b\r\n")]),
        ("\ufeffa\n", [(1, b"a\n")]),
        ("a\n\ufeff", [(1, b"a\n"), (2, b"\xef\xbb\xbf")]),
        ("1234\n1234", [(1, b"1234\n"), (2, b"1234")]),
        ("12345\na\n", [(1, TOO_LONG), (2, b"a\n")]),
        ("123456\na\n", [(1, TOO_LONG), (2, b"a\n")]),
        ("123456789\na\n123456", [(1, TOO_LONG), (2, b"a\n"), (3, TOO_LONG)]),
    ],
)
def test_each_line_that_holds_anything_is_read(
    monkeypatch: pytest.MonkeyPatch, content: str, lines: list[tuple[int, bytes | str]], *, is_text: bool
) -> None:
    """Lines keep their numbers, blank ones hold nothing, and one beyond the bound hides no other."""
    monkeypatch.setattr(reading, "LONGEST_LINE", 4)
    stream = io.StringIO(content, newline="\n") if is_text else io.BytesIO(content.encode())
    assert told(stream) == lines


def test_no_more_is_read_at_once_than_a_line_may_have(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line without an end, however long the file is, needs no more memory than one that may be."""
    monkeypatch.setattr(reading, "LONGEST_LINE", 4)
    asked: list[int | None] = []

    class Stream(io.BytesIO):
        def readline(self, size: int | None = -1, /) -> bytes:
            asked.append(size)
            return super().readline(size)

    assert told(Stream(b"1" * 20)) == [(1, TOO_LONG)]
    assert set(asked) == {4, 5}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"{bad", "the line is no JSON: Expecting property name enclosed in double quotes at character 2"),
        (b"", "the line is no JSON: Expecting value at character 1"),
        (b"[1]", 'the line must be a JSON object like {"images": ["a.jpg"]}'),
        (b'{"a": NaN}', "the line is no JSON: NaN is no value"),
        (b'{"a": -Infinity}', "the line is no JSON: -Infinity is no value"),
        (b'{"b": 1, "a": 1, "a": 1}', "a stands twice in the line"),
        (b'{"b": {"a": 1, "a": 1}}', "a stands twice in the line"),
        (b'{"a": "\xff"}', "the line is not UTF-8 at byte 8"),
        (b"\xff", "the line is not UTF-8 at byte 1"),
        (b"[" * 100_000, "the line is no job: its JSON is nested too deeply"),
    ],
)
def test_what_is_wrong_with_a_line_is_told(line: bytes, said: str) -> None:
    """A line that is no JSON object is told by what is wrong with it, and where."""
    with pytest.raises(ValidationError) as caught:
        parse_line(line)
    assert list(caught.value.problems) == [said]


def test_a_line_is_what_it_says() -> None:
    """A line's object has the values that stand in it."""
    value = {"images": ["ä"], "prompt": None, "n": 1.5, "deep": {"a": [True]}}
    assert parse_line(json.dumps(value, ensure_ascii=False).encode()) == value


def test_text_that_is_no_utf8_fails_alone(service: Service, open_client: Open) -> None:
    """Of an open text file that lets bytes through that are no UTF-8, only that line can't be used."""
    line = json.dumps({"images": [URL], "prompt": "a"})
    data = f"{line}\n".encode() + b"\xff\n"
    stream = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", errors="surrogateescape")
    results = {each.number: each for each in open_client().batch(stream)}
    assert {number: each.standing for number, each in results.items()} == {1: "done", 2: "invalid"}
    assert "the line is not UTF-8 at byte 1" in str(results[2].error)
    assert service.made() == {"a": 1}


LONG = ".x" * 2048


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("a.png", "in/a.png"),
        ("gone/a.png", "in/gone/a.png"),
        (["a.png", URL, 7, ["a.png"]], ["in/a.png", URL, 7, ["in/a.png"]]),
        ("/a.png", "/a.png"),
        (LONG, f"in/{LONG}"),
        (f"{LONG}x", f"{LONG}x"),
        ("data:image/png;base64,broken!", "data:image/png;base64,broken!"),
        ("ftp://a/a.png", "ftp://a/a.png"),
        ("ftp://a/data:", "ftp://a/data:"),
        (URL, URL),
        ("", ""),
        (" ", " "),
        (7, 7),
        (None, None),
    ],
    ids=lambda value: str(value)[:20],
)
def test_relative_paths_begin_at_a_folder(
    given: object, found: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paths of images are led to the folder, there or not; addresses, base64 text and faults stay."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.png").write_bytes(b"x")
    expected = json.loads(json.dumps(found).replace('"in/', f'"{folder.as_posix()}/'))
    assert located(given, folder) == expected


@pytest.mark.parametrize(
    ("name", "reason"),
    [("none", "No such file or directory"), (".", "Is a directory"), ("a\0b", "its name holds a null byte")],
)
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, name: str, reason: str) -> None:
    """A file of jobs that can't be opened is told by its path and the reason alone."""
    path = tmp_path / name
    with pytest.raises(ValidationError) as caught, opened(path):
        pass
    assert list(caught.value.problems) == [f"the jobs in {path} can't be read: {reason}"]
