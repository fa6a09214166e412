# Generated from spec/openapi.yaml by openapi-python-client. Do not edit: change spec/ and `make regenerate`.
"""Contains all the data models used in inputs/outputs"""

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
