// The debugger's page: one text in, what it means out, on the same page. What is pasted is neither kept nor logged nor
// put into an address of ours.

import { type Request, type RequestHandler, type Response, Router } from 'express';
import type { TFunction } from 'i18next';
import { z } from 'zod';
import type { DiagnosisCode } from '../../core/diagnoses.ts';
import { type Diagnosis, diagnose } from '../../core/diagnosing.ts';
import { parseBody } from '../bodies.ts';
import type { References } from './references.ts';
import type { SetupConfig } from './steps.ts';
import { ownWords } from './words.ts';

const longestText = 4_000;
const words = new Map(Object.entries(ownWords));
const sandboxErrorId = /^[0-9a-f]{32}$/;
const loopback = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/;

// Not held to the rules of other texts (NUL, broken Unicode): whatever came out of a failure may be looked up.
const debuggerForm = z.object({ text: z.string().default('') });

type Answer =
  | { kind: 'empty' | 'too_long' | 'unknown' | 'reference_unknown' }
  | { kind: 'error_id'; sandboxHref: string | null; causes: string[] }
  | { kind: 'known'; named: string | null; explanation: Explanation; reference: KnownReference | null };
type Explanation = { happened: string; causes: string[]; change: string };
type KnownReference = { reference: string; method: string; path: string; at: Date; seen: string };

export function createDebuggerRoutes(config: SetupConfig, references: References) {
  const router = Router();

  router.get('/setup/debugger', (_request, response) => render(response, '', null, null));

  router.post('/setup/debugger', (request, response) => {
    const text = readText(request);
    const answer = answerTo(text, response.locals.t);
    response.status(answer.kind === 'empty' || answer.kind === 'too_long' ? 422 : 200);
    render(response, text, answer, null);
  });

  function answerTo(text: string, t: TFunction): Answer {
    if (text.trim() === '') return { kind: 'empty' };
    if (text.length > longestText) return { kind: 'too_long' };
    const diagnosis = diagnose(text, words);
    switch (diagnosis.kind) {
      case 'known':
        return { kind: 'known', named: diagnosis.named, explanation: explain(diagnosis.code, t), reference: null };
      case 'error_id':
        return {
          kind: 'error_id',
          sandboxHref: sandboxHrefOf(diagnosis),
          causes: listIn(t, 'setup.debugger.error_id_causes'),
        };
      case 'reference':
        return answerToReference(diagnosis.reference, t);
      case 'unknown':
        return { kind: 'unknown' };
    }
  }

  function answerToReference(reference: string, t: TFunction): Answer {
    const found = references.find(reference);
    if (!found) return { kind: 'reference_unknown' };
    const { code, ...rest } = found;
    const seen = t(`errors.${code}.heading`);
    return {
      kind: 'known',
      named: code,
      explanation: explain(ownWords[code], t),
      reference: { ...rest, reference, seen },
    };
  }

  /** The sandbox's own debugger; null for every other provider, whose portal explains its ids. */
  function sandboxHrefOf({ id, host }: Extract<Diagnosis, { kind: 'error_id' }>): string | null {
    const issuer = new URL(config.provider.issuer);
    const ofIssuer = host === null || host === issuer.host;
    if (!ofIssuer || !loopback.test(issuer.host)) return null;
    return sandboxErrorId.test(id) ? `${issuer.origin}/debugger?errorId=${id}` : `${issuer.origin}/debugger`;
  }

  function listIn(t: TFunction, key: string): string[] {
    return t(key, { ...diagnosisValues(config), returnObjects: true }) as unknown as string[];
  }

  function explain(code: DiagnosisCode, t: TFunction): Explanation {
    const values = diagnosisValues(config);
    return {
      happened: t(`setup.diagnoses.${code}.happened`, values),
      causes: listIn(t, `setup.diagnoses.${code}.causes`),
      change: t(`setup.diagnoses.${code}.change`, values),
    };
  }

  const renderAgain: RequestHandler = (request, response) => render(response, readText(request), null, 'notices.stale');

  return { router, renderAgain };
}

/** What the sentences of diagnoses name of this configuration. */
export function diagnosisValues({ provider, redirectUri }: SetupConfig): Record<string, string> {
  const { clientId, issuer, scopes } = provider;
  return { clientId, redirectUri, issuer, scopes: scopes.join(' ') };
}

/** Forms send every line break as two characters; what counts are the ones that were typed. */
function readText(request: Request): string {
  return parseBody(debuggerForm, request.body).text.replaceAll('\r\n', '\n');
}

function render(response: Response, text: string, answer: Answer | null, notice: string | null): void {
  response.render('setup-debugger', {
    title: response.locals.t('setup.debugger.heading'),
    current: 'debugger',
    text: text.slice(0, longestText),
    longestText,
    answer,
    notice,
  });
}
