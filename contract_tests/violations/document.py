"""Faults of the document and of what is made from it.

Each is made in a copy of the repository. Regeneration must notice that the committed files are not what the
sources give; and where a caller would feel it, the diff must say so, with the right rating.
"""

# ruff: noqa: E501 - tables: the texts that an edit replaces are as long as they are in the source

from __future__ import annotations

import shutil
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from contract_tests.violations.mutant import Mutant, StaleMutantError

ROOT: Final = Path(__file__).resolve().parents[2]
_PAGE: Final = "spec/upstream/post-kling-elements-std.md"
_OVERLAY: Final = "spec/overlay.yaml"
_DOCUMENT: Final = "spec/openapi.yaml"
_CLIENT: Final = "generated/kling_elements_api/"
_DRIFT: Final = "spec/test_document.py"
_DIFF: Final = "spec/test_committed.py"
_SUITE: Final = (_DRIFT, _DIFF)


@dataclass(frozen=True, slots=True)
class Text:
    """Another text in a file of the repository.

    Attributes:
        file: Below the repository's root.
        old: What the file has, once or more.
        new: What stands at its first place instead.
    """

    file: str
    old: str
    new: str

    def check(self) -> None:
        """Raise `StaleMutantError` if the file does not have the text."""
        if self.old not in (ROOT / self.file).read_text(encoding="utf-8"):
            raise StaleMutantError(f"{self.file} does not have {self.old!r}")

    def apply(self) -> None:
        """Change a copy, and have the tests look at that."""
        self.check()
        path = _copy() / self.file
        path.write_text(path.read_text(encoding="utf-8").replace(self.old, self.new, 1), encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Removed:
    """A file of the repository that is gone.

    Attributes:
        file: Below the repository's root.
    """

    file: str

    def check(self) -> None:
        """Raise `StaleMutantError` if there is no such file."""
        if not (ROOT / self.file).is_file():
            raise StaleMutantError(f"there is no {self.file}")

    def apply(self) -> None:
        """Remove it from a copy, and have the tests look at that."""
        self.check()
        (_copy() / self.file).unlink()


@cache
def _copy() -> Path:
    """Copy what regeneration reads and writes, and have the tests that are imported take the copy for the repository."""
    root = Path(tempfile.mkdtemp())
    for folder in ("spec", "generated"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name, module in list(sys.modules.items()):
        if name.startswith("contract_tests.spec.") and hasattr(module, "ROOT"):
            vars(module)["ROOT"] = root
    return root


def _felt(name: str, description: str, says: str, *changes: Text) -> Mutant:
    """A fault that callers feel: regeneration and the diff must both tell."""
    needed = ("test_nothing_has_drifted", "test_the_committed_document_says")
    return Mutant("document", name, description, changes, _SUITE, "test_the_committed", says, needed)


def _unfelt(name: str, description: str, *changes: Text | Removed) -> Mutant:
    """A fault of the generated client alone: regeneration must tell."""
    needed = ("test_nothing_has_drifted",)
    return Mutant("document", name, description, changes, _SUITE, needed[0], "generated/", needed)


_PAGES: Final = (
    _felt("page-field-renamed", "On the page, a field of create's body has another name.", "breaking",
          Text(_PAGE, "              negative_prompt:\n                allOf:", "              negative_text:\n                allOf:")),
    _felt("page-field-gone", "On the page, a field of create's body is gone.", "breaking",
          Text(_PAGE, "              negative_prompt:\n                allOf:\n                  - description: Negative text prompt\n"
               "                    maxLength: 2500\n                    type: string\n", "")),
    _felt("page-field-required", "On the page, another field of create's body is required.", "breaking",
          Text(_PAGE, "            requiredProperties:\n              - images\n        examples",
               "            requiredProperties:\n              - images\n              - prompt\n        examples")),
    _felt("page-limit-lowered", "On the page, prompts are shorter.", "maxLength",
          Text(_PAGE, "maxLength: 2500", "maxLength: 2000")),
    _felt("page-limit-raised", "On the page, more images are allowed.", "maxItems",
          Text(_PAGE, "maxItems: 4", "maxItems: 5")),
    _felt("page-enum-widened", "On the page, a task may have another status.", "CANCELLED",
          Text(_PAGE, "            - FAILED\n", "            - FAILED\n            - CANCELLED\n")),
    _felt("page-enum-narrowed", "On the page, a shape of the video is gone.", "square_1_1",
          Text(_PAGE, "                      - square_1_1\n", "")),
    _felt("page-default-changed", "On the page, the shape by default is another one.", "default",
          Text(_PAGE, "default: widescreen_16_9", "default: social_story_9_16")),
    _felt("page-format-gone", "On the page, the webhook's address is any text.", "format",
          Text(_PAGE, "                    format: uri\n", "")),
    _felt("page-host-changed", "On the page, the origin is another one.", "server",
          Text(_PAGE, "url: https://api.freepik.com", "url: https://api.freepik.example")),
    _felt("page-key-header-renamed", "On the page, the key's header has another name.", "x-other-api-key",
          Text(_PAGE, "x-freepik-api-key", "x-other-api-key")),
    _felt("page-answer-field-optional", "On the page, an answer may lack the task's id.", "task_id",
          Text(_PAGE, "        - status\n        - task_id\n", "        - status\n")),
    _felt("page-status-code-changed", "On the page, a 503 is a 502.", "502",
          Text(_PAGE, "    '503':\n", "    '502':\n")),
)  # fmt: skip

_OVERLAYS: Final = (
    _felt("overlay-status-path", "The path of status is the classic mistake.", "kling-elements-std/{task-id}",
          Text(_OVERLAY, "      /v1/ai/image-to-video/kling-elements/{task-id}:\n",
               "      /v1/ai/image-to-video/kling-elements-std/{task-id}:\n")),
    _felt("overlay-created-forgotten", "The status CREATED is misspelt.", "CREATED",
          Text(_OVERLAY, "    update: CREATED\n", "    update: CREATE\n")),
    _felt("overlay-generated-renamed", "The addresses of the result stand under another name.", "generated",
          Text(_OVERLAY, "      generated:\n        type: array\n", "      outputs:\n        type: array\n")),
    _felt("overlay-no-image-allowed", "A create without an image is allowed.", "minItems",
          Text(_OVERLAY, "      minItems: 1\n", "      minItems: 0\n")),
    _felt("overlay-second-key-renamed", "The second host's key header has another name.", "x-magnific-key",
          Text(_OVERLAY, "        name: x-magnific-api-key\n", "        name: x-magnific-key\n")),
    _felt("overlay-operation-renamed", "An operation has another name, and so have the client's functions.", "operationId",
          Text(_OVERLAY, "      operationId: createKlingElementsProTask\n", "      operationId: makeKlingElementsProTask\n")),
)  # fmt: skip

_DOCUMENTS: Final = (
    _felt("document-type-changed", "In the document, the rate limit is a text.", "type",
          Text(_DOCUMENT, "        type: integer\n        minimum: 0\n", "        type: number\n        minimum: 0\n")),
    _felt("document-enum-widened", "In the document, a third duration is allowed.", "'15'",
          Text(_DOCUMENT, "            - '10'\n", "            - '10'\n            - '15'\n")),
    _felt("document-path-edited", "In the document, a path is edited by hand.", "kling-elements-std",
          Text(_DOCUMENT, "  /v1/ai/image-to-video/kling-elements-std:\n", "  /v1/ai/image-to-video/kling-elements-standard:\n")),
    _felt("document-security-gone", "In the document, an operation needs no second key any more.", "magnificApiKey",
          Text(_DOCUMENT, "      security:\n        - apiKey: []\n        - magnificApiKey: []\n", "      security:\n        - apiKey: []\n")),
    _felt("document-answer-gone", "In the document, an error answer is gone.", "402",
          Text(_DOCUMENT, "        '402':\n          $ref: '#/components/responses/InsufficientCredits'\n", "")),
    _felt("document-hidden-null", "In the document, a field of answers may no longer be null.", "null",
          Text(_DOCUMENT, "          nullable: true\n", "")),
)  # fmt: skip

_GENERATED: Final = (
    _unfelt("generated-url-edited", "A path in the generated client is edited by hand.",
            Text(_CLIENT + "api/image_to_video/create_kling_elements_std_task.py", "kling-elements-std", "kling-elements-pro")),
    _unfelt("generated-model-edited", "A field of a generated model is edited by hand.",
            Text(_CLIENT + "models/task.py", '"task_id"', '"taskId"')),
    _unfelt("generated-file-gone", "A generated module is gone.",
            Removed(_CLIENT + "api/image_to_video/get_kling_elements_task.py")),
    _unfelt("generated-comment", "A comment was added to the generated client.",
            Text(_CLIENT + "client.py", "import ssl", "# by hand\nimport ssl")),
)  # fmt: skip

MUTANTS: Final = (*_PAGES, *_OVERLAYS, *_DOCUMENTS, *_GENERATED)
