// The few sentences that the document has no place for.

import { type ApiDocument, listCalls } from './document.ts';

/** Markdown: from a key to a token. Throws when the document lost one of the operations. */
export function beginning(document: ApiDocument): string {
  const { path } = find(document, 'handOutToken');
  const address = `https://connect.example.com${document.servers[0]?.url ?? ''}${path.replace('{userId}', '42')}`;
  for (const other of ['createLink', 'getFromDinero']) find(document, other);
  return `
1. **A key**: the operator of this app makes [an API key](#keys) for your backend.
2. **A link**: your backend [makes a link](#createLink) for one of its users and sends the user's browser there. [A webhook](#onConnected) tells you when the user is connected.
3. **A token**: from then on, [get an access token](#handOutToken) before each piece of work, or let [the proxy](#getFromDinero) call Dinero for you.

\`\`\`sh
curl -X POST ${address} \\
-H "Authorization: Bearer dck_…"
\`\`\`
`;
}

function find(document: ApiDocument, operationId: string) {
  const call = listCalls(document).find(({ operation }) => operation.operationId === operationId);
  if (!call) throw new Error(`the document has no operation ${operationId}`);
  return call;
}
