"""Check images without spending anything and without a key."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from attrs import frozen

from kling_elements.api.endpoints import DEFAULT_MODEL, find_model
from kling_elements.api.io import run_sync
from kling_elements.api.sync_transport import SyncTransport
from kling_elements.cli.console import one_line
from kling_elements.cli.exit_codes import ExitCode
from kling_elements.images.constraints import problems
from kling_elements.images.loading import load_image
from kling_elements.images.sources import ImageProblem, UrlSource, classify
from kling_elements.images.urls import is_private_url
from kling_elements.operations.image_urls import look_at_url
from kling_elements.operations.local_images import image_rules

if TYPE_CHECKING:
    from argparse import Namespace

    from kling_elements.cli.context import Context
    from kling_elements.images.constraints import ImageConstraints, ImageInfo


@frozen
class Finding:
    """What is known of one image: what its bytes say, and why the service would refuse it."""

    label: str
    facts: ImageInfo | None
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def as_object(self) -> dict[str, Any]:
        """Return it for `--json`."""
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
        """Return it for a person."""
        remarks = "; ".join([*self.problems, *self.warnings])
        facts = self.facts
        if self.problems or facts is None:
            return f"{self.label} {remarks}"
        parts = []
        if facts.format:
            parts.append(facts.format.upper())
        if facts.width and facts.height:
            parts.append(f"{facts.width}x{facts.height} px")
        if facts.size is not None:
            parts.append(f"{facts.size:,} bytes")
        return f"{self.label}: {', '.join(parts)}{f' (warning: {remarks})' if remarks else ''}"


def run(args: Namespace, context: Context) -> int:
    """Run the command."""
    rules = image_rules(find_model(DEFAULT_MODEL if args.model is None else args.model))
    transport = SyncTransport(sleep=time.sleep)
    try:
        findings = []
        for image in args.images:
            finding = inspect_image(image, rules, transport)
            findings.append(finding)
            if not context.is_json:
                verdict = "unfit" if finding.problems else "ok"
                context.console.verdict(verdict, one_line(finding.as_line()))
    finally:
        transport.close()
    if context.is_json:
        context.console.result_json({"images": [finding.as_object() for finding in findings]})
    return ExitCode.BAD_INPUT if any(finding.problems for finding in findings) else ExitCode.DONE


def inspect_image(image: str, rules: ImageConstraints, transport: SyncTransport) -> Finding:
    """Check one image: a path, base64 text, or a URL, of which the beginning is fetched."""
    try:
        source = classify(image)
        if isinstance(source, UrlSource):
            return _inspect_url(source, rules, transport)
        loaded = load_image(source, rules)
    except ImageProblem as problem:
        return Finding(problem.label, problem.facts, problem.problems)
    return Finding(loaded.label, loaded.facts)


def _inspect_url(source: UrlSource, rules: ImageConstraints, transport: SyncTransport) -> Finding:
    seen = run_sync(look_at_url(transport, source.url))
    warnings = (
        ("the service can't fetch an address of this machine or a private network",)
        if is_private_url(source.url)
        else ()
    )
    if isinstance(seen, str):
        return Finding(source.label, None, (seen,), warnings)
    return Finding(source.label, seen, problems(seen, rules), warnings)
