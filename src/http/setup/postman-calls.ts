// The requests of the Postman collection: Dinero's first ones, and all of this app's API. In Postman's spelling, with
// `:name` for what varies in a path.

/** `query`: a parameter without a value is shown, and not sent. `body` is sent as JSON. */
export type PostmanCall = {
  name: string;
  description: string;
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  query?: Record<string, string>;
  body?: object;
  /** What `:path` stands for at first. */
  rest?: string;
};

/** Below `https://api.dinero.dk`: what facts and the vendor's tutorial know of it. */
export const dineroCalls: PostmanCall[] = [
  {
    name: 'List organizations',
    description: 'The companies of whoever signed in. Without `fields` Dinero gives little more than their names.',
    method: 'GET',
    path: '/v1/organizations',
  },
  {
    name: 'List organizations with id and Pro',
    description:
      'What a choice needs: put the `id` of one with `isPro: true` into the variable `organizationId`. Integrations work for companies with Dinero Pro alone.',
    method: 'GET',
    path: '/v1/organizations',
    query: { fields: 'name,id,isPro' },
  },
  {
    name: 'List organizations, fields in another case',
    description: 'Dinero answers with the keys as you wrote them. Read them in any case.',
    method: 'GET',
    path: '/v1/organizations',
    query: { fields: 'Name,Id,IsPro' },
  },
  {
    name: 'List accounting years',
    description:
      'The cheapest read of a company: it shows that the connection works. Without Dinero Pro it is answered 403.',
    method: 'GET',
    path: '/v1/:organizationId/accountingyears',
  },
  {
    name: 'List contacts',
    description:
      'A page of contacts: pages count from 0 and hold 1,000 at most. `Pagination` in the answer says how many there are.',
    method: 'GET',
    path: '/v1/:organizationId/contacts',
    query: { fields: 'Name,ContactGuid,Email', page: '0', pageSize: '10' },
  },
  {
    name: 'List invoices',
    description: 'A page of invoices. The sandbox of this app has none and answers 404.',
    method: 'GET',
    path: '/v1/:organizationId/invoices',
    query: { page: '0', pageSize: '10' },
  },
];

const connection = '/users/:userId/connections/dinero';
const asForReading = 'Needs the scope `tokens`. As for reading.';
/** Nothing answers to it: who sends a change says first what is to be changed. */
const toBeCompleted = 'v1/{organizationId}/…';

/**
 * Every operation of `docs/openapi.yaml`, once, below `/api/v1`. Names and descriptions are the document's own; a test
 * compares. What ends something is last.
 */
export const apiCalls: PostmanCall[] = [
  {
    name: 'Make a one-time link for a user',
    description:
      "Needs the scope `links`. Send the user's browser to `url`. The first browser that goes on from there acts for this user; the link does nothing in another one. Looking at the link does not use it up.",
    method: 'POST',
    path: '/users/:userId/links',
    body: { language: 'en', expiresInSeconds: 3600 },
  },
  {
    name: "See a user's connection",
    description: 'Needs the scope `connections`. A connection that was ended is shown as `disconnected`.',
    method: 'GET',
    path: connection,
  },
  {
    name: 'Get an access token that works',
    description:
      'Needs the scope `tokens`. The token lives at least `minTtlSeconds` longer; it is refreshed when it must be, once, however many ask. Ask for one before each piece of work rather than keeping it.',
    method: 'POST',
    path: `${connection}/token`,
    body: { minTtlSeconds: 300 },
  },
  {
    name: "List the user's companies, fresh from Dinero",
    description: 'Needs the scope `connections`. Companies without Dinero Pro are listed, and cannot be chosen.',
    method: 'GET',
    path: `${connection}/organizations`,
  },
  {
    name: 'Choose the company for a user',
    description:
      "Needs the scope `connections`. The company has to be one of the user's own, with Dinero Pro, at this moment.",
    method: 'PUT',
    path: `${connection}/organization`,
    body: { organizationId: '{{organizationId}}' },
  },
  {
    name: 'See what happened to a connection',
    description: 'Needs the scope `connections`. Newest first; kept for 400 days.',
    method: 'GET',
    path: `${connection}/events`,
    query: { cursor: '', limit: '10' },
  },
  {
    name: 'List all connections',
    description: 'Needs the scope `connections`. By user id; ended ones are listed, too.',
    method: 'GET',
    path: '/connections',
    query: { status: 'connected', cursor: '', limit: '50' },
  },
  {
    name: 'Read something in Dinero',
    description:
      'Needs the scope `tokens`. Whatever Dinero has at that address, any method: the request goes to Dinero with a token that works, and its answer comes back as it is, whatever its status. A company is asked at most 100 times in a minute: then a request waits in a queue (`dinero-connect-queued-milliseconds` says how long it did), and when that would take too long it is answered 429, with `Retry-After`.',
    method: 'GET',
    path: `${connection}/proxy/:path`,
    rest: 'v1/{organizationId}/contacts',
  },
  {
    name: 'Create something in Dinero',
    description: asForReading,
    method: 'POST',
    path: `${connection}/proxy/:path`,
    rest: 'v1/{organizationId}/contacts',
    body: { Name: 'Café Kanel ApS', CountryKey: 'DK', IsPerson: false },
  },
  {
    name: 'Change something in Dinero',
    description: asForReading,
    method: 'PUT',
    path: `${connection}/proxy/:path`,
    rest: toBeCompleted,
    body: {},
  },
  {
    name: 'Change part of something in Dinero',
    description: asForReading,
    method: 'PATCH',
    path: `${connection}/proxy/:path`,
    rest: toBeCompleted,
    body: {},
  },
  {
    name: 'Delete something in Dinero',
    description: asForReading,
    method: 'DELETE',
    path: `${connection}/proxy/:path`,
    rest: toBeCompleted,
  },
  {
    name: "End a user's connection",
    description:
      "Needs the scope `connections`. We forget the access at once and have Visma Connect revoke it. The user's bookkeeping is not changed.",
    method: 'DELETE',
    path: connection,
  },
];
