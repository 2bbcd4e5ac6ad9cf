"""LiteLLM's proxy and Portkey's gateway, each with one worker, no database and no log, towards the same model server."""

from __future__ import annotations

from tests.benchmarks.rivals import environments
from tests.benchmarks.servers import HOST, Processes, Server, free_port

START_SECONDS = 120.0

LITELLM_CONFIGURATION = """model_list:
  - model_name: bench
    litellm_params:
      model: openai/bench
      api_base: http://{host}:{port}/v1
      api_key: unused
litellm_settings:
  telemetry: false
  callbacks: []
general_settings:
  disable_spend_logs: true
"""

LITELLM_ENVIRONMENT = {
    "LITELLM_LOG": "ERROR",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_TELEMETRY": "False",
    "DATABASE_URL": "",
    "LITELLM_MASTER_KEY": "",
    "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
}


async def start_litellm(processes: Processes, model: Server) -> Server:
    """The proxy as its documentation starts it, without a key check: the cheapest way it can run."""
    program, version = environments.litellm()
    configuration = processes.folder / "litellm.yaml"
    configuration.write_text(LITELLM_CONFIGURATION.format(host=HOST, port=model.port))
    port = free_port()
    options = ["--config", str(configuration), "--host", HOST, "--port", str(port), "--num_workers", "1"]
    process = processes.start("litellm", [str(program), *options], LITELLM_ENVIRONMENT)
    pid = await processes.listening("litellm", process, port, START_SECONDS)
    return Server("LiteLLM proxy", version, port, pid)


async def start_portkey(processes: Processes, model: Server) -> Server:
    """The gateway headless; the provider and the model server's address travel in each call's headers."""
    script, version = environments.portkey()
    port = free_port()
    process = processes.start("portkey", ["node", str(script), f"--port={port}", "--headless"], {"NODE_ENV": "production"})
    pid = await processes.listening("portkey", process, port, START_SECONDS)
    headers = {
        "Authorization": "Bearer unused",
        "x-portkey-provider": "openai",
        "x-portkey-custom-host": f"http://{HOST}:{model.port}/v1",
    }
    return Server("Portkey gateway", version, port, pid, headers=headers)
