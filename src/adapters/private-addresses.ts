// Which addresses are ours, our neighbours' or nobody's: a server that is told where to send must not be led to them.

import { BlockList, isIP } from 'node:net';

export type AddressKind = 'public' | 'loopback' | 'private';

// IANA's registries of special-purpose addresses, and the one that a cloud keeps its metadata on among public ones.
const privateNetworks: [address: string, prefix: number][] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['168.63.129.16', 32],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
];
const privateNetworks6: [address: string, prefix: number][] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
];
/** IPv6 addresses that stand for an IPv4 address: mapped (RFC 4291), translated (RFC 6052). */
const wrappings = ['::ffff:', '64:ff9b::'];
const wrappingPrefix = 96;

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');
const refused = new BlockList();
/** Of IPv6, what is not named here is refused. */
const global6 = new BlockList();
global6.addSubnet('2000::', 3, 'ipv6');
for (const [address, prefix] of privateNetworks6) refused.addSubnet(address, prefix, 'ipv6');
for (const [address, prefix] of privateNetworks) refused.addSubnet(address, prefix, 'ipv4');
for (const wrapping of wrappings) {
  global6.addSubnet(`${wrapping}0.0.0.0`, wrappingPrefix, 'ipv6');
  for (const [address, prefix] of privateNetworks) {
    refused.addSubnet(`${wrapping}${address}`, wrappingPrefix + prefix, 'ipv6');
  }
}

/** `address` as a resolver or a URL writes it, without brackets. What is no address counts as private. */
export function kindOfAddress(address: string): AddressKind {
  const version = isIP(address);
  if (version === 0) return 'private';
  const family = version === 4 ? 'ipv4' : 'ipv6';
  if (loopback.check(address, family)) return 'loopback';
  const isPublic = !refused.check(address, family) && (version === 4 || global6.check(address, family));
  return isPublic ? 'public' : 'private';
}
