"""Files on their way in: as a form or as the body, up to the limit, whole or not at all."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
import uvicorn
from httpx import AsyncClient

from app.auth import Scope
from app.settings import Settings
from tests.api.conftest import problem
from tests.api.sending import Send, sender
from tests.conftest import Work, client_of
from tests.postgres.live import linux_only, root_only, small_disk

pytestmark = pytest.mark.one_server

SALES = b"order_id,sku_id,sold_at,quantity,unit_price\nA-1,S-1,2026-06-01,1,100\n"
LIMIT = 2**20
FORM = {"Content-Type": "multipart/form-data; boundary=frontier"}


def form(content: bytes, name: str = "sales.csv", field: str = "file") -> bytes:
    head = (
        f'--frontier\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n\r\n'
    )
    return head.encode() + content + b"\r\n--frontier--\r\n"


def stored(settings: Settings) -> list[bytes]:
    return [file.read_bytes() for file in settings.uploads.glob("*")]


@pytest.fixture
def send(client: AsyncClient, work: Work) -> Send:
    return sender(client, work)


@pytest.mark.parametrize("content", [SALES, b"\x00\xff\r\n--frontie" * 60_000])
async def test_a_form_and_a_body_bring_the_same_bytes(client, settings, content):
    for body, headers in ((content, {}), (form(content), FORM)):
        answer = await client.post("/imports/sales", content=body, headers=headers)
        assert answer.status_code == 202
        assert answer.headers["location"] == f"/jobs/{answer.json()['job_id']}"
    assert stored(settings) == [content, content]


async def test_the_files_name_is_kept_as_far_as_it_is_harmless(client):
    kept = {
        "売上 2026-06 (2).csv": "売上 2026-06 (2).csv",
        "../../etc/passwd": ".._.._etc_passwd",
        'a\x00\nb;"': "a__b__",
        "x" * 300 + ".csv": "x" * 96 + ".csv",
    }
    for sent, known in kept.items():
        answer = await client.post("/imports/sales", content=SALES, params={"file_name": sent})
        found = (await client.get(f"/imports/{answer.json()['import_id']}")).json()
        assert found["file_name"] == known


async def test_a_form_names_its_file_itself(client):
    for encoding in ("utf-8", "cp932"):
        body = form(SALES, "6").replace(b'"6"', '"6月.csv"'.encode(encoding))
        answer = await client.post("/imports/sales", content=body, headers=FORM)
        found = (await client.get(f"/imports/{answer.json()['import_id']}")).json()
        assert found["file_name"] == "6月.csv"
        assert found["summary"] is None


NO_FILE = {
    "empty body": (b"", {}, "the file is empty"),
    "empty file in a form": (form(b""), FORM, "the file is empty"),
    "another field": (form(SALES, field="data"), FORM, "no file in its field 'file'"),
    "text instead of a file": (
        form(SALES).replace(b'; filename="sales.csv"', b""),
        FORM,
        "no file in its field 'file'",
    ),
    "cut off": (form(SALES)[:-20], FORM, "the form ends before its file does"),
    "no form": (SALES, FORM, "the form cannot be read"),
    "no boundary": (form(SALES), {"Content-Type": "multipart/form-data"}, "names no boundary"),
    "long boundary": (
        form(SALES),
        {"Content-Type": f"multipart/form-data; boundary={'x' * 500}"},
        "the form cannot be read",
    ),
    "two files": (form(SALES)[:-4] + form(SALES)[10:], FORM, "more than one file"),
}


async def test_a_request_without_one_file_is_refused(client, settings):
    for name, (body, headers, said) in NO_FILE.items():
        answer = await client.post("/imports/sales", content=body, headers=headers)
        assert said in problem(answer, 422, "wrong-upload")["detail"], name
        assert stored(settings) == []


async def test_a_form_may_have_other_fields(client, settings):
    more = b'--frontier\r\nContent-Disposition: form-data; name="note"\r\n\r\nx\r\n'
    answer = await client.post("/imports/sales", content=more + form(SALES), headers=FORM)
    assert answer.status_code == 202
    assert stored(settings) == [SALES]


async def in_chunks(content: bytes) -> AsyncIterator[bytes]:
    """A body whose length nobody has declared."""
    for start in range(0, len(content), 100_000):
        yield content[start : start + 100_000]


@pytest.mark.parametrize("is_declared", [True, False])
@pytest.mark.parametrize("is_form", [True, False])
async def test_the_limit_holds_to_the_byte(client, settings, is_declared, is_form):
    headers = FORM if is_form else {}
    most = form(b"") if is_form else b""
    most = form(b"x" * (LIMIT - len(most))) if is_form else b"x" * LIMIT
    assert len(most) == LIMIT
    for body, status in ((most, 202), (most + b"\n", 413)):
        content = body if is_declared else in_chunks(body)
        answer = await client.post("/imports/sales", content=content, headers=headers)
        assert answer.status_code == status, answer.text
    assert "larger than 1 MB" in problem(answer, 413, "upload-too-large")["detail"]
    assert len(stored(settings)) == 1


async def test_two_uploads_at_once_stay_apart(send, client, work, settings):
    both = asyncio.Barrier(2)

    async def slowly(number: int) -> AsyncIterator[bytes]:
        yield SALES.partition(b"\n")[0]
        for line in range(3):
            await both.wait()
            yield f"\nU{number}-{line},S-{number},2026-06-01,1,100".encode()

    answers = await asyncio.gather(
        *(client.post("/imports/sales", content=slowly(number)) for number in (1, 2))
    )
    assert {answer.status_code for answer in answers} == {202}
    assert sorted(file.count(b"S-1") for file in stored(settings)) == [0, 3]
    await work()
    for answer in answers:
        found = (await client.get(f"/imports/{answer.json()['import_id']}")).json()
        assert (found["summary"]["read"], found["summary"]["new"]) == (3, 3)


@pytest.mark.parametrize("headers", [{}, FORM])
async def test_a_client_that_goes_away_midway_leaves_no_file(client, settings, headers):
    messages = [
        {"type": "http.request", "body": form(b"x" * 2**19)[: 2**18], "more_body": True},
        {"type": "http.disconnect"},
    ]
    seen = []

    async def receive() -> dict:
        seen.append(len(stored(settings)))
        return messages.pop(0)

    async def answer(message: dict) -> None:
        raise AssertionError(f"nobody is there to be answered: {message}")

    known = {**client.headers, **headers, "content-length": str(2**19)}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/imports/sales",
        "raw_path": b"/imports/sales",
        "query_string": b"",
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in known.items()],
        "client": ("127.0.0.1", 1),
        "server": ("zaiko", 80),
    }
    await client.app(scope, receive, answer)
    assert messages == []
    assert stored(settings) == []
    assert headers or max(seen) == 1  # there was something to be left


@pytest.fixture
async def address(client: AsyncClient) -> AsyncIterator[tuple[str, int]]:
    """Where a real server of the service listens."""
    config = uvicorn.Config(client.app, port=0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    running = asyncio.ensure_future(server.serve())
    async with asyncio.timeout(30):
        while not server.started:
            await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()
    server.should_exit = True
    await running


async def test_two_gigabytes_announced_are_refused_before_the_first_byte(client, address, settings):
    reader, writer = await asyncio.open_connection(*address)
    head = [
        "POST /imports/sales HTTP/1.1",
        "Host: zaiko",
        f"X-API-Key: {client.headers['X-API-Key']}",
        f"Content-Length: {2 * 2**30}",
    ]
    writer.write("\r\n".join([*head, "", ""]).encode())
    async with asyncio.timeout(30):
        answer = await reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert b"content-type: application/problem+json" in answer.lower()
        body = json.loads(await reader.readuntil(b"}"))
    assert body["type"] == "/problems/upload-too-large"
    assert body["detail"] == (
        "the upload is larger than 1 MB; split it, gzip it, or raise ZAIKO_UPLOAD_LIMIT_MB"
    )
    assert stored(settings) == []
    writer.close()
    await writer.wait_closed()


async def test_an_unknown_kind_is_told_which_there_are(client, settings):
    found = problem(await client.post("/imports/orders", content=SALES), 422, "invalid-request")
    for kind in ("sales", "stock", "products"):
        assert kind in found["detail"]
    assert stored(settings) == []


async def test_an_unknown_profile_is_told_which_there_are(client, settings):
    path = "/imports/sales?mapping=shopify"
    found = problem(await client.post(path, content=SALES), 422, "unknown-profile")
    known = "online_retail_ii, shopify_orders"
    assert found["detail"] == f"mapping 'shopify' is not known for sales; known: {known}"
    path = "/imports/stock?mapping=online_retail_ii"
    found = problem(await client.post(path, content=SALES), 422, "unknown-profile")
    assert found["detail"].endswith("yahoo_quantity, shopify_inventory")
    problem(
        await client.post("/imports/sales?encoding=latin-1", content=SALES), 422, "invalid-request"
    )
    assert stored(settings) == []


async def test_without_the_scope_nothing_is_taken_in(database, settings):
    client = await client_of(database, settings, [Scope.INVENTORY_READ])
    problem(await client.post("/imports/sales", content=SALES), 403, "missing-scope")
    assert stored(settings) == []
    await client.aclose()


async def test_the_example_of_the_document_can_be_sent_as_it_stands(client, send):
    document = client.app.openapi()["paths"]["/imports/{kind}"]["post"]
    example = document["requestBody"]["content"]["text/csv"]["example"]
    sent = await send("sales", example, encoding="utf-8", mapping="")
    assert sent.job["status"] == "succeeded"
    assert sent.counts == {"new": 1}


@root_only
@linux_only
async def test_a_full_disk_keeps_nothing_and_is_called_full(client, settings, tmp_path):
    settings.uploads.parent.mkdir(parents=True, exist_ok=True)
    with small_disk(settings.uploads, "200k"):
        for body, headers in ((SALES * 4000, {}), (form(SALES * 4000), FORM)):
            answer = await client.post("/imports/sales", content=body, headers=headers)
            assert "disk is full" in problem(answer, 507, "no-room")["detail"]
            assert stored(settings) == []
        assert (await client.post("/imports/sales", content=SALES)).status_code == 202
