// The sentences of the front page, in both languages. What each fault is and what to make of it is said in English alone.

import type { Language } from './languages.ts';

const english = {
  title: 'A sandbox Visma Connect and Dinero',
  lead: 'Invented people and companies for trying Dinero Connect out. Nothing here reaches Visma or Dinero.',
  tokenCalls: 'Token calls so far',
  replays: 'Replays of spent tokens',
  origin: 'Issuer and Dinero API',
  clientId: 'Client id',
  redirectUris: 'Redirect URIs',
  registered: 'Registered applications',
  portal: 'Developer Portal: register an application of your own',
  debugger: 'Debugger: what does an error id mean?',
  scenarios: 'Scenarios',
  scenariosLead:
    'What commonly happens to an integration. One is on at a time, until you go back to normal; then no fault waits either. What was revoked stays so: reconnect.',
  normal: 'No scenario is on.',
  active: (title: string) => `Scenario on: ${title}`,
  isOn: 'On now',
  end: 'Back to normal',
  start: (title: string) => `Start: ${title}`,
  page: 'The person sees',
  api: 'The API answers',
  webhook: 'The webhook',
  noWebhook: 'None.',
  faults: 'Faults',
  people: 'People',
  peopleLead:
    'A revoked authorization shows at the next refresh: your app should say that the connection has to be renewed, and offer to reconnect.',
  given: (count: number) => (count === 1 ? 'Has given 1 authorization.' : `Has given ${count} authorizations.`),
  revoke: (name: string) => `Revoke what ${name} authorized`,
  settings: 'Settings',
  settingsLead:
    'As in the Developer Portal, for the built-in client; registered applications have their own. Refresh-token settings hold for authorizations given from now on. Your app has to be told the same. With one-time tokens it should never send a spent one after the grace period: that ends the whole authorization, and counts as a replay above.',
  refreshTokenUse: 'Refresh tokens',
  refreshTokenGraceSeconds: 'Grace for a spent one-time token, seconds',
  refreshTokenLifetimeSeconds: 'Refresh token lives, seconds',
  accessTokenLifetimeSeconds: 'Access token lives, seconds (every client)',
  dineroCallsAMinute: 'Dinero’s quota, calls a minute (every client)',
  pkceRequired: 'PKCE required',
  answers: { no: 'no', yes: 'yes' },
  save: 'Save settings',
};

const danish: typeof english = {
  title: 'Et testmiljø for Visma Connect og Dinero',
  lead: 'Opdigtede personer og virksomheder til at prøve Dinero Connect af med. Intet herfra når Visma eller Dinero.',
  tokenCalls: 'Token-kald indtil nu',
  replays: 'Genbrug af brugte tokens',
  origin: 'Issuer og Dineros API',
  clientId: 'Client id',
  redirectUris: 'Redirect URI’er',
  registered: 'Registrerede applikationer',
  portal: 'Developer Portal: registrér din egen applikation',
  debugger: 'Debugger: hvad betyder et fejl-id?',
  scenarios: 'Scenarier',
  scenariosLead:
    'Det, der tit sker for en integration. Ét er i gang ad gangen, til du går tilbage til normalen; så venter der heller ingen fejl. Det, der er tilbagekaldt, forbliver det: forbind igen.',
  normal: 'Intet scenarie er i gang.',
  active: (title) => `Scenarie i gang: ${title}`,
  isOn: 'I gang nu',
  end: 'Tilbage til normalen',
  start: (title) => `Start: ${title}`,
  page: 'Personen ser',
  api: 'API’et svarer',
  webhook: 'Webhook',
  noWebhook: 'Ingen.',
  faults: 'Fejl',
  people: 'Personer',
  peopleLead:
    'En tilbagekaldt autorisation viser sig ved næste fornyelse: din app bør sige, at forbindelsen skal fornyes, og tilbyde at forbinde igen.',
  given: (count) => (count === 1 ? 'Har givet 1 autorisation.' : `Har givet ${count} autorisationer.`),
  revoke: (name) => `Tilbagekald det, ${name} har givet adgang til`,
  settings: 'Indstillinger',
  settingsLead:
    'Som i Developer Portal, for den indbyggede klient; registrerede applikationer har deres egne. Indstillinger for refresh tokens gælder autorisationer, der gives fra nu af. Din app skal have det samme at vide. Med one-time tokens bør den aldrig sende et brugt efter grace-perioden: det afslutter hele autorisationen og tæller som genbrug ovenfor.',
  refreshTokenUse: 'Refresh tokens',
  refreshTokenGraceSeconds: 'Grace-periode for et brugt one-time token, sekunder',
  refreshTokenLifetimeSeconds: 'Refresh token lever, sekunder',
  accessTokenLifetimeSeconds: 'Access token lever, sekunder (alle klienter)',
  dineroCallsAMinute: 'Dineros kvote, kald i minuttet (alle klienter)',
  pkceRequired: 'PKCE påkrævet',
  answers: { no: 'nej', yes: 'ja' },
  save: 'Gem indstillinger',
};

export const frontPageTexts: Record<Language, typeof english> = { da: danish, en: english };
