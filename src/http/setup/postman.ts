// GET /setup/postman.json: the collection as a file to import. Who may see /setup is decided before.

import { Router } from 'express';
import { refuseOtherMethods } from '../errors.ts';
import { createPostmanCollection, type PostmanOptions } from './postman-collection.ts';

const path = '/setup/postman.json';
const fileName = 'dinero-connect.postman_collection.json';

export function createPostmanRoute(options: PostmanOptions): Router {
  const router = Router();
  const collection = JSON.stringify(createPostmanCollection(options), null, 2);

  router.get(path, (_request, response) => {
    response.attachment(fileName).type('json').send(collection);
  });

  router.all(path, refuseOtherMethods('GET, HEAD'));
  return router;
}
