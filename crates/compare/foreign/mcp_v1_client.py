"""The official Python SDK, v1, as a client. Reads steps from standard input, prints what its user
sees."""

import httpx
from mcp import ClientSession
from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider
from mcp.client.streamable_http import streamable_http_client

import steps


def provider(url, oauth):
    return ClientCredentialsOAuthProvider(server_url=url, storage=steps.Memory(), **oauth)


async def take(step):
    url = step["url"]
    oauth = step.get("oauth")
    http = httpx.AsyncClient(
        headers=step.get("headers"), auth=provider(url, oauth) if oauth else None, timeout=20
    )
    async with http, streamable_http_client(url, http_client=http) as (read, write, _):
        async with ClientSession(read, write) as session:
            version = (await session.initialize()).protocolVersion
            if tool := step.get("call"):
                result = await session.call_tool(tool, step.get("arguments", {}))
                seen = {"result": result.structuredContent, "failed": result.isError}
            else:
                listed = await session.list_tools()
                seen = {"tools": [tool.name for tool in listed.tools]}
            return {"version": version, **seen}


steps.run("mcp", take)
