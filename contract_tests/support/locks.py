"""What another process does to a journal."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def locked(path: Path, transaction: str = "BEGIN EXCLUSIVE") -> Iterator[sqlite3.Connection]:
    """Another process's transaction that doesn't end by itself."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(transaction)
        try:
            yield connection
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
