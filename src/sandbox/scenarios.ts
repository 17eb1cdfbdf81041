// What commonly happens to an integration, one click each on the front page: what the sandbox does about it, and what an
// integrator should see of it through this app.

import type { ReadyFault } from './fault-groups.ts';
import type { Language } from './languages.ts';
import { READY_FAULTS } from './ready-faults.ts';

type Words = Record<Language, string>;

export type Scenario = {
  id: string;
  title: Words;
  /** What the sandbox does while it is on. */
  does: Words;
  /** What the person sees in the app. */
  page: Words;
  /** What the app's API answers. */
  api: Words;
  /** The event that the integrator's backend is told; null when it is told nothing. */
  webhook: string | null;
  /** The id of who signs in. */
  person?: string;
  faults?: ReadyFault[];
};

/** Those that do more than to set faults and to pick a person are known to the sandbox by their names. */
export type ScenarioId = (typeof SCENARIOS)[number]['id'];

const faultsNamed = (...ids: string[]) => READY_FAULTS.filter(({ id }) => ids.includes(id));

export const SCENARIOS = [
  {
    id: 'person-without-pro',
    title: { da: 'Person uden Pro', en: 'Person without Pro' },
    does: {
      da: 'Kirsten Skovgaard er valgt ved login. Hun har to virksomheder, ingen af dem med Dinero Pro.',
      en: 'Kirsten Skovgaard is picked at sign-in. She has two companies, neither of them with Dinero Pro.',
    },
    page: {
      da: '“Ingen af dine virksomheder har Dinero Pro”, hvad Dinero kræver, og “Tjek igen”.',
      en: '“None of your companies has Dinero Pro”, what Dinero needs, and “Check again”.',
    },
    api: {
      da: 'Forbindelsen er pending; et token nægtes med 409 organization_not_chosen og et reconnectUrl.',
      en: 'The connection is pending; a token is refused with 409 organization_not_chosen and a reconnectUrl.',
    },
    webhook: null,
    person: 'kirsten',
  },
  {
    id: 'person-with-300-companies',
    title: { da: 'Person med 300 virksomheder', en: 'Person with 300 companies' },
    does: {
      da: 'Revisoren Bodil Thorsen er valgt ved login.',
      en: 'Bodil Thorsen, an accountant, is picked at sign-in.',
    },
    page: {
      da: 'Vælgeren med et søgefelt. Virksomheder uden Pro kan ikke vælges.',
      en: 'The picker with a search field. Companies without Pro cannot be chosen.',
    },
    api: {
      da: 'Listen har alle 300; når en er valgt, er forbindelsen connected.',
      en: 'The list has all 300; once one is chosen, the connection is connected.',
    },
    webhook: 'connection.connected',
    person: 'bodil',
  },
  {
    id: 'cancel',
    title: { da: 'Personen annullerer', en: 'The person cancels' },
    does: {
      da: 'Hvert login kommer straks tilbage med access_denied, som når nogen trykker Annullér.',
      en: 'Every sign-in comes back at once with access_denied, as when someone presses Cancel.',
    },
    page: {
      da: '“Du gav ikke adgang”: der er ikke ændret noget, og man kan begynde igen.',
      en: '“You did not give access”: nothing was changed, and one may start again.',
    },
    api: {
      da: 'Intet nyt: 404 not_connected, eller forbindelsen, som den var.',
      en: 'Nothing new: 404 not_connected, or the connection as it was.',
    },
    webhook: null,
  },
  {
    id: 'expired-authorization',
    title: { da: 'Udløbet autorisation', en: 'Expired authorization' },
    does: {
      da: 'Alle autorisationer givet indtil nu er udløbet: Dinero afviser deres adgang med 401, Visma Connect fornyelsen med invalid_grant. Nye virker.',
      en: 'All authorizations given until now have ended: Dinero refuses their access with 401, Visma Connect the renewal with invalid_grant. New ones work.',
    },
    page: {
      da: 'Ved næste brug: forbindelsen skal fornyes, og “Forbind igen”.',
      en: 'At the next use: the connection must be renewed, and “Reconnect”.',
    },
    api: {
      da: 'Første kald til Dinero får 409 needs_reconnect med grund grant_rejected og et reconnectUrl; derefter alle.',
      en: 'The first call to Dinero gets 409 needs_reconnect with the reason grant_rejected and a reconnectUrl; then all do.',
    },
    webhook: 'connection.needs_reconnect',
  },
  {
    id: 'refresh-token-revoked',
    title: { da: 'Refresh token tilbagekaldt', en: 'Refresh token revoked' },
    does: {
      da: 'Alle autorisationer givet indtil nu er tilbagekaldt. Adgang, der er givet ud, virker til sin time er gået. Nye virker.',
      en: 'All authorizations given until now are revoked. Access that was given out works until its hour is over. New ones work.',
    },
    page: {
      da: 'Efter næste fornyelse: forbindelsen skal fornyes, og “Forbind igen”.',
      en: 'After the next refresh: the connection must be renewed, and “Reconnect”.',
    },
    api: {
      da: 'Et token med minTtlSeconds 3600 tvinger en fornyelse, når den sidste er fem minutter gammel: 409 needs_reconnect med grund grant_rejected og et reconnectUrl.',
      en: 'A token with minTtlSeconds 3600 forces a refresh once the last one is five minutes ago: 409 needs_reconnect with the reason grant_rejected and a reconnectUrl.',
    },
    webhook: 'connection.needs_reconnect',
  },
  {
    id: 'provider-down',
    title: { da: 'Visma Connect er nede', en: 'Visma Connect is down' },
    does: {
      da: 'Visma Connects endpoints svarer 500. Login-siderne bliver stående, så man kan se vejen tilbage.',
      en: 'Visma Connect’s endpoints answer 500. The sign-in pages stay up, so that the way back can be seen.',
    },
    page: {
      da: '“Vi kan ikke få fat i Visma Connect”, og man kan begynde igen. Der er ikke ændret noget.',
      en: '“We cannot reach Visma Connect”, and one may start again. Nothing was changed.',
    },
    api: {
      da: 'Et token, der stadig lever, med refreshDelayed: true; er det udløbet, 503 provider_unavailable med Retry-After.',
      en: 'A token that still lives, with refreshDelayed: true; once it has ended, 503 provider_unavailable with Retry-After.',
    },
    webhook: null,
    faults: faultsNamed('discovery:500', 'jwks:500', 'token:500', 'revocation:500'),
  },
  {
    id: 'rate-limit',
    title: { da: 'For mange kald til Dinero', en: 'Rate limit' },
    does: {
      da: 'Dineros kvote er 0 kald i minuttet: hvert kald får 429 med Retry-After og almindelig tekst.',
      en: 'Dinero’s quota is 0 calls a minute: every call gets 429 with Retry-After and plain text.',
    },
    page: {
      da: '“Vent et øjeblik”, med antallet af sekunder.',
      en: '“Wait a moment”, with the number of seconds.',
    },
    api: {
      da: 'Virksomhederne: 503 dinero_rate_limited med Retry-After. Gennem proxyen Dineros eget 429.',
      en: 'The companies: 503 dinero_rate_limited with Retry-After. Through the proxy Dinero’s own 429.',
    },
    webhook: null,
  },
  {
    id: 'wrong-secret',
    title: { da: 'Forkert secret', en: 'Wrong secret' },
    does: {
      da: 'Visma Connect svarer invalid_client, som når appens secret er forkert eller fjernet.',
      en: 'Visma Connect answers invalid_client, as when the app’s secret is wrong or was removed.',
    },
    page: {
      da: '“Det er ikke din skyld”. Fejlen er driftens og står i loggen; ingen bliver bedt om at forbinde igen.',
      en: '“This is not your fault”. The fault is the operator’s and in the log; nobody is asked to reconnect.',
    },
    api: {
      da: 'Et token, der stadig lever, med refreshDelayed: true; er det udløbet, 500 client_rejected.',
      en: 'A token that still lives, with refreshDelayed: true; once it has ended, 500 client_rejected.',
    },
    webhook: null,
    faults: faultsNamed('token:invalid_client', 'revocation:invalid_client'),
  },
  {
    id: 'unregistered-redirect-uri',
    title: { da: 'Redirect URI ikke registreret', en: 'Unregistered redirect URI' },
    does: {
      da: 'Ingen redirect URI gælder: hvert login strander på Visma Connects egen fejlside.',
      en: 'No redirect URI counts: every sign-in is stranded on Visma Connect’s own error page.',
    },
    page: {
      da: 'Visma Connects fejlside med et fejl-id; debuggeren forklarer det. Personen kommer ikke tilbage til appen.',
      en: 'Visma Connect’s error page with an error id, which the debugger explains. The person does not come back to the app.',
    },
    api: {
      da: 'Intet nyt: 404 not_connected, eller forbindelsen, som den var.',
      en: 'Nothing new: 404 not_connected, or the connection as it was.',
    },
    webhook: null,
  },
] as const satisfies readonly Scenario[];
