// Writes what /api/docs shows, from docs/openapi.yaml. It is committed: production has neither this nor its packages.
//   npm run api-page

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeProblem, type ProblemCode } from '../src/http/api/problems.ts';
import { parseDocument } from './api-reference/document.ts';
import { createReference } from './api-reference/reference.ts';

const root = join(import.meta.dirname, '..');
const documentFile = join(root, 'docs/openapi.yaml');
export const pageFile = join(root, 'views/partials/api-reference.html');

/** The file as it should be, of the document as it is. */
export function createPage(): Promise<string> {
  const document = parseDocument(readFileSync(documentFile, 'utf8'));
  const codes = (document.components.schemas.ProblemCode?.enum ?? []) as ProblemCode[];
  return createReference(
    document,
    codes.map((code) => ({ code, ...describeProblem(code) })),
  );
}

if (process.argv[1] === import.meta.filename) writeFileSync(pageFile, await createPage());
