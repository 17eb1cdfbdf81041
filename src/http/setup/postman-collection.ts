// What Postman imports (its collection format v2.1): the authorization as the vendor's tutorial sets it up, Dinero's
// first requests, and this app's API. In English alone, like the API's page. It never sees the client secret.

import { apiCalls, dineroCalls, type PostmanCall } from './postman-calls.ts';

/** Of the configuration, what the collection shows. None of it is secret; issuer and URLs are without a slash at the end. */
export type PostmanOptions = {
  baseUrl: string;
  dineroApiUrl: string;
  provider: { issuer: string; clientId: string; scopes: string[] };
};

/** Where Postman waits for the answer of Visma Connect: the vendor's getting-started page names both. */
const callbackUrls = {
  desktop: 'https://oauth.pstmn.io/v1/callback',
  browser: 'https://oauth.pstmn.io/v1/browser-callback',
};

const gettingStarted = `The first requests to Dinero, and the whole API of Dinero Connect.

1. Register Postman's callback URL in the Developer Portal, as a redirect URI beside the app's own: \`${callbackUrls.desktop}\` for Postman on the desktop, \`${callbackUrls.browser}\` for Postman in a browser (then change the variable \`callbackUrl\`, too). Take it out before production.
2. Under *Variables*, fill in \`clientSecret\`, as the current value: Postman shares and exports the initial ones. Save.
3. Under *Authorization*, at the bottom, press *Get New Access Token*, sign in, give access, *Proceed*, *Use Token*. When Visma Connect shows an error page instead, the portal's Debugger explains its error id (*My Applications → More → Debugger*).
4. Send *List organizations with id and Pro*, and put the id of a company with Pro into \`organizationId\`.
5. For the folder *Dinero Connect*, make a key with \`npm run api-key -- create --name postman --scopes links,connections,tokens\`, fill in \`apiKey\` (as the current value, too), and \`userId\`, percent-encoded.

Postman gets tokens of its own: it does not use those that the app keeps.`;

/** A Postman collection v2.1, ready to be written as JSON. Whatever is secret is an empty variable. */
export function createPostmanCollection(options: PostmanOptions) {
  return {
    info: {
      name: 'Dinero Connect',
      description: gettingStarted,
      schema: 'https://schema.getpostman.com/json/collection/v2.1.0/collection.json',
    },
    auth: { type: 'oauth2', oauth2: describeAuthorization() },
    variable: describeVariables(options),
    item: [
      {
        name: 'Dinero',
        description: 'With the access token of the collection. A company takes 100 requests a minute.',
        item: dineroCalls.map((call) => describeCall('{{baseUrl}}', call)),
      },
      {
        name: 'Dinero Connect',
        description: 'The API of this app, with an API key. It keeps the tokens, so nobody has to sign in here.',
        auth: { type: 'bearer', bearer: [attribute('token', '{{apiKey}}')] },
        item: apiCalls.map((call) => describeCall('{{connectUrl}}/api/v1', call)),
      },
    ],
  };
}

/**
 * No `response_mode`: Postman reads the answer from the address, not from a form. No `state` either: a fixed one would
 * protect nobody, and PKCE binds the code to the request.
 */
function describeAuthorization() {
  return [
    attribute('grant_type', 'authorization_code_with_pkce'),
    attribute('challengeAlgorithm', 'S256'),
    attribute('authUrl', '{{issuer}}/connect/authorize'),
    attribute('accessTokenUrl', '{{issuer}}/connect/token'),
    attribute('redirect_uri', '{{callbackUrl}}'),
    attribute('clientId', '{{clientId}}'),
    attribute('clientSecret', '{{clientSecret}}'),
    attribute('scope', '{{scopes}}'),
    attribute('client_authentication', 'body'),
    attribute('addTokenTo', 'header'),
    attribute('headerPrefix', 'Bearer'),
    attribute('tokenName', 'Dinero'),
    { key: 'useBrowser', value: true, type: 'boolean' },
  ];
}

function attribute(key: string, value: string) {
  return { key, value, type: 'string' };
}

// The format knows no secret variables, so what is secret is empty, and says where it belongs.
function describeVariables({ baseUrl, dineroApiUrl, provider }: PostmanOptions) {
  const variable = (key: string, value: string, description: string) => ({ key, value, type: 'string', description });
  return [
    variable('clientId', provider.clientId, 'The client id from the Developer Portal.'),
    variable('clientSecret', '', 'Secret: as the current value alone. From the portal, Credentials.'),
    variable('scopes', provider.scopes.join(' '), 'The same as the app asks for.'),
    variable('callbackUrl', callbackUrls.desktop, 'Has to be registered in the portal, to the letter.'),
    variable('organizationId', '', 'The company to work with: List organizations with id and Pro tells.'),
    variable('apiKey', '', 'Secret: as the current value alone. Made with npm run api-key.'),
    variable('userId', 'customer-42', 'Your own id of a user, percent-encoded.'),
    variable('issuer', provider.issuer, 'Visma Connect, or the sandbox.'),
    variable('baseUrl', dineroApiUrl, 'Dinero, or the sandbox.'),
    variable('connectUrl', baseUrl, 'This app.'),
  ];
}

function describeCall(base: string, call: PostmanCall) {
  return {
    name: call.name,
    request: {
      method: call.method,
      description: call.description,
      header: [
        { key: 'Accept', value: 'application/json' },
        ...(call.body ? [{ key: 'Content-Type', value: 'application/json' }] : []),
      ],
      url: describeUrl(base, call),
      ...(call.body ? { body: describeBody(call.body) } : {}),
    },
    response: [],
  };
}

function describeBody(body: object) {
  return { mode: 'raw', raw: JSON.stringify(body, null, 2), options: { raw: { language: 'json' } } };
}

function describeUrl(base: string, call: PostmanCall) {
  const [host = '', ...folders] = base.split('/');
  const path = [...folders, ...call.path.split('/').slice(1)];
  const query = Object.entries(call.query ?? {}).map(([key, value]) => ({ key, value, disabled: value === '' }));
  const sent = query.filter(({ disabled }) => !disabled).map(({ key, value }) => `${key}=${value}`);
  const names = path.filter((part) => part.startsWith(':')).map((part) => part.slice(1));
  return {
    raw: `${base}${call.path}${sent.length > 0 ? `?${sent.join('&')}` : ''}`,
    host: [host],
    path,
    ...(query.length > 0 ? { query } : {}),
    ...(names.length > 0 ? { variable: names.map((name) => describePathVariable(name, call)) } : {}),
  };
}

function describePathVariable(name: string, { rest = '' }: PostmanCall) {
  if (name !== 'path') return { key: name, value: `{{${name}}}`, type: 'string' };
  const description =
    'The rest of a Dinero address. `{organizationId}`, written like this, becomes the company that the user chose.';
  return { key: name, value: rest, type: 'string', description };
}
