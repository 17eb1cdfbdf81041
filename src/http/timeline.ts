// What has happened to a connection, in people's words.

import type { TFunction } from 'i18next';
import type { ConnectionEvent, ReconnectReason } from '../core/types.ts';

export type TimelineLine = { at: Date; text: string };

export function describeEvent(event: ConnectionEvent, t: TFunction): TimelineLine {
  return { at: event.at, text: sentenceOf(event, t) };
}

function sentenceOf(event: ConnectionEvent, t: TFunction): string {
  switch (event.type) {
    case 'needs_reconnect':
      return t('events.needs_reconnect', { reason: describeReason(event.reason, t) });
    case 'expiring':
      return t('events.expiring', { count: event.daysLeft });
    default:
      return t(`events.${event.type}`);
  }
}

/** Part of a sentence. A reason that a later version wrote has no words here. */
export function describeReason(reason: ReconnectReason | null, t: TFunction): string {
  return t([`reasons.${reason}`, 'reasons.unknown']);
}
