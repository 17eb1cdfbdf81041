// The sandbox's Developer Portal: applications are registered, changed and removed here, as on the real one.

import { type NextFunction, type Request, type Response, Router, urlencoded } from 'express';
import { describeApplication, judgeForm, readForm } from './application-form.ts';
import { type Application, type Applications, MOST_APPLICATIONS } from './applications.ts';
import { refuseOtherSites } from './other-sites.ts';
import { languageOf, rememberLanguage } from './page-languages.ts';
import {
  pathOf,
  renderApplication,
  renderList,
  renderNew,
  renderNotFound,
  renderRemoval,
  renderSecret,
} from './portal-pages.ts';

export function createPortal(applications: Applications): Router {
  const router = Router();
  router.use('/portal', refuseOtherSites, urlencoded({ extended: false }), rememberLanguage);
  const path = '/portal/applications/:clientId';
  const found = findApplication(applications);

  router.get('/portal', (req, res) => void res.send(renderList(languageOf(req), applications)));
  router.get('/portal/new', (req, res) => void res.send(renderNew(languageOf(req), appUriOf(applications))));
  router.post('/portal/new', (req, res) => addApplication(applications, req, res));
  router.get(path, found, (req, res) => {
    const isSaved = req.query.saved !== undefined;
    res.send(renderApplication(languageOf(req), appUriOf(applications), res.locals.application, { isSaved }));
  });
  router.post(path, found, (req, res) => changeApplication(applications, req, res));
  router.post(`${path}/secrets`, found, (req, res) => addSecret(applications, req, res));
  router.post(`${path}/secrets/remove`, found, (req, res) => {
    applications.removeSecret(res.locals.application, req.body?.secret);
    res.redirect(303, pathOf(res.locals.application));
  });
  // Where a language link of a page that answered a POST leads.
  router.get(`${path}/secrets`, found, (_req, res) => res.redirect(303, pathOf(res.locals.application)));
  router.get(`${path}/remove`, found, (req, res) => {
    res.send(renderRemoval(languageOf(req), res.locals.application));
  });
  router.post(`${path}/remove`, found, (_req, res) => {
    applications.remove(res.locals.application.clientId);
    res.redirect(303, '/portal');
  });
  return router;
}

/** The built-in client is the app's own: it may come back to where the app is. */
const appUriOf = ({ builtIn }: Applications) => builtIn.redirectUris[0] ?? '';

function findApplication(applications: Applications) {
  return (req: Request, res: Response, next: NextFunction) => {
    const application = applications.find(req.params.clientId);
    if (!application) {
      res.status(404).send(renderNotFound(languageOf(req)));
      return;
    }
    res.locals.application = application;
    next();
  };
}

function addApplication(applications: Applications, req: Request, res: Response): void {
  if (applications.list().length >= MOST_APPLICATIONS) {
    res.redirect(303, '/portal');
    return;
  }
  const form = readForm(req.body);
  const problems = judgeForm(form, (clientId) => applications.rulesOf(clientId) !== undefined);
  if (problems.length > 0) {
    res.status(422).send(renderNew(languageOf(req), appUriOf(applications), form, problems));
    return;
  }
  const application = { ...describeApplication(form), secrets: [] };
  applications.save(application);
  res.redirect(303, pathOf(application));
}

function changeApplication(applications: Applications, req: Request, res: Response): void {
  const application: Application = res.locals.application;
  const form = { ...readForm(req.body), clientId: application.clientId };
  const problems = judgeForm(form, () => false);
  if (problems.length > 0) {
    res.status(422).send(renderApplication(languageOf(req), appUriOf(applications), application, { form, problems }));
    return;
  }
  applications.save({ ...describeApplication(form), secrets: application.secrets });
  res.redirect(303, `${pathOf(application)}?saved`);
}

function addSecret(applications: Applications, req: Request, res: Response): void {
  const application: Application = res.locals.application;
  const secret = applications.addSecret(application);
  if (secret === null) res.redirect(303, pathOf(application));
  else res.send(renderSecret(languageOf(req), application, secret));
}
