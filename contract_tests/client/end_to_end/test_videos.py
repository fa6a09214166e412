"""The client against the mock over a real socket: from images to a video on the disk."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import av
import pytest
from PIL import Image

from contract_tests.support.answers import png
from contract_tests.support.clients import ASYNC, SYNC, Driver
from contract_tests.support.contract import request_schema
from contract_tests.support.loopback import serving
from kling_elements import BadRequestError, NotFoundError, OutcomeUnknown, TaskFailed
from kling_elements_mock import INSTANT, MockSettings, Polls, serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kling_elements_mock import ServedMock

PROPERTIES: dict[str, Any] = request_schema()["properties"]
DURATIONS: list[str] = PROPERTIES["duration"]["enum"]
RATIOS: list[str] = PROPERTIES["aspect_ratio"]["enum"]
MOST_BYTES = 1_000_000
KLING_KEY = "any-key-of-the-tests"


@pytest.fixture(scope="module")
def served() -> Iterator[ServedMock]:
    """A mock whose tasks are done at the second look."""
    with serve(MockSettings(pace=Polls(2))) as mock:
        yield mock


@pytest.fixture(params=[SYNC, ASYNC], ids=["sync", "async"])
def driver(request: pytest.FixtureRequest) -> Driver:
    """Either kind of client."""
    found: Driver = request.param
    return found


def jpeg() -> bytes:
    """A JPEG in portrait."""
    buffer = io.BytesIO()
    Image.new("RGB", (400, 600), (20, 90, 200)).save(buffer, "JPEG")
    return buffer.getvalue()


def assert_video(path: Path, duration: str, ratio: str) -> None:
    """The file is an H.264 MP4 of exactly that length and shape, with nothing missing."""
    assert path.stat().st_size < MOST_BYTES
    width, height = (int(number) for number in ratio.split("_")[-2:])
    with av.open(str(path)) as container:
        assert "mp4" in container.format.name.split(",")
        [stream] = container.streams.video
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert stream.codec_context.width * height == stream.codec_context.height * width
        assert stream.duration is not None
        assert stream.time_base is not None
        assert stream.average_rate is not None
        assert stream.duration * stream.time_base == int(duration)
        frames = sum(1 for _ in container.decode(video=0))
        assert frames == stream.average_rate * int(duration)


@pytest.mark.parametrize(
    ("duration", "ratio"), list(zip([*DURATIONS, DURATIONS[0]], RATIOS, strict=True)), ids=lambda value: value
)
def test_images_in_video_out(
    driver: Driver, served: ServedMock, tmp_path: Path, duration: str, ratio: str
) -> None:
    """Bytes, a path and a loopback URL become a video of the asked length and shape, on the disk."""
    file = tmp_path / "b.jpg"
    file.write_bytes(jpeg())
    statuses: list[str] = []
    with serving(lambda asked: (200, {"content-type": "image/png"}, png())) as host:
        client = driver.open(api_key=KLING_KEY, base_url=served.url, poll_interval=0.01)
        task = client.generate(
            [png(), file, f"{host.url}/c.png"],
            prompt="a red square",
            duration=duration,
            aspect_ratio=ratio,
            check_images=True,
            on_update=lambda seen: statuses.append(seen.status),
        )
    assert statuses[0] == "CREATED"
    assert statuses[-1] == task.status == "COMPLETED"
    assert task.expires_at is not None
    target = client.download(task, tmp_path / "out.mp4")
    assert_video(target, duration, ratio)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.jpg", "out.mp4"]
    assert client.get(task.id).urls == task.urls
    assert task.id in [listed.id for listed in client.list()]
    for request in served.mock.result_requests:
        assert KLING_KEY not in str(request)


def test_one_client_for_it_all(tmp_path: Path) -> None:
    """One client of a `with` creates, waits and downloads; its task can be downloaded after it too."""
    from kling_elements import KlingElements  # noqa: PLC0415 - as above

    with serve(MockSettings(pace=INSTANT)) as served:
        with KlingElements(KLING_KEY, served.url, poll_interval=0) as client:
            task = client.generate([png()])
            assert_video(
                task.download(tmp_path / "out.mp4"), DURATIONS[0], PROPERTIES["aspect_ratio"]["default"]
            )
        assert len(served.mock.tasks) == 1


def test_an_empty_account(driver: Driver) -> None:
    """An account without tasks has an empty list; another's task is not found."""
    with serve(MockSettings(pace=INSTANT)) as served:
        client = driver.open(api_key=KLING_KEY, base_url=served.url)
        assert client.list() == []
        task = client.create([png()])
        other = driver.open(api_key="another-key", base_url=served.url)
        assert other.list() == []
        with pytest.raises(NotFoundError):
            other.get(task.id)


def test_bad_days(driver: Driver) -> None:
    """A failed task, a create that is cut off and a refusal are the same over a real socket."""
    with serve(MockSettings(pace=INSTANT, scenario="fail")) as served:
        client = driver.open(api_key=KLING_KEY, base_url=served.url, poll_interval=0)
        with pytest.raises(TaskFailed) as failed:
            client.generate([png()])
        assert failed.value.task_id == served.mock.tasks[0].id
    with serve(MockSettings(scenario="created-but-reset")) as served:
        client = driver.open(api_key=KLING_KEY, base_url=served.url)
        with pytest.raises(OutcomeUnknown):
            client.create([png()])
        assert len(served.mock.tasks) == 1
    with serve(MockSettings(scenario="status=400")) as served:
        client = driver.open(api_key=KLING_KEY, base_url=served.url)
        with pytest.raises(BadRequestError) as refused:
            client.create([png()])
        assert refused.value.request_id
