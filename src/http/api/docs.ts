// The API's document, and the page that people read it on (decision 19). In English alone; for everybody, key or not.

import { readFileSync } from 'node:fs';
import { Router } from 'express';
import type { Brand } from '../../config.ts';
import { refuseOtherMethods } from '../errors.ts';
import { createTranslators } from '../locals.ts';

const documentFile = new URL('../../../docs/openapi.yaml', import.meta.url);
const cacheControl = 'public, max-age=3600';

export function createDocsRoutes(brand: Brand): Router {
  const router = Router();
  const document = readFileSync(documentFile, 'utf8');
  const page = { title: 'API', language: 'en', languageHref: null, t: createTranslators(brand).en };

  router.get('/api/openapi.yaml', (_request, response) => {
    response.setHeader('cache-control', cacheControl).type('application/yaml').send(document);
  });

  router.get('/api/docs', (_request, response) => {
    response.render('api-docs', page);
  });

  router.all(['/api/openapi.yaml', '/api/docs'], refuseOtherMethods('GET, HEAD'));
  return router;
}
