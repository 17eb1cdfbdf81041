// Dinero's ways of saying no: JSON with a code, an HTML page for an unknown path, plain text when the quota is used up.

import type { Response } from 'express';

export type DineroError = { status: number; code: number; message: string; danish: string; field?: string };

export const dineroErrors = {
  unauthorized: {
    status: 401,
    code: 41,
    message: 'Unauthorized. The access token is missing, wrong or expired.',
    danish: 'Adgang nægtet.',
  },
  notFound: { status: 404, code: 40, message: 'Organization not found.', danish: 'Virksomheden findes ikke.' },
  noPro: {
    status: 403,
    code: 90,
    message: 'The organization needs Dinero Pro to use integrations.',
    danish: 'Virksomheden skal have Dinero Pro for at bruge integrationer.',
  },
  unknownField: (field: string) => ({
    status: 400,
    code: 42,
    message: `Validation error. Unknown field: ${field}`,
    danish: 'Et af felterne findes ikke.',
    field: 'fields',
  }),
  missingField: (field: string) => ({
    status: 400,
    code: 42,
    message: `Validation error. ${field} is required.`,
    danish: 'Feltet skal udfyldes.',
    field,
  }),
};

export function sendDineroError(res: Response, error: DineroError): void {
  res.status(error.status).json(describeDineroError(error));
}

export function describeDineroError({ code, message, danish, field }: DineroError) {
  return {
    code,
    message,
    validationErrors: field ? { [field]: message } : null,
    languageSpecificMessages: [{ property: field ?? '', message: danish }],
    errorMessageList: [message],
  };
}

export function sendNotFoundPage(res: Response): void {
  const page = '<!DOCTYPE html><html lang="en"><head><title>404 - File or directory not found.</title></head>';
  res.status(404).type('html').send(`${page}<body><h1>404 - File or directory not found.</h1></body></html>`);
}

export function sendQuotaExceeded(res: Response, seconds: number, callsAMinute: number): void {
  res.status(429).set('Retry-After', String(seconds)).type('text/plain').send(describeQuota(callsAMinute));
}

export function describeQuota(callsAMinute: number): string {
  return `API calls quota exceeded! maximum admitted ${callsAMinute} per 1m.`;
}
