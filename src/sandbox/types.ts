// The sandbox as its users see it: settings of the Developer Portal, faults, and what a test may read.
// Knows nothing of oidc-provider or Express.

/** As in the Developer Portal: refresh-token settings hold for authorizations given after the change (facts, 1). */
export type SandboxSettings = {
  refreshTokenUse: 're-use' | 'one-time';
  refreshTokenGraceSeconds: number;
  refreshTokenLifetimeSeconds: number;
  accessTokenLifetimeSeconds: number;
  pkceRequired: boolean;
  /** Dinero's quota, for each company and client. */
  dineroCallsAMinute: number;
};

export type SandboxClient = { clientId: string; clientSecret: string; redirectUris: string[] };

export type SandboxOptions = {
  /** 0 takes a free one. */
  port: number;
  client: SandboxClient;
  settings?: Partial<SandboxSettings>;
  /** Where everything issued is kept over a restart; without it, memory only. */
  stateFile?: string | null;
  /** Called for every replay that `replaysOfSpentTokens` counts, before it is answered. */
  onReplay?: (spentToken: string) => void;
};

export type SandboxOrganization = {
  id: number;
  name: string;
  type: string;
  isPro: boolean;
  isPayingPro: boolean;
  isVatFree: boolean;
  email: string | null;
  phone: string | null;
  street: string | null;
  city: string | null;
  zipCode: string | null;
  attPerson: string | null;
  isTaxFreeUnion: boolean;
  vatNumber: string | null;
};

export type SandboxPerson = {
  id: string;
  name: string;
  sub: string;
  purpose: { da: string; en: string };
  organizationIds: number[];
};

export type FaultTarget = 'discovery' | 'jwks' | 'token' | 'revocation' | 'organizations' | 'accountingyears';

/** As text, or made in the moment in which the fault strikes. */
export type HeaderValue = string | (() => string);

export type Fault =
  /** The request is processed at once, its true answer comes late. */
  | { kind: 'slow'; ms: number }
  | { kind: 'hang' }
  | { kind: 'status'; status: number; body?: string; contentType?: string; headers?: Record<string, HeaderValue> }
  | { kind: 'html' }
  | { kind: 'garbage' }
  | { kind: 'empty' }
  | { kind: 'redirect'; location: string }
  /** Half of the true body, then the socket is gone. */
  | { kind: 'cut' }
  /** The socket is gone before the request was processed. */
  | { kind: 'reset' }
  /** The request is processed (a one-time token is spent), then the socket is gone. */
  | { kind: 'answerThenReset' }
  | { kind: 'huge'; bytes: number }
  /** The true answer, a byte a second. */
  | { kind: 'drip' }
  /** The true answer of a request that succeeded, with one field spoilt; `undefined` takes the field away. */
  | { kind: 'odd'; field: string; value: unknown }
  | { kind: 'transform'; transform: (body: Record<string, unknown>) => unknown };

export type SandboxRequest = {
  method: string;
  path: string;
  headers: Record<string, string>;
  form: Record<string, string> | null;
};

export type Issued = { codes: string[]; accessTokens: string[]; refreshTokens: string[]; idTokens: string[] };

export type Sandbox = {
  /** The issuer, and Dinero's base URL. */
  origin: string;
  settings: SandboxSettings;
  issued: Issued;
  requests: SandboxRequest[];
  count(method: string, path: string): number;
  /** Spent one-time tokens that were sent again outside their grace period. */
  replaysOfSpentTokens(): number;
  faults: { set(target: FaultTarget, fault: Fault, times?: number): void; clear(): void };
  /** `null` takes the company away from everybody. */
  changeOrganization(id: number, change: Partial<SandboxOrganization> | null): void;
  revokeAuthorizations(personId: string): Promise<void>;
  signIdToken(claims: Record<string, unknown>, header?: Record<string, unknown>): Promise<string>;
  reset(): void;
  close(): Promise<void>;
};
