"""nginx twice: as the cheap model server every other server calls, and as the cheapest possible proxy.

The model server counts its requests (`/status`), so a proxy that answered without asking it would be seen.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

from tests.benchmarks.rivals import environments
from tests.benchmarks.servers import HOST, NotStartedError, Processes, Server, free_port

START_SECONDS = 15.0
FALLBACK = Path(__file__).with_name("model.py")

COMMON = """daemon off;
worker_processes 1;
{user}
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections 16384; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
    default_type application/json;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{inside}
}}
"""

MODEL = """    server {{
        listen {host}:{port} backlog=16384;
        location = /status {{ stub_status; }}
        location / {{ return 200 '{answer}'; }}
    }}"""

PROXY = """    upstream model {{ server {host}:{model_port}; keepalive 256; keepalive_requests 1000000000; }}
    server {{
        listen {host}:{port} backlog=16384;
        location / {{
            proxy_pass http://model;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }}
    }}"""


def model_answer(marker: str) -> str:
    """An OpenAI chat completion of about 600 bytes whose text holds the marker; no quote or dollar sign that nginx would read."""
    text = (
        f"Reference {marker}. Dear colleague, thank you for referring this patient, seen today in the outpatient clinic. "
        "The examination was unremarkable and no change of treatment is proposed. A control is planned in six months."
    )
    message = {"role": "assistant", "content": text, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    usage = {"prompt_tokens": 61, "completion_tokens": 48, "total_tokens": 109}
    head = {"id": f"chatcmpl-{marker}", "object": "chat.completion", "created": 1760000000, "model": "bench"}
    return json.dumps({**head, "choices": [choice], "usage": usage})


async def start_nginx(processes: Processes, name: str, inside: str, port: int) -> tuple[int, str]:
    """Start one nginx with this `http` content; its worker's pid and its version."""
    program, version = environments.nginx()
    folder = processes.folder / name
    folder.mkdir()
    user = "user root;" if os.geteuid() == 0 else ""
    configuration = folder / "nginx.conf"
    configuration.write_text(COMMON.format(user=user, folder=folder, inside=inside))
    command = [str(program), "-p", str(folder), "-e", "stderr", "-c", str(configuration)]
    return await processes.listening(name, processes.start(name, command), port, START_SECONDS), version


async def start_model(processes: Processes, marker: str) -> Server:
    """The model server: nginx, or a small uvloop server where nginx cannot be had."""
    port = free_port()
    try:
        inside = MODEL.format(host=HOST, port=port, answer=model_answer(marker))
        pid, version = await start_nginx(processes, "model", inside, port)
        return Server("upstream direct", f"nginx {version}", port, pid)
    except (NotStartedError, subprocess.TimeoutExpired) as error:
        print(f"  no nginx, so a small Python server is the model: {error}", file=sys.stderr)
    process = processes.start("fallback", [sys.executable, str(FALLBACK), str(port), model_answer(marker)])
    pid = await processes.listening("fallback", process, port, START_SECONDS)
    return Server("upstream direct", "uvloop", port, pid)


async def start_proxy(processes: Processes, model: Server) -> Server:
    """Nginx `proxy_pass` with kept connections."""
    port = free_port()
    pid, version = await start_nginx(processes, "nginx", PROXY.format(host=HOST, port=port, model_port=model.port), port)
    return Server("nginx proxy_pass", version, port, pid)


def requests_counted(model: Server) -> int:
    """Requests the model server has been sent since its start."""
    with urllib.request.urlopen(f"http://{HOST}:{model.port}/status", timeout=10) as answer:
        counts: str = answer.read().decode()
    return int(counts.splitlines()[2].split()[2])
