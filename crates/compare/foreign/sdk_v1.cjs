// The TypeScript SDK, v1. Reads steps from standard input, prints what its user sees.
'use strict';

const { Client } = require('@modelcontextprotocol/sdk/client/index.js');
const { StreamableHTTPClientTransport } = require('@modelcontextprotocol/sdk/client/streamableHttp.js');
const { ClientCredentialsProvider } = require('@modelcontextprotocol/sdk/client/auth-extensions.js');
const steps = require('./steps.cjs');

steps.run('@modelcontextprotocol/sdk', (step) => {
    const transport = new StreamableHTTPClientTransport(new URL(step.url), {
        requestInit: { headers: step.headers ?? {} },
        sessionId: step.session,
        authProvider: step.oauth && new ClientCredentialsProvider({
            clientId: step.oauth.client_id,
            clientSecret: step.oauth.client_secret,
            expectedIssuer: step.oauth.issuer,
        }),
    });
    return steps.use(new Client({ name: 'foreign', version: '1' }), transport, step);
});
