// Headers of every answer (requirements, D1 and D2). No page of ours has a script or foreign content.

import type { RequestHandler } from 'express';
import helmet from 'helmet';

/** For answers of the API, which nothing is shown of in a browser. */
export function setApiHeaders(options: { https: boolean }): RequestHandler {
  const fixed = helmet({
    contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
    strictTransportSecurity: strictTransport(options.https),
    originAgentCluster: false,
    referrerPolicy: false,
    xDnsPrefetchControl: false,
    xDownloadOptions: false,
    xFrameOptions: false,
    xPermittedCrossDomainPolicies: false,
    xXssProtection: false,
  });
  return (request, response, next) => {
    response.setHeader('cache-control', 'no-store');
    fixed(request, response, next);
  };
}

function strictTransport(https: boolean) {
  return https && { maxAge: 365 * 24 * 3600, includeSubDomains: false };
}

/**
 * For pages. `formTargets` answers the origins that a form of ours may end at: a browser follows the redirect of POST /connect
 * only when `form-action` names where it leads (facts, section 4).
 */
export function setPageHeaders(options: { https: boolean; formTargets: () => string[] }): RequestHandler {
  const fixed = helmet({
    contentSecurityPolicy: false,
    strictTransportSecurity: strictTransport(options.https),
    xFrameOptions: { action: 'deny' },
    referrerPolicy: { policy: 'no-referrer' },
  });
  return (request, response, next) => {
    response.setHeader(
      'content-security-policy',
      [
        "default-src 'none'",
        "style-src 'self'",
        "img-src 'self'",
        `form-action 'self' ${options.formTargets().join(' ')}`,
        "base-uri 'none'",
        "frame-ancestors 'none'",
      ].join('; '),
    );
    response.setHeader('cache-control', 'no-store');
    fixed(request, response, next);
  };
}
