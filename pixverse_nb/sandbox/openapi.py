"""The API as an OpenAPI 3.1 document, made from the routes, their fields and the models."""

import re
from collections.abc import Mapping
from typing import Any, Final

from pixverse_nb.sandbox.models import MODELS, SWITCHES, VideoModel
from pixverse_nb.sandbox.requests import IMAGE_TYPES, OPERATIONS, OTHER_TYPES, RequestField
from pixverse_nb.sandbox.routes import ROUTES, ApiRoute

Schema = dict[str, Any]

_TEXT: Final[Schema] = {"type": "string"}
_INTEGER: Final[Schema] = {"type": "integer"}
_FLAG: Final[Schema] = {"type": "boolean"}
_DESCRIPTION: Final = (
    "Numbers and booleans may be sent as text; an empty text is a missing field. A path may end with a slash. The : and"
    " @ of a video_id must not be percent-encoded. Faults that a test has armed are not described."
)


def _object(optional: Schema | None = None, **required: Schema) -> Schema:
    return {"type": "object", "required": [*required], "properties": {**required, **(optional or {})}}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


_SCHEDULED: Final[Schema] = {
    **_object({"replyUrl": _TEXT, "replyRef": _TEXT}, started=_TEXT, elapsed=_TEXT),
    "anyOf": [_object(video_id=_TEXT), _object(videoId=_TEXT), _object(id=_TEXT, type=_TEXT)],
}
_SCHEMAS: Final[dict[str, Schema]] = {
    "Error": _object(error=_TEXT, code=_INTEGER),
    "Created": _object({"video_id": _TEXT, "quote": _FLAG, "cost_credits": _INTEGER}),
    "Image": _object(id=_INTEGER, url=_TEXT, path=_TEXT, size=_INTEGER, err_msg=_TEXT),
    "Account": _object(email=_TEXT, maxJobs=_INTEGER, jwt={"type": "object"}, password=_TEXT),
    "Slots": _object(email=_TEXT, maxJobs=_INTEGER, executing=_INTEGER, available=_INTEGER),
    "Scheduled": _SCHEDULED,
    "Video": _object(
        video_id=_TEXT,
        video_status={"enum": [1, 5, 7, 8, 9, 10]},
        video_status_name=_TEXT,
        video_status_final=_FLAG,
        created_at={"type": "string", "format": "date-time"},
        model=_TEXT,
        prompt=_TEXT,
        quality=_TEXT,
        duration=_INTEGER,
        aspect_ratio=_TEXT,
        seed=_INTEGER,
        output_width=_INTEGER,
        output_height=_INTEGER,
        url=_TEXT,
        off_peak={"enum": [0, 1]},
    ),
}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


# The body of a success by route name. Those of OPERATIONS answer with Created.
_ANSWERS: Final[dict[str, Schema | None]] = {
    "files": {"anyOf": [_object(result=_list(_ref("Image"))), _object(path=_TEXT, url=_TEXT)]},
    "videos": _object(data=_list(_ref("Video"))),
    "video": _ref("Video"),
    "video-delete": _object(video_id=_TEXT),
    "restyles": _object(data=_list(_object(restyle_id=_INTEGER, restyle_name=_TEXT))),
    "voices": _object(data=_list(_object(speaker_id=_TEXT, name=_TEXT))),
    "effects": _object(data=_list({"type": "object"})),
    "scheduler": _list(_ref("Scheduled")),
    "scheduler-available": _object(executing=_list(_ref("Scheduled")), available=_list(_ref("Slots"))),
    "scheduler-delete": _ref("Scheduled"),
    "features": _object(plan_name=_TEXT, credit_monthly=_INTEGER, gen_simultaneously=_INTEGER, qualities=_list(_TEXT)),
    "accounts": {"type": "object", "additionalProperties": _ref("Account")},
    "account": _ref("Account"),
    "account-post": _ref("Account"),
    "account-delete": None,
}
_STATUS: Final = {"account-post": 201, "account-delete": 204}  # of a success, if it is not 200


def describe_api(base_url: str) -> Schema:
    """Return the OpenAPI document of a sandbox whose API is at `base_url`."""
    paths: dict[str, Schema] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "PixVerse sandbox", "version": "2", "description": _DESCRIPTION},
        "servers": [{"url": base_url}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {**_SCHEMAS, **{route.name: _body(route) for route in ROUTES if route.body}},
        },
    }


def _operation(route: ApiRoute) -> Schema:
    answer = _ref("Created") if route.name in OPERATIONS else _ANSWERS[route.name]
    success = {"description": "Success", **({"content": _json(answer)} if answer is not None else {})}
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": _TEXT} for name in re.findall(r"{(\w+)}", route.path)
    ]
    in_query = [{"name": field.name, "in": "query", "schema": _schema(field)} for field in route.query]
    described: Schema = {
        "operationId": route.name,
        "description": route.description,
        "parameters": in_path + in_query,
        "responses": {
            str(_STATUS.get(route.name, 200)): success,
            "4XX": {"description": "Refused", "content": _json(_ref("Error"))},
        },
    }
    if route.name == "files":
        binary = {"schema": {"type": "string", "format": "binary"}}
        described["requestBody"] = {"required": True, "content": dict.fromkeys(IMAGE_TYPES | OTHER_TYPES, binary)}
    elif route.body:
        content = {**_json(_ref(route.name)), "multipart/form-data": {"schema": _ref(route.name)}}
        described["requestBody"] = {"required": True, "content": content}
    return described


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}


def _body(route: ApiRoute) -> Schema:
    fields = {field.name: field for field in route.body}
    body: Schema = {
        "type": "object",
        "required": [name for name, field in fields.items() if field.required],
        "properties": {name: _schema(field) for name, field in fields.items()},
    }
    operation = OPERATIONS.get(route.name)
    if operation is None:
        return body
    needed = operation.needs_one_of
    if operation.needs_prompt_or_input:
        needed = ("prompt", *(one.name for one in operation.inputs))
    if needed:
        body["anyOf"] = [{"required": [name]} for name in needed]
    if "model" in fields:
        models = [model for model in MODELS.values() if route.name in model.routes]
        body["oneOf"] = [_variant(model, fields) for model in models]
    return body


def _variant(model: VideoModel, fields: Mapping[str, RequestField]) -> Schema:
    """Return what the fields may be with `model`. A field whose default it does not take is required."""
    properties: Schema = {
        "model": {"const": model.name},
        "duration": {"enum": list(model.seconds)},
        "quality": {"enum": list(model.qualities)},
        "aspect_ratio": {"enum": list(model.ratios)},
        **{name: False for name in SWITCHES if name not in model.switches},
        **({} if model.has_seed else {"seed": False}),
    }
    taken = {name: schema for name, schema in properties.items() if name in fields}
    required = [] if fields["model"].default == model.name else ["model"]
    if "duration" in fields and fields["duration"].default not in model.seconds:
        required.append("duration")
    return {"properties": taken, "required": required}


def _schema(field: RequestField) -> Schema:
    default = {"default": field.default} if field.default not in (None, "") else {}
    return {**field.schema, **default}
