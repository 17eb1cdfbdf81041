// `npm run webhooks`: what the integrator was told, is to be told, or could not be told, and telling it again.

import { parseArgs } from 'node:util';
import { createWebhookStore } from '../adapters/webhook-store.ts';
import type { Config } from '../config.ts';
import type { WebhookFilter, WebhookStore } from '../core/outbox.ts';
import { type QueuedWebhook, stateOf } from '../core/webhook-messages.ts';
import { webhookLeaseMilliseconds } from '../core/webhooks.ts';
import { useStorage } from './storage.ts';
import { parse, UsageError } from './usage.ts';
import { clock } from './wiring.ts';

const pageSize = 500;
const flag = { type: 'boolean', default: false } as const;

/** The exit code: 1 when there is no such message. `readConfig` is asked once the words are understood. Throws UsageError. */
export async function webhooks([verb, ...rest]: string[], readConfig: () => Config): Promise<number> {
  if (verb === 'list') {
    const { failed, waiting } = parse(() => parseArgs({ args: rest, options: { failed: flag, waiting: flag } }));
    if (failed && waiting) throw new UsageError('webhooks list: --failed or --waiting.');
    const state = failed ? 'failed' : waiting ? 'waiting' : null;
    return withStore(readConfig(), (store) => list(store, { state, since: null }));
  }
  if (verb === 'replay') {
    const asked = readReplay(rest);
    const config = readConfig();
    if (config.webhook === null) process.stderr.write('WEBHOOK_URL is not set here: nothing is sent until it is.\n');
    return withStore(config, (store) => ('id' in asked ? replayOne(store, asked.id) : replayAll(store, asked)));
  }
  throw new UsageError(verb === undefined ? 'webhooks: what?' : `webhooks: there is no "${verb}".`);
}

type Selection = Omit<WebhookFilter, 'after'>;

function readReplay(words: string[]): { id: string } | Selection {
  const options = { failed: flag, since: { type: 'string' } } as const;
  const { values, positionals } = parse(() => {
    const understood = parseArgs({ args: words, options, allowPositionals: true });
    return { values: understood };
  });
  const [id, ...others] = positionals;
  const ways = [id !== undefined, values.failed, values.since !== undefined].filter(Boolean).length;
  if (ways !== 1 || others.length > 0)
    throw new UsageError('webhooks replay takes one id, --failed, or --since <date>.');
  if (id !== undefined) return { id };
  return values.failed ? { state: 'failed', since: null } : { state: null, since: readDate(values.since ?? '') };
}

function readDate(text: string): Date {
  const date = new Date(text);
  if (!/^\d{4}-\d{2}-\d{2}(T[\d:.]+(Z|[+-]\d{2}:\d{2}))?$/.test(text) || Number.isNaN(date.getTime())) {
    throw new UsageError('--since must be an ISO date, for example 2026-11-20 or 2026-11-20T10:00:00Z.');
  }
  return date;
}

async function list(store: WebhookStore, selection: Selection): Promise<number> {
  let count = 0;
  for await (const message of readAll(store, selection)) {
    process.stdout.write(`${describe(message)}\n`);
    count += 1;
  }
  if (count === 0) process.stdout.write('There is no such message.\n');
  return 0;
}

async function replayOne(store: WebhookStore, id: string): Promise<number> {
  if (!(await store.find(id))) {
    process.stdout.write(`There is no message ${JSON.stringify(id)}.\n`);
    return 1;
  }
  const replayed = await replay(store, [id]);
  process.stdout.write(
    replayed === 1 ? `${id} is sent again.\n` : `${id} is being sent anyway, or will be within seconds.\n`,
  );
  return 0;
}

/** In pages, so that a running app never has to wait for long to write. */
async function replayAll(store: WebhookStore, selection: Selection): Promise<number> {
  let replayed = 0;
  const ids: string[] = [];
  for await (const { id } of readAll(store, selection)) {
    ids.push(id);
    if (ids.length === pageSize) replayed += await replay(store, ids.splice(0));
  }
  if (ids.length > 0) replayed += await replay(store, ids);
  process.stdout.write(`${replayed} messages are sent again.\n`);
  return 0;
}

function replay(store: WebhookStore, ids: string[]): Promise<number> {
  const now = clock.now();
  return store.replay(ids, now, new Date(now.getTime() + webhookLeaseMilliseconds));
}

async function* readAll(store: WebhookStore, selection: Selection): AsyncGenerator<QueuedWebhook> {
  let page: QueuedWebhook[] = [];
  let after = 0;
  do {
    page = await store.list({ ...selection, after }, pageSize);
    yield* page;
    after = page.at(-1)?.position ?? after;
  } while (page.length === pageSize);
}

function withStore(config: Config, work: (store: WebhookStore) => Promise<number>): Promise<number> {
  return useStorage(config, ({ database }) => work(createWebhookStore(database)));
}

/** One line. The user id is quoted, for it may hold anything. */
function describe(message: QueuedWebhook): string {
  const { id, type, userId, createdAt, dueAt, deliveredAt, tries, failure } = message;
  const reason = failure === null ? '' : `: ${failure}`;
  const states = {
    delivered: `delivered ${deliveredAt?.toISOString()}`,
    waiting: `waiting until ${dueAt?.toISOString()} after ${tries} tries${reason}`,
    failed: `given up after ${tries} tries${reason}`,
  };
  return [id, createdAt.toISOString(), type, JSON.stringify(userId), states[stateOf(message)]].join('  ');
}
