# Generated from spec/openapi.yaml by openapi-python-client. Do not edit: change spec/ and `make regenerate`.
from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.invalid_param import InvalidParam
    from ..models.invalid_param_by_field import InvalidParamByField


T = TypeVar("T", bound="Problem")


@_attrs_define
class Problem:
    message: str
    invalid_params: list[InvalidParam | InvalidParamByField]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.invalid_param import InvalidParam  # noqa: PLC0415

        message = self.message

        invalid_params = []
        for invalid_params_item_data in self.invalid_params:
            invalid_params_item: dict[str, Any]
            if isinstance(invalid_params_item_data, InvalidParam):
                invalid_params_item = invalid_params_item_data.to_dict()
            else:
                invalid_params_item = invalid_params_item_data.to_dict()

            invalid_params.append(invalid_params_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "message": message,
                "invalid_params": invalid_params,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.invalid_param import InvalidParam  # noqa: PLC0415
        from ..models.invalid_param_by_field import InvalidParamByField  # noqa: PLC0415

        d = dict(src_dict)
        message = d.pop("message")

        invalid_params = []
        _invalid_params = d.pop("invalid_params")
        for invalid_params_item_data in _invalid_params:

            def _parse_invalid_params_item(
                data: object,
            ) -> InvalidParam | InvalidParamByField:
                try:
                    if not isinstance(data, dict):
                        raise TypeError()
                    invalid_params_item_type_0 = InvalidParam.from_dict(data)

                    return invalid_params_item_type_0
                except (TypeError, ValueError, AttributeError, KeyError):
                    pass
                if not isinstance(data, dict):
                    raise TypeError()
                invalid_params_item_type_1 = InvalidParamByField.from_dict(data)

                return invalid_params_item_type_1

            invalid_params_item = _parse_invalid_params_item(invalid_params_item_data)

            invalid_params.append(invalid_params_item)

        problem = cls(
            message=message,
            invalid_params=invalid_params,
        )

        problem.additional_properties = d
        return problem

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
