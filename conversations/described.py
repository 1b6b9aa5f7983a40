"""How an endpoint that reads its own body and query is described in OpenAPI.

The framework describes only parameters that it reads itself, and it reads them too early (see `conversations.wire`).
"""

from typing import Any

from pydantic import BaseModel

_REF = "#/components/schemas/{model}"
_bodies: dict[str, type[BaseModel]] = {}


def described(
    *, body: type[BaseModel] | None = None, query: type[BaseModel] | None = None, **extra: Any
) -> dict[str, Any]:
    """The `openapi_extra` of an endpoint that calls `read_body(request, body)` and `read_query(request, query)`."""
    details: dict[str, Any] = dict(extra)
    if body is not None:
        describe_body(body)
        details["requestBody"] = {
            "required": bool(body.model_json_schema().get("required")),
            "content": {"application/json": {"schema": {"$ref": _REF.format(model=body.__name__)}}},
        }
    if query is not None:
        schema = query.model_json_schema()
        details["parameters"] = [
            {
                "in": "query",
                "name": name,
                "required": name in schema.get("required", ()),
                "schema": _without_null(prop),
                **({"description": prop["description"]} if "description" in prop else {}),
            }
            for name, prop in schema["properties"].items()
        ]
    return details


def describe_body(model: type[BaseModel]) -> None:
    """Put `model` among the shapes that the description names."""
    _bodies[model.__name__] = model


def component_schemas() -> dict[str, Any]:
    """The schemas that the described bodies refer to."""
    schemas: dict[str, Any] = {}
    for name, model in _bodies.items():
        schema = model.model_json_schema(ref_template=_REF)
        schemas.update(schema.pop("$defs", {}))
        schemas[name] = schema
    for schema in schemas.values():
        for name, prop in schema["properties"].items():
            if name.endswith("_id") or name == "answer_to":
                # A text for the reader, so that what is no id is refused as a foreign one is.
                text = next(kind for kind in [prop, *prop.get("anyOf", ())] if kind.get("type") == "string")
                text["format"] = "uuid"
    return schemas


def _without_null(prop: dict[str, Any]) -> dict[str, Any]:
    """A query parameter is there or not; it cannot be null."""
    kinds = [kind for kind in prop.get("anyOf", ()) if kind != {"type": "null"}]
    plain = kinds[0] if len(kinds) == 1 else {key: value for key, value in prop.items() if key != "default"}
    if prop.get("default") is not None:
        plain = {**plain, "default": prop["default"]}
    return {key: value for key, value in plain.items() if key not in ("title", "description")}
