// The command line of the MCP Inspector: one run for each step. The credential stands in a
// configuration file that the Inspector reads, in the folder that it is given as its home.
'use strict';

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const steps = require('./steps.cjs');

const packed = steps.manifest('@modelcontextprotocol/inspector');
const program = path.join(path.dirname(packed), require(packed).bin['mcp-inspector']);
const home = process.env.HOME;
const config = path.join(home, 'mcp.json');

steps.run('@modelcontextprotocol/inspector', (step) => {
    const server = { type: 'streamable-http', url: step.url, headers: step.headers ?? {} };
    fs.writeFileSync(config, JSON.stringify({ mcpServers: { server } }), { mode: 0o600 });
    const wanted = step.call
        ? ['--method', 'tools/call', '--tool-name', step.call, '--tool-args-json', JSON.stringify(step.arguments ?? {})]
        : ['--method', 'tools/list'];
    const run = spawnSync(process.execPath, [
        program, '--cli', '--config', config, '--server', 'server', '--protocol-era', step.mode,
        // Without a terminal it cannot log anybody in, and says only that.
        '--stored-auth-only', '--quiet', '--format', 'json', ...wanted,
    ], { encoding: 'utf8', timeout: 30_000, input: '' });
    if (run.status !== 0) return { error: run.stderr.trim() || `ended with ${run.status}` };
    const { result } = JSON.parse(run.stdout);
    return step.call
        ? { result: result.structuredContent, failed: result.isError ?? false }
        : { tools: result.tools.map((tool) => tool.name) };
});
