// What pages load: our own files, and the integrator's colour as a stylesheet.

import { fileURLToPath } from 'node:url';
import express, { Router } from 'express';
import { createBrandStylesheet } from './brand.ts';

const publicDirectory = fileURLToPath(new URL('../../public', import.meta.url));
const maxAgeSeconds = 3600;

export function serveAssets(brandColor: string | null): Router {
  const router = Router();
  const stylesheet = createBrandStylesheet(brandColor);
  const cacheControl = `public, max-age=${maxAgeSeconds}`;

  router.get('/brand.css', (_request, response) => {
    response.setHeader('cache-control', cacheControl).type('css').send(stylesheet);
  });
  router.use(
    express.static(publicDirectory, {
      index: false,
      redirect: false,
      setHeaders: (response) => response.setHeader('cache-control', cacheControl),
    }),
  );
  return router;
}
