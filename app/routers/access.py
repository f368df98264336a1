"""Who may call an operation, and with which parameters.

All of it is one dependency: on a second, FastAPI would spend as long as the hottest read on its
query.
"""

from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant

from app.auth import Caller, MissingScope, Scope, authenticate
from app.routers.parameters import invalid


def requires(scope: Scope | None = None) -> Any:
    """A dependency that answers with the caller, who must have the scope; without one, any key.

    It refuses parameters that the operation does not have, to callers with a key only.
    """

    async def check(request: Request) -> Caller:
        caller = await authenticate(request)
        if scope is not None and not caller.may(scope):
            raise MissingScope(f"this operation needs the scope {scope.value}")
        if request.scope["query_string"]:
            _expect_known_parameters(request)
        return caller

    check.__dict__["scope"] = scope
    return Depends(check)


AnyCaller = Annotated[Caller, requires()]


def _expect_known_parameters(request: Request) -> None:
    """Refuse a parameter that the operation does not have or that stands twice.

    A misspelt filter that is passed over in silence answers with what nobody asked for.
    """
    known = set(_query_parameters(request.scope["route"].dependant))
    seen: set[str] = set()
    for name, _ in request.query_params.multi_items():
        if name not in known:
            told = ", ".join(sorted(known)) or "none"
            raise invalid("query", name, why=f"is no parameter here; known: {told}")
        if name in seen:
            raise invalid("query", name, why="stands twice")
        seen.add(name)


def _query_parameters(dependant: Dependant) -> Iterator[str]:
    """Those of the operation itself, and of what it depends on."""
    yield from (field.alias for field in dependant.query_params)
    for inner in dependant.dependencies:
        yield from _query_parameters(inner)
