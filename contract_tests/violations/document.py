"""Violations of the document and of what is generated from it, each in a copy of the repository."""

# ruff: noqa: E501 - a table

from typing import Final

from contract_tests.violations.violation import Violation, edited

_PAGE: Final = "spec/upstream/post-kling-elements-std.md"
_OVERLAY: Final = "spec/overlay.yaml"
_DOCUMENT: Final = "spec/openapi.yaml"
_CLIENT: Final = "generated/kling_elements_api/"


def _row(name: str, description: str, file: str, old: str, new: str) -> Violation:
    """Regeneration must notice the change, and the diff too, unless it is of the generated client alone."""
    felt = () if file.startswith(_CLIENT) else ("test_the_committed_document_says",)
    needed = ("test_nothing_has_drifted", *felt)
    return Violation("document", name, description, edited(file, old, new), needed)


VIOLATIONS: Final = (
    _row("page-field-renamed", "On the page, a field of create's body has another name.", _PAGE,
         "              negative_prompt:\n                allOf:", "              negative_text:\n                allOf:"),
    _row("page-limit-lowered", "On the page, prompts are shorter.", _PAGE, "maxLength: 2500", "maxLength: 2000"),
    _row("page-enum-widened", "On the page, a task may have another status.", _PAGE,
         "            - FAILED\n", "            - FAILED\n            - CANCELLED\n"),
    _row("page-default-changed", "On the page, the default aspect ratio is another one.", _PAGE,
         "default: widescreen_16_9", "default: social_story_9_16"),
    _row("page-key-header-renamed", "On the page, the key's header has another name.", _PAGE,
         "x-freepik-api-key", "x-other-api-key"),
    _row("overlay-status-path", "The path of status is the classic mistake.", _OVERLAY,
         "      /v1/ai/image-to-video/kling-elements/{task-id}:\n",
         "      /v1/ai/image-to-video/kling-elements-std/{task-id}:\n"),
    _row("overlay-created-forgotten", "The status CREATED is misspelt.", _OVERLAY,
         "    update: CREATED\n", "    update: CREATE\n"),
    _row("overlay-no-image-allowed", "A create without an image is allowed.", _OVERLAY,
         "      minItems: 1\n", "      minItems: 0\n"),
    _row("document-path-edited", "In the document, a path is edited by hand.", _DOCUMENT,
         "  /v1/ai/image-to-video/kling-elements-std:\n", "  /v1/ai/image-to-video/kling-elements-standard:\n"),
    _row("document-answer-gone", "In the document, an error answer is gone.", _DOCUMENT,
         "        '402':\n          $ref: '#/components/responses/InsufficientCredits'\n", ""),
    _row("generated-model-edited", "A field of a generated model is edited by hand.", _CLIENT + "models/task.py",
         '"task_id"', '"taskId"'),
    _row("generated-comment", "A comment was added to the generated client.", _CLIENT + "client.py",
         "import ssl", "# by hand\nimport ssl"),
)  # fmt: skip
