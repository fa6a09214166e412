# Generated from spec/openapi.yaml by openapi-python-client. Do not edit: change spec/ and `make regenerate`.
from enum import StrEnum


class TaskStatus(StrEnum):
    COMPLETED = "COMPLETED"
    CREATED = "CREATED"
    FAILED = "FAILED"
    IN_PROGRESS = "IN_PROGRESS"

    def __str__(self) -> str:
        return str(self.value)
