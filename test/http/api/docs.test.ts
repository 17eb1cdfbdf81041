import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import request from 'supertest';
import { listCalls, parseDocument } from '../../../scripts/api-reference/document.ts';
import { createTestApp } from '../../support/app.ts';

const yaml = readFileSync('docs/openapi.yaml', 'utf8');
const document = parseDocument(yaml);
const paths = ['/api/openapi.yaml', '/api/docs'];

// Nothing here asks Visma Connect or Dinero.
const { app } = createTestApp(
  { origin: 'http://127.0.0.1:9' },
  { brand: { supportEmail: 'help@fakturaflow.example' } },
);

const openPage = async () => (await request(app).get('/api/docs').expect(200)).text;

describe('the document', () => {
  test('is served as it is in the repository, without a key', async () => {
    const { text, headers } = await request(app).get('/api/openapi.yaml').buffer(true).expect(200);
    expect(text).toBe(yaml);
    expect(headers['content-type']).toBe('application/yaml; charset=utf-8');
    expect(headers['cache-control']).toBe('public, max-age=3600');
  });
});

describe('the page', () => {
  test('names every operation, with its method and address, and the contents lead there', async () => {
    const page = await openPage();
    const calls = listCalls(document);
    expect(calls.length).toBeGreaterThan(10);
    for (const { method, path, operation } of calls) {
      const section = sectionOf(page, operation.operationId);
      expect(section).toContain(`<span class="method">${method.toUpperCase()}</span> <code>/api/v1${path}</code>`);
      expect(page).toContain(`<li><a href="#${operation.operationId}">`);
    }
  });

  test('names every webhook, and the contents lead there', async () => {
    const page = await openPage();
    for (const [event, { post }] of Object.entries(document.webhooks)) {
      expect(sectionOf(page, post.operationId)).toContain(`<p class="call"><code>${event}</code></p>`);
      expect(page).toContain(`<li><a href="#${post.operationId}"><code>${event}</code></a>`);
    }
  });

  test('names every parameter, header and field, and no field of one call with another', async () => {
    const page = await openPage();
    for (const { operation, pathParameters } of listCalls(document)) {
      for (const { name } of pathParameters) expect(page).toContain(`<p><code>${name}</code> `);
      const section = sectionOf(page, operation.operationId);
      for (const { name } of operation.parameters ?? []) expect(section).toContain(`<p><code>${name}</code> `);
    }
    for (const { post } of Object.values(document.webhooks)) {
      for (const { name } of post.parameters ?? []) expect(page).toContain(`<p><code>${name}</code> `);
    }
    for (const [name, { properties = {} }] of Object.entries(document.components.schemas)) {
      for (const field of Object.keys(properties)) {
        expect({ name, field, shown: page.includes(`<li><p><code>${field}</code> `) }).toMatchObject({ shown: true });
      }
    }
    const token = sectionOf(page, 'handOutToken');
    for (const field of ['minTtlSeconds', 'accessToken', 'expiresAt']) expect(token).toContain(`<code>${field}</code>`);
    expect(sectionOf(page, 'createLink')).not.toContain('accessToken');
  });

  test('names every code of a problem, once, with its status and its title', async () => {
    const page = await openPage();
    const codes = document.components.schemas.ProblemCode?.enum as string[];
    expect(codes.length).toBeGreaterThan(20);
    for (const code of codes) {
      expect(
        page.match(
          new RegExp(
            `<tr id="problem-${code}"><th scope="row"><code>${code}</code></th><td>\\d{3}</td><td>\\p{Lu}`,
            'gu',
          ),
        ),
      ).toHaveLength(1);
    }
    expect(page).toContain('<td>409</td><td>The connection needs a reconnect</td>');
    expect(page).toContain('<td>401</td><td>The API key has expired</td>');
    expect(page).toContain('<td>403</td><td>The API key lacks the scope for this</td>');
  });

  test('says what has to be sent, what may be left out, and what is not always answered', async () => {
    const page = await openPage();
    expect(page).toContain('<p><code>minTtlSeconds</code> <span class="need">optional</span></p>');
    expect(page).toContain('<p><code>organizationId</code> <span class="need is-required">required</span></p>');
    expect(sectionOf(page, 'problems')).toContain(
      '<p><code>reconnectUrl</code> <span class="need">not always</span></p>',
    );
  });

  test('leads to nowhere that is not there', async () => {
    const page = await openPage();
    const ids = [...page.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const targets = [...page.matchAll(/href="#([^"]+)"/g)].map(([, target]) => target);
    expect(targets.filter((target) => !ids.includes(target))).toEqual([]);
    expect(targets.length).toBeGreaterThan(20);
  });

  test('has no script, no style of its own and nothing that others serve', async () => {
    const page = await openPage();
    expect(page).not.toMatch(/<script|<style|\sstyle=|\son\w+=|<iframe|<img|javascript:/i);
    const assets = [...page.matchAll(/<link[^>]*href="([^"]+)"/g)].map(([, href]) => href);
    expect(assets).toEqual(['/favicon.svg', '/app.css', '/brand.css', '/api-docs.css']);
    for (const asset of assets) await request(app).get(String(asset)).expect(200);
  });

  test('is in English for everybody, under the integrator’s name', async () => {
    const { text } = await request(app).get('/api/docs').set('accept-language', 'da').expect(200);
    expect(text).toContain('<html lang="en">');
    expect(text).toContain('<title>API – Fakturaflow</title>');
    expect(text).toContain('Skip to content');
    expect(text).not.toMatch(/Dansk|language-link/);
  });
});

describe.each(paths)('%s', (path) => {
  test('needs no session, sets no cookie, and keeps the policy of our pages', async () => {
    const { headers } = await request(app).get(path).expect(200);
    expect(headers['set-cookie']).toBeUndefined();
    expect(headers['content-security-policy']).toContain("default-src 'none'; style-src 'self'; img-src 'self'");
    expect(headers['content-security-policy']).not.toMatch(/unsafe|script-src/);
    expect(headers['x-content-type-options']).toBe('nosniff');
  });

  test('answers HEAD without a body', async () => {
    const { headers, text } = await request(app).head(path).expect(200);
    expect(Number(headers['content-length'])).toBeGreaterThan(10_000);
    expect(text ?? '').toBe('');
  });

  test.each(['post', 'put', 'patch', 'delete', 'options'] as const)('refuses %s', async (method) => {
    const { headers } = await request(app)[method](path).expect(405);
    expect(headers.allow).toBe('GET, HEAD');
  });
});

function sectionOf(page: string, id: string): string {
  const start = page.indexOf(`id="${id}"`);
  expect({ id, found: start > 0 }).toEqual({ id, found: true });
  return page.slice(start, page.indexOf('</section>', start));
}
