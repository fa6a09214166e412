# Generated from spec/openapi.yaml by openapi-python-client. Do not edit: change spec/ and `make regenerate`.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.task_status import TaskStatus
from ..types import UNSET, Unset

T = TypeVar("T", bound="TaskDetail")


@_attrs_define
class TaskDetail:
    """
    Example:
        {'task_id': '046b6c7f-0b8a-43b9-b35d-6489e6daee91', 'status': 'IN_PROGRESS', 'generated': []}

    """

    task_id: UUID
    """ Task identifier """
    status: TaskStatus
    """ Task status """
    generated: list[str]
    """ Addresses of the result. Empty while the task is CREATED or IN_PROGRESS, and when it FAILED. They expire an
    hour after the task is completed. """
    error: None | str | Unset = UNSET
    """ Seldom a reason of failure; nearly always null. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        task_id = str(self.task_id)

        status = self.status.value

        generated = self.generated

        error: None | str | Unset
        if isinstance(self.error, Unset):
            error = UNSET
        else:
            error = self.error

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "task_id": task_id,
                "status": status,
                "generated": generated,
            }
        )
        if error is not UNSET:
            field_dict["error"] = error

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        task_id = UUID(d.pop("task_id"))

        status = TaskStatus(d.pop("status"))

        generated = cast(list[str], d.pop("generated"))

        def _parse_error(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        error = _parse_error(d.pop("error", UNSET))

        task_detail = cls(
            task_id=task_id,
            status=status,
            generated=generated,
            error=error,
        )

        task_detail.additional_properties = d
        return task_detail

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
