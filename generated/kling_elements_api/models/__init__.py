# Generated from spec/openapi.yaml by openapi-python-client. Do not edit: change spec/ and `make regenerate`.
"""Contains all the data models used in inputs/outputs"""

import typing as _typing
from importlib import import_module as _import_module

if _typing.TYPE_CHECKING:
    from .error_message import ErrorMessage
    from .internal_server_error import InternalServerError
    from .invalid_param import InvalidParam
    from .invalid_param_by_field import InvalidParamByField
    from .kling_elements_request import KlingElementsRequest
    from .kling_elements_request_aspect_ratio import KlingElementsRequestAspectRatio
    from .kling_elements_request_duration import KlingElementsRequestDuration
    from .problem import Problem
    from .service_unavailable import ServiceUnavailable
    from .task import Task
    from .task_detail import TaskDetail
    from .task_detail_response import TaskDetailResponse
    from .task_list_response import TaskListResponse
    from .task_response import TaskResponse
    from .task_status import TaskStatus
    from .upload_address import UploadAddress
    from .upload_address_upload_headers import UploadAddressUploadHeaders
    from .upload_file import UploadFile
    from .upload_file_upload_content_type import UploadFileUploadContentType
    from .upload_request import UploadRequest
    from .upload_response import UploadResponse
    from .wrapped_problem import WrappedProblem

__all__ = (
    "ErrorMessage",
    "InternalServerError",
    "InvalidParam",
    "InvalidParamByField",
    "KlingElementsRequest",
    "KlingElementsRequestAspectRatio",
    "KlingElementsRequestDuration",
    "Problem",
    "ServiceUnavailable",
    "Task",
    "TaskDetail",
    "TaskDetailResponse",
    "TaskListResponse",
    "TaskResponse",
    "TaskStatus",
    "UploadAddress",
    "UploadAddressUploadHeaders",
    "UploadFile",
    "UploadFileUploadContentType",
    "UploadRequest",
    "UploadResponse",
    "WrappedProblem",
)

_MODULES = {
    "ErrorMessage": ".error_message",
    "InternalServerError": ".internal_server_error",
    "InvalidParam": ".invalid_param",
    "InvalidParamByField": ".invalid_param_by_field",
    "KlingElementsRequest": ".kling_elements_request",
    "KlingElementsRequestAspectRatio": ".kling_elements_request_aspect_ratio",
    "KlingElementsRequestDuration": ".kling_elements_request_duration",
    "Problem": ".problem",
    "ServiceUnavailable": ".service_unavailable",
    "Task": ".task",
    "TaskDetail": ".task_detail",
    "TaskDetailResponse": ".task_detail_response",
    "TaskListResponse": ".task_list_response",
    "TaskResponse": ".task_response",
    "TaskStatus": ".task_status",
    "UploadAddress": ".upload_address",
    "UploadAddressUploadHeaders": ".upload_address_upload_headers",
    "UploadFile": ".upload_file",
    "UploadFileUploadContentType": ".upload_file_upload_content_type",
    "UploadRequest": ".upload_request",
    "UploadResponse": ".upload_response",
    "WrappedProblem": ".wrapped_problem",
}


if not _typing.TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Import a model when it is first used."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = _import_module(_MODULES[name], __name__)
        model = globals()[name] = getattr(module, name)
        return model

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
