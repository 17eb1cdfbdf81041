// Dinero's API over ky: status → error code, unknown JSON checked, keys read in any case (facts, section 2).

import ky, { type KyInstance } from 'ky';
import { z } from 'zod';
import { ConnectError } from '../core/errors.ts';
import type { AccountingApi, Clock } from '../core/ports.ts';
import type { Organization } from '../core/types.ts';
import { createOutboundFetch, OutboundError, parseRetryAfter } from './outbound.ts';
import { type CallWatch, watchCalls } from './watched-calls.ts';

const fields = { rich: 'name,id,isPro,vatNumber,city', plain: 'name,id,isPro' };
const proMissingCodes = [90, 48];
const timeoutMilliseconds = 5_000;
const totalTimeoutMilliseconds = 9_000;
const maxBytes = 8 * 1024 * 1024;
const concurrency = 16;
const longestName = 500;

/** What a company can do without: an odd value of it must not hide the company. */
const textField = (maxLength: number) =>
  z
    .union([z.string(), z.number().transform(String)])
    .pipe(z.string().max(maxLength))
    .nullish()
    .catch(null);

const organizationSchema = z.object({
  id: z.union([z.number().int().positive(), z.string().regex(/^\d{1,19}$/)]).transform(String),
  name: textField(Number.POSITIVE_INFINITY),
  ispro: z.boolean().nullish().catch(null),
  vatnumber: textField(50),
  city: textField(200),
});
const errorSchema = z.object({ code: z.number() });

/** `baseUrl` has no trailing path; the version is part of each call's path. Redirects are refused, not followed. */
export function createDinero(
  options: { baseUrl: string },
  clock: Clock,
  watchCall: CallWatch = () => {},
): AccountingApi {
  const fetch = createOutboundFetch({ timeoutMilliseconds, maxBytes, concurrency });
  const api = ky.create({
    prefix: options.baseUrl,
    timeout: false,
    totalTimeout: totalTimeoutMilliseconds,
    throwHttpErrors: false,
    retry: { limit: 1, methods: ['get'], shouldRetry: ({ error }) => isPassing(error) },
    headers: { accept: 'application/json' },
    hooks: {
      afterResponse: [
        // Statuses do not throw here, so a retry of a failing GET has to be asked for.
        ({ response, retryCount }) =>
          response.status >= 500 && retryCount === 0 ? ky.retry({ delay: 300 }) : undefined,
      ],
    },
  });
  const lists = api.extend({ fetch: watchCalls(watchCall, 'organizations', fetch) });
  const proofs = api.extend({ fetch: watchCalls(watchCall, 'proof', fetch) });
  let richFieldsRefused = false;

  async function listOrganizations(accessToken: string): Promise<Organization[]> {
    if (!richFieldsRefused) {
      const response = await call(lists, 'v1/organizations', accessToken, { fields: fields.rich });
      if (response.status !== 400) return parseOrganizations(await accept(response, clock));
    }
    const response = await call(lists, 'v1/organizations', accessToken, { fields: fields.plain });
    const organizations = parseOrganizations(await accept(response, clock));
    // Refused once per process: many refused calls in a row lead to action against the client. Only now is it known
    // that the fields were to blame for the 400.
    richFieldsRefused = true;
    return organizations;
  }

  async function proveAccess(accessToken: string, organizationId: string): Promise<void> {
    const path = `v1/${encodeURIComponent(organizationId)}/accountingyears`;
    await accept(await call(proofs, path, accessToken, {}), clock);
  }

  return { listOrganizations, proveAccess };
}

async function call(
  api: KyInstance,
  path: string,
  accessToken: string,
  searchParams: Record<string, string>,
): Promise<Response> {
  try {
    return await api.get(path, { searchParams, headers: { authorization: `Bearer ${accessToken}` } });
  } catch (error) {
    const message = error instanceof OutboundError ? error.message : 'Dinero gave no answer in time';
    throw new ConnectError('dinero_unavailable', message);
  }
}

/** Asking again can help: not where our own queue is full or the answer is too large. */
function isPassing(error: Error): boolean {
  return error instanceof OutboundError && (error.reason === 'network' || error.reason === 'timeout');
}

/** The JSON of a 200. Throws the code that the status means. */
async function accept(response: Response, clock: Clock): Promise<unknown> {
  const body = await response.json().catch(() => undefined);
  if (response.status === 200 && body !== undefined) return body;
  if (response.status === 401) throw new ConnectError('dinero_unauthorized', 'Dinero refused the access token');
  if (response.status === 429) {
    const retryAfter = parseRetryAfter(response.headers.get('retry-after'), clock.now());
    throw new ConnectError('dinero_rate_limited', 'Dinero asks us to wait', retryAfter);
  }
  if (response.status >= 400 && response.status < 500) {
    const code = errorSchema.safeParse(body).data?.code ?? null;
    if (response.status === 403 && code !== null && proMissingCodes.includes(code)) {
      throw new ConnectError('organization_not_pro', 'Dinero: this organization lacks Pro');
    }
    throw new ConnectError('dinero_rejected', `Dinero answered ${response.status}, code ${code ?? 'unknown'}`);
  }
  throw new ConnectError('dinero_unavailable', `Dinero gave an unusable answer with status ${response.status}`);
}

function parseOrganizations(body: unknown): Organization[] {
  const list = z.array(z.record(z.string(), z.unknown())).safeParse(body);
  const parsed = z.array(organizationSchema).safeParse(list.data?.map(lowerKeys));
  if (!parsed.success) throw new ConnectError('dinero_unavailable', 'Dinero’s list of organizations has another shape');
  return parsed.data.map(({ id, name, ispro, vatnumber, city }) => ({
    id,
    name: storable(name?.slice(0, longestName)) || id,
    isPro: ispro === true,
    vatNumber: storable(vatnumber) || null,
    city: storable(city) || null,
  }));
}

/** Half a character and NUL are what a database may refuse to store. */
function storable(text: string | null | undefined): string {
  return text?.trim().toWellFormed().replaceAll('\0', '\ufffd') ?? '';
}

function lowerKeys(record: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key.toLowerCase(), value]));
}
