"""The way of a video to the disk.

It is streamed beside its target, continued where it broke off, checked, and only then given its name.

- `ranges`: what a result's host answers, and whether it goes on with what is there. Pure.
- `part`: the file beside the target, and the note that tells what it is the beginning of.
- `target`: the file that is asked for.
- `mp4`: whether a file is a whole MP4.
- `transfer`: the flow that puts them together, with retries and one fresh address.
- `telling`: the errors' sentences.
"""

from __future__ import annotations

from kling_elements.downloads.transfer import Means, download

__all__ = ["Means", "download"]
