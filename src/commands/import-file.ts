// A CSV file of existing tokens: its rows as they are written, or one sentence about what is wrong with it. Nothing of
// the file is ever quoted: each field of a file that is not as it should be may be a token.

import { isUtf8 } from 'node:buffer';
import { readFileSync, statSync } from 'node:fs';
import { CsvError, parse } from 'csv-parse/sync';
import type { ImportRow } from '../core/import-checking.ts';

/** `misshapen`: lines with another number of fields than the header has. */
export type ImportFile = { rows: ImportRow[]; misshapen: number[] };

/** What is wrong with the whole file, in a sentence for the operator. */
export class ImportFileError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ImportFileError';
  }
}

type Column = Exclude<keyof ImportRow, 'line'>;

const columnNames: Record<string, Column> = {
  user_id: 'userId',
  refresh_token: 'refreshToken',
  scope: 'scope',
  organization_id: 'organizationId',
};
const columnsText = Object.keys(columnNames).join(', ');
/** What is stored is stored in one transaction, which must not keep the running app waiting for long. */
export const mostRows = 100_000;
const mostBytes = 100 * 1024 * 1024;
const longestRow = 65_536;

/** Throws ImportFileError. */
export function readImportFile(path: string): ImportFile {
  const content = readContent(path);
  if (!isUtf8(content)) throw new ImportFileError(`${path} is not UTF-8: save it as "CSV UTF-8".`);
  const file: ImportFile = { rows: [], misshapen: [] };
  const columns: Column[] = [];
  parseRecords(path, content, (fields, line) => {
    if (columns.length === 0) columns.push(...readHeader(path, fields));
    else if (fields.length !== columns.length) file.misshapen.push(line);
    else file.rows.push(toRow(columns, fields, line));
    if (file.rows.length > mostRows) {
      throw new ImportFileError(`${path} has more than ${mostRows} rows: import it in parts.`);
    }
  });
  if (columns.length === 0) throw new ImportFileError(`${path} is empty: it needs a header with ${columnsText}.`);
  return file;
}

function readContent(path: string): Buffer {
  try {
    if (statSync(path).size > mostBytes) {
      throw new ImportFileError(`${path} is larger than ${mostBytes / 1024 / 1024} MB: import it in parts.`);
    }
    return readFileSync(path);
  } catch (error) {
    if (error instanceof ImportFileError) throw error;
    throw new ImportFileError(`${path} cannot be read: ${(error as NodeJS.ErrnoException).code}.`);
  }
}

function parseRecords(path: string, content: Buffer, take: (fields: string[], line: number) => void): void {
  try {
    parse(content, {
      bom: true,
      delimiter: findDelimiter(content),
      record_delimiter: ['\r\n', '\n'],
      relax_column_count: true,
      skip_records_with_empty_values: true,
      max_record_size: longestRow,
      on_record(fields: string[], { lines }) {
        take(fields, lines);
        return null;
      },
    });
  } catch (error) {
    // The library's sentence quotes the field.
    if (!(error instanceof CsvError)) throw error;
    throw new ImportFileError(`${path}, line ${error.lines}: a quote is in the wrong place, or is not closed.`);
  }
}

/** Excel writes semicolons where the decimal sign is a comma, as in Denmark; no name of a column has one in it. */
function findDelimiter(content: Buffer): string {
  const start = content.toString('utf8', 0, longestRow).trimStart();
  return start.slice(0, start.indexOf('\n') + 1 || undefined).includes(';') ? ';' : ',';
}

/** Throws ImportFileError; a column that is not known is told by its number, for a file without a header has tokens there. */
function readHeader(path: string, fields: string[]): Column[] {
  const names = fields.map((field) => field.trim());
  const problems = Object.keys(columnNames).flatMap((name) => {
    const count = names.filter((one) => one === name).length;
    return count === 1 ? [] : [count === 0 ? `${name} is missing` : `${name} is there ${count} times`];
  });
  const columns = names.map((name) => (Object.hasOwn(columnNames, name) ? columnNames[name] : undefined));
  for (const [index, column] of columns.entries()) {
    if (column === undefined) problems.push(`the name of column ${index + 1} is not known`);
  }
  if (problems.length === 0) return columns.filter((column) => column !== undefined);
  throw new ImportFileError(`The first row of ${path} has to name the columns ${columnsText}: ${problems.join(', ')}.`);
}

function toRow(columns: Column[], fields: string[], line: number): ImportRow {
  const row: ImportRow = { line, userId: '', refreshToken: '', scope: '', organizationId: '' };
  for (const [index, column] of columns.entries()) row[column] = fields[index] ?? '';
  return row;
}
