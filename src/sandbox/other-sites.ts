// Keeps pages elsewhere in the same browser from posting here, by Fetch Metadata.

import type { NextFunction, Request, Response } from 'express';

export function refuseOtherSites(req: Request, res: Response, next: NextFunction): void {
  const site = req.get('sec-fetch-site') ?? 'same-origin';
  if (req.method === 'GET' || site === 'same-origin' || site === 'none') next();
  else res.status(403).end();
}
