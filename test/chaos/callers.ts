// Customers who use their connections all the time, each request at any process, and go on as people do: they try
// again elsewhere when a process dies under them, wait when they are told to, and reconnect when they are asked to.

import { setTimeout as sleep } from 'node:timers/promises';
import { add, type Counts } from './counts.ts';
import { type Customer, createCustomer } from './customer.ts';
import type { Fleet } from './fleet.ts';
import type { Random } from './random.ts';
import type { StoredConnection, StoredGrants } from './stored-grants.ts';

export type Caller = {
  customer: Customer;
  connectionId: string;
  restUntil: number;
  reconnecting: Promise<void> | null;
};
export type Callers = ReturnType<typeof createCallers>;

const mostTries = 60;
const mostAtOnce = 3;

export function createCallers(
  needs: { fleet: Fleet; stored: StoredGrants; counts: Counts; random: Random },
  terms: { baseUrl: string; limitMilliseconds: number },
  /** Told of each connection that needs a reconnect, before it gets one. */
  onLost: (connection: StoredConnection) => void,
) {
  const { fleet, stored, counts, random } = needs;
  const callers: Caller[] = [];
  let creating: Promise<unknown> = Promise.resolve();

  async function connectAll(count: number): Promise<void> {
    for (let index = 0; index < count; index += 1) callers.push(await createCaller(index));
  }

  /** Connects a new customer: one after the other, for only so it is known whose connection is whose. */
  function createCaller(index: number): Promise<Caller> {
    const created = creating.then(async () => {
      const known = new Set(stored.readAll().map(({ id }) => id));
      const customer = createCustomer(index, terms.baseUrl, terms.limitMilliseconds);
      for (let tries = 0; tries < mostTries && !(await trySigningIn(customer)); tries += 1) await sleep(100);
      const connection = stored.readAll().findLast(({ id }) => !known.has(id));
      if (!connection) throw new Error('a customer signed in, and there is no connection');
      return { customer, connectionId: connection.id, restUntil: 0, reconnecting: null };
    });
    creating = created.catch(() => undefined);
    return created;
  }

  /** True when the connection worked; false when the customer was told to wait. */
  async function ask(caller: Caller): Promise<boolean> {
    const started = performance.now();
    for (let tries = 0; tries < mostTries; tries += 1) {
      const answer = await caller.customer.askForCompanies(await fleet.pickPort()).catch(() => null);
      const status = answer?.status ?? 0;
      add(counts.answers, status === 0 ? 'none' : String(status));
      if (status === 200) {
        counts.latencies.push(performance.now() - started);
        return true;
      }
      if (status === 503) {
        caller.restUntil = Date.now() + Math.max(0.2, answer?.retryAfterSeconds ?? 0) * 1000;
        return false;
      }
      // The port of a process that has just died is nobody's for a moment; Dinero refuses a token that ended meanwhile.
      if (status === 0 || status === 502) await sleep(50);
      else if (status === 409 || status === 303) await reconnectOnce(caller);
      else {
        counts.violate(`a customer was answered ${status}`, [caller.connectionId, answer?.text ?? '']);
        return false;
      }
    }
    counts.violate(`a customer got no answer in ${mostTries} tries`, [caller.connectionId]);
    return false;
  }

  function reconnectOnce(caller: Caller): Promise<void> {
    caller.reconnecting ??= reconnect(caller).finally(() => {
      caller.reconnecting = null;
    });
    return caller.reconnecting;
  }

  async function reconnect(caller: Caller): Promise<void> {
    const { customer, connectionId } = caller;
    const connection = stored.readAll().find(({ id }) => id === connectionId);
    // Somebody who asked at the same moment may have reconnected it by now.
    if (connection?.status === 'needs_reconnect') onLost(connection);
    for (let tries = 0; tries < mostTries; tries += 1) {
      const known = await customer.isKnown(await fleet.pickPort()).catch(() => null);
      if (known === false) return replace(caller);
      if (connection?.status !== 'needs_reconnect') return;
      if (known && (await trySigningIn(customer))) return;
      await sleep(100);
    }
    counts.violate(`a customer could not reconnect in ${mostTries} tries`, [connectionId]);
  }

  /**
   * A process that dies between storing a new session and giving its cookie takes the browser's session along; without
   * `openid` the person is a stranger then, with a connection of their own.
   */
  async function replace(caller: Caller): Promise<void> {
    add(counts.answers, 'session lost in a sign-in');
    Object.assign(caller, await createCaller(caller.customer.index), { reconnecting: caller.reconnecting });
  }

  async function trySigningIn(customer: Customer): Promise<boolean> {
    try {
      await customer.connect(fleet.pickPort);
      return true;
    } catch {
      add(counts.answers, 'sign-in cut');
      return false;
    }
  }

  /** So many customers at a time, until `signal`; often one of them asks several processes at once. */
  async function keepAsking(parallel: number, thinkMilliseconds: number, signal: AbortSignal): Promise<void> {
    async function one(): Promise<void> {
      while (!signal.aborted) {
        await sleep(random.between(0, 2 * thinkMilliseconds));
        const rested = callers.filter(({ restUntil }) => restUntil <= Date.now());
        if (rested.length === 0) continue;
        const caller = random.pick(rested);
        const times = random.next() < 0.3 ? mostAtOnce : 1;
        await Promise.all(Array.from({ length: times }, () => ask(caller)));
      }
    }
    await Promise.all(Array.from({ length: parallel }, one));
  }

  /** Asks for every connection until it works, as often as it takes in that time; those that do not are violations. */
  async function settle(parallel: number, limitMilliseconds: number): Promise<void> {
    const until = Date.now() + limitMilliseconds;
    const left = [...callers];

    async function one(): Promise<void> {
      for (let caller = left.shift(); caller; caller = left.shift()) {
        let works = false;
        while (!works && Date.now() < until) {
          if (caller.restUntil > Date.now()) await sleep(Math.min(caller.restUntil, until) - Date.now());
          works = await ask(caller);
        }
        if (!works) counts.violate('a connection does not work in the end', [caller.connectionId]);
      }
    }
    await Promise.all(Array.from({ length: parallel }, one));
  }

  return { callers, connectAll, ask, keepAsking, settle };
}
