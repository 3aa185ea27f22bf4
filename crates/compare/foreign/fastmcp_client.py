"""FastMCP as a client. Reads steps from standard input, prints what its user sees."""

from fastmcp import Client
from fastmcp.client.auth import ClientCredentialsOAuthProvider
from fastmcp.client.transports import StreamableHttpTransport

import steps


async def take(step):
    url = step["url"]
    oauth = step.get("oauth")
    transport = StreamableHttpTransport(
        url,
        headers=step.get("headers"),
        auth=ClientCredentialsOAuthProvider(**oauth) if oauth else None,
    )
    async with Client(transport, mode=step["mode"], timeout=20) as client:
        if tool := step.get("call"):
            result = await client.call_tool(tool, step.get("arguments", {}))
            seen = {"result": result.structured_content, "failed": result.is_error}
        else:
            seen = {"tools": [tool.name for tool in await client.list_tools()]}
        return {"version": client.protocol_version, **seen}


steps.run("fastmcp", take)
