// What the suite starts when it tests a client: it turns the suite's way of handing over
// credentials, a JSON document in the environment, into that of jwt-client, which does the rest.
// The suite appends the server's URL.
import { spawnSync } from "node:child_process";

const context = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? "{}");
const environment = {
  ...process.env,
  MCP_URL: process.argv.at(-1),
  MCP_CLIENT_ID: context.client_id ?? "",
  MCP_CLIENT_SECRET: context.client_secret ?? "",
  // 0.1.16 says nothing, and speaks this one.
  MCP_PROTOCOL: process.env.MCP_CONFORMANCE_PROTOCOL_VERSION ?? "2025-11-25",
};
const client = spawnSync(process.env.JWT_CLIENT, ["--discover", "call", "test-tool"], {
  env: environment,
  stdio: "inherit",
});
if (client.error) throw client.error;
process.exit(client.status ?? 1);
