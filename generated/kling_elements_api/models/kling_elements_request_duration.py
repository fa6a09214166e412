# Generated from spec/openapi.yaml by openapi-python-client. Do not edit: change spec/ and `make regenerate`.
from enum import StrEnum


class KlingElementsRequestDuration(StrEnum):
    SECONDS_10 = "10"
    SECONDS_5 = "5"

    def __str__(self) -> str:
        return str(self.value)
