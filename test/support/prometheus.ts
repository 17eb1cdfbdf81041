// What Prometheus reads and is asked: its text format, and which metrics and labels an expression names.

import { parser } from '@prometheus-io/lezer-promql';

export type Sample = { name: string; labels: Record<string, string>; value: number };
/** `metric` of a sample of a histogram is the histogram's name. */
export type Scrape = { types: Map<string, string>; samples: Sample[] };

/** Throws on a line that is not of the format. */
export function parseMetrics(text: string): Scrape {
  const types = new Map<string, string>();
  const samples: Sample[] = [];
  for (const line of text.split('\n')) {
    const type = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line);
    if (type) types.set(type[1] ?? '', type[2] ?? '');
    if (line === '' || line.startsWith('#')) continue;
    const [, name = '', labels = '', value = ''] = /^([a-z_0-9]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (name === '') throw new Error(`no line of Prometheus's format: ${line}`);
    const pairs = [...labels.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, text]) => [key, text]);
    samples.push({
      name,
      labels: Object.fromEntries(pairs),
      value: Number(value.replace(/^([+-]?)Inf$/, '$1Infinity')),
    });
  }
  return { types, samples };
}

/** The metric that a sample belongs to: a histogram has three kinds of them. */
export function metricOf({ types }: Pick<Scrape, 'types'>, name: string): string {
  const base = name.replace(/_(bucket|sum|count)$/, '');
  return types.get(base) === 'histogram' ? base : name;
}

/** The sum of all samples with these labels; null when there is none. */
export function sumOf({ samples }: Scrape, name: string, labels: Record<string, string> = {}): number | null {
  const found = samples.filter(
    (sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
  );
  return found.length === 0 ? null : found.reduce((sum, { value }) => sum + value, 0);
}

export type Selector = { metric: string; matchers: { label: string; operator: string; value: string }[] };
export type Expression = { selectors: Selector[]; labels: string[]; error: string | null };

/** `labels`: what it groups and matches by. `error`: what the grammar does not take; null when it takes all. */
export function readExpression(text: string): Expression {
  const read: Expression = { selectors: [], labels: [], error: null };
  parser.parse(text).iterate({
    enter({ name, type, from, to, node }) {
      const words = text.slice(from, to);
      if (type.isError) read.error = text.slice(from);
      const { parent } = node;
      if (name === 'Identifier') read.selectors.push({ metric: words, matchers: [] });
      if (name === 'LabelName' && parent?.name === 'GroupingLabels') read.labels.push(words);
      if (name === 'UnquotedLabelMatcher') {
        const [, label = '', operator = '', value = ''] = /^(\w+)\s*(=~|!~|!=|=)\s*"(.*)"$/s.exec(words) ?? [];
        read.selectors.at(-1)?.matchers.push({ label, operator, value });
      }
    },
  });
  return read;
}
