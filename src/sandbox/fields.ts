// Dinero's `fields` parameter: a comma list; keys come back in the case they were asked in.

type Choice<T> = { unknown: string } | { pick(record: T): Record<string, unknown> };

/** Names the first field that Dinero does not have, or answers how a record looks with the fields asked for. */
export function chooseFields<T extends object>(
  known: (keyof T & string)[],
  asked: unknown,
  usual: string[],
): Choice<T> {
  const names = typeof asked === 'string' ? asked.split(',').map((field) => field.trim()) : [];
  const given = names.some(Boolean) ? names.filter(Boolean) : usual;
  const fields = given.map((name) => ({ name, field: known.find((one) => one.toLowerCase() === name.toLowerCase()) }));
  const unknown = fields.find(({ field }) => field === undefined);
  if (unknown) return { unknown: unknown.name };
  return {
    pick: (record) => Object.fromEntries(fields.map(({ name, field }) => [name, record[field as keyof T]])),
  };
}
