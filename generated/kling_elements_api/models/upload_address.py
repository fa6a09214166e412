# Generated from spec/openapi.yaml by openapi-python-client. Do not edit: change spec/ and `make regenerate`.
from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.upload_address_upload_headers import UploadAddressUploadHeaders


T = TypeVar("T", bound="UploadAddress")


@_attrs_define
class UploadAddress:
    file_id: str
    upload_url: str
    """ A signed address. The file's bytes are put here (HTTP PUT), with exactly the headers of `headers` and
    without the API key. """
    headers: UploadAddressUploadHeaders
    """ The headers that were signed. """
    expires_in: int
    """ Seconds for which `upload_url` is good. """
    asset_url: str
    """ The address of the image once its bytes were put; it goes into `images`. """
    asset_url_expires_in: int
    """ Seconds for which `asset_url` is good. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        file_id = self.file_id

        upload_url = self.upload_url

        headers = self.headers.to_dict()

        expires_in = self.expires_in

        asset_url = self.asset_url

        asset_url_expires_in = self.asset_url_expires_in

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "file_id": file_id,
                "upload_url": upload_url,
                "headers": headers,
                "expires_in": expires_in,
                "asset_url": asset_url,
                "asset_url_expires_in": asset_url_expires_in,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.upload_address_upload_headers import UploadAddressUploadHeaders  # noqa: PLC0415

        d = dict(src_dict)
        file_id = d.pop("file_id")

        upload_url = d.pop("upload_url")

        headers = UploadAddressUploadHeaders.from_dict(d.pop("headers"))

        expires_in = d.pop("expires_in")

        asset_url = d.pop("asset_url")

        asset_url_expires_in = d.pop("asset_url_expires_in")

        upload_address = cls(
            file_id=file_id,
            upload_url=upload_url,
            headers=headers,
            expires_in=expires_in,
            asset_url=asset_url,
            asset_url_expires_in=asset_url_expires_in,
        )

        upload_address.additional_properties = d
        return upload_address

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
