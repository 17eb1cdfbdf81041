// Signing out at Visma Connect (RP-Initiated Logout 1.0): oidc-provider's steps with pages of our own.

import type Provider from 'oidc-provider';
import type { Configuration, KoaContextWithOIDC } from 'oidc-provider';
import { renderHandOver } from './hand-over-page.ts';
import { chooseLanguage, type Language } from './languages.ts';
import { html, renderPage } from './pages.ts';
import { texts } from './texts.ts';

type SigningOut = NonNullable<NonNullable<Configuration['features']>['rpInitiatedLogout']>;

const CONFIRM_PATH = '/connect/endsession/confirm';

export const signingOut: SigningOut = {
  enabled: true,
  logoutSource: (ctx) => {
    ctx.body = renderQuestion(languageOf(ctx), secretOf(ctx));
  },
  postLogoutSuccessSource: (ctx) => {
    const language = languageOf(ctx);
    const words = texts[language];
    ctx.body = renderPage({ language, title: words.signedOutTitle, body: html`<h1>${words.signedOutTitle}</h1>` });
  },
};

/** Without a session oidc-provider answers a page whose inline script our CSP would stop. */
export function attachSigningOut(provider: Provider): void {
  provider.use(async (koa, next) => {
    await next();
    const ctx = koa as KoaContextWithOIDC;
    if (ctx.path !== '/connect/endsession' || ctx.status !== 200 || ctx.oidc.session?.accountId) return;
    ctx.body = renderHandOver(languageOf(ctx), CONFIRM_PATH, { xsrf: secretOf(ctx), logout: 'yes' });
  });
}

function renderQuestion(language: Language, secret: string): string {
  const words = texts[language];
  const body = html`<h1>${words.signOutTitle}</h1>
<form class="actions" method="post" action="${CONFIRM_PATH}">
<input type="hidden" name="xsrf" value="${secret}">
<button class="primary" type="submit" name="logout" value="yes">${words.signOutYes}</button>
<button type="submit">${words.signOutNo}</button>
</form>`;
  return renderPage({ language, title: words.signOutTitle, body });
}

function languageOf(ctx: KoaContextWithOIDC): Language {
  return chooseLanguage(ctx.oidc.params?.ui_locales);
}

function secretOf(ctx: KoaContextWithOIDC): string {
  return String(ctx.oidc.session?.state?.secret);
}
