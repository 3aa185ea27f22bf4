"""The official Python SDK, v2, as a client. Reads steps from standard input, prints what its user
sees."""

import httpx2
from mcp import Client
from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider
from mcp.client.caching import CacheConfig, InMemoryResponseCacheStore
from mcp.client.streamable_http import streamable_http_client

import steps

# A store that several users share, as a gateway keeps one.
shared = InMemoryResponseCacheStore()


def provider(url, oauth):
    return ClientCredentialsOAuthProvider(server_url=url, storage=steps.Memory(), **oauth)


async def take(step):
    url = step["url"]
    oauth = step.get("oauth")
    http = httpx2.AsyncClient(
        headers=step.get("headers"), auth=provider(url, oauth) if oauth else None, timeout=20
    )
    cache = None
    if user := step.get("shared_cache"):
        # As one configures it who trusts what the server calls public.
        cache = CacheConfig(
            store=shared, partition=user, share_public=True, target_id=url, default_ttl_ms=60_000
        )
    async with http:
        transport = streamable_http_client(url, http_client=http)
        async with Client(transport, mode=step["mode"], cache=cache) as client:
            if tool := step.get("call"):
                result = await client.call_tool(tool, step.get("arguments", {}))
                seen = {"result": result.structured_content, "failed": result.is_error}
            else:
                listed = await client.list_tools()
                seen = {"tools": [tool.name for tool in listed.tools]}
                if cache:
                    seen |= {"scope": listed.cache_scope, "ttl": listed.ttl_ms}
            return {"version": client.protocol_version, **seen}


steps.run("mcp", take)
