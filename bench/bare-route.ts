// What bench/tokens.ts compares with: Express alone, and the same JSON from memory.

import express from 'express';

const app = express();
const answer = {
  accessToken: `eyJ${'a'.repeat(1_100)}`,
  tokenType: 'Bearer',
  expiresAt: new Date(Date.now() + 3_600_000),
  organizationId: '118244',
  scope: ['dineropublicapi:read', 'dineropublicapi:write', 'offline_access'],
  generation: 1,
  refreshDelayed: false,
};
app.post('/api/v1/users/:userId/connections/dinero/token', (_request, response) => {
  response.json(answer);
});
app.listen(Number(process.env.PORT), '127.0.0.1', () => process.stdout.write('is ready\n'));
