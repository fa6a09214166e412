"""The suite is of any document, whatever its security schemes and kinds of bodies."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

from contract_tests.schema.server_itself import small
from contract_tests.support.contract import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def test_another_document_has_its_servers_held_to_it(tmp_path: Path) -> None:
    """A right server passes; faults at keys and bodies that the own document does not have are found."""
    document = tmp_path / "small.json"
    document.write_text(json.dumps(small.DOCUMENT))
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", small.__name__], cwd=ROOT, check=True, timeout=600,
        env={**os.environ, "CONTRACT_DOCUMENT": str(document), "CONTRACT_WAIT": "3"},
        capture_output=True, text=True,
    )  # fmt: skip
    right, wrong = done.stdout.split("== Wrong")
    assert re.search(r"^\d{3} passed, \d+ skipped in", right, re.MULTILINE), done.stdout
    assert set(re.findall(r"^FAILED .*::test_(\w+)\[\w+ /(\w+)\]", wrong, re.MULTILINE)) >= {
        ("nobody_gets_in_without_a_good_key", "vault"),
        ("nobody_gets_in_without_a_good_key", "profile"),
        ("a_body_that_breaks_the_schema_is_refused_by_name", "forms"),
        ("a_body_that_breaks_the_schema_is_refused_by_name", "files"),
    }, done.stdout
