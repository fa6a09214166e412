"""Look at images without spending anything and without a key.

Files are read whole; of an image behind a URL the first kilobytes are fetched,
from this machine. The exit code is 2 if one is unfit.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kling_elements.cli.console import one_line
from kling_elements.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from kling_elements.api.transports import SyncTransport
    from kling_elements.cli.context import Context
    from kling_elements.images import ImageConstraints, ImageInfo
    from kling_elements.images.sources import UrlSource


@dataclass(frozen=True)
class Finding:
    """What is known of one image.

    Attributes:
        label: What it is called.
        facts: What was seen of it, if it could be read.
        problems: Why the service would refuse it.
        warnings: What else should be known.
    """

    label: str
    facts: ImageInfo | None
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def as_object(self) -> dict[str, Any]:
        """For `--json`."""
        facts = self.facts
        return {
            "image": self.label,
            "ok": not self.problems,
            "format": facts.format if facts else None,
            "width": facts.width if facts else None,
            "height": facts.height if facts else None,
            "bytes": facts.size if facts else None,
            "problems": list(self.problems),
            "warnings": list(self.warnings),
        }

    def as_line(self) -> str:
        """For a person."""
        told = "; ".join([*self.problems, *self.warnings])
        facts = self.facts
        if self.problems or facts is None:
            return f"{self.label} {told}"
        parts = []
        if facts.format:
            parts.append(facts.format.upper())
        if facts.width and facts.height:
            parts.append(f"{facts.width}x{facts.height} px")
        if facts.size is not None:
            parts.append(f"{facts.size:,} bytes")
        return f"{self.label}: {', '.join(parts)}{f' (warning: {told})' if told else ''}"


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="a file or a URL")
    parser.add_argument("--model", metavar="NAME", help="the model whose limits count (default: std)")


def run(args: Namespace, session: Context) -> int:
    """Do it."""
    from kling_elements.api.endpoints import DEFAULT_MODEL, find_model  # noqa: PLC0415
    from kling_elements.api.transports import SyncTransport  # noqa: PLC0415
    from kling_elements.operations.create_request import image_rules  # noqa: PLC0415

    rules = image_rules(find_model(args.model or DEFAULT_MODEL))
    transport = SyncTransport(sleep=time.sleep)
    try:
        findings = []
        for image in args.images:
            finding = inspect_image(image, rules, transport)
            findings.append(finding)
            if not session.is_json:
                verdict = "unfit" if finding.problems else "ok"
                session.console.result(f"{verdict:<5} {one_line(finding.as_line())}")
    finally:
        transport.close()
    if session.is_json:
        session.console.result_json({"images": [finding.as_object() for finding in findings]})
    return ExitCode.BAD_INPUT if any(finding.problems for finding in findings) else ExitCode.DONE


def inspect_image(image: str, rules: ImageConstraints, transport: SyncTransport) -> Finding:
    """Look at one image.

    Args:
        image: A path, a URL, or base64 text.
        rules: The document's limits.
        transport: Fetches the beginning of what is behind a URL.
    """
    from kling_elements.images.sources import ImageProblem, UrlSource, classify, load_image  # noqa: PLC0415

    try:
        source = classify(image)
        if isinstance(source, UrlSource):
            return _inspect_url(source, rules, transport)
        loaded = load_image(source, rules)
    except ImageProblem as problem:
        return Finding(problem.label, None, problem.problems)
    return Finding(loaded.label, loaded.facts)


def _inspect_url(source: UrlSource, rules: ImageConstraints, transport: SyncTransport) -> Finding:
    from kling_elements.api.io import run_sync  # noqa: PLC0415
    from kling_elements.images import is_private_url, problems  # noqa: PLC0415 - as above
    from kling_elements.operations.image_urls import look_at_url  # noqa: PLC0415

    seen = run_sync(look_at_url(transport, source.url))
    warnings = (
        ("the service can't fetch an address of this machine or a private network",)
        if is_private_url(source.url)
        else ()
    )
    if isinstance(seen, str):
        return Finding(source.label, None, (seen,), warnings)
    return Finding(source.label, seen, problems(seen, rules), warnings)
