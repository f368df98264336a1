"""Ask a service that holds the sample everything its document gives an example of.

Every example must succeed as it stands; what was answered is cut short and becomes the example
answers of the document. By hand, on a data folder that nobody needs any more, for it writes too:

    python -m tests.sample_answers http://127.0.0.1:8000 zk_…
"""

import json
import sys
from typing import Any

import httpx

from app.main import create_app
from app.openapi import ANSWERS
from app.settings import Settings

KEPT_WHOLE = {"reasons", "data_flags", "target_segments", "interval", "lift_interval"}
METHODS = ("get", "put", "post")  # in this order: what reads is asked before what writes


def example(parameter: dict[str, Any]) -> Any:
    if "example" in parameter:
        return parameter["example"]
    return next(iter(parameter["examples"].values()))["value"]


def request(path: str, operation: dict[str, Any]) -> dict[str, Any]:
    """The request that the examples of an operation make, as Swagger UI would send it."""
    given: dict[str, Any] = {"params": {}, "headers": {}}
    for parameter in operation.get("parameters", []):
        if not {"example", "examples"} & parameter.keys():
            continue
        value = example(parameter)
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", str(value))
        elif value != "":
            kind = "params" if parameter["in"] == "query" else "headers"
            given[kind][parameter["name"]] = str(value)
    for media_type, media in operation.get("requestBody", {}).get("content", {}).items():
        if "example" in media:
            body = media["example"]
            given["content"] = body if isinstance(body, str) else json.dumps(body)
            given["headers"]["Content-Type"] = media_type
    return {"url": path, **given}


def requests(path: str, operation: dict[str, Any]) -> list[dict[str, Any]]:
    """The request that the examples make, once in every format that the operation answers in."""
    formats = [
        parameter["schema"]["enum"]
        for parameter in operation.get("parameters", [])
        if parameter["name"] == "format"
    ]
    asked = request(path, operation)
    return [
        {**asked, "params": asked["params"] | {"format": name}}
        for names in formats
        for name in names
    ] or [asked]


def short(value: Any, name: str = "") -> Any:
    """The value with its lists cut to two entries."""
    if isinstance(value, dict):
        return {key: short(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [short(inner) for inner in (value if name in KEPT_WHOLE else value[:2])]
    return value


def main(url: str, key: str) -> int:
    document = create_app("postgresql://nowhere/none", Settings()).openapi()
    answers: dict[str, dict[str, Any]] = {}
    failed = []
    with httpx.Client(base_url=url, headers={"X-API-Key": key}, timeout=60) as client:
        for method in METHODS:
            for path, item in document["paths"].items():
                if method not in item:
                    continue
                name = item[method]["operationId"]
                for asked in requests(path, item[method]):
                    answer = client.request(method, **asked)
                    sys.stdout.write(f"{answer.status_code} {method} {answer.url}\n")
                    if not answer.is_success:
                        failed.append(f"{name}: {answer.text}")
                        continue
                    kind = answer.headers["Content-Type"].partition(";")[0]
                    answers.setdefault(name, {})[kind] = shown(answer, kind)
    if failed:
        sys.stdout.write("\n".join(failed) + "\n")
        return 1
    ANSWERS.write_text(json.dumps(answers, ensure_ascii=False, indent=1, sort_keys=True) + "\n")
    return 0


def shown(answer: httpx.Response, kind: str) -> Any:
    if kind == "application/json":
        return short(answer.json())
    return "".join(answer.content.decode("utf-8-sig").splitlines(keepends=True)[:3])


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
