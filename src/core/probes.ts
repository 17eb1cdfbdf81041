// What the doctor needs of the world. Adapters implement these; none of them throws on what it finds, and none tells a
// secret.

/** No whole answer came: no connection, or not in time. */
export type NoAnswer = { kind: 'none' };

/** The discovery document as far as the doctor judges it (RFC 8414, 2). */
export type DiscoveryDocument = {
  kind: 'document';
  issuer: string;
  authorizationEndpoint: string;
  tokenEndpoint: string;
  /** Every endpoint that there is, those two included, by its name in the document. */
  endpoints: Record<string, string>;
  /** Empty when the document names none. */
  challengeMethods: string[];
  secretInBody: boolean;
  /** How far the provider's clock is ahead of ours, to a second or two; null when its answer had no `Date`. */
  secondsAhead: number | null;
};

/** `unusable`: an answer, and not a discovery document. */
export type DiscoveryAnswer = NoAnswer | { kind: 'unusable'; status: number } | DiscoveryDocument;

/** `error`: the RFC 6749, 5.2 code; null when the answer has none. */
export type TokenAnswer = NoAnswer | { kind: 'answered'; status: number; error: string | null };

/** What an error page blames, when it says so in words that we know. */
export type Blame = 'redirect_uri' | 'scopes' | 'client' | 'pkce';

/** Where an authorize request ends for somebody who does not sign in. `unclear`: on neither of the two pages. */
export type AuthorizeAnswer =
  | NoAnswer
  | { kind: 'sign_in' }
  | { kind: 'error_page'; errorId: string | null; blame: Blame | null }
  | { kind: 'unclear' };

/** Visma Connect from outside. Each verb is one request, with its redirects. */
export type ProviderProbe = {
  discover(): Promise<DiscoveryAnswer>;
  /** Sends the client's credentials to the document's token endpoint, with a code that nobody issued. */
  redeemMadeUpCode(document: DiscoveryDocument): Promise<TokenAnswer>;
  authorize(document: DiscoveryDocument): Promise<AuthorizeAnswer>;
};

/** Dinero's list of organizations, asked for without a token. */
export type AccountingProbe = { ask(): Promise<NoAnswer | { kind: 'answered'; status: number }> };

/**
 * `none`: a database server's business. `shared`: a file system of which it depends whether its locks and its order of writes hold. `refused` keys: something
 * stored does not open with them.
 */
export type DatabaseFacts = {
  fileSystem: 'local' | 'shared' | 'network' | 'unknown' | 'none';
  state:
    | { kind: 'absent'; folderWritable: boolean }
    | { kind: 'empty' }
    | { kind: 'not_migrated' }
    | { kind: 'full' }
    | { kind: 'unusable'; reason: string }
    | { kind: 'usable'; foreignOwner: string | null };
  keys: 'open' | 'refused' | 'untried';
};

export type DatabaseProbe = { look(): Promise<DatabaseFacts> };

/** A page request as it came through the proxies that are trusted. `protocol`: http or https; `host` with its port. */
export type SeenRequest = { protocol: string; host: string };

/**
 * The public address. `seen`: what the app's last page request showed. `ours` and `elsewhere`: what a request to it
 * from here met. `unseen`: nobody has opened a page yet.
 */
export type AddressFacts =
  | ({ kind: 'seen' } & SeenRequest)
  | { kind: 'ours' }
  | { kind: 'elsewhere'; status: number }
  | { kind: 'unseen' }
  | NoAnswer;

export type AddressProbe = { look(): Promise<AddressFacts> };
