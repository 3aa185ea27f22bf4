// What the JavaScript clients have in common: steps in, one line of JSON out for each.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const util = require('node:util');

// What Node prints of an error that nobody catches, without the lines that say where.
function seenOf(error) {
    const text = util.inspect(error, { depth: 0, colors: false });
    return text.split(/\n\s+at /)[0].trim();
}

// Not every package lets its package.json be asked for.
function manifest(name) {
    const folders = module.paths.concat(process.env.NODE_PATH.split(path.delimiter));
    return folders.map((folder) => path.join(folder, name, 'package.json')).find(fs.existsSync);
}

exports.manifest = manifest;

exports.run = async (name, take) => {
    const asked = JSON.parse(fs.readFileSync(0, 'utf8'));
    const print = (value) => fs.writeSync(1, JSON.stringify(value) + '\n');
    const { version } = JSON.parse(fs.readFileSync(manifest(name)));
    print({ client: `${name} ${version}` });
    const sessions = {};
    for (const step of asked.steps) {
        let seen;
        try {
            const { session, ...rest } = await take({ ...step, session: sessions[step.resume] });
            sessions[step.step] = session;
            seen = rest;
        } catch (error) {
            seen = { error: seenOf(error), data: error.data };
        }
        print({ step: step.step, ...seen });
    }
    process.exit(0);
};

// One connection, and the one thing that the step asks for.
exports.use = async (client, transport, step) => {
    await client.connect(transport);
    const version = client.getNegotiatedProtocolVersion?.() ?? transport.protocolVersion;
    const session = transport.sessionId;
    let seen;
    if (step.call) {
        const result = await client.callTool({ name: step.call, arguments: step.arguments ?? {} });
        seen = { result: result.structuredContent, failed: result.isError ?? false };
    } else {
        const { tools } = await client.listTools();
        seen = { tools: tools.map((tool) => tool.name) };
    }
    await client.close();
    return { version, session, ...seen };
};
