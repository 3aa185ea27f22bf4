// The TypeScript SDK, v2. Reads steps from standard input, prints what its user sees.
'use strict';

const { Client, ClientCredentialsProvider, StreamableHTTPClientTransport } = require('@modelcontextprotocol/client');
const steps = require('./steps.cjs');

steps.run('@modelcontextprotocol/client', (step) => {
    const transport = new StreamableHTTPClientTransport(new URL(step.url), {
        requestInit: { headers: step.headers ?? {} },
        sessionId: step.session,
        authProvider: step.oauth && new ClientCredentialsProvider({
            clientId: step.oauth.client_id,
            clientSecret: step.oauth.client_secret,
            expectedIssuer: step.oauth.issuer,
        }),
    });
    const client = new Client({ name: 'foreign', version: '1' }, { versionNegotiation: { mode: step.mode } });
    return steps.use(client, transport, step);
});
