"""Merges the services' OpenAPI documents into one: pure, and the same whichever service answered first.

Components of the same name and the same meaning stay one; where two services mean different things by a name, each gets
its own, named after its service. The same meaning is more than the same text: two equal schemas that refer to a name on
which the services differ are different too.
"""

import copy
from collections.abc import Iterator, Mapping
from typing import Any, Final

__all__ = ["BEARER", "merge"]

Document = dict[str, Any]

BEARER: Final[Document] = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "登录后获得的 access_token / the access_token that signing in returns",
}
_PREFIX: Final = "#/components/"
_METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_OPENAPI: Final = "3.1.0"

# A component's place: its section and its name, as in `#/components/<section>/<name>`.
Place = tuple[str, str]


def merge(documents: Mapping[str, Document], *, info: Document, owners: Mapping[str, str]) -> Document:
    """Merge the services' documents.

    Args:
        documents: by service.
        info: the info object of the result.
        owners: which service the first segment after /v1 belongs to; a path of another's is left out.
    """
    ordered = {service: documents[service] for service in sorted(documents)}
    different = _different(ordered)
    repeated = _repeated_operation_ids(ordered)
    paths: Document = {}
    components: dict[str, Document] = {}
    tags: list[Document] = []
    for service, document in ordered.items():
        renamed = _renamed(copy.deepcopy(document), service, different)
        own = {
            path: _labelled(item, service, repeated)
            for path, item in renamed.get("paths", {}).items()
            if _owner(path, owners) == service
        }
        paths |= own
        for section, named in renamed.get("components", {}).items():
            components.setdefault(section, {}).update(named)
        tags += _tags(service, renamed, own)
    components.setdefault("securitySchemes", {})["bearer"] = BEARER
    return {
        "openapi": _OPENAPI,
        "info": info,
        "servers": [{"url": "/"}],
        "tags": tags,
        # Signed in or not: some paths are public, and each operation says what it asks for.
        "security": [{"bearer": []}, {}],
        "paths": dict(sorted(paths.items())),
        "components": {section: dict(sorted(named.items())) for section, named in sorted(components.items())},
    }


def _owner(path: str, owners: Mapping[str, str]) -> str | None:
    parts = path.split("/")
    return owners.get(parts[2]) if len(parts) > 2 and parts[1] == "v1" else None  # noqa: PLR2004 - "", "v1", segment


def _components(document: Document) -> Iterator[tuple[Place, Any]]:
    for section, named in document.get("components", {}).items():
        for name, component in named.items():
            yield (section, name), component


def _references(value: object) -> Iterator[Place]:
    """Yield every place that is referred to, by $ref or by a discriminator's mapping."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)
    elif isinstance(value, str) and value.startswith(_PREFIX):
        section, _, name = value.removeprefix(_PREFIX).partition("/")
        yield section, name


def _different(documents: Mapping[str, Document]) -> frozenset[Place]:
    """Return the places by which two services mean different things."""
    meanings: dict[Place, list[Any]] = {}
    for document in documents.values():
        for place, component in _components(document):
            meanings.setdefault(place, []).append(component)
    several = {place: found for place, found in meanings.items() if len(found) > 1}
    different = {place for place, found in several.items() if any(one != found[0] for one in found)}
    while True:
        more = {
            place
            for place, found in several.items()
            if place not in different and any(inner in different for inner in _references(found[0]))
        }
        if not more:
            return frozenset(different)
        different |= more


def _own_name(service: str, name: str) -> str:
    return f"{service.capitalize()}{name}"


def _renamed(value: Any, service: str, different: frozenset[Place]) -> Any:  # noqa: ANN401 - any JSON value
    """Give a service's document its own names where it needs them, in definitions and references."""
    if isinstance(value, list):
        return [_renamed(inner, service, different) for inner in value]
    if isinstance(value, str) and value.startswith(_PREFIX):
        section, _, name = value.removeprefix(_PREFIX).partition("/")
        return f"{_PREFIX}{section}/{_own_name(service, name)}" if (section, name) in different else value
    if not isinstance(value, dict):
        return value
    result = {key: _renamed(inner, service, different) for key, inner in value.items()}
    if isinstance(result.get("components"), dict):
        result["components"] = {
            section: {
                (_own_name(service, name) if (section, name) in different else name): component
                for name, component in named.items()
            }
            for section, named in result["components"].items()
        }
    return result


def _operations(item: Document) -> Iterator[Document]:
    for method in _METHODS:
        if isinstance(item.get(method), dict):
            yield item[method]


def _repeated_operation_ids(documents: Mapping[str, Document]) -> frozenset[str]:
    seen: set[str] = set()
    repeated: set[str] = set()
    for document in documents.values():
        ids = {
            operation["operationId"]
            for item in document.get("paths", {}).values()
            for operation in _operations(item)
            if "operationId" in operation
        }
        repeated |= seen & ids
        seen |= ids
    return frozenset(repeated)


def _tag(service: str, name: str | None) -> str:
    return f"{service}: {name}" if name else service


def _labelled(item: Document, service: str, repeated: frozenset[str]) -> Document:
    for operation in _operations(item):
        operation["tags"] = [_tag(service, name) for name in operation.get("tags", [None])[:1]]
        if operation.get("operationId") in repeated:
            operation["operationId"] = f"{service}_{operation['operationId']}"
    return item


def _tags(service: str, document: Document, paths: Document) -> list[Document]:
    """Return the tags that the service's operations carry, as the service describes them."""
    described = {_tag(service, tag["name"]): tag for tag in document.get("tags", [])}
    used = {name: None for item in paths.values() for operation in _operations(item) for name in operation["tags"]}
    return [{**described.get(name, {}), "name": name} for name in used]
