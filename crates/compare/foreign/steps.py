"""What the Python clients have in common: steps in, one line of JSON out for each."""

import asyncio
import importlib.metadata
import json
import sys
import traceback


class Memory:
    """Tokens for as long as one step takes."""

    tokens = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return None

    async def set_client_info(self, client_info):
        pass


def seen_of(error):
    """What a traceback ends with, class and message, and what else the error holds."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    text = "".join(traceback.format_exception_only(error)).strip()
    return {"error": text, "data": getattr(error, "data", None)}


def run(package, take):
    asked = json.load(sys.stdin)

    async def all_steps():
        print(json.dumps({"client": f"{package} {importlib.metadata.version(package)}"}), flush=True)
        for step in asked["steps"]:
            try:
                seen = await take(step)
            except BaseException as error:
                seen = seen_of(error)
            print(json.dumps({"step": step["step"], **seen}), flush=True)

    asyncio.run(all_steps())
