"""FastMCP as a peer of our servers: the same questions, asked of a server that others wrote.

Set up as its documentation shows for a server that verifies tokens of somebody else's: an `auth`
for the server, and scopes for the tools that need one. Reads what it is to accept from standard
input, and prints the port that it listens on.
"""

import datetime
import json
import socket
import sys

import uvicorn
from fastmcp import FastMCP
from fastmcp.server.auth import require_scopes
from fastmcp.server.auth.providers.jwt import JWTVerifier, StaticTokenVerifier
from fastmcp.server.dependencies import get_access_token

accepted = json.load(sys.stdin)
if "static" in accepted:
    auth = StaticTokenVerifier(**accepted["static"])
else:
    auth = JWTVerifier(**accepted["jwt"])
server = FastMCP("peer", auth=auth)

BALANCES = {"bob": -200, "alice": 180}


@server.tool
def get_time(zone: str = "UTC") -> dict:
    """The time."""
    return {"time": datetime.datetime.now(datetime.UTC).isoformat(), "zone": zone}


@server.tool(auth=require_scopes("payments:read"))
def get_account_balance() -> dict:
    """The caller's balance."""
    return {"balance": BALANCES[get_access_token().claims["sub"]]}


@server.tool(auth=require_scopes("shopping:remove"))
def remove_shopping_item() -> dict:
    """Removes something."""
    return {"removed": True}


# Known before anybody asks. Named as TCP, as uvicorn's own are, or asyncio would leave Nagle's
# algorithm on, and every answer would take 40 ms longer.
listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
listener.bind(("127.0.0.1", 0))
listener.listen(128)
print(listener.getsockname()[1], flush=True)
app = server.http_app(path="/mcp")
uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])
