// Commands that were called in a way that they do not understand.

export const usage = `Usage:
  npm start                                    runs the app
  npm run keys -- list                         the keys of TOKEN_KEYS, and what each has sealed
  npm run keys -- add [--id <id>] [--dry-run]  makes a new key, to be put first
  npm run keys -- rotate [--dry-run] [--force] seals everything anew with the first key
  npm run api-key -- create --name <who> --scopes links,connections,tokens [--expires 365d]
  npm run api-key -- list | revoke <id>        the keys of your backends
  npm run webhooks -- list [--failed|--waiting]
                                               what your backend was or is to be told
  npm run webhooks -- replay <id> | --failed | --since <date>
                                               tells it again
  npm run import -- <tokens.csv> [--dry-run]   takes over existing tokens, to wait
  npm run import -- --activate                 puts what waits to use
  npm run import -- --status | --discard --yes says how many wait | removes them
  npm run doctor [-- --json] [--lang da|en]    what is in order, what is not, and what to do
  npm run migrate -- status | up               how far the database is | brings it up to date
  npm run backup -- <file>                     copies the SQLite database beside the running app
  npm run adopt [-- --dry-run]                 makes this deployment the owner of its database
  npm run postman [-- --out <file>]            a collection for Postman, of Dinero's API and of this app's`;

export class UsageError extends Error {
  constructor(problem: string) {
    super(`${problem}\n\n${usage}`);
    this.name = 'UsageError';
  }
}

/** What node:util's parseArgs understood. Throws UsageError. */
export function parse<T>(parseWords: () => { values: T }): T {
  try {
    return parseWords().values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : 'These words are not understood.');
  }
}
