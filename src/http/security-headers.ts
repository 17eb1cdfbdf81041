// Headers of every answer (requirements, D1 and D2). No page of ours has a script or foreign content.

import type { RequestHandler } from 'express';
import helmet from 'helmet';

/**
 * `formTargets` answers the origins that a form of ours may end at: a browser follows the redirect of POST /connect
 * only when `form-action` names where it leads (facts, section 4).
 */
export function setSecurityHeaders(options: { https: boolean; formTargets: () => string[] }): RequestHandler {
  const fixed = helmet({
    contentSecurityPolicy: false,
    strictTransportSecurity: options.https && { maxAge: 365 * 24 * 3600, includeSubDomains: false },
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
