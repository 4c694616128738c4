"""An OPC UA server with one pump, told by lines of JSON what to write: `opcua_server.py <url> <namespaces before>`.

A process of its own, so that it stops as servers do, and what it leaves pending is not left in the tests' process.
"""

import asyncio
import json
import sys
from datetime import datetime

from asyncua import Server, ua

URI = "http://example.org/plant"


async def main(url: str, namespaces: int) -> None:
    server = Server()
    await server.init()
    server.set_endpoint(url)
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    for number in range(namespaces):
        await server.register_namespace(f"http://example.org/other{number}")
    index = await server.register_namespace(URI)
    pump = await server.nodes.objects.add_object(ua.NodeId("P1", index), "P1")
    flow = await pump.add_variable(ua.NodeId("P1.flow", index), "flow", 1.0)
    async with server:
        print("ready", flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            value, at, status = json.loads(line)
            variant = ua.Variant(value, ua.VariantType.Double)
            await flow.write_value(ua.DataValue(variant, ua.StatusCode(status), datetime.fromisoformat(at)))
            print("written", flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
