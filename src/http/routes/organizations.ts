// The picker: which company, chosen by the person and nobody else (design, section 5, steps 5 and 6).

import { type Request, type RequestHandler, type Response, Router } from 'express';
import { z } from 'zod';
import { isConnectError } from '../../core/errors.ts';
import type { Core } from '../../core/index.ts';
import type { Organization } from '../../core/types.ts';
import { parseBody, text } from '../bodies.ts';
import { leaveNotice } from '../notices.ts';
import { leaveForReturn } from '../returning.ts';

const searchFrom = 9;
/** More are found by the search: a page of thousands would hold up everybody else's (requirements, E9). */
const mostShown = 500;
const choiceForm = z.object({ organizationId: text(100).optional() });
const searchQuery = z.object({ q: text(200).catch('').default('') });

type Shown = { chosen: string | null; notice: string | null; query: string };

export function createOrganizationRoutes(
  core: Pick<Core, 'organizations' | 'connections' | 'links'>,
  options: { https: boolean },
) {
  const router = Router();

  // The person sees all companies, fresh from Dinero, and why some cannot be chosen.
  router.get('/organizations', async (request, response) => {
    const { q } = searchQuery.parse(request.query);
    await renderPicker(request, response, { chosen: null, notice: null, query: q.trim() });
  });

  // The choice. What is wrong with it is said on the picker itself.
  router.post('/organizations', async (request, response) => {
    const { organizationId } = parseBody(choiceForm, request.body);
    if (organizationId === undefined) return renderAgain(request, response, 422, 'notices.choose_one');
    const userId = request.session.userId;
    if (userId === undefined) return response.redirect(303, '/');
    const before = await core.connections.find(userId);
    try {
      await core.organizations.choose(userId, organizationId);
    } catch (error) {
      if (!isConnectError(error, 'organization_unknown', 'organization_not_pro')) throw error;
      return renderAgain(request, response, 409, `notices.${error.code}`);
    }
    if (await leaveForReturn({ core, https: options.https }, request, response, request.session.linkId)) return;
    if (before?.status !== 'connected') leaveNotice(response, 'connected', options.https);
    else if (before.organization?.id !== organizationId) leaveNotice(response, 'company_changed', options.https);
    response.redirect(303, '/connection');
  });

  function renderAgain(request: Request, response: Response, status: number, notice: string): Promise<void> {
    const { organizationId } = choiceForm.catch({}).parse(request.body ?? {});
    return renderPicker(request, response.status(status), { chosen: organizationId ?? null, notice, query: '' });
  }

  async function renderPicker(request: Request, response: Response, shown: Shown): Promise<void> {
    const { userId } = request.session;
    const connection = userId === undefined ? null : await core.connections.find(userId);
    if (userId === undefined || !connection || connection.status === 'disconnected') return response.redirect(303, '/');
    const organizations = await core.organizations.list(userId);
    const chosen = shown.chosen ?? connection.organization?.id ?? null;
    const views = organizations.map((organization) => ({ ...organization, checked: organization.id === chosen }));
    const { t } = response.locals;
    if (!organizations.some(({ isPro }) => isPro)) {
      const kind = organizations.length === 0 ? 'none' : 'none-pro';
      const title = t(`no_organizations.heading_${kind.replace('-', '_')}`);
      return response.render('no-organizations', { title, step: 3, kind, organizations: views });
    }
    const changing = connection.status === 'connected';
    const searchable = organizations.length >= searchFrom;
    const found = searchable ? views.filter((view) => matches(view, shown.query)) : views;
    response.render('organizations', {
      title: t(changing ? 'organizations.heading_changing' : 'organizations.heading'),
      step: changing ? null : 3,
      organizations: found.slice(0, mostShown),
      search: searchable ? { query: shown.query, total: organizations.length, found: found.length } : null,
      notice: shown.notice === null ? null : { key: shown.notice, vars: { company: nameOf(organizations, chosen) } },
      changing,
    });
  }

  const renderPickerAgain: RequestHandler = (request, response) => renderAgain(request, response, 403, 'notices.stale');

  return { router, renderPickerAgain };
}

function nameOf(organizations: Organization[], id: string | null): string {
  return organizations.find((organization) => organization.id === id)?.name ?? '';
}

function matches({ name, id, vatNumber, city }: Organization, query: string): boolean {
  const wanted = query.toLocaleLowerCase('da');
  return [name, id, vatNumber, city].some((value) => value?.toLocaleLowerCase('da').includes(wanted));
}
