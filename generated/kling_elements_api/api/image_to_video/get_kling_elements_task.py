# Generated from spec/openapi.yaml by openapi-python-client. Do not edit: change spec/ and `make regenerate`.
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...models.error_message import ErrorMessage
from ...models.internal_server_error import InternalServerError
from ...models.service_unavailable import ServiceUnavailable
from ...models.task_detail_response import TaskDetailResponse
from ...types import Response


def _get_kwargs(
    task_id: str,
) -> dict[str, Any]:

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/ai/image-to-video/kling-elements/{task_id}".format(
            task_id=quote(str(task_id), safe=""),
        ),
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> ErrorMessage | InternalServerError | ServiceUnavailable | TaskDetailResponse:
    if response.status_code == 200:
        response_200 = TaskDetailResponse.from_dict(response.json())

        return response_200

    if response.status_code == 400:
        response_400 = ErrorMessage.from_dict(response.json())

        return response_400

    if response.status_code == 401:
        response_401 = ErrorMessage.from_dict(response.json())

        return response_401

    if response.status_code == 403:
        response_403 = ErrorMessage.from_dict(response.json())

        return response_403

    if response.status_code == 404:
        response_404 = ErrorMessage.from_dict(response.json())

        return response_404

    if response.status_code == 429:
        response_429 = ErrorMessage.from_dict(response.json())

        return response_429

    if response.status_code == 500:
        response_500 = InternalServerError.from_dict(response.json())

        return response_500

    if response.status_code == 503:
        response_503 = ServiceUnavailable.from_dict(response.json())

        return response_503

    response_default = ErrorMessage.from_dict(response.json())

    return response_default


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[
    ErrorMessage | InternalServerError | ServiceUnavailable | TaskDetailResponse
]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    task_id: str,
    *,
    client: AuthenticatedClient,
) -> Response[
    ErrorMessage | InternalServerError | ServiceUnavailable | TaskDetailResponse
]:
    """Get the status of one Kling Elements task

     The status of one task and, when it is COMPLETED, the addresses of its result. They are signed once
    and expire 3600 s after completion.

    Args:
        task_id (str):  Example: 046b6c7f-0b8a-43b9-b35d-6489e6daee91.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorMessage | InternalServerError | ServiceUnavailable | TaskDetailResponse]
    """

    kwargs = _get_kwargs(
        task_id=task_id,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    task_id: str,
    *,
    client: AuthenticatedClient,
) -> (
    ErrorMessage | InternalServerError | ServiceUnavailable | TaskDetailResponse | None
):
    """Get the status of one Kling Elements task

     The status of one task and, when it is COMPLETED, the addresses of its result. They are signed once
    and expire 3600 s after completion.

    Args:
        task_id (str):  Example: 046b6c7f-0b8a-43b9-b35d-6489e6daee91.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorMessage | InternalServerError | ServiceUnavailable | TaskDetailResponse
    """

    return sync_detailed(
        task_id=task_id,
        client=client,
    ).parsed


async def asyncio_detailed(
    task_id: str,
    *,
    client: AuthenticatedClient,
) -> Response[
    ErrorMessage | InternalServerError | ServiceUnavailable | TaskDetailResponse
]:
    """Get the status of one Kling Elements task

     The status of one task and, when it is COMPLETED, the addresses of its result. They are signed once
    and expire 3600 s after completion.

    Args:
        task_id (str):  Example: 046b6c7f-0b8a-43b9-b35d-6489e6daee91.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorMessage | InternalServerError | ServiceUnavailable | TaskDetailResponse]
    """

    kwargs = _get_kwargs(
        task_id=task_id,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    task_id: str,
    *,
    client: AuthenticatedClient,
) -> (
    ErrorMessage | InternalServerError | ServiceUnavailable | TaskDetailResponse | None
):
    """Get the status of one Kling Elements task

     The status of one task and, when it is COMPLETED, the addresses of its result. They are signed once
    and expire 3600 s after completion.

    Args:
        task_id (str):  Example: 046b6c7f-0b8a-43b9-b35d-6489e6daee91.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorMessage | InternalServerError | ServiceUnavailable | TaskDetailResponse
    """

    return (
        await asyncio_detailed(
            task_id=task_id,
            client=client,
        )
    ).parsed
