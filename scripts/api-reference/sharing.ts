// What several calls or all webhooks have in common: the page says it once.

import { type Answer, type ApiDocument, type Call, listCalls, type Parameter } from './document.ts';

type Failure = [status: string, answer: Answer];

export type Shared = {
  /** In the address of calls at more than one path. */
  parameters: Parameter[];
  /** What is left of the parameters of one call: those of its path are said with the path's first call. */
  parametersOf(call: Call): Parameter[];
  /** Of all calls that name their failures. */
  failures: Failure[];
  isFailureOfAll(failure: Failure): boolean;
  /** Parameters and answers of all webhooks. */
  headers: Parameter[];
  webhookAnswers: Record<string, Answer>;
};

export function isFailure(status: string): boolean {
  return /^[45]/.test(status);
}

/** Throws when the webhooks differ in their headers or in what they are answered. */
export function findShared(document: ApiDocument): Shared {
  const calls = listCalls(document);
  const firstOfPath = new Map(calls.toReversed().map((call) => [call.path, call]));
  const ofPaths = [...firstOfPath.values()].toReversed().flatMap(({ pathParameters }) => pathParameters);
  const isOfMany = (parameter: Parameter) => ofPaths.filter((other) => isSame(other, parameter)).length > 1;

  const failuresOf = ({ operation }: Call) =>
    Object.entries(operation.responses).filter(([status]) => isFailure(status));
  const failing = calls.map(failuresOf).filter((failures) => failures.length > 0);
  const failures = (failing[0] ?? []).filter((one) =>
    failing.every((others) => others.some((other) => isSame(one, other))),
  );

  const webhooks = Object.values(document.webhooks).map(({ post }) => post);
  const { parameters: headers = [], responses: webhookAnswers = {} } = webhooks[0] ?? {};
  for (const { operationId, parameters = [], responses } of webhooks) {
    if (!isSame([parameters, responses], [headers, webhookAnswers])) {
      throw new Error(`${operationId} has other headers or answers than the first webhook`);
    }
  }

  return {
    parameters: ofPaths.filter(
      (one, index) => isOfMany(one) && ofPaths.findIndex((other) => isSame(one, other)) === index,
    ),
    parametersOf(call) {
      const ofPath = firstOfPath.get(call.path)?.operation === call.operation ? call.pathParameters : [];
      return [...ofPath.filter((parameter) => !isOfMany(parameter)), ...(call.operation.parameters ?? [])];
    },
    failures,
    isFailureOfAll: (failure) => failures.some((one) => isSame(one, failure)),
    headers,
    webhookAnswers,
  };
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
