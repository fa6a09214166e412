"""Violations of the document and of what is generated from it, each in a copy of the repository."""

# ruff: noqa: E501 - a table

from typing import Final

from contract_tests.violations.violation import Violation, edited

_PAGE: Final = "spec/upstream/post-kling-elements-std.md"
_OVERLAY: Final = "spec/overlay.yaml"
_DOCUMENT: Final = "spec/openapi.yaml"
_CLIENT: Final = "generated/kling_elements_api/"


def _felt(name: str, description: str, file: str, old: str, new: str, *more: str) -> Violation:
    """A change that callers feel: regeneration and the diff must both notice."""
    needed = more or ("test_nothing_has_drifted", "test_the_committed_document_says")
    return Violation("document", name, description, edited(file, old, new), needed)


def _unfelt(name: str, description: str, file: str, old: str, new: str) -> Violation:
    """A change of the generated client alone: regeneration must notice."""
    return _felt(name, description, _CLIENT + file, old, new, "test_nothing_has_drifted")


VIOLATIONS: Final = (
    _felt("page-field-renamed", "On the page, a field of create's body has another name.", _PAGE,
          "              negative_prompt:\n                allOf:", "              negative_text:\n                allOf:"),
    _felt("page-limit-lowered", "On the page, prompts are shorter.", _PAGE, "maxLength: 2500", "maxLength: 2000"),
    _felt("page-enum-widened", "On the page, a task may have another status.", _PAGE,
          "            - FAILED\n", "            - FAILED\n            - CANCELLED\n"),
    _felt("page-default-changed", "On the page, the default aspect ratio is another one.", _PAGE,
          "default: widescreen_16_9", "default: social_story_9_16"),
    _felt("page-key-header-renamed", "On the page, the key's header has another name.", _PAGE,
          "x-freepik-api-key", "x-other-api-key"),
    _felt("overlay-status-path", "The path of status is the classic mistake.", _OVERLAY,
          "      /v1/ai/image-to-video/kling-elements/{task-id}:\n",
          "      /v1/ai/image-to-video/kling-elements-std/{task-id}:\n"),
    _felt("overlay-created-forgotten", "The status CREATED is misspelt.", _OVERLAY,
          "    update: CREATED\n", "    update: CREATE\n"),
    _felt("overlay-no-image-allowed", "A create without an image is allowed.", _OVERLAY,
          "      minItems: 1\n", "      minItems: 0\n"),
    _felt("document-path-edited", "In the document, a path is edited by hand.", _DOCUMENT,
          "  /v1/ai/image-to-video/kling-elements-std:\n", "  /v1/ai/image-to-video/kling-elements-standard:\n"),
    _felt("document-answer-gone", "In the document, an error answer is gone.", _DOCUMENT,
          "        '402':\n          $ref: '#/components/responses/InsufficientCredits'\n", ""),
    _unfelt("generated-model-edited", "A field of a generated model is edited by hand.",
            "models/task.py", '"task_id"', '"taskId"'),
    _unfelt("generated-comment", "A comment was added to the generated client.",
            "client.py", "import ssl", "# by hand\nimport ssl"),
)  # fmt: skip
