// The language of the pages for developers: the one they picked on a page, else what their browser asks for.

import type { NextFunction, Request, Response } from 'express';
import type { Language } from './languages.ts';

const COOKIE = 'sandbox_language';

/** `?language=` on any page is remembered, and taken out of the address. */
export function rememberLanguage(req: Request, res: Response, next: NextFunction): void {
  const { language } = req.query;
  if (req.method === 'GET' && (language === 'da' || language === 'en')) {
    res.cookie(COOKIE, language, { httpOnly: true, sameSite: 'lax' });
    res.redirect(303, req.baseUrl + req.path);
  } else next();
}

export function languageOf(req: Request): Language {
  const picked = new RegExp(`(?:^|; )${COOKIE}=(da|en)(?:;|$)`).exec(req.get('cookie') ?? '')?.[1];
  return (picked ?? req.acceptsLanguages('en', 'da')) === 'da' ? 'da' : 'en';
}
