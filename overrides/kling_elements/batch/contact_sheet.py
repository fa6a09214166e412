"""The contact sheet of a batch: one HTML page, each video beside the image that it was made from.

The page needs nothing but the videos in its folder. Small copies of the images are in it; of a video the
browser shows a frame itself, and loads it when it comes into view, as phones play few videos at once.
"""

from __future__ import annotations

import base64
import io
import os
import warnings
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from PIL import Image, ImageOps

from kling_elements.batch.results import JobStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_MARK = '<meta name="generator" content="kling-elements">'
_SIZE = (480, 480)  # pixels of an image's copy at most
_QUALITY = 70
_STYLE = """
:root { color-scheme: light dark; --line: #8884; --quiet: #777; --good: #187a3c; --bad: #c0262d }
@media (prefers-color-scheme: dark) { :root { --quiet: #9a9a9a; --good: #4cc27a; --bad: #ff7b72 } }
* { box-sizing: border-box }
body { font: 16px/1.45 system-ui, sans-serif; margin: 0 auto; max-width: 100rem; padding: 1rem }
h1 { font-size: 1.35rem; margin: 0 }
p { margin: .25rem 0; overflow-wrap: anywhere }
main { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 26rem), 1fr));
  margin-top: 1rem }
article { border: 1px solid var(--line); border-radius: .6rem; overflow: hidden }
.pair { background: #8881; display: grid; gap: 1px; grid-template-columns: 1fr 1fr }
.images { display: flex; flex-wrap: wrap; align-content: center }
.images > * { flex: 1 1 40%; min-width: 0 }
img, video { aspect-ratio: 4 / 3; background: #0001; display: block; object-fit: contain; width: 100% }
video { cursor: pointer }
.none { align-content: center; aspect-ratio: 4 / 3; color: var(--quiet); font-size: .85rem; padding: .5rem;
  overflow: hidden; overflow-wrap: anywhere; text-align: center }
.text { padding: .6rem .8rem .8rem }
.quiet { color: var(--quiet); font-size: .85rem }
.good { color: var(--good) }
.bad { color: var(--bad) }
"""
_SCRIPT = """
const view = new IntersectionObserver(entries => entries.forEach(({ target: video, isIntersecting }) => {
  if (isIntersecting && !video.src) video.src = video.dataset.src
  else if (!isIntersecting && video.paused && video.src) { video.removeAttribute("src"); video.load() }
}), { rootMargin: "400px" })
document.querySelectorAll("video").forEach(video => {
  view.observe(video)
  video.addEventListener("click", () => { if (!video.controls) { video.controls = true; video.play() } })
})
"""


def is_foreign(page: Path) -> bool:
    """Whether something stands where the page is to go that is no page of ours.

    Raises:
        OSError: If that can't be seen.
    """
    if not os.path.lexists(page):
        return False
    if not page.is_file():
        return True
    with page.open("rb") as file:
        return _MARK.encode() not in file.read(1000)


def write_contact_sheet(page: Path, title: str, summary: str, records: Iterable[Mapping[str, Any]]) -> None:
    """Write the page in one step.

    Args:
        page: The file.
        title: Its heading.
        summary: What became of the batch, in a line.
        records: The report's lines, one for each job.

    Raises:
        OSError: If it can't be written.
    """
    part = page.with_name(f".{page.name}.part")
    try:
        with part.open("w", encoding="utf-8", errors="replace") as file:
            file.write(
                '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
                f'{_MARK}\n<meta name="viewport" content="width=device-width, initial-scale=1">\n'
                f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n"
                f'<h1>{escape(title)}</h1>\n<p class="quiet">{escape(summary)}</p>\n<main>\n'
            )
            for record in records:
                file.write(_article(record, page.parent))
            file.write(f"</main>\n<script>{_SCRIPT}</script>\n</html>\n")
        part.replace(page)
    finally:
        part.unlink(missing_ok=True)


def _article(record: Mapping[str, Any], folder: Path) -> str:
    standing, file = str(record.get("standing")), record.get("file")
    is_done = standing in {JobStatus.DONE, JobStatus.EXISTING}
    name = Path(file).name if file else str(record.get("id") or f"job {record.get('line')}")
    url = escape(_relative(file, folder) or "") if file else ""
    heading = f'<a href="{url}">{escape(name)}</a>' if url else escape(name)
    prompt, error = record.get("prompt"), record.get("error")
    at = str(record.get("at") or "")[:16].replace("T", " ")
    facts = [str(fact) for fact in (record.get("task_id"), at and f"{at} UTC") if fact]
    images = "".join(_image(image) for image in record.get("images") or ()) or _none("no image is known")
    video = f'<video muted loop playsinline preload="metadata" data-src="{url}#t=0.1"></video>'
    lines = [
        f'<p><b>{heading}</b> <span class="{"good" if is_done else "bad"}">{escape(standing)}</span></p>',
        f"<p>{escape(str(prompt))}</p>" if prompt else "",
        f'<p class="bad">{escape(str(error))}</p>' if error else "",
        f'<p class="quiet">{escape(" · ".join(facts))}</p>' if facts else "",
    ]
    return (
        f'<article>\n<div class="pair"><div class="images">{images}</div>'
        f"{video if url else _none('no video')}</div>\n"
        f'<div class="text">{"".join(lines)}</div>\n</article>\n'
    )


def _relative(file: str, folder: Path) -> str | None:
    """Return the URL of a video beside the page; None if there is none."""
    path = Path(file)
    if not path.is_file():
        return None
    try:
        return quote(Path(os.path.relpath(path, folder)).as_posix())
    except ValueError:  # on another drive
        return path.as_uri()


def _image(name: object) -> str:
    if not isinstance(name, str):
        return _none("an image in memory")
    if name.startswith(("http://", "https://")) and "?" not in name:  # a signed URL is not in the report
        return f'<img src="{escape(name)}" alt="" loading="lazy">'
    data = _small(Path(name))
    text = escape(Path(name).name)
    if data is None:
        return _none(text)
    return f'<img src="data:image/jpeg;base64,{data}" alt="{text}" loading="lazy">'


def _small(path: Path) -> str | None:
    """Return a small copy of an image, in base64; None if it can't be read."""
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path) as image:
            image.draft("RGB", _SIZE)
            small = ImageOps.exif_transpose(image)
            small.thumbnail(_SIZE)
            data = io.BytesIO()
            small.convert("RGB").save(data, "JPEG", quality=_QUALITY)
    except Exception:  # noqa: BLE001 - Pillow raises anything at a file that is damaged; its name stands there instead
        return None
    return base64.b64encode(data.getvalue()).decode()


def _none(text: str) -> str:
    return f'<div class="none">{text}</div>'
