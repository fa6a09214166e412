"""A document of any size in the shape of the vendor's whole one."""

from __future__ import annotations

import sys
from typing import Any

import yaml

_SCHEMAS = "#/components/schemas/"


def _answer(schema: str, example: str | None = None) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": {"$ref": _SCHEMAS + schema}}
    if example:
        content["examples"] = {f"success - {example}": {"$ref": f"#/components/examples/{example}"}}
    return {"description": "OK", "content": {"application/json": content}}


def _errors() -> dict[str, Any]:
    problem = {
        "schema": {"$ref": _SCHEMAS + "error_400_problem"},
        "examples": {"flat": {"value": {"message": "no", "invalid_params": []}}},
    }
    bad = {"application/json": {"schema": {"$ref": _SCHEMAS + "error"}}, "application/problem+json": problem}
    return {
        "400": {"description": "Bad Request", "content": bad},
        **{status: _answer("error") for status in ("401", "500", "503")},
    }


def _model(name: str) -> dict[str, Any]:
    task_id = {
        "name": "task-id",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "format": "uuid"},
    }
    ignored = {"name": "Content-Type", "in": "header", "required": True, "schema": {"type": "string"}}
    body = {"schema": {"$ref": f"{_SCHEMAS}{name}-request"}}
    body["examples"] = {"all": {"$ref": f"#/components/examples/request-{name}"}}  # type: ignore[dict-item]
    link = {"status": {"operationRef": f"#/paths/~1v1~1ai~1{name}~1{{task-id}}/get"}}
    create: dict[str, Any] = {
        "tags": ["ai"],
        "parameters": [ignored],
        "requestBody": {"required": True, "content": {"application/json": body}},
        "responses": {"200": {**_answer("task_response", "200-task"), "links": link}, **_errors()},
    }
    listed = {"tags": ["ai"], "operationId": f"get_all_{name}_tasks"}
    return {
        f"/v1/ai/{name}": {
            "post": create,
            "get": {**listed, "responses": {"200": _answer("tasks_response", "200-tasks"), **_errors()}},
        },
        f"/v1/ai/{name}/{{task-id}}": {
            "get": {
                "tags": ["ai"],
                "parameters": [task_id],
                "responses": {"200": _answer("detail_response"), **_errors()},
            }
        },
    }


def _request(number: int) -> dict[str, Any]:
    colors = {"title": "color", "type": "string", "enum": ["red", "blue"], "default": "red"}
    shape = {
        "oneOf": [{"$ref": _SCHEMAS + "square"}, {"$ref": _SCHEMAS + "circle"}],
        "discriminator": {
            "propertyName": "kind",
            "mapping": {"square": _SCHEMAS + "square", "circle": "circle"},
        },
    }
    return {
        "type": "object",
        "required": ["prompt"],
        "properties": {
            "prompt": {
                "type": "string",
                "maxLength": 2500,
                "description": f"What model {number} shall draw.",
            },
            "image": {"type": "string", "format": "byte"},
            "seed": {"type": "integer", "minimum": 1, "nullable": True},
            "strength": {"type": "number", "default": 50, "maximum": 100},
            "color": colors,
            "shape": shape,
            "webhook_url": {"type": "string", "format": "uri"},
        },
    }


def document(models: int = 129) -> dict[str, Any]:
    """Make a document of three operations a model, and one more: 129 models make 388."""
    names = [f"model-{number}" for number in range(models)]
    task = {"task_id": "046b6c7f-0b8a-43b9-b35d-6489e6daee91", "status": "CREATED"}

    def wrapped(schema: dict[str, Any]) -> dict[str, Any]:
        return {"type": "object", "required": ["data"], "properties": {"data": schema}}

    def shape(kind: str) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["kind"],
            "properties": {"kind": {"type": "string", "enum": [kind]}},
        }

    status = {"type": "string", "enum": ["CREATED", "IN_PROGRESS", "COMPLETED", "FAILED"]}
    properties = {"task_id": {"type": "string", "format": "uuid"}, "status": status}
    params = {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}}}}
    paths: dict[str, Any] = {path: item for name in names for path, item in _model(name).items()}
    paths["/v1/resources"] = {"get": {"tags": ["stock"], "responses": {"200": _answer("tasks_response")}}}
    return {
        "openapi": "3.0.0",
        "info": {"title": "Freepik API", "version": "1.0.0"},
        "servers": [{"url": "https://api.freepik.com", "description": "B2B API Production V1"}],
        "security": [{"apiKey": []}],
        "paths": paths,
        "components": {
            "schemas": {
                "task": {"type": "object", "required": list(properties), "properties": properties},
                "task_response": wrapped({"$ref": _SCHEMAS + "task"}),
                "tasks_response": wrapped({"type": "array", "items": {"$ref": _SCHEMAS + "task"}}),
                "detail": {
                    "allOf": [
                        {"$ref": _SCHEMAS + "task"},
                        {
                            "type": "object",
                            "properties": {"generated": {"type": "array", "items": {"type": "string"}}},
                        },
                    ]
                },
                "detail_response": wrapped({"$ref": _SCHEMAS + "detail"}),
                "error": {"type": "object", "properties": {"message": {"type": "string"}}},
                "error_400_problem": {
                    "type": "object",
                    "properties": {
                        "problem": {
                            "type": "object",
                            "required": ["message"],
                            "properties": {"message": {"type": "string"}, "invalid_params": params},
                        }
                    },
                },
                "square": shape("square"),
                "circle": shape("circle"),
                **{f"{name}-request": _request(number) for number, name in enumerate(names)},
            },
            "examples": {
                "200-task": {"value": {"data": task}},
                "200-tasks": {"value": {"data": [task]}},
                **{f"request-{name}": {"value": {"prompt": f"A {name}"}} for name in names},
            },
            "securitySchemes": {
                "apiKey": {"type": "apiKey", "in": "header", "name": "x-freepik-api-key"},
                "bearerAuth": {"type": "http", "scheme": "bearer"},
            },
        },
    }


if __name__ == "__main__":
    sys.stdout.write(yaml.safe_dump(document(*map(int, sys.argv[1:])), sort_keys=False))
