// What the renderer is asked for: each call, each webhook, and what they have in common, by names.

import { type Answer, type ApiDocument, listCalls, type Operation, type Parameter, type Schema } from './document.ts';
import type { Piece } from './markdown.ts';
import { isFailure, type Shared } from './sharing.ts';

/** By operation id and by the names of `headersPiece`; further `everyCall`, `everyWebhook` and `problem`. */
export function collectPieces(document: ApiDocument, shared: Shared): Record<string, Piece> {
  const ofCalls = listCalls(document).map((call): [string, Piece] => {
    const { operationId, requestBody } = call.operation;
    const responses = Object.fromEntries(listAnswers(call.operation));
    return [operationId, { parameters: shared.parametersOf(call), requestBody, responses }];
  });
  const ofHeaders = listCalls(document).flatMap(({ operation }) =>
    listAnswers(operation).map(([status, answer]): [string, Piece] => [
      headersPiece(operation, status),
      { parameters: headersOf(answer) },
    ]),
  );
  const ofWebhooks = Object.values(document.webhooks).map(({ post }): [string, Piece] => [
    post.operationId,
    { requestBody: post.requestBody },
  ]);
  const problem = { 'application/problem+json': { schema: withoutCodes(document.components.schemas.Problem) } };
  return {
    ...Object.fromEntries([...ofCalls, ...ofHeaders, ...ofWebhooks]),
    everyCall: { parameters: shared.parameters },
    everyWebhook: { parameters: shared.headers },
    problem: { requestBody: { content: problem } },
  };
}

/** The table below says what they are. */
function withoutCodes(problem: Schema | undefined): Schema {
  if (!problem) throw new Error('the document has no schema Problem');
  const ofCode = { type: 'string', description: 'One of the codes below.' };
  return { ...problem, properties: { ...problem.properties, code: ofCode } };
}

/** Those that are no failures. */
export const listAnswers = ({ responses }: Operation) =>
  Object.entries(responses).filter(([status]) => !isFailure(status));

/** Headers are described as parameters are. */
export const headersOf = ({ headers = {} }: Answer): Parameter[] =>
  Object.entries(headers).map(([name, header]) => ({ name, in: 'header', ...header }));

export const headersPiece = ({ operationId }: Operation, status: string) => `${operationId}-${status}`;
